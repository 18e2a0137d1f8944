"""An Excel workbook: a sheet a table, made to be read by people and forwarded as it is."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.chart import Chart
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_range
from xlsxwriter.worksheet import Worksheet

from reporter.findings.risk import LEVELS
from reporter.names import clean, distinct
from reporter.report.descriptions import DESCRIPTIONS
from reporter.report.formats._files import all_or_none
from reporter.report.summary import ACCOUNT, ALL, REGION, RUN, SUMMARY
from reporter.report.table import UNKNOWN, Table

SUFFIX = ".xlsx"

# https://support.microsoft.com/en-us/office/excel-specifications-and-limits-1672b34d-7043-467e-8e27-269d656771c3
MAX_CELL = 32_767  # UTF-16 units
MAX_SHEET_NAME = 31
MAX_ROWS = 1_048_575  # below the head
MAX_COLUMNS = 16_384
_MAX_NUMBER = 10**15 - 1  # of more than 15 digits Excel makes the last ones zero: those are written as text
_READABLE_SHEETS = 3  # of one table

_COLOURS = {
    "critical": ("#C00000", "#FFFFFF"),
    "high": ("#F4B183", "#000000"),
    "medium": ("#FFE699", "#000000"),
    "low": ("#DDEBF7", "#000000"),
    "none": ("#E2EFDA", "#000000"),
}
_CHART_COLOURS = {level: colours[0] for level, colours in _COLOURS.items()} | {
    "low": "#9DC3E6",
    "none": "#A9D18E",
}
_MAX_WIDTH, _MIN_WIDTH = 60, 9
_FILTER_BUTTON = 3  # characters of width
_CHARTED_NAMES = 25  # more bars than that cannot be told apart


@dataclass(frozen=True)
class _Styles:
    truth: Format
    unknown: Format


def write(stem: Path, tables: Sequence[Table], facts: Sequence[str]) -> list[Path]:
    """Write the tables to one workbook, `<stem>.xlsx`. The facts are shown on the summary.

    The workbook is written row by row, so memory does not grow with the rows.
    """
    facts = [*facts, *notes(tables)]
    name = f"{stem.name}{SUFFIX}"
    with all_or_none(stem.parent) as folder:
        scratch = folder / "rows"  # where they wait until the end
        scratch.mkdir()
        options = {"constant_memory": True, "tmpdir": scratch}
        with _os_errors(), xlsxwriter.Workbook(folder / name, options) as workbook:
            workbook.set_properties({"title": "Security groups inventory", "comments": "\n".join(facts)})
            for part, sheet_name in _sheets(tables):
                sheet = workbook.add_worksheet(sheet_name)
                _write_table(workbook, sheet, part)
                if part.name == SUMMARY:
                    _decorate_summary(workbook, sheet, part.frame, facts)
                    sheet.activate()
    return [stem.with_name(name)]


def notes(tables: Sequence[Table]) -> list[str]:
    """Which tables go on in further sheets, and which columns there is no room for."""
    lines = []
    names = (name for _, name in _sheets(tables))
    for table in tables:
        first, *further = islice(names, len(_parts(table)))
        left_out = table.frame.columns[MAX_COLUMNS:]
        if len(left_out):
            which = left_out[0] if len(left_out) == 1 else f"{left_out[0]} to {left_out[-1]}"
            lines.append(
                f"{first} leaves out {_count(len(left_out), 'column')}, {which}: a sheet holds {MAX_COLUMNS:,}; "
                "-f csv, json and parquet have all of them"
            )
        if further:
            where = further[0] if len(further) == 1 else f"{further[0]} to {further[-1]}"
            lines.append(f"{first} goes on in {where}: a sheet holds {MAX_ROWS:,} rows below its head")
        if len(further) >= _READABLE_SHEETS:
            lines[-1] += "; -f parquet has all of it in one table"
    return lines


def _count(number: int, of: str) -> str:
    return f"{number:,} {of}" if number == 1 else f"{number:,} {of}s"


def _sheets(tables: Sequence[Table]) -> list[tuple[Table, str]]:
    """What each sheet holds, and its name."""
    parts = [part for table in tables for part in _parts(table)]
    return list(zip(parts, sheet_names([part.name for part in parts]), strict=True))


def _parts(table: Table) -> list[Table]:
    """The table in pieces that a sheet holds."""
    starts = range(0, max(1, len(table.frame)), MAX_ROWS)
    return [
        replace(
            table,
            name=table.name if number == 1 else f"{table.name}_{number}",
            frame=table.frame.iloc[start : start + MAX_ROWS, :MAX_COLUMNS],
        )
        for number, start in enumerate(starts, 1)
    ]


@contextmanager
def _os_errors() -> Iterator[None]:
    """What the system refuses, such as more room on the disk, as the OSError it was."""
    try:
        yield
    except FileCreateError as error:
        raise error.args[0] from None


def sheet_names(names: Sequence[str]) -> list[str]:
    """Names that Excel takes: 31 characters, none of []:*?/\\, no quote at an end, unlike in lower case."""
    allowed = (re.sub(r"[\[\]:*?/\\]", "_", clean(name)).strip("' ") or "sheet" for name in names)
    return list(
        distinct(
            allowed,
            lambda name, ending: _start(name, MAX_SHEET_NAME - len(ending)) + ending,
            taken=["history"],  # Excel keeps this one for itself
        )
    )


def _start(name: str, units: int) -> str:
    while _length(name) > units:
        name = name[:-1]
    return name.rstrip("' ") or "sheet"


def cell_text(value: Any) -> str:
    """A value as the text of a cell: lists joined by commas, cut with `… (+N more)` at Excel's limit.

    N counts the items left out of a list, or the characters of a text.
    """
    if not isinstance(value, tuple):
        text = str(value)
        return text if _length(text) <= MAX_CELL else _cut(list(text), "")
    text = ", ".join(value)
    return text if _length(text) <= MAX_CELL else _cut(value, ", ")


def _cut(items: Sequence[str], separator: str) -> str:
    room = MAX_CELL - len(f"{separator}… (+{len(items)} more)")
    kept, used = 0, 0
    for item in items:
        used += _length(item) + (len(separator) if kept else 0)
        if used > room:
            break
        kept += 1
    ending = f"… (+{len(items) - kept} more)"
    return separator.join([*items[:kept], ending]) if separator else "".join(items[:kept]) + ending


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _write_table(workbook: xlsxwriter.Workbook, sheet: Worksheet, table: Table) -> None:
    columns = [str(name) for name in table.frame.columns]
    last_row = max(len(table.frame), 1)  # a table without rows has an empty one
    _add_table(sheet, columns, last_row)
    head = workbook.add_format(
        {"bold": True, "font_color": "#FFFFFF", "bg_color": "#1F3864", "valign": "vcenter"}
    )
    for number, name in enumerate(columns):
        sheet.write_string(0, number, name, head)
        comment = DESCRIPTIONS.get(name, "")
        full_name = table.full_name or table.name
        if number == 0 and sheet.get_name() != full_name:
            comment = f"{full_name}\n{comment}".strip()  # the sheet's name could not be all of it
        if comment:
            sheet.write_comment(0, number, comment, {"x_scale": 2.2, "font_size": 9})
    # Excel shows booleans as TRUE and FALSE whatever the number format; LibreOffice needs to be told.
    styles = _Styles(
        truth=workbook.add_format({"num_format": '"TRUE";"TRUE";"FALSE"', "align": "center"}),
        unknown=workbook.add_format({"italic": True, "font_color": "#7F6000", "bg_color": "#FFF2CC"}),
    )
    widths = [len(name) + _FILTER_BUTTON for name in columns]
    for number, row in enumerate(table.rows(), 1):
        for column, value in enumerate(row):
            width = _write_cell(sheet, number, column, value, styles)
            if width > widths[column]:
                widths[column] = width
    for column, width in enumerate(widths):
        sheet.set_column(column, column, min(max(width + 1, _MIN_WIDTH), _MAX_WIDTH))
    sheet.freeze_panes(1, 0)
    _colour(workbook, sheet, columns, last_row)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_footer("&L&A&RPage &P of &N")


def _add_table(sheet: Worksheet, columns: Sequence[str], last_row: int) -> None:
    """Make the range a real Excel table.

    xlsxwriter refuses add_table in constant_memory mode, since it would have to go back to rows it has let
    go of. Ours is declared before the first row is written, on two rows, and then told its real size:
    add_table keeps a note of every cell of its range, which would be all of the memory saved.
    """
    sheet.constant_memory = False
    name = f"t{sheet.index + 1}_" + re.sub(r"\W", "_", sheet.get_name())
    sheet.add_table(
        0,
        0,
        1,
        len(columns) - 1,
        {"name": name, "style": "Table Style Light 1", "columns": [{"header": header} for header in columns]},
    )
    sheet.constant_memory = True
    area = xl_range(0, 0, last_row, len(columns) - 1)
    sheet.tables[-1].update({"range": area, "a_range": area, "autofilter": area})
    sheet.table_cells.clear()


def _write_cell(sheet: Worksheet, row: int, column: int, value: Any, styles: "_Styles") -> int:
    """Write a value for what it is, never for what it looks like; returns its width in characters."""
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value, styles.truth)
        return 5
    if isinstance(value, float) or (isinstance(value, int) and abs(value) <= _MAX_NUMBER):
        sheet.write_number(row, column, value)
        return len(str(value))
    text = UNKNOWN if value is None else cell_text(value)
    if text:
        sheet.write_string(row, column, text, styles.unknown if text == UNKNOWN else None)
    return len(text)


def _colour(workbook: xlsxwriter.Workbook, sheet: Worksheet, columns: Sequence[str], last_row: int) -> None:
    if "risk" in columns:
        column = columns.index("risk")
        for level in LEVELS:
            rule = {
                "type": "cell",
                "criteria": "==",
                "value": f'"{level}"',
                "format": _level(workbook, level),
            }
            sheet.conditional_format(1, column, last_row, column, rule)


def _level(workbook: xlsxwriter.Workbook, level: str) -> Format:
    background, font = _COLOURS[level]
    return workbook.add_format({"bg_color": background, "font_color": font, "bold": level == "critical"})


def _decorate_summary(
    workbook: xlsxwriter.Workbook, sheet: Worksheet, frame: pd.DataFrame, facts: Sequence[str]
) -> None:
    """Charts and the facts beside the table, which stays a table like the others."""
    sheet.fit_to_pages(1, 1)
    right = len(frame.columns) + 1
    sheet.insert_textbox(
        1,
        right,
        "\n".join(facts),
        {"width": 620, "height": 24 + 20 * len(facts), "line": {"none": True}, "font": {"size": 11}},
    )
    if "scope" not in frame.columns:
        return  # no groups, no risks
    top = 3 + len(facts)
    sheet.insert_chart(top, right, _risk_chart(workbook, sheet, frame))
    for number, scope in enumerate((ACCOUNT, REGION, RUN), 1):
        rows = frame.index[frame["scope"] == scope]
        if len(rows):
            chart = _stacked_chart(workbook, sheet, frame, scope, rows[0] + 1, len(rows))
            sheet.insert_chart(top + 16 * number, right, chart)


def _risk_chart(workbook: xlsxwriter.Workbook, sheet: Worksheet, frame: pd.DataFrame) -> Chart:
    first, last = (frame.columns.get_loc(level) for level in (LEVELS[0], LEVELS[-1]))
    row = int(frame.index[frame["scope"] == ALL][0]) + 1
    chart = workbook.add_chart({"type": "column"})
    chart.add_series(
        {
            "name": "groups",
            "categories": [sheet.get_name(), 0, first, 0, last],
            "values": [sheet.get_name(), row, first, row, last],
            "categories_data": list(LEVELS),
            "values_data": frame[list(LEVELS)].iloc[row - 1].fillna(0).tolist(),
            "points": [{"fill": {"color": _CHART_COLOURS[level]}} for level in LEVELS],
            "data_labels": {"value": True},
            "gap": 60,
        }
    )
    return _finish(chart, "Security groups by risk")


def _stacked_chart(
    workbook: xlsxwriter.Workbook, sheet: Worksheet, frame: pd.DataFrame, scope: str, first: int, of: int
) -> Chart:
    count = min(of, _CHARTED_NAMES)
    names = frame.columns.get_loc("name")
    chart = workbook.add_chart({"type": "column", "subtype": "stacked"})
    for level in LEVELS:
        column = frame.columns.get_loc(level)
        chart.add_series(
            {
                "name": [sheet.get_name(), 0, column],
                "categories": [sheet.get_name(), first, names, first + count - 1, names],
                "values": [sheet.get_name(), first, column, first + count - 1, column],
                "name_data": [level],
                "categories_data": frame["name"].iloc[first - 1 : first - 1 + count].tolist(),
                "values_data": frame[level].iloc[first - 1 : first - 1 + count].fillna(0).tolist(),
                "fill": {"color": _CHART_COLOURS[level]},
                "gap": 60,
            }
        )
    # Who is not in the picture would be taken for one without groups.
    which = f", the first {count} of {of:,}" if of > count else ""
    return _finish(chart, f"Risk by {scope}{which}", legend=True)


def _finish(chart: Chart, title: str, legend: bool = False) -> Chart:
    chart.set_title({"name": title, "name_font": {"size": 12}})
    chart.set_legend({"position": "bottom"} if legend else {"none": True})
    chart.set_y_axis({"major_gridlines": {"visible": True, "line": {"color": "#D9D9D9"}}, "num_format": "0"})
    chart.set_size({"width": 620, "height": 300})
    return chart
