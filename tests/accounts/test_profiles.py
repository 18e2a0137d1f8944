"""What a profile sets holds wherever its account is read: where its calls go, and in which partition."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from reporter.accounts import profiles
from reporter.accounts.credentials import Credentials
from reporter.collect import worker
from reporter.collect.worker import Unit
from tests.lab import Lab, role
from tests.wire import Call

MOTO = "123456789012"  # the account of all keys that moto did not hand out
CHINA = "000000000401"
DEFAULT = "sg-default"
KEYS = "aws_access_key_id = AKIABASE000000000001\naws_secret_access_key = verysecretkey123\n"
DESK: Mapping[str, str | None] = dict.fromkeys(
    ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
)


@pytest.fixture
def desk(lab: Lab) -> Lab:
    aws = lab.home / ".aws"
    aws.mkdir(exist_ok=True)
    (aws / "config").write_text(
        f"""
[profile gov]
region = us-gov-west-1
{KEYS}
[profile china]
role_arn = arn:aws-cn:iam::{CHINA}:role/sg-audit
source_profile = base
[profile elsewhere]
region = us-east-1
endpoint_url = {lab.wire.endpoint}
{KEYS}
[profile base]
region = us-east-1
{KEYS}
"""
    )
    lab.wire.calls.clear()
    lab.wire.answer = home_region_only
    return lab


def home_region_only(call: Call) -> tuple[int, str] | None:
    if call.action != "DescribeRegions":
        return None
    item = f"<item><regionName>{call.region}</regionName></item>"
    return 200, f"<DescribeRegionsResponse><regionInfo>{item}</regionInfo></DescribeRegionsResponse>"


def entry(name: str, account_id: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "account_id": account_id, "profile": name, "regions": ["all"], **more}


def test_other_partitions_by_profile(desk: Lab) -> None:
    desk.accounts(entry("gov", MOTO), entry("china", CHINA))
    # As where one works with another partition as a rule.
    ran = desk.run("-p", DEFAULT, env={**DESK, "AWS_DEFAULT_REGION": "eu-west-1"})
    assert (ran.code, ran.statuses) == (
        0,
        {("gov", "us-gov-west-1", DEFAULT): "ok", ("china", "cn-northwest-1", DEFAULT): "ok"},
    ), ran.err
    # Nothing of either account goes to a region of another partition.
    assert {call.region for call in desk.wire.calls} == {"us-gov-west-1", "cn-northwest-1"}


def test_profiles_of_other_partitions_are_written_down(desk: Lab, sg_audit: Callable[..., Any]) -> None:
    env = {**DESK, "AWS_ENDPOINT_URL": desk.wire.endpoint, "HOME": str(desk.home)}
    path = desk.folder / "written.yml"
    done = sg_audit(
        *("accounts", "--from-profiles", "-c", path),
        env={**env, "AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL_STS": desk.wire.endpoint},
    )
    assert done.returncode == 0, done.stderr
    assert {each["profile"] for each in yaml.safe_load(path.read_text())["accounts"]} == {"gov", "china"}
    assert {call.region for call in desk.wire.of("GetCallerIdentity")} == {"us-gov-west-1", "us-east-1"}


def test_a_profiles_endpoint_is_where_all_of_its_calls_go(desk: Lab) -> None:
    desk.accounts(entry("elsewhere", MOTO))
    ran = desk.run("-p", "sg-inventory", "-p", "ec2-inventory", env={**DESK, "AWS_ENDPOINT_URL": None})
    assert ran.code == 0, ran.err
    asked = {call.action for call in desk.wire.calls}
    assert asked >= {"GetCallerIdentity", "DescribeRegions", "DescribeSecurityGroups", "DescribeInstances"}


@pytest.mark.parametrize(
    "config, chosen, partition",
    [
        ("region = cn-north-1", [], "aws-cn"),
        ("region = us-gov-east-1\nrole_arn = arn:aws:iam::1:role/x", [], "aws"),
        ("sso_region = us-gov-west-1", [], "aws-us-gov"),
        ("sso_session = corp", [], "aws-cn"),
        ("", ["us-gov-west-1"], "aws-us-gov"),
        ("region = us-gov-south-9", [], "aws-us-gov"),
        ("", [], "aws-eusc"),  # AWS_DEFAULT_REGION
    ],
)
def test_what_tells_a_partition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str, chosen: list[str], partition: str
) -> None:
    (tmp_path / "config").write_text(
        f"[profile one]\n{config}\n[sso-session corp]\nsso_region = cn-north-1\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eusc-de-east-1")
    assert profiles.partition("one", chosen) == partition


@pytest.mark.parametrize("way", ["profile", "role"])
def test_settings_hold_in_a_worker_and_credentials_are_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    bundle = tmp_path / "bundle.pem"
    (tmp_path / "config").write_text(
        f"[profile audited]\nuse_fips_endpoint = true\nca_bundle = {bundle}\n{KEYS}\n[profile other]\n{KEYS}\n"
    )
    (tmp_path / "credentials").write_text("")
    for name in ("AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    # By a role, what the person's own profile sets goes for all, as where c7n-org assumes it from there.
    monkeypatch.setenv("AWS_DEFAULT_PROFILE", "audited" if way == "role" else "other")
    account = {"name": "a", "account_id": MOTO, way: "audited" if way == "profile" else role(MOTO)}
    unit = Unit(
        account, "us-east-1", (), str(tmp_path), "", 60, Credentials("ASIAUNIT", "unit-secret", "unit-token")
    )
    before = dict(os.environ)
    with worker._environment(unit):
        session = boto3.Session(region_name="us-east-1")
        found = session.get_credentials()
        assert (found.access_key, found.secret_key, found.token) == ("ASIAUNIT", "unit-secret", "unit-token")
        client = session.client("ec2")
        assert client.meta.endpoint_url == "https://ec2-fips.us-east-1.amazonaws.com"
        assert client._endpoint.http_session._verify == str(bundle)
    assert dict(os.environ) == before
