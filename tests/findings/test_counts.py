"""In which counts each group is, for every risk, proven or not, and every answer to whether it is reached."""

from itertools import product
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd

from reporter.findings.assess import Findings
from reporter.findings.counts import levels_and_reached
from reporter.findings.risk import LEVELS

# What of these is counted as reached; the rest is not.
REACHED = {
    ("critical", True, "yes"): "critical_reachable",
    ("high", True, "yes"): "high_reachable",
    ("none", True, "yes"): "none_reachable",
    ("critical", True, "unknown"): "critical_reachable_possible",
    ("high", True, "unknown"): "high_reachable_possible",
    ("none", True, "unknown"): "none_reachable_possible",
}
EVERY = list(product(LEVELS, (True, False), ("yes", "no", "unknown")))


def counted(rows: list[tuple[str, bool, str]]) -> list[tuple[Any, Any]]:
    risk = pd.Categorical([risk for risk, _, _ in rows], list(LEVELS), ordered=True)
    groups = pd.DataFrame({"risk": risk, "reachable": [reachable for *_, reachable in rows]})
    proven = pd.Series([proven for _, proven, _ in rows], dtype=bool)
    found = levels_and_reached(cast(Findings, SimpleNamespace(groups=groups, proven=proven)))
    return list(zip(*(each.astype(object) for each in found), strict=True))


def test_proven_and_possible_are_counted_apart() -> None:
    for row, (level, reached) in zip(EVERY, counted(EVERY), strict=True):
        assert level == (row[0] if row[1] else f"{row[0]}_possible")
        assert reached == REACHED[row] if row in REACHED else pd.isna(reached), row


def test_no_groups() -> None:
    assert counted([]) == []
