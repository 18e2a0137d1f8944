"""The accounts file, in c7n-org's own format."""

import difflib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
from c7n_org import cli as c7n_org

from reporter import yamlfile
from reporter.accounts.expected import ALL_REGIONS, DEFAULT_REGIONS
from reporter.aws import regions as aws_regions
from reporter.errors import InputError
from reporter.names import MAX_BYTES, clean

# The name becomes a folder of the run directory; Custodian fills in what stands in braces there.
_FOLDER_NAME = re.compile(r"[^/\\{}]+")
_MANIFEST = "run.json"  # beside the accounts' folders
_ROLE = re.compile(r"arn:[\w-]+:iam::\d{12}:role/.+")
# As near to a key of c7n-org's is one that was meant to be that key: `region` to `regions`.
_NEAR = 0.85
_KEYS = frozenset(c7n_org.CONFIG_SCHEMA["definitions"]["account"]["properties"])
_ADDED_KEYS = {"provider", "vars"}  # by c7n-org itself, as it reads the file


@dataclass(frozen=True)
class Account:
    """An AWS account to look at, by role (a chain, first to last) or by profile.

    `regions` may hold `all`. `config` is the entry as c7n-org takes it.
    """

    name: str
    account_id: str
    regions: tuple[str, ...]
    roles: tuple[str, ...]
    profile: str
    config: Mapping[str, Any]

    @property
    def regions_by_default(self) -> bool:
        """Whether nobody chose the regions."""
        return not self.config.get("regions") and self.regions == DEFAULT_REGIONS


def read(
    path: Path,
    names: Sequence[str] = (),
    tags: Sequence[str] = (),
    regions: Sequence[str] = (),
    allowed_regions: Sequence[str] = (),
) -> list[Account]:
    """The accounts of a file, chosen by name or id and by tags as `c7n-org run -a -t` does.

    `regions`, where given, stand in for those of the file; `allowed_regions` are taken though nobody knows them.
    Raises InputError naming account and key.
    """
    for option, values in (("-a", names), ("-t", tags), ("-r", regions)):
        if values and not c7n_org.comma_expand(values):
            raise InputError(f"{option}: it is empty, which would choose everything; fill it or leave it out")
    content = yamlfile.load(path)
    _check_schema(path, content)
    content["accounts"] = list(c7n_org.accounts_iterator(content))
    _check_names(path, content["accounts"])
    _check_keys(path, content["accounts"])
    _check_tags(path, content["accounts"])
    _check_choice(path, content["accounts"], c7n_org.comma_expand(names))
    c7n_org.filter_accounts(content, c7n_org.comma_expand(tags), names)
    if not content["accounts"]:
        raise InputError(f"{path}: no account is left to look at; check -a and -t")
    return [_account(path, entry, regions, allowed_regions) for entry in content["accounts"]]


def unknown_keys(accounts: Sequence[Account]) -> dict[str, list[str]]:
    """Keys of the entries that c7n-org does not know, each with the accounts that have it.

    They may be meant so: a policy's `conditions` can go by any key.
    """
    found: dict[str, list[str]] = {}
    for account in accounts:
        for key in account.config.keys() - _KEYS - _ADDED_KEYS:
            found.setdefault(str(key), []).append(account.name)
    return dict(sorted(found.items()))


def _account(
    path: Path, entry: Mapping[str, Any], regions: Sequence[str], allowed_regions: Sequence[str]
) -> Account:
    wanted = tuple(c7n_org.comma_expand(regions or entry.get("regions", ()))) or DEFAULT_REGIONS
    source = "-r" if regions else f"{path}: account {entry['name']}"
    aws_regions.check([each for each in wanted if each != ALL_REGIONS], allowed_regions, source)
    role = entry.get("role", ())
    roles = (role,) if isinstance(role, str) else tuple(role)
    for each in roles:
        if not _ROLE.fullmatch(each):
            raise InputError(f"{path}: account {entry['name']}, key role: {each!r} is not the ARN of a role")
    if not roles and not entry.get("profile"):
        raise InputError(f"{path}: account {entry['name']}, key role: no role there, and no profile")
    return Account(
        name=entry["name"],
        account_id=entry["account_id"],
        regions=wanted,
        roles=roles,
        profile="" if roles else entry["profile"],
        config=entry,
    )


