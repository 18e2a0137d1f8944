"""A run: plan the cells, hand them to workers, and account for every one of them in the manifest."""

import logging
import multiprocessing
import os
import queue
import shutil
import signal
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from pebble import ProcessExpired, ProcessPool, ThreadPool

from reporter import __version__, manifest
from reporter.accounts_file import ALL_REGIONS
from reporter.collect import outside, worker
from reporter.collect.accounts import Account
from reporter.collect.credentials import Access, open_account
from reporter.collect.policies import PolicySet
from reporter.collect.worker import Unit
from reporter.errors import InputError
from reporter.manifest import UNKNOWN_REGION, Cell, Manifest, PlannedAccount, RunState, Status

LATEST = "latest"
_CACHE = ".cache"

# Twice those of c7n-org: with the models shared, a worker waits for AWS nearly all of its time.
_WORKERS_PER_CPU = 8
_DISCOVERY_THREADS = 16
# Writing the manifest may take this share of a run's time, so that a large one is written less often.
_MANIFEST_SHARE = 0.02


class Progress(Protocol):
    """Who wants to know how far a run is."""

    def planned(self, cells: int) -> None:
        """So many cells are known by now."""

    def done(self, label: str, cells: Sequence[Cell]) -> None:
        """A unit (an account and region), or an account that could not be opened, is through."""


def run(
    accounts: Sequence[Account], policies: PolicySet, output: Path, progress: Progress
) -> tuple[Path, Manifest]:
    """Run the policies on every account and region into a new folder below `output`.

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
    return _go(folder, plan, accounts, policies, progress)


def resume(
    accounts: Sequence[Account], policies: PolicySet, folder: Path, progress: Progress
) -> tuple[Path, Manifest]:
    """Take up a run where it stopped: try its cells that are not `ok` again, and no others.

    Raises InputError where the accounts file or a policy is no longer what the run was planned with.
    """
    plan = manifest.read(folder)
    known = {policy.name: policy.digest for policy in policies.planned}
    for policy in plan.policies:
        if known.get(policy.name) != policy.digest:
            raise InputError(
                f"{folder}: policy {policy.name} is not what it was when that run began: start a new run"
            )
    named = {account.name: account for account in accounts}
    chosen = []
    for planned in plan.accounts:
        account = named.get(planned.name)
        if account is None or account.account_id != planned.account_id:
            raise InputError(f"{folder}: account {planned.name} is not in the accounts file any more")
        chosen.append(replace(account, regions=planned.regions or (ALL_REGIONS,)))
    return _go(folder, replace(plan, state=RunState.RUNNING, finished=None), chosen, policies, progress)


def _go(
    folder: Path, plan: Manifest, accounts: Sequence[Account], policies: PolicySet, progress: Progress
) -> tuple[Path, Manifest]:
    ledger = _Ledger(folder, plan)
    ledger.write(RunState.RUNNING)
    _link_latest(folder)
    state = RunState.FINISHED
    try:
        _collect(accounts, policies, ledger, progress)
    except KeyboardInterrupt:
        state = RunState.INTERRUPTED
    return folder, ledger.write(state)


class _Ledger:
    """The run's manifest as it grows."""

    def __init__(self, folder: Path, plan: Manifest) -> None:
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
class _Work:
    """What is under way: accounts being opened, units ready to be handed out, units running."""

    opening: dict["Future[Access]", Account] = field(default_factory=dict)
    ready: deque[tuple[Access, list[Cell]]] = field(default_factory=deque)
    running: dict["Future[list[Cell]]", Unit] = field(default_factory=dict)
    events: "queue.SimpleQueue[Future[Any]]" = field(default_factory=queue.SimpleQueue)

    def __bool__(self) -> bool:
        return bool(self.opening or self.ready or self.running)


def _collect(accounts: Sequence[Account], policies: PolicySet, ledger: _Ledger, progress: Progress) -> None:
    cache = ledger.folder / _CACHE
    cache.mkdir(exist_ok=True)
    by_name = {policy["name"]: policy for policy in policies.data["policies"]}
    workers = int(os.environ.get("C7N_ORG_PARALLEL", (os.cpu_count() or 1) * _WORKERS_PER_CPU))
    # Threads open the accounts, so workers may not be forked from this process.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["reporter.collect.preload"])
    outside.install()
    # c7n-org says on its log what goes into the cells here; without a handler Python would put it on stderr.
    logging.getLogger("c7n_org").addHandler(logging.NullHandler())
    threads = ThreadPool(_DISCOVERY_THREADS)
    pool = ProcessPool(workers, initializer=worker.start, context=context)
    work = _Work()
    progress.planned(len(ledger))
    try:
        for account in accounts:
            if ledger.pending(account.name):
                opened = threads.schedule(open_account, args=[account])
                work.opening[opened] = account
                opened.add_done_callback(work.events.put)
        while work:
            # Credentials are taken when a unit is handed out, not before: they may not last the run.
            while work.ready and len(work.running) < workers * 2:
                access, cells = work.ready.popleft()
                _hand_out(access, cells, by_name, cache, pool, work, ledger, progress)
            if work:
                _hear(work.events.get(), work, ledger, progress)
        pool.close()
        pool.join()
    except BaseException:
        # Two units a worker at the most are lost; what they finished is there.
        pool.stop()
        pool.join()
        for unit in work.running.values():
            ledger.record(worker.recovered(ledger.folder, cell) for cell in worker.planned_cells(unit))
        raise
    finally:
        threads.stop()
        shutil.rmtree(cache, ignore_errors=True)


