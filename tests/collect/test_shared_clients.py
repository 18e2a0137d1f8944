"""What sessions share stays whole, whichever thread asks for it meanwhile."""

from typing import Any

import boto3
import botocore.session
import pytest
from botocore.credentials import Credentials

from reporter.collect import shared_clients


def arn(number: int) -> str:
    return f"arn:aws:iam::{number:012}:role/audit"


def assume(role_arn: str, *_: object) -> boto3.Session:
    """As c7n does it; the key tells the role."""
    session = botocore.session.Session()
    session._credentials = Credentials(role_arn, "secret")
    return boto3.Session(botocore_session=session)


def key(session: boto3.Session) -> str:
    return str(session.get_credentials().access_key)


def test_an_account_is_opened_again_while_others_take_all_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accounts are opened in threads, and what is kept of them has so much room."""
    assumed_session = shared_clients.sharing_assumed_role(assume)
    assert key(assumed_session(arn(0), "audit")) == arn(0)
    get_session = botocore.session.get_session

    def others_first() -> Any:
        monkeypatch.setattr(botocore.session, "get_session", get_session)
        for number in range(1, 2 * shared_clients._ACCOUNTS_KEPT):
            assert key(assumed_session(arn(number), "audit")) == arn(number)
        return get_session()

    monkeypatch.setattr(botocore.session, "get_session", others_first)
    assert key(assumed_session(arn(0), "audit")) == arn(0)


def test_proxies_are_told_while_they_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    class ForgetsAtOnce(dict[str, Any]):
        def __setitem__(self, url: str, proxies: Any) -> None:
            super().__setitem__(url, proxies)
            shared_clients.forget()

    monkeypatch.setattr(shared_clients, "_proxies", ForgetsAtOnce())
    of_environment = {"https": "http://proxy.test:3128"}
    get_environ_proxies = shared_clients.remembering_proxies(lambda url: of_environment)
    assert get_environ_proxies("https://aws.test") == of_environment
