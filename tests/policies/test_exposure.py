"""What is open to the world besides SSH: the policies, port by port and rule by rule."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reporter.inventory.services import SERVICES

from .engine import Resource, load_policies, matches, matching_ids
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

# The ports each policy is about.
PORTS = {
    "sg-ssh-world": "tcp 22",
    "sg-rdp-world": "tcp 3389, udp 3389",
    "sg-database-world": "tcp 1433, udp 1434, tcp 1521, tcp 2483, tcp 2484, tcp 3306, tcp 5432, tcp 5439, "
    "tcp 5984, tcp 6379, tcp 7000, tcp 7001, tcp 7199, tcp 8086, tcp 9042, tcp 9160, tcp 9200, tcp 9300, "
    "tcp 11211, udp 11211, tcp 27017, tcp 27018",
    "sg-admin-world": "tcp 20, tcp 21, tcp 23, tcp 135, tcp 139, tcp 445, tcp 2375, tcp 2376, tcp 2379, "
    "tcp 2380, tcp 5601, tcp 5900, tcp 5985, tcp 5986, tcp 6443, tcp 10250",
    "sg-web-world": "tcp 80, tcp 443",
    "sg-listed-world": "tcp 25, tcp 110, tcp 143, tcp 3000, tcp 4333, tcp 5000, tcp 5500, tcp 8080, tcp 8088, "
    "tcp 8888",
}
ALL_TRAFFIC, OTHER = "sg-all-traffic-world", "sg-other-world"
POLICIES = [*PORTS, ALL_TRAFFIC, OTHER]


def test_the_table_of_services_has_those_ports_once_each() -> None:
    found: dict[str, list[str]] = {}
    for service in SERVICES:
        found.setdefault(service.policy, []).append(f"{service.protocol} {service.port}")
    assert {policy: ", ".join(ports) for policy, ports in found.items()} == PORTS


@pytest.mark.parametrize("policy", PORTS)
def test_the_metadata_names_those_ports(policy: str) -> None:
    assert ", ".join(load_policies()[policy].data["metadata"]["report"]["ports"]) == PORTS[policy]


def test_all_traffic_is_about_all() -> None:
    assert load_policies()[ALL_TRAFFIC].data["metadata"]["report"]["ports"] == ["all"]


# Ports that anyone names, their neighbours, and the ends.
LISTED = [tuple(text.split()) for ports in PORTS.values() for text in ports.split(", ")]
NEAR = sorted({0, 53, 65535} | {int(port) + step for _, port in LISTED for step in (-1, 0, 1)})


@pytest.mark.parametrize("source", [ANYWHERE, ANYWHERE_V6])
@pytest.mark.parametrize("policy", POLICIES)
def test_one_port_at_a_time(policy: str, source: str) -> None:
    groups = [
        group(permission(protocol, source, ports=(port, port)), group_id=f"{protocol} {port}")
        for protocol in ("tcp", "udp")
        for port in NEAR
    ]
    about = {name: set(ports.split(", ")) for name, ports in PORTS.items()}
    about[OTHER] = {each["GroupId"] for each in groups}.difference(*about.values())
    about[ALL_TRAFFIC] = set()
    assert matching_ids(policy, groups) == about[policy]


SSH, RDP, DATABASE, ADMIN, WEB, LISTED_BY_AWS = PORTS
EVERY_SERVICE = set(PORTS)

# Which policies catch a group with these rules.
CASES: dict[str, tuple[Resource, set[str]]] = {
    "no rules": (group(), set()),
    "all traffic": (group(all_traffic(ANYWHERE)), EVERY_SERVICE | {ALL_TRAFFIC}),
    "all traffic, IPv6 only": (group(all_traffic(ANYWHERE_V6)), EVERY_SERVICE | {ALL_TRAFFIC}),
    "all traffic, with ports that AWS ignores": (
        group(permission("-1", ANYWHERE, ports=(53, 60))),
        EVERY_SERVICE | {ALL_TRAFFIC},
    ),
    "every TCP port": (group(tcp(0, 65535, ANYWHERE)), EVERY_SERVICE | {OTHER}),
    "every UDP port": (group(udp(0, 65535, ANYWHERE_V6)), {RDP, DATABASE, OTHER}),
    "every ICMP message": (group(icmp(-1, -1, ANYWHERE)), {OTHER}),
    "ICMP whose type and code look like ports": (group(icmp(8, 3389, ANYWHERE)), {OTHER}),
    "ICMPv6": (group(permission("icmpv6", ANYWHERE_V6)), {OTHER}),
    "ESP": (group(permission("50", ANYWHERE)), {OTHER}),
    "SCTP on 22": (group(permission("132", ANYWHERE, ports=(22, 22))), {OTHER}),
    "22 and 23": (group(tcp(22, 23, ANYWHERE)), {SSH, ADMIN}),
    "20 to 23": (group(tcp(20, 23, ANYWHERE)), {SSH, ADMIN}),
    "20 to 24": (group(tcp(20, 24, ANYWHERE)), {SSH, ADMIN, OTHER}),
    "23 to 25": (group(tcp(23, 25, ANYWHERE)), {ADMIN, LISTED_BY_AWS, OTHER}),
    "80 to 443": (group(tcp(80, 443, ANYWHERE)), {WEB, ADMIN, LISTED_BY_AWS, OTHER}),
    "80 and 443 apart": (group(tcp(80, 80, ANYWHERE), tcp(443, 443, ANYWHERE)), {WEB}),
    "5984 to 5986": (group(tcp(5984, 5986, ANYWHERE)), {DATABASE, ADMIN}),
    "5983 to 5984": (group(tcp(5983, 5984, ANYWHERE)), {DATABASE, OTHER}),
    "3389 of UDP": (group(udp(3389, 3389, ANYWHERE)), {RDP}),
    "1434 of TCP": (group(tcp(1434, 1434, ANYWHERE)), {OTHER}),
    "1434 of UDP": (group(udp(1434, 1434, ANYWHERE)), {DATABASE}),
    "443 of UDP": (group(udp(443, 443, ANYWHERE)), {OTHER}),
    "11211 of both": (group(tcp(11211, 11211, ANYWHERE), udp(11211, 11211, ANYWHERE)), {DATABASE}),
    "the world last of several sources": (
        group(tcp(5432, 5432, PRIVATE, "192.0.2.7/32", ANYWHERE, PREFIX_LIST, OTHER_GROUP)),
        {DATABASE},
    ),
    "both worlds in one permission": (group(tcp(3306, 3306, ANYWHERE, ANYWHERE_V6)), {DATABASE}),
    "the second permission": (group(tcp(443, 443, PRIVATE), tcp(23, 23, ANYWHERE)), {ADMIN}),
    "without the empty lists": (
        group({"IpProtocol": "tcp", "FromPort": 23, "ToPort": 23, "IpRanges": [{"CidrIp": ANYWHERE}]}),
        {ADMIN},
    ),
    "the world on 443, a private range on all": (
        group(tcp(443, 443, ANYWHERE), all_traffic(PRIVATE), tcp(0, 65535, PRIVATE_V6)),
        {WEB},
    ),
    "half of the internet": (group(all_traffic("0.0.0.0/1", "::/1")), set()),
    "a prefix list": (group(all_traffic(PREFIX_LIST)), set()),
    "another group": (group(all_traffic(OTHER_GROUP)), set()),
    "out to the world": (group(egress=(all_traffic(ANYWHERE, ANYWHERE_V6), tcp(53, 53, ANYWHERE))), set()),
    "described as the world": (
        group(tcp(3306, 3306) | {"IpRanges": [{"CidrIp": PRIVATE, "Description": ANYWHERE}]}),
        set(),
    ),
    "from no source": (group(tcp(3306, 3306), all_traffic()), set()),
    # AWS writes no such rules. Should something else, they let nothing in that we could name.
    "without ports": (group(permission("tcp", ANYWHERE), permission("udp", ANYWHERE_V6)), set()),
    "with only the first port": (
        group(
            permission("tcp", ANYWHERE, ports=(3306, None)), permission("udp", ANYWHERE, ports=(1434, None))
        ),
        set(),
    ),
    "with only the last port": (
        group(
            permission("tcp", ANYWHERE, ports=(None, 3306)), permission("udp", ANYWHERE, ports=(None, 1434))
        ),
        set(),
    ),
    "a range that ends before it begins": (group(tcp(3306, 3305, ANYWHERE)), set()),
}


@pytest.mark.parametrize("case", CASES)
def test_one_group(case: str) -> None:
    described, expected = CASES[case]
    assert {policy for policy in POLICIES if matches(policy, described)} == expected


@pytest.mark.parametrize("policy", POLICIES)
def test_all_groups_at_once(policy: str) -> None:
    """As in an account: no group's match rubs off on another."""
    groups = [described | {"GroupId": name} for name, (described, _) in CASES.items()]
    assert matching_ids(policy, groups) == {name for name, (_, found) in CASES.items() if policy in found}


