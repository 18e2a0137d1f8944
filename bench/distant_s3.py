"""A server that stands for S3 some way off: fixed latency, and a bucket with what a run of any size left there.

    python bench/distant_s3.py --layout c7n-org --accounts 200 --regions 17 --groups 10

Prints its URL. The bucket may have any name; below `c7n-org/`, `custodian/` and `sg-audit/` lies what each of them
writes to S3: three packed files an hour for each account, region and policy, and `run.json` beside those of sg-audit.
What is written there is thrown away. `GET /stats` answers with the calls so far and the CPU seconds they took.
"""

import argparse
import asyncio
import gzip
import json
import sys
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
import run_directory
from keep_alive import KeepAlive
from run_directory import POLICIES, POLICY_TEXTS

from reporter.output import manifest
from reporter.output.manifest import Cell, Status

LAYOUTS = ("c7n-org", "custodian", "sg-audit")
_FILES = ("custodian-run.log.gz", "metadata.json.gz", "resources.json.gz")
_PAGE = 1000  # keys, the most that S3 lists at a time
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_TEXTS = {text["name"]: text for text in POLICY_TEXTS}
_NOTHING = gzip.compress(b"[]")
_LOG = gzip.compress(b"2026-01-01 00:00:00,000: custodian.policy: DEBUG - Running policy\n" * 10)


class Run:
    """What a run left in S3, made as it is asked for. `hours` are how often it ran, once an hour."""

    def __init__(self, layout: str, accounts: int, regions: int, groups: int, hours: int) -> None:
        self._layout, self._groups, self._hours = layout, groups, hours
        self.accounts = run_directory.accounts_of(1 if layout == "custodian" else accounts, regions)
        self._ids = {account.name: account.account_id for account in self.accounts}
        self._regions = self.accounts[0].regions
        self.keys = sorted(self._keys())

    def _keys(self) -> Iterator[str]:
        hours = [f"{_BEGAN + timedelta(hours=number):%Y/%m/%d/%H}" for number in range(self._hours)]
        for account in self.accounts:
            above = "" if self._layout == "custodian" else f"{account.name}/"
            for region in account.regions:
                for policy in POLICIES:
                    for hour in hours:
                        for file in _FILES:
                            yield f"{self._layout}/{above}{region}/{policy.name}/{hour}/{file}"
        if self._layout == "sg-audit":
            yield "sg-audit/run.json"

    def content(self, key: str) -> bytes | None:
        """What lies at a key, None where nothing does."""
        at = bisect_left(self.keys, key)
        if at == len(self.keys) or self.keys[at] != key:
            return None
        if key.endswith("/run.json"):
            return manifest.encoded(self._manifest())
        parts = key.split("/")
        account = self.accounts[0].name if self._layout == "custodian" else parts[1]
        region, policy, *hour, file = parts[-7:]
        if file.startswith("resources"):
            return _resources(self._ids[account], region, self._groups).get(policy, _NOTHING)
        return _LOG if file.startswith("custodian") else self._metadata(account, region, policy, hour)

    def _metadata(self, account: str, region: str, policy: str, hour: list[str]) -> bytes:
        """As c7n.ctx.ExecutionContext.get_metadata has it."""
        started = datetime(*map(int, hour), tzinfo=UTC).timestamp()
        config: dict[str, Any] = {"region": region, "account_id": self._ids[account], "dryrun": False}
        if self._layout == "custodian":
            config["regions"] = list(self._regions)
        found = {
            "policy": _TEXTS[policy],
            "version": "0.9.53",
            "execution": {"id": "bench", "start": started, "end_time": started + 1, "duration": 1.0},
            "config": config,
            "sys-stats": {},
            "api-stats": {"ec2.DescribeSecurityGroups": 1},
            "metrics": [{"MetricName": "ResourceCount", "Value": 1, "Unit": "Count"}],
        }
        return gzip.compress(msgspec.json.encode(found), 1)

    def _manifest(self) -> manifest.Manifest:
        found = run_directory.resources("000000000001", "us-east-1", self._groups)
        cells = [
            Cell(
                account.name,
                account.account_id,
                region,
                policy.name,
                Status.OK,
                len(found.get(policy.name, ())),
                0.1,
            )
            for account in self.accounts
            for region in account.regions
            for policy in POLICIES
        ]
        return run_directory.manifest_of(self.accounts, cells)


