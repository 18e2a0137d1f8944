"""What a stock `custodian` or `c7n-org` leaves: a folder a policy, and no word on what is missing."""

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from reporter.custodian.listing import LOG, METADATA, RESOURCES, Listing, PolicyFolder, hour_of
from reporter.manifest import UNKNOWN_REGION, Cell, PlannedAccount, PlannedPolicy, Status
from reporter.store import Store, side_by_side

# The last line of the traceback that Custodian logs, and AWS's code in it.
_EXCEPTION = re.compile(r"^(?:\w+\.)*(\w+): (.+)$", re.MULTILINE)
_AWS_CODE = re.compile(r"An error occurred \((\w+)\)")
_DENIED = re.compile(r"Denied|Unauthorized|AuthFailure|NotAuthorized|OptInRequired")

C7N_ORG = "stock c7n-org"
ONE_REGION = "stock custodian in one region"
REGIONS = "stock custodian in several regions"


@dataclass(frozen=True)
class StockRun:
    """The policies in the order they ran, the accounts, and every cell that is there or was expected.

    `layouts` says what left the cells, most of them first; `oldest` and `newest` are when they were begun.
    """

    layouts: tuple[str, ...]
    oldest: str
    newest: str
    policies: tuple[PlannedPolicy, ...]
    accounts: tuple[PlannedAccount, ...]
    cells: tuple[Cell, ...]
    files: Mapping[tuple[str, str, str], str]


class _Policy(msgspec.Struct):
    name: str
    resource: str = ""
    description: str | None = None
    filters: list[Any] | None = None
    query: list[Any] | None = None
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)


class _Execution(msgspec.Struct):
    start: float = 0.0
    duration: float = 0.0


class _Config(msgspec.Struct):
    region: str | None = None
    regions: list[str] | None = None
    account_id: str | None = None


class Metadata(msgspec.Struct):
    """What the report needs of Custodian's metadata.json."""

    policy: _Policy
    execution: _Execution = msgspec.field(default_factory=_Execution)
    config: _Config = msgspec.field(default_factory=_Config)


_decoder = msgspec.json.Decoder(Metadata)


@dataclass(frozen=True)
class _Found:
    """A policy's folder that tells what it is of. `account` is empty where no folder names it."""

    folder: PolicyFolder
    start: float
    layout: str
    account: str
    policy: PlannedPolicy
    cell: Cell


def find(
    store: Store, listing: Listing, expected: Sequence[PlannedAccount] = (), at: str = ""
) -> StockRun | None:
    """Find the cells among the folders of a place, None where there are none.

    A policy's folder with metadata.json and no resources.json failed. A policy that ran elsewhere and has no
    folder in some account and region was not run there; neither was an expected account or region without
    any folder. `at` leaves out what began later.
    """
    folders = [folder for _, folder in sorted(listing.folders.items()) if METADATA in folder.files]
    found = [
        each
        for each in side_by_side(store, lambda folder: _read(store, folder), folders)
        if each is not None and not (at and hour_of(datetime.fromtimestamp(each.start, UTC)) > at)
    ]
    if not found:
        return None
    names = {each.cell.account_id: each.account for each in found if each.account}
    names |= {account.account_id: account.name for account in expected}
    cells: dict[tuple[str, str, str], tuple[_Found, Cell]] = {}
    policies: dict[str, tuple[float, PlannedPolicy]] = {}
    for each in sorted(found, key=lambda each: each.start):  # so that of two answers the newer one counts
        known = names.get(each.cell.account_id) or each.cell.account_id or "unknown"
        cell = replace(each.cell, account=each.account or known)
        cells[cell.key] = (each, cell)
        policies.setdefault(cell.policy, (each.start, each.policy))
    accounts = _accounts((cell for _, cell in cells.values()), expected)
    in_order = [policy for _, policy in policies.values()]
    everything = list(_with_gaps({key: cell for key, (_, cell) in cells.items()}, accounts, in_order))
    starts = [each.start for each, _ in cells.values()]
    return StockRun(
        layouts=tuple(
            layout for layout, _ in Counter(each.layout for each, _ in cells.values()).most_common()
        ),
        oldest=_time(min(starts)),
        newest=_time(max(starts)),
        policies=tuple(in_order),
        accounts=tuple(accounts),
        cells=tuple(everything),
        files={key: each.folder.file(RESOURCES) for key, (each, _) in cells.items()},
    )