# An independent reading: every port of a rule, looked up in the table of services.

SOURCES = [ANYWHERE, ANYWHERE_V6, PRIVATE, PRIVATE_V6, "0.0.0.0/1", "::/1", OTHER_GROUP, PREFIX_LIST]
# Mostly a named port or one next to it, where a mistake would be, and now and then anywhere, or not there.
ports = st.sampled_from(NEAR) | st.sampled_from([None, -1]) | st.integers(0, 65535)
# Short ranges more often than others: a long one holds an unnamed port, and most of the services.
ranges = (
    st.tuples(st.sampled_from(NEAR), st.integers(0, 4)).map(lambda found: (found[0], found[0] + found[1]))
    | st.tuples(ports, ports)
)  # fmt: skip
permissions = st.builds(
    lambda protocol, sources, found: permission(protocol, *sources, ports=found),
    st.sampled_from(["tcp", "tcp", "udp"])
    | st.sampled_from(["tcp", "udp", "-1", "icmp", "icmpv6", "50", "132"]),
    st.lists(st.sampled_from(SOURCES), unique=True, max_size=4),
    ranges,
)
estates = st.lists(
    st.tuples(st.lists(permissions, max_size=3), st.lists(permissions, max_size=2)), min_size=1, max_size=4
).map(
    lambda rules: [
        group(*ingress, group_id=f"sg-{number}", egress=tuple(egress))
        for number, (ingress, egress) in enumerate(rules)
    ]
)


