"""What two runs found, compared: what is new, gone, changed or the same, and what cannot be compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from reporter.findings.risk import LEVELS
from reporter.findings.together import BY_SEVERAL
from reporter.inventory.network.reachability import Reachable
from reporter.names import is_account_id

#: What a finding has for a level that gives its group no risk.
INFORMS = "informs"

#: The levels of findings, worst first.
FINDING_LEVELS = (*LEVELS[:3], INFORMS)


class State(StrEnum):
    """What became of a finding from the older run to the newer one."""

    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"
    NOT_COMPARABLE = "not comparable"
    UNCHANGED = "unchanged"


class Reason(StrEnum):
    """Why a finding is gone."""

    FIXED = "fixed"  # the policy does not catch the group any more
    DELETED = "deleted"  # the group is not there any more
    UNKNOWN = "unknown"  # the groups of its account and region were not listed
    ELSEWHERE = "elsewhere"  # the account that owns the VPC was read again: it is told of there


class Place(NamedTuple):
    """An account, by its id, or by its name where that is not known, and a region."""

    account: str
    region: str


class Key(NamedTuple):
    """What tells a finding from others, in all runs."""

    account: str
    region: str
    policy: str
    resource_id: str

    @property
    def account_id(self) -> str:
        """The account's id; empty where it is known by its name alone."""
        return self.account if is_account_id(self.account) else ""


class Found(NamedTuple):
    """What a run says of a finding.

    `level` is one of FINDING_LEVELS: the risk that the finding gives its group. It is the worst that missing answers
    leave possible where `level_proven` is False. `reachable` is `yes`, `no` or `unknown`; `rules` are those that
    matched, None where they cannot be told. `first_seen` is a date (UTC, ISO 8601).
    """

    group_name: str
    level: str
    level_proven: bool
    reachable: str
    rules: tuple[str, ...] | None
    first_seen: str

    @property
    def told_level(self) -> str:
        """The level as a person reads it."""
        return told_level(self.level, proven=self.level_proven)


def told_level(level: str, *, proven: bool) -> str:
    """A level of FINDING_LEVELS as a person reads it; that a finding only informs is always proven."""
    return level if proven or level == INFORMS else f"possibly {level}"


@dataclass(frozen=True)
class RunFindings:
    """The findings of a run that are proven, and what is needed to compare them with another's.

    `started` is when it began (UTC, ISO 8601). `cells` has, of each account, region and policy that was read, what
    stands for that which the policy catches (`PlannedPolicy.decides`). `groups` are the ids of the groups that were
    seen, and `listed` the places of which all were; `unsure` are groups with a prefix list that could not be read
    whole. `carried` has since when those findings were seen that earlier runs had and this one could not look for,
    and `after` says when the last of the runs began that told it since when anything is seen. `read_at` is when
    each cell was read (seconds since 1970), as far as that is known; it is not kept. `counts` are those of all
    groups by risk, as `counts.of_all` has them, and `complete` says that the run came to its end. `profiles` are
    the names of the accounts.
    """

    started: str
    findings: Mapping[Key, Found] = field(repr=False)
    cells: Mapping[tuple[str, str, str], str] = field(repr=False)
    groups: Mapping[Place, frozenset[str]] = field(default_factory=dict, repr=False)
    listed: frozenset[Place] = frozenset()
    unsure: frozenset[tuple[str, str, str]] = frozenset()
    carried: Mapping[Key, str] = field(default_factory=dict, repr=False)
    after: str = ""
    read_at: Mapping[tuple[str, str, str], float] = field(default_factory=dict, repr=False)
    counts: Mapping[str, int | None] = field(default_factory=dict)
    complete: bool = True
    profiles: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def cells_not_read(self) -> int:
        """How many cells were planned and not read."""
        return self.counts.get("cells_not_read") or 0

    def sees(self, key: Key) -> bool:
        """Whether the group was seen in that account."""
        return key.resource_id in self.groups.get(Place(key.account, key.region), ())

    @cached_property
    def accounts_of(self) -> Mapping[tuple[str, str], frozenset[str]]:
        """The accounts that each group was seen in, by region and id."""
        found: dict[tuple[str, str], frozenset[str]] = {}
        for place, ids in self.groups.items():
            here = frozenset({place.account})
            for each in ids:
                known = found.get((place.region, each))
                found[place.region, each] = known | here if known else here
        return found

    def first_seen(self, key: Key) -> str:
        """Since when a finding is seen, as far as this run knows; empty where it is not."""
        found = self.findings.get(key)
        return found.first_seen if found else self.carried.get(key, "")


@dataclass(frozen=True)
class Change:
    """A finding of the older or the newer run, and what became of it.

    `found` is what the newer run says of it, or else the older one, and `before` what the older one says where both
    have it and the policy caught the same in both. `reason` says why it is gone (`Reason`), what of it has changed, or
    why it cannot be compared. `waived` says until when it is waived, why and by whom; empty where it is not. `left` is
    the level that it has beside what is waived, None where that is its own.
    """

    state: State
    key: Key
    found: Found
    account_profile: str
    reason: str = ""
    before: Found | None = None
    waived: str = ""
    left: str | None = None

    @property
    def rose(self) -> bool:
        """Whether both runs have it, and its level is, or may be, worse than it was."""
        return self.before is not None and FINDING_LEVELS.index(self.found.level) < FINDING_LEVELS.index(
            self.before.level
        )


