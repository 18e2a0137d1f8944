"""Work that hangs, dies or fails costs its owner's tasks, and nobody else's."""

import os
import re
from collections.abc import Iterable, Iterator
from functools import reduce
from tempfile import TemporaryFile
from typing import Any

import pytest

from reporter.custodian.bounded import Stopped, Workers
from reporter.errors import InputError

HANGS = "x" * 40
SECRET = "SG_AUDIT_TEST_SECRET"


def work(tasks: Iterable[str]) -> Iterator[Any]:
    for task in tasks:
        if task == "hang":
            re.match("(x+x+)+y", HANGS)
        if task == "die":
            os._exit(9)
        if task == "fail":
            raise ValueError("the text of a file")
        if task == "eat":
            yield "x" * (8 << 30)
        if task == "nest":
            yield reduce(lambda inner, _: [inner], range(100_000), [])
        if task == "refuse":
            raise InputError("a.yml: not valid")
        if task == "environment":
            yield str(dict(os.environ))
        elif task == "write":
            with TemporaryFile("w") as file:
                file.write("x")
            yield "written"
        else:
            yield f"{task} done"


@pytest.mark.parametrize(
    ("task", "why"),
    [
        ("hang", "it takes longer than 3 seconds"),
        ("die", "it ends the process that works on it"),
        ("fail", "it fails: ValueError"),
        ("eat", "it fails: MemoryError"),
        ("nest", "it fails: RecursionError"),
        ("write", "it fails: OSError"),
    ],
)
def test_what_goes_wrong_is_its_owners(task: str, why: str) -> None:
    bad, good = ("bad", "bad"), ("good", "good")
    with Workers(3, processes=2) as workers:
        first, second = workers.run(work, [[good, ("bad", task), bad, good], [good, bad, good]])
        # What was through before it went wrong stays; what is left of it is not tried again, in no batch.
        assert [each if isinstance(each, str) else type(each) for each in first] == [
            "good done", Stopped, Stopped, "good done",
        ]  # fmt: skip
        assert isinstance(first[1], Stopped) and first[1].why.startswith(why)
        assert second[::2] == ["good done", "good done"]
        assert workers.run(work, [[bad, good]]) == [[first[1], "good done"]]


def test_the_input_may_be_wrong() -> None:
    with Workers(30) as workers, pytest.raises(InputError, match=r"^a\.yml: not valid$"):
        workers.run(work, [[("a", "a"), ("b", "refuse")]])


def test_all_together_have_a_limit_too() -> None:
    """Five times that of one: six that hang leave one that was not tried."""
    with Workers(0.4, processes=1) as workers:
        results = workers.run(work, [[(str(number), "hang")] for number in range(6)])
    assert {result.why for (result,) in results if isinstance(result, Stopped)} == {
        "it takes longer than 0.4 seconds",
        "there was no time left for it",
    }


def test_workers_see_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, "hunter2")
    with Workers(30) as workers:
        assert workers.run(work, [[("a", "environment")]]) == [["{}"]]
    assert os.environ[SECRET] == "hunter2"


def test_order_is_kept_whoever_is_first() -> None:
    batches = [[(str(number), f"{number}.{each}") for each in range(3)] for number in range(9)]
    with Workers(30, processes=3) as workers:
        results = workers.run(work, batches)
        assert results == [[f"{number}.{each} done" for each in range(3)] for number in range(9)]
        assert workers.run(work, []) == []
