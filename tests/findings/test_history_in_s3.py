"""Runs in a bucket: what they found is kept there too, unless it takes nothing."""

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.rundir import WORLD, group, unit, write
from tests.s3 import client_with_bucket
from tests.stockdir import put
from tests.wire import Call, Wire

BUCKET = "history"
HERE = ("alpha", "us-east-1")
DENIED = (403, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")


@pytest.fixture(scope="module")
def bucket(wired: Wire, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One with two runs."""
    client = client_with_bucket(wired.endpoint, BUCKET)
    folder = tmp_path_factory.mktemp("runs")
    one, two = group("sg-1", ssh_from=WORLD), group("sg-2", ssh_from=WORLD)
    write(folder / "20261118T210355Z", {HERE: unit([one])}, started="2026-11-18T21:03:55+00:00")
    write(folder / "20261120T210355Z", {HERE: unit([one, two])}, started="2026-11-20T21:03:55+00:00")
    for path in folder.rglob("*.json"):
        key = f"runs/{path.relative_to(folder).as_posix()}"
        client.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
    return client


@pytest.fixture
def refusing(wired: Wire) -> Iterator[None]:
    """It lets nobody write."""

    def answer(call: Call) -> tuple[int, str] | None:
        return DENIED if call.service == "s3" and call.action.startswith("PUT ") else None

    wired.answer = answer
    yield
    wired.answer = lambda call: None


Report = Callable[..., tuple[dict[str, str], str]]


@pytest.fixture
def report(sg_audit: Callable[..., Any], wired: Wire, tmp_path: Path) -> Report:
    """Reports on a place: since when each group of ssh_world is seen, and stderr."""

    def run(*words: str | Path) -> tuple[dict[str, str], str]:
        done = sg_audit(
            *("report", "-f", "json", "-o", tmp_path / "reports", *words),
            env={"AWS_ENDPOINT_URL": wired.endpoint},
        )
        assert done.returncode == 0, done.stderr
        rows = json.loads(Path(done.stdout.strip()).read_text())["tables"]["ssh_world"]
        return {row["security_group_id"]: row["first_seen"] for row in rows}, done.stderr

    return run


SEEN = {"sg-1": "2026-11-18", "sg-2": "2026-11-20"}


def kept(bucket: Any) -> list[str]:
    found = bucket.list_objects_v2(Bucket=BUCKET, Prefix="runs/")["Contents"]
    return [each["Key"] for each in found if each["Key"].endswith("/findings.json")]


@pytest.mark.usefixtures("refusing")
def test_a_bucket_that_takes_nothing_is_no_error(bucket: Any, report: Report) -> None:
    seen, said = report("-s", f"s3://{BUCKET}/runs")
    assert seen == SEEN
    assert said.count("findings.json is not kept there") == 2
    assert kept(bucket) == []


def test_what_was_found_is_kept_in_the_bucket(bucket: Any, report: Report) -> None:
    seen, said = report("-s", f"s3://{BUCKET}/runs")
    assert (seen, "not kept" in said) == (SEEN, False)
    assert kept(bucket) == [f"runs/202611{day}T210355Z/findings.json" for day in (18, 20)]


def test_a_run_on_disk_has_its_history_in_the_bucket(bucket: Any, report: Report, tmp_path: Path) -> None:
    now = {HERE: unit([group(each, ssh_from=WORLD) for each in ("sg-1", "sg-2", "sg-3")])}
    run = write(tmp_path / "20261123T210355Z", now, started="2026-11-23T21:03:55+00:00")
    seen, said = report("-s", run, "--history", f"s3://{BUCKET}/runs")
    assert seen == SEEN | {"sg-3": "2026-11-23"}
    assert "1 new medium, 1 new informing since 2026-11-20" in said


def test_hours_of_stock_output_are_compared(
    bucket: Any, sg_audit: Callable[..., Any], wired: Wire, tmp_path: Path
) -> None:
    """As c7n-org leaves them in S3, each file gzipped. One group is closed, one is opened, one is deleted."""
    every = {"name": "every-group", "resource": "security-group"}
    world = {"name": "world", "resource": "security-group", "filters": [{"type": "ingress", "Cidr": WORLD}]}
    for day, there, caught in ((18, "1234", "124"), (19, "123", "23")):
        groups = {number: group(f"sg-{number}", ssh_from=WORLD) for number in there}
        at = datetime(2026, 11, day, 12, tzinfo=UTC).timestamp()
        for policy, listed in ((every, there), (world, caught)):
            folder = put(tmp_path / str(day), policy, [groups[number] for number in listed], at=at)
            for path in folder.iterdir():
                key = f"stock/prod/us-east-1/{policy['name']}/2026/11/{day}/12/{path.name}.gz"
                bucket.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(path.read_bytes()))
    words = ("--base-at", "2026-11-18", "--head-at", "2026-11-19T12", "--format", "json")
    done = sg_audit("compare", "-s", f"s3://{BUCKET}/stock", *words, env={"AWS_ENDPOINT_URL": wired.endpoint})
    assert done.returncode == 0, done.stderr
    found = {
        each["resource_id"]: (each["state"], each["reason"]) for each in json.loads(done.stdout)["findings"]
    }
    assert found == {
        "sg-1": ("gone", "fixed"),
        "sg-2": ("unchanged", ""),
        "sg-3": ("new", ""),
        "sg-4": ("gone", "deleted"),
    }
