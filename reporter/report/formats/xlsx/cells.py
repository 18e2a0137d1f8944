"""A value as a cell: for what it is, never for what it looks like."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from reporter.report.formats.xlsx.limits import MAX_CELL, MAX_NUMBER, units
from reporter.report.table import UNKNOWN


@dataclass(frozen=True)
class Styles:
    truth: Format
    unknown: Format


def styles(workbook: xlsxwriter.Workbook) -> Styles:
    """The formats of cells, to be made once a workbook."""
    # Excel shows booleans as TRUE and FALSE whatever the number format; LibreOffice needs to be told.
    return Styles(
        truth=workbook.add_format({"num_format": '"TRUE";"TRUE";"FALSE"', "align": "center"}),
        unknown=workbook.add_format({"italic": True, "font_color": "#7F6000", "bg_color": "#FFF2CC"}),
    )


def cell_text(value: Any) -> str:
    """A value as the text of a cell: lists joined by commas, cut with `… (+N more)` at Excel's limit.

    N counts the items left out of a list, or the characters of a text.
    """
    if not isinstance(value, tuple):
        text = str(value)
        return text if units(text) <= MAX_CELL else _cut(list(text), "")
    text = ", ".join(value)
    return text if units(text) <= MAX_CELL else _cut(value, ", ")


def _cut(items: Sequence[str], separator: str) -> str:
    room = MAX_CELL - len(f"{separator}… (+{len(items)} more)")
    kept, used = 0, 0
    for item in items:
        used += units(item) + (len(separator) if kept else 0)
        if used > room:
            break
        kept += 1
    ending = f"… (+{len(items) - kept} more)"
    return separator.join([*items[:kept], ending]) if separator else "".join(items[:kept]) + ending


def write_cell(sheet: Worksheet, row: int, column: int, value: Any, styles: Styles) -> int:
    """Write a value for what it is, never for what it looks like; returns its width in characters."""
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value, styles.truth)
        return 5
    if isinstance(value, float) or (isinstance(value, int) and abs(value) <= MAX_NUMBER):
        sheet.write_number(row, column, value)
        return len(str(value))
    text = UNKNOWN if value is None else cell_text(value)
    if text:
        sheet.write_string(row, column, text, styles.unknown if text == UNKNOWN else None)
    return len(text)
