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
from reporter.aws.errors import UnitTimeoutError
from reporter.collect import lookups, patches, run_folder, worker
from reporter.collect.asked import Asked
from reporter.collect.ledger import Ledger, now
from reporter.collect.pools import Local, Pool
from reporter.collect.staging import CannotWriteError, DiskFullError
from reporter.collect.stopping import StoppedError
from reporter.collect.waits import Waits
from reporter.collect.worker import Unit
from reporter.custodian.policies import PolicySet
from reporter.errors import InputError
from reporter.output import manifest
from reporter.output.manifest import UNKNOWN_REGION, Cell, Manifest, RunState, Status
from reporter.output.recovery import take_whole, take_whole_of_unit
from reporter.output.s3 import Bucket
from reporter.output.store import Store
from reporter.redaction import redact

_DISCOVERY_THREADS = 16
_TICK = 1.0  # seconds without news, after which the manifest is written and the workers are looked at


class Progress(Protocol):
    """Who wants to know how far a run is."""

    def planned(self, units: int) -> None:
        """So many units (an account and region each) are to be looked at, as far as is known by now."""

    def done(self, label: str, units: int, cells: int, read: int, problem: str) -> None:
        """A unit, or all of an account that could not be opened, is through.

        `problem` is the first reason why less than all of its cells were read.
        """

    def waiting(self, label: str, seconds: float) -> None:
        """What the run has waited for the longest, an account or an account and region, and for how long."""

    def say(self, line: str) -> None:
        """Something a person should know while the run goes on."""


def prepare() -> None:
    """Load what asks AWS for the way into an account, before anything is written.

    Raises InputError where botocore does not take the environment and the configuration files: a retry mode or a
    number of attempts that is none, an endpoint without a scheme.
    """
    patches.install()
    try:
        patches.load(["sts"])
    except Exception as error:  # some of botocore's own kinds, some of Python's
        raise InputError(f"the AWS configuration: {redact(error)}") from None
    _have_a_region()


def run(
    accounts: Sequence[Account],
    policies: PolicySet,
    output: Store,
    pool: Pool,
    progress: Progress,
    unit_timeout: float,
    asked: Asked,
) -> tuple[Store, Manifest]:
    """Run the policies on every account and region into a new folder below `output`, in the pool's workers.

    `unit_timeout` is how many seconds an account and region may take. Returns the folder and its manifest. What
    could not be looked at is in the manifest, never raised; after Ctrl-C, and where the run could not go on, the
    manifest says `interrupted`. Raises InputError where the output directory cannot be written. `prepare` comes first.
    """
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
            for region, there in lookups.by_region(_regions(account), policies.planned)
            for policy in there
        ),
        callers=asked.callers,
        accounts_file=asked.accounts_file,
        policy_files=asked.policy_files,
    )
    folder = run_folder.create(output, plan)
    with run_folder.held(folder):
        return _execute(Ledger(folder, plan), accounts, policies, pool, progress, unit_timeout)


def resume(
    accounts: Sequence[Account],
    policies: PolicySet,
    output: Store,
    pool: Pool,
    progress: Progress,
    unit_timeout: float,
    asked: Asked,
) -> tuple[Store, Manifest]:
    """Take up the newest run of `output` where it stopped: try its cells that are not `ok`, and no others.

    What lies whole in its folder counts as read. Raises InputError where the accounts file or a policy is no longer
    what the run was planned with, and where the run is still going on. `prepare` comes first.
    """
    folder = run_folder.newest(output)
    with run_folder.held(folder):
        run_folder.drop_leftovers(folder)
        try:
            plan = take_whole(folder, manifest.read(folder))
        except OSError as error:
            raise InputError(f"{folder.name}: cannot be read: {error.strerror}") from None
        policies = lookups.beside(policies, lookups.named(policy.resource for policy in plan.policies))
        chosen = _as_planned(folder.name, plan, accounts, policies)
        if not any(cell.is_gap for cell in plan.cells):
            progress.say(f"nothing left to do: all of {folder.name} was read")
            if plan.state is RunState.FINISHED:
                pool.close()
                return folder, plan
        plan = replace(
            plan,
            callers=tuple(dict.fromkeys((*plan.callers, *asked.callers))),
            accounts_file=plan.accounts_file or asked.accounts_file,
            policy_files=plan.policy_files or asked.policy_files,
        )
        ledger = Ledger(folder, replace(plan, state=RunState.RUNNING, finished=None))
        try:
            ledger.write(RunState.RUNNING)
        except OSError as error:
            raise InputError(f"{folder.name}: cannot write there: {error.strerror}") from None
        return _execute(ledger, chosen, policies, pool, progress, unit_timeout)


