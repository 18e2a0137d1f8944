"""A run: plan the cells, hand them to workers, and account for every one of them in the manifest."""

import logging
import os
import queue
import signal
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

import botocore.session
from botocore.exceptions import BotoCoreError
from pebble import ProcessExpired, ThreadPool

from reporter import __version__
from reporter.accounts.chosen import Account
from reporter.accounts.credentials import Access, open_account
from reporter.accounts.expected import ALL_REGIONS, DEFAULT_REGIONS, PlannedAccount
from reporter.collect import patches, worker
from reporter.collect.pools import Local, Pool
from reporter.collect.worker import Unit
from reporter.custodian.policies import PolicySet
from reporter.errors import InputError
from reporter.output import manifest
from reporter.output.manifest import FILE_NAME, UNKNOWN_REGION, Cell, Manifest, RunState, Status
from reporter.output.store import Bucket, Folder, Store

LATEST = "latest"

_DISCOVERY_THREADS = 16
# Writing the manifest may take this share of a run's time, so that a large one is written less often.
_MANIFEST_SHARE = 0.02


class Progress(Protocol):
    """Who wants to know how far a run is."""

    def planned(self, cells: int) -> None:
        """So many cells are known by now."""

    def done(self, label: str, cells: int, read: int, problem: str) -> None:
        """A unit (an account and region), or an account that could not be opened, is through.

        `problem` is the first reason why less than all of its cells were read.
        """


def run(
    accounts: Sequence[Account], policies: PolicySet, output: Store, pool: Pool, progress: Progress
) -> tuple[Store, Manifest]:
    """Run the policies on every account and region into a new folder below `output`, in the pool's workers.

    Returns that folder and its manifest. What could not be looked at is in the manifest, never raised; after
    Ctrl-C the manifest says `interrupted`. Raises InputError where the output directory cannot be written.
    """
    folder = _new_folder(output)
    plan = Manifest(
        tool=f"c7n-sg-audit {__version__}",
        started=_now(),
        finished=None,
        state=RunState.RUNNING,
        policies=policies.planned,
        accounts=tuple(map(_planned, accounts)),
        cells=tuple(
            Cell(account.name, account.account_id, region, policy.name)
            for account in accounts
            for region in ((UNKNOWN_REGION,) if ALL_REGIONS in account.regions else account.regions)
            for policy in policies.planned
        ),
    )
    return _go(folder, plan, accounts, policies, pool, progress)


def resume(
    accounts: Sequence[Account], policies: PolicySet, output: Store, pool: Pool, progress: Progress
) -> tuple[Store, Manifest]:
    """Take up the newest run of `output` where it stopped: try its cells that are not `ok`, and no others.

    Raises InputError where the accounts file or a policy is no longer what the run was planned with.
    """
    folder = _newest(output)
    plan = manifest.read(folder)
    known = {policy.name: policy.digest for policy in policies.planned}
    for policy in plan.policies:
        if known.get(policy.name) != policy.digest:
            raise InputError(
                f"{folder.name}: policy {policy.name} is not what it was when that run began: start a new run"
            )
    named = {account.name: account for account in accounts}
    chosen = []
    for planned in plan.accounts:
        account = named.get(planned.name)
        if account is None or account.account_id != planned.account_id:
            raise InputError(f"{folder.name}: account {planned.name} is not in the accounts file any more")
        chosen.append(replace(account, regions=planned.regions or (ALL_REGIONS,)))
    plan = replace(plan, state=RunState.RUNNING, finished=None)
    return _go(folder, plan, chosen, policies, pool, progress)


def _go(
    folder: Store,
    plan: Manifest,
    accounts: Sequence[Account],
    policies: PolicySet,
    pool: Pool,
    progress: Progress,
) -> tuple[Store, Manifest]:
    ledger = _Ledger(folder, plan)
    ledger.write(RunState.RUNNING)
    _link_latest(folder)
    state = RunState.FINISHED
    try:
        _collect(accounts, policies, ledger, pool, progress)
    except KeyboardInterrupt:
        state = RunState.INTERRUPTED
    try:
        return folder, ledger.write(state)
    except OSError as error:
        raise InputError(f"{folder.name}: cannot write {FILE_NAME}: {error.strerror}") from None


