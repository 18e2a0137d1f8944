"""What a report says on the terminal when it is written."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from reporter.cli import terminal
from reporter.report import closing
from tests.rundir import ACCOUNT_IDS, DENIED, audit, findings, group, unit, write

US = "us-east-1"


def test_an_accounts_name_is_printed_as_it_is_and_does_nothing_to_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "a [red]b :fr: \x1b[2Jc\x07"
    monkeypatch.setitem(ACCOUNT_IDS, name, "444444444444")
    read = audit(write(tmp_path, {(name, US): unit([group("sg-1", owner=name)])}))
    shown = io.StringIO()
    Console(file=shown, width=100).print(closing.risk_by_account(read, findings(read)), markup=False)
    assert "│ a [red]b :fr: c " in shown.getvalue()
    assert "\x1b" not in shown.getvalue()
    assert "\x07" not in shown.getvalue()


def test_a_terminal_narrower_than_the_figures_cuts_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setattr(terminal, "console", lambda: Console(stderr=True))
    read = audit(write(tmp_path, {("alpha", US): unit([group(f"sg-{number}") for number in range(1234)])}))
    terminal.show(closing.risk_by_account(read, findings(read)))
    shown = [line.strip("│").split("│") for line in capsys.readouterr().err.splitlines() if line[:1] == "│"]
    assert [[cell.strip() for cell in row] for row in shown] == [
        ["alpha", "0", "0", "0", "1,234", "0", "0"],
        ["all", "0", "0", "0", "1,234", "0", "0"],
    ]


def test_one_refusal_is_one_line_whatever_it_cost(tmp_path: Path) -> None:
    nothing = dict.fromkeys(unit(), DENIED)
    place = write(tmp_path, {("alpha", US): nothing, ("beta", US): unit(interfaces=DENIED)})
    assert list(closing.not_read(audit(place))) == [
        "6 of 14 cells (account × region × policy) were read",
        f"not read: alpha {US} sg-inventory and 6 more cells of the account: denied UnauthorizedOperation "
        "Not allowed.",
        f"not read: beta {US} eni-inventory: denied UnauthorizedOperation Not allowed.",
    ]


def test_of_many_reasons_the_first_are_told_and_the_cells_of_the_others_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"account-{number:02}" for number in range(12)]
    for number, name in enumerate(names):
        monkeypatch.setitem(ACCOUNT_IDS, name, f"{number:012}")
    read = audit(write(tmp_path, {(name, US): dict.fromkeys(unit(), DENIED) for name in names}))
    _, *told, last = closing.not_read(read)
    assert [line.split()[2] for line in told] == names[:10]
    assert last == "not read: 14 more cells; the coverage tab has them all"


def test_accounts_that_nobody_could_read_are_counted_where_there_is_no_room_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    units: dict[tuple[str, str], Any] = {}
    for number in range(23):
        name = f"account-{number:02}"
        monkeypatch.setitem(ACCOUNT_IDS, name, f"{number:012}")
        units[name, US] = dict.fromkeys(unit(), DENIED) if number < 2 else unit([group("sg-1", owner=name)])
    read = audit(write(tmp_path, units))
    table = closing.risk_by_account(read, findings(read))
    assert "… 3 more accounts, 2 of them unknown" in list(table.columns[0].cells)
