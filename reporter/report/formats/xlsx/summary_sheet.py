"""The sheet of what is counted: its tables one below the other, their counts in the same columns.

A level that no group of any table has in some way, such as critical groups that are waived, has no column for it.
"""

from collections.abc import Sequence
from dataclasses import replace

from xlsxwriter.worksheet import Worksheet

from reporter.report.formats.xlsx import layout
from reporter.report.formats.xlsx.data_sheet import add_table, rows_writer, style_columns, write_head
from reporter.report.formats.xlsx.layout import Column, Content
from reporter.report.formats.xlsx.sheets import OVERVIEW
from reporter.report.formats.xlsx.styles import Styles
from reporter.report.table import Table

_NAME_WIDTH, _LONGEST_NAME, _COUNT_WIDTH = 20, 48, 11
_APART = 3  # rows from the last of a table to the next one's head


def first_rows(tables: Sequence[Table]) -> list[int]:
    """The row of each table's head, counted from 0."""
    rows, row = [], 0
    for table in tables:
        rows.append(row)
        row += max(len(table.frame), 1) + _APART
    return rows


def write(sheet: Worksheet, styles: Styles, tables: Sequence[Table], *, with_overview: bool) -> None:
    """Write the tables."""
    tables = _narrowed(tables)
    names_of = [_names(table) for table in tables]
    most = max(names_of)
    for table, row, names in zip(tables, first_rows(tables), names_of, strict=True):
        left = most - names  # so that the counts stand in the same columns
        columns = [replace(column, width=None) for column in layout.columns(table)]
        heads = [column.name for column in columns]
        if row:
            sheet.write_string(row - 1, 0, table.title, styles.text(bold=True))
        add_table(sheet, heads, row, row + max(len(table.frame), 1), left)
        if not row:
            _style(sheet, styles, columns, _name_widths(tables, most))
        write_head(sheet, styles, table, columns, row, left)
        if with_overview and not row:
            back = f"internal:{OVERVIEW}!A1"
            sheet.write_url(0, 0, back, styles.back(), columns[0].name, "Back to the overview")
        rows_writer(sheet, styles, table, columns, row + 1, first_column=left)(table.on_rows)
    sheet.freeze_panes(1, most)


def _names(table: Table) -> int:
    """How many columns stand before the counts."""
    contents = [column.content for column in layout.columns(table)]
    return contents.index(Content.NUMBER) if Content.NUMBER in contents else len(contents)


def _name_widths(tables: Sequence[Table], names: int) -> list[int]:
    """How wide the columns before the counts are, for the names of all tables."""
    widths = [_NAME_WIDTH] * names
    for table in tables:
        own = _names(table)
        for number in range(own):
            longest = max(map(len, table.frame.iloc[:, number].astype(str)), default=0)
            place = names - own + number
            widths[place] = max(widths[place], min(longest + 1, _LONGEST_NAME))
    return widths


def _style(sheet: Worksheet, styles: Styles, columns: Sequence[Column], names: Sequence[int]) -> None:
    style_columns(sheet, styles, columns)
    for number, column in enumerate(columns):
        if number < len(names):
            sheet.set_column(number, number, names[number], styles.text())
        else:
            sheet.set_column(number, number, max(_COUNT_WIDTH, len(column.name) + 4), styles.number())


def _narrowed(tables: Sequence[Table]) -> list[Table]:
    """The tables without the columns that are about a part of a level and 0, or not known, in all of them."""
    parts = {
        name
        for table in tables
        for name in map(str, table.frame.columns)
        if name.endswith(("_possible", "_reachable", "_waived"))
    }
    told = {
        name
        for table in tables
        for name in parts & set(table.frame.columns)
        if (table.frame[name].fillna(0) > 0).any()
    }
    return [
        replace(table, frame=table.frame[[name for name in table.frame.columns if name not in parts - told]])
        for table in tables
    ]
