"""Source ids to stable public ids; attributes to k-anonymous ones."""
