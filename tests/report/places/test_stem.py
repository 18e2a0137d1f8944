"""Reports that keep their names in a folder: replaced whole, and without the files of tabs that are gone."""

import csv
import fcntl
import json
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner

from reporter.cli import cli
from reporter.errors import InputError
from reporter.output.store import Folder
from reporter.report import places
from reporter.report.places import folder as folders
from reporter.report.places.staged import staged
from tests.disks import files, fill, small_disk
from tests.report.places.reporting import GONE, LESS, TABS, Reported, write_run

HIDDEN = {".sg.files.json", ".sg.lock"}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run")


@pytest.fixture
def report(run: Path, tmp_path: Path) -> Callable[..., Reported]:
    def made(*words: str | Path, stem: str = "sg") -> Reported:
        return Reported(run, "-o", tmp_path / "reports", "--stem", stem, *words)

    return made


def shown(place: Path) -> set[str]:
    return {name for name in files(place) if not name.startswith(".")}


def record(place: Path, stem: str = "sg") -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads((place / f".{stem}.files.json").read_text())["files"]
    return found


def set_record(place: Path, content: bytes | dict[str, list[str]]) -> None:
    text = content if isinstance(content, bytes) else json.dumps({"files": content}).encode()
    (place / ".sg.files.json").write_bytes(text)


def test_files_keep_their_names_and_those_of_tabs_that_are_gone_go(
    report: Callable[..., Reported], tmp_path: Path
) -> None:
    reports = tmp_path / "reports"
    assert report("-f", "csv", "-f", "xlsx").error is None
    assert {f"sg_{tab}.csv" for tab in TABS} < shown(reports)
    assert report("-f", "csv", stem="sg_prod").error is None
    (reports / "sg_notes.csv").write_text("somebody's own")
    before = shown(reports)
    again = report("-f", "csv", *LESS)
    assert again.error is None
    assert before - shown(reports) == {f"sg_{tab}.csv" for tab in GONE}
    assert shown(reports) - before == set()
    assert {Path(line).name for line in again.lines} == set(record(reports)["csv"])
    assert record(reports)["xlsx"] == ["sg.xlsx"]  # which was not asked for this time
    assert "db_world" in openpyxl.load_workbook(reports / "sg.xlsx").sheetnames
    with (reports / "sg_ssh_world.csv").open() as file:
        assert [row["security_group_id"] for row in csv.DictReader(file)] == ["sg-1"]
    for name in HIDDEN:
        assert stat.S_IMODE((reports / name).stat().st_mode) == 0o600
    assert shown(reports) | HIDDEN | {".sg_prod.files.json", ".sg_prod.lock"} == set(files(reports))


def test_what_is_replaced_is_the_link_and_not_where_it_leads(
    report: Callable[..., Reported], tmp_path: Path
) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "other").write_text("somebody else's")
    (tmp_path / "reports" / "sg.json").symlink_to(tmp_path / "other")
    (tmp_path / "reports" / ".sg.files.json").symlink_to(tmp_path / "other")
    done = report("-f", "json")
    assert done.error is None
    assert ".sg.files.json: no record of sg-audit: files of tabs that are gone stay" in done.said
    assert (tmp_path / "other").read_text() == "somebody else's"
    assert json.loads((tmp_path / "reports" / "sg.json").read_text())["tables"].keys() >= TABS
    assert record(tmp_path / "reports") == {"json": ["sg.json"]}


def test_a_format_that_fails_keeps_its_files_and_the_others_are_replaced(
    report: Callable[..., Reported], tmp_path: Path
) -> None:
    reports = tmp_path / "reports"
    report("-f", "csv", "-f", "json")
    old = {name: (reports / name).read_bytes() for name in shown(reports)}
    (reports / "sg_ssh_world.csv").unlink()
    (reports / "sg_ssh_world.csv").mkdir()
    done = report("-f", "csv", "-f", "json", *LESS)
    assert isinstance(done.error, InputError)
    assert str(done.error) == (
        f"-f csv: {reports}: cannot write the report there: {reports}/sg_ssh_world.csv: Is a directory"
    )
    assert done.lines == [str(reports / "sg.json")]
    now = {name: (reports / name).read_bytes() for name in old if (reports / name).is_file()}
    assert {name for name in old if now.get(name) != old[name]} == {"sg.json", "sg_ssh_world.csv"}
    assert set(record(reports)["csv"]) >= {name for name in old if name.endswith(".csv")}
    assert set(files(reports)) == {*old, *HIDDEN}


