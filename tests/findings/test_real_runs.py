"""Two real runs on the sandbox with the estate changed in between: every finding's state, written down by hand."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab import POLICIES, Lab, role

US, EU = "us-east-1", "eu-west-1"
ACME, OTHER = "515151515151", "525252525252"
CHOSEN = (
    "sg-inventory",
    "eni-inventory",
    "ec2-inventory",
    "sg-ssh-world",
    "sg-rdp-world",
    "sg-database-world",
)
REFUSED = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User is not authorized to "
    "perform: sts:AssumeRole</Message></Error><RequestId>1</RequestId></ErrorResponse>"
)


def rule(port: int) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


class Groups:
    """Makes and changes the groups of an account and region, by name."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.vpc = client.describe_vpcs()["Vpcs"][0]["VpcId"]
        self.subnet = client.describe_subnets()["Subnets"][0]["SubnetId"]
        self.ids: dict[str, str] = {}

    def make(self, name: str, *ports: int) -> str:
        made = self.client.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"]
        self.ids[name] = made
        for port in ports:
            self.open(name, port)
        return str(made)

    def open(self, name: str, port: int) -> None:
        self.client.authorize_security_group_ingress(GroupId=self.ids[name], IpPermissions=[rule(port)])

    def close(self, name: str, port: int) -> None:
        self.client.revoke_security_group_ingress(GroupId=self.ids[name], IpPermissions=[rule(port)])

    def interface(self, *names: str) -> str:
        made = self.client.create_network_interface(
            SubnetId=self.subnet, Groups=[self.ids[name] for name in names]
        )
        return str(made["NetworkInterface"]["NetworkInterfaceId"])


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policies") / "policies"
    shutil.copytree(POLICIES, folder, ignore=shutil.ignore_patterns("tests", "optional"))
    return folder


def edit(policies: Path, name: str, change: Callable[[dict[str, Any]], None]) -> None:
    for path in policies.glob("*.yml"):
        content = yaml.safe_load(path.read_text())
        for policy in content["policies"]:
            if policy["name"] == name:
                change(policy)
                path.write_text(yaml.safe_dump(content, sort_keys=False))


@pytest.fixture(scope="module")
def compared(
    lab: Lab, ec2: Callable[[str, str], Any], policies: Path, tmp_path_factory: Any
) -> dict[str, Any]:
    """What `compare` and `report` say of the two, and the ids of the groups, of both times where there are two."""
    acme, europe, other = Groups(ec2(ACME, US)), Groups(ec2(ACME, EU)), Groups(ec2(OTHER, US))
    acme.make("opened")
    acme.make("closed", 22)
    old = acme.make("made-anew", 22)
    acme.make("left", 22)
    acme.make("taken", 22)
    acme.make("as-ever", 22)
    acme.make("desktop", 3389)
    acme.make("database", 5432)
    moved = acme.interface("left")
    europe.make("abroad", 22)
    other.make("refused", 22)
    accounts = [
        {"name": "acme", "account_id": ACME, "role": role(ACME), "regions": [US]},
        {"name": "other", "account_id": OTHER, "role": role(OTHER), "regions": [US]},
    ]
    chosen = [word for name in CHOSEN for word in ("-p", name)]
    lab.accounts(*accounts)
    first = lab.run(*chosen, policies=[policies])
    assert first.code == 0, first.err

    acme.open("opened", 22)
    acme.close("closed", 22)
    acme.client.delete_security_group(GroupId=old)
    acme.make("made-anew", 22)
    acme.client.modify_network_interface_attribute(NetworkInterfaceId=moved, Groups=[acme.ids["taken"]])
    edit(policies, "sg-rdp-world", lambda policy: policy["filters"].insert(0, {"GroupName": "none-of-these"}))
    edit(policies, "sg-database-world", lambda policy: policy.update(description="In other words"))
    accounts[0]["regions"] = [US, EU]
    lab.accounts(*accounts)
    lab.wire.answer = lambda call: (
        (403, REFUSED) if call.action == "AssumeRole" and call.params["RoleArn"] == role(OTHER) else None
    )
    try:
        second = lab.run(*chosen, policies=[policies])
    finally:
        lab.wire.answer = lambda call: None
    assert second.code == 3
    reports = tmp_path_factory.mktemp("reports")
    reported = lab.sg_audit("report", "-s", lab.output, "-f", "json", "-o", reports)
    assert reported.returncode == 3, reported.stderr
    done = lab.sg_audit("compare", "-s", lab.output, "--format", "json")
    names = {group_id: name for groups in (acme, europe, other) for name, group_id in groups.ids.items()}
    return {
        "code": done.returncode,
        "findings": json.loads(done.stdout)["findings"],
        "tables": json.loads(Path(reported.stdout.strip()).read_text())["tables"],
        "names": names | {old: "made-anew, before"},
    }


UNREAD = "sg-ssh-world was not read there in the {} run"

# By policy and group: the state, and why.
STATES = {
    ("sg-ssh-world", "opened"): ("new", ""),
    ("sg-ssh-world", "closed"): ("gone", "fixed"),
    ("sg-ssh-world", "made-anew, before"): ("gone", "deleted"),
    ("sg-ssh-world", "made-anew"): ("new", ""),
    ("sg-ssh-world", "left"): ("changed", "level critical → medium"),
    ("sg-ssh-world", "taken"): ("changed", "level medium → critical"),
    ("sg-ssh-world", "as-ever"): ("unchanged", ""),
    ("sg-rdp-world", "desktop"): ("not comparable", "sg-rdp-world was edited: it catches otherwise"),
    ("sg-database-world", "database"): ("unchanged", ""),
    ("sg-ssh-world", "abroad"): ("not comparable", UNREAD.format("older")),
    ("sg-ssh-world", "refused"): ("not comparable", UNREAD.format("newer")),
}


def test_every_findings_state_as_written_down_by_hand(compared: dict[str, Any]) -> None:
    names = compared["names"]
    found = {
        (each["policy"], names[each["resource_id"]]): (each["state"], each["reason"])
        for each in compared["findings"]
    }
    assert found == STATES
    assert len(compared["findings"]) == len(STATES)
    assert compared["code"] == 3  # other's role was refused


def test_the_report_says_the_same(compared: dict[str, Any]) -> None:
    names = compared["names"]
    told = {
        (row["policy"], names[row["security_group_id"]]): (row["state"], row["reason"])
        for row in compared["tables"]["changes"]
    }
    assert told == {key: state for key, state in STATES.items() if state[0] != "unchanged"}
    since = {names[row["security_group_id"]]: row["since_last"] for row in compared["tables"]["ssh_world"]}
    assert since == {
        "opened": "new",
        "made-anew": "new",
        "left": "changed",
        "taken": "changed",
        "as-ever": "same",
        "abroad": "",
    }
