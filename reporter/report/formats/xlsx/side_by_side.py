"""The rows of a workbook's sheets, those of large ones written by processes beside each other.

In constant memory a sheet's rows go to a file of their own until the workbook is closed, so another process can write
them there. It is forked: it has the tables already, and what it changes besides that file stays with it.
"""

import multiprocessing
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from reporter import forks, orphans, processors
from reporter.report.formats.xlsx.fast_worksheet import Extent, FastWorksheet
from reporter.report.table import OnRows

_FEWEST = 300_000  # cells: fewer are written as soon as a process is there

Lengths = list[int]


@dataclass(frozen=True)
class SheetRows:
    """The rows of a sheet that are to be written, of so many `cells`, and what is to be done then.

    `write` writes them, tells `on_rows` now and then how many more it has, and returns how many characters the longest
    text of each column has; `end` takes that.
    """

    sheet: Worksheet
    cells: int
    write: Callable[[OnRows], Lengths]
    on_rows: OnRows
    end: Callable[[Lengths], None]


@dataclass(frozen=True)
class _Writer:
    """A process that writes the rows of a sheet, from a place in its file of rows on."""

    process: BaseProcess
    answer: Connection
    sheet: FastWorksheet
    rows: SheetRows
    start: int


def write_rows(workbook: Workbook, sheets: Iterable[SheetRows]) -> None:
    """Write the rows of sheets, whose heads are written and whose formats are made, one sheet on each processor.

    Raises the OSError that keeps one from being written.
    """
    is_daemon = multiprocessing.current_process().daemon  # which multiprocessing lets start none
    others = 0 if is_daemon else processors.for_forks() - 1
    writers: list[_Writer] = []
    try:
        for rows in sorted(sheets, key=lambda rows: rows.cells, reverse=True):
            writers = [writer for writer in writers if writer.process.is_alive() or _end(writer)]
            beside = len(writers) < others and rows.cells >= _FEWEST
            if not (
                beside
                and isinstance(rows.sheet, FastWorksheet)
                and _start(workbook, rows.sheet, rows, writers)
            ):
                rows.end(rows.write(rows.on_rows))
        while writers:
            _end(writers[0])
            del writers[0]
    finally:
        for writer in writers:
            writer.process.kill()
            writer.process.join()


def _start(workbook: Workbook, sheet: FastWorksheet, rows: SheetRows, writers: list[_Writer]) -> bool:
    """Whether there is one writer more; not where the system has no process, memory or file left for it."""
    forked = multiprocessing.get_context("fork")
    start = sheet.end_of_rows()
    try:
        answer, theirs = forked.Pipe(duplex=False)
    except OSError:
        return False
    with theirs, forks.signals_held():
        process = forked.Process(target=_write, args=[workbook, sheet, rows, theirs], daemon=True)
        try:
            process.start()
        except OSError:
            answer.close()
            return False
        writers.append(_Writer(process, answer, sheet, rows, start))
    return True


def _write(workbook: Workbook, sheet: FastWorksheet, rows: SheetRows, answer: Connection) -> None:
    forks.end_by_signals()
    before = sheet.noted(), len(workbook.xf_format_indices)
    written: tuple[Lengths, Extent] | OSError | None
    try:
        orphans.end_with_parent()
        written = rows.write(answer.send), sheet.end_rows()
        if before != (sheet.noted(), len(workbook.xf_format_indices)):
            written = None  # more than rows, which would be lost
    except OSError as error:
        written = error
    except Exception:  # which the parent meets as well
        written = None
    with suppress(BrokenPipeError):  # nobody waits for it any more
        answer.send(written)


def _end(writer: _Writer) -> bool:
    """Take over what a process has written, or write it here; False, as it runs no more."""
    written: tuple[Lengths, Extent] | OSError | None = None
    with writer.answer, suppress(EOFError):  # of one that was killed
        while isinstance(told := writer.answer.recv(), int):
            writer.rows.on_rows(told)
        written = told
    writer.process.join()
    if isinstance(written, OSError):
        raise written
    if written is None:
        writer.sheet.cut_rows(writer.start)
        longest = writer.rows.write(lambda count: None)
    else:
        longest, extent = written
        writer.sheet.take_over(extent)
    writer.rows.end(longest)
    return False
