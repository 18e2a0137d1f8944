"""Records as AWS Config and other tools write them: null is absent, and one that cannot be read is no other's loss."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from reporter.inventory import records
from tests.rundir import DENIED, POLICIES, WORLD, group, instance, interface, unit, write
from tests.rundir import audit as audit_of
from tests.rundir import groups as groups_of
from tests.rundir import table as table_of
from tests.stockdir import (
    EVERY_GROUP,
    EVERY_INSTANCE,
    EVERY_INTERFACE,
    UNTAGGED_GROUPS,
    US,
    gaps,
    groups,
    put,
    read,
    rows,
)

RULE = {
    "IpProtocol": "tcp",
    "FromPort": 22,
    "ToPort": 22,
    "IpRanges": [{"CidrIp": WORLD, "Description": "all"}],
    "Ipv6Ranges": [],
    "PrefixListIds": [],
    "UserIdGroupPairs": [],
}
GROUP = group("sg-1") | {"IpPermissions": [RULE], "Tags": [{"Key": "team", "Value": "web"}]}
INTERFACE = interface("eni-1", GROUP, instance="i-1") | {"Association": {"PublicIp": "203.0.113.9"}}
INSTANCE = instance("i-1", GROUP, name="box", interfaces=[INTERFACE])

NULLS: list[tuple[str, Any, dict[str, Any]]] = [
    ("group", GROUP | {"GroupName": None}, {"group_name": ""}),
    ("group", GROUP | {"VpcId": None}, {"vpc_id": ""}),
    ("group", GROUP | {"OwnerId": None}, {"account_id": "111111111111"}),
    ("group", GROUP | {"Description": None}, {"description": ""}),
    ("group", GROUP | {"Tags": None}, {"tags": ()}),
    ("group", GROUP | {"Tags": [None, {"Key": "a", "Value": None}]}, {"tags": ("a=",)}),
    ("group", GROUP | {"IpPermissions": None}, {"ssh_rules": ()}),
    ("group", GROUP | {"IpPermissions": [None, RULE]}, {"ssh_rules": ("0.0.0.0/0 -> 22",)}),
    ("group", GROUP | {"IpPermissions": [RULE | {"Ipv6Ranges": None}]}, {"has_ssh_open_world": True}),
    ("group", GROUP | {"IpPermissions": [RULE | {"PrefixListIds": None}]}, {"has_ssh_open_world": True}),
    ("group", GROUP | {"IpPermissions": [RULE | {"UserIdGroupPairs": None}]}, {"has_ssh_open_world": True}),
    ("group", GROUP | {"IpPermissions": [RULE | {"IpRanges": None}]}, {"ssh_rules": ()}),
    ("group", GROUP | {"IpPermissions": [RULE | {"IpProtocol": None}]}, {"ssh_rules": ()}),
    ("group", GROUP | {"IpPermissions": [RULE | {"FromPort": None}]}, {"ssh_rules": ()}),
    (
        "group",
        GROUP | {"IpPermissions": [RULE | {"IpProtocol": "-1", "FromPort": None, "ToPort": None}]},
        {"ssh_rules": ("0.0.0.0/0 -> all",)},
    ),
    ("interface", INTERFACE | {"Description": None}, {"attached_resources": ("eni-1", "i-1")}),
    ("interface", INTERFACE | {"InterfaceType": None}, {"attached_eni_count": 1}),
    ("interface", INTERFACE | {"PrivateIpAddress": None}, {"attached_eni_count": 1}),
    ("interface", INTERFACE | {"VpcId": None}, {"attached_eni_count": 1}),
    ("interface", INTERFACE | {"OwnerId": None}, {"attached_eni_count": 1}),
    ("interface", INTERFACE | {"Association": None}, {"attached_eni_count": 1}),
    ("interface", INTERFACE | {"Association": {"PublicIp": None}}, {"attached_eni_count": 1}),
    ("interface", INTERFACE | {"Groups": None}, {"attached_eni_count": 0, "attached_resources": ("i-1",)}),
    (
        "interface",
        INTERFACE | {"Groups": [{"GroupId": "sg-1", "GroupName": None}]},
        {"attached_eni_count": 1},
    ),
    ("interface", INTERFACE | {"Attachment": None}, {"attached_resources": ("eni-1", "i-1")}),
    ("interface", INTERFACE | {"Attachment": {"InstanceId": None}}, {"attached_resources": ("eni-1", "i-1")}),
    ("instance", INSTANCE | {"Tags": None}, {"instances": ("i-1 (running)",)}),
    ("instance", INSTANCE | {"SecurityGroups": None}, {"instances": ("box (running)",)}),
    ("instance", INSTANCE | {"NetworkInterfaces": None}, {"instances": ("box (running)",)}),
    (
        "instance",
        INSTANCE | {"NetworkInterfaces": [INTERFACE | {"Attachment": None}]},
        {"attached_eni_count": 1},
    ),
    ("instance", INSTANCE | {"State": None}, {"instances": ("box ()",)}),
]


@pytest.mark.parametrize(
    ("kind", "record", "expected"), NULLS, ids=[str(number) for number in range(len(NULLS))]
)
def test_null_is_absent(tmp_path: Path, kind: str, record: Any, expected: dict[str, Any]) -> None:
    """The record stands between two others, which stay as they are."""
    lists = {
        "group": [group("sg-0"), GROUP, group("sg-2")],
        "interface": [interface("eni-0", group("sg-0")), INTERFACE, interface("eni-2", group("sg-2"))],
        "instance": [instance("i-0", group("sg-0")), INSTANCE, instance("i-2", group("sg-2"))],
    }
    lists[kind][1] = record
    place = tmp_path / "prod" / US
    put(place, EVERY_GROUP, lists["group"])
    put(place, EVERY_INTERFACE, lists["interface"])
    put(place, EVERY_INSTANCE, lists["instance"])
    found = read(tmp_path)
    assert gaps(found) == []
    by_id = groups(found)
    assert {name: by_id["sg-1"][name] for name in expected} == expected
    for number in "02":
        assert by_id[f"sg-{number}"]["attached_resources"] == (f"eni-{number}", f"i-{number}")


def test_what_is_not_of_aws_form_is_named_and_the_others_stay(tmp_path: Path) -> None:
    place = tmp_path / "prod" / US
    bad = [group("sg-2") | {"GroupName": 7}, {"GroupName": "no id"}, "text"]
    folder = put(place, EVERY_GROUP, [group("sg-1"), *bad, group("sg-3", ssh_from=WORLD)])
    put(place, EVERY_INTERFACE, [interface("eni-1", group("sg-1"))])
    put(place, UNTAGGED_GROUPS, [group("sg-1")])
    found = read(tmp_path)
    assert groups(found).keys() == {"sg-1", "sg-3"}
    [gap] = found.gaps
    assert (gap.policy, gap.status, gap.code) == ("sg-all", "failed", "Unreadable")
    assert gap.message == (
        f"{tmp_path}/prod/us-east-1/{folder.name}/resources.json: record 2 (sg-2) is not of AWS's form: "
        "Expected `str`, got `int` - at `$.GroupName`, and so are 2 more; the other records count"
    )


def test_a_rule_that_is_not_of_aws_form_costs_its_own_group(tmp_path: Path) -> None:
    place = tmp_path / "prod" / US
    bad = group("sg-2") | {"IpPermissions": [RULE, RULE | {"FromPort": "ssh"}]}
    put(place, EVERY_GROUP, [group("sg-1", ssh_from=WORLD), bad, GROUP | {"GroupId": "sg-3"}])
    found = read(tmp_path)
    assert {name: row["ssh_rules"] for name, row in groups(found).items()} == {
        "sg-1": ("0.0.0.0/0 -> 22",),
        "sg-3": ("0.0.0.0/0 -> 22",),
    }
    [gap] = found.gaps
    assert "record 2 (sg-2) is not of AWS's form: " in gap.message
    assert gap.message.endswith("at `$.IpPermissions[1].FromPort`; the other records count")


def test_groups_with_the_same_rules_stay_those_of_their_accounts(tmp_path: Path) -> None:
    """What is written the same is read once, in whichever account; what is about a group itself is its own."""
    from_first = RULE | {"IpRanges": [], "UserIdGroupPairs": [{"GroupId": "sg-1", "UserId": "111111111111"}]}
    from_third = RULE | {"IpRanges": [], "UserIdGroupPairs": [{"GroupId": "sg-3", "UserId": "222222222222"}]}
    alpha = [group("sg-1") | {"IpPermissions": [from_first]}, group("sg-2") | {"IpPermissions": [from_first]}]
    beta = [
        group("sg-3") | {"IpPermissions": [from_third]},
        group("sg-4") | {"IpPermissions": [from_first]},
        group("sg-5") | {"IpPermissions": [RULE], "IpPermissionsEgress": [from_first]},
        group("sg-6") | {"IpPermissions": [from_first], "IpPermissionsEgress": [RULE]},
    ]
    write(tmp_path, {("alpha", US): unit(alpha), ("beta", US): unit(beta)})
    found = groups_of(tmp_path)
    assert {name: (row["account_profile"], row["ssh_rules"]) for name, row in found.items()} == {
        "sg-1": ("alpha", ("sg-1 -> 22",)),
        "sg-2": ("alpha", ("sg-1 -> 22",)),
        "sg-3": ("beta", ("sg-3 -> 22",)),
        "sg-4": ("beta", ("sg-1 -> 22",)),
        "sg-5": ("beta", ("0.0.0.0/0 -> 22",)),
        "sg-6": ("beta", ("sg-1 -> 22",)),
    }


def test_a_list_of_everything_is_read_the_same_in_one_pass_and_in_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one pass only where no record of it is damaged."""
    matched = [RULE | {"IpRanges": [{"CidrIp": WORLD}]}]
    own = group("sg-1") | {"IpPermissions": [RULE], "MatchedIpPermissions": matched}
    write(tmp_path, {("alpha", US): unit([own, group("sg-2")])})
    in_one = groups_of(tmp_path)

    def damaged(data: bytes) -> Any:
        raise msgspec.DecodeError

    monkeypatch.setattr(records.listed_group_list, "decode", damaged)
    assert groups_of(tmp_path) == in_one
    assert in_one["sg-1"]["ssh_rules"] == ("0.0.0.0/0 -> 22",)


