"""What the command line says, and how it ends."""

import codecs
import io
import sys

from rich.console import Console

EXIT_OK, EXIT_FOUND, EXIT_INPUT, EXIT_PARTIAL = 0, 1, 2, 3

console = Console(stderr=True)


def say(line: str) -> None:
    """Print a line for a person: on stderr, as it is, however long."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def take_any_name() -> None:
    """Have stdout take the name of any file: one that is not UTF-8 as the bytes that it is."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        unicode = codecs.lookup(sys.stdout.encoding).name == "utf-8"
        sys.stdout.reconfigure(errors="surrogateescape" if unicode else "backslashreplace")
