"""What a report needs of an accounts file, read without c7n."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reporter import yamlfile
from reporter.errors import InputError
from reporter.names import split

ALL_REGIONS = "all"
# c7n-org's choice for an account that names no region (c7n_org.cli.resolve_regions).
DEFAULT_REGIONS = ("us-east-1", "us-west-2")


@dataclass(frozen=True)
class PlannedAccount:
    """An account of the run; `regions` is empty until they are found where the accounts file says `all`."""

    name: str
    account_id: str
    regions: tuple[str, ...]
    role: str = ""  # the last role assumed, or ""
    profile: str = ""


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


_KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "account_id": ("an account id: twelve digits in quotes", lambda value: len(str(value)) == 12),
    "regions": ("a list of texts", _texts),
    "tags": ("a list of texts", _texts),
    "vars": ("a map of names to values", lambda value: isinstance(value, dict)),
    "role": ("a text, or a list of them", lambda value: isinstance(value, str) or _texts(value)),
}


def read(path: Path) -> list[PlannedAccount]:
    """The accounts a file names; `regions` is empty where it says `all`.

    Raises InputError where it is not an accounts file of c7n-org.
    """
    content = yamlfile.load(path)
    accounts = content.get("accounts") if isinstance(content, dict) else None
    if not isinstance(accounts, list):
        raise InputError(f"{path}: not an accounts file of c7n-org: it needs a list called accounts")
    found = [_account(path, number, entry) for number, entry in enumerate(accounts, 1)]
    for name, times in Counter(account.name for account in found).items():
        if times > 1:
            raise InputError(f"{path}: two accounts are called {name}; names must differ")
    return found


def _account(path: Path, number: int, entry: Any) -> PlannedAccount:
    if not isinstance(entry, dict) or not entry.get("name") or not entry.get("account_id"):
        raise InputError(f"{path}: account number {number}: needs name and account_id")
    for key, (what, fits) in _KINDS.items():
        if entry.get(key) and not fits(entry[key]):
            raise InputError(f"{path}: account {entry['name']}, key {key}: {entry[key]!r} is not {what}")
    regions = split(entry.get("regions") or ()) or DEFAULT_REGIONS
    role = entry.get("role") or ""
    return PlannedAccount(
        name=str(entry["name"]),
        account_id=str(entry["account_id"]),
        regions=() if ALL_REGIONS in regions else regions,
        role=role[-1] if isinstance(role, list) else role,
        profile="" if role else str(entry.get("profile", "")),
    )
