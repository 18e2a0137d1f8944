import os
from pathlib import Path

import pytest

from reporter.sandbox import environment


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """What a child process gets when this one is full of the user's own settings."""
    for name in (
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_ENDPOINT_URL_EC2",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CA_BUNDLE",
        "BOTO_CONFIG",
        "C7N_ORG_PARALLEL",
        "MOTO_ACCOUNT_ID",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "HOME",
    ):
        monkeypatch.setenv(name, "the-users-own")
    return environment("http://127.0.0.1:4321", tmp_path)


def test_nothing_of_the_users_aws_is_left(mine: dict[str, str]) -> None:
    assert "the-users-own" not in mine.values()


def test_it_leads_to_the_sandbox_alone(mine: dict[str, str], tmp_path: Path) -> None:
    aws = {name: value for name, value in mine.items() if name.startswith("AWS_")}
    assert aws == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4321",
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": f"{tmp_path}/.aws/config",
        "AWS_SHARED_CREDENTIALS_FILE": f"{tmp_path}/.aws/credentials",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    assert mine["HOME"] == str(tmp_path)
    assert {name: value for name, value in mine.items() if "proxy" in name.lower()} == {
        "NO_PROXY": "127.0.0.1,localhost"
    }


def test_the_rest_is_kept(mine: dict[str, str]) -> None:
    assert mine["PATH"] == os.environ["PATH"]
