"""What the overview says where nothing is known, or nothing is left to do; and of names that nobody would choose."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.workbook.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from reporter.cli import cli
from tests import rundir
from tests.rundir import DENIED, POLICIES, WORLD, Resource, group, interface, unit, write
from tests.stockdir import EVERY_GROUP, REFUSED, TWO, put

US = "us-east-1"
REMEDY = "`sg-audit remedy` writes the steps for these, and those that undo them; it carries out nothing."
AWAY = "open and in use, an address, a route or a network ACL away from being reached."


def texts(page: Worksheet) -> list[str]:
    return [cell.value for row in page.iter_rows() for cell in row if isinstance(cell.value, str)]


def steps(page: Worksheet) -> Iterator[str]:
    """What to do next."""
    [row] = [cell.row for (cell,) in page["A1:A100"] if cell.value == "What to do next"]
    while isinstance(found := page.cell(row := row + 1, 1).value, str):
        yield found


@pytest.fixture
def made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Makes the report of what lies in the folder of output, and tells what a program for spreadsheets would see."""

    def make(*words: str) -> Workbook:
        cli(
            ["report", "-s", str(tmp_path / "output"), "-o", str(tmp_path / "reports"), *words],
            standalone_mode=False,
        )
        return openpyxl.load_workbook(capsys.readouterr().out.strip(), data_only=True)

    return make


def test_where_nothing_was_read_nothing_is_said_to_be_there_or_not(tmp_path: Path, made: Any) -> None:
    for day in (17, 24):
        refused = {("alpha", "all"): dict.fromkeys(unit(), DENIED)}
        write(tmp_path / "output" / f"202611{day}T210355Z", refused, started=f"2026-11-{day}T21:03:55+00:00")
    page = made()["overview"]
    told = texts(page)
    assert "Not known: no list of groups was read." in told
    assert not [text for text in told if "None of risk" in text or "Nothing of risk" in text]
    [new] = [cell.row for (cell,) in page["A1:A20"] if cell.value == "new"]
    assert [page.cell(new, column).value for column in (2, 5, 8, 11, 14)] == ["–"] * 5
    assert list(steps(page)) == [
        "1. Read what was not read, of 1 account: as told above, then `sg-audit audit --resume` with the "
        "run's -c, -u and -s. Until then nothing is known of it, good or bad."
    ]
    assert len(page._charts) == 1  # none of the runs, of which no figure is known


def test_that_nothing_is_bad_is_said_of_what_was_read_alone(tmp_path: Path, made: Any) -> None:
    units = {("alpha", US): unit([group("sg-0000000a")]), ("beta", US): dict.fromkeys(unit(), DENIED)}
    write(tmp_path / "output", units)
    told = texts(made()["overview"])
    assert "None of risk critical, high or medium that is not waived, in what was read." in told


def test_what_is_waived_is_nothing_to_do_about(tmp_path: Path, made: Any) -> None:
    groups = [group(f"sg-0000000{number}", ssh_from=WORLD) for number in range(3)]
    spare = [group(f"sg-0000001{number}", ssh_from=WORLD) for number in range(2)]
    write(tmp_path / "output", {("alpha", US): unit([*groups, *spare], [interface("eni-1", *groups)])})
    waiver = "{{group: {}, policy: [sg-ssh-world], reason: a honeypot, owner: jane, expires: 2999-12-31}}"
    (tmp_path / "w.yml").write_text(
        f"waivers: [{waiver.format('sg-00000000')}, {waiver.format('sg-00000010')}, {waiver.format('sg-00000011')}]"
    )
    page = made("-w", str(tmp_path / "w.yml"))["overview"]
    assert list(steps(page)) == [
        f"1. Close 2 groups of risk critical that are not waived: {AWAY}",
        f"2. {REMEDY}",
    ]


def test_what_may_be_reached_is_not_said_to_be_out_of_reach(tmp_path: Path, made: Any) -> None:
    safe, maybe = (group(f"sg-0000000{number}", ssh_from=WORLD) for number in range(2))
    public = interface("eni-2", maybe) | {"Association": {"PublicIp": "54.1.2.3"}, "SubnetId": "subnet-1"}
    write(tmp_path / "output", {("alpha", US): unit([safe, maybe], [interface("eni-1", safe), public])})
    assert list(steps(made()["overview"])) == [
        "1. Close 1 group of risk critical that the internet may reach: not all that decides it is known.",
        f"2. Then the other 1 group of risk critical: {AWAY}",
        f"3. {REMEDY}",
    ]


