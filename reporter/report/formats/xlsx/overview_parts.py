"""What the parts of the overview share: links, headings, and the accounts' label."""

from collections.abc import Sequence
from dataclasses import dataclass

from reporter.report import overview_words
from reporter.report.formats.xlsx.links import Places, to_cell
from reporter.report.formats.xlsx.page import Page
from reporter.report.formats.xlsx.sheets import Sheet
from reporter.report.formats.xlsx.styles import NAVY, Styles
from reporter.report.overview import Account, Overview
from reporter.report.table import Kind

#: Characters of what the accounts file says of an account: what a column of the grid has room for.
LABEL = 11


@dataclass(frozen=True)
class To:
    """Formulas that lead to what is behind the overview; empty where there is no such sheet."""

    sheets: Sequence[Sheet]

    def group(self, position: int, shown: str | int) -> str:
        """To a row of the table of groups."""
        places = Places([sheet.name for sheet in self.sheets if sheet.kind is Kind.GROUPS])
        return to_cell(*places.of(position), shown) if places.sheets else ""

    def first(self, kind: Kind, shown: str | int, row: int = 1) -> str:
        """To a row of the first sheet of a kind."""
        return next((to_cell(sheet.name, row, shown) for sheet in self.sheets if sheet.kind is kind), "")

    def account(self, account: Account, shown: str) -> str:
        """To the account among the counts."""
        return self.first(Kind.SUMMARY, shown, account.position + 2)


def label_head(overview: Overview) -> str:
    """The head of the column of the accounts' label."""
    return overview_words.short(overview.label, LABEL)


def heading(
    page: Page, styles: Styles, row: int, text: str, columns: int | None = None, column: int = 0
) -> None:
    """Put a heading across so many columns, or all."""
    style = styles.of(bold=True, font_size=12, font_color=NAVY, bottom=1, bottom_color=NAVY)
    page.put(row, column, text, style, columns or page.columns)
    page.heighten(row, 1.4)
