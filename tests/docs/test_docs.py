"""What README and docs say of the program, held against the program."""

import csv
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import click
import openpyxl
import pytest
import yaml
from click.testing import CliRunner, Result

from reporter.accounts import chosen
from reporter.cli import cli, options, terminal
from reporter.collect import lookups
from reporter.custodian.metadata import ACCESS_FINDINGS, ROLE_COLUMNS, ReportMetadata
from reporter.findings import waivers
from reporter.findings.risk import LEVELS
from reporter.inventory import access_findings, analyzers
from reporter.inventory.analyzers import INTERNAL, OTHER, UNUSED_PERMISSIONS, UNUSED_ROLE
from reporter.inventory.iam.actions import DATA_ACTIONS, TAKES_UP_A_ROLE
from reporter.inventory.iam.words import Power
from reporter.report import formats, metrics
from reporter.report.entries import COLUMNS as AUDITORS
from reporter.report.sql.views import VIEWS
from reporter.sandbox import faults
from tests import rundir

from .pages import DOCS, README, ROOT, Command, Page, read, spans

PAGES = [read(path) for path in (README, *sorted(DOCS.glob("*.md")), ROOT / "bench/README.md")]
COMMANDS_PAGE, METRICS, PERMISSIONS, POLICIES, WORKBOOK = (
    read(DOCS / f"{name}.md") for name in ("commands", "metrics", "permissions", "policies", "workbook")
)

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def sg_audit(*words: str | Path) -> Result:
    """Runs the command line in this process; the exit code is the result's `return_value`."""
    done = CliRunner().invoke(cli, list(map(str, words)), standalone_mode=False)
    assert done.exception is None, (words, done.output, done.exception)
    return done


def single(page: Page, *head: str) -> list[list[str]]:
    """The rows of the page's one table with such a head."""
    (rows,) = page.tables(*head)
    return rows


# Pages


def test_the_readme_is_a_way_in_and_names_every_page() -> None:
    readme = PAGES[0]
    assert len(readme.text.splitlines()) < 200
    assert {f"docs/{path.name}" for path in DOCS.glob("*.md")} <= set(readme.links)


