"""Lists that were made at different times: the newest record of a thing counts."""

import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from reporter.custodian import policies
from tests.rundir import ACCOUNT_IDS, POLICIES, WORLD, audit, group, instance, interface, unit, write
from tests.rundir import groups as groups_of_run
from tests.stockdir import (
    EU,
    EVERY_GROUP,
    EVERY_INSTANCE,
    EVERY_INTERFACE,
    LAST_WEEK,
    ONE,
    TODAY,
    TWO,
    UNTAGGED_GROUPS,
    UNTAGGED_INSTANCES,
    UNTAGGED_INTERFACES,
    US,
    gaps,
    groups,
    put,
    read,
    rows,
)

Put = Callable[..., Path]


@pytest.fixture
def here(tmp_path: Path) -> Put:
    """Puts a policy's answer into account prod, us-east-1."""
    return lambda policy, found, **more: put(tmp_path / "prod" / US, policy, found, **more)


def attached(place: Path) -> dict[str, tuple[str, ...]]:
    """The interfaces and instances of each group."""
    return {group_id: row["attached_resources"] for group_id, row in groups(read(place)).items()}


# Groups.


@pytest.mark.parametrize(("then", "now"), [("", WORLD), (WORLD, "")], ids=["opened since", "closed since"])
@pytest.mark.parametrize(("whole", "part"), [(TODAY, LAST_WEEK), (LAST_WEEK, TODAY)], ids=["all", "some"])
def test_a_groups_rules_are_those_of_the_newest_list(
    here: Put, tmp_path: Path, then: str, now: str, whole: float, part: float
) -> None:
    """Whichever list that is, and whichever policy's name comes first."""
    rules = {LAST_WEEK: then, TODAY: now}
    here(EVERY_GROUP, [group("sg-1", ssh_from=rules[whole])], at=whole)
    here(UNTAGGED_GROUPS, [group("sg-1", ssh_from=rules[part])], at=part)
    here(UNTAGGED_GROUPS | {"name": "a-policy"}, [group("sg-1", ssh_from=rules[part])], at=part)
    here(EVERY_INTERFACE, [interface("eni-1", group("sg-1"))])
    row = groups(read(tmp_path))["sg-1"]
    assert row["ssh_rules"] == (("0.0.0.0/0 -> 22",) if now else ())
    assert row["has_ssh_open_world"] is bool(now)
    assert row["risk"] == ("critical" if now else "none")


def test_a_group_that_a_newer_list_of_all_lacks_is_gone_from_every_tab(here: Put, tmp_path: Path) -> None:
    here(EVERY_GROUP, [group("sg-1")], at=TODAY)
    old = [group("sg-1"), group("sg-gone", ssh_from=WORLD)]
    here(UNTAGGED_GROUPS, old, at=LAST_WEEK)
    world = {"name": "world", "resource": "security-group", "filters": [{"type": "ingress"}]}
    here(world | {"metadata": {"report": {"tab": "ssh_world"}}}, old[1:], at=LAST_WEEK)
    found = read(tmp_path)
    for tab, there in (("security_groups", ["sg-1"]), ("sg-untagged", ["sg-1"]), ("ssh_world", [])):
        assert [row["security_group_id"] for row in rows(found, tab)] == there


def test_a_group_that_only_a_newer_list_has_is_there(here: Put, tmp_path: Path) -> None:
    here(EVERY_GROUP, [group("sg-1")], at=LAST_WEEK)
    here(UNTAGGED_GROUPS, [group("sg-new", ssh_from=WORLD)], at=TODAY)
    assert groups(read(tmp_path)).keys() == {"sg-1", "sg-new"}


@pytest.mark.parametrize("there", [["sg-1"], []], ids=["a group", "no group"])
def test_of_two_lists_of_all_the_newer_one_counts(here: Put, tmp_path: Path, there: list[str]) -> None:
    here(EVERY_GROUP | {"name": "a"}, [group("sg-1"), group("sg-2")], at=LAST_WEEK)
    here(EVERY_GROUP | {"name": "b"}, map(group, there), at=TODAY)
    assert list(groups(read(tmp_path))) == there


