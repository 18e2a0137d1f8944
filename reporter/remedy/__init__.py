"""What would close a finding, and what would undo that. Nothing is carried out here."""
