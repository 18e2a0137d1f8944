"""A page that is put together in any order and then written from the top down, as constant memory has it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

Value = str | int | float | datetime | None


@dataclass(frozen=True)
class _Piece:
    value: Value
    style: Format
    columns: int
    formula: str


class Page:
    """A grid of columns of one width."""

    def __init__(self, width: float, columns: int, row_height: float) -> None:
        """`width` is in characters, `row_height` in points."""
        self.width, self.columns, self.row_height = width, columns, row_height
        self._pieces: dict[int, dict[int, _Piece]] = {}
        self._lines: dict[int, float] = {}

    def put(
        self, row: int, column: int, value: Value, style: Format, columns: int = 1, *, formula: str = ""
    ) -> None:
        """Put a value across so many columns; where a formula is given, the value is what it comes to."""
        self._pieces.setdefault(row, {})[column] = _Piece(value, style, columns, formula)

    def heighten(self, row: int, lines: float) -> None:
        """Have room for so many lines in a row, at the least."""
        self._lines[row] = max(lines, self._lines.get(row, 1))

    def lines(self, text: str, columns: int) -> int:
        """How many lines a text takes up across so many columns, roughly."""
        return max(1, sum(ceil(len(part) / (columns * self.width * 1.2)) for part in text.split("\n")))

    def put_text(self, row: int, column: int, text: str, style: Format, columns: int) -> None:
        """Put a text that is wrapped, with room for all of it."""
        self.put(row, column, text, style, columns)
        self.heighten(row, self.lines(text, columns))

    def put_row(self, row: int, column: int, values: Sequence[tuple[str, int]], style: Format) -> None:
        """Put texts beside each other, each with the columns it takes up."""
        for text, columns in values:
            self.put(row, column, text, style, columns)
            column += columns

    def write(self, sheet: Worksheet) -> None:
        """Write all of it."""
        sheet.set_column(0, self.columns - 1, self.width)
        for row in sorted({*self._pieces, *self._lines}):
            if row in self._lines:
                sheet.set_row(row, self.row_height * self._lines[row])
            for column, piece in sorted(self._pieces.get(row, {}).items()):
                _write(sheet, row, column, piece)


def _write(sheet: Worksheet, row: int, column: int, piece: _Piece) -> None:
    value, style = piece.value, piece.style
    if piece.columns > 1:
        sheet.merge_range(row, column, row, column + piece.columns - 1, "", style)
    if piece.formula:
        sheet.write_formula(row, column, piece.formula, style, value)
    elif isinstance(value, datetime):
        sheet.write_datetime(row, column, value.replace(tzinfo=None), style)
    elif isinstance(value, str):
        sheet.write_string(row, column, value, style)
    elif value is not None:
        sheet.write_number(row, column, value, style)
