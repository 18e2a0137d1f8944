"""Nothing is waited for without an end: a real server that dawdles, and botocore as the program has it."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import parse_headers
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import PaginationError, ReadTimeoutError

from reporter.aws import calls, patience
from reporter.aws.errors import NoAnswerError, UnitTimeoutError

BODY = b"<DescribeVpcsResponse><vpcSet/></DescribeVpcsResponse>"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    calls.install()
    monkeypatch.setattr(patience, "_FIRST_SECONDS", 0.4)


@contextmanager
def server(*parts: bytes, seconds: float) -> Iterator[tuple[str, list[float]]]:
    """Answers with the parts, and so many seconds before each: its URL, and when it was asked."""
    asked: list[float] = []

    def answer(connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as requests, suppress(OSError):
            while requests.readline():
                requests.read(int(parse_headers(requests)["Content-Length"]))
                asked.append(time.monotonic())
                for part in parts:
                    time.sleep(seconds)
                    connection.sendall(part)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=[connection], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked


def client(url: str, attempts: int = 3, **options: Any) -> Any:
    config = Config(retries={"total_max_attempts": attempts, "mode": "standard"}, **options)
    return boto3.Session("key", "secret", region_name="us-east-1").client(
        "ec2", endpoint_url=url, config=config
    )


def one_by_one(content: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in content]


def test_an_answer_at_a_fair_pace_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_BYTES_A_SECOND", 10)
    with server(*one_by_one(HEAD + BODY), seconds=0.005) as (url, _):
        assert client(url).describe_vpcs()["Vpcs"] == []
        assert client(url).describe_vpcs()["Vpcs"] == []


@pytest.mark.parametrize("parts", [one_by_one(HEAD + BODY), [HEAD, *one_by_one(BODY)]], ids=["head", "body"])
def test_an_answer_that_trickles_is_asked_for_once_more(parts: list[bytes]) -> None:
    with server(*parts, seconds=0.1) as (url, asked), pytest.raises(NoAnswerError, match="asked 2 times"):
        client(url).describe_vpcs()
    assert len(asked) == 2


def test_an_answer_that_does_not_come_is_asked_for_once_more() -> None:
    with server(b"", seconds=20) as (url, asked), pytest.raises(NoAnswerError, match="DescribeVpcs"):
        client(url, read_timeout=0.2).describe_vpcs()
    assert len(asked) == 2


def test_the_persons_own_choice_of_attempts_stands() -> None:
    with server(b"", seconds=20) as (url, asked), pytest.raises(ReadTimeoutError):
        client(url, attempts=1, read_timeout=0.2).describe_vpcs()
    assert len(asked) == 1


def test_the_time_of_a_unit_ends_what_is_waited_for_and_what_would_follow() -> None:
    with server(HEAD, BODY, seconds=0.3) as (url, asked):
        ec2 = client(url)
        with patience.unit_of(0.4):
            with pytest.raises(UnitTimeoutError, match=r"stopped at DescribeVpcs after 0.4 seconds"):
                ec2.describe_vpcs()
            count = len(asked)
            with pytest.raises(UnitTimeoutError):
                ec2.describe_vpcs()
            assert len(asked) == count


def test_so_it_is_for_the_calls_of_a_thread_without_what_a_person_takes() -> None:
    with server(HEAD, BODY, seconds=0.02) as (url, asked):
        ec2 = client(url)
        with patience.way_in(0.5):
            with patience.not_counted():
                time.sleep(0.6)
            ec2.describe_vpcs()
            other = threading.Thread(target=lambda: [time.sleep(0.6), ec2.describe_vpcs()])
            other.start()
            other.join()
            assert len(asked) == 2
            with pytest.raises(UnitTimeoutError, match=r"stopped at DescribeVpcs after 0.5 seconds"):
                ec2.describe_vpcs()
        ec2.describe_vpcs()


def pages(*tokens: str) -> Any:
    """The pages of a listing whose answers name these tokens in turn."""
    paginator = client("http://127.0.0.1:9").get_paginator("describe_vpcs")
    answers = iter(tokens)
    paginator._method = lambda **_: {"Vpcs": [{}], "NextToken": next(answers, None)}
    return paginator.paginate()


def test_pages_that_go_round_are_an_error() -> None:
    with pytest.raises(PaginationError, match="its pages go round"):
        pages("a", "b", "a").build_full_result()
    assert len(pages("a", "b", "c").build_full_result()["Vpcs"]) == 4


STOPPED = """
import multiprocessing, os, signal, sys, time
from pathlib import Path
from reporter.collect.stopped_workers import StoppedWorkers

def state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]

def wait(pid, wanted):
    end = time.monotonic() + 180
    while state(pid) not in wanted:
        assert time.monotonic() < end, state(pid)
        time.sleep(0.01)

process = multiprocessing.get_context("fork").Process(target=time.sleep, args=[60], daemon=True)
process.start()
os.kill(process.pid, signal.SIGSTOP)
wait(process.pid, "T")
said = []
workers = StoppedWorkers()
workers.expect_within(1000)
workers.wake(said.append)
assert not said
workers = StoppedWorkers()
workers.expect_within(0)
workers.wake(said.append)
wait(process.pid, "SR")
assert len(said) == 1
process.kill()
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks Linux for a process's state")
def test_a_worker_that_was_stopped_is_let_go_on_when_nobody_is_heard_of() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STOPPED], capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
