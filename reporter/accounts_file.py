"""What a report needs of an accounts file, read without c7n."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reporter import yamlfile
from reporter.errors import InputError
from reporter.manifest import PlannedAccount

ALL_REGIONS = "all"
# c7n-org's choice for an account that names no region (c7n_org.cli.resolve_regions).
DEFAULT_REGIONS = ("us-east-1", "us-west-2")


def read(path: Path) -> list[PlannedAccount]:
    """The accounts a file names; `regions` is empty where it says `all`.

    Raises InputError where it is not an accounts file of c7n-org.
    """
    content = yamlfile.load(path)
    accounts = content.get("accounts") if isinstance(content, dict) else None
    if not isinstance(accounts, list):
        raise InputError(f"{path}: not an accounts file of c7n-org: it needs a list called accounts")
    return [_account(path, number, entry) for number, entry in enumerate(accounts, 1)]


def split(values: Sequence[str]) -> tuple[str, ...]:
    """Values that may be lists themselves, as c7n-org takes them: `us-east-1,us-west-2`."""
    return tuple(dict.fromkeys(part.strip() for value in values for part in value.split(",") if part.strip()))


def _account(path: Path, number: int, entry: Any) -> PlannedAccount:
    if not isinstance(entry, dict) or not entry.get("name") or not entry.get("account_id"):
        raise InputError(f"{path}: account number {number}: needs name and account_id")
    regions = split(entry.get("regions") or ()) or DEFAULT_REGIONS
    role = entry.get("role") or ""
    return PlannedAccount(
        name=str(entry["name"]),
        account_id=str(entry["account_id"]),
        regions=() if ALL_REGIONS in regions else regions,
        role=role[-1] if isinstance(role, list) else role,
        profile="" if role else str(entry.get("profile", "")),
    )
