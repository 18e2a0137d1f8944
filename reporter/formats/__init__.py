"""Ways to write the report: one module a format."""
