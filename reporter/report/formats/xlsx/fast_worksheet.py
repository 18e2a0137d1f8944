"""The worksheet of a large workbook: xlsxwriter's own, which writes the same rows with less work.

Nearly all of a workbook's time goes into its cells, of which there are millions. xlsxwriter puts each together
attribute by attribute, looks through each text five times, and writes it by itself. Here most texts are looked through
once, a row is written at once, and a cell may be made once for many rows (`row_cells`). The bytes are the same.

It stands on private parts of xlsxwriter, so it is for those versions alone that it was compared with.
"""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xlsxwriter.utility import _preserve_whitespace, xl_col_to_name
from xlsxwriter.worksheet import CellBooleanTuple, CellFormulaTuple, CellNumberTuple, CellStringTuple
from xlsxwriter.xmlwriter import XMLwriter

from reporter.report.formats.xlsx.limits import SURELY_FITS
from reporter.report.formats.xlsx.worksheet import PlainWorksheet

#: Stands for the number of a row. No text has it: xlsxwriter writes control characters another way.
ROW = "\0"

# What most texts are: printable ASCII without what XML escapes, and without a blank at an end. xlsxwriter escapes what
# may stand behind `_x` too.
_PLAIN = re.compile(r"[!-%'-;=?-~](?:[ -%'-;=?-~]*[!-%'-;=?-~])?")

_plain = XMLwriter()

#: Which rows and columns of a sheet are written, as xlsxwriter notes it.
Extent = tuple[int | None, ...]
_EXTENT = ("dim_rowmin", "dim_rowmax", "dim_colmin", "dim_colmax", "previous_row")


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

    def write_formula(self, row: int, col: int, formula: str, cell_format: Any = None, value: Any = 0) -> int:
        # xlsxwriter looks in each for functions that give several values.
        is_link = formula.startswith("=HYPERLINK(")
        if is_link and row == self._begun and self.dim_colmin <= col <= self.dim_colmax:
            self._cells[col] = CellFormulaTuple(self._prepare_formula(formula), cell_format, value)
            return 0
        return self._begin(row, self._write_formula(row, col, formula, cell_format, value))

    def element(self, row: int, column: int, content: str | float, style: Any) -> str:
        """The cell of a row that is to be written, for `write_elements`: with ROW in place of the row's number."""
        if row > self.previous_row:
            self._write_single_row(row)  # formats have their numbers in the order of the cells
        before, after = self._start(style, column)
        if isinstance(content, str):
            end = _string(content)
        else:
            end = _boolean(content) if isinstance(content, bool) else _number(content)
        return f"{before}{ROW}{after}{end}"

    def write_elements(self, row: int, column: int, elements: str) -> None:
        """Write cells side by side, the first in this column, as `element` makes them."""
        if not self._check_dimensions(row, column):
            if row > self.previous_row:
                self._write_single_row(row)
            self.table[row][column] = elements
            self._begin(row, 0)

    def set_column(self, *args: Any, **options: Any) -> int:
        self._starts.clear()
        return super().set_column(*args, **options)  # type: ignore[no-any-return]

    def end_of_rows(self) -> int:
        """Where in the file of rows the next one goes, in bytes."""
        self.row_data_fh.flush()
        return os.fstat(self.row_data_fh.fileno()).st_size

    def end_rows(self) -> Extent:
        """Write the last row out; tells what is written, for `take_over`."""
        self._write_single_row(self.previous_row + 1)
        self.row_data_fh.flush()
        return tuple(getattr(self, name) for name in _EXTENT)

    def take_over(self, extent: Extent) -> None:
        """Go on where another process has written rows into the file, and ended them."""
        for name, value in zip(_EXTENT, extent, strict=True):
            setattr(self, name, value)
        self._begun = None
        self.table.clear()
        self.row_data_fh.seek(0, os.SEEK_END)

    def cut_rows(self, end: int) -> None:
        """Take back what was written behind a place in the file of rows."""
        self.row_data_fh.seek(end)
        self.row_data_fh.truncate()

    def noted(self) -> Mapping[str, int]:
        """How much is noted of the sheet beside rows, such as links, comments and heights."""
        rows = ("table", "_cells", "_starts")
        return {
            name: len(value)
            for name, value in vars(self).items()
            if name not in rows and hasattr(value, "__len__")
        }

    def _write_optimized_sheet_data(self) -> None:
        """The rows, copied as they are: xlsxwriter takes them for text, and back."""
        if self.dim_rowmin is None:
            super()._write_optimized_sheet_data()
            return
        self._xml_start_tag("sheetData")
        self.fh.flush()
        with self.row_data_fh as rows:
            rows.flush()
            rows.buffer.seek(0)
            shutil.copyfileobj(rows.buffer, self.fh.buffer)
        Path(self.row_data_filename).unlink()
        self._xml_end_tag("sheetData")

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
            if type(cell) is str:
                parts.append(cell.replace(ROW, number))
            elif (end := _end(cell)) is not None:
                before, after = self._start(cell.format or row_format, column)
                parts.append(f"{before}{number}{after}{end}")
            else:
                self.fh.write("".join(parts))
                parts.clear()
                self._write_cell(row, column, cell)
        parts.append("</row>")
        self.fh.write("".join(parts))
        self.table.clear()

    def _start(self, style: Any, column: int) -> tuple[str, str]:
        """How a cell begins, before and after the number of its row; without a format it has its column's."""
        key = id(style), column  # a workbook keeps its formats: none takes the number of another that is gone
        start = self._starts.get(key)
        if start is None:
            if not style and column in self.col_info:
                style = self.col_info[column].column_format
            look = f' s="{style._get_xf_index()}"' if style else ""
            start = self._starts[key] = f'<c r="{xl_col_to_name(column)}', f'"{look}'
        return start


def _string(text: str) -> str:
    """A text as it stands in a cell, escaped by xlsxwriter's own rules."""
    space = ""
    if not _PLAIN.fullmatch(text) or "_x" in text:
        text = _plain._escape_control_characters(text)
        space = ' xml:space="preserve"' if _preserve_whitespace(text) else ""
        text = _plain._escape_data(text)
    return f' t="inlineStr"><is><t{space}>{text}</t></is></c>'


def _boolean(value: int) -> str:
    return f' t="b"><v>{int(value)}</v></c>'


def _number(value: float) -> str:
    return f"><v>{value:.16G}</v></c>"


def _end(cell: Any) -> str | None:
    """How a cell ends, behind its format; None of one that xlsxwriter is to write."""
    kind = type(cell)
    if kind is CellStringTuple:
        return _string(cell.string)
    if kind is CellBooleanTuple:
        return _boolean(cell.boolean)
    if kind is CellNumberTuple:
        return _number(cell.number)
    if kind is CellFormulaTuple and isinstance(cell.value, str) and cell.value[:1] not in ("", "#"):
        formula, value = _plain._escape_data(cell.formula), _plain._escape_data(cell.value)
        return f' t="str"><f>{formula}</f><v>{value}</v></c>'
    return None
