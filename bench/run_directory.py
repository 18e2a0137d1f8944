"""Makes a run directory of any size, as a run of sg-audit would leave it.

    python bench/run_directory.py FOLDER --accounts 100 --regions 4 --groups 250 [--different]

Each account and region gets `--groups` groups, 1.2 interfaces a group and an instance for every fourth. With
`--different` no rule that the world is not in is like another: each has an address of its own.
"""

import argparse
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import msgspec
from distant_aws import REGIONS, identifier

from reporter.accounts.expected import PlannedAccount
from reporter.custodian import policies
from reporter.output import manifest
from reporter.output.manifest import Cell, Manifest, RunState, Status
from reporter.output.store import Folder

SUBNETS = 6  # in each account and region

_POLICY_SET = policies.read([Path(__file__).parents[1] / "policies"])
POLICIES, POLICY_TEXTS = _POLICY_SET.planned, _POLICY_SET.data["policies"]


def group(account: str, region: str, number: int, different: bool = False) -> dict[str, Any]:
    """A security group as DescribeSecurityGroups has it."""
    web = "0.0.0.0/0" if number % 5 == 0 else "10.0.0.0/8"
    # Two of three are like others, as templates make them; the third has an address of its own.
    own = f"10.{number % 250}.{int(account) % 250}.0/24" if number % 3 == 1 else "10.0.0.0/8"
    rules = [("tcp", 443, web), ("tcp", 5432, own), ("udp", 53, "10.0.0.0/8")]
    if number % 3 == 0:
        rules.append(("tcp", 22, "0.0.0.0/0" if number % 9 == 0 else "10.0.0.0/8"))
    if different:
        first = 4 * int(identifier("", account, region, number)[1:]) % 2**32
        rules = [
            (protocol, port, source if source == "0.0.0.0/0" else f"{ip_address(first + place)}/32")
            for place, (protocol, port, source) in enumerate(rules)
        ]
    return {
        "Description": f"Group {number} of {region}",
        "GroupName": "default" if number == 0 else f"service-{number}",
        "IpPermissions": [
            {
                "FromPort": port,
                "IpProtocol": protocol,
                "IpRanges": [{"CidrIp": source, "Description": "rule"}],
                "Ipv6Ranges": [],
                "PrefixListIds": [],
                "ToPort": port,
                "UserIdGroupPairs": [],
            }
            for protocol, port, source in rules
        ],
        "IpPermissionsEgress": [
            {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "UserIdGroupPairs": []}
        ],
        "OwnerId": account,
        "GroupId": identifier("sg", account, region, number),
        "Tags": [{"Key": "team", "Value": "platform"}, {"Key": "Name", "Value": f"service-{number}"}],
        "VpcId": identifier("vpc", account, region, 0),
    }


def matched(group: dict[str, Any], rule: int) -> dict[str, object]:
    """A group as Custodian leaves it where one of its rules matched: 0 is that on port 443, and -1 that on 22."""
    return group | {"MatchedIpPermissions": [group["IpPermissions"][rule]]}


def interface(account: str, region: str, number: int, groups: int) -> dict[str, object]:
    """A network interface as DescribeNetworkInterfaces has it."""
    on = number % groups
    address = f"10.{number // 62500}.{number // 250 % 250}.{number % 250}"
    public = {"Association": {"PublicIp": f"203.{address[3:]}"}} if number % 3 == 0 else {}
    return {
        "Attachment": {
            "AttachmentId": identifier("attach", account, region, number),
            "DeleteOnTermination": True,
            "DeviceIndex": 0,
            **({"InstanceId": identifier("i", account, region, on)} if on % 4 == 0 else {}),
            "Status": "attached",
        },
        "AvailabilityZone": f"{region}a",
        "Description": f"interface {number}",
        "Groups": [{"GroupId": identifier("sg", account, region, on), "GroupName": f"service-{on}"}],
        "InterfaceType": "interface",
        "MacAddress": "0a:00:00:00:00:00",
        "NetworkInterfaceId": identifier("eni", account, region, number),
        "OwnerId": account,
        "PrivateIpAddress": address,
        "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": address, **public}],
        **public,
        "SourceDestCheck": True,
        "Status": "in-use",
        "SubnetId": identifier("subnet", account, region, number % SUBNETS),
        "TagSet": [],
        "VpcId": identifier("vpc", account, region, 0),
    }


