"""No process that works for another outlives it."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import wait
from threading import Thread

_SECONDS = 1.0


def end_with_parent(before: Callable[[], object] = lambda: None) -> None:
    """Have this process of multiprocessing's end as soon as the one does that started it, or that it was forked from.

    The end of the first, of a run for one, shows at once, as that of a pipe that it alone holds open; a kill of it
    included. The other, which the kernel's own means (PR_SET_PDEATHSIG) would tell and that one not, shows within a
    second: without it a run takes its workers for dead, and gives their work to others. `before` is called first.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_watch, args=[parent.sentinel, os.getppid(), before], daemon=True).start()


def _watch(started_by: int, forked_from: int, before: Callable[[], object]) -> None:
    while not wait([started_by], _SECONDS) and os.getppid() == forked_from:
        pass
    before()
    os.kill(os.getpid(), signal.SIGKILL)  # whatever else it is at
