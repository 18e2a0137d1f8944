"""Each account's own credentials and regions, asked for once an account."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from c7n_org import cli as c7n_org

from reporter.accounts_file import ALL_REGIONS
from reporter.collect.accounts import Account

# Where a partition answers DescribeRegions whatever regions the account has enabled.
_HOME_REGIONS = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}


class WrongAccountError(Exception):
    """The credentials belong to another account than the accounts file says."""


@dataclass(frozen=True)
class Credentials:
    """What signs an account's calls. Its text shows nothing of it."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str | None = field(repr=False)


@dataclass(frozen=True)
class Access:
    """A way into one account: `credentials()` gives fresh ones, `regions` are those to look at."""

    account: Account
    regions: tuple[str, ...]
    credentials: Callable[[], Credentials]


def open_account(account: Account) -> Access:
    """Assume the account's role or take up its profile, and find its regions where it says `all`.

    Raises botocore's ClientError and BotoCoreError as AWS and the AWS configuration give cause,
    WrongAccountError where the credentials turn out to be another account's.
    """
    home = _HOME_REGIONS.get(account.partition, "us-east-1")
    session = c7n_org.get_session(dict(account.config), "c7n-org", home)
    _check_account(account, session, home)

    def credentials() -> Credentials:
        frozen = session.get_credentials().get_frozen_credentials()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    regions = account.regions
    if ALL_REGIONS in regions:
        # Without AllRegions, EC2 lists those that are enabled for the account.
        answer = session.client("ec2", region_name=home).describe_regions()
        regions = tuple(sorted(region["RegionName"] for region in answer["Regions"]))
    return Access(account, regions, credentials)


def _check_account(account: Account, session: Any, home: str) -> None:
    """A role's ARN names its account; whose a profile is, only STS can say (it needs no permission)."""
    if account.roles:
        actual = account.roles[-1].split(":")[4]
    else:
        if session.get_credentials() is None:
            raise WrongAccountError(f"profile {account.profile} has no credentials")
        actual = session.client("sts", region_name=home).get_caller_identity()["Account"]
    if actual != account.account_id:
        way = f"role {account.roles[-1]}" if account.roles else f"profile {account.profile}"
        raise WrongAccountError(
            f"{way} belongs to account {actual}, the accounts file says {account.account_id}"
        )


def error_code(error: BaseException) -> str:
    """AWS's code for an error, or the name of the exception where it did not come from AWS."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "ClientError"))
    return type(error).__name__
