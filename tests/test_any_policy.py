"""Policies on anything: a sheet each, with the columns that Custodian's own report has for the type."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import openpyxl
import pytest

from reporter.sandbox import Sandbox

SgAudit = Callable[..., "subprocess.CompletedProcess[str]"]
ACCOUNT = "666666666666"
LONG = "buckets-whose-name-goes-on-and-on-for-longer-than-a-sheet-has-room"

POLICIES = f"""
policies:
- name: team-groups
  resource: aws.security-group
  filters: [{{GroupName: web}}]
- name: topics
  resource: aws.sns
  metadata: {{report: {{tab: Topics & more}}}}
- name: {LONG}
  resource: aws.s3
- name: {LONG}-2
  resource: aws.s3
- name: volumes
  resource: aws.ebs
  filters: [{{Size: 8}}]
- name: none-of-these
  resource: aws.ebs
  filters: [{{Size: 77}}]
"""


@pytest.fixture(scope="module")
def stock(sandbox: Sandbox, clean_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What stock `custodian run` leaves of policies on groups, topics, buckets and volumes, and no inventory."""
    folder = tmp_path_factory.mktemp("any")
    (folder / "policies.yml").write_text(POLICIES)
    with patch.dict(os.environ, clean_env, clear=True):
        arn = f"arn:aws:iam::{ACCOUNT}:role/any"
        keys = boto3.client("sts").assume_role(RoleArn=arn, RoleSessionName="tests")["Credentials"]
        session = boto3.Session(
            keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], "us-east-1"
        )
        ec2 = session.client("ec2")
        vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        group = ec2.create_security_group(GroupName="web", Description="w", VpcId=vpc)["GroupId"]
        rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
        tags = [
            {"ResourceType": "volume", "Tags": [{"Key": "team", "Value": "=db"}, {"Key": "a", "Value": "b"}]}
        ]
        tags[0]["Tags"].append({"Key": "cost centre:-no.", "Value": "7"})
        ec2.create_volume(Size=8, AvailabilityZone="us-east-1a", TagSpecifications=tags)
        session.client("s3").create_bucket(Bucket="a-bucket-of-the-tests")
        session.client("sns").create_topic(Name="alarms")
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("custodian"), "run", "-s", "output", "--cache-period", "0"),
            *("--region", "us-east-1", "--assume", arn, "policies.yml"),
        ],
        env=clean_env,
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder / "output"


def sheets(path: str) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for sheet in openpyxl.load_workbook(path.strip()):
        head, *rows = sheet.iter_rows(values_only=True)
        found[sheet.title] = [
            dict(zip(head, row, strict=True)) for row in rows if any(value is not None for value in row)
        ]
    return found


