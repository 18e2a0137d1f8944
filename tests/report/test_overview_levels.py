"""How many groups of each level the overview calls new since the run before."""

from pathlib import Path

from reporter.findings.past import earlier_runs, past_of
from reporter.output.reading import open_output
from reporter.report.overview import overview
from tests.findings.test_waivers import RDP_POLICY
from tests.rundir import POLICIES, WORLD, audit, findings, group, instance, interface, unit, write

HERE = ("alpha", "us-east-1")


def new(place: Path) -> dict[str, int | None]:
    found = audit(place)
    judged, past = past_of(found, findings(found), earlier_runs(open_output(place), ""))
    return {level.name: level.counts["new"] for level in overview(found, judged, past).levels}


def test_a_group_is_new_at_a_level_that_it_was_not_at_before(tmp_path: Path) -> None:
    default, was_open = group("sg-1", "default"), group("sg-2", "was-open", ssh_from=WORLD)
    closed, opened = group("sg-3", "opened"), group("sg-3", "opened", ssh_from=WORLD)
    for day in (17, 24):
        later = day == 24
        on = [
            interface("eni-2", was_open),
            interface("eni-3", opened),
            interface("eni-1", default, instance="i-1"),
        ]
        here = unit(
            [default, was_open, opened if later else closed],
            on if later else on[:2],
            [instance("i-1", default)] if later else [],
            **{"sg-rdp": [was_open] if later else []},
        )
        write(
            tmp_path / f"202611{day}T210355Z",
            {HERE: here},
            [*POLICIES, RDP_POLICY],
            f"2026-11-{day}T21:03:55+00:00",
        )
    # The default group has come on an instance; sg-2 was critical before a second policy caught it; sg-3 was closed.
    assert new(tmp_path / "20261124T210355Z") == {
        "critical": 1, "high": 1, "medium": 0, "low": None, "none": None,
    }  # fmt: skip
