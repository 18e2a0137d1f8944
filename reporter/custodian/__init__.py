"""Reads what Custodian wrote, wherever it lies."""
