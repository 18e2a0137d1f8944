"""The forms of a plan: a module each, whose `write(plan, folder)` returns the paths of the files it wrote.

Its `NOTES`, where it has some, are sentences for plan.md on what is to be known before those files are used.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from reporter.remedy.steps import Plan

Write = Callable[[Plan, Path], tuple[Path, ...]]

#: By what `--for` calls it.
_MODULES = {"cli": "shell", "terraform": "terraform", "custodian": "custodian"}
NAMES = tuple(_MODULES)
DEFAULT = "cli"


def form(name: str) -> Write:
    """What writes a form."""
    write: Write = import_module(f"{__name__}.{_MODULES[name]}").write
    return write


def notes(name: str) -> tuple[str, ...]:
    """What plan.md says of a form."""
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), "NOTES", ())
