"""Reports that are written at the same time into one folder: none takes another's names."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from reporter.cli import cli
from reporter.errors import InputError
from reporter.output.store import Folder
from reporter.report import writing
from tests import rundir

FORMATS = ("json", "csv", "xlsx")


def test_reports_of_one_second_have_names_of_their_own(tmp_path: Path) -> None:
    app = rundir.group("sg-1")
    audit = rundir.audit(rundir.write(tmp_path / "run", {("alpha", "us-east-1"): rundir.unit([app])}))
    reports = tmp_path / "reports"
    together = threading.Barrier(3)

    def write(_: int) -> tuple[Path, ...]:
        together.wait()
        return writing.write(audit, rundir.findings(audit), Folder(reports), FORMATS).paths

    with ThreadPoolExecutor(3) as pool:
        written = list(pool.map(write, range(3)))
    paths = [path for each in written for path in each]
    assert len(set(paths)) == len(paths)
    assert sorted(reports.iterdir()) == sorted(paths)
    stems = [{re.match(r".*_\d{8}T\d{6}", path.name)[0] for path in each} for each in written]
    assert [len(each) for each in stems] == [1, 1, 1]
    assert len(set.union(*stems)) == 3


def test_files_that_cannot_all_be_put_in_place_are_not_there_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = rundir.audit(rundir.write(tmp_path / "run", {("alpha", "us-east-1"): rundir.unit([])}))
    replace, moved = Path.replace, []

    def refuse(path: Path, target: Path) -> Path:
        if len(moved) == 2:
            raise OSError(28, "No space left on device")
        moved.append(target)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(InputError, match="reports: cannot write the report there: No space left on device"):
        writing.write(audit, rundir.findings(audit), Folder(tmp_path / "reports"), ["csv"])
    assert len(moved) == 2
    assert list((tmp_path / "reports").iterdir()) == []


@pytest.mark.parametrize("failing", FORMATS)
def test_a_format_that_fails_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    audit = rundir.audit(rundir.write(tmp_path / "run", {("alpha", "us-east-1"): rundir.unit([])}))
    replace = Path.replace

    def refuse(path: Path, target: Path) -> Path:
        if target.suffix == f".{failing}":
            raise OSError(28, "No space left on device")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", refuse)
    written = writing.write(audit, rundir.findings(audit), Folder(tmp_path / "reports"), FORMATS)
    assert sorted((tmp_path / "reports").iterdir()) == sorted(written.paths)
    assert {path.suffix for path in written.paths} == {f".{name}" for name in FORMATS if name != failing}
    assert [str(each) for each in written.failures] == [
        f"-f {failing}: {tmp_path / 'reports'}: cannot write the report there: No space left on device"
    ]


def test_a_report_with_a_format_that_failed_says_so_and_names_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = rundir.write(tmp_path / "run", {("alpha", "us-east-1"): rundir.unit([])})
    monkeypatch.setattr("reporter.report.formats.html.bundle._FILE", Path("gone.js"))
    args = ["report", "-s", str(run), "-o", str(tmp_path / "reports"), "-f", "html", "-f", "xlsx"]
    done = CliRunner().invoke(cli, args, standalone_mode=False)
    assert isinstance(done.exception, InputError)
    assert "-f html: " in str(done.exception)
    [workbook] = (tmp_path / "reports").iterdir()
    assert done.stdout.split() == [str(workbook)]
    assert workbook.suffix == ".xlsx"
