"""What stock Custodian left is planned for like a run, and what cannot be asked again is taken to say what it said."""

from pathlib import Path

from tests import rundir, stockdir
from tests.policies.engine import load_policies, matching

from . import runs
from .runs import group, outline, planned, steps

SSH = "sg-ssh-world"


def test_the_output_of_stock_custodian(tmp_path: Path) -> None:
    web = group("tcp 22 from 0.0.0.0/0", "tcp 443 from 0.0.0.0/0")
    stockdir.put(tmp_path, stockdir.EVERY_GROUP, [web])
    stockdir.put(tmp_path, stockdir.EVERY_INTERFACE, [runs.interface(1, web)])
    stockdir.put(tmp_path, load_policies()[SSH].data, matching(SSH, [web]))
    plan = planned(tmp_path)
    assert outline(plan) == {("web", SSH): "-tcp 22 from 0.0.0.0/0"}
    (step,) = steps(plan)
    assert (step.account_id, step.region, step.risk_before, step.risk_after) == (
        stockdir.ONE,
        stockdir.US,
        "critical",
        "none",
    )


def test_a_policy_that_asks_aws_is_taken_to_say_what_it_said(tmp_path: Path) -> None:
    web = group("tcp 22 from 0.0.0.0/0")
    rule = {"type": "ingress", "IpProtocol": "tcp", "FromPort": 22, "Cidr": "0.0.0.0/0"}
    used = {
        "name": "sg-used-ssh",
        "resource": "aws.security-group",
        "filtered": True,
        "filters": ["used", rule],
        "report": {"level": "exposed", "ports": ["tcp 22"]},
    }
    found = runs.cells([web], interfaces=[runs.interface(1, web)], sg_used_ssh=[rundir.matched(web)])
    folder = rundir.write(tmp_path / "run", {(runs.ACCOUNT, runs.REGION): found}, runs.policies(used))
    plan = planned(folder, only=["sg-used-ssh"])
    assert outline(plan) == {("web", "sg-used-ssh"): "-tcp 22 from 0.0.0.0/0"}
    (step,) = steps(plan)
    assert (step.risk_before, step.risk_after) == ("critical", "critical")
    assert (folder / "alpha/us-east-1/sg-inventory/resources.json").read_text().count("0.0.0.0/0") == 1
