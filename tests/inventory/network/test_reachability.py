"""What the answers for several interfaces come to."""

import pytest

from reporter.inventory.network.reachability import Reach, Reachable, any_of

ON_22, ON_443 = "203.0.113.7 -> tcp 22", "203.0.113.7 -> tcp 443"
YES = Reach(Reachable.YES, "tcp 22 open", (ON_22,))
NO, UNKNOWN = Reach(Reachable.NO, "no route"), Reach(Reachable.UNKNOWN, "the subnet was not read")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([YES], YES),
        ([NO], NO),
        ([UNKNOWN, NO], UNKNOWN),
        ([NO, YES, UNKNOWN], YES),
        ([YES, YES], YES),
        (
            [Reach(Reachable.YES, "both", (ON_22, ON_443, ON_22))],
            Reach(Reachable.YES, "both", (ON_22, ON_443)),
        ),
        (
            [YES, Reach(Reachable.YES, "b", (ON_443,))],
            Reach(Reachable.YES, "tcp 22 open; b", (ON_22, ON_443)),
        ),
    ],
    ids=["yes", "no", "unknown", "best", "same", "twice", "two"],
)
def test_the_best_answer_counts_and_each_line_stands_once(answers: list[Reach], expected: Reach) -> None:
    assert any_of(answers) == expected
