"""What all workers of pytest share: processes that are loaded once, and what a run of the estate has left.

`python -m tests.shared FOLDER` listens on a socket in the folder for each of PROGRAMS, starts the program as somebody
first connects, and leaves the socket to it. Each who connects gets a fork of it. All end when their stdin does.
"""

import fcntl
import gc
import os
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, cast

from reporter.sandbox import Sandbox, environment

#: What each is called, and the module with its arguments.
PROGRAMS = {
    "sandbox": ["tests.filled"],
    "sg-audit": ["tests.warm", "sg-audit"],
    "stock": ["tests.warm", "stock"],
    "dask": ["tests.warm", "dask"],
}


NOWHERE = "http://127.0.0.1:9"


@contextmanager
def running() -> Iterator[Path]:
    """The folder of the sockets."""
    with tempfile.TemporaryDirectory(prefix="t-") as name:  # short: a socket's path has to be
        folder = Path(name)
        (folder / "home").mkdir()
        with subprocess.Popen(
            [sys.executable, "-m", "tests.shared", folder],
            # What forks should have one thread.
            env=environment(NOWHERE, folder / "home") | {"OPENBLAS_NUM_THREADS": "1"},
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            assert cast(IO[bytes], process.stdout).readline() == b"ready\n"
            yield folder


def connected(folder: Path, name: str) -> socket.socket:
    """A connection to a fork of the program of that name, which ends with it."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(folder / name))
    return connection


@contextmanager
def sandbox(folder: Path, calls: Path | None = None) -> Iterator[Sandbox]:
    """A sandbox of one's own that holds the estate. It writes its calls down in the file, see recorder.py."""
    with connected(folder, "sandbox") as connection, connection.makefile("rw") as both:
        print(calls or "", file=both, flush=True)
        yield Sandbox(both.readline().strip())


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One worker at a time."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def serve(listener: socket.socket, be: Callable[[socket.socket], object]) -> None:
    """Have a fork be there for each who connects, until stdin ends and all of them have."""
    gc.collect()
    gc.freeze()  # else each fork looks through all that is loaded, and copies the pages of it
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            break
        connection, _ = listener.accept()
        with connection:
            if not os.fork():
                listener.close()
                be(connection)
                os._exit(0)
    with suppress(ChildProcessError):
        while True:
            os.wait()


def _main(folder: Path) -> None:
    waiting = {}
    for name, words in PROGRAMS.items():
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(folder / name))
        listener.listen()
        waiting[listener] = words
    print("ready", flush=True)
    started = []
    while True:
        ready, _, _ = select.select([*waiting, sys.stdin], [], [])
        if sys.stdin in ready:
            break
        for listener in ready:
            [module, *words] = waiting.pop(listener)
            command = [sys.executable, "-m", module, str(listener.fileno()), *words]
            started.append(subprocess.Popen(command, pass_fds=[listener.fileno()]))
            listener.close()
    for process in started:
        process.wait()


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
