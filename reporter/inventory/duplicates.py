"""Groups with the same rules, and rules that another rule of the group makes needless."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from reporter.inventory import rules
from reporter.inventory.network import addresses, traffic
from reporter.inventory.network.addresses import Range
from reporter.inventory.network.traffic import ICMP, MAX_PORT, Traffic
from reporter.inventory.records import Group, Permission
from reporter.inventory.rules import ALL_TRAFFIC

_ITSELF = "itself"
_ANY = -1

# All traffic out: https://docs.aws.amazon.com/vpc/latest/userguide/creating-security-groups.html
_AS_MADE = {(True, ALL_TRAFFIC, 0, MAX_PORT, peer) for peer in ("0.0.0.0/0", "::/0")}


@dataclass(frozen=True)
class _Rule:
    """A permission for one source, or one destination where it is `egress`. `first` and `last` are ports, or ICMP's
    type and code."""

    egress: bool
    traffic: Traffic
    first: int
    last: int
    peer: str

    def covers(self, other: "_Rule") -> bool:
        """Whether it lets pass all that the other does, as far as the traffic goes."""
        if self.traffic.protocol in ICMP and self.traffic.protocol == other.traffic.protocol:
            return self.first in (_ANY, other.first) and self.last in (_ANY, other.last)
        return traffic.includes(self.traffic, other.traffic)

    def __str__(self) -> str:
        ports = str(self.traffic)
        if self.traffic.protocol in ICMP and self.first != _ANY:
            ports += f" type {self.first}" + (f" code {self.last}" if self.last != _ANY else "")
        return f"{'to ' if self.egress else ''}{self.peer} -> {ports}"


def fingerprint(group: Group) -> bytes:
    """Equal for groups with exactly the same rules in and out, descriptions aside, references to itself taken as such;
    empty for a group without rules, or with no more than those that AWS gives every new group."""
    found = {_key(rule, group.group_id) for rule in _rules_of(group)}
    if found <= _AS_MADE:
        return b""
    return blake2b(repr(sorted(found)).encode(), digest_size=16).digest()


def covered_rules(group: Group) -> tuple[str, ...]:
    """Rules that another rule makes needless, as `10.1.0.0/16 -> tcp 22`, with `to ` before those of traffic out.

    Without all of them the group lets in and out what it did before.
    """
    by_peer: dict[tuple[bool, str], list[_Rule]] = {}
    by_block: dict[tuple[bool, int], dict[Range, list[_Rule]]] = {}
    for rule in dict.fromkeys(_rules_of(group)):
        network = addresses.parse(rule.peer) if "/" in rule.peer else None
        if network is None:
            by_peer.setdefault((rule.egress, rule.peer), []).append(rule)
        else:
            blocks = by_block.setdefault((rule.egress, network.family.bits), {})
            blocks.setdefault(network.range, []).append(rule)
    covered = [rule for found in by_peer.values() for rule in _covered(found)]
    covered += [rule for blocks in by_block.values() for rule in _covered_blocks(blocks)]
    return tuple(sorted(map(str, covered)))


def _covered_blocks(blocks: Mapping[Range, Sequence[_Rule]]) -> Iterator[_Rule]:
    """CIDR blocks lie in each other or apart: only those around a block can cover its rules."""
    around: list[tuple[Range, Sequence[_Rule]]] = []
    for block in sorted(blocks, key=lambda block: (block[0], -block[1])):
        while around and block[1] > around[-1][0][1]:
            around.pop()
        yield from _covered(blocks[block], [rule for _, found in around for rule in found])
        around.append((block, blocks[block]))


def _covered(found: Sequence[_Rule], wider: Sequence[_Rule] = ()) -> Iterator[_Rule]:
    """Rules for one peer that others for it, or some for a wider range, cover; of equal ones the first stays."""
    for number, rule in enumerate(found):
        if any(other.covers(rule) for other in (*wider, *found[:number])) or any(
            other.covers(rule) and not rule.covers(other) for other in found[number + 1 :]
        ):
            yield rule


def _rules_of(group: Group) -> Iterator[_Rule]:
    for egress, permissions in ((False, group.ip_permissions), (True, group.ip_permissions_egress)):
        for permission in permissions:
            yield from _of_permission(egress, permission)


def _of_permission(egress: bool, permission: Permission) -> Iterator[_Rule]:
    about = traffic.of_permission(permission)
    if about is None:
        return
    first, last = about.first, about.last
    if about.protocol in ICMP:
        first = _ANY if permission.from_port is None else permission.from_port
        last = _ANY if permission.to_port is None else permission.to_port
    for _, peer in rules.peers(permission):
        yield _Rule(egress, about, first, last, peer)


def _key(rule: _Rule, group_id: str) -> tuple[bool, str, int, int, str]:
    peer = _ITSELF if rule.peer == group_id else rule.peer
    return rule.egress, rule.traffic.protocol, rule.first, rule.last, peer
