"""Builds the VPCs of a cell: subnets, gateways, route tables and network ACLs. See `builder`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from itertools import islice
from typing import Any

from reporter.sandbox.resources import (
    DETACHED,
    EGRESS_ONLY,
    FIREWALL,
    INTERNET,
    NAT,
    AclEntry,
    Route,
    Subnet,
    Vpc,
)

# The gateway that a VPC had before comes first, as a VPC has one at a time.
_TARGETS = (DETACHED, INTERNET, NAT, EGRESS_ONLY, FIREWALL)
_PROTOCOLS = {"tcp": "6", "udp": "17", "-1": "-1"}  # a network ACL takes numbers alone


@dataclass(frozen=True)
class Built:
    """Ids by name: of VPCs, and of subnets by VPC/SUBNET."""

    vpcs: dict[str, str] = field(default_factory=dict)
    subnets: dict[str, str] = field(default_factory=dict)


def build(ec2: Any, vpcs: Sequence[Vpc]) -> Built:
    """All VPCs of a cell."""
    built = Built()
    sealed = set()
    for vpc in vpcs:
        created = ec2.create_vpc(CidrBlock=vpc.cidr, AmazonProvidedIpv6CidrBlock=vpc.has_ipv6)["Vpc"]
        vpc_id = built.vpcs[vpc.name] = created["VpcId"]
        for subnet in vpc.subnets:
            subnet_id = _create_subnet(ec2, vpc_id, subnet, created.get("Ipv6CidrBlockAssociationSet"))
            built.subnets[f"{vpc.name}/{subnet.name}"] = subnet_id
            if subnet.acl is not None:
                _create_acl(ec2, vpc_id, subnet_id, subnet.acl)
            if subnet.sealed:
                sealed.add(subnet_id)
        _create_routes(
            ec2, vpc_id, vpc, [built.subnets[f"{vpc.name}/{subnet.name}"] for subnet in vpc.subnets]
        )
    if sealed:
        _block_public_access(ec2, sealed)
    return built


def _create_subnet(ec2: Any, vpc_id: str, subnet: Subnet, ipv6: list[dict[str, Any]]) -> str:
    wanted: dict[str, Any] = {"VpcId": vpc_id}
    if subnet.ipv6 is not None:
        ranges = ip_network(ipv6[0]["Ipv6CidrBlock"]).subnets(new_prefix=64)
        wanted["Ipv6CidrBlock"] = str(next(islice(ranges, subnet.ipv6, None)))
    wanted |= {"CidrBlock": subnet.cidr} if subnet.cidr else {"Ipv6Native": True}
    return str(ec2.create_subnet(**wanted)["Subnet"]["SubnetId"])


def _create_acl(ec2: Any, vpc_id: str, subnet_id: str, entries: Sequence[AclEntry]) -> None:
    acl_id = ec2.create_network_acl(VpcId=vpc_id)["NetworkAcl"]["NetworkAclId"]
    for entry in entries:
        wanted: dict[str, Any] = {"CidrBlock": entry.cidr}
        if entry.ports:
            first, _, last = entry.ports.partition("-")
            wanted["PortRange"] = {"From": int(first), "To": int(last or first)}
        ec2.create_network_acl_entry(
            NetworkAclId=acl_id,
            RuleNumber=entry.number,
            Protocol=_PROTOCOLS[entry.protocol],
            RuleAction=entry.action,
            Egress=entry.egress,
            **wanted,
        )
    of_subnet = [{"Name": "association.subnet-id", "Values": [subnet_id]}]
    [default] = ec2.describe_network_acls(Filters=of_subnet)["NetworkAcls"]
    [association] = [each for each in default["Associations"] if each["SubnetId"] == subnet_id]
    ec2.replace_network_acl_association(
        AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl_id
    )


def _create_routes(ec2: Any, vpc_id: str, vpc: Vpc, subnet_ids: Sequence[str]) -> None:
    of_vpc = [{"Name": "vpc-id", "Values": [vpc_id]}]
    [main] = ec2.describe_route_tables(Filters=of_vpc)["RouteTables"]
    routes: list[tuple[str, Route]] = [(main["RouteTableId"], route) for route in vpc.main_routes]
    for subnet, subnet_id in zip(vpc.subnets, subnet_ids, strict=True):
        if subnet.routes is not None:
            table_id = ec2.create_route_table(VpcId=vpc_id)["RouteTable"]["RouteTableId"]
            ec2.associate_route_table(RouteTableId=table_id, SubnetId=subnet_id)
            routes += [(table_id, route) for route in subnet.routes]
    for target in _TARGETS:
        led = [(table_id, route) for table_id, route in routes if route.target == target]
        if not led:
            continue
        kind, target_id = _create_target(ec2, target, vpc_id, subnet_ids[0])
        for table_id, route in led:
            family = "DestinationIpv6CidrBlock" if ":" in route.destination else "DestinationCidrBlock"
            ec2.create_route(RouteTableId=table_id, **{family: route.destination, kind: target_id})
        if target == DETACHED:
            ec2.detach_internet_gateway(InternetGatewayId=target_id, VpcId=vpc_id)


def _create_target(ec2: Any, target: str, vpc_id: str, subnet_id: str) -> tuple[str, str]:
    """What a route calls a target of this kind, and the target's id."""
    if target == NAT:
        allocated = ec2.allocate_address(Domain="vpc")["AllocationId"]
        made = ec2.create_nat_gateway(SubnetId=subnet_id, AllocationId=allocated)
        return "NatGatewayId", made["NatGateway"]["NatGatewayId"]
    if target == EGRESS_ONLY:
        made = ec2.create_egress_only_internet_gateway(VpcId=vpc_id)["EgressOnlyInternetGateway"]
        return "EgressOnlyInternetGatewayId", made["EgressOnlyInternetGatewayId"]
    if target == FIREWALL:
        service = f"com.amazonaws.vpce.{ec2.meta.region_name}.vpce-svc-0f1e2d3c4b5a69788"
        made = ec2.create_vpc_endpoint(
            VpcId=vpc_id, ServiceName=service, VpcEndpointType="GatewayLoadBalancer", SubnetIds=[subnet_id]
        )
        return "VpcEndpointId", made["VpcEndpoint"]["VpcEndpointId"]
    gateway_id = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway_id, VpcId=vpc_id)
    return "GatewayId", gateway_id


def _block_public_access(ec2: Any, sealed: set[str]) -> None:
    """To all of the region, with an exclusion for each VPC without a sealed subnet and each other subnet beside one."""
    ec2.modify_vpc_block_public_access_options(InternetGatewayBlockMode="block-bidirectional")
    subnets = ec2.describe_subnets()["Subnets"]
    mixed = {subnet["VpcId"] for subnet in subnets if subnet["SubnetId"] in sealed}
    excluded = {("VpcId", subnet["VpcId"]) for subnet in subnets if subnet["VpcId"] not in mixed}
    excluded |= {
        ("SubnetId", subnet["SubnetId"])
        for subnet in subnets
        if subnet["VpcId"] in mixed and subnet["SubnetId"] not in sealed
    }
    for kind, excluded_id in sorted(excluded):
        ec2.create_vpc_block_public_access_exclusion(
            InternetGatewayExclusionMode="allow-bidirectional", **{kind: excluded_id}
        )
