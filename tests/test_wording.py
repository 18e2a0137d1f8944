"""Counts and lists in sentences."""

import pytest

from reporter.wording import counted, number_or_dash, some


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ((0, "group"), "0 groups"),
        ((1, "group"), "1 group"),
        ((2_000, "group"), "2,000 groups"),
        ((1, "policy", "policies"), "1 policy"),
        ((2, "policy", "policies"), "2 policies"),
    ],
)
def test_counts(given: tuple[int, str], text: str) -> None:
    assert counted(*given) == text


def test_no_number_is_no_zero() -> None:
    assert (number_or_dash(None), number_or_dash(0), number_or_dash(1_000)) == ("–", "0", "1,000")


def test_lists_say_how_many_they_leave_out() -> None:
    names = [f"n{number}" for number in range(1_003)]
    assert some(names[:3], 3) == "n0, n1, n2"
    assert some(names, 3) == "n0, n1, n2 and 1,000 more"
    assert some(names[:2], 1, str.upper) == "N0 and 1 more"
