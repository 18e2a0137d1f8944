"""Groups, interfaces and instances joined: run directories written by hand, and what comes of them."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reporter.custodian.metadata import GROUP_COLUMNS
from reporter.errors import InputError
from reporter.inventory.audit import read_audit
from reporter.output.manifest import Status
from reporter.output.reading import open_output
from reporter.report import summary, tables
from reporter.report.formats import xlsx
from tests.rundir import (
    DENIED,
    POLICIES,
    WORLD,
    audit,
    built,
    findings,
    group,
    groups,
    instance,
    interface,
    rows,
    table,
    unit,
    write,
)

HERE = ("alpha", "us-east-1")
SgAudit = Callable[..., Any]

# One account and region.

RUN_JSON = """
{
 "tool": "c7n-sg-audit 0.1.0",
 "started": "2026-11-23T21:03:55+00:00",
 "finished": "2026-11-23T21:04:10+00:00",
 "state": "finished",
 "policies": [
  {"name": "sg-inventory", "resource": "aws.security-group", "filtered": false, "description": "All.",
   "report": {"tab": "security_groups"}},
  {"name": "eni-inventory", "resource": "aws.eni", "filtered": false, "description": "", "report": {}},
  {"name": "ec2-inventory", "resource": "aws.ec2", "filtered": false, "description": "", "report": {}},
  {"name": "sg-default", "resource": "aws.security-group", "filtered": true, "description": "Default.",
   "filters": [{"GroupName": "default"}], "report": {"tab": "default_sg", "column": "is_default"}}
 ],
 "accounts": [
  {"name": "alpha", "account_id": "111111111111", "regions": ["us-east-1"],
   "role": "arn:aws:iam::111111111111:role/audit", "profile": ""}
 ],
 "cells": [
  {"account": "alpha", "account_id": "111111111111", "region": "us-east-1", "policy": "sg-inventory",
   "status": "ok", "resources": 2, "seconds": 0.25, "code": "", "message": "", "throttled": 0},
  {"account": "alpha", "account_id": "111111111111", "region": "us-east-1", "policy": "eni-inventory",
   "status": "ok", "resources": 1, "seconds": 0.25, "code": "", "message": "", "throttled": 0},
  {"account": "alpha", "account_id": "111111111111", "region": "us-east-1", "policy": "ec2-inventory",
   "status": "ok", "resources": 1, "seconds": 0.25, "code": "", "message": "", "throttled": 0},
  {"account": "alpha", "account_id": "111111111111", "region": "us-east-1", "policy": "sg-default",
   "status": "ok", "resources": 1, "seconds": 0.25, "code": "", "message": "", "throttled": 0}
 ]
}
"""

RESOURCES = {
    "sg-inventory": """[
      {"GroupId": "sg-0d", "GroupName": "default", "Description": "default VPC security group",
       "VpcId": "vpc-0a", "OwnerId": "111111111111", "SecurityGroupArn": "arn:aws:ec2:…",
       "IpPermissions": [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-0d", "UserId": "1"}],
                          "IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": []}],
       "IpPermissionsEgress": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]},
      {"GroupId": "sg-0w", "GroupName": "web", "Description": "", "VpcId": "vpc-0a",
       "OwnerId": "111111111111", "Tags": [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": ""}],
       "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 20, "ToPort": 25,
                          "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "all"}],
                          "Ipv6Ranges": [{"CidrIpv6": "::/0"}], "PrefixListIds": [],
                          "UserIdGroupPairs": []}]}
    ]""",
    "eni-inventory": """[
      {"NetworkInterfaceId": "eni-0b", "InterfaceType": "interface", "Description": "Primary",
       "PrivateIpAddress": "10.0.0.5", "VpcId": "vpc-0a", "OwnerId": "111111111111",
       "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.5", "Primary": true},
                              {"PrivateIpAddress": "10.0.0.6", "Primary": false}],
       "Association": {"PublicIp": "203.0.113.9"}, "Status": "in-use",
       "Attachment": {"InstanceId": "i-0c", "DeviceIndex": 0},
       "Groups": [{"GroupId": "sg-0d", "GroupName": "default"}]}
    ]""",
    "ec2-inventory": """[
      {"InstanceId": "i-0c", "State": {"Code": 80, "Name": "stopped"}, "LaunchTime": "2026-01-01T00:00:00",
       "SecurityGroups": [{"GroupId": "sg-0d", "GroupName": "default"}],
       "NetworkInterfaces": [{"NetworkInterfaceId": "eni-0b",
                              "Groups": [{"GroupId": "sg-0d", "GroupName": "default"}]}],
       "Tags": [{"Key": "Name", "Value": "box"}]}
    ]""",
    "sg-default": '[{"GroupId": "sg-0d", "GroupName": "default"}]',
}


def test_a_run_written_out_in_full(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(RUN_JSON)
    for policy, text in RESOURCES.items():
        place = tmp_path / "alpha" / "us-east-1" / policy
        place.mkdir(parents=True)
        (place / "resources.json").write_text(text)

    common = {
        "account_profile": "alpha",
        "account_id": "111111111111",
        "region": "us-east-1",
        "vpc_id": "vpc-0a",
        "risk_note": "",
        "wide_sources": (),
        "reachable": "no",  # the one opens nothing to the world, the other is on no interface
        "reachable_on": (),
        "same_rules_as": (),
        "covered_rules": (),
        "first_seen": "",
        "since_last": "",
        "next_step": "",
        "waived": "",
    }
    default = common | {
        "security_group_id": "sg-0d",
        "group_name": "default",
        "is_default": True,
        "has_ssh_rule": True,
        "has_ssh_open_world": False,
        "in_use": True,
        "unused": None,  # no policy asked
        "attached_eni_count": 1,
        "attached_resources": ("eni-0b", "i-0c"),
        "ssh_rules": ("sg-0d -> all",),
        "risk": "high",
        "instances": ("box (stopped)",),
        "description": "default VPC security group",
        "tags": (),
        "world_ports": (),
    }
    web = common | {
        "security_group_id": "sg-0w",
        "group_name": "web",
        "is_default": False,
        "has_ssh_rule": True,
        "has_ssh_open_world": True,
        "in_use": False,
        "unused": None,  # no policy asked
        "attached_eni_count": 0,
        "attached_resources": (),
        "ssh_rules": ("0.0.0.0/0 -> 20-25", "::/0 -> 20-25"),
        "risk": "medium",
        "instances": (),
        "description": "",
        "tags": ("a=", "b=2"),
        "world_ports": ("tcp 20-25",),
    }
    assert table(tmp_path, "security_groups") == [default, web]
    assert table(tmp_path, "default_sg") == [default]
    assert table(tmp_path, "ssh_open") == [default, web]
    assert table(tmp_path, "ssh_world") == [web]
    assert table(tmp_path, "attachments") == [
        {
            "account_profile": "alpha",
            "account_id": "111111111111",
            "region": "us-east-1",
            "security_group_id": "sg-0d",
            "group_name": "default",
            "interface_id": "eni-0b",
            "interface_type": "interface",
            "interface_description": "Primary",
            "private_ip": "10.0.0.5",
            "public_ip": "203.0.113.9",
            "instance_id": "i-0c",
            "instance_name": "box",
            "instance_state": "stopped",
            "interface_account": "alpha",
            "subnet_id": "",
            "secondary_private_ips": ("10.0.0.6",),
            "public_ips": ("203.0.113.9",),
            "ipv6": (),
            "reachable": "no",
            "why": "the group opens nothing to the world",
        }
    ]


def test_a_run_that_found_nothing(tmp_path: Path) -> None:
    write(tmp_path, {HERE: unit()})
    counted = {each.name: len(each.frame) for each in built(audit(tmp_path)) if len(each.frame)}
    assert counted == {"summary_accounts": 1, "summary_regions": 1, "summary_runs": 1}
    for name in counted:
        assert [row["groups"] for row in table(tmp_path, name)] == [0]
    xlsx.write(tmp_path / "empty", built(audit(tmp_path)), [])


def test_a_terminated_instance_carries_nothing(tmp_path: Path) -> None:
    web, db = group("sg-1"), group("sg-2")
    write(
        tmp_path,
        {
            HERE: unit(
                [web, db],
                instances=[
                    instance("i-1", web, state="terminated"),
                    instance("i-2", db, state="shutting-down"),
                ],
            )
        },
    )
    rows = groups(tmp_path)
    assert (rows["sg-1"]["in_use"], rows["sg-1"]["attached_resources"], rows["sg-1"]["risk"]) == (
        False,
        (),
        "low",
    )
    assert (rows["sg-2"]["in_use"], rows["sg-2"]["attached_resources"]) == (True, ("i-2",))


def test_resources_are_interfaces_then_instances_each_sorted(tmp_path: Path) -> None:
    web = group("sg-1")
    carried = [interface("eni-2", web, instance="i-9"), interface("eni-1", web, instance="i-3")]
    carried += [interface("eni-3", web)]
    boxes = [instance("i-9", web, name="nine"), instance("i-3", web), instance("i-5", web, state="stopped")]
    write(tmp_path, {HERE: unit([web], carried, boxes)})
    row = groups(tmp_path)["sg-1"]
    assert row["attached_resources"] == ("eni-1", "eni-2", "eni-3", "i-3", "i-5", "i-9")
    assert row["attached_eni_count"] == 3
    assert row["instances"] == ("i-3 (running)", "i-5 (stopped)", "nine (running)")


def test_an_interface_of_two_groups_counts_for_both(tmp_path: Path) -> None:
    web, app = group("sg-1", "web"), group("sg-2", "app")
    write(tmp_path, {HERE: unit([web, app], [interface("eni-1", web, app)])})
    rows = groups(tmp_path)
    assert [rows[each]["attached_resources"] for each in ("sg-1", "sg-2")] == [("eni-1",), ("eni-1",)]
    assert [row["group_name"] for row in table(tmp_path, "attachments")] == ["app", "web"]


def test_the_same_name_and_even_the_same_id_elsewhere_is_another_group(tmp_path: Path) -> None:
    mine, yours = group("sg-1"), group("sg-1", owner="beta")
    write(tmp_path, {HERE: unit([mine]), ("beta", "eu-west-1"): unit([yours])})
    rows = table(tmp_path, "security_groups")
    assert [(row["account_profile"], row["region"]) for row in rows] == [
        ("alpha", "us-east-1"),
        ("beta", "eu-west-1"),
    ]


# Across accounts.


def test_a_shared_vpc_puts_one_accounts_interface_on_anothers_group(tmp_path: Path) -> None:
    shared = group("sg-1", ssh_from=WORLD)
    task = interface("eni-1", shared, owner="beta")
    write(tmp_path, {HERE: unit([shared]), ("beta", "us-east-1"): unit(interfaces=[task])})
    row = groups(tmp_path)["sg-1"]
    assert (row["account_profile"], row["in_use"], row["attached_eni_count"]) == ("alpha", True, 1)
    assert row["attached_resources"] == ("eni-1",)
    assert row["risk"] == "critical"

    (attachment,) = table(tmp_path, "attachments")
    assert (attachment["account_profile"], attachment["account_id"]) == ("alpha", "111111111111")
    assert (attachment["group_name"], attachment["interface_account"]) == ("web", "beta")


def test_an_instance_of_another_account_makes_a_default_group_high(tmp_path: Path) -> None:
    default = group("sg-1", "default")
    nic = interface("eni-1", default, owner="beta", instance="i-1")
    box = instance("i-1", default, name="theirs", interfaces=[nic])
    write(tmp_path, {HERE: unit([default]), ("beta", "us-east-1"): unit(interfaces=[nic], instances=[box])})
    row = groups(tmp_path)["sg-1"]
    assert (row["risk"], row["instances"]) == ("high", ("theirs (running)",))


@pytest.mark.parametrize("order", [("alpha", "beta"), ("beta", "alpha")])
def test_a_group_that_two_accounts_see_appears_once_under_its_owner(
    tmp_path: Path, order: tuple[str, str]
) -> None:
    shared = group("sg-1")
    units = {
        # Its owner sees that something carries it; to the other account it looks unused.
        ("alpha", "us-east-1"): unit([shared], [interface("eni-1", shared)]),
        ("beta", "us-east-1"): unit([shared], unused=[shared]),
    }
    write(tmp_path, {(name, "us-east-1"): units[name, "us-east-1"] for name in order})
    row = groups(tmp_path)["sg-1"]
    assert (row["account_profile"], row["account_id"]) == ("alpha", "111111111111")
    assert (row["in_use"], row["unused"]) == (True, False)
    counts = {row["account_profile"]: row["groups"] for row in table(tmp_path, "summary_accounts")}
    assert counts == {"alpha": 1, "beta": 0}
    assert [row["groups"] for row in table(tmp_path, "summary_regions")] == [1]


def test_an_interface_that_two_accounts_see_counts_once(tmp_path: Path) -> None:
    # The owner of a shared VPC sees the interfaces that others have in it.
    shared = group("sg-1")
    task = interface("eni-1", shared, owner="beta")
    write(tmp_path, {HERE: unit([shared], [task]), ("beta", "us-east-1"): unit(interfaces=[task])})
    assert groups(tmp_path)["sg-1"]["attached_eni_count"] == 1
    (attachment,) = table(tmp_path, "attachments")
    assert attachment["interface_account"] == "beta"


def test_an_attachment_of_a_group_that_was_not_listed_is_still_there(tmp_path: Path) -> None:
    elsewhere = group("sg-9", "theirs", owner="gamma")
    write(tmp_path, {HERE: unit(interfaces=[interface("eni-1", elsewhere)])})
    assert groups(tmp_path) == {}
    (attachment,) = table(tmp_path, "attachments")
    assert (attachment["security_group_id"], attachment["group_name"]) == ("sg-9", "theirs")
    assert attachment["account_profile"] == "alpha"


# What could not be looked at.


@pytest.fixture
def without_interfaces(tmp_path: Path) -> Path:
    default, open_world, web = group("sg-d", "default"), group("sg-o", "open", ssh_from=WORLD), group("sg-w")
    on_box = group("sg-b", "on-box")
    box = instance("i-1", on_box, interfaces=[interface("eni-1", on_box)])
    return write(tmp_path, {HERE: unit([default, open_world, web, on_box], DENIED, [box])})


def test_without_interfaces_nothing_is_known_to_be_unattached(without_interfaces: Path) -> None:
    rows = groups(without_interfaces)
    for group_id in ("sg-d", "sg-o", "sg-w"):
        assert rows[group_id]["in_use"] is None
        assert rows[group_id]["attached_eni_count"] is None
        assert rows[group_id]["attached_resources"] == ("unknown",)


def test_without_interfaces_risk_is_the_worst_that_is_possible(without_interfaces: Path) -> None:
    rows = groups(without_interfaces)
    assert {group_id: (row["risk"], row["risk_note"]) for group_id, row in rows.items()} == {
        "sg-d": ("high", "worst case, unknown: in_use, is_default on an instance"),
        "sg-o": ("critical", "worst case, unknown: in_use"),
        "sg-w": ("low", "worst case, unknown: in_use"),
        "sg-b": ("none", ""),
    }


def test_without_interfaces_an_instance_still_shows_what_it_carries(without_interfaces: Path) -> None:
    row = groups(without_interfaces)["sg-b"]
    assert row["in_use"] is True
    assert row["attached_eni_count"] is None
    assert row["attached_resources"] == ("eni-1", "i-1", "unknown")
    (attachment,) = table(without_interfaces, "attachments")
    assert (attachment["interface_id"], attachment["instance_id"]) == ("eni-1", "i-1")


def test_what_was_not_read_is_in_the_coverage_tab(without_interfaces: Path) -> None:
    assert table(without_interfaces, "coverage") == [
        {
            "account_profile": "alpha",
            "account_id": "111111111111",
            "region": "us-east-1",
            "policy": "eni-inventory",
            "status": "denied",
            "code": "UnauthorizedOperation",
            "message": "Not allowed.",
            "what_to_do": "Allow the call to the account's role (`sg-audit permissions` prints all that is "
            "needed), then `sg-audit audit --resume`",
        }
    ]
    line = summary.coverage_line(audit(without_interfaces))
    assert line == "6 of 7 cells (account × region × policy) were read"


def test_unread_interfaces_matter_to_the_groups_of_their_own_account(tmp_path: Path) -> None:
    # The owner of a VPC sees every interface in it, also where the VPC is shared.
    shared, own = group("sg-1", vpc="vpc-shared"), group("sg-2", vpc="vpc-own")
    theirs = group("sg-3", owner="beta", vpc="vpc-shared")
    write(tmp_path, {HERE: unit([shared, own]), ("beta", "us-east-1"): unit([theirs], DENIED)})
    rows = groups(tmp_path)
    assert [rows[each]["in_use"] for each in ("sg-1", "sg-2", "sg-3")] == [False, False, None]


def test_unread_interfaces_of_another_region_do_not_matter(tmp_path: Path) -> None:
    shared, theirs = group("sg-1"), group("sg-3", owner="beta")
    write(
        tmp_path,
        {
            HERE: unit([shared]),
            ("beta", "us-east-1"): unit([theirs]),
            ("beta", "eu-west-1"): unit([], DENIED),
        },
    )
    assert groups(tmp_path)["sg-1"]["in_use"] is False


def test_without_instances_interfaces_tell_what_is_in_use(tmp_path: Path) -> None:
    default, web = group("sg-d", "default"), group("sg-w")
    write(tmp_path, {HERE: unit([default, web], [interface("eni-1", default, instance="i-1")], DENIED)})
    rows = groups(tmp_path)
    assert (rows["sg-d"]["risk"], rows["sg-d"]["instances"]) == ("high", ("i-1 (unknown)",))
    assert (rows["sg-w"]["in_use"], rows["sg-w"]["risk"]) == (False, "low")
    (attachment,) = table(tmp_path, "attachments")
    assert attachment["instance_state"] == "unknown"


def test_an_unread_policy_leaves_its_column_unknown_there_and_nowhere_else(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            HERE: unit([group("sg-1")], unused=DENIED),
            ("alpha", "eu-west-1"): unit([group("sg-2")], unused=[group("sg-2")]),
            ("alpha", "eu-west-2"): unit([group("sg-3")]),
        },
    )
    rows = groups(tmp_path)
    assert [rows[each]["unused"] for each in ("sg-1", "sg-2", "sg-3")] == [None, True, False]


def test_a_file_that_is_missing_or_cut_short_or_no_list_is_a_gap(tmp_path: Path) -> None:
    write(tmp_path, {HERE: unit([group("sg-1")], [interface("eni-1", group("sg-1"))])})
    folder = tmp_path / "alpha" / "us-east-1"
    (folder / "sg-unused" / "resources.json").unlink()
    cut = folder / "eni-inventory" / "resources.json"
    cut.write_text(cut.read_text()[:-10])
    (folder / "ec2-inventory" / "resources.json").write_text('{"InstanceId": "i-1"}')

    found = audit(tmp_path)
    assert {cell.policy: cell.status for cell in found.gaps} == {
        "eni-inventory": Status.FAILED,
        "ec2-inventory": Status.FAILED,
        "sg-unused": Status.FAILED,
    }
    assert all("resources.json" in cell.message for cell in found.gaps)
    row = groups(tmp_path)["sg-1"]
    assert (row["in_use"], row["unused"], row["risk"]) == (None, None, "low")


def test_the_command_line_names_a_file_that_is_cut_short_and_exits_with_3(
    sg_audit: SgAudit, tmp_path: Path
) -> None:
    write(tmp_path / "run", {HERE: unit([group("sg-1")])})
    cut = tmp_path / "run" / "alpha" / "us-east-1" / "sg-inventory" / "resources.json"
    cut.write_text(cut.read_text()[:20])
    done = sg_audit("report", "-s", tmp_path / "run", "-o", tmp_path / "reports")
    assert done.returncode == 3
    assert str(cut) in done.stderr
    assert Path(done.stdout.strip()).exists()


# What policies add.


def policy(name: str, **report: str) -> dict[str, Any]:
    """A policy that is not about rules."""
    filters = [{"tag:Owner": "absent"}]
    return {
        "name": name,
        "resource": "aws.security-group",
        "filtered": True,
        "filters": filters,
        "report": report,
    }


def test_a_policy_adds_a_column(tmp_path: Path) -> None:
    one, two = group("sg-1"), group("sg-2")
    write(
        tmp_path,
        {
            HERE: unit([one, two], sg_rdp=[two]),
            ("alpha", "eu-west-1"): unit([group("sg-3")], sg_rdp=DENIED),
        },
        [*POLICIES, policy("sg-rdp", column="has_rdp")],
    )
    rows = groups(tmp_path)
    assert [rows[each]["has_rdp"] for each in ("sg-1", "sg-2", "sg-3")] == [False, True, None]
    assert list(rows["sg-1"]) == [*GROUP_COLUMNS, "has_rdp"]
    assert [each.name for each in built(audit(tmp_path))][:5] == [
        *tables.FINDING_TABS,
        "sg-rdp",  # what names no tab has one of its own name
        "security_groups",
    ]


def test_a_policys_column_may_have_any_free_name(tmp_path: Path) -> None:
    """Not even one that the report has a use for inside changes the risk."""
    default = group("sg-1", "default")
    mine = policy("mine", column="on_instance")
    write(tmp_path, {HERE: unit([default], mine=[default])}, [*POLICIES, mine])
    row = groups(tmp_path)["sg-1"]
    assert (row["on_instance"], row["risk"]) == (True, "low")


def test_a_policy_adds_a_tab(tmp_path: Path) -> None:
    one, two = group("sg-1"), group("sg-2")
    write(
        tmp_path,
        {HERE: unit([one, two], sg_rdp=[two], sg_db=[one, two])},
        [policy("sg-rdp", tab="rdp"), *POLICIES, policy("sg-db", tab="db")],
    )
    names = [each.name for each in built(audit(tmp_path))]
    assert names == [
        "default_sg",
        "ssh_open",
        "ssh_world",
        "rdp",
        "db",
        "security_groups",
        "attachments",
        "changes",
        "duplicates",
        "waivers",
        "summary_accounts",
        "summary_regions",
        "summary_runs",
        "coverage",
    ]
    assert table(tmp_path, "rdp") == [groups(tmp_path)["sg-2"]]
    assert len(table(tmp_path, "db")) == 2


def test_policies_may_share_a_column_and_a_tab(tmp_path: Path) -> None:
    one, two, three = group("sg-1"), group("sg-2"), group("sg-3")
    write(
        tmp_path,
        {
            HERE: unit([one, two, three], a=[one, two], b=[two]),
            ("alpha", "eu-west-1"): unit([group("sg-4"), group("sg-5")], a=[group("sg-4")], b=DENIED),
        },
        [*POLICIES, policy("a", tab="ab", column="is_ab"), policy("b", tab="ab", column="is_ab")],
    )
    rows = groups(tmp_path)
    assert [rows[f"sg-{n}"]["is_ab"] for n in (1, 2, 3, 4, 5)] == [True, True, False, True, None]
    # sg-5 may belong there: b gave no answer for its region.
    assert [row["security_group_id"] for row in table(tmp_path, "ab")] == ["sg-4", "sg-5", "sg-1", "sg-2"]


def test_findings_without_their_policies_are_read_from_the_inventory(tmp_path: Path) -> None:
    inventory = POLICIES[:3]
    default, open_world, web = group("sg-d", "default"), group("sg-o", "open", ssh_from=WORLD), group("sg-w")
    found = unit([default, open_world, web])
    write(tmp_path, {HERE: {each["name"]: found[each["name"]] for each in inventory}}, inventory)
    assert [row["security_group_id"] for row in table(tmp_path, "default_sg")] == ["sg-d"]
    assert [row["security_group_id"] for row in table(tmp_path, "ssh_open")] == ["sg-o"]
    assert [row["security_group_id"] for row in table(tmp_path, "ssh_world")] == ["sg-o"]
    assert {row["unused"] for row in groups(tmp_path).values()} == {None}


@pytest.mark.parametrize("column", ["region", "risk", "in_use", "tags", "Risk", "ACCOUNT_ID"])
def test_a_column_of_the_reports_own_name_is_left_out(tmp_path: Path, column: str) -> None:
    one = group("sg-1", "default")
    write(tmp_path, {HERE: unit([one], mine=[one])}, [*POLICIES, policy("mine", column=column)])
    expected = f"policy mine: metadata.report.column: {column} is the report's own"
    assert audit(tmp_path).output.notes == (expected,)
    row = groups(tmp_path)["sg-1"]
    assert list(row) == list(GROUP_COLUMNS)
    assert (row["region"], row["risk"], row["in_use"], row["tags"]) == ("us-east-1", "low", False, ())


def test_the_command_line_says_so_and_reports_the_rest(sg_audit: SgAudit, tmp_path: Path) -> None:
    write(
        tmp_path / "run", {HERE: unit([group("sg-1")], mine=[])}, [*POLICIES, policy("mine", column="in_use")]
    )
    done = sg_audit("report", "-s", tmp_path / "run", "-o", tmp_path / "reports")
    assert done.returncode == 0
    assert "left out: policy mine: metadata.report.column: in_use is the report's own" in done.stderr
    assert Path(done.stdout.strip()).exists()


@pytest.mark.parametrize("columns", [("Public", "public"), ("Unused", "PUBLIC"), ("Is_Default", "x")])
def test_columns_that_excel_cannot_tell_apart_are_refused_or_told_apart(
    tmp_path: Path, columns: tuple[str, str]
) -> None:
    # The columns of an Excel table differ by more than case.
    first, second = columns
    write(
        tmp_path,
        {HERE: unit([group("sg-1")], one=[], two=[])},
        [*POLICIES, policy("one", column=first), policy("two", column=second)],
    )
    try:
        tabs = built(audit(tmp_path))
    except InputError as refused:
        assert "one" in str(refused) or "two" in str(refused)
        return
    for each in tabs:
        names = [name.lower() for name in each.frame.columns]
        assert len(set(names)) == len(names)
    xlsx.write(tmp_path / "report", tabs, [])


@pytest.mark.parametrize(
    "tab",
    [
        "overview",
        "closed",
        "summary",
        "Summary",
        "summary_regions",
        "changes",
        "coverage",
        "attachments",
        "duplicates",
        "waivers",
        "security_groups",
        "SSH_OPEN",
    ],
)
def test_a_tab_of_the_reports_own_name_is_refused_or_told_apart(tmp_path: Path, tab: str) -> None:
    write(tmp_path, {HERE: unit([group("sg-1")], mine=[])}, [*POLICIES, policy("mine", tab=tab)])
    try:
        tabs = built(audit(tmp_path))
    except InputError as refused:
        assert "mine" in str(refused)
        return
    xlsx.write(tmp_path / "report", tabs, ["a fact"])
    names = xlsx.sheet_names([each.name for each in tabs])
    assert names[:3] == ["default_sg", "ssh_open", "ssh_world"]
    assert names[-9:] == [
        "security_groups",
        "attachments",
        "changes",
        "duplicates",
        "waivers",
        "summary_accounts",
        "summary_regions",
        "summary_runs",
        "coverage",
    ]


def test_what_only_informs_a_choice_gets_no_sheet(tmp_path: Path) -> None:
    one = group("sg-1")
    cells = unit([one], [interface("eni-1", one)], every_instance=[instance("i-1", one)])
    every = {"name": "every-instance", "resource": "aws.ec2", "filtered": False}
    output = open_output(write(tmp_path, {HERE: cells}, [*POLICIES, every]))
    assert "every-instance" in [each.name for each in built(read_audit(output)[0])]
    chosen = read_audit(output.only(["sg-default"], []))[0]
    assert "every-instance" not in [each.name for each in built(chosen)]
    assert findings(chosen).groups["instances"].tolist() == [("i-1 (running)",)]


# The same data, the same report.


def everything(folder: Path) -> list[Any]:
    """All tabs, but coverage, which tells cells in the order of the run."""
    return [(each.name, rows(each)) for each in built(audit(folder)) if each.name != "coverage"]


def shuffled(units: dict[tuple[str, str], Any], seed: int) -> dict[tuple[str, str], Any]:
    """The same units with places, policies and resources in another order."""
    chance = random.Random(seed)

    def mixed(things: list[Any]) -> list[Any]:
        return chance.sample(things, len(things))

    return {
        place: {policy: mixed(units[place][policy]) for policy in mixed(list(units[place]))}
        for place in mixed(list(units))
    }


def in_accounts_order(folder: Path) -> Path:
    """Accounts stay in the order of the accounts file, whichever of them was opened first."""
    manifest = json.loads((folder / "run.json").read_text())
    manifest["accounts"].sort(key=lambda account: account["name"])
    (folder / "run.json").write_text(json.dumps(manifest))
    return folder


def test_the_order_of_cells_and_resources_does_not_show(tmp_path: Path) -> None:
    names = ["web", "default", "=1+1", "Web", "ärger", "db"]
    units = {}
    places = [(account, region) for account in ("alpha", "beta") for region in ("r-1", "r-2")]
    for number, place in enumerate(places):
        own = [
            group(f"sg-{number}{n}", name, place[0], ssh_from=WORLD if n % 2 else "")
            for n, name in enumerate(names)
        ]
        own += [group(f"sg-{number}x", "web", place[0])]  # the same name twice, as two VPCs allow
        carried = [
            interface(f"eni-{number}{n}", own[n], own[n + 1], owner=place[0], instance=f"i-{number}{n}")
            for n in range(4)
        ]
        boxes = [instance(f"i-{number}{n}", own[n], name="box") for n in range(4)]
        units[place] = unit(own, carried, boxes, unused=own[-2:])

    expected = everything(write(tmp_path / "first", units))
    assert len(dict(expected)["security_groups"]) == 4 * 7
    for seed in range(4):
        again = write(tmp_path / f"again-{seed}", shuffled(units, seed))
        assert everything(in_accounts_order(again)) == expected


def test_the_order_of_accounts_does_not_show_where_the_owner_was_not_scanned(tmp_path: Path) -> None:
    # A group and an interface of gamma's, which alpha and beta both see.
    shared = group("sg-1", owner="gamma")
    seen = unit([shared], [interface("eni-1", shared, owner="gamma")])
    units = {("alpha", "us-east-1"): seen, ("beta", "us-east-1"): seen}

    expected = everything(write(tmp_path / "first", units))
    other = write(tmp_path / "other", dict(reversed(units.items())))
    assert everything(in_accounts_order(other)) == expected


def test_rows_stand_by_risk_account_region_name_and_id(tmp_path: Path) -> None:
    def two(account: str, *ids: str) -> dict[str, Any]:
        quiet = group(ids[0], "b", account)
        return unit([quiet, group(ids[1], "a", account, ssh_from=WORLD), group(ids[2], "b", account)])

    write(
        tmp_path,
        {
            ("beta", "r-1"): two("beta", "sg-2", "sg-9", "sg-1"),
            ("alpha", "r-2"): two("alpha", "sg-4", "sg-8", "sg-3"),
            ("alpha", "r-1"): two("alpha", "sg-6", "sg-7", "sg-5"),
        },
    )
    ids = [row["security_group_id"] for row in table(tmp_path, "security_groups")]
    assert ids == ["sg-7", "sg-8", "sg-9", "sg-5", "sg-6", "sg-3", "sg-4", "sg-1", "sg-2"]
