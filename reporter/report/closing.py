"""What a report says on the terminal when it is written."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pandas as pd
from rich.table import Table
from rich.text import Text

from reporter.findings.assess import Findings
from reporter.findings.counts import COUNTED
from reporter.findings.risk import LEVELS
from reporter.inventory.audit import Audit
from reporter.output.manifest import Cell, Status
from reporter.redaction import without_controls
from reporter.report import summary
from reporter.report.advice import advise

_ACCOUNTS = 20  # what a terminal has room for
_REASONS = 10
_NAME = 12  # characters of an account's name in a line, at the least


def risk_by_account(audit: Audit, findings: Findings) -> Table:
    """The counts of groups by risk: of the worst accounts, and of all. What is only possible stands apart."""
    counts = summary.risk_counts(audit, findings)
    table = Table(title="Security groups by risk", title_justify="left")
    table.add_column("account", overflow="fold", min_width=_NAME)
    for level in LEVELS:
        table.add_column(level, justify="right", no_wrap=True)
    table.add_column("critical reachable", justify="right", max_width=len("reachable"))
    accounts = counts[counts["scope"] == summary.ACCOUNT]
    worst = accounts.sort_values(list(COUNTED), ascending=False, kind="stable").index[:_ACCOUNTS]
    for _, row in accounts[accounts.index.isin(worst)].iterrows():
        table.add_row(Text(without_controls(str(row["name"]))), *_row(row))
    if len(accounts) > len(worst):
        unknown = int(accounts.loc[~accounts.index.isin(worst), LEVELS[0]].isna().sum())
        more = f"… {len(accounts) - len(worst)} more accounts"
        table.add_row(f"{more}, {unknown} of them unknown" if unknown else more)
    everything = counts.iloc[0]
    table.add_section()
    table.add_row("all", *_row(everything))
    possible = counts[[*(f"{level}_possible" for level in LEVELS[:-1]), "critical_reachable_possible"]]
    captions = {
        "+ as far as missing answers leave it open": possible,
        "(n): so many of them waived": counts[list(summary.WAIVED)],
    }
    told = [caption for caption, shown in captions.items() if (shown.fillna(0) > 0).any(axis=None)]
    if told:
        table.caption = "; ".join(told)
        table.caption_justify = "left"
    return table


def not_read(audit: Audit) -> Iterator[str]:
    """How much of what was planned was looked at, and the first of what was not.

    A line for each account and reason: one refusal may have cost all cells of an account.
    """
    yield summary.coverage_line(audit)
    accounts = {account.name: account for account in audit.output.accounts}
    reasons: dict[tuple[str, ...], list[Cell]] = {}
    for gap in audit.gaps:
        # AWS names the call in a refusal, and so each policy's reads otherwise.
        own = "" if gap.status is Status.DENIED else gap.message
        what = (gap.account, gap.status, gap.code, advise(gap, accounts.get(gap.account)), own)
        reasons.setdefault(what, []).append(gap)
    for first, *more in islice(reasons.values(), _REASONS):
        where = f"{first.account} {first.region} {first.policy}"
        if more:
            where += f" and {_count_of(len(more), 'more cell')} of the account"
        reason = filter(None, (first.status.value, first.code, first.message))
        yield f"not read: {where}: {' '.join(reason)}"
    left = sum(map(len, list(reasons.values())[_REASONS:]))
    if left:
        yield f"not read: {_count_of(left, 'more cell')}; the coverage tab has them all"


def _count_of(number: int, of: str) -> str:
    return f"{number:,} {of}" if number == 1 else f"{number:,} {of}s"


def _row(row: "pd.Series[Any]") -> list[str]:
    return [_count(row, name) for name in (*LEVELS, "critical_reachable")]


def _count(row: "pd.Series[Any]", level: str) -> str:
    """`7`, or `7 +2` where two more are possible, `7 (3)` where three of them are waived."""
    if pd.isna(row[level]):
        return "unknown"
    possible, waived = (row.get(f"{level}_{what}", 0) for what in ("possible", "waived"))
    text = f"{row[level]:,} +{possible:,}" if possible else f"{row[level]:,}"
    return f"{text} ({waived:,})" if waived else text
