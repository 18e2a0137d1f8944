"""The policies of a plan, run by stock Custodian on the sandbox as they are, between audits."""

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.lab import Lab, Ran, role, unordered
from tests.programs import Completed
from tests.remedy.made_up import recorded

ACCOUNT, REGION = "616161616161", "us-east-1"

SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
RDP = {"IpProtocol": "tcp", "FromPort": 3389, "ToPort": 3389}
WORLD = {"CidrIp": "0.0.0.0/0"}

#: The rules of the groups, by name: `@NAME` stands for the id of one of them.
RULES: dict[str, list[dict[str, Any]]] = {
    # What the plan removes, with the closest that stay.
    "bastion": [
        SSH | {
            "IpRanges": [WORLD | {"Description": "{now} of us"}, {"CidrIp": "10.0.0.0/8", "Description": "inside"}],
            "Ipv6Ranges": [{"CidrIpv6": "::/0", "Description": "v6"}],
        },
        {"IpProtocol": "udp", "FromPort": 22, "ToPort": 22, "IpRanges": [WORLD]},
        {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [WORLD]},
    ],
    "desktop": [RDP | {"IpRanges": [WORLD | {"Description": "support, $& (team)"}]}],
    # Rules that others of the group cover, of each kind of peer.
    "peers": [
        SSH | {"UserIdGroupPairs": [{"GroupId": "@desktop", "Description": "old"}, {"GroupId": "@peers"}]},
        {"IpProtocol": "tcp", "FromPort": 20, "ToPort": 25,
         "UserIdGroupPairs": [{"GroupId": "@desktop", "Description": "new"}]},
        {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "@peers"}]},
        SSH | {"IpRanges": [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "10.1.0.0/16", "Description": "needless"}]},
        {"IpProtocol": "50", "IpRanges": [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "10.1.0.0/16"}]},
    ],
    # A choice is to be made for it: nothing is done.
    "all": [{"IpProtocol": "-1", "IpRanges": [WORLD]}],
    "spare": [],
    "spared": [],
}  # fmt: skip


@dataclass(frozen=True)
class Loop:
    """The audits: at first, after the plan was carried out, after it was undone."""

    ids: dict[str, str]
    folder: Path
    before: Ran
    after: Ran
    undone: Ran


@pytest.fixture(scope="module")
def loop(lab: Lab, ec2: Callable[[str, str], Any], stock_program: Callable[..., Completed]) -> Loop:
    client = ec2(ACCOUNT, REGION)
    ids = build(client)
    lab.accounts({"name": "shop", "account_id": ACCOUNT, "role": role(ACCOUNT), "regions": [REGION]})
    before = lab.run()
    folder = lab.folder / "remedy"
    made = lab.sg_audit(
        *("remedy", "-s", lab.output, "-c", lab.folder / "accounts.yml", "--for", "custodian", "-o", folder),
        *("--to", "198.51.100.0/24", "--needless"),
    )
    print(made)
    print((folder / "plan.json").read_text())
    print((folder / "shop.yml").read_text())
    assert made.returncode == 0, made.stderr
    run_as_the_file_says(folder / "shop.yml", stock_program)
    client.create_tags(
        Resources=[ids["spare"]],
        Tags=[{"Key": "sg-audit-unused", "Value": "Resource does not meet policy: delete@2026/01/31"}],
    )
    run_as_the_file_says(folder / "shop.yml", stock_program)  # weeks later: nothing of the rest is left to do
    after = lab.run()
    run_as_the_file_says(folder / "undo-shop.yml", stock_program)
    return Loop(ids, folder, before, after, lab.run())


