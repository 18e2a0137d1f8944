"""What waivers make of findings: which of them are accepted, and the risk that the others leave."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import translate
from re import compile as compiled
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from reporter.custodian.metadata import PlannedPolicy
from reporter.findings import risk
from reporter.findings.together import SSH_WORLD
from reporter.findings.waivers import Waiver

if TYPE_CHECKING:
    from reporter.findings.assess import Findings

_Array = npt.NDArray[Any]

#: A waiver that ends within so many days is told of.
SOON = 30

#: Columns of `Waived.frame`: the row of the group, the policy, whether the finding is waived, and until when or why no
#: longer.
WAIVED_COLUMNS = ("group", "policy", "waived", "note")

#: The column of the policy that finds default groups.
DEFAULT = "is_default"
#: What only a group's own rules or name tell, and no policy of the column caught, is waived by the name of our policy.
TOLD_BY_GROUP = {SSH_WORLD: "sg-ssh-world", DEFAULT: "sg-default"}
_NAMED = 3  # rules in a note


@dataclass(frozen=True)
class Outcome:
    """What came of a waiver: how many findings it is about, and of how many of them it does not hold any longer, as
    other rules than its `rules` matched."""

    waiver: Waiver
    findings: int
    outgrown: int
    days_left: int

    @property
    def expired(self) -> bool:
        return self.days_left < 0

    @property
    def ends_soon(self) -> bool:
        return 0 <= self.days_left <= SOON


@dataclass(frozen=True)
class Waived:
    """What waivers make of findings.

    For each group `groups` says whether every finding that gives it its risk is waived, and `risk_left` is the risk
    that the findings not waived leave. `frame` has WAIVED_COLUMNS, for all findings of the groups that a waiver says
    something of. `outcomes` are the waivers in the order of the file.
    """

    groups: "pd.Series[bool]"
    risk_left: "pd.Series[Any]"
    frame: pd.DataFrame
    outcomes: tuple[Outcome, ...] = ()

    def by(self, policies: Collection[str]) -> dict[int, str]:
        """By row of the group: until when the policies' findings are waived, where all are, or why no longer."""
        return _by_group(self.frame[self.frame["policy"].isin(policies)])

    def by_finding(self) -> dict[tuple[int, str], tuple[bool, str]]:
        """By row of the group and policy, where a waiver says something of it: whether the finding is waived, and until
        when or why no longer."""
        columns = (self.frame[name].tolist() for name in WAIVED_COLUMNS)
        return {
            (group, policy): (bool(waived), note)
            for group, policy, waived, note in zip(*columns, strict=True)
        }


def nothing_waived(groups: pd.DataFrame) -> Waived:
    """What no waivers make of findings."""
    return Waived(
        pd.Series(False, index=groups.index, dtype=bool),
        groups["risk"],
        pd.DataFrame({name: [] for name in WAIVED_COLUMNS}),
    )


def apply(
    findings: "Findings", policies: Sequence[PlannedPolicy], waivers: Sequence[Waiver], day: date
) -> "Findings":
    """The findings with what waivers make of them on a day; the column `waived` of the groups is filled.

    A finding that is only possible, as its policy was not read, is waived like any other; with `rules` it is not, since
    they are not known. What gives a group its risk are the findings of exposed policies, for critical and medium, and
    those of the column `is_default`, for high.
    """
    if not waivers:
        return findings
    rows = _rows(findings, policies)
    verdict = _judge(rows, findings.groups, waivers, day)
    exposed = _all_waived(rows, rows.exposed, verdict.waived)
    default = _all_waived(rows, rows.default, verdict.waived)
    level = findings.groups["risk"].astype(str).to_numpy(object)
    by_exposure, by_default = np.isin(level, ("critical", "medium")), level == "high"
    gives = (rows.exposed & by_exposure[rows.group]) | (rows.default & by_default[rows.group])
    kept, frame = _frame(rows, verdict, waivers)
    told = _by_group(frame[gives[kept]])
    texts = pd.Series([told.get(row, "") for row in findings.groups.index], dtype="str")
    waived = Waived(
        pd.Series((exposed & by_exposure) | (default & by_default), index=findings.groups.index),
        _risk_left(findings, rows, verdict.waived, default),
        frame,
        verdict.outcomes,
    )
    return replace(findings, groups=findings.groups.assign(waived=texts), waived=waived)


