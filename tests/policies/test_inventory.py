"""The inventories let everything through: what they dropped, the report could not join."""

import pytest

from .engine import Resource, matching
from .groups import ANYWHERE, group, tcp

GROUPS = [
    group(group_id="sg-1"),
    group(tcp(22, 22, ANYWHERE), group_id="sg-2"),
    group(group_id="sg-3", name="default"),
]

INTERFACES = [
    {"NetworkInterfaceId": "eni-1", "Status": "in-use", "Groups": [{"GroupId": "sg-1"}]},
    {"NetworkInterfaceId": "eni-2", "Status": "available", "Groups": []},
    {"NetworkInterfaceId": "eni-3", "Status": "in-use", "InterfaceType": "lambda", "Groups": []},
]

INSTANCES = [
    {"InstanceId": f"i-{code}", "State": {"Code": code, "Name": name}, "SecurityGroups": []}
    for code, name in {0: "pending", 16: "running", 48: "terminated", 80: "stopped"}.items()
]

SUBNETS = [
    {"SubnetId": "subnet-1", "State": "available"},
    {"SubnetId": "subnet-2", "State": "pending", "OwnerId": "210987654321"},
]

ROUTE_TABLES = [
    {"RouteTableId": "rtb-1", "Associations": [{"Main": True}], "Routes": [{"State": "blackhole"}]},
    {"RouteTableId": "rtb-2", "Associations": [], "Routes": []},
]

NETWORK_ACLS = [
    {"NetworkAclId": "acl-1", "IsDefault": True, "Associations": [], "Entries": []},
    {"NetworkAclId": "acl-2", "IsDefault": False, "Associations": [{"SubnetId": "subnet-1"}]},
]


@pytest.mark.parametrize(
    ("policy", "resources"),
    [
        ("sg-inventory", GROUPS),
        ("eni-inventory", INTERFACES),
        ("ec2-inventory", INSTANCES),
        ("subnet-inventory", SUBNETS),
        ("route-table-inventory", ROUTE_TABLES),
        ("network-acl-inventory", NETWORK_ACLS),
    ],
)
def test_everything_passes_as_it_is(policy: str, resources: list[Resource]) -> None:
    assert matching(policy, resources) == resources
