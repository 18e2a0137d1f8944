"""What a person sees of a run on the way."""

import io
import re

import pytest
from rich.console import Console

from reporter import progress


@pytest.fixture
def written() -> io.StringIO:
    return io.StringIO()


def test_a_long_wait_is_named_in_plain_lines(written: io.StringIO) -> None:
    with progress.shown(Console(file=written, width=80)) as shown:
        shown.planned(1)
        shown.waiting("dev us-east-1", 59)
        assert written.getvalue() == ""
        shown.waiting("dev us-east-1", 61)
        shown.waiting("dev us-east-1", 62)
        shown.done("dev us-east-1", 1, 7, 6, "sg-default failed: \x1b[2JX gone")
    assert written.getvalue().splitlines() == [
        "waiting for dev us-east-1 (61 s)",
        "[1/1] dev us-east-1: 6 of 7 policies read; sg-default failed: X gone",
    ]


def test_a_long_wait_is_named_beside_the_bar(written: io.StringIO) -> None:
    with progress.shown(Console(file=written, width=120, force_terminal=True)) as shown:
        shown.planned(1)
        shown.waiting("dev us-east-1", 11)
    assert "waiting for dev us-east-1 (11 s)" in written.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_is_shown_while_a_person_is_asked(written: io.StringIO, terminal: bool) -> None:
    console = Console(file=written, width=120, force_terminal=terminal)
    with progress.shown(console) as shown:
        shown.planned(2)
        with shown.alone():
            before = written.getvalue()
            shown.done("dev us-east-1", 1, 7, 6, "sg-default denied: no")
            shown.say("something else")
            shown.waiting("dev", 100)
            assert written.getvalue() == before
        after = written.getvalue()[len(before) :]
        assert after.index("dev us-east-1: 6 of 7") < after.index("something else")
        shown.done("dev eu-west-1", 1, 7, 6, "sg-default denied: no")
    assert "dev eu-west-1: 6 of 7" in written.getvalue()


def on_a_screen(written: io.StringIO, width: int, label: str) -> list[str]:
    """The last picture of the bar, when four of nine units are through and an account with two is refused."""
    console = Console(file=written, width=width, force_terminal=True, color_system=None)
    now = [1000.0]
    with progress.shown(console, clock=lambda: now[0]) as shown:
        shown.planned(9)
        shown.done("gone", 2, 14, 0, "sg-default denied: no")
        for region in ("us-east-1", "eu-west-1"):
            now[0] += 30
            shown.done(f"{label} {region}", 1, 7, 7, "")
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in written.getvalue().splitlines()]
    return [line.strip() for line in lines if line.strip()][-2:]


def test_it_tells_accounts_and_regions_failures_and_times(written: io.StringIO) -> None:
    status, whose = on_a_screen(written, 80, "dev")
    assert status == "4/9 accounts and regions, 2 not read whole, 1:00 gone, 2:30 left"
    assert whose.split(maxsplit=1)[1] == "dev eu-west-1"


@pytest.mark.parametrize("name", ["payments-production", "[a:b:c] x", ":warning: :fr: [red]lyon"])
def test_on_a_narrow_terminal_a_name_is_a_name(written: io.StringIO, name: str) -> None:
    status, whose = on_a_screen(written, 40, name)
    assert status == "4/9, 2 failed, 1:00 gone, 2:30 left"
    assert whose == f"{name} eu-west-1"


def test_a_long_run_tells_in_plain_lines_how_far_it_is_now_and_then(written: io.StringIO) -> None:
    now = [1000.0]
    with progress.shown(Console(file=written, width=40), clock=lambda: now[0]) as shown:
        shown.planned(9)
        for number, problem in enumerate(("", "denied", "", "")):
            now[0] += 45
            shown.done(f"a{number} :warning: us-east-1", 1, 7, 6 if problem else 7, problem)
    assert [line for line in written.getvalue().splitlines() if not line.startswith("[")] == [
        "2 of 9 accounts and regions, 1 not read whole; 1:30 gone, about 5:15 left",
        "4 of 9 accounts and regions, 1 not read whole; 3:00 gone, about 3:45 left",
    ]
    assert "[4/9] a3 :warning: us-east-1: 7 of 7 policies read" in written.getvalue()
