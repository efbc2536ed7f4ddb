"""Withdrawal of participants from everything that holds them."""
