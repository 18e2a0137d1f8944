"""The charts of the overview. Their numbers stand in a block of their own, which nobody sorts."""

from typing import Any

import xlsxwriter
from xlsxwriter.chart import Chart

from reporter.report.formats.xlsx.styles import CHART_COLOURS, GREY
from reporter.report.overview_charts import NOT_READ, Block

# Left to itself LibreOffice wraps the names, and then leaves out every other one if they are many. Shares of the chart.
_FEW = 8  # names
_ROOM_FOR_NAMES = {"x": 0.42, "y": 0.16, "width": 0.55, "height": 0.7}


def bars(workbook: xlsxwriter.Workbook, sheet: str, block: Block, row: int) -> Chart:
    """A bar a row, cut by series; `row` is that of the block's heads, from the first column on."""
    chart = workbook.add_chart({"type": "bar", "subtype": "stacked"})
    _fill(chart, sheet, block, row)
    chart.set_y_axis({"reverse": True, "interval_unit": 1, "num_font": {"size": 7}, "line": {"none": True}})
    chart.set_x_axis(_numbers())
    if len(block.rows) > _FEW:
        chart.set_plotarea({"layout": _ROOM_FOR_NAMES})
    return _finish(chart, block.title)


def columns(workbook: xlsxwriter.Workbook, sheet: str, block: Block, row: int) -> Chart:
    """A column a row, cut by series."""
    chart = workbook.add_chart({"type": "column", "subtype": "stacked"})
    _fill(chart, sheet, block, row)
    chart.set_x_axis({"num_font": {"size": 8}})
    chart.set_y_axis(_numbers())
    return _finish(chart, block.title)


def _numbers() -> dict[str, Any]:
    return {
        "major_gridlines": {"visible": True, "line": {"color": "#E5E5E5"}},
        "num_format": "#,##0",
        "num_font": {"size": 8},
        "line": {"none": True},
        "min": 0,
    }


def _fill(chart: Chart, sheet: str, block: Block, row: int) -> None:
    first, last = row + 1, row + len(block.rows)
    for number, name in enumerate(block.series):
        series: dict[str, Any] = {
            "name": [sheet, row, number + 1],
            "categories": [sheet, first, 0, last, 0],
            "values": [sheet, first, number + 1, last, number + 1],
            "name_data": [name],
            "categories_data": [label for label, _ in block.rows],
            "values_data": [values[number] for _, values in block.rows],
            "gap": 40,
        }
        if name == NOT_READ:
            series["pattern"] = {"pattern": "wide_upward_diagonal", "fg_color": GREY, "bg_color": "#FFFFFF"}
            series["border"] = {"color": GREY}
        else:
            series["fill"] = {"color": CHART_COLOURS[name]}
        chart.add_series(series)


def _finish(chart: Chart, title: str) -> Chart:
    chart.set_title({"name": title, "name_font": {"size": 9}, "overlay": False})
    chart.set_legend({"position": "bottom", "font": {"size": 8}})
    chart.set_chartarea({"border": {"color": "#D9D9D9"}})
    return chart
