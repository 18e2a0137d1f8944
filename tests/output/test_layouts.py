"""Every layout that stock Custodian leaves, on disk and in S3, each written by stock Custodian itself."""

import gzip
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import pytest
import yaml

from reporter.errors import InputError
from reporter.output import listing
from reporter.sandbox import Sandbox
from tests.lab import POLICIES, role

SgAudit = Callable[..., "subprocess.CompletedProcess[str]"]
US, EU = "us-east-1", "eu-west-1"
BUCKET = "custodian-output"
# Some of this project's policies: of each kind of what the columns below say, and no more, as stock Custodian is slow.
CHOSEN = ("sg-inventory", "eni-inventory", "ec2-inventory", "sg-ssh-world", "sg-unused")
COLUMNS = (
    "account_profile",
    "region",
    "group_name",
    "has_ssh_open_world",
    "in_use",
    "attached_eni_count",
    "risk",
)


@pytest.fixture(scope="module")
def policies(sg_audit: SgAudit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the chosen policies."""
    every = yaml.safe_load(sg_audit("policies", "-u", POLICIES).stdout)["policies"]
    path = tmp_path_factory.mktemp("policies") / "chosen.yml"
    path.write_text(yaml.safe_dump({"policies": [each for each in every if each["name"] in CHOSEN]}))
    return path


@pytest.fixture(scope="module")
def stock(
    sandbox: Sandbox, stock_run_of: SgAudit, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Runs `custodian run` or `c7n-org run` in a folder of its own; `-s` is a folder there, or s3://."""
    folder = tmp_path_factory.mktemp("stock")

    def run(program: str, where: str, *words: str | Path) -> Path:
        done = stock_run_of(program, "-s", where, *words, cwd=folder)
        assert "ERROR" not in done.stderr
        return folder / where

    return run


@pytest.fixture(scope="module")
def custodian(stock: Callable[..., Path], policies: Path) -> Callable[..., Path]:
    """Runs `custodian run` of the chosen policies on dev in the given regions, once for each place. To be read only."""

    @cache
    def run(where: str, *regions: str) -> Path:
        words = [word for region in regions for word in ("--region", region)]
        return stock("custodian", where, *words, "--assume", role("111111111111"), policies)

    return run


@pytest.fixture(scope="module")
def s3(sandbox: Sandbox, clean_env: dict[str, str]) -> Any:
    """A client of the sandbox's S3, with an empty bucket."""
    with patch.dict(os.environ, clean_env, clear=True):
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        return client


def url(prefix: str) -> str:
    return f"s3://{BUCKET}/{prefix}?region=us-east-1"


@pytest.fixture(scope="module")
def report(sg_audit: SgAudit) -> SgAudit:
    """Runs `sg-audit report`, in the format that takes the least time to write and to read."""
    return partial(sg_audit, "report", "-f", "json")


def groups(path: str) -> list[tuple[Any, ...]]:
    """Some columns of the security_groups tab, every row."""
    rows = json.loads(Path(path.strip()).read_text())["tables"]["security_groups"]
    return sorted(tuple(row[column] for column in COLUMNS) for row in rows)


@pytest.fixture(scope="module")
def ours(
    sg_audit: SgAudit, policies: Path, estate_accounts: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run of ours of the chosen policies on dev in both regions."""
    words = ("-c", estate_accounts, "-u", policies, "-a", "dev", "-r", US, "-r", EU)
    done = sg_audit("run", *words, "-s", tmp_path_factory.mktemp("ours"))
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


@pytest.fixture(scope="module")
def expected(
    report: SgAudit, ours: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., list[tuple[Any, ...]]]:
    """What a run of ours says of dev's regions."""
    rows = groups(report("-s", ours, "-o", tmp_path_factory.mktemp("reports")).stdout)
    assert {row[0] for row in rows} == {"dev"}
    return lambda *regions: [row for row in rows if row[1] in regions]


def named(rows: list[tuple[Any, ...]], account: str) -> list[tuple[Any, ...]]:
    return sorted((account, *row[1:]) for row in rows)


@pytest.mark.parametrize("in_s3", [False, True], ids=["disk", "S3"])
@pytest.mark.parametrize(
    ("regions", "kind"),
    [((US,), "stock custodian in one region, "), ((US, EU), "stock custodian in several regions, ")],
    ids=["one region", "two regions"],
)
def test_custodian(
    custodian: Callable[..., Path],
    report: SgAudit,
    s3: Any,
    estate_accounts: Path,
    expected: Callable[..., list[tuple[Any, ...]]],
    tmp_path: Path,
    in_s3: bool,
    regions: tuple[str, ...],
    kind: str,
) -> None:
    name = f"custodian-{len(regions)}"
    where: Path | str = custodian(url(name) if in_s3 else name, *regions)
    where = f"s3://{BUCKET}/{name}" if in_s3 else where
    done = report("-s", where, "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    assert kind in done.stderr
    cells = len(CHOSEN) * len(regions)
    counts = (
        f"1 account, {len(regions)} region{'s'[: len(regions) > 1]}, {len(CHOSEN)} policies, {cells} cells"
    )
    assert f"{counts}, of {3 * cells} files listed" in done.stderr
    assert groups(done.stdout) == named(expected(*regions), "111111111111")

    # The accounts file knows the account's name, and which regions and accounts are missing: one of those may
    # use what seems unused.
    done = report("-s", where, "-o", tmp_path, "-c", estate_accounts)
    assert done.returncode == 3, done.stderr
    assert [row[:4] for row in groups(done.stdout)] == [row[:4] for row in expected(*regions)]


@pytest.mark.parametrize("in_s3", [False, True], ids=["disk", "S3"])
def test_c7n_org(
    stock: Callable[..., Path],
    report: SgAudit,
    s3: Any,
    estate_accounts: Path,
    policies: Path,
    expected: Callable[..., list[tuple[Any, ...]]],
    tmp_path: Path,
    in_s3: bool,
) -> None:
    where: Path | str = stock(
        *("c7n-org", url("org") if in_s3 else "org", "-c", estate_accounts, "-u", policies),
        *("-r", US, "-r", EU, "-a", "dev"),
    )
    where = f"s3://{BUCKET}/org" if in_s3 else where
    done = report("-s", where, "-o", tmp_path / "reports")
    assert done.returncode == 0, done.stderr
    assert "the output of stock c7n-org, " in done.stderr
    assert groups(done.stdout) == expected(US, EU)


@pytest.fixture(scope="module")
def history(custodian: Callable[..., Path], s3: Any) -> str:
    """Three hours of one policy set in S3: in the first the bastion is not there, in the last sg-unused failed."""
    custodian(url("custodian-1"), US)
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET, Prefix="custodian-1/")["Contents"]]
    for key in keys:
        body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        policy, name = key.split("/")[1], key.rpartition("/")[2]
        for hour in ("2026/11/18/03", "2026/11/20/03", "2026/11/21/04"):
            content = body
            if hour.startswith("2026/11/18") and name == "resources.json.gz":
                found = json.loads(gzip.decompress(body))
                content = gzip.compress(
                    json.dumps([each for each in found if each.get("GroupName") != "bastion"]).encode()
                )
            if hour.startswith("2026/11/21") and policy == "sg-unused" and name == "resources.json.gz":
                continue
            if name == "metadata.json.gz":
                metadata = json.loads(gzip.decompress(body))
                metadata["execution"]["start"] = _seconds(hour)
                content = gzip.compress(json.dumps(metadata).encode())
            s3.put_object(Bucket=BUCKET, Key=f"history/{policy}/{hour}/{name}", Body=content)
    # What is no output of Custodian does no harm.
    for key in (
        "history/notes.txt",
        "history/sg-default/metadata.json",
        "history/x/2026/11/20/03/metadata.json.gz",
    ):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"not for us")
    return f"s3://{BUCKET}/history"