@pytest.mark.parametrize("links", [True, False], ids=["links", "a share without links"])
def test_files_that_cannot_all_be_moved_leave_the_last_report(
    report: Callable[..., Reported], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    reports = tmp_path / "reports"
    report("-f", "csv", *LESS)
    old = {name: (reports / name).read_bytes() for name in shown(reports)}
    replace, moved = Path.replace, []

    def refuse(path: Path, target: Path) -> Path:
        if target.name == "sg_db_world.csv" and "kept" not in path.parts:
            raise OSError(28, "No space left on device")
        moved.append(target.name)
        return replace(path, target)

    def no_link(*_: Any, **__: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "replace", refuse)
    if not links:
        monkeypatch.setattr(os, "link", no_link)
    done = report("-f", "csv")
    assert str(done.error) == f"{reports}: cannot write the report there: No space left on device"
    assert {"sg_default_sg.csv", "sg_rdp_world.csv"} < set(moved)
    assert {name: (reports / name).read_bytes() for name in shown(reports)} == old
    assert set(files(reports)) == {*old, *HIDDEN}


def test_a_full_disk_leaves_the_last_report(run: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1024) as disk:
        words = ("-o", disk / "reports", "--stem", "sg", "-f", "csv", "-f", "json")
        assert Reported(run, *words).error is None
        old = {name: (disk / "reports" / name).read_bytes() for name in files(disk / "reports")}
        fill(disk)
        done = Reported(run, *words, *LESS)
        assert isinstance(done.error, InputError)
        assert "cannot write the report there: No space left on device" in str(done.error)
        assert done.lines == []
        assert {name: (disk / "reports" / name).read_bytes() for name in files(disk / "reports")} == old


def put(reports: Path, csv: dict[str, str], json: str) -> None:
    """Put a report of two formats in place."""
    with places.staging(Folder(reports), "sg") as stem:
        written = []
        for form, wanted in (("csv", csv), ("json", {"sg.json": json})):
            own = stem.parent / form / stem.name
            for name, content in wanted.items():
                (own.parent / name).parent.mkdir(parents=True, exist_ok=True)
                (own.parent / name).write_text(content)
            written.append(staged(form, own, [(own.parent / name) for name in wanted]))
        outcome = places.put(Folder(reports), "sg", written, stem.parent)
        assert not outcome.failures


def test_a_kill_at_any_moment_leaves_each_file_old_or_new(tmp_path: Path) -> None:
    """A process that is killed at its first change of the folder, at its second, …"""
    reports = tmp_path / "reports"
    old = {"sg_a.csv": "old", "sg_b.csv": "old", "sg_gone/part.csv": "old"}
    new = {"sg_a.csv": "new", "sg_b.csv": "new", "sg_more/part.csv": "new"}
    seen = set()
    for moment in range(1, 100):
        put(reports, old, "old")
        child = os.fork()
        if not child:
            left = [moment]

            def count(event: str, _: Any, left: list[int] = left) -> None:
                if event in ("os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir"):
                    left[0] -= 1
                    if not left[0]:
                        os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(count)
            put(reports, new, "new")
            os._exit(0)
        _, status = os.waitpid(child, 0)
        there = {name: (reports / name).read_text() for name in shown(reports) if (reports / name).is_file()}
        assert {"sg_a.csv", "sg_b.csv", "sg.json"} <= there.keys() <= {*old, *new, "sg.json"}
        assert set(there.values()) <= {"old", "new"}
        assert there.keys() <= {name for names in record(reports).values() for name in names}
        seen.add(tuple(sorted(there.items())))
        if not status:
            break
    assert there == {**new, "sg.json": "new"}
    assert len(seen) == 6  # as it was, then a change more each time: four files come, one goes


@pytest.mark.parametrize(
    "name",
    ["../victim", "/etc/victim", "sg/../../victim", "sg_link/victim", "sg_prod.csv\0", "victim", ".", ""],
)
def test_a_record_that_was_tampered_with_leads_nowhere_else(
    report: Callable[..., Reported], tmp_path: Path, name: str
) -> None:
    reports, outside = tmp_path / "reports", tmp_path / "outside"
    report("-f", "csv")
    outside.mkdir()
    victims = [tmp_path / "victim", outside / "victim", reports / "victim"]
    for victim in victims:
        victim.write_text("somebody else's")
    (reports / "sg_link").symlink_to(outside)
    set_record(reports, {"csv": [name, "sg_gone.csv"], "json": ["sg_ssh_world.csv"]})
    (reports / "sg_gone.csv").write_text("old")
    before = shown(reports)
    done = report("-f", "csv")
    assert done.error is None
    assert before - shown(reports) == {"sg_gone.csv"}
    assert all(victim.exists() for victim in victims)
    assert ("a link leads there" if name.startswith("sg_link") else "can be no file of sg") in done.said


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"files": {"csv": "sg_x"}}', b"\xff" * 10, b"[" * 10_000]
)
def test_a_record_that_is_none_removes_nothing(
    report: Callable[..., Reported], tmp_path: Path, content: bytes
) -> None:
    report("-f", "csv")
    before = shown(tmp_path / "reports")
    set_record(tmp_path / "reports", content)
    done = report("-f", "csv", *LESS)
    assert done.error is None
    assert ".sg.files.json: no record of sg-audit" in done.said
    assert shown(tmp_path / "reports") == before
    assert set(record(tmp_path / "reports")["csv"]) == {Path(line).name for line in done.lines}


