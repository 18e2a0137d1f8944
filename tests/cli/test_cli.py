"""What the command line says, where it says it, and the code it exits with."""

import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from subprocess import CompletedProcess

import openpyxl
import pytest
import yaml

from tests.lab import POLICIES, POLICY_COUNT

SgAudit = Callable[..., CompletedProcess[str]]


def test_stdout_has_the_run_directory_and_nothing_else(estate_ran: CompletedProcess[str]) -> None:
    assert estate_ran.stdout.count("\n") == 1
    folder = Path(estate_ran.stdout.removesuffix("\n"))
    assert folder.is_absolute()
    assert (folder / "run.json").is_file()


def test_progress_is_plain_lines_where_there_is_no_terminal(estate_ran: CompletedProcess[str]) -> None:
    first, *lines = estate_ran.stderr.splitlines()
    assert first == f"3 accounts, {POLICY_COUNT} policies"
    # They come in any order, an account and region at a time.
    assert [line.partition(" ")[0] for line in lines] == [f"[{done}/9]" for done in range(1, 10)]
    assert sorted(line.partition(" ")[2] for line in lines) == [
        f"{account} {region}: {POLICY_COUNT} of {POLICY_COUNT} policies read"
        for account in ("dev", "production", "staging")
        for region in ("ap-southeast-2", "eu-west-1", "us-east-1")
    ]
    assert "\x1b" not in estate_ran.stderr
    assert "\r" not in estate_ran.stderr


def on_a_terminal(*words: str, env: Mapping[str, str]) -> tuple[str, str]:
    """What a command that succeeds shows on its stderr, a terminal, and prints."""
    mine, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "reporter", *words],
        env={**env, "TERM": "xterm", "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=terminal,
        text=True,
    ) as process:
        os.close(terminal)
        shown = read_to_the_end(mine)
        stdout, _ = process.communicate()
    assert process.returncode == 0, shown
    return shown, stdout


def test_progress_is_a_bar_on_a_terminal(
    clean_env: dict[str, str], estate_accounts: Path, tmp_path: Path
) -> None:
    files = ["-c", str(estate_accounts), "-u", str(POLICIES), "-s", str(tmp_path / "output")]
    choice = ["-a", "dev", "-r", "us-east-1", "-p", "sg-default"]
    shown, stdout = on_a_terminal("run", *files, *choice, env=clean_env)
    assert "━" in shown
    assert "1/1" in shown
    assert "\x1b[" in shown
    assert stdout.count("\n") == 1
    assert Path(stdout.strip(), "run.json").is_file()


def test_a_report_shows_bars_on_a_terminal(
    clean_env: dict[str, str], estate_run: Path, tmp_path: Path
) -> None:
    words = ["report", "-s", str(estate_run), "-o", str(tmp_path), "-f", "csv"]
    shown, stdout = on_a_terminal(*words, env=clean_env)
    assert "reading a run of sg-audit" in shown
    assert "9/9" in shown
    assert "writing csv" in shown
    assert all(line.endswith(".csv") for line in stdout.splitlines())


def read_to_the_end(terminal: int) -> str:
    text = b""
    with suppress(OSError):  # how Linux says that nobody has the terminal open any more
        while more := os.read(terminal, 4096):
            text += more
    os.close(terminal)
    return text.decode()


def test_audit_runs_and_reports_and_fails_on_nothing_that_is_not_there(
    sg_audit: SgAudit, only_low: CompletedProcess[str]
) -> None:
    assert only_low.returncode == 0, only_low.stderr
    assert only_low.stdout.count("\n") == 1
    workbook = Path(only_low.stdout.strip())
    assert re.fullmatch(r"security_groups_inventory_\d{8}T\d{6}\.xlsx", workbook.name)
    assert [row[13] for row in rows(workbook, "security_groups")] == ["low"]
    assert "19 of 19 cells (account × region × policy) were read" in only_low.stderr


@pytest.fixture(scope="module")
def only_low(
    sg_audit: SgAudit, estate_accounts: Path, tmp_path_factory: pytest.TempPathFactory
) -> CompletedProcess[str]:
    """An audit, failing on medium, of a place with one default group that nothing uses."""
    folder = tmp_path_factory.mktemp("low")
    return sg_audit(
        *("audit", "-c", estate_accounts, "-u", POLICIES, "-s", folder / "output", "-o", folder / "reports"),
        *("-a", "dev", "-r", "ap-southeast-2", "--fail-on", "medium"),
    )


def test_fail_on_the_level_that_is_there(
    sg_audit: SgAudit, only_low: CompletedProcess[str], tmp_path: Path
) -> None:
    output = Path(only_low.stdout.strip()).parents[1] / "output"
    done = sg_audit("report", "-s", output, "-o", tmp_path, "-f", "json", "--fail-on", "low")
    assert done.returncode == 1, done.stderr
    assert Path(done.stdout.strip()).is_file()


