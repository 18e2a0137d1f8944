"""The accounts on the overview, worst first, with bars."""

from collections.abc import Sequence

from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from reporter.findings.risk import LEVELS
from reporter.report import account_counts, overview_words
from reporter.report.formats.xlsx.overview_parts import LABEL, To, heading, label_head
from reporter.report.formats.xlsx.page import Page
from reporter.report.formats.xlsx.styles import BAR_COLOURS, Styles
from reporter.report.overview import Account, Overview
from reporter.report.table import Kind

_ACCOUNTS, _UNREAD_ACCOUNTS = 15, 4  # of them at the most


def columns(overview: Overview) -> int:
    """How many columns of the grid they take up."""
    return sum(wide for _, wide in _heads(overview))


def write(page: Page, styles: Styles, overview: Overview, to: To, row: int) -> int:
    """The accounts, worst first, and those of which nothing is known; returns the row after the last."""
    accounts = overview.accounts
    unread = [account for account in accounts if account.is_unread][:_UNREAD_ACCOUNTS]
    read = [account for account in accounts if not account.is_unread][: _ACCOUNTS - len(unread)]
    heads, width, column = _heads(overview), columns(overview), 0
    heading(page, styles, row, "Accounts, worst first", width)
    for name, wide in heads:
        align = "right" if column >= _place(heads, LEVELS[0]) else "left"
        page.put(row + 1, column, name, styles.head(align=align), wide)
        column += wide
    at, counted = row + 2, account_counts.columns(overview)
    for account in (*read, *unread):
        _account(page, styles, account, to, at, counted, with_label=bool(overview.label))
        at += 1
    left = len(accounts) - len(read) - len(unread)
    if left:
        unknown = sum(account.is_unread for account in accounts) - len(unread)
        text = f"and {left:,} more account{'s' if left > 1 else ''}" + (
            f", {unknown:,} of them not read" if unknown else ""
        )
        page.put(at, 0, text, styles.link(), width, formula=to.first(Kind.SUMMARY, text))
        at += 1
    return at


def _heads(overview: Overview) -> list[tuple[str, int]]:
    """Of each column of the accounts its head, and how many of the grid's it takes up."""
    whose = [(label_head(overview), 1)] if overview.label else []
    counts = (*account_counts.columns(overview), "groups", "read")
    return [("account", 2), *whose, ("id", 2), *((name, 1) for name in counts)]


def _place(heads: Sequence[tuple[str, int]], name: str) -> int:
    """The column of the grid in which a column begins; of several of one name the last, as a label may be called so."""
    last = max(number for number, (head, _) in enumerate(heads) if head == name)
    return sum(wide for _, wide in heads[:last])


def _account(
    page: Page,
    styles: Styles,
    account: Account,
    to: To,
    row: int,
    counted: Sequence[str],
    *,
    with_label: bool,
) -> None:
    name = overview_words.short(account.name, 24)
    page.put(row, 0, name, styles.of(), 2)
    column = 2
    if with_label:
        page.put(row, column, overview_words.short(account.label, LABEL), styles.of())
        column += 1
    shown = account.account_id or "no id"
    formula = to.account(account, shown) if shown.isascii() and shown.replace(" ", "").isalnum() else ""
    page.put(row, column, shown, styles.link() if formula else styles.of(), 2, formula=formula)
    groups_at = column + 2 + len(counted)
    if account.is_unread:
        wide = groups_at - column - 1
        page.put(row, column + 2, "not read: its groups are not known", styles.unknown(), wide)
    else:
        for at, name in enumerate(counted, column + 2):
            count = account_counts.count(account, name)
            place = ""
            if count and name == account_counts.WAIVED:
                place = to.first(Kind.WAIVERS, count)
            elif count and name in account.first:
                place = to.group(account.first[name], count)
            page.put(row, at, count, _linked(styles, place), formula=place)
        groups = account.counts["groups"] or 0
        place = to.group(min(account.first.values()), groups) if account.first else ""
        page.put(row, groups_at, groups, _linked(styles, place), formula=place)
    share = styles.of(
        num_format="0%", align="right", **({} if account.cells.share == 1 else {"bg_color": "#FFF2CC"})
    )
    page.put(row, groups_at + 1, overview_words.per_cent(account.cells) / 100, share)


def _linked(styles: Styles, formula: str) -> Format:
    return styles.link(num_format="#,##0", align="right") if formula else styles.number()


def add_bars(sheet: Worksheet, overview: Overview, top: int, end: int) -> None:
    """Put bars behind the counts of a table that was written from row `top` to before row `end`."""
    first_column = _place(_heads(overview), LEVELS[0])
    for column, level in enumerate(LEVELS[:3], first_column):
        bar = {"type": "data_bar", "bar_color": BAR_COLOURS[level], "bar_solid": True, "min_type": "num",
               "min_value": 0, "data_bar_2010": True}  # fmt: skip
        sheet.conditional_format(top + 2, column, max(end - 1, top + 2), column, bar)
