"""The report page, the dataset card and the machine-readable metadata."""
