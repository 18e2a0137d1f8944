"""`sg-audit query`: SQL over a run or several, what it prints, and what nobody gets to do with it."""

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from click.testing import CliRunner, Result

from reporter.cli import cli
from reporter.errors import InputError
from reporter.report.sql import loading, locked, printing
from reporter.report.sql.views import EXAMPLES, VIEWS
from tests.report.two_runs import NEWER, OLDER, US, WAIVERS, two_runs
from tests.rundir import POLICIES, group, unit, write


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    (folder / "waivers.yml").write_text(WAIVERS, encoding="utf-8")
    return two_runs(folder / "output")


def query(*words: str | Path, stdin: str = "") -> Result:
    return CliRunner().invoke(
        cli, ["query", *map(str, words)], standalone_mode=False, catch_exceptions=False, input=stdin
    )


def asked(*words: str | Path) -> list[dict[str, Any]]:
    """The records that it prints."""
    found: list[dict[str, Any]] = json.loads(query(*words, "--format", "json").stdout)
    return found


def refused(*words: str | Path) -> Sequence[str]:
    """The lines of the error."""
    with pytest.raises(InputError) as error:
        query(*words)
    return error.value.args


# What it prints


def test_a_table_is_for_people(runs: Path) -> None:
    done = query(
        "-s",
        runs,
        "select account_profile, count(*) as groups, bool_or(in_use) as in_use from security_groups "
        "group by 1 order by 1",
    )
    assert [line.rstrip() for line in done.stdout.splitlines()] == [
        "account_profile   groups   in_use",
        "─────────────────────────────────",
        "alpha                  4   true",
        "beta                   2   NULL",
    ]
    assert done.return_value == 3  # beta's interfaces, and all of gamma, were refused
    assert "11 of 21 cells (account × region × policy) were read" in done.stderr
    assert done.stderr.splitlines()[-3:] == [
        "11 of 21 cells (account × region × policy) were read",
        "not read whole: 2 of 3 accounts, 1 of them not at all",
        "which, and what to do: sg-audit query 'from unread'",
    ]


def test_csv_and_json_say_what_is_null_and_what_is_nothing(runs: Path) -> None:
    columns = "security_group_id, in_use, ssh_rules, waived, first_seen"
    sql = f"select {columns} from security_groups where region = 'us-east-1' order by 1"
    rows = list(csv.reader(io.StringIO(query("-s", runs, sql, "--format", "csv").stdout)))
    assert rows[0] == ["security_group_id", "in_use", "ssh_rules", "waived", "first_seen"]
    assert rows[1] == ["sg-a", "true", "0.0.0.0/0 -> 22", "", "2026-11-16"]
    assert rows[5] == ["sg-f", "NULL", "0.0.0.0/0 -> 22", "", "2026-11-23"]
    records = asked("-s", runs, sql)
    assert records[3] == {
        "security_group_id": "sg-e",
        "in_use": False,
        "ssh_rules": [],
        "waived": "",
        "first_seen": "2026-11-16",
    }
    assert records[4]["in_use"] is None


def test_every_kind_of_value_is_printed(runs: Path) -> None:
    sql = (
        "select -1 as n, -1.5::decimal(4, 1) as d, 12345678901234567.89::decimal(20, 2) as long, "
        "-0.5::double as f, 'nan'::double as nan, 1 as n, "
        "date '2026-11-23' as day, timestamp '2026-11-23 21:03:55' as at, [['=a'], null] as nested, "
        "{'a': [1]} as s, null as nothing"
    )
    (record,) = asked("-s", runs, sql)
    assert record == {
        "n": -1,
        "d": -1.5,
        "long": "12345678901234567.89",
        "f": -0.5,
        "nan": "nan",
        "n_2": 1,
        "day": "2026-11-23",
        "at": "2026-11-23T21:03:55",
        "nested": [["=a"], None],
        "s": {"a": [1]},
        "nothing": None,
    }
    _, row = csv.reader(io.StringIO(query("-s", runs, sql, "--format", "csv").stdout))
    assert row == [
        *("-1", "-1.5", "12345678901234567.89", "-0.5", "nan", "1", "2026-11-23", "2026-11-23 21:03:55"),
        *("'=a, NULL", '{"a": [1]}', "NULL"),
    ]


