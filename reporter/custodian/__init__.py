"""What asks Custodian's engine, and what Custodian declares: policies, permissions, resource types, filters."""
