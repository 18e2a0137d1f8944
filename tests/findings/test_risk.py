"""The risk of a group, for every combination of answers, unknown ones among them."""

from typing import Any

import pandas as pd
import pytest

from reporter.findings.risk import LEVELS, classify

# What is left open is marked ?. By the table of the design the first match wins: critical where world and in
# use, high where a default group is on an instance, medium where world, low where not in use. With a ? the
# worst of what is possible, and the note names each ? unless all of it comes to the same.
TRUTH = """
world  in_use  default_on_instance  risk      noted
yes    yes     yes                  critical  -
yes    yes     no                   critical  -
yes    yes     ?                    critical  -
yes    no      yes                  high      -
yes    no      no                   medium    -
yes    no      ?                    high      default
yes    ?       yes                  critical  in_use
yes    ?       no                   critical  in_use
yes    ?       ?                    critical  in_use,default
no     yes     yes                  high      -
no     yes     no                   none      -
no     yes     ?                    high      default
no     no      yes                  high      -
no     no      no                   low       -
no     no      ?                    high      default
no     ?       yes                  high      -
no     ?       no                   low       in_use
no     ?       ?                    high      in_use,default
?      yes     yes                  critical  world
?      yes     no                   critical  world
?      yes     ?                    critical  world,default
?      no      yes                  high      -
?      no      no                   medium    world
?      no      ?                    high      world,default
?      ?       yes                  critical  world,in_use
?      ?       no                   critical  world,in_use
?      ?       ?                    critical  world,in_use,default
"""
ANSWERS = {"yes": True, "no": False, "?": None}
IN_WORDS = {"world": "has_ssh_open_world", "in_use": "in_use", "default": "is_default on an instance"}
ROWS = [line.split() for line in TRUTH.strip().splitlines()[1:]]


def rated(world: Any, in_use: Any, default: Any) -> pd.DataFrame:
    return classify({"has_ssh_open_world": world}, in_use, default)


def test_the_table_is_whole() -> None:
    assert len({tuple(row[:3]) for row in ROWS}) == len(ROWS) == 27


def test_levels_are_worst_first() -> None:
    assert LEVELS == ("critical", "high", "medium", "low", "none")


@pytest.mark.parametrize(("world", "in_use", "default", "risk", "noted"), ROWS)
def test_classify(world: str, in_use: str, default: str, risk: str, noted: str) -> None:
    answers = [pd.Series([ANSWERS[answer]], dtype="boolean") for answer in (world, in_use, default)]
    (row,) = rated(*answers).itertuples(index=False)
    assert row.risk == risk
    unknown = [] if noted == "-" else [IN_WORDS[name] for name in noted.split(",")]
    assert row.risk_note == ("worst case, unknown: " + ", ".join(unknown) if unknown else "")


def test_many_groups_keep_their_index() -> None:
    answers = [
        pd.Series([ANSWERS[row[n]] for row in ROWS], index=range(100, 127), dtype="boolean") for n in range(3)
    ]
    found = rated(*answers)
    assert list(found.index) == list(range(100, 127))
    assert list(found["risk"]) == [row[3] for row in ROWS]


def test_answers_may_be_plain_booleans() -> None:
    yes, no = pd.Series([True, True]), pd.Series([True, False])
    assert list(rated(yes, no, no)["risk"]) == ["critical", "medium"]


def test_no_groups() -> None:
    nothing = pd.Series([], dtype="boolean")
    assert rated(nothing, nothing, nothing).empty


def test_risks_sort_by_how_bad_they_are() -> None:
    answers = [pd.Series([ANSWERS[row[n]] for row in ROWS], dtype="boolean") for n in range(3)]
    risks = list(rated(*answers).sort_values("risk")["risk"])
    assert list(dict.fromkeys(risks)) == ["critical", "high", "medium", "low", "none"]


# Any of several answers makes a group exposed: rows of (a, b, in_use) -> risk and what the note names.
@pytest.mark.parametrize(
    ("a", "b", "in_use", "risk", "noted"),
    [
        ("no", "no", "yes", "none", []),
        ("no", "yes", "yes", "critical", []),
        ("yes", "?", "yes", "critical", []),  # one says it: the other does not matter
        ("?", "yes", "?", "critical", ["in_use"]),
        ("?", "no", "yes", "critical", ["a"]),
        ("?", "?", "no", "medium", ["a", "b"]),
        ("no", "?", "no", "medium", ["b"]),
    ],
)
def test_any_of_several_makes_a_group_exposed(
    a: str, b: str, in_use: str, risk: str, noted: list[str]
) -> None:
    one, two, used = (pd.Series([ANSWERS[each]], dtype="boolean") for each in (a, b, in_use))
    (row,) = classify({"a": one, "b": two}, used, pd.Series([False])).itertuples(index=False)
    assert row.risk == risk
    assert row.risk_note == ("worst case, unknown: " + ", ".join(noted) if noted else "")
