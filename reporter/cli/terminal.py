"""What the command line says, and how it ends."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

EXIT_OK, EXIT_FOUND, EXIT_INPUT, EXIT_PARTIAL = 0, 1, 2, 3


@cache
def console() -> "Console":
    """Where messages go: stderr."""
    from rich.console import Console  # a third of the time that `--help` would take

    return Console(stderr=True)


def say(line: str) -> None:
    """Print a line for a person: on stderr, as it is, however long."""
    console().print(line, markup=False, highlight=False, soft_wrap=True)