@pytest.mark.parametrize("level", ["critical", "low"])
def test_fail_on_a_level_or_anything_worse(
    sg_audit: SgAudit, estate_run: Path, tmp_path: Path, level: str
) -> None:
    done = sg_audit("report", "-s", estate_run, "-o", tmp_path, "-f", "json", "--fail-on", level)
    assert done.returncode == 1, done.stderr
    assert Path(done.stdout.strip()).is_file()


def test_without_fail_on_critical_groups_are_no_failure(
    sg_audit: SgAudit, estate_run: Path, tmp_path: Path
) -> None:
    done = sg_audit("report", "-s", estate_run, "-o", tmp_path / "new" / "folder")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    workbook = Path(done.stdout.strip())
    assert workbook.parent == tmp_path / "new" / "folder"
    assert oct(workbook.stat().st_mode & 0o777) == "0o600"
    assert oct(workbook.parent.stat().st_mode & 0o777) == "0o700"
    assert "171 of 171 cells (account × region × policy) were read" in done.stderr


def test_files_that_are_cut_short_are_named_and_the_rest_is_reported(
    sg_audit: SgAudit, estate_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(estate_run, run)
    cut = run / "dev" / "us-east-1" / "sg-ssh-world" / "resources.json"
    empty = run / "staging" / "ap-southeast-2" / "ec2-inventory" / "resources.json"
    gone = run / "production" / "us-east-1" / "sg-unused" / "resources.json"
    garbled = run / "dev" / "eu-west-1" / "sg-default" / "resources.json"
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    empty.write_bytes(b"")
    gone.unlink()
    garbled.write_bytes(b'{"not": "a list"}')

    # Critical groups are there too, but what could not be looked at counts for more.
    done = sg_audit("report", "-s", run, "-o", tmp_path / "reports", "--fail-on", "critical")
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("not read: ")]
    assert len(told) == 3
    for cell, path in (
        ("dev eu-west-1, us-east-1 (2 cells of 57)", garbled),
        ("staging ap-southeast-2 ec2-inventory", empty),
        ("production us-east-1 sg-unused", gone),
    ):
        [line] = [line for line in told if line.startswith(f"not read: {cell}: failed ")]
        assert str(path.relative_to(run)) in line
    assert "167 of 171 cells (account × region × policy) were read" in done.stderr
    assert "--fail-on critical: 15 critical groups, 6 of them only possibly" in done.stderr

    workbook = Path(done.stdout.strip())
    assert len(rows(workbook, "security_groups")) == 77
    assert [(*row[:4], row[5]) for row in rows(workbook, "coverage")] == [
        ("dev", "111111111111", "eu-west-1", "sg-default", "failed"),
        ("dev", "111111111111", "us-east-1", "sg-ssh-world", "failed"),
        ("staging", "222222222222", "ap-southeast-2", "ec2-inventory", "failed"),
        ("production", "333333333333", "us-east-1", "sg-unused", "failed"),
    ]


def rows(workbook: Path, tab: str) -> list[tuple[object, ...]]:
    """The rows of a tab's table, without what stands above it."""
    lines = list(openpyxl.load_workbook(workbook)[tab].iter_rows(values_only=True))
    head = next(number for number, line in enumerate(lines) if line[0] == "account_profile")
    return lines[head + 1 :]


def test_policies_are_printed_as_one_file(sg_audit: SgAudit) -> None:
    done = sg_audit("policies", "-u", POLICIES / "10-inventory.yml", "-u", POLICIES / "20-findings.yml")
    assert (done.returncode, done.stderr) == (0, "")
    assert [policy["name"] for policy in yaml.safe_load(done.stdout)["policies"]] == [
        "sg-inventory",
        "eni-inventory",
        "ec2-inventory",
        "sg-default",
        "sg-ssh-open",
        "sg-ssh-world",
        "sg-unused",
    ]


def test_validate_says_how_many_are_valid(sg_audit: SgAudit) -> None:
    done = sg_audit("validate", "-u", POLICIES)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"{POLICY_COUNT} policies are valid\n")


def test_report_imports_nothing_that_its_formats_do_not_need(
    clean_env: dict[str, str], estate_run: Path, tmp_path: Path
) -> None:
    forms = ("-f", "xlsx", "-f", "csv", "-f", "json")
    done = subprocess.run(
        [
            sys.executable,
            "-X",
            "importtime",
            "-m",
            "reporter",
            "report",
            "-s",
            estate_run,
            "-o",
            tmp_path,
            *forms,
        ],
        env=clean_env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert {"reporter", "pandas", "xlsxwriter"} <= imported
    # With pyarrow itself pandas is not let: it looks for it.
    assert imported & {"pyarrow.lib", "importlib.metadata", "email", "reporter.report.details"} == set()
    packages = {name.partition(".")[0] for name in imported}
    assert (
        packages & {"c7n", "c7n_org", "boto3", "botocore", "moto", "jinja2", "jsonschema", "duckdb"} == set()
    )
