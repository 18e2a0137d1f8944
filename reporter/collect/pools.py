"""Where units are worked on: processes of this machine, or a Dask cluster."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from math import ceil
from threading import Thread
from typing import Protocol

from pebble import ProcessPool

from reporter.accounts.chosen import Account
from reporter.accounts.expected import ALL_REGIONS
from reporter.collect import forking, worker
from reporter.collect.cluster import Cluster
from reporter.collect.stopped_workers import StoppedWorkers
from reporter.collect.stopping import StoppedError
from reporter.collect.worker import Unit
from reporter.errors import InputError
from reporter.output.manifest import Cell
from reporter.redaction import redact

# Three times those of c7n-org and some: with the models shared, a worker waits for AWS nearly all of its time.
_WORKERS_PER_CPU = 13
# How long a worker has after a unit's time to end it by itself.
_GRACE_SECONDS = 5.0
# What `all` may come to, before an account has been asked; AWS has some more.
_REGIONS = 30


class Pool(Protocol):
    """Takes units and gives their cells, in any order."""

    @property
    def size(self) -> int:
        """How many units it works on at a time."""

    def start(self) -> None:
        """Get ready, and do not wait for it."""

    def submit(self, unit: Unit) -> "Future[list[Cell]]":
        """Hand a unit out. Raises StoppedError where nobody is left to take it."""

    def watch(self, say: Callable[[str], None]) -> None:
        """Say what is waited for, once. Raises StoppedError where no more units will get through.

        To be called every second while units are under way.
        """

    def given_up(self, future: "Future[list[Cell]]") -> str:
        """Why nothing came of a unit that is through, where all others share its fate; else empty."""

    def close(self) -> None:
        """Let it go, all units being through."""

    def stop(self) -> None:
        """Let it go at once, whatever is under way."""


class Local:
    """Processes of this machine, no more than there are units."""

    def __init__(self, units: int) -> None:
        """Raises InputError where this machine has no means for processes to work together."""
        rounds = max(1, ceil(units / _workers()))
        self.size = max(1, ceil(units / rounds))  # more would not make fewer rounds
        try:
            forking.context().Lock()
        except OSError as error:
            raise InputError(
                f"/dev/shm: no workers can be started without shared memory: {error.strerror}"  # noqa: S108
            ) from None
        self._stopped = StoppedWorkers()
        self._pool = ProcessPool(self.size, initializer=worker.start, context=forking.context())

    def start(self) -> None:
        Thread(target=self._start, daemon=True).start()

    def _start(self) -> None:
        with suppress(OSError, RuntimeError):  # which the first unit meets again
            self._pool.active  # noqa: B018 - asked whether it is, a pool starts its workers

    def submit(self, unit: Unit) -> "Future[list[Cell]]":
        try:
            # A worker ends it by itself, but for a policy's own work, a call that hangs in the system, or a stop.
            limit = unit.timeout + _GRACE_SECONDS
            future: Future[list[Cell]] = self._pool.schedule(worker.run_unit, args=[unit], timeout=limit)
        except (OSError, RuntimeError) as error:  # BrokenProcessPool is one
            raise StoppedError(f"no worker processes can be started: {_reason(error)}") from None
        self._stopped.expect_within(limit)
        future.add_done_callback(self._stopped.heard)
        return future

    def watch(self, say: Callable[[str], None]) -> None:
        if not self._pool.active:
            raise StoppedError("the worker processes are gone")
        self._stopped.wake(say)

    def given_up(self, future: "Future[list[Cell]]") -> str:
        error = future.exception()
        broken = isinstance(error, BrokenProcessPool)
        return f"the worker processes are gone: {_reason(error)}" if error and broken else ""

    def close(self) -> None:
        self._pool.close()
        self._pool.join()

    def stop(self) -> None:
        self._pool.stop()
        self._pool.join()


def _reason(error: BaseException) -> str:
    """What broke a pool: pebble says so by the error's cause."""
    cause = error.__cause__ if isinstance(error, BrokenProcessPool) and error.__cause__ else error
    return redact(cause) or type(cause).__name__


def _workers() -> int:
    return forking.workers_wanted() or (os.cpu_count() or 1) * _WORKERS_PER_CPU


def open_pool(scheduler: str | None, accounts: Iterable[Account], *, with_globals: bool = False) -> Pool:
    """The cluster behind a scheduler's address, or this machine, for units of these accounts; `with_globals` says that
    each has one of its own, beside those of its regions.

    Raises InputError where no scheduler answers, it has no workers, or Dask is not installed.
    """
    if scheduler:
        return Cluster(scheduler)
    units = [_REGIONS if ALL_REGIONS in each.regions else len(each.regions) for each in accounts]
    return Local(sum(units) + (len(units) if with_globals else 0))
