"""A run in DuckDB: its tables, views for the usual questions, and answers to anybody's."""
