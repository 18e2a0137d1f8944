"""Output in S3 that is listed and read side by side: the same report as from the disk, and how far it is."""

import gzip
import os
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import ClientError, HTTPClientError

from reporter.output import s3 as in_s3
from reporter.output.packed import unpack
from reporter.output.reading import open_output
from reporter.output.s3 import Bucket, S3Error
from reporter.output.store import side_by_side
from reporter.sandbox import environment
from tests.cli.test_cli import on_a_terminal
from tests.s3 import client_with_bucket
from tests.stockdir import EVERY_GROUP, EVERY_INSTANCE, EVERY_INTERFACE, US, put
from tests.wire import Answer, Call, Wire

BUCKET = "many"
HOUR = "2025/11/30/00"
ACCOUNTS = {f"team-{number:02}": f"{number:012}" for number in range(1, 13)}
SLOW_DOWN = (503, "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>")
DENIED = (403, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
MOVED = (301, "<Error><Code>PermanentRedirect</Code><Message>Use the specified endpoint.</Message></Error>")
GONE = (404, "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>")


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve accounts as c7n-org leaves them, each with a group of its own."""
    folder = tmp_path_factory.mktemp("many")
    for name, account_id in ACCOUNTS.items():
        group = {
            "GroupId": f"sg-{account_id}", "GroupName": f"of {name}", "OwnerId": account_id, "VpcId": "vpc-1",
            "Description": "", "IpPermissions": [], "IpPermissionsEgress": [], "Tags": [],
        }  # fmt: skip
        place = folder / name / US
        for policy, found in (
            (EVERY_GROUP, [group]),
            (EVERY_INTERFACE, []),
            (EVERY_INSTANCE, []),
        ):
            put(place, policy, found, account_id=account_id)
    return folder


@pytest.fixture(scope="module")
def client(wired: Wire, on_disk: Path) -> Any:
    """A client of a bucket that has the same below `org/`, packed and by the hour, as Custodian writes it there."""
    client = client_with_bucket(wired.endpoint, BUCKET)
    for path in on_disk.rglob("*.*"):
        place = path.relative_to(on_disk)
        key = f"org/{place.parent.as_posix()}/{HOUR}/{path.name}.gz"
        client.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(path.read_bytes()))
    for number in range(3):
        body = gzip.compress(f"content {number}".encode())
        client.put_object(Bucket=BUCKET, Key=f"odd names/a+b=c & ü~{number}.gz", Body=body)
    return client


@pytest.fixture
def bucket(wired: Wire, client: Any) -> Iterator[Bucket]:
    """The bucket, reached as the command line does, by nobody before."""
    in_s3._client.cache_clear()
    with patch.dict(os.environ, environment(wired.endpoint, Path("/nonexistent")), clear=True):
        yield Bucket(BUCKET, "odd names")
    wired.answer = lambda call: None
    in_s3._client.cache_clear()


def name(number: int) -> str:
    return f"a+b=c & ü~{number}.gz"


def reads(wired: Wire) -> list[Call]:
    return [call for call in wired.calls if call.action.startswith(f"GET /{BUCKET}/")]


def test_a_report_from_s3_is_that_from_the_disk(
    sg_audit: Callable[..., Any], client: Any, on_disk: Path, wired: Wire, tmp_path: Path
) -> None:
    written = {}
    for where in (on_disk, f"s3://{BUCKET}/org"):
        words = ("report", "-s", where, "-f", "csv", "-o", tmp_path, "--stem", f"at-{len(written)}")
        done = sg_audit(*words, env={"AWS_ENDPOINT_URL": wired.endpoint})
        assert done.returncode == 0, done.stderr
        assert "12 accounts, 1 region, 3 policies, 36 cells, of 108 files listed" in done.stderr
        assert "\x1b" not in done.stderr
        assert "so far" not in done.stderr
        written[where] = {
            Path(line).name.removeprefix(f"at-{len(written)}_"): Path(line).read_text()
            for line in done.stdout.split()
        }
    disk, s3 = written.values()
    assert "security_groups.csv" in disk
    assert disk["security_groups.csv"].count("\n") == 13
    assert s3 == disk


def test_a_policy_is_kept_once_whatever_the_accounts(on_disk: Path) -> None:
    texts = open_output(on_disk).texts
    assert len(texts) == 36
    assert len({id(policy) for policy in texts.values()}) == 3


def test_a_packed_file_takes_the_room_of_what_is_in_it() -> None:
    content = gzip.compress(b"[]" * 1_000)
    tracemalloc.start()
    try:
        assert unpack("resources.json.gz", content) == b"[]" * 1_000
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 2**20


def test_how_far_it_is_shows_on_a_terminal(
    clean_env: dict[str, str], client: Any, wired: Wire, tmp_path: Path
) -> None:
    words = ["report", "-s", f"s3://{BUCKET}/org", "-o", str(tmp_path), "-f", "csv"]
    shown, _ = on_a_terminal(*words, env={**clean_env, "AWS_ENDPOINT_URL": wired.endpoint})
    listing, reading = shown.index(f"listing s3://{BUCKET}/org"), shown.index("reading each metadata.json")
    assert listing < shown.index("108 so far") < reading
    assert reading < shown.index("36/36", reading) < shown.index("reading the output of stock c7n-org")


def test_packed_files_are_read_on_the_way_that_the_first_one_took(
    wired: Wire, client: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_way = []
    call = Bucket._call
    monkeypatch.setattr(
        Bucket, "_call", lambda *self, **more: long_way.append(more["Key"]) or call(*self, **more)
    )
    wired.calls.clear()
    assert [bucket.read(name(number)) for number in range(3)] == [b"content 0", b"content 1", b"content 2"]
    assert long_way == [f"odd names/{name(0)}"]
    first, *later = reads(wired)
    assert [(call.region, call.access_key, call.service) for call in later] == [
        (first.region, first.access_key, "s3")
    ] * 2


def once(answer: tuple[int, str]) -> Answer:
    """For the first call for a file."""
    left = [answer]
    return lambda call: left.pop() if left and call.action.startswith(f"GET /{BUCKET}/") else None


def test_what_s3_refuses_for_a_moment_is_asked_for_again(wired: Wire, client: Any, bucket: Bucket) -> None:
    assert bucket.read(name(0)) == b"content 0"
    for answer in (SLOW_DOWN, (500, "")):
        wired.answer = once(answer)
        assert bucket.read(name(1)) == b"content 1"


@pytest.mark.parametrize(("answer", "code"), [(DENIED, "AccessDenied"), (GONE, "NoSuchKey")])
def test_what_s3_refuses_is_told_as_ever(
    wired: Wire, client: Any, bucket: Bucket, answer: tuple[int, str], code: str
) -> None:
    def refuse(call: Call) -> tuple[int, str] | None:
        return answer if call.action.startswith(f"GET /{BUCKET}/") else None

    assert bucket.read(name(0)) == b"content 0"
    wired.answer = refuse
    with pytest.raises(S3Error) as refused:
        bucket.read(name(1))
    assert refused.value.code == code


def test_what_may_not_be_read_is_not_called_damaged(
    sg_audit: Callable[..., Any], client: Any, wired: Wire, tmp_path: Path
) -> None:
    key = f"org/team-01/{US}/{EVERY_GROUP['name']}/{HOUR}/resources.json.gz"
    wired.answer = lambda call: DENIED if call.action == f"GET /{BUCKET}/{key}" else None
    words = ("report", "-s", f"s3://{BUCKET}/org", "-f", "csv", "-o", tmp_path)
    done = sg_audit(*words, env={"AWS_ENDPOINT_URL": wired.endpoint})
    wired.answer = lambda call: None
    assert done.returncode == 3, done.stderr
    assert f"failed CannotReadError s3://{BUCKET}/{key}: " in done.stderr
    assert "s3:GetObject, and kms:Decrypt" in done.stderr
    assert "damaged" not in done.stderr


def test_a_bucket_that_is_elsewhere_and_nobody_says_where_is_told(
    wired: Wire, client: Any, bucket: Bucket
) -> None:
    """botocore went round in a circle there, until Python stopped it."""
    wired.answer = lambda call: MOVED
    with pytest.raises(S3Error, match="in another region, and not in which") as refused:
        bucket.here()
    assert refused.value.code == "PermanentRedirect"
    assert bucket.region == "us-east-1"


def test_it_is_told_where_the_http_client_takes_it_for_its_own_failure(
    client: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(self: Any, request: Any) -> None:
        raise HTTPClientError(error=RecursionError())

    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", refuses)
    with pytest.raises(S3Error, match="in another region, and not in which"):
        bucket.here()


def test_a_server_that_tells_no_length_is_not_asked_twice_for_each_file(
    wired: Wire, client: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Chunked:
        sent = 0

        def __init__(self, session: Any) -> None:
            self._session = session

        def send(self, request: Any) -> Any:
            self.sent += 1
            answer = self._session.send(request)
            del answer.headers["Content-Length"]
            return answer

    packed_files = in_s3._packed_files(in_s3._client())
    chunked = Chunked(packed_files._session)
    monkeypatch.setattr(packed_files, "_session", chunked)
    assert [bucket.read(name(number)) for number in (0, 1, 2, 1)] == [
        b"content 0", b"content 1", b"content 2", b"content 1",
    ]  # fmt: skip
    assert chunked.sent == 1


def test_credentials_of_the_moment_sign_each_file(
    wired: Wire, client: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are renewed where they run out: here they are other ones all at once."""
    assert bucket.read(name(0)) == b"content 0"
    credentials = in_s3._client()._request_signer._credentials
    monkeypatch.setattr(credentials, "access_key", "AKIARENEWED")
    wired.calls.clear()
    assert bucket.read(name(1)) == b"content 1"
    assert [call.access_key for call in reads(wired)] == ["AKIARENEWED"]


def test_credentials_whose_renewal_is_refused_are_told_as_ever(
    wired: Wire, client: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a session ends while a large bucket is read."""
    assert bucket.read(name(0)) == b"content 0"

    def refuse() -> dict[str, str]:
        raise ClientError({"Error": {"Code": "ExpiredToken", "Message": "no more"}}, "AssumeRole")

    expired = RefreshableCredentials(
        "none", "none", "none", datetime(2025, 1, 1, tzinfo=UTC), refuse, "assume-role"
    )
    monkeypatch.setattr(in_s3._client()._request_signer, "_credentials", expired)
    with pytest.raises(S3Error) as refused:
        bucket.read(name(1))
    assert refused.value.code == "ExpiredToken"


NOW = "Sun, 30 Nov 2025 12:00:00 GMT"


def answered(monkeypatch: pytest.MonkeyPatch, **headers: str) -> None:
    """What a store answers to whoever asks for a file."""
    answer: dict[str, Any] = {"ContentLength": 1, "Body": BytesIO(b"x"), "ETag": "1"}
    heads = {name.replace("_", "-"): value for name, value in headers.items()}
    answer["ResponseMetadata"] = {"HTTPHeaders": heads}
    monkeypatch.setattr(Bucket, "_call", lambda *_, **__: answer)


@pytest.mark.parametrize(
    "written",
    ["Sun, 30 Nov 2025 11:59:00 GMT", "Sun, 30 Nov 2025 11:59:00 -0000", "2025-11-30T11:59:00.000Z"],
)
def test_the_age_of_a_file_however_a_store_writes_times(
    monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    answered(monkeypatch, date=NOW, last_modified=written)
    found = Bucket(BUCKET, "").version("record.json", 10)
    assert found and found.age == 60


@pytest.mark.parametrize("headers", [{}, {"last_modified": "yesterday"}], ids=["none", "no time"])
def test_a_store_that_tells_no_age_is_told_of(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    answered(monkeypatch, date=NOW, **headers)
    with pytest.raises(S3Error, match="does not tell when"):
        Bucket(BUCKET, "").version("record.json", 10)


def test_results_are_not_far_ahead_of_whoever_takes_them(bucket: Bucket) -> None:
    begun = []
    results = side_by_side(bucket, lambda number: begun.append(number) or number, range(10_000))
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert len(begun) < 200
    results.close()


@pytest.mark.parametrize("writes", [False, True])
def test_whoever_stops_waits_for_what_is_written_alone(bucket: Bucket, writes: bool) -> None:
    """Ctrl-C, or the first error, came through only as the last of 32 listings had come to its end."""
    held, finished = threading.Event(), []

    def work(number: int) -> None:
        if number == 0:
            raise S3Error("AccessDenied", "no", "s3://many")
        held.wait(2 if writes else 20)
        finished.append(number)

    with pytest.raises(S3Error):
        list(side_by_side(bucket, work, range(4), writes=writes))
    done = sorted(finished)
    held.set()
    assert done == ([1, 2, 3] if writes else [])
