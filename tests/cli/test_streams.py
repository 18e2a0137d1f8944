"""Nobody listens any more, or nothing more can be written to them: no finding, no traceback, and the work is done."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOBODY, FULL, CLOSED = "nobody reads it", "the disk is full", "it is closed"


def run(
    *words: str | Path, env: dict[str, str], out: str = "", err: str = "", cwd: Path = ROOT
) -> "subprocess.CompletedProcess[str]":
    """Run the command line with its stdout or stderr so."""
    closed = {1: out == CLOSED, 2: err == CLOSED}
    streams = [_stream(what) for what in (out, err)]
    try:
        return subprocess.run(
            [sys.executable, "-m", "reporter", *words],
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=streams[0],
            stderr=streams[1],
            text=True,
            preexec_fn=lambda: [os.close(number) for number, so in closed.items() if so],
        )
    finally:
        for stream in streams:
            if stream != subprocess.PIPE:
                os.close(stream)


def _stream(what: str) -> int:
    if what == NOBODY:
        reader, writer = os.pipe()
        os.close(reader)
        return writer
    if what == FULL:
        return os.open("/dev/full", os.O_WRONLY)
    return subprocess.PIPE if not what else os.open(os.devnull, os.O_WRONLY)


@pytest.mark.parametrize("out", [NOBODY, CLOSED])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--help"], 0),
        (["report", "-f", "csv"], 0),
        (["report", "-f", "json", "--fail-on", "critical"], 1),
    ],
    ids=["help", "report", "fail-on"],
)
def test_a_stdout_that_nobody_reads_changes_nothing(
    out: str, words: list[str], code: int, clean_env: dict[str, str], estate_run: Path, tmp_path: Path
) -> None:
    more = ["-s", estate_run, "-o", tmp_path / "reports"] if words[0] == "report" else []
    done = run(*words, *more, env=clean_env, out=out)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
    if more:
        assert list((tmp_path / "reports").iterdir()) != []


def test_a_stdout_that_takes_nothing_is_told(clean_env: dict[str, str]) -> None:
    done = run("permissions", "-p", "sg-default", env=clean_env, out=FULL)
    assert (done.returncode, done.stderr) == (2, "sg-audit: stdout: No space left on device\n")


@pytest.mark.parametrize("err", [NOBODY, CLOSED, FULL])
def test_messages_that_nobody_reads_stop_no_run(
    err: str, clean_env: dict[str, str], estate_accounts: Path, tmp_path: Path
) -> None:
    done = run(
        *("run", "-c", estate_accounts, "-a", "dev", "-r", "us-east-1", "-p", "sg-default"),
        *("-s", tmp_path / "output"),
        env=clean_env,
        err=err,
    )
    assert done.returncode == 0
    folder = Path(done.stdout.strip())
    cells = json.loads((folder / "run.json").read_text())["cells"]
    assert [cell["status"] for cell in cells] == ["ok"]
    assert {path.name for path in folder.iterdir()} == {"run.json", "dev"}
