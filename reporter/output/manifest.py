"""run.json: what a run planned to look at, and what came of each part.

It is the seam between collecting and reporting, so it imports neither c7n nor pandas.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from reporter.accounts.expected import PlannedAccount
from reporter.custodian.metadata import PlannedPolicy
from reporter.errors import InputError
from reporter.names import MAX_BYTES
from reporter.output.store import UNREADABLE, Store

FILE_NAME = "run.json"

#: The region of a cell whose account's regions could not be found out.
UNKNOWN_REGION = "all"


class Status(StrEnum):
    """What came of a cell."""

    OK = "ok"
    DENIED = "denied"  # AWS said no
    FAILED = "failed"  # anything else went wrong
    SKIPPED = "skipped"  # never tried


class RunState(StrEnum):
    """How far a run came. One that was killed stays `running`."""

    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Cell:
    """One account × region × policy.

    `resources` counts what the policy found, None where it did not answer; `seconds` is how long Custodian
    took; `code` is the error's code as AWS or Python calls it; `throttled` counts the calls AWS asked to
    be made again more slowly.
    """

    account: str
    account_id: str
    region: str
    policy: str
    status: Status = Status.SKIPPED
    resources: int | None = None
    seconds: float | None = None
    code: str = ""
    message: str = ""
    throttled: int = 0

    @property
    def key(self) -> tuple[str, str, str]:
        """Account, region and policy: unique within a run."""
        return self.account, self.region, self.policy


@dataclass(frozen=True)
class Manifest:
    """All that run.json holds. Times are UTC, ISO 8601."""

    tool: str
    started: str
    finished: str | None
    state: RunState
    policies: tuple[PlannedPolicy, ...]
    accounts: tuple[PlannedAccount, ...]
    cells: tuple[Cell, ...]


def write(place: Store, manifest: Manifest) -> None:
    """Write run.json so that a reader, or a kill at any moment, never meets half of one.

    Raises OSError where it cannot be written.
    """
    place.write(FILE_NAME, msgspec.json.format(msgspec.json.encode(manifest), indent=1))


def read(place: Store) -> Manifest:
    """Read a run's manifest.

    Raises InputError where there is none or it is not one of ours.
    """
    try:
        content = place.read(FILE_NAME)
    except FileNotFoundError:
        raise InputError(f"{place.name}: no {FILE_NAME} there") from None
    except OSError as error:
        raise InputError(f"{place.name}/{FILE_NAME}: {error.strerror}") from None
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
        _check(manifest)
    except (*UNREADABLE, ValueError, OverflowError) as error:
        raise InputError(f"{place.name}/{FILE_NAME}: not a manifest of sg-audit: {error}") from None
    return manifest


def _check(manifest: Manifest) -> None:
    """Raises ValueError, or OverflowError, where a time is none, or a name cannot be a folder's or is of nothing."""
    started = datetime.fromisoformat(manifest.started)
    if started.tzinfo is None:
        raise ValueError(f"{manifest.started!r} has no time zone")
    started.astimezone(UTC)
    policies = {policy.name for policy in manifest.policies}
    for name in {name for cell in manifest.cells for name in cell.key}:
        if name in ("", ".", "..") or "/" in name or "\0" in name or len(name.encode()) > MAX_BYTES:
            raise ValueError(f"{name[:100]!r} names no folder")
    for cell in manifest.cells:
        if cell.policy not in policies:
            raise ValueError(f"a cell is of policy {cell.policy!r}, which is not among the policies")
