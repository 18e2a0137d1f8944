"""The report: which tables, and the formats that they are written in."""
