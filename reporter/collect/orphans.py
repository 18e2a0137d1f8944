"""No worker outlives its run."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import wait
from threading import Thread

_SECONDS = 1.0


def end_with_parent(before: Callable[[], None]) -> None:
    """Have this worker end as soon as the run does, or the process that the workers are forked from.

    The run's end shows at once, as the end of a pipe that only the run holds open; a kill of it included.
    The other, which the kernel's own means (PR_SET_PDEATHSIG) would tell and that one not, shows within a second:
    without it the run takes its workers for dead, and gives their work to others. `before` is called first.
    """
    run = multiprocessing.parent_process()
    if run is not None:
        Thread(target=_watch, args=[run.sentinel, os.getppid(), before], daemon=True).start()


def _watch(run: int, forked_from: int, before: Callable[[], None]) -> None:
    while not wait([run], _SECONDS) and os.getppid() == forked_from:
        pass
    before()
    os.kill(os.getpid(), signal.SIGKILL)  # whatever else it is at
