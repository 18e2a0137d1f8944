"""Default groups, unused ones, and those that are left alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from reporter.inventory.rules import GROUP, IPV4
from reporter.remedy.recorded import text_of
from reporter.remedy.steps import CarriedInterface, DeleteGroup, MoveInterfaces, ReplaceRules, Status
from tests import rundir

from . import runs
from .runs import (
    ACCOUNT,
    ACCOUNT_ID,
    REGION,
    cells,
    eni,
    group,
    instance_id,
    outline,
    planned,
    run,
    sg,
    steps,
)

ITSELF = f"all traffic from {sg(1)}"
OUT = ["all traffic to 0.0.0.0/0"]
DEFAULT, DEFAULT_RULES, SSH, UNUSED = "sg-default", "sg-default-rules", "sg-ssh-world", "sg-unused"


def default(*rules: str, **more: Any) -> dict[str, Any]:
    return group(*rules, name="default", **({"egress": OUT} | more))


# Default groups


def test_what_carries_a_default_group_moves_to_one_of_its_own(tmp_path: Path) -> None:
    own, web = default(ITSELF, "tcp 22 from 0.0.0.0/0"), group(number=2)
    interfaces = [runs.interface(1, web, own, instance=1), runs.interface(2, own, instance=1)]
    folder = run(
        tmp_path,
        [own, web],
        interfaces=interfaces,
        instances=[runs.instance(1, web, own, name="jump", interfaces=interfaces)],
    )
    plan = planned(folder)
    assert outline(plan) == {
        ("default", SSH): "-tcp 22 from 0.0.0.0/0",
        ("default", DEFAULT_RULES): f"with {SSH}",
        ("default", DEFAULT): f"move {eni(1)} {eni(2)}",
    }
    last = steps(plan)[-1].change
    assert isinstance(last, MoveInterfaces)
    assert last.new_name == f"moved-from-{sg(1)}-20261123"
    assert last.interfaces == (
        CarriedInterface(eni(1), (sg(2), sg(1)), instance_id(1), "jump"),
        CarriedInterface(eni(2), (sg(1),), instance_id(1), "jump"),
    )
    # The new group has what the default group has by then: no rule for the world.
    assert [text_of(rule) for rule in last.group.rules] == [ITSELF, *OUT]
    assert {(step.risk_before, step.risk_after) for step in steps(plan)} == {("critical", "low")}


def test_a_move_takes_along_what_is_left_open_and_the_risk_says_so(tmp_path: Path) -> None:
    own = default("all traffic from 0.0.0.0/0")
    folder = run(
        tmp_path, [own], interfaces=[runs.interface(1, own, instance=1)], instances=[runs.instance(1, own)]
    )
    (move,) = (step for step in steps(planned(folder)) if step.change)
    assert (move.policy, move.risk_before, move.risk_after) == (DEFAULT, "critical", "critical")


def test_rules_of_its_own_go_where_nothing_carries_a_default_group(tmp_path: Path) -> None:
    own = default(
        ITSELF, "tcp 20-25 from 0.0.0.0/0", "tcp 443 from 10.0.0.0/8", egress=["udp 53 to 0.0.0.0/0"]
    )
    folder = run(tmp_path, [own])
    wrong = "-tcp 20-25 from 0.0.0.0/0 -tcp 443 from 10.0.0.0/8 -udp 53 to 0.0.0.0/0"
    assert outline(planned(folder, only=[DEFAULT_RULES])) == {("default", DEFAULT_RULES): wrong}
    assert outline(planned(folder, only=[DEFAULT])) == {("default", DEFAULT): wrong}
    # What is a choice elsewhere is none here.
    admin = "sg-admin-world"
    assert outline(planned(folder)) == {
        ("default", admin): "-tcp 20-25 from 0.0.0.0/0",
        ("default", SSH): f"with {admin}",
        ("default", DEFAULT_RULES): "-tcp 443 from 10.0.0.0/8 -udp 53 to 0.0.0.0/0",
    }


def test_rules_of_its_own_stay_where_something_carries_it_or_who_knows(tmp_path: Path) -> None:
    own = default(ITSELF, "tcp 443 from 10.0.0.0/8")
    interfaces = [runs.interface(1, own, instance=1)]
    carried = run(tmp_path / "carried", [own], interfaces=interfaces, instances=[runs.instance(1, own)])
    assert outline(planned(carried)) == {
        ("default", DEFAULT_RULES): "refused",
        ("default", DEFAULT): f"move {eni(1)}",
    }
    unknown = run(tmp_path / "unknown", [own], interfaces=rundir.DENIED, instances=rundir.DENIED)
    plan = planned(unknown)
    assert outline(plan) == {("default", DEFAULT_RULES): "refused", ("default", DEFAULT): "refused"}
    assert {step.reason for step in steps(plan)} == {"whether anything carries it is not known: audit again"}
    assert plan.gaps == 2


def test_a_default_group_that_nothing_is_wrong_with_is_no_step_unless_it_is_asked_for(tmp_path: Path) -> None:
    own = default(ITSELF)
    folder = run(tmp_path, [own], unused=[own])
    assert outline(planned(folder)) == {}
    assert outline(planned(folder, only=[DEFAULT])) == {("default", DEFAULT): "refused"}
    assert outline(planned(folder, only=[UNUSED])) == {("default", UNUSED): "refused"}


@pytest.mark.parametrize(
    ("carried", "status", "reason"),
    [
        ({}, Status.CHOICE, f"{eni(1)}: a service or another account has it"),  # no instance's
        ({"Attachment": {"InstanceId": instance_id(1)}, "InterfaceType": "trunk"}, Status.CHOICE, f"{eni(1)}: a ser"),
        (
            {"Attachment": {"InstanceId": instance_id(1)}, "OwnerId": rundir.ACCOUNT_IDS["beta"]},
            Status.CHOICE,
            f"{eni(1)} is another account's",
        ),
    ],
)  # fmt: skip
def test_what_is_not_an_instances_own_is_not_moved(
    carried: dict[str, Any], status: Status, reason: str, tmp_path: Path
) -> None:
    own = default(ITSELF)
    folder = run(tmp_path, [own], interfaces=[runs.interface(1, own) | carried])
    (step,) = steps(planned(folder))
    assert (step.status, step.change) == (status, None)
    assert step.reason.startswith(reason)


def test_a_default_group_that_others_name_is_a_choice(tmp_path: Path) -> None:
    own, other = default(ITSELF), group(f"tcp 5432 from {sg(1)}", number=2, name="db")
    interfaces = [runs.interface(1, own, instance=1)]
    folder = run(tmp_path, [own, other], interfaces=interfaces, instances=[runs.instance(1, own)])
    (step,) = steps(planned(folder))
    assert step.status is Status.CHOICE
    assert step.reason == (
        f"the rules of {sg(2)} name it: what moves would lose what they let in; let in the new group there first"
    )


# Unused groups


def test_an_unused_group_goes_with_its_rules(tmp_path: Path) -> None:
    old, used = group("tcp 22 from 0.0.0.0/0", name="old"), group(number=2, name="used")
    folder = run(tmp_path, [old, used], unused=[old])
    plan = planned(folder)
    assert outline(plan) == {("old", SSH): f"with {UNUSED}", ("old", UNUSED): "delete"}
    assert {(step.risk_before, step.risk_after) for step in steps(plan)} == {("medium", "gone")}
    change = steps(plan)[-1].change
    assert isinstance(change, DeleteGroup)
    assert [text_of(rule) for rule in change.group.rules] == ["tcp 22 from 0.0.0.0/0"]
    assert outline(planned(folder, only=[SSH])) == {("old", SSH): "-tcp 22 from 0.0.0.0/0"}


def test_an_unused_group_that_another_account_names_is_refused(tmp_path: Path) -> None:
    old = group(name="old")
    theirs = group(f"tcp 443 from {sg(1)}", number=2, name="theirs", OwnerId=rundir.ACCOUNT_IDS["beta"])
    units = {(ACCOUNT, REGION): cells([old], unused=[old]), ("beta", REGION): cells([theirs])}
    (step,) = steps(planned(rundir.write(tmp_path / "run", units, runs.policies())))
    assert (step.policy, step.status, step.reason) == (
        UNUSED,
        Status.REFUSED,
        f"the rules of {sg(2)} name it",
    )


# What is left alone


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"Tags": [{"Key": "aws:cloudformation:stack-name", "Value": "x"}]}, "CloudFormation made it"),
        ({"Tags": [{"Key": "aws:somethingnew", "Value": "x"}]}, "a service of AWS made it"),
        ({"Tags": [{"Key": "kubernetes.io/cluster/prod", "Value": "owned"}]}, "Kubernetes made it"),
        ({"GroupName": "ElasticMapReduce-master"}, "EMR made it"),
        ({"GroupName": "d-9067012345_controllers"}, "Directory Service made it"),
        ({"GroupName": "FMManagedSecurityGroup1234sg-0abc"}, "Firewall Manager made it"),
        ({"OwnerId": rundir.ACCOUNT_IDS["beta"]}, "another account owns it"),
        ({"GroupId": "sg-1;reboot"}, "the id of the group or of its VPC is not of AWS's form"),
        ({"VpcId": ""}, "the id of the group or of its VPC is not of AWS's form"),
    ],
)
def test_such_groups_are_refused(more: dict[str, Any], reason: str, tmp_path: Path) -> None:
    (step,) = steps(planned(run(tmp_path, [group("tcp 22 from 0.0.0.0/0", **more)])))
    assert (step.status, step.change, step.risk_after) == (Status.REFUSED, None, "")
    assert step.reason.startswith(reason)


def test_a_tag_whose_value_looks_like_a_services_makes_no_service(tmp_path: Path) -> None:
    tagged = group("tcp 22 from 0.0.0.0/0", Tags=[{"Key": "note", "Value": "aws:x kubernetes.io/cluster/y"}])
    assert outline(planned(run(tmp_path, [tagged]))) == {("web", SSH): "-tcp 22 from 0.0.0.0/0"}


def test_a_rule_that_is_not_of_awss_form_is_in_no_command(tmp_path: Path) -> None:
    odd = group("tcp 22 from 0.0.0.0/0")
    odd["IpPermissions"].append(
        {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "$(id)"}]}
    )
    (step,) = steps(planned(run(tmp_path, [odd])))
    assert (step.status, step.reason) == (Status.REFUSED, "one of its rules is not of AWS's form")


def test_what_was_not_read_is_no_step_and_is_counted(tmp_path: Path) -> None:
    web = group("tcp 22 from 0.0.0.0/0", "tcp 3389 from 0.0.0.0/0")
    plan = planned(run(tmp_path, [web], sg_ssh_world=rundir.DENIED, eni_inventory=rundir.DENIED))
    assert outline(plan) == {("web", "sg-rdp-world"): "-tcp 3389 from 0.0.0.0/0"}
    assert plan.gaps == 2


def test_the_newest_record_counts(tmp_path: Path) -> None:
    """The policies ran one after the other, and somebody changed the group in between."""
    before = group("tcp 22 from 0.0.0.0/0", "tcp 3389 from 0.0.0.0/0")
    after = group("tcp 3389 from 0.0.0.0/0", "tcp 8443 from 0.0.0.0/0")
    found = cells([before])
    found["sg-rdp-world"] = cells([after])["sg-rdp-world"]
    folder = rundir.write(tmp_path / "run", {(ACCOUNT, REGION): found}, runs.policies())
    content = json.loads((folder / "run.json").read_text())
    for cell in content["cells"]:
        cell["started"] = 2_000.0 if cell["policy"] == "sg-rdp-world" else 1_000.0
    (folder / "run.json").write_text(json.dumps(content))
    plan = planned(folder)
    assert outline(plan) == {("web", "sg-rdp-world"): "-tcp 3389 from 0.0.0.0/0", ("web", SSH): "refused"}
    change, reason = steps(plan)[0].change, steps(plan)[1].reason
    assert reason == "its newest record has no longer: tcp 22 from 0.0.0.0/0; audit again"
    assert isinstance(change, ReplaceRules)
    assert [text_of(rule) for rule in change.group.rules] == [
        "tcp 3389 from 0.0.0.0/0",
        "tcp 8443 from 0.0.0.0/0",
    ]


def test_a_rule_that_came_after_its_policy_looked_is_told(tmp_path: Path) -> None:
    """The policy found one rule; by the newest record it would find another one too."""
    before = group("tcp 22 from 0.0.0.0/0")
    after = group("tcp 22 from 0.0.0.0/0", "tcp 22 from ::/0")
    found = cells([before]) | {"sg-inventory": [after]}
    (step,) = steps(planned(rundir.write(tmp_path / "run", {(ACCOUNT, REGION): found}, runs.policies())))
    assert (step.status, step.reason) == (Status.REFUSED, "sg-ssh-world would still find it after the change")


def test_a_record_keeps_all_that_undoing_takes(tmp_path: Path) -> None:
    described = runs.rule(f"tcp 22 from {sg(9)}", "peered")
    described["UserIdGroupPairs"][0] |= {
        "UserId": "222222222222",
        "VpcPeeringConnectionId": "pcx-0123456789abcdef0",
    }
    web = group("tcp 22 from 0.0.0.0/0", described, Tags=[{"Key": "team", "Value": "a"}], **{"c7n:note": 1})
    (step,) = steps(planned(run(tmp_path, [web])))
    assert isinstance(step.change, ReplaceRules)
    kept = step.change.group
    assert (kept.account, kept.account_id, kept.region, kept.name) == (ACCOUNT, ACCOUNT_ID, REGION, "web")
    assert (kept.tags, kept.description) == ((("team", "a"),), "web's description")
    peered = next(rule for rule in kept.rules if rule.kind == GROUP)
    assert (peered.peer, peered.owner_id, peered.peering_id) == (
        sg(9),
        "222222222222",
        "pcx-0123456789abcdef0",
    )
    assert next(rule for rule in kept.rules if rule.kind == IPV4).description == ""
    assert "c7n:note" not in kept.record
    assert "MatchedIpPermissions" not in kept.record