def test_a_newer_list_that_has_all_an_older_one_of_all_has_does_not_hide_what_is_gone(
    here: Put, tmp_path: Path
) -> None:
    """Today's list of some holds every group of yesterday's list of all; last week's has one more."""
    here(UNTAGGED_GROUPS | {"name": "new"}, [group("sg-1")], at=TODAY)
    here(EVERY_GROUP, [group("sg-1")], at=TODAY - 86_400)
    here(UNTAGGED_GROUPS | {"name": "old"}, [group("sg-gone")], at=LAST_WEEK)
    assert groups(read(tmp_path)).keys() == {"sg-1"}


def test_what_a_policy_found_of_a_group_that_was_changed_since_stays_its_word(
    here: Put, tmp_path: Path
) -> None:
    rdp = {"name": "rdp", "resource": "security-group", "filters": [{"type": "ingress"}]}
    rdp |= {"metadata": {"report": {"column": "has_rdp"}}}
    here(rdp, [group("sg-1", "then", ssh_from=WORLD)], at=LAST_WEEK)
    here(EVERY_GROUP, [group("sg-1", "now"), group("sg-2")], at=TODAY)
    found = groups(read(tmp_path))
    assert (found["sg-1"]["group_name"], found["sg-1"]["ssh_rules"], found["sg-1"]["has_rdp"]) == (
        "now",
        (),
        True,
    )
    assert found["sg-2"]["has_rdp"] is False


def test_fields_are_of_the_newest_record(here: Put, tmp_path: Path) -> None:
    from reporter.inventory.audit import read_audit
    from reporter.inventory.columns import parse
    from reporter.output.reading import open_output

    here(UNTAGGED_GROUPS, [group("sg-1") | {"Note": "then"}, group("sg-gone")], at=LAST_WEEK)
    here(EVERY_GROUP, [group("sg-1") | {"Note": "now"}], at=TODAY)
    _, inventory = read_audit(open_output(tmp_path), [parse("note=Note")])
    assert list(inventory.groups["note"]) == ["now"]


# Interfaces and instances.


def test_an_interface_is_on_the_groups_of_its_newest_record_and_gone_where_that_says_so(
    here: Put, tmp_path: Path
) -> None:
    a, b = group("sg-a"), group("sg-b")
    here(EVERY_GROUP, [a, b])
    here(UNTAGGED_INTERFACES, [interface("eni-1", a), interface("eni-gone", a)], at=LAST_WEEK)
    here(EVERY_INTERFACE, [interface("eni-1", b)])
    assert attached(tmp_path) == {"sg-a": (), "sg-b": ("eni-1",)}
    assert [row["interface_id"] for row in rows(read(tmp_path), "attachments")] == ["eni-1"]
    # The policy's own table says what it found, but for what is gone.
    assert [row["NetworkInterfaceId"] for row in rows(read(tmp_path), "eni-untagged")] == ["eni-1"]


def test_an_interface_that_was_moved_since_all_were_listed(here: Put, tmp_path: Path) -> None:
    a, b = group("sg-a"), group("sg-b")
    here(EVERY_GROUP, [a, b])
    here(EVERY_INTERFACE, [interface("eni-1", a), interface("eni-2", a)], at=LAST_WEEK)
    here(UNTAGGED_INTERFACES, [interface("eni-1", b), interface("eni-new", b)])
    assert attached(tmp_path) == {"sg-a": ("eni-2",), "sg-b": ("eni-1", "eni-new")}


def test_an_instance_is_as_in_its_newest_record_and_gone_where_that_says_so(
    here: Put, tmp_path: Path
) -> None:
    a, b = group("sg-a"), group("sg-b")
    here(EVERY_GROUP, [a, b])
    here(EVERY_INTERFACE, [])
    here(UNTAGGED_INSTANCES, [instance("i-1", a), instance("i-gone", a)], at=LAST_WEEK)
    here(EVERY_INSTANCE, [instance("i-1", b, state="stopped", name="box")])
    found = groups(read(tmp_path))
    assert (found["sg-a"]["in_use"], found["sg-a"]["attached_resources"]) == (False, ())
    assert (found["sg-b"]["attached_resources"], found["sg-b"]["instances"]) == (("i-1",), ("box (stopped)",))


