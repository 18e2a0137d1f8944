"""What auditors write into a workbook is in the next one: in its row, or on the tab of what is closed."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner
from openpyxl.utils import range_boundaries
from openpyxl.workbook.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from reporter import cli
from reporter.errors import InputError
from tests import rundir
from tests.rundir import DENIED, POLICIES, WORLD, Resource, group, unit, write
from tests.stockdir import put

US, EU = "us-east-1", "eu-west-1"
COLUMNS = ("status", "owner", "due", "comment")
KEY = "finding_key: status, owner, due, comment"


@dataclass(frozen=True)
class Made:
    """A report that was made: where its workbook lies, and what was said."""

    path: Path
    said: str

    @cached_property
    def book(self) -> Workbook:
        """It takes long to read, so only where it is asked for."""
        return openpyxl.load_workbook(self.path)

    def __getitem__(self, name: str) -> Worksheet:
        sheet = self.book[name]
        assert isinstance(sheet, Worksheet)
        return sheet

    @property
    def names(self) -> list[str]:
        return self.book.sheetnames


Report = Callable[..., Made]


def made(folder: Path, run: Path, *words: str) -> Made:
    """The report of a run, in a folder of its own."""
    command = ["report", "-s", str(run), "-o", str(folder / "reports"), *words]
    done = CliRunner().invoke(cli.cli, command, standalone_mode=False)
    if done.exception:
        raise done.exception
    return Made(Path(done.stdout.splitlines()[0]), done.stderr)


@pytest.fixture(scope="module")
def first_of_all(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The report of UNITS that nobody has written into."""
    folder = tmp_path_factory.mktemp("first")
    return made(folder, write(folder / "run", UNITS, started="2026-12-01T08:00:00+00:00"))


@pytest.fixture
def report(tmp_path: Path, first_of_all: Made) -> Report:
    """Makes a report of units, with the entries of an earlier one, or of a file, if one is given."""

    def make(
        units: Mapping[tuple[str, str], Any],
        carry: Made | Path | None = None,
        *words: str,
        policies: tuple[Resource, ...] = POLICIES,
        day: int = 1,
    ) -> Made:
        if (units, carry, policies, day, words) == (UNITS, None, POLICIES, 1, ()):
            return replace(first_of_all)  # with a book of its own, to write into
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        run = write(folder / "run", units, policies, started=f"2026-12-{day:02}T08:00:00+00:00")
        if isinstance(carry, Made):
            carry.book.save(folder / "carried.xlsx")
            carry = folder / "carried.xlsx"
        options = ["--carry", str(carry)] if carry else []
        return made(folder, run, *options, *words)

    return make


def heads(sheet: Worksheet) -> list[str]:
    return [str(cell.value) for cell in sheet[1]]


def row_of(sheet: Worksheet, group_id: str) -> int:
    column = heads(sheet).index("security_group_id") + 1
    [row] = [row for row in range(2, sheet.max_row + 1) if sheet.cell(row, column).value == group_id]
    return row


def fill(sheet: Worksheet, group_id: str, **entries: Any) -> None:
    row = row_of(sheet, group_id)
    for name, value in entries.items():
        cell = sheet.cell(row, heads(sheet).index(name) + 1)
        cell.value = value
        if isinstance(value, str):
            cell.data_type = "s"  # as Excel has a text that begins with =


def entries(sheet: Worksheet) -> dict[str, tuple[Any, ...]]:
    """The auditors' cells of each row, by group."""
    names = heads(sheet)
    return {
        str(sheet.cell(row, names.index("security_group_id") + 1).value): tuple(
            sheet.cell(row, names.index(name) + 1).value for name in COLUMNS
        )
        for row in range(2, sheet.max_row + 1)
    }


def closed(workbook: Made) -> list[tuple[Any, ...]]:
    rows = workbook["closed"].iter_rows(min_row=2, values_only=True)
    return [
        tuple(value.date() if isinstance(value, datetime) else value for value in row[:-1]) for row in rows
    ]


WEB, SSH, OTHER = (group(f"sg-{name}", name, ssh_from=WORLD) for name in ("web", "ssh", "other"))
UNITS = {("alpha", US): unit([WEB, SSH]), ("beta", EU): unit([group("sg-b", "b", "beta", WORLD)])}
NONE = (None, None, None, None)


