"""What nobody foresaw: one line that says where to report it, and a log without a secret for its owner only."""

import re
import stat
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from reporter import internal_error

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
# A format of somebody's package that is at fault: whatever the program calls may be.
FAULTY = f"""
def write(stem, tables, facts):
    try:
        {{}}["a table"]
    except KeyError as error:
        raise RuntimeError("<SecretAccessKey>{SECRET}</SecretAccessKey>\\n went wrong") from error
"""


@pytest.fixture
def faulty(tmp_path: Path) -> str:
    """Where the package lies."""
    site = tmp_path / "site"
    (site / "faulty-1.dist-info").mkdir(parents=True)
    (site / "faulty-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1\n")
    (site / "faulty-1.dist-info" / "entry_points.txt").write_text("[c7n_sg_audit.formats]\nfaulty = faulty\n")
    (site / "faulty.py").write_text(FAULTY)
    return str(site)


def test_a_fault_of_the_program_is_one_line_and_a_log(
    sg_audit: Callable[..., "subprocess.CompletedProcess[str]"], faulty: str, estate_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "tmp").mkdir()
    done = sg_audit(
        *("report", "-s", estate_run, "-o", tmp_path / "reports", "-f", "faulty"),
        env={"PYTHONPATH": f"{faulty}:{Path(__file__).parents[2]}", "TMPDIR": str(tmp_path / "tmp")},
    )
    assert (done.returncode, done.stdout) == (4, "")
    _, line = done.stderr.splitlines()
    told = re.fullmatch(
        r"sg-audit: internal error: RuntimeError: .*; please report it to the project's issue tracker "
        r"with (/.*\.log)",
        line,
    )
    assert told, line
    log = Path(told[1])
    assert log.parent == tmp_path / "tmp"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    text = log.read_text()
    assert "KeyError: 'a table'" in text
    assert "Traceback (most recent call last):" in text
    assert 'faulty.py", line 6, in write' in text
    assert f"report -s {estate_run}" in text
    assert SECRET not in text + done.stderr
    assert list((tmp_path / "reports").iterdir()) == []


def test_where_no_log_can_be_written_the_line_is_there_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "mkstemp", full)
    assert internal_error.told(ValueError("what")) == (
        "internal error: ValueError: what; please report it to the project's issue tracker "
        "(its log could not be written: [Errno 28] No space left on device)"
    )
