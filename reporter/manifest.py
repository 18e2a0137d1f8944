"""run.json: what a run planned to look at, and what came of each part.

It is the seam between collecting and reporting, so it imports neither c7n nor pandas.
"""

import os
import tempfile
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import msgspec

from reporter.errors import InputError

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
class PlannedPolicy:
    """A policy of the run, in file order. `report` is its `metadata.report`; `filtered` says that it may
    leave resources out: what it does not list may exist all the same. `digest` stands for its text."""

    name: str
    resource: str
    filtered: bool = True
    digest: str = ""
    description: str = ""
    report: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PlannedAccount:
    """An account of the run; `regions` is empty until they are found where the accounts file says `all`."""

    name: str
    account_id: str
    regions: tuple[str, ...]
    role: str = ""  # the last role assumed, or ""
    profile: str = ""


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


def write(folder: Path, manifest: Manifest) -> None:
    """Write run.json so that a reader, or a kill at any moment, never meets half of one."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".run-")
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    Path(name).replace(folder / FILE_NAME)


def read(folder: Path) -> Manifest:
    """Read a run's manifest.

    Raises InputError where there is none or it is not one of ours.
    """
    try:
        return parse((folder / FILE_NAME).read_bytes(), str(folder / FILE_NAME))
    except FileNotFoundError:
        raise InputError(f"{folder}: no {FILE_NAME} there") from None


def parse(content: bytes, name: str) -> Manifest:
    """The manifest that a file holds; `name` is the file's, for people.

    Raises InputError where it is not one of ours.
    """
    try:
        return msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise InputError(f"{name}: not a manifest of sg-audit: {error}") from None
