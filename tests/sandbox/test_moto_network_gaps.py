from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

HERE, ELSEWHERE = "666666666666", "ap-northeast-1"
Client = Callable[..., Any]


@pytest.fixture
def ec2(client: Client) -> Any:
    return client("ec2", HERE)


def vpc(ec2: Any, ipv6: bool = False) -> Any:
    return ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=ipv6)["Vpc"]


def subnet(ec2: Any, vpc_id: str) -> str:
    return str(ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"])


def interface(ec2: Any, interface_id: str) -> Any:
    [found] = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface_id])["NetworkInterfaces"]
    return found


def states(ec2: Any, table_id: str) -> dict[str, str]:
    """The state of each route of a table, by its target."""
    [table] = ec2.describe_route_tables(RouteTableIds=[table_id])["RouteTables"]
    return {route.get("GatewayId") or route["NatGatewayId"]: route["State"] for route in table["Routes"]}


def test_a_default_vpc_leads_to_its_internet_gateway(client: Client) -> None:
    ec2 = client("ec2", HERE, ELSEWHERE)
    [default] = ec2.describe_vpcs()["Vpcs"]
    [gateway] = ec2.describe_internet_gateways()["InternetGateways"]
    assert gateway["Attachments"] == [{"State": "available", "VpcId": default["VpcId"]}]
    [main] = ec2.describe_route_tables()["RouteTables"]
    assert [association["Main"] for association in main["Associations"]] == [True]
    assert {route["DestinationCidrBlock"]: route["GatewayId"] for route in main["Routes"]} == {
        "172.31.0.0/16": "local",
        "0.0.0.0/0": gateway["InternetGatewayId"],
    }


# Of each ACL (number, action, addresses), the same in and out.
CLOSING, CLOSING_V6 = (32767, "deny", "0.0.0.0/0"), (32768, "deny", "::/0")
ALLOW, ALLOW_V6 = (100, "allow", "0.0.0.0/0"), (101, "allow", "::/0")


@pytest.mark.parametrize(
    ("ipv6", "default", "custom"),
    [
        (False, [ALLOW, CLOSING], [CLOSING]),
        (True, [ALLOW, ALLOW_V6, CLOSING, CLOSING_V6], [CLOSING, CLOSING_V6]),
    ],
    ids=["IPv4", "IPv6 too"],
)
def test_a_network_acl_ends_with_entries_that_deny_all(
    ec2: Any, ipv6: bool, default: list[Any], custom: list[Any]
) -> None:
    vpc_id = vpc(ec2, ipv6)["VpcId"]
    ec2.create_network_acl(VpcId=vpc_id)
    acls = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])["NetworkAcls"]
    assert len(acls) == 2
    for acl in acls:
        assert {entry["Protocol"] for entry in acl["Entries"]} == {"-1"}
        for egress in (True, False):
            entries = sorted(
                (entry["RuleNumber"], entry["RuleAction"], entry.get("CidrBlock") or entry["Ipv6CidrBlock"])
                for entry in acl["Entries"]
                if entry["Egress"] is egress
            )
            assert entries == (default if acl["IsDefault"] else custom)


