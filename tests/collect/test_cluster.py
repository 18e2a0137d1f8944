"""The same work on a Dask cluster: a real scheduler and two real workers on the loopback, moto as S3 and EC2."""

import gzip
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reporter.sandbox import Sandbox, faults
from reporter.sandbox.faults import Fault, What
from tests.collect.conftest import Cluster, running_cluster
from tests.lab import unordered
from tests.programs import SG_AUDIT, Warm
from tests.s3 import client_with_bucket

SgAudit = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).parents[2]
BUCKET = "audit-output"


@pytest.fixture(scope="module")
def s3(sandbox: Sandbox) -> Any:
    return client_with_bucket(sandbox.endpoint, BUCKET)


@pytest.fixture(scope="module")
def cluster(
    warm_dask: Warm, clean_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """It loses a worker in the last test that uses it."""
    with running_cluster(warm_dask, clean_env, tmp_path_factory.mktemp("cluster"), 2) as running:
        yield running


def resources(s3: Any, prefix: str) -> dict[str, list[dict[str, object]]]:
    """What each policy found below a prefix, by account/region/policy."""
    found = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix):
        for entry in page.get("Contents", ()):
            key = entry["Key"].removeprefix(prefix).lstrip("/")
            match = re.fullmatch(r"([^/]+/[^/]+/[^/]+)/\d{4}/\d\d/\d\d/\d\d/resources\.json\.gz", key)
            if match:
                body = s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read()
                found[match[1]] = json.loads(gzip.decompress(body))
    return found


def same(found: dict[str, list[dict[str, object]]], run: Path) -> None:
    """Cell by cell what the run on this machine found, in any order."""
    for cell, items in found.items():
        here = json.loads((run / cell / "resources.json").read_text())
        assert unordered(items) == unordered(here), cell


def test_processes_of_this_machine_write_to_s3(
    sg_audit: SgAudit, s3: Any, estate_accounts: Path, estate_run: Path
) -> None:
    words = ("-a", "dev", "-r", "us-east-1", "-r", "eu-west-1", "-p", "ec2-inventory,sg-ssh-world,sg-unused")
    done = sg_audit("run", "-c", estate_accounts, *words, "-s", f"s3://{BUCKET}/here")
    assert done.returncode == 0, done.stderr
    prefix = done.stdout.strip().removeprefix(f"s3://{BUCKET}/")
    found = resources(s3, prefix)
    assert len(found) == 2 * 3
    same(found, estate_run)
    run = json.loads(s3.get_object(Bucket=BUCKET, Key=f"{prefix}/run.json")["Body"].read())
    assert run["state"] == "finished"
    assert {cell["status"] for cell in run["cells"]} == {"ok"}
    counts = {
        f"{cell['account']}/{cell['region']}/{cell['policy']}": cell["resources"] for cell in run["cells"]
    }
    assert counts == {cell: len(items) for cell, items in found.items()}


def test_a_refusal_costs_one_cell_there_too_and_is_resumed(
    cluster: Cluster,
    warm_dask: Warm,
    clean_env: dict[str, str],
    sandbox: Sandbox,
    s3: Any,
    estate_accounts: Path,
) -> None:
    words = ["sg-audit", "run", "-c", str(estate_accounts), "-s", f"s3://{BUCKET}/refused"]
    words += ["--scheduler", cluster.address]
    small = ("-a", "dev", "-r", "us-east-1", "-r", "eu-west-1", "-p", "sg-default,sg-unused", "--iam")
    try:
        denied = Fault(What.DENY, account="111111111111", region="eu-west-1", service="lambda")
        faults.arm(sandbox.endpoint, [denied, Fault(What.DENY, account="111111111111", service="iam")])
        refused = warm_dask.run(SG_AUDIT, [*words, *small], clean_env, ROOT)
    finally:
        faults.arm(sandbox.endpoint, [])
    assert refused.returncode == 3, refused.stderr
    key = refused.stdout.strip().removeprefix(f"s3://{BUCKET}/") + "/run.json"
    cells = json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())["cells"]
    assert {(cell["region"], cell["policy"]) for cell in cells if cell["status"] != "ok"} == {
        ("eu-west-1", "sg-unused"),
        ("global", "iam-authorization"),
    }
    resumed = warm_dask.run(SG_AUDIT, [*words, "--resume"], clean_env, ROOT)
    assert (resumed.returncode, resumed.stdout) == (0, refused.stdout), resumed.stderr
    cells = json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())["cells"]
    assert {cell["status"] for cell in cells} == {"ok"}


def test_a_cluster_does_the_same_work_though_a_worker_is_killed(
    cluster: Cluster,
    warm_dask: Warm,
    clean_env: dict[str, str],
    sandbox: Sandbox,
    s3: Any,
    estate_accounts: Path,
    estate_run: Path,
) -> None:
    # Slow enough that the worker dies in the middle.
    faults.arm(sandbox.endpoint, [Fault(What.DELAY, action="DescribeInstances", seconds=0.5)])
    command = ["sg-audit", "run", "-c", str(estate_accounts)]
    command += ["-s", f"s3://{BUCKET}/cluster", "--scheduler", cluster.address]
    command += ["-p", "sg-inventory,ec2-inventory,sg-ssh-world"]
    try:
        with warm_dask.started(SG_AUDIT, command, clean_env, ROOT) as run:
            while "3 of 3" not in run.errors():
                assert run.returncode is None, run.errors()
                time.sleep(0.05)
            cluster.workers[0].kill()
            out, errors = run.communicate(timeout=180)
    finally:
        faults.arm(sandbox.endpoint, [])
    assert run.returncode == 0, errors
    assert "Traceback" not in errors
    prefix = out.strip().removeprefix(f"s3://{BUCKET}/")
    found = resources(s3, prefix)
    assert len(found) == 3 * 3 * 3
    same(found, estate_run)
    written = json.loads(s3.get_object(Bucket=BUCKET, Key=f"{prefix}/run.json")["Body"].read())
    assert {cell["status"] for cell in written["cells"]} == {"ok"}


def test_without_the_extra_the_option_says_what_to_install(
    sg_audit: SgAudit, estate_accounts: Path, tmp_path: Path
) -> None:
    # A module of that name that cannot be imported stands for one that is not installed.
    (tmp_path / "distributed.py").write_text("raise ImportError('not installed')\n")
    done = sg_audit(
        *("run", "-c", estate_accounts, "-s", tmp_path / "output", "--scheduler", "tcp://127.0.0.1:9"),
        env={"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])},
    )
    assert (done.returncode, done.stdout) == (2, "")
    needs = r"sg-audit: --scheduler needs Dask: \S+python\S* -m pip install 'c7n-sg-audit\[dask\]'\n"
    assert re.fullmatch(needs, done.stderr)
