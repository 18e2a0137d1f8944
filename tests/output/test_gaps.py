"""What is missing from a stock run's output, and what only seems to be: told by what stock Custodian left."""

import io
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import boto3
import pytest

from reporter.sandbox import Sandbox

Completed = subprocess.CompletedProcess[str]
Report = Callable[..., Completed]
ACCOUNT = "888888888888"
ARN = f"arn:aws:iam::{ACCOUNT}:role/gaps"
US, EU = "us-east-1", "eu-west-1"

POLICIES = f"""
policies:
- {{name: volumes, resource: aws.ebs}}
- {{name: functions, resource: aws.lambda}}
- {{name: roles, resource: aws.iam-role}}
- {{name: topics-in-europe, resource: aws.sns, region: {EU}}}
- name: deployed
  resource: aws.ebs
  mode: {{type: periodic, schedule: rate(1 day), role: "{ARN}"}}
"""
CONDITIONAL = f"""
policies:
- {{name: volumes, resource: aws.ebs}}
- {{name: topics, resource: aws.sns, conditions: [{{region: {EU}}}]}}
"""


@pytest.fixture(scope="module")
def stock(
    sandbox: Sandbox,
    clean_env: dict[str, str],
    stock_run_of: Callable[..., Completed],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Path]:
    """What stock `custodian run` leaves of policies in two regions of an account with a volume and a function."""
    folder = tmp_path_factory.mktemp("gaps")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("f.py", "def handler(event, context): pass")
    with patch.dict(os.environ, clean_env, clear=True):
        keys = boto3.client("sts").assume_role(RoleArn=ARN, RoleSessionName="tests")["Credentials"]
        session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], US)
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        session.client("iam").create_role(RoleName="gaps", AssumeRolePolicyDocument=document)
        session.client("ec2").create_volume(Size=8, AvailabilityZone=f"{US}a")
        session.client("lambda").create_function(
            FunctionName="f",
            Runtime="python3.11",
            Role=ARN,
            Handler="f.handler",
            Code={"ZipFile": code.getvalue()},
            Tags={"cost center": "=7"},
        )

    def run(policies: str) -> Path:
        where = folder / f"output-{policies.count(chr(10))}"
        if not where.exists():
            (folder / "policies.yml").write_text(policies)
            words = ["-s", where, "--region", US, "--region", EU, "--assume", ARN, "policies.yml"]
            stock_run_of("custodian", *words, cwd=folder)
        return where

    return run


