"""Tells a person how far a run is, on stderr: a bar on a terminal, plain lines elsewhere."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from reporter.redaction import without_controls

# A wait that is shorter is what one is used to; plain lines on it, and on how far a run is, come as far apart as this.
_LONG_SECONDS = 10
_LINES_SECONDS = 60

_SHOWN_SECONDS = 0.1  # that a count stands, while it grows

_FULL = 300  # letters of a problem
_ESTIMATED_SECONDS = 600.0  # back from now, of which the time left is told
_BAR, _WIDE = 20, 60  # characters: a bar, and a terminal that has room for one beside a name


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
            text = without_controls(line)
            self._console.print(text, markup=False, emoji=False, highlight=False, soft_wrap=True)

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


class _Units(Progress):
    """How far a run is, on a line, and whose turn it is, on the next."""

    def get_renderables(self) -> Iterator[RenderableType]:
        for task in self.tasks:  # none as yet when this is first called, nor a console
            width = self.console.width
            yield Text(_status(task, width), no_wrap=True, overflow="ellipsis")
            line = Table.grid(padding=(0, 1), expand=True)
            cells: list[RenderableType] = []
            if width >= _WIDE:
                line.add_column(width=_BAR)
                cells.append(ProgressBar(total=task.total, completed=task.completed, width=_BAR))
            line.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
            cells.append(Text(task.fields["label"]))
            line.add_row(*cells)
            yield line


def _status(task: Task, width: int) -> str:
    """The longest of what there is to say that the width has room for."""
    done, total, failed = int(task.completed), task.total, task.fields["failed"]
    count = f"{done:,}/{int(total):,}" if total is not None else f"{done:,}"
    gone, left = task.finished_time or task.elapsed, task.time_remaining
    times = [] if gone is None else [f"{_time(gone)} gone"]
    if left and not task.finished:
        times.append(f"{_time(left)} left")
    full = ", ".join([f"{count} accounts and regions", f"{failed:,} not read whole", *times])
    return full if len(full) <= width else ", ".join([count, f"{failed:,} failed", *times])


def _time(seconds: float) -> str:
    """`0:09`, `12:05`, `1:02:00`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class _Bar(_Shown):
    def __init__(self, bar: Progress) -> None:
        super().__init__(bar.console)
        self._bar = bar
        self._failed = 0
        self._task = bar.add_task("", total=None, label="", failed=0)

    def planned(self, units: int) -> None:
        self._bar.update(self._task, total=units)

    def done(self, label: str, units: int, cells: int, read: int, problem: str) -> None:
        if read < cells:
            self._failed += units
            self.say(_line(label, cells, read, problem))
        self._bar.update(self._task, advance=units, failed=self._failed, label=without_controls(label))

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
    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        super().__init__(console)
        self._clock = clock
        self._total = self._done = self._failed = 0
        self._began = self._last_status = clock()
        self._last_wait = 0.0

    def planned(self, units: int) -> None:
        self._total = units

    def done(self, label: str, units: int, cells: int, read: int, problem: str) -> None:
        self._done += units
        self._failed += units if read < cells else 0
        self.say(f"[{self._done}/{self._total}] {_line(label, cells, read, problem)}")
        now = self._clock()
        if now - self._last_status >= _LINES_SECONDS and self._done < self._total:
            self._last_status = now
            self._say_status(now - self._began)

    def waiting(self, label: str, seconds: float) -> None:
        now = self._clock()
        if min(seconds, now - self._last_wait) >= _LINES_SECONDS:
            self._last_wait = now
            self.say(_wait(label, seconds))

    def _say_status(self, gone: float) -> None:
        left = gone / self._done * (self._total - self._done)
        self.say(
            f"{self._done:,} of {self._total:,} accounts and regions, {self._failed:,} not read whole; "
            f"{_time(gone)} gone, about {_time(left)} left"
        )


def _wait(label: str, seconds: float) -> str:
    return f"waiting for {label} ({seconds:.0f} s)"


def _line(label: str, cells: int, read: int, problem: str) -> str:
    line = f"{label}: {read} of {cells} policies read"
    return f"{line}; {problem[:_FULL]}" if problem else line


@contextmanager
def shown(console: Console, clock: Callable[[], float] = time.monotonic) -> Iterator[_Bar | _Lines]:
    """Show a run's progress on the console while the block runs. `clock` tells the seconds."""
    if not console.is_terminal:
        yield _Lines(console, clock)
        return
    with _Units(console=console, get_time=clock, speed_estimate_period=_ESTIMATED_SECONDS) as bar:
        yield _Bar(bar)


class _CountColumn(MofNCompleteColumn):
    """How many are done, and of how many where that is known."""

    def render(self, task: Task) -> Text:
        if task.total is not None:
            return super().render(task)
        return Text(f"{int(task.completed):,} so far", style="progress.download")


def _columns(width: int) -> Iterator[ProgressColumn]:
    yield TextColumn("{task.description}", markup=False)
    if width >= _WIDE:
        yield BarColumn(bar_width=_BAR)
    yield _CountColumn()
    if width >= _WIDE:
        yield TimeElapsedColumn()
        yield TimeRemainingColumn()


class Count:
    """Shows how much is done: it is told (parts done, of how many)."""

    def __init__(self, bar: Progress, what: str) -> None:
        self._bar, self._task = bar, bar.add_task(what, total=None)

    def __call__(self, done: int, total: int) -> None:
        self._bar.update(self._task, completed=done, total=total)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While the block runs, nothing is shown: a person is asked something."""
        if self._bar.disable:
            yield
            return
        self._bar.stop()
        try:
            yield
        finally:
            self._bar.start()


@contextmanager
def counted(console: Console, what: str) -> Iterator[Count]:
    """Show on a terminal how much is done."""
    columns = _columns(console.width)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield Count(bar, what)


class Steps:
    """Shows how far each of several steps is: it is told (step, parts done, of how many, None where nobody knows)."""

    def __init__(self, bar: Progress) -> None:
        self._bar, self._task, self._step = bar, bar.add_task("", total=None), ""
        self._last_shown = -_SHOWN_SECONDS
        self._over, self._lock = False, threading.Lock()

    def __call__(self, step: str, done: int, total: int | None) -> None:
        with self._lock:
            if not self._over:
                self._show(step, done, total)

    def end(self) -> None:
        """Take it away, and hear of no step more: a listing that nobody waits for goes on telling."""
        with self._lock:
            self._over = True
            self._bar.stop()

    def _show(self, step: str, done: int, total: int | None) -> None:
        if step != self._step:
            if self._step:
                self._bar.refresh()  # how far the one before came
            self._step = step
            self._bar.reset(self._task, description=without_controls(step))
            self._bar.start()
            self._last_shown = -_SHOWN_SECONDS
        now = time.monotonic()
        shows = now - self._last_shown >= _SHOWN_SECONDS
        self._bar.update(self._task, completed=done, total=total, refresh=shows or done == total)
        if shows:
            self._last_shown = now


@contextmanager
def stepped(console: Console) -> Iterator[Steps]:
    """Show on a terminal how far each step is, from when the first is told of: until then a person may be asked for
    what opens the way to it. No thread does it: beside one, no other process could be forked to do a part."""
    bar = Progress(
        *_columns(console.width),
        console=console,
        transient=True,
        auto_refresh=False,
        disable=not console.is_terminal,
    )
    steps = Steps(bar)
    try:
        yield steps
    finally:
        steps.end()
