"""A table as a sheet of its own: a head, the rows, and a real Excel table around them."""

import re
from collections.abc import Sequence

import xlsxwriter
from xlsxwriter.utility import xl_range
from xlsxwriter.worksheet import Worksheet

from reporter.findings.risk import LEVELS
from reporter.report.descriptions import DESCRIPTIONS
from reporter.report.formats.xlsx.cells import styles, write_cell
from reporter.report.formats.xlsx.colours import level_format
from reporter.report.table import Table

_MAX_WIDTH, _MIN_WIDTH = 60, 9
_FILTER_BUTTON = 3  # characters of width


def write_table(workbook: xlsxwriter.Workbook, sheet: Worksheet, table: Table) -> None:
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
    formats = styles(workbook)
    widths = [len(name) + _FILTER_BUTTON for name in columns]
    for number, row in enumerate(table.rows(), 1):
        for column, value in enumerate(row):
            width = write_cell(sheet, number, column, value, formats)
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


def _colour(workbook: xlsxwriter.Workbook, sheet: Worksheet, columns: Sequence[str], last_row: int) -> None:
    if "risk" in columns:
        column = columns.index("risk")
        for level in LEVELS:
            rule = {
                "type": "cell",
                "criteria": "==",
                "value": f'"{level}"',
                "format": level_format(workbook, level),
            }
            sheet.conditional_format(1, column, last_row, column, rule)
