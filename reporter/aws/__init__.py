"""How AWS is talked to: whose answers are taken for what they say, for how long one is waited for, and where."""
