"""Runs one after the other, written by hand: since when findings are seen, and what a report says of earlier runs."""

import json
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner

from reporter.cli import cli
from reporter.findings import history, past
from reporter.output.store import Folder
from tests.rundir import DENIED, POLICIES, WORLD, Resource, group, interface, unit, write

HERE, THERE = ("alpha", "us-east-1"), ("beta", "us-east-1")
INSIDE = "10.0.0.0/8"
Units = Mapping[tuple[str, str], Mapping[str, list[Resource] | str]]


@dataclass(frozen=True)
class Reported:
    """What a report said: exit code, stderr, and the tabs of its JSON."""

    code: int
    errors: str
    facts: list[str]
    tables: dict[str, list[Resource]]

    def column(self, tab: str, name: str) -> dict[str, Any]:
        return {row["security_group_id"]: row[name] for row in self.tables[tab]}


@dataclass(frozen=True)
class Runs:
    """A folder of runs, one a day."""

    folder: Path

    def add(self, day: int, units: Units, policies: Iterable[Resource] = POLICIES) -> Path:
        name = f"202611{day:02d}T210355Z"
        return write(self.folder / name, units, policies, f"2026-11-{day:02d}T21:03:55+00:00")

    def report(self, *words: str | Path, where: Path | None = None) -> Reported:
        target = self.folder.with_name("reports")
        args = ["report", "-s", where or self.folder, "-o", target, "-f", "json", *words]
        done = CliRunner().invoke(cli, list(map(str, args)), standalone_mode=False)
        assert done.exception is None, (done.output, done.exception)
        content = json.loads(Path(done.stdout.split()[0]).read_text())
        return Reported(done.return_value, done.stderr, content["facts"], content["tables"])


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path / "output")


def open_group(number: int, source: str = WORLD) -> Resource:
    return group(f"sg-{number}", f"g{number}", ssh_from=source)


def all_denied() -> dict[str, list[Resource] | str]:
    return dict.fromkeys(unit(), DENIED)


def test_a_run_alone_has_its_own_day_and_nothing_to_compare_with(runs: Runs) -> None:
    runs.add(18, {HERE: unit([open_group(1), group("sg-2")])})
    report = runs.report()
    assert report.column("ssh_world", "first_seen") == {"sg-1": "2026-11-18"}
    assert report.column("security_groups", "first_seen") == {"sg-1": "2026-11-18", "sg-2": ""}
    assert set(report.column("security_groups", "since_last").values()) == {""}
    assert report.tables["changes"] == []
    assert [(row["run"], row["groups"]) for row in report.tables["summary_runs"]] == [("2026-11-18 21:03", 2)]
    assert not any("since" in fact for fact in report.facts)


def test_new_changed_same_and_gone_since_the_run_before(runs: Runs) -> None:
    first = open_group(1)
    runs.add(
        18, {HERE: unit([first, open_group(2), open_group(3), open_group(4)], [interface("eni-1", first)])}
    )
    moved = [open_group(1), open_group(2), open_group(3, INSIDE), open_group(5)]
    runs.add(20, {HERE: unit(moved, [interface("eni-1", moved[1])])})
    report = runs.report()
    assert report.code == 0
    assert report.column("ssh_world", "since_last") == {"sg-1": "changed", "sg-2": "changed", "sg-5": "new"}
    assert report.column("ssh_world", "first_seen") == {
        "sg-1": "2026-11-18",
        "sg-2": "2026-11-18",
        "sg-5": "2026-11-20",
    }
    # Of all of its findings: that of sg-ssh-open is still there, by another rule.
    assert report.column("ssh_open", "since_last")["sg-3"] == "changed"
    assert report.column("security_groups", "since_last")["sg-3"] == "changed"
    assert report.column("ssh_open", "since_last")["sg-1"] == "same"
    assert report.column("security_groups", "since_last")["sg-1"] == "changed"
    columns = ("state", "policy", "security_group_id", "level", "reason")
    told = [tuple(row[name] for name in columns) for row in report.tables["changes"]]
    assert told == [
        ("new", "sg-ssh-world", "sg-5", "medium", ""),
        ("new", "sg-ssh-open", "sg-5", "informs", ""),
        ("changed", "sg-ssh-world", "sg-2", "critical", "level medium → critical"),
        ("changed", "sg-ssh-world", "sg-1", "medium", "level critical → medium"),
        (
            "changed",
            "sg-ssh-open",
            "sg-3",
            "informs",
            "rules + tcp 22 from 10.0.0.0/8, - tcp 22 from 0.0.0.0/0",
        ),
        ("gone", "sg-ssh-world", "sg-3", "medium", "fixed"),
        ("gone", "sg-ssh-world", "sg-4", "medium", "deleted"),
        ("gone", "sg-ssh-open", "sg-4", "informs", "deleted"),
    ]
    line = "Findings: 1 new medium, 1 new informing, 3 changed, 3 gone since 2026-11-18"
    assert line in report.facts
    assert line in report.errors


