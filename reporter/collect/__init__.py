"""Runs policies through c7n-org, account by account and region by region, and writes the run directory."""
