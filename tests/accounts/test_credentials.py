"""Credentials of one account never sign another's call, whatever is shared between accounts."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reporter.sandbox import environment
from tests.lab import POLICIES
from tests.programs import Warm

ROOT = Path(__file__).parents[2]
ACCOUNTS = [f"{number:012d}" for number in range(1, 13)]
REGIONS = ["us-east-1", "eu-west-1"]
# Each kind of resource, and the groups once more with what `unused` asks.
CHOSEN = (
    "sg-inventory",
    "eni-inventory",
    "ec2-inventory",
    "subnet-inventory",
    "route-table-inventory",
    "network-acl-inventory",
    "prefix-list-inventory",
    "sg-ssh-open",
    "sg-unused",
)
IDS = (
    "GroupId",
    "NetworkInterfaceId",
    "InstanceId",
    "SubnetId",
    "RouteTableId",
    "NetworkAclId",
    "PrefixListId",
)

RENEWED = """
from datetime import timedelta
from pathlib import Path
from botocore.credentials import RefreshableCredentials
from reporter.accounts import chosen, credentials
from reporter.collect import patches

if {patched}:
    patches.install()

def renew_before(seconds):
    credentials._ENOUGH = timedelta(seconds=seconds)
    RefreshableCredentials._advisory_refresh_timeout = seconds

access = credentials.open_account(chosen.read(Path({accounts!r}))[0])
first = access.credentials()
assert access.credentials() == first  # they last for an hour
renew_before(2 * 3600)
second = access.credentials()
assert second != first
assert access.credentials() != second
renew_before(0)
assert access.credentials() == access.credentials()
"""


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """An AWS that refuses a call whose key and token are not of one account, and counts it."""
    command = [sys.executable, str(ROOT / "bench" / "distant_aws.py"), "--latency", "0.02", "--groups", "5"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()


@pytest.fixture(scope="module")
def ran(
    aws: str,
    command_line: Callable[..., "subprocess.CompletedProcess[str]"],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The directory of a run of all kinds of resources with two workers over all accounts."""
    home = tmp_path_factory.mktemp("home")
    entries = [
        {
            "name": f"a{each}",
            "account_id": each,
            "role": f"arn:aws:iam::{each}:role/audit",
            "regions": REGIONS,
        }
        for each in ACCOUNTS
    ]
    (home / "accounts.yml").write_text(json.dumps({"accounts": entries}))
    words = ("run", "-c", "accounts.yml", "-u", POLICIES, "-p", ",".join(CHOSEN), "-s", "output")
    done = command_line(*words, env=environment(aws, home) | {"C7N_ORG_PARALLEL": "2"}, cwd=home)
    assert done.returncode == 0, done.stderr
    return home / done.stdout.strip()


def stats(aws: str) -> dict[str, object]:
    with urllib.request.urlopen(f"{aws}/stats") as answer:
        return dict(json.load(answer))


def test_every_answer_is_that_of_the_account_asked(aws: str, ran: Path) -> None:
    cells = json.loads((ran / "run.json").read_text())["cells"]
    assert {cell["status"] for cell in cells} == {"ok"}
    assert len(cells) == len(ACCOUNTS) * len(REGIONS) * len(CHOSEN)
    for path in ran.glob("*/*/*/resources.json"):
        account, region = path.parts[-4].removeprefix("a"), path.parts[-3]
        for resource in json.loads(path.read_text()):
            # Instances name no owner; every id of this AWS names account and region.
            number = next(resource[name] for name in IDS if name in resource)
            assert number.split("-")[1].startswith(account), path
            assert resource.get("OwnerId", account) == account, path
            assert (region == "eu-west-1") == number.split("-")[1][12:14].startswith("06"), path
    assert stats(aws)["mixed_up"] == 0


def test_roles_are_assumed_once_an_account_and_groups_listed_once_a_region(aws: str, ran: Path) -> None:
    calls = stats(aws)["calls"]
    assert isinstance(calls, dict)
    assert calls["AssumeRole"] == len(ACCOUNTS)
    assert calls["DescribeSecurityGroups"] == len(ACCOUNTS) * len(REGIONS)
    assert calls["DescribeNetworkInterfaces"] == len(ACCOUNTS) * len(REGIONS)


@pytest.mark.parametrize("patched", [False, True], ids=["", "as a run has them"])
def test_credentials_are_kept_while_they_last_and_then_asked_for_again(
    patched: bool, warm: Warm, clean_env: dict[str, str], estate_accounts: Path
) -> None:
    # A process of its own: what a run replaces in its process stays replaced.
    code = RENEWED.format(accounts=str(estate_accounts), patched=patched)
    done = warm.python(code, env=clean_env, cwd=ROOT)
    assert done.returncode == 0, done.stderr