def test_the_trend_is_the_counts_of_the_last_runs(runs: Runs) -> None:
    for day in range(1, 15):
        runs.add(day, {HERE: unit([open_group(number) for number in range(day)])})
    rows = runs.report("-f", "xlsx").tables["summary_runs"]
    assert [row["run"] for row in rows] == [f"2026-11-{day:02d} 21:03" for day in range(5, 15)]
    assert [(row["medium"], row["groups"]) for row in rows] == [(day, day) for day in range(5, 15)]
    (book,) = runs.folder.with_name("reports").glob("*.xlsx")
    chart = openpyxl.load_workbook(book)["overview"]._charts[-1]
    days = [point.v for point in chart.series[0].cat.strRef.strCache.pt]
    assert days == [row["run"][:10] for row in rows]
    medium = chart.series[2]
    assert medium.tx.strRef.strCache.pt[0].v == "medium"
    assert [point.v for point in medium.val.numRef.numCache.pt] == list(range(5, 15))
    # Ten runs back are read the first time; what is older is left alone.
    assert [path.parent.name[6:8] for path in sorted(runs.folder.glob("2*/findings.json"))] == [
        f"{day:02d}" for day in range(4, 15)
    ]


def test_an_unread_cell_neither_resets_first_seen_nor_ends_a_finding(runs: Runs) -> None:
    whole = {HERE: unit([open_group(1)]), THERE: unit([group("sg-9", "b", "beta", WORLD)])}
    runs.add(18, whole)
    runs.add(20, {HERE: unit([open_group(1)]), THERE: all_denied()})
    between = runs.report()
    assert between.code == 3
    nothing = [row for row in between.tables["changes"] if row["state"] != "not comparable"]
    assert nothing == []
    assert {(row["security_group_id"], row["first_seen"]) for row in between.tables["changes"]} == {
        ("sg-9", "2026-11-18")
    }
    runs.add(23, whole)
    report = runs.report()
    assert report.column("ssh_world", "first_seen") == {"sg-1": "2026-11-18", "sg-9": "2026-11-18"}
    assert report.column("ssh_world", "since_last") == {"sg-1": "same", "sg-9": ""}


def test_a_finding_that_is_only_possible_keeps_its_day(runs: Runs) -> None:
    runs.add(18, {HERE: unit([open_group(1)])})
    runs.add(20, {HERE: unit([open_group(1)], sg_ssh_world=DENIED)})
    report = runs.report()
    assert report.column("ssh_world", "first_seen") == {"sg-1": "2026-11-18"}
    assert report.column("ssh_world", "since_last") == {"sg-1": ""}


def test_what_came_back_is_new(runs: Runs) -> None:
    for day, source in ((18, WORLD), (20, INSIDE), (23, WORLD)):
        runs.add(day, {HERE: unit([open_group(1, source)])})
    report = runs.report()
    assert report.column("ssh_world", "first_seen") == {"sg-1": "2026-11-23"}
    assert report.column("ssh_world", "since_last") == {"sg-1": "new"}


