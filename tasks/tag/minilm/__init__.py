"""The word-piece vocabulary of all-MiniLM-L6-v2 (see NOTICE.md); the weights come from a package."""
