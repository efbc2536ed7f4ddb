"""What the data is: columns, tables, taxonomies, settings, manifest and errors. No I/O, no engine."""
