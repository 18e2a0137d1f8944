"""An AWS on this machine: a moto server with a small estate to audit, for the demo and the tests.

    with running() as sandbox:
        estate.fill(sandbox.endpoint)
        subprocess.run(["c7n-org", ...], env=environment(sandbox.endpoint, home))

moto lives in the server's process alone and boto3 in the one that builds the estate, so that this package is
cheap to import and needs neither.
"""

import importlib.util
import os
import select
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from reporter.errors import install

START_SECONDS = 60
STOP_SECONDS = 5

# Variables that could lead a child process to the user's own AWS, or change what Custodian or moto do. Upper
# case stands for lower case too.
_DROPPED_PREFIXES = ("AWS_", "BOTO_", "C7N_", "MOTO_")
_DROPPED_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


class SandboxError(RuntimeError):
    """The sandbox cannot be had; the message says why and, where it is known, what to do."""


@dataclass(frozen=True)
class Sandbox:
    """A sandbox that is running."""

    endpoint: str
    """Its URL, `http://127.0.0.1:PORT`: what AWS_ENDPOINT_URL must be to talk to it."""


def environment(endpoint: str, home: Path) -> dict[str, str]:
    """The variables under which a child process talks to the AWS at `endpoint`, and to no other.

    They are this process's own, without any that concern AWS, Custodian, moto or proxies. `home` is the home
    directory, so that neither the user's AWS configuration nor Custodian's cache of the user's accounts is
    read; `home/.aws/config` and `home/.aws/credentials` need not exist, and a test may write them.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(_DROPPED_PREFIXES) and name.upper() not in _DROPPED_NAMES
    }
    return kept | {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(home / ".aws" / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / ".aws" / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "HOME": str(home),
        # Python looks for what `pip install --user` installed below HOME, unless told where it is.
        "PYTHONUSERBASE": site.getuserbase(),
    }


@contextmanager
def running(port: int = 0) -> Iterator[Sandbox]:
    """A server of one's own on the loopback, on a free port unless one is asked for; stopped at the end.

    It starts empty: no account holds more than its default VPCs. Raises SandboxError when moto is not
    installed, and when the server does not come up, with what it said.
    """
    if not all(importlib.util.find_spec(module) for module in ("moto", "flask", "flask_cors")):
        raise SandboxError(f"the sandbox needs moto's server: {install('sandbox')}")
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryFile() as errors:
        server = subprocess.Popen(  # noqa: S603 - nothing in it comes from outside
            [sys.executable, "-P", "-m", "reporter.sandbox.server", "--port", str(port), "--with-parent"],
            env=environment("http://127.0.0.1", Path(home)),
            stdin=subprocess.PIPE,  # it ends when this end of the pipe does, however this process ends
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # Ctrl-C is for whoever uses the server, who then stops it
        )
        with server:
            try:
                yield Sandbox(_endpoint(server, errors))
            finally:
                _stop(server)


def _endpoint(server: "subprocess.Popen[bytes]", errors: IO[bytes]) -> str:
    """The URL the server prints once it listens."""
    output = cast(IO[bytes], server.stdout)
    ready, _, _ = select.select([output], [], [], START_SECONDS)
    if not ready:
        raise SandboxError(f"the sandbox server did not start within {START_SECONDS} seconds")
    endpoint = output.readline().decode().strip()
    if not endpoint:
        server.wait()
        errors.seek(0)
        said = errors.read().decode(errors="replace").split("\n")
        last = [line.strip() for line in said if line.strip()][-1:]  # of a traceback the reason
        raise SandboxError(f"the sandbox server did not start: {''.join(last)}")
    return endpoint


def _stop(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
