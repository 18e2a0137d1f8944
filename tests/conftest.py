"""What every test of the command line needs: a sandbox with the estate, and one finished run of it."""

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import botocore.session
import pandas as pd
import pytest
from botocore.loaders import Loader

from reporter import garbage_collection
from reporter.sandbox import Sandbox, environment, estate
from tests import models, programs, shared
from tests.lab import Lab, role
from tests.programs import SG_AUDIT, STOCK, Completed, Warm
from tests.shared import alone
from tests.shared import sandbox as sandboxed
from tests.wire import Wire, wire

ROOT = Path(__file__).parent.parent

# The files that take longest, by the time they took of a processor. What is left at the end is to be short: then one
# worker is at it, and the others are through.
LONGEST = (
    "remedy/test_shell.py",
    "cli/test_query.py",
    "sandbox/test_demo.py",
    "report/formats/test_html_in_browser.py",
    "output/test_layouts.py",
    "workflows/test_scheduled_audit.py",
    "report/formats/test_carry.py",
    "collect/test_faults.py",
    "sandbox/test_faults.py",
    "inventory/test_internet.py",
    "publish/test_securityhub.py",
    "report/places/test_stem.py",
    "cli/test_streams.py",
    "findings/test_history.py",
    "inventory/test_join.py",
    "cli/test_cli.py",
    "report/places/test_in_s3.py",
    "report/formats/test_formats.py",
    "report/test_summary_markdown.py",
    "custodian/test_permissions.py",
    "sandbox/test_server.py",
    "policytests/test_policytests.py",
    "report/test_workbook.py",
    "collect/test_cluster_lost.py",
    "collect/test_killed.py",
    "review/test_review.py",
    "review/test_untrusted.py",
    "report/test_any_policy.py",
    "report/formats/test_xlsx.py",
    "docs/test_docs.py",
    "workflows/test_policy_review.py",
    "remedy/test_custodian_loop.py",
    "accounts/test_accounts_command.py",
    "accounts/test_prompts.py",
)

# Words in the names of files whose tests are of what needs pyarrow.
_OF_PYARROW = {"duckdb", "formats", "parquet", "query", "views"}