def _as_planned(
    run: str, plan: Manifest, accounts: Sequence[Account], policies: PolicySet
) -> Sequence[Account]:
    """The accounts as the run planned them. Raises InputError where they or the policies are no longer so."""
    known = {policy.name: policy.digest for policy in policies.planned}
    for policy in plan.policies:
        if known.get(policy.name) != policy.digest:
            raise InputError(
                f"{run}: policy {policy.name} is not what it was when that run began: start a new run"
            )
    named = {account.name: account for account in accounts}
    chosen = []
    for planned in plan.accounts:
        account = named.get(planned.name)
        if account is None or account.account_id != planned.account_id:
            raise InputError(f"{run}: account {planned.name} is not in the accounts file any more")
        chosen.append(replace(account, regions=planned.regions or (ALL_REGIONS,)))
    return chosen


def _execute(
    ledger: Ledger,
    accounts: Sequence[Account],
    policies: PolicySet,
    pool: Pool,
    progress: Progress,
    unit_timeout: float,
) -> tuple[Store, Manifest]:
    folder = ledger.folder
    run_folder.link_latest(folder)
    state = RunState.FINISHED
    try:
        with run_folder.scratch(folder) as scratch:
            place = _place(folder, scratch, pool)
            _collect(accounts, policies, ledger, pool, progress, place, unit_timeout)
    except KeyboardInterrupt:
        state = RunState.INTERRUPTED
    except StoppedError as error:
        state = RunState.INTERRUPTED
        progress.say(str(error))
    try:
        return folder, ledger.write(state)
    except OSError as error:
        if state is RunState.FINISHED:
            progress.say(f"{folder.name}: cannot write {manifest.FILE_NAME}: {error.strerror}")
        return folder, ledger.manifest(RunState.INTERRUPTED)


@dataclass
class _Run:
    """A run under way: accounts being opened, units ready to be handed out, units running."""

    ledger: Ledger
    policies: Mapping[str, Mapping[str, Any]]
    pool: Pool
    progress: Progress
    place: "Place"
    unit_timeout: float
    waits: Waits = field(default_factory=Waits)
    units: dict[str, int] = field(default_factory=dict)  # of each account, that are to be looked at
    opening: dict["Future[Access]", Account] = field(default_factory=dict)
    ready: deque[tuple[Access, list[Cell]]] = field(default_factory=deque)
    running: dict["Future[list[Cell]]", Unit] = field(default_factory=dict)
    events: "queue.SimpleQueue[Future[Any]]" = field(default_factory=queue.SimpleQueue)

    def collect(self, accounts: Sequence[Account], threads: ThreadPool) -> None:
        """Try every cell that is not `ok`."""
        for account in accounts:
            if pending := self.ledger.pending(account.name):
                self.units[account.name] = len(pending)
                opened = threads.schedule(open_account, args=[account, self.unit_timeout])
                self.opening[opened] = account
                opened.add_done_callback(self.events.put)
        self.progress.planned(sum(self.units.values()))
        while self.opening or self.ready or self.running:
            # Credentials are taken when a unit is handed out, not before: they may not last the run.
            while self.ready and len(self.running) < self.pool.size * 2:
                self._hand_out(*self.ready.popleft())
            if self.opening or self.running:
                with suppress(queue.Empty):
                    self._handle(self.events.get(timeout=_TICK))
                self.ledger.write_if_due()
                if longest := self.waits.longest(self.opening, self.running):
                    self.progress.waiting(*longest)
            if self.running:
                self.pool.watch(self.progress.say)

    def salvage(self) -> None:
        """Keep what units finished that nobody will hear of: two a worker at the most."""
        for unit in self.running.values():
            self.ledger.record(take_whole_of_unit(self.ledger.folder, worker.planned_cells(unit)))

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
            scratch=self.place.scratch,
            timeout=self.unit_timeout,
            credentials=credentials,
            home=access.home,
        )
        future = self.pool.submit(unit)
        self.running[future] = unit
        future.add_done_callback(self.events.put)

    def _handle(self, event: "Future[Any]") -> None:
        """Take in an account that was opened, or a unit that is through."""
        if event in self.running:
            if given_up := self.pool.given_up(event):
                raise StoppedError(given_up)
            unit = self.running.pop(event)
            self._close(unit.label, self._results(unit, event))
            return
        account = self.opening.pop(event)
        error = event.exception()
        if error is None:
            access = event.result()
            self.ledger.opened_by(account.name, access.caller)
            if ALL_REGIONS in account.regions:
                self.ledger.found_regions(account, access.regions)
                self.units[account.name] = len(self.ledger.pending(account.name))
                self.progress.planned(sum(self.units.values()))
            self.ready.extend((access, cells) for cells in self.ledger.pending(account.name).values())
        else:
            pending = [cell for cells in self.ledger.pending(account.name).values() for cell in cells]
            self._close(account.name, [worker.failure(cell, error) for cell in pending])

    def _close(self, label: str, cells: list[Cell]) -> None:
        self.ledger.record(cells)
        self._check_place(cells)
        read = sum(cell.status is Status.OK for cell in cells)
        unread = next((cell for cell in cells if cell.is_gap), None)
        problem = (
            f"{unread.policy} {unread.status}: {unread.code} {unread.message}".rstrip() if unread else ""
        )
        units = len({(cell.account, cell.region) for cell in cells})
        self.progress.done(label, units, len(cells), read, problem)

    def _check_place(self, cells: list[Cell]) -> None:
        """Whether any more can be written, where something could not be. Raises StoppedError."""
        for cell in cells:
            if cell.code == DiskFullError.__name__:
                raise StoppedError(cell.message)
            if cell.code == CannotWriteError.__name__:
                try:
                    self.ledger.write(RunState.RUNNING)
                except OSError:
                    raise StoppedError(cell.message) from None

    def _results(self, unit: Unit, future: "Future[list[Cell]]") -> list[Cell]:
        error = future.exception()
        if error is None:
            return future.result()
        cells = take_whole_of_unit(self.ledger.folder, worker.planned_cells(unit))
        return [cell if cell.status is Status.OK else _lost(cell, error, unit.timeout) for cell in cells]