@every_page
def test_every_link_leads_somewhere(page: Page) -> None:
    for link in page.links:
        if re.match(r"https?:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.path.parent / file).resolve() if file else page.path
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in read(target).anchors, link


def test_the_example_of_an_accounts_file_is_one() -> None:
    assert [account.name for account in chosen.read(ROOT / "accounts.yml")] == [
        "dev",
        "production",
        "playground",
    ]


def test_the_example_of_a_file_of_waivers_is_one() -> None:
    (example,) = read(DOCS / "waivers.md").code("yaml")
    (waiver,) = waivers.parse(example.encode(), "waivers.yml", date(2026, 11, 26))
    assert str(waiver) == "until 2027-01-31: jump host behind port knocking, OPS-1234 (platform-team)"
    keys = {key for row in single(read(DOCS / "waivers.md"), "key") for key in spans(row[0])}
    assert keys == set(waivers.SCHEMA["properties"]["waivers"]["items"]["properties"])


def test_the_views_are_listed_with_what_they_show() -> None:
    listed = [
        (spans(name)[0], shows.replace("`", "")) for name, shows in single(read(DOCS / "sql.md"), "view")
    ]
    assert listed == [(view.name, view.meaning[0].lower() + view.meaning[1:]) for view in VIEWS]


# Commands and options


@every_page
def test_every_command_line_is_one(page: Page) -> None:
    for command in page.commands:
        if command.words[0] == "sg-audit":
            parse(command)


def parse(command: Command) -> None:
    """Have the command line read the words, and no more. Raises click's errors."""
    _, *words = command.words
    group: click.Command = cli
    if not words[0].startswith("-"):
        assert words[0] in cli.commands, str(command)
        group = cli.commands[words.pop(0)]
    with suppress(click.exceptions.Exit):  # as --help does
        group.make_context("sg-audit", words)


@every_page
def test_every_command_and_option_in_the_text_exists(page: Page) -> None:
    known = {name for name, _ in spellings()}
    for span in page.spans:
        words = span.split()
        if words[0] == "sg-audit" and len(words) > 1 and not words[1].startswith("-"):
            given = {word for word in words[2:] if word.startswith("-")}
            assert given <= {name for name, command in spellings() if command == words[1]}, span
            assert words[1] in cli.commands, span
        elif re.match(r"--?[a-z]", span):
            assert words[0] in known, span


def spellings() -> set[tuple[str, str]]:
    """Every spelling of every option, with its command."""
    of_all = {("--help", name) for name in cli.commands}
    return of_all | {
        (spelling, name)
        for name, command in cli.commands.items()
        for option in command.params
        for spelling in option.opts
    }


def test_the_readme_lists_every_command() -> None:
    listed = [spans(row[0])[0] for row in single(PAGES[0], "command")]
    assert sorted(listed) == sorted(f"sg-audit {name}" for name in cli.commands)


def test_every_option_is_listed_with_the_commands_that_take_it() -> None:
    rows = [row for rows in COMMANDS_PAGE.tables("option", "of") for row in rows]
    listed = [(spans(row[0])[0].split()[0], name) for row in rows for name in row[1].split(", ")]
    assert sorted(listed) == sorted(
        (min(option.opts, key=len), name)
        for name, command in cli.commands.items()
        for option in command.params
    )


def test_exit_codes_are_those_of_the_command_line() -> None:
    listed = [int(code) for code, _ in single(COMMANDS_PAGE, "exit")]
    assert listed == sorted(code for name, code in vars(terminal).items() if name.startswith("EXIT_"))


MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = re.findall(r"^([a-z]+):.*?##", MAKEFILE, re.MULTILINE)
VARIABLES = re.findall(r"^(\w+) *\?=", MAKEFILE, re.MULTILINE)


@every_page
def test_every_make_target_and_variable_exists(page: Page) -> None:
    in_text = [span.split() for span in page.spans if span.startswith("make ")]
    for words in [*in_text, *(command.words for command in page.commands if command.words[0] == "make")]:
        for word in words[1:]:
            name, equals, _ = word.partition("=")
            assert name in (VARIABLES if equals else TARGETS), " ".join(words)


def test_make_targets_and_variables_are_listed() -> None:
    targets = [spans(row[0])[0] for row in single(COMMANDS_PAGE, "target")]
    assert sorted(targets) == sorted(f"make {name}" for name in TARGETS)
    variables = [spans(row[0])[0] for row in single(COMMANDS_PAGE, "variable")]
    assert sorted(variables) == sorted(VARIABLES)


def made(*words: str) -> list[str]:
    """The calls of sg-audit that make would carry out."""
    command = ["make", "-n", "-o", ".venv/.ready", *words]
    env = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "FORMATS", "ACCOUNTS")
    }
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if "bin/sg-audit" in line]


def test_make_writes_a_page_beside_the_workbook() -> None:
    given = [re.findall(r" -f (\w+)", line) for line in made("demo", "audit", "report")]
    assert given == [["xlsx", "html"]] * 3


def test_make_reports_again_with_the_accounts_and_waivers_of_the_audit() -> None:
    assert [re.findall(r" -c (\S+)", line) for line in made("audit", "report")] == [["accounts.yml"]] * 2
    (without,) = made("report", "ACCOUNTS=none.yml")  # output of others may be all there is
    assert " -c " not in without


# Permissions


def test_the_permissions_of_each_option_are_shown() -> None:
    shown = {option: spans(actions) for option, actions, _ in single(PERMISSIONS, "option")}
    assert shown == {f"`{each.option}`": list(each.actions) for each in lookups.LOOKUPS}


def test_the_permissions_shown_are_those_that_are_printed() -> None:
    printed = sg_audit("permissions", "-u", ROOT / "policies").stdout
    assert PERMISSIONS.code("json")[0] == printed
    needed = set(json.loads(printed)["Statement"][0]["Action"])
    explained = {action for row in single(PERMISSIONS, "action") for action in spans(row[0])}
    assert explained <= needed


