"""Which cells a stock run should have: output written by hand, of policies that differ from account to account."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reporter.errors import InputError
from reporter.output.reading import open_output
from reporter.report.read_shares import Read, regions_read
from tests.rundir import WORLD, group, interface, unit, write
from tests.stockdir import (
    EU,
    EVERY_GROUP,
    EVERY_INTERFACE,
    LAST_WEEK,
    ONE,
    TODAY,
    TWO,
    US,
    gaps,
    groups,
    put,
    read,
    rows,
)

SgAudit = Callable[..., "subprocess.CompletedProcess[str]"]
TOPICS = {"name": "topics", "resource": "sns"}
USERS = {"name": "users", "resource": "iam-user"}


def two_accounts_in_two_regions(place: Path, policy: dict[str, Any]) -> None:
    """All groups in both regions of both accounts, and the policy in one's eu-west-1 alone."""
    for name, account_id in (("one", ONE), ("two", TWO)):
        for region in (US, EU):
            put(place / name / region, EVERY_GROUP, [], account_id=account_id, region=region)
    put(place / "one" / EU, policy, [], region=EU)


ELSEWHERE = [
    ("one", US, "topics", "NotThere"),
    ("two", US, "topics", "NotThere"),
    ("two", EU, "topics", "NotThere"),
]
IN_TWO = [("two", EU, "topics", "NotThere")]


@pytest.mark.parametrize(
    ("more", "missing"),
    [
        ({}, ELSEWHERE),
        ({"region": EU}, IN_TWO),
        ({"conditions": [{"region": EU}]}, IN_TWO),
        (
            {"conditions": [{"type": "value", "key": "region", "op": "in", "value": [EU, "eu-west-2"]}]},
            IN_TWO,
        ),
        ({"conditions": [{"region": EU}, {"account_id": ONE}]}, []),
        ({"conditions": [{"not": [{"region": US}]}]}, IN_TWO),
        ({"conditions": [{"or": [{"region": US}, {"region": EU}]}]}, ELSEWHERE),
        ({"conditions": [{"type": "value", "key": "account.name", "value": "one"}]}, []),
        ({"conditions": [{"type": "value", "key": "now", "op": "gte", "value": "2025-01-01"}]}, []),
        ({"start": "2025-01-01"}, []),
        ({"end": "2030-01-01"}, []),
    ],
    ids=[
        *(
            "everywhere",
            "region",
            "condition",
            "one of",
            "one account",
            "not there",
            "either",
            "of the account",
        ),
        *("time", "start", "end"),
    ],
)
def test_where_a_policy_itself_says_no_or_may_have_it_is_no_gap(
    tmp_path: Path, more: dict[str, Any], missing: list[Any]
) -> None:
    two_accounts_in_two_regions(tmp_path, TOPICS | more)
    assert sorted(gaps(read(tmp_path))) == sorted(missing)


def test_a_policys_region_is_that_of_the_accounts_own_text(tmp_path: Path) -> None:
    two_accounts_in_two_regions(tmp_path, TOPICS | {"region": EU})
    put(tmp_path / "two" / US, TOPICS | {"region": US}, [], account_id=TWO)
    assert gaps(read(tmp_path)) == []


def test_groups_of_a_region_that_a_policy_leaves_out_are_not_on_its_tab(tmp_path: Path) -> None:
    rdp = {"name": "rdp", "resource": "security-group", "filters": [{"type": "ingress"}], "region": EU}
    rdp |= {"metadata": {"report": {"tab": "rdp", "column": "has_rdp"}}}
    put(tmp_path / "one" / US, EVERY_GROUP, [group("sg-us")])
    put(tmp_path / "one" / EU, EVERY_GROUP, [group("sg-eu"), group("sg-eu-2")], region=EU)
    put(tmp_path / "one" / EU, rdp, [group("sg-eu")], region=EU)
    found = read(tmp_path)
    assert [row["security_group_id"] for row in rows(found, "rdp")] == ["sg-eu"]
    assert {name: row["has_rdp"] for name, row in groups(found).items()} == {
        "sg-us": None,  # nobody asked
        "sg-eu": True,
        "sg-eu-2": False,
    }


