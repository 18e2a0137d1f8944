"""Which rules of a security group made a policy match.

Custodian's `ingress` and `egress` filters write the rules that they matched on the group, as MatchedIpPermissions and
MatchedIpPermissionsEgress (c7n.resources.vpc.SGPermission, c7n 0.9.53). What they wrote stays where an `and` around
them fails, and where a `not` turns their answer over: a policy that nests those has to be asked filter by filter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reporter.custodian.resource_types import GROUPS

_RULE_FILTERS = ("ingress", "egress", "stale")  # those that annotate
INGRESS, EGRESS = "MatchedIpPermissions", "MatchedIpPermissionsEgress"

Rules = tuple[list[Any], list[Any]]
"""Ingress and egress permissions, each with one peer, as Custodian annotates them."""


def annotates_exactly(filters: Sequence[Any]) -> bool:
    """Whether all rules on a group that a policy caught made it match: no `and` and no `not` is nested."""
    for each in filters:
        block = _block(each)
        if block in ("and", "not") or (block == "or" and not annotates_exactly(each["or"])):
            return False
    return True


def on_rules(filters: Sequence[Any]) -> bool:
    """Whether any of the filters looks at the rules of a group, and so tells which matched."""
    for each in filters:
        block = _block(each)
        if (
            on_rules(each[block])
            if block
            else isinstance(each, Mapping) and each.get("type") in _RULE_FILTERS
        ):
            return True
    return False


def confirmed(filters: Sequence[Any], groups: Sequence[Mapping[str, Any]]) -> dict[str, Rules]:
    """The rules by which filters keep groups, by group id; nothing of a group for which that cannot be told.

    `groups` are whole records of groups that a policy with these filters caught. Empty where Custodian is not
    installed, or a filter would ask AWS.
    """
    try:
        from reporter.custodian import offline
    except ImportError:
        return {}
    told: dict[str, Rules] = {}
    with offline.sealed():
        try:
            answer = _all_of(filters, groups, offline)
        except offline.NotEvaluableError:
            return {}
    for group in groups:
        rules = answer.get(str(group["GroupId"]))
        if rules is not None:
            told[str(group["GroupId"])] = (list(rules.ingress), list(rules.egress))
    return told


@dataclass(frozen=True)
class _Matched:
    ingress: tuple[Any, ...] = ()
    egress: tuple[Any, ...] = ()

    def __add__(self, other: "_Matched") -> "_Matched":
        return _Matched(
            self.ingress + tuple(rule for rule in other.ingress if rule not in self.ingress),
            self.egress + tuple(rule for rule in other.egress if rule not in self.egress),
        )


_Answer = dict[str, _Matched]
"""By group id, for the groups that a filter keeps."""


def _all_of(filters: Sequence[Any], groups: Sequence[Mapping[str, Any]], offline: Any) -> _Answer:
    answers = [_answer(each, groups, offline) for each in filters]
    ids = [str(group["GroupId"]) for group in groups]
    return {
        group_id: sum((answer[group_id] for answer in answers), _Matched())
        for group_id in ids
        if all(group_id in answer for answer in answers)
    }


def _answer(each: Any, groups: Sequence[Mapping[str, Any]], offline: Any) -> _Answer:
    block = _block(each)
    if block == "and":
        return _all_of(each["and"], groups, offline)
    if block == "not":
        kept = _all_of(each["not"], groups, offline)
        return {str(group["GroupId"]): _Matched() for group in groups if str(group["GroupId"]) not in kept}
    if block == "or":
        found: _Answer = {}
        for inner in each["or"]:
            for group_id, rules in _answer(inner, groups, offline).items():
                found[group_id] = found.get(group_id, _Matched()) + rules
        return found
    plain = [offline.unannotated(group) for group in groups]
    given = offline.RecordedAnswers({GROUPS: lambda: [dict(group) for group in plain]})
    policy = {"name": "rules", "resource": GROUPS, "filters": [each]}
    return {
        str(kept["GroupId"]): _Matched(tuple(kept.get(INGRESS, ())), tuple(kept.get(EGRESS, ())))
        for kept in offline.evaluate(policy, plain, given)
    }


def _block(each: Any) -> str:
    """`and`, `or` or `not` where a filter is such a block, else an empty text."""
    if isinstance(each, Mapping) and len(each) == 1:
        (name,) = each
        return name if name in ("and", "or", "not") else ""
    return ""