# The workbook


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """The heads of every tab's columns with their comments: of a run on groups, and of one on something else."""
    folder = tmp_path_factory.mktemp("runs")
    group = rundir.group("sg-1", ssh_from=rundir.WORLD)
    on_groups = rundir.unit([group], [rundir.interface("eni-1", group)], rundir.DENIED)
    rundir.write(folder / "groups", {("alpha", "us-east-1"): on_groups})
    volumes = {"name": "volumes", "resource": "aws.ebs"}
    rundir.write(folder / "volumes", {("alpha", "us-east-1"): {"volumes": []}}, [volumes])
    found = tab_heads(folder / "groups")
    return found | {"summary of policies": tab_heads(folder / "volumes")["summary"]}


def tab_heads(run: Path) -> dict[str, dict[str, str]]:
    """Of the workbook, where the columns are those of all formats but for links; of CSV what it leaves out or puts
    together."""
    words = ("report", "-s", run, "-o", run / "reports", "-f", "xlsx", "-f", "csv")
    book, *files = sg_audit(*words).stdout.split()
    heads = {}
    for file in files:
        with Path(file).open(newline="") as lines:
            tab = re.sub(r"security_groups_inventory_\w{15}_", "", Path(file).stem)
            heads[tab] = dict.fromkeys(next(csv.reader(lines)), "")
    for sheet in openpyxl.load_workbook(book)._sheets[1:]:
        if sheet.title != "coverage":
            heads[sheet.title] = {
                str(cell.value): cell.comment.text if cell.comment else ""
                for cell in next(iter(sheet.iter_rows(max_col=sheet.max_column)))
                if cell.value is not None and not sheet.column_dimensions[cell.column_letter].hidden
            }
    return heads | {"overview": {}}


def test_every_tab_is_listed(heads: Mapping[str, object]) -> None:
    listed = {name for row in single(WORKBOOK, "tab") for name in spans(row[0])}
    summaries = {name for name in heads if name.startswith("summary")}
    assert summaries == {
        "summary",
        "summary of policies",
        *(f"summary_{of}" for of in ("accounts", "regions", "runs")),
    }
    assert {*heads, "summary", "closed"} - summaries <= listed


def columns(number: int) -> dict[str, str]:
    """What the page says of columns, in one of its tables."""
    rows = WORKBOOK.tables("column")[number]
    return {name: row[1] for row in rows for name in spans(row[0])}


def test_every_column_is_listed_and_none_else(heads: Mapping[str, Mapping[str, str]]) -> None:
    groups, attachments, duplicates, changes, accepted, closed, summary, of_policies, coverage = map(
        columns, range(9)
    )
    assert list(closed)[-4:] == list(AUDITORS)
    finding_tabs = [set(heads[name]) - set(AUDITORS) for name in ("default_sg", "ssh_open", "ssh_world")]
    assert {name for tab in (*finding_tabs, heads["security_groups"]) for name in tab} == set(groups)
    assert list(heads["security_groups"]) == [name for name in groups if name in heads["security_groups"]]
    assert list(attachments) == list(heads["attachments"])
    assert list(duplicates) == list(heads["duplicates"])
    assert list(changes) == list(heads["changes"])
    assert list(accepted) == list(heads["waivers"])
    counted = [heads[f"summary_{of}"] for of in ("accounts", "regions", "runs")]
    assert {name for head in counted for name in head} == set(summary)
    for head in counted:
        assert list(head) == [name for name in summary if name in head]
    assert list(of_policies) == list(heads["summary of policies"])
    assert list(coverage) == list(heads["coverage"])


def test_a_column_of_groups_is_explained_as_its_head_explains_it(
    heads: Mapping[str, Mapping[str, str]],
) -> None:
    listed = columns(0)
    told = {name: text for tab in ("security_groups", "ssh_world") for name, text in heads[tab].items()}
    assert {name: told[name] for name in listed} == listed


def test_the_words_and_actions_of_roles_are_those_there_are() -> None:
    page = read(DOCS / "iam.md")
    assert [spans(row[0])[0] for row in page.tables("word")[0]] == list(Power)
    listed = page.text.partition("`data access` is any of these.")[2].partition("AWS's own")[0]
    assert spans(listed) == list(DATA_ACTIONS)
    listed = page.text.partition("is there already:")[2].partition(".")[0]
    assert spans(listed) == list(TAKES_UP_A_ROLE)
    assert {spans(row[0])[0] for row in page.tables("name")[0]} == set(ROLE_COLUMNS)
    assert all(f"`{name}`" in WORKBOOK.text for name in ROLE_COLUMNS)


