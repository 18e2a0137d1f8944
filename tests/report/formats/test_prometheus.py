"""The metrics in Prometheus' text format: what is known has a sample, what was not read has none."""

import json
import os
import stat
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from reporter.cli import cli
from reporter.custodian.metadata import PlannedPolicy
from reporter.custodian.resource_types import GROUPS
from reporter.findings import risk
from reporter.findings.assess import Findings
from reporter.findings.waived import nothing_waived
from reporter.inventory.audit import Audit
from reporter.output.manifest import Cell, Status
from reporter.output.reading import Output
from reporter.output.store import Folder
from reporter.report import metrics
from reporter.report.formats import prometheus
from reporter.report.metrics import METRICS
from tests import stockdir
from tests.prometheus import promtool
from tests.report.metric_runs import EVERYTHING, RUNS, Samples, of_each_run, report
from tests.rundir import ACCOUNT_IDS, POLICIES, WORLD, audit, findings, group, unit, write

LABELS = {metric.name: metric.labels for metric in METRICS}


def read(path: Path) -> dict[str, Samples]:
    """The samples of a file by metric, by the values of its labels in the order of LABELS."""
    found: dict[str, Samples] = {}
    for family in text_string_to_metric_families(path.read_text(encoding="utf-8")):
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            assert set(sample.labels) == set(LABELS[sample.name]), sample
            values = tuple(sample.labels[label] for label in LABELS[sample.name])
            assert values not in found.setdefault(sample.name, {}), sample
            found[sample.name][values] = sample.value
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("metrics")


@pytest.fixture(scope="module")
def files(folder: Path) -> list[Path]:
    return of_each_run(folder)


def test_all_samples_of_a_run(files: list[Path]) -> None:
    assert read(files[-1]) == EVERYTHING


def test_without_a_run_before_it_nothing_is_known_to_be_new(files: list[Path]) -> None:
    first, second, _ = map(read, files)
    assert "sg_audit_findings_new" not in first
    assert "sg_audit_previous_run_timestamp_seconds" not in first
    assert second["sg_audit_previous_run_timestamp_seconds"] == {(): 1_749_535_200}
    new = Counter[str]()
    for values, number in second["sg_audit_findings_new"].items():
        new[values[4]] += int(number)
    assert new == {"critical": 1, "medium": 2, "informs": 5}


def test_prometheus_takes_it_and_finds_nothing_to_say_of_it(files: list[Path]) -> None:
    assert promtool("check", "metrics", given=files[-1].read_text(encoding="utf-8")) == ""


def test_the_figures_are_those_of_the_workbook(folder: Path, files: list[Path]) -> None:
    found = read(files[-1])
    runs = folder / "runs"
    (path,) = report(runs / RUNS[-1], folder / "json", "-f", "json", "-w", runs / "waivers.yml")
    tables = json.loads(path.read_text(encoding="utf-8"))["tables"]

    def groups(account: str, **wanted: str) -> float:
        return sum(
            number
            for values, number in found["sg_audit_groups"].items()
            if {"account": account, **wanted}.items()
            <= dict(zip(LABELS["sg_audit_groups"], values, strict=True)).items()
        )

    accounts = [row["account_profile"] for row in tables["summary_accounts"]]
    assert sorted(accounts) == ["alpha", "beta", "gamma"]
    for row in tables["summary_accounts"]:
        for level in ("critical", "high", "medium", "low", "none"):
            for ending, wanted in (
                ("", {"proven": "true"}),
                ("_possible", {"proven": "false"}),
                ("_reachable", {"proven": "true", "reachable": "yes"}),
                ("_reachable_possible", {"proven": "true", "reachable": "unknown"}),
                ("_waived", {"proven": "true", "waived": "true"}),
            ):
                if f"{level}{ending}" in row:
                    of_level = groups(row["account_profile"], risk=level, **wanted)
                    assert row[f"{level}{ending}"] == of_level, (row["account_profile"], level, ending)
    gaps = Counter((row["account_profile"], row["region"], row["status"]) for row in tables["coverage"])
    assert gaps == {key: number for key, number in found["sg_audit_cells"].items() if key[2] != "ok"}
    # What rose is no new finding there, but one that has changed.
    new = Counter(
        row["policy"]
        for row in tables["changes"]
        if row["state"] == "new" or "level medium → critical" in row["reason"]
    )
    told = Counter[str]()
    for values, number in found["sg_audit_findings_new"].items():
        told[values[3]] += int(number)
    assert told == new == {"sg-ssh-world": 3, "sg-ssh-open": 2}


