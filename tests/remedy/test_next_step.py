"""One sentence for each finding."""

from pathlib import Path

import pandas as pd

from reporter.findings import waived, waivers
from reporter.findings.assess import Findings, assess
from reporter.inventory.audit import read_audit
from reporter.output.reading import open_output
from reporter.remedy.next_steps import of_groups, with_next_steps
from tests import rundir

from . import runs
from .runs import group, run, sg


def test_each_finding_has_a_sentence(tmp_path: Path) -> None:
    ssh = "tcp 22 from 0.0.0.0/0"
    moving = group(f"all traffic from {sg(1)}", number=1, name="default")
    idle = group("tcp 443 from 10.0.0.0/8", number=2, name="default")
    groups = [
        moving,
        idle,
        group(ssh, "tcp 443 from ::/0", number=3, name="web"),
        group("tcp 0-65535 from 0.0.0.0/0", number=4, name="wide"),
        group("tcp 3389 from 0.0.0.0/1", "tcp 3389 from 128.0.0.0/1", number=5, name="halves"),
        group(ssh, number=6, name="ElasticMapReduce-master"),
        group(ssh, number=7, name="waived"),
        group(number=8, name="old"),
    ]
    folder = run(
        tmp_path,
        groups,
        interfaces=[runs.interface(1, moving, instance=1)],
        instances=[runs.instance(1, moving)],
        unused=[idle, groups[6], groups[7]],
        sg_database_world=rundir.DENIED,
    )
    output = open_output(folder)
    text = "waivers: [{policy: sg-ssh-world, group: waived, reason: r, owner: me, expires: 2027-01-31}]"
    accepted = waivers.parse(text.encode(), "waivers.yml", runs.DAY)
    findings = assess(read_audit(output)[1], output.policies)
    findings = waived.apply(findings, output.policies, accepted, runs.DAY)
    findings = with_next_steps(findings, output.policies)
    frame = findings.frame
    told = {
        (each["group_name"] + each["resource_id"][-1], each["policy"]): each["next_step"]
        for each in frame.to_dict("records")
        if each["policy"] != "sg-ssh-open" and each["proven"]
    }
    remove = f"Remove {ssh}, or let in narrower ranges in its place (`remedy --to`)"
    choose = "Choose what is to stay of tcp 0-65535 from 0.0.0.0/0 (`remedy --keep`), and remove the rest"
    nothing = "Nothing to move: nothing carries it, and AWS does not let a default group be deleted"
    delete = (
        "Delete it, after a look at what was not read: launch templates, Glue connections, peered accounts"
    )
    assert told == {
        ("default1", "sg-default"): "Move its instances to a group of their own",
        ("default2", "sg-default"): nothing,
        ("default2", "sg-default-rules"): "Remove tcp 443 from 10.0.0.0/8: nothing carries it",
        ("default2", "sg-unused"): nothing,
        ("web3", "sg-ssh-world"): remove,
        ("web3", "sg-web-world"): "See whether tcp 443 from ::/0 is meant; if not, remove or narrow it",
        **dict.fromkeys(
            [("wide4", f"sg-{name}-world") for name in ("rdp", "admin", "web", "listed", "other", "ssh")],
            choose,
        ),
        ("halves5", "sg-rdp-world"): "Remove the rules that together let the world in on tcp 3389",
        ("ElasticMapReduce-master6", "sg-ssh-world"): "Change it where it comes from: EMR made it",
        ("waived7", "sg-ssh-world"): "Nothing until the waiver ends",
        ("waived7", "sg-unused"): "End the waiver for what it opens first, or leave it as it is",
        ("old8", "sg-unused"): delete,
    }
    possible = frame[~frame["proven"]]["next_step"]
    assert set(possible) == {"Read what was not read, then look again: whether it is found is not known"}
    assert len(possible) == len(groups)


