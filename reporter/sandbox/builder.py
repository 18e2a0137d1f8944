"""Builds the estate, over HTTP: `python -m reporter.sandbox.builder ENDPOINT`. See `estate.fill`."""

import sys
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from reporter.sandbox import network_builder, role_builder
from reporter.sandbox.estate import ACCOUNTS, ESTATE, PEERINGS, REGIONS
from reporter.sandbox.resources import GROUP, PREFIX_LIST, Account, Cell, Instance, Interface, Rule

MACHINE = {"ImageId": "ami-0abcdef1234567890", "InstanceType": "t3.micro"}

# A group as AWS names it in a rule: {"GroupId": …, "UserId": the account that owns it}.
GroupPair = dict[str, str]


class CellBuilder:
    """Builds one cell in two steps: the groups of all cells come first, since a rule may name any of them."""

    def __init__(self, ec2: Any, autoscaling: Any, iam: Any, account: Account, cell: Cell) -> None:
        self.ec2 = ec2
        self.autoscaling = autoscaling
        self.iam = iam
        self.account = account
        self.cell = cell
        self.region: str = ec2.meta.region_name
        subnet = ec2.describe_subnets()["Subnets"][0]
        self.vpc_ids: dict[str, str] = {"": subnet["VpcId"]}
        self.subnet_ids: dict[str, str] = {"": subnet["SubnetId"]}
        self.instance_ids: dict[Instance, str] = {}

    def create_groups(self) -> dict[str, GroupPair]:
        """The cell's groups, by name, without their rules; and its VPCs, which they are in."""
        default = self.ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"][0]
        ids = {"default": default["GroupId"]}
        built = network_builder.build(self.ec2, self.cell.vpcs)
        self.vpc_ids |= built.vpcs
        self.subnet_ids |= built.subnets
        for group in self.cell.groups:
            if group.name == "default":
                self.ec2.revoke_security_group_ingress(
                    GroupId=default["GroupId"], IpPermissions=default["IpPermissions"]
                )
            else:
                ids[group.name] = self.ec2.create_security_group(
                    GroupName=group.name, Description=group.description, VpcId=self.vpc_ids[group.vpc]
                )["GroupId"]
            if group.tags:
                self._tag(ids[group.name], group.tags)
        return {
            name: {"GroupId": group_id, "UserId": self.account.account_id} for name, group_id in ids.items()
        }

    def build(self, groups: Mapping[str, GroupPair]) -> None:
        """The rest of the cell. `groups` are the cell's own by NAME, the whole region's by ACCOUNT/NAME."""
        lists = self._create_prefix_lists()
        for group in self.cell.groups:
            if group.rules:
                self.ec2.authorize_security_group_ingress(
                    GroupId=groups[group.name]["GroupId"],
                    IpPermissions=[_permission(rule, groups, lists) for rule in group.rules],
                )
        for instance in self.cell.instances:
            self._run(instance, [groups[name]["GroupId"] for name in instance.groups])
        for interface in self.cell.interfaces:
            self._create_interfaces(interface, [groups[name]["GroupId"] for name in interface.groups])
        for name in self.cell.launch_configurations:
            self.autoscaling.create_launch_configuration(
                LaunchConfigurationName=name, SecurityGroups=[groups[name]["GroupId"]], **MACHINE
            )

    def give_roles(self) -> None:
        """Give the instances the roles of the account that are for them."""
        for instance, instance_id in self.instance_ids.items():
            if instance.role:
                self.ec2.associate_iam_instance_profile(
                    IamInstanceProfile={"Name": instance.role}, InstanceId=instance_id
                )

    def _create_prefix_lists(self) -> dict[str, str]:
        """Ids by name, with those that AWS has made."""
        for name, cidrs in self.cell.prefix_lists.items():
            self.ec2.create_managed_prefix_list(
                PrefixListName=name,
                AddressFamily="IPv4",
                MaxEntries=len(cidrs),
                Entries=[{"Cidr": cidr} for cidr in cidrs],
            )
        lists = self.ec2.describe_managed_prefix_lists()["PrefixLists"]
        return {each["PrefixListName"]: each["PrefixListId"] for each in lists}

    def _run(self, instance: Instance, group_ids: list[str]) -> None:
        launched = self.ec2.run_instances(
            MinCount=1, MaxCount=1, SubnetId=self.subnet_ids[""], SecurityGroupIds=group_ids, **MACHINE
        )
        instance_id = self.instance_ids[instance] = launched["Instances"][0]["InstanceId"]
        if instance.name:
            self._tag(instance_id, {"Name": instance.name})
        if instance.stopped:
            self.ec2.stop_instances(InstanceIds=[instance_id])

    def _create_interfaces(self, interface: Interface, group_ids: list[str]) -> None:
        wanted: dict[str, Any] = {
            "SubnetId": self.subnet_ids[interface.subnet],
            "Description": interface.description,
            "Groups": group_ids,
        }
        wanted |= {"SecondaryPrivateIpAddressCount": 1} if interface.second_public else {}
        wanted |= {"Ipv6AddressCount": 1} if interface.ipv6 else {}
        for _ in range(interface.count):
            created = self.ec2.create_network_interface(**wanted)["NetworkInterface"]
            for private, public in zip(
                created["PrivateIpAddresses"], (interface.public, interface.second_public), strict=False
            ):
                if public:
                    allocated = self.ec2.allocate_address(Domain="vpc", Address=public)
                    self.ec2.associate_address(
                        AllocationId=allocated["AllocationId"],
                        NetworkInterfaceId=created["NetworkInterfaceId"],
                        PrivateIpAddress=private["PrivateIpAddress"],
                    )

    def _tag(self, resource_id: str, tags: Mapping[str, str]) -> None:
        self.ec2.create_tags(
            Resources=[resource_id], Tags=[{"Key": key, "Value": value} for key, value in tags.items()]
        )


