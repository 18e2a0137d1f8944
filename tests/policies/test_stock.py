"""The policies under stock Custodian and c7n-org, which find the same without any of this project's code."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.lab import POLICIES, POLICY_COUNT, role, unordered


def found(folder: Path) -> list[dict[str, Any]]:
    """The resources of a policy in a fixed order: Custodian's `or` lists them in any."""
    resources: list[dict[str, Any]] = json.loads((folder / "resources.json").read_text())
    return unordered(resources)


def test_c7n_org_finds_the_same_with_the_policies_as_one_file(
    sg_audit: Callable[..., "subprocess.CompletedProcess[str]"],
    stock_run_of: Callable[..., "subprocess.CompletedProcess[str]"],
    estate_accounts: Path,
    estate_run: Path,
    tmp_path: Path,
) -> None:
    printed = sg_audit("policies", "-u", POLICIES)
    assert (printed.returncode, printed.stderr) == (0, "")
    (tmp_path / "all.yml").write_text(printed.stdout)
    done = stock_run_of(
        *("c7n-org", "-c", estate_accounts, "-u", "all.yml", "-s", "output"),
        *("-r", "us-east-1", "-a", "production"),
        cwd=tmp_path,
    )
    assert "ERROR" not in done.stderr
    theirs = sorted(path.parent for path in (tmp_path / "output").rglob("resources.json"))
    assert len(theirs) == POLICY_COUNT
    for folder in theirs:
        cell = folder.relative_to(tmp_path / "output")
        assert found(folder) == found(estate_run / cell), cell


def test_custodian_runs_the_policy_files_as_they_are(
    stock_run_of: Callable[..., "subprocess.CompletedProcess[str]"], estate_run: Path, tmp_path: Path
) -> None:
    done = stock_run_of(
        *("custodian", "-s", "output"),
        *("--region", "eu-west-1", "--assume", role("111111111111")),
        *sorted(POLICIES.glob("*.yml")),
        cwd=tmp_path,
    )
    assert "ERROR" not in done.stderr
    theirs = sorted(path.parent for path in (tmp_path / "output").rglob("resources.json"))
    assert [folder.name for folder in theirs] == [
        "ec2-inventory",
        "eni-inventory",
        "network-acl-inventory",
        "prefix-list-inventory",
        "route-table-inventory",
        "sg-admin-world",
        "sg-all-traffic-world",
        "sg-database-world",
        "sg-default",
        "sg-default-rules",
        "sg-inventory",
        "sg-listed-world",
        "sg-other-world",
        "sg-rdp-world",
        "sg-ssh-open",
        "sg-ssh-world",
        "sg-unused",
        "sg-web-world",
        "subnet-inventory",
    ]
    for folder in theirs:
        assert found(folder) == found(estate_run / "dev" / "eu-west-1" / folder.name), folder.name
