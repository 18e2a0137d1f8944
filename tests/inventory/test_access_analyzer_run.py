"""A run that asks IAM and Access Analyzer, and what its report says of the roles behind groups."""

import json
from collections.abc import Callable, Iterator
from csv import DictReader
from dataclasses import dataclass
from pathlib import Path
from re import DOTALL, search
from typing import Any

import duckdb
import openpyxl
import pyarrow.parquet as pq
import pytest

from tests import access_analyzer as canned
from tests.access_analyzer import AccessAnalyzer, access_analyzer, analyzer, denied, finding
from tests.lab import Lab, Ran, role

REGION = "eu-west-1"
IDS = {
    "external": "310000000001",
    "unused": "310000000002",
    "none": "310000000003",
    "refused": "310000000004",
}


@dataclass
class Report:
    ran: Ran
    service: AccessAnalyzer
    folder: Path

    def csv(self, name: str, group: str = "front") -> dict[str, dict[str, str]]:
        """The rows of a table by account, of the group that is there for the test."""
        with (self.folder / f"sg_{name}.csv").open(encoding="utf-8-sig", newline="") as file:
            return {row["account_profile"]: row for row in DictReader(file) if row["group_name"] == group}


def fill(aws_client: Callable[..., Any], account_id: str) -> None:
    """An instance of a role, in a group of its own."""
    iam, ec2 = aws_client("iam", account_id, REGION), aws_client("ec2", account_id, REGION)
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ec2.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    iam.create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(trust))
    iam.create_instance_profile(InstanceProfileName="web")
    iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
    subnet = ec2.describe_subnets()["Subnets"][0]
    group = ec2.create_security_group(GroupName="front", Description="front", VpcId=subnet["VpcId"])
    ec2.authorize_security_group_ingress(
        GroupId=group["GroupId"], IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    ec2.run_instances(
        ImageId="ami-12345678",
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet["SubnetId"],
        SecurityGroupIds=[group["GroupId"]],
        IamInstanceProfile={"Name": "web"},
    )


@pytest.fixture(scope="module")
def report(
    lab: Lab,
    aws_client: Callable[..., Any],
    sg_audit: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Report]:
    for account_id in IDS.values():
        fill(aws_client, account_id)
    lab.accounts(
        *(
            {"name": name, "account_id": account_id, "role": role(account_id), "regions": [REGION]}
            for name, account_id in IDS.items()
        )
    )
    account_by_key = lambda key: next(  # noqa: E731
        each.role.split(":")[4] for each in lab.wire.handed_out if each.access_key == key
    )
    with access_analyzer(account_by_key) as service:
        external, unused = IDS["external"], IDS["unused"]
        service.analyzers = {
            (external, REGION): [analyzer(external, REGION, "ACCOUNT", finding(role(external, "web")))],
            (unused, REGION): [
                analyzer(
                    unused,
                    REGION,
                    "ACCOUNT_UNUSED_ACCESS",
                    finding(role(unused, "other"), "UnusedIAMRole"),
                    finding(role(unused, "web"), "UnusedPermission"),
                )
            ],
        }
        service.answer = lambda asked: denied() if asked.account == IDS["refused"] else None
        service.page = 1
        ran = lab.run(
            *("--iam", "--access-analyzer"),
            *(f"-p{name}" for name in ("sg-inventory", "eni-inventory", "ec2-inventory", "sg-ssh-world")),
            env={"AWS_ENDPOINT_URL_ACCESSANALYZER": service.endpoint},
        )
        folder = tmp_path_factory.mktemp("reports")
        formats = [f"-f{name}" for name in ("csv", "duckdb", "html", "json", "parquet", "xlsx")]
        done = sg_audit("report", "-s", lab.output, "-o", folder, "--stem", "sg", *formats)
        assert done.returncode == 3, done.stderr
        yield Report(ran, service, folder)


def test_a_refusal_costs_its_own_cell(report: Report) -> None:
    assert report.ran.code == 3, report.ran.err
    assert {
        account: status
        for (account, region, policy), status in report.ran.statuses.items()
        if policy == "access-analyzer"
    } == {"external": "ok", "unused": "ok", "none": "ok", "refused": "denied"}


def test_what_was_recorded_is_what_was_answered(report: Report) -> None:
    path = report.ran.folder / "unused" / REGION / "access-analyzer" / "resources.json"
    assert json.loads(path.read_text()) == canned.recorded(report.service.analyzers[IDS["unused"], REGION])


TOLD = {
    "external": "external access: web; unused access: no analyzer",
    "unused": "external access: no analyzer; unused permissions: web",
    "none": "no analyzer",
    "refused": "unknown",
}


@pytest.mark.parametrize("table", ["security_groups", "attachments"])
def test_each_account_says_what_was_found_or_why_nothing_is_known(report: Report, table: str) -> None:
    assert {account: row["access_findings"] for account, row in report.csv(table).items()} == TOLD


@pytest.mark.parametrize("table", ["security_groups", "attachments"])
def test_the_workbook_says_it_too(report: Report, table: str) -> None:
    sheet = openpyxl.load_workbook(report.folder / "sg.xlsx", read_only=True)[table]
    rows = list(sheet.iter_rows(values_only=True))
    head = next(row for row in rows if "access_findings" in row)
    place = {str(name): number for number, name in enumerate(head)}
    assert {
        row[place["account_profile"]]: row[place["access_findings"]]
        for row in rows[rows.index(head) + 1 :]
        if row[place["group_name"]] == "front"
    } == TOLD


@pytest.mark.parametrize("table", ["security_groups", "attachments"])
def test_so_do_json_parquet_and_a_database(report: Report, table: str) -> None:
    rows = json.loads((report.folder / "sg.json").read_text())["tables"][table]
    rows_of_parquet = pq.read_table(report.folder / f"sg_{table}.parquet").to_pylist()
    for found in (rows, rows_of_parquet):
        assert {
            row["account_profile"]: row["access_findings"] for row in found if row["group_name"] == "front"
        } == TOLD
    with duckdb.connect(str(report.folder / "sg.duckdb"), read_only=True) as connection:
        asked = f"select account_profile, access_findings from {table} where group_name = 'front'"
        assert dict(connection.execute(asked).fetchall()) == TOLD


def test_the_page_has_it_of_the_groups_that_it_shows(report: Report) -> None:
    page = (report.folder / "sg.html").read_text()
    data = json.loads(search(r'<script type="application/json"[^>]*>(.*?)</script>', page, DOTALL)[1])  # type: ignore[index]
    place = {name: number for number, name in enumerate(data["fields"]["group"])}
    shown = {
        data["texts"][group[place["account"]]]: data["texts"][group[place["access"]]]
        for group in data["groups"]
        if data["texts"][group[place["name"]]] == "front"
    }
    assert data["access"] is True
    assert shown == TOLD


def test_a_group_without_an_instance_says_nothing(report: Report) -> None:
    rows = report.csv("security_groups", group="default")
    assert {account: row["access_findings"] for account, row in rows.items()} == dict.fromkeys(IDS, "")
