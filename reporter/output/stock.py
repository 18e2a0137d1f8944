"""What a stock `custodian` or `c7n-org` leaves: a folder a policy, and no word on what is missing."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from reporter.accounts.expected import PlannedAccount
from reporter.custodian.metadata import PlannedPolicy
from reporter.custodian.resource_types import provider
from reporter.errors import InputError
from reporter.names import decoded
from reporter.output import stock_folders
from reporter.output.listing import LOG, METADATA, RESOURCES, Listing, PolicyFolder, Tell, hour_of, silent
from reporter.output.manifest import UNKNOWN_REGION, Cell, Status
from reporter.output.stock_accounts import Accounts
from reporter.output.stock_folders import C7N_ORG, ONE_REGION, Damaged, Found
from reporter.output.stock_gaps import Placed, with_gaps
from reporter.output.stock_policies import Policies
from reporter.output.store import Store, side_by_side

_TOLD = 100  # folders

_Key = tuple[str, str, str]


@dataclass(frozen=True)
class StockRun:
    """The policies in the order they ran, the accounts, and every cell that is there or was expected.

    `layouts` says what left the cells, most of them first; `oldest` and `newest` are when they were begun.
    `texts` has what each cell's own metadata.json says of its policy, under the policy's own name: in cells and
    `policies` it may be another, which tells it apart.
    """

    layouts: tuple[str, ...]
    oldest: str
    newest: str
    policies: tuple[PlannedPolicy, ...]
    accounts: tuple[PlannedAccount, ...]
    cells: tuple[Cell, ...]
    files: Mapping[_Key, str]
    texts: Mapping[_Key, PlannedPolicy]


def find(
    store: Store,
    listing: Listing,
    expected: Sequence[PlannedAccount] = (),
    at: str = "",
    tell: Tell = silent,
) -> StockRun | None:
    """Find the cells among the folders of a place, None where there are none.

    Of two answers for one account, region and policy the newer one counts, whatever folder it lies in. Whose
    metadata.json cannot be read, beside other files of Custodian's, failed. `at` leaves out what began later.
    `tell` hears how many folders are read. Raises InputError where no folder tells what it is of.
    """
    folders = [
        folder for _, folder in sorted(listing.folders.items()) if {METADATA, LOG} & folder.files.keys()
    ]
    each_read: list[Found | Damaged | None] = []
    for each in side_by_side(store, lambda folder: stock_folders.read(store, folder), folders):
        each_read.append(each)
        if len(each_read) % _TOLD == 0 or len(each_read) == len(folders):
            tell(f"reading each {METADATA}", len(each_read), len(folders))
    above = _above(folders)
    each_read = [each for each in each_read if each and not _is_astray(each, above)]
    damaged = [each for each in each_read if isinstance(each, Damaged)]
    found = [
        each
        for each in each_read
        if isinstance(each, Found) and not (at and hour_of(datetime.fromtimestamp(each.started, UTC)) > at)
    ]
    if not found and damaged:
        raise InputError(f"{store.name}: {damaged[0].message}")
    if not found:
        return None
    found.sort(key=lambda each: each.started)
    broken = [_guessed(each, found) for each in damaged]
    accounts = Accounts([*broken, *found], expected)
    newest = _newest(found, accounts)
    policies = Policies(newest)
    placed = [_placed(each, accounts, policies.name(each), above) for each in newest]
    there = {(each.identity, each.cell.region, each.policy) for each in placed}
    placed += [
        _placed(each, accounts, policies.add_unread(each.policy.name), above)
        for each in broken
        if (accounts.identity(each), each.cell.region, each.policy.name) not in there
    ]
    by_name = _accounts(placed, expected)
    read = [each for each in placed if each.found.text]
    return StockRun(
        layouts=tuple(layout for layout, _ in Counter(each.layout for each in newest).most_common()),
        oldest=_time(newest[0].started),
        newest=_time(newest[-1].started),
        policies=tuple(policies.planned.values()),
        accounts=tuple(account for account, _ in by_name.values()),
        cells=tuple(with_gaps(placed, by_name, policies.own_names)),
        files={each.cell.key: each.found.folder.file(RESOURCES) for each in read},
        texts={each.cell.key: each.found.policy for each in read},
    )


def _above(folders: Iterable[PolicyFolder]) -> set[str]:
    """The paths of all folders that other policies' folders lie in."""
    paths = (folder.path for folder in folders if folder.path)
    return {"/".join(path.split("/")[:depth]) for path in paths for depth in range(path.count("/") + 1)}


def _is_misplaced(found: Found, above: Collection[str]) -> bool:
    """Whether a folder is of no place where Custodian writes: those of other policies lie in it."""
    path = found.folder.path
    return path in above and path.rpartition("/")[2] != found.policy.name


def _is_astray(each: Found | Damaged, above: Collection[str]) -> bool:
    """Whether metadata.json, or a log, lies in such a folder without resources: it is of nothing there."""
    if isinstance(each, Damaged):
        return each.folder.path in above
    return _is_misplaced(each, above) and RESOURCES not in each.folder.files


def _newest(found: Iterable[Found], accounts: Accounts) -> list[Found]:
    """The newest folder of each account, region and policy, from the oldest to the newest."""
    newest: dict[tuple[str, ...], Found] = {}
    for each in found:
        key = (accounts.identity(each), each.cell.region, each.policy.name, each.policy.resource)
        newest.pop(key, None)
        newest[key] = each
    return list(newest.values())


def _placed(found: Found, accounts: Accounts, policy: str, above: Collection[str]) -> Placed:
    identity = accounts.identity(found)
    cell = replace(
        found.cell, account=accounts.name(found), account_id=accounts.account_id(found), policy=policy
    )
    # What is misplaced is no part of what was run, and what waits for events leaves nothing where there were none.
    plans = not found.policy.on_events and not _is_misplaced(found, above)
    return Placed(identity, found.policy.name, cell, found, plans)


def _guessed(broken: Damaged, found: Sequence[Found]) -> Found:
    """A folder that does not tell what it is of: it is of the place that the folders beside it are of."""
    above, _, policy = decoded(broken.folder.path).rpartition("/")
    parent, _, last = above.rpartition("/")
    beside = next((each for each in found if each.folder.path.rpartition("/")[0] == above), None)
    region, unknown = beside.cell.region if beside else last, "unknown"
    if beside is None:
        in_regions = (each for each in found if each.layout != ONE_REGION and each.above == parent)
        beside = next(in_regions, None)
    if beside:
        layout, place, name, account_id = beside.layout, beside.above, beside.name, beside.cell.account_id
        unknown = f"{provider(beside.policy.resource)}.unknown"
    elif parent and any(each.layout == C7N_ORG for each in found):
        layout, place, name, account_id = C7N_ORG, parent, parent.rpartition("/")[2], ""
    else:
        layout, place, name, account_id, region = ONE_REGION, above, "", "", UNKNOWN_REGION
    cell = Cell("", account_id, region, policy, Status.FAILED, code=broken.code, message=broken.message)
    return Found(broken.folder, layout, place, name, None, PlannedPolicy(policy, unknown), cell)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _accounts(
    placed: Iterable[Placed], expected: Sequence[PlannedAccount]
) -> dict[str, tuple[PlannedAccount, str]]:
    """The expected accounts, then those that are there without being expected, each with its identity, by name."""
    accounts = {account.name: (account, account.account_id) for account in expected}
    for each in placed:
        cell = each.cell
        accounts.setdefault(cell.account, (PlannedAccount(cell.account, cell.account_id, ()), each.identity))
    return accounts
