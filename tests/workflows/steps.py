"""Runs the steps of a workflow as GitHub's runner does, as far as they are scripts."""

import json
import os
import re
import shutil
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"

#: Says what a call of sg-audit with these words, in this folder, with these variables, ends with, and prints.
SgAudit = Callable[[list[str], Path, Mapping[str, str]], tuple[int, str, str]]


def workflow(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((WORKFLOWS / name).read_text(encoding="utf-8"))
    return found


def wait_for(is_so: Callable[[], bool]) -> None:
    """Wait for what another process does. Raises TimeoutError where it does not."""
    deadline = time.monotonic() + 180
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)


@dataclass(frozen=True)
class Ended:
    """A step that came to its end: its exit code, its log, and what it handed on."""

    code: int
    log: str
    outputs: Mapping[str, str]


@dataclass
class Machine:
    """A machine that runs jobs of one workflow, a repository checked out on it, and the GitHub that it asks."""

    name: str
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    context: dict[str, str] = field(default_factory=dict)
    port: int = 0
    run: str = "900"
    children: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        for each in ("bin", "work", "temp", "github/artifacts"):
            (self.folder / each).mkdir(parents=True)
        os.mkfifo(self.folder / "github" / "ticks")
        self.github = {"visibility": "private", "runs": [], "artifacts": {}, "labels": [], "issues": []}
        for program in ("gh", "curl", "sleep", "sg-audit"):
            path = self.folder / "bin" / program
            stand_in = Path(__file__).with_name("stand_in.py")
            path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "{stand_in}" {program} "$@"\n')
            path.chmod(0o755)

    @property
    def github(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "github" / "github.json").read_text())
        return found

    @github.setter
    def github(self, state: Mapping[str, Any]) -> None:
        (self.folder / "github" / "github.json").write_text(json.dumps(state))

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def temp(self) -> Path:
        return self.folder / "temp"

    @property
    def summary(self) -> str:
        path = self.folder / "summary"
        return path.read_text() if path.exists() else ""

    def calls(self, program: str) -> list[dict[str, Any]]:
        """What a program was asked, in order."""
        path = self.folder / "github" / f"{program}.calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def tick(self) -> None:
        """Let who sleeps wake up. Raises TimeoutError where nobody sleeps."""

        def woken() -> bool:
            try:
                ticks = os.open(self.folder / "github" / "ticks", os.O_WRONLY | os.O_NONBLOCK)
            except OSError:  # nobody reads
                return False
            os.write(ticks, b".")
            os.close(ticks)
            return True

        wait_for(woken)

    def step(self, job: str, name: str) -> Ended:
        """Run a job's step of that name."""
        whole = workflow(self.name)
        jobs = whole["jobs"]
        (step,) = [each for each in jobs[job]["steps"] if each.get("name") == name]
        own = {**jobs[job].get("env", {}), **step.get("env", {})}
        given = {key: self.told(str(value)) for key, value in own.items()}
        handed = {key: self.folder / f"handed-{key}" for key in ("GITHUB_OUTPUT", "GITHUB_ENV")}
        for path in handed.values():
            path.write_text("")
        script = self.temp / "script.sh"
        script.write_text(step["run"])
        process = subprocess.Popen(
            # https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#defaultsrunshell
            [
                "bash",
                *(("--noprofile", "--norc", "-eo", "pipefail") if "defaults" in whole else ("-e",)),
                script,
            ],
            cwd=self.work,
            env={
                "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
                "STAND_IN": str(self.folder / "github"),
                "SG_AUDIT_PORT": str(self.port),
                "RUNNER_TEMP": str(self.temp),
                "GITHUB_REPOSITORY": "acme/audits",
                "GITHUB_REF_NAME": "main",
                "GITHUB_RUN_ID": self.run,
                "GITHUB_SERVER_URL": "https://github.com",
                "GITHUB_WORKFLOW_REF": f"acme/audits/.github/workflows/{self.name}@refs/heads/main",
                "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "the-secret-of-the-job",
                "ACTIONS_ID_TOKEN_REQUEST_URL": "https://tokens.example/?api-version=2.0",
                **{key: str(path) for key, path in handed.items()},
                **self.environment,
                **given,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.children.append(process.pid)
        log, _ = process.communicate(timeout=180)
        outputs, more = (
            dict(line.split("=", 1) for line in path.read_text().splitlines()) for path in handed.values()
        )
        self.environment = {**self.environment, **more}
        if "id" in step:
            self.context |= {f"steps.{step['id']}.outputs.{key}": value for key, value in outputs.items()}
        self.context |= {
            f"needs.{job}.outputs.{key}": self.told(value)
            for key, value in jobs[job].get("outputs", {}).items()
        }
        return Ended(process.returncode, log, outputs)

    def told(self, text: str) -> str:
        """A text with its expressions evaluated: names and literals, with `||` between."""
        known = {
            "github.token": "the-token-of-the-job",
            "github.run_id": self.run,
            "github.event.repository.default_branch": "main",
            "runner.temp": str(self.temp),
            **{f"vars.{name}": value for name, value in self.variables.items()},
            **self.context,
        }

        def value(match: re.Match[str]) -> str:
            parts = [part.strip() for part in match[1].split("||")]
            found = (part.strip("'") if part[0] in "'0123456789" else known.get(part, "") for part in parts)
            return next(filter(None, found), "")

        return re.sub(r"\$\{\{(.*?)\}\}", value, text)

    def upload(self, job: str, name: str, run: int) -> Path:
        """Keep what a step with actions/upload-artifact keeps, as it does: links followed, nothing hidden, no modes."""
        (step,) = [each for each in workflow(self.name)["jobs"][job]["steps"] if each.get("name") == name]
        for key, value in workflow(self.name)["jobs"][job]["env"].items():
            self.context[f"env.{key}"] = self.told(str(value))
        artifact, path = (self.told(step["with"][key]) for key in ("name", "path"))
        kept = self.folder / "github" / "artifacts" / str(run) / artifact
        shutil.copytree(
            self.work / path, kept, ignore=shutil.ignore_patterns(".*"), copy_function=shutil.copyfile
        )
        state = self.github
        state["artifacts"].setdefault(str(run), {})[artifact] = False  # not expired
        self.github = state
        return kept

    def next_job(self) -> None:
        """Another job: nothing on the disk, and of the one before what it hands on."""
        self.end()
        self.environment = {}
        self.context = {key: value for key, value in self.context.items() if key.startswith("needs.")}
        for folder in (self.work, self.temp):
            shutil.rmtree(folder)
            folder.mkdir()

    def end(self) -> None:
        """End what steps have left running, as GitHub does when a job ends."""
        for pid in self.children:
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.children.clear()


@contextmanager
def machine(name: str, folder: Path, sg_audit: SgAudit) -> Iterator[Machine]:
    """A machine on which sg-audit says what the function says."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked = json.loads(self.rfile.readline())
            code, out, err = sg_audit(asked["words"], Path(asked["cwd"]), asked["env"])
            self.wfile.write(json.dumps({"code": code, "out": out, "err": err}).encode() + b"\n")

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        found = Machine(name, folder, port=server.server_address[1])
        try:
            yield found
        finally:
            found.end()
            server.shutdown()
            thread.join()