def test_an_interface_of_ipv6_alone_has_no_ipv4_address(ec2: Any) -> None:
    made = vpc(ec2, ipv6=True)
    block = made["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("/56", "/64")
    of_ipv6 = ec2.create_subnet(VpcId=made["VpcId"], Ipv6Native=True, Ipv6CidrBlock=block)["Subnet"]
    created = ec2.create_network_interface(SubnetId=of_ipv6["SubnetId"], Ipv6AddressCount=1)
    found = interface(ec2, created["NetworkInterface"]["NetworkInterfaceId"])
    assert "PrivateIpAddress" not in found
    assert found["PrivateIpAddresses"] == []
    assert len(found["Ipv6Addresses"]) == 1


def test_an_elastic_ip_stands_at_its_private_address(ec2: Any) -> None:
    created = ec2.create_network_interface(
        SubnetId=subnet(ec2, vpc(ec2)["VpcId"]), SecondaryPrivateIpAddressCount=1
    )["NetworkInterface"]
    interface_id = created["NetworkInterfaceId"]
    first, second = (each["PrivateIpAddress"] for each in created["PrivateIpAddresses"])

    def associate(public: str, private: str) -> str:
        allocated = ec2.allocate_address(Domain="vpc", Address=public)["AllocationId"]
        answer = ec2.associate_address(
            AllocationId=allocated, NetworkInterfaceId=interface_id, PrivateIpAddress=private
        )
        return str(answer["AssociationId"])

    association = associate("203.0.113.2", second)
    found = interface(ec2, interface_id)
    assert "PublicIp" not in found.get("Association", {})
    at = {each["PrivateIpAddress"]: each.get("Association", {}) for each in found["PrivateIpAddresses"]}
    assert (at[second]["PublicIp"], at[second]["AssociationId"]) == ("203.0.113.2", association)

    associate("203.0.113.1", first)
    found = interface(ec2, interface_id)
    assert found["Association"]["PublicIp"] == "203.0.113.1"
    at = {each["PrivateIpAddress"]: each.get("Association", {}) for each in found["PrivateIpAddresses"]}
    assert at[second]["PublicIp"] == "203.0.113.2"

    with pytest.raises(ClientError, match="InvalidParameterValue"):
        associate("203.0.113.3", "192.0.2.1")


def test_what_aws_manages_is_told_and_a_nat_gateway_carries_no_group(ec2: Any) -> None:
    made = subnet(ec2, vpc(ec2)["VpcId"])
    ec2.create_nat_gateway(SubnetId=made, AllocationId=ec2.allocate_address(Domain="vpc")["AllocationId"])
    for description in ("ELB app/web/50dc6c495c0c9188", "mine"):
        ec2.create_network_interface(SubnetId=made, Description=description)
    found = ec2.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": [made]}])
    assert [(each["RequesterManaged"], len(each["Groups"])) for each in found["NetworkInterfaces"]] == [
        (True, 0),
        (True, 1),
        (False, 1),
    ]


def test_a_route_whose_gateway_is_gone_is_a_blackhole(ec2: Any) -> None:
    vpc_id = vpc(ec2)["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc_id)
    allocated = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnet(ec2, vpc_id), AllocationId=allocated)["NatGateway"]
    table = ec2.create_route_table(VpcId=vpc_id)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="8.0.0.0/8", NatGatewayId=nat["NatGatewayId"])
    assert set(states(ec2, table).values()) == {"active"}

    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc_id)
    ec2.delete_nat_gateway(NatGatewayId=nat["NatGatewayId"])
    gone = {gateway: "blackhole", nat["NatGatewayId"]: "blackhole"}
    assert states(ec2, table) == gone | {"local": "active"}

    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc(ec2)["VpcId"])
    assert states(ec2, table)[gateway] == "blackhole"


def test_entries_of_a_prefix_list_come_a_hundred_at_a_time(ec2: Any) -> None:
    cidrs = [f"10.0.{number}.0/24" for number in range(250)]
    list_id = ec2.create_managed_prefix_list(
        PrefixListName="long",
        AddressFamily="IPv4",
        MaxEntries=250,
        Entries=[{"Cidr": cidr} for cidr in cidrs],
    )["PrefixList"]["PrefixListId"]
    pages = list(ec2.get_paginator("get_managed_prefix_list_entries").paginate(PrefixListId=list_id))
    assert [len(page["Entries"]) for page in pages] == [100, 100, 50]
    assert [entry["Cidr"] for page in pages for entry in page["Entries"]] == cidrs
    asked = ec2.get_managed_prefix_list_entries(PrefixListId=list_id, MaxResults=7)
    assert len(asked["Entries"]) == 7


def test_a_subnet_tells_whether_public_access_to_it_is_blocked(client: Client) -> None:
    ec2 = client("ec2", HERE, "ap-northeast-2")

    def modes() -> dict[str, str]:
        return {
            found["SubnetId"]: found["BlockPublicAccessStates"]["InternetGatewayBlockMode"]
            for found in ec2.describe_subnets()["Subnets"]
        }

    first, second, *others = modes()
    assert set(modes().values()) == {"off"}

    ec2.modify_vpc_block_public_access_options(InternetGatewayBlockMode="block-bidirectional")
    for subnet_id, mode in ((first, "allow-bidirectional"), (second, "allow-egress")):
        ec2.create_vpc_block_public_access_exclusion(SubnetId=subnet_id, InternetGatewayExclusionMode=mode)
    assert modes() == {first: "off", second: "block-ingress"} | dict.fromkeys(others, "block-bidirectional")