def test_the_command_line_fails_on_what_it_found_and_not_on_what_was_left_out(
    sg_audit: SgAudit, tmp_path: Path
) -> None:
    two_accounts_in_two_regions(tmp_path / "out", TOPICS | {"region": EU})
    shutil.rmtree(tmp_path / "out" / "two")
    put(tmp_path / "out" / "one" / US, EVERY_GROUP, [group("sg-1", ssh_from=WORLD)])
    for region in (US, EU):
        put(
            tmp_path / "out" / "one" / region,
            EVERY_INTERFACE,
            [interface("eni-1", group("sg-1"))],
            region=region,
        )
    done = sg_audit("report", "-s", tmp_path / "out", "-o", tmp_path / "reports", "--fail-on", "critical")
    assert done.returncode == 1, done.stderr


# Other clouds, and what is global.


@pytest.mark.parametrize(("cloud", "kind"), [("azure", "azure.vm"), ("gcp", "gcp.instance")])
def test_another_clouds_output_beside_makes_no_gaps(tmp_path: Path, cloud: str, kind: str) -> None:
    put(tmp_path / "prod" / US, EVERY_GROUP, [group("sg-1")])
    for name in ("first", "second"):
        put(
            tmp_path / f"{cloud}-{name}" / "global",
            {"name": "machines", "resource": kind},
            [{"id": f"/{name}", "name": name}],
            account_id=f"0000-{name}",
            region="global",
        )
    found = read(tmp_path)
    assert gaps(found) == []
    # The region that another cloud calls global is one.
    assert found.output.extent.startswith("3 accounts, 2 regions, ")
    assert regions_read(found.cells) == Read(planned=3, read=3)
    assert [row["account_profile"] for row in rows(found, "machines")] == [
        f"{cloud}-first",
        f"{cloud}-second",
    ]
    # But one of its own that is missing is one.
    shutil.rmtree(tmp_path / f"{cloud}-second" / "global" / "machines")
    put(
        tmp_path / f"{cloud}-second" / "global",
        {"name": "disks", "resource": f"{cloud}.disk"},
        [],
        account_id="0000-second",
        region="global",
    )
    assert gaps(read(tmp_path)) == [
        (f"{cloud}-first", "global", "disks", "NotThere"),
        (f"{cloud}-second", "global", "machines", "NotThere"),
    ]


@pytest.mark.parametrize(
    ("policy", "first", "second"),
    [
        (USERS, {"UserName": "ann", "Arn": "arn:aws:iam::1:user/ann"}, {"UserName": "bo", "Arn": "arn:bo"}),
        ({"name": "buckets", "resource": "s3"}, {"Name": "ann"}, {"Name": "bo"}),
    ],
    ids=["users", "buckets"],
)
def test_what_is_the_same_in_every_region_is_listed_once_by_the_newest_answer(
    tmp_path: Path, policy: dict[str, Any], first: dict[str, Any], second: dict[str, Any]
) -> None:
    """c7n-org asks in each region; what was deleted before the newest answer is gone."""
    put(tmp_path / "prod" / US, policy, [first, second], at=LAST_WEEK)
    put(tmp_path / "prod" / EU, policy, [first], region=EU, at=TODAY)
    put(tmp_path / "dev" / US, policy, [first], account_id=TWO)
    put(tmp_path / "dev" / EU, TOPICS, [], account_id=TWO, region=EU)
    found = read(tmp_path)
    assert [(row["account_profile"], row["region"]) for row in rows(found, str(policy["name"]))] == [
        ("dev", US),
        ("prod", EU),
    ]
    # One region's answer is enough; topics are each region's own.
    assert sorted(gaps(found)) == [
        ("dev", US, "topics", "NotThere"),
        ("prod", EU, "topics", "NotThere"),
        ("prod", US, "topics", "NotThere"),
    ]


def test_a_setting_of_the_account_may_differ_by_region(tmp_path: Path) -> None:
    policy = {"name": "no-config", "resource": "account", "filters": ["check-config"]}
    for region in (US, EU):
        put(tmp_path / "prod" / region, policy, [{"account_id": ONE}], region=region)
    assert [row["region"] for row in rows(read(tmp_path), "no-config")] == [EU, US]


