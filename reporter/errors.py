"""What can be wrong with the input, told in one line."""

import os
import shlex
import sys


class InputError(Exception):
    """The input is wrong: its text says what, where and what to do. The command line exits with 2.

    Of several mistakes each has a text of its own.
    """

    def __str__(self) -> str:
        return "; ".join(map(str, self.args))


def install(extra: str) -> str:
    """The command that adds an extra to the Python that runs this: a `pip` on the PATH may be another's."""
    python = sys.executable or "python3"
    near = os.path.relpath(python)
    return f"{shlex.quote(near if not near.startswith(os.pardir) else python)} -m pip install 'c7n-sg-audit[{extra}]'"


def not_loaded(what: str, error: Exception) -> InputError:
    """For what cannot be loaded though it is there, as a library that is made for another Python or another numpy."""
    why = " ".join(f"{type(error).__name__}: {error}".split())
    return InputError(f"{what} cannot be loaded: {why}")
