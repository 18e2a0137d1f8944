"""Reports in a bucket: encrypted, none over another, and with names that stay from run to run."""

import csv
import io
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner

from reporter.cli import cli
from reporter.errors import InputError
from reporter.output.s3 import Bucket
from reporter.output.store import open_store
from reporter.report.places import bucket as buckets
from reporter.report.places.staged import Staged
from tests.report.places.reporting import GONE, LESS, TABS, Reported, write_run
from tests.s3 import client_with_bucket
from tests.wire import Answer, Call, Wire

BUCKET = "reports"
Report = Callable[..., Reported]
DENIED = (403, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
NOT_IMPLEMENTED = (501, "<Error><Code>NotImplemented</Code><Message>Not here</Message></Error>")


@pytest.fixture(scope="module")
def s3(wired: Wire) -> Any:
    return client_with_bucket(wired.endpoint, BUCKET)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("run"))


@pytest.fixture
def report(
    run: Path, wired: Wire, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Report]:
    """Reports into the bucket; whatever is left in the folder for temporary files fails the test."""
    temp = tmp_path / "temp"
    temp.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temp))
    monkeypatch.setattr("reporter.output.s3._client", lambda: s3)

    def made(where: str, *words: str, answer: Answer = lambda call: None) -> Reported:
        wired.answer = answer
        done = Reported(run, "-o", where, *words)
        wired.answer = lambda call: None
        assert list(temp.iterdir()) == []
        return done

    yield made
    wired.answer = lambda call: None


def keys(s3: Any, prefix: str) -> set[str]:
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ())
    return {each["Key"].removeprefix(prefix) for each in found}


def content(s3: Any, key: str) -> bytes:
    return bytes(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())