@dataclass(frozen=True)
class Place:
    """Where workers write, and whether they are given the account's credentials.

    They find their own way into the account where they are elsewhere; and for S3, which Custodian writes to
    with the caller's credentials and not with those of the role it assumed.
    """

    output: str
    scratch: str
    credentials: bool


def _place(folder: Store, scratch: str, pool: Pool) -> Place:
    if isinstance(folder, Bucket):
        return Place(f"{folder.name}?region={folder.region}", scratch, credentials=False)
    return Place(folder.name, scratch, credentials=isinstance(pool, Local))


def _collect(
    accounts: Sequence[Account],
    policies: PolicySet,
    ledger: Ledger,
    pool: Pool,
    progress: Progress,
    place: Place,
    unit_timeout: float,
) -> None:
    pool.start()
    # c7n-org says on its log what goes into the cells here; without a handler Python would put it on stderr.
    logging.getLogger("c7n_org").addHandler(logging.NullHandler())
    by_name = {policy["name"]: policy for policy in policies.data["policies"]}
    threads = ThreadPool(_DISCOVERY_THREADS)
    run = _Run(ledger, by_name, pool, progress, place, unit_timeout)
    try:
        run.collect(accounts, threads)
        threads.stop()
        pool.close()
        threads.join()  # none is left: what comes after a run forks
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


def _lost(cell: Cell, error: BaseException, timeout: float) -> Cell:
    if isinstance(error, TimeoutError):  # the pool's: the worker is ended
        return worker.failure(cell, UnitTimeoutError(what=f"policy {cell.policy}", seconds=timeout))
    if isinstance(error, ProcessExpired):
        code = error.exitcode or 0
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    elif type(error).__name__ == "KilledWorker":  # Dask's word for a task whose workers died again and again
        how = "it died on one worker of the cluster after the other"
    else:
        return worker.failure(cell, error, Status.FAILED)
    return replace(cell, status=Status.FAILED, code="WorkerDied", message=f"the worker process died: {how}")


def _regions(account: Account) -> tuple[str, ...]:
    return (UNKNOWN_REGION,) if ALL_REGIONS in account.regions else account.regions


def _planned(account: Account) -> PlannedAccount:
    return PlannedAccount(
        name=account.name,
        account_id=account.account_id,
        regions=() if ALL_REGIONS in account.regions else account.regions,
        role=account.roles[-1] if account.roles else "",
        profile=account.profile,
    )
