"""A Dask cluster that units are worked on in."""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import Any

from reporter.collect import worker
from reporter.collect.stopping import StoppedError
from reporter.collect.worker import Unit
from reporter.errors import InputError, install
from reporter.output.manifest import Cell
from reporter.redaction import redact

_CONNECT_SECONDS = 10
_CLOSE_SECONDS = 2
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
            raise InputError(f"--scheduler needs Dask: {install('dask')}") from None
        _silence("distributed", "tornado", "asyncio")  # what matters of it is told here
        self._scheduler = scheduler
        try:
            asyncio.run(_knock(scheduler))
            self._client: Any = Client(scheduler, timeout=_CONNECT_SECONDS, set_as_default=False)
            workers = self._workers()
        except Exception as error:  # an address can be wrong in many ways
            reason = redact(error) or f"no answer in {_CONNECT_SECONDS} seconds"
            raise InputError(f"--scheduler {scheduler}: no Dask scheduler answers there: {reason}") from None
        if not workers:
            self.close()
            raise InputError(f"--scheduler {scheduler}: that scheduler has no workers; start some")
        self._executor = self._client.get_executor(pure=False)
        self._size = workers
        self._patience = _patience()
        self._looked = self._waits_since = time.monotonic()
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
            self._size, self._waiting = workers, ""
        elif waiting != self._waiting:
            self._waiting, self._waits_since = waiting, self._looked
            say(f"{waiting}: waiting {self._patience:.0f} seconds")
        elif self._looked - self._waits_since > self._patience:
            raise StoppedError(waiting)

    def given_up(self, future: "Future[list[Cell]]") -> str:
        # Nobody here cancels a unit. Dask does so where the connection ends.
        return self._lost if future.cancelled() else ""

    def close(self) -> None:
        with suppress(Exception):  # all is done; what it may have to say is about itself
            self._client.close(timeout=_CLOSE_SECONDS)

    def stop(self) -> None:
        letting_go = Thread(target=self._let_go, daemon=True)
        letting_go.start()
        letting_go.join(_CLOSE_SECONDS)  # a scheduler that is gone does not answer
        self.close()

    def _let_go(self) -> None:
        with suppress(Exception):
            self._executor.shutdown(wait=False)

    @property
    def _lost(self) -> str:
        return f"the Dask scheduler at {self._scheduler} is gone"

    def _workers(self) -> int:
        return len(self._client.nthreads(callback_timeout=_ANSWER_SECONDS))


def _silence(*packages: str) -> None:
    """Dask gives some of its loggers a handler of their own as it is imported."""
    for name in (*packages, *logging.root.manager.loggerDict):
        if name.partition(".")[0] in packages:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


async def _knock(address: str) -> None:
    """See that something answers there as Dask does. A client alone may wait for that for ever.

    Raises whatever the address, the network or the other side give cause for.
    """
    from distributed.comm import connect
    from distributed.security import Security

    async with asyncio.timeout(_CONNECT_SECONDS):
        settings = Security().get_connection_args("client")
        (await connect(address, timeout=_CONNECT_SECONDS, **settings)).abort()


def _patience() -> float:
    """How long to wait for workers, in seconds: as the cluster itself, where Dask's configuration says so."""
    import dask
    from dask.utils import parse_timedelta

    wanted = dask.config.get("distributed.scheduler.no-workers-timeout", None)
    return _PATIENCE_SECONDS if wanted is None else float(parse_timedelta(wanted))
