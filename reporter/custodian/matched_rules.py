"""Which rules of a security group made a policy match.

Custodian's `ingress` and `egress` filters write the rules that they matched on the group, as MatchedIpPermissions and
MatchedIpPermissionsEgress (c7n.resources.vpc.SGPermission, c7n 0.9.53). What they wrote stays where an `and` around
them fails, and where a `not` turns their answer over: a policy that nests those has to be asked filter by filter.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
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


def confirmed(
    filters: Sequence[Any], groups: Sequence[Mapping[str, Any]], account_id: str, region: str
) -> dict[str, Rules]:
    """The rules by which filters keep groups, by group id; nothing of a group for which that cannot be told.

    `groups` are whole records of groups that a policy with these filters caught in the account and region. Empty where
    Custodian is not installed, a filter would ask AWS, or the account's id is not known: a filter may compare it.
    """
    if not account_id:
        return {}
    try:
        from reporter.custodian import offline
    except ImportError:
        return {}
    told: dict[str, Rules] = {}
    plain = [offline.unannotated(group) for group in groups]

    def kept(each: Any) -> _Answer:
        """What one filter, which is no block of others, keeps of the groups."""
        given = offline.RecordedAnswers({GROUPS: lambda: copy.deepcopy(plain)})
        policy = {"name": "rules", "resource": GROUPS, "filters": [each]}
        found = offline.evaluate(policy, copy.deepcopy(plain), given, account_id, region)
        return {
            str(group["GroupId"]): _Matched(tuple(group.get(INGRESS, ())), tuple(group.get(EGRESS, ())))
            for group in found
        }

    with offline.sealed():
        try:
            answer = _all_of(filters, [str(group["GroupId"]) for group in groups], kept)
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


def _all_of(filters: Sequence[Any], ids: Sequence[str], kept: Callable[[Any], _Answer]) -> _Answer:
    answers = [_answer(each, ids, kept) for each in filters]
    return {
        group_id: sum((answer[group_id] for answer in answers), _Matched())
        for group_id in ids
        if all(group_id in answer for answer in answers)
    }


def _answer(each: Any, ids: Sequence[str], kept: Callable[[Any], _Answer]) -> _Answer:
    block = _block(each)
    if block == "and":
        return _all_of(each["and"], ids, kept)
    if block == "not":
        caught = _all_of(each["not"], ids, kept)
        return {group_id: _Matched() for group_id in ids if group_id not in caught}
    if block == "or":
        found: _Answer = {}
        for inner in each["or"]:
            for group_id, rules in _answer(inner, ids, kept).items():
                found[group_id] = found.get(group_id, _Matched()) + rules
        return found
    return kept(each)


def _block(each: Any) -> str:
    """`and`, `or` or `not` where a filter is such a block of others, else an empty text."""
    if isinstance(each, Mapping) and len(each) == 1:
        (name,) = each
        return name if name in ("and", "or", "not") and isinstance(each[name], list) else ""
    return ""
