"""Breaks the filters of a policy, one at a time: what a slip of the hand, or a wrong idea, would make of them."""

import copy
import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_BLOCKS = ("or", "and", "not")
_OTHER_OPERATORS = {
    "lte": ("lt", "gte"), "le": ("lt", "gte"), "lt": ("lte", "gt"),
    "gte": ("gt", "lte"), "ge": ("gt", "lte"), "gt": ("gte", "lt"),
    "eq": ("ne",), "equal": ("ne",), "ne": ("eq",), "not-equal": ("eq",),
    "in": ("not-in",), "ni": ("in",), "not-in": ("in",),
    "contains": ("eq",), "glob": ("eq",), "regex": ("eq",), "intersect": ("difference",),
}  # fmt: skip
_OTHER_PROTOCOLS = {
    "tcp": ("udp", "-1"),
    "udp": ("tcp",),
    "icmp": ("tcp",),
    "icmpv6": ("tcp",),
    "-1": ("tcp",),
}
# These say how the rest of a filter is meant.
_NOT_VALUES = frozenset({"type", "key", "value_type"})


@dataclass(frozen=True)
class Mutant:
    """A policy broken in one place; `what` says how and where."""

    what: str
    policy: Mapping[str, Any]


def mutants(policy: Mapping[str, Any]) -> Iterator[Mutant]:
    """Every breakage there is for a policy's filters, whether or not it validates."""
    filters = policy.get("filters") or []
    for what, broken in _list(filters, "filters"):
        yield Mutant(what, {**copy.deepcopy(dict(policy)), "filters": broken})


def _list(filters: list[Any], where: str) -> Iterator[tuple[str, list[Any]]]:
    for index, each in enumerate(filters):
        here = f"{where}[{index}]"
        if where == "filters" or len(filters) > 1:
            yield f"{here} dropped", filters[:index] + filters[index + 1 :]
        for what, broken in _filter(each, here):
            yield what, [*filters[:index], broken, *filters[index + 1 :]]


def _filter(each: Any, where: str) -> Iterator[tuple[str, Any]]:
    block = next((name for name in _BLOCKS if isinstance(each, dict) and set(each) == {name}), None)
    if block is None:
        yield f"{where} negated", {"not": [each]}
        if isinstance(each, dict):
            yield from _keys(each, where)
        return
    inside = each[block]
    if block == "not":
        yield f"{where}: `not` taken away", {"and": inside}
    elif len(inside) > 1:
        other = "and" if block == "or" else "or"
        yield f"{where}: `{block}` turned into `{other}`", {other: inside}
    for what, broken in _list(inside, f"{where}.{block}"):
        yield what, {block: broken}


def _keys(each: dict[str, Any], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for key, value in each.items():
        here = f"{where}.{key}"
        if key in _NOT_VALUES:
            continue
        if "type" in each and key not in ("value", "op"):
            yield f"{here} dropped", {name: kept for name, kept in each.items() if name != key}
        changed: Iterator[tuple[str, Any]]
        if isinstance(value, dict):
            changed = _keys({"type": "value", **value}, here)
        elif isinstance(value, list):
            changed = _items(value, here)
        else:
            changed = (
                (f"{here}: {_shown(value)} turned into {_shown(new)}", new) for new in _others(key, value)
            )
        for what, new in changed:
            yield what, {**each, key: new}


def _items(values: list[Any], where: str) -> Iterator[tuple[str, list[Any]]]:
    for index, value in enumerate(values):
        if len(values) > 1:
            yield f"{where}: {_shown(value)} dropped", values[:index] + values[index + 1 :]
        for new in _others("", value):
            yield (
                f"{where}: {_shown(value)} turned into {_shown(new)}",
                [*values[:index], new, *values[index + 1 :]],
            )


def _others(key: str, value: Any) -> Iterator[Any]:
    """Values that are near a value, and wrong."""
    if key == "op":
        yield from _OTHER_OPERATORS.get(str(value), ())
    elif key == "IpProtocol":
        yield from _OTHER_PROTOCOLS.get(str(value), ("tcp",))
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value - 1, value + 1)
    elif isinstance(value, str):
        yield from _networks(value) or (f"{value}-other",)


def _networks(value: str) -> tuple[str, ...]:
    """Half of an address range, twice of it, and another; nothing for a text that is none."""
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return ()
    if "/" not in value:
        return ()
    half = [str(next(network.subnets()))] if network.prefixlen < network.max_prefixlen else []
    twice = [str(network.supernet())] if network.prefixlen else []
    return (*half, *twice, "192.0.2.0/24" if network.version == 4 else "2001:db8::/32")


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) else str(value)