def test_a_group_made_anew_under_the_same_name_is_another(runs: Runs) -> None:
    runs.add(18, {HERE: unit([group("sg-old", "web", ssh_from=WORLD)])})
    runs.add(20, {HERE: unit([group("sg-new", "web", ssh_from=WORLD)])})
    told = {(r["state"], r["reason"], r["security_group_id"]) for r in runs.report().tables["changes"]}
    assert told == {("new", "", "sg-new"), ("gone", "deleted", "sg-old")}


def edited(**more: Any) -> list[Resource]:
    return [policy | more if policy["name"] == "sg-ssh-world" else policy for policy in POLICIES]


@pytest.mark.parametrize(
    ("change", "comparable"),
    [
        ({"filters": [{"type": "ingress", "Cidr": WORLD}]}, False),
        ({"report": {"tab": "ssh_world", "column": "has_ssh_open_world", "ports": ["tcp 22"]}}, False),
        ({"catches": "with conditions, for example"}, False),
        ({"description": "other words", "digest": "0123456789abcdef"}, True),
        ({"report": {"tab": "ssh_world", "column": "has_ssh_open_world", "title": "SSH!"}}, True),
        ({"report": {"tab": "ssh_world", "column": "has_ssh_open_world", "controls": ["X.1"]}}, True),
    ],
    ids=["filters", "ports", "conditions", "description", "title", "controls"],
)
def test_an_edited_policy_never_looks_like_a_fix(
    runs: Runs, change: Mapping[str, Any], comparable: bool
) -> None:
    runs.add(18, {HERE: unit([open_group(1)])})
    runs.add(20, {HERE: unit([open_group(1)], sg_ssh_world=[])}, edited(**change))
    (row,) = runs.report().tables["changes"]
    expected = (
        ("gone", "fixed")
        if comparable
        else ("not comparable", "sg-ssh-world was edited: it catches otherwise")
    )
    assert (row["state"], row["reason"]) == expected


def test_an_added_region_is_nothing_new(runs: Runs) -> None:
    runs.add(18, {HERE: unit([open_group(1)])})
    runs.add(20, {HERE: unit([open_group(1)]), ("alpha", "eu-west-1"): unit([open_group(2)])})
    report = runs.report()
    assert {(row["region"], row["state"]) for row in report.tables["changes"]} == {
        ("eu-west-1", "not comparable")
    }
    assert report.column("ssh_world", "since_last") == {"sg-1": "same", "sg-2": ""}
    assert report.column("ssh_world", "first_seen") == {"sg-1": "2026-11-18", "sg-2": "2026-11-20"}


# findings.json


