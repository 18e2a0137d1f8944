"""Runs a command and tells what it took of all its processes together: wall and CPU seconds, peak memory."""

import ctypes
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl(2): orphans become ours, so that their time counts

_PAUSE = 0.1  # seconds between looks at the memory
_SHARE = (
    0.05  # of a processor, at the most, for those looks: at thirty processes one takes a tenth of a second
)


@dataclass(frozen=True)
class Figures:
    """Seconds, and MiB at the peak: pages that processes share are counted once (PSS).

    `own` is the CPU of the command's process and the children it waited for. sg-audit waits for none of its
    workers: their parent is the process they are forked from.
    """

    wall: float
    cpu: float
    own: float
    memory: float


def measure(command: Sequence[str], env: Mapping[str, str], cwd: Path, beside: Sequence[int] = ()) -> Figures:
    """Run the command; raises CalledProcessError where it fails. Linux only.

    What the processes of these pids and their children take meanwhile counts too.
    """
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    peak, over = 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        pause = _PAUSE
        while not over.wait(pause):
            begun = time.thread_time()
            peak = max(peak, sum(map(_memory, _descendants(process.pid, *beside))))
            pause = max(_PAUSE, (time.thread_time() - begun) / _SHARE)

    before, started, cpu_beside = os.times(), time.monotonic(), cpu(beside)
    process = subprocess.Popen(
        command, env=dict(env), cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    watcher = threading.Thread(target=watch)
    watcher.start()
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - started
    over.set()
    watcher.join()
    _reap()
    after = os.times()
    if process.returncode:
        sys.stderr.buffer.write(errors)
        raise subprocess.CalledProcessError(process.returncode, command)
    own = after.children_user + after.children_system - before.children_user - before.children_system
    taken = own + cpu(beside) - cpu_beside
    return Figures(wall, taken, usage.ru_utime + usage.ru_stime, peak)


def cpu(pids: Sequence[int]) -> float:
    """The CPU seconds so far of the processes of these pids and of their children that are still there."""
    ticks = 0
    for pid in _descendants(*pids):
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            continue
        ticks += sum(map(int, stat.rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _descendants(*pids: int) -> list[int]:
    found = list(pids)
    for each in found:
        try:
            for task in Path(f"/proc/{each}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    # A pool's fork server is an orphan's child where its parent is gone; those have us as theirs by then.
    return found


def _memory(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return int(text.split("Pss:")[1].split()[0]) / 1024 if "Pss:" in text else 0.0


def _reap() -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.05)
        except ChildProcessError:
            return
