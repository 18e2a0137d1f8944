"""What a person sees of a run on the way."""

import io

import pytest
from rich.console import Console

from reporter import progress


@pytest.fixture
def written() -> io.StringIO:
    return io.StringIO()


def test_a_long_wait_is_named_in_plain_lines(written: io.StringIO) -> None:
    with progress.shown(Console(file=written, width=80)) as shown:
        shown.planned(7)
        shown.waiting("dev us-east-1", 59)
        assert written.getvalue() == ""
        shown.waiting("dev us-east-1", 61)
        shown.waiting("dev us-east-1", 62)
        shown.done("dev us-east-1", 7, 6, "sg-default failed: \x1b[2JX gone")
    assert written.getvalue().splitlines() == [
        "waiting for dev us-east-1 (61 s)",
        "[7/7] dev us-east-1: 6 of 7 policies read; sg-default failed: X gone",
    ]


def test_a_long_wait_is_named_beside_the_bar(written: io.StringIO) -> None:
    with progress.shown(Console(file=written, width=120, force_terminal=True)) as shown:
        shown.planned(7)
        shown.waiting("dev us-east-1", 11)
    assert "waiting for dev us-east-1 (11 s)" in written.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_is_shown_while_a_person_is_asked(written: io.StringIO, terminal: bool) -> None:
    console = Console(file=written, width=120, force_terminal=terminal)
    with progress.shown(console) as shown:
        shown.planned(14)
        with shown.alone():
            before = written.getvalue()
            shown.done("dev us-east-1", 7, 6, "sg-default denied: no")
            shown.say("something else")
            shown.waiting("dev", 100)
            assert written.getvalue() == before
        after = written.getvalue()[len(before) :]
        assert after.index("dev us-east-1: 6 of 7") < after.index("something else")
        shown.done("dev eu-west-1", 7, 6, "sg-default denied: no")
    assert "dev eu-west-1: 6 of 7" in written.getvalue()
