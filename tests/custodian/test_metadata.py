"""`metadata.report` of policies: what of it cannot be followed is told by validate and run, and left out by report."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from reporter.custodian import policies
from reporter.custodian.metadata import GROUP_COLUMNS, PlannedPolicy
from reporter.custodian.policies import read
from reporter.errors import InputError
from reporter.output.metadata import decode
from tests.rundir import POLICIES, audit, group, groups, unit, write

KEYS = "tab, column, title, level, ports, controls"
OWN = "is the report's own"

# What is written under metadata.report of a policy on security groups with a filter, and what is said of it.
WRONG: dict[str, tuple[Any, str]] = {
    "a misspelt tab": ({"tabs": "rdp"}, "metadata.report.tabs: no such key; did you mean tab?"),
    "a misspelt column": ({"colum": "has_rdp"}, "metadata.report.colum: no such key; did you mean column?"),
    "an unknown key": ({"owner": "x"}, f"metadata.report.owner: no such key; there are {KEYS}"),
    "the report's tab": ({"tab": "summary"}, f"metadata.report.tab: summary {OWN}"),
    "the report's tab in capitals": ({"tab": "Coverage"}, f"metadata.report.tab: Coverage {OWN}"),
    "the inventory's tab": ({"tab": "security_groups"}, f"metadata.report.tab: security_groups {OWN}"),
    "a tab that is null": ({"tab": None}, "metadata.report.tab: it is null, not a text"),
    "a tab that is a list": ({"tab": ["a", "b"]}, "metadata.report.tab: it is a list, not a text"),
    "an empty tab": ({"tab": "  "}, "metadata.report.tab: it is empty"),
    "a tab with a line break": (
        {"tab": "a\nb"},
        "metadata.report.tab: it holds a character that cannot be shown",
    ),
    "a column that is a number": ({"column": 5}, "metadata.report.column: it is a number, not a text"),
    "the report's column": ({"column": "risk"}, f"metadata.report.column: risk {OWN}"),
    "the report's column in capitals": ({"column": "In_Use"}, f"metadata.report.column: In_Use {OWN}"),
    "the column of a tab": ({"column": "matched_rules"}, f"metadata.report.column: matched_rules {OWN}"),
    "a flag in capitals": ({"column": "Unused"}, "metadata.report.column: Unused is unused to Excel"),
    "another level": ({"level": "critical"}, "metadata.report.level: 'critical' is no level; write exposed"),
    "a boolean level": ({"level": True}, "metadata.report.level: it is a boolean, not a text"),
    "a title that is a map": ({"title": {"en": "x"}}, "metadata.report.title: it is a map, not a text"),
    "ports as a text": ({"ports": "tcp 22"}, "metadata.report.ports: it is a text, not a list of texts"),
    "ports as numbers": ({"ports": [22]}, "metadata.report.ports: it is a list, not a list of texts"),
    "no port": ({"ports": ["ssh"]}, "metadata.report.ports: 'ssh' is none; write such as tcp 22"),
    "a port too high": ({"ports": ["tcp 65536"]}, "metadata.report.ports: 'tcp 65536' is none"),
    "a range upside down": ({"ports": ["tcp 25-20"]}, "metadata.report.ports: 'tcp 25-20' is none"),
    "controls as a text": (
        {"controls": "EC2.13"},
        "metadata.report.controls: it is a text, not a list of texts",
    ),
    "no map": ("rdp", f"metadata.report: it is a text, not a map of {KEYS}"),
}
wrong = pytest.mark.parametrize(("report", "said"), WRONG.values(), ids=WRONG)


def policy(report: Any, name: str = "mine", **more: Any) -> dict[str, Any]:
    filters = [{"GroupName": "x"}]
    return {
        "name": name,
        "resource": "security-group",
        "filters": filters,
        "metadata": {"report": report},
    } | more


def file_of(folder: Path, *policies: dict[str, Any]) -> Path:
    path = folder / "mine.yml"
    path.write_text(yaml.safe_dump({"policies": list(policies)}))
    return path


@wrong
def test_reading_policies_names_file_policy_and_key(tmp_path: Path, report: Any, said: str) -> None:
    path = file_of(tmp_path, policy(report))
    with pytest.raises(InputError) as refused:
        read([path])
    assert str(refused.value).startswith(f"{path}: policy mine: {said}")


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (
            {"column": "has_rdp"},
            {"column": "HAS_RDP"},
            "column: HAS_RDP is has_rdp to Excel, which does not tell case apart",
        ),
        ({"tab": "rdp"}, {"tab": "RDP"}, "tab: RDP is rdp to Excel, which does not tell case apart"),
    ],
)
def test_two_policies_that_clash(tmp_path: Path, first: Any, second: Any, said: str) -> None:
    path = file_of(tmp_path, policy(first, "one"), policy(second, "two"))
    with pytest.raises(InputError) as refused:
        read([path])
    assert str(refused.value) == f"{path}: policy two: metadata.report.{said}"


@pytest.mark.parametrize(
    ("mine", "said"),
    [
        (
            policy({"column": "is_big"}, resource="s3"),
            "column: only a policy on aws.security-group has a column",
        ),
        (
            policy({"level": "exposed"}, resource="s3"),
            "level: only a policy on aws.security-group has a level",
        ),
        (
            policy({"level": "exposed"}, filters=[]),
            "level: the policy has no filters: it would find every group",
        ),
    ],
)
def test_what_only_policies_on_groups_with_filters_have(
    tmp_path: Path, mine: dict[str, Any], said: str
) -> None:
    path = file_of(tmp_path, mine)
    with pytest.raises(InputError) as refused:
        read([path])
    assert str(refused.value) == f"{path}: policy mine: metadata.report.{said}"


@pytest.mark.parametrize(
    "report",
    [
        {},
        {"tab": "rdp", "column": "has_rdp", "title": "RDP open to the world", "level": "exposed"},
        {"ports": ["tcp 3389", "udp 1000-2000", "icmp", "icmpv6", "protocol 50", "all"], "controls": ["A.1"]},
        {"tab": "ssh_world", "column": "has_ssh_open_world"},
        {"tab": "Überblick", "title": "=1+1"},
    ],
)
def test_what_is_good(tmp_path: Path, report: dict[str, Any]) -> None:
    (planned,) = read([file_of(tmp_path, policy(report))]).planned
    told = planned.in_report
    assert {key: getattr(told, key) for key in report} == {
        key: tuple(value) if isinstance(value, list) else value for key, value in report.items()
    }


def test_policies_without_metadata_are_good(tmp_path: Path) -> None:
    bare = {key: value for key, value in policy({}).items() if key != "metadata"}
    (planned,) = read([file_of(tmp_path, bare)]).planned
    assert (planned.title, planned.exposed) == ("mine", False)


@wrong
def test_a_report_leaves_it_out_says_so_and_reports_the_rest(tmp_path: Path, report: Any, said: str) -> None:
    one = group("sg-1")
    recorded = report if isinstance(report, dict) else {"": report}
    mine = {"name": "mine", "resource": "aws.security-group", "filtered": True, "report": recorded}
    write(tmp_path, {("alpha", "us-east-1"): unit([one], mine=[one])}, [*POLICIES, mine])
    (note,) = audit(tmp_path).output.notes
    assert note.startswith(f"policy mine: {said}")
    assert list(groups(tmp_path)["sg-1"]) == list(GROUP_COLUMNS)


def test_run_says_so_before_anything_is_read(sg_audit: Callable[..., Any], tmp_path: Path) -> None:
    path = file_of(tmp_path, policy({"column": "risk"}))
    accounts = tmp_path / "accounts.yml"
    entry = {"name": "dev", "account_id": "111122223333", "role": "arn:aws:iam::111122223333:role/x"}
    accounts.write_text(yaml.safe_dump({"accounts": [entry]}))
    for words in (["validate"], ["run", "-c", accounts, "-s", tmp_path / "output"]):
        done = sg_audit(*words, "-u", path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"sg-audit: {path}: policy mine: metadata.report.column: risk {OWN}\n"
    assert not (tmp_path / "output").exists()


POLICY: dict[str, Any] = {
    "name": "mine",
    "resource": "security-group",
    "description": "words",
    "metadata": {"report": {"title": "Words", "ports": ["tcp 22"]}},
    "filters": [{"type": "ingress", "Ports": [22]}],
}


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"description": "other words", "name": "yours"}, True),
        ({"metadata": {"report": {"title": "More", "controls": ["X.1"], "ports": ["tcp 22"]}}}, True),
        ({"resource": "aws.security-group", "mode": {"type": "pull"}}, True),
        ({"resource": "aws.eni"}, False),
        ({"filters": [{"type": "ingress", "Ports": [23]}]}, False),
        ({"metadata": {"report": {"ports": ["tcp 23"]}}}, False),
        ({"conditions": [{"region": "us-east-1"}]}, False),
        ({"query": [{"GroupName": "x"}]}, False),
        ({"region": "us-east-1"}, False),
    ],
)
def test_what_decides_what_a_policy_catches(change: dict[str, Any], same: bool) -> None:
    changed = POLICY | change
    assert (policies.planned(changed).decides == policies.planned(POLICY).decides) is same
    # A stock run, and one of an older version, which recorded no conditions, say the same of it.
    stock = decode(json.dumps({"policy": changed}).encode()).planned
    assert stock.decides == policies.planned(changed).decides
    if not {"conditions", "query", "region"} & change.keys():
        assert replace(stock, catches="").decides == stock.decides


def test_what_an_old_run_did_not_record_is_not_known() -> None:
    assert PlannedPolicy("mine", "aws.security-group").decides == ""
    assert PlannedPolicy("mine", "aws.security-group", digest="0123").decides == "text 0123"