@dataclass(frozen=True)
class _Rows:
    """The findings as columns: the row of the group, of so many `groups`; the policy, and the rules that matched;
    whether it counts for critical and medium, whether for high; whether its column is SSH's; whether it is proven."""

    groups: int
    group: _Array
    policy: _Array
    rules: list[tuple[str, ...] | None]
    exposed: _Array
    default: _Array
    ssh: _Array
    proven: _Array


def _rows(findings: "Findings", policies: Sequence[PlannedPolicy]) -> _Rows:
    """All findings, and beside them what only a group's own rules or name tell, which has no finding."""
    frame, groups = findings.frame, findings.groups
    group = [frame["group"].to_numpy(np.int64)]
    policy = [frame["policy"].to_numpy(object)]
    in_column = {}
    for column, name in TOLD_BY_GROUP.items():
        names = [each.name for each in policies if each.in_report.column == column]
        in_column[column] = frame["policy"].isin(names).to_numpy(bool)
        told = groups[column].fillna(False).to_numpy(bool).copy()
        told[group[0][in_column[column]]] = False
        group.append(np.flatnonzero(told))
        policy.append(np.full(len(group[-1]), name, dtype=object))
    of_ssh, of_default = len(group[1]), len(group[2])
    more = of_ssh + of_default
    ssh = np.concatenate([in_column[SSH_WORLD], np.arange(more) < of_ssh])
    return _Rows(
        groups=len(groups),
        group=np.concatenate(group),
        policy=np.concatenate(policy),
        rules=[*frame["matched_rules"].tolist(), *[None] * more],
        exposed=ssh | np.concatenate([frame["exposed"].to_numpy(bool), np.zeros(more, dtype=bool)]),
        default=np.concatenate([in_column[DEFAULT], np.arange(more) >= of_ssh]),
        ssh=ssh,
        proven=np.concatenate([frame["proven"].to_numpy(bool), np.ones(more, dtype=bool)]),
    )


def _has(rows: _Rows, chosen: _Array) -> _Array:
    """For each group whether it has one of the chosen findings."""
    found = np.zeros(rows.groups, dtype=bool)
    found[rows.group[chosen]] = True
    return found


def _all_waived(rows: _Rows, of: _Array, waived: _Array) -> _Array:
    """For each group whether it has such findings, and all of them are waived."""
    return _has(rows, of & waived) & ~_has(rows, of & ~waived)


def _risk_left(findings: "Findings", rows: _Rows, waived: _Array, default_waived: _Array) -> "pd.Series[Any]":
    """The risk of each group, as if what is waived were not there."""
    groups = findings.groups
    left = rows.exposed & ~rows.ssh & ~waived
    caught, possible = _has(rows, left & rows.proven), _has(rows, left & ~rows.proven)
    exposed = {
        # Its own rules may tell what the policy was not there to tell.
        SSH_WORLD: groups[SSH_WORLD].mask(_all_waived(rows, rows.ssh, waived), False),
        "other": pd.Series(pd.arrays.BooleanArray(caught, possible & ~caught), index=groups.index),
    }
    default = findings.default_on_instance.mask(default_waived, False)
    return risk.classify(exposed, groups["in_use"], default)["risk"]


@dataclass(frozen=True)
class _Verdict:
    """For each finding the number of the waiver that holds the longest, and of one that does no longer; -1 for none."""

    holding: _Array
    outgrown: _Array
    outcomes: tuple[Outcome, ...]

    @property
    def waived(self) -> _Array:
        return self.holding >= 0


