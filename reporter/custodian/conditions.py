"""Where a policy's own conditions let it run, as far as that can be told afterwards and without c7n.

Custodian evaluates `conditions` before it looks at anything, and leaves no trace where they say no
(c7n.policy.PolicyConditions): https://cloudcustodian.io/docs/aws/resources/aws-common-filters.html
"""

from collections.abc import Iterable, Mapping
from typing import Any

# What Custodian takes for more than a text to compare with (c7n.filters.core.ValueFilter.match).
_WORDS = {"absent", "present", "not-null", "empty"}


def allow(conditions: Any, facts: Mapping[str, str]) -> bool | None:
    """Whether all conditions hold, given facts such as `region` and `account_id`; None where that cannot be told."""
    return _all(_holds(each, facts) for each in conditions) if isinstance(conditions, list) else None


def _holds(condition: Any, facts: Mapping[str, str]) -> bool | None:
    if not isinstance(condition, dict):
        return None
    if len(condition) == 1:
        [(key, value)] = condition.items()
        if key in ("and", "or", "not"):
            return _block(key, value, facts)
        return _compare(key, None, value, facts)
    if condition.keys() <= {"type", "key", "op", "value"} and condition.get("type") == "value":
        return _compare(condition.get("key"), condition.get("op"), condition.get("value"), facts)
    return None


def _block(kind: str, parts: Any, facts: Mapping[str, str]) -> bool | None:
    if not isinstance(parts, list):
        return None
    answers = [_holds(part, facts) for part in parts]
    if kind == "or":
        return _negated(_all(map(_negated, answers)))
    return _negated(_all(answers)) if kind == "not" else _all(answers)


def _compare(key: Any, op: Any, value: Any, facts: Mapping[str, str]) -> bool | None:
    if not isinstance(key, str) or key not in facts:
        return None
    if isinstance(value, str) and value not in _WORDS and op in (None, "eq", "equal", "ne", "not-equal"):
        return (facts[key] == value) is (op not in ("ne", "not-equal"))
    if isinstance(value, list) and op in ("in", "ni", "not-in"):
        return (facts[key] in value) is (op == "in")
    return None


def _all(answers: Iterable[bool | None]) -> bool | None:
    found = set(answers)
    return False if False in found else None if None in found else True


def _negated(answer: bool | None) -> bool | None:
    return None if answer is None else not answer