def test_a_group_has_what_is_to_be_done_in_one_go(tmp_path: Path) -> None:
    ssh = "tcp 22 from 0.0.0.0/0"
    idle = group(f"all traffic from {sg(1)}", number=1, name="default")
    altered = group("tcp 443 from 10.0.0.0/8", number=2, name="default")
    old = group(ssh, number=3, name="old")
    both = group(ssh, "tcp 22 from 10.0.0.0/8", number=4, name="both")
    range_alone = group("all traffic from 10.0.0.0/8", number=5, name="range")
    folder = run(
        tmp_path,
        [idle, altered, old, both, range_alone],
        interfaces=[runs.interface(4, both), runs.interface(5, range_alone)],
        unused=[idle, altered, old],
    )
    output = open_output(folder)
    findings = with_next_steps(assess(read_audit(output)[1], output.policies), output.policies)
    groups = dict(zip(findings.groups["security_group_id"], findings.groups["next_step"], strict=True))
    assert groups == {
        sg(1): "Nothing to move: nothing carries it, and AWS does not let a default group be deleted",
        sg(2): "Remove tcp 443 from 10.0.0.0/8: nothing carries it",
        sg(3): (
            "Delete it, after a look at what was not read: launch templates, Glue connections, peered accounts"
        ),
        sg(4): f"Remove {ssh}, or let in narrower ranges in its place (`remedy --to`)",
        sg(5): "",
    }
    frame = findings.frame[findings.frame["policy"] == "sg-ssh-open"]
    informs = dict(zip(frame["resource_id"], frame["next_step"], strict=True))
    assert informs[sg(4)] == (
        f"Remove {ssh}, or let in narrower ranges in its place (`remedy --to`); "
        "see whether tcp 22 from 10.0.0.0/8 is meant"
    )
    assert informs[sg(1)] == "See whether all traffic from itself is meant; if not, remove or narrow it"
    assert informs[sg(5)] == "See whether all traffic from 10.0.0.0/8 is meant; if not, remove or narrow it"


def test_what_counts_for_the_risk_comes_first_and_of_many_sentences_two() -> None:
    rows = [
        (0, "a", False, True, "Remove b"),
        (0, "b", True, False, "Remove d"),
        (0, "c", True, True, "Remove c"),
        (0, "d", False, True, "Remove c"),
        (2, "c", True, True, "Nothing until the waiver ends"),
        (2, "d", False, True, "Remove b"),
    ]
    frame = pd.DataFrame(rows, columns=["group", "policy", "exposed", "proven", "next_step"])
    groups = pd.DataFrame({"risk": ["none"] * 3})
    nobody = pd.Series([True] * 3)
    findings = Findings(groups, nobody, frame, nobody, nobody, waived.nothing_waived(groups))
    told = of_groups(findings, ["a", "b", "c", "d"])
    assert told.tolist() == ["Remove c; Remove d; and 1 more", "", "Remove b"]
    some = of_groups(findings, ["c"], pd.Index([2, 0]))
    assert dict(some) == {2: "Nothing until the waiver ends", 0: "Remove c"}
    assert of_groups(findings, ["a"], pd.Index([], dtype="int64")).tolist() == []


def test_what_a_waiver_accepts_or_something_carries_is_nobodys_to_remove(tmp_path: Path) -> None:
    ssh = "tcp 22 from 0.0.0.0/0"
    open_, carried = group(ssh, number=1, name="open"), group(number=2, name="carried")
    own = [
        {
            "name": "team-ssh",
            "resource": "aws.security-group",
            "filtered": True,
            "filters": [{"type": "ingress", "IpProtocol": "tcp", "FromPort": 22, "Cidr": "0.0.0.0/0"}],
            "report": {"level": "exposed", "ports": ["tcp 22"]},
        },
        {
            "name": "team-unused",
            "resource": "aws.security-group",
            "filtered": True,
            "filters": [{"tag:owner": "absent"}],
            "report": {"column": "unused"},
        },
    ]
    found = runs.cells(
        [open_, carried],
        interfaces=[runs.interface(1, open_), runs.interface(2, carried)],
        team_ssh=[open_ | {"MatchedIpPermissions": [runs.rule(ssh)]}],
        team_unused=[carried],
    )
    folder = rundir.write(tmp_path / "run", {(runs.ACCOUNT, runs.REGION): found}, runs.policies(*own))
    output = open_output(folder)
    text = "waivers: [{policy: sg-ssh-world, group: open, reason: r, owner: me, expires: 2027-01-31}]"
    accepted = waivers.parse(text.encode(), "waivers.yml", runs.DAY)
    findings = waived.apply(
        assess(read_audit(output)[1], output.policies), output.policies, accepted, runs.DAY
    )
    frame = with_next_steps(findings, output.policies).frame
    told = {
        (each["resource_id"], each["policy"]): (each["next_step"], each["removable"])
        for each in frame.to_dict("records")
    }
    # The plan leaves both to people, too.
    choose = f"Choose what is to stay of {ssh} (`remedy --keep`), and remove the rest"
    assert told[sg(1), "team-ssh"] == (choose, ())
    assert told[sg(2), "team-unused"] == ("Nothing to delete: an interface or an instance carries it", ())
    plan = runs.planned(folder, waivers=accepted)
    statuses = {(step.resource_id, step.policy): str(step.status) for step in runs.steps(plan)}
    assert statuses == {(sg(1), "team-ssh"): "choice", (sg(2), "team-unused"): "refused"}
