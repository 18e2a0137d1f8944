"""Custodian leaves an earlier run's resources.json where a later one failed: metadata.json tells."""

import gzip
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from reporter.output.reading import open_output
from tests.lab import POLICIES, role
from tests.rundir import group
from tests.stockdir import EVERY_GROUP, REFUSED, UNTAGGED_GROUPS, US, gaps, groups, put, read
from tests.wire import Wire

ACCOUNT = "555555555555"
EARLIER = "the policy failed: the resources.json there is of an earlier run"


def test_a_second_run_that_is_refused_is_a_gap(
    wired: Wire,
    stock_program: Callable[..., subprocess.CompletedProcess[str]],
    sg_audit: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    """Stock Custodian twice into one folder: the first time AWS answers, the second it does not."""
    command = ["custodian", "run", "--cache-period", "0", "-s", "output"]
    command += ["--region", US, "--assume", role(ACCOUNT), "-p", "sg-*", *sorted(POLICIES.glob("*.yml"))]

    def custodian() -> int:
        done = stock_program(*command, env={"AWS_ENDPOINT_URL": wired.endpoint}, cwd=tmp_path)
        return done.returncode

    assert custodian() == 0
    there = {path: path.read_text() for path in tmp_path.rglob("resources.json")}
    assert len(there) == 13  # one that lists groups, and twelve that look for something
    error = "<Error><Code>UnauthorizedOperation</Code><Message>No.</Message></Error>"
    body = f"<Response><Errors>{error}</Errors></Response>"
    wired.answer = lambda call: (403, body) if call.action == "DescribeSecurityGroups" else None
    assert custodian() != 0
    assert {path: path.read_text() for path in tmp_path.rglob("resources.json")} == there

    done = sg_audit("report", "-s", tmp_path / "output", "-o", tmp_path / "reports", "-f", "json")
    assert done.returncode == 3
    assert "0 of 13 cells (account × region × policy) were read" in done.stderr
    tables = json.loads(Path(done.stdout.strip()).read_text())["tables"]
    assert {(row["status"], row["code"]) for row in tables["coverage"]} == {
        ("denied", "UnauthorizedOperation")
    }
    assert tables["security_groups"] == []


@pytest.mark.parametrize(
    ("metrics", "log", "gap"),
    [
        ([("PolicyException", 1)], REFUSED, ("denied", "UnauthorizedOperation")),
        ([("PolicyException", 1)], "KeyError: 'x'\n", ("failed", "KeyError")),
        ([("PolicyException", 1)], "", ("failed", "NotWritten")),
        # An action failed after the list was written, and is none of ours.
        ([("ResourceCount", 1), ("ResourceTime", 0.1), ("PolicyException", 1)], REFUSED, None),
        # It counted, and then the disk was full.
        ([("ResourceCount", 2), ("PolicyException", 1)], "OSError: No space left\n", ("failed", "OSError")),
        ([("ResourceCount", 1), ("ResourceTime", 0.1)], "", None),
        # Only the last twenty are kept, or none.
        ([], REFUSED, None),
    ],
    ids=["refused", "raised", "silent", "action", "not written", "whole", "none"],
)
def test_metrics_tell_whose_resources_lie_there(
    tmp_path: Path, metrics: list[tuple[str, float]], log: str, gap: tuple[str, str] | None
) -> None:
    put(tmp_path / "prod" / US, UNTAGGED_GROUPS, [group("sg-1")], metrics=metrics, log=log)
    [cell] = read(tmp_path).cells
    assert (None if cell.status == "ok" else (cell.status, cell.code)) == gap
    if gap and gap[1] == "NotWritten":
        assert cell.message == EARLIER


def test_the_same_within_an_hour_in_s3(tmp_path: Path) -> None:
    """There the second run's metadata.json.gz takes the first one's place beside its resources.json.gz."""
    plain = put(
        tmp_path / "plain", EVERY_GROUP, [group("sg-1")], metrics=[("PolicyException", 1)], log=REFUSED
    )
    hour = tmp_path / "bucket" / "prod" / US / "sg-all" / "2025" / "11" / "30" / "00"
    hour.mkdir(parents=True)
    for path in plain.iterdir():
        (hour / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    found = read(tmp_path / "bucket")
    assert gaps(found) == [("prod", US, "sg-all", "UnauthorizedOperation")]
    assert groups(found) == {}


@pytest.mark.parametrize("name", ["policy", "execution", "config", "metrics"])
def test_metadata_may_lack_what_it_need_not_have(tmp_path: Path, name: str) -> None:
    folder = put(tmp_path / "prod" / US, EVERY_GROUP, [group("sg-1")])
    metadata = json.loads((folder / "metadata.json").read_text())
    if name == "policy":
        keys = ("filters", "query", "mode", "description", "region", "conditions", "metadata", "start", "end")
        metadata["policy"] |= dict.fromkeys(keys)
    else:
        metadata[name] = None
    (folder / "metadata.json").write_text(json.dumps(metadata))
    [cell] = open_output(tmp_path).cells
    assert (cell.status, cell.region) == ("ok", US)
