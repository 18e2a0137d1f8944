"""A Dask cluster of a test's own, or of a module's."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import programs
from tests.programs import Running, Warm

# A module may use one cluster for as long as that; whoever has one ends it before.
_LIMIT_SECONDS = 900


@dataclass(frozen=True)
class Cluster:
    """A scheduler's address and its workers, each a process of its own."""

    address: str
    scheduler: Running
    workers: list[Running]


@pytest.fixture(scope="package")
def warm_dask(shared: Path) -> Iterator[Warm]:
    """Runs the processes of a cluster."""
    with programs.warm("dask", shared) as forks:
        yield forks


@contextmanager
def running_cluster(warm: Warm, env: Mapping[str, str], folder: Path, count: int) -> Iterator[Cluster]:
    """A scheduler and so many workers, whose umask lets everybody read what they write.

    They have two threads each, or one where there is one worker.
    """
    with ExitStack() as stack:

        def start(program: str, *args: str) -> Running:
            words = [f"dask-{program}", *args, "--no-dashboard"]
            entry = f"distributed.cli.dask_{program}:main"
            running = stack.enter_context(
                warm.started(entry, words, env, folder, seconds=_LIMIT_SECONDS, umask=0o022)
            )
            stack.callback(running.kill)
            return running

        file = folder / "scheduler.json"
        scheduler = start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        deadline = time.monotonic() + 180
        while not file.exists():
            assert time.monotonic() < deadline, scheduler.errors()
            time.sleep(0.1)
        time.sleep(0.2)
        address = json.loads(file.read_text())["address"]
        words = ("--no-nanny", "--local-directory", str(folder / "scratch"), "--death-timeout", "20")
        workers = [start("worker", address, "--nthreads", str(min(count, 2)), *words) for _ in range(count)]
        from distributed import Client

        with Client(address, timeout=180, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=180)
        yield Cluster(address, scheduler, workers)
