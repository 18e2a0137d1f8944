"""Terraform of a plan, parsed back and compared value by value; by Terraform itself where that is installed."""

import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import hcl2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reporter.inventory.rules import GROUP, IPV4, IPV6, PREFIX_LIST
from reporter.remedy import forms
from reporter.remedy.forms import terraform
from reporter.remedy.forms.hcl import quoted
from reporter.remedy.steps import (
    Access,
    CarriedInterface,
    DeleteGroup,
    MoveInterfaces,
    Plan,
    RecordedGroup,
    ReplaceRules,
    Rule,
)
from tests.remedy.made_up import (
    ACCOUNT,
    HOSTILE,
    Flat,
    described,
    group_of,
    plan,
    recorded,
    rules,
    step,
)

TERRAFORM = shutil.which("terraform")
needs_terraform = pytest.mark.skipif(TERRAFORM is None, reason="terraform is not installed")

_ESCAPED = re.compile(r'\\u([0-9a-f]{4})|\\U([0-9a-f]{8})|\\([nrt"\\])|([$%])\4(?=\{)')


def text(quotes: str) -> str:
    """What a text in quotes stands for. The parser leaves it as it is written."""
    assert quotes[0] == quotes[-1] == '"'
    assert not re.search(r"(?<!\$)\$\{|(?<!%)%\{", quotes), "it would be filled in"
    return _ESCAPED.sub(
        lambda found: chr(int(found[1] or found[2], 16)) if found[1] or found[2]
        else {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}[found[3]] if found[3]
        else found[4],
        quotes[1:-1],
    )  # fmt: skip


def values(parsed: Any) -> Any:
    """Parsed HCL with texts as what they stand for; references stay `${…}`."""
    if isinstance(parsed, dict):
        return {
            text(key) if key.startswith('"') else key: values(each)
            for key, each in parsed.items()
            if not key.startswith("__")
        }
    if isinstance(parsed, list):
        return [values(each) for each in parsed]
    return text(parsed) if isinstance(parsed, str) and parsed.startswith('"') else parsed


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = values(hcl2.loads(path.read_text()))
    return found


def resource(parsed: dict[str, Any]) -> dict[str, Any]:
    """The one group of a file."""
    [by_type] = parsed["resource"]
    [by_label] = by_type.values()
    [found] = by_label.values()
    return dict(found)


