"""An output directory: which cells it holds, and the resources of each."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from reporter.accounts.expected import PlannedAccount
from reporter.custodian import metadata
from reporter.custodian.metadata import PlannedPolicy
from reporter.custodian.resource_types import GROUPS, INVENTORY_TABS, full_type, in_inventory
from reporter.errors import InputError
from reporter.output import manifest, recovery, stock
from reporter.output.listing import RESOURCES, Tell, hour, hour_of, listing, silent
from reporter.output.manifest import Cell, Manifest
from reporter.output.store import Folder, Store, open_store, side_by_side
from reporter.wording import counted

LATEST = "latest"
OWN_RUN = "a run of sg-audit"
_RUN_NAME = re.compile(r"(\d{4})(\d{2})(\d{2})T(\d{2})\d{4}Z(?:-(\d+))?")


@dataclass(frozen=True)
class Output:
    """What a run left behind.

    `kind` says what it was taken for and `extent` how much there is; `policies` are in file order; `complete`
    is False for a run that was cut off midway. `files` has the key of each cell's resources in the store, `texts`
    what a cell's own metadata says of its policy, which may be another than in other accounts or at other times.
    `notes` say what of it could not be followed: the policies are without that. `manifest` is that of a run of ours,
    without its cells: who ran it, when, and with what.
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
    texts: Mapping[tuple[str, str, str], PlannedPolicy] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()
    manifest: Manifest | None = None

    @property
    def has_groups(self) -> bool:
        """Whether any policy is on security groups, so that there is something to say of them."""
        return any(policy.resource == GROUPS for policy in self.policies)

    @property
    def all_pages(self) -> bool:
        """Whether whoever ran it read the entries of prefix lists to the end. Stock Custodian reads the first page."""
        return self.kind == OWN_RUN

    @property
    def lists_all_groups(self) -> bool:
        """Whether every security group there is was to be listed, wherever a policy is on groups."""
        looked_at, listed = set(), set()
        for cell in self.cells:
            policy = self.policy_of(cell)
            if policy.resource == GROUPS:
                looked_at.add((cell.account, cell.region))
                if policy.lists_all:
                    listed.add((cell.account, cell.region))
        return bool(looked_at) and looked_at == listed

    def policy_of(self, cell: Cell) -> PlannedPolicy:
        """The policy of a cell, as that cell's own metadata has it where it has any."""
        return self.texts.get(cell.key) or self._policies_by_name[cell.policy]

    def newest_first(self, cells: Iterable[Cell]) -> list[Cell]:
        """The cells in the order in which they count: of two with a record of one thing the newer one does, and of
        those of one time the one that lists everything."""
        return sorted(cells, key=lambda cell: (-(cell.started or 0.0), not self.policy_of(cell).lists_all))

    @cached_property
    def _policies_by_name(self) -> Mapping[str, PlannedPolicy]:
        return {policy.name: policy for policy in self.policies}

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
        types = [full_type(resource) for resource in resources]
        called = {policy.name: {policy.name} for policy in self.policies}
        for (_, _, name), text in self.texts.items():
            called[name].add(text.name)
        for kind, wanted, there in (
            ("-p", names, set().union(*called.values())),
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
            if (not names or not called[policy.name].isdisjoint(names))
            and (not types or policy.resource in types)
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
                if policy.name in chosen or in_inventory(policy.resource, not policy.lists_all)
            ]
        kept = {policy.name for policy in policies}
        cells = tuple(cell for cell in self.cells if cell.policy in kept)
        return replace(self, policies=tuple(policies), cells=cells)

    def resources(self, cell: Cell) -> str:
        """The key of a cell's resources.json, or where it should have been."""
        return self.files.get(cell.key) or "/".join((*cell.key, RESOURCES))


def open_output(
    where: Path | str, expected: Sequence[PlannedAccount] = (), at: str = "", tell: Tell = silent
) -> Output:
    """Find out what a folder or s3://bucket/prefix holds: a run of ours, a folder of those, or a stock run.

    `expected` are the accounts that should be in a stock run, which keeps no list of its own. Of runs of ours,
    or of a stock run's hours in S3, the newest counts, or with `at` (a day or hour) the newest at or before.
    `tell` hears how far it is with what takes long. Raises InputError where there is nothing.
    """
    store, until = open_store(str(where)), hour(at) if at else ""
    try:
        if isinstance(store, Folder) and not store.path.exists():
            raise InputError(f"{where}: no such output directory; `sg-audit run -s {where}` makes one")
        if isinstance(store, Folder) and not store.path.is_dir():
            raise InputError(f"{where}: a file, not an output directory")
        run, foreign = find_run(store, until)
        # In a folder of runs, their names have told which began by then.
        found = (
            _own_run(run, until if run is store else "", tell)
            if run
            else _stock_run(store, expected, until, tell)
        )
    except OSError as error:
        raise InputError(f"{error.filename or where}: cannot be read: {error.strerror}") from None
    if found is None and foreign:
        manifest.read(foreign[0])  # which says what is wrong with it
    if found is None and until:
        raise InputError(f"{where}: no output of Custodian there at or before {at}")
    if found is None:
        raise InputError(f"{where}: no output of Custodian there; `sg-audit run -s {where}` makes some")
    problems = metadata.problems(found.policies)
    notes = [f"{place.name}/{manifest.FILE_NAME}: not a manifest of sg-audit" for place in foreign]
    return replace(
        found,
        policies=metadata.without(problems, found.policies),
        notes=(*notes, *map(str, problems)),
    )


