"""Custodian's tracing by AWS X-Ray, which no run here asks for, is not loaded with it.

Where X-Ray's library is installed, as moto brings it, the library makes a client of botocore's as it is imported: a
quarter of a second. Custodian does without it where it is not (c7n.resources.aws of c7n 0.9.53).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_LIBRARY = "aws_xray_sdk"


@contextmanager
def left_out() -> Iterator[None]:
    """While the block imports Custodian, the library is as if it were not installed; thereafter it can be imported."""
    if _LIBRARY in sys.modules:
        yield
        return
    sys.modules[_LIBRARY] = None  # type: ignore[assignment] # importing it is an ImportError then
    try:
        yield
    finally:
        del sys.modules[_LIBRARY]
