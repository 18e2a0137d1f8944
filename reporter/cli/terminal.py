"""What the command line says, and how it ends."""

import codecs
import io
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, TextIO

from reporter.names import decoded
from reporter.redaction import without_controls

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

    from _typeshed import ReadableBuffer
    from rich.console import Console
    from rich.table import Table

EXIT_OK, EXIT_FOUND, EXIT_INPUT, EXIT_PARTIAL, EXIT_INTERNAL = 0, 1, 2, 3, 4


@cache
def console() -> "Console":
    """Where messages go: stderr."""
    from rich.console import Console  # a third of the time that `--help` would take

    return Console(stderr=True, markup=False, emoji=False, highlight=False)  # names are nobody's markup


def say(line: str) -> None:
    """Print a line for a person: on stderr, however long, but for what a terminal would act on."""
    console().print(without_controls(decoded(line)), soft_wrap=True)


def show(table: "Table") -> None:
    """Print a table on stderr, also where the terminal is narrower than its figures: half of one is another figure."""
    out = console()
    wide = out.options.update_width(1_000)
    least = out.measure(table, options=wide).minimum
    if least > out.width:
        from rich.console import Console

        out = Console(stderr=True, width=least, emoji=False, highlight=False)
    out.print(table, markup=False)


def prepare() -> None:
    """Have it do no harm that nobody listens any more: `| head`, a closed stdout, messages to a full disk.

    The work goes on, and its exit code says what came of it. Where stdout refuses for another reason than that,
    writing to it raises OSError as ever.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes that number, which the next file or connection would have
    sys.unraisablehook = _unraisable
    if sys.stdout is sys.__stdout__:  # also where both are None: it was closed
        # The name of a file that is not UTF-8 is written as the bytes that it is.
        unicode = not sys.__stdout__ or codecs.lookup(sys.__stdout__.encoding).name == "utf-8"
        errors = "surrogateescape" if unicode else "backslashreplace"
        sys.stdout = _stream(_Answers(1, "w", closefd=False), sys.__stdout__, errors)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _stream(_Messages(2, "w", closefd=False), sys.__stderr__, "backslashreplace")


def listening() -> bool:
    """Whether anybody still reads what is written to stdout, as far as it has found out."""
    return not _Answers.nobody_reads


def finish() -> None:
    """Drop what stdout does not take, which has been told: Python would try again at its end, and exit with 120."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _unraisable(unraisable: "UnraisableHookArgs") -> None:
    """Leave out what a file or a connection has to say as it is thrown away: that it failed was raised before."""
    if not isinstance(unraisable.exc_value, OSError):
        sys.__unraisablehook__(unraisable)


class _Answers(io.FileIO):
    nobody_reads = False

    def write(self, content: "ReadableBuffer") -> int:
        try:
            return super().write(content)
        except BrokenPipeError:
            type(self).nobody_reads = True
            return memoryview(content).nbytes
        except OSError as error:
            raise OSError(error.errno, error.strerror, "stdout") from None


class _Messages(io.FileIO):
    def write(self, content: "ReadableBuffer") -> int:
        try:
            return super().write(content)
        except OSError:  # and there is nobody left to be told
            return memoryview(content).nbytes


def _stream(raw: io.FileIO, like: TextIO | None, errors: str) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=like.encoding if like else "utf-8",
        errors=errors,
        line_buffering=raw.isatty() or isinstance(raw, _Messages),
    )
