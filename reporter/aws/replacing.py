"""Touches a piece of another package from outside, where it is what it was checked against.

Where something expected is not there, it is left alone with a warning: the program goes on, only slower, or
without what that piece is for.
"""

import inspect
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from pkgutil import resolve_name
from typing import Any


def replace(where: str, wrap: Callable[..., Any], parameters: Sequence[str] | None = None) -> None:
    """Put `wrap(original)` in the place of `package.module:name`; a second time changes nothing.

    `parameters` are the names that the original must take, where what takes its place relies on them.
    """
    dotted = where.replace(":", ".")
    above, _, name = dotted.rpartition(".")
    try:
        owner, original = resolve_name(above), resolve_name(where)
    except (ImportError, AttributeError):
        original = None
    if not callable(original) or not _takes(original, parameters):
        warn_unchanged(dotted)
    elif not hasattr(original, "sg_audit"):
        replacement = wrap(original)
        replacement.sg_audit = True
        setattr(owner, name, replacement)


def add_handler(event: str, handler: Callable[..., Any]) -> None:
    """Have each new session of botocore call the handler, last of those for the event."""
    from botocore import handlers

    known = getattr(handlers, "BUILTIN_HANDLERS", None)
    if not isinstance(known, list):
        warn_unchanged("botocore.handlers.BUILTIN_HANDLERS")
    elif (event, handler) not in known:
        known.append((event, handler))


@cache
def warn_unchanged(name: str) -> None:
    """Say once that a piece is left alone."""
    warnings.warn(f"{name} is not what it was checked against: left alone", stacklevel=3)


def _takes(original: Callable[..., Any], parameters: Sequence[str] | None) -> bool:
    if parameters is None or hasattr(original, "sg_audit"):
        return True
    try:
        return list(inspect.signature(original).parameters) == list(parameters)
    except (TypeError, ValueError):
        return False
