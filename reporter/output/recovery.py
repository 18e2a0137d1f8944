"""What lies whole in a run's folder though run.json does not know of it: it is written on a clock, and a run may be
killed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

import msgspec

from reporter.output import metadata
from reporter.output.listing import METADATA, RESOURCES, PolicyFolder, Tell, listing, silent
from reporter.output.manifest import UNKNOWN_REGION, Cell, Manifest, RunState, Status
from reporter.output.store import UNREADABLE, Store, side_by_side

_resources = msgspec.json.Decoder(list[msgspec.Raw])


def take_whole(store: Store, run: Manifest, tell: Tell = silent) -> Manifest:
    """The manifest with every cell `ok` that lies whole in the run's folder.

    Where the regions of an account were found and not yet noted, what was read in them is added. A run that came
    to its end knows all of its cells. `tell` hears how far the listing is. Raises OSError where the folder cannot be
    listed.
    """
    if run.state is RunState.FINISHED:
        return run
    folders = listing(store, tell=tell).folders
    taken = {cell.key: cell for cell in _whole(store, folders, [*run.cells, *_unplaced(run, folders)])}
    known = {cell.key for cell in run.cells}
    cells = [taken.get(cell.key, cell) for cell in run.cells]
    cells += (cell for key, cell in taken.items() if key not in known)
    return replace(run, cells=tuple(cells))


def take_whole_of_unit(store: Store, cells: Iterable[Cell]) -> list[Cell]:
    """Cells of one account and region as their files tell, whoever worked on them being gone."""
    cells = list(cells)
    above = "/".join(cells[0].key[:2])
    try:
        below = listing(store.child(above)).folders
    except OSError:
        return cells
    folders = {
        f"{above}/{name}": replace(folder, path=f"{above}/{folder.path}") for name, folder in below.items()
    }
    taken = {cell.key: cell for cell in _whole(store, folders, cells)}
    return [taken.get(cell.key, cell) for cell in cells]


def _unplaced(run: Manifest, folders: Iterable[str]) -> Iterator[Cell]:
    """Cells for what lies there of accounts whose regions were not known when run.json was written."""
    ids = {cell.account: cell.account_id for cell in run.cells if cell.region == UNKNOWN_REGION}
    policies = {policy.name for policy in run.policies}
    for path in folders:
        account, _, below = path.partition("/")
        region, _, policy = below.partition("/")
        if account in ids and policy in policies:
            yield Cell(account, ids[account], region, policy)


def _whole(store: Store, folders: Mapping[str, PolicyFolder], cells: Iterable[Cell]) -> Iterator[Cell]:
    """Those of the cells that are not `ok` and yet whole: Custodian writes metadata.json last."""
    there = [
        (cell, folders["/".join(cell.key)])
        for cell in cells
        if cell.status is not Status.OK and "/".join(cell.key) in folders
    ]
    both = [(cell, folder) for cell, folder in there if {METADATA, RESOURCES} <= folder.files.keys()]
    yield from filter(None, side_by_side(store, partial(_read, store), both))


def _read(store: Store, cell_and_folder: tuple[Cell, PolicyFolder]) -> Cell | None:
    cell, folder = cell_and_folder
    try:
        told = metadata.decode(store.read(folder.file(METADATA)))
        found = _resources.decode(store.read(folder.file(RESOURCES)))
    except (OSError, *UNREADABLE):
        return None
    if told.stopped:
        return None
    return replace(
        cell,
        status=Status.OK,
        resources=len(found),
        seconds=told.seconds,
        started=told.started or None,
        code="",
        message="",
    )
