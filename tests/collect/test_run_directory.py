"""The run directory: a folder of its own for each run, c7n-org's layout, for its owner's eyes only."""

import json
import re
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.lab import POLICY_COUNT, Lab, Ran, role

ACCOUNT = "777777777777"
SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def tree(folder: Path) -> dict[str, bytes]:
    """The files below a folder, with what they hold."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_layout_is_that_of_c7n_org(estate_run: Path) -> None:
    accounts = ("dev", "staging", "production")
    regions = ("us-east-1", "eu-west-1", "ap-southeast-2")
    policies = (
        *("sg-inventory", "eni-inventory", "ec2-inventory"),
        *("subnet-inventory", "route-table-inventory", "network-acl-inventory", "prefix-list-inventory"),
        *("sg-rdp-world", "sg-database-world", "sg-admin-world", "sg-all-traffic-world"),
        *("sg-web-world", "sg-listed-world", "sg-other-world", "sg-default-rules"),
        *("sg-default", "sg-ssh-open", "sg-ssh-world", "sg-unused"),
    )
    files = ("resources.json", "metadata.json", "custodian-run.log")
    assert sorted(tree(estate_run).keys() - {"findings.json"}) == sorted(  # which a report leaves there
        [
            "run.json",
            *(
                f"{account}/{region}/{policy}/{file}"
                for account in accounts
                for region in regions
                for policy in policies
                for file in files
            ),
        ]
    )


def test_metadata_json_is_custodians_and_holds_the_policys_own_metadata(estate_run: Path) -> None:
    written = json.loads((estate_run / "dev" / "us-east-1" / "sg-ssh-world" / "metadata.json").read_text())
    report = written["policy"]["metadata"]["report"]
    assert (report["tab"], report["column"], report["level"]) == (
        "ssh_world",
        "has_ssh_open_world",
        "exposed",
    )
    assert report["ports"] == ["tcp 22"]
    assert written["config"]["account_id"] == "111111111111"
    assert written["config"]["region"] == "us-east-1"


def test_the_log_is_the_policys(estate_run: Path) -> None:
    log = (estate_run / "dev" / "us-east-1" / "sg-default" / "custodian-run.log").read_text()
    assert "policy:sg-default" in log
    assert "sg-inventory" not in log


def test_the_manifest_counts_what_was_found(estate_run: Path) -> None:
    cells = {
        (cell["account"], cell["region"], cell["policy"]): cell
        for cell in json.loads((estate_run / "run.json").read_text())["cells"]
    }
    assert len(cells) == 3 * 3 * POLICY_COUNT
    assert {cell["status"] for cell in cells.values()} == {"ok"}
    found = {key: cell["resources"] for key, cell in cells.items() if key[:2] == ("dev", "us-east-1")}
    # By hand, from the estate: 7 interfaces are those of its 6 instances and a Lambda function.
    assert {policy: count for (_, _, policy), count in found.items()} == {
        "sg-inventory": 12,
        "eni-inventory": 7,
        "ec2-inventory": 6,
        # Of the default VPC: a subnet in each of six zones, one table, one ACL; and AWS's own lists: two for Lattice,
        # and those for S3, DynamoDB, CloudFront and Ground Station.
        "subnet-inventory": 6,
        "route-table-inventory": 1,
        "network-acl-inventory": 1,
        "prefix-list-inventory": 6,
        "sg-rdp-world": 0,
        "sg-database-world": 0,
        "sg-admin-world": 0,
        "sg-all-traffic-world": 0,
        "sg-web-world": 2,
        "sg-listed-world": 0,
        "sg-other-world": 0,
        "sg-default-rules": 0,
        "sg-default": 1,
        "sg-ssh-open": 7,
        "sg-ssh-world": 3,
        "sg-unused": 4,
    }


def test_only_the_owner_may_look(estate_run: Path) -> None:
    modes = {
        str(path.relative_to(estate_run.parent)): stat.S_IMODE(path.lstat().st_mode)
        for path in [estate_run.parent, estate_run, *estate_run.rglob("*")]
    }
    folders = {name for name in modes if (estate_run.parent / name).is_dir()}
    assert {name: oct(mode) for name, mode in modes.items() if name in folders and mode != 0o700} == {}
    assert {name: oct(mode) for name, mode in modes.items() if name not in folders and mode != 0o600} == {}


@dataclass
class TwoRuns:
    """Two runs over one account, between which a group was opened to the world."""

    first: Ran
    second: Ran
    first_before: dict[str, bytes]
    taken: list[Path]


@pytest.fixture(scope="module")
def two_runs(lab: Lab, ec2: Callable[..., Any]) -> TwoRuns:
    client = ec2(ACCOUNT, "us-east-1")
    vpc = client.describe_vpcs()["Vpcs"][0]["VpcId"]
    group = client.create_security_group(GroupName="app", Description="an app", VpcId=vpc)["GroupId"]
    lab.accounts(
        {"name": "acme", "account_id": ACCOUNT, "role": role(ACCOUNT), "regions": ["us-east-1"]},
    )
    keys = {"AWS_ACCESS_KEY_ID": "AKIAOFTHEUSER0000001", "AWS_SECRET_ACCESS_KEY": "verysecretkey123"}
    first = lab.run(env=keys)
    before = tree(first.folder)
    client.authorize_security_group_ingress(GroupId=group, IpPermissions=[SSH])
    # As though a run had begun in each of the seconds in which the next one can.
    now = datetime.now(UTC)
    taken = [lab.output / f"{now + timedelta(seconds=ahead):%Y%m%dT%H%M%SZ}" for ahead in range(40)]
    for folder in taken:
        folder.mkdir(exist_ok=True)
    second = lab.run("-p", "sg-ssh-world", "-p", "sg-inventory", env=keys)
    return TwoRuns(first, second, before, [folder for folder in taken if folder != first.folder])


def test_a_run_has_a_folder_named_by_the_time_in_utc(lab: Lab, two_runs: TwoRuns) -> None:
    folder = two_runs.first.folder
    assert two_runs.first.code == 0
    assert folder.parent == lab.output.resolve()
    assert re.fullmatch(r"\d{8}T\d{6}Z", folder.name)
    begun = datetime.strptime(folder.name, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert timedelta() <= datetime.now(UTC) - begun < timedelta(minutes=10)
    started = datetime.fromisoformat(two_runs.first.manifest["started"])
    assert abs(started - begun) <= timedelta(seconds=2)


def test_two_runs_within_a_second_have_a_folder_each(two_runs: TwoRuns) -> None:
    assert re.fullmatch(r"\d{8}T\d{6}Z-2", two_runs.second.folder.name)
    assert two_runs.second.code == 0
    assert [list(folder.iterdir()) for folder in two_runs.taken] == [[] for _ in two_runs.taken]


def test_latest_points_to_the_newest_run(lab: Lab, two_runs: TwoRuns) -> None:
    latest = lab.output / "latest"
    assert latest.is_symlink()
    assert str(latest.readlink()) == two_runs.second.folder.name
    leftovers = [path.name for path in lab.output.iterdir() if path.name.startswith(".")]
    assert leftovers == []


def test_a_later_run_shows_what_changed_a_moment_ago(two_runs: TwoRuns) -> None:
    assert two_runs.first.groups("acme", "us-east-1", "sg-ssh-world") == []
    assert two_runs.second.groups("acme", "us-east-1", "sg-ssh-world") == ["app"]


def test_nothing_of_an_earlier_run_is_in_a_later_one(two_runs: TwoRuns) -> None:
    assert tree(two_runs.first.folder) == two_runs.first_before
    assert sorted(path.name for path in (two_runs.second.folder / "acme" / "us-east-1").iterdir()) == [
        "sg-inventory",
        "sg-ssh-world",
    ]


def test_no_cache_is_left_anywhere(lab: Lab, two_runs: TwoRuns) -> None:
    assert list(lab.home.rglob("*")) == []
    for ran in (two_runs.first, two_runs.second):
        assert [path.name for path in ran.folder.iterdir() if path.name != "acme"] == ["run.json"]
        assert [path for path in ran.folder.rglob("*") if "cache" in path.name] == []


def test_no_credentials_are_written_down(lab: Lab, two_runs: TwoRuns) -> None:
    assert len(lab.wire.handed_out) >= 2
    secrets = {"verysecretkey123"} | {
        secret for item in lab.wire.handed_out for secret in (item.secret_key, item.token)
    }
    for ran in (two_runs.first, two_runs.second):
        for name, content in {
            **tree(ran.folder),
            "stdout": ran.out.encode(),
            "stderr": ran.err.encode(),
        }.items():
            assert [secret for secret in secrets if secret.encode() in content] == [], name


def test_every_call_only_reads(lab: Lab, two_runs: TwoRuns) -> None:
    assert {call.service for call in lab.wire.calls} >= {"ec2", "sts", "lambda", "autoscaling"}
    changing = [
        call.action
        for call in lab.wire.calls
        if not call.action.startswith(("Describe", "Get", "List", "BatchGet", "AssumeRole"))
        # Lambda and Batch have no actions on the wire. Batch's reading is done by POST.
        and not call.action.startswith(("GET ", "POST /v1/describe"))
    ]
    assert changing == []


def test_a_report_is_made_of_the_newest_run(
    lab: Lab, two_runs: TwoRuns, sg_audit: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    done = sg_audit("report", "-s", lab.output, "-o", lab.folder / "reports")
    assert done.returncode == 0, done.stderr
    assert "2 of 2 cells" in done.stderr
    workbook = Path(done.stdout.strip())
    assert oct(stat.S_IMODE(workbook.stat().st_mode)) == "0o600"
    assert oct(stat.S_IMODE(workbook.parent.stat().st_mode)) == "0o700"
