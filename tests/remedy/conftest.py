"""The AWS CLI in front of the sandbox."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import pytest

# What asks warm_aws.py for a run, in the place of `aws`: hundreds of times, so it imports nothing that takes time.
CLIENT = """#!{python} -ISE
import _socket, marshal, posix, sys
server = _socket.socket(_socket.AF_UNIX)
server.connect({address!r})
handles = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
server.sendmsg([b"."], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, handles)])
server.sendall(marshal.dumps((sys.argv[1:], posix.environ, posix.getcwd())))
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
