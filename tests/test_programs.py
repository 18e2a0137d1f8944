"""Programs that tests run: how they ended is never lost."""

import socket
import sys
import threading
from pathlib import Path

import pytest

from tests.programs import Warm


@pytest.mark.parametrize("before", [[], [b'{"pid": 7, "code": 1}']])
def test_end_that_is_heard_together_with_the_start(tmp_path: Path, before: list[bytes]) -> None:
    """A program may have ended before who started it is told its number, which another may have had before it."""
    control, other = socket.socketpair()

    def answer() -> None:
        socket.recv_fds(other, 1 << 16, 2)
        other.sendall(b"\n".join([*before, b'{"pid": 7}', b'{"pid": 7, "code": 3}', b""]))

    with control, other:
        thread = threading.Thread(target=answer)
        thread.start()
        with Warm(control, {}).started("any:one", [sys.executable], {}, tmp_path) as running:
            thread.join()
            assert running.returncode == 3
