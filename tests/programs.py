"""Programs that are run as processes of their own, without their second of imports: see warm.py."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from reporter.sandbox import environment
from tests import shared

Completed = subprocess.CompletedProcess[str]

SG_AUDIT = "reporter.cli:main"
STOCK = {"custodian": "c7n.cli:main", "c7n-org": "c7n_org.cli:cli"}


_LIMIT_SECONDS = 200  # a program that hangs is a test that fails, and no suite that never ends


class Running:
    """A program that was started, with what tests use of subprocess.Popen."""

    def __init__(self, warm: "Warm", args: Sequence[str], pid: int, out: IO[bytes], err: IO[bytes]) -> None:
        self.pid = pid
        self._warm, self._args, self._out, self._err = warm, args, out, err

    @property
    def returncode(self) -> int | None:
        return self._warm.code_of(self.pid)

    def errors(self) -> str:
        """What it has said on stderr so far."""
        return _read(self._err)

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """All that it has said, once it has ended. Raises TimeoutExpired where it has not."""
        if self._warm.code_of(self.pid, timeout) is None:
            raise subprocess.TimeoutExpired(self._args, timeout)
        return _read(self._out), self.errors()


def _read(file: IO[bytes]) -> str:
    """Without moving where the program writes on: the file is the same to both."""
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode()


class Warm:
    """Starts programs in forks of a process that has imported what they will."""

    def __init__(self, control: socket.socket, env: Mapping[str, str]) -> None:
        """`env` is what it was started with itself."""
        self.env = env
        self._control = control
        self._answers = b""
        self._pid = 0  # of what was started last
        self._codes: dict[int, int] = {}

    def run(self, entry: str, args: Sequence[str], env: Mapping[str, str], cwd: Path) -> Completed:
        """Run the function `MODULE:FUNCTION` as the program of these arguments, and wait for its end."""
        with self.started(entry, args, env, cwd) as running:
            out, err = running.communicate(timeout=_LIMIT_SECONDS * 2)
            return Completed(args, running.returncode or 0, out, err)

    def python(self, code: str, *args: str | Path, env: Mapping[str, str], cwd: Path) -> Completed:
        """`python -c CODE ARG...`, but that what the programs import is loaded."""
        return self.run("tests.warm:execute", ["-c", code, *map(str, args)], env, cwd)

    @contextmanager
    def started(
        self,
        entry: str,
        args: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        *,
        seconds: int = _LIMIT_SECONDS,
        new_session: bool = False,
        umask: int = -1,
    ) -> Iterator[Running]:
        """The same, while it runs, which it does no longer than `seconds`.

        With `new_session` it leads a session and a process group of its own; `umask` is this process's if not given.
        """
        asked = {"entry": entry, "args": args, "env": dict(env), "cwd": str(cwd)}
        asked |= {"seconds": seconds, "new_session": new_session, "umask": umask}
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            line = json.dumps(asked).encode() + b"\n"
            sent = socket.send_fds(self._control, [line], [out.fileno(), err.fileno()])
            self._control.sendall(line[sent:])
            self._pid = 0
            while not self._pid:
                self._hear(_LIMIT_SECONDS)
            yield Running(self, args, self._pid, out, err)

    def code_of(self, pid: int, timeout: float = 0) -> int | None:
        """The exit code of what was started, or None where it has not ended by then."""
        deadline = time.monotonic() + timeout
        while pid not in self._codes:
            try:
                self._hear(max(0.001, deadline - time.monotonic()))
            except TimeoutError:
                return None
        return self._codes[pid]

    def _hear(self, timeout: float) -> None:
        """Take in what comes next. Raises TimeoutError where nothing does."""
        self._control.settimeout(timeout)
        try:
            heard = self._control.recv(4096)
        finally:
            self._control.settimeout(None)
        if not heard:
            raise RuntimeError("the process that runs programs is gone")
        *lines, self._answers = (self._answers + heard).split(b"\n")
        for line in lines:
            answer = json.loads(line)
            if "code" in answer:
                self._codes[answer["pid"]] = answer["code"]
            else:
                self._pid = answer["pid"]
                self._codes.pop(self._pid, None)  # of a process before it that had the same number


@contextmanager
def warm(programs: str, folder: Path) -> Iterator[Warm]:
    """One for the programs of that name in shared.py, whose sockets are in the folder."""
    with shared.connected(folder, programs) as control:
        yield Warm(control, environment(shared.NOWHERE, folder / "home"))
