"""What a report says on the terminal when it is written."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from rich.table import Table
from rich.text import Text

from reporter.findings.assess import Findings
from reporter.findings.risk import LEVELS
from reporter.inventory.audit import Audit
from reporter.redaction import without_controls
from reporter.report import summary

_ACCOUNTS = 20  # what a terminal has room for
_GAPS = 10


def risk_by_account(audit: Audit, findings: Findings) -> Table:
    """The counts of groups by risk: of the worst accounts, and of all. What is only possible stands apart."""
    counts = summary.risk_counts(audit, findings)
    table = Table(title="Security groups by risk", title_justify="left")
    table.add_column("account")
    for level in LEVELS:
        table.add_column(level, justify="right")
    table.add_column("critical and reachable", justify="right")
    accounts = counts[counts["scope"] == summary.ACCOUNT]
    worst = accounts.sort_values(list(summary.COUNTED), ascending=False, kind="stable").index[:_ACCOUNTS]
    for _, row in accounts[accounts.index.isin(worst)].iterrows():
        table.add_row(Text(without_controls(str(row["name"]))), *_row(row))
    if len(accounts) > len(worst):
        table.add_row(f"… {len(accounts) - len(worst)} more accounts")
    everything = counts.iloc[0]
    table.add_section()
    table.add_row("all", *_row(everything))
    possible = counts[[*(f"{level}_possible" for level in LEVELS[:-1]), "critical_reachable_possible"]]
    if (possible.fillna(0) > 0).any(axis=None):
        table.caption = "+ as far as missing answers leave it open"
        table.caption_justify = "left"
    return table


def not_read(audit: Audit) -> Iterator[str]:
    """How much of what was planned was looked at, and the first of what was not, a line each."""
    yield summary.coverage_line(audit)
    for gap in audit.gaps[:_GAPS]:
        where = f"{gap.account} {gap.region} {gap.policy}"
        yield f"not read: {where}: " + " ".join(filter(None, (gap.status.value, gap.code, gap.message)))
    if len(audit.gaps) > _GAPS:
        yield f"not read: {len(audit.gaps) - _GAPS} more; the coverage tab has them all"


def _row(row: "pd.Series[Any]") -> list[str]:
    return [_count(row, name) for name in (*LEVELS, "critical_reachable")]


def _count(row: "pd.Series[Any]", level: str) -> str:
    """`7`, or `7 +2` where two more are possible."""
    if pd.isna(row[level]):
        return "unknown"
    possible = row.get(f"{level}_possible", 0)
    return f"{row[level]:,} +{possible:,}" if possible else f"{row[level]:,}"