def planned_policy(metadata: Metadata) -> PlannedPolicy:
    """The policy as metadata.json has it."""
    policy = metadata.policy
    report = policy.metadata.get("report")
    return PlannedPolicy(
        name=policy.name,
        resource=policy.resource if "." in policy.resource else f"aws.{policy.resource}",
        filtered=bool(policy.filters or policy.query),
        description=" ".join((policy.description or "").split()),
        report={key: str(value) for key, value in report.items()} if isinstance(report, dict) else {},
    )


def _read(store: Store, folder: PolicyFolder) -> _Found | None:
    try:
        metadata = _decoder.decode(store.read(folder.file(METADATA)))
    except (OSError, EOFError, zlib.error, msgspec.DecodeError, UnicodeDecodeError):
        return None  # a foreign file, or one that tells nothing; the cell shows as not there
    config = metadata.config
    layout, account, region = _layout(folder.path.split("/"), config)
    return _Found(
        folder,
        metadata.execution.start,
        layout,
        account,
        planned_policy(metadata),
        _cell(store, folder, metadata, region),
    )


def _layout(path: Sequence[str], config: _Config) -> tuple[str, str, str]:
    """What wrote a folder, the account that its path names, if any, and the region.

    c7n-org alone runs a region at a time, without a list of them in the configuration.
    """
    region = config.region or (path[-2] if len(path) > 1 else "") or UNKNOWN_REGION
    below_region = path[-2:-1] == [region]
    if not config.regions and len(path) > 2 and below_region:
        return C7N_ORG, path[-3], region
    return REGIONS if below_region else ONE_REGION, "", region


def _cell(store: Store, folder: PolicyFolder, metadata: Metadata, region: str) -> Cell:
    cell = Cell(
        account="",
        account_id=metadata.config.account_id or "",
        region=region,
        policy=metadata.policy.name,
        status=Status.OK,
        seconds=round(metadata.execution.duration, 3),
    )
    if RESOURCES in folder.files:
        return cell
    code, message = _reason(store, folder)
    status = Status.DENIED if _DENIED.search(code) else Status.FAILED
    return replace(cell, status=status, code=code, message=message)


def _reason(store: Store, folder: PolicyFolder) -> tuple[str, str]:
    """What Custodian logged when the policy failed."""
    try:
        log = store.read(folder.file(LOG)).decode("utf-8", errors="replace")
        found = _EXCEPTION.findall(log)
    except (OSError, EOFError, zlib.error):
        found = []
    if not found:
        return "NotWritten", f"the policy failed: there is {METADATA}, but no {RESOURCES}"
    name, message = found[-1]
    code = _AWS_CODE.search(message)
    return (code[1] if code else name), message


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _accounts(cells: Iterable[Cell], expected: Sequence[PlannedAccount]) -> list[PlannedAccount]:
    """The expected accounts, then those that are there without being expected."""
    accounts = {account.name: account for account in expected}
    for cell in cells:
        accounts.setdefault(cell.account, PlannedAccount(cell.account, cell.account_id, ()))
    return list(accounts.values())


def _with_gaps(
    cells: Mapping[tuple[str, str, str], Cell],
    accounts: Iterable[PlannedAccount],
    policies: Sequence[PlannedPolicy],
) -> Iterable[Cell]:
    seen: dict[str, dict[str, None]] = {}
    for name, region, _ in cells:
        seen.setdefault(name, {})[region] = None
    for account in accounts:
        regions = {**seen.get(account.name, {}), **dict.fromkeys(account.regions)}
        for region in regions or {UNKNOWN_REGION: None}:
            for policy in policies:
                key = (account.name, region, policy.name)
                yield cells.get(key) or Cell(
                    account.name,
                    account.account_id,
                    region,
                    policy.name,
                    code="NotThere",
                    message="no folder in the output: it was not looked at",
                )