def test_the_columns_are_there_empty_with_choices(report: Report) -> None:
    workbook = report(UNITS)
    for name in ("default_sg", "ssh_open", "ssh_world"):
        sheet = workbook[name]
        assert tuple(heads(sheet)[-5:]) == (*COLUMNS, KEY)
        assert sheet.column_dimensions[sheet.cell(1, sheet.max_column).column_letter].hidden
        [table] = sheet.tables.values()
        assert range_boundaries(table.ref) == (1, 1, sheet.max_column, max(sheet.max_row, 2))
    sheet = workbook["ssh_world"]
    assert entries(sheet) == dict.fromkeys(("sg-web", "sg-ssh", "sg-b"), NONE)
    assert sheet.cell(row_of(sheet, "sg-b"), sheet.max_column).value == (
        '[["sg-ssh-world"],"222222222222","eu-west-1","sg-b"]'
    )
    letter = {name: sheet.cell(1, heads(sheet).index(name) + 1).column_letter for name in COLUMNS}
    choices = {str(each.sqref): each for each in sheet.data_validations.dataValidation}
    status, due = (
        choices[f"{letter['status']}2:{letter['status']}4"],
        choices[f"{letter['due']}2:{letter['due']}4"],
    )
    assert (status.type, status.formula1) == ("list", '"open,in progress,accepted,false positive,fixed"')
    assert (due.type, due.errorStyle, status.errorStyle) == ("date", "warning", "warning")
    for name in ("security_groups", "attachments", "summary"):
        assert name not in workbook.names or KEY not in heads(workbook[name])
    assert "closed" not in workbook.names


def test_they_are_in_no_other_format(report: Report, tmp_path: Path) -> None:
    first = report(UNITS)
    fill(first["ssh_world"], "sg-web", comment="secretly")
    for text in (b"secretly", b"finding_key"):
        second = report(UNITS, first, "-f", "xlsx", "-f", "csv", "-f", "json", "-f", "parquet")
        folder = second.path.parent
        others = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".xlsx"]
        assert len(others) > 2
        assert not [path for path in others if text in path.read_bytes()]


def test_entries_are_carried_for_what_they_are(report: Report) -> None:
    first = report(UNITS)
    written = {
        "sg-web": ("fixed", '=HYPERLINK("http://x")', datetime(2027, 1, 31), '@two\nlines, <b> & ""'),
        "sg-ssh": ("a word of their own", 42, "end of Q1", True),
        "sg-b": (None, "https://example.com", datetime(2027, 1, 31, 12, 30), -1.5),
    }
    for group_id, values in written.items():
        fill(first["ssh_world"], group_id, **dict(zip(COLUMNS, values, strict=True)))
    fill(first["ssh_open"], "sg-web", comment="of the other tab")
    second = report(UNITS, first)
    sheet = second["ssh_world"]
    assert entries(sheet) == written
    assert entries(second["ssh_open"]) == {
        "sg-web": (None, None, None, "of the other tab"), "sg-ssh": NONE, "sg-b": NONE
    }  # fmt: skip
    formulas = [
        cell.coordinate
        for row in sheet.iter_rows(min_row=2, min_col=heads(sheet).index("status") + 1)
        for cell in row
        if cell.data_type == "f" or cell.hyperlink
    ]
    assert formulas == []
    due = sheet.cell(row_of(sheet, "sg-web"), heads(sheet).index("due") + 1)
    assert (due.is_date, due.number_format) == (True, "yyyy-mm-dd")
    assert "entries carried: 4 in their rows\n" in second.said
    assert entries(report(UNITS, second)["ssh_world"]) == written


def test_values_stay_what_they_are_however_often_they_are_carried(report: Report) -> None:
    first = report(UNITS)
    written = {
        "sg-web": ("later", 1e18, timedelta(hours=30, minutes=5), "from Outlook_x000D_\nline two_x0001_"),
        "sg-ssh": (None, None, datetime(1899, 1, 1), "\t\N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}"),
    }
    for group_id, values in written.items():
        fill(first["ssh_world"], group_id, **dict(zip(COLUMNS, values, strict=True)))
    # Excel has no day before 1900.
    expected = {**written, "sg-ssh": (None, None, "1899-01-01 00:00:00", written["sg-ssh"][3]), "sg-b": NONE}
    second = report(UNITS, first)
    assert entries(second["ssh_world"]) == expected
    assert entries(report(UNITS, second)["ssh_world"]) == expected
    assert (
        entries(report(UNITS, second.path)["ssh_world"]) == expected
    )  # as it was written, saved by nobody since