@pytest.mark.parametrize("name", [".sg.lock", ".sg.files.json"])
def test_what_is_in_the_way_of_a_reports_own_files_is_told(
    report: Callable[..., Reported], tmp_path: Path, name: str
) -> None:
    reports = tmp_path / "reports"
    (reports / name).mkdir(parents=True)
    assert str(report("-f", "json").error) == (
        f"{reports}: cannot write the report there: {name}: Is a directory"
    )
    assert shown(reports) == set()


@pytest.mark.parametrize("as_link", [True, False])
def test_a_record_is_its_owners_only_whatever_was_put_in_its_place(
    report: Callable[..., Reported], tmp_path: Path, as_link: bool
) -> None:
    reports, open_to_all = tmp_path / "reports", tmp_path / "open"
    reports.mkdir()
    open_to_all.write_text("somebody else's")
    open_to_all.chmod(0o666)
    planted = reports / ".sg.files.json"
    if as_link:
        planted.symlink_to(open_to_all)
    else:
        planted.hardlink_to(open_to_all)
    assert report("-f", "json").error is None
    found = (reports / ".sg.files.json").lstat()
    assert (stat.S_ISREG(found.st_mode), stat.S_IMODE(found.st_mode)) == (True, 0o600)
    assert open_to_all.read_text() == "somebody else's"


def test_what_cannot_be_removed_stays_in_the_record_and_is_told(
    report: Callable[..., Reported], tmp_path: Path
) -> None:
    reports = tmp_path / "reports"
    report("-f", "csv")
    (reports / "sg_db_world.csv").unlink()
    (reports / "sg_db_world.csv").mkdir()
    done = report("-f", "csv", *LESS)
    assert done.error is None
    assert f"{reports}/sg_db_world.csv: stays, though its tab is gone: " in done.said
    assert "sg_db_world.csv" in record(reports)["csv"]
    (reports / "sg_db_world.csv").rmdir()
    report("-f", "csv", *LESS)
    assert "sg_db_world.csv" not in record(reports)["csv"]


