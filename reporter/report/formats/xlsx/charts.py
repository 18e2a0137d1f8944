"""The charts of the summary, and the facts beside them."""

from collections.abc import Sequence

import pandas as pd
import xlsxwriter
from xlsxwriter.chart import Chart
from xlsxwriter.worksheet import Worksheet

from reporter.findings.risk import LEVELS
from reporter.report.formats.xlsx.colours import CHART_COLOURS
from reporter.report.summary import ACCOUNT, ALL, REGION, RUN

_CHARTED_NAMES = 25  # more bars than that cannot be told apart


def decorate_summary(
    workbook: xlsxwriter.Workbook, sheet: Worksheet, frame: pd.DataFrame, facts: Sequence[str]
) -> None:
    """Charts and the facts beside the table, which stays a table like the others."""
    sheet.fit_to_pages(1, 1)
    right = len(frame.columns) + 1
    sheet.insert_textbox(
        1,
        right,
        "\n".join(facts),
        {"width": 620, "height": 24 + 20 * len(facts), "line": {"none": True}, "font": {"size": 11}},
    )
    if "scope" not in frame.columns:
        return  # no groups, no risks
    top = 3 + len(facts)
    sheet.insert_chart(top, right, _risk_chart(workbook, sheet, frame))
    for number, scope in enumerate((ACCOUNT, REGION, RUN), 1):
        rows = frame.index[frame["scope"] == scope]
        if len(rows):
            chart = _stacked_chart(workbook, sheet, frame, scope, rows[0] + 1, len(rows))
            sheet.insert_chart(top + 16 * number, right, chart)


def _risk_chart(workbook: xlsxwriter.Workbook, sheet: Worksheet, frame: pd.DataFrame) -> Chart:
    first, last = (frame.columns.get_loc(level) for level in (LEVELS[0], LEVELS[-1]))
    row = int(frame.index[frame["scope"] == ALL][0]) + 1
    chart = workbook.add_chart({"type": "column"})
    chart.add_series(
        {
            "name": "groups",
            "categories": [sheet.get_name(), 0, first, 0, last],
            "values": [sheet.get_name(), row, first, row, last],
            "categories_data": list(LEVELS),
            "values_data": frame[list(LEVELS)].iloc[row - 1].fillna(0).tolist(),
            "points": [{"fill": {"color": CHART_COLOURS[level]}} for level in LEVELS],
            "data_labels": {"value": True},
            "gap": 60,
        }
    )
    return _finish(chart, "Security groups by risk")


def _stacked_chart(
    workbook: xlsxwriter.Workbook, sheet: Worksheet, frame: pd.DataFrame, scope: str, first: int, of: int
) -> Chart:
    count = min(of, _CHARTED_NAMES)
    names = frame.columns.get_loc("name")
    chart = workbook.add_chart({"type": "column", "subtype": "stacked"})
    for level in LEVELS:
        column = frame.columns.get_loc(level)
        chart.add_series(
            {
                "name": [sheet.get_name(), 0, column],
                "categories": [sheet.get_name(), first, names, first + count - 1, names],
                "values": [sheet.get_name(), first, column, first + count - 1, column],
                "name_data": [level],
                "categories_data": frame["name"].iloc[first - 1 : first - 1 + count].tolist(),
                "values_data": frame[level].iloc[first - 1 : first - 1 + count].fillna(0).tolist(),
                "fill": {"color": CHART_COLOURS[level]},
                "gap": 60,
            }
        )
    # Who is not in the picture would be taken for one without groups.
    which = f", the first {count} of {of:,}" if of > count else ""
    return _finish(chart, f"Risk by {scope}{which}", legend=True)


def _finish(chart: Chart, title: str, legend: bool = False) -> Chart:
    chart.set_title({"name": title, "name_font": {"size": 12}})
    chart.set_legend({"position": "bottom"} if legend else {"none": True})
    chart.set_y_axis({"major_gridlines": {"visible": True, "line": {"color": "#D9D9D9"}}, "num_format": "0"})
    chart.set_size({"width": 620, "height": 300})
    return chart
