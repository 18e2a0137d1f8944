"""Plans made up by hand, of groups given as AWS describes them."""

from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

from reporter.inventory.rules import GROUP, IPV4, IPV6, PREFIX_LIST
from reporter.remedy.steps import (
    Access,
    AccountPlan,
    Change,
    Plan,
    RecordedGroup,
    Rule,
    Status,
    Step,
)

ACCOUNT, REGION = "111111111111", "us-east-1"

#: What a person may have called something, and what a file of any form could take for more than a text.
HOSTILE = [
    "{now}", "{account_id}", "{now.__init__.__globals__[os].environ}", "}", "{", "{{", "{policy[name]}",
    "${path.module}", "$${x}", "$$${x}", "%{if true}", "%%{x}", "$", "a\\${x}", "<<EOT", "*/", "//",
    "$(id) `id`", "a'b\"c\\", "x\ny: [", "a\r\tb", "\x00\x1b[2J", "\u2028policies: []", "\u202eevil", "#", "- name: x",
    "!!python/object", "*a &b", "caf\u00e9 \U0001f600", " ", "yes", "22",
]  # fmt: skip

_PEERS = {
    "IpRanges": (IPV4, "CidrIp"),
    "Ipv6Ranges": (IPV6, "CidrIpv6"),
    "UserIdGroupPairs": (GROUP, "GroupId"),
    "PrefixListIds": (PREFIX_LIST, "PrefixListId"),
}


def described(group_id: str = "sg-000000a1", **more: Any) -> dict[str, Any]:
    """A group as DescribeSecurityGroups has it."""
    plain: dict[str, Any] = {
        "GroupId": group_id, "GroupName": "web", "Description": "of the web", "VpcId": "vpc-1",
        "OwnerId": ACCOUNT, "IpPermissions": [], "IpPermissionsEgress": [],
    }  # fmt: skip
    return plain | more


def recorded(
    record: Mapping[str, Any], account: str = "dev", account_id: str = ACCOUNT, region: str = REGION
) -> RecordedGroup:
    """The group of a record."""
    return RecordedGroup(
        account=account,
        account_id=account_id,
        region=region,
        group_id=record["GroupId"],
        name=record["GroupName"],
        description=record["Description"],
        vpc_id=record["VpcId"],
        owner_id=record["OwnerId"],
        tags=tuple((tag["Key"], tag["Value"]) for tag in record.get("Tags", ())),
        rules=tuple(_rules(record)),
        record=record,
    )


def _rules(record: Mapping[str, Any]) -> Iterator[Rule]:
    for key, egress in (("IpPermissions", False), ("IpPermissionsEgress", True)):
        for permission in record[key]:
            for listed, (kind, called) in _PEERS.items():
                for entry in permission.get(listed, ()):
                    yield Rule(
                        egress=egress,
                        protocol=permission["IpProtocol"],
                        from_port=permission.get("FromPort"),
                        to_port=permission.get("ToPort"),
                        kind=kind,
                        peer=entry[called],
                        description=entry.get("Description", ""),
                        owner_id=entry.get("UserId", ""),
                        peering_id=entry.get("VpcPeeringConnectionId", ""),
                    )


def step(group: RecordedGroup, change: Change | None, policy: str = "sg-ssh-world", **more: Any) -> Step:
    return Step(
        account=group.account,
        account_id=group.account_id,
        region=group.region,
        policy=policy,
        title="SSH open to the world",
        resource_id=group.group_id,
        group_name=group.name,
        status=Status.PLANNED,
        reason="it lets SSH in from the world",
        change=change,
        **more,
    )


def plan(*steps: Step, access: Access | None = None) -> Plan:
    """A plan of one account, or of several by the order in which the steps name them."""
    accounts: dict[tuple[str, str], list[Step]] = {}
    for each in steps:
        accounts.setdefault((each.account, each.account_id), []).append(each)
    return Plan(
        audited="2026-11-20T10:00:00Z",
        source="output/20261120T100000Z",
        version="1.0",
        accounts=tuple(
            AccountPlan(*names, access or Access(), tuple(theirs)) for names, theirs in accounts.items()
        ),
    )


PAIR = {"UserId": ACCOUNT, "GroupId": "sg-000000b2"}
ABROAD = {
    "UserId": "222222222222",
    "GroupId": "sg-000000b2",
    "VpcPeeringConnectionId": "pcx-1",
    "PeeringStatus": "active",
}
#: What the rules of made-up groups are drawn from, each with its near misses.
TRAFFIC = [
    ("tcp", 22, 22), ("tcp", 20, 25), ("tcp", 22, 23), ("tcp", 0, 22), ("tcp", 0, 65535), ("tcp", -1, -1),
    ("udp", 22, 22), ("icmp", -1, -1), ("icmp", 8, -1), ("icmp", 22, 22), ("icmpv6", -1, -1),
    ("-1", None, None), ("50", None, None), ("6", 22, 22),
]  # fmt: skip
PEERS = [
    ("IpRanges", {"CidrIp": "0.0.0.0/0"}), ("IpRanges", {"CidrIp": "0.0.0.0/1"}),
    ("IpRanges", {"CidrIp": "10.0.0.0/8"}),
    ("Ipv6Ranges", {"CidrIpv6": "::/0"}), ("Ipv6Ranges", {"CidrIpv6": "2000::/3"}),
    ("UserIdGroupPairs", PAIR), ("UserIdGroupPairs", ABROAD), ("UserIdGroupPairs", PAIR | {"GroupId": "sg-000000a1"}),
    ("UserIdGroupPairs", PAIR | {"GroupId": "sg-000000b3"}),
    ("PrefixListIds", {"PrefixListId": "pl-000000c1"}), ("PrefixListIds", {"PrefixListId": "pl-000000c2"}),
]  # fmt: skip
DESCRIPTIONS = ["", "the bastion", "{now}", "{account_id}", "a {b} c", "}{", "{{x}}"]

Flat = tuple[str, tuple[str, int | None, int | None], str, dict[str, Any]]


@st.composite
def rules(draw: st.DrawFn) -> list[Flat]:
    """Distinct rules, one peer each: direction, traffic, list, entry."""
    sides = st.sampled_from(["IpPermissions", "IpPermissionsEgress"])
    chosen = draw(
        st.lists(
            st.tuples(sides, st.sampled_from(TRAFFIC), st.sampled_from(range(len(PEERS)))),
            min_size=1, max_size=12, unique=True,
        )
    )  # fmt: skip
    found = []
    for side, traffic, peer in chosen:
        listed, entry = PEERS[peer]
        description = draw(st.sampled_from(DESCRIPTIONS))
        found.append((side, traffic, listed, entry | ({"Description": description} if description else {})))
    return found


def permissions(flat: list[Flat], side: str) -> list[dict[str, Any]]:
    """Rules as AWS lists them: those for the same traffic together."""
    found: dict[Any, dict[str, Any]] = {}
    for where, traffic, listed, entry in flat:
        if where == side:
            protocol, first, last = traffic
            ports = {} if first is None else {"FromPort": first, "ToPort": last}
            empty: dict[str, Any] = {
                name: [] for name in ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs", "PrefixListIds")
            }
            found.setdefault(traffic, {"IpProtocol": protocol, **ports, **empty})[listed].append(entry)
    return list(found.values())


def group_of(flat: list[Flat], **more: Any) -> dict[str, Any]:
    sides: dict[str, Any] = {
        side: permissions(flat, side) for side in ("IpPermissions", "IpPermissionsEgress")
    }
    return described(**sides, **more)
