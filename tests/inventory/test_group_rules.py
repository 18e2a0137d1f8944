"""All rules of chosen groups, read again."""

import json
from pathlib import Path

import pytest

from reporter.inventory import group_rules
from reporter.inventory.network import traffic
from reporter.output.reading import open_output
from tests.rundir import DENIED, Resource, group, unit, write

HERE = ("alpha", "us-east-1")


def test_rules_are_those_of_the_newest_record(tmp_path: Path) -> None:
    old, new = group("sg-1", ssh_from="10.0.0.0/8"), group("sg-1", ssh_from="192.0.2.0/24")
    run = write(tmp_path / "run", {HERE: unit([old], sg_ssh_open=[new])})
    content = json.loads((run / "run.json").read_text())
    for number, cell in enumerate(content["cells"]):
        cell["started"] = 1_000.0 + number  # sg-ssh-open comes after sg-inventory
    (run / "run.json").write_text(json.dumps(content))
    wanted = {HERE: {"sg-1"}}
    assert group_rules.read(open_output(run), wanted)["sg-1"].texts == ("tcp 22 from 192.0.2.0/24",)
    (run / "alpha" / "us-east-1" / "sg-ssh-open" / "resources.json").write_text("[{")
    assert group_rules.read(open_output(run), wanted)["sg-1"].texts == ("tcp 22 from 10.0.0.0/8",)
    assert group_rules.read(open_output(run), {HERE: {"sg-2"}}) == {}


def test_a_place_that_was_refused_or_is_not_asked_for_is_not_read(tmp_path: Path) -> None:
    everything = dict.fromkeys(unit(), DENIED)
    there = {
        HERE: everything,
        ("beta", "us-east-1"): unit([group("sg-2", ssh_from="10.0.0.0/8", owner="beta")]),
    }
    output = open_output(write(tmp_path / "run", there))
    assert group_rules.read(output, {HERE: {"sg-1", "sg-2"}}) == {}
    found = group_rules.read(output, {("beta", "us-east-1"): {"sg-2"}})
    assert {group_id: each.texts for group_id, each in found.items()} == {"sg-2": ("tcp 22 from 10.0.0.0/8",)}


def _tcp(first: int, last: int, *peers: str) -> Resource:
    v6 = [{"CidrIpv6": each} for each in peers if ":" in each]
    v4 = [{"CidrIp": each} for each in peers if "." in each]
    lists = [{"PrefixListId": each} for each in peers if each.startswith("pl-")]
    return {
        "IpProtocol": "tcp",
        "FromPort": first,
        "ToPort": last,
        "IpRanges": v4,
        "Ipv6Ranges": v6,
        "PrefixListIds": lists,
    }


@pytest.mark.parametrize(
    ("permissions", "parts"),
    [
        # Both halves, and neither what is from inside, nor another port, nor IPv6, which is not whole.
        (
            [
                _tcp(22, 22, "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/8", "2600::/16"),
                _tcp(443, 443, "0.0.0.0/2"),
            ],
            ["tcp 22 from 0.0.0.0/1", "tcp 22 from 128.0.0.0/1"],
        ),
        (
            [_tcp(20, 25, "2000::/4"), _tcp(22, 22, "3000::/4", "8.0.0.0/8")],
            ["tcp 20-25 from 2000::/4", "tcp 22 from 3000::/4"],
        ),
        # What the list holds is not known here.
        (
            [_tcp(22, 22, "0.0.0.0/1", "pl-1", "192.168.0.0/16")],
            ["tcp 22 from 0.0.0.0/1", "tcp 22 from pl-1"],
        ),
        ([_tcp(22, 22, "0.0.0.0/1")], []),
        ([{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-9"}]}], []),
    ],
)
def test_the_rules_that_are_the_world_together(
    tmp_path: Path, permissions: list[Resource], parts: list[str]
) -> None:
    made = group("sg-1") | {"IpPermissions": permissions}
    run = write(tmp_path / "run", {HERE: unit([made], sg_ssh_world=[])})
    found = group_rules.read(open_output(run), {HERE: {"sg-1"}})["sg-1"]
    assert list(found.parts_of_the_world([traffic.SSH])) == parts


def test_the_rules_that_are_the_world_by_themselves(tmp_path: Path) -> None:
    permissions = [
        _tcp(20, 25, "0.0.0.0/0", "10.0.0.0/8"),
        _tcp(443, 443, "0.0.0.0/0"),
        {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
        {"IpProtocol": "udp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
    ]
    made = group("sg-1") | {"IpPermissions": permissions}
    found = group_rules.read(open_output(write(tmp_path / "run", {HERE: unit([made])})), {HERE: {"sg-1"}})
    assert found["sg-1"].world_by_itself(traffic.SSH) == ("all traffic from ::/0", "tcp 20-25 from 0.0.0.0/0")
