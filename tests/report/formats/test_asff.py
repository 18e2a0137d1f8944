"""Findings in the AWS Security Finding Format: held against Security Hub's own model, and taken by moto's."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from botocore.validate import ParamValidator

from reporter import __version__
from reporter.report.formats import asff
from tests.rundir import ACCOUNT_IDS, DENIED, WORLD, group, interface, unit, write

from . import finding_runs, page_runs
from .finding_runs import (
    CHINA,
    CHINESE,
    EAST,
    GOV,
    IDLE,
    MAYBE,
    OLD,
    SHUT,
    WEB,
    events,
    findings,
    imports,
    policies,
    report,
)

ALPHA = f"111111111111/{EAST}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("asff")


@pytest.fixture(scope="module")
def runs(folder: Path) -> Path:
    return finding_runs.write_runs(folder / "runs")


@pytest.fixture(scope="module")
def place(runs: Path, folder: Path) -> Path:
    """The report of the newer run."""
    place = folder / "reports"
    printed, said = report(runs, place, "-f", "asff", "-w", str(finding_runs.waivers(folder)))
    assert printed == [str(place / "sg_asff")]
    assert "-f asff" not in said
    return place


def test_a_finding_says_what_was_found_and_what_to_do(place: Path) -> None:
    assert findings(place)[f"{ALPHA}/sg-ssh-world/{WEB}"] == {
        "SchemaVersion": "2018-10-08",
        "Id": f"c7n-sg-audit/111111111111/us-east-1/sg-ssh-world/{WEB}",
        "ProductArn": "arn:aws:securityhub:us-east-1:111111111111:product/111111111111/default",
        "GeneratorId": "sg-ssh-world",
        "AwsAccountId": "111111111111",
        "CreatedAt": "2026-11-18T00:00:00.000Z",
        "UpdatedAt": "2026-11-25T21:03:55.000Z",
        "FirstObservedAt": "2026-11-18T00:00:00.000Z",
        "Title": "SSH open to the world: web",
        "Description": f"Policy sg-ssh-world found security group {WEB} (web) in alpha (111111111111), us-east-1: "
        "tcp 22 from 0.0.0.0/0, tcp 22 from sg-0000000000000000e. The internet does not reach it. "
        "Port 22, from anywhere.",
        "FindingProviderFields": {
            "Severity": {"Label": "CRITICAL", "Original": "critical"},
            "Types": ["Software and Configuration Checks/AWS Security Best Practices/Network Reachability"],
        },
        "Compliance": {
            "Status": "FAILED",
            "RelatedRequirements": ["SecurityHub.EC2.13", "CIS AWS Foundations Benchmark v5.0.0/5.3"],
        },
        "RecordState": "ACTIVE",
        "Remediation": {
            "Recommendation": {
                "Text": "Remove tcp 22 from 0.0.0.0/0, tcp 22 from sg-0000000000000000e, or let in narrower ranges in "
                "their place (`remedy --to`)",
                "Url": "https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-13",
            }
        },
        "SourceUrl": f"https://console.aws.amazon.com/ec2/home?region=us-east-1#SecurityGroup:groupId={WEB}",
        "Resources": [
            {
                "Type": "AwsEc2SecurityGroup",
                "Id": f"arn:aws:ec2:us-east-1:111111111111:security-group/{WEB}",
                "Partition": "aws",
                "Region": "us-east-1",
                "Tags": {"app": "x", "team=a": "web"},
                "Details": {
                    "AwsEc2SecurityGroup": {
                        "GroupName": "web",
                        "GroupId": WEB,
                        "OwnerId": "111111111111",
                        "VpcId": "vpc-1",
                        "IpPermissions": [
                            {
                                "IpProtocol": "tcp",
                                "FromPort": 22,
                                "ToPort": 22,
                                "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
                                "UserIdGroupPairs": [{"GroupId": SHUT}],
                            }
                        ],
                        "IpPermissionsEgress": [{"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}],
                    }
                },
            }
        ],
        "ProductFields": {
            "ProviderName": "c7n-sg-audit",
            "ProviderVersion": __version__,
            "AccountName": "alpha",
            "Level": "critical",
            "InUse": "yes",
            "Reachable": "no",
            "MatchedRules": "tcp 22 from 0.0.0.0/0, tcp 22 from sg-0000000000000000e",
        },
    }


def in_short(found: dict[str, Any]) -> tuple[str, ...]:
    severity = found["FindingProviderFields"]["Severity"]
    workflow = found.get("Workflow", {}).get("Status", "")
    return (
        found["Compliance"]["Status"],
        found["RecordState"],
        severity["Label"],
        severity["Original"],
        workflow,
    )


def test_each_finding_has_its_state_and_what_was_not_read_is_neither_passed_nor_there(place: Path) -> None:
    of_world = {
        name: in_short(found)
        for name, found in findings(place).items()
        if found["GeneratorId"] == "sg-ssh-world"
    }
    assert of_world == {
        f"{ALPHA}/sg-ssh-world/{WEB}": ("FAILED", "ACTIVE", "CRITICAL", "critical", ""),
        f"{ALPHA}/sg-ssh-world/{IDLE}": ("FAILED", "ACTIVE", "MEDIUM", "medium", "SUPPRESSED"),
        f"{ALPHA}/sg-ssh-world/{SHUT}": ("PASSED", "ARCHIVED", "INFORMATIONAL", "none", ""),
        f"{ALPHA}/sg-ssh-world/{OLD}": ("PASSED", "ARCHIVED", "INFORMATIONAL", "none", ""),
        f"222222222222/{CHINA}/sg-ssh-world/{CHINESE}": ("FAILED", "ACTIVE", "MEDIUM", "medium", ""),
        f"333333333333/{GOV}/sg-ssh-world/{MAYBE}": ("WARNING", "ACTIVE", "MEDIUM", "medium", ""),
    }
    assert in_short(findings(place)[f"{ALPHA}/sg-ssh-open/{IDLE}"]) == (
        *("FAILED", "ACTIVE", "INFORMATIONAL", "informs"),
        "",
    )


def test_what_is_gone_says_why_and_what_is_waived_until_when(place: Path) -> None:
    found = findings(place)
    shut, old, idle, maybe = (
        found[name]
        for name in (
            *(f"{ALPHA}/sg-ssh-world/{each}" for each in (SHUT, OLD, IDLE)),
            f"333333333333/{GOV}/sg-ssh-world/{MAYBE}",
        )
    )
    assert shut["Description"] == (
        f"Policy sg-ssh-world found security group {SHUT} (shut) in alpha (111111111111), us-east-1. "
        "The policy does not find it any more. Port 22, from anywhere."
    )
    assert "The group is not there any more." in old["Description"]
    assert old["ProductFields"]["GoneBecause"] == "deleted"
    assert old["FirstObservedAt"] == "2026-11-18T00:00:00.000Z"
    assert idle["Note"] == {
        "Text": "Waived until 2099-01-01: kept (jane)",
        "UpdatedBy": "c7n-sg-audit",
        "UpdatedAt": "2026-11-25T21:03:55.000Z",
    }
    assert idle["CreatedAt"] == "2026-11-25T00:00:00.000Z"
    assert "was not read in gamma (333333333333), us-gov-west-1: whether it finds" in maybe["Description"]


def test_what_is_only_possible_is_marked(tmp_path: Path) -> None:
    web = group(WEB, "web")
    databases = {"name": "sg-db-world", "resource": "aws.security-group", "report": {"level": "exposed"}}
    found = unit([web], [interface("eni-1", web)], sg_db_world=DENIED)
    run = write(tmp_path / "run", {("alpha", EAST): found}, [*policies(), databases])
    report(run, tmp_path, "-f", "asff", "-f", "ocsf")
    name = f"{ALPHA}/sg-db-world/{WEB}"
    assert in_short(findings(tmp_path)[name]) == ("WARNING", "ACTIVE", "CRITICAL", "possibly critical", "")
    assert "FirstObservedAt" not in findings(tmp_path)[name]
    event = events(tmp_path)[name]
    assert (event["compliance"]["status"], event["severity"]) == ("Warning", "Critical")
    assert event["resources"][0]["data"]["level"] == "possibly critical"


@pytest.mark.parametrize(
    ("name", "partition", "docs", "console"),
    [
        (
            f"222222222222/{CHINA}/sg-ssh-world/{CHINESE}",
            "aws-cn",
            "docs.amazonaws.cn/en_us",
            "console.amazonaws.cn",
        ),
        (
            f"333333333333/{GOV}/sg-ssh-world/{MAYBE}",
            *("aws-us-gov", "docs.aws.amazon.com", "console.amazonaws-us-gov.com"),
        ),
    ],
)
def test_a_finding_is_of_its_own_partition(
    place: Path, name: str, partition: str, docs: str, console: str
) -> None:
    found = findings(place)[name]
    account_id, region, _, group_id = name.split("/")
    assert (
        found["ProductArn"]
        == f"arn:{partition}:securityhub:{region}:{account_id}:product/{account_id}/default"
    )
    (resource,) = found["Resources"]
    assert resource["Id"] == f"arn:{partition}:ec2:{region}:{account_id}:security-group/{group_id}"
    assert (resource["Partition"], resource["Region"]) == (partition, region)
    url = found["Remediation"]["Recommendation"]["Url"]
    assert url == f"https://{docs}/securityhub/latest/userguide/ec2-controls.html#ec2-13"
    assert found["SourceUrl"].startswith(f"https://{console}/ec2/home?region={region}#")


def test_each_file_is_of_one_account_and_region(place: Path) -> None:
    batches = imports(place)
    assert list(batches) == [
        f"111111111111/{EAST}/0001.json",
        f"222222222222/{CHINA}/0001.json",
        f"333333333333/{GOV}/0001.json",
    ]
    for path, batch in batches.items():
        account_id, region, _ = path.split("/")
        assert {each["AwsAccountId"] for each in batch} == {account_id}
        assert {each["Resources"][0]["Region"] for each in batch} == {region}
        ids = [each["Id"] for each in batch]
        assert ids == sorted(ids)


# Against Security Hub


def shape() -> Shape:
    service = botocore.session.get_session().get_service_model("securityhub")
    return service.operation_model("BatchImportFindings").input_shape


def broken(shape: Shape, value: Any, where: str = "") -> Iterator[str]:
    """What of a value is not as its shape says, which botocore's own check leaves to the service."""
    if isinstance(shape, StructureShape):
        for name, each in value.items():
            yield from broken(shape.members[name], each, f"{where}.{name}")
    elif isinstance(shape, ListShape):
        for number, each in enumerate(value):
            yield from broken(shape.member, each, f"{where}[{number}]")
    elif isinstance(shape, MapShape):
        for key, each in value.items():
            yield from broken(shape.key, key, f"{where} key")
            yield from broken(shape.value, each, f"{where}[{key}]")
    elif isinstance(shape, StringShape):
        pattern = shape.metadata.get("pattern", ".*")
        if not re.fullmatch(pattern, value) or (shape.enum and value not in shape.enum):
            yield f"{where}: {value!r}"


