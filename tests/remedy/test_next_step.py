"""One sentence for each finding."""

from pathlib import Path

from reporter.findings import waived, waivers
from reporter.findings.assess import assess
from reporter.inventory.audit import read_audit
from reporter.output.reading import open_output
from reporter.remedy.next_steps import with_next_steps
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
    remove = f"Remove {ssh}, or let in narrower ranges in its place (--to)"
    choose = "Choose what is to stay of tcp 0-65535 from 0.0.0.0/0 (--keep), and remove the rest"
    nothing = "Nothing: nothing carries it, and AWS does not let it be deleted"
    assert told == {
        ("default1", "sg-default"): "Move its instances to a group of their own",
        ("default2", "sg-default"): nothing,
        ("default2", "sg-default-rules"): "Remove tcp 443 from 10.0.0.0/8: nothing carries it",
        ("default2", "sg-unused"): nothing,
        ("web3", "sg-ssh-world"): remove,
        ("web3", "sg-web-world"): (
            "See whether it is meant; if not: remove tcp 443 from ::/0, or let in narrower ranges in its place (--to)"
        ),
        **dict.fromkeys(
            [("wide4", f"sg-{name}-world") for name in ("rdp", "admin", "web", "listed", "other", "ssh")],
            choose,
        ),
        ("halves5", "sg-rdp-world"): "Remove the rules that together let the world in on tcp 3389",
        ("ElasticMapReduce-master6", "sg-ssh-world"): "Change it where it comes from: EMR made it",
        ("waived7", "sg-ssh-world"): "Nothing until the waiver ends",
        ("waived7", "sg-unused"): "End the waiver for what it opens first, or leave it as it is",
        ("old8", "sg-unused"): "Delete the group, once nothing that `unused` does not see needs it",
    }
    possible = frame[~frame["proven"]]["next_step"]
    assert set(possible) == {"Have what was not read looked at, then see"}
    assert len(possible) == len(groups)
