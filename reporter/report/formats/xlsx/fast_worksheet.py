"""The worksheet of a large workbook: xlsxwriter's own, which writes the same rows with less work.

Nearly all of a workbook's time goes into its cells, of which there are millions. xlsxwriter puts each together
attribute by attribute, looks through each text four times, and writes it by itself. Here a text that was met before is
not looked through again, and a row is written at once. The bytes are the same.

It stands on private parts of xlsxwriter, so it is for those versions alone that it was compared with.
"""

from functools import lru_cache
from typing import Any

from xlsxwriter.utility import _preserve_whitespace, xl_col_to_name
from xlsxwriter.worksheet import CellBooleanTuple, CellNumberTuple, CellStringTuple
from xlsxwriter.xmlwriter import XMLwriter

from reporter.report.formats.xlsx.limits import SURELY_FITS
from reporter.report.formats.xlsx.worksheet import PlainWorksheet

_KEPT = 200  # characters: a longer text is hardly met again

_plain = XMLwriter()


class FastWorksheet(PlainWorksheet):
    """Writes a row at once, in constant memory."""

    previous_row: int

    def __init__(self) -> None:
        super().__init__()
        self._begun: int | None = None  # the row that is being written
        self._cells: dict[int, Any] = {}  # what is in it
        self._starts: dict[tuple[int, int], tuple[str, str]] = {}

    # Beside what is done here, xlsxwriter's own look whether a cell was named as "A1", which ours never are, and
    # whether it is within the sheet and the rows in order, which the first cell of a row tells for all of it.

    def write_string(self, row: int, col: int, string: str, cell_format: Any = None) -> int:
        if row == self._begun and self.dim_colmin <= col <= self.dim_colmax and len(string) <= SURELY_FITS:
            self._cells[col] = CellStringTuple(string, cell_format)
            return 0
        return self._begin(row, self._write_string(row, col, string, cell_format))

    def write_boolean(self, row: int, col: int, boolean: bool, cell_format: Any = None) -> int:
        if row == self._begun and self.dim_colmin <= col <= self.dim_colmax:
            self._cells[col] = CellBooleanTuple(int(boolean), cell_format)
            return 0
        return self._begin(row, self._write_boolean(row, col, boolean, cell_format))

    def set_column(self, *args: Any, **options: Any) -> int:
        self._starts.clear()
        return super().set_column(*args, **options)  # type: ignore[no-any-return]

    def _begin(self, row: int, result: int) -> int:
        if self.constant_memory and row == self.previous_row:
            self._begun, self._cells = row, self.table[row]
        return result

    def _write_single_row(self, current_row_num: int = 0) -> None:
        row = self.previous_row
        self._begun = None
        cells = self.table.get(row)
        if not cells:
            super()._write_single_row(current_row_num)
            return
        self.previous_row = current_row_num
        info = self.row_info.get(row)
        self._write_row(row, None, info)
        row_format, number = info.row_format if info else None, str(row + 1)
        parts: list[str] = []
        for column in sorted(cells):
            cell = cells[column]
            style = cell.format or row_format
            # A workbook keeps its formats, so that none takes the number of another that is gone.
            start = self._starts.get((id(style), column))
            if start is None:
                start = self._starts[id(style), column] = self._start(style, column)
            before, after = start
            kind = type(cell)
            if kind is CellStringTuple:
                text = cell.string
                inline = _inline_kept(text) if len(text) <= _KEPT else _inline(text)
                parts.append(f'{before}{number}{after} t="inlineStr"><is>{inline}</is></c>')
            elif kind is CellBooleanTuple:
                parts.append(f'{before}{number}{after} t="b"><v>{cell.boolean}</v></c>')
            elif kind is CellNumberTuple:
                parts.append(f"{before}{number}{after}><v>{cell.number:.16G}</v></c>")
            else:
                self.fh.write("".join(parts))
                parts.clear()
                self._write_cell(row, column, cell)
        parts.append("</row>")
        self.fh.write("".join(parts))
        self.table.clear()

    def _start(self, style: Any, column: int) -> tuple[str, str]:
        """How a cell begins, before and after the number of its row; without a format it has its column's."""
        if not style and column in self.col_info:
            style = self.col_info[column].column_format
        look = f' s="{style._get_xf_index()}"' if style else ""
        return f'<c r="{xl_col_to_name(column)}', f'"{look}'


def _inline(text: str) -> str:
    """A text as the element that stands in a cell, escaped by xlsxwriter's own rules."""
    text = _plain._escape_control_characters(text)
    space = ' xml:space="preserve"' if _preserve_whitespace(text) else ""
    return f"<t{space}>{_plain._escape_data(text)}</t>"


_inline_kept = lru_cache(maxsize=1 << 16)(_inline)
