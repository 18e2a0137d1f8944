"""An output directory: which cells it holds, and the resources of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reporter import manifest
from reporter.errors import InputError
from reporter.manifest import Cell, PlannedAccount, PlannedPolicy

LATEST = "latest"
RESOURCES = "resources.json"


@dataclass(frozen=True)
class Output:
    """What a run left behind. `policies` are in file order; `complete` is False for a run cut off midway."""

    place: Path
    started: str
    complete: bool
    policies: tuple[PlannedPolicy, ...]
    accounts: tuple[PlannedAccount, ...]
    cells: tuple[Cell, ...]

    def units(self) -> Iterator[tuple[Cell, ...]]:
        """The cells by account and region, in the order of the run."""
        by_unit: dict[tuple[str, str], list[Cell]] = {}
        for cell in self.cells:
            by_unit.setdefault((cell.account, cell.region), []).append(cell)
        yield from map(tuple, by_unit.values())

    def resources(self, cell: Cell) -> Path:
        """Where a cell's resources.json lies."""
        return self.place / cell.account / cell.region / cell.policy / RESOURCES


def open_output(where: Path) -> Output:
    """Find the run in a run directory, or the newest of a folder of runs.

    Raises InputError where there is none.
    """
    folder = _run_folder(where)
    run = manifest.read(folder)
    return Output(
        place=folder,
        started=run.started,
        complete=run.state is manifest.RunState.FINISHED,
        policies=run.policies,
        accounts=run.accounts,
        cells=run.cells,
    )


def _run_folder(where: Path) -> Path:
    if not where.exists():
        raise InputError(f"{where}: no such output directory; `sg-audit run -s {where}` makes one")
    if (where / manifest.FILE_NAME).exists():
        return where.resolve()
    runs = sorted(path.parent for path in where.glob(f"*/{manifest.FILE_NAME}") if path.parent.name != LATEST)
    if not runs:
        raise InputError(f"{where}: no run in that directory; `sg-audit run -s {where}` makes one")
    return runs[-1].resolve()
