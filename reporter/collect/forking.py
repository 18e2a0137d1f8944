"""The process that the workers of this machine are forked from.

Apart from pools, as it takes long to load and can do so while a run still reads its input.
"""

import multiprocessing
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext


def begin() -> None:
    """Start it; what the environment holds now is what workers see."""
    context()
    forkserver.ensure_running()


def context() -> ForkServerContext:
    """Where workers are made; threads open the accounts, so they may not be forked from this process."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["reporter.collect.preload"])
    return made
