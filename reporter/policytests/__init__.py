"""Policies that carry their own tests: cases beside them, and breakages that the cases must notice."""
