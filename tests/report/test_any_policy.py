"""Policies on anything: a sheet each, with the columns that Custodian's own report has for the type."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import openpyxl
import pytest
from pyarrow import parquet

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
def stock(
    sandbox: Sandbox,
    clean_env: dict[str, str],
    stock_run_of: SgAudit,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
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
    words = ["-s", "output", "--region", "us-east-1", "--assume", arn, "policies.yml"]
    stock_run_of("custodian", *words, cwd=folder)
    return folder / "output"


def sheets(path: str) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for sheet in openpyxl.load_workbook(path.strip())._sheets[1:]:  # behind the overview
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
        ),
        *("team-groups", LONG[:31], f"{LONG[:29]}_2", "volumes"),
        *("security_groups", "summary"),
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
    for tab in ("ssh_world", "ssh_open", "team-groups"):
        (row,) = found[tab]
        assert row | group | {"next_step": row["next_step"]} == row
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
    assert list(sheets(done.stdout)) == [LONG[:31], f"{LONG[:29]}_2", "summary"]
    assert [row["resources"] for row in sheets(done.stdout)["summary"]] == [1, 1]
    done = sg_audit("report", "-s", stock, "-o", tmp_path, "-p", "volumes", "-p", LONG)
    assert list(sheets(done.stdout)) == [LONG[:31], "volumes", "summary"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("-p", "nope"), "-p nope: not in the output; there are "),
        (("--resource", "lambda"), "--resource aws.lambda: not in the output; there are aws.ebs, "),
        (("-p", "volumes", "--resource", "s3"), "-p, --resource: no policy is of that name"),
        (("--field", "x"), "--field x: write NAME=JMESPATH"),
        (("--field", "x=[["), "--field x=[[: not JMESPath: "),
        (("--field", "risk=OwnerId"), "--field risk: the report has a column of that name"),
        (("--field", "matched_rules=x"), "--field matched_rules: the report has a column of that name"),
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
    assert list(found["security_groups"][0])[-5:] == [*labels, "attachment_rows"]

    entry |= {"name": "other", "account_id": "777777777777"}
    accounts.write_text(json.dumps({"accounts": [entry]}))
    done = sg_audit("report", "-s", stock, "-o", tmp_path, "-c", accounts)
    assert {sheets(done.stdout)["volumes"][0][column] for column in labels} == {"unknown"}


@pytest.fixture
def changed(stock: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy of the stock output with other names of policies, or other resources in a policy's file."""

    def change(names: dict[str, str] | None = None, resources: dict[str, object] | None = None) -> Path:
        output = Path(shutil.copytree(stock, tmp_path / "output"))
        for folder in list(output.iterdir()):
            if resources and folder.name in resources:
                (folder / "resources.json").write_text(json.dumps(resources[folder.name]))
            if names and folder.name in names:
                metadata = json.loads((folder / "metadata.json").read_text())
                metadata["policy"]["name"] = names[folder.name]
                (folder / "metadata.json").write_text(json.dumps(metadata))
        return output

    return change


def unlike_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


def test_a_policy_may_be_called_as_a_table_of_the_report(
    sg_audit: SgAudit, changed: Callable[..., Path], tmp_path: Path
) -> None:
    names = {"volumes": "Summary", LONG: "coverage", f"{LONG}-2": "ssh_open", "none-of-these": "attachments"}
    done = sg_audit("report", "-s", changed(names), "-o", tmp_path, "-f", "json", "-f", "xlsx")
    assert done.returncode == 0, done.stderr
    paths = done.stdout.split()
    tables = json.loads(Path(paths[0]).read_text(), object_pairs_hook=unlike_keys)["tables"]
    named = ["coverage_2", "ssh_open_2", "Summary_2"]
    assert [name for name in tables if name.endswith("_2")] == named
    assert [name for name in sheets(paths[1]) if name.endswith("_2")] == named
    assert (len(tables["coverage_2"]), tables["coverage"]) == (1, [])
    book = openpyxl.load_workbook(paths[1])
    heads = {name: book[name]["A1"].comment.text.splitlines()[0] for name in named}
    assert heads == {"coverage_2": "coverage", "ssh_open_2": "ssh_open", "Summary_2": "Summary"}
    assert book.active.title == "overview"


