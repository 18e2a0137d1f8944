"""How long an answer is waited for. Nothing is waited for without an end.

- An answer that does not begin, or stops, ends after the 60 seconds that botocore gives each read from a
  connection. One that trickles never would: each byte begins the 60 seconds anew. It ends where it has come, on
  average, more slowly than a modem's, a first minute apart.
- While `unit_of(seconds)` runs, no answer is waited for beyond that, and no call is made after it; so for the calls
  of one thread in `way_in(seconds)`, but for the time that a person takes.
- A page of a listing whose token was there before ends the listing. botocore looks at the last one only.
"""

import io
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import PaginationError

from reporter.aws.errors import UnitTimeoutError

_FIRST_SECONDS = 60.0
_BYTES_A_SECOND = 1000


class _Limit(threading.local):
    """The end of the time that there is for the calls of a thread, and how much there was."""

    ends = math.inf
    seconds = math.inf


_thread = _Limit()
_process = SimpleNamespace(ends=math.inf, seconds=math.inf)  # whatever threads a policy works in


@contextmanager
def unit_of(seconds: float) -> Iterator[None]:
    """Let no call of this process go beyond so many seconds from now. One unit at a time."""
    with _limited(_process, seconds):
        yield


@contextmanager
def way_in(seconds: float) -> Iterator[None]:
    """Let no call of this thread go beyond so many seconds from now."""
    with _limited(_thread, seconds):
        yield


@contextmanager
def not_counted() -> Iterator[None]:
    """Take the time that the block takes out of what there is for this thread's calls."""
    began = time.monotonic()
    try:
        yield
    finally:
        _thread.ends += time.monotonic() - began


@contextmanager
def _limited(limit: Any, seconds: float) -> Iterator[None]:
    limit.seconds, limit.ends = seconds, time.monotonic() + seconds
    try:
        yield
    finally:
        limit.seconds = limit.ends = math.inf


def overdue(operation: str) -> UnitTimeoutError | None:
    """The error that a call meets that would be made after its time."""
    now = time.monotonic()
    for limit in (_process, _thread):
        if now >= limit.ends:
            return UnitTimeoutError(what=operation, seconds=limit.seconds)
    return None


class PatientResponse(HTTPResponse):
    """An HTTP response that is read for as long as an answer may take, headers and body together."""

    def __init__(self, sock: Any, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self.fp = io.BufferedReader(_Timed(self.fp.detach(), sock))


class _Timed(io.RawIOBase):
    """What comes from a socket, until it comes too slowly."""

    def __init__(self, raw: Any, sock: Any) -> None:
        self._raw = raw
        self._sock = sock  # so that botocore finds it: StreamingBody.set_socket_timeout
        self._began = time.monotonic()
        self._received = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        now = time.monotonic()
        ends = self._began + _FIRST_SECONDS + self._received / _BYTES_A_SECOND
        patience = min(ends, _process.ends, _thread.ends) - now
        if patience <= 0:
            raise TimeoutError("the answer came too slowly")
        a_read = self._sock.gettimeout()
        if a_read is not None and a_read <= patience:
            received = self._raw.readinto(buffer)
        else:
            self._sock.settimeout(patience)
            try:
                received = self._raw.readinto(buffer)
            finally:
                self._sock.settimeout(a_read)
        self._received += received or 0
        return received  # type: ignore[no-any-return]

    def close(self) -> None:
        self._raw.close()
        super().close()


def remember_tokens(original: Callable[..., Any]) -> Callable[..., Any]:
    """For `PageIterator._get_next_token`: raise PaginationError where a page's token was another's before."""

    def get_next_token(self: Any, parsed: Any) -> Any:
        following = original(self, parsed)
        if any(following.values()):
            seen = self.__dict__.setdefault("sg_audit_tokens", set())
            token = repr(sorted(following.items()))
            if token in seen:
                raise PaginationError(message="its pages go round: the token of one was another's before")
            seen.add(token)
        return following

    return get_next_token


def forget_tokens(original: Callable[..., Any]) -> Callable[..., Any]:
    """For `PageIterator.__iter__`: the same pages may be gone through a second time."""

    def iterate(self: Any) -> Any:
        self.__dict__.pop("sg_audit_tokens", None)
        return original(self)

    return iterate
