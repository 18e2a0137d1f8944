"""What a permission of a security group says, and whether it lets SSH in, as the design defines it."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from reporter.inventory.records import Group, Permission

SSH_PORT, MAX_PORT, ANY = 22, 65_535, -1

# AWS writes all traffic as -1, and names of protocols that have one, in small letters; other tools write numbers:
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
ALL_TRAFFIC = "-1"
WITH_PORTS = ("tcp", "udp")
ICMP = ("icmp", "icmpv6")
_NAMES = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}


#: What peers there are. Rules are shown in this order.
IPV4, IPV6, GROUP, PREFIX_LIST = range(4)


class Rule(NamedTuple):
    """A permission for one peer, or to one where it is `egress`.

    `protocol` is a name or a number, -1 for all traffic; `first` and `last` are ports of tcp and udp, ICMP's type and
    code (-1 for any), and all ports otherwise. `kind` tells what the peer is: IPV4, IPV6, GROUP or PREFIX_LIST.
    """

    egress: bool
    protocol: str
    first: int
    last: int
    kind: int
    peer: str


def of_group(group: Group) -> tuple[Rule, ...]:
    """The group's rules, peer by peer. One on tcp or udp without ports lets nothing through, and is not there."""
    return of_permissions(group.ip_permissions, group.ip_permissions_egress)


def of_permissions(ingress: Iterable[Permission], egress: Iterable[Permission]) -> tuple[Rule, ...]:
    """The same, of a group's permissions."""
    return tuple(
        rule
        for is_egress, permissions in ((False, ingress), (True, egress))
        for permission in permissions
        for rule in _of_permission(permission, egress=is_egress)
    )


def _of_permission(permission: Permission, *, egress: bool) -> Sequence[Rule]:
    name = protocol_by_name(permission.ip_protocol)
    ports = range_of(name, permission.from_port, permission.to_port)
    return [Rule(egress, name, *ports, kind, peer) for kind, peer in peers(permission)] if ports else ()


def range_of(protocol: str, first: int | None, last: int | None) -> tuple[int, int] | None:
    """The ports of a rule on a protocol, ICMP's type and code, as `Rule` has them; None for one on tcp or udp without
    ports, which lets nothing through."""
    if protocol in WITH_PORTS:
        return None if first is None or last is None else (first, last)
    if protocol in ICMP:
        return ANY if first is None else first, ANY if last is None else last
    return 0, MAX_PORT


def from_addresses(ingress: Iterable[Permission]) -> Iterator[tuple[str, Rule]]:
    """The rules that let in addresses or prefix lists, each with its text as `rule_texts` has it."""
    for permission in ingress:
        for rule in _of_permission(permission, egress=False):
            if rule.kind != GROUP:
                yield _text(permission, "from", rule.peer), rule


def protocol(permission: Permission) -> str:
    """A rule's protocol by its name, where it has one, else its number; `-1` is all traffic."""
    return protocol_by_name(permission.ip_protocol)


def protocol_by_name(written: str) -> str:
    """A protocol by its name, where it has one, else its number; `-1` is all of them."""
    small = written.lower()
    return _NAMES.get(small, small)


def lets_ssh_in(rule: Rule) -> bool:
    """Whether TCP port 22 passes: tcp with 22 in its range, or all traffic.

    ICMP's ports are a type and a code, UDP is not SSH, and any other protocol has no ports.
    """
    if rule.protocol == ALL_TRAFFIC:
        return not rule.egress
    return rule.protocol == "tcp" and rule.first <= SSH_PORT <= rule.last and not rule.egress


@lru_cache(maxsize=20_000)  # many groups are made by the same few templates
def ssh_rules(rules: tuple[Rule, ...]) -> tuple[str, ...]:
    """A group's SSH rules as `SOURCE -> PORTS`: IPv4 and IPv6 ranges, groups, prefix lists, each sorted.

    A group of EC2-Classic, which may be named without its id, stands there by its name.
    """
    found = {(rule.kind, rule.peer, _ports(rule)) for rule in rules if lets_ssh_in(rule)}
    return tuple(f"{source} -> {ports}" for _, source, ports in sorted(found))


def rule_texts(ingress: Iterable[Permission], egress: Iterable[Permission] = ()) -> tuple[str, ...]:
    """Permissions as a person reads them, sorted: `tcp 20-25 from 10.0.0.0/8`, `all traffic to ::/0`."""
    found = {
        _text(permission, word, peer)
        for word, permissions in (("from", ingress), ("to", egress))
        for permission in permissions
        for _, peer in peers(permission)
    }
    return tuple(sorted(found))


def _text(permission: Permission, word: str, peer: str) -> str:
    return f"{_traffic(permission)} {word} {peer}"


def _traffic(permission: Permission) -> str:
    name, first, last = protocol(permission), permission.from_port, permission.to_port
    if name == ALL_TRAFFIC:
        return "all traffic"
    if first is None:
        return f"protocol {name}" if name.isdigit() else name
    return f"{name} {first}" if first == last else f"{name} {first}-{last}"


def peers(permission: Permission) -> Iterator[tuple[int, str]]:
    """Who a permission is for, each with its kind; groups of EC2-Classic by name."""
    for source in permission.ip_ranges:
        yield IPV4, source.cidr_ip
    for source in permission.ipv6_ranges:
        yield IPV6, source.cidr_ipv6
    for source in permission.user_id_group_pairs:
        yield GROUP, source.group_id or source.group_name
    for source in permission.prefix_list_ids:
        yield PREFIX_LIST, source.prefix_list_id


def _ports(rule: Rule) -> str:
    if rule.protocol == ALL_TRAFFIC:
        return "all"
    return str(rule.first) if rule.first == rule.last else f"{rule.first}-{rule.last}"
