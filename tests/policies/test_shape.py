"""What holds for every policy, whatever it looks for."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from c7n.policy import Policy

from .engine import load_policies, policy_files

REPORT = {
    "sg-inventory": {"tab": "security_groups"},
    "eni-inventory": {"tab": "attachments"},
    "ec2-inventory": {"tab": "attachments"},
    "sg-default": {"tab": "default_sg", "column": "is_default"},
    "sg-ssh-open": {"tab": "ssh_open", "column": "has_ssh_rule"},
    "sg-ssh-world": {"tab": "ssh_world", "column": "has_ssh_open_world"},
    "sg-unused": {"column": "unused"},
}

RESOURCE = dict.fromkeys(REPORT, "aws.security-group") | {
    "eni-inventory": "aws.eni",
    "ec2-inventory": "aws.ec2",
}

every_policy = pytest.mark.parametrize("policy", load_policies().values(), ids=load_policies())


def test_names_and_order() -> None:
    assert list(load_policies()) == list(REPORT)


def test_no_name_is_used_twice_so_that_the_files_can_be_run_as_one() -> None:
    names = [p["name"] for file in policy_files() for p in yaml.safe_load(file.read_text())["policies"]]
    assert sorted(names) == sorted(set(names))


@every_policy
def test_report(policy: Policy) -> None:
    assert policy.data["metadata"]["report"] == REPORT[policy.name]


@every_policy
def test_resource(policy: Policy) -> None:
    assert policy.data["resource"] == RESOURCE[policy.name]


@every_policy
def test_has_a_description(policy: Policy) -> None:
    assert len(policy.data["description"].split()) > 10


@every_policy
def test_is_read_only(policy: Policy) -> None:
    # The keys of the data, too: an empty list of actions today is a full one tomorrow.
    assert not {"actions", "mode"} & policy.data.keys()
    assert not policy.resource_manager.actions


READING = ("Describe", "Get", "List")


@every_policy
def test_needs_permission_to_read_and_nothing_else(policy: Policy) -> None:
    wanted: set[str] = policy.get_permissions()
    assert wanted
    assert [p for p in sorted(wanted) if not p.partition(":")[2].startswith(READING)] == []


def test_only_the_last_policy_asks_more_than_ec2() -> None:
    *others, last = load_policies().values()
    assert all(p.startswith("ec2:Describe") for policy in others for p in policy.get_permissions())
    assert not all(p.startswith("ec2:Describe") for p in last.get_permissions())


def custodian_validate(*files: Path) -> subprocess.CompletedProcess[str]:
    command: list[Any] = [sys.executable, "-m", "c7n.cli", "validate", *files]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_custodian_validates_them(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text(policy_files()[-1].read_text().replace("type: ingress", "type: ingres"))

    assert custodian_validate(*policy_files()).returncode == 0
    # Should -m c7n.cli ever stop being a command, the line above alone would not notice.
    assert custodian_validate(broken).returncode == 1