def test_no_run_that_is_not_ours_is_taken_up_again(tmp_path: Path, made: Any) -> None:
    put(tmp_path / "output" / "alpha" / US, EVERY_GROUP, [])
    put(tmp_path / "output" / "beta" / US, EVERY_GROUP, None, account_id=TWO, log=REFUSED)
    book = made()
    [step, *_] = steps(book["overview"])
    assert step == (
        "1. Read what was not read, of 1 account: as told above, then run Custodian again. Until then nothing is "
        "known of it, good or bad."
    )
    told = [text for name in ("overview", "coverage") for text in texts(book[name]) if "again" in text]
    assert len(told) == 3
    assert not [text for text in told if "--resume" in text]


TABS = ("o'brien", "résumé", 'say "x"', "=1+1")
COLUMNS = ("AWS_Console", "Attachment_Rows", "Status", "comment")


def named(policies: Mapping[str, str]) -> tuple[Resource, ...]:
    """Policies that catch what SSH from the world does, by tab and column."""
    return tuple(
        POLICIES[5] | {"name": f"p{number}", "report": {"tab": tab, "column": column}}
        for number, (tab, column) in enumerate(policies.items())
    )


def test_tabs_columns_and_accounts_may_be_called_anything(
    tmp_path: Path, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "L" * 120
    for name in (long, "two\nlines\x01"):
        monkeypatch.setitem(rundir.ACCOUNT_IDS, name, str(len(name)).zfill(12))
    web = group("sg-0000000a", ssh_from=WORLD)
    units = {
        ("alpha", US): unit(
            [web], [interface("eni-1", web)], **{f"p{number}": [web] for number in range(len(TABS))}
        ),
        (long, US): unit([], **{f"p{number}": [] for number in range(len(TABS))}),
        ("two\nlines\x01", US): dict.fromkeys(
            [*unit(), *(f"p{number}" for number in range(len(TABS)))], DENIED
        ),
    }
    write(tmp_path / "output", units, (*POLICIES, *named(dict(zip(TABS, COLUMNS, strict=True)))))
    book = made()
    [path] = (tmp_path / "reports").glob("*.xlsx")
    formulas = openpyxl.load_workbook(path)
    led = {
        name: formulas["overview"].cell(row, 10).value
        for row in range(1, 100)
        if (name := book["overview"].cell(row, 10).value) in book.sheetnames
    }
    assert led["o'brien"] == """=HYPERLINK("#'o''brien'!A1","o'brien")"""
    assert led["résumé"] == """=HYPERLINK("#'résumé'!A1","résumé")"""
    assert (led['say "x"'], led["=1+1"]) == ('say "x"', "=1+1")
    for tab in TABS:
        heads = [str(cell.value) for cell in book[tab][1]]
        assert len({head.casefold() for head in heads}) == len(heads)
        assert {"AWS_Console", "aws_console_2", "Attachment_Rows", "attachment_rows_2", "status_2"} <= set(
            heads
        )
    bars, *_ = formulas["overview"]._charts
    assert {point.v for point in bars.series[0].cat.strRef.strCache.pt} == {
        "alpha", f"{'L' * 14}…{'L' * 15}", "two_lines_ (not read)"
    }  # fmt: skip


def test_the_lists_of_all_there_is_print_one_page_that_says_so(tmp_path: Path, made: Any) -> None:
    web = group("sg-0000000a", ssh_from=WORLD)
    write(
        tmp_path / "output",
        {("alpha", US): unit([web], [interface(f"eni-{number}", web) for number in range(41)])},
    )
    sheet = made()["attachments"]
    assert sheet.max_row == 42
    assert sheet.print_area.startswith("'attachments'!$A$1:") and sheet.print_area.endswith("$41")
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (
        None,
        None,
    )  # 1 by 1, where nothing is said
    assert sheet.oddHeader.left.text == (
        "Every group and interface it is on: the first 40 of 41 rows. All are in the workbook; start with its overview"
    )


def test_the_accounts_have_bars_behind_their_counts(tmp_path: Path, made: Any) -> None:
    units = {
        ("alpha", US): unit([group("sg-0000000a", ssh_from=WORLD)]),
        ("beta", US): unit([group("sg-0000000b", owner="beta")]),
    }
    write(tmp_path / "output", units)
    page = made()["overview"]
    [head] = [cell.row for (cell,) in page["A1:A40"] if cell.value == "account"]
    bars = {
        str(area.sqref): rule.dataBar.color.rgb
        for area in page.conditional_formatting
        for rule in area.rules
        if rule.type == "dataBar"
    }
    assert bars == {
        f"E{head + 1}:E{head + 2}": "FFF1A3A3",
        f"F{head + 1}:F{head + 2}": "FFF8CBAD",
        f"G{head + 1}:G{head + 2}": "FFFFE699",
    }
