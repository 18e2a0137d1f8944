"""Prometheus with its promtool, as Debian has them, on the loopback."""

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

import pytest
import yaml

from .docs.pages import DOCS, read

#: Set where the tests with Prometheus must not be skipped.
REQUIRED = "PROMETHEUS_TESTS"

_SECONDS = 180
_open = build_opener(ProxyHandler({})).open


def program(name: str) -> str:
    """Where a program is; the test is skipped where it is not."""
    found = shutil.which(name)
    if found is None:
        why = f"no {name} here: apt-get install prometheus"
        if os.environ.get(REQUIRED):
            pytest.fail(why)
        pytest.skip(why)
    return found


def promtool(*words: str | Path, given: str = "") -> str:
    """What promtool says; the test fails where it fails."""
    command = [program("promtool"), *map(str, words)]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@dataclass(frozen=True)
class Prometheus:
    """A server that runs."""

    address: str

    def asked(self, what: str, **parameters: object) -> Any:
        """What its HTTP API answers."""
        with _open(f"{self.address}/api/v1/{what}?{urlencode(parameters)}", timeout=_SECONDS) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str, at: float) -> dict[tuple[tuple[str, str], ...], float]:
        """The value of each series that an expression has at a time, by its labels."""
        found = self.asked("query", query=expression, time=at)
        assert found["resultType"] == "vector"
        return {tuple(sorted(each["metric"].items())): float(each["value"][1]) for each in found["result"]}


@contextmanager
def served(files: Mapping[str, Path]) -> Iterator[str]:
    """The host and port that serve files, as they are at each moment, by their paths."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files[self.path].read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


@contextmanager
def prometheus(folder: Path, target: str, rules: Path) -> Iterator[Prometheus]:
    """A server that keeps its data in `folder`/data and scrapes a target every second, with the rules of a file.

    It does so as the docs have it, and the target has labels that many have from the service discovery of EC2.
    """
    (example,) = read(DOCS / "metrics.md").code("yaml")
    (job,) = yaml.safe_load(example)["scrape_configs"]
    job["static_configs"] = [{"targets": [target], "labels": {"account": "hub", "region": "eu-central-1"}}]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [job],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        program("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=100y",  # what was written by hand is old
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            running = Prometheus(f"http://127.0.0.1:{port}")
            until(lambda: _is_ready(running, process, folder / "log"))
            yield running
        finally:
            process.terminate()


def until(holds: Any) -> Any:
    """What a function returns once that is true; the test fails where it stays false."""
    end = time.monotonic() + _SECONDS
    while not (found := holds()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)
    return found


def _is_ready(server: Prometheus, process: "subprocess.Popen[bytes]", log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        with _open(f"{server.address}/-/ready", timeout=_SECONDS):
            return True
    except OSError:  # not yet
        return False
