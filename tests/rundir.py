"""Run directories written by hand: what Custodian leaves behind, and a run.json beside it."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from reporter.findings.assess import Findings, assess
from reporter.inventory.audit import Audit, read_audit
from reporter.output.reading import open_output
from reporter.report import tables
from reporter.report.table import Table

Resource = dict[str, Any]

#: What a cell may hold instead of resources: AWS said no.
DENIED = "denied"

ACCOUNT_IDS = {"alpha": "111111111111", "beta": "222222222222", "gamma": "333333333333"}
WORLD = "0.0.0.0/0"

POLICIES: tuple[Resource, ...] = (
    {
        "name": "sg-inventory",
        "resource": "aws.security-group",
        "filtered": False,
        "report": {"tab": "security_groups"},
    },
    {"name": "eni-inventory", "resource": "aws.eni", "filtered": False, "report": {"tab": "attachments"}},
    {"name": "ec2-inventory", "resource": "aws.ec2", "filtered": False, "report": {"tab": "attachments"}},
    {
        "name": "sg-default",
        "resource": "aws.security-group",
        "filtered": True,
        "filters": [{"GroupName": "default"}],
        "report": {"tab": "default_sg", "column": "is_default"},
    },
    {
        "name": "sg-ssh-open",
        "resource": "aws.security-group",
        "filtered": True,
        "filters": [{"type": "ingress", "IpProtocol": "tcp"}],
        "report": {"tab": "ssh_open", "column": "has_ssh_rule"},
    },
    {
        "name": "sg-ssh-world",
        "resource": "aws.security-group",
        "filtered": True,
        "filters": [{"type": "ingress", "IpProtocol": "tcp", "Cidr": WORLD}],
        "report": {"tab": "ssh_world", "column": "has_ssh_open_world", "level": "exposed"},
    },
    {
        "name": "sg-unused",
        "resource": "aws.security-group",
        "filtered": True,
        "filters": ["unused"],
        "report": {"column": "unused"},
    },
)


def group(
    group_id: str, name: str = "web", owner: str = "alpha", ssh_from: str = "", vpc: str = "vpc-1"
) -> Resource:
    """A security group, perhaps with a rule that lets SSH in from an IPv4 range."""
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": ssh_from}]}
    return {
        "GroupId": group_id,
        "GroupName": name,
        "Description": f"{name}'s description",
        "OwnerId": ACCOUNT_IDS[owner],
        "VpcId": vpc,
        "IpPermissions": [rule] if ssh_from else [],
        "IpPermissionsEgress": [],
    }


def interface(
    interface_id: str, *groups: Resource, owner: str = "alpha", instance: str = "", vpc: str = "vpc-1"
) -> Resource:
    result = {
        "NetworkInterfaceId": interface_id,
        "InterfaceType": "interface",
        "Description": f"{interface_id}'s description",
        "PrivateIpAddress": "10.0.0.1",
        "OwnerId": ACCOUNT_IDS[owner],
        "VpcId": vpc,
        "Groups": [{"GroupId": each["GroupId"], "GroupName": each["GroupName"]} for each in groups],
    }
    return result | ({"Attachment": {"InstanceId": instance}} if instance else {})


def instance(
    instance_id: str,
    *groups: Resource,
    state: str = "running",
    name: str = "",
    interfaces: Iterable[Resource] = (),
) -> Resource:
    return {
        "InstanceId": instance_id,
        "State": {"Name": state},
        "SecurityGroups": [{"GroupId": each["GroupId"], "GroupName": each["GroupName"]} for each in groups],
        "NetworkInterfaces": list(interfaces),
        "Tags": [{"Key": "Name", "Value": name}] if name else [],
    }


def matched(caught: Resource) -> Resource:
    """A group as a policy leaves it that caught it by all of its rules."""
    return caught | {"MatchedIpPermissions": caught["IpPermissions"]}


def unit(
    groups: Iterable[Resource] = (),
    interfaces: Iterable[Resource] | str = (),
    instances: Iterable[Resource] | str = (),
    unused: Iterable[Resource] | str = (),
    **more: Iterable[Resource] | str,
) -> dict[str, list[Resource] | str]:
    """The cells of one account and region: what each policy of `POLICIES` finds there, or DENIED.

    `more` overrides them, or adds to them, by the policy's name with `_` for `-`.
    """
    groups = list(groups)
    world = [matched(each) for each in groups if WORLD in str(each["IpPermissions"])]
    cells: dict[str, Iterable[Resource] | str] = {
        "sg-inventory": groups,
        "eni-inventory": interfaces,
        "ec2-inventory": instances,
        "sg-default": [each for each in groups if each["GroupName"] == "default"],
        "sg-ssh-open": [matched(each) for each in groups if each["IpPermissions"]],
        "sg-ssh-world": world,
        "sg-unused": unused,
    }
    cells |= {name.replace("_", "-"): found for name, found in more.items()}
    return {name: found if isinstance(found, str) else list(found) for name, found in cells.items()}


def write(
    folder: Path,
    units: Mapping[tuple[str, str], Mapping[str, list[Resource] | str]],
    policies: Iterable[Resource] = POLICIES,
    started: str = "2026-11-23T21:03:55+00:00",
) -> Path:
    """Write a finished run of units by (account, region)."""
    folder.mkdir(parents=True, exist_ok=True)
    cells = []
    for (account, region), found_by in units.items():
        for policy, found in found_by.items():
            cell = {
                "account": account,
                "account_id": ACCOUNT_IDS[account],
                "region": region,
                "policy": policy,
            }
            if isinstance(found, str):
                cells.append(
                    cell | {"status": found, "code": "UnauthorizedOperation", "message": "Not allowed."}
                )
                continue
            cells.append(cell | {"status": "ok", "resources": len(found), "seconds": 0.5})
            place = folder / account / region / policy
            place.mkdir(parents=True)
            (place / "resources.json").write_text(json.dumps(found), encoding="utf-8")
    names = list(dict.fromkeys(account for account, _ in units))
    manifest = {
        "tool": "c7n-sg-audit 0",
        "started": started,
        "finished": "2026-11-23T21:04:55+00:00",
        "state": "finished",
        "policies": list(policies),
        "accounts": [
            {
                "name": name,
                "account_id": ACCOUNT_IDS[name],
                "regions": [region for account, region in units if account == name],
            }
            for name in names
        ],
        "cells": cells,
    }
    (folder / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def audit(folder: Path) -> Audit:
    return read_audit(open_output(folder))[0]


def findings(read: Audit) -> Findings:
    _, inventory = read_audit(read.output)
    return assess(inventory, read.output.policies)


def built(read: Audit) -> list[Table]:
    """All tables of the report of what was read."""
    return list(tables.build(read, findings(read)))


def rows(found: Table) -> list[Resource]:
    """The rows of a table, with None for what is unknown."""
    records = found.frame.astype(object).to_dict("records")
    return [{name: None if _is_unknown(value) else value for name, value in row.items()} for row in records]


def _is_unknown(value: object) -> bool:
    """As pandas' isna, which takes longer where there is little to look at."""
    return value is None or value is pd.NA or value != value


def table(folder: Path, name: str) -> list[Resource]:
    """The rows of a tab, with None for what is unknown."""
    read, inventory = read_audit(open_output(folder))
    findings = assess(inventory, read.output.policies)
    # Those behind it are not made, which would take half of the time.
    return rows(next(table for table in tables.build(read, findings) if table.name == name))


def groups(folder: Path) -> dict[str, Resource]:
    """The rows of the security_groups tab by group id, each there once."""
    rows = table(folder, "security_groups")
    by_id = {row["security_group_id"]: row for row in rows}
    assert len(by_id) == len(rows)
    return by_id
