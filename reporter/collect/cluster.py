"""A Dask cluster that units are worked on in."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from reporter.collect import worker
from reporter.collect.stopping import StoppedError
from reporter.collect.worker import Unit
from reporter.errors import InputError
from reporter.output.manifest import Cell

INSTALL = "--scheduler needs Dask: pip install 'c7n-sg-audit[dask]'"
_CONNECT_SECONDS = 10
# How often the scheduler is asked for its workers, how long it has to answer, and how long there may be none.
_LOOK_SECONDS, _ANSWER_SECONDS, _PATIENCE_SECONDS = 2.0, 5.0, 60.0


class Cluster:
    """A Dask cluster, whose workers find their own way into each account: credentials are not sent.

    The scheduler hands the unit of a worker that is lost to another.
    """

    def __init__(self, scheduler: str) -> None:
        """Raises InputError where no scheduler answers, it has no workers, or Dask is not installed."""
        try:
            from distributed import Client
        except ImportError:
            raise InputError(INSTALL) from None
        for name in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # what matters of it is told here
        self._scheduler = scheduler
        try:
            self._client: Any = Client(scheduler, timeout=_CONNECT_SECONDS, set_as_default=False)
            workers = self._workers()
        except Exception as error:  # an address can be wrong in many ways
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"--scheduler {scheduler}: no Dask scheduler answers there: {reason}") from None
        if not workers:
            self.close()
            raise InputError(f"--scheduler {scheduler}: that scheduler has no workers; start some")
        self._executor = self._client.get_executor(pure=False)
        self._size = workers
        self._patience = _patience()
        self._looked = self._had_workers = time.monotonic()
        self._waiting = ""

    @property
    def size(self) -> int:
        # Workers come and go; a unit takes the whole of a worker's process.
        return self._size

    def start(self) -> None:
        pass  # its workers run

    def submit(self, unit: Unit) -> "Future[list[Cell]]":
        try:
            future: Future[list[Cell]] = self._executor.submit(worker.run_unit, unit)
        except Exception as error:
            raise StoppedError(self._lost) from error
        return future

    def watch(self, say: Callable[[str], None]) -> None:
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        try:
            workers = self._workers()
            waiting = f"the Dask cluster at {self._scheduler} has no workers left"
        except Exception:
            workers, waiting = 0, f"the Dask scheduler at {self._scheduler} does not answer"
        self._looked = time.monotonic()
        if workers:
            self._size, self._had_workers, self._waiting = workers, self._looked, ""
            return
        if self._looked - self._had_workers > self._patience:
            raise StoppedError(waiting)
        if waiting != self._waiting:
            self._waiting = waiting
            say(f"{waiting}: waiting {self._patience:.0f} seconds for it")

    def given_up(self, future: "Future[list[Cell]]") -> str:
        # Nobody here cancels a unit. Dask does so where the connection ends.
        return self._lost if future.cancelled() else ""

    def close(self) -> None:
        with suppress(Exception):  # all is done; what it may have to say is about itself
            self._client.close(timeout=_CONNECT_SECONDS)

    def stop(self) -> None:
        with suppress(Exception):
            self._client.sync(
                self._client._cancel, list(self._executor._futures), callback_timeout=_ANSWER_SECONDS
            )
        self.close()

    @property
    def _lost(self) -> str:
        return f"the Dask scheduler at {self._scheduler} is gone"

    def _workers(self) -> int:
        return len(self._client.nthreads(callback_timeout=_ANSWER_SECONDS))


def _patience() -> float:
    """How long to wait for workers, in seconds: as the cluster itself, where Dask's configuration says so."""
    import dask
    from dask.utils import parse_timedelta

    wanted = dask.config.get("distributed.scheduler.no-workers-timeout", None)
    return _PATIENCE_SECONDS if wanted is None else float(parse_timedelta(wanted))
