"""Findings as events of OCSF, held against the official schema."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from reporter import __version__
from tests.rundir import ACCOUNT_IDS, DENIED, WORLD, group, unit, write

from . import finding_runs, page_runs
from .finding_runs import CHINA, CHINESE, EAST, GOV, IDLE, MAYBE, OLD, SHUT, WEB, events, policies, report

ALPHA, BETA = f"111111111111/{EAST}", f"222222222222/{EAST}"
# 2026-11-25T21:03:55Z, and the midnights at which the days of the two runs begin.
READ, FIRST, SECOND = 1_795_640_635_000, 1_794_960_000_000, 1_795_564_800_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ocsf")


@pytest.fixture(scope="module")
def runs(folder: Path) -> Path:
    return finding_runs.write_runs(folder / "runs")


@pytest.fixture(scope="module")
def place(runs: Path, folder: Path) -> Path:
    """The report of the newer run."""
    place = folder / "reports"
    printed, _ = report(runs, place, "-f", "ocsf", "-w", str(finding_runs.waivers(folder)))
    assert printed == [str(place / "sg_ocsf.jsonl")]
    return place


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    """The class as its schema has it: with no attribute beyond those that it knows."""
    made = OcsfJsonSchemaEmbedded(get_ocsf_schema("1.3.0")).get_class_schema("compliance_finding", ["cloud"])
    return Draft202012Validator(made)


def test_an_event_says_what_was_found_and_what_to_do(place: Path) -> None:
    event = dict(events(place)[f"{ALPHA}/sg-ssh-world/{WEB}"])
    metadata = event.pop("metadata")
    assert metadata == {
        "version": "1.3.0",
        "profiles": ["cloud"],
        "product": {"name": "c7n-sg-audit", "vendor_name": "c7n-sg-audit", "version": __version__},
        "uid": metadata["uid"],
    }
    assert event == {
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2003,
        "class_name": "Compliance Finding",
        "activity_id": 2,
        "activity_name": "Update",
        "type_uid": 200302,
        "type_name": "Compliance Finding: Update",
        "time": READ,
        "severity_id": 5,
        "severity": "Critical",
        "status_id": 1,
        "status": "New",
        "message": "SSH open to the world: web",
        "cloud": {
            "provider": "AWS",
            "region": "us-east-1",
            "account": {"uid": "111111111111", "name": "alpha", "type_id": 10, "type": "AWS Account"},
        },
        "compliance": {
            "control": "sg-ssh-world",
            "standards": ["CIS AWS Foundations Benchmark v5.0.0"],
            "requirements": ["SecurityHub.EC2.13", "CIS AWS Foundations Benchmark v5.0.0/5.3"],
            "status_id": 3,
            "status": "Fail",
        },
        "finding_info": {
            "uid": f"c7n-sg-audit/111111111111/us-east-1/sg-ssh-world/{WEB}",
            "title": "SSH open to the world: web",
            "desc": f"Policy sg-ssh-world found security group {WEB} (web) in alpha (111111111111), us-east-1: "
            "tcp 22 from 0.0.0.0/0, tcp 22 from sg-0000000000000000e. The internet does not reach it. "
            "Port 22, from anywhere.",
            "analytic": {
                "uid": "sg-ssh-world",
                "name": "SSH open to the world",
                "type_id": 1,
                "type": "Rule",
            },
            "first_seen_time": FIRST,
            "last_seen_time": READ,
            "src_url": f"https://console.aws.amazon.com/ec2/home?region=us-east-1#SecurityGroup:groupId={WEB}",
        },
        "resources": [
            {
                "type": "AWS::EC2::SecurityGroup",
                "uid": f"arn:aws:ec2:us-east-1:111111111111:security-group/{WEB}",
                "name": "web",
                "region": "us-east-1",
                "cloud_partition": "aws",
                "labels": ["app=x", "team=a=web"],
                "data": {
                    "level": "critical",
                    "matched_rules": ["tcp 22 from 0.0.0.0/0", "tcp 22 from sg-0000000000000000e"],
                    "in_use": "yes",
                    "reachable": "no",
                    "vpc_id": "vpc-1",
                },
            }
        ],
        "remediation": {
            "desc": "Remove tcp 22 from 0.0.0.0/0, tcp 22 from sg-0000000000000000e, or let in narrower ranges in "
            "their place (`remedy --to`)",
            "references": [
                "https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-13"
            ],
        },
    }


def in_short(event: Mapping[str, Any]) -> tuple[str, ...]:
    return event["compliance"]["status"], event["activity_name"], event["status"], event["severity"]


def test_each_finding_is_an_event_and_so_is_each_policy_that_was_not_read(place: Path) -> None:
    found = events(place)
    of_world = {name: in_short(event) for name, event in found.items() if "sg-ssh-world" in name}
    assert of_world == {
        f"{ALPHA}/sg-ssh-world/{WEB}": ("Fail", "Update", "New", "Critical"),
        f"{ALPHA}/sg-ssh-world/{IDLE}": ("Fail", "Create", "Suppressed", "Medium"),
        f"{ALPHA}/sg-ssh-world/{SHUT}": ("Pass", "Close", "Resolved", "Informational"),
        f"{ALPHA}/sg-ssh-world/{OLD}": ("Pass", "Close", "Resolved", "Informational"),
        f"222222222222/{CHINA}/sg-ssh-world/{CHINESE}": ("Fail", "Update", "New", "Medium"),
        f"333333333333/{GOV}/sg-ssh-world/{MAYBE}": ("Warning", "Update", "New", "Medium"),
        f"{BETA}/sg-ssh-world": ("Unknown", "Unknown", "Unknown", "Unknown"),
        f"333333333333/{GOV}/sg-ssh-world": ("Unknown", "Unknown", "Unknown", "Unknown"),
    }
    # The lists of interfaces and of instances were not read there either, but they find nothing.
    unread = [name for name, event in found.items() if name.startswith(BETA)]
    assert unread == [
        f"{BETA}/{policy}" for policy in ("sg-default", "sg-ssh-open", "sg-ssh-world", "sg-unused")
    ]
    event = found[f"{BETA}/sg-ssh-world"]
    assert event["compliance"]["status_detail"] == "UnauthorizedOperation: Not allowed."
    assert event["resources"][0]["type"] == "AWS::::Account"
    assert "could not be read in beta (222222222222), us-east-1" in event["finding_info"]["desc"]
    idle = found[f"{ALPHA}/sg-ssh-world/{IDLE}"]
    assert idle["comment"] == "Waived until 2099-01-01: kept (jane)"
    assert idle["finding_info"]["first_seen_time"] == SECOND
    assert found[f"{ALPHA}/sg-ssh-world/{SHUT}"]["compliance"]["status_detail"] == "fixed"
    assert found[f"222222222222/{CHINA}/sg-ssh-world/{CHINESE}"]["resources"][0]["uid"] == (
        f"arn:aws-cn:ec2:{CHINA}:222222222222:security-group/{CHINESE}"
    )


def test_events_are_as_the_official_schema_has_them(place: Path, schema: Draft202012Validator) -> None:
    check(place, schema)


def check(place: Path, schema: Draft202012Validator) -> None:
    found = events(place)
    for event in found.values():
        assert [error.message for error in schema.iter_errors(event)] == []
    assert len({event["metadata"]["uid"] for event in found.values()}) == len(found)


def test_the_schema_takes_not_just_anything(place: Path, schema: Draft202012Validator) -> None:
    event = next(iter(events(place).values()))
    for wrong in (
        {"severity": 5},
        {"time": "2026-11-25T21:03:55Z"},
        {"compliance": {"status_id": 3}},
        {"is_odd": True},
    ):
        assert list(schema.iter_errors({**event, **wrong})), wrong


def test_names_that_mean_harm_and_odd_places_stay_values(
    tmp_path: Path, schema: Draft202012Validator, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(page_runs.write_runs(tmp_path / "runs"), tmp_path, "-f", "ocsf")
    check(tmp_path, schema)
    monkeypatch.setitem(ACCOUNT_IDS, "gamma", "")
    units = {
        ("gamma", EAST): unit([group(WEB, "web", "alpha", ssh_from=WORLD)]),
        ("beta", "all"): dict.fromkeys(unit(), DENIED),
        ("alpha", "odd\u202e\nplace"): unit([group(OLD, "a\u2028b\0", ssh_from=WORLD)]),
    }
    report(write(tmp_path / "run", units, policies()), tmp_path, "-f", "ocsf")
    check(tmp_path, schema)
    found = events(tmp_path)
    nameless = found[f"gamma/{EAST}/sg-ssh-world/{WEB}"]
    assert nameless["cloud"]["account"] == {"name": "gamma", "type_id": 10, "type": "AWS Account"}
    nowhere = found["222222222222/all/sg-ssh-world"]
    assert "region" not in nowhere["cloud"]
    assert "region" not in nowhere["resources"][0]


def test_a_report_made_again_is_the_same_and_a_later_run_has_new_events_of_the_same_findings(
    runs: Path, place: Path, folder: Path, tmp_path: Path
) -> None:
    report(runs, tmp_path, "-f", "ocsf", "-w", str(folder / "waivers.yml"))
    again, first = ((each / "sg_ocsf.jsonl").read_bytes() for each in (tmp_path, place))
    assert again == first
    report(runs / "20261118T210355Z", tmp_path, "-f", "ocsf")
    older, newer = events(tmp_path), events(place)
    both = older.keys() & newer.keys()
    assert f"{ALPHA}/sg-ssh-world/{OLD}" in both
    ids = [event["metadata"]["uid"] for found in (older, newer) for event in found.values()]
    assert len(set(ids)) == len(ids)


def test_a_finding_is_new_once_also_of_two_runs_of_a_day_and_an_edited_policy(tmp_path: Path) -> None:
    web = unit([group(WEB, "web", ssh_from=WORLD)])
    activities = []
    for hour, of_run in (("08", policies()), ("12", policies(filters=[{"GroupName": "web"}]))):
        run = tmp_path / "runs" / f"20261118T{hour}0355Z"
        write(run, {("alpha", EAST): web}, of_run, f"2026-11-18T{hour}:03:55+00:00")
        report(tmp_path / "runs", tmp_path, "-f", "ocsf")
        activities.append(events(tmp_path)[f"{ALPHA}/sg-ssh-world/{WEB}"]["activity_name"])
    assert activities == ["Create", "Update"]


def test_what_is_blank_names_nothing(tmp_path: Path) -> None:
    wordy = {"level": "exposed", "title": "Open", "controls": ["/", " ", "CIS/5.3"]}
    units = {("alpha", EAST): unit([group(WEB, " \u00a0", ssh_from=WORLD)])}
    report(write(tmp_path / "run", units, policies(report=wordy)), tmp_path, "-f", "ocsf")
    event = events(tmp_path)[f"{ALPHA}/sg-ssh-world/{WEB}"]
    assert event["message"] == f"Open: {WEB}"
    assert f"found security group {WEB} in alpha" in event["finding_info"]["desc"]
    assert event["compliance"]["standards"] == ["CIS"]


def test_without_findings_there_is_a_file_without_lines(tmp_path: Path) -> None:
    run = write(tmp_path / "run", {("alpha", EAST): unit([])}, policies())
    printed, _ = report(run, tmp_path, "-f", "ocsf")
    assert Path(printed[0]).read_text() == ""
