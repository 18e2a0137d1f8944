"""The main job on the sandbox: the same commands, in an environment that knows no other AWS."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from reporter import sandbox
from reporter.errors import InputError


def run(
    sources: Sequence[Path], reports: Path, formats: Sequence[str], csv_bom: bool, fail_on: str | None
) -> int:
    """Audit the sandbox's estate with the given policies and write the report; returns the exit code.

    Raises InputError where the sandbox is not installed.
    """
    from reporter.sandbox import estate

    with tempfile.TemporaryDirectory(prefix="sg-audit-demo-") as home:
        accounts = Path(home, "accounts.yml")
        accounts.write_text(estate.accounts_file(), encoding="utf-8")
        command = [sys.executable, "-m", "reporter", "audit", "-c", str(accounts)]
        command += ["-s", str(Path(home, "output")), "-o", str(reports)]
        command += [word for source in sources for word in ("-u", str(source))]
        command += [word for name in formats for word in ("-f", name)]
        command += ["--csv-bom"] if csv_bom else []
        command += ["--fail-on", fail_on] if fail_on else []
        try:
            with sandbox.running() as server:
                estate.fill(server.endpoint)
                environment = sandbox.environment(server.endpoint, Path(home))
                return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603
        except sandbox.SandboxError as error:
            raise InputError(str(error)) from None
