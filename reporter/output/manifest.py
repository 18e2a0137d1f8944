"""run.json: what a run planned to look at, and what came of each part.

It is the seam between collecting and reporting, so it imports neither c7n nor pandas.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

import msgspec

from reporter.accounts.expected import PlannedAccount
from reporter.custodian.metadata import PlannedPolicy
from reporter.errors import InputError
from reporter.output.store import Store
from reporter.redaction import redact

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
    place.write(FILE_NAME, encoded(manifest))


def encoded(manifest: Manifest) -> bytes:
    """What run.json holds."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)


def read(place: Store) -> Manifest:
    """Read a run's manifest.

    What it says of errors is redacted again: an older version may have written it. Raises InputError where there is
    none or it is not one of ours.
    """
    try:
        run = msgspec.json.decode(place.read(FILE_NAME), type=Manifest)
    except OSError:
        raise InputError(f"{place.name}: no {FILE_NAME} there") from None
    except msgspec.DecodeError as error:
        raise InputError(f"{place.name}/{FILE_NAME}: not a manifest of sg-audit: {error}") from None
    cells = (replace(cell, message=redact(cell.message)) if cell.message else cell for cell in run.cells)
    return replace(run, cells=tuple(cells))
