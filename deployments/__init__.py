"""How the flows run in production."""
