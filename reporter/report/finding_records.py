"""Every finding as a record, place by place: for formats that hand findings to other tools."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
from operator import attrgetter
from typing import Any

from reporter.findings.assess import Findings
from reporter.findings.changes import INFORMS, Key, Reason, told_level
from reporter.findings.history import finding_level
from reporter.findings.past import NO_PAST, Past
from reporter.findings.resolved import Resolved
from reporter.inventory import group_rules
from reporter.inventory.audit import Audit
from reporter.inventory.records import Group, tag_texts
from reporter.names import decoded
from reporter.output.manifest import Cell, Status
from reporter.output.reading import newest_start
from reporter.report.details import Policy, policies_that_find

#: What ids begin with, and what made the findings.
TOOL = "c7n-sg-audit"
_NEW = "new"  # in the column since_last
_OF_FINDINGS = (
    "account_profile", "account_id", "region", "policy", "resource_id", "group", "group_name", "exposed",
    "matched_rules", "proven", "first_seen", "since_last", "next_step",
)  # fmt: skip
_KEY_COLUMNS = ("account_id", "region", "policy", "resource_id")
# The last is there where roles were asked for alone.
_OF_GROUPS = ("vpc_id", "tags", "risk", "reachable", "reachable_on", "role_power")


class Outcome(StrEnum):
    """What a run says of a finding."""

    FOUND = "found"
    POSSIBLE = "possible"  # the policy was not read there
    GONE = "gone"  # an earlier run had it; this one looked, and does not
    MOVED = "moved"  # an earlier run had it in this account; it is another's, and told of there
    UNREAD = "unread"  # no finding: what was not read of an account and region


@dataclass(frozen=True)
class Place:
    """An account and region, how many findings are of it, and how many policies were not read there. The id is empty
    where it is not known."""

    account: str
    account_id: str
    region: str
    findings: int = 0
    unread: int = 0


@dataclass(frozen=True)
class FindingRecord:
    """A finding, or a policy that was not read in an account and region; that has no group.

    `level` is one of FINDING_LEVELS, the worst that missing answers leave where it is not `level_proven`, and empty
    where the finding is gone or was not read. `matched_rules` are texts (`tcp 22 from 0.0.0.0/0`), None where they
    cannot be told. `first_seen` is a date (UTC, ISO 8601), empty where no run saw it for sure. `role_power` is a word
    of Power, empty where no instance carries the group or roles were not asked for. `seen` is when the policy was
    read there. `is_new` says that no earlier run had it, as far as is known. `waived` says until when it is, or why
    no longer. `reason` says why it is gone (`Reason`), or was not read. `recorded` is the group as AWS describes it,
    where that was asked for and can still be read.
    """

    uid: str
    outcome: Outcome
    place: Place
    policy: Policy
    seen: datetime
    group_id: str = ""
    group_name: str = ""
    vpc_id: str = ""
    tags: tuple[str, ...] = ()
    level: str = ""
    level_proven: bool = True
    in_use: bool | None = None
    reachable: str = ""
    reachable_on: tuple[str, ...] = ()
    role_power: str = ""
    matched_rules: tuple[str, ...] | None = ()
    first_seen: str = ""
    is_new: bool = False
    waived: str = ""
    is_waived: bool = False
    next_step: str = ""
    reason: str = ""
    recorded: Group | None = None

    @property
    def is_closed(self) -> bool:
        """Whether an earlier run had it, and it is not there any more."""
        return self.outcome in (Outcome.GONE, Outcome.MOVED)

    @property
    def told_level(self) -> str:
        """The level as a person reads it."""
        return told_level(self.level, proven=self.level_proven)

    @property
    def told_in_use(self) -> str:
        """`yes`, `no` or `unknown`."""
        return {None: "unknown", True: "yes", False: "no"}[self.in_use]


def finding_uid(account: str, region: str, policy: str, group_id: str) -> str:
    """What a finding is called in all runs, from its key alone: the account by its id, or by its name where that is not
    known. Names of folders hold no slash, so two keys never have one."""
    return "/".join(filter(None, (TOOL, account, region, policy, group_id)))


def _nobody(records: int) -> None:
    pass


@dataclass(frozen=True)
class FindingRecords:
    """All findings of a run, those that are gone, and what was not read. `updated` is when the newest of it was read.

    `places` are those that there are records of, by account and region. `on_records` is told how many more a format has
    taken.
    """

    updated: datetime
    places: Sequence[Place]
    _sources: "_Sources" = field(repr=False)
    on_records: Callable[[int], None] = field(default=_nobody, repr=False, compare=False)

    @property
    def count(self) -> int:
        """How many records there are."""
        return sum(place.findings + place.unread for place in self.places)

    def by_place(
        self, chosen: Callable[[Place], bool] = lambda _: True, *, with_groups: bool = False
    ) -> Iterator[tuple[Place, list[FindingRecord]]]:
        """The records of each place that is chosen, by policy and group id; those of one place at a time are made.

        `with_groups` reads the groups again, for their rules.
        """
        places = [place for place in self.places if chosen(place)]
        units = {unit: list(of_unit) for unit, of_unit in groupby(places, attrgetter("account", "region"))}
        groups = self._sources.groups(units) if with_groups else ({} for _ in units)
        for of_unit, recorded in zip(units.values(), groups, strict=True):
            for place in of_unit:
                found = sorted(self._sources.records(place, recorded), key=_order)
                yield place, found
                self.on_records(len(found))


def finding_records(audit: Audit, findings: Findings, past: Past = NO_PAST) -> FindingRecords:
    """All findings of an audit, as records."""
    sources = _Sources(audit, findings, past)
    return FindingRecords(sources.updated, sources.places(), sources)


def _order(record: FindingRecord) -> tuple[str, str]:
    return record.policy.name, record.group_id


_Where = tuple[str, str, str]
"""Account, its id, and region."""


class _Sources:
    """What records are made of: rows of the findings, what is gone, and cells that were not read, by place."""

    def __init__(self, audit: Audit, findings: Findings, past: Past) -> None:
        self._output = audit.output
        self._base = past.base
        self._policies = {each.name: each for each in policies_that_find(audit)}
        columns = {each.name: each.in_report.column for each in audit.output.policies}
        self._columns = {name: columns[name] for name in self._policies}
        self._frame: dict[str, list[Any]] = {
            name: findings.frame[name].tolist() if name in findings.frame else [""] * len(findings.frame)
            for name in _OF_FINDINGS
        }
        self._groups: dict[str, list[Any]] = {
            name: findings.groups[name].tolist() for name in _OF_GROUPS if name in findings.groups
        }
        in_use = findings.groups["in_use"].astype(object)
        self._in_use = in_use.where(in_use.notna(), None).tolist()
        self._proven = findings.proven.tolist()
        self._waived = findings.waived.by_finding()
        self._read = {
            cell.key: cell.started for cell in audit.cells if cell.status is Status.OK and cell.started
        }
        newest = max(self._read.values(), default=None)
        self.updated = _moment(newest) if newest else newest_start(audit.output.started)
        self._rows: dict[_Where, list[int]] = {}
        frame = self._frame
        where = zip(frame["account_profile"], frame["account_id"], frame["region"], strict=True)
        for row, place in enumerate(where):
            self._rows.setdefault(place, []).append(row)
        self._gone: dict[_Where, list[Resolved]] = {}
        there = set(zip(*(frame[name] for name in _KEY_COLUMNS), strict=True)) if past.resolved else set()
        for each in past.resolved:
            place = each.account_profile, each.key.account_id, each.key.region
            # Of an account under two names, one may have looked for what the other could not.
            if each.key.policy in self._policies and (each.key.account_id, *each.key[1:]) not in there:
                self._gone.setdefault(place, []).append(each)
        self._unread: dict[_Where, list[Cell]] = {}
        for cell in audit.gaps:
            if cell.policy in self._policies:
                self._unread.setdefault((cell.account, cell.account_id, cell.region), []).append(cell)

    def places(self) -> tuple[Place, ...]:
        """Those that there are records of, by account and region."""
        where = {place for source in (self._rows, self._gone, self._unread) for place in source}
        return tuple(
            Place(*each, self._count(each, self._rows, self._gone), self._count(each, self._unread))
            for each in sorted(where, key=lambda each: (each[0], each[2], each[1]))
        )

    def _count(self, where: _Where, *sources: Mapping[_Where, Sequence[Any]]) -> int:
        return sum(len(source.get(where, ())) for source in sources)

    def groups(self, units: Mapping[tuple[str, str], Sequence[Place]]) -> Iterator[Mapping[str, Group]]:
        """The groups of each account and region by id, as AWS describes them."""
        wanted = {
            unit: {group for place in places for group in self._ids(place)} for unit, places in units.items()
        }
        return (groups for _, groups in group_rules.recorded(self._output, wanted))

    def _ids(self, place: Place) -> Iterator[str]:
        where = place.account, place.account_id, place.region
        yield from (self._frame["resource_id"][row] for row in self._rows.get(where, ()))
        yield from (each.key.resource_id for each in self._gone.get(where, ()))

    def records(self, place: Place, recorded: Mapping[str, Group]) -> Iterator[FindingRecord]:
        """The records of a place, in no order; `recorded` are groups of it by id."""
        where = place.account, place.account_id, place.region
        yield from (self._found(place, row, recorded) for row in self._rows.get(where, ()))
        yield from (self._resolved(place, each, recorded) for each in self._gone.get(where, ()))
        yield from (self._not_read(place, cell) for cell in self._unread.get(where, ()))

    def _found(self, place: Place, row: int, recorded: Mapping[str, Group]) -> FindingRecord:
        frame, groups = self._frame, self._groups
        group, policy, group_id = frame["group"][row], frame["policy"][row], frame["resource_id"][row]
        seen = self._seen(place, policy)
        first_seen, since_last = frame["first_seen"][row], frame["since_last"][row]
        before = self._base.first_seen(_key(place, policy, group_id)) if self._base else ""
        in_first_run = since_last == _NEW or not first_seen or first_seen >= seen.date().isoformat()
        level = finding_level(groups["risk"][group], frame["exposed"][row], self._columns[policy])
        is_waived, waived = self._waived.get((group, policy), (False, ""))
        return FindingRecord(
            uid=_uid(place, policy, group_id),
            outcome=Outcome.FOUND if frame["proven"][row] else Outcome.POSSIBLE,
            place=place,
            policy=self._policies[policy],
            seen=seen,
            group_id=group_id,
            group_name=frame["group_name"][row],
            vpc_id=groups["vpc_id"][group],
            tags=tuple(groups["tags"][group]),
            level=level,
            level_proven=self._proven[group] or level == INFORMS,
            in_use=self._in_use[group],
            reachable=groups["reachable"][group],
            reachable_on=tuple(groups["reachable_on"][group]),
            role_power=groups["role_power"][group] if "role_power" in groups else "",
            matched_rules=frame["matched_rules"][row],
            first_seen=first_seen,
            is_new=in_first_run and not before,
            waived=waived,
            is_waived=is_waived,
            next_step=frame["next_step"][row],
            recorded=recorded.get(group_id),
        )

    def _resolved(self, place: Place, each: Resolved, recorded: Mapping[str, Group]) -> FindingRecord:
        key = each.key
        group = recorded.get(key.resource_id)
        return FindingRecord(
            uid=_uid(place, key.policy, key.resource_id),
            outcome=Outcome.MOVED if each.reason is Reason.ELSEWHERE else Outcome.GONE,
            place=place,
            policy=self._policies[key.policy],
            seen=self._seen(place, key.policy),
            group_id=key.resource_id,
            group_name=group.group_name if group else each.group_name,
            vpc_id=group.vpc_id if group else "",
            tags=tag_texts(group.tags) if group else (),
            first_seen=each.first_seen,
            reason=each.reason.value,
            recorded=group,
        )

    def _not_read(self, place: Place, cell: Cell) -> FindingRecord:
        return FindingRecord(
            uid=_uid(place, cell.policy),
            outcome=Outcome.UNREAD,
            place=place,
            policy=self._policies[cell.policy],
            seen=self._seen(place, cell.policy),
            reason=": ".join(filter(None, (cell.code or cell.status.value, decoded(cell.message)))),
        )

    def _seen(self, place: Place, policy: str) -> datetime:
        read = self._read.get((place.account, place.region, policy))
        return _moment(read) if read else self.updated


def _uid(place: Place, policy: str, group_id: str = "") -> str:
    return finding_uid(*_key(place, policy, group_id))


def _key(place: Place, policy: str, group_id: str) -> Key:
    return Key(place.account_id or place.account, place.region, policy, group_id)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
