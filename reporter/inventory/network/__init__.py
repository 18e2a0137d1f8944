"""The network around the groups: what they open to the world, and who of it gets through."""
