"""Custodian's tracing by AWS X-Ray, which no run here asks for, is not loaded with it.

Where X-Ray's library is installed, as moto brings it, the library makes a client of botocore's as it is imported: a
quarter of a second. Custodian does without it where it is not (c7n.resources.aws of c7n 0.9.53).
"""

from contextlib import AbstractContextManager

from reporter import optional_libraries


def left_out() -> AbstractContextManager[None]:
    """While the block imports Custodian, the library is as if it were not installed; thereafter it can be imported."""
    return optional_libraries.left_out("aws_xray_sdk")
