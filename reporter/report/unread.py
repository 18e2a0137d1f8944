"""What a report says on the terminal of what could not be read: each account once, with the reason and what to do."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from reporter.accounts.expected import PlannedAccount
from reporter.inventory.audit import Audit
from reporter.names import printable
from reporter.output.manifest import Cell
from reporter.output.reading import OWN_RUN
from reporter.report.advice import AGAIN, advise
from reporter.report.summary import coverage_line

_ACCOUNTS = 10
_REGIONS = 3  # of an account that are named
_MESSAGE = 200  # letters

# What botocore puts before AWS's own words; the code stands beside it.
_PREAMBLE = re.compile(r"An error occurred \([^)]*\) when calling the \w+ operation[^:]*: ")


def lines(audit: Audit, again: str = "sg-audit run --resume") -> Iterator[str]:
    """How much of what was planned was looked at, then the accounts of which a part was not, those of which nothing was
    before the others. `again` is the command that tries what was not read once more.
    """
    yield coverage_line(audit)
    gaps: dict[str, list[Cell]] = {}
    for gap in audit.gaps:
        gaps.setdefault(gap.account, []).append(gap)
    if not gaps:
        return
    planned = Counter(cell.account for cell in audit.cells if not cell.is_left_out)
    nothing = [name for name, cells in gaps.items() if len(cells) == planned[name]]
    if len(planned) > 1:
        of = f"not read whole: {len(gaps):,} of {len(planned):,} accounts"
        yield f"{of}, {len(nothing):,} of them not at all" if nothing else of
    accounts = {account.name: account for account in audit.output.accounts}
    ordered = [*nothing, *(name for name in gaps if name not in set(nothing))]
    for name in ordered[:_ACCOUNTS]:
        whole = {cell.region for cell in audit.cells if cell.account == name and not cell.is_left_out}
        yield from _account(gaps[name], planned[name], len(whole), accounts.get(name))
    if left := ordered[_ACCOUNTS:]:
        yield f"not read: {_count(len(left), 'more account')}; the coverage tab has them all"
    if audit.output.kind == OWN_RUN:
        yield f"`{again}` then tries only what was not read"


def _account(
    gaps: Sequence[Cell], planned: int, regions: int, account: PlannedAccount | None
) -> Iterator[str]:
    advices = Counter(advise(gap, account) for gap in gaps)
    [(advice, _)] = advices.most_common(1)
    first = next(gap for gap in gaps if advise(gap, account) == advice)
    message = printable(_PREAMBLE.sub("", first.message), _MESSAGE)
    reason = " ".join(filter(None, (first.status.value, first.code, message)))
    yield f"not read: {_where(gaps, planned, regions)}: {reason}"
    more = f"; {_count(len(advices) - 1, 'more reason')} in the coverage tab" if len(advices) > 1 else ""
    yield f"  {advice.removesuffix(f', {AGAIN}')}{more}"


def _where(gaps: Sequence[Cell], planned: int, regions: int) -> str:
    first = gaps[0]
    if len(gaps) == 1:
        return f"{first.account} {first.region} {first.policy}"
    if len(gaps) == planned:
        return f"{first.account} (all of it)"
    names = list(dict.fromkeys(gap.region for gap in gaps))
    named = ", ".join(islice(names, _REGIONS))
    more = f" and {_count(len(names) - _REGIONS, 'more region')}" if len(names) > _REGIONS else ""
    policies = planned // regions
    if len(gaps) == policies * len(names):
        return f"{first.account} {named}{more}"
    return f"{first.account} {named}{more} ({_count(len(gaps), 'cell')} of {planned:,})"


def _count(number: int, of: str) -> str:
    return f"{number:,} {of}" if number == 1 else f"{number:,} {of}s"
