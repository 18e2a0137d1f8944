"""The Grafana dashboard of `-f prometheus`, as code: `python docs/grafana/dashboard.py` writes dashboard.json anew."""

from pathlib import Path
from typing import TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    TableCellBackgroundDisplayMode,
    TableColoredBackgroundCellOptions,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    VariableOption,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from reporter.report.metrics import CELLS, FINDINGS, FINDINGS_NEW, GROUPS, OLDEST, PREVIOUS_RUN, RUN, Metric

FILE = Path(__file__).with_name("dashboard.json")
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")

_Panel = TypeVar("_Panel", stat.Panel, table.Panel, timeseries.Panel, bargauge.Panel)

_DAY = 86_400
_TO_DO = "critical|high|medium"
_COLOURS = {"critical": "dark-red", "high": "orange", "medium": "yellow"}
_REACHED_COLOURS = {"yes": "dark-red", "unknown": "orange", "no": "yellow"}


# What is asked of Prometheus


def of(metric: Metric, **labels: str) -> str:
    """The series of a metric that are of the chosen accounts and regions, and have these values: `a|b` is either."""
    chosen = [f'{name}=~"${name}"' for name in ("account", "region") if name in metric.labels]
    chosen += [f'{name}{"=~" if "|" in value else "="}"{value}"' for name, value in labels.items()]
    return f"{metric.name}{{{','.join(chosen)}}}"


def groups(risk: str, **labels: str) -> str:
    """Groups of a risk that is proven, and that are not waived."""
    return of(GROUPS, risk=risk, **{"proven": "true", "waived": "false", **labels})


def new_in_a_week(by: str = "", **labels: str) -> str:
    """Findings that were new in a run of the last seven days: each run counts in the hour in which its file came."""
    # A file stays until the next one, and is scraped over and over.
    came = f"({RUN.name} unless {RUN.name} <= max_over_time({RUN.name}[7d] offset 1h))"
    new = of(FINDINGS_NEW, **{"proven": "true", "waived": "false", **labels})
    return f"sum_over_time((sum{by}({new} and on (job, instance) {came}))[7d:1h])"


CRITICAL = groups("critical")
REACHED_NOW = f"sum({groups('critical', reachable='yes')})"
# Where there are none of these there is no series; that nothing is known is no zero.
ZERO_WHERE_KNOWN = f"0 * sum({of(GROUPS, risk='critical')})"
MAY_BE_CRITICAL = f"sum({groups('critical', proven='false')}) or {ZERO_WHERE_KNOWN}"
NEW_CRITICAL = f"{new_in_a_week(level='critical')} or {ZERO_WHERE_KNOWN} and on () {PREVIOUS_RUN.name}"
NOT_READ = f"sum({of(CELLS)}) - sum({of(CELLS, status='ok')})"
READ = f"sum({of(CELLS, status='ok')}) / sum({of(CELLS)})"
AGE = f"time() - min({RUN.name})"


# How it is shown


def query(expression: str, legend: str = "__auto") -> prometheus.Dataquery:
    """What it is over time."""
    return prometheus.Dataquery().ref_id("A").expr(expression).range().legend_format(legend)


def now(expression: str, legend: str = "__auto") -> prometheus.Dataquery:
    """What it is at the end of the chosen time."""
    return prometheus.Dataquery().ref_id("A").expr(expression).instant().legend_format(legend)


def panel(made: _Panel, title: str, description: str, width: int, height: int) -> _Panel:
    return made.title(title).description(description).datasource(SOURCE).span(width).height(height)