def record(s3: Any, prefix: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(content(s3, f"{prefix}.sg.files.json"))["files"]
    return found


def refused(method: str, name: str = "", answer: tuple[int, str] = DENIED) -> Answer:
    def of(call: Call) -> tuple[int, str] | None:
        return answer if call.service == "s3" and re.match(f"{method} .*{name}", call.action) else None

    return of


def test_a_report_is_read_back_from_the_bucket(report: Report, s3: Any) -> None:
    done = report(f"s3://{BUCKET}/here//", "-f", "xlsx", "-f", "csv")
    assert done.error is None
    workbook, *files = done.lines
    name = re.compile(rf"s3://{BUCKET}/here/security_groups_inventory_\d{{8}}T\d{{6}}(_\w+)?\.(xlsx|csv)")
    assert all(name.fullmatch(line) for line in done.lines)
    assert {line.removeprefix(f"s3://{BUCKET}/here/") for line in done.lines} == keys(s3, "here/")
    key = workbook.removeprefix(f"s3://{BUCKET}/")
    assert {"ssh_world", "db_world"} < set(openpyxl.load_workbook(io.BytesIO(content(s3, key))).sheetnames)
    [world] = (line for line in files if line.endswith("_ssh_world.csv"))
    text = content(s3, world.removeprefix(f"s3://{BUCKET}/")).decode()
    assert [row["security_group_id"] for row in csv.DictReader(io.StringIO(text))] == ["sg-1"]
    for line, kind in ((workbook, "application/vnd.openxmlformats"), (world, "text/csv")):
        head = s3.head_object(Bucket=BUCKET, Key=line.removeprefix(f"s3://{BUCKET}/"))
        assert head["ServerSideEncryption"] == "AES256"
        assert head["ContentType"].startswith(kind)


def test_the_files_of_a_report_are_uploaded_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = Barrier(2, timeout=60)
    monkeypatch.setattr(Bucket, "upload", lambda *words, **more: both.wait())
    names = ("sg_a.csv", "sg_b.csv")
    assert not buckets.put(Bucket(BUCKET, "x"), [Staged("csv", tmp_path, names, names)]).failures


def test_two_reports_of_one_second_have_names_of_their_own(
    report: Report, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is where both have looked before either has written."""
    monkeypatch.setattr(Bucket, "exists", lambda self, key: False)
    looks = [False, False, False]
    monkeypatch.setattr(Bucket, "holds_any", lambda self, beginning: looks.pop())
    times = [20, 21, 21]

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Clock":
            return cls(2026, 11, 20, 10, 0, times.pop(), tzinfo=UTC)

    monkeypatch.setattr(buckets, "datetime", Clock)
    lines = []
    for _ in range(2):
        done = report(f"s3://{BUCKET}/twins", "-f", "csv")
        assert done.error is None
        lines.append(set(done.lines))
    assert lines[0] and not lines[0] & lines[1]
    assert {line.removeprefix(f"s3://{BUCKET}/twins/") for line in lines[0] | lines[1]} == keys(s3, "twins/")


@pytest.mark.parametrize(
    ("where", "answer", "env", "says"),
    [
        (f"s3://{BUCKET}/no", refused("GET"), {}, "(AccessDenied)"),
        ("s3://no-such-bucket/x", refused("none"), {}, "(NoSuchBucket)"),
        (
            f"s3://{BUCKET}/no",
            refused("GET", answer=(400, "<Error><Code>ExpiredToken</Code><Message>Old</Message></Error>")),
            {},
            "(ExpiredToken)",
        ),
        (
            f"s3://{BUCKET}/no",
            refused("none"),
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
            "credentials",
        ),
        (f"s3://{BUCKET}/no", refused("none"), {"AWS_PROFILE": "no-such-profile"}, "no-such-profile"),
    ],
    ids=["denied", "no bucket", "expired", "no credentials", "no profile"],
)
def test_a_place_that_cannot_be_had_is_told_before_anything_is_read(
    sg_audit: Callable[..., Any],
    run: Path,
    wired: Wire,
    s3: Any,
    where: str,
    answer: Answer,
    env: dict[str, str],
    says: str,
) -> None:
    wired.answer = answer
    done = sg_audit("report", "-s", run, "-o", where, env={"AWS_ENDPOINT_URL": wired.endpoint, **env})
    wired.answer = lambda call: None
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"sg-audit: {where}: cannot write the report there: ")
    assert says in line


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("", "-o: give a folder, or s3://bucket/prefix"),
        ("s3://", "-o s3://: names no bucket; write s3://bucket/prefix"),
        ("s3://Not A Bucket/x", "-o s3://Not A Bucket/x: names no bucket; write s3://bucket/prefix"),
        ("s3://[x/y", "-o s3://[x/y: no place in S3; write s3://bucket/prefix"),
        ("gs://x/y", "-o gs://x/y: give a folder, or s3://bucket/prefix"),
        *(
            (
                f"s3://x/{name}",
                f"-o s3://x/{shown}: a prefix has no ?, no # and no characters that cannot be shown",
            )
            for name, shown in {
                "a#b": "a#b",
                "a?b": "a?b",
                "a?": "a?",
                "a\nb": "a\\u000ab",
                os.fsdecode(b"a\xffb"): "a\\udcffb",
            }.items()
        ),
        ("s3:/x/y", "-o s3:/x/y: give a folder, or s3://bucket/prefix"),
    ],
)
def test_what_is_no_place_is_told(run: Path, where: str, says: str) -> None:
    for command in (("report", "-s", str(run)), ("audit", "-c", "accounts.yml"), ("demo",)):
        done = CliRunner().invoke(cli, [*command, "-o", where], standalone_mode=False)
        assert isinstance(done.exception, InputError)
        assert (str(done.exception), done.stdout) == (says, "")


def test_a_prefix_stays_as_it_is(report: Report, s3: Any) -> None:
    prefix = "a b/100%25 %41+ü/=&"
    done = report(f"s3://{BUCKET}/{prefix}?region=us-east-1", "--stem", "sg", "-f", "json")
    assert (done.error, done.lines) == (None, [f"s3://{BUCKET}/{prefix}/sg.json"])
    assert keys(s3, prefix) == {"/sg.json", "/.sg.files.json"}


def test_the_demo_does_not_write_to_a_bucket(sg_audit: Callable[..., Any], wired: Wire) -> None:
    wired.calls.clear()
    done = sg_audit("demo", "-o", f"s3://{BUCKET}/demo", env={"AWS_ENDPOINT_URL": wired.endpoint})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"sg-audit: -o s3://{BUCKET}/demo: the sandbox's S3 goes when the demo ends; give a folder\n"
    )
    assert wired.calls == []


def test_a_report_that_cannot_be_uploaded_says_so_and_leaves_nothing(report: Report, s3: Any) -> None:
    done = report(f"s3://{BUCKET}/half", "-f", "csv", "-f", "json", answer=refused("PUT", "_ssh_world.csv"))
    told = str(done.error)
    assert told.startswith(f"-f csv: s3://{BUCKET}/half: cannot write the report there: ")
    assert "(AccessDenied) when calling the PutObject operation" in told
    [line] = done.lines
    assert line.endswith(".json")
    assert keys(s3, "half/") == {line.removeprefix(f"s3://{BUCKET}/half/")}


def test_what_may_not_be_taken_back_is_told(report: Report, s3: Any) -> None:
    def answer(call: Call) -> tuple[int, str] | None:
        return refused("PUT", "_db_world.csv")(call) or refused("DELETE")(call)

    done = report(f"s3://{BUCKET}/left", "-f", "csv", answer=answer)
    assert str(done.error).endswith(f"; {len(keys(s3, 'left/'))} of 14 files are there")
    assert len(keys(s3, "left/")) > 3


def test_no_room_to_write_what_is_uploaded_is_told_of_this_machine(
    report: Report, s3: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("reporter.report.formats.json.write", full)
    done = report(f"s3://{BUCKET}/full", "-f", "json")
    assert str(done.error) == f"{tmp_path}/temp: cannot write the report there: No space left on device"


def test_names_that_stay_are_replaced_and_the_objects_of_tabs_that_are_gone_go(
    report: Report, s3: Any
) -> None:
    first = report(f"s3://{BUCKET}/stay", "--stem", "sg", "-f", "csv", "-f", "json")
    assert first.error is None
    s3.put_object(Bucket=BUCKET, Key="stay/sg_prod_db_world.csv", Body=b"somebody else's")
    before = keys(s3, "stay/")
    assert b",db_world\r\n" in content(s3, "stay/sg_security_groups.csv")
    again = report(f"s3://{BUCKET}/stay/", "--stem", "sg", "-f", "csv", *LESS)
    assert again.error is None
    assert before - keys(s3, "stay/") == {f"sg_{tab}.csv" for tab in GONE}
    assert keys(s3, "stay/") - before == set()
    assert b",db_world\r\n" not in content(s3, "stay/sg_security_groups.csv")
    assert {line.removeprefix(f"s3://{BUCKET}/stay/") for line in again.lines} == set(
        record(s3, "stay/")["csv"]
    )
    assert record(s3, "stay/")["json"] == ["sg.json"]
    for key in ("stay/.sg.files.json", "stay/sg_coverage.csv"):
        assert s3.head_object(Bucket=BUCKET, Key=key)["ServerSideEncryption"] == "AES256"


def test_an_object_of_a_report_of_another_name_is_neither_replaced_nor_deleted(
    report: Report, s3: Any
) -> None:
    theirs = {"sg_db": "sg_db_world.csv", "s": "sg_coverage.csv", "sg": "sg_rdp_world.csv"}
    for stem, name in theirs.items():
        files = json.dumps({"files": {"csv": [name]}})
        s3.put_object(Bucket=BUCKET, Key=f"two/.{stem}.files.json", Body=files.encode())
        s3.put_object(Bucket=BUCKET, Key=f"two/{name}", Body=stem.encode())
    done = report(f"s3://{BUCKET}/two", "--stem", "sg", "-f", "csv", "-f", "json")
    assert str(done.error) == (
        f"-f csv: s3://{BUCKET}/two: cannot write the report there: sg_db_world.csv is of the report called sg_db: "
        "take another --stem or, where that report is no longer wanted, remove it and .sg_db.files.json"
    )
    assert done.lines == [f"s3://{BUCKET}/two/sg.json"]
    assert report(f"s3://{BUCKET}/two", "--stem", "sg", "-f", "csv", *LESS).error is None
    assert content(s3, "two/sg_db_world.csv") == b"sg_db"
    assert "sg_rdp_world.csv" not in keys(s3, "two/")
    again = report(f"s3://{BUCKET}/two", "--stem", "sg_db", "-f", "json")
    assert again.lines == [f"s3://{BUCKET}/two/sg_db.json"]


def test_an_audit_reports_into_a_bucket(
    sg_audit: Callable[..., Any], estate_accounts: Path, s3: Any, tmp_path: Path, wired: Wire
) -> None:
    done = sg_audit(
        *("audit", "-c", estate_accounts, "-s", tmp_path, "-o", f"s3://{BUCKET}/audit", "--stem", "sg"),
        *("-f", "json", "-a", "dev", "-r", "ap-southeast-2", "-p", "sg-inventory,sg-default"),
        env={"AWS_ENDPOINT_URL": wired.endpoint},
    )
    assert (done.returncode, done.stdout) == (0, f"s3://{BUCKET}/audit/sg.json\n"), done.stderr
    assert len(json.loads(content(s3, "audit/sg.json"))["tables"]["default_sg"]) == 1


def test_objects_that_may_not_be_deleted_stay_and_are_told(report: Report, s3: Any) -> None:
    report(f"s3://{BUCKET}/kept", "--stem", "sg", "-f", "csv")
    before = keys(s3, "kept/")
    done = report(f"s3://{BUCKET}/kept", "--stem", "sg", "-f", "csv", *LESS, answer=refused("DELETE"))
    assert done.error is None
    assert (
        f"s3://{BUCKET}/kept: stays, though its tab is gone (s3:DeleteObject is missing): "
        "sg_rdp_world.csv, sg_db_world.csv"
    ) in done.said
    assert keys(s3, "kept/") == before
    assert {f"sg_{tab}.csv" for tab in GONE} < set(record(s3, "kept/")["csv"])
    report(f"s3://{BUCKET}/kept", "--stem", "sg", "-f", "csv", *LESS)
    assert before - keys(s3, "kept/") == {f"sg_{tab}.csv" for tab in GONE}


def test_a_format_that_fails_half_way_is_told_and_the_record_has_all_that_is_there(
    report: Report, s3: Any
) -> None:
    where = f"s3://{BUCKET}/fails"
    report(where, "--stem", "sg", "-f", "csv", *LESS)
    done = report(where, "--stem", "sg", "-f", "csv", "-f", "json", answer=refused("PUT", "sg_db_world.csv"))
    assert str(done.error).startswith(f"-f csv: {where}: cannot write the report there: ")
    assert done.lines == [f"{where}/sg.json"]
    listed = {name for names in record(s3, "fails/").values() for name in names}
    assert keys(s3, "fails/") - {".sg.files.json"} <= listed
    assert report(where, "--stem", "sg", "-f", "csv", *LESS).error is None
    assert keys(s3, "fails/") == {*record(s3, "fails/")["csv"], ".sg.files.json", "sg.json"}


def test_a_record_in_a_bucket_that_was_tampered_with_deletes_nothing_else(report: Report, s3: Any) -> None:
    where = f"s3://{BUCKET}/tampered"
    report(where, "--stem", "sg", "-f", "csv")
    for key in ("victim", "tampered/victim"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"somebody else's")
    files = {"files": {"csv": ["victim", "../victim", "sg/../../victim", "/victim", "sg//x"]}}
    s3.put_object(Bucket=BUCKET, Key="tampered/.sg.files.json", Body=json.dumps(files).encode())
    done = report(where, "--stem", "sg", "-f", "csv")
    assert done.error is None
    assert ".sg.files.json: names 5 that can be no file of sg: passed over" in done.said
    assert content(s3, "victim") == content(s3, "tampered/victim") == b"somebody else's"


def claim(s3: Any, prefix: str) -> None:
    """What a report leaves that was killed, or is still being put there."""
    text = json.dumps({"files": {"csv": ["sg_old.csv"]}, "writing": True}).encode()
    s3.put_object(Bucket=BUCKET, Key=f"{prefix}.sg.files.json", Body=text)
    s3.put_object(Bucket=BUCKET, Key=f"{prefix}sg_old.csv", Body=b"old")


def test_a_report_waits_for_one_of_its_name_but_not_for_one_that_was_killed(
    report: Report, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = []

    def wait(_: float) -> None:
        waits.append(keys(s3, "waits/"))
        if len(waits) == 2:  # the other one comes to its end
            text = json.dumps({"files": {"csv": ["sg_old.csv"]}}).encode()
            s3.put_object(Bucket=BUCKET, Key="waits/.sg.files.json", Body=text)

    monkeypatch.setattr(buckets.time, "sleep", wait)
    words = (f"s3://{BUCKET}/waits", "--stem", "sg", "-f", "csv")
    claim(s3, "waits/")
    assert report(*words).error is None
    assert waits == [{".sg.files.json", "sg_old.csv"}] * 2
    assert "sg_old.csv" not in keys(s3, "waits/")
    waits.clear()
    claim(s3, "waits/")
    monkeypatch.setattr(buckets, "LEASE", 0)
    assert report(*words).error is None
    assert waits == []
    assert json.loads(content(s3, "waits/.sg.files.json"))["writing"] is False


def test_of_two_that_claim_a_name_in_one_moment_one_waits(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reporter.output.s3._client", lambda: s3)
    place = open_store(f"s3://{BUCKET}/claims")
    assert isinstance(place, Bucket)
    first = place.write_version("x", b"1", None)
    with pytest.raises(FileExistsError):
        place.write_version("x", b"2", None)
    second = place.write_version("x", b"2", first)
    with pytest.raises(FileExistsError):
        place.write_version("x", b"3", first)
    found = place.version("x", 100)
    assert found and (found.content, found.tag) == (b"2", second)
    with pytest.raises(OSError, match="more than 0 bytes"):
        place.version("x", 0)


@pytest.mark.parametrize("there", [None, b"", b'{"files": {"csv": ["sg_old.csv"]}}'])
def test_a_report_does_not_wait_for_itself_where_an_answer_is_lost(
    report: Report, s3: Any, monkeypatch: pytest.MonkeyPatch, there: bytes | None
) -> None:
    """botocore asks again, and S3 finds what the first time wrote."""
    prefix = f"lost/{there!r:.6}"
    if there is not None:
        s3.put_object(Bucket=BUCKET, Key=f"{prefix}/.sg.files.json", Body=there)
        s3.put_object(Bucket=BUCKET, Key=f"{prefix}/sg_old.csv", Body=b"old")
    write, lost = Bucket.write_version, []

    def lossy(self: Bucket, key: str, body: bytes, tag: str | None) -> str:
        found = write(self, key, body, tag)
        if not lost:
            lost.append(key)
            raise FileExistsError
        return found

    waits = iter(range(3))
    monkeypatch.setattr(Bucket, "write_version", lossy)
    monkeypatch.setattr(buckets.time, "sleep", lambda seconds: next(waits))
    assert report(f"s3://{BUCKET}/{prefix}", "--stem", "sg", "-f", "csv").error is None
    assert json.loads(content(s3, f"{prefix}/.sg.files.json"))["writing"] is False
    assert ("sg_old.csv" in keys(s3, f"{prefix}/")) is (there == b"")


def test_a_store_without_conditional_writes_will_do(report: Report, s3: Any) -> None:
    refusing = []

    def once(call: Call) -> tuple[int, str] | None:
        """The first PUT of each object: the wire shows no headers, and it is the conditional one."""
        if call.service == "s3" and call.action.startswith("PUT ") and call.action not in refusing:
            refusing.append(call.action)
            return NOT_IMPLEMENTED
        return None

    done = report(f"s3://{BUCKET}/plain", "-f", "json", answer=once)
    assert done.error is None
    [line] = done.lines
    assert json.loads(content(s3, line.removeprefix(f"s3://{BUCKET}/")))["tables"].keys() > TABS
