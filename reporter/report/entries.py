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


# What an account goes by: its id; its name, where it has no id; or _ANY and its name, whether it has an id or not.
_Account = tuple[str, str]
_ANY = "*"
_Place = tuple[_Account, str, str]  # and a region, and a resource's id


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
    taken: set[tuple[str, _Place]] = set()
    for table in tables:
        if table.kind is Kind.FINDINGS and (wanted := _wanted(entries, table.policies)):
            found = _in_rows(table.frame, wanted)
            by_row[table.policies] = {row: entries[number] for row, number in found.items()}
            used |= set(found.values())
            for number in found.values():
                taken |= {(policy, place) for policy in table.policies for place in _places(entries[number])}
    read, day = _read(audit), minute(audit.output.started)[:10]
    closed = []
    for number, entry in enumerate(entries):
        if number not in used:
            policies = entry.key.policies
            is_double = any((policy, place) in taken for policy in policies for place in _places(entry))
            is_read = all(
                any((policy, account, entry.key.region) in read for account in _accounts(entry))
                for policy in policies
            )
            state = State.DOUBLE if is_double else State.CLOSED if is_read else State.NOT_READ
            since = entry.since if entry.state == state and entry.since else day
            closed.append(replace(entry, state=state, since=since))
    return Placed(by_row, closed)


def _called(account_id: str, name: str) -> tuple[_Account, _Account]:
    """What an account of this report goes by. One of two reports may lack the id: then the name tells."""
    return (account_id, "") if account_id else ("", name), (_ANY, name)


def _accounts(entry: Entry) -> tuple[_Account, _Account]:
    """What the account of an entry may go by in this report. An account of its name that has another id is another."""
    account, name = entry.key.account, entry.account_profile
    return (account, ""), (_ANY, account) if name in ("", account) else ("", name)


def _places(entry: Entry) -> list[_Place]:
    return [(account, entry.key.region, entry.key.resource_id) for account in _accounts(entry)]


def _wanted(entries: Sequence[Entry], policies: Sequence[str]) -> dict[_Place, int]:
    """The numbers of the entries on findings of a tab, by where their rows may be."""
    wanted: dict[_Place, int] = {}
    for number, entry in enumerate(entries):
        if not set(policies).isdisjoint(entry.key.policies):
            for place in _places(entry):
                wanted.setdefault(place, number)
    return wanted


def _in_rows(frame: pd.DataFrame, wanted: Mapping[_Place, int]) -> dict[int, int]:
    """The number of the entry of each row that has one, by the row's label. Of two rows of a finding the first has it:
    an account may be there under two names."""
    columns = ("account_id", "account_profile", "region", "security_group_id")
    ids = {resource_id for _, _, resource_id in wanted}
    found: dict[int, int] = {}
    used: set[int] = set()
    for row, account_id, name, region, resource_id in zip(
        frame.index, *(frame[column] for column in columns), strict=True
    ):
        for account in _called(account_id, name) if resource_id in ids else ():
            number = wanted.get((account, region, resource_id))
            if number is not None and number not in used:
                found[row] = number
                used.add(number)
                break
    return found


def _read(audit: Audit) -> set[tuple[str, _Account, str]]:
    """Policy, account and region of what was read. Where all groups were listed, and no policy of the run fills it, so
    is one of the report's own three tabs."""
    there = {policy.name for policy in audit.output.policies}
    read = set()
    for cell in audit.cells:
        if cell.status is not Status.OK:
            continue
        policy = audit.output.policy_of(cell)
        names = [cell.policy]
        if policy.resource == GROUPS and policy.lists_all:
            names += [name for name in OWN_POLICIES.values() if name not in there]
        accounts = _called(cell.account_id, cell.account)
        read |= {(name, account, cell.region) for name in names for account in accounts}
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