class _Ledger:
    """The run's manifest as it grows."""

    def __init__(self, folder: Store, plan: Manifest) -> None:
        self.folder = folder
        self._plan = plan
        self._accounts = {account.name: account for account in plan.accounts}
        self._cells: dict[str, dict[tuple[str, str], Cell]] = {account.name: {} for account in plan.accounts}
        for cell in plan.cells:
            self._cells[cell.account][cell.region, cell.policy] = cell
        self._written = self._cost = 0.0

    def __len__(self) -> int:
        return sum(map(len, self._cells.values()))

    def pending(self, account: str) -> dict[str, list[Cell]]:
        """The account's cells that are not `ok`, by region."""
        regions: dict[str, list[Cell]] = {}
        for cell in self._cells[account].values():
            if cell.status is not Status.OK:
                regions.setdefault(cell.region, []).append(cell)
        return regions

    def found_regions(self, account: Account, regions: tuple[str, ...]) -> None:
        """Put the account's cells region by region where they stood for all regions."""
        cells = self._cells[account.name]
        unplaced = [cell for cell in cells.values() if cell.region == UNKNOWN_REGION]
        for cell in unplaced:
            del cells[cell.region, cell.policy]
        for region in regions:
            for cell in unplaced:
                placed = Cell(cell.account, cell.account_id, region, cell.policy)
                cells.setdefault((region, cell.policy), placed)
        self._accounts[account.name] = replace(self._accounts[account.name], regions=regions)

    def record(self, cells: Iterable[Cell]) -> None:
        for cell in cells:
            self._cells[cell.account][cell.region, cell.policy] = cell
        if time.monotonic() - self._written > max(1.0, self._cost / _MANIFEST_SHARE):
            with suppress(OSError):  # the next one may succeed, and the last one must
                self.write(RunState.RUNNING)

    def write(self, state: RunState) -> Manifest:
        started = time.monotonic()
        result = replace(
            self._plan,
            state=state,
            finished=None if state is RunState.RUNNING else _now(),
            accounts=tuple(self._accounts.values()),
            cells=tuple(cell for cells in self._cells.values() for cell in cells.values()),
        )
        manifest.write(self.folder, result)
        self._written = time.monotonic()
        self._cost = self._written - started
        return result


@dataclass
class _Run:
    """A run under way: accounts being opened, units ready to be handed out, units running."""

    ledger: _Ledger
    policies: Mapping[str, Mapping[str, Any]]
    pool: Pool
    progress: Progress
    place: "_Place"
    opening: dict["Future[Access]", Account] = field(default_factory=dict)
    ready: deque[tuple[Access, list[Cell]]] = field(default_factory=deque)
    running: dict["Future[list[Cell]]", Unit] = field(default_factory=dict)
    events: "queue.SimpleQueue[Future[Any]]" = field(default_factory=queue.SimpleQueue)

    def collect(self, accounts: Sequence[Account], threads: ThreadPool) -> None:
        """Try every cell that is not `ok`."""
        self.progress.planned(len(self.ledger))
        for account in accounts:
            if self.ledger.pending(account.name):
                opened = threads.schedule(open_account, args=[account])
                self.opening[opened] = account
                opened.add_done_callback(self.events.put)
        while self.opening or self.ready or self.running:
            # Credentials are taken when a unit is handed out, not before: they may not last the run.
            while self.ready and len(self.running) < self.pool.size * 2:
                self._hand_out(*self.ready.popleft())
            if self.opening or self.running:
                self._hear(self.events.get())

    def salvage(self) -> None:
        """Keep what units finished that nobody will hear of: two a worker at the most."""
        for unit in self.running.values():
            self.ledger.record(worker.recovered(unit, cell) for cell in worker.planned_cells(unit))

    def _hand_out(self, access: Access, cells: list[Cell]) -> None:
        try:
            credentials = access.credentials() if self.place.credentials else None
        except Exception as error:
            # botocore has a dozen ways to fail here, from an ended SSO login to a broken credential process.
            failed = [worker.failure(cell, error) for cell in cells]
            self._close(f"{access.account.name} {cells[0].region}", failed)
            return
        unit = Unit(
            account=access.account.config,
            region=cells[0].region,
            policies=tuple(self.policies[cell.policy] for cell in cells),
            output=self.place.output,
            credentials=credentials,
        )
        future = self.pool.submit(unit)
        self.running[future] = unit
        future.add_done_callback(self.events.put)

    def _hear(self, event: "Future[Any]") -> None:
        """Take in an account that was opened, or a unit that is through."""
        if event in self.running:
            unit = self.running.pop(event)
            self._close(unit.label, _results(unit, event))
            return
        account = self.opening.pop(event)
        error = event.exception()
        if error is None:
            access = event.result()
            if ALL_REGIONS in account.regions:
                self.ledger.found_regions(account, access.regions)
                self.progress.planned(len(self.ledger))
            self.ready.extend((access, cells) for cells in self.ledger.pending(account.name).values())
        else:
            pending = [cell for cells in self.ledger.pending(account.name).values() for cell in cells]
            self._close(account.name, [worker.failure(cell, error) for cell in pending])

    def _close(self, label: str, cells: list[Cell]) -> None:
        self.ledger.record(cells)
        read = sum(cell.status is Status.OK for cell in cells)
        unread = next((cell for cell in cells if cell.status is not Status.OK), None)
        problem = (
            f"{unread.policy} {unread.status}: {unread.code} {unread.message}".rstrip() if unread else ""
        )
        self.progress.done(label, len(cells), read, problem)


