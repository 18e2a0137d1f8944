"""What a permission of a security group says, and whether it lets SSH in, as the design defines it."""

from collections.abc import Iterable, Iterator

from reporter.inventory.records import Group, Permission

SSH_PORT = 22

# AWS writes all traffic as -1, and names of protocols that have one, in small letters; other tools write numbers:
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
ALL_TRAFFIC = "-1"
_NAMES = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}


def protocol(permission: Permission) -> str:
    """A rule's protocol by its name, where it has one, else its number; `-1` is all traffic."""
    return protocol_by_name(permission.ip_protocol)


def protocol_by_name(written: str) -> str:
    """A protocol by its name, where it has one, else its number; `-1` is all of them."""
    small = written.lower()
    return _NAMES.get(small, small)


def lets_ssh_in(permission: Permission) -> bool:
    """Whether TCP port 22 passes: tcp with 22 in its range, or all traffic.

    ICMP's ports are a type and a code, UDP is not SSH, and any other protocol has no ports.
    """
    passes = protocol(permission)
    if passes == ALL_TRAFFIC:
        return True
    if passes != "tcp" or permission.from_port is None or permission.to_port is None:
        return False
    return permission.from_port <= SSH_PORT <= permission.to_port


def ssh_rules(group: Group) -> tuple[str, ...]:
    """The group's SSH rules as `SOURCE -> PORTS`: IPv4 and IPv6 ranges, groups, prefix lists, each sorted.

    A group of EC2-Classic, which may be named without its id, stands there by its name.
    """
    found = {
        (kind, source, _ports(permission))
        for permission in group.ip_permissions
        if lets_ssh_in(permission)
        for kind, source in peers(permission)
    }
    return tuple(f"{source} -> {ports}" for _, source, ports in sorted(found))


def rule_texts(ingress: Iterable[Permission], egress: Iterable[Permission] = ()) -> tuple[str, ...]:
    """Permissions as a person reads them, sorted: `tcp 20-25 from 10.0.0.0/8`, `all traffic to ::/0`."""
    found = {
        f"{_traffic(permission)} {word} {peer}"
        for word, permissions in (("from", ingress), ("to", egress))
        for permission in permissions
        for _, peer in peers(permission)
    }
    return tuple(sorted(found))


def _traffic(permission: Permission) -> str:
    name, first, last = protocol(permission), permission.from_port, permission.to_port
    if name == ALL_TRAFFIC:
        return "all traffic"
    if first is None:
        return f"protocol {name}" if name.isdigit() else name
    return f"{name} {first}" if first == last else f"{name} {first}-{last}"


def peers(permission: Permission) -> Iterator[tuple[int, str]]:
    """Who a permission is for: IPv4 and IPv6 ranges, groups (those of EC2-Classic by name), prefix lists, each with a
    number by which these kinds are sorted."""
    for source in permission.ip_ranges:
        yield 0, source.cidr_ip
    for source in permission.ipv6_ranges:
        yield 1, source.cidr_ipv6
    for source in permission.user_id_group_pairs:
        yield 2, source.group_id or source.group_name
    for source in permission.prefix_list_ids:
        yield 3, source.prefix_list_id


def _ports(permission: Permission) -> str:
    if permission.ip_protocol == ALL_TRAFFIC:
        return "all"
    if permission.from_port == permission.to_port:
        return str(permission.from_port)
    return f"{permission.from_port}-{permission.to_port}"
