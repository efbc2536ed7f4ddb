"""Raw exports in, staged tables and quarantine out."""