def _seconds(hour: str) -> float:
    return datetime.strptime(hour, "%Y/%m/%d/%H").replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("at", "code", "bastion"),
    [
        ((), 3, True),
        (("--at", "2026-11-20"), 0, True),
        (("--at", "2026-11-20T03"), 0, True),
        (("--at", "2026-11-20T02"), 0, False),
        (("--at", "2026-11-19"), 0, False),
    ],
    ids=lambda value: value[-1] if value and isinstance(value, tuple) else None,
)
def test_the_newest_hour_at_or_before(
    history: str, report: SgAudit, tmp_path: Path, at: tuple[str, ...], code: int, bastion: bool
) -> None:
    done = report("-s", history, "-o", tmp_path, *at)
    assert done.returncode == code, done.stderr
    assert ("bastion" in {row[2] for row in groups(done.stdout)}) is bastion
    assert ("not read: 111111111111 us-east-1 sg-unused: failed NotWritten" in done.stderr) is (code == 3)


def test_nothing_is_that_old(history: str, report: SgAudit, tmp_path: Path) -> None:
    done = report("-s", history, "-o", tmp_path, "--at", "2026-11-17")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        f"sg-audit: {history}: no output of Custodian there at or before 2026-11-17"
    )


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("s3://no-such-bucket/x", "NoSuchBucket"),
        ("s3://", "names no bucket"),
        ("s3://Bad!/x", "names no bucket"),
        ("s3://arn:aws:s3:us-east-1:123456789012:accesspoint/team/x", "names no bucket"),
        ("gs://x", "s3://bucket/prefix"),
        ("S3:x", "s3://bucket/prefix"),
    ],
)
def test_no_such_place(s3: Any, report: SgAudit, tmp_path: Path, where: str, says: str) -> None:
    done = report("-s", where, "-o", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"sg-audit: {where}: ")
    assert says in line


