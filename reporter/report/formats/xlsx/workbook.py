"""Writes a workbook."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from zipfile import ZipFile

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.worksheet import Worksheet

from reporter.report.entries import NOTHING_PLACED, Entry, Placed, closed_table
from reporter.report.formats.xlsx import printing, summary_sheet
from reporter.report.formats.xlsx.data_sheet import TableRows, begin_table
from reporter.report.formats.xlsx.links import Places, RowsOfGroups
from reporter.report.formats.xlsx.overview_sheet import write_overview
from reporter.report.formats.xlsx.sheets import OVERVIEW, Sheet, notes, sheets
from reporter.report.formats.xlsx.side_by_side import SheetRows, write_rows
from reporter.report.formats.xlsx.styles import FONT, TAB_COLOURS, Styles
from reporter.report.formats.xlsx.unread_table import in_place_of_cells
from reporter.report.formats.xlsx.worksheet import PlainWorksheet
from reporter.report.formats.xlsx.zipping import SideBySideZip
from reporter.report.overview import Overview
from reporter.report.table import Kind, Table

SUFFIX = ".xlsx"

_OPTIONS = {"constant_memory": True, "default_format_properties": FONT, "default_row_height": 18}  # pixels
_WINDOW = (1366, 768)  # pixels, of a laptop
_COMPARED_WITH = ("3.3.1",)  # versions of xlsxwriter whose own rows are the same, byte for byte


def write(
    stem: Path,
    tables: Sequence[Table],
    facts: Sequence[str],
    *,
    overview: Overview | None = None,
    placed: Placed = NOTHING_PLACED,
) -> list[Path]:
    """Write the tables to one workbook, `<stem>.xlsx`, behind an overview where one is given, with the entries of
    auditors that are `placed` in it.

    The workbook is written row by row, so memory does not grow with the rows.
    """
    tables = _with_closed(tables, placed)
    said = notes(tables)
    if overview is not None:
        tables = in_place_of_cells(tables, overview)
    path = stem.with_name(f"{stem.name}{SUFFIX}")
    with (
        tempfile.TemporaryDirectory(dir=stem.parent) as scratch,  # where they wait until the end
        _os_errors(),
        _compressed_side_by_side(),
        xlsxwriter.Workbook(path, {**_OPTIONS, "tmpdir": scratch}) as workbook,
    ):
        workbook.set_size(*_WINDOW)
        workbook.set_properties(_properties(overview, [*facts, *said]))
        _write_sheets(workbook, tables, said, overview, placed)
    return [path]


def _write_sheets(
    workbook: xlsxwriter.Workbook,
    tables: Sequence[Table],
    said: Sequence[str],
    overview: Overview | None,
    placed: Placed,
) -> None:
    styles = Styles(workbook)
    behind = sheets(tables, with_overview=overview is not None)
    attached = _rows_of_groups(tables, behind)
    if overview is not None:
        write_overview(workbook, _add_sheet(workbook, OVERVIEW), styles, overview, behind, said)
    rows: list[SheetRows] = []
    when = overview.when if overview else ""
    for each in behind:
        sheet = _add_sheet(workbook, each.name)
        sheet.set_tab_color(TAB_COLOURS[each.kind])
        if each.kind is Kind.SUMMARY:
            summary_sheet.write(sheet, styles, each.tables, with_overview=overview is not None)
            printing.set_up(sheet, each, [], when)
        else:
            [table] = each.tables
            entries = _entries(table, placed)
            begun = begin_table(sheet, styles, table, attached, entries, with_overview=overview is not None)
            end = partial(_end_sheet, sheet, each, when, begun)
            rows.append(SheetRows(sheet, table.frame.size, begun.write, table.on_rows, end))
    write_rows(workbook, rows)


def _end_sheet(sheet: Worksheet, held: Sheet, when: str, rows: TableRows, longest: Sequence[int]) -> None:
    printing.set_up(sheet, held, rows.end(longest), when)


def _with_closed(tables: Sequence[Table], placed: Placed) -> list[Table]:
    """The tables, and before what is counted that of the entries that have no row any more."""
    place = next((number for number, table in enumerate(tables) if table.kind is Kind.SUMMARY), len(tables))
    closed = [closed_table(placed.closed)] if placed.closed else []
    return [*tables[:place], *closed, *tables[place:]]


def _entries(table: Table, placed: Placed) -> Mapping[int, Entry]:
    """The entries of a sheet's rows. A table that goes on in further sheets keeps policies and labels of its rows."""
    if table.kind is Kind.CLOSED:
        return dict(enumerate(placed.closed))
    return placed.by_row.get(table.policies, {})


def _add_sheet(workbook: xlsxwriter.Workbook, name: str) -> Worksheet:
    return workbook.add_worksheet(name, worksheet_class=_worksheet_class())


@cache
def _worksheet_class() -> type[Worksheet]:
    if xlsxwriter.__version__ not in _COMPARED_WITH:
        return PlainWorksheet
    from reporter.report.formats.xlsx.fast_worksheet import FastWorksheet

    return FastWorksheet


@contextmanager
def _compressed_side_by_side() -> Iterator[None]:
    """xlsxwriter looks up there what it writes zip files with, and offers no other way to say so."""
    zip_file = getattr(xlsxwriter.workbook, "ZipFile", None)
    if zip_file is ZipFile:
        xlsxwriter.workbook.ZipFile = SideBySideZip
    try:
        yield
    finally:
        if zip_file is ZipFile:
            xlsxwriter.workbook.ZipFile = zip_file


def _rows_of_groups(tables: Sequence[Table], behind: Sequence[Sheet]) -> RowsOfGroups | None:
    places = Places([sheet.name for sheet in behind if sheet.kind is Kind.ATTACHMENTS])
    found = (table for table in tables if table.kind is Kind.ATTACHMENTS)
    return next((RowsOfGroups(table.frame["security_group_id"], places) for table in found), None)


def _properties(overview: Overview | None, facts: Sequence[str]) -> dict[str, str]:
    """What a file manager shows of the document."""
    properties = {"title": "Security groups inventory", "comments": "\n".join(facts)}
    if overview is not None:
        properties |= {
            "title": overview.title,
            "subject": f"{overview.title}, {overview.when}",
            "author": ", ".join(overview.callers) or overview.tool,
            "category": "Security audit",
            "keywords": "AWS, security groups, Cloud Custodian",
        }
    return properties


@contextmanager
def _os_errors() -> Iterator[None]:
    """What the system refuses, such as more room on the disk, as the OSError it was."""
    try:
        yield
    except FileCreateError as error:
        raise error.args[0] from None
