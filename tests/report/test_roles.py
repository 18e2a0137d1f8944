"""Roles behind groups in every format: a run directory written by hand, its report, and the report read back."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from reporter.cli import cli
from reporter.inventory.iam import roles
from tests.inventory.iam.test_power import ALL, allow
from tests.inventory.test_internet import NETWORK, network
from tests.inventory.test_roles_behind import IAM, ROLES, V1, V2, named, with_role
from tests.rundir import DENIED, POLICIES, WORLD, group, instance, interface, unit, write

SgAudit = Callable[..., Any]
COLUMNS = ("role_power", "instance_roles", "role_power_why", "imdsv1")
BOSS = "boss: admin by every action on every resource with conditions"


def written(folder: Path) -> Path:
    """Three groups that are open to the world: an admin, a role that was not read, and no instance behind them."""
    admin, unknown, nobody = (group(f"sg-{name}", name, ssh_from=WORLD) for name in ("z", "y", "x"))
    on = [
        with_role(instance("i-z", admin, name="web"), "boss", options=V1),
        with_role(instance("i-y", unknown), "gone", options=V2),
    ]
    interfaces = [
        interface("eni-z", admin, instance="i-z"),
        interface("eni-y", unknown, instance="i-y"),
        interface("eni-x", nobody),
    ]
    conditions = {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}
    recorded = [named("boss", ALL | {"Condition": conditions}), named("other", allow("ec2:Describe*"))]
    units = {
        ("alpha", "us-east-1"): unit([admin, unknown, nobody], interfaces, on),
        ("alpha", "global"): {ROLES: recorded},
        ("beta", "us-east-1"): unit([group("sg-b", owner="beta")]),
        ("beta", "global"): {ROLES: DENIED},
    }
    return write(folder, units, (*POLICIES, IAM))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("roles") / "run")


def report(run: Path, folder: Path, *formats: str, more: tuple[str, ...] = ()) -> str:
    """Make the report and give what was said. Of one account the roles were refused."""
    given = [f"-f{name}" for name in formats] + list(more)
    done = CliRunner().invoke(
        cli, ["report", "-s", str(run), "-o", str(folder), *given], standalone_mode=False
    )
    assert done.return_value == 3, done.output
    return done.stderr


@pytest.fixture(scope="module")
def reports(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report in all formats that have tables, under short names."""
    folder = tmp_path_factory.mktemp("reports")
    said = report(run, folder, "xlsx", "html", "csv", "json", "parquet", "duckdb")
    assert "beta global iam-authorization: denied" in said
    for file in folder.iterdir():
        file.rename(
            folder
            / re.sub(
                r"^security_groups_inventory_\d+T\d+(_|(?=\.))",
                lambda found: "" if found[1] else "report",
                file.name,
            )
        )
    return folder


def test_the_workbook_has_them_after_reach_and_worst_first(reports: Path) -> None:
    sheet = openpyxl.load_workbook(reports / "report.xlsx")["security_groups"]
    heads = [cell.value for cell in sheet[1]]
    rows = [dict(zip(heads, (cell.value for cell in row), strict=True)) for row in sheet.iter_rows(min_row=2)]
    told = {row["security_group_id"]: [row[name] for name in COLUMNS] for row in rows}
    assert told == {
        "sg-z": ["admin", "boss", BOSS, True],
        "sg-y": ["unknown", "unknown", "instance-profile/gone is of no role that was read", False],
        "sg-x": [None, None, None, False],
        "sg-b": [None, None, None, False],
    }
    assert list(told)[:3] == ["sg-z", "sg-y", "sg-x"]
    assert heads[heads.index("reachable") + 1] == "role_power"
    letter = sheet.cell(1, heads.index("role_power") + 1).column_letter
    assert sheet.column_dimensions[letter].width >= len("privilege escalation") / 1.15
    place = heads.index("instances") + 1
    assert heads[place : place + 3] == ["instance_roles", "role_power_why", "imdsv1"]
    assert all(sheet.cell(1, heads.index(name) + 1).comment.text for name in COLUMNS)


def test_the_overview_names_what_is_much_or_not_known(reports: Path) -> None:
    sheet = openpyxl.load_workbook(reports / "report.xlsx")["overview"]
    behind = [cell.value for row in sheet.iter_rows() for cell in row if "i-y (" in str(cell.value)]
    assert behind == ["unknown role, i-y (running)"]
    texts = [str(cell.value) for row in sheet.iter_rows() for cell in row]
    assert "admin role, web (running)" in texts
    assert not any(" role, " in text and "eni-x" in text for text in texts)


