"""A Dask cluster that goes away, or is none: told in a line, what was finished is kept, and nobody waits for ever."""

import json
import signal
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reporter.collect import cluster as clusters
from reporter.collect.pools import open_pool
from reporter.errors import InputError
from reporter.sandbox import Sandbox, faults
from reporter.sandbox.faults import Fault, What
from tests.collect.conftest import Cluster, running_cluster
from tests.programs import SG_AUDIT, Warm

ROOT = Path(__file__).parents[2]
IMPATIENT = {"DASK_DISTRIBUTED__SCHEDULER__NO_WORKERS_TIMEOUT": "3s"}


def the_scheduler_dies(cluster: Cluster) -> None:
    cluster.scheduler.kill()


def all_workers_die(cluster: Cluster) -> None:
    for worker in cluster.workers:
        worker.kill()


def the_scheduler_is_stopped(cluster: Cluster) -> None:
    cluster.scheduler.send_signal(signal.SIGSTOP)


@pytest.fixture
def cluster(warm_dask: Warm, clean_env: dict[str, str], tmp_path: Path) -> Iterator[Cluster]:
    with running_cluster(warm_dask, clean_env, tmp_path, 1) as running:
        yield running


@pytest.mark.parametrize(
    ("happens", "says"),
    [
        (the_scheduler_dies, ["the Dask scheduler at {} is gone"]),
        (
            all_workers_die,
            [
                "the Dask cluster at {} has no workers left: waiting 3 seconds",
                "the Dask cluster at {} has no workers left",
            ],
        ),
        (
            the_scheduler_is_stopped,
            [
                "the Dask scheduler at {} does not answer: waiting 3 seconds",
                "the Dask scheduler at {} does not answer",
            ],
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_was_finished_is_kept_and_the_rest_is_not_waited_for(
    happens: Callable[[Cluster], None],
    says: list[str],
    cluster: Cluster,
    warm_dask: Warm,
    clean_env: dict[str, str],
    sandbox: Sandbox,
    estate_accounts: Path,
    tmp_path: Path,
) -> None:
    # The first account and region gets through, and the next is held up in its third policy.
    held_up = Fault(
        What.DELAY, account="111111111111", region="eu-west-1", action="DescribeInstances", seconds=30
    )
    faults.arm(sandbox.endpoint, [held_up])
    command = ["sg-audit", "run", "-c", str(estate_accounts), "-a", "dev"]
    command += ["-p", "sg-inventory,eni-inventory,ec2-inventory"]
    command += ["-s", str(tmp_path / "output"), "--scheduler", cluster.address]
    try:
        with warm_dask.started(SG_AUDIT, command, clean_env | IMPATIENT, ROOT) as run:
            deadline = time.monotonic() + 180
            while faults.strikes(sandbox.endpoint) != [1] or run.errors().count("\n") < 2:
                assert run.returncode is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
            before = run.errors()
            assert before.endswith("dev us-east-1: 3 of 3 policies read\n")
            happens(cluster)
            out, errors = run.communicate(timeout=180)
            after = errors.removeprefix(before)
    finally:
        faults.arm(sandbox.endpoint, [])
    assert run.returncode == 3, after
    *lines, last = after.splitlines()
    assert lines == [line.format(cluster.address) for line in says]
    assert last.startswith("interrupted: what was finished is kept; `sg-audit run --resume`")
    folder = Path(out.strip())
    written = json.loads((folder / "run.json").read_text())
    assert written["state"] == "interrupted"
    read = {(cell["region"], cell["policy"]) for cell in written["cells"] if cell["status"] == "ok"}
    assert read == {
        ("us-east-1", "sg-inventory"),
        ("us-east-1", "eni-inventory"),
        ("us-east-1", "ec2-inventory"),
        ("eu-west-1", "sg-inventory"),
        ("eu-west-1", "eni-inventory"),
    }
    assert {path.name for path in folder.iterdir()} == {"run.json", "dev"}
    everything = [folder, *folder.rglob("*")]
    assert {path for path in everything if stat.S_IMODE(path.stat().st_mode) & 0o077} == set()


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("nonsense", "missing port number"),
        ("http://127.0.0.1:9", "unknown address scheme 'http'"),
        ("inproc://x", ""),
        ("tls://127.0.0.1:9", "TLS"),
        ("tcp://[::", ""),
        ("tcp://127.0.0.1:9", ""),
    ],
)
def test_an_address_that_is_none_is_told_at_once(
    address: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "_CONNECT_SECONDS", 0.5)
    with pytest.raises(InputError) as refused:
        open_pool(address, [])
    assert str(refused.value).startswith(f"--scheduler {address}: no Dask scheduler answers there: ")
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_no_scheduler_there_is_wrong_input(
    warm_dask: Warm, clean_env: dict[str, str], estate_accounts: Path, tmp_path: Path
) -> None:
    words = ["run", "-c", str(estate_accounts), "-s", str(tmp_path / "output")]
    words += ["--scheduler", "tcp://127.0.0.1:9"]
    # A process of its own: what a run replaces in its process stays replaced.
    impatient = "from reporter.collect import cluster; cluster._CONNECT_SECONDS = 0.5; "
    code = f"{impatient}from reporter.cli import main; main()"
    done = warm_dask.python(code, *words, env=clean_env, cwd=ROOT)
    assert (done.returncode, done.stdout, list((tmp_path / "output").iterdir())) == (2, "", [])
    says = "sg-audit: --scheduler tcp://127.0.0.1:9: no Dask scheduler answers there: "
    [line] = done.stderr.splitlines()
    assert line.startswith(says)


def test_what_answers_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "_CONNECT_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(InputError, match=r"no Dask scheduler answers there: no answer in 0\.5 seconds"):
            open_pool(address, [])
