"""The inventories of the network, on an account that has what AWS gives every account, and a little more."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.lab import POLICIES, Lab, Ran, role

ACCOUNT = "888888888888"
REGION = "eu-west-1"
ENTRIES = "c7n:prefix-entries"

# More than the hundred that AWS answers with at a time, twice over.
LONG = [f"10.{number}.0.0/16" for number in range(250)]
VENDOR = [{"Cidr": "198.51.100.0/24", "Description": "their office"}, {"Cidr": "203.0.113.7/32"}]


@dataclass
class Network:
    """The account, and a run over it."""

    ec2: Any
    ran: Ran

    def found(self, policy: str, key: str) -> dict[str, dict[str, Any]]:
        path = self.ran.folder / "acme" / REGION / policy / "resources.json"
        return {each[key]: each for each in json.loads(path.read_text())}


@pytest.fixture(scope="module")
def network(lab: Lab, aws_client: Callable[..., Any]) -> Network:
    ec2, elbv2 = (aws_client(service, ACCOUNT, REGION) for service in ("ec2", "elbv2"))
    for name, entries in (
        ("vendor", VENDOR),
        ("empty", []),
        ("long", [{"Cidr": cidr} for cidr in LONG]),
    ):
        ec2.create_managed_prefix_list(
            PrefixListName=name, AddressFamily="IPv4", MaxEntries=250, Entries=entries
        )
    subnet = ec2.describe_subnets()["Subnets"][0]
    elbv2.create_load_balancer(
        Name="edge", Type="network", Scheme="internet-facing", Subnets=[subnet["SubnetId"]]
    )
    for name, protocol in (("edge", "TCP"), ("web", "HTTP")):
        made = elbv2.create_target_group(Name=name, Protocol=protocol, Port=8443, VpcId=subnet["VpcId"])
        if protocol == "TCP":
            elbv2.modify_target_group_attributes(
                TargetGroupArn=made["TargetGroups"][0]["TargetGroupArn"],
                Attributes=[{"Key": "preserve_client_ip.enabled", "Value": "true"}],
            )
    lab.accounts({"name": "acme", "account_id": ACCOUNT, "role": role(ACCOUNT), "regions": [REGION]})
    ran = lab.run(policies=[POLICIES / "11-network.yml", POLICIES / "optional"])
    assert ran.code == 0, ran.err
    return Network(ec2, ran)


@pytest.mark.parametrize(
    ("policy", "operation", "listed", "key"),
    [
        ("subnet-inventory", "describe_subnets", "Subnets", "SubnetId"),
        ("route-table-inventory", "describe_route_tables", "RouteTables", "RouteTableId"),
        ("network-acl-inventory", "describe_network_acls", "NetworkAcls", "NetworkAclId"),
        ("prefix-list-inventory", "describe_managed_prefix_lists", "PrefixLists", "PrefixListId"),
    ],
)
def test_all_there_is_is_listed_as_aws_tells_it(
    network: Network, policy: str, operation: str, listed: str, key: str
) -> None:
    there = {each[key]: each for each in getattr(network.ec2, operation)()[listed]}
    found = network.found(policy, key)
    assert there
    assert found.keys() == there.keys()
    for each in found.values():
        told = {name: value for name, value in each.items() if not name.startswith("c7n:")}
        assert told == there[each[key]]


def test_every_prefix_list_has_its_entries_and_an_empty_one_has_none(network: Network) -> None:
    found = network.found("prefix-list-inventory", "PrefixListName")
    assert all(ENTRIES in each for each in found.values())
    assert found["vendor"][ENTRIES] == VENDOR
    assert found["empty"][ENTRIES] == []
    # AWS's own are read too.
    assert {"Cidr": "54.231.0.0/16", "Description": "default"} in found[f"com.amazonaws.{REGION}.s3"][ENTRIES]


def test_a_prefix_list_of_more_than_a_page_is_read_to_its_end(network: Network) -> None:
    found = network.found("prefix-list-inventory", "PrefixListName")["long"]
    assert (
        len(network.ec2.get_managed_prefix_list_entries(PrefixListId=found["PrefixListId"])["Entries"]) == 100
    )
    assert [entry["Cidr"] for entry in found[ENTRIES]] == LONG
    # What the filter says of it, which it says of all entries too.
    assert [entry["Cidr"] for entry in found["c7n:matched-entries"]] == LONG


def test_load_balancers_and_target_groups_that_keep_the_clients_address_or_have_no_say(
    network: Network,
) -> None:
    edge = network.found("app-elb-inventory", "LoadBalancerName")["edge"]
    assert (edge["Type"], edge["Scheme"]) == ("network", "internet-facing")
    groups = network.found("app-elb-target-group-inventory", "TargetGroupName")
    assert groups.keys() == {"edge", "web"}
    attributes = {name: each["c7n:TargetGroupAttributes"] for name, each in groups.items()}
    assert attributes["edge"]["preserve_client_ip.enabled"] is True
    assert attributes["web"] and "preserve_client_ip.enabled" not in attributes["web"]
    assert all("TargetHealthDescriptions" in each for each in groups.values())