def colours(*steps: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """A colour from each number on, the first from the beginning."""
    return (
        dashboard.ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([Threshold(value=value, color=colour) for value, colour in steps])
    )


RED_FROM_ONE = ((None, "green"), (1, "dark-red"))


def figure(
    title: str, description: str, expression: str, *steps: tuple[float | None, str], unit: str = "short"
) -> stat.Panel:
    """One number, on its colour."""
    return (
        panel(stat.Panel(), title, description, 4, 4)
        .with_target(now(expression))
        .unit(unit)
        .no_value("not known")
        .thresholds(colours(*(steps or RED_FROM_ONE)))
        .color_mode(BigValueColorMode.BACKGROUND_SOLID)
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def lines(title: str, description: str, expression: str, colour: dict[str, str]) -> timeseries.Panel:
    """A line for each value of a label, some of them in a colour of their own."""
    made = (
        panel(timeseries.Panel(), title, description, 12, 8)
        .with_target(query(expression))
        .min(0)
        .decimals(0)
        .fill_opacity(10)
    )
    for name, each in colour.items():
        fixed = DynamicConfigValue("color", {"mode": FieldColorModeId.FIXED, "fixedColor": each})
        made.override_by_name(name, [fixed])
    return made


def rows(title: str, description: str, expression: str, value: str, unit: str = "short") -> table.Panel:
    """A row for each combination of labels, the largest number first."""
    return (
        panel(table.Panel(), title, description, 12, 8)
        .with_target(now(expression).format(PromQueryFormat.TABLE))
        .with_transformation(
            DataTransformerConfig(
                "organize", options={"excludeByName": {"Time": True}, "renameByName": {"Value": value}}
            )
        )
        .sort_by([common.TableSortByFieldState().display_name(value).desc(True)])
        .no_value("none known")
        .filterable(True)
        .override_by_name(value, [DynamicConfigValue("unit", unit)])
    )


def on_red(made: table.Panel, value: str) -> table.Panel:
    cell = TableColoredBackgroundCellOptions(mode=TableCellBackgroundDisplayMode.BASIC)
    return made.thresholds(colours(*RED_FROM_ONE)).override_by_name(
        value, [DynamicConfigValue("custom.cellOptions", cell)]
    )


def choice(name: str, asked: str) -> dashboard.QueryVariable:
    """A variable with the values of a label, of which several may be chosen."""
    return (
        dashboard.QueryVariable(name)
        .label(name.capitalize())
        .datasource(SOURCE)
        .query(asked)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")  # and not the names of a thousand accounts
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def build() -> Dashboard:
    """The whole dashboard."""
    made = (
        dashboard.Dashboard("Security groups audit")
        .uid("sg-audit")
        .description("What sg-audit -f prometheus tells of the newest audit, and of those before it.")
        .tags(["security", "aws", "sg-audit"])
        .time("now-30d", "now")
        .timezone("browser")
        .refresh("15m")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(choice("account", f"label_values({CELLS.name}, account)"))
        .with_variable(choice("region", f'label_values({CELLS.name}{{account=~"$account"}}, region)'))
    )
    _add_now(made)
    _add_over_time(made)
    _add_where_to_begin(made)
    _add_coverage(made)
    built = made.build()
    for number, each in enumerate(built.panels or (), start=1):
        each.id_val = number
    return built


def _add_now(made: dashboard.Dashboard) -> None:
    made.with_row(dashboard.Row("Now"))
    made.with_panel(
        figure("Critical, and reached", "Critical groups that the internet reaches, not waived.", REACHED_NOW)
    )
    made.with_panel(
        figure("Critical", "Open to the world and in use, proven, not waived.", f"sum({CRITICAL})")
    )
    made.with_panel(
        figure(
            "May be critical",
            "Critical is the worst that missing answers leave open. Not counted as critical.",
            MAY_BE_CRITICAL,
            (None, "green"),
            (1, "orange"),
        )
    )
    made.with_panel(
        figure(
            "New critical in 7 days",
            "Findings that were new and critical in a run of the last seven days, or have become critical.",
            NEW_CRITICAL,
        )
    )
    made.with_panel(
        figure(
            "Cells not read",
            "Cells (account × region × policy) that were planned and not read: nothing is known of them.",
            NOT_READ,
        )
    )
    made.with_panel(
        figure(
            "Age of the audit",
            "Since the newest run began; of several hosts, that of the one that is furthest behind.",
            AGE,
            (None, "green"),
            (1.5 * _DAY, "orange"),
            (2 * _DAY, "dark-red"),
            unit="s",
        )
    )


def _add_over_time(made: dashboard.Dashboard) -> None:
    made.with_row(dashboard.Row("Over time"))
    made.with_panel(
        lines(
            "Groups by risk",
            "Proven, not waived.",
            f"sum by (risk) ({groups(_TO_DO)})",
            _COLOURS,
        )
    )
    made.with_panel(
        lines(
            "Critical groups by whether the internet reaches them",
            "Proven, not waived.",
            f"sum by (reachable) ({CRITICAL})",
            _REACHED_COLOURS,
        )
    )
    made.with_panel(
        lines(
            "Findings by policy",
            "Groups that each policy caught, waived ones too.",
            f"sum by (policy) ({of(FINDINGS)})",
            {},
        )
    )
    made.with_panel(
        lines(
            "Waived groups by risk",
            "Accepted until a day: they keep their risk.",
            f"sum by (risk) ({of(GROUPS, waived='true')})",
            _COLOURS,
        )
    )


def _add_where_to_begin(made: dashboard.Dashboard) -> None:
    made.with_row(dashboard.Row("Where to begin"))
    made.with_panel(
        on_red(
            rows(
                "Reached now",
                "Critical and high groups that the internet reaches, not waived.",
                f"sum by (account, region, risk) ({groups('critical|high', reachable='yes')}) > 0",
                "groups",
            ),
            "groups",
        )
    )
    made.with_panel(
        panel(
            bargauge.Panel(),
            "Worst accounts",
            "The ten with the most critical groups, proven, not waived.",
            12,
            8,
        )
        .with_target(now(f"sort_desc(topk(10, sum by (account) ({CRITICAL}) > 0))", "{{account}}"))
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .min(0)
        .no_value("none known")
        .thresholds(colours((None, "dark-red")))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    made.with_panel(
        rows(
            "New this week",
            "Findings that were new, or had risen to this level, in a run of the last seven days; not waived.",
            new_in_a_week(" by (account, region, policy, level) ", level=_TO_DO),
            "findings",
        )
    )
    made.with_panel(
        rows(
            "Oldest finding",
            "Since when each account has a finding that gives a group this risk, proven, not waived.",
            f"time() - min by (account, risk) ({of(OLDEST)})",
            "age",
            unit="s",
        )
    )


def _add_coverage(made: dashboard.Dashboard) -> None:
    made.with_row(dashboard.Row("Coverage"))
    made.with_panel(
        panel(stat.Panel(), "Read", "Of the cells that were planned; anything but all of them is red.", 12, 8)
        .with_target(query(READ))
        .unit("percentunit")
        .no_value("not known")
        .thresholds(colours((None, "dark-red"), (1, "green")))
        .color_mode(BigValueColorMode.BACKGROUND_SOLID)
        .graph_mode(BigValueGraphMode.AREA)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .min(0)
        .max(1)
    )
    made.with_panel(
        on_red(
            rows(
                "Not read",
                "Of these nothing is known, good or bad: AWS said no (denied), it went wrong (failed), or it was not "
                "tried (skipped).",
                f'sum by (account, region, status) ({of(CELLS)[:-1]},status!="ok"}}) > 0',
                "cells",
            ),
            "cells",
        )
    )


def as_json() -> str:
    """What Grafana imports."""
    return JSONEncoder(indent=2, sort_keys=True).encode(build()) + "\n"


if __name__ == "__main__":
    FILE.write_text(as_json(), encoding="utf-8")
