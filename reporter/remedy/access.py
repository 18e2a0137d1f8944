"""How the scripts of a plan get into an account."""

import re
from collections.abc import Sequence
from pathlib import Path

from reporter.aws import regions
from reporter.errors import InputError
from reporter.remedy.planning import AccessOf
from reporter.remedy.steps import Access

_ROLE_NAME = re.compile(r"(?:[\w+=,.@-]+/)*[\w+=,.@-]{1,64}", re.ASCII)
_ROLE_ARN = re.compile(r"arn:[\w-]+:iam::(\d{12}|\{Id\}):role/[\w+=,.@/-]+", re.ASCII)
_PROFILE = re.compile(r"[^\s\x00-\x1f'\"\\][^\x00-\x1f'\"\\]*")


def access(accounts_file: Path | None, role: str, profile: str) -> AccessOf:
    """By a role, an ARN with `{Id}` for the account's id or a name, and by a profile, as far as they are given; else as
    an accounts file has it, where there is one; else by the credentials at hand. Roles that lead to an account's own
    one in the accounts file lead to the given one, too.

    Raises InputError where one of them is none.
    """
    arn = _ROLE_ARN.fullmatch(role)
    if role and not arn and not _ROLE_NAME.fullmatch(role):
        raise InputError(
            f"--role {role!r}: give the name of a role, or an ARN with {{Id}} for the account's id"
        )
    if profile and not _PROFILE.fullmatch(profile):
        raise InputError(f"--profile {profile!r}: not the name of a profile")
    known = _of_file(accounts_file) if accounts_file else {}

    def of(account: str, account_id: str, region: str) -> Access:
        found = known.get(account_id, Access())
        if not (role or profile):
            return found
        if not role:
            return Access(profile=profile)
        if arn and arn[1] not in ("{Id}", account_id):
            raise InputError(
                f"--role {role}: is of account {arn[1]}, the plan is for {account_id} ({account}) as well"
            )
        last = role.replace("{Id}", account_id)
        if not arn:
            last = f"arn:{regions.partition_of(region)}:iam::{account_id}:role/{role}"
        return Access(profile or found.profile, (*found.roles[:-1], last), found.external_id)

    return of


def _of_file(path: Path) -> dict[str, Access]:
    """The ways into the accounts of a file, by their ids."""
    from reporter.accounts import chosen  # c7n-org is behind it, and takes a second

    return {each.account_id: _of_account(each.profile, each.roles, each.config) for each in chosen.read(path)}


def _of_account(profile: str, roles: Sequence[str], config: object) -> Access:
    external_id = config.get("external_id", "") if isinstance(config, dict) else ""
    return Access(profile, tuple(roles), str(external_id or ""))
