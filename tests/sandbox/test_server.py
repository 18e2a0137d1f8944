import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError

from reporter import sandbox as package
from reporter.sandbox import Sandbox, SandboxError, environment, estate, running

ROOT = Path(__file__).parents[2]
DEV, STAGING = "111111111111", "222222222222"


def answers(endpoint: str) -> bool:
    url = urlsplit(endpoint)
    try:
        with socket.create_connection((url.hostname, url.port), timeout=60):
            return True
    except OSError:
        return False


def goes_away(endpoint: str, seconds: float = 120) -> bool:
    deadline = time.monotonic() + seconds
    while answers(endpoint):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_accounts_are_kept_apart_by_the_role_that_was_assumed(client: Any) -> None:
    dev, staging = client("sts", DEV).get_caller_identity(), client("sts", STAGING).get_caller_identity()
    assert (dev["Account"], staging["Account"]) == (DEV, STAGING)
    assert dev["Arn"] == f"arn:aws:sts::{DEV}:assumed-role/sg-audit/tests"

    created = client("ec2", "444444444444").create_security_group(GroupName="apart", Description="apart")
    everywhere = [
        (account, region, group["GroupName"])
        for account in ("444444444444", "555555555555")
        for region in ("us-east-1", "eu-west-1")
        for group in client("ec2", account, region).describe_security_groups()["SecurityGroups"]
        if group["GroupId"] == created["GroupId"]
    ]
    assert everywhere == [("444444444444", "us-east-1", "apart")]


def test_it_knows_the_regions(client: Any) -> None:
    regions = {region["RegionName"] for region in client("ec2", DEV).describe_regions()["Regions"]}
    assert set(estate.REGIONS) < regions


def test_a_call_takes_a_few_milliseconds(client: Any) -> None:
    ec2 = client("ec2", DEV, "ap-southeast-2")
    ec2.describe_security_groups()
    took = []
    for _ in range(100):
        started = time.perf_counter()
        ec2.describe_security_groups()
        took.append(time.perf_counter() - started)
    # 5 ms on a quiet machine. A delayed acknowledgement of TCP's would cost 40 in each, in the quickest too.
    assert min(took) < 0.03


def test_it_stores_what_custodian_uploads(client: Any) -> None:
    s3 = client("s3", DEV)
    s3.create_bucket(Bucket="uploads")
    s3.put_object(Bucket="uploads", Key="dev/resources.json.gz", Body=b"\x1f\x8b" * 100_000)
    stored = s3.get_object(Bucket="uploads", Key="dev/resources.json.gz")["Body"].read()
    assert stored == b"\x1f\x8b" * 100_000


def test_it_runs_no_longer_than_it_is_used() -> None:
    with running() as server:
        assert server.endpoint.startswith("http://127.0.0.1:")
        assert answers(server.endpoint)
    assert not answers(server.endpoint)


def test_it_ends_when_its_parent_is_killed() -> None:
    script = (
        "from reporter.sandbox import running\nwith running() as s: print(s.endpoint, flush=True); input()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout
        endpoint = parent.stdout.readline().strip()
        assert answers(endpoint)
        parent.send_signal(signal.SIGKILL)
    assert goes_away(endpoint)


def test_it_ends_cleanly_on_a_signal(tmp_path: Path) -> None:
    numbers = (signal.SIGTERM, signal.SIGINT)
    servers = [
        subprocess.Popen(
            [sys.executable, "-m", "reporter.sandbox.server"],
            env=environment("http://127.0.0.1", tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in numbers
    ]
    for server, number in zip(servers, numbers, strict=True):
        assert server.stdout
        assert answers(server.stdout.readline().strip())
        server.send_signal(number)
        output, errors = server.communicate(timeout=120)
        assert (server.returncode, output, errors) == (0, "", ""), number


def test_a_server_that_cannot_start_says_why(sandbox: Sandbox) -> None:
    taken = int(sandbox.endpoint.rpartition(":")[2])
    with pytest.raises(SandboxError, match="in use"), running(port=taken):
        pass


def test_without_moto_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SandboxError, match=r"pip install 'c7n-sg-audit\[sandbox\]'"), running():
        pass


def test_importing_the_package_takes_neither_moto_nor_boto3() -> None:
    script = (
        "import sys, reporter.sandbox.estate; print(sorted({'moto', 'boto3', 'c7n'} & sys.modules.keys()))"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_an_estate_that_cannot_be_built_says_why() -> None:
    with pytest.raises(SandboxError, match="Could not connect") as refused:
        estate.fill("http://127.0.0.1:9")
    assert "Traceback" not in str(refused.value)


def test_a_service_that_needs_more_than_is_installed_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("openapi_spec_validator", "pyparsing"):
        (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError(name={name!r})")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    with running() as server:
        glue, cloudformation = (
            boto3.client(service, endpoint_url=server.endpoint, **keys)
            for service in ("glue", "cloudformation")
        )
        lacking = r"glue needs pyparsing in the sandbox: pip install 'moto\[server\]'"
        with pytest.raises(ClientError, match=lacking):
            glue.get_databases()
        with pytest.raises(ClientError, match="cloudformation needs openapi_spec_validator"):
            cloudformation.list_stacks()


def test_no_account_has_an_access_analyzer(client: Any) -> None:
    assert client("accessanalyzer", DEV).list_analyzers()["analyzers"] == []
