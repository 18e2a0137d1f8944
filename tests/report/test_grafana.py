"""The Grafana dashboard and the alert rules, each expression asked of a real Prometheus."""

import importlib.util
import json
import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from reporter.report.metrics import METRICS, RUN
from tests.prometheus import Prometheus, prometheus, promtool, served, until
from tests.report.metric_runs import AP, EU, RUNS, US, of_each_run, report

GRAFANA = Path(__file__).parents[2] / "docs/grafana"
DASHBOARD, ALERTS = GRAFANA / "dashboard.json", GRAFANA / "alerts.yml"

Values = Mapping[tuple[str, ...], float]

DAY = 86_400


def seconds(day: int) -> int:
    """06:00 UTC on a day of June 2025, when the runs began."""
    return int(datetime(2025, 6, day, 6, tzinfo=UTC).timestamp())


EXPRESSIONS: dict[str, str] = {
    panel["title"]: target["expr"]
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    for target in panel.get("targets", ())
}
RULES: dict[str, str] = {
    rule["alert"]: rule["expr"]
    for rule in yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]
    if "alert" in rule
}


# The files


@pytest.fixture(scope="module")
def code() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dashboard", GRAFANA / "dashboard.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_dashboard_is_what_its_code_makes(code: ModuleType) -> None:
    assert DASHBOARD.read_text(encoding="utf-8") == code.as_json()


def test_grafanas_own_types_read_the_dashboard_as_it_is() -> None:
    register_default_plugins()
    content = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    assert json.loads(JSONEncoder().encode(Dashboard.from_json(content))) == content


