"""What our stages are measured against: the obvious way to get the same result."""
