"""The words for what a role may do."""

from enum import StrEnum


class Power(StrEnum):
    """What a role may do, the worst first. `unknown` stands behind what is known to be bad and before what is harmless:
    what is not known is no alarm, and is not passed over either."""

    ADMIN = "admin"
    PRIVILEGE_ESCALATION = "privilege escalation"
    DATA_ACCESS = "data access"
    UNKNOWN = "unknown"
    OTHER = "other"
    NONE = "none"


_RANKS = {power.value: rank for rank, power in enumerate(Power)}


def rank(word: str) -> int:
    """Where a word stands, the worst at 0; behind a group that is on no instance stands none."""
    return _RANKS.get(word, _RANKS[Power.NONE])
