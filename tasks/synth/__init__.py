"""Generated exports with planted truth, for tests, demos and measurements."""
