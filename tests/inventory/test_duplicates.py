"""Rules that are needless, and groups with the same rules."""

from itertools import product
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reporter.inventory import duplicates, rules
from reporter.inventory.records import Group
from tests.inventory.network.permissions import Packet, Rule, addresses_at_the_ends, described, lets_in

CIDRS = ("0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "11.0.0.0/8", "::/0", "2001:db8::/32")


@st.composite
def any_rule(draw: st.DrawFn) -> Rule:
    protocol = draw(st.sampled_from(["tcp", "tcp", "udp", "-1", "50"]))
    first = draw(st.sampled_from([0, 20, 22]))
    last = draw(st.sampled_from([22, 25, 65535]))
    peer = draw(st.sampled_from(CIDRS))
    return Rule(protocol, *((first, last) if protocol in ("tcp", "udp") else (None, None)), peer)


def text(rule: Rule) -> str:
    ports = str(rule.first) if rule.first == rule.last else f"{rule.first}-{rule.last}"
    names = {"-1": "all", "50": "protocol 50"}
    return f"{rule.peer} -> {names.get(rule.protocol, f'{rule.protocol} {ports}')}"


def group(*ingress: Rule, egress: tuple[Rule, ...] = (), group_id: str = "sg-1") -> Group:
    found: dict[str, Any] = {
        "GroupId": group_id,
        "IpPermissions": list(map(described, ingress)),
        "IpPermissionsEgress": list(map(described, egress)),
    }
    return msgspec.convert(found, Group)


def told(found: Group) -> tuple[rules.Rule, ...]:
    return duplicates.about_itself(rules.of_group(found), found.group_id)


def covered_rules(found: Group) -> tuple[str, ...]:
    return duplicates.covered_rules(told(found))


def fingerprint(found: Group) -> bytes:
    return duplicates.fingerprint(told(found))


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.lists(any_rule(), max_size=7, unique=True))
def test_without_covered_rules_the_same_is_let_in(written: list[Rule]) -> None:
    covered = covered_rules(group(*written))
    kept = [rule for rule in written if text(rule) not in covered]
    left_out = [rule for rule in written if text(rule) in covered]
    for version in (4, 6):
        for address, (protocol, port) in product(
            set(addresses_at_the_ends(CIDRS, version)),
            [*product(("tcp", "udp"), (0, 19, 20, 21, 22, 23, 25, 26, 65535)), ("50", None), ("47", None)],
        ):
            packet = Packet(protocol, port, address, version)
            if any(lets_in(rule, packet) for rule in left_out):
                assert any(lets_in(rule, packet) for rule in kept)
    # And each that is kept is needed by itself, as far as one other rule goes.
    for rule in kept:
        inside = [Packet(*each) for each in _corners(rule)]
        assert not any(all(lets_in(other, packet) for packet in inside) for other in kept if other != rule), (
            rule
        )


def _corners(rule: Rule) -> list[tuple[str, int | None, int, int]]:
    version = 6 if ":" in rule.peer else 4
    ends = sorted(set(addresses_at_the_ends([rule.peer], version)))
    own = [end for end in ends if _inside(rule.peer, end)]
    kinds: list[tuple[str, int | None]] = {
        "-1": [("tcp", 0), ("udp", 65535), ("47", None)],
        "50": [("50", None)],
    }.get(rule.protocol) or [(rule.protocol, rule.first), (rule.protocol, rule.last)]
    return [(protocol, port, address, version) for protocol, port in kinds for address in own]


def _inside(cidr: str, address: int) -> bool:
    return lets_in(Rule("-1", None, None, cidr), Packet("tcp", 1, address, 6 if ":" in cidr else 4))


WORLD = "0.0.0.0/0"
ALL_OUT = Rule("-1", None, None, WORLD)


