"""The process that the workers of this machine are forked from.

Apart from pools, as it takes long to load and can do so while a run still reads its input.
"""

import multiprocessing
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext

from reporter.errors import InputError

_SAFE_PATH, _OURS = "PYTHONSAFEPATH", "while it loads"
_DIGITS = 6  # of a number of workers


@contextmanager
def loading() -> Iterator[None]:
    """Have it load while the block reads the input; where that fails there is nothing to run, and it is stopped.

    What the environment holds at the start is what workers see. Raises InputError where the process cannot be
    started, or not be reached: the path of a socket may not be long.
    """
    context()
    previous = signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # which it inherits: Ctrl-C is for the run to hear
    try:
        with _safe_path():
            forkserver.ensure_running()
    except OSError as error:
        if error.errno is None:
            folder = tempfile.gettempdir()
            raise InputError(
                f"{folder}: no workers can be started: {error}; set TMPDIR to a shorter path"
            ) from None
        raise InputError(f"no workers can be started: {error.strerror}") from None
    finally:
        signal.signal(signal.SIGINT, previous)
    try:
        yield
    except BaseException:
        # multiprocessing has no way to stop it but the end of this process, which it would notice when loaded.
        pid = getattr(getattr(forkserver, "_forkserver", None), "_forkserver_pid", None)
        if pid:
            os.kill(pid, signal.SIGKILL)
        raise


@contextmanager
def _safe_path() -> Iterator[None]:
    """Python that begins within the block imports nothing from the working folder.

    multiprocessing has it begin with `python -c`, which looks there first: a c7n.py of whoever would be run.
    """
    given = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = given or _OURS
    try:
        yield
    finally:
        if given is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = given


def loaded() -> None:
    """For the process itself: what workers start, such as the program of a profile, is begun as ever."""
    if os.environ.get(_SAFE_PATH) == _OURS:
        del os.environ[_SAFE_PATH]


def workers_wanted() -> int | None:
    """How many workers C7N_ORG_PARALLEL asks for; None where it is not set.

    c7n-org reads it as it is imported, and stumbles over what is no number: hence here, before that.
    Raises InputError.
    """
    wanted = os.environ.get("C7N_ORG_PARALLEL")
    if wanted is None:
        return None
    if not wanted.isdecimal() or len(wanted) > _DIGITS or int(wanted) < 1:
        raise InputError(f"C7N_ORG_PARALLEL={wanted}: not a number of workers; give 1 or more, or unset it")
    return int(wanted)


def context() -> ForkServerContext:
    """Where workers are made; threads open the accounts, so they may not be forked from this process."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["reporter.collect.preload"])
    return made
