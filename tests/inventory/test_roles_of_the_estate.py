"""Roles through the front door: a sandbox's accounts are asked, and the report tells what stands behind each group."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

NETWORK = ("subnet-inventory", "route-table-inventory", "network-acl-inventory")
POLICIES = ("sg-inventory", "eni-inventory", "ec2-inventory", "sg-ssh-world", *NETWORK)


def test_what_stands_behind_the_groups_of_the_estate(
    sg_audit: Callable[..., Any], estate_accounts: Path, tmp_path: Path
) -> None:
    chosen = [word for name in POLICIES for word in ("-p", name)]
    done = sg_audit(
        *("audit", "--iam", "-c", estate_accounts, "-u", Path(__file__).parents[2] / "policies", *chosen),
        *("-s", tmp_path / "output", "-o", tmp_path, "-f", "csv", "--summary", tmp_path / "summary.md"),
    )
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("*_security_groups.csv")
    with path.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    told = {
        row["group_name"]: (row["instance_roles"], row["role_power"], row["role_power_why"])
        for row in rows
        if row["instance_roles"]
    }
    assert told == {
        "bastion": (
            "bastion-admin",
            "admin",
            "bastion-admin: admin by every action on every resource",
        ),
        "web-public": ("web-logs", "other", "web-logs: other"),
        "wide-range": (
            "deploy",
            "privilege escalation",
            "deploy: privilege escalation by ec2:RunInstances with iam:PassRole",
        ),
        "allow-all": ("old-ci", "other", "old-ci: other"),
        "break-glass": (
            "break-glass-data",
            "data access",
            "break-glass-data: data access by s3:GetObject and secretsmanager:GetSecretValue",
        ),
    }
    powers = {row["group_name"]: row["role_power"] for row in rows}
    assert powers["app-internal"] == "none"  # on an instance without a role
    assert powers["lambda-egress"] == ""  # on no instance
    assert rows[0]["group_name"] == "bastion"
    assert {row["imdsv1"] for row in rows if row["instance_roles"]} == {"True"}
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert (
        "of risk critical, first the 2 with a role behind them that may do everything or can get more than it was "
        "given (admin, privilege escalation). Each"
    ) in summary
