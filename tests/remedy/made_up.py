"""Plans made up by hand, of groups given as AWS describes them."""

from collections.abc import Iterator, Mapping
from typing import Any

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


def described(group_id: str = "sg-0a1", **more: Any) -> dict[str, Any]:
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