#: Of https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFinding.html, in characters.
LENGTHS = {"Id": 512, "GeneratorId": 512, "Title": 256, "Description": 1024, "ProductArn": 2048}
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def check(batches: dict[str, list[dict[str, Any]]]) -> None:
    for path, batch in batches.items():
        assert 0 < len(batch) <= 100, path
        problems = ParamValidator().validate({"Findings": batch}, shape())
        assert not problems.has_errors(), problems.generate_report()
        assert list(broken(shape(), {"Findings": batch})) == []
        for found in batch:
            assert len(json.dumps(found)) < 240_000
            for name, most in LENGTHS.items():
                assert len(found[name].encode()) <= most, (name, found[name])
            recommendation = found["Remediation"]["Recommendation"]
            assert len(recommendation.get("Text", "").encode()) <= 512
            assert len(found["FindingProviderFields"]["Severity"]["Original"]) <= 64
            assert len(found["Compliance"].get("RelatedRequirements", ())) <= 32
            assert len(found["ProductFields"]) <= 50
            assert all(len(text.encode()) <= 2048 for text in found["ProductFields"].values())
            tags = found["Resources"][0].get("Tags", {})
            assert len(tags) <= 50
            assert all(len(key) <= 128 and len(value) <= 256 for key, value in tags.items())
            for name in ("CreatedAt", "UpdatedAt", "FirstObservedAt"):
                assert re.fullmatch(TIME, found.get(name, found["UpdatedAt"]))
            assert found["CreatedAt"] <= found["UpdatedAt"]


