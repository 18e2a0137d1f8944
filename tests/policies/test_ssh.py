"""sg-ssh-open and sg-ssh-world, case by case.

Each case tests both policies, by the table it is in:

- WORLD: found by sg-ssh-open and by sg-ssh-world
- OPEN: found by sg-ssh-open only
- NEITHER: found by neither
"""

import pytest

from .engine import Resource, matches, matching_ids
from .groups import (
    ANYWHERE,
    ANYWHERE_V6,
    OTHER_GROUP,
    PREFIX_LIST,
    PRIVATE,
    PRIVATE_V6,
    all_traffic,
    group,
    icmp,
    permission,
    tcp,
    udp,
)

WORLD: dict[str, Resource] = {
    "port 22": group(tcp(22, 22, ANYWHERE)),
    "a range with 22 inside": group(tcp(20, 25, ANYWHERE)),
    "a range that starts at 22": group(tcp(22, 80, ANYWHERE)),
    "a range that ends at 22": group(tcp(1, 22, ANYWHERE)),
    "every port": group(tcp(0, 65535, ANYWHERE)),
    "all traffic": group(all_traffic(ANYWHERE)),
    "port 22, IPv6 only": group(tcp(22, 22, ANYWHERE_V6)),
    "a range, IPv6 only": group(tcp(20, 25, ANYWHERE_V6)),
    "all traffic, IPv6 only": group(all_traffic(ANYWHERE_V6)),
    "both worlds in one permission": group(tcp(22, 22, ANYWHERE, ANYWHERE_V6)),
    "the world last of several sources": group(
        tcp(22, 22, PRIVATE, "192.0.2.7/32", ANYWHERE, PREFIX_LIST, OTHER_GROUP)
    ),
    "the IPv6 world among sources of all kinds": group(
        tcp(22, 22, PRIVATE, PRIVATE_V6, ANYWHERE_V6, PREFIX_LIST, OTHER_GROUP)
    ),
    "the second permission": group(tcp(443, 443, ANYWHERE), tcp(22, 22, ANYWHERE)),
    "a described source": group(
        tcp(22, 22) | {"IpRanges": [{"CidrIp": ANYWHERE, "Description": "just for a day"}]}
    ),
    "all traffic, with a port range that AWS ignores": group(permission("-1", ANYWHERE, ports=(443, 443))),
    "all traffic, with -1 for ports": group(permission("-1", ANYWHERE, ports=(-1, -1))),
    "port 22, without the empty lists": group(
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": ANYWHERE}]}
    ),
    "all traffic, without the empty lists": group(
        {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": ANYWHERE_V6}]}
    ),
}

OPEN: dict[str, Resource] = {
    "a private range": group(tcp(22, 22, PRIVATE)),
    "a private IPv6 range": group(tcp(22, 22, PRIVATE_V6)),
    "one public address": group(tcp(22, 22, "192.0.2.7/32")),
    "half of the internet": group(tcp(22, 22, "0.0.0.0/1", "::/1")),
    "another group": group(tcp(22, 22, OTHER_GROUP)),
    "a prefix list": group(tcp(22, 22, PREFIX_LIST)),
    "a prefix list, all traffic": group(all_traffic(PREFIX_LIST)),
    "all traffic from itself, as a new default group has": group(
        all_traffic("sg-0dddddddddddddddd"), group_id="sg-0dddddddddddddddd", name="default"
    ),
    "a range from a private range": group(tcp(0, 1023, PRIVATE)),
    "all traffic from a private range": group(all_traffic(PRIVATE)),
    "world on 443, private 22": group(tcp(443, 443, ANYWHERE), tcp(22, 22, PRIVATE)),
    "private 22, world on 443": group(tcp(22, 22, PRIVATE), tcp(443, 443, ANYWHERE)),
    "world on 443, IPv6 world on 80, private all traffic": group(
        tcp(443, 443, ANYWHERE), tcp(80, 80, ANYWHERE_V6), all_traffic(PRIVATE)
    ),
    "world on UDP 22, private TCP 22": group(udp(22, 22, ANYWHERE), tcp(22, 22, PRIVATE)),
    "world ping, private 22": group(icmp(8, -1, ANYWHERE), tcp(22, 22, PRIVATE)),
    "world ESP, private 22": group(permission("50", ANYWHERE), tcp(22, 22, PRIVATE)),
    "ports on either side from the world, 22 from a group": group(
        tcp(0, 21, ANYWHERE), tcp(23, 65535, ANYWHERE), tcp(22, 22, OTHER_GROUP)
    ),
    "22 in from a private range, out to the world": group(
        tcp(22, 22, PRIVATE), egress=(tcp(22, 22, ANYWHERE),)
    ),
    "described as the world": group(
        tcp(22, 22) | {"IpRanges": [{"CidrIp": PRIVATE, "Description": ANYWHERE}]}
    ),
}

NEITHER: dict[str, Resource] = {
    "no rules": group(),
    "no rules, called ssh": group(name="ssh 22 0.0.0.0/0"),
    "port 443": group(tcp(443, 443, ANYWHERE, ANYWHERE_V6)),
    "port 21": group(tcp(21, 21, ANYWHERE, ANYWHERE_V6)),
    "port 23": group(tcp(23, 23, ANYWHERE, ANYWHERE_V6)),
    "port 0": group(tcp(0, 0, ANYWHERE, ANYWHERE_V6)),
    "port 222, and 2200-2299": group(tcp(222, 222, ANYWHERE), tcp(2200, 2299, ANYWHERE)),
    "a range that ends before 22": group(tcp(0, 21, ANYWHERE, ANYWHERE_V6)),
    "a range that starts after 22": group(tcp(23, 65535, ANYWHERE, ANYWHERE_V6)),
    "one range below, another above": group(tcp(0, 21, ANYWHERE), tcp(23, 65535, ANYWHERE)),
    "UDP 22": group(udp(22, 22, ANYWHERE, ANYWHERE_V6)),
    "every UDP port": group(udp(0, 65535, ANYWHERE, ANYWHERE_V6)),
    "ICMP type 8 code 25": group(icmp(8, 25, ANYWHERE, ANYWHERE_V6)),
    "ICMP type 22 code 22": group(icmp(22, 22, ANYWHERE, ANYWHERE_V6)),
    "all ICMP": group(icmp(-1, -1, ANYWHERE, ANYWHERE_V6)),
    "ICMPv6 type 8 code 25": group(permission("icmpv6", ANYWHERE_V6, ports=(8, 25))),
    "ICMPv6 without type and code": group(permission("icmpv6", ANYWHERE_V6)),
    "protocol 50 (ESP), which has no ports": group(permission("50", ANYWHERE, ANYWHERE_V6)),
    "protocol 50 with ports": group(permission("50", ANYWHERE, ANYWHERE_V6, ports=(0, 65535))),
    "protocol 132 (SCTP) on 22": group(permission("132", ANYWHERE, ANYWHERE_V6, ports=(22, 22))),
    "UDP 22 from a group and a prefix list": group(udp(22, 22, OTHER_GROUP, PREFIX_LIST)),
    "out to the world on 22": group(egress=(tcp(22, 22, ANYWHERE, ANYWHERE_V6),)),
    "out to the world, all traffic": group(egress=(all_traffic(ANYWHERE, ANYWHERE_V6),)),
    # AWS writes no such rules. Should something else, they let nothing in that we could name.
    "TCP without ports": group(permission("tcp", ANYWHERE, ANYWHERE_V6)),
    "TCP with only the first port": group(permission("tcp", ANYWHERE, ANYWHERE_V6, ports=(22, None))),
    "TCP with only the last port": group(permission("tcp", ANYWHERE, ANYWHERE_V6, ports=(None, 22))),
    "TCP with ports of null": group(permission("tcp", ANYWHERE) | {"FromPort": None, "ToPort": None}),
    "port 22 from no source": group(tcp(22, 22)),
    "all traffic from no source": group(all_traffic()),
}

EVERY_CASE = WORLD | OPEN | NEITHER

FOUND = {"sg-ssh-open": WORLD | OPEN, "sg-ssh-world": WORLD}


@pytest.mark.parametrize("policy", FOUND)
@pytest.mark.parametrize("case", EVERY_CASE)
def test_one_group(policy: str, case: str) -> None:
    assert matches(policy, EVERY_CASE[case]) == (case in FOUND[policy])


@pytest.mark.parametrize("policy", FOUND)
def test_all_groups_at_once(policy: str) -> None:
    """As in an account: no group's match rubs off on another."""
    groups = [case | {"GroupId": name} for name, case in EVERY_CASE.items()]
    assert matching_ids(policy, groups) == FOUND[policy].keys()


def test_no_case_hides_another_of_the_same_name() -> None:
    assert len(EVERY_CASE) == len(WORLD) + len(OPEN) + len(NEITHER)
