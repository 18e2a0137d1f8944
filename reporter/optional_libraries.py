"""Libraries that another loads with it where they are installed, left out where nobody needs them of it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def left_out(library: str) -> Iterator[None]:
    """While the block imports what would load it, the library is as if it were not installed; thereafter it can be
    imported. One that is loaded already stays."""
    if library in sys.modules:
        yield
        return
    sys.modules[library] = None  # type: ignore[assignment] # importing it is an ImportError then
    try:
        yield
    finally:
        del sys.modules[library]
