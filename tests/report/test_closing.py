"""What a report says on the terminal when it is written."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from reporter.report import closing
from tests.rundir import ACCOUNT_IDS, audit, findings, group, unit, write


def test_an_accounts_name_is_printed_as_it_is_and_does_nothing_to_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "a [red]b :fr: \x1b[2Jc\x07"
    monkeypatch.setitem(ACCOUNT_IDS, name, "444444444444")
    read = audit(write(tmp_path, {(name, "us-east-1"): unit([group("sg-1", owner=name)])}))
    shown = io.StringIO()
    Console(file=shown, width=100).print(closing.risk_by_account(read, findings(read)), markup=False)
    assert "│ a [red]b :fr: c " in shown.getvalue()
    assert "\x1b" not in shown.getvalue()
    assert "\x07" not in shown.getvalue()
