"""`sg-audit sandbox`: an AWS on this machine for a person to try things on, until Ctrl-C."""

import shlex
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from reporter.errors import InputError
from reporter.sandbox import SandboxError, environment, estate, faults, running
from reporter.sandbox.faults import Fault

# What a shell may have set that would come before the sandbox's own.
_IN_THE_WAY = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN")


def serve(port: int, faults_file: Path | None, empty: bool) -> None:
    """Run a sandbox until Ctrl-C, or SIGTERM. Prints what a shell needs, and to stderr what a person does.

    Raises InputError where the sandbox cannot be had, or the faults file is wrong.
    """
    chosen = faults.read(faults_file) if faults_file else ()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), tempfile.TemporaryDirectory(prefix="sg-audit-sandbox-") as home:
        try:
            with running(port) as server:
                if not empty:
                    estate.fill(server.endpoint)
                faults.arm(server.endpoint, chosen)
                _explain(server.endpoint, Path(home), chosen, empty)
                try:
                    signal.pause()
                finally:
                    for fault, strikes in zip(chosen, faults.strikes(server.endpoint), strict=True):
                        _say(f"{strikes} times: {fault.text}")
        except SandboxError as error:
            raise InputError(str(error)) from None


def _explain(endpoint: str, home: Path, chosen: Sequence[Fault], empty: bool) -> None:
    print(f"unset {' '.join(_IN_THE_WAY)}")
    for name, value in environment(endpoint, home).items():
        if name.startswith("AWS_") or name == "NO_PROXY":
            print(f"export {name}={shlex.quote(value)}")
    sys.stdout.flush()
    _say(f"\nAn AWS on this machine, {endpoint}. In another shell, paste the lines above; then for instance")
    if empty:
        _say("  aws ec2 describe-security-groups    # it is empty; any role of any account can be assumed")
    else:
        accounts = home / "accounts.yml"
        accounts.write_text(estate.accounts_file(), encoding="utf-8")
        _say(f"  sg-audit audit -c {accounts}")
    for fault in chosen:
        _say(f"It misbehaves: {fault.text}")
    _say("Ctrl-C ends it, and all it holds.")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