def about(rule: Resource) -> set[str]:
    """The policies that what a rule lets in is about."""
    if rule["IpProtocol"] == "-1":
        return {service.policy for service in SERVICES} | {ALL_TRAFFIC}
    if rule["IpProtocol"] not in ("tcp", "udp"):
        return {OTHER}
    if rule.get("FromPort") is None or rule.get("ToPort") is None:
        return set()
    let_in = set(range(rule["FromPort"], rule["ToPort"] + 1))
    named = {service.port: service.policy for service in SERVICES if service.protocol == rule["IpProtocol"]}
    found = {named[port] for port in let_in & named.keys()}
    return found | {OTHER} if let_in - named.keys() else found


def from_the_world(rule: Resource) -> bool:
    named = [each["CidrIp"] for each in rule["IpRanges"]] + [each["CidrIpv6"] for each in rule["Ipv6Ranges"]]
    return "0.0.0.0/0" in named or "::/0" in named


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(estates)
def test_policies_agree_with_plain_python(estate: list[Resource]) -> None:
    expected = {
        each["GroupId"]: set[str]().union(
            *(about(rule) for rule in each["IpPermissions"] if from_the_world(rule))
        )
        for each in estate
    }
    for policy in POLICIES:
        found = {group_id for group_id, policies in expected.items() if policy in policies}
        assert matching_ids(policy, estate) == found, policy