def test_groups_and_others_under_one_tab_are_two_tables(
    sg_audit: SgAudit, stock: Path, changed: Callable[..., Path], tmp_path: Path
) -> None:
    output = changed()
    path = output / "team-groups" / "metadata.json"
    metadata = json.loads(path.read_text())
    metadata["policy"]["metadata"] = {"report": {"tab": "Topics & more"}}
    path.write_text(json.dumps(metadata))
    done = sg_audit("report", "-s", output, "-o", tmp_path, "-f", "json")
    tables = json.loads(Path(done.stdout.strip()).read_text(), object_pairs_hook=unlike_keys)["tables"]
    assert [row["group_name"] for row in tables["Topics & more"]] == ["web"]
    assert len(tables["Topics & more_2"]) == 1


def test_what_found_nothing_is_told(sg_audit: SgAudit, stock: Path, tmp_path: Path) -> None:
    done = sg_audit("report", "-s", stock, "-o", tmp_path, "-f", "json")
    facts = json.loads(Path(done.stdout.strip()).read_text())["facts"]
    assert "Found nothing: none-of-these" in facts


def test_what_was_not_read_is_not_counted_as_none(
    sg_audit: SgAudit, changed: Callable[..., Path], tmp_path: Path
) -> None:
    output = changed(resources={"volumes": None})
    done = sg_audit("report", "-s", output, "-o", tmp_path, "-p", "volumes", "-p", "none-of-these")
    assert done.returncode == 3
    counts = {row["policy"]: row["resources"] for row in sheets(done.stdout)["summary"]}
    assert counts == {"volumes": "unknown", "none-of-these": 0}


@pytest.mark.parametrize("policy", ["eni-inventory", "ec2-inventory"])
def test_interfaces_and_instances_without_groups_get_a_sheet(
    sg_audit: SgAudit, estate_run: Path, tmp_path: Path, policy: str
) -> None:
    done = sg_audit("report", "-s", estate_run, "-o", tmp_path, "-p", policy)
    assert done.returncode == 0, done.stderr
    found = sheets(done.stdout)
    assert list(found) == [policy, "summary"]
    [counted] = found["summary"]
    assert counted["resources"] == len(found[policy]) > 0


def test_no_digit_of_a_number_is_lost(
    sg_audit: SgAudit, changed: Callable[..., Path], tmp_path: Path
) -> None:
    small, wide, huge = 999_999_999_999_999, 1_234_567_890_123_456_789, 2**70
    volumes = [
        {"VolumeId": "v-1", "Small": small, "Wide": wide, "Huge": huge, "Mixed": wide, "Part": 1},
        {"VolumeId": "v-2", "Small": 2, "Wide": 2, "Huge": 2, "Mixed": 0.5, "Part": 0.5},
    ]
    names = ("Small", "Wide", "Huge", "Mixed", "Part")
    fields = [word for name in names for word in ("--field", f"{name}={name}")]
    done = sg_audit(
        *("report", "-s", changed(resources={"volumes": volumes}), "-o", tmp_path, "-p", "volumes", *fields),
        *("-f", "xlsx", "-f", "parquet"),
    )
    assert done.returncode == 0, done.stderr
    first = sheets(done.stdout.splitlines()[0])["volumes"][0]
    assert [first[name] for name in names] == [small, str(wide), str(huge), str(wide), 1]
    (path,) = (line for line in done.stdout.splitlines() if line.endswith("_volumes.parquet"))
    rows = parquet.read_table(path).to_pylist()
    assert [rows[0][name] for name in names] == [small, wide, str(huge), str(wide), 1.0]
    assert [rows[1][name] for name in names] == [2, 2, "2", "0.5", 0.5]


def test_a_var_is_shown_as_the_accounts_file_has_it(sg_audit: SgAudit, stock: Path, tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.yml"
    accounts.write_text(
        f"accounts:\n- name: mine\n  account_id: '{ACCOUNT}'\n  regions: [us-east-1]\n"
        "  vars: {since: 2026-01-31, until: null, big: true, cidrs: [10.0.0.0/8]}\n"
    )
    done = sg_audit("report", "-s", stock, "-o", tmp_path, "-c", accounts, "-p", "volumes")
    assert done.returncode == 0, done.stderr
    (row,) = sheets(done.stdout)["volumes"]
    shown = {"since": "2026-01-31", "until": None, "big": "true", "cidrs": '["10.0.0.0/8"]'}
    assert row == row | {f"account:{name}": text for name, text in shown.items()}