def _hand_out(
    access: Access,
    cells: list[Cell],
    policies: Mapping[str, Mapping[str, Any]],
    cache: Path,
    pool: ProcessPool,
    work: _Work,
    ledger: _Ledger,
    progress: Progress,
) -> None:
    region = cells[0].region
    try:
        credentials = access.credentials()
    except Exception as error:
        # botocore has a dozen ways to fail here, from an ended SSO login to a broken credential process.
        _close(
            f"{access.account.name} {region}",
            [worker.failure(cell, error) for cell in cells],
            ledger,
            progress,
        )
        return
    unit = Unit(
        account=access.account.config,
        region=region,
        policies=tuple(policies[cell.policy] for cell in cells),
        output=str(ledger.folder),
        cache=str(cache),
        credentials=credentials,
    )
    future = pool.schedule(worker.run_unit, args=[unit])
    work.running[future] = unit
    future.add_done_callback(work.events.put)


def _hear(event: "Future[Any]", work: _Work, ledger: _Ledger, progress: Progress) -> None:
    """Take in an account that was opened, or a unit that is through."""
    if event in work.running:
        unit = work.running.pop(event)
        _close(unit.label, _results(unit, event, ledger.folder), ledger, progress)
        return
    account = work.opening.pop(event)
    error = event.exception()
    if error is None:
        access = event.result()
        if ALL_REGIONS in account.regions:
            ledger.found_regions(account, access.regions)
            progress.planned(len(ledger))
        work.ready.extend((access, cells) for cells in ledger.pending(account.name).values())
    else:
        pending = [cell for cells in ledger.pending(account.name).values() for cell in cells]
        _close(account.name, [worker.failure(cell, error) for cell in pending], ledger, progress)


def _results(unit: Unit, future: "Future[list[Cell]]", folder: Path) -> list[Cell]:
    error = future.exception()
    if error is None:
        return future.result()
    cells = [worker.recovered(folder, cell) for cell in worker.planned_cells(unit)]
    return [cell if cell.status is Status.OK else _lost(cell, error) for cell in cells]


def _lost(cell: Cell, error: BaseException) -> Cell:
    if isinstance(error, ProcessExpired):
        code = error.exitcode or 0
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return replace(
            cell, status=Status.FAILED, code="WorkerDied", message=f"the worker process died: {how}"
        )
    return worker.failure(cell, error, Status.FAILED)


def _close(label: str, cells: list[Cell], ledger: _Ledger, progress: Progress) -> None:
    ledger.record(cells)
    progress.done(label, cells)


def _planned(account: Account) -> PlannedAccount:
    return PlannedAccount(
        name=account.name,
        account_id=account.account_id,
        regions=() if ALL_REGIONS in account.regions else account.regions,
        role=account.roles[-1] if account.roles else "",
        profile=account.profile,
    )


def make_output(output: Path) -> None:
    """Make the folder of runs where it is missing.

    Raises InputError where it cannot be made or written.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{output}: cannot write there: {error.strerror}") from None
    if not os.access(output, os.W_OK | os.X_OK):
        raise InputError(f"{output}: cannot write there")


def _new_folder(output: Path) -> Path:
    name = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    make_output(output)
    try:
        for attempt in range(1, 100):
            folder = output / (name if attempt == 1 else f"{name}-{attempt}")
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
                return folder.resolve()
    except OSError as error:
        raise InputError(f"{output}: cannot write there: {error.strerror}") from None
    raise InputError(f"{output}: a hundred runs began there within a second")


def _link_latest(folder: Path) -> None:
    """Point `latest` at the run; a system without symbolic links goes without."""
    link = folder.parent / LATEST
    fresh = folder.parent / f".{LATEST}-{folder.name}"
    with suppress(OSError):
        fresh.symlink_to(folder.name)
        fresh.replace(link)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
