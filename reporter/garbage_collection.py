"""Python's garbage collector, paused, or asked seldom, where it would only cost time."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
