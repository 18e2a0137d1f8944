"""What a report says on the terminal when it is written."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from rich.table import Table

from reporter.inventory.audit import Audit
from reporter.inventory.risk import LEVELS
from reporter.report import tables

_ACCOUNTS = 20  # what a terminal has room for
_GAPS = 10


def risk_by_account(audit: Audit) -> Table:
    """The counts of groups by risk: of the worst accounts, and of all."""
    counts = tables.summary(audit)
    table = Table(title="Security groups by risk", title_justify="left")
    table.add_column("account")
    for level in LEVELS:
        table.add_column(level, justify="right")
    accounts = counts[counts["scope"] == tables.ACCOUNT]
    worst = accounts.sort_values(list(LEVELS), ascending=False, kind="stable").index[:_ACCOUNTS]
    for row in accounts[accounts.index.isin(worst)].itertuples(index=False):
        table.add_row(str(row.name), *(_count(getattr(row, level)) for level in LEVELS))
    if len(accounts) > len(worst):
        table.add_row(f"… {len(accounts) - len(worst)} more accounts")
    everything = counts.iloc[0]
    table.add_section()
    table.add_row("all", *(_count(everything[level]) for level in LEVELS))
    return table


def not_read(audit: Audit) -> Iterator[str]:
    """How much of what was planned was looked at, and the first of what was not, a line each."""
    yield tables.coverage_line(audit)
    for gap in audit.gaps[:_GAPS]:
        where = f"{gap.account} {gap.region} {gap.policy}"
        yield f"not read: {where}: " + " ".join(filter(None, (gap.status.value, gap.code, gap.message)))
    if len(audit.gaps) > _GAPS:
        yield f"not read: {len(audit.gaps) - _GAPS} more; the coverage tab has them all"


def _count(value: Any) -> str:
    return "unknown" if pd.isna(value) else f"{value:,}"
