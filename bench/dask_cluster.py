"""A Dask cluster on this machine: a scheduler, and workers in processes of one thread each, as docs/many-machines.md
has them."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

_SECONDS = 300  # for all to be there


@contextmanager
def running(
    env: Mapping[str, str], folder: Path, workers: int, processes: int
) -> Iterator[tuple[str, list[int]]]:
    """The scheduler's address and the pids of what was started, as soon as so many workers have come, each of so many
    processes."""
    from distributed import Client

    with ExitStack() as stack:
        settings = {"WORKER__PROFILE__ENABLED": "false", "ADMIN__TICK__INTERVAL": "1s"}
        env = {**env, **{f"DASK_DISTRIBUTED__{name}": value for name, value in settings.items()}}

        def start(program: str, *words: str) -> int:
            command = [sys.executable, "-m", f"distributed.cli.dask_{program}", *words, "--no-dashboard"]
            log = stack.enter_context((folder / f"{program}.log").open("a"))
            process = stack.enter_context(subprocess.Popen(command, env=dict(env), cwd=folder, stderr=log))
            stack.callback(process.terminate)
            return process.pid

        file = folder / "scheduler.json"
        pids = [start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))]
        deadline = time.monotonic() + _SECONDS
        while not file.exists():
            if time.monotonic() > deadline:
                raise TimeoutError((folder / "scheduler.log").read_text())
            time.sleep(0.1)
        words = ["--scheduler-file", str(file), "--nworkers", str(processes), "--nthreads", "1"]
        words += ["--preload", "reporter.collect.preload", "--local-directory", str(folder / "scratch")]
        pids += [start("worker", *words) for _ in range(workers)]
        with Client(scheduler_file=str(file), timeout=60, set_as_default=False) as client:
            client.wait_for_workers(workers * processes, timeout=_SECONDS)
            address = client.scheduler.address
        yield address, pids
