"""Tokens of ServiceAccounts: made, and read again. Pure: keys and clocks are passed in."""
