"""What auditors write into a workbook beside its findings, and where it goes in the next one.

An entry is found again by its finding's key, whatever has become of its row, its sheet's name or its columns' order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
import pandas as pd

from reporter.custodian.resource_types import GROUPS
from reporter.inventory.audit import Audit
from reporter.output.manifest import Status
from reporter.report.summary import minute
from reporter.report.table import Kind, Table

#: The columns that are theirs, at the end of each tab of findings.
COLUMNS = ("status", "owner", "due", "comment")

#: How the head of the hidden column of keys begins; it goes on with what the columns above are called on that sheet.
KEY_HEAD = "finding_key: "

CLOSED = "closed"
CLOSED_TITLE = "What auditors wrote on findings that have no row here any more"
_CLOSED_COLUMNS = (
    "account_profile",
    "account_id",
    "region",
    "security_group_id",
    "group_name",
    "tab",
    "state",
    "since",
)


# An account's id or name, a region, a resource's id; and before them a policy.
_Place = tuple[str, str, str]
_Cell = tuple[str, str, str, str]


class State(StrEnum):
    """Why an entry has no row."""

    CLOSED = "closed"  # it was looked for, and is not there any more
    NOT_READ = "not read"  # its account and region, or its policy, was not read, or not asked for
    DOUBLE = "double"  # there is another entry on the same finding


class Key(NamedTuple):
    """What tells a row from others: the policies of its tab, the account's id (or its name, where that is not known),
    the region and the resource's id."""

    policies: tuple[str, ...]
    account: str
    region: str
    resource_id: str


@dataclass(frozen=True)
class Entry:
    """What stands in COLUMNS of a row, None where a cell is empty; and what is told of the row where it is gone.

    `state` and `since` (a day, ISO 8601) are those of the tab of what is closed, empty for an entry of a finding.
    """

    key: Key
    cells: tuple[Any, ...]
    account_profile: str = ""
    group_name: str = ""
    tab: str = ""
    state: str = ""
    since: str = ""


@dataclass(frozen=True)
class Placed:
    """Entries in a report: by the policies of a table and the label of the row in its frame, and those left, a row each
    of the table of what is closed."""

    by_row: Mapping[tuple[str, ...], Mapping[int, Entry]] = field(default_factory=dict)
    closed: Sequence[Entry] = ()

    @property
    def line(self) -> str:
        """How many there are, and where."""
        counts = {"in their rows": sum(map(len, self.by_row.values()))}
        for state in State:
            counts[state.value] = sum(entry.state == state for entry in self.closed)
        told = ", ".join(f"{count:,} {where}" for where, count in counts.items() if count)
        return f"entries carried: {told or 'none'}"


NOTHING_PLACED = Placed()


def key_text(key: Key) -> str:
    """The key as the hidden column has it."""
    return msgspec.json.encode(key).decode()


_key = msgspec.json.Decoder(tuple[tuple[str, ...], str, str, str])


def key_of(text: str) -> Key | None:
    """The key that a text is; None where it is none."""
    try:
        return Key(*_key.decode(text.encode()))
    except (msgspec.MsgspecError, UnicodeError):
        return None


def place(entries: Sequence[Entry], tables: Iterable[Table], audit: Audit) -> Placed:
    """Find the rows of the entries. The first entry of a finding counts; an entry that no row has is closed where all
    of its policies were read in its account and region, and else not read."""
    by_row: dict[tuple[str, ...], dict[int, Entry]] = {}
    used: set[int] = set()
    taken: set[_Cell] = set()
    for table in tables:
        if table.kind is Kind.FINDINGS and (wanted := _wanted(entries, table.policies)):
            found = _in_rows(table.frame, wanted)
            by_row[table.policies] = {row: entries[number] for row, number in found.items()}
            used |= set(found.values())
            for number in found.values():
                taken |= {(policy, *place) for policy in table.policies for place in _places(entries[number])}
    read, day = _read(audit), minute(audit.output.started)[:10]
    closed = []
    for number, entry in enumerate(entries):
        if number not in used:
            places = _places(entry)
            is_double = any((policy, *place) in taken for policy in entry.key.policies for place in places)
            is_read = all(
                any((policy, account, region) in read for account, region, _ in places)
                for policy in entry.key.policies
            )
            state = State.DOUBLE if is_double else State.CLOSED if is_read else State.NOT_READ
            since = entry.since if entry.state == state and entry.since else day
            closed.append(replace(entry, state=state, since=since))
    return Placed(by_row, closed)


def _places(entry: Entry) -> list[_Place]:
    """Where the entry's row may be: under the account's id and its name, as one of two reports may lack the id. No two
    groups of a region have one id, whatever account is called so."""
    accounts = dict.fromkeys(filter(None, (entry.key.account, entry.account_profile)))
    return [(account, entry.key.region, entry.key.resource_id) for account in accounts]


def _wanted(entries: Sequence[Entry], policies: Sequence[str]) -> dict[_Place, int]:
    """The numbers of the entries on findings of a tab, by account, region and resource."""
    wanted: dict[_Place, int] = {}
    for number, entry in enumerate(entries):
        if not set(policies).isdisjoint(entry.key.policies):
            for place in _places(entry):
                wanted.setdefault(place, number)
    return wanted


def _in_rows(frame: pd.DataFrame, wanted: Mapping[_Place, int]) -> dict[int, int]:
    """The number of the entry of each row that has one, by the row's label."""
    columns = ("account_id", "account_profile", "region", "security_group_id")
    found: dict[int, int] = {}
    used: set[int] = set()
    for row, account_id, profile, *rest in zip(frame.index, *(frame[name] for name in columns), strict=True):
        for account in filter(None, (account_id, profile)):
            number = wanted.get((account, *rest))
            if number is not None and number not in used:
                found[row] = number
                used.add(number)
                break
    return found


def _read(audit: Audit) -> set[tuple[str, str, str]]:
    """Policy, account, by id and by name, and region of what was read. Where all groups were listed, and no policy of
    the run fills it, so is one of the report's own three tabs."""
    there = {policy.name for policy in audit.output.policies}
    read = set()
    for cell in audit.cells:
        if cell.status is not Status.OK:
            continue
        policy = audit.output.policy_of(cell)
        names = [cell.policy]
        if policy.resource == GROUPS and policy.lists_all:
            names += [name for name in OWN_POLICIES.values() if name not in there]
        read |= {
            (name, account, cell.region) for name in names for account in (cell.account_id, cell.account)
        }
    return read


#: The policies that fill the report's own tabs, whose rows come of the groups themselves where those were not run.
OWN_POLICIES = {"default_sg": "sg-default", "ssh_open": "sg-ssh-open", "ssh_world": "sg-ssh-world"}


def closed_table(entries: Sequence[Entry]) -> Table:
    """The table of what has no row any more, in the order of the entries."""
    rows = [
        (
            entry.account_profile,
            entry.key.account if entry.key.account != entry.account_profile else "",
            entry.key.region,
            entry.key.resource_id,
            entry.group_name,
            entry.tab,
            entry.state,
            entry.since,
        )
        for entry in entries
    ]
    return Table(
        CLOSED, CLOSED_TITLE, pd.DataFrame(rows, columns=list(_CLOSED_COLUMNS), dtype="str"), Kind.CLOSED
    )