def test_a_text_that_no_cell_of_excel_holds_says_how_much_of_it_is_missing(
    report: Report, tmp_path: Path
) -> None:
    first = report(UNITS)
    fill(first["ssh_world"], "sg-web", comment="LONG")
    first.book.save(tmp_path / "short.xlsx")
    with (
        zipfile.ZipFile(tmp_path / "short.xlsx") as short,
        zipfile.ZipFile(tmp_path / "long.xlsx", "w") as long,
    ):
        for name in short.namelist():
            long.writestr(name, short.read(name).replace(b">LONG<", b">" + b"x" * 40_000 + b"<"))
    [comment] = [
        cells[-1]
        for cells in entries(report(UNITS, tmp_path / "long.xlsx")["ssh_world"]).values()
        if cells[-1]
    ]
    assert comment == "x" * 32_752 + "… (+7248 more)"


def test_owners_can_be_chosen_where_a_list_can_hold_them(report: Report) -> None:
    units = {("alpha", US): unit([group(f"sg-{number}", ssh_from=WORLD) for number in range(6)])}
    first = report(units)
    owners = {
        # A quotation mark would end the text of the formula, and a comma the choice.
        "ssh_world": ("Bo", "Zoë O'Neill & Co <sec>", 'Jo "the hawk" Doe', "Jo\nand Mo", "Jo, Mo", "=1+1"),
        "ssh_open": ("Bo", "x" * 253),  # 256 characters in all
    }
    for tab, names in owners.items():
        for number, owner in enumerate(names):
            fill(first[tab], f"sg-{number}", owner=owner)
    second = report(units, first)
    for tab, choices in (("ssh_world", ['"Bo,Zoë O\'Neill & Co <sec>"']), ("ssh_open", [])):
        sheet = second[tab]
        kept = entries(sheet)
        assert [kept[f"sg-{number}"][1] for number in range(len(owners[tab]))] == list(owners[tab])
        letter = sheet.cell(1, heads(sheet).index("owner") + 1).column_letter
        rules = sheet.data_validations.dataValidation
        assert [rule.formula1 for rule in rules if str(rule.sqref) == f"{letter}2:{letter}7"] == choices


@pytest.mark.parametrize("with_ids_first", [False, True])
def test_an_account_that_is_known_by_name_in_one_report_and_by_id_in_the_other(
    tmp_path: Path, with_ids_first: bool
) -> None:
    accounts = tmp_path / "accounts.yml"
    accounts.write_text(
        "accounts:\n- {name: alpha, account_id: '111111111111', profile: p, regions: [us-east-1]}\n"
    )
    policy = {
        "name": "sg-ssh-world",
        "resource": "aws.security-group",
        "filters": [{"type": "ingress", "IpProtocol": "tcp", "Cidr": WORLD}],
        "metadata": {"report": {"tab": "ssh_world", "column": "has_ssh_open_world", "level": "exposed"}},
    }
    place = tmp_path / "output" / "alpha" / US

    def report(*words: str, found: list[Resource]) -> Made:
        put(
            place,
            policy,
            [{key: each[key] for key in each if key != "OwnerId"} for each in found],
            account_id=None,
        )
        return made(tmp_path / f"{len(list(tmp_path.iterdir()))}", tmp_path / "output", *words)

    options = [["-c", str(accounts)], []]
    before, after = options if with_ids_first else options[::-1]
    first = report(*before, found=[WEB, SSH])
    fill(first["ssh_world"], "sg-web", comment="mine")
    fill(first["ssh_world"], "sg-ssh", comment="gone next time")
    first.book.save(tmp_path / "filled.xlsx")
    second = report(*after, "--carry", str(tmp_path / "filled.xlsx"), found=[WEB])
    assert entries(second["ssh_world"]) == {"sg-web": (None, None, None, "mine")}
    assert [(row[3], row[6], row[-1]) for row in closed(second)] == [("sg-ssh", "closed", "gone next time")]
    third = report(*after, "--carry", str(second.path), found=[WEB, SSH])
    assert "entries carried: 2 in their rows\n" in third.said


def test_whatever_an_auditor_does_to_the_sheet(report: Report) -> None:
    first = report(UNITS)
    sheet = first["ssh_world"]
    fill(sheet, "sg-web", status="open", comment="mine")
    fill(sheet, "sg-b", owner="Bo")
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    head, *below = rows
    moved = [*below[::-1]]  # sorted the other way
    order = [len(head) - 1, *range(len(head) - 1)]  # the hidden column comes first
    del first.book["ssh_world"]
    fresh = first.book.create_sheet("My review, Q4")
    fresh.append(["Reviewed by Bo"])
    fresh.append([])
    for row in (head, *moved):
        fresh.append([row[number] for number in order] + ["an extra column"])
    fresh.append([None] * 3)
    fresh.append(["not a key", *([None] * (len(head) - 2)), "added by hand"])
    fresh.row_dimensions[4].hidden = True
    fresh.column_dimensions["C"].hidden = True
    fresh.auto_filter.ref = "A3:F6"
    second = report(UNITS, first)
    assert entries(second["ssh_world"]) == {
        "sg-web": ("open", None, None, "mine"), "sg-ssh": NONE, "sg-b": (None, "Bo", None, None)
    }  # fmt: skip
    assert "closed" not in second.names
    assert ": not carried, as the row has no key of a finding: My review, Q4 row 8\n" in second.said