def test_findings_are_as_security_hubs_own_model_has_them(place: Path) -> None:
    check(imports(place))


def test_so_are_those_of_groups_with_names_that_mean_harm(tmp_path: Path) -> None:
    report(page_runs.write_runs(tmp_path / "runs"), tmp_path, "-f", "asff")
    check(imports(tmp_path))
    found = findings(tmp_path)
    assert len(found) > 10
    bastion = found[f"{ALPHA}/sg-ssh-world/{page_runs.BASTION}"]
    assert "The internet reaches it: 203.0.113.7 -> tcp 22." in bastion["Description"]


def test_and_those_of_rules_without_what_they_name(tmp_path: Path) -> None:
    web = group(WEB, "web", ssh_from=WORLD)
    of_nothing = {"IpRanges": [{}], "Ipv6Ranges": [{"CidrIpv6": None}], "UserIdGroupPairs": [{"UserId": "1"}]}
    of_blanks = {"IpRanges": [{"CidrIp": " "}, {"CidrIp": "10.0.0.0/8"}], "PrefixListIds": [{}]}
    web["IpPermissions"] += [
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22} | each for each in (of_nothing, of_blanks)
    ]
    report(write(tmp_path / "run", {("alpha", EAST): unit([web])}, policies()), tmp_path, "-f", "asff")
    check(imports(tmp_path))
    (resource,) = findings(tmp_path)[f"{ALPHA}/sg-ssh-world/{WEB}"]["Resources"]
    rules = resource["Details"]["AwsEc2SecurityGroup"]["IpPermissions"]
    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    assert rules[1:] == [ssh, ssh | {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]


def test_and_those_of_names_as_long_as_can_be(tmp_path: Path) -> None:
    tags = [{"Key": f"{number:02}{'安' * 200}", "Value": "é" * 300} for number in range(60)]
    long = group("sg-" + "1" * 600, "ü" * 255, ssh_from=WORLD) | {"Tags": tags}
    wordy = {
        "level": "exposed",
        "title": "é" * 300,
        "controls": [" ", *(f"{each:02}{'x' * 900}" for each in range(40))],
    }
    of_policy = policies(description="é" * 5000, report=wordy)
    run = write(tmp_path / "run", {("alpha", EAST): unit([long])}, of_policy)
    report(run, tmp_path, "-f", "asff")
    check(imports(tmp_path))
    ids = {each["Id"] for batch in imports(tmp_path).values() for each in batch}
    assert len(ids) == 2
    assert all(re.fullmatch("c7n-sg-audit/[0-9a-f]{64}", each) for each in ids)


def test_security_hub_takes_the_files_of_two_runs_and_only_what_changed_is_changed(
    runs: Path, place: Path, tmp_path: Path, aws_client: Callable[[str, str, str], Any]
) -> None:
    report(runs / "20261118T210355Z", tmp_path, "-f", "asff")
    client = aws_client("securityhub", "111111111111", EAST)
    client.enable_security_hub()
    taken = []
    for of_run in (tmp_path, place):
        batch = imports(of_run)[f"111111111111/{EAST}/0001.json"]
        answer = client.batch_import_findings(Findings=batch)
        assert (answer["SuccessCount"], answer["FailedCount"]) == (len(batch), 0)
        found = client.get_findings()["Findings"]
        taken.append({each["Id"].removeprefix(f"c7n-sg-audit/{ALPHA}/"): each for each in found})
    older, newer = taken
    assert newer.keys() - older.keys() == {
        f"{policy}/{IDLE}" for policy in ("sg-ssh-open", "sg-ssh-world", "sg-unused")
    }
    assert older.keys() <= newer.keys()
    assert in_short(newer[f"sg-ssh-world/{OLD}"])[:2] == ("PASSED", "ARCHIVED")
    same = f"sg-ssh-world/{WEB}"
    different = {name for name in newer[same] if newer[same][name] != older[same].get(name)}
    assert different == {"UpdatedAt"}


# What files hold


def test_an_edited_policy_keeps_its_ids_and_what_it_does_not_find_any_more_is_closed(tmp_path: Path) -> None:
    web, other = group(WEB, "web", ssh_from=WORLD), group(OLD, "old", ssh_from=WORLD)
    edited = policies(filters=[{"GroupName": "web"}])
    for day, found, of_run in ((18, [web, other], policies()), (25, [web], edited)):
        units = {("alpha", EAST): unit([web, other], sg_ssh_world=found)}
        write(tmp_path / "runs" / f"202611{day}T210355Z", units, of_run, f"2026-11-{day}T21:03:55+00:00")
    report(tmp_path / "runs", tmp_path, "-f", "asff")
    states = {
        name: found["RecordState"] for name, found in findings(tmp_path).items() if "sg-ssh-world" in name
    }
    assert states == {f"{ALPHA}/sg-ssh-world/{WEB}": "ACTIVE", f"{ALPHA}/sg-ssh-world/{OLD}": "ARCHIVED"}
    assert findings(tmp_path)[f"{ALPHA}/sg-ssh-world/{WEB}"]["FirstObservedAt"] == "2026-11-18T00:00:00.000Z"


def test_what_was_not_read_is_closed_once_it_is(tmp_path: Path) -> None:
    web, fixed = group(WEB, "web", ssh_from=WORLD), group(WEB, "web")
    states = []
    for day, found in (
        (4, unit([web])),
        (11, dict.fromkeys(unit(), DENIED)),
        (18, unit([fixed])),
        (25, unit([fixed])),
    ):
        write(
            tmp_path / "runs" / f"202611{day:02}T210355Z",
            {("alpha", EAST): found, ("beta", EAST): unit([group(OLD, "old", "beta", ssh_from=WORLD)])},
            policies(),
            f"2026-11-{day:02}T21:03:55+00:00",
        )
        report(tmp_path / "runs", tmp_path, "-f", "asff")
        there = findings(tmp_path).get(f"{ALPHA}/sg-ssh-world/{WEB}")
        states.append(there and (there["Compliance"]["Status"], there["RecordState"]))
    assert states == [("FAILED", "ACTIVE"), None, ("PASSED", "ARCHIVED"), None]


SHARED = group(WEB, "web", ssh_from=WORLD)  # alpha's, in a VPC that beta has a part in
NOTHING = dict.fromkeys(unit(), DENIED)
WHOLE = group(OLD, "old")  # the world in halves, one of them in a prefix list
WHOLE["IpPermissions"] = [
    {
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        "IpRanges": [{"CidrIp": "0.0.0.0/1"}],
        "PrefixListIds": [{"PrefixListId": "pl-1"}],
    }
]
LISTS = {
    "name": "prefix-lists",
    "resource": "aws.prefix-list",
    "filtered": True,
    "filters": [{"type": "entry", "key": "Cidr", "value": "present"}],
    "report": {"tab": "security_groups"},
}


def half(listed: str) -> dict[str, list[dict[str, Any]]]:
    return {
        "prefix_lists": [
            {"PrefixListId": "pl-1", "OwnerId": "111111111111", "c7n:prefix-entries": [{"Cidr": listed}]}
        ]
    }


@pytest.mark.parametrize(
    ("name", "expected", "runs"),
    [
        pytest.param(
            f"222222222222/{EAST}/sg-ssh-world/{WEB}",
            ["FAILED ACTIVE", "", "NOT_AVAILABLE ARCHIVED", ""],
            [
                {"alpha": NOTHING, "beta": unit([SHARED])},
                {"alpha": unit([SHARED], sg_ssh_world=DENIED), "beta": unit([SHARED])},
                {"alpha": unit([SHARED]), "beta": unit([SHARED])},
                {"alpha": unit([SHARED]), "beta": unit([SHARED])},
            ],
            id="its VPC's owner was not read",
        ),
        pytest.param(
            f"{ALPHA}/sg-ssh-world/{OLD}",
            ["FAILED ACTIVE", "", "PASSED ARCHIVED", ""],
            [
                {"alpha": unit([WHOLE], sg_ssh_world=[], **found)}
                for found in (
                    half("128.0.0.0/1"),
                    {"prefix_lists": DENIED},
                    half("10.0.0.0/8"),
                    half("10.0.0.0/8"),
                )
            ],
            id="a prefix list was not read whole",
        ),
        pytest.param(
            f"{ALPHA}/sg-ssh-world/{WEB}",
            ["FAILED ACTIVE", "PASSED ARCHIVED", ""],
            [
                {"alpha": unit([SHARED])},
                {"alpha": unit([], sg_ssh_world=DENIED)},
                {"alpha": unit([])},
            ],
            id="its group was deleted while the policy was not read",
        ),
    ],
)
def test_what_a_run_could_not_tell_is_closed_by_one_that_can(
    tmp_path: Path, name: str, expected: list[str], runs: list[dict[str, Any]]
) -> None:
    states = []
    for day, units in enumerate(runs, 11):
        write(
            tmp_path / "runs" / f"202611{day}T210355Z",
            {(account, EAST): found for account, found in units.items()},
            [*policies(), LISTS],
            f"2026-11-{day}T21:03:55+00:00",
        )
        report(tmp_path / "runs", tmp_path, "-f", "asff", "-f", "ocsf")
        check(imports(tmp_path))
        found = findings(tmp_path).get(name)
        states.append(f"{found['Compliance']['Status']} {found['RecordState']}" if found else "")
        of_event = events(tmp_path).get(name, {}).get("activity_name", "")
        assert of_event == {"FAILED ACTIVE": "Create", "": ""}.get(states[-1], "Close")
    assert states == expected


def test_a_finding_is_told_once_where_one_of_two_names_looked_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ACCOUNT_IDS, "alpha again", ACCOUNT_IDS["alpha"])
    web = group(WEB, "web", ssh_from=WORLD)
    for day, of_world in ((18, [web]), (25, DENIED)):
        units = {
            ("alpha", EAST): unit([web], sg_ssh_world=of_world),
            ("alpha again", EAST): unit([], sg_inventory=DENIED),
        }
        write(tmp_path / "runs" / f"202611{day}T210355Z", units, policies(), f"2026-11-{day}T21:03:55+00:00")
    report(tmp_path / "runs", tmp_path, "-f", "asff")
    assert findings(tmp_path)[f"{ALPHA}/sg-ssh-world/{WEB}"]["Compliance"]["Status"] == "WARNING"