def test_every_panel_asks_the_chosen_source_and_says_what_it_shows() -> None:
    content = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    panels = [panel for panel in content["panels"] if panel["type"] != "row"]
    assert len({panel["title"] for panel in panels}) == len(panels) == len(EXPRESSIONS)
    assert all(panel["datasource"]["uid"] == "${datasource}" and panel["description"] for panel in panels)
    assert [each["name"] for each in content["templating"]["list"]] == ["datasource", "account", "region"]
    # Where nothing was read there are no rows either.
    assert {panel["fieldConfig"]["defaults"].get("noValue") for panel in panels} == {
        *("not known", "none known", None)  # None is a line over time
    }
    red = {
        panel["title"]: [each["color"] for each in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
        for panel in panels
        if panel["title"] in ("Cells not read", "Read", "Not read")
    }
    assert red == {
        "Cells not read": ["green", "dark-red"],
        "Read": ["dark-red", "green"],
        "Not read": ["green", "dark-red"],
    }


def test_prometheus_takes_the_rules() -> None:
    assert "9 rules found" in promtool("check", "rules", ALERTS)


def test_alerts_fire_when_they_should_and_say_what_it_is() -> None:
    assert "SUCCESS" in promtool("test", "rules", Path(__file__).with_name("alerts_test.yml"))


# Asked of Prometheus


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return of_each_run(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def textfile(files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is scraped: the metrics of the newest run."""
    path = tmp_path_factory.mktemp("node") / "metrics"
    path.write_bytes(files[-1].read_bytes())
    return path


@pytest.fixture(scope="module")
def server(
    files: list[Path], textfile: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """A Prometheus that scrapes it, and remembers the runs: each from when it began to the next."""
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "history").write_text(history(files), encoding="utf-8")
    promtool("tsdb", "create-blocks-from", "openmetrics", folder / "history", folder / "data")
    with served({"/metrics": textfile}) as target, prometheus(folder, target, ALERTS) as running:
        until(lambda: running.query("sg_audit_run_timestamp_seconds", time.time()))
        yield running


def history(files: list[Path]) -> str:
    """What had been scraped of each file every day at 06:00, to 30 June; and on 1 June the times of two hosts' runs."""
    began = [seconds(int(run[6:8])) for run in RUNS]
    lines = []
    for metric in METRICS:
        lines.append(f"# TYPE {metric.name} gauge")
        if metric == RUN:
            lines += [
                f'{metric.name}{{instance="{host}"}} {seconds(1) - age * DAY} {seconds(1)}'
                for host, age in (("one", 0), ("two", 3))
            ]
        for file, start, end in zip(files, began, [*began[1:], seconds(30) + 1], strict=True):
            samples = re.findall(rf"^{metric.name}[{{ ].*", file.read_text(encoding="utf-8"), re.MULTILINE)
            lines += [f"{sample} {when}" for when in range(start, end, DAY) for sample in samples]
    return "\n".join([*lines, "# EOF", ""])


def ask(
    server: Prometheus, expression: str, at: float, account: str = ".*", region: str = ".*"
) -> dict[tuple[str, ...], float]:
    """What an expression comes to, by the values of the labels in the order of their names."""
    for name, value in (("account", account), ("region", region)):
        expression = expression.replace(f"${name}", value)
    assert "$" not in expression
    found = server.query(expression, at)
    return {tuple(value for _, value in labels): number for labels, number in found.items()}


#: Of the newest run, by panel.
NOW: dict[str, Values] = {
    "Critical, and reached": {(): 2},  # bastion and fresh; not accepted, which is waived
    "Critical": {(): 4},
    "May be critical": {(): 2},
    "Cells not read": {(): 22},
    "Groups by risk": {("critical",): 4, ("high",): 1, ("medium",): 1},
    "Critical groups by whether the internet reaches them": {("yes",): 2, ("no",): 2},
    "Findings by policy": {
        ("sg-default",): 2,
        ("sg-ssh-open",): 9,
        ("sg-ssh-world",): 7,
        ("sg-unused",): 2,
    },
    "Waived groups by risk": {("critical",): 1},
    "Reached now": {("alpha", US, "critical"): 2},
    "Worst accounts": {("alpha",): 4},
    "Read": {(): 30 / 52},
    "Not read": {
        ("beta", US, "denied"): 3,
        ("beta", EU, "denied"): 7,
        ("beta", AP, "denied"): 5,
        ("gamma", US, "skipped"): 7,
    },
}
#: What goes by the time too, at 06:00 UTC on 26 June.
ON_THE_26TH: dict[str, Values] = {
    **NOW,
    # bastion in the second run, and in the third fresh, inner and attached.
    "New critical in 7 days": {(): 4},
    "New this week": {
        ("alpha", "critical", "sg-ssh-world", US): 4,
        ("alpha", "medium", "sg-ssh-world", US): 2,  # attached, before it was critical, and between
    },
    "Age of the audit": {(): DAY},
    "Oldest finding": {
        ("alpha", "critical"): 6.25 * DAY,
        ("alpha", "high"): 16.25 * DAY,
        ("alpha", "medium"): 16.25 * DAY,
    },
}


def test_every_panel_is_asked() -> None:
    assert set(EXPRESSIONS) == set(ON_THE_26TH)


@pytest.mark.parametrize("title", NOW)
def test_a_panel_shows_what_was_scraped(server: Prometheus, title: str) -> None:
    assert ask(server, EXPRESSIONS[title], time.time()) == NOW[title]


@pytest.mark.parametrize("title", ON_THE_26TH)
def test_a_panel_shows_what_was_then(server: Prometheus, title: str) -> None:
    assert ask(server, EXPRESSIONS[title], seconds(26)) == ON_THE_26TH[title]


@pytest.mark.parametrize(
    ("title", "day", "values"),
    [
        ("New critical in 7 days", 29, {(): 3}),  # the second run is more than a week ago
        ("New critical in 7 days", 21, {(): 1}),
        ("New critical in 7 days", 11, {}),  # there was no run to compare with
        ("New this week", 11, {}),
        ("Groups by risk", 11, {("critical",): 0, ("high",): 1, ("medium",): 1}),
        ("Groups by risk", 21, {("critical",): 1, ("high",): 1, ("medium",): 3}),
        ("Critical, and reached", 11, {(): 0}),
        ("Critical, and reached", 9, {}),  # nothing had run
        ("Age of the audit", 30, {(): 5 * DAY}),
        ("Age of the audit", 1, {(): 3 * DAY}),  # one of two hosts has not run since
    ],
)
def test_a_panel_on_another_day(server: Prometheus, title: str, day: int, values: Values) -> None:
    assert ask(server, EXPRESSIONS[title], seconds(day)) == values


@pytest.mark.parametrize(
    ("title", "account", "region", "values"),
    [
        ("Critical", "gamma", AP, {(): 0}),  # read, and none
        ("May be critical", "gamma", AP, {(): 0}),
        ("Critical", "gamma", US, {}),  # not read: that is no zero
        ("May be critical", "gamma", US, {}),
        ("Critical", "(alpha|gamma)", ".*", {(): 4}),
        ("May be critical", "beta", AP, {(): 1}),
        ("Critical, and reached", "beta", US, {(): 0}),
        ("New critical in 7 days", "gamma", ".*", {(): 0}),
        ("New critical in 7 days", "gamma", US, {}),
        ("Read", "gamma", ".*", {(): 0.5}),
        ("Cells not read", "alpha", ".*", {(): 0}),
        ("Oldest finding", "beta", ".*", {}),
        ("Worst accounts", "gamma", ".*", {}),
    ],
)
def test_a_panel_of_what_is_chosen(
    server: Prometheus, title: str, account: str, region: str, values: Values
) -> None:
    assert ask(server, EXPRESSIONS[title], seconds(26), account, region) == values


def test_levels_over_time(server: Prometheus) -> None:
    expression = re.sub(r"\$\w+", ".*", EXPRESSIONS["Groups by risk"])
    found = server.asked("query_range", query=expression, start=seconds(10), end=seconds(30), step=5 * DAY)
    assert {
        each["metric"]["risk"]: [int(value) for _, value in each["values"]] for each in found["result"]
    } == {
        "critical": [0, 0, 1, 4, 4],
        "high": [1, 1, 1, 1, 1],
        "medium": [1, 1, 3, 1, 1],
    }


def test_what_can_be_chosen(server: Prometheus) -> None:
    content = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    asked = {each["name"]: each["query"] for each in content["templating"]["list"]}
    found = {}
    for name in ("account", "region"):
        # As Grafana does it, https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/
        (series,) = re.findall(rf"^label_values\((.*), {name}\)$", asked[name])
        match = {"match[]": series.replace("$account", "beta"), "start": seconds(26), "end": seconds(26)}
        found[name] = server.asked(f"label/{name}/values", **match)
    assert found == {"account": ["alpha", "beta", "gamma"], "region": sorted([AP, EU, US])}


#: What alerts find on days of June, by alert.
ALERTED: dict[int, dict[str, Values]] = {
    26: {
        "SecurityGroupsNewCriticalReached": {("alpha", "1" * 12, "sg-ssh-world", US): 1},
        "SecurityGroupsCriticalReached": {("alpha", "1" * 12, US): 2},
        "SecurityGroupsCriticalMayBeReached": {("beta", "2" * 12, US): 1},
        "SecurityGroupsCriticalOld": {},
        "SecurityGroupsNotRead": {("beta",): 15, ("gamma",): 7},
        "SecurityGroupsAuditStale": {},
        "SecurityGroupsAuditMissing": {},
    },
    11: {
        "SecurityGroupsNewCriticalReached": {},
        "SecurityGroupsCriticalReached": {},
        "SecurityGroupsCriticalOld": {},
        "SecurityGroupsNotRead": {("beta",): 15, ("gamma",): 7},
        "SecurityGroupsAuditStale": {},
        "SecurityGroupsAuditMissing": {},
    },
    29: {"SecurityGroupsAuditStale": {("sg_audit",): 4 * DAY}},
    9: {
        "SecurityGroupsNotRead": {},
        "SecurityGroupsAuditStale": {},
        "SecurityGroupsAuditMissing": {(): 1},
    },
}


@pytest.mark.parametrize(("day", "name"), [(day, name) for day, names in ALERTED.items() for name in names])
def test_what_an_alert_finds(server: Prometheus, day: int, name: str) -> None:
    found = ask(server, RULES[name], seconds(day))
    expected = ALERTED[day][name]
    assert list(found.values()) == list(expected.values())
    if name != "SecurityGroupsAuditStale":
        assert found == expected


def test_alerts_of_what_is_scraped(server: Prometheus) -> None:
    """The audit is of June 2025, so that it is stale, and what was critical then is old."""

    def alerts() -> set[tuple[str, str, str]]:
        return {
            (each["labels"]["alertname"], each["labels"].get("account", ""), each["state"])
            for each in server.asked("alerts")["alerts"]
        }

    expected = {
        ("SecurityGroupsNewCriticalReached", "alpha", "firing"),
        ("SecurityGroupsCriticalReached", "alpha", "pending"),
        ("SecurityGroupsCriticalMayBeReached", "beta", "pending"),
        ("SecurityGroupsCriticalOld", "alpha", "firing"),
        ("SecurityGroupsNotRead", "beta", "firing"),
        ("SecurityGroupsNotRead", "gamma", "firing"),
        ("SecurityGroupsAuditStale", "hub", "firing"),  # of no account: the label is the target's
    }
    until(lambda: alerts() == expected)
    for each in server.asked("alerts")["alerts"]:
        told = each["annotations"]["summary"] + each["annotations"]["description"]
        assert "<no value>" not in told
        assert "{{" not in told


def test_an_account_that_is_gone_from_the_file_is_gone(
    server: Prometheus, files: list[Path], textfile: Path, tmp_path: Path
) -> None:
    run = files[-1].parents[2] / "runs" / RUNS[-1]
    (others,) = report(run, tmp_path, "-f", "prometheus", "-a", "beta", "-a", "gamma")

    def accounts() -> set[tuple[str, ...]]:
        return set(ask(server, "sum by (account) (sg_audit_groups)", time.time()))

    assert accounts() == {("alpha",), ("beta",), ("gamma",)}
    kept = textfile.read_bytes()
    textfile.write_bytes(others.read_bytes())
    try:
        until(lambda: accounts() == {("beta",), ("gamma",)})
    finally:
        textfile.write_bytes(kept)
    until(lambda: accounts() == {("alpha",), ("beta",), ("gamma",)})
