from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import pytest

from reporter.sandbox import Sandbox, environment, estate, running

Client = Callable[..., Any]

# Settings of the user's that would break anything that heeded them.
HOSTILE = {
    "AWS_PROFILE": "no-such-profile",
    "AWS_CA_BUNDLE": "/no/such/file",
    "HTTP_PROXY": "http://127.0.0.1:9",
}


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A server that holds the estate, for tests that only look, or fill accounts the estate does not have."""
    with ExitStack() as stack:
        with mock.patch.dict("os.environ", HOSTILE):
            server = stack.enter_context(running())
            estate.fill(server.endpoint)
        yield server


@pytest.fixture(scope="session")
def client(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """Makes boto3 clients of an account and region: client("ec2", "111111111111", "eu-west-1")."""
    home: Path = tmp_path_factory.mktemp("home")

    @cache
    def make(service: str, account_id: str, region: str = "us-east-1") -> Any:
        with mock.patch.dict("os.environ", environment(sandbox.endpoint, home), clear=True):
            return session().client(service, region_name=region, **credentials(account_id))

    @cache
    def session() -> boto3.Session:
        return boto3.Session()

    @cache
    def credentials(account_id: str) -> dict[str, str]:
        role = f"arn:aws:iam::{account_id}:role/sg-audit"
        assumed = session().client("sts").assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
        return {
            "aws_access_key_id": assumed["AccessKeyId"],
            "aws_secret_access_key": assumed["SecretAccessKey"],
            "aws_session_token": assumed["SessionToken"],
        }

    return make