def test_a_report_of_one_account_has_nothing_of_the_others(runs: Path, tmp_path: Path) -> None:
    report(runs, tmp_path, "-f", "asff", "-a", "gamma")
    assert list(imports(tmp_path)) == [f"333333333333/{GOV}/0001.json"]


def test_a_file_has_no_more_than_an_import_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = [group(f"sg-{number:017x}", "web", ssh_from=WORLD) for number in range(101)]
    run = write(tmp_path / "run", {("alpha", EAST): unit(groups)}, policies())
    report(run, tmp_path, "-f", "asff")
    assert [len(batch) for batch in imports(tmp_path).values()] == [100, 100, 2]
    monkeypatch.setattr(asff, "_IMPORT", 10_000)
    report(run, tmp_path, "-f", "asff")
    sizes = [path.stat().st_size for path in (tmp_path / "sg_asff").rglob("*.json")]
    assert len(sizes) > 20
    assert max(sizes) <= 10_000
    assert len(findings(tmp_path)) == 202


def test_an_account_under_two_names_has_the_findings_of_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ACCOUNT_IDS, "alpha again", ACCOUNT_IDS["alpha"])
    units = {
        ("alpha", EAST): unit([group(WEB, "web", ssh_from=WORLD)]),
        ("alpha again", EAST): unit([group(OLD, "old", ssh_from=WORLD)]),
    }
    report(write(tmp_path / "run", units, policies()), tmp_path, "-f", "asff")
    assert list(imports(tmp_path)) == [f"{ALPHA}/0001.json", f"{ALPHA}/0002.json"]
    assert {f"{ALPHA}/sg-ssh-world/{each}" for each in (WEB, OLD)} <= findings(tmp_path).keys()


