"""Policies of a plan: what they match, evaluated by Custodian's engine, and what their actions send."""

import copy
import json
import re
import stat
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from c7n.config import Config
from c7n.policy import Policy
from c7n.utils import load_file
from hypothesis import given, settings
from hypothesis import strategies as st

from reporter.custodian import offline, policies
from reporter.custodian.offline import RecordedAnswers
from reporter.inventory.rules import GROUP, IPV4, PREFIX_LIST
from reporter.remedy.forms import custodian
from reporter.remedy.steps import Access, CarriedInterface, DeleteGroup, MoveInterfaces, ReplaceRules, Rule
from tests.remedy.made_up import (
    ABROAD,
    ACCOUNT,
    HOSTILE,
    PAIR,
    PEERS,
    REGION,
    TRAFFIC,
    Flat,
    described,
    group_of,
    plan,
    recorded,
    rules,
    step,
)

SSH_WORLD = Rule(False, "tcp", 22, 22, IPV4, "0.0.0.0/0", "the bastion")


def written(folder: Path, *names: str) -> list[list[dict[str, Any]]]:
    """The policies of files, which Custodian takes for valid."""
    return [policies.read([folder / name]).data["policies"] for name in names]


def matched(
    policy: dict[str, Any], group: dict[str, Any], region: str = REGION, account: str = ACCOUNT
) -> Any:
    """The rules of a group by which a policy matches it, ingress and egress; None where it does not."""
    with offline.sealed():
        kept = offline.evaluate(policy, [copy.deepcopy(group)], RecordedAnswers({}), account, region)
    if not kept:
        return None
    return kept[0].get("MatchedIpPermissions", []), kept[0].get("MatchedIpPermissionsEgress", [])


