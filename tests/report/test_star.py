"""The tables as a database has them: keys that lead somewhere, counts that are the report's, types that stay."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from reporter.accounts import labels
from reporter.findings import waived, waivers
from reporter.findings.assess import Findings, assess
from reporter.findings.past import NO_PAST, earlier_runs, past_of
from reporter.inventory.audit import Audit, read_audit
from reporter.output.reading import open_output
from reporter.remedy import next_steps
from reporter.report import arrow, star, tables
from reporter.report.column_types import ColumnType, columns
from reporter.report.summary import risk_counts
from reporter.report.table import Table
from tests.report.two_runs import WAIVERS, two_runs
from tests.rundir import POLICIES, WORLD, group, rows, unit, write
from tests.stockdir import EVERY_GROUP, REFUSED, UNTAGGED_GROUPS, put

US, EU = "us-east-1", "eu-west-1"
DAY = date(2026, 11, 26)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_runs(tmp_path_factory.mktemp("runs"))


def read(
    run: Path, waiver_file: Path | None = None, *, past: bool = True
) -> tuple[Audit, Findings, list[Table]]:
    output = open_output(run)
    audit, inventory = read_audit(output)
    findings = assess(inventory, output.policies)
    if waiver_file:
        findings = waived.apply(findings, output.policies, waivers.read(waiver_file, DAY), DAY)
    before = NO_PAST
    if past and output.has_groups:
        findings, before = past_of(audit, findings, earlier_runs(output))
    findings = next_steps.with_next_steps(findings, output.policies)
    built = list(tables.build(audit, findings, past=before))
    return audit, findings, star.build(audit, findings, built)


@pytest.fixture(scope="module")
def newer(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Audit, Findings, list[Table]]:
    path = tmp_path_factory.mktemp("waivers") / "waivers.yml"
    path.write_text(WAIVERS, encoding="utf-8")
    return read(runs / "20261123T210355Z", path)


def named(built: list[Table], name: str) -> list[dict[str, Any]]:
    return rows(next(table for table in built if table.name == name))


def test_the_star_comes_first_and_the_report_after_it(newer: tuple[Audit, Findings, list[Table]]) -> None:
    assert [table.name for table in newer[2]] == [
        *("accounts", "regions", "policies", "findings"),
        *(
            "default_sg",
            "ssh_open",
            "ssh_world",
            "sg-unused",
            "security_groups",
            "attachments",
            "changes",
            "duplicates",
        ),
        *("waivers", "summary_accounts", "summary_regions", "summary_runs", "coverage"),
    ]


def test_accounts_and_regions_count_what_was_planned_and_not_read(
    newer: tuple[Audit, Findings, list[Table]],
) -> None:
    told = ("account_profile", "account_id", "cells_planned", "cells_not_read")
    assert [tuple(row[name] for name in told) for row in named(newer[2], "accounts")] == [
        ("alpha", "111111111111", 7, 0),
        ("beta", "222222222222", 7, 3),
        ("gamma", "333333333333", 7, 7),
    ]
    assert [tuple(row.values()) for row in named(newer[2], "regions")] == [
        (US, 21, 10),
        (EU, 0, 0),  # of which only the older run knows
    ]


def test_policies_have_what_a_report_asks_of_them(newer: tuple[Audit, Findings, list[Table]]) -> None:
    policies = {row["policy"]: row for row in named(newer[2], "policies")}
    assert list(policies)[-2:] == ["sg-unused", "old-check"]
    assert policies["sg-ssh-world"] == {
        "policy": "sg-ssh-world",
        "title": "sg-ssh-world",
        "description": "",
        "resource": "aws.security-group",
        "tab": "ssh_world",
        "flag_column": "has_ssh_open_world",
        "counts_for_risk": True,
        "ports": (),
        "controls": (),
    }
    assert not policies["sg-ssh-open"]["counts_for_risk"]
    assert policies["old-check"]["counts_for_risk"] is None  # of the older run alone


def test_findings_tell_what_is_proven_and_what_is_waived(newer: tuple[Audit, Findings, list[Table]]) -> None:
    told = ("security_group_id", "policy", "level", "proven", "is_waived", "since_last", "matched_rules")
    found = {tuple(row[name] for name in told) for row in named(newer[2], "findings")}
    rule = ("tcp 22 from 0.0.0.0/0",)
    assert found == {
        ("sg-a", "sg-ssh-world", "critical", True, False, "same", rule),
        ("sg-a", "sg-ssh-open", "informs", True, False, "same", rule),
        ("sg-b", "sg-ssh-world", "medium", True, True, "same", rule),
        ("sg-b", "sg-ssh-open", "informs", True, False, "same", rule),
        ("sg-d", "sg-default", "high", True, False, "same", ()),
        ("sg-e", "sg-unused", "informs", True, False, "same", ()),
        ("sg-f", "sg-ssh-world", "possibly critical", True, True, "", rule),
        ("sg-f", "sg-ssh-open", "informs", True, False, "", rule),
        ("sg-f", "sg-unused", "informs", False, False, "", None),
        ("sg-g", "sg-ssh-world", "possibly critical", True, False, "", rule),
        ("sg-g", "sg-ssh-open", "informs", True, False, "", rule),
        ("sg-g", "sg-unused", "informs", False, False, "", None),
    }


def test_groups_are_counted_as_the_workbook_counts_them(newer: tuple[Audit, Findings, list[Table]]) -> None:
    audit, findings, built = newer
    answers = ("security_group_id", "risk", "risk_proven", "is_waived")
    groups = {tuple(row[name] for name in answers) for row in named(built, "security_groups")}
    assert groups == {
        ("sg-a", "critical", True, False),
        ("sg-b", "medium", True, True),
        ("sg-d", "high", True, False),
        ("sg-e", "low", True, False),
        ("sg-f", "critical", False, True),
        ("sg-g", "critical", False, False),
    }
    counts = risk_counts(audit, findings).all
    for level in ("critical", "high", "medium", "low", "none"):
        of_level = [(proven, is_waived) for _, risk, proven, is_waived in groups if risk == level]
        assert counts[level] == sum(proven for proven, _ in of_level)
        assert counts.get(f"{level}_possible", 0) == sum(not proven for proven, _ in of_level)
        assert counts.get(f"{level}_waived", 0) == sum(proven and waived for proven, waived in of_level)


def unlinked(built: list[Table]) -> list[tuple[str, str, str]]:
    """What stands for an account, region or policy in a table and in none of those three."""
    found = []
    for key, dimension in (("account_profile", "accounts"), ("region", "regions"), ("policy", "policies")):
        there = {row[key] for row in named(built, dimension)}
        assert len(there) == len(named(built, dimension))
        for table in built:
            if key in table.frame and table.name != "waivers":
                found += [(table.name, key, each) for each in set(table.frame[key]) - there]
    return found


def test_every_key_leads_to_a_row(newer: tuple[Audit, Findings, list[Table]]) -> None:
    gone = {(row["account_profile"], row["region"], row["policy"]) for row in named(newer[2], "changes")}
    assert {("alpha", EU, "sg-ssh-world"), ("gamma", US, "old-check")} <= gone
    assert unlinked(newer[2]) == []


def test_stock_output_without_a_word_on_the_report_has_a_star_too(tmp_path: Path) -> None:
    put(tmp_path, EVERY_GROUP, [group("sg-a", ssh_from=WORLD), group("sg-b")])
    put(tmp_path, UNTAGGED_GROUPS, None, log=REFUSED)
    _, _, built = read(tmp_path)
    assert unlinked(built) == []
    assert [row["account_id"] for row in named(built, "accounts")] == ["111111111111"]
    assert [row["cells_not_read"] for row in named(built, "regions")] == [1]
    answers = ("security_group_id", "risk", "risk_proven", "is_waived")
    # Nobody asked for interfaces: whether they are in use is not known.
    assert {tuple(row[name] for name in answers) for row in named(built, "security_groups")} == {
        ("sg-a", "critical", False, False),
        ("sg-b", "low", False, False),
    }
    found = [(row["security_group_id"], row["policy"], row["proven"]) for row in named(built, "findings")]
    assert found == [("sg-a", "sg-untagged", False), ("sg-b", "sg-untagged", False)]


def test_output_without_groups_has_no_findings(tmp_path: Path) -> None:
    policy = {"name": "buckets", "resource": "aws.s3", "filtered": True, "report": {}}
    run = write(tmp_path / "run", {("alpha", US): {"buckets": [{"Name": "b", "Policy": "{}"}]}}, [policy])
    _, _, built = read(run)
    assert [table.name for table in built] == [
        *("accounts", "regions", "policies", "buckets", "summary", "coverage")
    ]


def test_columns_are_of_the_same_types_in_an_empty_run_and_a_full_one(
    newer: tuple[Audit, Findings, list[Table]], tmp_path: Path
) -> None:
    _, _, empty = read(write(tmp_path / "run", {("alpha", US): unit()}))
    there = {table.name: columns(table) for table in newer[2]}
    for table in empty:
        assert columns(table) == there[table.name], table.name
    kinds = {column.name: column.type for column in there["security_groups"]}
    assert {
        name: kinds[name] for name in ("in_use", "reachable", "risk", "attached_eni_count", "first_seen")
    } == {
        "in_use": ColumnType.FLAG,
        "reachable": ColumnType.TEXT,
        "risk": ColumnType.TEXT,
        "attached_eni_count": ColumnType.COUNT,
        "first_seen": ColumnType.DAY,
    }
    lists = ("tags", "ssh_rules", "attached_resources", "world_ports", "instances")
    assert {kinds[name] for name in lists} == {ColumnType.LIST}


def test_every_column_says_what_it_means(newer: tuple[Audit, Findings, list[Table]]) -> None:
    silent = [
        (table.name, each.name) for table in newer[2] for each in columns(table) if not each.description
    ]
    assert silent == []


def test_unknown_is_null_and_nothing_is_empty(newer: tuple[Audit, Findings, list[Table]]) -> None:
    groups = next(table for table in newer[2] if table.name == "security_groups")
    schema = arrow.schema(groups)
    (batch,) = arrow.batches(groups, schema)
    found = {row["security_group_id"]: row for row in batch.to_pylist()}
    assert found["sg-a"]["in_use"] is True
    assert found["sg-f"]["in_use"] is None
    assert found["sg-f"]["reachable"] == "unknown"
    assert found["sg-e"]["ssh_rules"] == [] and found["sg-e"]["waived"] == ""
    assert found["sg-a"]["first_seen"] == date(2026, 11, 16)
    assert found["sg-e"]["first_seen"] == date(2026, 11, 16)


def test_a_tab_that_is_called_as_one_of_the_star_is_numbered(tmp_path: Path) -> None:
    called = {
        "name": "mine",
        "resource": "aws.security-group",
        "filtered": True,
        "report": {"tab": "Findings", "column": "mine"},
    }
    run = write(
        tmp_path / "run", {("alpha", US): unit([group("sg-a")], mine=[group("sg-a")])}, [*POLICIES, called]
    )
    _, _, built = read(run)
    assert [table.name for table in built if table.name.casefold().startswith("findings")] == [
        "findings",
        "Findings_2",
    ]


@pytest.mark.parametrize("column", ["risk_proven", "is_waived", "Is_Waived"])
def test_a_policys_column_does_not_take_the_place_of_a_databases(tmp_path: Path, column: str) -> None:
    called = {
        "name": "mine",
        "resource": "aws.security-group",
        "filtered": True,
        "report": {"column": column},
    }
    run = write(
        tmp_path / "run", {("alpha", US): unit([group("sg-a")], mine=[group("sg-a")])}, [*POLICIES, called]
    )
    output = open_output(run)
    assert any(f"{column} is the report's own" in note for note in output.notes)
    _, _, built = read(run)
    (row,) = named(built, "security_groups")
    assert (row["risk"], row["risk_proven"], row["is_waived"]) == ("low", True, False)


def test_labels_of_accounts_stand_beside_their_rows(runs: Path) -> None:
    audit, findings, _ = read(runs / "20261123T210355Z")
    of_accounts = labels.Labels(("account:team",), {("alpha", "111111111111"): {"account:team": "web"}})
    labelled = star.build(audit, findings, [], of_accounts)
    assert [row["account:team"] for row in named(labelled, "accounts")] == ["web", None, None]
