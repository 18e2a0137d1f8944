"""Tells a person how far a run is, on stderr: a bar on a terminal, plain lines elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class _Bar:
    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("cells", total=None, label="")

    def planned(self, cells: int) -> None:
        self._bar.update(self._task, total=cells)

    def done(self, label: str, cells: int, read: int, problem: str) -> None:
        if read < cells:
            self._bar.console.print(_line(label, cells, read, problem), markup=False, highlight=False)
        self._bar.update(self._task, advance=cells, label=label)

    def say(self, line: str) -> None:
        self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._total = self._done = 0

    def planned(self, cells: int) -> None:
        self._total = cells

    def done(self, label: str, cells: int, read: int, problem: str) -> None:
        self._done += cells
        self.say(f"[{self._done}/{self._total}] {_line(label, cells, read, problem)}")

    def say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _line(label: str, cells: int, read: int, problem: str) -> str:
    line = f"{label}: {read} of {cells} policies read"
    return f"{line}; {problem[:300]}" if problem else line


def _columns() -> Iterator[ProgressColumn]:
    yield TextColumn("{task.description}")
    yield BarColumn()
    yield MofNCompleteColumn()
    yield TimeElapsedColumn()
    yield TimeRemainingColumn()


@contextmanager
def shown(console: Console) -> Iterator[_Bar | _Lines]:
    """Show a run's progress on the console while the block runs."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    label = TextColumn("{task.fields[label]}", markup=False)
    with Progress(*_columns(), label, console=console) as bar:
        yield _Bar(bar)


@contextmanager
def counted(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """Show on a terminal how much is done, told as (parts done, of how many)."""
    with Progress(*_columns(), console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
