"""What a group's ingress rules mean for SSH."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reporter.inventory import records, rules
from reporter.inventory.network.exposure import exposure
from reporter.inventory.network.traffic import SSH

WORLD, WORLD_V6 = "0.0.0.0/0", "::/0"
GROUP, PREFIX_LIST = "sg-0abc", "pl-0abc"


def permission(protocol: str, first: int | None, last: int | None, *sources: str) -> dict[str, Any]:
    """A permission as EC2 describes it; a port that is None is not there."""
    ports = {name: port for name, port in (("FromPort", first), ("ToPort", last)) if port is not None}
    return ports | {
        "IpProtocol": protocol,
        "IpRanges": [{"CidrIp": each} for each in sources if "." in each],
        "Ipv6Ranges": [{"CidrIpv6": each, "Description": "text"} for each in sources if ":" in each],
        "PrefixListIds": [{"PrefixListId": each} for each in sources if each.startswith("pl-")],
        "UserIdGroupPairs": [
            {"GroupId": each, "UserId": "123456789012"} for each in sources if each.startswith("sg-")
        ],
    }


def group(*permissions: dict[str, Any], egress: tuple[dict[str, Any], ...] = ()) -> records.Group:
    """A group, by way of the JSON that Custodian writes."""
    described = [{"GroupId": "sg-1", "IpPermissions": permissions, "IpPermissionsEgress": egress}]
    (decoded,) = records.group_list.decode(json.dumps(described).encode())
    return decoded


def ssh_open_to_world(described: records.Group) -> bool:
    return exposure(described.ip_permissions, {}).opens(SSH)


@pytest.mark.parametrize(
    ("rule", "text", "world"),
    [
        (permission("tcp", 22, 22, WORLD), ["0.0.0.0/0 -> 22"], True),
        (permission("tcp", 22, 22, WORLD_V6), ["::/0 -> 22"], True),
        (permission("tcp", 20, 25, WORLD_V6), ["::/0 -> 20-25"], True),
        (permission("tcp", 22, 25, WORLD), ["0.0.0.0/0 -> 22-25"], True),
        (permission("tcp", 0, 22, WORLD), ["0.0.0.0/0 -> 0-22"], True),
        (permission("tcp", 0, 65535, WORLD), ["0.0.0.0/0 -> 0-65535"], True),
        (permission("-1", None, None, WORLD), ["0.0.0.0/0 -> all"], True),
        (permission("-1", -1, -1, WORLD), ["0.0.0.0/0 -> all"], True),
        (permission("-1", None, None, "10.0.0.0/8"), ["10.0.0.0/8 -> all"], False),
        (permission("tcp", 22, 22, "0.0.0.0/1"), ["0.0.0.0/1 -> 22"], False),
        (permission("tcp", 22, 22, "0.0.0.0/32"), ["0.0.0.0/32 -> 22"], False),
        (permission("tcp", 22, 22, "::/1"), ["::/1 -> 22"], True),  # 2000::/3 is all that the internet has
        (permission("tcp", 22, 22, GROUP), ["sg-0abc -> 22"], False),
        (permission("tcp", 22, 22, PREFIX_LIST), ["pl-0abc -> 22"], False),
        (permission("-1", None, None, "sg-1"), ["sg-1 -> all"], False),
        (permission("tcp", 22, 22), [], False),
        (permission("tcp", 23, 25, WORLD), [], False),
        (permission("tcp", 0, 21, WORLD), [], False),
        (permission("tcp", 2222, 2222, WORLD), [], False),
        (permission("tcp", None, None, WORLD), [], False),
        (permission("udp", 22, 22, WORLD), [], False),
        (permission("icmp", 8, 25, WORLD), [], False),
        (permission("icmp", -1, -1, WORLD), [], False),
        (permission("icmpv6", 8, 25, WORLD_V6), [], False),
        (permission("50", None, None, WORLD), [], False),
        (permission("132", 22, 22, WORLD), [], False),
        # As other tools than EC2 record it.
        (permission("6", 22, 22, WORLD), ["0.0.0.0/0 -> 22"], True),
        (permission("6", 20, 25, "10.0.0.0/8"), ["10.0.0.0/8 -> 20-25"], False),
        (permission("TCP", 22, 22, WORLD), ["0.0.0.0/0 -> 22"], True),
        (permission("17", 22, 22, WORLD), [], False),
        (permission("tcp", 22, 22, "10.0.0.16/0"), ["10.0.0.16/0 -> 22"], True),
        (permission("tcp", 22, 22, "0.0.0.0/0.0.0.0"), ["0.0.0.0/0.0.0.0 -> 22"], True),
        (permission("-1", None, None, "0:0::/0"), ["0:0::/0 -> all"], True),
        (permission("tcp", 22, 22, "2001:db8::1/0"), ["2001:db8::1/0 -> 22"], True),
        (permission("tcp", 22, 22, "0.0.0.0/00"), ["0.0.0.0/00 -> 22"], True),
        (permission("tcp", 22, 22, "0.0.0.0"), ["0.0.0.0 -> 22"], False),
        (permission("tcp", 22, 22, "0.0.0/0"), ["0.0.0/0 -> 22"], False),
        (permission("tcp", 22, 22, "10.0.0.0/10"), ["10.0.0.0/10 -> 22"], False),
        (permission("tcp", 22, 22, "0.0.0.0/255.0.0.0"), ["0.0.0.0/255.0.0.0 -> 22"], False),
    ],
    ids=str,
)
def test_one_rule(rule: dict[str, Any], text: list[str], world: bool) -> None:
    assert list(rules.ssh_rules(group(rule))) == text
    assert ssh_open_to_world(group(rule)) is world


def test_no_rules() -> None:
    assert rules.ssh_rules(group()) == ()
    assert ssh_open_to_world(group()) is False


def test_egress_is_no_way_in() -> None:
    assert rules.ssh_rules(group(egress=(permission("-1", None, None, WORLD),))) == ()
    assert ssh_open_to_world(group(egress=(permission("tcp", 22, 22, WORLD),))) is False


def test_the_port_of_one_rule_and_the_source_of_another_are_not_open() -> None:
    web = group(permission("tcp", 443, 443, WORLD, WORLD_V6), permission("tcp", 22, 22, "10.0.0.0/8"))
    assert rules.ssh_rules(web) == ("10.0.0.0/8 -> 22",)
    assert ssh_open_to_world(web) is False


def test_a_permission_of_many_sources_is_many_rules() -> None:
    many = group(permission("tcp", 22, 22, PREFIX_LIST, GROUP, "fd00::/8", "10.0.0.0/8", WORLD))
    assert set(rules.ssh_rules(many)) == {
        "0.0.0.0/0 -> 22",
        "10.0.0.0/8 -> 22",
        "fd00::/8 -> 22",
        "sg-0abc -> 22",
        "pl-0abc -> 22",
    }
    assert ssh_open_to_world(many) is True


def test_the_order_of_rules_in_aws_does_not_show() -> None:
    permissions = [
        permission("-1", None, None, WORLD_V6, GROUP),
        permission("tcp", 22, 22, "10.0.0.0/8", WORLD, PREFIX_LIST),
        permission("tcp", 20, 25, WORLD),
    ]
    assert rules.ssh_rules(group(*permissions)) == rules.ssh_rules(group(*reversed(permissions)))


def test_a_source_of_ec2_classic_has_a_name_and_perhaps_no_id() -> None:
    pairs = [
        {"GroupName": "amazon-elb-sg", "UserId": "amazon-elb"},
        {"GroupId": "sg-1", "GroupName": "web"},
    ]
    classic = group({"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "UserIdGroupPairs": pairs})
    assert rules.ssh_rules(classic) == ("amazon-elb-sg -> 22", "sg-1 -> 22")


def test_the_same_rule_twice_shows_once() -> None:
    assert rules.ssh_rules(group(*[permission("tcp", 22, 22, WORLD)] * 2)) == ("0.0.0.0/0 -> 22",)


# An independent reading: every rule on its own, in plain words.

SOURCES = [WORLD, WORLD_V6, "10.0.0.0/8", "0.0.0.0/1", "0.0.0.0/32", "fd00::/8", "::/1", GROUP, PREFIX_LIST]
ports = st.sampled_from([21, 22, 23]) | st.sampled_from([None, -1, 0, 8, 443, 65535])
permissions = st.builds(
    lambda protocol, sources, first, last: (protocol, first, last, sources),
    # tcp and -1 more often than the rest: they decide.
    st.sampled_from(["tcp", "tcp", "-1"]) | st.sampled_from(["udp", "icmp", "icmpv6", "50", "6"]),
    st.lists(st.sampled_from(SOURCES), unique=True, max_size=4),
    ports,
    ports,
)


def in_words(protocol: str, first: int | None, last: int | None) -> str | None:
    """The ports of a rule that lets SSH in, or None for one that does not."""
    if protocol == "-1":
        return "all"
    if protocol in ("tcp", "6") and first is not None and last is not None and 22 in range(first, last + 1):
        return "22" if first == last else f"{first}-{last}"
    return None


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(st.lists(permissions, max_size=5), st.lists(permissions, max_size=2))
def test_rules_agree_with_plain_python(
    ingress: list[tuple[str, int | None, int | None, list[str]]],
    egress: list[tuple[str, int | None, int | None, list[str]]],
) -> None:
    expected = {
        (source, in_words(protocol, first, last))
        for protocol, first, last, sources in ingress
        for source in sources
        if in_words(protocol, first, last)
    }
    described = group(
        *(permission(protocol, first, last, *sources) for protocol, first, last, sources in ingress),
        egress=tuple(
            permission(protocol, first, last, *sources) for protocol, first, last, sources in egress
        ),
    )
    assert sorted(rules.ssh_rules(described)) == sorted(f"{source} -> {ports}" for source, ports in expected)
    assert ssh_open_to_world(described) == any(source in (WORLD, WORLD_V6, "::/1") for source, _ in expected)
