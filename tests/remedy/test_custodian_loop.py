"""The policies of a plan, run by stock Custodian on the sandbox as they are, between audits."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reporter.remedy.forms import custodian
from reporter.remedy.steps import Access, DeleteGroup, ReplaceRules, Rule, Step
from tests.lab import Lab, Ran, role, unordered
from tests.remedy.made_up import plan, recorded, step

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
    "peers": [
        SSH | {"UserIdGroupPairs": [{"GroupId": "@desktop", "Description": "old"}, {"GroupId": "@peers"}]},
        SSH | {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
        {"IpProtocol": "50", "IpRanges": [WORLD]},
    ],
    # Nothing is planned for it.
    "open": [
        SSH | {"IpRanges": [WORLD]},
        {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": "@desktop"}]},
    ],
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
def loop(lab: Lab, ec2: Callable[[str, str], Any], clean_env: dict[str, str]) -> Loop:
    client = ec2(ACCOUNT, REGION)
    ids = build(client)
    lab.accounts({"name": "shop", "account_id": ACCOUNT, "role": role(ACCOUNT), "regions": [REGION]})
    before = lab.run()
    records = {each["GroupId"]: each for each in resources(before, "sg-inventory")}
    steps = made_steps({name: records[group_id] for name, group_id in ids.items()})
    folder = lab.folder / "remedy"
    custodian.write(plan(*steps, access=Access(roles=(role(ACCOUNT),))), folder)
    run_as_the_file_says(folder / "shop.yml", clean_env)
    client.create_tags(
        Resources=[ids["spare"]],
        Tags=[{"Key": "sg-audit-unused", "Value": "Resource does not meet policy: delete@2026/01/31"}],
    )
    run_as_the_file_says(folder / "shop.yml", clean_env)  # weeks later: nothing of the rest is left to do
    after = lab.run()
    run_as_the_file_says(folder / "undo-shop.yml", clean_env)
    return Loop(ids, folder, before, after, lab.run())


def build(client: Any) -> dict[str, str]:
    """Ids of the groups by name."""
    ids = {
        name: client.create_security_group(GroupName=name, Description=f"the {name}")["GroupId"]
        for name in RULES
    }
    for name, rules in RULES.items():
        for rule in rules:
            named = json.loads(re.sub(r'"@(\w+)"', lambda found: f'"{ids[found[1]]}"', json.dumps(rule)))
            client.authorize_security_group_ingress(GroupId=ids[name], IpPermissions=[named])
    return ids


def made_steps(records: dict[str, dict[str, Any]]) -> list[Step]:
    groups = {
        name: recorded(record, account="shop", account_id=ACCOUNT, region=REGION)
        for name, record in records.items()
    }

    def rules(name: str, *peers: str) -> tuple[Rule, ...]:
        return tuple(
            rule for rule in groups[name].rules if rule.peer in peers and rule.protocol != "udp" and not rule.egress
            and rule.to_port in (22, 3389, None)
        )  # fmt: skip

    [wide] = rules("desktop", "0.0.0.0/0")
    narrow = Rule(False, "tcp", 3389, 3389, wide.kind, "198.51.100.0/24", wide.description)
    needless = rules("peers", groups["desktop"].group_id, groups["peers"].group_id, "0.0.0.0/0")
    assert len(needless) == 3
    return [
        step(groups["bastion"], ReplaceRules(groups["bastion"], rules("bastion", "0.0.0.0/0", "::/0"))),
        step(groups["desktop"], ReplaceRules(groups["desktop"], (wide,), (narrow,)), "sg-rdp-world"),
        step(groups["peers"], ReplaceRules(groups["peers"], needless), "covered-rules"),
        step(groups["spare"], DeleteGroup(groups["spare"]), "sg-unused"),
        step(groups["spared"], DeleteGroup(groups["spared"]), "sg-unused"),
    ]


def run_as_the_file_says(file: Path, env: dict[str, str]) -> None:
    [command] = re.findall(r"custodian run .*", file.read_text())
    words = shlex.split(command)
    assert words[0] == "custodian"
    done = subprocess.run(
        [Path(sys.executable).with_name("custodian"), *words[1:]],
        env=env, cwd=file.parent, capture_output=True, text=True,
    )  # fmt: skip
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
        ("sg-other-world", ids["peers"]),
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

    assert rules("bastion", loop.after) == {
        ("tcp", 22, "10.0.0.0/8", "inside"),
        ("udp", 22, "0.0.0.0/0", ""),
        ("tcp", 443, "0.0.0.0/0", ""),
    }
    assert rules("desktop", loop.after) == {("tcp", 3389, "198.51.100.0/24", "support, $& (team)")}
    assert rules("peers", loop.after) == {("tcp", 22, "10.0.0.0/8", "")}
    before, after = by_id(loop.before), by_id(loop.after)
    for name in ("bastion", "desktop", "peers"):
        assert without_ingress(after[loop.ids[name]]) == without_ingress(before[loop.ids[name]])
    changed = {each for each in before if before[each] != after.get(each)}
    assert changed == set(loop.ids.values()) - {loop.ids["open"]}


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
