"""The workbook of a small estate with an account that was refused: what a person reads first, and where each link of it
leads. The expected answers are written down by hand."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml
from click.testing import CliRunner
from openpyxl.utils import range_boundaries
from openpyxl.workbook.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from reporter.cli import cli
from reporter.findings.changes import RunFindings
from reporter.findings.past import Past
from reporter.findings.risk import LEVELS
from reporter.output.manifest import Status
from reporter.report import overview_charts
from reporter.report.changes import when_before
from reporter.report.formats.xlsx import data_sheet, links
from reporter.report.overview import Account, Read
from reporter.report.unread import Unread, by_account, by_account_and_kind, some_of_each
from tests.rundir import ACCOUNT_IDS, DENIED, WORLD, audit, group, instance, interface, unit, write

LINK = re.compile(r"""=HYPERLINK\("#'([^']+)'!A(\d+)",.*\)""")
EVIL = 'sg-1"),HYPERLINK("http://x'


def estate(folder: Path, *, newer: bool) -> None:
    """Two runs: in the newer one sg-0000000b is open, too."""
    old = group("sg-0000000a", "old", ssh_from=WORLD)
    new = group("sg-0000000b", "=1+1", ssh_from=WORLD if newer else "")
    spare, plain = group("sg-0000000c", "spare", ssh_from=WORLD), group("sg-0000000d", "plain")
    accepted, blind = (
        group("sg-0000000e", "accepted", ssh_from=WORLD),
        group("sg-0000000f", "blind", ssh_from=WORLD),
    )
    chinese, evil = group("sg-000000c0", "far", "gamma", WORLD), group(EVIL, "evil", "gamma", WORLD)
    day, found = ("24" if newer else "17"), {
        ("alpha", "us-east-1"): unit(
            [old, new, spare, plain, accepted],
            [
                interface("eni-1", old, instance="i-1"),
                interface("eni-2", old),
                interface("eni-3", new),
                interface("eni-4", plain),
                interface("eni-5", accepted),
            ],
            [instance("i-1", old, name="web-1")],
        ),
        ("alpha", "eu-west-1"): unit([blind], DENIED),
        ("beta", "us-east-1"): dict.fromkeys(unit(), DENIED),
        ("gamma", "cn-north-1"): unit([chinese, evil]),
    }  # fmt: skip
    write(folder / f"202611{day}T210355Z", found, started=f"2026-11-{day}T21:03:55+00:00")


@dataclass(frozen=True)
class Report:
    """A workbook, with its formulas and with what they come to, and the tables of the JSON beside it."""

    formulas: Workbook
    values: Workbook
    tables: dict[str, list[dict[str, Any]]]

    @property
    def page(self) -> Worksheet:
        return self.values["overview"]

    def leads_to(self, row: int, column: int) -> dict[str, Any]:
        """The row that the link of a cell of the overview leads to."""
        match = LINK.fullmatch(str(self.formulas["overview"].cell(row, column).value))
        assert match is not None, (row, column)
        sheet = self.values[match[1]]
        names, values = ([cell.value for cell in sheet[number]] for number in (1, int(match[2])))
        return dict(zip(names, values, strict=True))

    def below(self, heading: str, column: int = 1) -> Iterator[int]:
        """The rows of a section, below its heads."""
        (start,) = (
            row for row in range(1, self.page.max_row) if self.page.cell(row, column).value == heading
        )
        row = start + 2
        while self.page.cell(row, column).value is not None:
            yield row
            row += 1


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("runs")
    for newer in (False, True):
        estate(folder / "output", newer=newer)
    manifest = next((folder / "output").glob("20261124*")) / "run.json"
    run = json.loads(manifest.read_text()) | {
        "finished": "2026-11-24T21:08:06+00:00",
        "callers": ["arn:aws:sts::111111111111:assumed-role/audit/jane"],
        "accounts_file": "accounts.yml",
        "policy_files": ["policies"],
    }
    manifest.write_text(json.dumps(run))
    waiver = {
        "group": "sg-0000000e",
        "policy": ["sg-ssh-world"],
        "reason": "a honeypot",
        "owner": "jane",
        "expires": datetime.now(UTC).date().replace(month=12, day=31).isoformat(),
    }
    waivers = folder / "waivers.yml"
    waivers.write_text(yaml.safe_dump({"waivers": [waiver]}))
    words = ["report", "-s", folder / "output", "-o", folder / "reports", "-w", waivers]
    done = CliRunner().invoke(cli, [*map(str, words), "-f", "xlsx", "-f", "json"], standalone_mode=False)
    assert done.exception is None, (done.output, done.exception)
    book, tables = done.stdout.split()
    return Report(
        openpyxl.load_workbook(book),
        openpyxl.load_workbook(book, data_only=True),
        json.loads(Path(tables).read_text())["tables"],
    )


def test_the_tabs_are_those_that_there_is_something_for(report: Report) -> None:
    assert report.values.sheetnames == [
        *("overview", "default_sg", "ssh_open", "ssh_world", "security_groups", "attachments"),
        *("changes", "duplicates", "waivers", "summary", "coverage"),
    ]
    assert report.values.active.title == "overview"
    colours = {sheet.title: sheet.sheet_properties.tabColor.rgb for sheet in report.values}
    assert colours["ssh_open"] == colours["ssh_world"] != colours["attachments"] != colours["coverage"]


def test_each_level_has_its_figures(report: Report) -> None:
    page = report.page
    (top,) = (row for row in range(1, 9) if page.cell(row, 2).value == "critical")
    told = {
        page.cell(top, column).value: [page.cell(top + row, column).value for row in range(1, 6)]
        for column in range(2, 17, 3)
    }
    # Large: sg-0000000a, b and the waived e; on the right of it what may be, is reached, is waived, and is new.
    assert told["critical"] == [3, 1, 0, 1, 1]
    assert told["high"] == [0, 0, 0, 0, 0]
    assert told["medium"] == [3, 0, "–", 0, 0]
    assert [page.cell(top + row, 1).value for row in range(1, 6)] == [
        *("groups", "possible", "reachable", "waived", "new"),
    ]


def test_each_figure_leads_to_its_first_row(report: Report) -> None:
    page, groups = report.page, report.tables["security_groups"]
    (top,) = (row for row in range(1, 9) if page.cell(row, 2).value == "critical")
    for column, level in zip(range(2, 17, 3), LEVELS, strict=True):
        if page.cell(top + 1, column).value:
            first = next(row for row in groups if row["risk"] == level)
            target = report.leads_to(top + 1, column)
            assert target["security_group_id"] == first["security_group_id"]
            assert not target["risk_note"]  # of those proven
    possible = report.leads_to(top + 2, 2)
    assert (possible["group_name"], possible["risk"]) == ("blind", "critical")
    assert report.leads_to(top + 4, 2).keys() == report.tables["waivers"][0].keys()
    assert list(report.leads_to(top + 5, 2)) == list(report.tables["changes"][0])


def test_the_worst_groups_lead_to_their_rows_and_say_what_they_are(report: Report) -> None:
    shown = {}
    for row in report.below("The worst groups"):
        texts = [report.page.cell(row, column).value for column in (1, 2, 4, 6, 8, 10, 11, 15)]
        target = report.leads_to(row, 16)
        assert (target["group_name"], target["account_profile"], target["region"]) == (
            texts[3],
            texts[1],
            texts[2],
        )
        shown[texts[3]] = texts
    # What is waived is accepted: it is not among them.
    assert set(shown) == {"old", "=1+1", "blind", "spare", "far", "evil"}
    since = datetime(2026, 11, 17)
    assert shown["old"][:5] == ["critical", "alpha", "us-east-1", "old", "tcp 22"]
    assert shown["old"][6:] == ["web-1 (running), eni-2's description", since]
    assert shown["=1+1"][7] == datetime(2026, 11, 24)
    assert shown["blind"][0] == "critical?"


def test_it_says_how_many_more_groups_there_are(tmp_path: Path) -> None:
    found = unit([group(f"sg-{number:08x}", f"g{number}", ssh_from=WORLD) for number in range(13)])
    write(tmp_path / "output" / "20261124T210355Z", {("alpha", "us-east-1"): found})
    words = ("report", "-s", tmp_path / "output", "-o", tmp_path / "reports")
    done = CliRunner().invoke(cli, list(map(str, words)), standalone_mode=False)
    page = openpyxl.load_workbook(done.stdout.strip(), data_only=True)["overview"]
    (start,) = (row for row in range(1, 30) if page.cell(row, 1).value == "The worst groups")
    told = [page.cell(start + row, 1).value for row in range(11, 14)]
    assert told == ["medium", "and 3 more of risk critical, high or medium that are not waived", None]


def test_accounts_stand_worst_first_and_lead_to_their_counts(report: Report) -> None:
    page = report.page
    rows = list(report.below("Accounts, worst first"))
    assert [page.cell(row, 1).value for row in rows] == ["alpha", "gamma", "beta"]
    for row, account_id in zip(rows, ("111111111111", "333333333333", "222222222222"), strict=True):
        assert page.cell(row, 3).value == report.leads_to(row, 3)["account_id"] == account_id
    heads = [page.cell(rows[0] - 1, column).value for column in (5, 6, 7, 8, 9)]
    assert heads == ["critical", "high", "medium", "waived", "groups"]
    # Of three critical groups one is waived.
    assert [page.cell(rows[0], column).value for column in (5, 6, 7, 8, 9)] == [2, 0, 1, 1, 6]
    assert report.leads_to(rows[0], 8).keys() == report.tables["waivers"][0].keys()
    assert [page.cell(rows[2], column).value for column in (5, 10)] == [
        "not read: its groups are not known",
        0,
    ]
    assert report.leads_to(rows[0], 5)["account_profile"] == "alpha"
    assert 0 < page.cell(rows[0], 10).value < 1
    told = [row["account_profile"] for row in report.tables["summary_accounts"]]
    assert told == ["alpha", "gamma", "beta"]


def test_what_was_not_read_is_told_once_with_what_to_do(report: Report) -> None:
    page = report.page
    texts = [
        [page.cell(row, column).value for column in (1, 3, 5, 8)]
        for row in report.below("What could not be read")
    ][:-1]
    assert texts == [
        ["beta", "222222222222", "the whole account: us-east-1", "denied UnauthorizedOperation"],
        ["alpha", "111111111111", "eu-west-1: eni-inventory", "denied UnauthorizedOperation"],
    ]


def test_nothing_is_to_be_done_about_what_is_waived(report: Report) -> None:
    # Of the three critical groups sg-0000000e is waived, and none is reached.
    (start,) = (
        row for row in range(1, report.page.max_row) if report.page.cell(row, 1).value == "What to do next"
    )
    assert str(report.page.cell(start + 1, 1).value).startswith(
        "1. Close 2 groups of risk critical that are not waived: open and in use"
    )


def refusal(account: str, call: str) -> Unread:
    return Unread(
        account, "", ("us-east-1",), (call,), 1, Status.DENIED, "AccessDenied", "", call, whole=False
    )


def test_calls_that_an_account_was_refused_are_one_line(tmp_path: Path) -> None:
    calls = {
        "eni-inventory": ("UnauthorizedOperation", "ec2:DescribeNetworkInterfaces"),
        "ec2-inventory": ("UnauthorizedOperation", "ec2:DescribeInstances"),
        "sg-unused": ("AccessDeniedException", "lambda:ListFunctions"),
    }
    found = {("alpha", "us-east-1"): unit([group("sg-0000000a")], DENIED, DENIED, DENIED)}
    folder = write(tmp_path, found)
    run = json.loads((folder / "run.json").read_text())
    for cell in run["cells"]:
        if cell["policy"] in calls:
            code, call = calls[cell["policy"]]
            cell |= {"code": code, "message": f"not authorized to perform: {call} because"}
        elif cell["policy"] == "sg-default":  # for another reason
            cell |= {"status": "failed", "code": "Unreadable", "message": ""}
    (folder / "run.json").write_text(json.dumps(run))
    read = audit(folder)
    told = [
        (entry.cells, entry.code, entry.what_to_do.partition("`")[0]) for entry in by_account_and_kind(read)
    ]
    assert told == [
        (
            3,
            "UnauthorizedOperation, AccessDeniedException",
            "Allow ec2:DescribeNetworkInterfaces, ec2:DescribeInstances and 1 more to the account's role (",
        ),
        (1, "Unreadable", "The file, or a record in it, is damaged: run the audit again"),
    ]
    assert [entry.cells for entry in by_account(read)] == [1, 1, 1, 1]


def test_many_refusals_of_an_account_leave_room_for_the_others() -> None:
    refused = [*(refusal("a", str(number)) for number in range(9)), refusal("b", "0"), refusal("c", "0")]
    shown = [(entry.account, entry.what_to_do) for entry in some_of_each(refused, 4)]
    assert shown == [("a", "0"), ("a", "1"), ("b", "0"), ("c", "0")]


def test_runs_of_one_day_are_told_apart() -> None:
    begun = ("2026-11-17T21:03:55+00:00", "2026-11-24T05:40:52+00:00", "2026-11-24T21:03:55+00:00")
    runs = tuple((started, dict.fromkeys(LEVELS, 1)) for started in begun)
    names = [name for name, _ in overview_charts.trend(runs).rows]
    assert names == ["2026-11-17", "2026-11-24 05:40", "2026-11-24 21:03"]
    base = RunFindings(begun[1], {}, {})
    assert when_before(Past(base, (), runs)) == "2026-11-24 05:40 UTC"
    assert when_before(Past(base, (), runs[:2])) == "2026-11-24"


def test_when_by_whom_and_with_what(report: Report) -> None:
    page = report.page
    (start,) = (row for row in range(1, page.max_row) if page.cell(row, 1).value == "About this report")
    told = {page.cell(row, 1).value: page.cell(row, 3).value for row in range(start + 1, start + 8)}
    assert told["run began"] == datetime(2026, 11, 24, 21, 3, 55)
    assert told["run ended"] == datetime(2026, 11, 24, 21, 8, 6)
    assert told["run by"] == "arn:aws:sts::111111111111:assumed-role/audit/jane"
    assert (told["version"], told["accounts file"]) == ("c7n-sg-audit 0", "accounts.yml")
    assert told["policies"] == "7, from policies"
    assert "1 of 3 accounts were read whole (33 %), 1 in part, 1 not at all" in page["A2"].value
    properties = report.values.properties
    assert properties.title == "Security groups audit"
    assert properties.creator == "arn:aws:sts::111111111111:assumed-role/audit/jane"


def test_every_tab_is_listed_with_its_rows_and_leads_there(report: Report) -> None:
    (start,) = (row for row in range(1, report.page.max_row) if report.page.cell(row, 10).value == "The tabs")
    for row, sheet in enumerate(report.values.worksheets[1:], start + 1):
        assert report.page.cell(row, 10).value == sheet.title
        assert str(report.formulas["overview"].cell(row, 10).value).startswith(
            f"=HYPERLINK(\"#'{sheet.title}'!A1\""
        )
        if sheet.title not in ("summary", "coverage"):
            assert report.page.cell(row, 12).value == len(report.tables[sheet.title])


def test_charts_show_numbers_of_their_own_and_the_account_that_was_not_read(report: Report) -> None:
    bars, trend = report.formulas["overview"]._charts
    assert [series.tx.strRef.strCache.pt[0].v for series in bars.series] == [
        *LEVELS[:3],
        "waived",
        "not read",
    ]
    names = [point.v for point in bars.series[0].cat.strRef.strCache.pt]
    assert names == ["alpha (+1 possible)", "gamma", "beta (not read)"]
    told = [[point.v for point in series.val.numRef.numCache.pt] for series in bars.series]
    assert told == [[2, 0, 0], [0, 0, 0], [1, 2, 0], [1, 0, 0], [0, 0, 1]]
    assert [point.v for point in trend.series[0].cat.strRef.strCache.pt] == ["2026-11-17", "2026-11-24"]
    below_the_print = int(report.page.print_area.rpartition("$")[2])
    for chart in (bars, trend):
        for series in chart.series:
            for kept, source in ((series.cat.strRef.strCache, series.cat.strRef),
                                 (series.val.numRef.numCache, series.val.numRef)):  # fmt: skip
                sheet, _, area = source.f.replace("$", "").rpartition("!")
                cells = [cell for (cell,) in report.values[sheet.strip("'")][area]]
                assert [cell.value for cell in cells] == [point.v for point in kept.pt]
                assert all(cell.row > below_the_print for cell in cells)


def account(number: int, criticals: int | None) -> Account:
    counts = dict.fromkeys((*LEVELS, "groups"), criticals)
    return Account(number, f"a{number}", "", counts, {}, Read(1, 1), Read(1, 1))


def waived_estate(estate: Path, waived: str) -> Report:
    """The report of two accounts with two critical groups and one, where those of one account are waived."""
    found = {}
    for name, region, ids in (("alpha", "us-east-1", "ab"), ("beta", "us-west-1", "c")):
        groups = [group(f"sg-0000000{each}", f"g{each}", name, WORLD) for each in ids]
        carried = [interface(f"eni-{each['GroupId']}", each, owner=name) for each in groups]
        found[name, region] = unit(groups, carried)
    write(estate / "output" / "20261124T210355Z", found)
    waiver = {"account": waived, "policy": "sg-ssh-world", "reason": "lab", "owner": "jane",
              "expires": datetime.now(UTC).date().replace(month=12, day=31).isoformat()}  # fmt: skip
    (estate / "waivers.yml").write_text(yaml.safe_dump({"waivers": [waiver]}))
    accounts = [
        {"name": name, "account_id": ACCOUNT_IDS[name], "regions": ["us-east-1"],
         "tags": ["env:test", f"Team:{name}-team"]}
        for name in ("alpha", "beta")
    ]  # fmt: skip
    (estate / "accounts.yml").write_text(yaml.safe_dump({"accounts": accounts}))
    words = ["report", "-s", estate / "output", "-o", estate / "reports", "-w", estate / "waivers.yml"]
    words += ["-c", estate / "accounts.yml", "-f", "xlsx", "-f", "json"]
    done = CliRunner().invoke(cli, list(map(str, words)), standalone_mode=False)
    assert done.exception is None, (done.output, done.exception)
    book, tables = done.stdout.split()
    return Report(
        openpyxl.load_workbook(book),
        openpyxl.load_workbook(book, data_only=True),
        json.loads(Path(tables).read_text())["tables"],
    )


def test_what_is_waived_puts_no_account_first_and_the_team_stands_beside_it(tmp_path: Path) -> None:
    report = waived_estate(tmp_path, "alpha")
    rows = list(report.below("Accounts, worst first"))
    heads = [report.page.cell(rows[0] - 1, column).value for column in range(1, 12)]
    assert heads == [
        "account", None, "Team", "id", None, "critical", "high", "medium", "waived", "groups", "read",
    ]  # fmt: skip
    told = [[report.page.cell(row, column).value for column in (1, 3, 4, 6, 9)] for row in rows]
    assert told == [
        ["beta", "beta-team", "222222222222", 1, 0],
        ["alpha", "alpha-team", "111111111111", 0, 2],
    ]
    assert report.leads_to(rows[1], 4)["account_profile"] == "alpha"
    assert [row["account_profile"] for row in report.tables["summary_accounts"]] == ["beta", "alpha"]
    (worst,) = report.below("The worst groups")
    assert [report.page.cell(worst, column).value for column in (2, 4, 5, 7)] == [
        *("beta", "beta-team", "us-west-1", "gc"),
    ]


def test_the_rest_is_one_bar_and_no_bar_is_of_an_account_that_was_not_read() -> None:
    accounts = [account(number, 60 - number) for number in range(54)]
    block = overview_charts.worst_accounts([*accounts, *(account(number, None) for number in range(54, 60))])
    assert [name for name, _ in block.rows] == [
        *(f"a{number}" for number in range(10)),
        *(f"a{number} (not read)" for number in range(54, 58)),
        f"other 44, average: {3 * sum(range(7, 51)):,} in all",
        "2 more (not read)",
    ]
    assert block.series == (*LEVELS[:3], "not read")
    assert all((values[3] > 0) == ("not read" in name) for name, values in block.rows)
    # On the scale of the accounts above it: the mean of 7 to 50.
    assert block.rows[-2][1] == (28.5, 28.5, 28.5, 0)


# The other tabs.


def test_coverage_is_a_row_an_account_and_reason_and_a_row_a_cell_elsewhere(report: Report) -> None:
    head, *rows = report.values["coverage"].iter_rows(values_only=True)
    told = [dict(zip(head, row, strict=True)) for row in rows]
    names = ("account_profile", "regions", "policies", "cells", "status")
    assert [tuple(row[name] for name in names) for row in told] == [
        ("beta", "us-east-1", "all 7", 7, "denied"),
        ("alpha", "eu-west-1", "eni-inventory", 1, "denied"),
    ]
    assert len(report.tables["coverage"]) == 8
    wrapped = report.values["coverage"].cell(2, list(head).index("what_to_do") + 1)
    assert (wrapped.alignment.wrap_text, wrapped.alignment.vertical) == (True, "top")


def test_the_console_of_each_partition(report: Report) -> None:
    sheet = report.formulas["ssh_world"]
    column = [cell.value for cell in sheet[1]].index("aws_console") + 1
    found = {
        str(sheet.cell(row, 4).value): str(sheet.cell(row, column).value)
        for row in range(2, sheet.max_row + 1)
    }
    assert found["sg-0000000a"] == (
        '=HYPERLINK("https://console.aws.amazon.com/ec2/home?region=us-east-1#SecurityGroup:groupId=sg-0000000a",'
        '"sg-0000000a")'
    )
    assert found["sg-000000c0"].startswith(
        '=HYPERLINK("https://console.amazonaws.cn/ec2/home?region=cn-north-1#'
    )
    assert found[EVIL] == EVIL  # a text


@pytest.mark.parametrize(
    ("region", "group_id"),
    [
        ("us-east-1", 'sg-0000000a"'),
        ("us-east-1", "sg-0000000A"),
        ("us-east-1", "sg-0000000a\n"),
        ("us-east-1", "eni-0000000a"),
        ("all", "sg-0000000a"),
        ('us-east-1"&A1&"', "sg-0000000a"),
        ("us-iso-east-1", "sg-0000000a"),  # whose console has no address that is known
    ],
)
def test_what_has_not_the_form_of_an_id_or_region_gets_no_link(region: str, group_id: str) -> None:
    assert links.console(region, group_id) == ""


def test_past_what_a_sheet_holds_the_text_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    estate(tmp_path / "output", newer=True)
    monkeypatch.setattr(data_sheet, "MAX_LINKS", 4)
    words = ("report", "-s", tmp_path / "output", "-o", tmp_path / "reports")
    done = CliRunner().invoke(cli, list(map(str, words)), standalone_mode=False)
    sheet = openpyxl.load_workbook(done.stdout.strip())["ssh_world"]
    names = [cell.value for cell in sheet[1]]
    columns = [names.index(name) + 1 for name in ("attachment_rows", "aws_console")]
    cells = [sheet.cell(row, column) for row in range(2, sheet.max_row + 1) for column in columns]
    found = [cell for cell in cells if cell.data_type == "f"]
    assert found == cells[: len(found)]
    assert len(found) == 3  # and the one that leads back
    values = {str(sheet.cell(row, 4).value) for row in range(2, sheet.max_row + 1)}
    assert {cell.value for cell in cells[1::2] if cell.data_type == "s"} < values


def test_findings_print_across_with_what_matters(report: Report) -> None:
    sheet = report.values["ssh_world"]
    assert (sheet.page_setup.orientation, sheet.page_setup.fitToHeight) == ("landscape", 0)
    last = sheet.print_area.replace("$", "").rpartition(":")[2]
    assert sheet[f"{last.rstrip('0123456789')}1"].value == "matched_rules"
    assert int(last.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")) == sheet.max_row
    assert sheet.print_title_rows == "$1:$1"
    assert "as of 2026-11-24 21:03 UTC" in sheet.oddHeader.right.text
    assert sheet.oddFooter.right.text == "Page &P of &N"


def test_the_overview_prints_on_one_page(report: Report) -> None:
    setup = report.page.page_setup
    assert report.page.sheet_properties.pageSetUpPr.fitToPage
    assert (setup.orientation, setup.fitToWidth, setup.fitToHeight) == (
        "portrait",
        None,
        None,
    )  # one, if not told


def test_what_is_read_on_paper_prints_across_at_a_size_that_can_be_read(report: Report) -> None:
    # A page of A4 across has 10.9 inches between its margins; a character at 10 points takes up 6 pixels of 96 an inch,
    # and a cell 5 more. At eight tenths of that the letters have 8 points.
    room = 10.9 * 96 / 0.8
    for tab in ("changes", "waivers", "coverage"):
        sheet = report.values[tab]
        last = range_boundaries(sheet.print_area.rpartition("!")[2])[2]
        names = [cell.value for cell in sheet[1]][:last]
        assert last == sheet.max_column
        widths = {
            number: dimension.width
            for dimension in sheet.column_dimensions.values()
            for number in range(dimension.min, dimension.max + 1)
        }
        assert sum(widths[number] * 6 for number in range(1, last + 1)) <= room
        for name in {"reason", "message", "what_to_do", "policies", "policy"} & set(names):
            (texts,) = sheet.iter_cols(names.index(name) + 1, names.index(name) + 1, 2)
            assert all(cell.alignment.wrap_text for cell in texts if cell.value), (tab, name)
    changes = report.values["changes"]
    since = changes.cell(2, [cell.value for cell in changes[1]].index("first_seen") + 1)
    assert (since.is_date, since.alignment.vertical) == (True, "top")
    # `Allow the call to the account's role (…), then …` takes several lines of 40 characters.
    assert report.values["coverage"].row_dimensions[2].height > 2 * 13.5
