"""sg-unused, with what AWS would answer written out here.

Custodian's `unused` filter asks other resource managers for what they list, and EC2 for references
across peerings. Both are stood in for; the filter itself is the real one. That the managers list
what AWS has is for the end-to-end tests.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from c7n.resources import vpc

from .engine import Resource, load_policies, matching_ids
from .groups import PRIVATE, all_traffic, group, tcp

SUBJECT = "sg-0000000000000001"
OTHER = "sg-0000000000000002"

Account = Callable[..., None]


class Listing:
    """A resource manager that lists what it was given."""

    def __init__(self, resources: list[Resource]) -> None:
        self._resources = resources

    def resources(self, augment: bool = True) -> list[Resource]:
        return self._resources


class Ec2:
    """An EC2 client, and the session it comes from, that knows which groups a peered VPC refers to."""

    def __init__(self, peered: list[str]) -> None:
        self._peered = peered

    def client(self, service: str) -> "Ec2":
        assert service == "ec2"
        return self

    def describe_security_group_references(self, **asked: list[str]) -> dict[str, Any]:
        return {"SecurityGroupReferenceSet": [{"GroupId": g} for g in asked["GroupId"] if g in self._peered]}


# Every kind of resource the filter asks for. Another one is a KeyError: a newer Custodian that looks
# further should change what the policy's description says.
KINDS = [
    "eni",
    "security-group",
    "lambda",
    "launch-config",
    "event-rule-target",
    "codebuild",
    "aws.batch-compute",
]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    """Says what the account holds; what is not said is empty."""

    def holds(found: Mapping[str, list[Resource]] = {}, peered: list[str] = []) -> None:  # noqa: B006
        listings = {kind: Listing(found.get(kind, [])) for kind in KINDS}
        manager = load_policies()["sg-unused"].resource_manager
        monkeypatch.setattr(manager, "get_resource_manager", listings.__getitem__)
        monkeypatch.setattr(vpc, "local_session", lambda factory: Ec2(peered))

    return holds


def unused(*groups: Resource) -> set[str]:
    return matching_ids("sg-unused", groups)


def test_a_group_that_nothing_refers_to_matches(account: Account) -> None:
    account()
    assert unused(group(group_id=SUBJECT), group(group_id=OTHER, name="default")) == {SUBJECT, OTHER}


REFERENCES: dict[str, tuple[str, Resource]] = {
    "a network interface": ("eni", {"Groups": [{"GroupId": SUBJECT}]}),
    "one of an interface's several groups": ("eni", {"Groups": [{"GroupId": OTHER}, {"GroupId": SUBJECT}]}),
    "an ingress rule of another group": ("security-group", group(tcp(443, 443, SUBJECT), group_id=OTHER)),
    "an egress rule of another group": (
        "security-group",
        group(egress=(tcp(443, 443, SUBJECT),), group_id=OTHER),
    ),
    "a Lambda function": ("lambda", {"VpcConfig": {"SecurityGroupIds": [SUBJECT]}}),
    "a launch configuration": (
        "launch-config",
        {"SecurityGroups": [SUBJECT], "ClassicLinkVPCSecurityGroups": []},
    ),
    "a scheduled ECS task": (
        "event-rule-target",
        {"EcsParameters": {"NetworkConfiguration": {"awsvpcConfiguration": {"SecurityGroups": [SUBJECT]}}}},
    ),
    "a CodeBuild project": ("codebuild", {"vpcConfig": {"securityGroupIds": [SUBJECT]}}),
    "a Batch compute environment": (
        "aws.batch-compute",
        {"computeResources": {"securityGroupIds": [SUBJECT]}},
    ),
}


@pytest.mark.parametrize("reference", REFERENCES)
def test_one_reference_is_enough_not_to_match(account: Account, reference: str) -> None:
    kind, resource = REFERENCES[reference]
    account({kind: [resource]})
    assert unused(group(group_id=SUBJECT)) == set()


def test_references_to_other_groups_do_not_count(account: Account) -> None:
    account({"eni": [{"Groups": [{"GroupId": OTHER}]}]})
    assert unused(group(group_id=SUBJECT), group(group_id=OTHER)) == {SUBJECT}


def test_a_rule_of_its_own_is_no_use(account: Account) -> None:
    itself = group(
        all_traffic(SUBJECT), tcp(22, 22, PRIVATE), group_id=SUBJECT, egress=(all_traffic(SUBJECT),)
    )
    account({"security-group": [itself]})
    assert unused(itself) == {SUBJECT}


def test_a_rule_in_a_peered_vpc_is_use(account: Account) -> None:
    account(peered=[SUBJECT])
    assert unused(group(group_id=SUBJECT), group(group_id=OTHER)) == {OTHER}


def test_two_groups_that_only_name_each_other_do_not_match(account: Account) -> None:
    """Neither unused nor in use: the two columns are not opposites."""
    pair = [group(tcp(22, 22, OTHER), group_id=SUBJECT), group(tcp(22, 22, SUBJECT), group_id=OTHER)]
    account({"security-group": pair})
    assert unused(*pair) == set()
