"""How cells look: colours, fonts, formats of numbers and dates."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format

from reporter.findings.risk import LEVELS
from reporter.report.table import Kind

#: Of every cell. A size less than Excel's own shows a sixth more of a table on a laptop's screen.
FONT = {"font_name": "Calibri", "font_size": 10}

NAVY = "#1F3864"
GREY = "#7F7F7F"
LEVEL_COLOURS = {
    "critical": ("#C00000", "#FFFFFF"),
    "high": ("#F4B183", "#000000"),
    "medium": ("#FFE699", "#000000"),
    "low": ("#DDEBF7", "#000000"),
    "none": ("#E2EFDA", "#000000"),
}
CHART_COLOURS = {level: colours[0] for level, colours in LEVEL_COLOURS.items()} | {
    "low": "#9DC3E6",
    "none": "#A9D18E",
    "waived": "#BFBFBF",
}
#: Of bars behind a number, which stays readable.
BAR_COLOURS = {"critical": "#F1A3A3", "high": "#F8CBAD", "medium": "#FFE699"}
TAB_COLOURS = {
    Kind.FINDINGS: "#C00000",
    Kind.GROUPS: "#2F75B5",
    Kind.ATTACHMENTS: "#2F75B5",
    Kind.DUPLICATES: "#2F75B5",
    Kind.RESOURCES: "#2F75B5",
    Kind.CHANGES: "#ED7D31",
    Kind.WAIVERS: "#ED7D31",
    Kind.CLOSED: "#ED7D31",
    Kind.SUMMARY: "#548235",
    Kind.COVERAGE: GREY,
}

_DATE = "yyyy-mm-dd"
_WHOLE = "#,##0"


@dataclass(frozen=True)
class Styles:
    """The formats of a workbook's cells, each made once."""

    workbook: xlsxwriter.Workbook
    _made: dict[tuple[tuple[str, Any], ...], Format] = field(default_factory=dict)

    def of(self, **properties: Any) -> Format:
        """The format with these properties of xlsxwriter's."""
        key = tuple(sorted(properties.items()))
        if key not in self._made:
            made = self._made[key] = self.workbook.add_format({**FONT, **properties})
            if number := getattr(made, "_get_xf_index", None):
                number()  # now, and not by the process that happens to write the first cell of it
        return self._made[key]

    def head(self, **properties: Any) -> Format:
        return self.of(bold=True, font_color="#FFFFFF", bg_color=NAVY, valign="bottom", **properties)

    def back(self, **properties: Any) -> Format:
        """Of a head that leads back to the overview: light, as LibreOffice writes every link in dark blue."""
        return self.of(
            bold=True, underline=1, font_color=NAVY, bg_color="#D9E1F2", valign="bottom", **properties
        )

    def level(self, level: str, **properties: Any) -> Format:
        background, font = LEVEL_COLOURS[level]
        return self.of(bg_color=background, font_color=font, bold=level == "critical", **properties)

    def marks(self) -> Mapping[str, Format]:
        """Of the first cell of a row, by the row's risk; there is none where nothing is to be done at once."""
        return {level: self.level(level) for level in LEVELS[:3]}

    def truth(self) -> Format:
        # Excel shows booleans as TRUE and FALSE whatever the number format; LibreOffice needs to be told.
        return self.of(num_format='"TRUE";"TRUE";"FALSE"', align="center")

    def unknown(self, **properties: Any) -> Format:
        return self.of(italic=True, font_color="#7F6000", bg_color="#FFF2CC", **properties)

    def link(self, **properties: Any) -> Format:
        return self.of(font_color="#0563C1", underline=1, **properties)

    def text(self, **properties: Any) -> Format | None:
        """Of plain text; None where it looks as the workbook's cells do: a format in each cell takes time."""
        return self.of(**properties) if properties else None

    def clipped(self) -> Format:
        """Of a text that is longer than its cell: it does not run into the next one."""
        return self.of(align="fill")

    def number(self, **properties: Any) -> Format:
        return self.of(num_format=_WHOLE, align="right", **properties)

    def date(self, **properties: Any) -> Format:
        return self.of(num_format=_DATE, align="right", **properties)
