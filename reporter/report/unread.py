"""What could not be read, put together by account and reason: one refusal may have cost all cells of an account."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from reporter.inventory.audit import Audit
from reporter.names import decoded
from reporter.output.manifest import Cell, Status
from reporter.output.reading import OWN_RUN
from reporter.report.advice import advise


@dataclass(frozen=True)
class Unread:
    """Cells of an account that were not read for one reason: their number, regions and policies. `message` is that of
    the first of them. `whole` says that nothing of the account was read."""

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
    return _put_together(audit, by_region=False)


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


def _put_together(audit: Audit, *, by_region: bool) -> list[Unread]:
    accounts = {account.name: account for account in audit.output.accounts}
    read = Counter(cell.account for cell in audit.cells if cell.status is Status.OK)
    own_run = audit.output.kind == OWN_RUN
    reasons: dict[tuple[str, str, Status, str, str, str], list[Cell]] = {}
    for gap in audit.gaps:
        what = advise(gap, accounts.get(gap.account), own_run=own_run)
        # AWS names the call in a refusal, and so each policy's reads otherwise.
        own = "" if gap.status is Status.DENIED else gap.message
        region = gap.region if by_region and read[gap.account] else ""
        reasons.setdefault((gap.account, region, gap.status, gap.code, what, own), []).append(gap)
    found = [
        _of(cells, what, whole=not read[cells[0].account]) for (_, _, _, _, what, _), cells in reasons.items()
    ]
    return sorted(found, key=lambda entry: not entry.whole)


def _of(cells: Sequence[Cell], what_to_do: str, *, whole: bool) -> Unread:
    first = cells[0]
    return Unread(
        account=first.account,
        account_id=first.account_id,
        regions=tuple(dict.fromkeys(cell.region for cell in cells)),
        policies=tuple(dict.fromkeys(cell.policy for cell in cells)),
        cells=len(cells),
        status=first.status,
        code=first.code,
        message=decoded(first.message),
        what_to_do=what_to_do,
        whole=whole,
    )