@pytest.mark.parametrize("ranges", [12_000, 8_700])  # the smaller one fits but for the blanks that are sent
def test_a_group_with_more_rules_than_there_is_room_for_is_there_without_them(
    tmp_path: Path, ranges: int
) -> None:
    web = group(WEB, "web", ssh_from=WORLD)
    blocks = [{"CidrIp": f"10.{number // 250}.{number % 250}.0/24"} for number in range(ranges)]
    web["IpPermissionsEgress"] = [{"IpProtocol": "-1", "IpRanges": blocks}]
    run = write(tmp_path / "run", {("alpha", EAST): unit([web], sg_ssh_open=[])}, policies())
    report(run, tmp_path, "-f", "asff")
    check(imports(tmp_path))
    found = findings(tmp_path)[f"{ALPHA}/sg-ssh-world/{WEB}"]
    assert found["Resources"][0]["Details"] == {
        "AwsEc2SecurityGroup": {
            "GroupName": "web",
            "GroupId": WEB,
            "OwnerId": "111111111111",
            "VpcId": "vpc-1",
        }
    }
    assert found["ProductFields"]["RulesLeftOut"] == "more than a finding has room for"


def test_what_no_account_can_import_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ACCOUNT_IDS, "gamma", "")
    units = {
        ("gamma", EAST): unit([group(WEB, "web", "alpha", ssh_from=WORLD)]),
        ("alpha", "us-east-\N{FULLWIDTH DIGIT ONE}"): unit([group(IDLE, "idle", ssh_from=WORLD)]),
        ("beta", "nowhere; rm"): unit([group(OLD, "old", "beta", ssh_from=WORLD)]),
    }
    _, said = report(write(tmp_path / "run", units, policies()), tmp_path, "-f", "asff")
    assert "-f asff: 2 findings are left out, as the id of their account is not known: gamma" in said
    assert "-f asff: 4 findings are left out, as their region is none that AWS has: alpha, beta" in said
    assert imports(tmp_path) == {}


def test_where_nothing_is_found_there_are_no_files_and_none_of_the_last_report(tmp_path: Path) -> None:
    for number, groups in enumerate(([group(WEB, "web", ssh_from=WORLD)], [])):
        run = write(tmp_path / f"run-{number}", {("alpha", EAST): unit(groups)}, policies())
        printed, said = report(run, tmp_path, "-f", "asff")
    assert printed == []
    assert "-f asff: there are no findings, and so no files" in said
    assert not (tmp_path / "sg_asff").exists()