def test_an_instance_that_ended_since_carries_nothing_whatever_older_lists_say(
    here: Put, tmp_path: Path
) -> None:
    web = group("sg-1", "default")
    here(EVERY_GROUP, [web])
    here(EVERY_INTERFACE, [])
    here(EVERY_INSTANCE, [instance("i-1", web)], at=LAST_WEEK)
    here(UNTAGGED_INSTANCES, [instance("i-1", web, state="terminated")])
    assert groups(read(tmp_path))["sg-1"]["risk"] == "low"


@pytest.mark.parametrize(
    ("interfaces", "instances", "on_a", "on_b"),
    [
        (LAST_WEEK, TODAY, ("eni-3",), ("eni-1", "eni-2", "i-1")),
        (TODAY, LAST_WEEK, ("eni-1", "eni-3", "i-1"), ()),
    ],
    ids=["newer than the list of interfaces", "older"],
)
def test_the_interfaces_in_an_instances_record_are_of_its_time(
    here: Put, tmp_path: Path, interfaces: float, instances: float, on_a: tuple[str], on_b: tuple[str]
) -> None:
    a, b = group("sg-a"), group("sg-b")
    here(EVERY_GROUP, [a, b])
    here(
        EVERY_INTERFACE,
        [interface("eni-1", a, instance="i-1"), interface("eni-3", a)],
        at=interfaces,
    )
    nics = [interface("eni-1", b), interface("eni-2", b)]
    here(EVERY_INSTANCE, [instance("i-1", interfaces=nics)], at=instances)
    assert attached(tmp_path) == {"sg-a": on_a, "sg-b": on_b}


def test_a_group_that_is_gone_is_on_nothing(here: Put, tmp_path: Path) -> None:
    kept, gone, others = group("sg-1"), group("sg-gone"), group("sg-9", owner="beta")
    here(EVERY_GROUP, [kept])
    own = interface("eni-1", kept, gone)
    here(EVERY_INTERFACE, [own, interface("eni-2", others, owner="beta")], at=LAST_WEEK)
    here(EVERY_INSTANCE, [instance("i-1", gone)], at=LAST_WEEK)
    found = {(row["security_group_id"], row["interface_id"]) for row in rows(read(tmp_path), "attachments")}
    # Another account's interface may be on a group that this account does not see.
    assert found == {("sg-1", "eni-1"), ("sg-9", "eni-2")}


def test_an_instance_that_is_gone_carries_no_interface(here: Put, tmp_path: Path) -> None:
    web = group("sg-1", "default")
    here(EVERY_GROUP, [web])
    here(EVERY_INTERFACE, [interface("eni-1", web, instance="i-gone")], at=LAST_WEEK)
    here(EVERY_INSTANCE, [])
    row = groups(read(tmp_path))["sg-1"]
    assert (row["attached_resources"], row["instances"], row["risk"]) == (("eni-1",), (), "none")


def test_other_resources_that_a_newer_list_of_all_lacks_are_gone_too(here: Put, tmp_path: Path) -> None:
    here({"name": "volumes", "resource": "ebs"}, [{"VolumeId": "vol-1", "Size": 8}])
    old = [{"VolumeId": "vol-1", "Size": 1}, {"VolumeId": "vol-gone", "Size": 1}]
    here({"name": "small", "resource": "ebs", "filters": [{"Size": 1}]}, old, at=LAST_WEEK)
    found = read(tmp_path)
    assert [(row["VolumeId"], row["Size"]) for row in rows(found, "small")] == [("vol-1", 1)]
    assert [(row["VolumeId"], row["Size"]) for row in rows(found, "volumes")] == [("vol-1", 8)]


# What a list says is told by its own metadata.