def test_the_findings_are_kept_for_their_owner_and_older_runs_may_go(runs: Runs) -> None:
    old = runs.add(18, {HERE: unit([open_group(1)])})
    new = runs.add(20, {HERE: unit([open_group(1)])})
    runs.report()
    for path in (old / "findings.json", new / "findings.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    shutil.rmtree(old)
    again = runs.report()
    assert again.column("ssh_world", "first_seen") == {"sg-1": "2026-11-18"}
    runs.add(23, {HERE: unit([open_group(1)])})
    assert runs.report().column("ssh_world", "first_seen") == {"sg-1": "2026-11-18"}


def test_runs_that_were_reported_on_alone_go_on_from_each_other(runs: Runs, tmp_path: Path) -> None:
    """As in CI, where each report began with an empty disk, and the runs were put together afterwards."""
    for day in (16, 17, 18):
        run = runs.add(day, {HERE: unit([open_group(1), *([open_group(2)] if day > 16 else [])])})
        alone = tmp_path / "alone" / run.name
        shutil.copytree(run, alone)
        runs.report(where=alone)
        (alone / "findings.json").rename(run / "findings.json")
    runs.add(19, {HERE: unit([open_group(1), open_group(2)])})
    assert runs.report().column("ssh_world", "first_seen") == {"sg-1": "2026-11-16", "sg-2": "2026-11-17"}
    runs.add(15, {HERE: unit([open_group(1), group("sg-2")])})  # comes late
    assert runs.report().column("ssh_world", "first_seen") == {"sg-1": "2026-11-15", "sg-2": "2026-11-17"}


@pytest.mark.parametrize("day", [23, 24])
def test_what_came_back_stays_new_though_the_run_between_was_deleted(runs: Runs, day: int) -> None:
    """That run alone had looked and not found it."""
    for each, source in ((18, WORLD), (20, INSIDE), (23, WORLD)):
        runs.add(each, {HERE: unit([open_group(1, source)])})
    runs.report()
    shutil.rmtree(runs.folder / "20261120T210355Z")
    if day > 23:
        runs.add(day, {HERE: unit([open_group(1)])})
    assert runs.report().column("ssh_world", "first_seen") == {"sg-1": "2026-11-23"}


def test_what_is_kept_is_read_in_place_of_the_run(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.add(18, {HERE: unit([open_group(1)])})
    runs.report()
    runs.add(20, {HERE: unit([open_group(1)])})
    monkeypatch.setattr(past, "open_output", lambda *given: pytest.fail("the older run is read again"))
    assert runs.report().column("ssh_world", "since_last") == {"sg-1": "same"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_text("{"),
        lambda path: path.write_text("[]"),
        lambda path: path.write_text(path.read_text().replace('"version":1', '"version":0')),
        lambda path: path.write_text(path.read_text().replace('"places":[[', '"places":[["",""],[')),
        lambda path: path.write_text(path.read_text().replace('"medium"', '"grave"')),
        lambda path: path.write_text(path.read_text().replace('"no"', '"perhaps"')),
        lambda path: path.write_text(path.read_text().replace('"2026-11-18"', '"=1+1"')),
        lambda path: path.write_text(path.read_text().replace('"cells":[[0', '"cells":[[-1')),
    ],
    ids=[
        "missing",
        "cut short",
        "something else",
        "another version",
        "damaged",
        "no such level",
        "no such answer",
        "no day",
        "a number below zero",
    ],
)
def test_what_is_missing_or_cannot_be_used_is_made_anew(runs: Runs, spoil: Callable[[Path], None]) -> None:
    old = runs.add(18, {HERE: unit([open_group(1)])})
    runs.report()
    path = old / "findings.json"
    whole = path.read_bytes()
    spoil(path)
    runs.add(20, {HERE: unit([open_group(1)])})
    assert runs.report().column("ssh_world", "since_last") == {"sg-1": "same"}
    assert path.read_bytes() == whole


def test_a_run_that_went_on_since_is_read_again(runs: Runs) -> None:
    old = runs.add(18, {HERE: all_denied()})
    runs.report()
    shutil.rmtree(old)
    runs.add(18, {HERE: unit([open_group(1)])})
    (old / "findings.json").write_text("{}")
    runs.report(where=old)
    kept = (old / "findings.json").read_bytes()
    shutil.rmtree(old)
    runs.add(18, {HERE: all_denied()})
    (old / "findings.json").write_bytes(kept)  # of another run.json
    runs.add(20, {HERE: unit([open_group(1)])})
    report = runs.report()
    assert {row["state"] for row in report.tables["changes"]} == {"not comparable"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_takes_nothing_is_no_error(runs: Runs) -> None:
    run = runs.add(18, {HERE: unit([open_group(1)])})
    run.chmod(0o500)
    try:
        report = runs.report()
    finally:
        run.chmod(0o700)
    assert report.code == 0
    assert "findings.json is not kept there" in report.errors


def test_where_nothing_can_be_kept_one_line_says_so(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(store: Folder, key: str, content: bytes) -> None:
        raise PermissionError(13, "Permission denied", str(store.path / key))

    runs.add(18, {HERE: unit([open_group(1)])})
    monkeypatch.setattr(Folder, "write", refuse)
    report = runs.report()
    assert report.code == 0
    assert report.errors.count("findings.json is not kept there: Permission denied") == 1


def test_some_policies_alone_keep_nothing_and_compare_no_levels(runs: Runs) -> None:
    rdp = {
        "name": "sg-rdp",
        "resource": "aws.security-group",
        "filtered": True,
        "filters": [{"type": "ingress", "Ports": [3389]}],
        "report": {"level": "exposed", "tab": "rdp"},
    }
    desktop = group("sg-1", "desktop", ssh_from=INSIDE)
    for day in (18, 20):
        runs.add(day, {HERE: unit([desktop], sg_rdp=[desktop])}, [*POLICIES, rdp])
    runs.report(where=runs.folder / "20261118T210355Z")
    report = runs.report("-p", "sg-default", "-p", "sg-ssh-open")
    assert report.tables["changes"] == []
    assert report.column("ssh_open", "since_last") == {"sg-1": "same"}
    assert not (runs.folder / "20261120T210355Z/findings.json").exists()


def test_history_may_lie_elsewhere(runs: Runs, tmp_path: Path) -> None:
    runs.add(18, {HERE: unit([open_group(1)])})
    elsewhere = Runs(tmp_path / "elsewhere")
    elsewhere.add(20, {HERE: unit([open_group(1)])})
    elsewhere.add(16, {HERE: unit([open_group(1)])})
    report = elsewhere.report("--history", runs.folder)
    assert report.column("ssh_world", "first_seen") == {"sg-1": "2026-11-18"}
    assert "since 2026-11-18" in report.errors
    done = CliRunner().invoke(cli, ["report", "-s", str(runs.folder), "--history", str(tmp_path)])
    assert str(done.exception) == f"--history {tmp_path}: no runs of sg-audit there"
    assert done.stderr == ""  # before the run is read, which may take long


def test_a_damaged_earlier_run_is_left_out_and_said(runs: Runs) -> None:
    runs.add(18, {HERE: unit([open_group(1)])})
    broken = runs.add(19, {HERE: unit([open_group(1)])})
    (broken / "run.json").write_text('{"tool": "c7n-sg-audit 0", ')
    runs.add(20, {HERE: unit([open_group(1)])})
    report = runs.report()
    assert report.column("ssh_world", "first_seen") == {"sg-1": "2026-11-18"}
    assert "an earlier run is left out" in report.errors


def test_the_file_says_what_was_found_and_no_more(runs: Runs) -> None:
    run = runs.add(18, {HERE: unit([open_group(1), group("sg-2")]), THERE: all_denied()})
    runs.report()
    kept = history.read(Folder(run))
    assert kept is not None
    assert {(*key, found.level, found.first_seen) for key, found in kept.findings.items()} == {
        ("111111111111", "us-east-1", "sg-ssh-open", "sg-1", "informs", "2026-11-18"),
        ("111111111111", "us-east-1", "sg-ssh-world", "sg-1", "medium", "2026-11-18"),
    }
    assert kept.groups == {("111111111111", "us-east-1"): {"sg-1", "sg-2"}}
    assert (kept.counts["medium"], kept.counts["groups"], kept.cells_not_read) == (1, 2, 7)


def test_what_is_new_and_waived_is_counted_apart(runs: Runs, tmp_path: Path) -> None:
    runs.add(18, {HERE: unit([open_group(1)])})
    runs.add(20, {HERE: unit([open_group(1), open_group(2), open_group(3)])})
    waivers = tmp_path / "waivers.yml"
    waivers.write_text(
        "waivers:\n- {policy: sg-ssh-world, group: sg-2, reason: tried, owner: me, expires: 2099-01-31}\n"
    )
    report = runs.report("-w", waivers)
    since = "Findings: 2 new medium, 1 of them waived, 2 new informing since 2026-11-18"
    assert since in report.facts
    assert since in report.errors
    assert [(row["policy"], row["security_group_id"], row["waived"]) for row in report.tables["changes"]] == [
        ("sg-ssh-world", "sg-2", "until 2099-01-31: tried (me)"),
        ("sg-ssh-world", "sg-3", ""),
        ("sg-ssh-open", "sg-2", ""),
        ("sg-ssh-open", "sg-3", ""),
    ]