def network(account: str, region: str) -> dict[str, list[dict[str, object]]]:
    """Subnets, half of them public, with their route tables and network ACLs, and a prefix list."""
    vpc = identifier("vpc", account, region, 0)
    subnets = [identifier("subnet", account, region, each) for each in range(SUBNETS)]
    world = {"CidrBlock": "0.0.0.0/0", "Protocol": "-1", "RuleAction": "allow"}
    return {
        "subnet-inventory": [{"SubnetId": each, "VpcId": vpc, "OwnerId": account} for each in subnets],
        "route-table-inventory": [
            {
                "RouteTableId": identifier("rtb", account, region, number),
                "VpcId": vpc,
                "OwnerId": account,
                "Associations": [{"Main": False, "SubnetId": each} for each in subnets[number::2]],
                "Routes": [{"DestinationCidrBlock": "0.0.0.0/0", "State": "active", **target}],
            }
            for number, target in enumerate(({"GatewayId": "igw-1"}, {"NatGatewayId": "nat-1"}))
        ],
        "network-acl-inventory": [
            {
                "NetworkAclId": identifier("acl", account, region, 0),
                "Associations": [{"SubnetId": each} for each in subnets],
                "Entries": [world | {"RuleNumber": 100, "Egress": egress} for egress in (False, True)],
            }
        ],
        "prefix-list-inventory": [
            {
                "PrefixListId": identifier("pl", account, region, 0),
                "c7n:prefix-entries": [{"Cidr": "10.0.0.0/8"}],
            }
        ],
    }


def instance(account: str, region: str, number: int) -> dict[str, object]:
    """An instance, as much of it as the report reads."""
    return {
        "InstanceId": identifier("i", account, region, number),
        "InstanceType": "m7g.large",
        "NetworkInterfaces": [],
        "SecurityGroups": [
            {"GroupId": identifier("sg", account, region, number), "GroupName": f"service-{number}"}
        ],
        "State": {"Code": 16, "Name": "running"},
        "Tags": [{"Key": "Name", "Value": f"service-{number}"}],
    }


def resources(account: str, region: str, groups: int, different: bool = False) -> dict[str, list[Any]]:
    """What the policies that found anything in an account and region found, by policy."""
    everything = [group(account, region, each, different) for each in range(groups)]
    return {
        "sg-inventory": everything,
        "eni-inventory": [interface(account, region, each, groups) for each in range(groups * 6 // 5)],
        "ec2-inventory": [instance(account, region, each) for each in range(0, groups, 4)],
        "sg-default": everything[:1],
        "sg-ssh-open": [matched(each, -1) for each in everything[::3]],
        "sg-ssh-world": [matched(each, -1) for each in everything[::9]],
        "sg-web-world": [matched(each, 0) for each in everything[::5]],
        **network(account, region),
    }


def accounts_of(accounts: int, regions: int) -> list[PlannedAccount]:
    """The accounts that a run of this size is over."""
    return [
        PlannedAccount(f"account-{number:04d}", f"{number:012d}", tuple(REGIONS[:regions]))
        for number in range(1, accounts + 1)
    ]


def manifest_of(planned: list[PlannedAccount], cells: list[Cell]) -> Manifest:
    """The manifest of a finished run."""
    started = "2026-01-01T00:00:00+00:00"
    return Manifest("bench", started, started, RunState.FINISHED, POLICIES, tuple(planned), tuple(cells))


def make(folder: Path, accounts: int, regions: int, groups: int, different: bool = False) -> None:
    """Write the run directory; the folder must not exist."""
    cells, planned = [], accounts_of(accounts, regions)
    for account in planned:
        for region in account.regions:
            there = resources(account.account_id, region, groups, different)
            for policy in (each.name for each in POLICIES):
                found = there.get(policy, [])
                place = folder / account.name / region / policy
                place.mkdir(parents=True)
                (place / "resources.json").write_bytes(
                    msgspec.json.format(msgspec.json.encode(found), indent=2)
                )
                cells.append(
                    Cell(account.name, account.account_id, region, policy, Status.OK, len(found), 0.1)
                )
    manifest.write(Folder(folder), manifest_of(planned, cells))


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes a run directory of any size.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--accounts", type=int, default=100)
    parser.add_argument("--regions", type=int, default=4)
    parser.add_argument("--groups", type=int, default=250)
    parser.add_argument("--different", action="store_true")
    options = parser.parse_args()
    make(options.folder, options.accounts, options.regions, options.groups, options.different)


if __name__ == "__main__":
    main()