def _judge(rows: _Rows, groups: pd.DataFrame, waivers: Sequence[Waiver], day: date) -> _Verdict:
    about = _Selection(rows, groups)
    holding = np.full(len(rows.group), -1)
    outgrown = holding.copy()
    until = np.zeros(len(rows.group), dtype=int)
    distinct: dict[tuple[str, ...] | None, int] = {}
    codes = np.array([distinct.setdefault(rules, len(distinct)) for rules in rows.rules], dtype=int)
    outcomes = []
    for number, waiver in enumerate(waivers):
        chosen = about.findings(waiver)
        days_left = (waiver.expires - day).days
        grown = np.zeros(len(chosen), dtype=bool)
        if days_left >= 0:
            if waiver.rules is not None:
                known = np.array([bool(_why_not(rules, waiver)) for rules in distinct], dtype=bool)
                grown = known[codes[chosen]]
            holds, last = chosen[~grown], waiver.expires.toordinal()
            longest = holds[until[holds] < last]
            holding[longest], until[longest] = number, last
            outgrown[chosen[grown]] = number
        outcomes.append(Outcome(waiver, len(chosen), int(grown.sum()), days_left))
    outgrown[holding >= 0] = -1
    return _Verdict(holding, outgrown, tuple(outcomes))


def _why_not(rules: tuple[str, ...] | None, waiver: Waiver) -> str:
    """Why a waiver with `rules` does not hold any longer, where these matched; empty where it does."""
    if waiver.rules is None:
        return ""
    if rules is None:
        return "which rules matched cannot be told"
    more = [rule for rule in rules if rule not in waiver.rules]
    named = ", ".join(more[:_NAMED]) + (f" and {len(more) - _NAMED} more" if len(more) > _NAMED else "")
    return f"{named} matched too" if more else ""


class _Selection:
    """Finds the findings that a waiver is about."""

    def __init__(self, rows: _Rows, groups: pd.DataFrame) -> None:
        self._policy = _Column(rows.policy)
        self._account, self._account_id, self._region, self._id, self._name = (
            _Column(groups[name])
            for name in ("account_profile", "account_id", "region", "security_group_id", "group_name")
        )
        self._tags = groups["tags"].tolist()
        self._by_tag: dict[str, tuple[_Array, list[tuple[str, ...]]]] = {}
        self._every = np.arange(rows.groups)
        # The findings by group: those of group n are by_group[start[n] : start[n + 1]].
        self._by_group = np.argsort(rows.group, kind="stable")
        self._start = np.searchsorted(rows.group[self._by_group], np.arange(rows.groups + 1))

    def findings(self, waiver: Waiver) -> _Array:
        """Their numbers, whatever the waiver's `rules` and `expires`."""
        groups = self._called(waiver.group)
        if waiver.account:
            names, ids = (
                self._account.fits(waiver.account, groups),
                self._account_id.fits(waiver.account, groups),
            )
            groups = groups[names | ids]
        if waiver.region:
            groups = groups[self._region.fits(waiver.region, groups)]
        for key, value in waiver.tags.items():
            fits = _fitting(value)
            codes, values = self._tagged(key)
            fit = np.array([any(map(fits, each)) for each in values], dtype=bool)
            groups = groups[fit[codes[groups]]]
        start, end = self._start[groups], self._start[groups + 1]
        places = np.repeat(end - np.cumsum(end - start), end - start) + np.arange((end - start).sum())
        chosen = self._by_group[places]
        if not waiver.policies:
            return np.asarray(chosen)
        fits_any = np.zeros(len(chosen), dtype=bool)
        for policy in waiver.policies:
            fits_any |= self._policy.fits(policy, chosen)
        return np.asarray(chosen[fits_any])

    def _tagged(self, key: str) -> tuple[_Array, list[tuple[str, ...]]]:
        """What the groups have for a tag, each once, and for each group the number of its own."""
        if key not in self._by_tag:
            start = f"{key}="
            numbers: dict[tuple[str, ...], int] = {}
            codes = np.empty(len(self._every), dtype=int)
            for group, tags in enumerate(self._tags):
                found = tuple(tag[len(start) :] for tag in tags if tag.startswith(start))
                codes[group] = numbers.setdefault(found, len(numbers))
            self._by_tag[key] = codes, list(numbers)
        return self._by_tag[key]

    def _called(self, pattern: str) -> _Array:
        """The groups with that id or name; all of them where none is given."""
        if not pattern:
            return self._every
        if is_glob(pattern):
            return self._every[self._id.fits(pattern, self._every) | self._name.fits(pattern, self._every)]
        return np.union1d(self._id.rows(pattern), self._name.rows(pattern))


