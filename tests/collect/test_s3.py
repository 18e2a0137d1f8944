"""Runs into S3 where it refuses, and two that begin in one moment."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reporter.collect import run_folder
from reporter.output.manifest import Manifest, RunState
from reporter.output.store import open_store
from tests.lab import Lab, Ran, role
from tests.s3 import client_with_bucket
from tests.wire import Answer, Call

ACCOUNT = "888888888888"
BUCKET = "refusing"
DENIED = (403, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")


@pytest.fixture(scope="module")
def bucket(lab: Lab) -> Any:
    client = client_with_bucket(lab.wire.endpoint, BUCKET)
    regions = ["us-east-1", "eu-west-1"]
    lab.accounts({"name": "acme", "account_id": ACCOUNT, "role": role(ACCOUNT), "regions": regions})
    return client


@pytest.fixture
def ran(lab: Lab, bucket: Any) -> Iterator[Callable[..., Ran]]:
    def run(where: str, answer: Answer, *options: str) -> Ran:
        lab.wire.answer = answer
        done = lab.sg_audit(
            *(
                "run",
                "-c",
                lab.folder / "accounts.yml",
                "-s",
                f"s3://{where}",
                "-p",
                "sg-inventory,sg-default",
            ),
            *options,
            env={"AWS_ENDPOINT_URL": lab.wire.endpoint, "HOME": str(lab.home), "C7N_ORG_PARALLEL": "1"},
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    yield run
    lab.wire.answer = lambda call: None


def s3(call: Call, method: str, name: str = "") -> bool:
    return call.service == "s3" and call.action.startswith(f"{method} ") and name in call.action


@pytest.mark.parametrize(
    ("where", "refused"),
    [
        ("refusing/none", lambda call: DENIED if s3(call, "GET") else None),
        ("refusing/none", lambda call: DENIED if s3(call, "PUT") else None),
        ("no-such-bucket/x", lambda call: None),
    ],
    ids=["listing", "writing", "no bucket"],
)
def test_a_bucket_that_cannot_be_written_is_told_before_anything_is_asked(
    where: str, refused: Answer, ran: Callable[..., Ran], lab: Lab
) -> None:
    lab.wire.calls.clear()
    done = ran(where, refused)
    assert (done.code, done.out) == (2, "")
    line = done.err.splitlines()[-1]
    assert line.startswith(f"sg-audit: s3://{where}: cannot write there: An error occurred (")
    asked = {call.action if call.service == "sts" else call.service for call in lab.wire.calls}
    assert asked - {"GetCallerIdentity"} == {"s3"}  # who runs it is asked of nobody's account


def test_a_bucket_whose_region_may_not_be_asked_will_do(ran: Callable[..., Ran]) -> None:
    done = ran("refusing/region", lambda call: DENIED if s3(call, "GET", "?location") else None)
    assert done.code == 0, done.err


def test_one_object_that_is_refused_costs_its_cell(ran: Callable[..., Ran], bucket: Any) -> None:
    done = ran("refusing/one", lambda call: DENIED if s3(call, "PUT", "eu-west-1/sg-default/") else None)
    assert done.code == 3
    key = done.out.strip().removeprefix(f"s3://{BUCKET}/") + "/run.json"
    cells = json.loads(bucket.get_object(Bucket=BUCKET, Key=key)["Body"].read())["cells"]
    (lost,) = [cell for cell in cells if cell["status"] != "ok"]
    assert (lost["region"], lost["policy"], lost["code"]) == ("eu-west-1", "sg-default", "CannotWriteError")
    assert "AccessDenied" in lost["message"]
    assert "eu-west-1: 1 of 2 policies read" in done.err


def test_a_bucket_that_closes_stops_the_run_in_one_line(
    ran: Callable[..., Ran],
) -> None:
    written = []

    def closes(call: Call) -> tuple[int, str] | None:
        if s3(call, "PUT"):
            written.append(call)
            if len(written) > 1 + 3 * 2:  # run.json, and what the first account and region have
                return DENIED
        return None

    done = ran("refusing/closes", closes)
    assert done.code == 3
    *_, why, last = done.err.splitlines()
    assert why.startswith("s3://refusing/closes/")
    assert "AccessDenied" in why
    assert last.startswith("interrupted: what was finished is kept")
    assert done.err.count("AccessDenied") == 1


def test_two_runs_that_begin_in_one_moment_have_a_place_each(
    bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reporter.output.s3._client", lambda: bucket)
    # As it is where both have looked before either has written.
    monkeypatch.setattr("reporter.output.s3.Bucket.exists", lambda self, key: False)
    place = open_store(f"s3://{BUCKET}/twins")
    plan = Manifest("a tool", "2026-11-23T21:03:55+00:00", None, RunState.RUNNING, (), (), ())
    made = {run_folder.create(place, plan).name for _ in range(2)}
    assert len(made) == 2
