"""What becomes of signals around a fork: Ctrl-C goes to all processes of a terminal, and one of them tells of it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def signals_held() -> Iterator[None]:
    """Signals that end this process wait, to be forked within: the copy would tell of them too, or clean up what is
    not its own, and nobody would end it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_by_signals() -> None:
    """In the copy: end by the signals that the first process takes for Ctrl-C, and ignore what that ignores."""
    for number in _ENDING:
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
