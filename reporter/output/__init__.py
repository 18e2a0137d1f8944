"""What a run leaves, ours or stock, on disk or in S3."""