def test_a_report_of_one_account_has_the_metrics_of_that_account(folder: Path, files: list[Path]) -> None:
    (path,) = report(
        *(folder / "runs" / RUNS[-1], folder / "alone", "-f", "prometheus", "-a", "alpha"),
        *("-w", folder / "runs" / "waivers.yml"),
    )
    assert read(path) == {
        name: {key: number for key, number in samples.items() if not key or key[0] == "alpha"}
        for name, samples in EVERYTHING.items()
    }


# The file


def test_the_file_is_read_by_the_group_of_its_folder(files: list[Path]) -> None:
    found = files[-1].stat()
    assert stat.S_IMODE(found.st_mode) == 0o640
    assert found.st_gid == files[-1].parent.stat().st_gid
    assert list(files[-1].parent.iterdir()) == [files[-1]]


def test_it_is_its_owners_only_where_the_folder_is_of_a_group_of_others(
    folder: Path, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "chown", refused)
    words = ("report", "-s", folder / "runs" / RUNS[-1], "-o", tmp_path, "--stem", "sg", "-f", "prometheus")
    done = CliRunner().invoke(cli, [str(word) for word in words])
    assert stat.S_IMODE((tmp_path / "sg.prom").stat().st_mode) == 0o600
    said = "sg.prom: its owner alone can read it, who is not in the group of its folder"
    assert said in " ".join(done.stderr.split())


def test_a_file_of_one_name_is_replaced(folder: Path, files: list[Path], tmp_path: Path) -> None:
    for run in RUNS[:2]:
        words = ("-f", "prometheus", "--stem", "sg_audit", "-w", folder / "runs" / "waivers.yml")
        (path,) = report(folder / "runs" / run, tmp_path, *words)
    assert path == tmp_path / "sg_audit.prom"
    assert list(tmp_path.glob("*.prom")) == [path]
    assert read(path) == read(files[1])
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_whatever_things_are_called_is_a_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = 'a"b\\c{d="e"} 1\\n# HELP \N{WHITE SMILING FACE}'
    monkeypatch.setitem(ACCOUNT_IDS, odd, "4" * 12)
    monkeypatch.setitem(ACCOUNT_IDS, "two\nlines\N{RIGHT-TO-LEFT OVERRIDE}", "5" * 12)
    name = 'sg-"quoted"\\'
    policy = {**POLICIES[5], "name": name}
    opened = group("sg-1", owner=odd, ssh_from=WORLD)
    units = {
        (account, "us-east-1"): unit([opened]) | {name: [opened]}
        for account in (odd, "two\nlines\N{RIGHT-TO-LEFT OVERRIDE}")
    } | {(odd, "region\n{"): unit([opened])}
    run = write(tmp_path / "run", units, [*POLICIES, policy])
    (path,) = report(run, tmp_path / "reports", "-f", "prometheus")
    found = read(path)
    assert found["sg_audit_findings"][odd, "4" * 12, "us-east-1", name] == 1
    assert found["sg_audit_cells"]["two_lines_", "us-east-1", "ok"] == 8
    assert found["sg_audit_cells"][odd, "region_{", "ok"] == 7
    assert {values[2] for values in found["sg_audit_groups"]} == {"us-east-1", "region_{"}
    assert promtool("check", "metrics", given=path.read_text(encoding="utf-8")) == ""


