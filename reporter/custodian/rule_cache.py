"""Custodian's verdict on a rule of a security group, asked once for all groups that have such a rule.

An `ingress` or `egress` filter looks at one rule at a time (a protocol, a port range and one peer), and thousands
of groups have the same few. So Custodian's own filter judges a group made of that one rule, and the verdict stands
for every other rule that is the same in all that the filter looks at. A filter that looks at more than the
fields listed here (the group itself, other groups, a description) is left to Custodian entirely.

Checked against `SGPermission.__call__` of c7n 0.9.53.
"""

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any

import msgspec

# What each key of a filter looks at in a rule.
_LOOKS_AT = {
    "IpProtocol": ("IpProtocol",),
    "FromPort": ("FromPort",),
    "ToPort": ("ToPort",),
    "Ports": ("FromPort", "ToPort"),
    "OnlyPorts": ("FromPort", "ToPort"),
    "Cidr": ("IpRanges",),
    "CidrV6": ("Ipv6Ranges",),
}
# Of an address that is given as a text they look at no more than whether it is that text, but for these words
# (c7n.filters.core.ValueFilter.match). A group's addresses are its own where its ports are those of many.
_COMPARED = ("Cidr", "CidrV6")
_WORDS = frozenset({"absent", "present", "not-null", "empty"})
# A value filter with any other key, as `value_regex`, or another path may look elsewhere in the rule.
_PLAIN_KEYS = frozenset({"type", "key", "op", "value", "value_type", "value_path"})
_PLAIN_PATHS = frozenset({"FromPort", "ToPort"})
_PLAIN_TYPES = frozenset({None, "cidr", "cidr_size", "integer", "normalize", "swap"})

_MEMORY = "_sg_audit_memory"
_ABSENT = ...
# Verdicts of a filter that are kept, so that memory does not grow with the accounts of a run.
_MANY = 2_000

_Call = Callable[[Any, dict[str, Any]], Any]
_Key = Callable[["_Seen"], Any]
_Rules = list[tuple[dict[str, Any], "_Seen"]]


class RuleMemory:
    """Remembers verdicts for as long as it lives: across resources, policies, accounts and regions."""

    def __init__(self, judge: _Call, groups: int) -> None:
        """`groups` is of how many the rules are kept, each with some ten of them."""
        self._judge, self._groups = judge, groups
        self._verdicts: dict[bytes, dict[Any, bool]] = {}
        self._rules: dict[tuple[str, str], tuple[Any, _Rules]] = {}

    def __call__(self, rule_filter: Any, group: dict[str, Any]) -> Any:
        """Stands for the filter's own __call__, with the same result and the same annotation."""
        key_of, verdicts = rule_filter.__dict__.get(_MEMORY) or self._memory(rule_filter)
        if key_of is None:
            return self._judge(rule_filter, group)
        name = rule_filter.ip_permissions_key
        matched = []
        for rule, seen in self._expanded(rule_filter, group, name):
            key = key_of(seen)
            verdict = verdicts.get(key)
            if verdict is None:
                if len(verdicts) >= _MANY:
                    verdicts.clear()
                alone = {"GroupId": group["GroupId"], "OwnerId": group["OwnerId"], name: [rule]}
                verdict = verdicts[key] = bool(self._judge(rule_filter, alone))
            if verdict:
                matched.append(rule)
        if not matched:
            return None
        annotation = group.setdefault(f"Matched{name}", [])
        annotation.extend(rule for rule in matched if rule not in annotation)
        return True

    def _memory(self, rule_filter: Any) -> tuple[_Key | None, dict[Any, bool]]:
        leaf = msgspec.json.encode(rule_filter.data, order="sorted")
        memory = (_key(rule_filter.data), self._verdicts.setdefault(leaf, {}))
        rule_filter.__dict__[_MEMORY] = memory
        return memory

    def _expanded(self, rule_filter: Any, group: Mapping[str, Any], name: str) -> _Rules:
        """A group's rules, one peer each, as Custodian splits them, and what a filter may look at in each."""
        permissions = group[name]
        key = group["GroupId"], name
        known = self._rules.get(key)
        # Each policy has a copy of its own of the group, and another account may have a group of that id.
        if known is not None and known[0] == permissions:
            if known[0] is not permissions:
                self._rules[key] = (permissions, known[1])  # the policy's next filter has the same to compare
            return known[1]
        if len(self._rules) >= self._groups:
            self._rules.clear()
        rules = [(rule, _seen(rule)) for rule in rule_filter.expand_permissions(permissions)]
        self._rules[key] = (permissions, rules)
        return rules


def remembering(judge: _Call, groups: int) -> _Call:
    """Custodian's own `judge`, SGPermission.__call__, asked once for rules that are the same to a filter."""
    memory = RuleMemory(judge, groups)
    return lambda rule_filter, group: memory(rule_filter, group)


def _key(data: Mapping[str, Any]) -> _Key | None:
    """What of a rule a filter's verdict depends on; None where that may be more than is known here."""
    fields = _fields(data)
    if not fields:
        return None
    compared = {_LOOKS_AT[key][0]: data[key] for key in _COMPARED if _is_compared(data.get(key))}
    return itemgetter(*((field, compared[field]) if field in compared else field for field in fields))


def _is_compared(value: Any) -> bool:
    return isinstance(value, str) and value not in _WORDS


def _fields(data: Mapping[str, Any]) -> list[str]:
    """What a filter looks at in a rule; empty where that may be more than is known here."""
    fields: dict[str, None] = {}
    for key, value in data.items():
        if key in ("type", "match-operator"):
            continue
        if key not in _LOOKS_AT or not _plain(value):
            return []
        fields.update(dict.fromkeys(_LOOKS_AT[key]))
        if isinstance(value, Mapping) and "value_path" in value:
            if value["value_path"] not in _PLAIN_PATHS:
                return []
            fields[value["value_path"]] = None
    return list(fields)


def _plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return _PLAIN_KEYS.issuperset(value) and value.get("value_type") in _PLAIN_TYPES
    return True


class _Seen(dict[Any, Any]):
    """What filters may look at in a rule, by field; by field and text whether it is that text."""

    def __missing__(self, key: tuple[str, str]) -> bool:
        field, text = key
        is_it: bool = self[field] == text
        self[key] = is_it
        return is_it


def _seen(rule: Mapping[str, Any]) -> _Seen:
    ipv4, ipv6 = rule["IpRanges"], rule["Ipv6Ranges"]
    return _Seen(
        # A port that is not there is not a port that is null.
        IpProtocol=rule.get("IpProtocol", _ABSENT),
        FromPort=rule.get("FromPort", _ABSENT),
        ToPort=rule.get("ToPort", _ABSENT),
        IpRanges=ipv4[0].get("CidrIp", _ABSENT) if ipv4 else None,
        Ipv6Ranges=ipv6[0].get("CidrIpv6", _ABSENT) if ipv6 else None,
    )