# One name, two policies.


def test_one_name_on_two_resource_types_is_read_by_each_ones_own(tmp_path: Path) -> None:
    policy = {"name": "all", "resource": "security-group"}
    put(tmp_path / "one" / US, policy, [group("sg-1", ssh_from=WORLD)])
    put(
        tmp_path / "two" / US,
        policy | {"resource": "aws.eni"},
        [interface("eni-1", group("sg-1"))],
        account_id=TWO,
    )
    found = read(tmp_path)
    assert groups(found)["sg-1"]["attached_resources"] == ("eni-1", "unknown")
    assert gaps(found) == []
    assert {(policy.name, policy.resource) for policy in found.output.policies} == {
        ("all (security-group)", "aws.security-group"),
        ("all (eni)", "aws.eni"),
    }
    chosen = open_output(tmp_path).only(["all"], [])
    assert len(chosen.policies) == 2
    with pytest.raises(InputError, match=r"^-p every: not in the output; there are all, all \(eni\), "):
        open_output(tmp_path).only(["every"], [])


def test_one_name_on_two_resource_types_in_one_place_is_two_policies(tmp_path: Path) -> None:
    """As two files of policies do it that `custodian run` was given folders of their own for."""
    policy = {"name": "unused", "filters": ["unused"]}
    put(tmp_path / "a", policy | {"resource": "ebs"}, [{"VolumeId": "vol-1"}])
    put(tmp_path / "b", policy | {"resource": "sns"}, [{"TopicArn": "arn:1"}], at=LAST_WEEK)
    found = read(tmp_path)
    assert [row["VolumeId"] for row in rows(found, "unused (ebs)")] == ["vol-1"]
    assert [row["TopicArn"] for row in rows(found, "unused (sns)")] == ["arn:1"]
    assert gaps(found) == []


def test_one_name_that_fills_two_columns_is_two_policies(tmp_path: Path) -> None:
    """In one account it asks for RDP by now, in the other it asked for databases still."""
    policy = {"name": "world", "resource": "security-group", "filters": [{"type": "ingress"}]}
    for name, account_id, column, at in (("one", ONE, "has_rdp", TODAY), ("two", TWO, "has_db", LAST_WEEK)):
        own = group(f"sg-{name}", owner="alpha" if account_id == ONE else "beta")
        put(tmp_path / name / US, EVERY_GROUP, [own], account_id=account_id)
        report = {"metadata": {"report": {"column": column}}}
        put(tmp_path / name / US, policy | report, [own], account_id=account_id, at=at)
    found = read(tmp_path)
    assert {name: (row["has_rdp"], row["has_db"]) for name, row in groups(found).items()} == {
        "sg-one": (True, None),
        "sg-two": (None, True),
    }
    assert {policy.name for policy in found.output.policies} == {"sg-all", "world", "world (2)"}
    assert gaps(found) == []


def test_an_older_text_that_names_no_column_fills_that_of_the_newest(tmp_path: Path) -> None:
    policy = {"name": "rdp", "resource": "security-group", "filters": [{"type": "ingress"}]}
    report = {"metadata": {"report": {"column": "has_rdp"}}}
    put(tmp_path / "one" / US, policy, [group("sg-1")], at=LAST_WEEK)
    put(tmp_path / "two" / US, policy | report, [group("sg-2", owner="beta")], account_id=TWO)
    found = groups(read(tmp_path))
    assert (found["sg-1"]["has_rdp"], found["sg-2"]["has_rdp"]) == (True, True)


# What is not Custodian's, or in the wrong place.


@pytest.mark.parametrize(
    "content",
    [
        {"policy": {"name": "other", "resource": "ebs"}, "config": {"region": EU, "account_id": TWO}},
        {"policy": {"name": "x"}},
        {"name": "a bucket's own"},
        [],
    ],
    ids=["a policy's", "hardly one", "another's", "no map"],
)
@pytest.mark.parametrize("where", ["", "prod", f"prod/{US}"])
def test_metadata_above_the_policies_folders_makes_no_gaps(tmp_path: Path, where: str, content: Any) -> None:
    put(tmp_path / "prod" / US, EVERY_GROUP, [group("sg-1")])
    put(tmp_path / "prod" / EU, EVERY_GROUP, [], region=EU)
    (tmp_path / where / "metadata.json").write_text(json.dumps(content))
    (tmp_path / where / "custodian-run.log").write_text("of all policies")
    found = read(tmp_path)
    assert gaps(found) == []
    assert len(found.cells) == 2