# Other output


def test_output_without_groups_has_no_groups(tmp_path: Path) -> None:
    volumes = {"name": "volumes", "resource": "aws.ebs"}
    run = write(tmp_path / "run", {("alpha", "us-east-1"): {"volumes": []}}, [volumes])
    (path,) = report(run, tmp_path / "reports", "-f", "prometheus")
    assert read(path) == {
        "sg_audit_cells": {("alpha", "us-east-1", "ok"): 1},
        "sg_audit_run_timestamp_seconds": {(): 1_795_467_835},
    }


def test_accounts_of_stock_output_are_told_apart(tmp_path: Path) -> None:
    """Two of one name, and one without an id, of which the policy that lists all groups was refused."""
    here = [group("sg-1", ssh_from=WORLD)]
    for place, account_id in (("one/dev", stockdir.ONE), ("two/dev", stockdir.TWO)):
        stockdir.put(
            tmp_path / "out" / place / stockdir.US, stockdir.EVERY_GROUP, here, account_id=account_id
        )
    nameless = tmp_path / "out" / "three" / "ops" / stockdir.US
    stockdir.put(nameless, stockdir.EVERY_GROUP, None, account_id=None, log=stockdir.REFUSED)
    (path,) = report(tmp_path / "out", tmp_path / "reports", "-f", "prometheus")
    found = read(path)
    accounts = {values[:2] for values in found["sg_audit_groups"]}
    assert accounts == {
        (f"dev ({stockdir.ONE})", stockdir.ONE),
        (f"dev ({stockdir.TWO})", stockdir.TWO),
    }
    assert found["sg_audit_cells"]["ops", stockdir.US, "denied"] == 1
    assert found["sg_audit_run_timestamp_seconds"] == {(): stockdir.TODAY}
    assert "sg_audit_previous_run_timestamp_seconds" not in found


@pytest.mark.parametrize(
    ("started", "samples"),
    [
        ("2025-06-25T06:00:00+00:00", {(): 1_750_831_200}),
        ("2025-06-25T08:00:00+02:00", {(): 1_750_831_200}),
        ("2025-06-25T06:00:00", {(): 1_750_831_200}),
        ("2025-06-20T06:00:00+00:00 to 2025-06-25T06:00:00+00:00", {(): 1_750_831_200}),
        ("1969-12-31T23:59:59+00:00", {(): -1}),
        ("0001-01-01T00:00:00+23:59", {(): -62_135_683_140}),
        ("1970-01-01T00:00:00+00:00", {}),  # stock output that does not tell it
        ("", {}),
        ("yesterday", {}),
    ],
)
def test_when_the_run_began(started: str, samples: Samples, read_audit: Audit) -> None:
    audit = replace(read_audit, output=replace(read_audit.output, started=started))
    measured = {each.metric: each.samples for each in metrics.measure(audit, findings(read_audit))}
    assert measured.get(metrics.RUN, {}) == samples


@pytest.fixture(scope="module")
def read_audit(folder: Path, files: list[Path]) -> Audit:
    return audit(folder / "runs" / RUNS[-1])


# How many series


def combinations(*, everything_known: bool) -> set[tuple[str, ...]]:
    """What a group may be: risk, proven, reachable, as the rules of the risk make it of all that may be answered."""
    answers = (True, False) if everything_known else (True, False, None)
    found = set()
    for exposed, in_use, default in product(answers, repeat=3):
        (rated,) = risk.classify(
            {"has_ssh_open_world": pd.Series([exposed], dtype="boolean")},
            pd.Series([in_use], dtype="boolean"),
            pd.Series([default and in_use is not False], dtype="boolean"),
        ).itertuples(index=False)
        # The internet reaches nothing that is on no interface; what it does reach is in use.
        reachable = {True: ("yes", "no", "unknown"), False: ("no",), None: ("no", "unknown")}[in_use]
        found |= {(rated.risk, str(rated.proven).lower(), each) for each in reachable}
    return found