_SHARED = pytest.StashKey[str]()


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Half as many workers again as processors: for a third of the time a test waits for what it has started."""
    processors = yield
    return ceil(processors * 1.5)


def pytest_configure() -> None:
    """Have Python keep what it compiles: else each worker, and each process it starts, compiles all of this anew.

    And have it hear of Ctrl-C, which a shell keeps from what it starts with `&`: tests send it to what they start.
    """
    models.read_once()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker where it finds what all of them share."""
    if _SHARED not in node.config.stash:
        stack = ExitStack()
        node.config.add_cleanup(stack.close)
        node.config.stash[_SHARED] = str(stack.enter_context(shared.running()))
    node.workerinput["shared"] = node.config.stash[_SHARED]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Import and collect without looking for garbage again and again."""
    with garbage_collection.paused():
        return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest.

    What has been imported and collected stays: the collector need not look through it again and again.
    """
    gc.collect()
    gc.freeze()
    place = {Path(__file__).parent / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


@pytest.fixture(scope="module", autouse=True)
def texts(request: pytest.FixtureRequest) -> Iterator[None]:
    """pandas holds texts as it does without pyarrow, as in most commands: see reporter/pandas_without_pyarrow.py.

    With pyarrow it holds them in the tests of what needs that.
    """
    needed = _OF_PYARROW.intersection(request.path.stem.split("_"))
    with pd.option_context("mode.string_storage", "auto" if needed else "python"):
        yield


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


@pytest.fixture(scope="session", name="shared")
def shared_folder(request: pytest.FixtureRequest, temporary_files: None) -> Iterator[Path]:
    """Where what all workers share is to be found, see tests/shared.py."""
    with ExitStack() as stack:
        of_all = getattr(request.config, "workerinput", {}).get("shared")
        yield Path(of_all) if of_all else stack.enter_context(shared.running())


@pytest.fixture(scope="session")
def sandbox(shared: Path) -> Iterator[Sandbox]:
    """A server that holds the estate. Whoever changes something uses accounts that are not the estate's."""
    with sandboxed(shared) as server:
        yield server


@pytest.fixture(scope="session")
def clean_env(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables for a child process that knows no AWS but the sandbox; HOME is an empty folder."""
    return environment(sandbox.endpoint, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def warm(shared: Path) -> Iterator[Warm]:
    """Runs the command line, see tests/warm.py."""
    with programs.warm("sg-audit", shared) as forks:
        yield forks


@pytest.fixture(scope="session")
def warm_stock(shared: Path) -> Iterator[Warm]:
    """Runs stock Custodian and c7n-org: none of this project's code is in its processes."""
    with programs.warm("stock", shared) as forks:
        yield forks


@pytest.fixture(scope="session")
def command_line(warm: Warm) -> Callable[..., Completed]:
    """Runs the command line in an environment of the test's own: command_line("report", env={…}, cwd=folder).

    With `cold`, and where a variable is another that c7n reads as it starts, Python itself starts anew. So it has to
    where PYTHONPATH has another module of a name that is loaded.
    """

    def run(*args: str | Path, env: Mapping[str, str], cwd: Path, cold: bool = False) -> Completed:
        words = list(map(str, args))
        if not cold and starts_alike(env, warm.env):
            return warm.run(SG_AUDIT, ["sg-audit", *words], env, cwd)
        return subprocess.run(
            [sys.executable, "-m", "reporter", *words],
            env={"PYTHONPATH": str(ROOT)} | dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    return run


def starts_alike(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether they are the same to c7n as it starts. c7n-org then stumbles over what is no number."""
    same = one.get("AWS_PROFILE") == other.get("AWS_PROFILE")
    return same and one.get("C7N_ORG_PARALLEL", "1").isdecimal()


@pytest.fixture(scope="session")
def sg_audit(clean_env: dict[str, str], command_line: Callable[..., Completed]) -> Callable[..., Completed]:
    """Runs the command line on the sandbox: sg_audit("report", "-s", folder, env={"HOME": "…"}, cwd=folder).

    `env` is added to `clean_env`, or taken from it where a value is None; `cwd` is the repository unless told
    otherwise. For `cold` see command_line.
    """

    def run(
        *args: str | Path, env: Mapping[str, str | None] | None = None, cwd: Path = ROOT, cold: bool = False
    ) -> Completed:
        variables = clean_env | dict(env or {})
        set_to = {name: value for name, value in variables.items() if value is not None}
        return command_line(*args, env=set_to, cwd=cwd, cold=cold)

    return run


@pytest.fixture(scope="session")
def stock_program(clean_env: dict[str, str], warm_stock: Warm) -> Callable[..., Completed]:
    """Runs stock Custodian or c7n-org: stock_program("custodian", "run", …, env={"HOME": "…"}, cwd=folder).

    `env` is added to `clean_env`.
    """

    def run(program: str, *words: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> Completed:
        args = [program, *map(str, words)]
        return warm_stock.run(STOCK[program], args, clean_env | dict(env or {}), cwd)

    return run


@pytest.fixture(scope="session")
def stock_run_of(stock_program: Callable[..., Completed]) -> Callable[..., Completed]:
    """Runs stock `custodian run` or `c7n-org run`, without its cache: stock_run_of("custodian", …, cwd=folder)."""

    def run(program: str, *words: str | Path, cwd: Path) -> Completed:
        done = stock_program(program, "run", "--cache-period", "0", *words, cwd=cwd)
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
def estate_ran(sg_audit: Callable[..., Completed], shared: Path, estate_accounts: Path) -> Completed:
    """What `sg-audit run` of policies/ over the estate said. One worker runs it, and each has a copy."""
    of_all, said = shared / "output", shared / "estate.json"
    with alone(shared):
        if not said.exists():
            done = sg_audit("run", "-c", estate_accounts, "-u", ROOT / "policies", "-s", of_all)
            assert done.returncode == 0, done.stderr
            said.write_text(json.dumps([done.args, done.returncode, done.stdout, done.stderr]))
    output = shutil.copytree(of_all, estate_accounts.with_name("output"), symlinks=True)
    return Completed(*json.loads(said.read_text().replace(str(of_all), str(output))))


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
    loader = Loader()  # else each session has its own

    def client(service: str, account_id: str, region: str) -> Any:
        with patch.dict(os.environ, clean_env, clear=True):
            core = botocore.session.Session()
            core.register_component("data_loader", loader)
            session = boto3.Session(botocore_session=core, region_name=region)
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