def test_the_words_of_access_findings_are_those_there_are() -> None:
    found, not_found = (
        {word for row in rows for word in spans(row[0])}
        for rows in read(DOCS / "access-analyzer.md").tables("words")
    )
    assert found == {*analyzers.Kind, UNUSED_ROLE, UNUSED_PERMISSIONS, INTERNAL, OTHER}
    assert not_found == set(access_findings.State)
    assert f"`{ACCESS_FINDINGS}`" in WORKBOOK.text


def test_rows_that_are_shown_have_columns_that_there_are(heads: Mapping[str, Mapping[str, str]]) -> None:
    shown = [set(head) for page in PAGES for head, *_ in page.every_table if head[0] == "account_profile"]
    assert shown
    assert all(head <= set(heads["ssh_world"]) for head in shown)


def test_risks_and_formats_are_those_there_are() -> None:
    assert [row[0] for row in single(WORKBOOK, "risk")] == list(LEVELS)
    assert ("reachable-critical", *LEVELS[:-1]) == options.LEVELS
    listed = [spans(row[0])[0] for row in single(read(DOCS / "formats.md"), "`-f`")]
    assert sorted(listed) == formats.names()


def test_the_keys_of_a_policys_report_are_those_there_are() -> None:
    listed = [spans(row[0])[0] for row in single(POLICIES, "key of `metadata.report`")]
    assert listed == [field.name for field in fields(ReportMetadata)]


# Metrics


def test_metrics_their_labels_and_meaning_are_those_there_are() -> None:
    listed = [(spans(row[0])[0], tuple(spans(row[1])), row[2]) for row in single(METRICS, "metric")]
    assert listed == [(each.name, each.labels, each.meaning) for each in metrics.METRICS]
    labels = {name for row in single(METRICS, "label") for name in spans(row[0])}
    assert labels == {label for each in metrics.METRICS for label in each.labels} - {"policy"}


def test_alerts_are_those_there_are() -> None:
    rules = yaml.safe_load((DOCS / "grafana/alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    listed = [(spans(row[0])[0], row[1]) for row in single(METRICS, "alert")]
    assert listed == [(each["alert"], each["labels"]["severity"]) for each in rules if "alert" in each]


# Commands that do what they say


def test_the_policies_page_works_as_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, in a copy: all that needs no AWS."""
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    monkeypatch.chdir(tmp_path)
    ran = [words for command in POLICIES.commands if (words := run(command))]
    assert "sg-audit test-policies --mutate" in ran
    assert len(ran) >= 7
    assert {path.name for path in (tmp_path / "policies").glob("*.yml")} == {
        "10-inventory.yml",
        "11-network.yml",
        "15-exposure.yml",
        "16-ldap.yml",
        "20-findings.yml",
    }


def run(command: Command) -> str:
    """Run a command of the page, and return it, unless it needs AWS. Raises AssertionError where it fails."""
    program, *words = command.words
    if program == "cat":
        printed = command.stdin
    elif program == "sg-audit" and words[0] in ("validate", "test-policies", "policies"):
        done = sg_audit(*words)
        assert done.return_value == 0, done.output
        printed = done.stdout
        if words[0] == "test-policies":
            assert printed in POLICIES.code("")
    else:
        assert program in ("custodian", "c7n-org", "sg-audit", "true"), str(command)
        return ""
    if command.stdout:
        Path(command.stdout).write_text(printed, encoding="utf-8")
    return str(command)


def test_the_faults_that_are_shown_can_be_had(tmp_path: Path) -> None:
    file, serve = read(DOCS / "sandbox.md").commands
    path = tmp_path / file.stdout
    path.write_text(file.stdin, encoding="utf-8")
    assert serve.words == ("sg-audit", "sandbox", "--faults", file.stdout)
    assert len(faults.read(path)) == 9
    kinds = {
        kind for row in read(DOCS / "sandbox.md").text.splitlines() for kind in spans(row.partition("| ")[2])
    }
    assert set(faults.What) <= kinds


def test_json_that_is_shown_is_json() -> None:
    shown: list[Any] = [json.loads(text) for page in PAGES for text in page.code("json")]
    assert len(shown) >= 3
