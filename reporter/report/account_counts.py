"""What the overview counts of each account, in every format alike."""

from reporter.findings.risk import LEVELS
from reporter.report.overview import Account, Overview

WAIVED = "waived"


def columns(overview: Overview) -> tuple[str, ...]:
    """The groups of each level that something is to be done about and that are not waived, then those that are, where
    there are any."""
    waived = any(any(account.waived.values()) for account in overview.accounts)
    return (*LEVELS[:3], *([WAIVED] if waived else []))


def count(account: Account, column: str) -> int:
    """What stands in a column of an account whose groups are known."""
    return sum(account.waived.values()) if column == WAIVED else account.left(column)
