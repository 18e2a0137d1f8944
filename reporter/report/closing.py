"""The table that a report shows on the terminal when it is written: the worst accounts first."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from reporter.findings.assess import Findings
from reporter.findings.risk import LEVELS
from reporter.inventory.audit import Audit
from reporter.output.manifest import UNKNOWN_REGION
from reporter.redaction import without_controls
from reporter.report import summary
from reporter.report.read_shares import asked_about_roles
from reporter.report.table import UNKNOWN

_SHOWN = 20  # accounts: what a terminal has room for
_UNREAD = 10  # of them, of those that were not read whole, whatever else there is
_NAME = 14  # characters of an account's name in a line, at the least
_BETWEEN = 2  # characters, columns

_REACHABLE = "critical_reachable"
_GAPS = "gaps"
_ACCOUNT = "account"
_HEADS = {_REACHABLE: "critical reachable", _GAPS: "regions with gaps"}
#: The columns that go first where the terminal is narrow. Those that stay are whole.
_DISPENSABLE = ("none", "low", "medium", _REACHABLE, "high")

_Row = dict[str, str]


def risk_by_account(audit: Audit, findings: Findings, width: int = 80) -> Table:
    """The counts of groups by risk, of the worst accounts first, of some that were not read whole in any case, and of
    all together; in so many characters, if that can be. What is only possible stands apart.
    """
    counts = summary.risk_counts(audit, findings)
    worst_first = counts.accounts
    shown = _shown(worst_first)
    gaps = _gaps(audit)
    names = [without_controls(name) for name in shown["account_profile"]]
    rows = [_row(row, gaps.get(row["account_profile"], "")) for _, row in shown.iterrows()]
    everything = _row(counts.all, gaps.get("", ""))
    columns, left_out = _columns([*rows, everything], names, width, with_gaps=bool(gaps))
    captions = [*_more(worst_first.drop(shown.index)), *_captions(counts.all, left_out)]
    return _table(names, rows, everything, columns, captions)


def _shown(worst_first: pd.DataFrame) -> pd.DataFrame:
    """Those there is room for, in the same order; of those that were not read whole the ones that nothing is known of
    come first."""
    gaps = worst_first[worst_first["cells_not_read"] > 0]
    unread = list(gaps.sort_values(LEVELS[0], key=pd.isna, ascending=False, kind="stable").index[:_UNREAD])
    others = [row for row in worst_first.index if row not in unread][: _SHOWN - len(unread)]
    return worst_first[worst_first.index.isin([*unread, *others])]


def _more(left: pd.DataFrame) -> list[str]:
    if left.empty:
        return []
    unread = int((left["cells_not_read"] > 0).sum())
    more = "1 more account" if len(left) == 1 else f"{len(left):,} more accounts"
    return [f"… {more}, {unread:,} of them not read whole" if unread else f"… {more}"]


def _gaps(audit: Audit) -> dict[str, str]:
    """Of each account with gaps in how many of its regions they are, and under "" of all accounts together."""
    planned: dict[str, set[str]] = {}
    unread: dict[str, set[str]] = {}
    about_roles = asked_about_roles(audit.output.policies)
    for cell in audit.cells:
        if not cell.is_left_out and cell.policy not in about_roles:
            planned.setdefault(cell.account, set()).add(cell.region)
            if cell.is_gap:
                unread.setdefault(cell.account, set()).add(cell.region)
    told = {
        name: "all" if UNKNOWN_REGION in regions else f"{len(regions):,} of {len(planned[name]):,}"
        for name, regions in unread.items()
    }
    if told:
        of_all = (sum(map(len, regions.values())) for regions in (unread, planned))
        told[""] = "{:,} of {:,}".format(*of_all)
    return told


def _row(row: "pd.Series[Any]", gaps: str) -> _Row:
    """The cells; `unknown` stands but once in a row."""
    known = not pd.isna(row[LEVELS[0]])
    counts = {name: _count(row, name) if known else "?" for name in (*LEVELS, _REACHABLE)}
    return counts | ({} if known else {LEVELS[0]: UNKNOWN}) | {_GAPS: gaps}


def _count(row: "pd.Series[Any]", level: str) -> str:
    """`7`, or `7 +2` where two more are possible, `7 (3)` where three of them are waived."""
    possible, waived = (row.get(f"{level}_{what}", 0) for what in ("possible", "waived"))
    text = f"{row[level]:,} +{possible:,}" if possible else f"{row[level]:,}"
    return f"{text} ({waived:,})" if waived else text


def _columns(
    rows: Sequence[_Row], names: Sequence[str], width: int, *, with_gaps: bool
) -> tuple[dict[str, int], list[str]]:
    """The columns that there is room for, with their widths, the names' among them, and those that there is not."""
    longest = max(map(cell_len, [*names, _ACCOUNT]))
    columns = {_ACCOUNT: min(_NAME, longest)} | {
        name: max(len(word) for word in (*_head(name).split(), *(row[name] for row in rows)))
        for name in (*LEVELS, _REACHABLE, *([_GAPS] if with_gaps else []))
    }
    left_out: list[str] = []
    for name in _DISPENSABLE:
        if _wide(columns) > width:
            del columns[name]
            left_out.insert(0, _head(name))
    columns[_ACCOUNT] += min(longest - columns[_ACCOUNT], max(0, width - _wide(columns)))
    return columns, left_out


def _wide(columns: Mapping[str, int]) -> int:
    return sum(columns.values()) + _BETWEEN * (len(columns) - 1)


def _head(column: str) -> str:
    return _HEADS.get(column, column)


def _captions(counts: "pd.Series[Any]", left_out: Sequence[str]) -> list[str]:
    possible = counts[[*(f"{level}_possible" for level in LEVELS[:-1]), f"{_REACHABLE}_possible"]]
    captions = {
        "+ as far as missing answers leave it open": possible,
        "(n): so many of them waived": counts[list(summary.WAIVED)],
    }
    told = [caption for caption, shown in captions.items() if (shown.fillna(0) > 0).any()]
    lines = ["; ".join(told)] if told else []
    if left_out:
        which = "column" if len(left_out) == 1 else "columns"
        lines.append(f"Too narrow for the {which} {', '.join(left_out)}")
    return lines


def _table(
    names: Sequence[str],
    rows: Sequence[_Row],
    everything: _Row,
    columns: Mapping[str, int],
    captions: Sequence[str],
) -> Table:
    table = Table(
        title="Groups by risk, worst accounts first",
        title_justify="left",
        caption=Text("\n".join(captions)) if captions else None,
        caption_justify="left",
        box=box.SIMPLE,
        show_edge=False,
        pad_edge=False,
        padding=(0, _BETWEEN - 1, 0, 0),  # the box has a character of its own
        show_footer=True,
    )
    for name, width in columns.items():
        table.add_column(
            Text(_head(name)),
            "all" if name == _ACCOUNT else everything[name],
            justify="left" if name == _ACCOUNT else "right",
            width=width,
            overflow="fold",
            vertical="bottom",
        )
    for account, row in zip(names, rows, strict=True):
        table.add_row(*(Text(account) if name == _ACCOUNT else row[name] for name in columns))
    return table
