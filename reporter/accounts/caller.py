"""Whoever runs an audit: the credentials that it starts with, before it takes up any role."""

from collections.abc import Sequence

import boto3
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
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


def identify(accounts: Sequence[Account]) -> str:
    """The ARN of the credentials that the accounts' roles are assumed with; empty where no account goes by a role, and
    where STS does not tell, which needs no permission and never fails the run.

    Raises InputError where there are no such credentials, or they are over, and no account has a profile that is there:
    not one could be opened.
    """
    if not any(account.roles for account in accounts):
        return ""  # each is taken up by a profile of its own, and asked then
    try:
        return _arn()
    except NoCredentialsError:
        reason = NONE
    except (*_UNUSABLE, ClientError) as error:
        code = error_code(error)
        if isinstance(error, ClientError) and code not in _ENDED:
            return ""
        reason = f"the AWS credentials cannot be used: log in first ({code}: {redact(error)})"
    except Exception:
        return ""  # what it is, and whom it concerns, comes to light as the accounts are opened
    profiles = boto3.Session().available_profiles
    if all(account.roles or account.profile not in profiles for account in accounts):
        raise InputError(reason)
    return ""


def _arn() -> str:
    """Raises what botocore does, and NoCredentialsError where there are no credentials."""
    session = boto3.Session()
    if session.get_credentials() is None:
        raise NoCredentialsError
    if session._session.get_scoped_config().get("mfa_serial"):
        return ""  # it would ask a person for a code
    with patience.way_in(ANSWER_SECONDS):
        return arn_of(session.client("sts").get_caller_identity())
