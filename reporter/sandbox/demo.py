"""The main job on the sandbox: the same commands, in an environment that knows no other AWS."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from reporter import sandbox
from reporter.errors import InputError
from reporter.output.store import Folder, Store, open_store


def run(
    sources: Sequence[Path],
    output: str,
    reports: Path,
    stem: str,
    formats: Sequence[str],
    csv_bom: bool,
    partition: Sequence[str],
    fail_on: str | None,
    history: str = "",
    carry: Path | None = None,
    *,
    summary: Path | None = None,
    iam: bool = False,
) -> int:
    """Audit the sandbox's estate with the given policies, and with --iam, and write the report; returns the exit code.

    The run is kept in a folder of runs. Raises InputError where `output` is none, or the sandbox is not installed.
    """
    from reporter.sandbox import estate

    kept(open_store(output), "-s")
    _say("starting an AWS on this machine")
    with tempfile.TemporaryDirectory(prefix="sg-audit-demo-") as home:
        accounts = Path(home, "accounts.yml")
        accounts.write_text(estate.accounts_file(), encoding="utf-8")
        command = [sys.executable, "-P", "-m", "reporter", "audit", "-c", str(accounts)]
        command += ["-s", output, "-o", str(reports)]
        command += [word for source in sources for word in ("-u", str(source))]
        command += [word for name in formats for word in ("-f", name)]
        command += ["--iam"] if iam else []
        command += ["--stem", stem] if stem else []
        command += ["--csv-bom"] if csv_bom else []
        command += [word for name in partition for word in ("--partition", name)]
        command += ["--fail-on", fail_on] if fail_on else []
        command += ["--history", history] if history else []
        command += ["--carry", str(carry)] if carry else []
        command += ["--summary", str(summary)] if summary else []
        try:
            with sandbox.running() as server:
                _say("putting three accounts into it")
                estate.fill(server.endpoint)
                return run_to_its_end(command, sandbox.environment(server.endpoint, Path(home)))
        except sandbox.SandboxError as error:
            raise InputError(str(error)) from None


def kept(place: Store, option: str) -> Folder:
    """The folder that an option names. Raises InputError where it is in S3."""
    if not isinstance(place, Folder):
        raise InputError(f"{option} {place.name}: the sandbox's S3 goes when the demo ends; give a folder")
    return place


def run_to_its_end(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command that hears Ctrl-C as well, and has something to close then; returns its exit code.

    Raises KeyboardInterrupt when that is done.
    """
    process = subprocess.Popen(command, env=environment)  # noqa: S603
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.wait()
        raise


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
