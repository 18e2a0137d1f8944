"""The overview: a page for whoever has a minute. Every count on it leads to its rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from reporter.findings.risk import LEVELS
from reporter.report import overview_charts, overview_words
from reporter.report.descriptions import LEVEL_MEANINGS
from reporter.report.formats.xlsx import charts, printing
from reporter.report.formats.xlsx.links import Places, to_cell
from reporter.report.formats.xlsx.page import Page
from reporter.report.formats.xlsx.sheets import Sheet
from reporter.report.formats.xlsx.styles import BAR_COLOURS, NAVY, Styles
from reporter.report.overview import Account, Level, Overview, WorstGroup
from reporter.report.overview_charts import Block
from reporter.report.table import Kind
from reporter.report.unread import Unread, some_of_each

_COLUMNS, _WIDTH = 16, 10.5  # characters
_ROW = 13.5  # points
_LEFT = 9  # columns of the accounts; the charts stand on their right
_ACCOUNTS, _UNREAD_ACCOUNTS = 15, 4  # of them at the most
_REASONS = 8
_CHART_ROWS = 11  # at the least
_PIXELS = 68, 18  # of a cell, as Excel shows it in a font of this size


@dataclass(frozen=True)
class _To:
    """Formulas that lead to what is behind the overview; empty where there is no such sheet."""

    sheets: Sequence[Sheet]

    def group(self, position: int, shown: str | int) -> str:
        """To a row of the table of groups."""
        places = Places([sheet.name for sheet in self.sheets if sheet.kind is Kind.GROUPS])
        return to_cell(*places.of(position), shown) if places.sheets else ""

    def first(self, kind: Kind, shown: str | int, row: int = 1) -> str:
        """To a row of the first sheet of a kind."""
        return next((to_cell(sheet.name, row, shown) for sheet in self.sheets if sheet.kind is kind), "")

    def account(self, account: Account, shown: str) -> str:
        """To the account among the counts."""
        return self.first(Kind.SUMMARY, shown, account.position + 2)


def write_overview(
    workbook: xlsxwriter.Workbook,
    sheet: Worksheet,
    styles: Styles,
    overview: Overview,
    behind: Sequence[Sheet],
    notes: Sequence[str],
) -> None:
    """Write the overview of the sheets behind it; `notes` say what they have no room for."""
    sheet.hide_gridlines(2)
    sheet.set_tab_color(NAVY)
    sheet.set_default_row(_ROW)
    page, to = Page(_WIDTH, _COLUMNS, _ROW), _To(behind)
    row = _title(page, styles, overview)
    if overview.levels:
        row = _levels(page, styles, overview, to, row)
        row = _worst(page, styles, overview, to, row)
    placed: list[tuple[Block, int]] = []
    bars, chart_rows = None, 0
    if overview.accounts:
        bars = row, _accounts(page, styles, overview, to, row)
        chart_rows = max(_CHART_ROWS, bars[1] - row)
        placed.append((overview_charts.worst_accounts(overview.accounts), row + 1))
        row = max(bars[1], row + chart_rows) + 1
    row = _unread(page, styles, overview, to, row)
    after = _words(page, styles, overview, row)
    if _has_trend(overview):
        placed.append((overview_charts.trend(overview.trend), row))
        after = max(after, row + _CHART_ROWS + 1)
    row = max(_about(page, styles, overview, notes, after + 1), _tabs(page, styles, behind, to, after + 1))
    last = row
    blocks = _numbers(page, styles, [block for block, _ in placed], row + 3)
    page.write(sheet)
    for (block, top), numbers in zip(placed, blocks, strict=True):
        draw = charts.bars if block.title.endswith("by account") else charts.columns
        chart = draw(workbook, sheet.get_name(), block, numbers)
        rows = chart_rows - 1 if draw is charts.bars else _CHART_ROWS - 1
        chart.set_size({"width": (_COLUMNS - _LEFT) * _PIXELS[0] - 8, "height": rows * _PIXELS[1]})
        sheet.insert_chart(top, _LEFT, chart, {"x_offset": 8, "object_position": 3})
    if bars:
        _data_bars(sheet, *bars)
    printing.set_up_overview(sheet, last, _COLUMNS - 1, overview.title, overview.when)
    sheet.activate()


def _title(page: Page, styles: Styles, overview: Overview) -> int:
    page.put(0, 0, overview.title, styles.of(bold=True, font_size=20, font_color=NAVY), 10)
    page.put(0, 10, overview.when, styles.of(font_size=12, align="right", font_color="#595959"), 6)
    page.heighten(0, 2.2)
    page.put_text(1, 0, overview_words.coverage(overview), styles.of(text_wrap=True, valign="top"), _COLUMNS)
    if not overview.complete or overview.unread:
        warning = styles.of(bold=True, font_color="#7F6000", bg_color="#FFF2CC")
        page.put(2, 0, overview_words.not_clean(overview), warning, _COLUMNS)
        return 4
    return 3


def _levels(page: Page, styles: Styles, overview: Overview, to: _To, row: int) -> int:
    """A column a level: a large figure for what is proven, and below it the rest."""
    label = styles.of(font_color="#595959")
    kinds = {"possible": "possible", "reachable": "reachable", "waived": "waived", "new": "new"}
    page.put(row + 1, 0, "groups", label)
    for number, kind in enumerate(kinds, 2):
        page.put(row + number, 0, kinds[kind], label)
    for number, level in enumerate(overview.levels):
        column = 1 + 3 * number
        page.put(
            row,
            column,
            level.name,
            styles.level(level.name, align="center", border=1, border_color="#FFFFFF"),
            3,
        )
        _figure(page, styles, row + 1, column, level, to)
        for place, kind in enumerate(kinds, 2):
            _count(page, styles, row + place, column, level, kind, to)
    page.heighten(row, 1.3)
    page.heighten(row + 1, 2.8)
    since = (
        f"new: since the run of {overview.base}"
        if overview.base
        else "new: there is no earlier run to compare with"
    )
    note = (
        "large: proven by all answers; possible: the worst that missing answers leave open; "
        f"reachable, waived: of those proven; {since}"
    )
    page.put(row + 6, 0, note, styles.of(italic=True, font_size=8, font_color="#7F7F7F"), _COLUMNS)
    return row + 8


def _figure(page: Page, styles: Styles, row: int, column: int, level: Level, to: _To) -> None:
    count = level.counts["proven"]
    colour = "#C00000" if level.name == "critical" and count else NAVY
    style = styles.of(
        bold=True, font_size=26, align="center", valign="vcenter", font_color=colour, num_format="#,##0"
    )
    if count is None:
        page.put(row, column, "unknown", styles.of(font_size=16, align="center", italic=True), 3)
        return
    formula = to.group(level.first["proven"], count) if "proven" in level.first else ""
    page.put(row, column, count, style, 3, formula=formula)


def _count(page: Page, styles: Styles, row: int, column: int, level: Level, kind: str, to: _To) -> None:
    count = level.counts[kind]
    if count is None:
        page.put(row, column, "–", styles.of(align="center", font_color="#BFBFBF"), 3)
        return
    formula = ""
    if count and kind in level.first:
        formula = to.group(level.first[kind], count)
    elif count and kind in ("waived", "new"):
        formula = to.first(Kind.WAIVERS if kind == "waived" else Kind.CHANGES, count)
    look = {"font_color": "#0563C1", "underline": 1} if formula else {"bold": bool(count)}
    page.put(row, column, count, styles.of(align="center", num_format="#,##0", **look), 3, formula=formula)


# Of each column its head, how many of the grid's it takes up, and whether it is on the right.
_WORST_COLUMNS = (
    ("risk", 1, False),
    ("account", 2, False),
    ("region", 2, False),
    ("group", 2, False),
    ("open to the world", 2, False),
    ("reached", 1, False),
    ("behind it", 4, False),
    ("since", 1, True),
    ("", 1, True),
)


def _worst(page: Page, styles: Styles, overview: Overview, to: _To, row: int) -> int:
    _heading(page, styles, row, "The worst groups")
    if not overview.worst:
        page.put(row + 1, 0, overview_words.no_worst(overview), styles.of(), _COLUMNS)
        return row + 3
    column = 0
    for name, columns, right in _WORST_COLUMNS:
        page.put(row + 1, column, name, styles.head(align="right" if right else "left"), columns)
        column += columns
    line = {"bottom": 1, "bottom_color": "#D9D9D9", "valign": "top"}
    text = styles.of(text_wrap=True, **line)
    for number, group in enumerate(overview.worst, row + 2):
        shown = group.level if group.proven else f"{group.level}?"
        page.put(number, 0, shown, styles.level(group.level, **line))
        texts = _worst_texts(group)
        page.put_row(number, 1, texts, text)
        since = overview_words.day(group.first_seen)
        date = styles.of(num_format="yyyy-mm-dd", align="right", **line)
        page.put(number, 14, since or "not known", date)
        page.put(
            number,
            15,
            "see row",
            styles.link(align="right", **line),
            formula=to.group(group.position, "see row"),
        )
        page.heighten(number, min(2, max(page.lines(words, columns) for words, columns in texts)))
    end = row + 2 + len(overview.worst)
    left = overview.urgent - len(overview.worst)
    if not left:
        return end + 1
    text = (
        f"and {left:,} more of risk critical, high or medium that {'is' if left == 1 else 'are'} not waived"
    )
    page.put(end, 0, text, styles.link(), _COLUMNS, formula=to.first(Kind.GROUPS, text))
    return end + 2


def _worst_texts(group: WorstGroup) -> list[tuple[str, int]]:
    return [
        (overview_words.short(group.account, 40), 2),
        (group.region, 2),
        (overview_words.short(group.group_name, 40), 2),
        (overview_words.short(", ".join(group.opens), 40), 2),
        (group.reachable, 1),
        (overview_words.short(", ".join(group.behind) or "nothing known", 90), 4),
    ]


def _accounts(page: Page, styles: Styles, overview: Overview, to: _To, row: int) -> int:
    """The accounts, worst first, and those of which nothing is known; returns the row after the last."""
    accounts = overview.accounts
    unread = [account for account in accounts if account.is_unread][:_UNREAD_ACCOUNTS]
    read = [account for account in accounts if not account.is_unread][: _ACCOUNTS - len(unread)]
    _heading(page, styles, row, "Accounts, worst first", _LEFT)
    page.put_row(row + 1, 0, [("account", 2), ("id", 2)], styles.head())
    for number, name in enumerate((*LEVELS[:3], "groups", "read"), 4):
        page.put(row + 1, number, name, styles.head(align="right"))
    at = row + 2
    for account in (*read, *unread):
        _account(page, styles, account, to, at)
        at += 1
    left = len(accounts) - len(read) - len(unread)
    if left:
        unknown = sum(account.is_unread for account in accounts) - len(unread)
        text = f"and {left:,} more account{'s' if left > 1 else ''}" + (
            f", {unknown:,} of them not read" if unknown else ""
        )
        page.put(at, 0, text, styles.link(), _LEFT, formula=to.first(Kind.SUMMARY, text))
        at += 1
    return at


def _account(page: Page, styles: Styles, account: Account, to: _To, row: int) -> None:
    name = overview_words.short(account.name, 24)
    page.put(row, 0, name, styles.of(), 2)
    shown = account.account_id or "no id"
    formula = to.account(account, shown) if shown.isascii() and shown.replace(" ", "").isalnum() else ""
    page.put(row, 2, shown, styles.link() if formula else styles.of(), 2, formula=formula)
    if account.is_unread:
        page.put(row, 4, "not read: its groups are not known", styles.unknown(), 4)
    else:
        for column, level in enumerate(LEVELS[:3], 4):
            count = account.counts[level] or 0
            place = to.group(account.first[level], count) if count and level in account.first else ""
            page.put(row, column, count, _linked(styles, place), formula=place)
        groups = account.counts["groups"] or 0
        place = to.group(min(account.first.values()), groups) if account.first else ""
        page.put(row, 7, groups, _linked(styles, place), formula=place)
    share = styles.of(
        num_format="0%", align="right", **({} if account.cells.share == 1 else {"bg_color": "#FFF2CC"})
    )
    page.put(row, 8, overview_words.per_cent(account.cells) / 100, share)


def _linked(styles: Styles, formula: str) -> Format:
    return styles.link(num_format="#,##0", align="right") if formula else styles.number()


def _data_bars(sheet: Worksheet, top: int, end: int) -> None:
    for column, level in enumerate(LEVELS[:3], 4):
        bar = {"type": "data_bar", "bar_color": BAR_COLOURS[level], "bar_solid": True, "min_type": "num",
               "min_value": 0, "data_bar_2010": True}  # fmt: skip
        sheet.conditional_format(top + 2, column, max(end - 1, top + 2), column, bar)


def _unread(page: Page, styles: Styles, overview: Overview, to: _To, row: int) -> int:
    if not overview.unread:
        return row
    _heading(page, styles, row, "What could not be read")
    heads = (("account", 2), ("id", 2), ("where", 3), ("reason", 3), ("what to do", 6))
    page.put_row(row + 1, 0, heads, styles.head())
    style = styles.of(text_wrap=True, valign="top", bottom=1, bottom_color="#D9D9D9")
    at = row + 2
    for entry in some_of_each(overview.unread, _REASONS):
        texts = _unread_texts(entry)
        page.put_row(at, 0, texts, style)
        page.heighten(at, min(3, max(page.lines(text, columns) for text, columns in texts)))
        at += 1
    left = len(overview.unread) - _REASONS
    text = f"and {left:,} more: tab coverage" if left > 0 else "All of it, with what AWS said: tab coverage"
    page.put(at, 0, text, styles.link(), 6, formula=to.first(Kind.COVERAGE, text))
    return at + 2


def _unread_texts(entry: Unread) -> list[tuple[str, int]]:
    reason = " ".join(filter(None, (entry.status.value, entry.code)))
    return [
        (overview_words.short(entry.account, 40), 2),
        (entry.account_id, 2),
        (overview_words.where(entry), 3),
        (overview_words.short(reason, 70), 3),
        (overview_words.short(entry.what_to_do, 200), 6),
    ]


def _has_trend(overview: Overview) -> bool:
    """Whether the groups of more than one run are known: a chart of nothing is a broken one."""
    return sum(counts.get(LEVELS[0]) is not None for _, counts in overview.trend) > 1


def _words(page: Page, styles: Styles, overview: Overview, row: int) -> int:
    """What to do next, and what the levels mean; across the page where no chart stands on the right."""
    columns = _LEFT if _has_trend(overview) else _COLUMNS
    text = styles.of(text_wrap=True, valign="top")
    at = row
    if overview.next_steps:
        _heading(page, styles, at, "What to do next", columns)
        for number, step in enumerate(overview.next_steps, 1):
            page.put_text(at + number, 0, f"{number}. {step}", text, columns)
        at += len(overview.next_steps) + 2
    if overview.levels:
        _heading(page, styles, at, "What the levels mean: the first that matches", columns)
        for number, (level, meaning) in enumerate(LEVEL_MEANINGS.items(), 1):
            page.put(at + number, 0, level, styles.level(level, valign="top"))
            page.put_text(at + number, 1, meaning, text, columns - 1)
        at += len(LEVEL_MEANINGS) + 1
    return at


def _about(page: Page, styles: Styles, overview: Overview, notes: Sequence[str], row: int) -> int:
    _heading(page, styles, row, "About this report", 8)
    label, text = styles.of(font_color="#595959", valign="top"), styles.of(text_wrap=True, valign="top")
    date = styles.of(num_format='yyyy-mm-dd hh:mm "UTC"', align="left", valign="top")
    at = row + 1
    for name, value in overview_words.about(overview):
        page.put(at, 0, name, label, 2)
        if isinstance(value, str):
            page.put_text(at, 2, value, text, 6)
        else:
            page.put(at, 2, value, date, 6)
        at += 1
    for remark in (*overview.remarks, *notes):
        page.put_text(at, 0, remark, text, 8)
        at += 1
    return at


def _tabs(page: Page, styles: Styles, behind: Sequence[Sheet], to: _To, row: int) -> int:
    _heading(page, styles, row, "The tabs", 7, column=9)
    at = row + 1
    for sheet in behind:
        formula = to_cell(sheet.name, 1, sheet.name)
        page.put(at, 9, sheet.name, styles.link() if formula else styles.of(), 2, formula=formula)
        rows = 0 if sheet.kind is Kind.SUMMARY else len(sheet.tables[0].frame)
        if sheet.kind is not Kind.SUMMARY:
            page.put(at, 11, rows, styles.number())
        page.put(at, 12, overview_words.tab(sheet.tables), styles.of(indent=1), 4)
        at += 1
    return at


def _numbers(page: Page, styles: Styles, blocks: Sequence[Block], row: int) -> list[int]:
    """The numbers behind the charts; returns the row of each block's heads."""
    small = styles.of(font_size=8, font_color="#7F7F7F")
    rows = []
    for block in blocks:
        page.put(row, 0, f"Numbers of the chart: {block.title}", small)
        rows.append(row + 1)
        page.put_row(row + 1, 1, [(name, 1) for name in block.series], small)
        for number, (name, values) in enumerate(block.rows, row + 2):
            page.put(number, 0, name, small)
            for column, value in enumerate(values, 1):
                page.put(number, column, value, small)
        row += len(block.rows) + 4
    return rows


def _heading(
    page: Page, styles: Styles, row: int, text: str, columns: int = _COLUMNS, column: int = 0
) -> None:
    style = styles.of(bold=True, font_size=12, font_color=NAVY, bottom=1, bottom_color=NAVY)
    page.put(row, column, text, style, columns)
    page.heighten(row, 1.4)