@pytest.mark.parametrize("layout", ["plain", "by the hour"])
def test_runs_of_ours_in_s3(
    s3: Any,
    report: SgAudit,
    ours: Path,
    expected: Callable[..., list[tuple[Any, ...]]],
    tmp_path: Path,
    layout: str,
) -> None:
    """Runs under a prefix sort by the time in their name; Custodian itself adds the hour and packs the files."""
    prefix = f"runs-{layout[:2]}"
    for name in ("20261123T210355Z", "20261124T090000Z"):
        for path in ours.rglob("*"):
            key = path.relative_to(ours).as_posix()
            if path.name == "run.json":
                body = path.read_bytes()
                if name.startswith("20261123"):
                    body = body.replace(b'"state": "finished"', b'"state": "interrupted"')
            elif path.name == "resources.json":
                body = path.read_bytes()
                if layout == "by the hour":
                    key, body = (
                        key.replace("/resources", "/2026/11/23/21/resources") + ".gz",
                        gzip.compress(body),
                    )
            else:
                continue
            s3.put_object(Bucket=BUCKET, Key=f"{prefix}/{name}/{key}", Body=body)
    where = f"s3://{BUCKET}/{prefix}"
    done = report("-s", where, "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{where}: a run of sg-audit, " in done.stderr
    assert "1 account, 2 regions, 5 policies, 10 cells" in done.stderr
    assert groups(done.stdout) == expected(US, EU)
    old = report("-s", f"{where}/", "-o", tmp_path, "--at", "2026-11-23")
    assert old.returncode == 3, old.stderr
    assert "the run was cut off" in old.stderr


def test_mixed_output_of_one_account(
    custodian: Callable[..., Path], report: SgAudit, s3: Any, expected: Callable[..., Any], tmp_path: Path
) -> None:
    """Of two answers for one cell the newer counts, wherever it lies, and an account's name is found by its id."""
    where = Path(shutil.copytree(custodian("custodian-1", US), tmp_path / "mixed"))
    shutil.copytree(custodian("custodian-2", US, EU), where, dirs_exist_ok=True)
    (where / "README.md").write_text("Ours.")
    (where / "cache" / "deep" / "deeper" / "still").mkdir(parents=True)
    (where / "cache" / "deep" / "deeper" / "still" / "metadata.json").write_text('{"policy": 1}')
    done = report("-s", where, "-o", tmp_path / "reports")
    assert done.returncode == 0, done.stderr
    assert "stock custodian in several regions" in done.stderr
    assert groups(done.stdout) == named(expected(US, EU), "111111111111")


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-11-20", "2026/11/20/23"),
        ("20261120", "2026/11/20/23"),
        ("2026-W47-5", "2026/11/20/23"),
        ("2026-11-20T14", "2026/11/20/14"),
        ("2026-11-20 14:00", "2026/11/20/14"),
        ("2026-11-20T14:30+05:30", "2026/11/20/09"),
        ("2026-11-20T14:00:00Z", "2026/11/20/14"),
        ("2026-11-20T14+02:00", "2026/11/20/12"),
    ],
)
def test_at_is_utc_unless_told_otherwise(text: str, hour: str) -> None:
    assert listing.hour(text) == hour


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026-13-01",
        "20.11.2026",
        "0001-01-01T00+14:00",
        "2026-11-20T14:13",
        "2026-11-20T14+05:30",
    ],
)
def test_at_is_a_day_or_a_whole_hour(text: str) -> None:
    with pytest.raises(InputError, match=r"^--at .*: write a day, 2026-11-20, or an hour, 2026-11-20T14$"):
        listing.hour(text)
