"""A table as a sheet of its own: a head, the rows, and a real Excel table around them.

All is written from the top down: in constant memory a cell above the row that is being written would be lost.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pandas as pd
from xlsxwriter.format import Format
from xlsxwriter.sharedstrings import SharedStringTable
from xlsxwriter.utility import xl_range
from xlsxwriter.worksheet import Worksheet

from reporter.findings.risk import LEVELS
from reporter.names import distinct
from reporter.report.descriptions import DESCRIPTIONS, description
from reporter.report.entries import Entry
from reporter.report.formats.xlsx import layout
from reporter.report.formats.xlsx.entry_columns import EntryColumns
from reporter.report.formats.xlsx.layout import Column, Content
from reporter.report.formats.xlsx.limits import MAX_LINKS
from reporter.report.formats.xlsx.links import RowsOfGroups, console, to_cell
from reporter.report.formats.xlsx.row_cells import row_writer
from reporter.report.formats.xlsx.sheets import OVERVIEW
from reporter.report.formats.xlsx.styles import Styles
from reporter.report.table import Kind, OnRows, Table

_UPRIGHT_HEAD = 104  # points: room for `has_ssh_open_world`; longer ones take two lines
_LINE = 13.5  # points
_LINKS = ("attachment_rows", "aws_console")
_LINK_WIDTHS = (14, 21)
_COMMENT = {"x_scale": 2.2, "font_size": 9}
_BATCH = 10_000


@dataclass(frozen=True)
class TableRows:
    """What is left of a table to write below its head.

    `write` writes the rows, tells now and then how many more it has, and returns how many characters the longest text
    of each column has. With that `end` makes the columns as wide as they have to be, and returns these widths.
    """

    write: Callable[[OnRows], list[int]]
    end: Callable[[Sequence[int]], list[float]]


def begin_table(
    sheet: Worksheet,
    styles: Styles,
    table: Table,
    attached: RowsOfGroups | None,
    entries: Mapping[int, Entry],
    *,
    with_overview: bool,
) -> TableRows:
    """Write the head of a table into the first row of a sheet.

    Groups get links to their rows among the attachments, and what policies found to the AWS console; after those come
    the auditors' columns, with their `entries` by the label of the row in the table's frame.
    """
    columns, of_groups = layout.columns(table), layout.is_of_groups(table.kind)
    links = _link_columns(table, columns, attached)
    last_row = max(len(table.frame), 1)  # a table without rows has an empty one
    heads = [column.name for column in columns] + list(links.values())
    auditors = EntryColumns(sheet, styles, table, heads, entries)
    add_table(sheet, heads + auditors.heads, 0, last_row)
    if of_groups:
        sheet.set_row(0, _UPRIGHT_HEAD)
    style_columns(sheet, styles, columns)
    write_head(sheet, styles, table, columns, 0)
    for number, name in enumerate(links.values(), len(columns)):
        sheet.write_string(0, number, name, styles.head())
        sheet.write_comment(0, number, DESCRIPTIONS[list(links)[number - len(columns)]], _COMMENT)
    if with_overview:
        sheet.write_url(
            0, 0, f"internal:{OVERVIEW}!A1", styles.back(), columns[0].name, "Back to the overview"
        )
    auditors.begin(last_row)
    found = _links(table.frame, tuple(links), attached)
    sheet.freeze_panes(1, layout.frozen(columns, table.kind))
    _colour(sheet, styles, columns, last_row)
    return TableRows(
        write=rows_writer(sheet, styles, table, columns, 1, found, end=auditors.write),
        end=partial(_end_table, sheet, styles, columns, list(links), of_groups),
    )


def _end_table(
    sheet: Worksheet,
    styles: Styles,
    columns: Sequence[Column],
    links: Sequence[str],
    of_groups: bool,
    longest: Sequence[int],
) -> list[float]:
    widths = [column.fitted(length, of_groups) for column, length in zip(columns, longest, strict=True)]
    for number, (column, width) in enumerate(zip(columns, widths, strict=True)):
        _set_column(sheet, styles, number, column, width)
    for number, name in enumerate(links, len(columns)):
        sheet.set_column(number, number, _LINK_WIDTHS[_LINKS.index(name)])
    return widths


def style_columns(sheet: Worksheet, styles: Styles, columns: Sequence[Column]) -> None:
    """Say how the cells of each column look, before the first is written."""
    for number, column in enumerate(columns):
        _set_column(sheet, styles, number, column, column.width or 9)


def _set_column(sheet: Worksheet, styles: Styles, number: int, column: Column, width: float) -> None:
    look = ({"valign": "top"} if column.at_top else {}) | ({"text_wrap": True} if column.wrapped else {})
    style = styles.text(**look)
    if column.content is Content.NUMBER:
        style = styles.number(indent=1, **look)
    elif column.content is Content.DATE:
        style = styles.date(indent=1, **look)
    sheet.set_column(number, number, width, style)


def write_head(
    sheet: Worksheet,
    styles: Styles,
    table: Table,
    columns: Sequence[Column],
    row: int,
    first_column: int = 0,
) -> None:
    """Write the heads, each with what its column means as a comment."""
    for number, column in enumerate(columns, first_column):
        sheet.write_string(row, number, column.name, _head(styles, column))
        comment = description(table, column.name)
        full_name = table.full_name or table.name
        if number == 0 and table.kind is not Kind.SUMMARY and sheet.get_name() != full_name:
            comment = f"{full_name}\n{comment}".strip()  # the sheet's name could not be all of it
        if comment:
            sheet.write_comment(row, number, comment, _COMMENT)


def _head(styles: Styles, column: Column) -> Format:
    if column.upright:
        return styles.head(rotation=90, align="center", font_size=9, text_wrap=True)
    if column.content in (Content.NUMBER, Content.DATE):
        return styles.head(align="right", indent=2)  # beside the button of the filter
    return styles.head()


def rows_writer(
    sheet: Worksheet,
    styles: Styles,
    table: Table,
    columns: Sequence[Column],
    row: int,
    links: Iterable[Sequence[tuple[str, str]]] = (),
    first_column: int = 0,
    end: Callable[[int, Sequence[Any]], int] | None = None,
) -> Callable[[OnRows], list[int]]:
    """What writes the rows from a row of the sheet on, the `end` of each with its row and values, which tells how many
    lines it takes up. It tells now and then how many more rows it has, and returns how many characters the longest text
    of each column has. All formats are made when it begins."""
    of_row = iter(links)
    wrapped = [number for number, column in enumerate(columns) if column.wrapped]
    write_cells, longest = row_writer(sheet, styles, table, columns, first_column)
    link, text = styles.link(), styles.text()

    def write(on_rows: OnRows) -> list[int]:
        for number, values in enumerate(replace(table, on_rows=on_rows).rows(), row):
            write_cells(number, values)
            for column, (formula, shown) in enumerate(next(of_row, ()), len(columns)):
                if formula:
                    sheet.write_formula(number, column, formula, link, shown)
                elif shown:
                    sheet.write_string(number, column, shown, text)
            lines = end(number, values) if end is not None else 1
            if wrapped:
                lines = max(lines, *(columns[each].lines(values[each]) for each in wrapped))
                sheet.set_row(number, _LINE * lines)
        return longest

    return write


def _link_columns(table: Table, columns: Sequence[Column], attached: RowsOfGroups | None) -> dict[str, str]:
    """The heads of the columns of links that a table gets, by what they link to."""
    wanted = [
        name
        for name, there in zip(
            _LINKS,
            (layout.is_of_groups(table.kind) and attached is not None, table.kind is Kind.FINDINGS),
            strict=True,
        )
        if there
    ]
    heads = distinct(wanted, lambda name, ending: name + ending, [column.name for column in columns])
    return dict(zip(wanted, heads, strict=True))


def _links(
    frame: pd.DataFrame, wanted: Sequence[str], attached: RowsOfGroups | None
) -> Iterator[Sequence[tuple[str, str]]]:
    """For each row its links: a formula, empty past what a sheet holds, and what the cell shows."""
    left = MAX_LINKS - 1  # the first cell leads back
    for start in range(0, len(frame) if wanted else 0, _BATCH):
        part = frame.iloc[start : start + _BATCH]
        ids, regions = part["security_group_id"].tolist(), part["region"].tolist()
        places = attached.of(part["security_group_id"]) if attached else [None] * len(part)
        for group_id, region, place in zip(ids, regions, places, strict=True):
            row: list[tuple[str, str]] = []
            for name in wanted:
                formula, shown = "", ""
                if name == "aws_console":
                    shown = group_id
                    formula = console(region, group_id) if left else ""
                elif place is not None:
                    sheet, first, shown = place
                    formula = to_cell(sheet, first, shown) if left else ""
                left -= bool(formula)
                row.append((formula, shown))
            yield row


def add_table(
    sheet: Worksheet, names: Sequence[str], first_row: int, last_row: int, first_column: int = 0
) -> None:
    """Make a range a real Excel table.

    xlsxwriter refuses add_table in constant_memory mode, since it would have to go back to rows it has let
    go of. Ours is declared before its first row is written, on two rows, and then told its real size:
    add_table keeps a note of every cell of its range, which would be all of the memory saved. The heads that it writes
    are written once more, by the caller; those of its own would be shared strings, which xlsxwriter may take for
    markup.
    """
    shared, sheet.str_table = sheet.str_table, SharedStringTable()
    sheet.constant_memory = False
    last_column = first_column + len(names) - 1
    name = f"t{sheet.index + 1}_{first_row + 1}_" + re.sub(r"\W", "_", sheet.get_name())
    sheet.add_table(
        first_row,
        first_column,
        first_row + 1,
        last_column,
        {"name": name, "style": "Table Style Light 15", "columns": [{"header": header} for header in names]},
    )
    sheet.constant_memory, sheet.str_table = True, shared
    area = xl_range(first_row, first_column, last_row, last_column)
    sheet.tables[-1].update({"range": area, "a_range": area, "autofilter": area})
    sheet.table_cells.clear()


def _colour(sheet: Worksheet, styles: Styles, columns: Sequence[Column], last_row: int) -> None:
    names = [column.name for column in columns]
    if "risk" in names:
        number = names.index("risk")
        for level in LEVELS:
            rule: dict[str, Any] = {"type": "cell", "criteria": "==", "value": f'"{level}"'}
            sheet.conditional_format(1, number, last_row, number, rule | {"format": styles.level(level)})
