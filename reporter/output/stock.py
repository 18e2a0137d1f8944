"""What a stock `custodian` or `c7n-org` leaves: a folder a policy, and no word on what is missing."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from reporter.accounts.expected import PlannedAccount
from reporter.custodian.metadata import PlannedPolicy
from reporter.errors import InputError
from reporter.output import stock_folders
from reporter.output.listing import LOG, METADATA, RESOURCES, Listing, PolicyFolder, hour_of
from reporter.output.manifest import UNKNOWN_REGION, Cell, Status
from reporter.output.stock_accounts import Accounts
from reporter.output.stock_folders import C7N_ORG, ONE_REGION, Damaged, Found
from reporter.output.stock_gaps import Placed, with_gaps
from reporter.output.stock_policies import Policies
from reporter.output.store import Store, side_by_side

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
    store: Store, listing: Listing, expected: Sequence[PlannedAccount] = (), at: str = ""
) -> StockRun | None:
    """Find the cells among the folders of a place, None where there are none.

    Of two answers for one account, region and policy the newer one counts, whatever folder it lies in. Whose
    metadata.json cannot be read, beside other files of Custodian's, failed. `at` leaves out what began later.
    Raises InputError where no folder tells what it is of.
    """
    folders = _in_place(listing)
    each_read = list(side_by_side(store, lambda folder: stock_folders.read(store, folder), folders))
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
    placed = [_placed(each, accounts, policies.name(each), len(folders) > 1) for each in newest]
    there = {(each.identity, each.cell.region, each.policy) for each in placed}
    placed += [
        _placed(each, accounts, policies.add_unread(each.policy.name))
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


def _in_place(listing: Listing) -> list[PolicyFolder]:
    """The folders that Custodian wrote, by path.

    Never where there are others does it write into the place itself: a metadata.json without resources there is
    somebody else's.
    """
    folders = [folder for _, folder in sorted(listing.folders.items())]
    folders = [folder for folder in folders if {METADATA, LOG} & folder.files.keys()]
    if len(folders) > 1 and not folders[0].path and RESOURCES not in folders[0].files:
        return folders[1:]
    return folders


def _newest(found: Iterable[Found], accounts: Accounts) -> list[Found]:
    """The newest folder of each account, region and policy, from the oldest to the newest."""
    newest: dict[tuple[str, ...], Found] = {}
    for each in found:
        key = (accounts.identity(each), each.cell.region, each.policy.name, each.policy.resource)
        newest.pop(key, None)
        newest[key] = each
    return list(newest.values())


def _placed(found: Found, accounts: Accounts, policy: str, has_others: bool = True) -> Placed:
    cell = replace(
        found.cell, account=accounts.name(found), account_id=accounts.account_id(found), policy=policy
    )
    # What lies in the place itself, beside others' folders, is no part of what was run there, and what waits for
    # events leaves nothing where there were none.
    is_part = bool(found.folder.path) or not has_others
    return Placed(
        accounts.identity(found), found.policy.name, cell, found, plans=is_part and not found.policy.on_events
    )


def _guessed(broken: Damaged, found: Sequence[Found]) -> Found:
    """A folder that does not tell what it is of: it is of the place that the folders beside it are of."""
    above, _, policy = broken.folder.path.rpartition("/")
    parent, _, last = above.rpartition("/")
    beside = next((each for each in found if each.folder.path.rpartition("/")[0] == above), None)
    region = beside.cell.region if beside else last
    if beside is None:
        in_regions = (each for each in found if each.layout != ONE_REGION and each.above == parent)
        beside = next(in_regions, None)
    if beside:
        layout, place, name, account_id = beside.layout, beside.above, beside.name, beside.cell.account_id
    elif parent and any(each.layout == C7N_ORG for each in found):
        layout, place, name, account_id = C7N_ORG, parent, parent.rpartition("/")[2], ""
    else:
        layout, place, name, account_id, region = ONE_REGION, above, "", "", UNKNOWN_REGION
    cell = Cell("", account_id, region, policy, Status.FAILED, code=broken.code, message=broken.message)
    return Found(broken.folder, layout, place, name, None, PlannedPolicy(policy, "unknown"), cell)


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
