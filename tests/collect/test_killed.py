"""Runs that are killed: their workers end with them, and what they finished is there for a report and to go on."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reporter.collect import run_folder
from reporter.errors import InputError
from reporter.output.reading import open_output
from reporter.output.store import Folder
from reporter.sandbox import Sandbox, estate, faults
from reporter.sandbox.faults import Fault, What
from tests.collect.test_faults import (
    HELD_UP,
    ONE_WORKER,
    ONLY_INVENTORIES,
    Commands,
    statuses,
    wait_for,
    workers,
)
from tests.disks import files
from tests.lab import unordered
from tests.programs import Warm

SgAudit = Callable[..., "subprocess.CompletedProcess[str]"]
US, EU, AP = estate.REGIONS
POLICIES = ("sg-inventory", "eni-inventory", "ec2-inventory")


@pytest.fixture
def commands(sandbox: Sandbox, tmp_path: Path, sg_audit: SgAudit, warm: Warm) -> Iterator[Commands]:
    """The second of three regions is held up in its third policy."""
    faults.arm(sandbox.endpoint, [HELD_UP])
    yield Commands(sandbox.endpoint, tmp_path, sg_audit, warm)
    faults.arm(sandbox.endpoint, [])


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def forked_from(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_run_that_is_killed_leaves_nobody_behind_and_all_that_was_finished(
    commands: Commands, sandbox: Sandbox, estate_run: Path
) -> None:
    with commands.started(
        "run", *commands.input, "-s", "output", "-a", "dev", *ONLY_INVENTORIES, **ONE_WORKER
    ) as process:
        wait_for(lambda: faults.strikes(sandbox.endpoint) == [1], 60)
        # Nothing more comes in, and yet run.json tells what did.
        done = {("dev", US, policy): "ok" for policy in POLICIES}
        wait_for(lambda: statuses(commands.run_json).items() >= done.items())
        code, output, errors = commands.finish("run", "--resume", *commands.input, "-s", "output")
        assert (code, output) == (2, "")
        assert "that run is still going on in another process" in errors
        (worker,) = workers(process.pid)
        fork = forked_from(worker)
        process.kill()
        wait_for(lambda: is_gone(worker) and is_gone(fork))  # its call is held up for longer than that
    folder = commands.folder / "output" / "latest"
    kept = ["sg-inventory", "eni-inventory"]
    assert [path for path in files(folder) if (folder / path).is_file() and "unfinished" in path] == []
    assert sorted(path.name for path in (folder / "dev" / EU).iterdir()) == sorted(kept)

    # The report takes what run.json does not know of.
    assert (commands.run_json["state"], commands.run_json["finished"]) == ("running", None)
    assert {statuses(commands.run_json)["dev", EU, policy] for policy in kept} == {"skipped"}
    report = commands.report()
    assert report.code == 3
    missing = {("dev", EU, policy) for policy in POLICIES if policy not in kept}
    assert report.coverage().keys() == missing | {("dev", AP, policy) for policy in POLICIES}

    # And so does the run that goes on: of the region that was held up it asks the rest only.
    places = ((US, "D*"), (EU, "DescribeNetworkInterfaces"), (EU, "DescribeInstances"))
    again = [
        Fault(What.DELAY, account="111111111111", region=region, action=action, seconds=0.001)
        for region, action in places
    ]
    faults.arm(sandbox.endpoint, again)
    code, output, errors = commands.finish("run", "--resume", *commands.input, "-s", "output")
    assert code == 0, errors
    of_us, _, of_eu = faults.strikes(sandbox.endpoint)
    assert (of_us, of_eu > 0) == (0, True)
    assert {path.name for path in folder.iterdir()} == {"run.json", "findings.json", "dev"}
    for region in (US, EU, AP):
        for policy in POLICIES:
            cell = f"dev/{region}/{policy}/resources.json"
            here, there = json.loads((folder / cell).read_text()), json.loads((estate_run / cell).read_text())
            assert unordered(here) == unordered(there)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_run_that_is_told_to_end_says_so_and_keeps_what_it_has(
    commands: Commands, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory, number: int
) -> None:
    temporary = tmp_path_factory.mktemp("t")  # short: workers are reached through a socket in it
    words = ("run", *commands.input, "-s", "output", "-a", "dev", *ONLY_INVENTORIES)
    with commands.started(*words, TMPDIR=str(temporary), **ONE_WORKER) as process:
        wait_for(lambda: faults.strikes(sandbox.endpoint) == [1], 60)
        process.send_signal(number)
        _, errors = process.communicate(timeout=180)
    assert process.returncode == 3
    assert list(temporary.iterdir()) == []
    assert "interrupted: what was finished is kept" in errors
    assert commands.run_json["state"] == "interrupted"
    read = [key for key, status in statuses(commands.run_json).items() if status == "ok"]
    assert len(read) == len(POLICIES) + 2
    assert {path.name for path in (commands.folder / "output" / "latest").iterdir()} == {"run.json", "dev"}


def test_workers_end_with_the_process_that_they_are_forked_from(commands: Commands, sandbox: Sandbox) -> None:
    """Else the run would take them for dead while they go on."""
    with commands.started(
        "run", *commands.input, "-s", "output", "-a", "dev", "-r", EU, *ONLY_INVENTORIES, **ONE_WORKER
    ) as process:
        wait_for(lambda: faults.strikes(sandbox.endpoint) == [1], 60)
        (worker,) = workers(process.pid)
        os.kill(forked_from(worker), signal.SIGKILL)
        wait_for(lambda: is_gone(worker))
        _, errors = process.communicate(timeout=180)
    assert process.returncode == 3
    assert f"dev {EU}: 2 of 3 policies read; ec2-inventory failed: WorkerDied" in errors


# What a worker does, without the process that would end it.
LATE = """
import sys
from pathlib import Path
from reporter.collect.worker import Unit, run_unit
account = {"name": "dev", "account_id": "111111111111", "role": "arn:aws:iam::111111111111:role/sg-audit"}
types = {"sg-inventory": "aws.security-group", "ec2-inventory": "aws.ec2", "eni-inventory": "aws.eni"}
policies = tuple({"name": name, "resource": resource} for name, resource in types.items())
folder, scratch = sys.argv[1:]
for cell in run_unit(Unit(account, "us-east-1", policies, folder, scratch, timeout=600, credentials=None)):
    print(cell.policy, cell.status, cell.code)
