"""A directory without a manifest, as stock c7n-org leaves it, gets the same honesty as far as it goes."""

import csv
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from tests.lab import POLICIES

SgAudit = Callable[..., "subprocess.CompletedProcess[str]"]
US = "us-east-1"


@pytest.fixture(scope="module")
def stock_run(
    sg_audit: SgAudit,
    stock_run_of: SgAudit,
    estate_accounts: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """What `c7n-org run` leaves of dev and staging in us-east-1."""
    folder = tmp_path_factory.mktemp("stock")
    (folder / "all.yml").write_text(sg_audit("policies", "-u", POLICIES).stdout)
    words = ["-c", estate_accounts, "-u", "all.yml", "-s", "output", "-r", US, "-a", "dev", "-a", "staging"]
    stock_run_of("c7n-org", *words, cwd=folder)
    return folder / "output"


def coverage(paths: str) -> dict[tuple[str, str, str], tuple[str, str]]:
    """Status and code of each cell in the table of coverage, of the paths of CSV files."""
    (path,) = (Path(path) for path in paths.splitlines() if path.endswith("_coverage.csv"))
    with path.open(encoding="utf-8", newline="") as lines:
        return {
            (row["account_profile"], row["region"], row["policy"]): (row["status"], row["code"])
            for row in csv.DictReader(lines)
        }


def groups(paths: str) -> list[dict[str, Any]]:
    """The rows of all groups in a workbook, by column, but for the links within it."""
    book = load_workbook(paths.splitlines()[0], read_only=True)
    head, *rows = book["security_groups"].iter_rows(values_only=True)
    found = [dict(zip(map(str, head), row, strict=True)) for row in rows]
    return [{name: value for name, value in row.items() if name != "attachment_rows"} for row in found]


def test_a_whole_run_is_reported_like_one_of_ours(
    sg_audit: SgAudit, stock_run: Path, estate_run: Path, tmp_path: Path
) -> None:
    done = sg_audit("report", "-s", stock_run, "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "stock c7n-org" in done.stderr
    ours = sg_audit("report", "-s", estate_run, "-o", tmp_path / "ours")
    expected = [
        row
        for row in groups(ours.stdout)
        # shared-services' interface is in staging, so production is in the picture too, but not in this run
        if row["account_profile"] in ("dev", "staging") and row["region"] == US
    ]
    assert groups(done.stdout) == expected
    # The one default group with a rule of its own is in another region.
    sheets, expected_sheets = (
        load_workbook(path.stdout.strip(), read_only=True).sheetnames for path in (done, ours)
    )
    assert sheets == [name for name in expected_sheets if name != "sg-default-rules"]


def test_metadata_without_resources_failed_and_a_missing_folder_was_not_run(
    sg_audit: SgAudit, stock_run: Path, tmp_path: Path
) -> None:
    broken = Path(shutil.copytree(stock_run, tmp_path / "broken"))
    (broken / "dev" / US / "eni-inventory" / "resources.json").unlink()
    (broken / "dev" / US / "eni-inventory" / "custodian-run.log").write_text(
        "2026-11-23 - custodian.output - ERROR - Error while executing policy\n"
        "Traceback (most recent call last):\n"
        "botocore.exceptions.ClientError: An error occurred (UnauthorizedOperation) when calling the "
        "DescribeNetworkInterfaces operation: You are not authorized.\n"
    )
    shutil.rmtree(broken / "staging" / US / "sg-unused")
    done = sg_audit("report", "-s", broken, "-o", tmp_path / "reports", "-f", "xlsx", "-f", "csv")
    assert done.returncode == 3
    assert coverage(done.stdout) == {
        ("dev", US, "eni-inventory"): ("denied", "UnauthorizedOperation"),
        ("staging", US, "sg-unused"): ("skipped", "NotThere"),
    }
    by_name = {(row["account_profile"], row["group_name"]): row for row in groups(done.stdout)}
    assert by_name["dev", "lambda-egress"]["in_use"] == "unknown"
    # Custodian's filter has looked for itself: what it calls unused is on no interface.
    assert [by_name["dev", "legacy-ssh"][name] for name in ("in_use", "unused")] == [False, True]
    assert by_name["staging", "wide-range"]["unused"] == "unknown"


def test_what_the_accounts_file_expects_and_is_not_there_was_not_looked_at(
    sg_audit: SgAudit, stock_run: Path, tmp_path: Path
) -> None:
    accounts = tmp_path / "accounts.yml"
    accounts.write_text(
        "accounts:\n"
        "- {name: dev, account_id: '111111111111', role: arn:aws:iam::111111111111:role/r, "
        "regions: [us-east-1, eu-west-1]}\n"
        "- {name: staging, account_id: '222222222222', role: arn:aws:iam::222222222222:role/r, regions: [all]}\n"
        "- {name: lost, account_id: '444444444444', role: arn:aws:iam::444444444444:role/r, regions: [all]}\n"
    )
    done = sg_audit("report", "-s", stock_run, "-c", accounts, "-o", tmp_path / "reports", "-f", "csv")
    assert done.returncode == 3
    missing = {key[:2] for key in coverage(done.stdout)}
    assert missing == {("dev", "eu-west-1"), ("lost", "all")}
