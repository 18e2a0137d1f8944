"""sg-ssh-open and sg-ssh-world against a second reading of what they mean, in plain Python."""

from hypothesis import given, settings
from hypothesis import strategies as st

from .engine import Resource, matching_ids
from .groups import ANYWHERE, ANYWHERE_V6, OTHER_GROUP, PREFIX_LIST, PRIVATE, PRIVATE_V6, group, permission

SOURCES = [
    ANYWHERE,
    ANYWHERE_V6,
    PRIVATE,
    PRIVATE_V6,
    "0.0.0.0/1",
    "0.0.0.0/32",
    "::/1",
    "::/128",
    OTHER_GROUP,
    PREFIX_LIST,
]

PROTOCOLS = ["tcp", "udp", "icmp", "icmpv6", "-1", "50", "132"]

# Mostly at 22 and next to it, where a mistake would be, and now and then anywhere, or not there.
ports = (
    st.sampled_from([21, 22, 23]) | st.sampled_from([None, -1, 0, 8, 25, 443, 65535]) | st.integers(-1, 65535)
)

permissions = st.builds(
    lambda protocol, sources, first, last: permission(protocol, *sources, ports=(first, last)),
    # tcp and -1 more often than the rest: they decide.
    st.sampled_from(["tcp", "tcp", "-1"]) | st.sampled_from(PROTOCOLS),
    st.lists(st.sampled_from(SOURCES), unique=True, max_size=4),
    ports,
    ports,
)

estates = st.lists(
    st.tuples(st.lists(permissions, max_size=4), st.lists(permissions, max_size=2)), min_size=1, max_size=4
).map(
    lambda rules: [
        group(*ingress, group_id=f"sg-{number}", egress=tuple(egress))
        for number, (ingress, egress) in enumerate(rules)
    ]
)


def lets_ssh_in(rule: Resource) -> bool:
    if rule["IpProtocol"] == "-1":
        return True
    first, last = rule.get("FromPort"), rule.get("ToPort")
    return rule["IpProtocol"] == "tcp" and first is not None and last is not None and first <= 22 <= last


def sources(rule: Resource) -> set[str]:
    return (
        {s["CidrIp"] for s in rule["IpRanges"]}
        | {s["CidrIpv6"] for s in rule["Ipv6Ranges"]}
        | {s["PrefixListId"] for s in rule["PrefixListIds"]}
        | {s["GroupId"] for s in rule["UserIdGroupPairs"]}
    )


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(estates)
def test_policies_agree_with_plain_python(estate: list[Resource]) -> None:
    ssh_sources = {
        g["GroupId"]: set().union(*(sources(rule) for rule in g["IpPermissions"] if lets_ssh_in(rule)))
        for g in estate
    }
    ssh_open = {group_id for group_id, found in ssh_sources.items() if found}
    ssh_world = {group_id for group_id, found in ssh_sources.items() if found & {"0.0.0.0/0", "::/0"}}

    assert matching_ids("sg-ssh-open", estate) == ssh_open
    assert matching_ids("sg-ssh-world", estate) == ssh_world
