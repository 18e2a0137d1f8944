"""An Excel workbook: a sheet a table, made to be read by people and forwarded as it is."""

from reporter.report.formats.xlsx.cells import cell_text
from reporter.report.formats.xlsx.sheets import notes, sheet_names
from reporter.report.formats.xlsx.workbook import write

__all__ = ["SHOWS_OVERVIEW", "cell_text", "notes", "sheet_names", "write"]

SHOWS_OVERVIEW = True
