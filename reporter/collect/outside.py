"""What of botocore is touched from outside, and why.

Checked against botocore 1.43. Where something expected is not there, it is left alone with a warning and the
run goes on without what it is for.

- `botocore.handlers.BUILTIN_HANDLERS`, the handlers that each new session registers: one more, which counts
  the answers that ask for calling more slowly. c7n makes its own sessions, so there is no other place to hear
  of them all.
"""

import warnings
from typing import Any

from botocore import handlers
from botocore.retries.standard import ThrottledRetryableChecker

_throttled = 0


def count_throttles() -> None:
    """From now on, count the answers of AWS that throttle a call; `throttled()` says how many there were."""
    known = getattr(handlers, "BUILTIN_HANDLERS", None)
    if not isinstance(known, list):
        warnings.warn("this botocore has no BUILTIN_HANDLERS: throttled calls are not counted", stacklevel=2)
    elif ("needs-retry", _hear) not in known:
        known.append(("needs-retry", _hear))


def throttled() -> int:
    """How many answers throttled a call since the process began."""
    return _throttled


_CODES = frozenset(ThrottledRetryableChecker()._throttled_error_codes)


def _hear(response: tuple[Any, dict[str, Any]] | None = None, **_: object) -> None:
    global _throttled
    if response is not None and response[1].get("Error", {}).get("Code") in _CODES:
        _throttled += 1
