"""Reads one policy's folder as stock Custodian left it: what it is of, and what came of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from sys import intern

import msgspec

from reporter.custodian.metadata import PlannedPolicy
from reporter.names import decoded
from reporter.output import metadata
from reporter.output.listing import LOG, METADATA, RESOURCES, PolicyFolder
from reporter.output.manifest import UNKNOWN_REGION, Cell, Status
from reporter.output.metadata import Config, Metadata, PolicyText
from reporter.output.store import DAMAGED, UNREADABLE, Store, code_of

# The last line of the traceback that Custodian logs, and AWS's code in it.
_EXCEPTION = re.compile(r"^(?:\w+\.)*(\w+): (.+)$", re.MULTILINE)
_AWS_CODE = re.compile(r"An error occurred \((\w+)\)")
_DENIED = re.compile(r"Denied|Unauthorized|AuthFailure|NotAuthorized|OptInRequired")

C7N_ORG = "stock c7n-org"
ONE_REGION = "stock custodian in one region"
REGIONS = "stock custodian in several regions"


@dataclass(frozen=True, slots=True)
class Found:
    """A policy's folder that tells what it is of.

    `above` is the path of the account's folder, or for `custodian run` of what it was told to write into; `name`
    is that of the account's folder, empty where there is none. `text` is None where metadata.json could not be
    read, and the rest is a guess. `cell` has no account yet.
    """

    folder: PolicyFolder
    layout: str
    above: str
    name: str
    text: PolicyText | None
    policy: PlannedPolicy
    cell: Cell

    @property
    def started(self) -> float:
        """When the policy was run, in seconds since 1970; 0 where nothing tells it."""
        return self.cell.started or 0.0


@dataclass(frozen=True)
class Damaged:
    """A policy's folder that Custodian wrote into and that does not tell what it is of, and why not."""

    folder: PolicyFolder
    code: str
    message: str


def read(store: Store, folder: PolicyFolder) -> Found | Damaged | None:
    """Read a folder; None where it is none of Custodian's, or of a policy that was deployed and not run.

    A policy with metadata.json and no resources.json failed. So did one that an exception ended before it had
    found anything, whatever resources.json lies beside: Custodian leaves that of an earlier run.
    """
    key = folder.file(METADATA)
    if METADATA not in folder.files:
        return Damaged(folder, "NotWritten", f"there is {folder.file(LOG)}, but no {METADATA} beside it")
    try:
        found = metadata.decode(store.read(key))
        datetime.fromtimestamp(found.started, UTC)
    except (*UNREADABLE, OverflowError, ValueError) as error:
        # Custodian's own where another of its files is there, else something foreign of that name.
        if not {RESOURCES, LOG} & folder.files.keys():
            return None
        return Damaged(folder, DAMAGED, f"{key}: not metadata of Custodian: {error}")
    except OSError as error:
        return Damaged(folder, code_of(error), f"{key}: {error.strerror or error}")
    if found.is_deployed and RESOURCES not in folder.files:
        return None
    layout, above, name, region = _layout(decoded(folder.path).split("/"), found.where)
    return Found(
        folder, layout, above, name, found.policy, found.planned, _cell(store, folder, found, region)
    )


def _layout(path: Sequence[str], config: Config) -> tuple[str, str, str, str]:
    """What wrote a folder, the folder above that is all of one account's, the account's name in it if any, and
    the region.

    c7n-org alone runs a region at a time, without a list of them in the configuration.
    """
    region = config.region or (path[-2] if len(path) > 1 else "") or UNKNOWN_REGION
    below_region = path[-2:-1] == [region]
    if not config.regions and len(path) > 2 and below_region:
        return C7N_ORG, "/".join(path[:-2]), path[-3], region
    if below_region:
        return REGIONS, "/".join(path[:-2]), "", region
    return ONE_REGION, "/".join(path[:-1]), "", region


def _cell(store: Store, folder: PolicyFolder, found: Metadata, region: str) -> Cell:
    cell = Cell(
        account="",
        account_id=intern(found.where.account_id or ""),
        region=intern(region),
        policy=found.policy.name,
        status=Status.OK,
        seconds=found.seconds,
        started=found.started or None,
    )
    missing = ""
    if RESOURCES not in folder.files:
        missing = f"the policy failed: there is {METADATA}, but no {RESOURCES}"
    elif found.stopped and not _is_its_own(store, folder, found):
        missing = f"the policy failed: the {RESOURCES} there is of an earlier run"
    if not missing:
        return cell
    code, message = _reason(store, folder) or ("NotWritten", missing)
    status = Status.DENIED if _DENIED.search(code) else Status.FAILED
    return replace(cell, status=status, code=code, message=message)


def _is_its_own(store: Store, folder: PolicyFolder, found: Metadata) -> bool:
    """Whether a policy that an exception ended wrote resources.json itself: an action may have failed after."""
    if found.counted is None:
        return False
    try:
        records = msgspec.json.decode(store.read(folder.file(RESOURCES)), type=list[msgspec.Raw])
    except (OSError, *UNREADABLE):
        return True  # whoever reads it will say so
    return len(records) == found.counted


def _reason(store: Store, folder: PolicyFolder) -> tuple[str, str] | None:
    """What Custodian logged when the policy failed: code and message."""
    try:
        log = store.read(folder.file(LOG)).decode("utf-8", errors="replace")
    except (OSError, *UNREADABLE):
        return None
    found = _EXCEPTION.findall(log)
    if not found:
        return None
    name, message = found[-1]
    code = _AWS_CODE.search(message)
    return (code[1] if code else name), message
