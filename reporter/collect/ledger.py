"""The manifest of a run as it grows."""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from reporter.accounts.chosen import Account
from reporter.output import manifest
from reporter.output.manifest import UNKNOWN_REGION, Cell, Manifest, RunState
from reporter.output.store import Store

# Writing the manifest may take this share of a run's time, so that a large one is written less often.
_MANIFEST_SHARE = 0.02
_MANIFEST_SECONDS = 1.0


class Ledger:
    """The run's manifest as it grows."""

    def __init__(self, folder: Store, plan: Manifest) -> None:
        self.folder = folder
        self._plan = plan
        self._accounts = {account.name: account for account in plan.accounts}
        self._cells: dict[str, dict[tuple[str, str], Cell]] = {account.name: {} for account in plan.accounts}
        for cell in plan.cells:
            self._cells[cell.account][cell.region, cell.policy] = cell
        self._callers: dict[str, str] = {}
        self._written = self._cost = 0.0
        self._changed = False

    def pending(self, account: str) -> dict[str, list[Cell]]:
        """The account's cells that are to be looked at still, by region."""
        regions: dict[str, list[Cell]] = {}
        for cell in self._cells[account].values():
            if cell.is_gap:
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
        self._changed = True

    def opened_by(self, account: str, caller: str) -> None:
        """Note the ARN of the profile that an account was taken up by; empty where it was a role."""
        if caller:
            self._callers[account] = caller

    def record(self, cells: Iterable[Cell]) -> None:
        """Take in what came of cells."""
        for cell in cells:
            self._cells[cell.account][cell.region, cell.policy] = cell
        self._changed = True

    def write_if_due(self) -> None:
        """Write the manifest where there is news and the last time is a while ago. To be called every second."""
        age = time.monotonic() - self._written
        if self._changed and age > max(_MANIFEST_SECONDS, self._cost / _MANIFEST_SHARE):
            with suppress(OSError):  # the next one may succeed, and the last one must
                self.write(RunState.RUNNING)

    def write(self, state: RunState) -> Manifest:
        """Write the manifest as it is now, and return it. Raises OSError."""
        started = self._written = time.monotonic()
        result = self.manifest(state)
        manifest.write(self.folder, result)
        self._written = time.monotonic()
        self._cost = self._written - started
        self._changed = False
        return result

    def manifest(self, state: RunState) -> Manifest:
        """The manifest as it is now."""
        return replace(
            self._plan,
            callers=self._all_callers(),
            state=state,
            finished=None if state is RunState.RUNNING else now(),
            accounts=tuple(self._accounts.values()),
            cells=tuple(cell for cells in self._cells.values() for cell in cells.values()),
        )

    def _all_callers(self) -> tuple[str, ...]:
        of_profiles = (self._callers[name] for name in self._accounts if name in self._callers)
        return tuple(dict.fromkeys((*self._plan.callers, *of_profiles)))


def now() -> str:
    """The time in UTC, as the manifest has it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
