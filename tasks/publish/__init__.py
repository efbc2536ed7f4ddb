"""Atomic, verifiable, versioned releases on a store."""