def test_every_policy_with_resources_gets_a_sheet(sg_audit: SgAudit, stock: Path, tmp_path: Path) -> None:
    done = sg_audit("report", "-s", stock, "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    found = sheets(done.stdout)
    assert list(found) == [
        *(
            "default_sg",
            "ssh_open",
            "ssh_world",
            "Topics & more",
            "security_groups",
            "attachments",
            "summary",
        ),
        *("team-groups", LONG[:31], f"{LONG[:29]}_2", "volumes", "coverage"),
    ]
    head = openpyxl.load_workbook(done.stdout.strip())[LONG[:31]]["A1"]
    assert head.comment.text.splitlines()[0] == LONG

    (volume,) = found["volumes"]
    where = ["account_profile", "account_id", "region"]
    assert list(volume)[:3] == where
    assert list(volume)[-1] == "tags"
    # As Custodian declares them for the type, and no more.
    assert list(volume)[3:-1] == ["VolumeId", "Attachments[0].InstanceId", "Size", "VolumeType", "KmsKeyId"]
    assert volume["account_id"] == ACCOUNT
    assert volume["tags"] == "a=b, cost centre:-no.=7, team==db"
    assert [row["Name"] for row in found[LONG[:31]]] == ["a-bucket-of-the-tests"]
    assert len(found["Topics & more"]) == 1


def test_groups_without_an_inventory_are_what_there_is(
    sg_audit: SgAudit, stock: Path, tmp_path: Path
) -> None:
    done = sg_audit("report", "-s", stock, "-o", tmp_path)
    found = sheets(done.stdout)
    (group,) = found["security_groups"]
    assert found["ssh_world"] == found["ssh_open"] == found["team-groups"] == [group]
    known = {
        "has_ssh_open_world": True,
        "is_default": False,
        "ssh_rules": "0.0.0.0/0 -> 22",
        "risk": "critical",
    }
    unknown = dict.fromkeys(("in_use", "attached_eni_count", "attached_resources", "unused"), "unknown")
    assert group == group | known | unknown
    (facts,) = {
        part
        for part in openpyxl.load_workbook(done.stdout.strip()).properties.description.splitlines()
        if part.startswith("No policy")
    }
    assert facts == "No policy lists every group: only those that a policy found are here"


def test_fields_are_added(sg_audit: SgAudit, stock: Path, tmp_path: Path) -> None:
    fields = [
        "--field",
        "Zone=AvailabilityZone",
        "--field",
        "Ours=tag:team",
        "--field",
        "Rules=count:IpPermissions",
        "--field",
        "Sizes=count:Size",
        "--field",
        "Centre=tag:cost centre:-no.",
    ]
    done = sg_audit("report", "-s", stock, "-o", tmp_path, *fields)
    assert done.returncode == 0, done.stderr
    found = sheets(done.stdout)
    (volume,) = found["volumes"]
    assert (volume["Zone"], volume["Ours"], volume["Rules"]) == ("us-east-1a", "=db", None)
    assert list(volume)[-6:] == ["Zone", "Ours", "Rules", "Sizes", "Centre", "tags"]
    assert (volume["Sizes"], volume["Centre"]) == (None, "7")  # a number has no length
    (group,) = found["security_groups"]
    assert group["Rules"] == 1


def test_policies_and_types_are_chosen(sg_audit: SgAudit, stock: Path, tmp_path: Path) -> None:
    done = sg_audit("report", "-s", stock, "-o", tmp_path, "--resource", "s3")
    assert done.returncode == 0, done.stderr
    assert list(sheets(done.stdout)) == ["summary", LONG[:31], f"{LONG[:29]}_2", "coverage"]
    assert [row["resources"] for row in sheets(done.stdout)["summary"]] == [1, 1]
    done = sg_audit("report", "-s", stock, "-o", tmp_path, "-p", "volumes", "-p", LONG)
    assert list(sheets(done.stdout)) == ["summary", LONG[:31], "volumes", "coverage"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("-p", "nope"), "-p nope: not in the output; there are "),
        (("--resource", "lambda"), "--resource aws.lambda: not in the output; there are aws.ebs, "),
        (("-p", "volumes", "--resource", "s3"), "-p, --resource: no policy is of that name"),
        (("--field", "x"), "--field x: write NAME=JMESPATH"),
        (("--field", "x=[["), "--field x=[[: not JMESPath: "),
        (("--field", "risk=OwnerId"), "--field risk: the report has a column of that name"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_choice_that_cannot_be(
    sg_audit: SgAudit, stock: Path, tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    done = sg_audit("report", "-s", stock, "-o", tmp_path / "reports", *options)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"sg-audit: {says}")
    assert not (tmp_path / "reports").exists()


def test_without_c7n_the_scalars_are_shown(clean_env: dict[str, str], stock: Path, tmp_path: Path) -> None:
    hide = "import sys\nfor name in ('c7n', 'c7n_org'): sys.modules[name] = None\nfrom reporter.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", hide, "report", "-s", stock, "-o", tmp_path],
        env=clean_env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (volume,) = sheets(done.stdout)["volumes"]
    assert (volume["AvailabilityZone"], volume["Size"], volume["Encrypted"]) == ("us-east-1a", 8, False)
    assert "Attachments" not in volume
    assert not any(re.match("c7n", column) for column in volume)
    assert list(volume)[-1] == "tags"


def test_tags_and_vars_of_accounts_are_columns(sg_audit: SgAudit, stock: Path, tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.yml"
    entry = {
        "name": "mine",
        "account_id": ACCOUNT,
        "role": f"arn:aws:iam::{ACCOUNT}:role/r",
        "regions": ["us-east-1"],
        "tags": ["env:prod", "pci"],
        "vars": {"team": "web", "Env": "eu", "floor": 3},
    }
    accounts.write_text(json.dumps({"accounts": [entry]}))
    done = sg_audit("report", "-s", stock, "-o", tmp_path, "-c", accounts)
    assert done.returncode == 0, done.stderr
    found = sheets(done.stdout)
    labels = {"account:env": "prod, eu", "account:tags": "pci", "account:team": "web", "account:floor": "3"}
    for name in ("security_groups", "ssh_world", "volumes"):
        (row,) = found[name]
        assert row == row | labels | {"account_profile": "mine"}, name
    assert list(found["volumes"][0])[-1] == "tags"
    assert list(found["security_groups"][0])[-4:] == list(labels)

    entry |= {"name": "other", "account_id": "777777777777"}
    accounts.write_text(json.dumps({"accounts": [entry]}))
    done = sg_audit("report", "-s", stock, "-o", tmp_path, "-c", accounts)
    assert {sheets(done.stdout)["volumes"][0][column] for column in labels} == {"unknown"}
