"""Groups as they are, plans made of them by hand, and runs of the scripts."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reporter.inventory.rules import GROUP, IPV4, IPV6, PREFIX_LIST
from reporter.remedy.forms import shell
from reporter.remedy.steps import (
    Access,
    AccountPlan,
    Change,
    Plan,
    RecordedGroup,
    Rule,
    Status,
    Step,
)

REGION = "eu-west-1"

_PEERS = (
    ("IpRanges", "CidrIp", IPV4),
    ("Ipv6Ranges", "CidrIpv6", IPV6),
    ("UserIdGroupPairs", "GroupId", GROUP),
    ("PrefixListIds", "PrefixListId", PREFIX_LIST),
)


def recorded(ec2: Any, group_id: str, account: str = "prod") -> RecordedGroup:
    """A group as it is now."""
    [group] = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
    rules = [
        Rule(
            egress,
            permission["IpProtocol"],
            permission.get("FromPort"),
            permission.get("ToPort"),
            kind,
            peer[key],
            peer.get("Description", ""),
            peer.get("UserId", ""),
        )
        for egress, side in ((False, "IpPermissions"), (True, "IpPermissionsEgress"))
        for permission in group[side]
        for name, key, kind in _PEERS
        for peer in permission.get(name, ())
    ]
    return RecordedGroup(
        account,
        group["OwnerId"],
        REGION,
        group_id,
        group["GroupName"],
        group["Description"],
        group["VpcId"],
        group["OwnerId"],
        tuple((tag["Key"], tag["Value"]) for tag in group.get("Tags", ())),
        tuple(rules),
        group,
    )


def step(change: Change, policy: str = "sg-ssh-world", **more: Any) -> Step:
    group = change.group
    return Step(
        *(group.account, group.account_id, group.region, policy, "SSH open to the world", group.group_id),
        *(group.name, Status.PLANNED, "tcp 22 is open to the world"),
        change=change,
        **more,
    )


def plan(*steps: Step, access: Access | None = None) -> Plan:
    first = steps[0]
    account = AccountPlan(first.account, first.account_id, access or Access(), steps)
    return Plan("2026-11-26T07:00:00Z", "output/latest", "1.0", (account,))


@dataclass(frozen=True)
class Scripts:
    """The scripts of a plan, and the environment that they run in."""

    folder: Path
    env: Mapping[str, str]

    def write(self, made: Plan) -> tuple[Path, ...]:
        return shell.write(made, self.folder)

    def run(self, name: str = "prod.sh", *options: str, **env: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["bash", self.folder / name, *options],
            env={**self.env, **env},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=180,
        )

    def undo(self, *options: str, **env: str) -> "subprocess.CompletedProcess[str]":
        return self.run("undo-prod.sh", *options, **env)


def scripts(folder: Path, env: Mapping[str, str], aws_cli: Path) -> Scripts:
    return Scripts(folder, {**env, "PATH": f"{aws_cli}{os.pathsep}{env['PATH']}"})


def groups(ec2: Any) -> dict[str, Any]:
    """All groups by VPC and name, each with its rules, their descriptions and tags; of groups the names, not the ids,
    since a group that is made again has another. And what interfaces carry."""
    found = ec2.describe_security_groups()["SecurityGroups"]
    named = {group["GroupId"]: f"{group['VpcId']}/{group['GroupName']}" for group in found}
    rules = ec2.describe_security_group_rules()["SecurityGroupRules"]
    state: dict[str, Any] = {
        name: {
            "description": group["Description"],
            "tags": tags(group),
            "rules": sorted(_rule(rule, named) for rule in rules if rule["GroupId"] == group["GroupId"]),
        }
        for group in found
        for name in [named[group["GroupId"]]]
    }
    for interface in ec2.describe_network_interfaces()["NetworkInterfaces"]:
        state[interface["NetworkInterfaceId"]] = sorted(
            named[each["GroupId"]] for each in interface["Groups"]
        )
    for reservation in ec2.describe_instances()["Reservations"]:
        for instance in reservation["Instances"]:
            state[instance["InstanceId"]] = sorted(
                named[each["GroupId"]] for each in instance["SecurityGroups"]
            )
    return state


def _rule(rule: Mapping[str, Any], named: Mapping[str, str]) -> str:
    group = rule.get("ReferencedGroupInfo", {})
    peer = rule.get("CidrIpv4") or rule.get("CidrIpv6") or rule.get("PrefixListId") or named[group["GroupId"]]
    way = "to" if rule["IsEgress"] else "from"
    ports = f"{rule.get('FromPort')}-{rule.get('ToPort')}"
    return f"{rule['IpProtocol']} {ports} {way} {peer} {rule.get('Description', '')!r} {tags(rule)}"


def tags(thing: Mapping[str, Sequence[Mapping[str, str]]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in sorted(thing.get("Tags", ()), key=lambda tag: tag["Key"])}