@pytest.mark.parametrize(
    ("ingress", "egress", "covered"),
    [
        (
            [Rule("tcp", 22, 22, "10.1.0.0/16"), Rule("tcp", 20, 25, "10.0.0.0/8")],
            [],
            "10.1.0.0/16 -> tcp 22",
        ),
        ([Rule("tcp", 22, 22, "10.1.0.0/16"), Rule("tcp", 23, 25, "10.0.0.0/8")], [], ""),
        ([Rule("tcp", 22, 22, "10.0.0.0/8")], [ALL_OUT], ""),  # in is not out
        ([], [ALL_OUT, Rule("tcp", 443, 443, WORLD)], "to 0.0.0.0/0 -> tcp 443"),
        ([Rule("tcp", 22, 22, "sg-2"), Rule("-1", None, None, "sg-2")], [], "sg-2 -> tcp 22"),
        ([Rule("tcp", 22, 22, "sg-2"), Rule("-1", None, None, "sg-3")], [], ""),
        ([Rule("tcp", 22, 22, "pl-2"), Rule("tcp", 0, 65535, "pl-2")], [], "pl-2 -> tcp 22"),
        ([Rule("icmp", 8, -1, WORLD), Rule("icmp", -1, -1, WORLD)], [], "0.0.0.0/0 -> icmp type 8"),
        ([Rule("icmp", 8, 0, WORLD), Rule("icmp", 0, -1, WORLD)], [], ""),
        ([Rule("tcp", 22, 22, "sg-1"), Rule("tcp", 0, 65535, "sg-1")], [], "itself -> tcp 22"),
        # The same twice, written in two ways, is one rule.
        ([Rule("tcp", 22, 22, WORLD), Rule("6", 22, 22, WORLD)], [], ""),
        ([Rule("tcp", 22, 22, "10.0.0.0/8"), Rule("tcp", 22, 22, "10.9.9.9/8")], [], "10.9.9.9/8 -> tcp 22"),
        ([Rule("-1", None, None, "::/0"), Rule("tcp", 22, 22, WORLD)], [], ""),
    ],
)
def test_what_is_covered(ingress: list[Rule], egress: list[Rule], covered: str) -> None:
    assert ", ".join(covered_rules(group(*ingress, egress=tuple(egress)))) == covered


SSH = Rule("tcp", 22, 22, "10.0.0.0/8")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (group(SSH), group(SSH, group_id="sg-2"), True),
        (group(SSH), group(Rule("6", 22, 22, "10.0.0.0/8"), group_id="sg-2"), True),
        (group(SSH, ALL_OUT), group(ALL_OUT, SSH), True),
        (group(SSH), group(Rule("tcp", 22, 22, "10.0.0.0/8"), SSH), True),
        (group(SSH), group(egress=(SSH,)), False),
        (group(SSH), group(SSH, ALL_OUT), False),
        (group(SSH), group(Rule("tcp", 22, 22, "10.0.0.0/9")), False),
        # A rule on itself is the same in both; on each other it is not.
        (group(Rule("tcp", 1, 2, "sg-1")), group(Rule("tcp", 1, 2, "sg-2"), group_id="sg-2"), True),
        (group(Rule("tcp", 1, 2, "sg-2")), group(Rule("tcp", 1, 2, "sg-1"), group_id="sg-2"), False),
        (group(Rule("tcp", 1, 2, "sg-1")), group(Rule("tcp", 1, 2, "sg-1"), group_id="sg-2"), False),
        (group(Rule("icmp", 8, -1, WORLD)), group(Rule("icmp", 0, -1, WORLD)), False),
        (group(Rule("tcp", 1, 2, "2001:DB8:0::/32")), group(Rule("tcp", 1, 2, "2001:db8::/32")), True),
        (group(Rule("tcp", 1, 2, "2001:db8::/32")), group(Rule("tcp", 1, 2, "2001:db8::/33")), False),
    ],
)
def test_the_same_rules(one: Group, other: Group, same: bool) -> None:
    assert (fingerprint(one) == fingerprint(other)) is same


def test_many_sources_of_one_permission_are_many_rules() -> None:
    together = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    together["IpRanges"] = [{"CidrIp": "10.0.0.0/8", "Description": "office"}, {"CidrIp": "11.0.0.0/8"}]
    one = msgspec.convert({"GroupId": "sg-1", "IpPermissions": [together]}, Group)
    assert fingerprint(one) == fingerprint(group(Rule("tcp", 22, 22, "11.0.0.0/8"), SSH))


def test_a_group_without_rules_of_anybodys_own_has_no_fingerprint() -> None:
    assert fingerprint(group()) == b""
    assert fingerprint(group(egress=(ALL_OUT,))) == b""
    assert fingerprint(group(egress=(ALL_OUT, Rule("-1", None, None, "::/0")))) == b""
    assert fingerprint(group(ALL_OUT)) != b""
    assert fingerprint(group(egress=(Rule("tcp", 443, 443, WORLD),))) != b""


def test_of_many_with_the_same_rules_twenty_are_named() -> None:
    ids = [f"sg-{number:02}" for number in range(23)]
    named = dict(duplicates.others_of(reversed(ids)))
    assert list(named) == ids
    assert named["sg-00"] == (*ids[1:21], "… (+2 more)")
    assert named["sg-05"] == (*ids[:5], *ids[6:21], "… (+2 more)")
    assert named["sg-20"] == named["sg-22"] == (*ids[:20], "… (+2 more)")
    assert dict(duplicates.others_of(ids[:21]))["sg-20"] == tuple(ids[:20])
    assert dict(duplicates.others_of(ids[:21]))["sg-00"] == tuple(ids[1:21])
    assert dict(duplicates.others_of(ids[:2])) == {"sg-00": ("sg-01",), "sg-01": ("sg-00",)}
