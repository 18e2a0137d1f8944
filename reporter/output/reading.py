"""An output directory: which cells it holds, and the resources of each."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from reporter.accounts.expected import PlannedAccount
from reporter.custodian.metadata import PlannedPolicy
from reporter.custodian.resource_types import GROUPS, INVENTORY_TABS
from reporter.errors import InputError
from reporter.output import manifest, stock
from reporter.output.listing import RESOURCES, hour, hour_of, listing
from reporter.output.manifest import Cell
from reporter.output.store import Folder, Store, open_store, side_by_side

LATEST = "latest"
_RUN_NAME = re.compile(r"(\d{4})(\d{2})(\d{2})T(\d{2})\d{4}Z(?:-(\d+))?")


@dataclass(frozen=True)
class Output:
    """What a run left behind.

    `kind` says what it was taken for and `extent` how much there is; `policies` are in file order; `complete`
    is False for a run that was cut off midway. `files` has the key of each cell's resources in the store.
    """

    kind: str
    extent: str
    store: Store
    started: str
    complete: bool
    policies: tuple[PlannedPolicy, ...]
    accounts: tuple[PlannedAccount, ...]
    cells: tuple[Cell, ...]
    files: Mapping[tuple[str, str, str], str] = field(repr=False)

    @property
    def has_groups(self) -> bool:
        """Whether any policy is on security groups, so that there is something to say of them."""
        return any(policy.resource == GROUPS for policy in self.policies)

    @property
    def lists_all_groups(self) -> bool:
        """Whether any policy lists every security group there is."""
        return any(policy.resource == GROUPS and not policy.filtered for policy in self.policies)

    def units(self) -> Iterator[tuple[Cell, ...]]:
        """The cells by account and region, in the order of the run."""
        by_unit: dict[tuple[str, str], list[Cell]] = {}
        for cell in self.cells:
            by_unit.setdefault((cell.account, cell.region), []).append(cell)
        yield from map(tuple, by_unit.values())

    def only(self, names: Sequence[str], resources: Sequence[str]) -> "Output":
        """The same with no other policies than those of a name and of a resource type, as far as any are given.

        With one on groups stay the policies that list all groups, interfaces or instances: what a group's row
        says comes from them. Raises InputError for a name or type that is not there.
        """
        types = [resource if "." in resource else f"aws.{resource}" for resource in resources]
        for kind, wanted, there in (
            ("-p", names, {policy.name for policy in self.policies}),
            ("--resource", types, {policy.resource for policy in self.policies}),
        ):
            for name in wanted:
                if name not in there:
                    raise InputError(
                        f"{kind} {name}: not in the output; there are {', '.join(sorted(there))}"
                    )
        chosen = {
            policy.name
            for policy in self.policies
            if (not names or policy.name in names) and (not types or policy.resource in types)
        }
        if not chosen:
            raise InputError(
                f"-p, --resource: no policy is of that name and on that resource: {', '.join(names)}"
            )
        policies = [policy for policy in self.policies if policy.name in chosen]
        if any(policy.resource == GROUPS for policy in policies):
            policies = [
                policy
                if policy.name in chosen
                else replace(policy, report={"tab": INVENTORY_TABS[policy.resource]})
                for policy in self.policies
                if policy.name in chosen or (not policy.filtered and policy.resource in INVENTORY_TABS)
            ]
        kept = {policy.name for policy in policies}
        cells = tuple(cell for cell in self.cells if cell.policy in kept)
        return replace(self, policies=tuple(policies), cells=cells)

    def resources(self, cell: Cell) -> str:
        """The key of a cell's resources.json, or where it should have been."""
        return self.files.get(cell.key) or "/".join((*cell.key, RESOURCES))


