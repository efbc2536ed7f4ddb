"""Labels from versioned taxonomies: local head, LLM, memo, quality."""