@pytest.mark.parametrize(
    ("style", "printed"),
    [
        ("table", "=1+1_[31m_ü"),
        ("csv", "'=1+1_[31m_ü"),
        ("json", "=1+1\\u001b[31m\\u202e\\u00fc"),
    ],
)
def test_what_aws_calls_things_does_nothing_to_a_terminal_or_spreadsheet(
    tmp_path: Path, style: str, printed: str
) -> None:
    write(tmp_path / "run", {("alpha", US): unit([group("sg-a", "=1+1\x1b[31m\u202eü")])})
    done = query("-s", tmp_path / "run", "select group_name from security_groups", "--format", style)
    assert printed in done.stdout
    assert "\x1b" not in done.stdout and "\u202e" not in done.stdout


def test_an_empty_answer_has_its_heads(runs: Path) -> None:
    sql = "select policy, level from findings where false"
    assert query("-s", runs, sql).stdout.splitlines()[0].split() == ["policy", "level"]
    assert query("-s", runs, sql, "--format", "csv").stdout == "policy,level\n"
    assert asked("-s", runs, sql) == []


def test_a_row_is_a_line_where_it_is_piped_however_wide(runs: Path) -> None:
    lines = query("-s", runs, "from security_groups").stdout.splitlines()
    assert len(lines) == 2 + 6
    assert lines[0].split()[:2] == ["account_profile", "account_id"]
    assert "…" not in "".join(lines)


def test_a_long_value_stays_on_its_line_where_it_is_piped(runs: Path) -> None:
    lines = query("-s", runs, "select repeat('日', 20000) as long, 1 as one").stdout.splitlines()
    assert len(lines) == 3
    assert lines[2].split() == ["日" * 20_000, "1"]