def test_what_has_no_row_any_more_is_closed_and_comes_back(report: Report) -> None:
    first = report(UNITS)
    fill(first["ssh_world"], "sg-web", status="in progress", owner="Bo", due=date(2027, 1, 31))
    fill(first["ssh_world"], "sg-ssh", status="open")
    gone = {("alpha", US): unit([SSH]), ("beta", EU): unit()}
    second = report(gone, first, day=2)
    row = (
        "alpha", "111111111111", US, "sg-web", "web", "ssh_world", "closed", date(2026, 12, 2), "in progress", "Bo",
        date(2027, 1, 31), None,
    )  # fmt: skip
    assert closed(second) == [row]
    assert range_boundaries(second["closed"].print_area.rpartition("!")[2])[2] == 12  # up to `comment`
    assert entries(second["ssh_world"]) == {"sg-ssh": ("open", None, None, None)}
    assert "entries carried: 1 in their rows, 1 closed\n" in second.said
    fill(second["closed"], "sg-web", comment="verified")
    third = report(gone, second, day=3)
    assert closed(third) == [(*row[:-1], "verified")]  # since when it is closed stays
    assert third["closed"].cell(2, 12).alignment.wrap_text
    fourth = report(UNITS, third, day=4)
    assert "closed" not in fourth.names
    assert entries(fourth["ssh_world"])["sg-web"] == ("in progress", "Bo", datetime(2027, 1, 31), "verified")


def test_what_was_not_read_is_not_closed(report: Report) -> None:
    first = report(UNITS)
    for group_id in ("sg-web", "sg-b"):
        fill(first["ssh_world"], group_id, comment="waits")
    refused = dict.fromkeys(unit(), DENIED)
    # Of alpha only that policy is refused, and what its groups are is known: the row stays, as one that may be.
    partly = unit([WEB, SSH], sg_ssh_world=DENIED)
    second = report({("alpha", US): partly, ("beta", EU): refused}, first, day=2)
    assert entries(second["ssh_world"])["sg-web"] == (None, None, None, "waits")
    assert [row[3:8] for row in closed(second)] == [("sg-b", "b", "ssh_world", "not read", date(2026, 12, 2))]
    # Now the account is not even asked for; then it is read, and clean.
    third = report({("alpha", US): unit([WEB])}, second, day=3)
    assert [row[3:8] for row in closed(third)] == [("sg-b", "b", "ssh_world", "not read", date(2026, 12, 2))]
    fourth = report({("alpha", US): unit([WEB]), ("beta", EU): unit()}, third, day=4)
    assert [row[3:8] for row in closed(fourth)] == [("sg-b", "b", "ssh_world", "closed", date(2026, 12, 4))]