def test_a_text_that_is_no_utf_8_costs_its_own_record(tmp_path: Path) -> None:
    folder = put(tmp_path / "prod" / US, EVERY_GROUP, [group("sg-1"), group("sg-2", "MARK"), group("sg-3")])
    path = folder / "resources.json"
    path.write_bytes(path.read_bytes().replace(b"MARK", b"\xff"))
    found = read(tmp_path)
    assert groups(found).keys() == {"sg-1", "sg-3"}
    [gap] = found.gaps
    assert f"{path}: record 2 is not of AWS's form: " in gap.message


def test_a_list_with_a_record_that_cannot_be_read_has_not_everything(tmp_path: Path) -> None:
    """Of no group is it known that nothing carries it: what cannot be read may."""
    place = tmp_path / "prod" / US
    put(place, EVERY_GROUP, [group("sg-1", ssh_from=WORLD), group("sg-2")])
    put(place, EVERY_INTERFACE, [interface("eni-1", group("sg-2")), interface("eni-2") | {"Groups": "sg-1"}])
    found = read(tmp_path)
    assert [row["in_use"] for row in groups(found).values()] == [None, True]
    assert groups(found)["sg-1"]["risk"] == "critical"
    assert gaps(found) == [("prod", US, "enis", "Unreadable")]