@dataclass(frozen=True)
class _Place:
    """Where workers write, and whether they are given the account's credentials.

    They find their own way into the account where they are elsewhere; and for S3, which Custodian writes to
    with the caller's credentials and not with those of the role it assumed.
    """

    output: str
    credentials: bool


def _place(folder: Store, pool: Pool) -> _Place:
    if isinstance(folder, Bucket):
        return _Place(f"{folder.name}?region={folder.region}", credentials=False)
    return _Place(folder.name, credentials=isinstance(pool, Local))


def _collect(
    accounts: Sequence[Account], policies: PolicySet, ledger: _Ledger, pool: Pool, progress: Progress
) -> None:
    pool.start()
    patches.install()
    patches.load(["sts"])
    _have_a_region()
    # c7n-org says on its log what goes into the cells here; without a handler Python would put it on stderr.
    logging.getLogger("c7n_org").addHandler(logging.NullHandler())
    by_name = {policy["name"]: policy for policy in policies.data["policies"]}
    threads = ThreadPool(_DISCOVERY_THREADS)
    run = _Run(ledger, by_name, pool, progress, _place(ledger.folder, pool))
    try:
        run.collect(accounts, threads)
        pool.close()
    except BaseException:
        pool.stop()
        run.salvage()
        raise
    finally:
        threads.stop()


def _have_a_region() -> None:
    """botocore asks for one to assume a role with, though it matters nowhere: regions are told call by call."""
    with suppress(BotoCoreError):
        if botocore.session.get_session().get_config_variable("region") is None:
            os.environ["AWS_DEFAULT_REGION"] = DEFAULT_REGIONS[0]


def _results(unit: Unit, future: "Future[list[Cell]]") -> list[Cell]:
    error = future.exception()
    if error is None:
        return future.result()
    cells = [worker.recovered(unit, cell) for cell in worker.planned_cells(unit)]
    return [cell if cell.status is Status.OK else _lost(cell, error) for cell in cells]


def _lost(cell: Cell, error: BaseException) -> Cell:
    if isinstance(error, ProcessExpired):
        code = error.exitcode or 0
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    elif type(error).__name__ == "KilledWorker":  # Dask's word for a task whose workers died again and again
        how = "it died on one worker of the cluster after the other"
    else:
        return worker.failure(cell, error, Status.FAILED)
    return replace(cell, status=Status.FAILED, code="WorkerDied", message=f"the worker process died: {how}")


def _planned(account: Account) -> PlannedAccount:
    return PlannedAccount(
        name=account.name,
        account_id=account.account_id,
        regions=() if ALL_REGIONS in account.regions else account.regions,
        role=account.roles[-1] if account.roles else "",
        profile=account.profile,
    )


def make_output(output: Store) -> None:
    """Make the folder of runs where it is missing, and see that it can be written.

    Raises InputError where it cannot be.
    """
    try:
        if isinstance(output, Folder):
            output.path.mkdir(parents=True, exist_ok=True)
            if not os.access(output.path, os.W_OK | os.X_OK):
                raise InputError(f"{output.name}: cannot write there")
        else:
            output.here()
    except OSError as error:
        raise InputError(f"{output.name}: cannot write there: {error.strerror}") from None


def _new_folder(output: Store) -> Store:
    name = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    make_output(output)
    for attempt in range(1, 100):
        folder = output.child(name if attempt == 1 else f"{name}-{attempt}")
        if not isinstance(folder, Folder):
            if not folder.exists(FILE_NAME):
                return folder
            continue
        try:
            folder.path.mkdir(mode=0o700)
            return Folder(folder.path.resolve())
        except FileExistsError:
            continue
        except OSError as error:
            raise InputError(f"{output.name}: cannot write there: {error.strerror}") from None
    raise InputError(f"{output.name}: a hundred runs began there within a second")


def _newest(output: Store) -> Store:
    """The run itself, or the newest of a folder of runs: their names tell the time."""
    try:
        if output.exists(FILE_NAME):
            return output
        runs = [name for name in output.here()[1] if name != LATEST and output.child(name).exists(FILE_NAME)]
    except OSError as error:
        raise InputError(f"{output.name}: {error.strerror}") from None
    if not runs:
        raise InputError(f"{output.name}: no run of sg-audit there")
    newest = output.child(runs[-1])
    return Folder(newest.path.resolve()) if isinstance(newest, Folder) else newest


def _link_latest(folder: Store) -> None:
    """Point `latest` at the run; a system without symbolic links, and S3, go without."""
    if isinstance(folder, Folder):
        fresh = folder.path.parent / f".{LATEST}-{folder.path.name}"
        with suppress(OSError):
            fresh.symlink_to(folder.path.name)
            fresh.replace(folder.path.parent / LATEST)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
