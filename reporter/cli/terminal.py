"""What the command line says, and how it ends."""

from rich.console import Console

from reporter.redaction import printable

EXIT_OK, EXIT_FOUND, EXIT_INPUT, EXIT_PARTIAL = 0, 1, 2, 3

console = Console(stderr=True)


def say(line: str) -> None:
    """Print a line for a person: on stderr, however long, but for what a terminal would act on."""
    console.print(printable(line), markup=False, highlight=False, soft_wrap=True)
