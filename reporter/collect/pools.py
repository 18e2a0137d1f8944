"""Where units are worked on: processes of this machine, or a Dask cluster."""

import logging
import os
from collections.abc import Iterable
from concurrent.futures import Future
from math import ceil
from threading import Thread
from typing import Any, Protocol

from pebble import ProcessPool

from reporter.accounts.chosen import Account
from reporter.accounts.expected import ALL_REGIONS
from reporter.collect import forking, worker
from reporter.collect.worker import Unit
from reporter.errors import InputError
from reporter.output.manifest import Cell

# Three times those of c7n-org and some: with the models shared, a worker waits for AWS nearly all of its time.
_WORKERS_PER_CPU = 13
# What `all` may come to, before an account has been asked; AWS has some more.
_REGIONS = 30
_CONNECT_SECONDS = 10
INSTALL = "--scheduler needs Dask: pip install 'c7n-sg-audit[dask]'"


class Pool(Protocol):
    """Takes units and gives their cells, in any order."""

    @property
    def size(self) -> int:
        """How many units it works on at a time."""

    def start(self) -> None:
        """Get ready, and do not wait for it."""

    def submit(self, unit: Unit) -> "Future[list[Cell]]":
        """Hand a unit out."""

    def close(self) -> None:
        """Let it go, all units being through."""

    def stop(self) -> None:
        """Let it go at once, whatever is under way."""


class Local:
    """Processes of this machine, no more than there are units."""

    def __init__(self, units: int) -> None:
        rounds = max(1, ceil(units / _workers()))
        self.size = max(1, ceil(units / rounds))  # more would not make fewer rounds
        self._pool = ProcessPool(self.size, initializer=worker.start, context=forking.context())

    def start(self) -> None:
        # Asked whether it is active, a pool starts its workers.
        Thread(target=lambda: self._pool.active, daemon=True).start()

    def submit(self, unit: Unit) -> "Future[list[Cell]]":
        future: Future[list[Cell]] = self._pool.schedule(worker.run_unit, args=[unit])
        return future

    def close(self) -> None:
        self._pool.close()
        self._pool.join()

    def stop(self) -> None:
        self._pool.stop()
        self._pool.join()


class Cluster:
    """A Dask cluster, whose workers find their own way into each account: credentials are not sent.

    The scheduler hands the unit of a worker that is lost to another.
    """

    def __init__(self, scheduler: str) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise InputError(INSTALL) from None
        for name in ("distributed", "tornado"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters of it goes into the cells
        try:
            self._client: Any = Client(scheduler, timeout=_CONNECT_SECONDS, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise InputError(f"--scheduler {scheduler}: no Dask scheduler answers there: {error}") from None
        if not self._client.nthreads():
            self._client.close()
            raise InputError(f"--scheduler {scheduler}: that scheduler has no workers; start some")
        self._executor = self._client.get_executor(pure=False)

    @property
    def size(self) -> int:
        # Workers come and go; a unit takes the whole of a worker's process.
        return max(1, len(self._client.nthreads()))

    def start(self) -> None:
        pass  # its workers run

    def submit(self, unit: Unit) -> "Future[list[Cell]]":
        future: Future[list[Cell]] = self._executor.submit(worker.run_unit, unit)
        return future

    def close(self) -> None:
        self._executor.shutdown()
        self._client.close()

    def stop(self) -> None:
        self._executor.shutdown(wait=False)
        self._client.close()


def _workers() -> int:
    return forking.workers_wanted() or (os.cpu_count() or 1) * _WORKERS_PER_CPU


def open_pool(scheduler: str | None, accounts: Iterable[Account]) -> Pool:
    """The cluster behind a scheduler's address, or this machine, for units of these accounts.

    Raises InputError where no scheduler answers, it has no workers, or Dask is not installed.
    """
    if scheduler:
        return Cluster(scheduler)
    return Local(sum(_REGIONS if ALL_REGIONS in each.regions else len(each.regions) for each in accounts))