def test_whether_a_list_has_all_is_judged_account_by_account(tmp_path: Path) -> None:
    """The policy got a filter in one account: there it says of nothing that it is not there."""
    web = group("sg-1")
    for name, account_id in (("one", ONE), ("two", TWO)):
        put(tmp_path / name / US, EVERY_GROUP, [web | {"OwnerId": account_id}], account_id=account_id)
    put(tmp_path / "one" / US, EVERY_INTERFACE, [], account_id=ONE)
    put(tmp_path / "two" / US, EVERY_INTERFACE | {"filters": [{"Status": "in-use"}]}, [], account_id=TWO)
    found = read(tmp_path)
    assert [(row["account_profile"], row["in_use"]) for row in rows(found, "security_groups")] == [
        ("one", False),
        ("two", None),
    ]
    assert gaps(found) == []


@pytest.mark.parametrize("newer", ["one", "two"])
def test_a_policy_may_be_a_finding_here_and_a_list_of_all_groups_there(tmp_path: Path, newer: str) -> None:
    filtered = EVERY_GROUP | {"filters": [{"GroupName": "open"}]}
    at = {newer: TODAY}
    put(tmp_path / "one" / US, EVERY_GROUP, [group("sg-1")], at=at.get("one", LAST_WEEK))
    put(tmp_path / "one" / US, UNTAGGED_GROUPS, [group("sg-old")], at=LAST_WEEK - 1)
    theirs = [group("sg-2", "open", "beta")]
    put(tmp_path / "two" / US, filtered, theirs, at=at.get("two", LAST_WEEK), account_id=TWO)
    put(
        tmp_path / "two" / US,
        UNTAGGED_GROUPS,
        [group("sg-3", owner="beta")],
        at=LAST_WEEK - 1,
        account_id=TWO,
    )
    found = read(tmp_path)
    assert groups(found).keys() == {"sg-1", "sg-2", "sg-3"}
    [name] = [policy.name for policy in found.output.policies if policy.filtered and "all" in policy.name]
    assert [row["security_group_id"] for row in rows(found, name)] == ["sg-2"]
    assert not found.output.lists_all_groups
    assert gaps(found) == []


EVENT = {"type": "cloudtrail", "events": ["CreateNetworkInterface"], "role": "x"}


