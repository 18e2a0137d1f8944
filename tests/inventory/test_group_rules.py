"""All rules of chosen groups, read again."""

import json
from pathlib import Path

from reporter.inventory import group_rules
from reporter.output.reading import open_output
from tests.rundir import DENIED, group, unit, write

HERE = ("alpha", "us-east-1")


def test_rules_are_those_of_the_newest_record(tmp_path: Path) -> None:
    old, new = group("sg-1", ssh_from="10.0.0.0/8"), group("sg-1", ssh_from="192.0.2.0/24")
    run = write(tmp_path / "run", {HERE: unit([old], sg_ssh_open=[new])})
    content = json.loads((run / "run.json").read_text())
    for number, cell in enumerate(content["cells"]):
        cell["started"] = 1_000.0 + number  # sg-ssh-open comes after sg-inventory
    (run / "run.json").write_text(json.dumps(content))
    wanted = {HERE: {"sg-1"}}
    assert group_rules.read(open_output(run), wanted) == {"sg-1": ("tcp 22 from 192.0.2.0/24",)}
    (run / "alpha" / "us-east-1" / "sg-ssh-open" / "resources.json").write_text("[{")
    assert group_rules.read(open_output(run), wanted) == {"sg-1": ("tcp 22 from 10.0.0.0/8",)}
    assert group_rules.read(open_output(run), {HERE: {"sg-2"}}) == {}


def test_a_place_that_was_refused_or_is_not_asked_for_is_not_read(tmp_path: Path) -> None:
    everything = dict.fromkeys(unit(), DENIED)
    there = {
        HERE: everything,
        ("beta", "us-east-1"): unit([group("sg-2", ssh_from="10.0.0.0/8", owner="beta")]),
    }
    output = open_output(write(tmp_path / "run", there))
    assert group_rules.read(output, {HERE: {"sg-1", "sg-2"}}) == {}
    assert group_rules.read(output, {("beta", "us-east-1"): {"sg-2"}}) == {
        "sg-2": ("tcp 22 from 10.0.0.0/8",)
    }
