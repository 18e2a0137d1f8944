"""The policies under stock Custodian and c7n-org, which find the same without any of this project's code."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.lab import POLICIES, POLICY_COUNT, role, unordered


def stock(program: str, *words: str | Path, env: dict[str, str], cwd: Path) -> None:
    """Run a program of this environment, which must have nothing to complain of."""
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *words], env=env, cwd=cwd, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr


def found(folder: Path) -> list[dict[str, Any]]:
    """The resources of a policy in a fixed order: Custodian's `or` lists them in any."""
    resources: list[dict[str, Any]] = json.loads((folder / "resources.json").read_text())
    return unordered(resources)


def test_c7n_org_finds_the_same_with_the_policies_as_one_file(
    sg_audit: Callable[..., "subprocess.CompletedProcess[str]"],
    clean_env: dict[str, str],
    estate_accounts: Path,
    estate_run: Path,
    tmp_path: Path,
) -> None:
    printed = sg_audit("policies", "-u", POLICIES)
    assert (printed.returncode, printed.stderr) == (0, "")
    (tmp_path / "all.yml").write_text(printed.stdout)
    stock(
        *("c7n-org", "run", "-c", estate_accounts, "-u", "all.yml", "-s", "output"),
        *("--cache-period", "0", "-r", "us-east-1", "-a", "production"),
        env=clean_env | {"HOME": str(tmp_path)},
        cwd=tmp_path,
    )
    theirs = sorted(path.parent for path in (tmp_path / "output").rglob("resources.json"))
    assert len(theirs) == POLICY_COUNT
    for folder in theirs:
        cell = folder.relative_to(tmp_path / "output")
        assert found(folder) == found(estate_run / cell), cell


def test_custodian_runs_the_policy_files_as_they_are(
    clean_env: dict[str, str], estate_run: Path, tmp_path: Path
) -> None:
    stock(
        *("custodian", "run", "-s", "output", "--cache-period", "0"),
        *("--region", "eu-west-1", "--assume", role("111111111111")),
        *sorted(POLICIES.glob("*.yml")),
        env=clean_env | {"HOME": str(tmp_path)},
        cwd=tmp_path,
    )
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
