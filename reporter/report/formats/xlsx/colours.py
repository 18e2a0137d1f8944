"""The colours of the levels of risk."""

import xlsxwriter
from xlsxwriter.format import Format

COLOURS = {
    "critical": ("#C00000", "#FFFFFF"),
    "high": ("#F4B183", "#000000"),
    "medium": ("#FFE699", "#000000"),
    "low": ("#DDEBF7", "#000000"),
    "none": ("#E2EFDA", "#000000"),
}
CHART_COLOURS = {level: colours[0] for level, colours in COLOURS.items()} | {
    "low": "#9DC3E6",
    "none": "#A9D18E",
}


def level_format(workbook: xlsxwriter.Workbook, level: str) -> Format:
    background, font = COLOURS[level]
    return workbook.add_format({"bg_color": background, "font_color": font, "bold": level == "critical"})
