"""The accounts file: choosing, writing, credentials, and its tags and vars as labels."""
