"""What the charts of the overview show."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reporter.findings.counts import POSSIBLE
from reporter.findings.risk import LEVELS
from reporter.report.overview import Account
from reporter.report.overview_words import short
from reporter.report.summary import minute

NOT_READ = "not read"
#: What the label of all accounts without a row of their own begins with; a colon and their number of groups follow.
OTHERS = "the other "
_URGENT = LEVELS[:3]
_WORST, _UNREAD = 10, 4  # bars
_NAME = 30  # characters


@dataclass(frozen=True)
class Block:
    """What a chart shows: a name a row, and a column of numbers a series."""

    title: str
    series: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]


def worst_accounts(accounts: Sequence[Account]) -> Block:
    """The worst accounts, those of which nothing is known, and all others as one.

    What is not read has a series of its own, since a bar of no length would be taken for an account without groups.
    """
    read = [account for account in accounts if not account.is_unread]
    unread = [account for account in accounts if account.is_unread]
    shown = [(_label(account), _urgent([account])) for account in read[:_WORST]]
    others, unread_others = read[_WORST:], unread[_UNREAD:]
    longest = max((sum(counts) for _, counts in shown), default=0)
    mark = max(1, longest // 3)
    rows = [(name, (*counts, 0)) for name, counts in shown]
    rows += [(f"{short(account.name, _NAME)} ({NOT_READ})", (0, 0, 0, mark)) for account in unread[:_UNREAD]]
    if others:
        counts = _urgent(others)
        rows.append((f"{OTHERS}{len(others):,}: {sum(counts):,} in all", (*counts, 0)))
    if unread_others:
        rows.append((f"{len(unread_others):,} more ({NOT_READ})", (0, 0, 0, mark)))
    series = (*_URGENT, NOT_READ) if unread else _URGENT
    return Block(
        "Groups of risk critical, high or medium by account",
        series,
        tuple((name, values[: len(series)]) for name, values in rows),
    )


def _label(account: Account) -> str:
    """Its name, and how many groups more are only possible: they have no bar."""
    possible = sum(account.counts.get(f"{level}{POSSIBLE}") or 0 for level in _URGENT)
    name = short(account.name, _NAME)
    return f"{name} (+{possible:,} possible)" if possible else name


def _urgent(accounts: Sequence[Account]) -> tuple[int, ...]:
    return tuple(sum(account.counts[level] or 0 for account in accounts) for level in _URGENT)


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
