"""How sheets come out of a printer."""

from collections.abc import Sequence

from xlsxwriter.worksheet import Worksheet

from reporter.report.formats.xlsx.layout import printed
from reporter.report.formats.xlsx.limits import MAX_HEADER
from reporter.report.formats.xlsx.sheets import Sheet
from reporter.report.table import Kind

_A4 = 9
_SAMPLE = 40  # rows of what nobody reads on paper
_ON_SCREEN = frozenset({Kind.GROUPS, Kind.ATTACHMENTS, Kind.RESOURCES})


def set_up(sheet: Worksheet, held: Sheet, widths: Sequence[float], when: str) -> None:
    """Print a sheet so that it can be read: across, as wide as a page, its head and title on each.

    Of the lists of all there is one page is printed, which says where to look. `widths` are those of the columns.
    """
    table = held.tables[0]
    rows, title = len(table.frame), table.title or table.name
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.set_margins(left=0.4, right=0.4, top=0.8, bottom=0.6)
    sheet.repeat_rows(0)
    if table.kind in _ON_SCREEN and rows > _SAMPLE:
        title = (
            f"{title}: the first {_SAMPLE} of {rows:,} rows. All are in the workbook; start with its overview"
        )
        rows = _SAMPLE
        sheet.fit_to_pages(1, 1)
    else:
        sheet.fit_to_pages(1, 0)
    if len(held.tables) == 1:
        columns = printed(table, widths, all_columns=table.kind not in _ON_SCREEN)
        sheet.print_area(0, 0, max(rows, 1), columns - 1)
    sheet.set_header(_header(title, when))
    sheet.set_footer("&L&8&A&R&8Page &P of &N")


def _header(title: str, when: str) -> str:
    start, end = '&L&"Calibri,Bold"&11', f"&R&8{_escaped(when)}"
    room = MAX_HEADER - len(start) - len(end)
    shown = _escaped(title)
    while len(shown) > room:
        title = title[:-2].rstrip() + "…"
        shown = _escaped(title)
    return start + shown + end


def _escaped(text: str) -> str:
    """A text of ours as Excel's codes for headers have it; one that begins with a digit would be a font's size."""
    shown = " ".join(text.split()).replace("&", "&&")
    return f" {shown}" if shown[:1].isdigit() else shown


def set_up_overview(sheet: Worksheet, last_row: int, last_column: int, title: str, when: str) -> None:
    """Print the overview on one page, without the numbers behind its charts."""
    sheet.set_portrait()
    sheet.set_paper(_A4)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.5)
    sheet.fit_to_pages(1, 1)
    sheet.center_horizontally()
    sheet.print_area(0, 0, last_row, last_column)
    sheet.set_footer(f"&L&8{_escaped(title)}, {_escaped(when)}&R&8Page &P of &N")
