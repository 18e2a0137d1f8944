"""A run: plan the cells, hand them to workers, and account for every one of them in the manifest."""

import multiprocessing
import os
import queue
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from pebble import ProcessPool

from reporter import __version__, manifest
from reporter.collect.accounts import ALL_REGIONS, Account
from reporter.collect.credentials import Access, WrongAccountError, open_account
from reporter.collect.policies import PolicySet
from reporter.collect.worker import Unit, failure, planned_cells, run_unit
from reporter.errors import InputError
from reporter.manifest import Cell, Manifest, PlannedAccount, RunState, Status

LATEST = "latest"
_CACHE = ".cache"

# As c7n-org: it waits more than it computes.
_WORKERS_PER_CPU = 4
_DISCOVERY_THREADS = 16
# Writing the manifest may take this share of a run's time, so that a large one is written less often.
_MANIFEST_SHARE = 0.02


class Progress(Protocol):
    """Who wants to know how far a run is."""

    def planned(self, cells: int) -> None:
        """So many cells are known by now."""

    def done(self, label: str, cells: Sequence[Cell]) -> None:
        """A unit (an account and region), or an account that could not be opened, is through."""


@dataclass
class _Ledger:
    """The run's manifest as it grows."""

    folder: Path
    header: Manifest
    accounts: dict[str, PlannedAccount]
    cells: dict[tuple[str, str, str], Cell] = field(default_factory=dict)
    _written: float = 0.0
    _cost: float = 0.0

    def plan(self, cells: Sequence[Cell]) -> None:
        self.cells.update((cell.key, cell) for cell in cells)

    def drop(self, account: str, region: str) -> None:
        for key in [key for key in self.cells if key[:2] == (account, region)]:
            del self.cells[key]

    def record(self, cells: Sequence[Cell]) -> None:
        self.cells.update((cell.key, cell) for cell in cells)
        if time.monotonic() - self._written > max(1.0, self._cost / _MANIFEST_SHARE):
            self.write(RunState.RUNNING)

    def write(self, state: RunState) -> Manifest:
        started = time.monotonic()
        result = replace(
            self.header,
            state=state,
            finished=None if state is RunState.RUNNING else _now(),
            accounts=tuple(self.accounts.values()),
            cells=tuple(self.cells.values()),
        )
        manifest.write(self.folder, result)
        self._written = time.monotonic()
        self._cost = self._written - started
        return result


def run(
    accounts: Sequence[Account], policies: PolicySet, output: Path, progress: Progress
) -> tuple[Path, Manifest]:
    """Run the policies on every account and region into a new folder below `output`.

    Returns that folder and its manifest. What could not be looked at is in the manifest, never raised.
    Raises InputError where the output directory cannot be written.
    """
    folder = _new_folder(output)
    started = Manifest(
        tool=f"c7n-sg-audit {__version__}",
        started=_now(),
        finished=None,
        state=RunState.RUNNING,
        policies=policies.planned,
        accounts=(),
        cells=(),
    )
    ledger = _Ledger(folder, started, {account.name: _planned(account) for account in accounts})
    for account in accounts:
        for region in account.regions:
            ledger.plan(_cells(account, region, policies))
    ledger.write(RunState.RUNNING)
    _link_latest(folder)
    _collect(accounts, policies, ledger, progress)
    with suppress(OSError):
        (folder / _CACHE).rmdir()
    return folder, ledger.write(RunState.FINISHED)


def _collect(accounts: Sequence[Account], policies: PolicySet, ledger: _Ledger, progress: Progress) -> None:
    cache = ledger.folder / _CACHE
    cache.mkdir()
    workers = int(os.environ.get("C7N_ORG_PARALLEL", (os.cpu_count() or 1) * _WORKERS_PER_CPU))
    # Threads open the accounts, so workers may not be forked from this process.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([run_unit.__module__])
    events: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
    opening: dict[Future[Any], Account] = {}
    running: dict[Future[Any], Unit] = {}
    ready: deque[tuple[Access, str]] = deque()
    progress.planned(len(ledger.cells))
    with (
        ThreadPoolExecutor(_DISCOVERY_THREADS) as threads,
        ProcessPool(max_workers=workers, context=context) as pool,
    ):
        for account in accounts:
            opened = threads.submit(open_account, account)
            opening[opened] = account
            opened.add_done_callback(events.put)
        while opening or running or ready:
            # Credentials are taken when a unit is handed out, not before: they may not last the run.
            while ready and len(running) < workers * 2:
                access, region = ready.popleft()
                unit = Unit(
                    access.account.config,
                    region,
                    tuple(policies.data["policies"]),
                    str(ledger.folder),
                    str(cache),
                    access.credentials(),
                )
                future = pool.schedule(run_unit, args=[unit])
                running[future] = unit
                future.add_done_callback(events.put)
            event = events.get()
            if event in opening:
                ready.extend(_opened(opening.pop(event), event, policies, ledger, progress))
            else:
                unit = running.pop(event)
                cells = _results(unit, event)
                ledger.record(cells)
                progress.done(unit.label, cells)


def _opened(
    account: Account, future: "Future[Access]", policies: PolicySet, ledger: _Ledger, progress: Progress
) -> list[tuple[Access, str]]:
    """The regions to look at, or nothing and the account's cells marked with the reason."""
    try:
        access = future.result()
    except (ClientError, BotoCoreError, WrongAccountError) as error:
        cells = [
            failure(cell, error) for region in account.regions for cell in _cells(account, region, policies)
        ]
        ledger.record(cells)
        progress.done(account.name, cells)
        return []
    ledger.drop(account.name, ALL_REGIONS)
    ledger.accounts[account.name] = replace(ledger.accounts[account.name], regions=access.regions)
    for region in access.regions:
        ledger.plan(_cells(account, region, policies))
    progress.planned(len(ledger.cells))
    return [(access, region) for region in access.regions]


def _results(unit: Unit, future: "Future[list[Cell]]") -> list[Cell]:
    error = future.exception()
    if error is None:
        return future.result()
    return [failure(cell, error, Status.FAILED) for cell in planned_cells(unit)]


def _planned(account: Account) -> PlannedAccount:
    return PlannedAccount(
        name=account.name,
        account_id=account.account_id,
        regions=() if ALL_REGIONS in account.regions else account.regions,
        role=account.roles[-1] if account.roles else "",
        profile=account.profile,
    )


def _cells(account: Account, region: str, policies: PolicySet) -> list[Cell]:
    return [Cell(account.name, account.account_id, region, policy.name) for policy in policies.planned]


def _new_folder(output: Path) -> Path:
    name = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    try:
        output.mkdir(parents=True, exist_ok=True)
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
