"""What a stock `custodian` or `c7n-org` leaves: a folder a policy, and no word on what is missing."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from reporter.accounts.expected import PlannedAccount
from reporter.custodian.metadata import PlannedPolicy
from reporter.custodian.resource_types import offered
from reporter.errors import InputError
from reporter.names import decoded
from reporter.output.listing import LOG, METADATA, RESOURCES, Listing, PolicyFolder, hour_of
from reporter.output.manifest import UNKNOWN_REGION, Cell, Status
from reporter.output.store import UNREADABLE, Store, side_by_side

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
    mode: dict[str, Any] | None = None
    region: str | None = None
    conditions: list[Any] | None = None
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)

    @property
    def deployed(self) -> bool:
        """Whether `custodian run` does not run the policy, but hands it to AWS to run later."""
        return self.mode is not None and self.mode.get("type") != "pull"


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
    text: _Policy
    policy: PlannedPolicy
    cell: Cell


@dataclass(frozen=True)
class _Damaged:
    """A policy's folder that Custodian wrote into and that does not tell what it is of, and why not."""

    folder: PolicyFolder
    code: str
    message: str


def find(
    store: Store, listing: Listing, expected: Sequence[PlannedAccount] = (), at: str = ""
) -> StockRun | None:
    """Find the cells among the folders of a place, None where there are none.

    A policy's folder with metadata.json and no resources.json failed, unless the policy was deployed and not run;
    so did one whose metadata.json cannot be read, beside other files of Custodian's. A policy that ran elsewhere
    and has no folder in some account and region was not run there; neither was an expected account or region
    without any folder. `at` leaves out what began later. Raises InputError where no folder tells what it is of.
    """
    folders = [
        folder for _, folder in sorted(listing.folders.items()) if {METADATA, LOG} & folder.files.keys()
    ]
    each_read = list(side_by_side(store, lambda folder: _read(store, folder), folders))
    damaged = [each for each in each_read if isinstance(each, _Damaged)]
    found = [
        each
        for each in each_read
        if isinstance(each, _Found) and not (at and hour_of(datetime.fromtimestamp(each.start, UTC)) > at)
    ]
    if not found and damaged:
        raise InputError(f"{store.name}: {damaged[0].message}")
    if not found:
        return None
    cells: dict[tuple[str, str, str], tuple[_Found, Cell]] = {}
    policies: dict[str, _Found] = {}
    name_of = _names(found, expected)
    for each in sorted(found, key=lambda each: each.start):  # so that of two answers the newer one counts
        cell = replace(each.cell, account=name_of(each.account, each.cell.account_id))
        cells[cell.key] = (each, cell)
        policies.setdefault(cell.policy, each)
    planned = {name: each.policy for name, each in policies.items()}
    every = {key: cell for key, (_, cell) in cells.items()}
    for broken in damaged:
        cell = _damaged_cell(broken, cells.values())
        every.setdefault(cell.key, cell)
        planned.setdefault(cell.policy, PlannedPolicy(cell.policy, "unknown"))
    accounts = _accounts(every.values(), expected)
    texts = {name: each.text for name, each in policies.items()}
    by_region = {cell.account for each, cell in cells.values() if each.layout == REGIONS}
    everything = list(_with_gaps(every, accounts, list(planned.values()), texts, by_region))
    starts = [each.start for each, _ in cells.values()]
    return StockRun(
        layouts=tuple(
            layout for layout, _ in Counter(each.layout for each, _ in cells.values()).most_common()
        ),
        oldest=_time(min(starts)),
        newest=_time(max(starts)),
        policies=tuple(planned.values()),
        accounts=tuple(accounts),
        cells=tuple(everything),
        files={key: each.folder.file(RESOURCES) for key, (each, _) in cells.items()},
    )


