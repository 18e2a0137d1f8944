"""Two sets of findings compared, as pure functions."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reporter.findings.changes import FINDING_LEVELS, INFORMS, Found, Key, Place, RunFindings, State, compare

HERE = Place("111111111111", "us-east-1")
THERE = Place("222222222222", "us-east-1")
CELL = (*HERE, "sg-ssh-world")
KEY = Key(*CELL, "sg-1")
FOUND = Found("web", "critical", True, "yes", ("tcp 22 from 0.0.0.0/0",), "2026-11-18")
TOGETHER = FOUND._replace(rules=("tcp 22 from the world, by several ranges or a prefix list",))


def run(*found: Found, **more: object) -> RunFindings:
    """A run that read the policy's cell and listed all groups, and found this of the group."""
    default = RunFindings(
        started="2026-11-23T21:03:55+00:00",
        findings=dict.fromkeys([KEY] * len(found), *found) if found else {},
        cells={CELL: "as it is"},
        groups={HERE: frozenset({"sg-1", "sg-2"})},
        listed=frozenset({HERE}),
    )
    return replace(default, **more)


WITHOUT_GROUP = {"groups": {HERE: frozenset({"sg-2"})}}
EDITED = {"cells": {CELL: "otherwise"}}
UNREAD: dict[str, object] = {"cells": {}}
UNSURE = {"unsure": frozenset({(*HERE, "sg-1")})}


@pytest.mark.parametrize(
    ("base", "head", "state", "reason"),
    [
        (run(), run(FOUND), "new", ""),
        (run(FOUND), run(FOUND), "unchanged", ""),
        (run(FOUND), run(), "gone", "fixed"),
        (run(FOUND), run(**WITHOUT_GROUP), "gone", "deleted"),
        (run(FOUND), run(**WITHOUT_GROUP, listed=frozenset()), "gone", "unknown"),
        (run(FOUND), run(FOUND._replace(level="medium")), "changed", "level critical → medium"),
        (run(FOUND), run(FOUND._replace(reachable="no")), "changed", "reachable yes → no"),
        (
            run(FOUND),
            run(FOUND._replace(rules=("tcp 22 from ::/0",))),
            "changed",
            "rules + tcp 22 from ::/0, - tcp 22 from 0.0.0.0/0",
        ),
        # When it was first seen and what it is called is not what it is.
        (run(FOUND), run(FOUND._replace(group_name="new", first_seen="2026-11-20")), "unchanged", ""),
        # One of the two could not look.
        (run(FOUND), run(**UNREAD), "not comparable", "sg-ssh-world was not read there in the newer run"),
        (run(**UNREAD), run(FOUND), "not comparable", "sg-ssh-world was not read there in the older run"),
        (run(FOUND), run(**EDITED), "not comparable", "sg-ssh-world was edited: it catches otherwise"),
        (run(**EDITED), run(FOUND), "not comparable", "sg-ssh-world was edited: it catches otherwise"),
        (
            run(FOUND, cells={CELL: ""}),
            run(FOUND, cells={CELL: ""}),
            "not comparable",
            "what sg-ssh-world catches was not recorded",
        ),
        # Something of it is known in one of them alone: that it is the same cannot be said.
        (
            run(FOUND),
            run(FOUND._replace(level_proven=False)),
            "not comparable",
            "level not known in the newer run",
        ),
        (
            run(FOUND._replace(reachable="unknown")),
            run(FOUND),
            "not comparable",
            "reachable not known in the older run",
        ),
        (run(FOUND), run(FOUND._replace(rules=None)), "not comparable", "rules not known in the newer run"),
        # … but that it has changed can.
        (
            run(FOUND._replace(reachable="unknown")),
            run(FOUND._replace(level="medium")),
            "changed",
            "level critical → medium",
        ),
        # What several ranges open depends on prefix lists, which the other could not read.
        (
            run(TOGETHER),
            run(**UNSURE),
            "not comparable",
            "a prefix list was not read whole in the newer run",
        ),
        (
            run(**UNSURE),
            run(TOGETHER),
            "not comparable",
            "a prefix list was not read whole in the older run",
        ),
        (run(FOUND), run(**UNSURE), "gone", "fixed"),
        # A group of a shared VPC shows in another account where its owner is not read.
        (
            run(FOUND),
            run(groups={THERE: frozenset({"sg-1"})}),
            "not comparable",
            "its VPC's owner was not read in one of the runs: the newer saw it in another account",
        ),
    ],
)
def test_what_becomes_of_a_finding(base: RunFindings, head: RunFindings, state: str, reason: str) -> None:
    (change,) = compare(base, head)
    assert (change.state, change.reason) == (state, reason)