def find_run(store: Store, until: str = "", renamed: bool = True) -> tuple[Store | None, list[Store]]:
    """The run of ours that a place is, or the newest of those in it that began by `until` (YYYY/MM/DD/HH); and the
    places passed over on the way, whose run.json is somebody else's.

    Where there is none called after its time, one that someone has `renamed` counts, unless that is False.
    Raises OSError where the place cannot be listed.
    """
    files, folders = store.here()
    foreign: list[Store] = []
    if not manifest.FILE_NAMES.isdisjoint(files):
        if not manifest.is_foreign(store):
            return store, foreign
        foreign.append(store)
    runs = [name for name in folders if _RUN_NAME.fullmatch(name) and not (until and _began(name) > until)]
    # Someone may have given their runs names of their own: those count where no other is there.
    others = [name for name in folders if name != LATEST and not _RUN_NAME.fullmatch(name)]
    if until or not renamed:
        others = []
    for names in (sorted(runs, key=_in_order), others):
        held = side_by_side(store, lambda name: manifest.is_there(store.child(name)), names)
        there = [store.child(name) for name, is_run in zip(names, held, strict=True) if is_run]
        for place in reversed(there):
            if names is not others or not manifest.is_foreign(place):
                return place, foreign
            foreign.append(place)
    return None, foreign


def runs_in(store: Store, *, renamed: bool = True) -> list[Store]:
    """The runs of ours in a folder of runs, the oldest first; those of no time in their names, as someone has `renamed`
    them, by what their run.json says.

    Raises OSError where the folder cannot be listed.
    """
    _, folders = store.here()
    names = [name for name in folders if name != LATEST and (renamed or _RUN_NAME.fullmatch(name))]
    held = side_by_side(store, lambda name: manifest.is_there(store.child(name)), names)
    there = [store.child(name) for name, is_run in zip(names, held, strict=True) if is_run]
    began = {place.name: when for place in there if (when := when_begun(place))}
    return sorted((place for place in there if place.name in began), key=lambda place: began[place.name])


def when_begun(run: Store) -> tuple[str, int] | None:
    """What runs are put in order by: when one began, as its name or its run.json tells; None where neither does.

    Raises OSError where run.json cannot be read.
    """
    name = run.name.rpartition("/")[2]
    if _RUN_NAME.fullmatch(name):
        return _in_order(name)
    try:
        started = datetime.fromisoformat(manifest.read(run).started)
    except InputError:
        return None  # somebody else's, or damaged
    return _in_order(f"{started.astimezone(UTC):%Y%m%dT%H%M%SZ}")


def newest_start(started: str) -> datetime:
    """When the newest of output began, of `Output.started`; what has no time zone is UTC. Raises ValueError."""
    newest = datetime.fromisoformat(started.rpartition(" to ")[2])
    return newest if newest.tzinfo else newest.replace(tzinfo=UTC)


def _began(name: str) -> str:
    match = _RUN_NAME.fullmatch(name)
    return "/".join(match.groups()[:4]) if match else ""


def _in_order(name: str) -> tuple[str, int]:
    """Runs that began in the same second are numbered from the second one on."""
    start, _, number = name.partition("-")
    return start, int(number or 1)


def _own_run(store: Store, until: str, tell: Tell) -> Output | None:
    run = recovery.take_whole(store, manifest.read(store), tell)
    if until and hour_of(datetime.fromisoformat(run.started)) > until:
        return None
    return Output(
        kind=OWN_RUN,
        extent=_extent(run.accounts, run.cells, run.policies),
        store=store,
        started=run.started,
        complete=run.state is manifest.RunState.FINISHED,
        policies=run.policies,
        accounts=run.accounts,
        cells=_with_times(run),
        files=_own_files(store, run.cells, tell),
        manifest=replace(run, cells=()),
    )


def _with_times(run: manifest.Manifest) -> tuple[Cell, ...]:
    """The cells, those without a time of their own, as older versions left them, with that of the run."""
    try:
        started = datetime.fromisoformat(run.started).timestamp()
    except (ValueError, OverflowError):
        return run.cells
    return tuple(replace(cell, started=started) if cell.started is None else cell for cell in run.cells)


def _own_files(store: Store, cells: Sequence[Cell], tell: Tell) -> dict[tuple[str, str, str], str]:
    """Custodian adds the hour in S3, so there, and in a copy of it, the files have to be looked for."""
    read = [cell for cell in cells if cell.status is manifest.Status.OK]
    if not read or store.exists("/".join((*read[0].key, RESOURCES))):
        return {}
    folders = listing(store, tell=tell).folders
    keys = {cell.key: "/".join(cell.key) for cell in read}
    return {key: folders[path].file(RESOURCES) for key, path in keys.items() if path in folders}


def _stock_run(store: Store, expected: Sequence[PlannedAccount], until: str, tell: Tell) -> Output | None:
    listed = listing(store, until, tell)
    found = stock.find(store, listed, expected, until, tell)
    if found is None:
        return None
    began = found.newest if found.oldest == found.newest else f"{found.oldest} to {found.newest}"
    there = [cell for cell in found.cells if cell.status is not manifest.Status.SKIPPED]
    return Output(
        kind=f"the output of {' and '.join(found.layouts)}",
        extent=f"{_extent(found.accounts, there, found.policies)}, of {counted(listed.keys, 'file')} listed",
        store=store,
        started=began,
        complete=True,
        policies=found.policies,
        accounts=found.accounts,
        cells=found.cells,
        files=found.files,
        texts=found.texts,
    )


def _extent(
    accounts: Sequence[PlannedAccount], cells: Sequence[Cell], policies: Sequence[PlannedPolicy]
) -> str:
    regions = {cell.region for cell in cells if cell.is_of_region}
    return ", ".join(
        (
            counted(len(accounts), "account"),
            counted(len(regions), "region"),
            "1 policy" if len(policies) == 1 else f"{len(policies):,} policies",
            counted(len(cells), "cell"),
        )
    )