"""


def test_a_worker_that_comes_late_can_change_nothing(
    sg_audit: SgAudit,
    sandbox: Sandbox,
    estate_run: Path,
    estate_accounts: Path,
    clean_env: dict[str, str],
    tmp_path: Path,
) -> None:
    """As one that was stopped while its run was killed and gone on with, and is woken up."""
    run = tmp_path / estate_run.name
    shutil.copytree(estate_run, run)
    scratch = run / ".unfinished-a"
    scratch.mkdir()
    faults.arm(
        sandbox.endpoint,
        [Fault(What.DELAY, account="111111111111", action="DescribeInstances", seconds=1)],
    )
    try:
        with subprocess.Popen(
            [sys.executable, "-c", LATE, run, scratch], env=clean_env, stdout=subprocess.PIPE, text=True
        ) as worker:
            wait_for(lambda: faults.strikes(sandbox.endpoint) == [1], 60)
            worker.send_signal(signal.SIGSTOP)
            resumed = sg_audit("run", "--resume", "-c", estate_accounts, "-s", tmp_path)
            assert resumed.returncode == 0, resumed.stderr
            before = {path: (run / path).stat().st_mtime_ns for path in files(run)}
            worker.send_signal(signal.SIGCONT)
            said, _ = worker.communicate(timeout=180)
    finally:
        faults.arm(sandbox.endpoint, [])
    assert said.splitlines() == [
        "sg-inventory ok ",
        "ec2-inventory failed CannotWriteError",
        "eni-inventory failed CannotWriteError",
    ]
    assert {path: (run / path).stat().st_mtime_ns for path in files(run)} == before


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        (["20261123T210355Z-2", "20261123T210355Z-10", "20261123T210355Z"], "20261123T210355Z-10"),
        (["20261123T210355Z-2", "20261123T210356Z", "before-the-change"], "20261123T210356Z"),
        (["20261123T210355Z", "zz"], "20261123T210355Z"),
        (["before-the-change"], ""),
    ],
)
def test_the_newest_run_by_its_time_is_gone_on_with(
    names: list[str], taken: str, estate_run: Path, tmp_path: Path
) -> None:
    for name in names:
        (tmp_path / name).mkdir()
        shutil.copy(estate_run / "run.json", tmp_path / name)
    if taken:
        assert run_folder.newest(Folder(tmp_path)) == Folder(tmp_path / taken)
        assert open_output(tmp_path).store == Folder(tmp_path / taken)
    else:
        with pytest.raises(InputError, match=f"^{tmp_path}: no run of sg-audit there$"):
            run_folder.newest(Folder(tmp_path))
        assert open_output(tmp_path).store == Folder(tmp_path / names[0])