def open_output(where: Path | str, expected: Sequence[PlannedAccount] = (), at: str = "") -> Output:
    """Find out what a folder or s3://bucket/prefix holds: a run of ours, a folder of those, or a stock run.

    `expected` are the accounts that should be in a stock run, which keeps no list of its own. Of runs of ours,
    or of a stock run's hours in S3, the newest counts, or with `at` (a day or hour) the newest at or before.
    Raises InputError where there is nothing.
    """
    store, until = open_store(str(where)), hour(at) if at else ""
    try:
        if isinstance(store, Folder) and not store.path.exists():
            raise InputError(f"{where}: no such output directory; `sg-audit run -s {where}` makes one")
        if isinstance(store, Folder) and not store.path.is_dir():
            raise InputError(f"{where}: a file, not an output directory")
        run = find_run(store, until)
        # In a folder of runs, their names have told which began by then.
        found = _own_run(run, until if run is store else "") if run else _stock_run(store, expected, until)
    except OSError as error:
        raise InputError(f"{where}: cannot be read: {error.strerror}") from None
    if found is None and until:
        raise InputError(f"{where}: no output of Custodian there at or before {at}")
    if found is None:
        raise InputError(f"{where}: no output of Custodian there; `sg-audit run -s {where}` makes some")
    return found


def find_run(store: Store, until: str = "") -> Store | None:
    """The run of ours that a place is, or the newest of those in it that began by `until` (YYYY/MM/DD/HH).

    Raises OSError where the place cannot be listed.
    """
    files, folders = store.here()
    if manifest.FILE_NAME in files:
        return store
    runs = [name for name in folders if _RUN_NAME.fullmatch(name) and not (until and _began(name) > until)]
    # Someone may have given their runs names of their own: those count where no other is there.
    others = [] if until else [name for name in folders if name != LATEST and not _RUN_NAME.fullmatch(name)]
    for names in (sorted(runs, key=_in_order), others):
        held = side_by_side(store, lambda name: store.child(name).exists(manifest.FILE_NAME), names)
        there = [name for name, is_run in zip(names, held, strict=True) if is_run]
        if there:
            return store.child(there[-1])
    return None


def _began(name: str) -> str:
    match = _RUN_NAME.fullmatch(name)
    return "/".join(match.groups()[:4]) if match else ""


def _in_order(name: str) -> tuple[str, int]:
    """Runs that began in the same second are numbered from the second one on."""
    start, _, number = name.partition("-")
    return start, int(number or 1)


def _own_run(store: Store, until: str) -> Output | None:
    run = manifest.read(store)
    if until and hour_of(datetime.fromisoformat(run.started)) > until:
        return None
    return Output(
        kind="a run of sg-audit",
        extent=_extent(run.accounts, run.cells, run.policies),
        store=store,
        started=run.started,
        complete=run.state is manifest.RunState.FINISHED,
        policies=run.policies,
        accounts=run.accounts,
        cells=run.cells,
        files=_own_files(store, run.cells),
    )


def _own_files(store: Store, cells: Sequence[Cell]) -> dict[tuple[str, str, str], str]:
    """Custodian adds the hour in S3, so there, and in a copy of it, the files have to be looked for."""
    read = [cell for cell in cells if cell.status is manifest.Status.OK]
    if not read or store.exists("/".join((*read[0].key, RESOURCES))):
        return {}
    folders = listing(store).folders
    keys = {cell.key: "/".join(cell.key) for cell in read}
    return {key: folders[path].file(RESOURCES) for key, path in keys.items() if path in folders}


def _stock_run(store: Store, expected: Sequence[PlannedAccount], until: str) -> Output | None:
    listed = listing(store, until)
    found = stock.find(store, listed, expected, until)
    if found is None:
        return None
    began = found.newest if found.oldest == found.newest else f"{found.oldest} to {found.newest}"
    there = [cell for cell in found.cells if cell.status is not manifest.Status.SKIPPED]
    return Output(
        kind=f"the output of {' and '.join(found.layouts)}",
        extent=f"{_extent(found.accounts, there, found.policies)}, of {_count(listed.keys, 'file')} listed",
        store=store,
        started=began,
        complete=True,
        policies=found.policies,
        accounts=found.accounts,
        cells=found.cells,
        files=found.files,
    )


def _extent(
    accounts: Sequence[PlannedAccount], cells: Sequence[Cell], policies: Sequence[PlannedPolicy]
) -> str:
    regions = {cell.region for cell in cells}
    return ", ".join(
        (
            _count(len(accounts), "account"),
            _count(len(regions), "region"),
            "1 policy" if len(policies) == 1 else f"{len(policies):,} policies",
            _count(len(cells), "cell"),
        )
    )


def _count(number: int, of: str) -> str:
    return f"{number:,} {of}" if number == 1 else f"{number:,} {of}s"
