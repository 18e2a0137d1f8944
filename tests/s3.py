"""The sandbox's S3."""

from typing import Any

import boto3


def client_with_bucket(endpoint: str, name: str) -> Any:
    """A client of the sandbox's S3, which has a bucket of that name now."""
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=name)
    return client
