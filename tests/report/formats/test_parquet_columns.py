"""Tables for databases: columns that policies, `--field` and accounts files bring, and what a count of rows takes."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.report.formats.test_parquet import Report, report
from tests.rundir import ACCOUNT_IDS, DENIED, POLICIES, WORLD, group, interface, unit, write

#: Called as columns of other tables, whose types are others and whose meanings are.
ELSEWHERE = ("run", "expires", "ports", "rules", "state", "level", "groups")
CAUGHT = {
    "name": "sg-caught",
    "resource": "aws.security-group",
    "filtered": True,
    "report": {"level": "exposed"},
}
TOLD = {"risk_proven": True, "is_waived": False}


def columns(found: Report, table: str) -> dict[str, dict[str, Any]]:
    return {column["name"]: column for column in found.tables[table]["columns"]}


def of_column(number: int, column: str) -> dict[str, Any]:
    text = {
        "tab": "findings" if column in TOLD else f"tab{number}",
        "column": column,
        "title": f"Title {column}",
    }
    return {"name": f"p{number}", "resource": "aws.security-group", "filtered": True, "report": text}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    web, idle = group("sg-1", ssh_from=WORLD), group("sg-2", "idle")
    more = [of_column(number, column) for number, column in enumerate([*ELSEWHERE, *TOLD])]
    volume = {"name": "volumes", "resource": "aws.ebs", "filtered": True}
    cells = unit([web, idle], **{policy["name"]: [web] for policy in more})
    cells["volumes"] = [{"VolumeId": "vol-1", "State": "in-use"}]
    folder = tmp_path_factory.mktemp("columns") / "run"
    return write(folder, {("alpha", "us-east-1"): cells}, [*POLICIES, *more, volume])


@pytest.fixture(scope="module")
def found(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return report(runs, tmp_path_factory.mktemp("reports"))


def test_a_column_of_a_policy_is_a_flag_with_its_own_meaning_whatever_it_is_called(found: Report) -> None:
    names = ", ".join(f'"{name}"' for name in ELSEWHERE)
    assert found.rows(f"select {names} from security_groups order by security_group_id") == [
        (True,) * len(ELSEWHERE),
        (False,) * len(ELSEWHERE),
    ]
    told = columns(found, "security_groups")
    for number, name in enumerate(ELSEWHERE):
        assert (told[name]["type"], told[name]["description"]) == (
            "bool",
            f"p{number} caught it: Title {name}",
        )


def test_no_policy_takes_the_place_of_what_tells_a_count_by_risk(found: Report) -> None:
    answers = found.rows(f"select {', '.join(TOLD)} from security_groups order by security_group_id")
    assert answers == [tuple(TOLD.values())] * 2


def test_a_table_called_as_one_of_the_star_tells_what_it_is_called_elsewhere(found: Report) -> None:
    assert found.tables["findings_2"]["name_in_report"] == "findings"
    assert found.tables["findings"]["name_in_report"] == "findings"
    assert found.rows("select security_group_id from findings_2") == [("sg-1",)]


def test_a_field_has_the_values_that_it_has_whatever_it_is_called(runs: Path, tmp_path: Path) -> None:
    names = ("run", "expires", "interfaces", "public_ips", "could_go")
    words = [word for name in names for word in ("--field", f"{name}=GroupId || VolumeId")]
    policies = ",".join(["volumes", *(policy["name"] for policy in POLICIES)])
    found = report(runs, tmp_path, "-p", policies, *words, "--field", "state=State")
    asked = f"select {', '.join(names)} from"
    assert found.rows(f"{asked} security_groups order by 1") == [("sg-1",) * 5, ("sg-2",) * 5]
    assert found.rows(f"{asked} volumes") == [("vol-1",) * 5]
    told = columns(found, "volumes")
    assert told["account_profile"]["description"] and not told["state"]["description"]


def test_heads_are_the_same_in_all_tables_and_can_be_shown(runs: Path, tmp_path: Path) -> None:
    account = {"name": "alpha", "account_id": "111111111111", "role": "audit"}
    account |= {"tags": ["te\0am:web", f"{'n' * 300}:1"]}
    (tmp_path / "accounts.yml").write_text(yaml.safe_dump({"accounts": [account]}), encoding="utf-8")
    found = report(runs, tmp_path / "reports", "-c", str(tmp_path / "accounts.yml"))
    expected = ["account:te_am", f"account:{'n' * 247}"]
    for table in ("accounts", "findings", "security_groups"):
        assert [name for name in columns(found, table) if name.startswith("account:")] == expected


def test_what_the_docs_count_are_findings_and_not_what_may_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ACCOUNT_IDS, "alpha", "012345678901")
    web = group("sg-1", ssh_from=WORLD)
    attached = unit(
        [web], [interface("eni-1", web)], sg_ssh_open=DENIED, sg_ssh_world=DENIED, sg_caught=[web]
    )
    run = write(tmp_path / "run", {("alpha", "us-east-1"): attached}, [*POLICIES, CAUGHT])
    monkeypatch.chdir(tmp_path)
    words = ("--stem", "audit", "--partition", "account_id")
    found = report(run, tmp_path / "reports", *words)
    page = (Path(__file__).parents[3] / "docs/warehouses.md").read_text()
    of_duckdb, of_athena = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    level = "select policy, level, proven from findings where policy <> 'sg-unused' order by 1"
    assert found.rows(level) == [
        ("sg-caught", "critical", True),
        ("sg-ssh-open", "informs", False),
        ("sg-ssh-world", "critical", False),
    ]
    assert found.rows(of_duckdb) == [("012345678901", "sg-caught", 1)]
    assert found.rows(of_athena) == [("sg-caught", "alpha", 1)]
