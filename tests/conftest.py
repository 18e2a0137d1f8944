"""What every test of the command line needs: a sandbox with the estate, and one finished run of it."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from math import ceil
from pathlib import Path
from typing import IO, Any, cast
from unittest.mock import patch

import boto3
import pytest

from reporter.sandbox import Sandbox, environment, estate, running
from tests.lab import Lab, role
from tests.wire import Wire, wire

ROOT = Path(__file__).parent.parent

Completed = subprocess.CompletedProcess[str]

# Settings of the user's that would break anything of the sandbox that heeded them.
HOSTILE = {
    "AWS_PROFILE": "no-such-profile",
    "AWS_CA_BUNDLE": "/no/such/file",
    "HTTP_PROXY": "http://127.0.0.1:9",
}


# The folders of those files that take longest.
LONG = ("collect", "output", "sandbox")


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Half as many workers again as processors: for a third of the time a test waits for what it has started."""
    processors = yield
    return ceil(processors * 1.5)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, else one worker would be at it when all others are through."""
    items.sort(key=lambda item: item.path.parent.name not in LONG)


@pytest.fixture(scope="session", autouse=True)
def temporary_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What processes that are killed leave in the system's folder for temporary files goes with the tests.

    Not within pytest's own folder, whose path may be too long for that of a socket.
    """
    tmp_path_factory.getbasetemp()  # which stays where it is
    with (
        tempfile.TemporaryDirectory(prefix="t-", ignore_cleanup_errors=True) as folder,
        patch.dict(os.environ, TMPDIR=folder),
        patch.object(tempfile, "tempdir", folder),
    ):
        yield


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A server that holds the estate. Whoever changes something uses accounts that are not the estate's."""
    with ExitStack() as stack:
        with patch.dict(os.environ, HOSTILE):
            server = stack.enter_context(running())
            estate.fill(server.endpoint)
        yield server


@pytest.fixture(scope="session")
def clean_env(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables for a child process that knows no AWS but the sandbox; HOME is an empty folder."""
    return environment(sandbox.endpoint, tmp_path_factory.mktemp("home"))


class Warm:
    """Runs the command line as a process of its own each time, but without its second of imports."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._stdin, self._stdout = cast(IO[str], process.stdin), cast(IO[str], process.stdout)

    def run(self, args: Sequence[str], env: Mapping[str, str], cwd: Path) -> Completed:
        print(json.dumps({"args": args, "env": dict(env), "cwd": str(cwd)}), file=self._stdin, flush=True)
        answer = json.loads(self._stdout.readline())
        return Completed(["sg-audit", *args], answer["code"], answer["stdout"], answer["stderr"])


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    """See tests/warm.py."""
    env = environment("http://127.0.0.1:9", tmp_path_factory.mktemp("home"))
    with subprocess.Popen(
        [sys.executable, Path(__file__).with_name("warm.py")],
        env=env | {"OPENBLAS_NUM_THREADS": "1"},  # what forks should have one thread
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Warm(process)
        cast(IO[str], process.stdin).close()


# Read as Python or c7n start, and not later.
READ_AT_START = {"AWS_PROFILE", "C7N_ORG_PARALLEL", "PYTHONPATH", "TMPDIR"}


@pytest.fixture(scope="session")
def sg_audit(clean_env: dict[str, str], warm: Warm) -> Callable[..., Completed]:
    """Runs the command line: sg_audit("report", "-s", folder, env={"HOME": "…"}, cwd=folder).

    `env` is added to `clean_env`, or taken from it where a value is None; `cwd` is the repository unless told
    otherwise. With `cold`, Python itself starts anew.
    """

    def run(
        *args: str | Path, env: Mapping[str, str | None] | None = None, cwd: Path = ROOT, cold: bool = False
    ) -> Completed:
        variables = clean_env | dict(env or {})
        set_to = {name: value for name, value in variables.items() if value is not None}
        words = list(map(str, args))
        if not cold and READ_AT_START.isdisjoint(env or {}):
            return warm.run(words, set_to, cwd)
        return subprocess.run(
            [sys.executable, "-m", "reporter", *words],
            env=set_to,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture(scope="session")
def stock_run_of(clean_env: dict[str, str]) -> Callable[..., Completed]:
    """Runs stock `custodian run` or `c7n-org run`, without its cache: stock_run_of("custodian", …, cwd=folder)."""

    def run(program: str, *words: str | Path, cwd: Path) -> Completed:
        command = [Path(sys.executable).with_name(program), "run", "--cache-period", "0", *words]
        done = subprocess.run(command, env=clean_env, cwd=cwd, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def estate_accounts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The accounts file of the estate: dev, staging and production, by role, three regions."""
    path = tmp_path_factory.mktemp("estate") / "accounts.yml"
    path.write_text(estate.accounts_file(), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def estate_ran(sg_audit: Callable[..., Completed], estate_accounts: Path) -> Completed:
    """What `sg-audit run` of policies/ over the estate said."""
    output = estate_accounts.with_name("output")
    done = sg_audit("run", "-c", estate_accounts, "-u", ROOT / "policies", "-s", output)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="session")
def estate_run(estate_ran: Completed) -> Path:
    """The directory of that run. To be read only: copy it to change it."""
    return Path(estate_ran.stdout.strip())


@pytest.fixture(scope="module")
def wired(sandbox: Sandbox) -> Iterator[Wire]:
    with wire(sandbox.endpoint) as between:
        yield between


@pytest.fixture(scope="module")
def lab(wired: Wire, tmp_path_factory: pytest.TempPathFactory, sg_audit: Callable[..., Any]) -> Lab:
    """A lab for all tests of a module."""
    return Lab(tmp_path_factory.mktemp("lab"), tmp_path_factory.mktemp("home"), wired, sg_audit)


@pytest.fixture(scope="session")
def aws_client(clean_env: dict[str, str]) -> Callable[[str, str, str], Any]:
    """Makes a client of a service in an account and region: aws_client("elbv2", "777777777777", "us-east-1")."""

    def client(service: str, account_id: str, region: str) -> Any:
        with patch.dict(os.environ, clean_env, clear=True):
            session = boto3.Session(region_name=region)
            assumed = session.client("sts").assume_role(RoleArn=role(account_id), RoleSessionName="tests")
            return session.client(
                service,
                aws_access_key_id=assumed["Credentials"]["AccessKeyId"],
                aws_secret_access_key=assumed["Credentials"]["SecretAccessKey"],
                aws_session_token=assumed["Credentials"]["SessionToken"],
            )

    return client


@pytest.fixture(scope="session")
def ec2(aws_client: Callable[[str, str, str], Any]) -> Callable[[str, str], Any]:
    """Makes a client of EC2 in an account and region: ec2("777777777777", "us-east-1")."""
    return partial(aws_client, "ec2")
