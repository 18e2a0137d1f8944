"""The overview: a page for whoever has a minute. Every count on it leads to its rows."""

from collections.abc import Sequence

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from reporter.findings.risk import LEVELS
from reporter.report import overview_charts, overview_words
from reporter.report.descriptions import LEVEL_MEANINGS
from reporter.report.formats.xlsx import charts, overview_accounts, printing
from reporter.report.formats.xlsx.links import to_cell
from reporter.report.formats.xlsx.overview_parts import LABEL, To, heading, label_head
from reporter.report.formats.xlsx.page import Page
from reporter.report.formats.xlsx.sheets import Sheet
from reporter.report.formats.xlsx.styles import NAVY, Styles
from reporter.report.overview import Level, Overview, WorstGroup
from reporter.report.overview_charts import Block
from reporter.report.table import Kind
from reporter.report.unread import Unread, some_of_each

_COLUMNS, _WIDTH = 16, 10.5  # characters
_ROW = 13.5  # points
_LEFT = 9  # columns of what has a chart on its right
_REASONS = 8
_CHART_ROWS = 11  # at the least
_PIXELS = 68, 18  # of a cell, as Excel shows it in a font of this size


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
    page, to = Page(_WIDTH, _COLUMNS, _ROW), To(behind)
    row = _title(page, styles, overview)
    if overview.levels:
        row = _levels(page, styles, overview, to, row)
        row = _worst(page, styles, overview, to, row)
    placed: list[tuple[Block, int]] = []
    bars, chart_rows, left = None, 0, _LEFT
    if overview.accounts:
        left = overview_accounts.columns(overview)
        bars = row, overview_accounts.write(page, styles, overview, to, row)
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
        rows, column = (chart_rows - 1, left) if draw is charts.bars else (_CHART_ROWS - 1, _LEFT)
        chart.set_size({"width": (_COLUMNS - column) * _PIXELS[0] - 8, "height": rows * _PIXELS[1]})
        sheet.insert_chart(top, column, chart, {"x_offset": 8, "object_position": 3})
    if bars:
        overview_accounts.add_bars(sheet, overview, *bars)
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


def _levels(page: Page, styles: Styles, overview: Overview, to: To, row: int) -> int:
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


def _figure(page: Page, styles: Styles, row: int, column: int, level: Level, to: To) -> None:
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


def _count(page: Page, styles: Styles, row: int, column: int, level: Level, kind: str, to: To) -> None:
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


def _worst_heads(overview: Overview) -> list[tuple[str, int]]:
    """Of each column its head, and how many of the grid's it takes up."""
    whose = [(label_head(overview), 1)] if overview.label else []
    return [
        ("risk", 1),
        ("account", 2),
        *whose,
        ("region", 2),
        ("group", 2),
        ("open to the world", 2),
        ("reached", 1),
        ("behind it", 4 - len(whose)),
        ("since", 1),
        ("", 1),
    ]


def _worst(page: Page, styles: Styles, overview: Overview, to: To, row: int) -> int:
    heading(page, styles, row, "The worst groups")
    if not overview.worst:
        page.put(row + 1, 0, overview_words.no_worst(overview), styles.of(), _COLUMNS)
        return row + 3
    column = 0
    for name, columns in _worst_heads(overview):
        align = "right" if column >= _COLUMNS - 2 else "left"
        page.put(row + 1, column, name, styles.head(align=align), columns)
        column += columns
    line = {"bottom": 1, "bottom_color": "#D9D9D9", "valign": "top"}
    text = styles.of(text_wrap=True, **line)
    for number, group in enumerate(overview.worst, row + 2):
        shown = group.level if group.proven else f"{group.level}?"
        page.put(number, 0, shown, styles.level(group.level, **line))
        texts = _worst_texts(group, with_label=bool(overview.label))
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
    text = overview_words.beside_worst(overview)
    if not text:
        return end + 1
    page.put(end, 0, text, styles.link(), _COLUMNS, formula=to.first(Kind.GROUPS, text))
    return end + 2


def _worst_texts(group: WorstGroup, *, with_label: bool) -> list[tuple[str, int]]:
    return [
        (overview_words.short(group.account, 40), 2),
        *([(overview_words.short(group.label, LABEL), 1)] if with_label else []),
        (group.region, 2),
        (overview_words.short(group.group_name, 40), 2),
        (overview_words.short(", ".join(group.opens), 40), 2),
        (group.reachable, 1),
        (
            overview_words.short(", ".join(group.behind) or "nothing known", 70 if with_label else 90),
            4 - with_label,
        ),
    ]


def _unread(page: Page, styles: Styles, overview: Overview, to: To, row: int) -> int:
    if not overview.unread:
        return row
    heading(page, styles, row, "What could not be read")
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
        heading(page, styles, at, "What to do next", columns)
        for number, step in enumerate(overview.next_steps, 1):
            page.put_text(at + number, 0, f"{number}. {step}", text, columns)
        at += len(overview.next_steps) + 2
    if overview.levels:
        heading(page, styles, at, "What the levels mean: the first that matches", columns)
        for number, (level, meaning) in enumerate(LEVEL_MEANINGS.items(), 1):
            page.put(at + number, 0, level, styles.level(level, valign="top"))
            page.put_text(at + number, 1, meaning, text, columns - 1)
        at += len(LEVEL_MEANINGS) + 1
    return at


def _about(page: Page, styles: Styles, overview: Overview, notes: Sequence[str], row: int) -> int:
    heading(page, styles, row, "About this report", 8)
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


def _tabs(page: Page, styles: Styles, behind: Sequence[Sheet], to: To, row: int) -> int:
    heading(page, styles, row, "The tabs", 7, column=9)
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
