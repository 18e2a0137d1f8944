"""What moto lacks where groups are changed: each gap that `moto_change_gaps` fills."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.test_moto_gaps import HERE, SSH, group, vpc

Client = Callable[..., Any]


def rules_of(ec2: Any, group_id: str) -> list[dict[str, Any]]:
    filters = [{"Name": "group-id", "Values": [group_id]}]
    rules = ec2.describe_security_group_rules(Filters=filters)["SecurityGroupRules"]
    return [rule for rule in rules if not rule["IsEgress"]]


def test_a_rule_has_its_description_whatever_its_peer_is(client: Client) -> None:
    ec2 = client("ec2", HERE)
    group_id = group(ec2, vpc(ec2))
    prefix_list = ec2.create_managed_prefix_list(
        PrefixListName="p", AddressFamily="IPv4", MaxEntries=1, Entries=[{"Cidr": "10.0.0.0/8"}]
    )["PrefixList"]["PrefixListId"]
    peers = {
        "UserIdGroupPairs": [{"GroupId": group_id, "Description": "of a group"}],
        "PrefixListIds": [{"PrefixListId": prefix_list, "Description": "of a list"}],
    }
    ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[SSH | peers])
    assert [rule["Description"] for rule in rules_of(ec2, group_id)] == ["of a group", "of a list"]
    [permission] = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]["IpPermissions"]
    assert permission["PrefixListIds"] == peers["PrefixListIds"]
    assert permission["UserIdGroupPairs"][0]["Description"] == "of a group"


def test_a_description_does_not_make_another_rule(client: Client) -> None:
    ec2 = client("ec2", HERE)
    group_id = group(ec2, vpc(ec2))
    for description in ("one", "two"):
        permission = SSH | {"UserIdGroupPairs": [{"GroupId": group_id, "Description": description}]}
        if description == "one":
            ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[permission])
        else:
            with pytest.raises(ClientError, match=r"InvalidPermission\.Duplicate"):
                ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[permission])


def test_a_group_that_is_needed_is_not_deleted(client: Client) -> None:
    ec2 = client("ec2", HERE)
    vpc_id = vpc(ec2)
    named = group(ec2, vpc_id)
    other = ec2.create_security_group(GroupName="other", Description="o", VpcId=vpc_id)["GroupId"]
    pair = [{"GroupId": named}]
    ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[SSH | {"UserIdGroupPairs": pair}])
    ec2.authorize_security_group_ingress(GroupId=named, IpPermissions=[SSH | {"UserIdGroupPairs": pair}])
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_security_group(GroupId=named)
    subnet = ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=subnet, Groups=[other])["NetworkInterface"]
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_security_group(GroupId=other)
    ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
    ec2.delete_security_group(GroupId=other)
    ec2.delete_security_group(GroupId=named)  # its own rule that names it is no hindrance
    [default] = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])[
        "SecurityGroups"
    ]
    with pytest.raises(ClientError, match="CannotDelete"):
        ec2.delete_security_group(GroupId=default["GroupId"])


def test_an_instance_has_the_groups_of_its_primary_interface(client: Client) -> None:
    ec2 = client("ec2", HERE)
    vpc_id = vpc(ec2)
    subnet = ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    first = group(ec2, vpc_id)
    second = ec2.create_security_group(GroupName="second", Description="s", VpcId=vpc_id)["GroupId"]
    instance = ec2.run_instances(
        ImageId="ami-0abcdef1234567890", MinCount=1, MaxCount=1, SubnetId=subnet, SecurityGroupIds=[first]
    )["Instances"][0]
    primary = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
    secondary = ec2.create_network_interface(SubnetId=subnet, Groups=[second])["NetworkInterface"][
        "NetworkInterfaceId"
    ]
    ec2.attach_network_interface(
        NetworkInterfaceId=secondary, InstanceId=instance["InstanceId"], DeviceIndex=1
    )

    def carried() -> tuple[list[str], ...]:
        found = ec2.describe_network_interfaces(NetworkInterfaceIds=[primary, secondary])["NetworkInterfaces"]
        by_id = {each["NetworkInterfaceId"]: each["Groups"] for each in found}
        [reservation] = ec2.describe_instances(InstanceIds=[instance["InstanceId"]])["Reservations"]
        of_instance = reservation["Instances"][0]["SecurityGroups"]
        return tuple(
            [each["GroupId"] for each in groups] for groups in (of_instance, by_id[primary], by_id[secondary])
        )

    assert carried() == ([first], [first], [second])
    ec2.modify_network_interface_attribute(NetworkInterfaceId=primary, Groups=[second])
    assert carried() == ([second], [second], [second])
    ec2.modify_network_interface_attribute(NetworkInterfaceId=secondary, Groups=[first])
    assert carried() == ([second], [second], [first])
    ec2.modify_instance_attribute(InstanceId=instance["InstanceId"], Groups=[first, second])
    assert carried() == ([first, second], [first, second], [first])
