"""Tells a person how far a run is, on stderr: a bar on a terminal, plain lines elsewhere."""

import threading
import time
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

from reporter.redaction import without_controls

# A wait that is shorter is what one is used to; plain lines on it come as far apart as this.
_LONG_SECONDS = 10
_LINES_SECONDS = 60

_FULL = 300  # letters of a problem


class _Shown:
    """Prints lines on the console, except while somebody else has it alone: then they wait."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._held: list[str] | None = None

    def say(self, line: str) -> None:
        with self._lock:
            if self._held is not None:
                self._held.append(line)
                return
            self._console.print(without_controls(line), markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While the block runs, nothing is shown: a person is asked something. One block at a time."""
        with self._lock:
            self._held = []
        try:
            yield
        finally:
            with self._lock:
                held, self._held = self._held, None
            for line in held or ():
                self.say(line)


class _Bar(_Shown):
    def __init__(self, bar: Progress) -> None:
        super().__init__(bar.console)
        self._bar = bar
        self._task = bar.add_task("cells", total=None, label="")

    def planned(self, cells: int) -> None:
        self._bar.update(self._task, total=cells)

    def done(self, label: str, cells: int, read: int, problem: str) -> None:
        if read < cells:
            self.say(_line(label, cells, read, problem))
        self._bar.update(self._task, advance=cells, label=without_controls(label))

    def waiting(self, label: str, seconds: float) -> None:
        if seconds >= _LONG_SECONDS:
            self._bar.update(self._task, label=without_controls(_wait(label, seconds)))

    @contextmanager
    def alone(self) -> Iterator[None]:
        self._bar.live.transient = True  # it is taken away, and comes again below
        self._bar.stop()
        try:
            with super().alone():
                yield
        finally:
            self._bar.live.transient = False
            self._bar.start()


class _Lines(_Shown):
    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._total = self._done = 0
        self._last_wait = 0.0

    def planned(self, cells: int) -> None:
        self._total = cells

    def done(self, label: str, cells: int, read: int, problem: str) -> None:
        self._done += cells
        self.say(f"[{self._done}/{self._total}] {_line(label, cells, read, problem)}")

    def waiting(self, label: str, seconds: float) -> None:
        now = time.monotonic()
        if min(seconds, now - self._last_wait) >= _LINES_SECONDS:
            self._last_wait = now
            self.say(_wait(label, seconds))


def _wait(label: str, seconds: float) -> str:
    return f"waiting for {label} ({seconds:.0f} s)"


def _line(label: str, cells: int, read: int, problem: str) -> str:
    line = f"{label}: {read} of {cells} policies read"
    return f"{line}; {problem[:_FULL]}" if problem else line


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