def _check_schema(path: Path, content: Any) -> None:
    validator = jsonschema.Draft7Validator(c7n_org.CONFIG_SCHEMA)
    error = min(validator.iter_errors(content), key=lambda error: list(map(str, error.path)), default=None)
    if error is None:
        if "accounts" not in content:
            raise InputError(f"{path}: only AWS accounts are audited; list them under `accounts`")
        return
    where, keys = str(path), list(error.absolute_path)
    if keys[:1] == ["accounts"] and len(keys) > 1:
        number, keys = keys[1], keys[2:]
        entry = content["accounts"][number]
        name = entry.get("name") if isinstance(entry, dict) else None
        where += f": account {name or f'number {number + 1}'}"
    if keys:
        where += f", key {'.'.join(map(str, keys))}"
    raise InputError(f"{where}: {_explain(error, keys)}")


def _explain(error: jsonschema.ValidationError, keys: list[Any]) -> str:
    if error.validator == "type" and not error.absolute_path:
        return "not an accounts file of c7n-org: it needs one list called accounts"
    if keys[-1:] == ["role"]:
        return f"{error.instance!r} is not the ARN of a role, nor a list of them"
    if error.validator == "anyOf":
        return "needs account_id, and role or profile"
    if keys[-1:] == ["account_id"]:
        return f"{error.instance!r} is not an account id: twelve digits in quotes"
    if error.validator == "oneOf" and not keys:
        return "not an accounts file of c7n-org: it needs one list called accounts"
    return str(error.message)


def _check_names(path: Path, entries: Sequence[Mapping[str, Any]]) -> None:
    for number, entry in enumerate(entries, 1):
        name = entry.get("name")
        if not name:
            raise InputError(f"{path}: account number {number} ({entry['account_id']}) has no name")
        plain = name == name.strip() and name == clean(name) and _FOLDER_NAME.fullmatch(name)
        if not plain or name.startswith(".") or name.casefold() == _MANIFEST:
            raise InputError(
                f"{path}: account {name!r}: the name becomes a folder of the output directory, so it may not "
                f"be {_MANIFEST}, begin with a dot or hold a slash, braces, a line break, control characters or outer "
                "blanks"
            )
        if len(name.encode()) > MAX_BYTES:
            raise InputError(
                f"{path}: account {name}: the name becomes a folder of the output directory, and that of a "
                f"folder may have {MAX_BYTES} bytes in UTF-8"
            )
    # Some file systems fold case: two such accounts would write over each other.
    folded = Counter(entry["name"].casefold() for entry in entries)
    for entry in entries:
        if folded[entry["name"].casefold()] > 1:
            raise InputError(f"{path}: two accounts are called {entry['name']}; names must differ")


def _check_keys(path: Path, entries: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a key that was meant to be another: c7n-org passes over it, so `region` would choose nothing."""
    for entry in entries:
        for key in map(str, entry.keys() - _KEYS - _ADDED_KEYS):
            near = difflib.get_close_matches(key.casefold(), _KEYS - entry.keys(), n=1, cutoff=_NEAR)
            if near:
                raise InputError(
                    f"{path}: account {entry['name']}: c7n-org knows no key {key!r}; did you mean {near[0]!r}?"
                )


def _check_tags(path: Path, entries: Sequence[Mapping[str, Any]]) -> None:
    """Refuse what can be no variable: c7n-org puts each tag `key:value` into the environment, and fails there."""
    for entry in entries:
        for tag in entry.get("tags") or ():
            key, colon, _ = tag.partition(":")
            if colon and ("=" in key or "\0" in tag):
                raise InputError(
                    f"{path}: account {entry['name']}, key tags: {tag!r}: c7n-org makes a variable of it, and the "
                    "name of one holds no `=`, and its text no NUL"
                )


def _check_choice(path: Path, entries: Sequence[Mapping[str, Any]], wanted: Sequence[str]) -> None:
    known = {entry["name"] for entry in entries} | {entry["account_id"] for entry in entries}
    for name in wanted:
        if name not in known:
            raise InputError(f"{path}: no account is called {name}; check -a")
