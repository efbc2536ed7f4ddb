"""Release tables, reader views and the compatible JSONL, built from scrubbed tables."""
