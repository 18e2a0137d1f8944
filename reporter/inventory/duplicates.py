"""Groups with the same rules, and rules that another rule of the group makes needless."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from reporter.inventory.network import addresses, traffic
from reporter.inventory.rules import ALL_TRAFFIC, ANY, GROUP, ICMP, IPV4, IPV6, MAX_PORT, Rule

_ITSELF = "itself"
_NAMED = 20

# All traffic out: https://docs.aws.amazon.com/vpc/latest/userguide/creating-security-groups.html
_AS_MADE = {
    Rule(True, ALL_TRAFFIC, 0, MAX_PORT, kind, peer) for kind, peer in ((IPV4, "0.0.0.0/0"), (IPV6, "::/0"))
}


def about_itself(rules: tuple[Rule, ...], group_id: str) -> tuple[Rule, ...]:
    """The rules with the group's own id taken out, so that those of its duplicate are equal."""
    if not any(rule.peer == group_id for rule in rules):
        return rules
    return tuple(
        rule._replace(peer=_ITSELF) if rule.kind == GROUP and rule.peer == group_id else rule
        for rule in rules
    )


def fingerprint(rules: Iterable[Rule]) -> bytes:
    """Equal for exactly the same rules in and out; empty for none, or no more than AWS gives every new group."""
    found = {
        rule._replace(peer=addresses.canonical(rule.peer)) if rule.kind == IPV6 else rule for rule in rules
    }
    if found <= _AS_MADE:
        return b""
    return blake2b(msgspec.msgpack.encode(sorted(found)), digest_size=16).digest()


def others_of(group_ids: Iterable[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each group of a set with the others, sorted: of many the first _NAMED and how many more, as all of them in all
    rows would be a square. The set's first group is there in every row but its own."""
    ids = sorted(group_ids)
    more = len(ids) - 1 - _NAMED
    end = (f"… (+{more} more)",) if more > 0 else ()
    for_the_rest = (*ids[:_NAMED], *end)
    for number, group_id in enumerate(ids):
        if number < _NAMED:
            yield group_id, (*ids[:number], *ids[number + 1 : _NAMED + 1], *end)
        else:
            yield group_id, for_the_rest


def covered_rules(rules: Iterable[Rule]) -> tuple[str, ...]:
    """Those of `covered` as `10.1.0.0/16 -> tcp 22`, with `to ` before those of traffic out."""
    return tuple(sorted(map(_text, covered(rules))))


def covered(rules: Iterable[Rule]) -> set[Rule]:
    """Rules that another one makes needless: without all of them the group lets in and out what it did before."""
    placed = sorted(_place(rule) for rule in set(rules))
    found: set[Rule] = set()
    around: list[_Place] = []
    # CIDR blocks lie in each other or apart, and the wider one comes first: all that hold this one are on the stack.
    for here in placed:
        while around and not _holds(around[-1], here):
            around.pop()
        for other in around:
            if _covers(other.rule, here.rule):
                found.add(here.rule)
            elif other[:4] == here[:4] and _covers(here.rule, other.rule):
                found.add(other.rule)
        around.append(here)
    return found


class _Place(NamedTuple):
    """A rule by direction and peer, in an order in which a CIDR block comes before those within it.

    `block` is the first address and the negative of the last one; a peer that is no block stands there by name.
    """

    egress: bool
    kind: int
    name: str
    block: tuple[int, int]
    rule: Rule


def _place(rule: Rule) -> _Place:
    network = addresses.parse(rule.peer) if rule.kind in (IPV4, IPV6) else None
    if network is None:
        return _Place(rule.egress, rule.kind, rule.peer, (0, 0), rule)
    first, last = network.range
    return _Place(rule.egress, network.family.bits, "", (first, -last), rule)


def _holds(outer: _Place, inner: _Place) -> bool:
    return outer[:3] == inner[:3] and outer.block[1] <= inner.block[1]


def _covers(one: Rule, other: Rule) -> bool:
    """Whether the first lets pass all that the second does, as far as the traffic goes."""
    if one.protocol == ALL_TRAFFIC:
        return True
    if one.protocol != other.protocol:
        return False
    if one.protocol in ICMP:
        return one.first in (ANY, other.first) and one.last in (ANY, other.last)
    return one.first <= other.first and other.last <= one.last


def _text(rule: Rule) -> str:
    ports = str(traffic.of_rule(rule))
    if rule.protocol in ICMP and rule.first != ANY:
        ports += f" type {rule.first}" + (f" code {rule.last}" if rule.last != ANY else "")
    return f"{'to ' if rule.egress else ''}{rule.peer} -> {ports}"
