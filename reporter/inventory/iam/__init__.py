"""Who stands behind a group: the roles of the instances that carry it, and what those may do."""