def _names(found: Iterable[_Found], expected: Sequence[PlannedAccount]) -> Callable[[str, str], str]:
    """How an account is called: as in the accounts file, else as its folder, else by its id."""
    names = {account.name for account in expected}
    in_file = {account.account_id: account.name for account in expected}
    of_folders = {each.cell.account_id: each.account for each in found if each.account}

    def name_of(folder: str, account_id: str) -> str:
        if folder in names:
            return folder
        return in_file.get(account_id) or folder or of_folders.get(account_id) or account_id or "unknown"

    return name_of


def _damaged_cell(broken: _Damaged, cells: Iterable[tuple[_Found, Cell]]) -> Cell:
    """The cell of a folder that does not tell it: it is of the place that the folders beside it are of."""
    above, _, policy = broken.folder.path.rpartition("/")
    account = account_id = ""
    region = UNKNOWN_REGION
    for found, cell in cells:
        beside, _, _ = found.folder.path.rpartition("/")
        if beside == above:
            account, account_id, region = cell.account, cell.account_id, cell.region
            break
        if found.layout != ONE_REGION and beside.rpartition("/")[0] == above.rpartition("/")[0]:
            account, account_id, region = cell.account, cell.account_id, above.rpartition("/")[2]
        elif found.layout == C7N_ORG and not account and above.count("/"):
            *_, account, region = above.split("/")
    return Cell(
        decoded(account or "unknown"),
        account_id,
        decoded(region),
        decoded(policy),
        Status.FAILED,
        code=broken.code,
        message=broken.message,
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
        report={key: str(value) for key, value in report.items() if value is not None}
        if isinstance(report, dict)
        else {},
    )


def _read(store: Store, folder: PolicyFolder) -> _Found | _Damaged | None:
    """None where it is no folder of Custodian's, or of a policy that was deployed."""
    key = folder.file(METADATA)
    if METADATA not in folder.files:
        return _Damaged(folder, "NotWritten", f"there is {folder.file(LOG)}, but no {METADATA} beside it")
    try:
        metadata = _decoder.decode(store.read(key))
        _time(metadata.execution.start)
    except (*UNREADABLE, OverflowError, ValueError) as error:
        # Custodian's own where another of its files is there, else something foreign of that name.
        if not {RESOURCES, LOG} & folder.files.keys():
            return None
        return _Damaged(folder, "Unreadable", f"{key}: not metadata of Custodian: {error}")
    except OSError as error:
        return _Damaged(folder, "Unreadable", f"{key}: {error.strerror or error}")
    if metadata.policy.deployed and RESOURCES not in folder.files:
        return None
    config = metadata.config
    layout, account, region = _layout(decoded(folder.path).split("/"), config)
    return _Found(
        folder,
        metadata.execution.start,
        layout,
        account,
        metadata.policy,
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
    except (OSError, *UNREADABLE):
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
    texts: Mapping[str, _Policy],
    by_region: Collection[str],
) -> Iterable[Cell]:
    """The cells, with those that should be there. `by_region` names accounts that `custodian run` went through:
    it passes over regions without the service, and runs a policy on a global one in a single region."""
    seen: dict[str, dict[str, None]] = {}
    ran = {(account, policy) for account, _, policy in cells}
    for name, region, _ in cells:
        seen.setdefault(name, {})[region] = None
    for account in accounts:
        regions = {**seen.get(account.name, {}), **dict.fromkeys(account.regions)}
        for region in regions or {UNKNOWN_REGION: None}:
            for policy in policies:
                cell = cells.get((account.name, region, policy.name))
                text = texts.get(policy.name)
                if cell is not None:
                    yield cell
                    continue
                elsewhere = text is not None and text.region is not None and text.region != region
                passed_over = account.name in by_region and (account.name, policy.name) in ran
                if not elsewhere and not (passed_over and not offered(policy.resource, region)):
                    conditional = text is not None and bool(text.conditions)
                    yield _not_there(account, region, policy.name, conditional)


def _not_there(account: PlannedAccount, region: str, policy: str, conditional: bool) -> Cell:
    cell = Cell(account.name, account.account_id, region, policy)
    if conditional:
        return replace(cell, message="no folder in the output: the policy's conditions may have left it out")
    return replace(cell, code="NotThere", message="no folder in the output: it was not looked at")
