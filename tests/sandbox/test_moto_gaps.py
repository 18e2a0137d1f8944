from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

HERE, THERE = "444444444444", "555555555555"
SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}


def vpc(ec2: Any) -> str:
    return str(ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"])


def group(ec2: Any, vpc_id: str) -> str:
    return str(ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc_id)["GroupId"])


def allow(ec2: Any, group_id: str, source: str, owner: str = HERE) -> None:
    ec2.authorize_security_group_ingress(
        GroupId=group_id,
        IpPermissions=[SSH | {"UserIdGroupPairs": [{"GroupId": source, "UserId": owner}]}],
    )


def peer(ec2: Any, vpc_id: str, other_ec2: Any, other_vpc_id: str, other_owner: str) -> str:
    """An id of a peering connection that is requested, and is not yet accepted."""
    requested = ec2.create_vpc_peering_connection(
        VpcId=vpc_id, PeerVpcId=other_vpc_id, PeerOwnerId=other_owner
    )
    return str(requested["VpcPeeringConnection"]["VpcPeeringConnectionId"])


def references(ec2: Any, *group_ids: str) -> list[dict[str, str]]:
    answer = ec2.describe_security_group_references(GroupId=list(group_ids))
    found: list[dict[str, str]] = answer["SecurityGroupReferenceSet"]
    return found


@pytest.mark.parametrize("owner", [HERE, THERE], ids=["same account", "another account"])
def test_references_count_once_the_peering_is_active(client: Callable[..., Any], owner: str) -> None:
    ours, theirs = client("ec2", HERE), client("ec2", owner)
    our_vpc, their_vpc = vpc(ours), vpc(theirs)
    named, unnamed, naming = group(ours, our_vpc), group(ours, vpc(ours)), group(theirs, their_vpc)
    allow(theirs, naming, named)
    connection = peer(ours, our_vpc, theirs, their_vpc, owner)
    assert references(ours, named, unnamed) == []

    theirs.accept_vpc_peering_connection(VpcPeeringConnectionId=connection)
    assert references(ours, named, unnamed) == [
        {"GroupId": named, "ReferencingVpcId": their_vpc, "VpcPeeringConnectionId": connection}
    ]
    assert references(ours, unnamed) == []
    assert references(theirs, naming) == []

    ours.delete_vpc_peering_connection(VpcPeeringConnectionId=connection)
    assert references(ours, named) == []


def test_references_of_the_same_vpc_or_without_peering_do_not_count(client: Callable[..., Any]) -> None:
    ec2 = client("ec2", HERE)
    vpc_id = vpc(ec2)
    named = group(ec2, vpc_id)
    sibling = ec2.create_security_group(GroupName="h", Description="h", VpcId=vpc_id)["GroupId"]
    allow(ec2, sibling, named)
    allow(ec2, group(ec2, vpc(ec2)), named)
    assert references(ec2, named) == []


def test_references_of_a_group_that_is_not_there_are_refused(client: Callable[..., Any]) -> None:
    with pytest.raises(ClientError, match=r"InvalidGroup\.NotFound"):
        references(client("ec2", HERE), "sg-00000000000000000")


def test_a_default_group_lets_all_in_from_itself(client: Callable[..., Any]) -> None:
    ec2 = client("ec2", HERE)
    default = ec2.describe_security_groups(
        Filters=[
            {"Name": "vpc-id", "Values": [vpc(ec2)]},
            {"Name": "group-name", "Values": ["default"]},
        ]
    )["SecurityGroups"][0]
    [permission] = default["IpPermissions"]
    assert permission["IpProtocol"] == "-1"
    assert "FromPort" not in permission
    assert permission["UserIdGroupPairs"] == [{"GroupId": default["GroupId"], "UserId": HERE}]
    assert permission["IpRanges"] == permission["Ipv6Ranges"] == permission["PrefixListIds"] == []


def test_an_interface_may_carry_a_group_of_another_account(client: Callable[..., Any]) -> None:
    ours, theirs = client("ec2", HERE), client("ec2", THERE)
    lent = group(theirs, vpc(theirs))
    subnet = ours.describe_subnets()["Subnets"][0]["SubnetId"]
    interface = ours.create_network_interface(SubnetId=subnet, Groups=[lent])["NetworkInterface"]
    assert interface["Groups"] == [{"GroupId": lent, "GroupName": "g"}]
    with pytest.raises(ClientError, match=r"InvalidGroup\.NotFound"):
        ours.describe_security_groups(GroupIds=[lent])


def test_a_protocol_without_ports_has_none(client: Callable[..., Any]) -> None:
    ec2 = client("ec2", HERE)
    group_id = group(ec2, vpc(ec2))
    ec2.authorize_security_group_ingress(
        GroupId=group_id, IpPermissions=[{"IpProtocol": "50", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    [permission] = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]["IpPermissions"]
    assert permission["IpProtocol"] == "50"
    assert not {"FromPort", "ToPort"} & permission.keys()


def test_a_launch_configuration_lists_its_classiclink_groups(client: Callable[..., Any]) -> None:
    autoscaling = client("autoscaling", HERE)
    autoscaling.create_launch_configuration(
        LaunchConfigurationName="lc", ImageId="ami-1", InstanceType="t3.micro"
    )
    [configuration] = autoscaling.describe_launch_configurations()["LaunchConfigurations"]
    assert configuration["ClassicLinkVPCSecurityGroups"] == []
