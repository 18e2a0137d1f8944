"""Works on what nobody vouches for, as a stranger's policy, in processes that can be stopped.

They have no environment, can write into no file, and are bounded in memory and time. Not pebble's pool, which the
workers of a run are in: it times a task from start to end, so either each policy would read all recorded files by
itself, or nobody would know which policy of a task it is that does not end.
"""

import multiprocessing
import os
import pickle
import resource
import signal
import sys
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from time import monotonic
from typing import Any, TypeVar

from reporter.errors import InputError

# How many times what one owner may take all of them may.
_TIMES = 5

_MEMORY = 4 << 30
_NO_TIME = "there was no time left for it"
# A fork has Custodian loaded already, which elsewhere than on Linux is not to be relied on.
_CONTEXT: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Stopped:
    """Stands for a result: why there is none."""

    why: str


class Workers:
    """Processes that are started when there is work, and are gone at the end of the block.

    The tasks of one owner may take so many `seconds` together, those of all five times that.
    """

    def __init__(self, seconds: float, processes: int | None = None) -> None:
        self._seconds = seconds
        self._left = _TIMES * seconds
        self.processes = processes or os.cpu_count() or 1
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []
        self._spent: defaultdict[str, float] = defaultdict(float)
        self._stopped: dict[str, Stopped] = {}

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._idle + self._busy:
            worker.kill()

    def run(
        self,
        work: Callable[[Iterable[Task]], Iterator[Result]],
        batches: Iterable[Sequence[tuple[str, Task]]],
        processes: int | None = None,
    ) -> list[list[Result | Stopped]]:
        """What `work`, a function of a module, yields for the tasks of each batch, one by one, in order.

        Each task has an owner, which is stopped for good once its tasks have taken too long, also in earlier
        calls, or have ended their process. Raises InputError where the work does.
        """
        jobs = [_Job(batch) for batch in batches]
        waiting = deque(jobs)
        most = min(processes or self.processes, self.processes)
        started = monotonic()
        end = started + self._left
        while True:
            while waiting and len(self._busy) < most and monotonic() < end:
                self._begin(work, waiting.popleft())
            if not self._busy:
                self._left -= monotonic() - started
                return [job.results for job in jobs]
            deadline = min(end, *(self._deadline(worker) for worker in self._busy))
            ready = wait([worker.channel for worker in self._busy], max(0, deadline - monotonic()))
            for worker in list(self._busy):
                if worker.channel in ready:
                    self._receive(worker)
                elif monotonic() >= end:
                    self._give_up(worker, _NO_TIME)
                elif monotonic() >= self._deadline(worker):
                    self._give_up(worker, f"it takes longer than {self._seconds:g} seconds")
                if worker not in self._busy and worker.job.left:
                    waiting.appendleft(worker.job)

    def _begin(self, work: Callable[..., Any], job: "_Job") -> None:
        for position in list(job.left):
            stopped = self._stopped.get(job.owner(position))
            if stopped:
                job.results[position] = stopped
                job.left.remove(position)
        if job.left:
            worker = self._idle.pop() if self._idle else _Worker(int(_TIMES * self._seconds) + 1)
            worker.begin(work, job)
            self._busy.append(worker)

    def _deadline(self, worker: "_Worker") -> float:
        return worker.since + self._seconds - self._spent[worker.owner]

    def _receive(self, worker: "_Worker") -> None:
        try:
            result = worker.channel.recv()
        except (EOFError, OSError):
            self._give_up(worker, "it ends the process that works on it, as what takes too much memory does")
            return
        if isinstance(result, InputError):
            raise result
        now = monotonic()
        self._spent[worker.owner] += now - worker.since
        worker.since = now
        if isinstance(result, Stopped):
            self._stopped[worker.owner] = result
        worker.job.results[worker.job.left.popleft()] = result
        if isinstance(result, Stopped) or not worker.job.left:
            self._busy.remove(worker)
            self._idle.append(worker)

    def _give_up(self, worker: "_Worker", why: str) -> None:
        stopped = self._stopped[worker.owner] = Stopped(why)
        worker.job.results[worker.job.left.popleft()] = stopped
        self._busy.remove(worker)
        worker.kill()


class _Job:
    """A batch, and its results as they come; `left` are the positions without one."""

    def __init__(self, tasks: Sequence[tuple[str, Any]]) -> None:
        self.tasks = tasks
        self.results: list[Any] = [Stopped(_NO_TIME)] * len(tasks)
        self.left = deque(range(len(tasks)))

    def owner(self, position: int) -> str:
        return self.tasks[position][0]


class _Worker:
    """A process, and since when it has been at the first of what is left of its job."""

    job: _Job

    def __init__(self, cpu_seconds: int) -> None:
        self.channel, theirs = _CONTEXT.Pipe()
        self._process: BaseProcess = _CONTEXT.Process(target=_serve, args=(theirs, cpu_seconds), daemon=True)
        self._process.start()
        theirs.close()  # so that its end is the end of the channel

    @property
    def owner(self) -> str:
        return self.job.owner(self.job.left[0])

    def begin(self, work: Callable[..., Any], job: _Job) -> None:
        self.job = job
        with suppress(OSError):  # it has died, and will be found so
            self.channel.send((work, [job.tasks[position][1] for position in job.left]))
        self.since = monotonic()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self.channel.close()


def _serve(channel: Connection, cpu_seconds: int) -> None:
    _bound(cpu_seconds)
    with suppress(EOFError, OSError):  # the parent is gone
        while True:
            work, tasks = channel.recv()
            for result in _results(work, tasks):
                channel.send_bytes(result)


def _results(work: Callable[..., Any], tasks: Sequence[Any]) -> Iterator[bytes]:
    try:
        for result in work(tasks):
            yield pickle.dumps(result)
    except InputError as error:
        yield pickle.dumps(error)
    except Exception as error:
        # Its text may hold what the work has read.
        yield pickle.dumps(Stopped(f"it fails: {type(error).__name__}"))


def _bound(cpu_seconds: int) -> None:
    os.environ.clear()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to hear
    for kind, limit in (
        (resource.RLIMIT_DATA, _MEMORY),
        (resource.RLIMIT_CPU, cpu_seconds),  # where the parent was killed
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):  # unknown here, or it is lower
            resource.setrlimit(kind, (limit, limit))