@pytest.mark.parametrize(
    ("mode", "dryrun", "in_use"),
    [
        (EVENT, False, None),
        ({"type": "config-rule", "role": "x"}, False, None),
        ({"type": "ec2-instance-state", "events": ["running"]}, None, None),
        ({"type": "periodic", "schedule": "rate(1 day)"}, False, False),
        ({"type": "schedule", "schedule": "rate(1 day)"}, False, False),
        ({"type": "config-poll-rule", "schedule": "One_Hour"}, False, False),
        ({"type": "pull"}, False, False),
        (EVENT, True, False),  # with --dryrun Custodian looks at everything
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else None,
)
def test_in_an_event_mode_a_list_has_what_the_event_named(
    here: Put, tmp_path: Path, mode: dict[str, Any], dryrun: bool | None, in_use: bool | None
) -> None:
    here(EVERY_GROUP, [group("sg-1", ssh_from=WORLD)])
    here(EVERY_INTERFACE | {"mode": mode}, [interface("eni-9", group("sg-9"))], dryrun=dryrun)
    row = groups(read(tmp_path))["sg-1"]
    assert (row["in_use"], row["risk"]) == (in_use, "critical" if in_use is None else "medium")


@pytest.mark.parametrize(
    ("source", "in_use"), [(None, False), ("describe", False), ("config", None), ("inventory", None)]
)
def test_what_aws_config_recorded_is_not_all_there_is(
    here: Put, tmp_path: Path, source: str | None, in_use: bool | None
) -> None:
    """Nor in a run of ours, whose run.json says so before anything is run."""
    interfaces = EVERY_INTERFACE | ({"source": source} if source else {})
    here(EVERY_GROUP, [group("sg-1", ssh_from=WORLD)])
    here(interfaces, [])
    row = groups(read(tmp_path))["sg-1"]
    assert (row["in_use"], row["risk"]) == (in_use, "critical" if in_use is None else "medium")
    assert policies.planned(interfaces).lists_all is (in_use is False)


def test_what_no_event_named_is_not_known_to_be_no_finding(here: Put, tmp_path: Path) -> None:
    here(EVERY_GROUP, [group("sg-1"), group("sg-2")])
    rdp = {"name": "rdp", "resource": "security-group", "filters": [{"type": "ingress"}], "mode": EVENT}
    here(rdp | {"metadata": {"report": {"column": "has_rdp", "tab": "rdp"}}}, [group("sg-1")])
    put(tmp_path / "prod" / EU, EVERY_GROUP, [group("sg-3")], region=EU)
    found = read(tmp_path)
    assert {group_id: row["has_rdp"] for group_id, row in groups(found).items()} == {
        "sg-1": True,
        "sg-2": None,
        "sg-3": None,
    }
    assert [row["security_group_id"] for row in rows(found, "rdp")] == ["sg-1"]
    assert gaps(found) == []


# Where it lies.


def test_the_hours_of_s3_make_lists_of_different_times(tmp_path: Path) -> None:
    """A copy of a bucket: each policy's newest hour counts, and that of one is older than that of the other."""

    def hour(policy: dict[str, Any], when: str, at: float, found: Iterable[Any]) -> None:
        folder = put(tmp_path / "new", policy, found, at=at)
        into = tmp_path / "bucket" / "prod" / US / policy["name"] / when
        into.mkdir(parents=True)
        for path in folder.iterdir():
            (into / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))

    hour(EVERY_GROUP, "2025/11/22/00", LAST_WEEK - 86_400, [group("sg-1"), group("sg-3")])
    hour(EVERY_GROUP, "2025/11/30/00", TODAY, [group("sg-1", ssh_from=WORLD)])
    hour(UNTAGGED_GROUPS, "2025/11/23/00", LAST_WEEK, [group("sg-1"), group("sg-2")])
    found = groups(read(tmp_path / "bucket"))
    assert {group_id: row["ssh_rules"] for group_id, row in found.items()} == {"sg-1": ("0.0.0.0/0 -> 22",)}


@pytest.mark.parametrize(("own", "hours"), [(TODAY, LAST_WEEK), (LAST_WEEK, TODAY)], ids=["own", "hours"])
def test_a_run_into_a_copy_of_a_bucket_is_as_new_as_it_is(tmp_path: Path, own: float, hours: float) -> None:
    """Files of an hour are not newer than those beside them for being of an hour."""
    sources = {LAST_WEEK: "", TODAY: WORLD}
    put(tmp_path / "prod" / US, EVERY_GROUP, [group("sg-1", ssh_from=sources[own])], at=own)
    old = put(tmp_path / "new", EVERY_GROUP, [group("sg-1", ssh_from=sources[hours])], at=hours)
    hour = tmp_path / "prod" / US / "sg-all" / "2025/11/23/00"
    hour.parent.mkdir(parents=True)
    old.rename(hour)
    (tmp_path / "new").rmdir()
    assert groups(read(tmp_path))["sg-1"]["ssh_rules"] == ("0.0.0.0/0 -> 22",)


HERE = ("alpha", US)


def test_a_run_that_was_taken_up_again_has_cells_of_two_times(tmp_path: Path) -> None:
    """The first try read a finding of groups and the interfaces, the second the groups."""
    closed, opened, gone = group("sg-1"), group("sg-1", ssh_from=WORLD), group("sg-gone", ssh_from=WORLD)
    cells = unit([opened], [interface("eni-1", gone)], sg_ssh_open=[gone], sg_ssh_world=[closed])
    write(tmp_path, {HERE: cells})
    content = json.loads((tmp_path / "run.json").read_text())
    for cell in content["cells"]:
        cell["started"] = TODAY if cell["policy"] == "sg-inventory" else LAST_WEEK
    (tmp_path / "run.json").write_text(json.dumps(content))
    found = groups_of_run(tmp_path)
    assert found.keys() == {"sg-1"}
    assert found["sg-1"]["ssh_rules"] == ("0.0.0.0/0 -> 22",)
    # Without the times, as older versions wrote it, nothing is older than anything.
    for cell in content["cells"]:
        del cell["started"]
    (tmp_path / "run.json").write_text(json.dumps(content))
    assert groups_of_run(tmp_path).keys() == {"sg-1", "sg-gone"}