def test_a_finding_with_a_record_that_cannot_be_read_is_known_of_those_it_names(tmp_path: Path) -> None:
    one, two = group("sg-1"), group("sg-2")
    mine = {
        "name": "mine",
        "resource": "aws.security-group",
        "filtered": True,
        "report": {"column": "is_mine"},
    }
    write(tmp_path, {("alpha", US): unit([one, two], mine=[one, {"GroupId": 3}])}, [*POLICIES, mine])
    found = groups_of(tmp_path)
    assert (found["sg-1"]["is_mine"], found["sg-2"]["is_mine"]) == (True, None)
    assert [cell.policy for cell in audit_of(tmp_path).gaps] == ["mine"]


def test_other_resources_too(tmp_path: Path) -> None:
    put(
        tmp_path / "prod" / US,
        {"name": "volumes", "resource": "ebs"},
        [{"VolumeId": "vol-1", "Size": None}, 3],
    )
    found = read(tmp_path)
    assert [(row["VolumeId"], row["Size"]) for row in rows(found, "volumes")] == [("vol-1", "")]
    [gap] = found.gaps
    assert gap.message.endswith(
        "record 2 is not of AWS's form: Expected `object`, got `int`; the other records count"
    )


def test_a_flag_is_true_where_the_rules_say_so_though_the_policy_missed_it(tmp_path: Path) -> None:
    """Custodian's filters compare texts: they know neither the number of tcp nor another way to write the world."""
    odd = RULE | {"IpProtocol": "6", "IpRanges": [{"CidrIp": "10.0.0.16/0"}]}
    missed = group("sg-1") | {"IpPermissions": [odd]}
    cells = unit([missed, group("sg-2")], sg_ssh_open=[], sg_ssh_world=[])
    write(tmp_path, {("alpha", US): cells})
    assert [
        row["security_group_id"] for row in table_of(tmp_path, "security_groups") if row["has_ssh_rule"]
    ] == ["sg-1"]
    row = groups_of(tmp_path)["sg-1"]
    assert (row["has_ssh_open_world"], row["ssh_rules"], row["risk"]) == (
        True,
        ("10.0.0.16/0 -> 22",),
        "medium",
    )


def test_and_where_the_policy_was_not_read(tmp_path: Path) -> None:
    cells = unit([group("sg-1", ssh_from=WORLD), group("sg-2")], sg_ssh_world=DENIED)
    write(tmp_path, {("alpha", US): cells})
    found = groups_of(tmp_path)
    assert [found[name]["has_ssh_open_world"] for name in ("sg-1", "sg-2")] == [True, None]
