import os
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import boto3
import pytest

from reporter.sandbox import Sandbox

from .lab import Lab, role
from .wire import Wire, wire


@pytest.fixture(scope="module")
def wired(sandbox: Sandbox) -> Iterator[Wire]:
    with wire(sandbox.endpoint) as between:
        yield between


@pytest.fixture(scope="module")
def lab(wired: Wire, tmp_path_factory: pytest.TempPathFactory, sg_audit: Callable[..., Any]) -> Lab:
    """A lab for all tests of a module."""
    return Lab(tmp_path_factory.mktemp("lab"), tmp_path_factory.mktemp("home"), wired, sg_audit)


@pytest.fixture(scope="session")
def ec2(clean_env: dict[str, str]) -> Callable[[str, str], Any]:
    """Makes a client of EC2 in an account and region: ec2("777777777777", "us-east-1")."""

    def client(account_id: str, region: str) -> Any:
        with patch.dict(os.environ, clean_env, clear=True):
            session = boto3.Session(region_name=region)
            assumed = session.client("sts").assume_role(RoleArn=role(account_id), RoleSessionName="tests")
            return session.client(
                "ec2",
                aws_access_key_id=assumed["Credentials"]["AccessKeyId"],
                aws_secret_access_key=assumed["Credentials"]["SecretAccessKey"],
                aws_session_token=assumed["Credentials"]["SessionToken"],
            )

    return client
