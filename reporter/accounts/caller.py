"""Whoever runs an audit: the credentials that it starts with, before it takes up any role."""

from collections.abc import Sequence

import boto3
from botocore.exceptions import (
    CredentialRetrievalError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)

from reporter.accounts.chosen import Account
from reporter.accounts.credentials import arn_of, error_code
from reporter.aws import patience
from reporter.errors import InputError
from reporter.redaction import redact

#: How long STS has to say whose the credentials are: a run does without.
ANSWER_SECONDS = 10.0

NONE = "no AWS credentials: log in first"

# What says that the credentials are of no use, whatever is asked with them.
_ENDED = frozenset({"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId"})
_UNUSABLE = (CredentialRetrievalError, PartialCredentialsError, SSOError, TokenRetrievalError)


def check(accounts: Sequence[Account]) -> None:
    """Find out, without asking anybody, whether there are credentials to assume the accounts' roles with.

    Raises InputError where there are none and no account has a profile that is there: not one could be opened.
    """
    if not _by_role_alone(accounts):
        return
    try:
        there = boto3.Session().get_credentials() is not None
    except _UNUSABLE as error:
        raise InputError(_unusable(error)) from None
    except Exception:
        return  # what it is, and whom it concerns, comes to light as the accounts are opened
    if not there:
        raise InputError(NONE)


def identify(accounts: Sequence[Account]) -> str:
    """The ARN of the credentials that the accounts' roles are assumed with; empty where no account goes by a role, and
    where STS does not tell, which needs no permission and never fails the run.

    Raises InputError where the credentials are over and no account has a profile that is there.
    """
    if not any(account.roles for account in accounts):
        return ""  # each is taken up by a profile of its own, and asked then
    try:
        return _arn()
    except Exception as error:
        over = isinstance(error, _UNUSABLE) or error_code(error) in _ENDED
        if over and _by_role_alone(accounts):
            raise InputError(_unusable(error)) from None
        return ""  # what it is, and whom it concerns, comes to light as the accounts are opened


def _by_role_alone(accounts: Sequence[Account]) -> bool:
    """Whether nothing can be read without the credentials that a run starts with."""
    if not any(account.roles for account in accounts):
        return False
    profiles = boto3.Session().available_profiles
    return all(account.roles or account.profile not in profiles for account in accounts)


def _unusable(error: Exception) -> str:
    return f"the AWS credentials cannot be used: log in first ({error_code(error)}: {redact(error)})"


def _arn() -> str:
    session = boto3.Session()
    if session._session.get_scoped_config().get("mfa_serial"):
        return ""  # it would ask a person for a code
    with patience.way_in(ANSWER_SECONDS):
        return arn_of(session.client("sts").get_caller_identity())
