"""What became of findings since the run before: a tab, and a line for the summary."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from reporter.findings.changes import FINDING_LEVELS, INFORMS, Change, State
from reporter.findings.past import Past
from reporter.report.summary import minute

CHANGES = "changes"

_COLUMNS = (
    "account_profile",
    "account_id",
    "region",
    "security_group_id",
    "group_name",
    "policy",
    "state",
    "reason",
    "level",
    "reachable",
    "matched_rules",
    "first_seen",
    "waived",
)
_DTYPES: dict[str, Any] = {"matched_rules": object}
#: What stands for rules that cannot be told.
NOT_TOLD = ("not told",)


def changes(past: Past) -> pd.DataFrame:
    """A row a finding that is new, changed, gone or not comparable since the run before; empty where there is none."""
    rows = [
        (
            change.account_profile,
            change.key.account_id,
            change.key.region,
            change.key.resource_id,
            change.found.group_name,
            change.key.policy,
            change.state.value,
            str(change.reason),
            change.found.told_level,
            change.found.reachable,
            NOT_TOLD if change.found.rules is None else change.found.rules,
            change.found.first_seen,
            change.waived,
        )
        for change in past.changes
        if change.state is not State.UNCHANGED
    ]
    return pd.DataFrame(
        {
            name: pd.Series([row[number] for row in rows], dtype=_DTYPES.get(name, "str"))
            for number, name in enumerate(_COLUMNS)
        }
    )


def since_line(past: Past) -> str:
    """What has changed, in a line: `Findings: 3 new critical, 5 gone since 2026-11-18`. Else groups are counted."""
    if past.base is None:
        return "No earlier run to compare with"
    return f"Findings: {in_short(past.changes)} since {when_before(past)}"


def when_before(past: Past) -> str:
    """When the run before began, empty where there is none: the day, and the minute where other runs are of it too."""
    if past.base is None:
        return ""
    began = minute(past.base.started)
    days = [minute(started)[:10] for started, _ in past.trend]
    return f"{began} UTC" if days.count(began[:10]) > 1 else began[:10]


def in_short(changes: Iterable[Change]) -> str:
    """How many findings are new, by level, and how many changed, are gone or cannot be compared, and of each how many
    are waived."""
    changes = list(changes)
    states, waived = (
        Counter(name for change in of for name in _counted(change))
        for of in (changes, [change for change in changes if change.waived])
    )
    parts = [
        _counts(states, waived, f"{State.NEW} {told}", f"new {'informing' if level == INFORMS else told}")
        for level in FINDING_LEVELS
        for told in (level, f"possibly {level}")
        if states[f"{State.NEW} {told}"]
    ]
    parts += [
        _counts(states, waived, state, state.value)
        for state in (State.CHANGED, State.GONE, State.NOT_COMPARABLE)
        if states[state]
    ]
    return ", ".join(parts) or "nothing new, changed or gone"


def _counted(change: Change) -> tuple[str, str]:
    """What a change is counted as: its state, and its state and level."""
    return change.state, f"{change.state} {change.found.told_level}"


def _counts(all_of: Mapping[str, int], waived: Mapping[str, int], counted: str, name: str) -> str:
    return f"{all_of[counted]:,} {name}" + (
        f", {waived[counted]:,} of them waived" if waived[counted] else ""
    )


def by_account(changes: Iterable[Change]) -> Mapping[tuple[str, str], Counter[State]]:
    """How many findings are of each state, by account: its name and what tells it from others."""
    counts: dict[tuple[str, str], Counter[State]] = {}
    for change in changes:
        account = change.account_profile, change.key.account
        counts.setdefault(account, Counter())[change.state] += 1
    return dict(sorted(counts.items()))
