"""The AWS CLI in front of the sandbox."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import pytest

# What asks warm_aws.py for a run, in the place of `aws`.
CLIENT = """#!{python} -ISE
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [b"."], [0, 1, 2])
    run = {{"args": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd()}}
    server.sendall(json.dumps(run).encode() + b"\\n")
    sys.exit(int(server.recv(8)))
"""


@pytest.fixture(scope="session")
def aws_cli(clean_env: dict[str, str]) -> Iterator[Path]:
    """A folder with an `aws` that does not take a second to start: see warm_aws.py."""
    with tempfile.TemporaryDirectory() as folder:  # a socket's path is to be short
        address = Path(folder, "socket")
        server = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("warm_aws.py"), address],
            env=clean_env,
            stdout=subprocess.PIPE,
            text=True,
        )
        with server:
            assert cast(IO[str], server.stdout).readline() == "ready\n"
            client = Path(folder, "aws")
            client.write_text(CLIENT.format(python=sys.executable, address=str(address)))
            client.chmod(0o700)
            yield Path(folder)
            server.kill()
