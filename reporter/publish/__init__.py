"""Sends findings to where they are worked on: the only part that writes to AWS."""
