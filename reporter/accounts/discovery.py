"""Finds accounts to audit: in the AWS configuration's profiles, or in an organization."""

import io
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import botocore.session
import yaml
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from c7n_org import orgaccounts

from reporter.accounts import profiles
from reporter.accounts.chosen import Account
from reporter.accounts.credentials import error_code
from reporter.accounts.prompts import PromptError
from reporter.aws import calls
from reporter.errors import InputError
from reporter.names import clean
from reporter.redaction import redact

# c7n-org's schema takes no shorter name of a profile.
_PROFILE_LETTERS = 3
_THREADS = 16
_STS = Config(connect_timeout=10, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
# What c7n-org takes for the members' role: a name, or an ARN in which it puts the account's id.
_MEMBER_ROLE = re.compile(r"arn:[a-z-]+:iam::\{Id\}:role/[\w+=,.@/-]+|[\w+=.@/-]+", re.ASCII)


@dataclass
class Found:
    """Accounts found, as entries of an accounts file; each name is free and good for a folder.

    `also` names, by account id, the further profiles of an account that has its entry. `left_out` are the
    profiles without an entry and why; `unknown` says that one of them could have been an account.
    """

    entries: list[dict[str, Any]] = field(default_factory=list)
    also: dict[str, list[str]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    unknown: bool = False


def from_profiles(regions: Sequence[str], present: Sequence[Account]) -> Found:
    """An entry for each account that the profiles of the AWS configuration lead to, the first one winning.

    A profile's account is that of its role_arn or its sso_account_id, else STS says it. `present` are the
    accounts that have their entry; their profiles are not asked about. Raises InputError where the AWS
    configuration cannot be read or holds no profile.
    """
    calls.install()
    try:
        configured = botocore.session.Session().full_config["profiles"]
    except BotoCoreError as error:
        raise InputError(f"the AWS configuration cannot be read: {error}") from None
    if not configured:
        raise InputError("no profiles in the AWS configuration: see AWS_CONFIG_FILE, or ~/.aws/config")
    has_entry = {account.profile for account in present}
    wanted = [profile for profile in configured if profile not in has_entry]
    with ThreadPoolExecutor(_THREADS) as threads:
        answers = list(threads.map(lambda profile: _account_of(profile, configured[profile]), wanted))

    found = Found()
    taken = {account.account_id for account in present}
    free_name = _names(account.name for account in present)
    for profile, (account_id, problem) in zip(wanted, answers, strict=True):
        if not account_id:
            found.left_out[profile] = problem or "it has no credentials"
            found.unknown |= bool(problem)
        elif account_id in taken:
            found.also.setdefault(account_id, []).append(profile)
        else:
            taken.add(account_id)
            name = free_name(profile, account_id)
            found.entries.append(
                {"name": name, "account_id": account_id, "profile": profile, "regions": list(regions)}
            )
    return found


def from_organization(
    regions: Sequence[str],
    role: str,
    units: Sequence[str],
    external_id: str | None,
    present: Sequence[Account],
) -> Found:
    """An entry for each active account of the organization, or of the given units of it, as c7n-org makes it.

    `role` is the members' role: a name, or an ARN with {Id} for the account's id. `present` are accounts that
    have their entry. Raises InputError where the organization cannot be read with the credentials at hand.
    """
    if not _MEMBER_ROLE.fullmatch(role):
        raise InputError(
            f"--role: {role!r} is no role: give a name, or an ARN with {{Id}} for the account's id"
        )
    calls.install()
    # c7n-org sets up logging, and botocore's lines would go to stderr with its own, unless that is done.
    logging.getLogger().addHandler(logging.NullHandler())
    output = io.StringIO()
    try:
        orgaccounts.aws_accounts.callback(
            role=role,
            name=orgaccounts.NAME_TEMPLATE,
            ou=units or ["/"],
            assume=None,
            profile=None,
            output=output,
            regions=regions,
            active=True,
            ignore=(),
        )
    except (BotoCoreError, ClientError) as error:
        raise InputError(redact(f"the organization cannot be read: {error_code(error)}: {error}")) from None
    except (PromptError, ValueError) as error:
        raise InputError(redact(f"the organization cannot be read: {error}")) from None

    found = Found()
    taken = {account.account_id for account in present}
    free_name = _names(account.name for account in present)
    for entry in yaml.safe_load(output.getvalue())["accounts"]:
        account_id = entry["account_id"]
        if account_id in taken:
            continue
        taken.add(account_id)  # units may overlap
        # The name comes first, for people.
        entry = {"name": ""} | entry | {"name": free_name(entry["name"], account_id)}
        found.entries.append(entry | ({"external_id": external_id} if external_id else {}))
    return found


def _account_of(profile: str, settings: Mapping[str, Any]) -> tuple[str, str]:
    """The account's id, or the problem with finding it out; neither where the profile leads to no account."""
    if len(profile) < _PROFILE_LETTERS:
        return "", f"c7n-org takes no profile whose name is shorter than {_PROFILE_LETTERS} letters"
    # A setting may have settings of its own, and then it is no text.
    role = re.match(r"arn:[^:]+:iam::([0-9]{12}):role/", str(settings.get("role_arn", "")))
    if role:
        return role[1], ""
    if re.fullmatch("[0-9]{12}", str(settings.get("sso_account_id", ""))):
        return settings["sso_account_id"], ""
    try:
        session = botocore.session.Session(profile=profile)
        sts = session.create_client("sts", region_name=profiles.home(profile), config=_STS)
        account_id = str(sts.get_caller_identity().get("Account"))
        return (account_id, "") if re.fullmatch("[0-9]{12}", account_id) else ("", "STS named no account")
    except NoCredentialsError:
        return "", ""
    except (BotoCoreError, ClientError, PromptError, ValueError, OSError) as error:
        return "", redact(f"{error_code(error)}: {error}")


def _names(taken: Iterable[str]) -> Callable[[str, str], str]:
    """Makes names that are good for a folder, for Custodian's paths and for `-a`, each once."""
    used = {name.casefold() for name in taken}

    def free_name(wanted: str, account_id: str) -> str:
        name = re.sub(r"[/\\{},]+", "-", clean(wanted)).strip(" .") or account_id
        if name.casefold() in used:
            name = f"{name}-{account_id}"
        used.add(name.casefold())
        return name

    return free_name
