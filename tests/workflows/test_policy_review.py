"""policy-review.yml takes what scheduled-audit.yml keeps."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from . import steps

AUDIT = "scheduled-audit.yml"


@pytest.fixture
def machine(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[steps.Machine]:
    with steps.machine(request.param, tmp_path / "machine", lambda *_: (0, "", "")) as found:
        found.variables["AUDIT_WORKFLOW"] = AUDIT
        yield found


FETCHED = [
    ("policy-review.yml", "review", "Fetch the last run's output", "temp/output"),
    (AUDIT, "audit", "Fetch the runs before", "work/output"),
]


def run(number: int, event: str = "schedule", branch: str = "main", **more: object) -> dict[str, object]:
    known = {"databaseId": number, "event": event, "branch": branch, "workflow": AUDIT, "status": "completed"}
    return {**known, **more}


def hold(machine: steps.Machine, runs: list[dict[str, object]], expired: Mapping[int, bool]) -> None:
    """GitHub has these runs, the newest first, and of some of them an artifact, that may have expired."""
    held = {str(number): {"sg-audit-output": gone} for number, gone in expired.items()}
    machine.github = machine.github | {"runs": runs, "artifacts": held}
    for number in expired:
        folder = machine.folder / "github" / "artifacts" / str(number) / "sg-audit-output"
        folder.mkdir(parents=True)
        (folder / "run").write_text(str(number))


@pytest.mark.parametrize(("machine", "job", "step", "place"), FETCHED, indirect=["machine"])
def test_the_newest_run_that_has_an_output_is_taken(
    machine: steps.Machine, job: str, step: str, place: str
) -> None:
    """One of a pull request, of another branch, one that goes on, one that kept nothing, one that is over."""
    runs = [
        run(9, "pull_request"),
        run(8, branch="other"),
        run(7, status="in_progress"),
        run(6, "workflow_dispatch"),
        run(5),
        run(4),
        run(3),
    ]
    hold(machine, runs, {9: False, 8: False, 7: False, 5: True, 4: False, 3: False})
    ended = machine.step(job, step)
    assert ended.code == 0, ended.log
    assert (machine.folder / place / "run").read_text() == "4"


@pytest.mark.parametrize(("machine", "job", "step", "place"), FETCHED, indirect=["machine"])
def test_that_there_is_none_is_an_error_for_a_review_and_the_beginning_of_an_audit(
    machine: steps.Machine, job: str, step: str, place: str
) -> None:
    hold(machine, [run(5), run(4)], {5: True})
    ended = machine.step(job, step)
    assert not (machine.folder / place).exists()
    if job == "audit":
        assert ended.code == 0
        assert ended.log.startswith("::warning::The runs before are kept no longer")
    else:
        said = "::error::No run of scheduled-audit.yml on main has the artifact sg-audit-output.\n"
        assert (ended.code, ended.log) == (1, said)


@pytest.mark.parametrize(("machine", "job", "step", "place"), FETCHED, indirect=["machine"])
def test_github_that_does_not_answer_is_no_empty_answer(
    machine: steps.Machine, job: str, step: str, place: str
) -> None:
    """Else the audit would begin a history of its own, and everything in it were seen for the first time."""
    hold(machine, [run(5)], {5: False})
    (machine.folder / "github" / "artifacts" / "5" / "sg-audit-output" / "run").unlink()
    (machine.folder / "github" / "artifacts" / "5" / "sg-audit-output").rmdir()
    assert machine.step(job, step).code != 0