def test_only_a_worse_level_rises() -> None:
    medium = FOUND._replace(level="medium")
    assert [change.rose for change in compare(run(medium), run(FOUND))] == [True]
    assert [change.rose for change in compare(run(FOUND), run(medium))] == [False]
    assert [change.rose for change in compare(run(), run(FOUND))] == [False]


PLACES = [HERE, THERE]
POLICIES = ["a", "b"]
CELLS = [(*place, policy) for place in PLACES for policy in POLICIES]
ANY_FOUND = st.builds(
    Found,
    st.sampled_from(["web", "db"]),
    st.sampled_from(FINDING_LEVELS),
    st.booleans(),
    st.sampled_from(["yes", "no", "unknown"]),
    st.sampled_from([None, (), ("tcp 22 from 0.0.0.0/0",), TOGETHER.rules]),
    st.sampled_from(["2026-11-18", "2026-11-20"]),
)


@st.composite
def runs(draw: st.DrawFn) -> RunFindings:
    """A run as one may be: a finding's cell was read, and its group was seen."""
    ids = ["sg-1", "sg-2", "sg-3"]
    cells = draw(st.dictionaries(st.sampled_from(CELLS), st.sampled_from(["", "as it is", "otherwise"])))
    keys = [Key(*cell, each) for cell in cells for each in ids]
    findings = draw(st.dictionaries(st.sampled_from(keys), ANY_FOUND)) if keys else {}
    seen = {place: set(draw(st.lists(st.sampled_from(ids)))) for place in PLACES}
    for key in findings:
        seen[Place(key.account, key.region)].add(key.resource_id)
    return RunFindings(
        started="2026-11-23T21:03:55+00:00",
        findings=findings,
        cells=cells,
        groups={place: frozenset(found) for place, found in seen.items()},
        listed=frozenset(draw(st.lists(st.sampled_from(PLACES)))),
        unsure=frozenset(
            draw(st.lists(st.sampled_from([(*place, each) for place in PLACES for each in ids])))
        ),
    )


def states(base: RunFindings, head: RunFindings) -> dict[Key, State]:
    changes = compare(base, head)
    found = {change.key: change.state for change in changes}
    assert len(found) == len(changes)
    return found


@settings(max_examples=100, deadline=None)
@given(runs(), runs())
def test_forth_and_back_mirror_each_other(base: RunFindings, head: RunFindings) -> None:
    mirrored = {State.NEW: State.GONE, State.GONE: State.NEW}
    forth, back = states(base, head), states(head, base)
    assert forth == {key: mirrored.get(state, state) for key, state in back.items()}
    assert forth.keys() == base.findings.keys() | head.findings.keys()


@settings(max_examples=100, deadline=None)
@given(runs())
def test_a_run_is_unchanged_from_itself(run: RunFindings) -> None:
    told = {key for key in run.findings if run.cells[key[:3]]}
    assert {key for key, state in states(run, run).items() if state is State.UNCHANGED} == told


@settings(max_examples=100, deadline=None)
@given(runs(), runs(), st.sets(st.sampled_from(CELLS)), st.booleans())
def test_without_a_cell_findings_become_not_comparable_and_nothing_else(
    base: RunFindings, head: RunFindings, dropped: set[tuple[str, str, str]], older: bool
) -> None:
    less = without(base if older else head, dropped)
    before = states(base, head)
    after = states(less, head) if older else states(base, less)
    assert after.keys() <= before.keys()
    for key, state in after.items():
        assert state is (State.NOT_COMPARABLE if key[:3] in dropped else before[key])


def without(run: RunFindings, dropped: set[tuple[str, str, str]]) -> RunFindings:
    return replace(
        run,
        findings={key: found for key, found in run.findings.items() if key[:3] not in dropped},
        cells={cell: text for cell, text in run.cells.items() if cell not in dropped},
    )


def test_what_informs_is_last() -> None:
    keys = [KEY._replace(resource_id=each) for each in ("sg-1", "sg-2")]
    found = dict(zip(keys, [FOUND._replace(level=INFORMS), FOUND], strict=True))
    assert [change.key.resource_id for change in compare(run(), run(findings=found))] == ["sg-2", "sg-1"]