def test_another_account_of_that_name_tells_nothing_of_the_first(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = report({("alpha", US): unit([WEB])})
    fill(first["ssh_world"], "sg-web", comment="of the first alpha")
    monkeypatch.setitem(rundir.ACCOUNT_IDS, "alpha", "444444444444")
    second = report({("alpha", US): unit([SSH])}, first)
    assert [(row[1], row[6], row[-1]) for row in closed(second)] == [
        ("111111111111", "not read", "of the first alpha")
    ]


def test_of_two_entries_on_one_finding_none_is_lost(report: Report) -> None:
    first = report(UNITS)
    sheet = first["ssh_world"]
    fill(sheet, "sg-web", comment="first")
    sheet.append([cell.value for cell in sheet[row_of(sheet, "sg-web")]])
    sheet.cell(sheet.max_row, heads(sheet).index("comment") + 1).value = "second"
    second = report(UNITS, first)
    assert entries(second["ssh_world"])["sg-web"] == (None, None, None, "first")
    assert [(row[6], row[-1]) for row in closed(second)] == [("double", "second")]
    third = report(UNITS, second)
    assert entries(third["ssh_world"])["sg-web"] == (None, None, None, "first")
    assert [(row[6], row[-1]) for row in closed(third)] == [("double", "second")]


def test_a_policys_own_column_of_that_name_is_another(report: Report) -> None:
    named = tuple(
        policy | {"report": {**policy["report"], "column": "Owner"}}
        if policy["name"] == "sg-unused"
        else policy
        for policy in POLICIES
    )
    first = report(UNITS, policies=named)
    sheet = first["ssh_world"]
    assert heads(sheet)[-5:] == [
        "status",
        "owner_2",
        "due",
        "comment",
        "finding_key: status, owner_2, due, comment",
    ]
    fill(sheet, "sg-web", owner_2="Bo")
    assert entries(report(UNITS, first)["ssh_world"])["sg-web"] == (None, "Bo", None, None)


def test_a_tab_of_several_policies_keeps_its_entries_as_policies_come_and_go(report: Report) -> None:
    rdp = POLICIES[5] | {"name": "sg-rdp-world", "report": {"tab": "ssh_world"}}
    both = (*POLICIES, rdp)
    first = report({("alpha", US): unit([WEB])})
    fill(first["ssh_world"], "sg-web", comment="kept")
    second = report({("alpha", US): unit([WEB], sg_rdp_world=[])}, first, policies=both)
    assert entries(second["ssh_world"]) == {"sg-web": (None, None, None, "kept")}
    assert entries(report({("alpha", US): unit([WEB])}, second)["ssh_world"]) == {
        "sg-web": (None, None, None, "kept")
    }


@pytest.mark.skipif(shutil.which("soffice") is None, reason="needs LibreOffice")
def test_a_workbook_that_libreoffice_saved(report: Report, tmp_path: Path) -> None:
    first = report(UNITS)
    values = ("later", "=1+1", datetime(2027, 1, 31), "@a\nb")
    fill(first["ssh_world"], "sg-web", **dict(zip(COLUMNS, values, strict=True)))
    first.book.save(tmp_path / "filled.xlsx")
    home = f"-env:UserInstallation=file://{tmp_path}/home"
    command = ["soffice", home, "--headless", "--convert-to", "xlsx", "--outdir", str(tmp_path / "saved")]
    subprocess.run([*command, str(tmp_path / "filled.xlsx")], check=True, capture_output=True, timeout=120)
    second = report(UNITS, tmp_path / "saved" / "filled.xlsx")
    assert entries(second["ssh_world"]) == {"sg-web": values, "sg-ssh": NONE, "sg-b": NONE}


def locked(path: Path) -> None:
    path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600))


def foreign(path: Path) -> None:
    openpyxl.Workbook().save(path)


def packed(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")


def libreoffices_own(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", "<office:document-content/>")


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: None, "No such file or directory"),
        (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: path.write_text("a,b\n"), "not a workbook (.xlsx)"),
        (locked, "locked by a password, or of an old Excel: save it as .xlsx without a password"),
        (libreoffices_own, "not a workbook (.xlsx): save it as one"),
        (packed, "cannot be read as a workbook: "),
        (foreign, "no report of sg-audit with columns for auditors: give the workbook that they wrote into"),
    ],
)
def test_what_is_no_report_is_one_line_before_anything_is_done(
    report: Report, tmp_path: Path, make: Callable[[Path], object], problem: str
) -> None:
    (tmp_path / "given").mkdir()
    path = tmp_path / "given" / "file.xlsx"
    make(path)
    with pytest.raises(InputError) as raised:
        cli.cli(["report", "-s", str(tmp_path / "no-run"), "--carry", str(path)], standalone_mode=False)
    assert str(raised.value).startswith(f"--carry {path}: {problem}")
    assert "\n" not in str(raised.value)


def test_a_column_that_was_renamed_is_told_and_not_lost(report: Report) -> None:
    first = report(UNITS)
    sheet = first["ssh_world"]
    sheet.cell(1, heads(sheet).index("owner") + 1).value = "who"
    with pytest.raises(InputError, match="sheet ssh_world has no column owner: give it its name again"):
        report(UNITS, first)


def test_it_goes_with_the_workbook_and_with_its_reader(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = report(UNITS)
    with pytest.raises(InputError, match=r"^--carry: goes with -f xlsx$"):
        report(UNITS, first, "-f", "csv")
    path = first.path
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(
        InputError,
        match=r"^--carry needs openpyxl, .* -m pip install .c7n-sg-audit\[carry\].$",
    ):
        report(UNITS, path)


def test_a_sheet_whose_keys_are_gone_is_told(report: Report) -> None:
    first = report(UNITS)
    fill(first["ssh_world"], "sg-web", comment="lost")
    first["ssh_world"].delete_cols(first["ssh_world"].max_column)
    second = report(UNITS, first)
    assert ": not carried, as its hidden last column, of keys, is gone: sheet ssh_world\n" in second.said