def test_two_reports_at_once_wait_for_each_other(run: Path, tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    lock = os.open(reports / ".sg.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with ThreadPoolExecutor(1) as pool:
        begun = pool.submit(Reported, run, "-o", reports, "--stem", "sg", "-f", "json")
        waiting = threading.Event()
        while not any(reports.glob(".report-*/0/sg.json")) and not waiting.wait(0.05):
            assert not begun.done()
        assert not (reports / "sg.json").exists()
        os.close(lock)  # as the system does where a process is killed
        assert begun.result().error is None
    assert (reports / "sg.json").exists()


def test_a_report_that_another_one_holds_up_too_long_is_refused(
    report: Callable[..., Reported], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = tmp_path / "reports"
    report("-f", "json")
    old = (reports / "sg.json").read_bytes()
    monkeypatch.setattr(folders, "_WAIT", 0)
    with (reports / ".sg.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = report("-f", "json", *LESS)
    assert str(done.error) == (
        f"{reports}: cannot write the report there: another report called sg is being put there"
    )
    assert (reports / "sg.json").read_bytes() == old


def test_a_file_of_a_report_of_another_name_is_neither_replaced_nor_removed(
    report: Callable[..., Reported], tmp_path: Path
) -> None:
    """The tab db_world of sg, and the tab world of sg_db, would be one file."""
    reports = tmp_path / "reports"
    assert report("-f", "csv").error is None
    set_record(reports, {"csv": ["sg_ssh_world.csv", "sg_db_world.csv"]})  # whose the second is, both say
    (reports / ".sg_db.files.json").write_text(json.dumps({"files": {"csv": ["sg_db_world.csv"]}}))
    (reports / "sg_db_world.csv").write_text("of sg_db")
    done = report("-f", "csv", "-f", "json")
    assert str(done.error) == (
        f"-f csv: {reports}: cannot write the report there: sg_db_world.csv is of the report called sg_db: take "
        "another --stem or, where that report is no longer wanted, remove it and .sg_db.files.json"
    )
    assert done.lines == [str(reports / "sg.json")]
    assert report("-f", "csv", *LESS).error is None
    assert (reports / "sg_db_world.csv").read_text() == "of sg_db"
    (reports / ".sg_db.files.json").unlink()
    assert report("-f", "csv").error is None
    assert (reports / "sg_db_world.csv").read_text() != "of sg_db"


def test_a_longer_name_finds_what_a_shorter_one_has(report: Callable[..., Reported], tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / ".sg.files.json").write_text(json.dumps({"files": {"csv": ["sg_a_b_coverage.csv"]}}))
    (reports / "sg_a_b_coverage.csv").write_text("of sg")
    done = report("-f", "csv", stem="sg_a_b")
    assert "sg_a_b_coverage.csv is of the report called sg: " in str(done.error)
    assert shown(reports) == {"sg_a_b_coverage.csv"}


NESTED = """
def write(stem, tables, facts):
    folder = stem.with_name(f"{stem.name}_groups")
    for account in open(PLAN).read().split():
        part = folder / f"account_id={account}" / "part.nested"
        part.parent.mkdir(parents=True)
        part.write_text(account)
    (stem.parent / "left behind").write_text("no part of the report")
    return [folder]
"""


@pytest.fixture
def nested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A package's format that writes a folder of folders: one for each account that is set."""
    site, plan = tmp_path / "site", tmp_path / "plan"
    (site / "nested_format-1.dist-info").mkdir(parents=True)
    info = site / "nested_format-1.dist-info"
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nested_format\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[c7n_sg_audit.formats]\nnested = nested_format\n")
    (site / "nested_format.py").write_text(f"PLAN = {str(plan)!r}\n{NESTED}")
    monkeypatch.syspath_prepend(site)
    return lambda accounts: (plan.write_text(accounts), None)[1]


def test_a_format_may_write_folders(
    report: Callable[..., Reported], tmp_path: Path, nested: Callable[[str], None]
) -> None:
    reports = tmp_path / "reports"
    nested("111111111111 222222222222")
    assert report("-f", "nested").lines == [str(reports / "sg_groups")]
    part = "sg_groups/account_id={}/part.nested".format
    assert {part("111111111111"), part("222222222222")} < shown(reports)
    (reports / "sg_groups" / "notes").write_text("somebody's own")
    nested("222222222222 333333333333")
    report("-f", "nested")
    assert {path for path in shown(reports) if (reports / path).is_file()} == {
        *(part("222222222222"), part("333333333333")),
        "sg_groups/notes",
    }
    assert not (reports / "sg_groups" / "account_id=111111111111").exists()
    (reports / "sg_groups" / "account_id=444444444444").symlink_to(tmp_path)
    nested("222222222222 444444444444")
    done = report("-f", "nested")
    assert str(done.error).endswith("/sg_groups/account_id=444444444444: Not a directory")
    assert not (tmp_path / "part.nested").exists()
    assert (reports / part("333333333333")).read_text() == "333333333333"
    timed = Reported(tmp_path / "run", "-o", tmp_path / "other", "-f", "nested")
    assert str(timed.error) == "None"
    [folder] = timed.lines
    assert sorted(path.name for path in Path(folder).iterdir()) == [
        "account_id=222222222222",
        "account_id=444444444444",
    ]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "give a name"),
        (" ", "give a name"),
        (".sg", "a name that begins with a dot is hidden"),
        ("..", "a name that begins with a dot is hidden"),
        ("a/b", "no file's name has a /"),
        ("a\\b", "no file's name has a \\"),
        ("a:b", "no file's name has a :"),
        ("sg ", "a name begins and ends with no blank"),
        ("a\nb", "a name has no control characters"),
        ("a\u202eb", "a name has no control characters"),
        ("a\udcffb", "a name has no control characters"),
        ("é" * 51, "a name has at most 100 bytes"),
    ],
)
def test_a_name_that_no_file_can_have_is_told(run: Path, tmp_path: Path, name: str, says: str) -> None:
    for command in (["report", "-s", str(run)], ["audit", "-c", "accounts.yml"], ["demo"]):
        done = CliRunner().invoke(
            cli, [*command, "-o", str(tmp_path / "r"), "--stem", name], standalone_mode=False
        )
        assert isinstance(done.exception, InputError)
        assert str(done.exception).startswith("--stem ")
        assert says in str(done.exception)
        assert str(done.exception).isprintable()
    assert not (tmp_path / "r").exists()


def test_a_name_may_be_of_any_script(report: Callable[..., Reported], tmp_path: Path) -> None:
    done = report("-f", "csv", stem="Prüfung 安全")
    assert done.error is None
    assert str(tmp_path / "reports" / "Prüfung 安全_ssh_world.csv") in done.lines
