"""An output directory: which cells it holds, and the resources of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reporter import manifest
from reporter.custodian import stock
from reporter.errors import InputError
from reporter.manifest import Cell, PlannedAccount, PlannedPolicy
from reporter.store import Folder

LATEST = "latest"


@dataclass(frozen=True)
class Output:
    """What a run left behind.

    `kind` says what it was taken for; `policies` are in file order; `complete` is False for a run that was
    cut off midway; `files` has the place of each cell's resources.
    """

    kind: str
    place: Path
    started: str
    complete: bool
    policies: tuple[PlannedPolicy, ...]
    accounts: tuple[PlannedAccount, ...]
    cells: tuple[Cell, ...]
    files: Mapping[tuple[str, str, str], Path] = field(repr=False)

    def units(self) -> Iterator[tuple[Cell, ...]]:
        """The cells by account and region, in the order of the run."""
        by_unit: dict[tuple[str, str], list[Cell]] = {}
        for cell in self.cells:
            by_unit.setdefault((cell.account, cell.region), []).append(cell)
        yield from map(tuple, by_unit.values())

    def resources(self, cell: Cell) -> Path:
        """Where a cell's resources.json lies."""
        return self.files[cell.key]


def open_output(where: Path, expected: Sequence[PlannedAccount] = ()) -> Output:
    """Find out what an output directory holds: a run of ours, a folder of those (the newest), or a stock run.

    `expected` are the accounts that should be in a stock run, which keeps no list of its own. Raises
    InputError where there is nothing.
    """
    if not where.exists():
        raise InputError(f"{where}: no such output directory; `sg-audit run -s {where}` makes one")
    folder = _run_folder(where)
    if folder is not None:
        return _own_run(folder)
    found = stock.find(where, expected)
    if found is None:
        raise InputError(f"{where}: no run in that directory; `sg-audit run -s {where}` makes one")
    return Output(
        kind="the output of stock c7n-org",
        place=where.resolve(),
        started=found.started,
        complete=True,
        policies=found.policies,
        accounts=found.accounts,
        cells=found.cells,
        files=found.files,
    )


def _run_folder(where: Path) -> Path | None:
    if (where / manifest.FILE_NAME).exists():
        return where.resolve()
    runs = sorted(path.parent for path in where.glob(f"*/{manifest.FILE_NAME}") if path.parent.name != LATEST)
    return runs[-1].resolve() if runs else None


def _own_run(folder: Path) -> Output:
    run = manifest.read(Folder(folder))
    return Output(
        kind="a run of sg-audit",
        place=folder,
        started=run.started,
        complete=run.state is manifest.RunState.FINISHED,
        policies=run.policies,
        accounts=run.accounts,
        cells=run.cells,
        files={
            cell.key: folder / cell.account / cell.region / cell.policy / stock.RESOURCES
            for cell in run.cells
        },
    )
