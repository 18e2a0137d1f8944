"""Python's garbage collector, paused, or asked seldom, where it would only cost time."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def seldom() -> None:
    """Collect after a hundred thousand objects more, where Python does after 700: a command's modules and records come
    to stay, and looking through them again and again takes a tenth of a short one."""
    gc.set_threshold(100_000)


def leave_to_the_end() -> None:
    """Look through nothing any more: what is left goes with the process, and what Python looks for in it as it ends
    takes a sixth of a small report."""
    gc.freeze()


@contextmanager
def paused() -> Iterator[None]:
    """No collection during a block whose many objects come to stay: looking through them takes up to half its time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def seldom() -> None:
    """For a process that makes and drops much: look for garbage after 20,000 objects more, and not after 700."""
    gc.set_threshold(20_000)
