"""Cells that lie whole in a run's folder, though its run.json does not know of them."""

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reporter.output.reading import Output, open_output
from tests.lab import POLICY_COUNT
from tests.s3 import client_with_bucket

FAILED = {"MetricName": "PolicyException", "Value": 1}


@pytest.fixture
def killed(estate_run: Path, tmp_path: Path) -> Path:
    """The estate's run as if it had been killed before anything came in."""
    run = tmp_path / "run"
    shutil.copytree(estate_run, run)
    written = json.loads((run / "run.json").read_text())
    for cell in written["cells"]:
        cell |= {"status": "skipped", "resources": None, "seconds": None}
    (run / "run.json").write_text(json.dumps(written | {"state": "running", "finished": None}))
    return run


def counts(output: Output) -> dict[tuple[str, str, str], int | None]:
    """What each cell that was read found."""
    return {cell.key: cell.resources for cell in output.cells if cell.status == "ok"}


def test_all_that_is_whole_is_taken(killed: Path, estate_run: Path) -> None:
    output = open_output(killed)
    assert counts(output) == counts(open_output(estate_run))
    assert len(output.cells) == 3 * 3 * POLICY_COUNT
    assert not output.complete
    assert all(cell.seconds is not None for cell in output.cells)


def test_regions_that_were_not_noted_yet_are_found(killed: Path, estate_run: Path) -> None:
    written = json.loads((killed / "run.json").read_text())
    others = [cell for cell in written["cells"] if cell["account"] != "dev"]
    dev = {cell["policy"]: cell | {"region": "all"} for cell in written["cells"] if cell["account"] == "dev"}
    written["cells"] = [*dev.values(), *others]
    (killed / "run.json").write_text(json.dumps(written))
    (killed / "dev" / "notes" / "mine").mkdir(parents=True)
    output = open_output(killed)
    assert counts(output) == counts(open_output(estate_run))
    # Which regions there are more, nobody knows.
    assert [cell.key for cell in output.cells if cell.status != "ok"] == [
        ("dev", "all", policy) for policy in dev
    ]


def without(name: str) -> Callable[[Path], None]:
    return lambda cell: (cell / name).unlink()


def cut(name: str) -> Callable[[Path], None]:
    return lambda cell: (cell / name).write_bytes((cell / name).read_bytes()[:-5])


def failed(cell: Path) -> None:
    metadata = json.loads((cell / "metadata.json").read_text())
    metadata["metrics"].append(FAILED)
    (cell / "metadata.json").write_text(json.dumps(metadata))


def no_list(cell: Path) -> None:
    (cell / "resources.json").write_text("{}")


@pytest.mark.parametrize(
    "damage",
    [
        without("metadata.json"),
        without("resources.json"),
        cut("metadata.json"),
        cut("resources.json"),
        failed,
        no_list,
    ],
    ids=[
        "no metadata",
        "no resources",
        "half of metadata",
        "half of resources",
        "a policy that failed",
        "no list",
    ],
)
def test_what_is_not_whole_is_not_taken(damage: Callable[[Path], Any], killed: Path) -> None:
    damage(killed / "dev" / "us-east-1" / "sg-default")
    unread = [cell.key for cell in open_output(killed).cells if cell.status != "ok"]
    assert unread == [("dev", "us-east-1", "sg-default")]


def test_a_run_that_came_to_its_end_knows_what_it_read(killed: Path) -> None:
    written = json.loads((killed / "run.json").read_text())
    (killed / "run.json").write_text(json.dumps(written | {"state": "finished"}))
    assert counts(open_output(killed)) == {}


def test_so_it_is_in_s3(
    killed: Path, estate_run: Path, monkeypatch: pytest.MonkeyPatch, clean_env: dict[str, str]
) -> None:
    client = client_with_bucket(clean_env["AWS_ENDPOINT_URL"], "recovery")
    client.put_object(Bucket="recovery", Key="run.json", Body=(killed / "run.json").read_bytes())
    for path in (killed / "dev" / "us-east-1").rglob("*.json"):
        cell = path.parent.relative_to(killed).as_posix()
        key = f"{cell}/2026/11/23/21/{path.name}.gz"
        client.put_object(Bucket="recovery", Key=key, Body=gzip.compress(path.read_bytes()))
    monkeypatch.setattr("reporter.output.s3._client", lambda: client)
    expected = {
        key: count
        for key, count in counts(open_output(estate_run)).items()
        if key[:2] == ("dev", "us-east-1")
    }
    assert counts(open_output("s3://recovery")) == expected
