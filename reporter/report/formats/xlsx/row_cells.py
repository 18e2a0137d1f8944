"""The cells of a table's rows. Most values were in their column before: the cells of those are not made again."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import pandas as pd
from pandas.api import types
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from reporter.report.formats.xlsx import layout
from reporter.report.formats.xlsx.cells import Cells
from reporter.report.formats.xlsx.fast_worksheet import FastWorksheet
from reporter.report.formats.xlsx.layout import Column, Content
from reporter.report.formats.xlsx.styles import Styles
from reporter.report.table import Table

_KEPT = 100_000  # cells of a sheet
_MAX_LENGTH = 500  # characters of a cell's element: a longer one is hardly met again
_TEXTS = frozenset({str, tuple, type(None), type(pd.NA)})


class _ColumnElements(dict[Hashable, str]):
    """The elements of a column's cells, by value: so many of them are kept."""

    def __init__(self, make: Callable[[Any], str], kept: int) -> None:
        super().__init__()
        self._make, self._kept = make, kept

    def __missing__(self, value: Any) -> str:
        element = self._make(value)
        if self._kept and len(element) <= _MAX_LENGTH:
            if len(self) >= self._kept:
                self.clear()
            self[value] = element
        return element


def row_writer(
    sheet: Worksheet, styles: Styles, table: Table, columns: Sequence[Column], first_column: int
) -> tuple[Callable[[int, Sequence[Any]], None], list[int]]:
    """What writes the cells of a row, by its number and values, the first cell in the look of the row's risk; and the
    lengths of the longest text of each column so far."""
    of_groups, names = layout.is_of_groups(table.kind), [column.name for column in columns]
    cells = Cells(
        styles,
        [column.clipped_at for column in columns] if of_groups else (),
        at_top=any(column.at_top for column in columns),
    )
    risk_place = names.index("risk") if of_groups and "risk" in names else None
    dates = [column.content is Content.DATE for column in columns]
    marks, longest = styles.marks(), [0] * len(columns)

    def cell(place: int, value: Any, risk: Any) -> tuple[str | float, Format | None]:
        if dates[place]:
            content, style, length = cells.of_date(first_column + place, value)
        else:
            mark = None if place else marks.get(risk)
            content, style, length = cells.of(first_column + place, value, mark)
        if length > longest[place]:
            longest[place] = length
        return content, style

    def write_row(row: int, values: Sequence[Any]) -> None:
        risk = values[risk_place] if risk_place is not None else None
        for place, value in enumerate(values):
            content, style = cell(place, value, risk)
            if isinstance(content, bool):
                sheet.write_boolean(row, first_column + place, content, style)
            elif not isinstance(content, str):
                sheet.write_number(row, first_column + place, content, style)
            elif content:
                sheet.write_string(row, first_column + place, content, style)

    if not isinstance(sheet, FastWorksheet):
        return write_row, longest

    def elements_of(place: int) -> _ColumnElements:
        def element(value: Any) -> str:
            value, risk = (value, None) if place else value
            content, style = cell(place, value, risk)
            return "" if content == "" else sheet.element(at_hand, first_column + place, content, style)

        told_by_value = _is_told_by_value(table.frame.iloc[:, place])
        return _ColumnElements(element, _KEPT // len(columns) if told_by_value else 0)

    at_hand = 0
    elements = [elements_of(place) for place in range(len(columns))]

    def write_row_at_once(row: int, values: Sequence[Any]) -> None:
        nonlocal at_hand
        at_hand = row
        risk = values[risk_place] if risk_place is not None else None
        keys = ((values[0], risk), *values[1:])  # the first cell looks as the risk has it
        found = "".join([column[key] for column, key in zip(elements, keys, strict=True)])
        if found:
            sheet.write_elements(row, first_column, found)

    return write_row_at_once, longest


def _is_told_by_value(column: "pd.Series[Any]") -> bool:
    """Whether equal values of a column have the same cell: 1, 1.0 and True, or 0.0 and -0.0, have not."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        dtype = dtype.categories.dtype
    if types.is_object_dtype(dtype):
        return _TEXTS.issuperset(map(type, column))
    return bool(types.is_string_dtype(dtype) or types.is_bool_dtype(dtype) or types.is_integer_dtype(dtype))
