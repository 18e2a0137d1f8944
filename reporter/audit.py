"""An audit: what an output directory says of its groups, and what could not be looked at."""

import gc
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from reporter.custodian.output import Output
from reporter.inventory.join import Inventory, join
from reporter.inventory.unit import UnitRows, read_unit
from reporter.manifest import Cell, Status
from reporter.store import side_by_side

# Below this many resources a second process starts later than the first is through.
_MANY_RESOURCES = 50_000
_MANY_CELLS = 5_000

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Audit:
    """The joined inventory, with every cell as it turned out when it was read."""

    output: Output
    cells: tuple[Cell, ...]
    inventory: Inventory

    @property
    def gaps(self) -> tuple[Cell, ...]:
        """The cells that were planned and not read."""
        return tuple(cell for cell in self.cells if cell.status is not Status.OK)


def _silent(done: int, of: int) -> None:
    pass


def read_audit(output: Output, progress: Progress = _silent) -> Audit:
    """Read and join all that an output directory holds; `progress` hears how many units are read, of how many.

    Raises InputError where a policy's `metadata.report` cannot be followed.
    """
    policies = {policy.name: policy for policy in output.policies}
    order = {account.name: number for number, account in enumerate(output.accounts)}
    units_of = sorted(output.units(), key=lambda cells: (order.get(cells[0].account, -1), cells[0].region))
    tasks = [[(cell, output.resources(cell)) for cell in cells] for cells in units_of]
    read = partial(read_unit, store=output.store, policies=policies)
    with _no_collection():
        units = []
        for unit in _read(tasks, read, output):
            units.append(unit)
            progress(len(units), len(tasks))
        inventory = join(units, output.policies)
    return Audit(output, tuple(cell for unit in units for cell in unit.cells), inventory)


def _read(
    tasks: Sequence[Sequence[tuple[Cell, str]]],
    read: Callable[[Sequence[tuple[Cell, str]]], UnitRows],
    output: Output,
) -> Iterable[UnitRows]:
    processes = min(os.cpu_count() or 1, len(tasks))
    if not _much(output) or processes == 1 or output.store.threads > 1:
        # What comes over a network comes one by one for each thread: processes would wait as long.
        yield from side_by_side(output.store, read, tasks)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("forkserver")) as pool:
        yield from pool.map(read, tasks, chunksize=max(1, min(16, len(tasks) // (processes * 4))))


def _much(output: Output) -> bool:
    """Whether there is enough to read to be worth a second process."""
    counted = sum(cell.resources or 0 for cell in output.cells)
    # Stock Custodian does not count what it found.
    return counted >= _MANY_RESOURCES or (not counted and len(output.cells) >= _MANY_CELLS)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Millions of records come to stay and none is garbage: looking at them over and over is half the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
