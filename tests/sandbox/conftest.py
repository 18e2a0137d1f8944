from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import botocore.awsrequest
import botocore.endpoint
import botocore.handlers
import botocore.httpsession
import botocore.paginate
import pytest

from reporter.sandbox import Sandbox, environment

Client = Callable[..., Any]

# What a run replaces of botocore (reporter/aws/calls.py), as it is before any test has run one in this process.
_OF_BOTOCORE = [
    (owner, name, getattr(owner, name))
    for owner, name in (
        (botocore.endpoint.Endpoint, "_do_get_response"),
        (botocore.httpsession.URLLib3Session, "send"),
        (botocore.awsrequest.AWSHTTPConnection, "response_class"),
        (botocore.awsrequest.AWSHTTPSConnection, "response_class"),
        (botocore.paginate.PageIterator, "_get_next_token"),
        (botocore.paginate.PageIterator, "__iter__"),
        (boto3.session.Session, "client"),
    )
]
_HANDLERS = list(botocore.handlers.BUILTIN_HANDLERS)


@pytest.fixture(scope="package", autouse=True)
def plain_botocore() -> Iterator[None]:
    """What these tests say of botocore they say of it as it is, whatever other tests of this process put in place."""
    with ExitStack() as stack:
        for owner, name, original in _OF_BOTOCORE:
            stack.enter_context(mock.patch.object(owner, name, original))
        stack.enter_context(mock.patch.object(botocore.handlers, "BUILTIN_HANDLERS", _HANDLERS))
        yield


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