def build(client: Any) -> dict[str, str]:
    """Ids of the groups by name; those that have rules are in use."""
    subnet = client.describe_subnets()["Subnets"][0]
    ids = {
        name: client.create_security_group(GroupName=name, Description=f"the {name}")["GroupId"]
        for name in RULES
    }
    for name, rules in RULES.items():
        for rule in rules:
            named = json.loads(re.sub(r'"@(\w+)"', lambda found: f'"{ids[found[1]]}"', json.dumps(rule)))
            client.authorize_security_group_ingress(GroupId=ids[name], IpPermissions=[named])
        if rules:
            client.create_network_interface(SubnetId=subnet["SubnetId"], Groups=[ids[name]])
    return ids


def run_as_the_file_says(file: Path, stock_program: Callable[..., Completed]) -> None:
    [command] = re.findall(r"custodian run .*", file.read_text())
    done = stock_program(*shlex.split(command), cwd=file.parent)
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr


def resources(ran: Ran, policy: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        (ran.folder / "shop" / REGION / policy / "resources.json").read_text()
    )
    return found


def caught(ran: Ran) -> set[tuple[str, str]]:
    """Policy and group of every finding, and of every group by the inventory."""
    return {
        (path.parent.name, group["GroupId"])
        for path in ran.folder.glob("shop/*/sg-*/resources.json")
        for group in json.loads(path.read_text())
    }


def by_id(ran: Ran) -> dict[str, Any]:
    return {each["GroupId"]: unordered(each) for each in resources(ran, "sg-inventory")}


def test_exactly_what_the_plan_is_about_is_gone(loop: Loop) -> None:
    ids = loop.ids
    assert caught(loop.before) - caught(loop.after) == {
        ("sg-ssh-world", ids["bastion"]),
        ("sg-rdp-world", ids["desktop"]),
        # The group that was marked long ago; the other one is still there.
        ("sg-unused", ids["spare"]),
        ("sg-inventory", ids["spare"]),
    }
    assert caught(loop.after) <= caught(loop.before)


def test_the_rest_of_a_group_is_as_it_was(loop: Loop) -> None:
    def rules(name: str, ran: Ran) -> set[tuple[Any, ...]]:
        found = recorded(by_id(ran)[loop.ids[name]]).rules
        return {
            (rule.protocol, rule.to_port, rule.peer, rule.description) for rule in found if not rule.egress
        }

    narrow = "198.51.100.0/24"
    assert rules("bastion", loop.after) == {
        ("tcp", 22, "10.0.0.0/8", "inside"),
        ("tcp", 22, narrow, "{now} of us"),
        ("udp", 22, "0.0.0.0/0", ""),
        ("tcp", 443, "0.0.0.0/0", ""),
    }
    assert rules("desktop", loop.after) == {("tcp", 3389, narrow, "support, $& (team)")}
    assert rules("peers", loop.after) == {
        ("tcp", 25, loop.ids["desktop"], "new"),
        ("-1", None, loop.ids["peers"], ""),
        ("tcp", 22, "10.0.0.0/8", ""),
        ("50", None, "10.0.0.0/8", ""),
    }
    before, after = by_id(loop.before), by_id(loop.after)
    for name in ("bastion", "desktop", "peers"):
        assert without_ingress(after[loop.ids[name]]) == without_ingress(before[loop.ids[name]])
    changed = {each for each in before if before[each] != after.get(each)}
    assert changed == set(loop.ids.values()) - {loop.ids["all"]}


def test_an_unused_group_is_marked_before_it_is_deleted(loop: Loop) -> None:
    [tag] = by_id(loop.after)[loop.ids["spared"]]["Tags"]
    assert tag["Key"] == "sg-audit-unused"
    assert re.fullmatch(r"Resource does not meet policy: delete@\d{4}/\d\d/\d\d", tag["Value"])


def test_the_undo_makes_every_group_as_it_was(loop: Loop) -> None:
    before, undone = by_id(loop.before), by_id(loop.undone)
    assert before.pop(loop.ids["spare"]) and undone == before
    gone = {(policy, loop.ids["spare"]) for policy in ("sg-unused", "sg-inventory")}
    assert caught(loop.undone) == caught(loop.before) - gone


def without_ingress(group: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in group.items() if key != "IpPermissions"}
