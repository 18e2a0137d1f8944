"""What a report says on the terminal of what could not be read: each account once, with the reason and what to do."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from reporter.inventory.audit import Audit
from reporter.names import printable
from reporter.output.manifest import GLOBAL_REGION
from reporter.output.reading import OWN_RUN
from reporter.report.advice import AGAIN
from reporter.report.read_shares import asked_about_roles
from reporter.report.summary import coverage_line
from reporter.report.unread import Unread, by_account
from reporter.wording import counted

_ACCOUNTS = 10
_REGIONS = 3  # of an account that are named
_MESSAGE = 200  # letters

# What botocore puts before AWS's own words; the code stands beside it.
_PREAMBLE = re.compile(r"An error occurred \([^)]*\) when calling the \w+ operation[^(:]*(?:\([^)]*\))?: ")


def lines(audit: Audit, again: str = "sg-audit audit --resume") -> Iterator[str]:
    """How much of what was planned was looked at, then the accounts of which a part was not, those of which nothing was
    before the others. `again` is the command that tries what was not read once more.
    """
    yield from counts(audit)
    reasons = _reasons(audit)
    if not reasons:
        return
    planned = _planned(audit)
    for entries in islice(reasons.values(), _ACCOUNTS):
        yield from _account(entries, planned)
    if len(reasons) > _ACCOUNTS:
        yield f"not read: {counted(len(reasons) - _ACCOUNTS, 'more account')}; the coverage tab has them all"
    if audit.output.kind == OWN_RUN:
        yield f"`{again}` with the run's -c, -u and -s tries only what was not read"


def counts(audit: Audit) -> Iterator[str]:
    """How much of what was planned was looked at, and of how many accounts a part was not."""
    yield coverage_line(audit)
    about_roles = asked_about_roles(audit.output.policies)
    accounts = {account for account, _ in _planned(audit)}
    if len(accounts) == 1:
        return
    groups, roles = (
        {cell.account for cell in audit.gaps if (cell.policy in about_roles) is of_roles}
        for of_roles in (False, True)
    )
    if groups:
        nothing = sum(first.whole for first, *_ in _reasons(audit).values())
        of = f"not read whole: {len(groups):,} of {len(accounts):,} accounts"
        yield f"{of}, {nothing:,} of them not at all" if nothing else of
    if roles:
        yield f"roles not read whole: {len(roles):,} of {len(accounts):,} accounts"


def reason(entry: Unread) -> str:
    """Why it was not read: the status, the code and AWS's own words."""
    message = printable(_PREAMBLE.sub("", entry.message), _MESSAGE)
    return " ".join(filter(None, (entry.status.value, entry.code, message)))


def what_to_do(entry: Unread) -> str:
    """What to do about it before the run is taken up again, which is said once for all."""
    return entry.what_to_do.removesuffix(f", {AGAIN}")


def _reasons(audit: Audit) -> dict[str, list[Unread]]:
    """What was not read of each account."""
    reasons: dict[str, list[Unread]] = {}
    for entry in by_account(audit):
        reasons.setdefault(entry.account, []).append(entry)
    return reasons


def _planned(audit: Audit) -> Counter[tuple[str, str]]:
    """How many cells there were to read, by account and region."""
    return Counter((cell.account, cell.region) for cell in audit.cells if not cell.is_left_out)


def _account(entries: Sequence[Unread], planned: Counter[tuple[str, str]]) -> Iterator[str]:
    most = max(entries, key=lambda entry: entry.cells)
    yield f"not read: {_where(entries, planned)}: {reason(most)}"
    more = f"; {counted(len(entries) - 1, 'more reason')} in the coverage tab" if len(entries) > 1 else ""
    yield f"  {what_to_do(most)}{more}"


def _where(entries: Sequence[Unread], planned: Counter[tuple[str, str]]) -> str:
    """The account, and which part of it."""
    first, cells = entries[0], sum(entry.cells for entry in entries)
    if cells == 1:
        return f"{first.account} {first.regions[0]} {first.policies[0]}"
    if first.whole:
        return f"{first.account} (all of it)"
    regions = list(dict.fromkeys(region for entry in entries for region in entry.regions))
    regions.sort(key=lambda region: region != GLOBAL_REGION)  # which is none
    named = ", ".join(regions[:_REGIONS])
    more = f" and {counted(len(regions) - _REGIONS, 'more region')}" if len(regions) > _REGIONS else ""
    where = f"{first.account} {named}{more}"
    if cells == sum(planned[first.account, region] for region in regions):
        return where
    of = sum(count for (account, _), count in planned.items() if account == first.account)
    return f"{where} ({counted(cells, 'cell')} of {of:,})"
