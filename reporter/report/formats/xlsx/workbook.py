"""Writes a workbook."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError

from reporter.report.formats._files import all_or_none
from reporter.report.formats.xlsx.charts import decorate_summary
from reporter.report.formats.xlsx.data_sheet import write_table
from reporter.report.formats.xlsx.sheets import notes, sheets
from reporter.report.summary import SUMMARY
from reporter.report.table import Table

SUFFIX = ".xlsx"


def write(stem: Path, tables: Sequence[Table], facts: Sequence[str]) -> list[Path]:
    """Write the tables to one workbook, `<stem>.xlsx`. The facts are shown on the summary.

    The workbook is written row by row, so memory does not grow with the rows.
    """
    facts = [*facts, *notes(tables)]
    name = f"{stem.name}{SUFFIX}"
    with all_or_none(stem.parent) as folder:
        scratch = folder / "rows"  # where they wait until the end
        scratch.mkdir()
        options = {"constant_memory": True, "tmpdir": scratch}
        with _os_errors(), xlsxwriter.Workbook(folder / name, options) as workbook:
            workbook.set_properties({"title": "Security groups inventory", "comments": "\n".join(facts)})
            for part, sheet_name in sheets(tables):
                sheet = workbook.add_worksheet(sheet_name)
                write_table(workbook, sheet, part)
                if part.name == SUMMARY:
                    decorate_summary(workbook, sheet, part.frame, facts)
                    sheet.activate()
    return [stem.with_name(name)]


@contextmanager
def _os_errors() -> Iterator[None]:
    """What the system refuses, such as more room on the disk, as the OSError it was."""
    try:
        yield
    except FileCreateError as error:
        raise error.args[0] from None
