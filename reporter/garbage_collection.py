"""Python's garbage collector, paused, or asked seldom, where it would only cost time."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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


def leave_what_is_there() -> None:
    """Look no more through what there is by now: it comes to stay, and much of it would be looked through again as soon
    as a few more objects are made. What nobody needs any more goes as ever, but for cycles."""
    gc.freeze()


def seldom() -> None:
    """For a process that makes and drops much, or whose much comes to stay: look for garbage after 20,000 objects more,
    and not after 700. A tenth of a short command is that."""
    gc.set_threshold(20_000)