def read_since(base: RunFindings, head: RunFindings) -> RunFindings:
    """The newer run without the cells that it has from the older: in stock output, what a later hour did not read again
    is still there. They count as not read in it. A run has all of its own, compared with itself."""
    if base.started == head.started:
        return head
    again = {cell: at for cell, at in head.cells.items() if not _same_answer(base, head, cell)}
    missing = len(head.cells) - len(again)
    counts = dict(head.counts) | {"cells_not_read": head.cells_not_read + missing}
    return replace(head, cells=again, counts=counts) if missing else head


def _same_answer(base: RunFindings, head: RunFindings, cell: tuple[str, str, str]) -> bool:
    read = head.read_at.get(cell)
    return read is not None and read == base.read_at.get(cell)


def compare(base: RunFindings, head: RunFindings) -> list[Change]:
    """What became of each finding of two runs, the older first: by state, then the worst level, then by place.

    A finding that one of them could not look for is not comparable, nor is one whose policy catches otherwise since,
    nor one of which something is known in one of them alone and all else is the same.
    """
    reasons: dict[tuple[str, str, str], str] = {}  # most findings share a cell with others
    changes = []
    for key in (*head.findings, *(key for key in base.findings if key not in head.findings)):
        cell = key[:3]
        if cell not in reasons:
            reasons[cell] = _not_comparable(base, head, cell)
        before, after = base.findings.get(key), head.findings.get(key)
        if reasons[cell]:
            state, reason = State.NOT_COMPARABLE, reasons[cell]
        elif before and after:
            state, reason = _both(before, after)
        elif after:
            reason = cannot_tell(key, after, head, base, "older")
            state = State.NOT_COMPARABLE if reason else State.NEW
        else:
            reason = cannot_tell(key, base.findings[key], base, head, "newer")
            state = State.NOT_COMPARABLE if reason else State.GONE
            reason = reason or why_gone(head, key)
        found, run = (after, head) if after else (base.findings[key], base)
        profile = run.profiles.get(key.account, key.account)
        both = after and not reasons[cell]
        changes.append(Change(state, key, found, profile, reason, before if both else None))
    return sorted(changes, key=_order)


def _order(change: Change) -> tuple[object, ...]:
    key, found = change.key, change.found
    level = FINDING_LEVELS.index(found.level), not found.level_proven
    place = change.account_profile, key.account, key.region, key.policy, found.group_name, key.resource_id
    return _STATES[change.state], *level, *place


_STATES = {state: number for number, state in enumerate(State)}


def _not_comparable(base: RunFindings, head: RunFindings, cell: tuple[str, str, str]) -> str:
    """Why nothing that is found in a cell can be compared; empty where it can."""
    before, after = base.cells.get(cell), head.cells.get(cell)
    unread = [which for which, there in (("older", before), ("newer", after)) if there is None]
    if unread:
        return f"{cell[2]} was not read there in the {' and the '.join(unread)} run"
    if before != after:
        return f"{cell[2]} was edited: it catches otherwise"
    return "" if before else f"what {cell[2]} catches was not recorded"


def _both(before: Found, after: Found) -> tuple[State, str]:
    """What became of a finding that both runs have: what of it has changed, or what one of them does not know."""
    changed, unknown = [], []
    for what, old, new, known in (
        ("level", before.level, after.level, (before.level_proven, after.level_proven)),
        ("reachable", before.reachable, after.reachable, _known(before.reachable, after.reachable)),
        ("rules", before.rules, after.rules, (before.rules is not None, after.rules is not None)),
    ):
        if known == (True, True) and old != new:
            changed.append(_difference(what, old, new))
        elif known[0] != known[1]:
            unknown.append(f"{what} not known in the {'newer' if known[0] else 'older'} run")
    if changed:
        return State.CHANGED, "; ".join(changed)
    return (State.NOT_COMPARABLE, "; ".join(unknown)) if unknown else (State.UNCHANGED, "")


def _known(*answers: str) -> tuple[bool, ...]:
    return tuple(answer != Reachable.UNKNOWN.value for answer in answers)


def _difference(what: str, old: str | tuple[str, ...] | None, new: str | tuple[str, ...] | None) -> str:
    if isinstance(old, tuple) and isinstance(new, tuple):
        more = [f"+ {each}" for each in new if each not in old]
        fewer = [f"- {each}" for each in old if each not in new]
        return f"{what} {', '.join(more + fewer)}"
    return f"{what} {old} → {new}"


def cannot_tell(key: Key, found: Found, one: RunFindings, other: RunFindings, which: str) -> str:
    """Why a finding that one run has may be in the other too, which read its cell and does not list it."""
    if not other.sees(key):
        group = key.region, key.resource_id
        if other.accounts_of.get(group, frozenset()) - one.accounts_of.get(group, frozenset()):
            return f"its VPC's owner was not read in one of the runs: the {which} saw it in another account"
    together = any(rule.endswith(BY_SEVERAL) for rule in found.rules or ())
    if together and (key.account, key.region, key.resource_id) in other.unsure:
        return f"a prefix list was not read whole in the {which} run"
    return ""


def why_gone(head: RunFindings, key: Key) -> Reason:
    """Why a finding is gone that the newer run does not have."""
    if head.sees(key):
        return Reason.FIXED
    return Reason.DELETED if Place(key.account, key.region) in head.listed else Reason.UNKNOWN
