"""What an accounts file says of its accounts, as columns: tags and vars (`account:team`)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reporter import yamlfile
from reporter.errors import InputError

PREFIX = "account:"
_OWNERS = ("owner", "team")
_TAGS = "tags"  # the column of tags that are no `key:value`


@dataclass(frozen=True)
class Labels:
    """The columns in the order of the file, and each account's texts by column, under its name and id, and under
    each of them alone."""

    columns: tuple[str, ...] = ()
    accounts: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)

    def of(self, name: str, account_id: str) -> Mapping[str, str] | None:
        """An account's texts by column, None where the file has no such account.

        The id decides, and of several entries with one id the name; the name alone where there is no id.
        """
        found = self.accounts.get((name, account_id))
        return self.accounts.get(("", account_id)) if found is None and account_id else found

    def text(self, column: str, name: str, account_id: str) -> str:
        """What an account has in a column; empty where there is nothing."""
        return (self.of(name, account_id) or {}).get(column, "")


NO_LABELS = Labels()


def whose(labels: Labels) -> str:
    """The column that says whose an account is: the first of an owner or a team, or else the first of all; empty where
    there is none."""
    named = [column for column in labels.columns if any(word in column.casefold() for word in _OWNERS)]
    return next(iter([*named, *labels.columns]), "")


def read(path: Path, taken: Iterable[str] = ()) -> Labels:
    """The labels of an accounts file that was found to be one.

    A tag `team:web` is the column account:team; a tag without a colon stands in account:tags. A var is a column
    by its name. Raises InputError where that of one is `taken`, in any case.
    """
    others = {name.casefold() for name in taken}
    columns: dict[str, str] = {}
    accounts: dict[tuple[str, str], dict[str, str]] = {}
    for entry in yamlfile.load(path)["accounts"]:
        texts: dict[str, list[str]] = {}
        for key, text in _pairs(entry):
            # Excel cannot tell columns apart by case.
            column = columns.setdefault(key.casefold(), f"{PREFIX}{key}")
            if column.casefold() in others:
                raise InputError(f"{column}: so is a column of a tag or var of the accounts file called")
            texts.setdefault(column, []).append(text)
        joined = {column: ", ".join(dict.fromkeys(found)) for column, found in texts.items()}
        name, account_id = str(entry["name"]), str(entry["account_id"])
        accounts |= {(name, account_id): joined, (name, ""): joined}
        accounts.setdefault(("", account_id), joined)
    return Labels(tuple(columns.values()), accounts)


def _pairs(entry: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    pairs = []
    for tag in entry.get("tags") or ():
        key, colon, text = str(tag).partition(":")
        pairs.append((key, text) if colon else (_TAGS, key))
    for key, found in (entry.get("vars") or {}).items():
        pairs.append((str(key), _text(found)))
    return pairs


def _text(found: Any) -> str:
    if found is None:
        return ""
    return json.dumps(found, default=str) if isinstance(found, dict | list | bool) else str(found)
