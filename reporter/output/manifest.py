"""run.json: what a run planned to look at, and what came of each part.

It is the seam between collecting and reporting, so it imports neither c7n nor pandas.
"""

import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from sys import intern

import msgspec

from reporter.accounts.expected import PlannedAccount
from reporter.custodian.metadata import PlannedPolicy
from reporter.custodian.resource_types import IAM_AUTHORIZATION
from reporter.errors import InputError
from reporter.names import MAX_BYTES
from reporter.output.store import UNREADABLE, Store
from reporter.redaction import redact

FILE_NAME = "run.json"
_PACKED = f"{FILE_NAME}.gz"  # as someone may have packed all of a run's files
FILE_NAMES = frozenset({FILE_NAME, _PACKED})
_OURS = re.compile(rb'\s*\{\s*"tool":\s*"c7n-sg-audit')

#: The region of a cell whose account's regions could not be found out.
UNKNOWN_REGION = "all"

#: The region of a cell that is of an account as a whole.
GLOBAL_REGION = "global"

# What is asked so, by the name of its cells: other clouds have a region called global, which is one.
_OF_ACCOUNT = frozenset({IAM_AUTHORIZATION.removeprefix("aws.")})

#: The code of a cell that the policy itself, by its `region` or `conditions`, leaves out.
LEFT_OUT = "LeftOut"


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


@dataclass(frozen=True, slots=True)
class Cell:
    """One account × region × policy.

    `resources` counts what the policy found, None where it did not answer; `seconds` is how long Custodian
    took; `code` is the error's code as AWS or Python calls it; `throttled` counts the calls AWS asked to
    be made again more slowly. `started` is when the policy was run, in seconds since 1970, None where nothing
    tells it: of two records of a thing the newer one counts.
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
    started: float | None = None

    @property
    def is_gap(self) -> bool:
        """Whether it was to be looked at and was not."""
        return self.status is not Status.OK and not self.is_left_out

    @property
    def is_left_out(self) -> bool:
        """Whether the policy's own `region` or `conditions` leave this account or region out."""
        # Older runs gave a message and no code, and gave one to no other skipped cell.
        return self.status is Status.SKIPPED and (
            self.code == LEFT_OUT or (not self.code and self.message != "")
        )

    @property
    def is_of_region(self) -> bool:
        """Whether it is of a region, and not of the account as a whole."""
        return self.region != GLOBAL_REGION or self.policy not in _OF_ACCOUNT

    @property
    def key(self) -> tuple[str, str, str]:
        """Account, region and policy: unique within a run."""
        return self.account, self.region, self.policy


@dataclass(frozen=True)
class Manifest:
    """All that run.json holds. Times are UTC, ISO 8601.

    `callers` are the ARNs of who ran it, as far as STS told: of the credentials that roles were assumed with, then of
    the accounts' profiles. `accounts_file` and `policy_files` are called as on the command line. Older runs have none.
    """

    tool: str
    started: str
    finished: str | None
    state: RunState
    policies: tuple[PlannedPolicy, ...]
    accounts: tuple[PlannedAccount, ...]
    cells: tuple[Cell, ...]
    callers: tuple[str, ...] = ()
    accounts_file: str = ""
    policy_files: tuple[str, ...] = ()


_decoder = msgspec.json.Decoder(Manifest)


def write(place: Store, manifest: Manifest) -> None:
    """Write run.json so that a reader, or a kill at any moment, never meets half of one.

    Raises OSError where it cannot be written.
    """
    place.write(FILE_NAME, encoded(manifest))


def encoded(manifest: Manifest) -> bytes:
    """What run.json holds."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)


def is_foreign(place: Store) -> bool:
    """Whether the run.json of a place is somebody else's. A damaged one of ours is not.

    Raises OSError where it cannot be read.
    """
    try:
        content = _content(place)
        if _OURS.match(content):
            return False
        _decoder.decode(content)
    except UNREADABLE:
        return True
    return False


def is_there(place: Store) -> bool:
    """Whether a place has a run.json, or one that someone has packed with the rest of the run."""
    return place.exists(FILE_NAME) or place.exists(_PACKED)


def _content(place: Store) -> bytes:
    return place.read(FILE_NAME if place.exists(FILE_NAME) or not place.exists(_PACKED) else _PACKED)


def fingerprint(place: Store) -> str:
    """Stands for what run.json holds: another one where the run went on. Raises OSError where it cannot be read."""
    return sha256(_content(place)).hexdigest()[:16]


def read(place: Store) -> Manifest:
    """Read a run's manifest.

    What it says of errors is redacted again: an older version may have written it. Raises InputError where there is
    none or it is not one of ours.
    """
    try:
        run = _decoder.decode(_content(place))
        _check(run)
    except FileNotFoundError:
        raise InputError(f"{place.name}: no {FILE_NAME} there") from None
    except (*UNREADABLE, ValueError, OverflowError) as error:
        raise InputError(f"{place.name}/{FILE_NAME}: not a manifest of sg-audit: {error}") from None
    except OSError as error:
        raise InputError(f"{place.name}/{FILE_NAME}: {error.strerror}") from None
    return replace(run, cells=tuple(map(_kept, run.cells)))


def _kept(cell: Cell) -> Cell:
    """The cell with its message redacted; the names that many cells have are kept once."""
    return replace(
        cell,
        account=intern(cell.account),
        account_id=intern(cell.account_id),
        region=intern(cell.region),
        policy=intern(cell.policy),
        message=redact(cell.message) if cell.message else "",
    )


def _check(manifest: Manifest) -> None:
    """Raises ValueError, or OverflowError, where a time is none, a name cannot be a folder's or is of nothing, or what
    is told apart by a name is there twice, as where two runs were put together by hand."""
    started = datetime.fromisoformat(manifest.started)
    if started.tzinfo is None:
        raise ValueError(f"{manifest.started!r} has no time zone")
    started.astimezone(UTC)
    if not manifest.cells:
        raise ValueError("it has no cells: nothing was planned")
    policies = {policy.name for policy in manifest.policies}
    for what, names in (
        ("policy", [policy.name for policy in manifest.policies]),
        ("account", [account.name for account in manifest.accounts]),
        ("cell", [" ".join(cell.key) for cell in manifest.cells]),
    ):
        if len(set(names)) < len(names):
            twice = next(name for name, times in Counter(names).items() if times > 1)
            raise ValueError(f"{what} {twice} is there twice")
    for name in {name for cell in manifest.cells for name in cell.key}:
        if name in ("", ".", "..") or "/" in name or "\0" in name or len(name.encode()) > MAX_BYTES:
            raise ValueError(f"{name[:100]!r} names no folder")
    for cell in manifest.cells:
        if cell.policy not in policies:
            raise ValueError(f"a cell is of policy {cell.policy!r}, which is not among the policies")