GROUP_OF_ALL = described(
    GroupName="web",
    Description='of "the" web',
    Tags=[{"Key": "Name", "Value": "web ${1}"}, {"Key": "aws:cloudformation:stack-name", "Value": "x"}],
    IpPermissions=[
        {
            "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
            "IpRanges": [
                {"CidrIp": "0.0.0.0/0", "Description": "the bastion"}, {"CidrIp": "10.0.0.0/8"},
                {"CidrIp": "10.1.0.0/16"},
            ],
            "Ipv6Ranges": [{"CidrIpv6": "fd00::/8"}],
            "UserIdGroupPairs": [
                {"GroupId": "sg-000000a1", "UserId": ACCOUNT}, {"GroupId": "sg-000000b2", "UserId": ACCOUNT},
                {"GroupId": "sg-000000b3", "UserId": "222222222222", "VpcPeeringConnectionId": "pcx-1"},
            ],
            "PrefixListIds": [{"PrefixListId": "pl-000000c1", "Description": "offices"}],
        },
        {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
        {"IpProtocol": "50", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
    ],
    IpPermissionsEgress=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
)  # fmt: skip
SSH_WORLD = Rule(False, "tcp", 22, 22, IPV4, "0.0.0.0/0", "the bastion")
NARROWER = replace(SSH_WORLD, peer="198.51.100.0/24")


def narrowed(access: Access | None = None) -> Plan:
    group = recorded(GROUP_OF_ALL)
    return plan(step(group, ReplaceRules(group, (SSH_WORLD,), (NARROWER,))), access=access)


def test_a_group_is_imported_with_all_that_stays_and_what_is_allowed(tmp_path: Path) -> None:
    access = Access(
        "fixer", ("arn:aws:iam::333333333333:role/hub", f"arn:aws:iam::{ACCOUNT}:role/fixer"), "8f ${2}"
    )
    paths = terraform.write(narrowed(access), tmp_path / "remedy")
    assert [path.name for path in paths] == ["dev.tf", "undo-dev.tf.txt"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (paths[0].parent, *paths)] == [0o700, 0o600, 0o600]

    inside = {
        "protocol": "tcp", "from_port": 22, "to_port": 22,
        "cidr_blocks": ["10.0.0.0/8", "10.1.0.0/16"], "ipv6_cidr_blocks": ["fd00::/8"],
        "security_groups": ["sg-000000b2", "222222222222/sg-000000b3"], "self": True,
    }  # fmt: skip
    listed = {
        "description": "offices", "protocol": "tcp", "from_port": 22, "to_port": 22, "prefix_list_ids": ["pl-000000c1"],
    }  # fmt: skip
    ping = {"protocol": "icmp", "from_port": 8, "to_port": -1, "cidr_blocks": ["0.0.0.0/0"]}
    esp = {"protocol": "50", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"]}
    ssh = {"description": "the bastion", "protocol": "tcp", "from_port": 22, "to_port": 22}
    group = {
        "provider": "${aws.account_111111111111_us_east_1}",
        "name": "web",
        "description": 'of "the" web',
        "vpc_id": "vpc-1",
        "tags": {"Name": "web ${1}"},
        "ingress": [inside, listed, ping, esp, ssh | {"cidr_blocks": ["198.51.100.0/24"]}],
        "egress": [{"protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"]}],
        "lifecycle": [{"prevent_destroy": True, "ignore_changes": ["tags", "tags_all"]}],
    }
    roles = [
        {"role_arn": role, "session_name": "sg-audit-remedy", "external_id": "8f ${2}"}
        for role in access.roles
    ]
    expected = {
        "terraform": [{"required_version": ">= 1.5"}],
        "provider": [
            {
                "aws": {
                    "alias": "account_111111111111_us_east_1",
                    "region": "us-east-1",
                    "allowed_account_ids": ["111111111111"],
                    "profile": "fixer",
                    "assume_role": roles,
                }
            }
        ],
        "import": [{"to": "${aws_security_group.sg_000000a1}", "id": "sg-000000a1"}],
        "resource": [{"aws_security_group": {"sg_000000a1": group}}],
    }
    assert read(paths[0]) == expected
    before = [ssh | {"cidr_blocks": ["0.0.0.0/0"]}, inside, listed, ping, esp]
    assert read(paths[1]) == expected | {
        "resource": [{"aws_security_group": {"sg_000000a1": group | {"ingress": before}}}]
    }


def peers(group: RecordedGroup, block: dict[str, Any], egress: bool) -> Iterator[Rule]:
    """The rules of a block, as the provider sends them to AWS."""
    protocol, first, last = block["protocol"], block["from_port"], block["to_port"]
    if protocol in ("-1", "50"):
        assert (first, last) == (0, 0)
        first = last = None
    common = Rule(egress, protocol, first, last, IPV4, "", block.get("description", ""))
    for name, kind in (("cidr_blocks", IPV4), ("ipv6_cidr_blocks", IPV6), ("prefix_list_ids", PREFIX_LIST)):
        yield from (replace(common, kind=kind, peer=each) for each in block.get(name, ()))
    for each in [*block.get("security_groups", ()), *([group.group_id] if block.get("self") else [])]:
        owner, _, peer = each.rpartition("/")
        yield replace(common, kind=GROUP, peer=peer, owner_id=owner or group.owner_id)


def sendable(rules: Any) -> set[Rule]:
    """Rules without the peering connection, which the provider never names."""
    return {replace(rule, peering_id="") for rule in rules}


@given(flat=rules(), data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_group_has_just_what_stays(flat: list[Flat], data: st.DataObject) -> None:
    group = recorded(group_of(flat))
    remove = data.draw(st.sets(st.sampled_from(group.rules), min_size=1, max_size=3))
    allow = replace(NARROWER, description=data.draw(st.sampled_from(["", "{now}", "the bastion"])))
    with tempfile.TemporaryDirectory() as folder:
        own, undo = terraform.write(
            plan(step(group, ReplaceRules(group, tuple(remove), (allow,)))), Path(folder)
        )
        found = [resource(read(path)) for path in (own, undo)]
    for after, expected in zip(found, ({*group.rules, allow} - remove, group.rules), strict=True):
        together = [
            (way, each["protocol"], each["from_port"], each["to_port"], each.get("description"))
            for way in ("ingress", "egress")
            for each in after[way]
        ]
        assert len(together) == len(set(together))
        given = [
            rule
            for way, egress in (("ingress", False), ("egress", True))
            for block in after[way]
            for rule in peers(group, block, egress)
        ]
        assert len(given) == len(expected)
        assert sendable(given) == sendable(expected)


def test_without_rules_all_are_removed_and_a_default_group_is_its_own_kind(tmp_path: Path) -> None:
    """No block at all would leave the rules as they are; and AWS gives a default group name and description."""
    pair = {"GroupId": "sg-000000d1", "UserId": ACCOUNT}
    group = recorded(
        described(
            "sg-000000d1", GroupName="default", Description="default VPC security group",
            IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [pair]}],
        )
    )  # fmt: skip
    terraform.write(plan(step(group, ReplaceRules(group, group.rules))), tmp_path)
    parsed = read(tmp_path / "dev.tf")
    assert parsed["import"] == [{"to": "${aws_default_security_group.sg_000000d1}", "id": "sg-000000d1"}]
    assert resource(parsed) == {
        "provider": "${aws.account_111111111111_us_east_1}",
        "vpc_id": "vpc-1",
        "tags": {},
        "ingress": [],
        "egress": [],
        "lifecycle": [{"prevent_destroy": True, "ignore_changes": ["tags", "tags_all"]}],
    }


def test_several_steps_of_a_group_are_one_resource_and_each_region_has_its_provider(tmp_path: Path) -> None:
    group = recorded(GROUP_OF_ALL)
    ping, esp = group.rules[-3], group.rules[-2]
    assert (ping.protocol, esp.protocol) == ("icmp", "50")
    abroad = recorded(GROUP_OF_ALL | {"GroupId": "sg-000000a7"}, region="eu-west-1")
    terraform.write(
        plan(
            step(group, ReplaceRules(group, (SSH_WORLD,))),
            step(group, ReplaceRules(group, (esp, SSH_WORLD)), "sg-other-world"),
            step(group, None, "sg-listed-world", with_policy="sg-other-world"),
            step(abroad, ReplaceRules(abroad, (SSH_WORLD,))),
        ),
        tmp_path,
    )
    parsed = read(tmp_path / "dev.tf")
    assert [each["aws"]["region"] for each in parsed["provider"]] == ["us-east-1", "eu-west-1"]
    first, second = (each["aws_security_group"] for each in parsed["resource"])
    assert [block["protocol"] for block in first["sg_000000a1"]["ingress"]] == ["tcp", "tcp", "icmp"]
    assert second["sg_000000a7"]["provider"] == "${aws.account_111111111111_eu_west_1}"


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_aws_contains_is_text(hostile: str, tmp_path: Path) -> None:
    group = recorded(
        GROUP_OF_ALL
        | {"GroupName": hostile, "Description": hostile, "Tags": [{"Key": hostile, "Value": hostile}]}
    )
    change = ReplaceRules(group, (SSH_WORLD,))
    paths = terraform.write(plan(step(group, change, f"p{hostile}", evidence=(hostile,))), tmp_path)
    for path in paths:
        found = resource(read(path))
        assert (found["name"], found["description"], found["tags"]) == (hostile, hostile, {hostile: hostile})


def test_what_terraform_cannot_say_is_said_with_what_to_do_instead(tmp_path: Path) -> None:
    odd = recorded(GROUP_OF_ALL | {"GroupId": "sg-000000a2"})
    no_ports = replace(odd, rules=(*odd.rules, Rule(False, "tcp", None, None, IPV4, "10.0.0.0/8")))
    described_oddly = replace(
        odd, group_id="sg-000000a3", rules=(SSH_WORLD, replace(NARROWER, description="a'b"))
    )
    lacking = replace(odd, group_id="sg-000000a4", rules=(NARROWER,))
    spare = recorded(described("sg-000000a5", GroupName="spare"))
    default = recorded(described("sg-000000d1", GroupName="default"))
    moved = MoveInterfaces(
        default, "web-default", "x", (CarriedInterface("eni-1", ("sg-000000d1",), "i-1", "shop"),)
    )
    steps = [step(group, ReplaceRules(group, (SSH_WORLD,))) for group in (no_ports, described_oddly, lacking)]
    steps += [step(spare, DeleteGroup(spare), "sg-unused"), step(default, moved, "sg-default")]
    opened = replace(default, rules=(SSH_WORLD,))
    steps += [step(opened, ReplaceRules(opened, (SSH_WORLD,)), "sg-default-rules")]
    paths = terraform.write(plan(*steps), tmp_path)
    assert [read(path) for path in paths] == [{}, {}]
    said = paths[0].read_text()
    inexact = "#   NOT IN THIS FILE, since Terraform cannot tell it exactly"
    for line in (
        f"{inexact}: tcp from 10.0.0.0/8: it has no ports, or no ICMP type and code",
        f"{inexact}: tcp 22 from 198.51.100.0/24: the provider does not take its description",
        f"{inexact}: tcp 22 from 0.0.0.0/0: the record of the group does not have it",
        "#   NOT IN THIS FILE: Terraform deletes what its state has; the group would be imported to be deleted.",
        "#   Else: aws ec2 delete-security-group --region us-east-1 --group-id sg-000000a5",
        "#   NOT IN THIS FILE: the groups of an interface are said where its instance is.",
        "#     eni-1 of i-1 shop",
        "#   NOT IN THIS FILE, since interfaces are to be moved away first.",
    ):
        assert f"{line}\n" in said
    assert "ONLY FOR GROUPS THAT NO TERRAFORM STATE HAS YET" in said


def test_the_plan_says_so_too() -> None:
    notes = " ".join(forms.notes("terraform"))
    assert (
        "no Terraform state has yet" in notes
        and "make the same change in the configuration that has it" in notes
    )
    assert "is still there, exactly" in " ".join(forms.notes("custodian"))


@needs_terraform
def test_terraform_reads_it_and_has_nothing_to_format(tmp_path: Path) -> None:
    terraform.write(narrowed(Access("fixer", ("arn:aws:iam::111111111111:role/fixer",), "x")), tmp_path)
    for name in ("dev.tf", "undo-dev.tf.txt"):
        done = run("fmt", "-check", "-diff", "-", given=(tmp_path / name).read_text(), folder=tmp_path)
        assert (done.returncode, done.stdout) == (0, "")


@needs_terraform
def test_terraform_takes_every_text_for_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "texts.tf").write_text("locals {\n  texts = [" + ", ".join(map(quoted, HOSTILE)) + "]\n}\n")
    done = run("console", given="jsonencode(local.texts)\n", folder=tmp_path)
    assert json.loads(json.loads(done.stdout)) == HOSTILE


@needs_terraform
def test_terraform_validates_it(tmp_path: Path) -> None:
    """With the AWS provider, where it lies on this machine: nothing is downloaded."""
    folders = (Path.home() / ".terraform.d" / "plugins", Path("/usr/local/share/terraform/plugins"))
    places = [folder for folder in folders if any(folder.glob("*/hashicorp/aws"))]
    if not places:
        pytest.skip("Terraform's AWS provider is not installed")
    terraform.write(narrowed(), tmp_path)
    assert run("init", "-backend=false", f"-plugin-dir={places[0]}", folder=tmp_path).returncode == 0
    done = run("validate", "-no-color", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def run(*words: str, folder: Path, given: str = "") -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "CHECKPOINT_DISABLE": "1"}
    command = [str(TERRAFORM), *words]
    return subprocess.run(command, cwd=folder, env=environment, input=given, capture_output=True, text=True)
