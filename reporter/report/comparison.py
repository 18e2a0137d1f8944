"""Two runs compared, as text for a terminal, as Markdown for a pull request, or as JSON."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from reporter.findings.changes import FINDING_LEVELS, Change, RunFindings, State
from reporter.findings.history import seen_before
from reporter.markdown import COMMENT_SIZE, fits, folded, most, span
from reporter.names import printable
from reporter.report.changes import by_account, in_short

_RULES = 5
_ROOM = 1_024  # bytes of a comment for what is said around a comparison
_SIGNS = {State.NEW: "+", State.CHANGED: "~", State.GONE: "-", State.NOT_COMPARABLE: "?"}


@dataclass(frozen=True)
class Comparison:
    """Two runs, each with the place that a person would name, and what became of each finding."""

    base_name: str
    base: RunFindings
    head_name: str
    head: RunFindings
    changes: Sequence[Change]

    @property
    def complete(self) -> bool:
        """Whether all was read that was planned, in both."""
        return all(run.complete and not run.cells_not_read for run in (self.base, self.head))


def fails(comparison: Comparison, level: str) -> bool:
    """Whether a finding is, or as far as missing answers leave it open may be, newly of a level or worse beside what is
    waived: it is new, or of a worse level than it was."""
    levels = FINDING_LEVELS[: FINDING_LEVELS.index(level) + 1]
    return any(_newly(change) in levels for change in comparison.changes)


def _newly(change: Change) -> str:
    """The level beside what is waived of what is new, or worse than it was; empty for all else."""
    return (change.left or change.found.level) if change.state is State.NEW or change.rose else ""


def as_json(comparison: Comparison) -> str:
    """{"base": {...}, "head": {...}, "findings": [{"state": "new", ...}]}, those that are unchanged too."""
    content = {
        "base": _run(comparison.base_name, comparison.base),
        "head": _run(comparison.head_name, comparison.head),
        "findings": [_finding(comparison, change) for change in comparison.changes],
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=1).decode()


def as_text(comparison: Comparison) -> str:
    """For a terminal: the counts by account, then each finding that is not unchanged, a line each."""
    lines = [*_summary(comparison), "", *_counts(comparison)]
    for state in _SIGNS:
        found = _lines(comparison, state)
        if found:
            lines += ["", f"{state.value} ({len(found):,}):", *(f"  {line}" for line in found)]
    return "\n".join(lines)


def as_markdown(comparison: Comparison, size: int = COMMENT_SIZE - _ROOM) -> str:
    """For a comment or an issue, of at most `size` bytes: what had to be left out is counted."""
    listed = {state: _lines(comparison, state) for state in _SIGNS}
    accounts = len(by_account(comparison.changes))
    rows = most(accounts, lambda count: fits(_markdown(comparison, listed, 0, count), size))
    longest = max(map(len, listed.values()))
    lines = most(longest, lambda count: fits(_markdown(comparison, listed, count, rows), size))
    return _markdown(comparison, listed, lines, rows)


def _markdown(comparison: Comparison, listed: dict[State, list[str]], lines: int, rows: int) -> str:
    summary, *unread = _summary(comparison)
    parts = ["### Runs compared", span(summary), *map(span, unread)]
    counts = list(_cells(comparison))
    table = [
        "| account | new | changed | gone | not comparable | unchanged |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for account, *cells in counts[:rows]:
        table.append("| " + " | ".join((span(account), *cells)) + " |")
    if counts:
        parts.append("\n".join(table))
    if rows < len(counts):
        parts.append(f"… and {len(counts) - rows:,} more accounts")
    for state, found in listed.items():
        if found:
            parts.append(folded(f"{len(found):,} {state.value}", found[:lines], len(found)))
    return "\n\n".join(parts) + "\n"


def _run(name: str, run: RunFindings) -> dict[str, Any]:
    return {
        "run": name,
        "started": run.started,
        "complete": run.complete,
        "cells_not_read": run.cells_not_read,
    }


def _finding(comparison: Comparison, change: Change) -> dict[str, Any]:
    key, found, before = change.key, change.found, change.before
    record: dict[str, Any] = {
        "state": change.state.value,
        "reason": str(change.reason),
        "account_profile": change.account_profile,
        "account_id": key.account_id,
        "region": key.region,
        "policy": key.policy,
        "resource_id": key.resource_id,
        "group_name": found.group_name,
        "level": found.level,
        "level_proven": found.level_proven,
        "reachable": found.reachable,
        "matched_rules": found.rules,
        "waived": change.waived,
        "newly": _newly(change),
        "seen_before": bool(seen_before(comparison.base, key)),
    }
    if change.state is State.CHANGED and before:
        record["before"] = {
            "level": before.level,
            "level_proven": before.level_proven,
            "reachable": before.reachable,
            "matched_rules": before.rules,
        }
    return record


def _summary(comparison: Comparison) -> Iterator[str]:
    """What has changed in a line, and a line on what of each run was not read."""
    yield (
        f"{comparison.base_name} ({comparison.base.started}) to {comparison.head_name} "
        f"({comparison.head.started}): {in_short(comparison.changes)}"
    )
    for which, run in (("older", comparison.base), ("newer", comparison.head)):
        if run.cells_not_read:
            yield f"not read in the {which} run: {run.cells_not_read:,} cells (account × region × policy)"
        if not run.complete:
            yield f"the {which} run was cut off"
    if any(change.waived for change in comparison.changes):
        yield "(n): so many of them waived"


def _counts(comparison: Comparison) -> Iterator[str]:
    """A line an account, in columns as wide as they have to be."""
    rows = [["account", *(state.value for state in State)]]
    rows += [[printable(account), *cells] for account, *cells in _cells(comparison)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        numbers = (text.rjust(width) for text, width in zip(rest, widths[1:], strict=True))
        yield "  ".join((first.ljust(widths[0]), *numbers))


def _cells(comparison: Comparison) -> Iterator[list[str]]:
    """For each account its name and, by state, `7`, or `7 (3)` where three of them are waived."""
    waived = by_account(change for change in comparison.changes if change.waived)
    for (name, account), counts in by_account(comparison.changes).items():
        apart = waived.get((name, account), Counter())
        cells = (f"{counts[each]:,}" + (f" ({apart[each]:,})" if each in apart else "") for each in State)
        yield [_account(name, account), *cells]


def _lines(comparison: Comparison, state: State) -> list[str]:
    return [f"{_SIGNS[state]} {_line(each)}" for each in comparison.changes if each.state is state]


def _line(change: Change) -> str:
    """One finding: level, account, region, policy, group, its rules, and why."""
    key, found = change.key, change.found
    text = f"{found.told_level}  {_account(change.account_profile, key.account)}  {key.region}  {key.policy}"
    text += f"  {key.resource_id}  {found.group_name}"
    if found.rules:
        more = f", +{len(found.rules) - _RULES} more" if len(found.rules) > _RULES else ""
        text += f"  [{', '.join(found.rules[:_RULES])}{more}]"
    if change.reason:
        text += f"  ({change.reason})"
    if change.waived:
        text += f"  (waived {change.waived})"
    return printable(text, 1_000)


def _account(name: str, account: str) -> str:
    return name if name == account else f"{name} ({account})"