def test_with_resources_beside_it_it_counts_but_says_nothing_of_what_else_should_be_there(
    tmp_path: Path,
) -> None:
    put(tmp_path / "prod" / US, EVERY_GROUP, [group("sg-1")])
    for path in put(
        tmp_path / "x", {"name": "volumes", "resource": "ebs"}, [{"VolumeId": "vol-1"}], region=EU
    ).iterdir():
        path.rename(tmp_path / path.name)
    found = read(tmp_path)
    assert gaps(found) == []
    assert [row["VolumeId"] for row in rows(found, "volumes")] == ["vol-1"]


def test_the_folder_of_one_policy_is_an_output_too(tmp_path: Path) -> None:
    found = read(put(tmp_path, EVERY_GROUP, [group("sg-1")]))
    assert list(groups(found)) == ["sg-1"]


def test_what_waits_for_events_plans_nothing(tmp_path: Path) -> None:
    """It leaves a folder where there was an event; where nothing else ran, nothing is missing."""
    put(tmp_path / "prod" / US, EVERY_GROUP, [group("sg-1")])
    event = {"mode": {"type": "cloudtrail", "events": ["RunInstances"]}}
    put(tmp_path / "prod" / EU, {"name": "launched", "resource": "ec2"} | event, [], region=EU)
    put(tmp_path / "dev" / US, EVERY_GROUP, [], account_id=TWO)
    assert gaps(read(tmp_path)) == []


FOREIGN = ['{"version": 2, "steps": []}', "[]", "not JSON", "", '{"tool": "another", "cells": 3}']


@pytest.mark.parametrize("content", FOREIGN)
@pytest.mark.parametrize("where", ["", "prod", "notes"])
def test_a_foreign_run_json_is_passed_over_and_told(
    tmp_path: Path, where: str, content: str, sg_audit: SgAudit
) -> None:
    put(tmp_path / "out" / "prod" / US, EVERY_GROUP, [group("sg-1")])
    (tmp_path / "out" / where).mkdir(exist_ok=True)
    (tmp_path / "out" / where / "run.json").write_text(content)
    output = open_output(tmp_path / "out")
    assert output.kind == "the output of stock c7n-org"
    note = f"{tmp_path / 'out' / where / 'run.json'}: not a manifest of sg-audit"
    assert output.notes == (note,)
    if content == FOREIGN[0]:
        done = sg_audit("report", "-s", tmp_path / "out", "-o", tmp_path / "reports")
        assert done.returncode == 0
        assert f"left out: {note}" in done.stderr.splitlines()


def test_one_beside_runs_of_ours_too(tmp_path: Path) -> None:
    run = tmp_path / "20261123T210355Z"
    run.mkdir()
    write(run, {("alpha", US): unit([group("sg-1")])})
    (tmp_path / "run.json").write_text("{}")
    assert open_output(tmp_path).kind == "a run of sg-audit"


@pytest.mark.parametrize("where", ["", "20261123T210355Z"])
def test_a_damaged_one_of_ours_is_not_passed_over(tmp_path: Path, where: str) -> None:
    """Custodian's own files lie beside it, but what was planned and not read is told by run.json alone."""
    run = tmp_path / where
    run.mkdir(exist_ok=True)
    write(run, {("alpha", US): unit([group("sg-1")])})
    put(run / "alpha" / US, EVERY_GROUP, [group("sg-1")])
    whole = (run / "run.json").read_text()
    for damaged in (whole[:100], whole.replace('"cells"', '"sells"')):
        (run / "run.json").write_text(damaged)
        with pytest.raises(InputError, match=r"run\.json: not a manifest of sg-audit: "):
            open_output(tmp_path)


def test_a_foreign_one_alone_is_told(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(InputError, match=r"run\.json: not a manifest of sg-audit: "):
        open_output(tmp_path)