def test_a_region_that_was_read_has_at_most_a_dozen_series_of_groups() -> None:
    """Every waiver adds what is waived of the three levels that may be, and every missing answer what is possible."""
    known, all_there_are = combinations(everything_known=True), combinations(everything_known=False)
    assert {(each[0], each[1], each[2]) for each in metrics.ALWAYS} <= known
    assert len(known) == 11
    may_be_waived = sum(level in ("critical", "high", "medium") for level, *_ in all_there_are)
    assert len(all_there_are) + may_be_waived == 34


def estate(
    accounts: int, at_work: Collection[int], kinds: Iterable[tuple[str, str, str, bool]], caught: int
) -> tuple[Audit, Findings]:
    """Accounts of 17 regions. Those at work have two groups of each kind (risk, proven, reachable, waived), and so many
    of twelve policies found something there; the others have the default group that AWS made, which two found."""
    policies = [
        PlannedPolicy("sg-inventory", GROUPS, filtered=False, report={"tab": "security_groups"}),
        *(PlannedPolicy(f"sg-{number}", GROUPS) for number in range(12)),
    ]
    places = [
        (f"account-{number:04}", f"{number:012}", f"region-{region:02}")
        for number, region in product(range(accounts), range(17))
    ]
    rows: list[tuple[str | bool, ...]] = []
    found: list[tuple[str | int, ...]] = []
    busy = sorted(kinds) * 2
    for place in places:
        works = int(place[2].removeprefix("region-")) in at_work
        rows += [(*place, *kind) for kind in (busy if works else [("low", "true", "no", False)])]
        found += [(*place, f"sg-{number}", len(rows) - 1) for number in range(caught if works else 2)]
    named = ["account_profile", "account_id", "region"]
    groups = pd.DataFrame(rows, columns=[*named, "risk", "proven", "reachable", "waived"])
    frame = pd.DataFrame(found, columns=[*named, "policy", "group"]).assign(proven=True)
    # Those of other policies count in the same series.
    cells = tuple(Cell(*place, "sg-inventory", Status.OK) for place in places)
    output = Output(
        *("a run", "", Folder(Path()), "2025-06-25T06:00:00+00:00", True),
        policies=tuple(policies),
        accounts=(),
        cells=cells,
        files={},
    )
    none = pd.Series(False, index=groups.index)
    waived = replace(nothing_waived(groups), groups=groups["waived"])
    return Audit(output, cells, pd.DataFrame()), Findings(
        groups, groups["proven"] == "true", frame, none, none, waived
    )


def test_a_thousand_accounts_of_17_regions_have_a_dozen_series_each(tmp_path: Path) -> None:
    known = [(*kind, False) for kind in combinations(everything_known=True)]
    found = metrics.measure(*estate(1_000, (0, 5, 10, 15), known, 8))
    (path,) = prometheus.write(tmp_path / "sg_audit", [], [], metrics=found)
    with path.open(encoding="utf-8") as lines:
        series = sum(not line.startswith("#") for line in lines)
    # 13 regions of five risks, two policies and one status; four of eleven, eight and one; the time of the run.
    assert series == 1_000 * (13 * 8 + 4 * 20) + 1 == 184_001
    assert series <= 12 * 1_000 * 17
    assert path.stat().st_size < 30_000_000


def test_every_combination_everywhere_has_four_dozen() -> None:
    """Of the twelve policies each found something, too."""
    kinds = {
        (*kind, waived)
        for kind in combinations(everything_known=False)
        for waived in ((False, True) if kind[0] in ("critical", "high", "medium") else (False,))
    }
    found = metrics.measure(*estate(10, range(17), kinds, 12))
    assert sum(len(each.samples) for each in found) == 10 * 17 * (34 + 12 + 1) + 1
