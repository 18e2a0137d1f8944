"""Joins groups, interfaces and instances, and classifies each group's risk."""
