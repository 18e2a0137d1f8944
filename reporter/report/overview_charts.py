"""What the charts of the overview show."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reporter.findings.counts import POSSIBLE
from reporter.findings.risk import LEVELS
from reporter.report.overview import Account
from reporter.report.overview_words import both_ends
from reporter.report.summary import minute

NOT_READ, WAIVED = "not read", "waived"
_URGENT = LEVELS[:3]
_SERIES = (*_URGENT, WAIVED)
_WORST, _UNREAD = 10, 4  # bars
_NAME = 30  # characters


@dataclass(frozen=True)
class Block:
    """What a chart shows: a name a row, and a column of numbers a series. `others` is the row of all accounts without
    one of their own, if there is one: behind a colon its name has the number of their groups."""

    title: str
    series: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float, ...]], ...]
    others: int | None = None


def worst_accounts(accounts: Sequence[Account]) -> Block:
    """The worst accounts, those of which nothing is known, and all others as one: their average, as a bar of all their
    groups would make stubs of the accounts that the chart is about; the name has the sum.

    What is not read has a series of its own, since a bar of no length would be taken for an account without groups. So
    has what is waived.
    """
    read = [account for account in accounts if not account.is_unread]
    unread = [account for account in accounts if account.is_unread]
    shown = [(_label(account), _urgent([account])) for account in read[:_WORST]]
    others, unread_others = read[_WORST:], unread[_UNREAD:]
    longest = max((sum(counts) for _, counts in shown), default=0)
    mark = max(1, longest // 3)
    nothing = (0,) * len(_SERIES)
    rows: list[tuple[str, tuple[float, ...]]] = [(name, (*counts, 0)) for name, counts in shown]
    rows += [
        (f"{both_ends(account.name, _NAME)} ({NOT_READ})", (*nothing, mark)) for account in unread[:_UNREAD]
    ]
    if others:
        counts = _urgent(others)
        each = tuple(round(count / len(others), 1) for count in counts)
        rows.append((f"other {len(others):,}, average: {sum(counts):,} in all", (*each, 0)))
    place = len(rows) - 1 if others else None
    if unread_others:
        rows.append((f"{len(unread_others):,} more ({NOT_READ})", (*nothing, mark)))
    series = (*_SERIES, NOT_READ)
    told = [
        number
        for number, name in enumerate(series)
        if name in _URGENT or any(values[number] for _, values in rows)
    ]
    return Block(
        "Groups of risk critical, high or medium by account",
        tuple(series[number] for number in told),
        tuple((name, tuple(values[number] for number in told)) for name, values in rows),
        place,
    )


def _label(account: Account) -> str:
    """Its name, and how many groups more are only possible: they have no bar."""
    possible = sum(account.counts.get(f"{level}{POSSIBLE}") or 0 for level in _URGENT)
    name = both_ends(account.name, _NAME)
    return f"{name} (+{possible:,} possible)" if possible else name


def _urgent(accounts: Sequence[Account]) -> tuple[int, ...]:
    """The groups of some accounts by series."""
    waived = sum(sum(account.waived.values()) for account in accounts)
    return (*(sum(account.left(level) for account in accounts) for level in _URGENT), waived)


def trend(runs: Sequence[tuple[str, Mapping[str, int | None]]]) -> Block:
    """The groups of each level in the last runs, called after their days, or minutes where several are of one day."""
    days = Counter(minute(started)[:10] for started, _ in runs)
    rows = tuple(
        (
            minute(started) if days[minute(started)[:10]] > 1 else minute(started)[:10],
            tuple(counts.get(level) or 0 for level in _URGENT),
        )
        for started, counts in runs
        if counts.get(LEVELS[0]) is not None
    )
    return Block("Groups of risk critical, high or medium in the last runs", _URGENT, rows)
