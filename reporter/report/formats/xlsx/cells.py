"""A value as a cell: for what it is, never for what it looks like."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from xlsxwriter.format import Format

from reporter.report.formats.xlsx.limits import MAX_CELL, MAX_NUMBER, SURELY_FITS, units
from reporter.report.formats.xlsx.styles import Styles
from reporter.report.table import UNKNOWN

_DAY_ZERO = date(1899, 12, 30).toordinal()  # of Excel's calendar, since March 1900


class Cells:
    """Tells what stands in the cells of a sheet: a text, number or boolean, its format (None for that of the column)
    and its length in characters. Nothing stands in that of an empty text."""

    def __init__(self, styles: Styles, clipped_at: Sequence[float] = (), *, at_top: bool = False) -> None:
        """`clipped_at` says of columns how long a text may be that can run on into an empty cell beside it, and
        `at_top` whether the cells stand beside texts of several lines."""
        look = {"valign": "top"} if at_top else {}
        self._clipped_at, self._clipped = clipped_at, styles.clipped()
        self._truth, self._unknown = styles.truth(), styles.unknown(**look)
        self._date = styles.date(indent=1, **look)

    def of(
        self, column: int, value: Any, style: Format | None = None
    ) -> tuple[str | float, Format | None, int]:
        """The cell of a value, in the column's format where none is given."""
        if type(value) is str:  # as most are
            text = value if len(value) <= SURELY_FITS else cell_text(value)
        elif isinstance(value, bool):
            return value, self._truth, 5
        elif isinstance(value, float) or (isinstance(value, int) and abs(value) <= MAX_NUMBER):
            return value, style, len(str(value))
        else:
            text = UNKNOWN if value is None else cell_text(value)
        if text == UNKNOWN:
            style = self._unknown
        elif style is None and column < len(self._clipped_at) and len(text) > self._clipped_at[column]:
            style = self._clipped
        return text, style, len(text)

    def of_date(
        self, column: int, value: Any, style: Format | None = None
    ) -> tuple[str | float, Format | None, int]:
        """The cell of a day, as ISO 8601 has it; of anything else as it is."""
        day = _day(value) if isinstance(value, str) else None
        return self.of(column, value) if day is None else (day, self._date, len(value))


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