@lru_cache(256)
def _resources(account: str, region: str, groups: int) -> dict[str, bytes]:
    found = run_directory.resources(account, region, groups)
    return {policy: gzip.compress(msgspec.json.encode(each), 1) for policy, each in found.items()}


def page(keys: list[str], asked: dict[str, str]) -> bytes:
    """A page of ListObjectsV2: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html"""
    prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
    at = bisect_left(keys, max(prefix, asked.get("continuation-token", "")))
    found, most = "", int(asked.get("max-keys", _PAGE))
    count = 0
    while at < len(keys) and keys[at].startswith(prefix) and count < most:
        key = keys[at]
        inner = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
        if inner[1]:
            folder = prefix + inner[0] + delimiter
            found += f"<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>"
            at = bisect_left(keys, folder[:-1] + chr(ord(delimiter) + 1))
        else:
            found += (
                f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
                '<ETag>"0123456789abcdef0123456789abcdef"</ETag><Size>300</Size>'
                "<StorageClass>STANDARD</StorageClass></Contents>"
            )
            at += 1
        count += 1
    more = at < len(keys) and keys[at].startswith(prefix)
    token = f"<NextContinuationToken>{keys[at]}</NextContinuationToken>" if more else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>bench</Name><Prefix>{prefix}</Prefix><KeyCount>{count}</KeyCount><MaxKeys>{most}</MaxKeys>"
        f"<EncodingType>url</EncodingType><IsTruncated>{'true' if more else 'false'}</IsTruncated>{token}{found}"
        "</ListBucketResult>"
    ).encode()


class DistantS3(KeepAlive):
    """One keep-alive connection; requests on it are answered in turn, each after the latency."""

    calls: ClassVar[Counter[str]] = Counter()

    def __init__(self, run: Run, latency: float) -> None:
        super().__init__()
        self._run, self._latency = run, latency

    def respond(self, head: bytes, body: bytes) -> None:
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        address = urlsplit(target)
        if address.path == "/stats":
            stats = {
                "calls": dict(self.calls),
                "objects": len(self._run.keys),
                "cpu_seconds": time.process_time(),
            }
            self._send(200, "application/json", json.dumps(stats).encode())
            return
        _, _, key = unquote(address.path.strip("/")).partition("/")
        asked = {name: values[0] for name, values in parse_qs(address.query).items()}
        what = f"{method} {'object' if key else 'list'}"
        type(self).calls[what] += 1
        content: bytes | None = b""
        if what == "GET list":
            content = page(self._run.keys, asked)
        elif what == "GET object":
            content = self._run.content(key)
        answer = (200, "application/xml", content)
        if content is None:
            answer = (404, "application/xml", b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>")
        asyncio.get_running_loop().call_later(self._latency, self._send, *answer)

    def _send(self, status: int, kind: str, content: bytes) -> None:
        if not self.transport.is_closing():
            head = (
                f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n"
                'ETag: "0123456789abcdef0123456789abcdef"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n'
            )
            self.transport.write(head.encode() + content)


async def serve(run: Run, latency: float) -> None:
    """Serve until cancelled."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: DistantS3(run, latency), "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # ends with whoever started it


def main() -> None:
    parser = argparse.ArgumentParser(description="S3 some way off, with the output of a run.")
    parser.add_argument("--layout", choices=LAYOUTS, default=LAYOUTS[0])
    parser.add_argument("--latency", type=float, default=0.03, help="seconds from a call to its answer")
    parser.add_argument("--accounts", type=int, default=210)
    parser.add_argument("--regions", type=int, default=17)
    parser.add_argument("--groups", type=int, default=10, help="security groups in each account and region")
    parser.add_argument("--hours", type=int, default=1, help="how often it ran, once an hour")
    options = parser.parse_args()
    run = Run(options.layout, options.accounts, options.regions, options.groups, options.hours)
    asyncio.run(serve(run, options.latency))


if __name__ == "__main__":
    main()
