"""Research suites on a published release."""
