"""What the policies caught: which group, by which rules, proven or only possible, and the risk that comes of it."""
