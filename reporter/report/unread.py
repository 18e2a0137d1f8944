"""What could not be read, put together by account and reason: one refusal may have cost all cells of an account."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from reporter.accounts.expected import PlannedAccount
from reporter.inventory.audit import Audit
from reporter.names import decoded
from reporter.output.manifest import Cell, Status
from reporter.output.reading import OWN_RUN
from reporter.report.advice import advise, missing_permission


@dataclass(frozen=True)
class Unread:
    """Cells of an account that were not read for one reason: their number, regions, policies and codes. `message` is
    that of the first of them. `whole` says that nothing of the account was read."""

    account: str
    account_id: str
    regions: tuple[str, ...]
    policies: tuple[str, ...]
    cells: int
    status: Status
    code: str
    message: str
    what_to_do: str
    whole: bool


def by_account(audit: Audit) -> list[Unread]:
    """An entry an account and reason; accounts of which nothing was read first, then in the order of the run."""
    return _put_together(audit)


def by_account_and_kind(audit: Audit) -> list[Unread]:
    """The same, where all permissions that an account lacks are one reason, whose `what_to_do` names the first."""
    return _put_together(audit, by_permission=False)


def by_account_or_region(audit: Audit) -> list[Unread]:
    """The same, where a part of an account was read an entry a region, so that its policies are those of each."""
    return _put_together(audit, by_region=True)


def some_of_each(entries: Sequence[Unread], most: int) -> list[Unread]:
    """So many entries at the most, in their order: each account's first comes before any account's second."""
    before: Counter[str] = Counter()
    ranks = []
    for entry in entries:
        ranks.append(before[entry.account])
        before[entry.account] += 1
    chosen = sorted(range(len(entries)), key=ranks.__getitem__)[:most]
    return [entries[number] for number in sorted(chosen)]


def _put_together(audit: Audit, *, by_region: bool = False, by_permission: bool = True) -> list[Unread]:
    accounts = {account.name: account for account in audit.output.accounts}
    read = Counter(cell.account for cell in audit.cells if cell.status is Status.OK)
    own_run = audit.output.kind == OWN_RUN
    reasons: dict[tuple[Hashable, ...], list[Cell]] = {}
    for gap in audit.gaps:
        what = advise(gap, accounts.get(gap.account), own_run=own_run)
        # AWS names the call in a refusal, and so each policy's reads otherwise.
        own = "" if gap.status is Status.DENIED else gap.message
        region = gap.region if by_region and read[gap.account] else ""
        key: tuple[Hashable, ...] = gap.account, region, gap.status, gap.code, what, own
        if not by_permission and missing_permission(gap):
            key = gap.account, region, gap.status
        reasons.setdefault(key, []).append(gap)
    found = [
        _of(cells, accounts.get(cells[0].account), whole=not read[cells[0].account], own_run=own_run)
        for cells in reasons.values()
    ]
    return sorted(found, key=lambda entry: not entry.whole)


def _of(cells: Sequence[Cell], account: PlannedAccount | None, *, whole: bool, own_run: bool) -> Unread:
    first = cells[0]
    permissions = list(dict.fromkeys(filter(None, map(missing_permission, cells))))
    return Unread(
        account=first.account,
        account_id=first.account_id,
        regions=tuple(dict.fromkeys(cell.region for cell in cells)),
        policies=tuple(dict.fromkeys(cell.policy for cell in cells)),
        cells=len(cells),
        status=first.status,
        code=", ".join(dict.fromkeys(cell.code for cell in cells if cell.code)),
        message=decoded(first.message),
        what_to_do=advise(first, account, permissions, own_run=own_run),
        whole=whole,
    )