# Several accounts.


def shared_vpc(place: Path, owners: float, others: float, seen_by_owner: Any, seen_by_other: Any) -> None:
    """Account one is alpha, the owner, and account two sees something of its."""
    for name, account_id, at, (found, carried) in (
        ("one", ONE, owners, seen_by_owner),
        ("two", TWO, others, seen_by_other),
    ):
        put(place / name / US, EVERY_GROUP, found, at=at, account_id=account_id)
        put(place / name / US, EVERY_INTERFACE, carried, at=at, account_id=account_id)


@pytest.mark.parametrize(
    ("owners", "others", "rules"),
    [(TODAY, LAST_WEEK, ()), (LAST_WEEK, TODAY, ("0.0.0.0/0 -> 22",))],
    ids=["owner's", "other's"],
)
def test_of_two_accounts_records_of_a_group_the_newer_counts_under_the_owner(
    tmp_path: Path, owners: float, others: float, rules: tuple[str, ...]
) -> None:
    closed, opened = group("sg-1"), group("sg-1", ssh_from=WORLD)
    shared_vpc(tmp_path, owners, others, ([closed], []), ([opened], []))
    [row] = rows(read(tmp_path), "security_groups")
    assert (row["account_profile"], row["ssh_rules"]) == ("one", rules)


@pytest.mark.parametrize(
    ("owners", "there"), [(TODAY, []), (LAST_WEEK - 1, ["sg-1"])], ids=["since", "before"]
)
def test_a_group_that_its_owners_newer_list_lacks_is_gone_also_where_another_saw_it(
    tmp_path: Path, owners: float, there: list[str]
) -> None:
    shared_vpc(tmp_path, owners, LAST_WEEK, ([], []), ([group("sg-1")], []))
    assert list(groups(read(tmp_path))) == there


@pytest.mark.parametrize(
    ("owners", "others", "on_a", "on_b"),
    [(TODAY, LAST_WEEK, ("eni-1",), ()), (LAST_WEEK, TODAY, ("eni-3",), ("eni-1",))],
    ids=["VPC owner's", "interface owner's"],
)
def test_of_two_accounts_records_of_an_interface_the_newer_counts(
    tmp_path: Path, owners: float, others: float, on_a: tuple[str, ...], on_b: tuple[str, ...]
) -> None:
    """eni-1 is account two's, in account one's VPC; eni-2 was, until account two listed its own without it."""
    a, b = group("sg-a"), group("sg-b")
    theirs = [interface("eni-1", a, owner="beta")]
    own = [interface("eni-3", a)] if owners < others else []
    seen = [*theirs, *own] + ([interface("eni-2", a, owner="beta")] if owners < others else [])
    shared_vpc(tmp_path, owners, others, ([a, b], seen), ([], [interface("eni-1", b, owner="beta")]))
    assert attached(tmp_path) == {"sg-a": on_a, "sg-b": on_b}


def test_two_entries_of_one_account_in_a_run_agree(tmp_path: Path) -> None:
    """c7n-org takes an account twice, for two roles; what the later try saw is what there is."""
    units = {
        HERE: unit([group("sg-1"), group("sg-gone")]),
        ("beta", US): unit([group("sg-1", ssh_from=WORLD)]),
    }
    write(tmp_path, units)
    content = json.loads(
        (tmp_path / "run.json").read_text().replace(ACCOUNT_IDS["beta"], ACCOUNT_IDS["alpha"])
    )
    for cell in content["cells"]:
        cell["started"] = TODAY if cell["account"] == "beta" else LAST_WEEK
    (tmp_path / "run.json").write_text(json.dumps(content))
    found = groups_of_run(tmp_path)
    assert {group_id: row["ssh_rules"] for group_id, row in found.items()} == {"sg-1": ("0.0.0.0/0 -> 22",)}
    assert len(audit(tmp_path).cells) == 2 * len(POLICIES)
