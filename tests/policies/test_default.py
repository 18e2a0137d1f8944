"""sg-default: the name is exactly `default`. sg-default-rules: and it has a rule that AWS did not make."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
)


def test_default_matches() -> None:
    assert matches("sg-default", group(name="default"))


def test_its_rules_do_not_matter() -> None:
    assert matches("sg-default", group(all_traffic(ANYWHERE), name="default"))


@pytest.mark.parametrize(
    "name", ["Default", "DEFAULT", "my-default", "default-web", " default", "default ", "web"]
)
def test_other_names_do_not_match(name: str) -> None:
    assert not matches("sg-default", group(name=name))


def test_a_description_or_a_tag_does_not_count() -> None:
    assert not matches(
        "sg-default",
        group(name="web") | {"Description": "default", "Tags": [{"Key": "GroupName", "Value": "default"}]},
    )


ITSELF = "sg-0aaaaaaaaaaaaaaaa"  # the id that `group` gives where none is told


def default(*ingress: Resource, egress: tuple[Resource, ...] = ()) -> Resource:
    """A default group with AWS's rules and more."""
    return group(all_traffic(ITSELF), *ingress, name="default", egress=(all_traffic(ANYWHERE), *egress))


RULES: dict[str, tuple[Resource, bool]] = {
    "as AWS made it": (default(), False),
    "as AWS made it, in a VPC with IPv6": (default(egress=(all_traffic(ANYWHERE_V6),)), False),
    "with both ways out in one permission": (
        group(all_traffic(ITSELF), name="default", egress=(all_traffic(ANYWHERE, ANYWHERE_V6),)),
        False,
    ),
    "without the way in": (group(name="default", egress=(all_traffic(ANYWHERE),)), False),
    "without the way out": (group(all_traffic(ITSELF), name="default"), False),
    "without any rule": (group(name="default"), False),
    "a port in from the world": (default(tcp(22, 22, ANYWHERE)), True),
    "a port in from a private range": (default(tcp(443, 443, PRIVATE)), True),
    "a port in from itself": (default(tcp(443, 443, ITSELF)), True),
    "every port in from itself": (default(tcp(0, 65535, ITSELF)), True),
    "ping from itself": (default(icmp(8, -1, ITSELF)), True),
    "all traffic in from another group": (default(all_traffic(OTHER_GROUP)), True),
    "all traffic in from a prefix list": (default(all_traffic(PREFIX_LIST)), True),
    "all traffic in from the world": (default(all_traffic(ANYWHERE)), True),
    "all traffic in from IPv6": (default(all_traffic(PRIVATE_V6)), True),
    "itself and another in one permission": (
        group(all_traffic(ITSELF, OTHER_GROUP), name="default", egress=(all_traffic(ANYWHERE),)),
        True,
    ),
    "a port out to the world": (default(egress=(tcp(443, 443, ANYWHERE),)), True),
    "a port out to IPv6": (default(egress=(tcp(443, 443, ANYWHERE_V6),)), True),
    "all traffic out to a private range": (default(egress=(all_traffic(PRIVATE),)), True),
    "all traffic out to some of IPv6": (default(egress=(all_traffic(PRIVATE_V6),)), True),
    "all traffic out to itself": (default(egress=(all_traffic(ITSELF),)), True),
    "all traffic out to a prefix list": (default(egress=(all_traffic(PREFIX_LIST),)), True),
    "another group with other rules": (group(tcp(22, 22, ANYWHERE), name="web"), False),
}


@pytest.mark.parametrize("case", RULES)
def test_rules_beyond_those_of_aws(case: str) -> None:
    described, expected = RULES[case]
    assert matches("sg-default-rules", described) == expected


PROTOCOLS = st.sampled_from(["-1", "-1", "tcp", "udp", "icmp", "50"])
PEERS = [ITSELF, OTHER_GROUP, ANYWHERE, ANYWHERE_V6, PRIVATE, PRIVATE_V6, "0.0.0.0/1", PREFIX_LIST]
pairs = st.lists(st.tuples(PROTOCOLS, st.sampled_from(PEERS)), max_size=3)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(pairs, pairs, st.sampled_from(["default", "default", "web"]))
def test_rules_agree_with_plain_python(
    ingress: list[tuple[str, str]], egress: list[tuple[str, str]], name: str
) -> None:
    described = group(
        *(permission(protocol, peer) for protocol, peer in ingress),
        name=name,
        egress=tuple(permission(protocol, peer) for protocol, peer in egress),
    )
    beyond = set(ingress) - {("-1", ITSELF)} or set(egress) - {("-1", ANYWHERE), ("-1", ANYWHERE_V6)}
    expected = {ITSELF} if name == "default" and beyond else set()
    assert matching_ids("sg-default-rules", [described]) == expected