def in_order(permissions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(permissions, key=lambda each: json.dumps(each, sort_keys=True))


_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def policies_of(change: ReplaceRules, file: str) -> list[dict[str, Any]]:
    """The policies of a file, without a look at whether they are valid."""
    with tempfile.TemporaryDirectory() as folder:
        custodian.write(plan(step(change.group, change)), Path(folder))
        text = (Path(folder) / file).read_text()
        found: list[dict[str, Any]] = yaml.load(text, Loader=_Loader)["policies"]
    return found


def test_each_rule_is_told_from_all_others() -> None:
    """Of a group that has every rule of a kind, a policy for one of them matches that one."""
    flat = [
        (side, traffic, listed, entry | ({"Description": "why"} if number % 2 else {}))
        for side in ("IpPermissions", "IpPermissionsEgress")
        for traffic in TRAFFIC
        for number, (listed, entry) in enumerate(PEERS)
    ]
    record = group_of(flat)
    group = recorded(record)
    assert len(group.rules) == len(flat) == 2 * 14 * 11
    for each in [*flat[:154], *flat[154::13]]:  # egress goes the same way
        [rule] = recorded(group_of([each])).rules
        [policy] = policies_of(ReplaceRules(group, (rule,)), "dev.yml")
        expected = [group_of([each])[side] for side in ("IpPermissions", "IpPermissionsEgress")]
        assert matched(policy, record) == tuple(expected)


@given(flat=rules(), data=st.data())
@settings(max_examples=50, deadline=None)
def test_a_policy_matches_the_rules_that_it_is_for_and_no_other(
    flat: list[Flat], data: st.DataObject
) -> None:
    record = group_of(flat)
    chosen = data.draw(st.sets(st.sampled_from(range(len(flat))), min_size=1, max_size=3))
    removed = [flat[each] for each in sorted(chosen)]
    remove = tuple(recorded(group_of([each])).rules[0] for each in removed)
    [policy] = policies_of(ReplaceRules(recorded(record), remove), "dev.yml")

    found = matched(policy, record)
    assert found is not None
    for side, permissions in zip(("IpPermissions", "IpPermissionsEgress"), found, strict=True):
        expected = [group_of([each])[side][0] for each in removed if each[0] == side]
        assert in_order(permissions) == in_order(expected)

    without = [each for each in flat if each is not removed[0]]
    assert matched(policy, group_of(without)) is None
    assert matched(policy, record | {"GroupId": "sg-000000a2"}) is None
    assert matched(policy, record, region="eu-west-1") is None
    assert matched(policy, record, account="222222222222") is None


@given(flat=rules(), data=st.data())
@settings(max_examples=40, deadline=None)
def test_an_undo_finds_what_was_allowed_and_no_other(flat: list[Flat], data: st.DataObject) -> None:
    """Of what the plan allowed it takes away what is still there, and it puts back what was removed in any case."""
    tellable = [number for number, each in enumerate(flat) if "PeeringStatus" not in each[3]]
    chosen = data.draw(st.sets(st.sampled_from(tellable), max_size=3)) if tellable else set()
    gone = data.draw(st.sampled_from([None, *sorted(chosen)]))
    allow = tuple(recorded(group_of([flat[each]])).rules[0] for each in sorted(chosen))
    before = recorded(group_of([("IpPermissions", ("tcp", 3389, 3389), "IpRanges", {"CidrIp": "0.0.0.0/0"})]))
    [policy] = policies_of(ReplaceRules(before, before.rules, allow), "undo-dev.yml")

    now = [each for number, each in enumerate(flat) if number != gone]
    found = matched(policy, group_of(now))
    assert found is not None
    for side, permissions in zip(("IpPermissions", "IpPermissionsEgress"), found, strict=True):
        expected = [
            group_of([flat[each]])[side][0] for each in chosen if each != gone and flat[each][0] == side
        ]
        assert in_order(permissions) == in_order(expected)
    assert matched(policy, group_of(now, GroupId="sg-000000a2")) is None


WEB = described(
    IpPermissions=[
        {
            "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "Ipv6Ranges": [],
            "UserIdGroupPairs": [PAIR, ABROAD], "PrefixListIds": [],
            "IpRanges": [
                {"CidrIp": "0.0.0.0/0", "Description": "the bastion"}, {"CidrIp": "10.0.0.0/8"},
            ],
        }
    ]
)  # fmt: skip


def test_the_file_says_what_it_does_and_where_it_comes_from(tmp_path: Path) -> None:
    group = recorded(WEB)
    narrower = replace(SSH_WORLD, peer="198.51.100.0/24")
    change = ReplaceRules(group, (SSH_WORLD,), (narrower,))
    also = replace(step(group, None, "sg-admin-world"), with_policy="sg-ssh-world")
    made = plan(
        step(group, change, evidence=("tcp 22 from 0.0.0.0/0",), breaks=("eni-1 of i-1 (bastion)",)),
        also,
        access=Access(roles=("arn:aws:iam::111111111111:role/fixer",), external_id="8f2b 61d0"),
    )
    paths = custodian.write(made, tmp_path / "remedy")
    assert [path.name for path in paths] == ["dev.yml", "undo-dev.yml"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (paths[0].parent, *paths)] == [0o700, 0o600, 0o600]

    [[policy], [undo]] = written(tmp_path / "remedy", "dev.yml", "undo-dev.yml")
    findings = [
        {"policy": name, "group": "sg-000000a1", "reason": "it lets SSH in from the world"}
        for name in ("sg-ssh-world", "sg-admin-world")
    ]
    only = {"type": "value", "key": "GroupId", "op": "in", "value": ["sg-000000a1"]}
    common = {
        "resource": "aws.security-group",
        "metadata": {
            "remedy": {
                "made_by": "sg-audit remedy 1.0",
                "audited": "2026-11-20T10:00:00Z",
                "source": "output/20261120T100000Z",
                "account": "dev",
                "findings": findings,
            }
        },
        "conditions": [{"account_id": "111111111111"}, {"region": "us-east-1"}],
    }
    ssh = {"type": "ingress", "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}

    def allowed(cidr: str) -> dict[str, Any]:
        ranges = [{"CidrIp": cidr, "Description": "the bastion"}]
        permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": ranges}
        return {"type": "set-permissions", "add-ingress": [{"IpPermissions": [permission]}]}

    remove = {"type": "remove-permissions", "ingress": "matched"}
    assert policy == {
        "name": "remedy-sg-000000a1",
        **common,
        "filters": [only, ssh | {"Cidr": "0.0.0.0/0"}],
        "actions": [allowed("198.51.100.0/24"), remove],
    }
    assert undo == {
        "name": "undo-remedy-sg-000000a1",
        **common,
        "filters": [only, {"or": [ssh | {"Cidr": "198.51.100.0/24"}, only]}],
        "actions": [allowed("0.0.0.0/0"), remove],
    }
    text = paths[0].read_text()
    for line in (
        "# Account dev (111111111111). Nothing is changed until you run it.",
        "#   custodian run --cache memory --output-dir remedy-output --region us-east-1 --assume"
        " arn:aws:iam::111111111111:role/fixer --external-id '8f2b 61d0' ./dev.yml",
        "# sg-ssh-world: sg-000000a1 (web) in us-east-1",
        "#   why: it lets SSH in from the world",
        "#   seen: tcp 22 from 0.0.0.0/0",
        "#   may break: eni-1 of i-1 (bastion)",
        "#   allows: tcp 22 from 198.51.100.0/24",
        "#   removes: tcp 22 from 0.0.0.0/0",
    ):
        assert f"{line}\n" in text, line


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("vars_file", [{}, {"now": "x", "account_id": "y", "policy": {"name": "z"}}])
def test_what_aws_contains_is_text_and_comes_back_as_it_was(
    text: str, vars_file: dict[str, Any], tmp_path: Path
) -> None:
    """Whatever Custodian fills in, in the file with --vars-file and in each policy before it runs."""
    pair = {"PrefixListId": "pl-000000c1", "Description": text}
    record = described(
        GroupName=text,
        IpPermissions=[
            {
                "IpProtocol": "-1",
                "PrefixListIds": [pair],
                "UserIdGroupPairs": [],
                "IpRanges": [],
                "Ipv6Ranges": [],
            }
        ],
    )
    group = recorded(record)
    custodian.write(
        plan(
            step(group, ReplaceRules(group, group.rules), policy=f"p{text}", evidence=(text,), breaks=(text,))
        ),
        tmp_path,
    )
    for name in ("dev.yml", "undo-dev.yml"):
        policies.read([tmp_path / name])
        [data] = load_file(str(tmp_path / name), vars=vars_file)["policies"]
        policy = Policy(data, Config.empty(account_id=ACCOUNT, region=REGION))
        policy.expand_variables(policy.get_variables(dict(vars_file)))
        [finding] = policy.data["metadata"]["remedy"]["findings"]
        assert finding["policy"] == f"p{text}"
        if name == "dev.yml":
            assert policy.data["filters"][1]["PrefixListIds"]["value"] == [pair]
        else:
            [added] = policy.data["actions"][0]["add-ingress"]
            assert added == {"IpPermissions": [{"IpProtocol": "-1", "PrefixListIds": [pair]}]}


def test_what_custodian_cannot_tell_or_do_has_no_policy_but_a_reason(tmp_path: Path) -> None:
    group, other = recorded(WEB), recorded(WEB | {"GroupId": "sg-000000a4"})
    peered = Rule(False, "tcp", 443, 443, GROUP, "sg-000000b2", "", "222222222222", "pcx-1")
    listed = Rule(False, "tcp", 22, 22, PREFIX_LIST, "pl-000000c1")
    odd = Rule(False, "tcp", 22, 22, IPV4, "present")
    lacking, unlisted = (replace(group, group_id=each) for each in ("sg-000000a2", "sg-000000a5"))
    unlisted = replace(unlisted, rules=(listed,))
    default = recorded(described("sg-000000d1", GroupName="default", IpPermissions=WEB["IpPermissions"]))
    moved = MoveInterfaces(default, "web-default", "x", (CarriedInterface("eni-1", ("sg-000000d1",)),))
    custodian.write(
        plan(
            step(group, ReplaceRules(group, (SSH_WORLD,), (peered,))),
            step(lacking, ReplaceRules(lacking, (listed,))),
            step(unlisted, ReplaceRules(unlisted, (listed,))),
            step(
                replace(group, group_id="sg-000000a3"),
                ReplaceRules(replace(group, group_id="sg-000000a3", rules=(odd,)), (odd,)),
            ),
            step(default, moved, policy="sg-default"),
            step(default, ReplaceRules(default, (SSH_WORLD,)), policy="sg-default-rules"),
            step(other, ReplaceRules(other, (SSH_WORLD,))),
        ),
        tmp_path,
    )
    [[policy], [undo]] = written(tmp_path, "dev.yml", "undo-dev.yml")
    assert (policy["name"], undo["name"]) == ("remedy-sg-000000a4", "undo-remedy-sg-000000a4")
    text = (tmp_path / "dev.yml").read_text()
    assert re.findall(r"NO POLICY, since (.*)", text) == [
        "Custodian cannot tell a rule exactly: tcp 443 from sg-000000b2:"
        " AWS says more of a group in a peered VPC than it is told",
        "Custodian cannot tell a rule exactly: tcp 22 from pl-000000c1: the record of the group does not have it",
        "Custodian cannot tell a rule exactly: tcp 22 from pl-000000c1: the record of the group does not have it",
        "Custodian cannot tell a rule exactly: tcp 22 from present: its peer is not as AWS writes one",
        "Custodian makes no groups",
        "interfaces are to be moved away first",
    ]
    assert text.count("Carry it out with `sg-audit remedy --for cli`.") == 6


def test_steps_of_a_group_come_to_one_policy(tmp_path: Path) -> None:
    """Each step has the group as the ones before it leave it: what one allows and the next removes was never there."""
    group = recorded(WEB)
    narrower, inside = (replace(SSH_WORLD, peer=each) for each in ("198.51.100.0/24", "10.0.0.0/8"))
    narrowed = replace(group, rules=(*group.rules[1:], narrower))
    custodian.write(
        plan(
            step(group, ReplaceRules(group, (SSH_WORLD,), (narrower,))),
            step(
                narrowed, ReplaceRules(narrowed, (narrower, replace(inside, description=""))), "covered-rules"
            ),
        ),
        tmp_path,
    )
    [[policy]] = written(tmp_path, "dev.yml")
    assert [each.get("Cidr") for each in policy["filters"]] == [None, "0.0.0.0/0", "10.0.0.0/8"]
    assert policy["actions"] == [{"type": "remove-permissions", "ingress": "matched"}]
    assert [each["policy"] for each in policy["metadata"]["remedy"]["findings"]] == [
        "sg-ssh-world",
        "covered-rules",
    ]


def test_unused_groups_are_marked_first_and_the_undo_takes_the_mark_away(tmp_path: Path) -> None:
    groups = [recorded(described(each, GroupName=each)) for each in ("sg-000000a1", "sg-000000a2")]
    custodian.write(plan(*(step(group, DeleteGroup(group), "sg-unused") for group in groups)), tmp_path)
    [[mark, delete], [unmark]] = written(tmp_path, "dev.yml", "undo-dev.yml")
    only = {"type": "value", "key": "GroupId", "op": "in", "value": ["sg-000000a1", "sg-000000a2"]}
    assert mark["filters"] == [only, "unused", {"tag:sg-audit-unused": "absent"}]
    assert mark["actions"] == [{"type": "mark-for-op", "tag": "sg-audit-unused", "op": "delete", "days": 14}]
    assert delete["filters"] == [
        only,
        {"type": "marked-for-op", "tag": "sg-audit-unused", "op": "delete"},
        "unused",
    ]
    assert delete["actions"] == ["delete"]
    assert unmark["filters"] == [only, {"tag:sg-audit-unused": "present"}]
    assert unmark["actions"] == [{"type": "remove-tag", "tags": ["sg-audit-unused"]}]
    assert "launch templates" in (tmp_path / "dev.yml").read_text()


def test_files_of_accounts_are_told_apart_and_stay_in_their_folder(tmp_path: Path) -> None:
    names = ["dev", "DEV", "undo-dev", "../../up", "-rf", "a b\nc"]
    groups = [recorded(WEB, account=name, account_id=f"{number:012}") for number, name in enumerate(names)]
    steps = [step(group, ReplaceRules(group, (SSH_WORLD,))) for group in groups]
    nothing = step(recorded(WEB, account="idle", account_id="999999999999"), None)
    paths = custodian.write(plan(*steps, nothing), tmp_path)
    assert {path.parent for path in paths} == {tmp_path}
    own = ["dev", "DEV_2", "_undo-dev", "_._.._up", "_rf", "a_b_c"]
    assert sorted(path.name for path in paths) == sorted(
        f"{undo}{name}.yml" for name in own for undo in ("", "undo-")
    )
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(path.name for path in paths)
