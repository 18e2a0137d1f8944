"""Each account's own credentials and regions, asked for once an account."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError
from c7n_org import cli as c7n_org

from reporter.accounts import profiles, prompts
from reporter.accounts.chosen import Account
from reporter.accounts.expected import ALL_REGIONS
from reporter.aws import patience
from reporter.aws import regions as aws_regions
from reporter.aws.errors import UnusableAnswerError, WrongAccountError

# As long before their end as botocore begins to look for new ones.
_ENOUGH = timedelta(minutes=15)

# The longest that there is: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
_MAX_ARN = 2048


@dataclass(frozen=True)
class Credentials:
    """What signs an account's calls. Its text shows nothing of it."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str | None = field(repr=False)


@dataclass(frozen=True)
class Access:
    """A way into one account: `credentials()` gives fresh ones, `regions` are those to look at, `home` is one that
    answers for the account as a whole; `caller` is the ARN of the account's profile, empty where it goes by a role.
    """

    account: Account
    regions: tuple[str, ...]
    home: str
    credentials: Callable[[], Credentials]
    caller: str = ""


def open_account(account: Account, seconds: float = math.inf) -> Access:
    """Assume the account's role or take up its profile, and find its regions where it says `all`.

    It may take so many seconds, those that a person takes apart.
    Raises botocore's ClientError and BotoCoreError as AWS and the AWS configuration give cause,
    WrongAccountError where the credentials turn out to be another account's, UnusableAnswerError where an answer
    is not AWS's, PromptError where nobody is there to ask.
    """
    with prompts.for_account(account.name), patience.way_in(seconds):
        home = aws_regions.home(_partition(account))
        session = _session(account, home)
        caller = _check_account(account, session, home)
        regions = account.regions
        if ALL_REGIONS in regions:
            # Without AllRegions, EC2 lists those that are enabled for the account.
            answer = session.client("ec2", region_name=home).describe_regions()
            regions = _named(answer.get("Regions", ()))
        return Access(account, regions, home, _Kept(account, home, session, seconds), caller)


def _named(found: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    names = tuple(sorted(region.get("RegionName", "") for region in found))
    if not names:
        raise UnusableAnswerError(operation="DescribeRegions", what="without a single region")
    if not all(map(aws_regions.is_name, names)):
        raise UnusableAnswerError(operation="DescribeRegions", what="with a region that has no region's name")
    return names


def _partition(account: Account) -> str:
    """The partition that the account is in: as the role's ARN says, or what tells of the profile."""
    if account.roles:
        return account.roles[-1].split(":")[1]
    return profiles.partition(account.profile, [each for each in account.regions if each != ALL_REGIONS])


class _Kept:
    """An account's credentials for as long as they last, and new ones then.

    The session they came from is not kept: it takes half a megabyte, and there may be thousands of accounts.
    """

    def __init__(self, account: Account, home: str, session: Any, seconds: float) -> None:
        self._account, self._home, self._seconds = account, home, seconds
        self._take(session)

    def __call__(self) -> Credentials:
        if self._ends is not None and datetime.now(UTC) > self._ends - _ENOUGH:
            with prompts.for_account(self._account.name), patience.way_in(self._seconds):
                self._take(_session(self._account, self._home))
        return self._credentials

    def _take(self, session: Any) -> None:
        found = session.get_credentials()
        frozen = found.get_frozen_credentials()
        self._credentials = Credentials(frozen.access_key, frozen.secret_key, frozen.token)
        # Where they end and a future botocore does not tell when, new ones are taken each time.
        passing = hasattr(found, "refresh_needed")
        self._ends = getattr(found, "_expiry_time", datetime.now(UTC)) if passing else None


def _session(account: Account, home: str) -> Any:
    return c7n_org.get_session(dict(account.config), "c7n-org", home)


def _check_account(account: Account, session: Any, home: str) -> str:
    """A role's ARN names its account; whose a profile is, only STS can say (it needs no permission). Returns the ARN
    that it says, empty for a role."""
    caller = ""
    if account.roles:
        actual = account.roles[-1].split(":")[4]
    else:
        if session.get_credentials() is None:
            raise WrongAccountError(f"profile {account.profile} has no credentials")
        identity = session.client("sts", region_name=home).get_caller_identity()
        actual, caller = identity.get("Account"), arn_of(identity)
        if not actual:
            raise UnusableAnswerError(operation="GetCallerIdentity", what="without an account")
    if actual != account.account_id:
        way = f"role {account.roles[-1]}" if account.roles else f"profile {account.profile}"
        raise WrongAccountError(
            f"{way} belongs to account {actual}, the accounts file says {account.account_id}"
        )
    return caller


def arn_of(identity: Mapping[str, Any]) -> str:
    """Whose the credentials are, by an answer to GetCallerIdentity; empty where that holds no ARN."""
    arn = str(identity.get("Arn", ""))
    return arn if arn.startswith("arn:") and arn.isprintable() and len(arn) <= _MAX_ARN else ""


def error_code(error: BaseException) -> str:
    """AWS's code for an error, or the name of the exception where it did not come from AWS."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "ClientError"))
    return type(error).__name__
