"""An audit: what an output directory says of its groups, and what could not be looked at."""

import gc
import multiprocessing
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from reporter.custodian.output import Output
from reporter.inventory.join import Inventory, join
from reporter.inventory.unit import UnitRows, read_unit
from reporter.manifest import Cell, PlannedPolicy, Status

# Below this many resources a second process starts later than the first is through.
_MANY_RESOURCES = 50_000


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


def read_audit(output: Output) -> Audit:
    """Read and join all that an output directory holds.

    Raises InputError where a policy's `metadata.report` cannot be followed.
    """
    with _no_collection():
        units = read_units(output)
        inventory = join(units, output.policies)
    return Audit(output, tuple(cell for unit in units for cell in unit.cells), inventory)


def read_units(output: Output) -> list[UnitRows]:
    """What an output directory says of each account and region: accounts in their order, regions by name."""
    policies = {policy.name: policy for policy in output.policies}
    order = {account.name: number for number, account in enumerate(output.accounts)}
    units_of = sorted(output.units(), key=lambda cells: (order.get(cells[0].account, -1), cells[0].region))
    tasks = [[(cell, output.resources(cell)) for cell in cells] for cells in units_of]
    return list(_read(tasks, policies, sum(cell.resources or 0 for cell in output.cells)))


def _read(
    tasks: Sequence[Sequence[tuple[Cell, Path]]], policies: Mapping[str, PlannedPolicy], resources: int
) -> Iterable[UnitRows]:
    read = partial(read_unit, policies=policies)
    processes = min(os.cpu_count() or 1, len(tasks))
    if resources < _MANY_RESOURCES or processes == 1:
        yield from map(read, tasks)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("forkserver")) as pool:
        yield from pool.map(read, tasks, chunksize=max(1, min(16, len(tasks) // (processes * 4))))


@contextmanager
def _no_collection() -> Iterator[None]:
    """Millions of records come to stay and none is garbage: looking at them over and over is half the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