def _permission(
    rule: Rule, groups: Mapping[str, GroupPair], prefix_lists: Mapping[str, str]
) -> dict[str, Any]:
    """The rule as EC2 takes it."""
    permission: dict[str, Any] = {"IpProtocol": rule.protocol}
    told = {"Description": rule.description} if rule.description else {}
    if rule.ports:
        first, _, last = rule.ports.partition("-")
        permission |= {"FromPort": int(first), "ToPort": int(last or first)}
    if rule.source.startswith(GROUP):
        permission["UserIdGroupPairs"] = [groups[rule.source.removeprefix(GROUP)] | told]
    elif rule.source.startswith(PREFIX_LIST):
        list_id = prefix_lists[rule.source.removeprefix(PREFIX_LIST)]
        permission["PrefixListIds"] = [{"PrefixListId": list_id} | told]
    elif ":" in rule.source:
        permission["Ipv6Ranges"] = [{"CidrIpv6": rule.source} | told]
    else:
        permission["IpRanges"] = [{"CidrIp": rule.source} | told]
    return permission


def _builders(endpoint: str) -> dict[tuple[str, str], CellBuilder]:
    """One for every account and region, whose clients have assumed the account's role."""
    session = boto3.Session()
    once = Config(retries={"total_max_attempts": 1})  # a sandbox answers at once, or it is not there
    sts = session.client("sts", endpoint_url=endpoint, config=once)
    builders = {}
    for account in ACCOUNTS:
        assumed = sts.assume_role(RoleArn=account.role, RoleSessionName="builder")["Credentials"]
        access = {
            "endpoint_url": endpoint,
            "config": once,
            "aws_access_key_id": assumed["AccessKeyId"],
            "aws_secret_access_key": assumed["SecretAccessKey"],
            "aws_session_token": assumed["SessionToken"],
        }
        for region in REGIONS:
            ec2 = session.client("ec2", region_name=region, **access)
            autoscaling = session.client("autoscaling", region_name=region, **access)
            iam = session.client("iam", region_name=region, **access)
            cell = ESTATE.get((account.name, region), Cell())
            builders[account.name, region] = CellBuilder(ec2, autoscaling, iam, account, cell)
    return builders


def _peer(ours: CellBuilder, theirs: CellBuilder) -> None:
    requested = ours.ec2.create_vpc_peering_connection(
        VpcId=ours.vpc_ids[""],
        PeerVpcId=theirs.vpc_ids[""],
        PeerOwnerId=theirs.account.account_id,
        PeerRegion=theirs.region,
    )
    theirs.ec2.accept_vpc_peering_connection(
        VpcPeeringConnectionId=requested["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    )


def main(endpoint: str) -> None:
    builders = _builders(endpoint)
    for ours, theirs in PEERINGS:
        _peer(builders[ours], builders[theirs])

    cells = list(builders.values())
    # One after the other, though it could be done side by side: what the sandbox draws ids for has the same each time.
    own = [cell.create_groups() for cell in cells]
    for cell, groups in zip(cells, own, strict=True):
        abroad = {
            f"{other.account.name}/{name}": pair
            for other, theirs in zip(cells, own, strict=True)
            if other.region == cell.region
            for name, pair in theirs.items()
        }
        cell.build(abroad | groups)
    # Last, so that what has been there before keeps its ids.
    for account in ACCOUNTS:
        role_builder.build(builders[account.name, REGIONS[0]].iam, account.roles)
    for cell in cells:
        cell.give_roles()


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except (BotoCoreError, ClientError) as error:
        sys.exit(str(error))