@pytest.fixture
def output(stock: Callable[[str], Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(stock(POLICIES), tmp_path / "output"))


@pytest.fixture
def report(sg_audit: Report, tmp_path: Path) -> Report:
    return lambda *words: sg_audit("report", "-o", tmp_path / "reports", "-f", "json", "-s", *words)


def tables(done: Completed) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = json.loads(Path(done.stdout.strip()).read_text())["tables"]
    return found


def not_read(done: Completed) -> list[str]:
    start = f"not read: {ACCOUNT} "
    return [line.removeprefix(start) for line in done.stderr.splitlines() if line.startswith(start)]


def test_what_custodian_does_not_run_somewhere_is_no_gap(report: Report, output: Path) -> None:
    """A policy on a global service runs in one region, one with `region` in that, and a deployed one nowhere."""
    assert (output / US / "deployed" / "metadata.json").exists()
    done = report(output)
    assert done.returncode == 0, done.stderr
    # Two of volumes and functions each, one of roles and topics-in-europe.
    assert "6 of 6 cells (account × region × policy) were read" in done.stderr
    assert "deployed" not in {row["policy"] for row in tables(done)["summary"]}


def test_a_policy_that_is_missing_in_a_region_is_a_gap(report: Report, output: Path) -> None:
    shutil.rmtree(output / EU / "volumes")
    done = report(output)
    assert done.returncode == 3
    assert not_read(done) == [f"{EU} volumes: skipped NotThere no folder in the output: it was not looked at"]


def test_a_policy_that_its_conditions_leave_out_is_no_gap(
    report: Report, stock: Callable[[str], Path]
) -> None:
    done = report(stock(CONDITIONAL))
    assert done.returncode == 0, done.stderr
    assert "3 of 3 cells (account × region × policy) were read" in done.stderr
    assert tables(done)["coverage"] == []


def test_a_policy_that_its_conditions_let_run_is_a_gap_where_it_is_missing(
    report: Report, stock: Callable[[str], Path], tmp_path: Path
) -> None:
    """Two accounts, of which one has what the other has not."""
    for name, account_id in (("one", "111111111111"), ("two", "222222222222")):
        for path in stock(CONDITIONAL).glob("*/*/metadata.json"):
            content = json.loads(path.read_text())
            content["config"] |= {"regions": [], "account_id": account_id}
            folder = tmp_path / "org" / name / path.parent.relative_to(stock(CONDITIONAL))
            shutil.copytree(path.parent, folder)
            (folder / "metadata.json").write_text(json.dumps(content))
    shutil.rmtree(tmp_path / "org" / "two" / EU / "topics")
    done = report(tmp_path / "org")
    assert done.returncode == 3
    (row,) = tables(done)["coverage"]
    assert (row["account_profile"], row["region"], row["policy"], row["code"]) == (
        "two",
        EU,
        "topics",
        "NotThere",
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"policy": {"name"', "Unreadable us-east-1/volumes/metadata.json: not metadata of Custodian: "),
        (b"\xff\xfe", "Unreadable us-east-1/volumes/metadata.json: not metadata of Custodian: "),
        (
            b'{"policy": {"name": "volumes"}, "execution": {"start": 1e300}}',
            "Unreadable us-east-1/volumes/metadata.json: not metadata of Custodian: ",
        ),
        (None, "NotWritten there is us-east-1/volumes/custodian-run.log, but no metadata.json beside it"),
    ],
    ids=["cut short", "not text", "no time", "gone"],
)
def test_damaged_metadata_is_a_gap_even_where_no_other_region_tells(
    report: Report, output: Path, content: bytes | None, why: str
) -> None:
    shutil.rmtree(output / EU)
    path = output / US / "volumes" / "metadata.json"
    path.unlink() if content is None else path.write_bytes(content)
    done = report(output)
    assert done.returncode == 3, done.stderr
    [line] = not_read(done)
    assert line.startswith(f"{US} volumes: failed {why}")


def test_where_nothing_can_be_read_the_damage_is_told(report: Report, output: Path, tmp_path: Path) -> None:
    for path in output.rglob("metadata.json"):
        path.write_text("{")
    done = report(output)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"sg-audit: {output}: {EU}/deployed/metadata.json: not metadata of Custodian: ")


@pytest.mark.parametrize(
    "content",
    [b'[{"VolumeId": "\xff"}]', b"null", b"{}", b"[1]", b"", b"[" * 50_000, b'[{"VolumeId": "v'],
    ids=["not text", "null", "no list", "numbers", "empty", "deep", "cut short"],
)
def test_damaged_resources_are_a_gap(report: Report, output: Path, content: bytes) -> None:
    (output / US / "volumes" / "resources.json").write_bytes(content)
    done = report(output)
    assert done.returncode == 3, done.stderr
    [line] = not_read(done)
    assert line.startswith(f"{US} volumes: failed Unreadable {output}/{US}/volumes/resources.json: ")


@pytest.mark.parametrize(
    ("name", "code"), [("renamed", 0), ("other", 3)], ids=["of the account", "of another"]
)
def test_an_account_is_called_as_in_the_accounts_file(
    report: Report, output: Path, tmp_path: Path, name: str, code: int
) -> None:
    """Even where c7n-org's folder has an older name, which would make every cell look as if it was missing."""
    folder = tmp_path / "org" / "old-name"
    shutil.copytree(output / US / "volumes", folder / US / "volumes")
    metadata = folder / US / "volumes" / "metadata.json"
    content = json.loads(metadata.read_text())
    content["config"]["regions"] = []
    metadata.write_text(json.dumps(content))
    accounts = tmp_path / "accounts.yml"
    account_id = ACCOUNT if code == 0 else "777777777777"
    entry = {"name": name, "account_id": account_id, "regions": [US], "tags": ["team:web"]}
    accounts.write_text(json.dumps({"accounts": [entry]}))
    done = report(tmp_path / "org", "-c", accounts)
    assert done.returncode == code, done.stderr
    (row,) = tables(done)["volumes"]
    assert row["account_profile"] == ("renamed" if code == 0 else "old-name")
    assert row["account:team"] == ("web" if code == 0 else "unknown")
