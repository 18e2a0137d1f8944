"""What rules tell is told once for groups with the same rules, and is what it is of each by itself."""

from typing import Any

import msgspec
import pytest

from reporter.inventory.records import Group, ListedGroup
from reporter.inventory.rule_facts import Deduplicator, RuleFacts, RuleReader

SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}


def permission(**peers: Any) -> dict[str, Any]:
    return SSH | peers


WORLD = permission(IpRanges=[{"CidrIp": "0.0.0.0/0"}, {"CidrIp": "10.0.0.0/8"}])
FROM_SG_1 = permission(UserIdGroupPairs=[{"GroupId": "sg-1"}])
FROM_NOBODY = permission(UserIdGroupPairs=[{}])
FROM_A_LIST = permission(PrefixListIds=[{"PrefixListId": "pl-1"}])
LARGE = permission(IpRanges=[{"CidrIp": f"10.{each}.0.0/16"} for each in range(250)], Description="x" * 8000)


def group(group_id: str, *ingress: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"GroupId": group_id, "IpPermissions": ingress})


def by_itself(described: bytes) -> RuleFacts:
    return RuleReader(Deduplicator()).of_group(msgspec.json.decode(described, type=Group))


@pytest.mark.parametrize(
    "ingress",
    [(), (WORLD,), (FROM_SG_1, WORLD), (FROM_NOBODY,), (FROM_A_LIST, FROM_SG_1), (LARGE,)],
    ids=["none", "world", "itself", "nobody", "list", "large"],
)
def test_of_the_same_rules_each_group_has_what_it_has_by_itself(ingress: tuple[dict[str, Any], ...]) -> None:
    reader = RuleReader(Deduplicator())
    described = [group(group_id, *ingress) for group_id in ("sg-2", "sg-1", "sg-3", "sg-1")]
    found = [reader.of_listed(msgspec.json.decode(each, type=ListedGroup)) for each in described]
    assert found == list(map(by_itself, described))


def test_a_group_that_names_itself_is_the_duplicate_of_one_that_does() -> None:
    reader = RuleReader(Deduplicator())
    one, other, stranger = (
        reader.of_listed(msgspec.json.decode(group(group_id, rule), type=ListedGroup))
        for group_id, rule in (
            ("sg-1", FROM_SG_1),
            ("sg-2", permission(UserIdGroupPairs=[{"GroupId": "sg-2"}])),
            ("sg-3", FROM_SG_1),
        )
    )
    assert one.fingerprint == other.fingerprint != stranger.fingerprint
    assert (one.ssh_rules, stranger.ssh_rules) == (("sg-1 -> 22",), ("sg-1 -> 22",))
