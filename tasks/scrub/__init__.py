"""Personal data: detect spans, decide, redact."""