def test_what_to_do_and_findings_for_other_tools_tell_of_roles(tmp_path: Path) -> None:
    """The internet reaches four groups, and a role behind each but the last may do much."""
    statements = {
        "a": ALL,
        "p": allow("iam:PutRolePolicy"),
        "d": allow("s3:GetObject"),
        "l": allow("ec2:Describe*"),
    }
    there = network()
    groups = [group(f"sg-{name}", name, ssh_from=WORLD) for name in statements]
    enis = [
        there["interface"]
        | interface(f"eni-{name}", each, instance=f"i-{name}")
        | {"PrivateIpAddress": f"10.0.0.{number}"}
        for number, (name, each) in enumerate(zip(statements, groups, strict=True), 4)
    ]
    on = [
        with_role(instance(f"i-{name}", each), name, options=V2)
        for name, each in zip(statements, groups, strict=True)
    ]
    around = {name.replace("-", "_"): there[name] for name in ("subnets", "route-tables", "network-acls")}
    units = {
        ("alpha", "us-east-1"): unit(groups, enis, on, **around),
        ("alpha", "global"): {ROLES: [named(name, each) for name, each in statements.items()]},
    }
    run = write(tmp_path / "run", units, (*POLICIES, *NETWORK, IAM))
    done = CliRunner().invoke(
        cli,
        ["report", "-s", str(run), "-o", str(tmp_path), "--stem", "of"]
        + [f"-f{name}" for name in ("xlsx", "asff", "ocsf")],
        standalone_mode=False,
    )
    assert done.return_value == 0, done.output
    sheet = openpyxl.load_workbook(tmp_path / "of.xlsx")["overview"]
    [step] = [str(cell.value) for row in sheet.iter_rows() for cell in row if "Close what" in str(cell.value)]
    assert step.endswith(
        "Close what the internet reaches now: 4 groups of risk critical, first the 2 with a role behind them that may "
        "do everything or can get more than it was given (admin, privilege escalation). Each finding names the rule "
        "that lets it in (matched rules) and where it is reached."
    )
    told = {"sg-a": "admin", "sg-p": "privilege escalation", "sg-d": "data access", "sg-l": "other"}
    [imported] = (tmp_path / "of_asff").rglob("*.json")
    world = [each for each in json.loads(imported.read_text()) if each["GeneratorId"] == "sg-ssh-world"]
    assert {each["Id"].split("/")[-1]: each["ProductFields"]["RolePower"] for each in world} == told
    events = [json.loads(line) for line in (tmp_path / "of_ocsf.jsonl").read_text().splitlines()]
    data = [each["resources"][0] for each in events if "/sg-ssh-world/" in each["finding_info"]["uid"]]
    assert {each["uid"].split("/")[-1]: each["data"]["role_power"] for each in data} == told


def test_where_roles_alone_were_not_read_every_group_counts_as_read(run: Path, tmp_path: Path) -> None:
    said = report(run, tmp_path, "html", more=("--summary", str(tmp_path / "summary.md")))
    assert "roles not read whole: 1 of 2 accounts" in said
    assert "\nnot read whole" not in said
    assert "regions with gaps" not in said
    summary = (tmp_path / "summary.md").read_text()
    (page,) = tmp_path.glob("*.html")
    for text in (summary, page.read_text()):
        assert (
            "4 security groups. 2 of 2 accounts were read whole (100 %); 2 of 2 regions of accounts were read whole "
            "(100 %). Of roles, 1 of 2 accounts were read whole (50 %), 1 not at all." in text
        )
        assert (
            "All that groups are judged by was read. Roles that were not are unknown, and not harmless."
            in text
        )
        assert "nothing is known of it" not in text
    assert "Until then it is not known what stands behind the groups there." in summary


def test_csv_json_and_the_typed_formats_have_the_same(reports: Path) -> None:
    with (reports / "security_groups.csv").open(newline="") as lines:
        first = next(csv.DictReader(lines))
    assert [first[name] for name in COLUMNS] == ["admin", "boss", BOSS, "True"]
    tables = json.loads((reports / "report.json").read_text())["tables"]
    row = next(row for row in tables["security_groups"] if row["security_group_id"] == "sg-z")
    assert [row[name] for name in COLUMNS] == ["admin", ["boss"], [BOSS], True]
    for name in ("security_groups", "attachments"):
        schema = pq.read_schema(reports / f"{name}.parquet")
        kinds = [str(schema.field(column).type).replace("element", "item") for column in COLUMNS]
        assert kinds == ["string", "list<item: string>", "list<item: string>", "bool"]


def test_a_database_can_be_asked_for_them(reports: Path) -> None:
    with duckdb.connect(str(reports / "report.duckdb"), read_only=True) as connection:
        worst = connection.execute("select security_group_id, role_power from open_groups").fetchall()
        assert worst == [("sg-z", "admin"), ("sg-y", "unknown"), ("sg-x", "")]
        asked = "select interface_id from attachments where imdsv1 and list_contains(instance_roles, 'boss')"
        assert connection.execute(asked).fetchall() == [("eni-z",)]


def test_the_page_has_them(reports: Path) -> None:
    page = (reports / "report.html").read_text()
    assert "admin role, web (running)" in page
    data = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)[1])
    fields, texts = data["fields"]["group"], data["texts"]
    powers = {
        texts[each[fields.index("id")]]: (
            texts[each[fields.index("role_power")]],
            [texts[place] for place in each[fields.index("why_power")]],
            each[fields.index("imdsv1")],
        )
        for each in data["groups"]
    }
    assert powers["sg-z"] == ("admin", [BOSS], True)
    assert powers["sg-x"] == ("", [], False)
    assert data["powers"] == ["admin", "privilege escalation", "data access", "unknown", "other", "none"]


def test_without_what_judges_roles_a_line_says_what_to_install(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roles, "_PACKAGES", ("no_such_package",))
    said = report(run, tmp_path, "json")
    line = next(line for line in said.splitlines() if line.startswith("role_power is unknown"))
    assert line.endswith("-m pip install 'c7n-sg-audit[iam]'")
    tables = json.loads(next(tmp_path.glob("*.json")).read_text())["tables"]
    row = next(row for row in tables["security_groups"] if row["security_group_id"] == "sg-z")
    told = ["unknown", ["boss"], ["boss: unknown: no_such_package is not installed here"], True]
    assert [row[name] for name in COLUMNS] == told


def test_a_report_of_one_account_names_no_role_of_another(run: Path, tmp_path: Path) -> None:
    report(run, tmp_path, "json", more=("-abeta",))
    text = next(tmp_path.glob("*.json")).read_text()
    assert "boss" not in text
    assert '"role_power"' in text