class _Column:
    """A column, each of its texts looked at once."""

    def __init__(self, values: Any) -> None:
        codes, texts = pd.factorize(np.asarray(values, dtype=object))
        self._codes: _Array = codes
        self._numbers = {text: number for number, text in enumerate(texts.tolist())}
        self._rows: dict[str, _Array] = {}

    def fits(self, pattern: str, rows: _Array) -> _Array:
        """Which of the rows have the text, or match the glob."""
        if not is_glob(pattern):
            return np.asarray(self._codes[rows] == self._numbers.get(pattern, -2))
        fits = _fitting(pattern)
        return np.array([bool(fits(text)) for text in self._numbers], dtype=bool)[self._codes[rows]]

    def rows(self, text: str) -> _Array:
        """All rows that have the text."""
        if not self._rows:
            order = np.argsort(self._codes, kind="stable")
            parts = np.split(order, np.searchsorted(self._codes[order], np.arange(1, len(self._numbers))))
            self._rows = dict(zip(self._numbers, parts, strict=True)) if self._numbers else {}
        return self._rows.get(text, np.empty(0, dtype=int))


def is_glob(pattern: str) -> bool:
    """Whether it is one that a text may match without being the same."""
    return "*" in pattern or "?" in pattern


def _fitting(pattern: str) -> Callable[[str], Any]:
    """Whether a text is that text, or matches the glob; `[` has no meaning of its own."""
    if is_glob(pattern):
        return compiled(translate(pattern.replace("[", "[[]"))).match
    return pattern.__eq__


def _frame(rows: _Rows, verdict: _Verdict, waivers: Sequence[Waiver]) -> tuple[_Array, pd.DataFrame]:
    """WAIVED_COLUMNS of all findings of the groups that a waiver says something of, and their numbers."""
    concerned = _has(rows, (verdict.holding >= 0) | (verdict.outgrown >= 0))
    kept = np.flatnonzero(concerned[rows.group])
    notes = []
    for row in kept.tolist():
        holding, outgrown = verdict.holding[row], verdict.outgrown[row]
        note = f"{waivers[holding]}" if holding >= 0 else ""
        if outgrown >= 0:
            waiver = waivers[outgrown]
            note = f"no longer: {_why_not(rows.rules[row], waiver)}; was {waiver}"
        notes.append(note)
    return kept, pd.DataFrame(
        {
            "group": rows.group[kept],
            "policy": pd.Series(rows.policy[kept], dtype=object),
            "waived": verdict.waived[kept],
            "note": pd.Series(notes, dtype=object),
        }
    )


def _by_group(findings: pd.DataFrame) -> dict[int, str]:
    """By row of the group the notes of its findings where all are waived, else of those that are no longer."""
    found: dict[int, list[tuple[bool, str]]] = {}
    columns = (findings[name].tolist() for name in ("group", "waived", "note"))
    for group, waived, note in zip(*columns, strict=True):
        found.setdefault(group, []).append((waived, note))
    texts = {}
    for group, of_group in found.items():
        every = all(waived for waived, _ in of_group)
        notes = dict.fromkeys(note for waived, note in of_group if note and waived == every)
        texts[group] = "; ".join(notes)
    return texts
