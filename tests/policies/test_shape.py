"""What holds for every policy, whatever it looks for."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from c7n.policy import Policy

from reporter.custodian import policies
from tests.programs import Completed

from .engine import POLICIES, load_policies, policy_files

# Where each shows up in the report, in running order.
REPORT = {
    "sg-inventory": {"tab": "security_groups"},
    "eni-inventory": {"tab": "attachments"},
    "ec2-inventory": {"tab": "attachments"},
    "subnet-inventory": {"tab": "attachments"},
    "route-table-inventory": {"tab": "attachments"},
    "network-acl-inventory": {"tab": "attachments"},
    "prefix-list-inventory": {"tab": "security_groups"},
    "sg-rdp-world": {"tab": "rdp_world", "column": "has_rdp_open_world", "level": "exposed"},
    "sg-database-world": {"tab": "database_world", "column": "has_database_open_world", "level": "exposed"},
    "sg-admin-world": {"tab": "admin_world", "column": "has_admin_open_world", "level": "exposed"},
    "sg-all-traffic-world": {
        "tab": "all_traffic_world",
        "column": "has_all_traffic_open_world",
        "level": "exposed",
    },
    "sg-web-world": {"column": "has_web_open_world"},
    "sg-listed-world": {"column": "has_listed_open_world"},
    "sg-other-world": {},
    "sg-default-rules": {},
    "sg-default": {"tab": "default_sg", "column": "is_default"},
    "sg-ssh-open": {"tab": "ssh_open", "column": "has_ssh_rule"},
    "sg-ssh-world": {"tab": "ssh_world", "column": "has_ssh_open_world", "level": "exposed"},
    "sg-unused": {"column": "unused"},
}

RESOURCE = dict.fromkeys(REPORT, "aws.security-group") | {
    "eni-inventory": "aws.eni",
    "ec2-inventory": "aws.ec2",
    "subnet-inventory": "aws.subnet",
    "route-table-inventory": "aws.route-table",
    "network-acl-inventory": "aws.network-acl",
    "prefix-list-inventory": "aws.prefix-list",
}

# Of AWS Security Hub, and of the benchmarks it relates them to.
CIS, PCI = "CIS AWS Foundations Benchmark v5.0.0/", "PCI DSS v4.0.1/1.3.1"
CONTROLS = {
    "sg-rdp-world": ["EC2.14", "EC2.18", "EC2.19", "EC2.53", "EC2.54", CIS + "5.3", CIS + "5.4", PCI],
    "sg-database-world": ["EC2.18", "EC2.19"],
    "sg-admin-world": ["EC2.18", "EC2.19", CIS + "5.1.2"],
    "sg-all-traffic-world": [
        *("EC2.13", "EC2.14", "EC2.18", "EC2.19", "EC2.53", "EC2.54"),
        *(CIS + "5.1.2", CIS + "5.3", CIS + "5.4", PCI),
    ],
    "sg-listed-world": ["EC2.18", "EC2.19"],
    "sg-other-world": ["EC2.18"],
    "sg-default-rules": ["EC2.2", CIS + "5.5"],
    "sg-ssh-world": ["EC2.13", "EC2.18", "EC2.19", "EC2.53", "EC2.54", CIS + "5.3", CIS + "5.4", PCI],
    "sg-unused": ["EC2.22"],
}

OPTIONAL = POLICIES / "optional"

every_policy = pytest.mark.parametrize("policy", load_policies().values(), ids=load_policies())


def test_names_and_order() -> None:
    assert list(load_policies()) == list(REPORT)


def test_no_name_is_used_twice_so_that_the_files_can_be_run_as_one() -> None:
    names = [p["name"] for file in policy_files() for p in yaml.safe_load(file.read_text())["policies"]]
    assert sorted(names) == sorted(set(names))


@every_policy
def test_report(policy: Policy) -> None:
    report = policy.data["metadata"]["report"]
    assert {key: report[key] for key in ("tab", "column", "level") if key in report} == REPORT[policy.name]
    assert set(report) <= {"tab", "column", "title", "level", "ports", "controls"}


@every_policy
def test_controls(policy: Policy) -> None:
    controls = policy.data["metadata"]["report"].get("controls", [])
    assert [each.removeprefix("SecurityHub.") for each in controls] == CONTROLS.get(policy.name, [])


def test_titles_are_what_people_say_and_no_two_are_alike() -> None:
    titles = [policy.data["metadata"]["report"]["title"] for policy in load_policies().values()]
    assert all(2 < len(title) < 50 and "_" not in title for title in titles)
    assert len(set(titles)) == len(titles)


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


# Declared by Custodian for the tags of prefix lists, which EC2 gives with them: it is never called.
NOT_CALLED = {"tag:GetResources"}


def test_only_the_last_policy_asks_more_than_ec2() -> None:
    *others, last = load_policies().values()
    assert all(p.startswith("ec2:") for policy in others for p in set(policy.get_permissions()) - NOT_CALLED)
    assert not all(p.startswith("ec2:") for p in last.get_permissions())


def test_custodian_validates_them(stock_program: Callable[..., Completed], tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text(policy_files()[-1].read_text().replace("type: ingress", "type: ingres"))

    files = [*policy_files(), *OPTIONAL.glob("*.yml")]
    done = stock_program("custodian", "validate", *files, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Configuration valid") == len(files)
    # What says nothing of a file that is broken would say nothing of these.
    assert stock_program("custodian", "validate", broken, cwd=tmp_path).returncode == 1


def test_the_optional_ones_are_policies_like_the_others_and_do_not_run_with_them() -> None:
    names = {policy.name for policy in policies.read([OPTIONAL]).planned}
    assert names == {"app-elb-inventory", "app-elb-target-group-inventory"}
    assert names.isdisjoint(policy.name for policy in policies.read([POLICIES]).planned)
    assert {path.stem for path in (OPTIONAL / "tests").glob("*.yml")} == names
