"""A run: plan the cells, hand them to workers, and account for every one of them in the manifest."""

import logging
import os
import queue
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import botocore.session
from botocore.exceptions import BotoCoreError
from pebble import ProcessExpired, ThreadPool

from reporter import __version__
from reporter.accounts.chosen import Account
from reporter.accounts.credentials import Access, open_account
from reporter.accounts.expected import ALL_REGIONS, DEFAULT_REGIONS, PlannedAccount
from reporter.collect import patches, run_folder, worker
from reporter.collect.ledger import Ledger, now
from reporter.collect.pools import Local, Pool
from reporter.collect.worker import Unit
from reporter.custodian.policies import PolicySet
from reporter.errors import InputError
from reporter.output import manifest
from reporter.output.manifest import FILE_NAME, UNKNOWN_REGION, Cell, Manifest, RunState, Status
from reporter.output.store import Bucket, Store

_DISCOVERY_THREADS = 16


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
    folder = run_folder.create(output)
    plan = Manifest(
        tool=f"c7n-sg-audit {__version__}",
        started=now(),
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
    return _execute(folder, plan, accounts, policies, pool, progress)


def resume(
    accounts: Sequence[Account], policies: PolicySet, output: Store, pool: Pool, progress: Progress
) -> tuple[Store, Manifest]:
    """Take up the newest run of `output` where it stopped: try its cells that are not `ok`, and no others.

    Raises InputError where the accounts file or a policy is no longer what the run was planned with.
    """
    folder = run_folder.newest(output)
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
    return _execute(folder, plan, chosen, policies, pool, progress)


def _execute(
    folder: Store,
    plan: Manifest,
    accounts: Sequence[Account],
    policies: PolicySet,
    pool: Pool,
    progress: Progress,
) -> tuple[Store, Manifest]:
    ledger = Ledger(folder, plan)
    ledger.write(RunState.RUNNING)
    run_folder.link_latest(folder)
    state = RunState.FINISHED
    try:
        _collect(accounts, policies, ledger, pool, progress)
    except KeyboardInterrupt:
        state = RunState.INTERRUPTED
    try:
        return folder, ledger.write(state)
    except OSError as error:
        raise InputError(f"{folder.name}: cannot write {FILE_NAME}: {error.strerror}") from None


@dataclass
class _Run:
    """A run under way: accounts being opened, units ready to be handed out, units running."""

    ledger: Ledger
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
                self._handle(self.events.get())

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

    def _handle(self, event: "Future[Any]") -> None:
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
        unread = next((cell for cell in cells if cell.is_gap), None)
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
    accounts: Sequence[Account], policies: PolicySet, ledger: Ledger, pool: Pool, progress: Progress
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
