"""A value as a cell: for what it is, never for what it looks like."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from reporter.report.formats.xlsx.limits import MAX_CELL, MAX_NUMBER, SURELY_FITS, units
from reporter.report.formats.xlsx.styles import Styles
from reporter.report.table import UNKNOWN

_DAY_ZERO = date(1899, 12, 30).toordinal()  # of Excel's calendar, since March 1900


class Cells:
    """Writes the cells of a sheet."""

    def __init__(
        self, sheet: Worksheet, styles: Styles, clipped_at: Sequence[float] = (), *, at_top: bool = False
    ) -> None:
        """`clipped_at` says of columns how long a text may be that can run on into an empty cell beside it, and
        `at_top` whether the cells stand beside texts of several lines."""
        look = {"valign": "top"} if at_top else {}
        self._sheet, self._clipped_at = sheet, clipped_at
        self._clipped = styles.clipped()
        self._truth, self._unknown = styles.truth(), styles.unknown(**look)
        self._date = styles.date(indent=1, **look)

    def write(self, row: int, column: int, value: Any, style: Format | None = None) -> int:
        """Write a value, in the column's format where none is given; returns its width in characters."""
        if type(value) is str:  # as most are
            text = value if len(value) <= SURELY_FITS else cell_text(value)
        elif isinstance(value, bool):
            self._sheet.write_boolean(row, column, value, self._truth)
            return 5
        elif isinstance(value, float) or (isinstance(value, int) and abs(value) <= MAX_NUMBER):
            self._sheet.write_number(row, column, value, style)
            return len(str(value))
        else:
            text = UNKNOWN if value is None else cell_text(value)
        if not text:
            return 0
        if text == UNKNOWN:
            style = self._unknown
        elif style is None and column < len(self._clipped_at) and len(text) > self._clipped_at[column]:
            style = self._clipped
        self._sheet.write_string(row, column, text, style)
        return len(text)

    def write_date(self, row: int, column: int, value: Any) -> int:
        """Write a day, as ISO 8601 has it; anything else as it is."""
        day = _day(value) if isinstance(value, str) else None
        if day is None:
            return self.write(row, column, value)
        self._sheet.write_number(row, column, day, self._date)
        return len(value)


@lru_cache(maxsize=4096)
def _day(text: str) -> int | None:
    try:
        return date.fromisoformat(text).toordinal() - _DAY_ZERO
    except ValueError:
        return None


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
