"""Permissions of groups, and packets that pass them by an independent reading: rule by rule, address by address."""

from collections.abc import Iterable, Iterator
from functools import cache
from ipaddress import ip_network
from typing import Any, NamedTuple

import msgspec

from reporter.inventory import rules as read
from reporter.inventory.records import Group


class Rule(NamedTuple):
    """One rule with one peer."""

    protocol: str
    first: int | None
    last: int | None
    peer: str


class Packet(NamedTuple):
    """Ports are None for protocols that have none."""

    protocol: str
    port: int | None
    address: int
    version: int


def described(rule: Rule) -> dict[str, Any]:
    """As EC2 describes it."""
    ports = {
        name: port for name, port in (("FromPort", rule.first), ("ToPort", rule.last)) if port is not None
    }
    kinds = {
        "IpRanges": ("CidrIp", "." in rule.peer),
        "Ipv6Ranges": ("CidrIpv6", ":" in rule.peer),
        "PrefixListIds": ("PrefixListId", rule.peer.startswith("pl-")),
        "UserIdGroupPairs": ("GroupId", rule.peer.startswith("sg-")),
    }
    peers = {kind: [{key: rule.peer}] for kind, (key, fits) in kinds.items() if fits}
    return {"IpProtocol": rule.protocol, **ports, **peers}


def as_read(ingress: Iterable[Rule]) -> tuple[read.Rule, ...]:
    """What is made of the rules as EC2 describes them."""
    found = {"GroupId": "sg-1", "IpPermissions": [described(rule) for rule in ingress]}
    return read.of_group(msgspec.convert(found, Group))


@cache
def _block(cidr: str) -> tuple[int, int, int]:
    """IP version, first and last address."""
    network = ip_network(cidr, strict=False)
    return network.version, int(network.network_address), int(network.broadcast_address)


def _holds(cidr: str, address: int) -> bool:
    _, first, last = _block(cidr)
    return first <= address <= last


def lets_in(rule: Rule, packet: Packet) -> bool:
    """Whether a rule with a CIDR block as its peer lets a packet in."""
    version, first, last = _block(rule.peer)
    if version != packet.version or not first <= packet.address <= last:
        return False
    if rule.protocol == "-1":
        return True
    if rule.protocol != packet.protocol:
        return False
    if packet.port is None:
        return True
    return rule.first is not None and rule.last is not None and rule.first <= packet.port <= rule.last


def addresses_at_the_ends(cidrs: Iterable[str], version: int) -> Iterator[int]:
    """The first and last address of each block, and their neighbours outside."""
    most = 2 ** (32 if version == 4 else 128) - 1
    for cidr in cidrs:
        of_block, first, last = _block(cidr)
        if of_block == version:
            yield from (each for each in (first - 1, first, last, last + 1) if 0 <= each <= most)


#: Every public address, IPv4 block by block, as the design has it.
NOT_PUBLIC = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8"),
    *("169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3"),
)


def is_public(address: int, version: int) -> bool:
    if version == 6:
        return _holds("2000::/3", address)
    return not any(_holds(each, address) for each in NOT_PUBLIC)


def public_addresses_at_the_ends(cidrs: Iterable[str], version: int) -> list[int]:
    """Where anything can change: the ends of the blocks and of what is public."""
    of_all = (*cidrs, *NOT_PUBLIC, "2000::/3", "0.0.0.0/0")
    return sorted({each for each in addresses_at_the_ends(of_all, version) if is_public(each, version)})
