"""What a report says first: how much was read, how bad it is, where it is worst, and what to do next."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from reporter.accounts.labels import NO_LABELS, PREFIX, Labels, whose
from reporter.findings.assess import Findings
from reporter.findings.changes import State
from reporter.findings.counts import COUNTED, POSSIBLE
from reporter.findings.past import NO_PAST, Past
from reporter.findings.risk import LEVELS
from reporter.inventory.audit import Audit
from reporter.output.manifest import Cell
from reporter.output.reading import OWN_RUN
from reporter.report import summary, unread
from reporter.report.carriers import carriers
from reporter.report.changes import when_before
from reporter.report.read_shares import Read, asked_about_roles, read_of, regions_by_account, regions_read
from reporter.report.summary import RiskCounts
from reporter.report.unread import Unread
from reporter.wording import counted

_LabelOf = Callable[[str, str], str]

_WORST = 10

#: Levels of which something is to be done about each group.
_URGENT = LEVELS[:3]
_POWERFUL = {"admin": "may do everything", "privilege escalation": "can get more than it was given"}


@dataclass(frozen=True)
class Level:
    """The groups of a risk: counts, None where they are not known or there is no such thing, and by the same names at
    which rows of the table of groups they begin."""

    name: str
    counts: Mapping[str, int | None]
    first: Mapping[str, int]


@dataclass(frozen=True)
class WorstGroup:
    """A group as the overview shows it; `position` is its row in the table of groups."""

    position: int
    account: str
    region: str
    group_id: str
    group_name: str
    level: str
    proven: bool
    reachable: str
    opens: tuple[str, ...]
    behind: tuple[str, ...]
    first_seen: str
    label: str = ""


@dataclass(frozen=True)
class Account:
    """An account: its groups by level, None where no list of them was read, how many of each level are waived, and by
    level the row of the first in the table of groups, one that is not waived if there is one. `position` is its own row
    among the accounts; `label` is what the accounts file says of whose it is."""

    position: int
    name: str
    account_id: str
    counts: Mapping[str, int | None]
    first: Mapping[str, int]
    regions: Read
    cells: Read
    waived: Mapping[str, int] = field(default_factory=dict)
    label: str = ""

    def left(self, level: str) -> int:
        """How many of its groups are of a level and not waived."""
        return (self.counts[level] or 0) - self.waived.get(level, 0)

    @property
    def is_unread(self) -> bool:
        """Whether its groups are not known."""
        return self.counts[LEVELS[0]] is None


@dataclass(frozen=True)
class Overview:
    """All that the overview says. `urgent` is the number of groups of which `worst` has the first; `label` is
    what those of the accounts are called, empty where the accounts file has none.

    `began` and `ended` are None where they are not known; `when` tells it in words.
    """

    title: str
    when: str
    began: datetime | None
    ended: datetime | None
    kind: str
    tool: str
    callers: tuple[str, ...]
    accounts_file: str
    policy_files: tuple[str, ...]
    policies: int
    complete: bool
    accounts_read: Read
    regions_read: Read
    roles_read: Read
    cells_read: Read
    groups: int | None
    levels: tuple[Level, ...] = ()
    worst: tuple[WorstGroup, ...] = ()
    urgent: int = 0
    accounts: tuple[Account, ...] = ()
    label: str = ""
    unread: tuple[Unread, ...] = ()
    gaps: tuple[Unread, ...] = field(default=(), repr=False)
    base: str = ""
    trend: tuple[tuple[str, Mapping[str, int | None]], ...] = ()
    next_steps: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def groups_whole(self) -> bool:
        """Whether all was read that groups are found and judged by."""
        return self.complete and self.accounts_read.read == self.accounts_read.planned


def overview(
    audit: Audit,
    findings: Findings,
    past: Past = NO_PAST,
    remarks: Sequence[str] = (),
    labels: Labels = NO_LABELS,
) -> Overview:
    """Put the overview together; `remarks` are lines on what the tables do not show."""
    output, run = audit.output, audit.output.manifest
    counts = summary.risk_counts(audit, findings) if output.has_groups else None
    levels = tuple(_levels(counts, findings, past)) if counts else ()
    label = whose(labels)
    label_of = partial(labels.text, label)
    about_roles = asked_about_roles(output.policies)
    of_groups = [cell for cell in audit.cells if cell.policy not in about_roles]
    of_roles = [cell for cell in audit.cells if cell.policy in about_roles]
    accounts = tuple(_accounts(of_groups, findings, counts, label_of)) if counts else ()
    missing = tuple(unread.by_account_and_kind(audit))
    began, ended = _time(output.started), _time(run.finished or "") if run else None
    return Overview(
        title="Security groups audit" if output.has_groups else "Cloud Custodian report",
        when=f"as of {summary.minute(output.started)} UTC",
        began=began,
        ended=ended,
        kind=output.kind,
        tool=run.tool if run else "",
        callers=run.callers if run else (),
        accounts_file=run.accounts_file if run else "",
        policy_files=run.policy_files if run else (),
        policies=len(output.policies),
        complete=output.complete,
        accounts_read=read_of(of_groups, lambda cell: cell.account),
        regions_read=regions_read(of_groups),
        roles_read=read_of(of_roles, lambda cell: cell.account),
        cells_read=read_of(audit.cells, lambda cell: cell.key),
        groups=_whole(counts.all["groups"]) if counts else None,
        levels=levels,
        worst=tuple(_worst(audit, findings, label_of)) if counts else (),
        urgent=len(_urgent(findings)) if counts else 0,
        accounts=accounts,
        label=label.removeprefix(PREFIX),
        unread=missing,
        gaps=tuple(unread.by_account_or_region(audit)),
        base=when_before(past),
        trend=past.trend,
        next_steps=tuple(
            _next_steps(
                levels,
                missing,
                about_roles,
                findings,
                complete=output.complete,
                own_run=output.kind == OWN_RUN,
            )
        ),
        remarks=tuple(remarks),
    )


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _whole(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def _levels(counts: RiskCounts, findings: Findings, past: Past) -> Iterator[Level]:
    risk, proven = findings.groups["risk"].astype(str), findings.proven
    reached = findings.groups["reachable"] == "yes"
    new = _new(past)
    for name in LEVELS:
        of_level = risk == name
        rows = {
            "proven": of_level & proven,
            "possible": of_level & ~proven,
            "reachable": of_level & proven & reached,
        }
        has = {
            "proven": name,
            "possible": f"{name}{POSSIBLE}",
            "reachable": f"{name}_reachable",
            "waived": f"{name}_waived",
        }
        told = {what: _whole(counts.all[column]) for what, column in has.items() if column in counts.all}
        if past.base and name in _URGENT and told["proven"] is not None:
            told["new"] = new[name]
        first = {what: int(chosen.to_numpy().argmax()) for what, chosen in rows.items() if chosen.any()}
        yield Level(name, {what: told.get(what) for what in (*has, "new")}, first)


def _new(past: Past) -> Counter[str]:
    """How many groups came to a level since the run before, by a finding that is new or has become worse, and were not
    at it by another one."""
    fresh: dict[tuple[str, str, str], int] = {}
    before = dict(fresh)
    for change in past.changes:
        if change.found.level in _URGENT and change.state is not State.GONE:
            worst = fresh if change.state is State.NEW or change.rose else before
            group = change.key.account, change.key.region, change.key.resource_id
            rank = _URGENT.index(change.found.level)
            worst[group] = min(rank, worst.get(group, rank))
    return Counter(_URGENT[rank] for group, rank in fresh.items() if rank < before.get(group, len(_URGENT)))


def _urgent(findings: Findings) -> "npt.NDArray[np.intp]":
    """The positions of the groups that something is to be done about: those that are waived are accepted."""
    urgent = findings.groups["risk"].isin(_URGENT).to_numpy() & ~findings.waived.groups.to_numpy()
    return urgent.nonzero()[0]


def _worst(audit: Audit, findings: Findings, label_of: _LabelOf) -> Iterator[WorstGroup]:
    positions = _urgent(findings)[:_WORST]
    groups = findings.groups.iloc[positions]
    attachments = audit.attachments
    ids = groups["security_group_id"].tolist()
    on = attachments[attachments["security_group_id"].isin(ids)]
    proven = findings.proven.iloc[positions].tolist()
    for number, row in enumerate(groups.to_dict("records")):
        yield WorstGroup(
            position=int(positions[number]),
            account=row["account_profile"],
            region=row["region"],
            group_id=row["security_group_id"],
            group_name=row["group_name"],
            level=str(row["risk"]),
            proven=proven[number],
            reachable=row["reachable"],
            opens=tuple(row["world_ports"]),
            behind=carriers(row, on[on["security_group_id"] == row["security_group_id"]]),
            first_seen=row["first_seen"],
            label=label_of(row["account_profile"], row["account_id"]),
        )


def _accounts(
    of_groups: Sequence[Cell], findings: Findings, counts: RiskCounts, label_of: _LabelOf
) -> Iterator[Account]:
    """The accounts, worst first; those of which no groups are known last. `of_groups` are the cells that groups are
    found and judged by."""
    frame = counts.accounts
    waived = findings.waived.groups.sort_values(kind="stable")
    first = findings.groups[["account_profile", "risk"]].loc[waived.index].drop_duplicates()
    rows = {
        (account, str(risk)): int(position)
        for account, risk, position in zip(first["account_profile"], first["risk"], first.index, strict=True)
    }
    regions = regions_by_account(of_groups)
    for position, row in frame.iterrows():
        name = row["account_profile"]
        yield Account(
            position=int(str(position)),
            name=name,
            account_id=row["account_id"],
            counts={column: _whole(row[column]) for column in (*COUNTED, "groups")},
            first={level: rows[name, level] for level in LEVELS if (name, level) in rows},
            regions=regions.get(name, Read(0, 0)),
            cells=Read(int(row["cells_planned"]), int(row["cells_planned"] - row["cells_not_read"])),
            waived={level: _whole(row[f"{level}_waived"]) or 0 for level in _URGENT},
            label=label_of(name, row["account_id"]),
        )


def _next_steps(
    levels: tuple[Level, ...],
    missing: tuple[Unread, ...],
    about_roles: frozenset[str],
    findings: Findings,
    *,
    complete: bool,
    own_run: bool,
) -> Iterator[str]:
    """What to do, the most pressing first; what is waived is accepted, and nothing is to be done about it."""
    to_do: Counter[tuple[str, str]] = _to_do(findings) if levels else Counter()

    def critical(number: int) -> str:
        not_waived = f" that {'is' if number == 1 else 'are'} not waived"
        return f"{counted(number, 'group')} of risk critical" + (
            not_waived if findings.waived.groups.any() else ""
        )

    reached, maybe = to_do["critical", "yes"], to_do["critical", "unknown"]
    if reached:
        yield (
            f"Close what the internet reaches now: {critical(reached)}{_powerful_first(findings)}. Each finding names "
            "the rule that lets it in (matched rules) and where it is reached."
        )
    if maybe:
        yield f"Close {critical(maybe)} that the internet may reach: not all that decides it is known."
    if others := to_do["critical", "no"]:
        yield (
            f"{'Then the other' if reached or maybe else 'Close'} {critical(others)}: open and in use, an "
            "address, a route or a network ACL away from being reached."
        )
    if high := _of_level(to_do, "high"):
        yield f"Move the instances off {counted(high, 'default group')}, to groups made for them."
    if missing:
        accounts = len({entry.account for entry in missing})
        again = "`sg-audit audit --resume` with the run's -c, -u and -s" if own_run else "run Custodian again"
        of = f"of {accounts:,} account{'s' if accounts > 1 else ''}: as told above, then {again}. Until then"
        if about_roles.issuperset(policy for entry in missing for policy in entry.policies):
            yield f"Read what was not read of roles, {of} it is not known what stands behind the groups there."
        else:
            yield f"Read what was not read, {of} nothing is known of it, good or bad."
    elif not complete:
        yield "Let the run come to its end: `sg-audit audit --resume`."
    if medium := _of_level(to_do, "medium"):
        yield (
            f"Delete or close {counted(medium, 'group')} of risk medium: open to the world, and one attachment from "
            "critical."
        )
    if reached or maybe or others or high or medium:
        yield "`sg-audit remedy` writes the steps for these, and those that undo them; it carries out nothing."
    soon = sum(outcome.ends_soon or outcome.expired for outcome in findings.waived.outcomes)
    if soon:
        yield f"Decide on {soon:,} waiver{'s' if soon > 1 else ''} that ended or will end soon: tab waivers."
    urgent = [level.counts for level in levels if level.name in _URGENT]
    if urgent and all(count["proven"] == 0 and not count["possible"] for count in urgent):
        yield "Nothing of risk critical, high or medium was found in what was read."


def _to_do(findings: Findings) -> Counter[tuple[str, str]]:
    """How many groups are surely of each risk that the findings not waived leave, by whether the internet reaches
    them."""
    risk = findings.waived.risk_left[findings.proven].astype(str)
    return Counter(zip(risk, findings.groups["reachable"][findings.proven], strict=True))


def _of_level(to_do: Counter[tuple[str, str]], level: str) -> int:
    return sum(number for (risk, _), number in to_do.items() if risk == level)


def _powerful_first(findings: Findings) -> str:
    """Which of the groups that the internet reaches to begin with, where roles were asked for."""
    if "role_power" not in findings.groups:
        return ""
    risk, groups = findings.waived.risk_left, findings.groups
    reached = findings.proven & (risk == "critical") & (groups["reachable"] == "yes")
    power = Counter(groups["role_power"][reached.fillna(False).astype(bool)])
    what = {word: does for word, does in _POWERFUL.items() if power[word]}
    if not what:
        return ""
    number = sum(power[word] for word in what)
    them = "it" if number == 1 else "them"
    return f", first the {number:,} with a role behind {them} that {' or '.join(what.values())} ({', '.join(what)})"