def test_a_terminal_too_narrow_has_records(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")  # as rich finds a terminal
    monkeypatch.setenv("NO_COLOR", "1")
    answer = locked.Answer([f"column_{n}" for n in range(9)], iter([[tuple(f"value-{n}" for n in range(9))]]))
    printing.as_table(answer, lambda: True)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 40 + len("\x1b[1m\x1b[0m") * 2
    assert sum("value-8" in line for line in lines) == 1


@pytest.mark.parametrize("style", ["table", "csv", "json"])
def test_an_answer_is_printed_as_it_comes_and_no_further_than_somebody_reads(
    style: str, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = []

    def endless() -> Any:
        while True:
            taken.append(1)
            yield [(1, ["a"])] * 3

    told = iter([True, False])
    printing.PRINTERS[style](locked.Answer(["n", "list"], endless()), lambda: next(told))
    assert len(taken) == 2
    assert capsys.readouterr().out.count("a") >= 6


# Which run, and what of it


def test_it_asks_the_newest_run_or_the_one_of_a_time(runs: Path) -> None:
    assert asked("-s", runs, "select count(*) as n from security_groups") == [{"n": 6}]
    assert asked("-s", runs, "--at", "2026-11-20", "select count(*) as n from security_groups") == [{"n": 6}]
    older = asked("-s", runs, "--at", "2026-11-20", "select distinct region from security_groups order by 1")
    assert older == [{"region": "eu-west-1"}, {"region": "us-east-1"}]


def test_accounts_policies_waivers_and_fields_are_as_in_a_report(runs: Path) -> None:
    waivers = runs.with_name("waivers.yml")
    of = ("-s", runs, "-w", waivers, "-a", "alpha", "--field", "name=GroupName")
    assert asked(*of, "select name, is_waived from security_groups order by 1") == [
        {"name": "default", "is_waived": False},
        {"name": "old", "is_waived": True},
        {"name": "spare", "is_waived": False},
        {"name": "web", "is_waived": False},
    ]
    alone = asked("-s", runs, "-p", "sg-default", "select distinct policy from findings")
    assert alone == [{"policy": "sg-default"}]
    assert refused("-s", runs, "-a", "nobody", "select 1")[0].startswith("-a nobody: not in the output")


def test_waivers_at_hand_that_are_not_taken_are_told(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "waivers.yml" not in query("-s", runs, "from waived_findings").stderr
    Path("waivers.yml").write_text(WAIVERS, encoding="utf-8")
    told = "waivers.yml: not taken, as no accounts file is given; -w waivers.yml takes it"
    assert told in query("-s", runs, "from waived_findings").stderr.splitlines()
    assert told not in query("-s", runs, "-w", "waivers.yml", "from waived_findings").stderr.splitlines()


def test_the_columns_of_an_accounts_file_are_there(runs: Path, tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.yml"
    accounts.write_text(
        "accounts:\n- {name: alpha, account_id: '111111111111', role: r, tags: ['team:web']}\n",
        encoding="utf-8",
    )
    sql = 'select account_profile, "account:team" as team from accounts order by 1'
    assert asked("-s", runs, "-c", accounts, sql)[:2] == [
        {"account_profile": "alpha", "team": "web"},
        {"account_profile": "beta", "team": None},
    ]


def test_the_query_may_come_from_stdin(runs: Path) -> None:
    done = query("-s", runs, "-", "--format", "csv", stdin="\ufeffselect 1 as one\n-- of one\n;")
    assert done.stdout == "one\n1\n"


def test_a_query_is_utf_8_whatever_the_locale(runs: Path) -> None:
    # As Python has an argument where the locale is C.
    sql = "select 'é' as a".encode().decode("ascii", "surrogateescape")
    assert asked("-s", runs, sql) == [{"a": "é"}]
    with pytest.raises(InputError, match=r"^the query is not UTF-8: byte 9 of it$"):
        query("select '\udcff'")
    with pytest.raises(InputError, match=r"^the query is not UTF-8: byte 1 of it$"):
        CliRunner().invoke(cli, ["query", "-"], standalone_mode=False, catch_exceptions=False, input=b"\xff")


def test_a_stdin_that_is_closed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reporter.cli.query.sys.stdin", None)
    with pytest.raises(InputError, match=r"^-: there is no stdin$"):
        cli(["query", "-"], standalone_mode=False)


# Several runs


def test_several_runs_are_told_apart_by_when_they_began(runs: Path) -> None:
    sql = "select run, count(*) as n, count(distinct region) as regions from security_groups group by run order by run"
    assert asked("-s", runs, "--runs", "2", sql) == [
        {"run": "2026-11-16T21:03:55", "n": 6, "regions": 2},
        {"run": "2026-11-23T21:03:55", "n": 6, "regions": 1},
    ]
    assert asked("-s", runs, "--runs", "1", "select distinct run from findings") == [
        {"run": "2026-11-23T21:03:55"}
    ]
    first = query("-s", runs, "--runs", "2", "select * from findings", "--format", "csv").stdout
    assert first.startswith("run,account_profile,")


def test_fewer_runs_than_were_asked_for_are_told(runs: Path) -> None:
    done = query("-s", runs, "--runs", "10", "select 1")
    assert "--runs 10: there are 2" in done.stderr


def test_views_keep_runs_apart(runs: Path) -> None:
    waivers = ("-w", runs.with_name("waivers.yml"), "--runs", "2")
    columns = "run, risk, open, waived, possible, possible_waived"
    sql = f"select {columns} from groups_by_risk where risk in ('critical', 'medium')"
    assert [tuple(row.values()) for row in asked("-s", runs, *waivers, sql)] == [
        ("2026-11-16T21:03:55", "critical", 1, 0, 0, 0),
        ("2026-11-16T21:03:55", "medium", 2, 1, 0, 0),
        ("2026-11-23T21:03:55", "critical", 1, 0, 2, 1),
        ("2026-11-23T21:03:55", "medium", 0, 1, 0, 0),
    ]


def test_the_trend_of_a_run_keeps_its_own_column_under_another_name(runs: Path) -> None:
    sql = "select run, run_2 from summary_runs order by all"
    assert [tuple(row.values()) for row in asked("-s", runs, "--runs", "2", sql)] == [
        ("2026-11-16T21:03:55", "2026-11-16T21:03:00"),
        ("2026-11-23T21:03:55", "2026-11-16T21:03:00"),
        ("2026-11-23T21:03:55", "2026-11-23T21:03:00"),
    ]


def test_runs_of_one_second_are_two(tmp_path: Path) -> None:
    for name in (NEWER, f"{NEWER}-2"):
        write(tmp_path / name, {("alpha", US): unit([group("sg-a")])})
    found = asked(
        "-s",
        tmp_path,
        "--runs",
        "2",
        "select run, count(*) as n from security_groups group by run order by run",
    )
    assert [(datetime.fromisoformat(row["run"]).microsecond, row["n"]) for row in found] == [(0, 1), (1, 1)]


def test_tables_of_runs_with_other_columns_and_types_are_one(tmp_path: Path) -> None:
    buckets = {"name": "buckets", "resource": "aws.s3", "filtered": True, "report": {}}
    answers = {
        "20261101T000000Z": [{"Name": "a", "Size": 1, "Mixed": 1, "Flag": True}],
        "20261102T000000Z": [{"Name": "b", "Size": 1.5, "Mixed": "x", "Flag": "", "Run": "mine"}],
        "20261103T000000Z": [
            {"Name": "c", "Size": None, "Mixed": True, "Tags": [{"Key": "k", "Value": "v"}]}
        ],
    }
    for name, found in answers.items():
        write(
            tmp_path / name,
            {("alpha", US): {"buckets": found}},
            [buckets],
            started=f"{name[:4]}-{name[4:6]}-{name[6:8]}T00:00:00+00:00",
        )
    fields = [word for name in ("Size", "Mixed", "Flag", "Run") for word in ("--field", f"{name}={name}")]
    rows = asked("-s", tmp_path, "--runs", "3", *fields, "select * exclude (run) from buckets order by run")
    told = [(row["Size"], row["Mixed"], row["Flag"], row["Run_2"], row["tags"]) for row in rows]
    assert told == [(1.0, "1", True, "", []), (1.5, "x", None, "mine", []), (None, "true", None, "", ["k=v"])]


def test_a_list_of_which_there_is_none_is_empty_in_each_run(tmp_path: Path) -> None:
    buckets = {"name": "buckets", "resource": "aws.s3", "filtered": True, "report": {}}
    answers: dict[int, Any] = {
        1: [{"Name": "a"}],
        2: [{"Name": "b", "Zones": ["x", "y"]}, {"Name": "c"}, {"Name": "d", "Zones": []}],
    }
    for day, found in answers.items():
        write(
            tmp_path / f"2026110{day}T000000Z",
            {("alpha", US): {"buckets": found}},
            [buckets],
            started=f"2026-11-0{day}T00:00:00+00:00",
        )
    of = ("-s", tmp_path, "--field", "Zones=Zones")
    assert [row["Zones"] for row in asked(*of, "from buckets order by Name")] == [["x", "y"], [], []]
    several = asked(*of, "--runs", "2", "from buckets order by Name")
    assert [row["Zones"] for row in several] == [[], ["x", "y"], [], []]


def test_a_run_that_cannot_be_read_is_told_and_the_others_answer(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write(
            tmp_path / f"2026110{number}T000000Z",
            {("alpha", US): unit([group("sg-a")])},
            started=f"2026-11-0{number}T00:00:00+00:00",
        )
    (tmp_path / "20261102T000000Z/run.json").write_text('{"tool": "c7n-sg-audit 0"', encoding="utf-8")
    done = query(
        "-s", tmp_path, "--runs", "3", "select run from facts group by run order by run", "--format", "csv"
    )
    assert done.stdout.split("\n")[1:3] == ["2026-11-01 00:00:00", "2026-11-03 00:00:00"]
    assert "an earlier run is left out: " in done.stderr and "20261102T000000Z/run.json" in done.stderr
    assert done.return_value == 3


def test_an_older_run_that_is_not_whole_is_told(tmp_path: Path) -> None:
    write(
        tmp_path / OLDER,
        {("alpha", US): unit([group("sg-a")], "denied")},
        started="2026-11-16T21:03:55+00:00",
    )
    write(tmp_path / NEWER, {("alpha", US): unit([group("sg-a")])})
    alone = query("-s", tmp_path, "select 1")
    assert alone.return_value == 0
    both = query("-s", tmp_path, "--runs", "2", "select 1")
    assert both.return_value == 3
    assert f"{OLDER}: 6 of 7 cells (account × region × policy) were read" in both.stderr


def test_where_earlier_runs_lie_may_be_told(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / NEWER, tmp_path / NEWER)
    of = ("-s", tmp_path / NEWER, "--runs", "2", "select count(distinct run) as n from facts")
    assert asked(*of) == [{"n": 1}]
    assert asked(*of, "--history", runs) == [{"n": 2}]


# What there is


def test_it_lists_all_that_there_is_with_its_meaning(runs: Path) -> None:
    listed = asked("-s", runs, "--list")
    assert list(listed[0]) == ["table", "column", "type", "meaning"]
    tables = {row["table"]: row["meaning"] for row in listed if row["type"] in ("table", "view")}
    assert {"findings", "security_groups", "coverage", *(view.name for view in VIEWS)} <= set(tables)
    assert tables["unread"].startswith("What was to be read and was not")
    assert all(row["meaning"] for row in listed)
    types = {(row["table"], row["column"]): row["type"] for row in listed}
    assert types["security_groups", "in_use"] == "BOOLEAN"
    assert types["security_groups", "reachable"] == "VARCHAR"
    assert types["security_groups", "tags"] == "VARCHAR[]"
    assert types["findings", "first_seen"] == "DATE"
    assert types["groups_by_risk", "open"] == "BIGINT"


@pytest.mark.parametrize(
    "sql",
    [
        "select comment from Duckdb_Tables() where table_name = 'buckets'",
        "select column_comment from INFORMATION_SCHEMA.columns where table_name = 'buckets'",
        "select description from pg_description",
        "from query('select comment from duck' || 'db_tables()')",
        "from query_table(['duck' || 'db_tables'])",
        "from json_execute_serialized_sql(json_serialize_sql('select comment from duck' || 'db_tables()'))",
    ],
)
def test_meanings_are_there_however_they_are_asked_for(tmp_path: Path, sql: str) -> None:
    policy = {"name": "buckets", "resource": "aws.s3", "filtered": True, "report": {"title": "All buckets"}}
    run = write(tmp_path / "run", {("alpha", US): {"buckets": [{"Name": "b"}]}}, [policy])
    done = query("-s", run, sql, "--format", "json")
    assert "All buckets" in done.stdout or "Name of the account in the accounts file" in done.stdout


def test_no_view_of_duckdbs_tells_a_meaning_that_was_left_out() -> None:
    with locked.database() as database:
        database.execute("create table found as select 1 as a")
        database.execute("create view seen as from found")
        for what in ("table found", "column found.a", "view seen", "column seen.a"):
            database.execute(f"comment on {what} is 'what it means'")
        views = database.execute(
            "select schema_name, view_name from duckdb_views() where internal"
        ).fetchall()
        names = [f'system."{schema}"."{view}"' for schema, view in views]
        telling = [
            name for name in names if "what it means" in str(database.execute(f"from {name}").fetchall())
        ]
    assert len(telling) > 3
    assert [name for name in telling if not loading.may_tell_meanings(f"from {name}")] == []


def test_views_whose_tables_are_not_there_are_not_made(tmp_path: Path) -> None:
    policy = {"name": "buckets", "resource": "aws.s3", "filtered": True, "report": {}}
    run = write(tmp_path / "run", {("alpha", US): {"buckets": [{"Name": "b"}]}}, [policy])
    listed = {row["table"] for row in asked("-s", run, "--list")}
    assert listed == {"facts", "accounts", "regions", "policies", "buckets", "summary", "coverage", "unread"}


def test_a_view_that_is_called_as_a_policys_tab_is_numbered(tmp_path: Path) -> None:
    mine = {"name": "mine", "resource": "aws.security-group", "filtered": True, "report": {"tab": "Unread"}}
    units = {("alpha", US): unit([group('sg-"a')], "denied", mine=[group('sg-"a')])}
    run = write(tmp_path / "run", units, [*POLICIES, mine])
    assert asked("-s", run, "select security_group_id from unread") == [{"security_group_id": 'sg-"a'}]
    assert asked("-s", run, "select cells from unread_2") == [{"cells": 1}]


@pytest.mark.parametrize("name", ["tables", "Columns", "pg_class", "duckdb_tables", "sg_audit_source"])
def test_a_policy_may_be_called_as_what_duckdb_has_of_its_own(tmp_path: Path, name: str) -> None:
    policy = {"name": name, "resource": "aws.dynamodb-table", "filtered": True, "report": {}}
    for day in (1, 2):
        started = f"2026-11-0{day}T00:00:00+00:00"
        units: Any = {("alpha", US): {name: [{"TableName": f"table-{day}"}]}}
        write(tmp_path / f"2026110{day}T000000Z", units, [policy], started=started)
    assert asked("-s", tmp_path, f"select TableName from main.{name}") == [{"TableName": "table-2"}]
    both = asked("-s", tmp_path, "--runs", "2", f"select TableName from main.{name} order by run")
    assert both == [{"TableName": "table-1"}, {"TableName": "table-2"}]
    tables = {
        row["table"]: row["meaning"] for row in asked("-s", tmp_path, "--list") if row["type"] == "table"
    }
    assert tables[name] == name


# Examples


def test_examples_can_be_pasted() -> None:
    done = query("--example")
    assert done.return_value == 0
    lines = [line for line in done.stdout.splitlines() if line.startswith("sg-audit query ")]
    assert len(lines) == len(EXAMPLES)
    assert not any(char in example.sql for example in EXAMPLES for char in '"$`\\!')


# What is wrong


def test_a_wrong_query_is_told_in_duckdbs_words_with_its_pointer(runs: Path) -> None:
    said = refused("-s", runs, "select polcy from findings")
    assert said[0] == 'Binder Error: Referenced column "polcy" not found in FROM clause!'
    assert said[-2:] == ("LINE 1: select polcy from findings", "               ^^^^^")


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("selec 1", 'Parser Error: syntax error at or near "selec"'),
        ("select 1; select 2", "give one query, not 2"),
        ("", "the query is empty"),
        ("/* nothing */ ;", "the query is empty"),
        ("drop table findings", "only a query is taken: SELECT, FROM, WITH, DESCRIBE or EXPLAIN, not DROP"),
        ("set threads = 1", "only a query is taken: SELECT, FROM, WITH, DESCRIBE or EXPLAIN, not SET"),
    ],
)
def test_what_is_no_query_is_told_before_anything_is_read(sql: str, said: str) -> None:
    assert refused("-s", "nowhere", sql)[0] == said


@pytest.mark.parametrize("words", [(), ("select 1", "--list"), ("--list", "--example")])
def test_one_thing_is_asked_for(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(cli, ["query", *words])
    assert done.exit_code == 2
    assert "give one query, or --list, or --example" in done.stderr


def test_output_that_is_not_there_is_told_as_by_a_report(tmp_path: Path) -> None:
    assert "no such output directory" in refused("-s", tmp_path / "nowhere", "select 1")[0]


@pytest.mark.parametrize("style", ["table", "csv", "json"])
def test_lists_too_deep_to_be_printed_are_told(style: str) -> None:
    deep: Any = 1
    for _ in range(2_000):
        deep = [deep]
    with pytest.raises(InputError, match=r"^the answer has lists nested too deeply to be printed$"):
        printing.show(style, locked.Answer(["deep"], iter([[(deep,)]])), lambda: True)


def test_the_exit_code_of_a_wrong_query(sg_audit: Callable[..., CompletedProcess[str]], runs: Path) -> None:
    done = sg_audit("query", "-s", runs, "select polcy from findings")
    assert (done.returncode, done.stdout) == (2, "")
    assert "sg-audit: LINE 1: select polcy from findings\nsg-audit:                ^^^^^\n" in done.stderr


# What nobody gets to do

CANARY = 42  # a name of Python's that no query finds


@pytest.mark.parametrize(
    "sql",
    [
        "from read_csv('{file}')",
        "from read_text('{file}')",
        "from read_blob('{file}')",
        "from read_parquet('{file}')",
        "from read_json('{file}')",
        "from sniff_csv('{file}')",
        "from '{file}'",
        "from glob('{folder}/*')",
        "select * from read_csv('https://example.com/x.csv')",
        "select * from 's3://bucket/x.parquet'",
        "copy findings to '{folder}/out.csv'",
        "explain analyze copy findings to '{folder}/out.csv'",
        "explain analyze delete from findings",
        "explain analyze create table other as from findings",
        "with gone as (delete from findings returning *) from gone",
        "attach '{folder}/other.duckdb'",
        "export database '{folder}/out'",
        "import database '{folder}'",
        "install httpfs",
        "load httpfs",
        "select * from sqlite_scan('{file}', 't')",
        "select getenv('HOME')",
        "set enable_external_access = true",
        "reset lock_configuration",
        "pragma memory_limit = '1TB'",
        "pragma enable_profiling",
        "call enable_logging()",
        "create secret s (type s3)",
        "from duckdb_extensions()",
        "from frame",
        "from CANARY",
        "select * from pandas_scan(0)",
        "select * from query('copy findings to ''{folder}/out.csv''')",
        "pivot (from read_csv('{file}')) on a using count(*)",
        "prepare p as select 1",
        "begin",
        "vacuum",
        "checkpoint",
    ],
)
def test_a_query_gets_at_nothing_but_the_run(runs: Path, tmp_path: Path, sql: str) -> None:
    import pandas as pd

    frame = pd.DataFrame({"a": [1]})
    (tmp_path / "secret.csv").write_text("a\ntop-secret\n", encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    with locked.database() as database:
        database.register("handed", frame)
        database.execute("create table findings as from handed")
        database.unregister("handed")
        locked.lock(database)
        with pytest.raises(InputError) as error:
            text = sql.format(file=tmp_path / "secret.csv", folder=tmp_path)
            for _ in locked.ask(database, locked.parsed(database, text)).batches:
                pass
    assert "top-secret" not in str(error.value)
    assert sorted(tmp_path.iterdir()) == before


def test_no_secrets_are_kept_and_none_told() -> None:
    with locked.database() as database:
        locked.lock(database)
        answer = locked.ask(database, locked.parsed(database, "from duckdb_secrets()"))
        assert list(answer.batches) == []


def test_neither_the_home_folder_nor_the_time_zone_of_the_machine_is_told() -> None:
    told = "current_setting('secret_directory'), timestamptz '2026-01-01 00:00:00+00'::date::text"
    asking = (
        "from reporter.report.sql import locked\n"
        "with locked.database() as database:\n"
        "    locked.lock(database)\n"
        f'    print(*locked.ask(database, locked.parsed(database, "select {told}")).batches)\n'
    )
    done = subprocess.run(
        [sys.executable, "-c", asking],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TZ": "Pacific/Pago_Pago"},
    )
    assert done.stdout == "[('', '2026-01-01')]\n"


def test_too_much_for_the_memory_is_told(tmp_path: Path) -> None:
    with locked.database() as database:
        database.execute("set memory_limit = '50MB'")
        locked.lock(database)
        with pytest.raises(InputError, match="Out of Memory Error"):
            locked.ask(database, locked.parsed(database, "select len(list(i)) from range(100000000) t(i)"))


@pytest.mark.parametrize("columns", ["count(*)", "i"])
def test_ctrl_c_ends_a_query(columns: str) -> None:
    sql = f"select {columns} from range(1000000000000) t(i) where hash(i) = 1"
    with locked.database() as database:
        locked.lock(database)
        statement = locked.parsed(database, sql)
        # From outside: DuckDB hears of what a thread of this process sends.
        sender = subprocess.Popen(["sh", "-c", f"sleep 0.4; kill -INT {os.getpid()}"])
        with pytest.raises(KeyboardInterrupt):
            list(locked.ask(database, statement).batches)
        sender.wait()


def test_a_second_ctrl_c_does_not_wait_for_a_long_step() -> None:
    asking = (
        "from reporter.report.sql import locked\n"
        "with locked.database() as database:\n"
        "    locked.lock(database)\n"
        "    statement = locked.parsed(database, 'select len(list_sort(range(5000000)))')\n"
        "    print('asked', flush=True)\n"
        "    locked.ask(database, statement)\n"
    )
    with subprocess.Popen([sys.executable, "-c", asking], stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"asked\n"
        while process.poll() is None:
            time.sleep(0.1)
            process.send_signal(signal.SIGINT)
    assert process.returncode == -signal.SIGINT


def test_what_it_needs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("reporter.report.sql.locked", "reporter.report.sql"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    (said,) = refused("select 1")
    assert re.fullmatch(
        r"query: needs duckdb, which is not installed: \S+ -m pip install 'c7n-sg-audit\[duckdb\]'", said
    )


def test_what_it_needs_and_cannot_be_loaded_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("reporter.report.sql.locked", "reporter.report.sql", "duckdb"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    (tmp_path / "duckdb.py").write_text("raise ImportError('made for\\nanother')")
    monkeypatch.syspath_prepend(tmp_path)
    assert refused("select 1") == ("query: what it needs cannot be loaded: ImportError: made for another",)
