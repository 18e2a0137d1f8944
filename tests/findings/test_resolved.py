"""What a run looked for in vain that earlier runs had, as a pure function."""

import pytest

from reporter.findings import history
from reporter.findings.changes import Place, RunFindings
from reporter.findings.resolved import resolved_since

from .test_changes import CELL, EDITED, FOUND, HERE, KEY, THERE, TOGETHER, UNREAD, UNSURE, WITHOUT_GROUP, run

CARRIED = {"carried": {KEY: "2026-11-02"}}
BEFORE = {"started": "2026-11-16T21:03:55+00:00"}
NEXT_DOOR = {"groups": {HERE: frozenset({"sg-2"}), THERE: frozenset({"sg-1"})}}


def in_short(base: RunFindings, head: RunFindings) -> list[tuple[str, str, str]]:
    return [(each.group_name, each.first_seen, each.reason.value) for each in resolved_since(base, head)]


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (run(), "fixed"),
        (run(**WITHOUT_GROUP), "deleted"),
        (run(**WITHOUT_GROUP, listed=frozenset()), "unknown"),
        # An edited policy has answered too: it does not find it.
        (run(**EDITED), "fixed"),
        (run(**EDITED, **WITHOUT_GROUP), "deleted"),
        (run(cells={CELL: ""}), "fixed"),
        (run(FOUND), ""),
        (run(FOUND, **EDITED), ""),
        # It was not looked for, or by a hand that did it before the older run.
        (run(**UNREAD), ""),
        (run(read_at={CELL: 1_000.0}), ""),
        # A group that is not there is found by no policy, read or not.
        (run(**UNREAD, **WITHOUT_GROUP), "deleted"),
        (run(**UNREAD, **WITHOUT_GROUP, listed=frozenset()), ""),
        (run(**UNREAD, **WITHOUT_GROUP, read_at={(*HERE, "sg-all"): 1_000.0}), ""),
        (run(**UNREAD, **NEXT_DOOR), ""),
        # It may be there all the same.
        (run(**NEXT_DOOR), ""),
        (run(**NEXT_DOOR, **EDITED), ""),
        # The account next door, whose group it is, was asked for it.
        (run(**NEXT_DOOR, cells=dict.fromkeys((CELL, (*THERE, CELL[2])), "as it is")), "elsewhere"),
    ],
)
def test_a_finding_is_resolved_where_it_was_looked_for_in_vain(head: RunFindings, reason: str) -> None:
    expected = [("web", "2026-11-18", reason)] if reason else []
    assert in_short(run(FOUND, **BEFORE), head) == expected


def test_so_is_one_that_the_run_before_could_not_look_for() -> None:
    unread = {**UNREAD, **BEFORE, **CARRIED}
    assert in_short(run(**unread), run()) == [("", "2026-11-02", "fixed")]
    assert in_short(run(**unread), run(**WITHOUT_GROUP)) == [("", "2026-11-02", "deleted")]
    assert in_short(run(**unread), run(FOUND)) == []
    assert in_short(run(**unread), run(**UNREAD)) == []


@pytest.mark.parametrize("base", [run(TOGETHER, **BEFORE), run(**UNREAD, **BEFORE, **CARRIED)])
def test_not_where_a_prefix_list_was_not_read_whole(base: RunFindings) -> None:
    assert in_short(base, run(**UNSURE)) == []
    assert len(in_short(base, run(unsure=frozenset({(*HERE, "sg-2")})))) == 1


@pytest.mark.parametrize(
    ("base", "head"),
    [
        (run(TOGETHER), run(**UNSURE)),
        (run(FOUND), run(**UNREAD)),
        (run(FOUND), run(**NEXT_DOOR)),
        (run(FOUND), run(**UNREAD, **NEXT_DOOR)),
    ],
)
def test_what_a_run_cannot_tell_is_carried_on_with_its_day(base: RunFindings, head: RunFindings) -> None:
    told = history.since(head, base)
    assert told.carried == {KEY: "2026-11-18"}
    assert history.since(run(FOUND._replace(first_seen="2026-11-25")), told).findings == {KEY: FOUND}


@pytest.mark.parametrize("head", [run(), run(**WITHOUT_GROUP), run(**UNREAD, **WITHOUT_GROUP)])
def test_what_is_gone_is_not(head: RunFindings) -> None:
    assert history.since(head, run(FOUND)).carried == {}


def test_the_account_is_called_as_it_is_now() -> None:
    head = run(profiles={HERE.account: "prod"})
    assert [each.account_profile for each in resolved_since(run(FOUND, **BEFORE), head)] == ["prod"]
    assert Place(*KEY[:2]) == HERE
