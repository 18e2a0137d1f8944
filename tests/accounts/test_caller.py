"""Who runs an audit, and that nobody can without credentials."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reporter.accounts import caller, chosen
from reporter.accounts.chosen import Account
from reporter.errors import InputError
from reporter.sandbox import Sandbox
from reporter.sandbox.faults import Fault, What, arm
from tests.lab import Lab, role

ALPHA, BETA = "888888880001", "888888880002"
#: As moto calls whoever comes with keys that it did not hand out, and who has assumed a role.
ROOT_USER = "arn:aws:sts::123456789012:user/moto"
NOBODY = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
ONE = ("-p", "sg-default")


def by_role(name: str = "alpha", account_id: str = ALPHA) -> dict[str, Any]:
    return {"name": name, "account_id": account_id, "role": role(account_id), "regions": ["us-east-1"]}


def by_profile(name: str = "beta", profile: str = "audit-beta") -> dict[str, Any]:
    # moto has one account for all keys that it did not hand out.
    return {"name": name, "account_id": "123456789012", "profile": profile, "regions": ["us-east-1"]}


@pytest.fixture
def lab(lab: Lab, tmp_path: Path) -> Lab:
    """The module's lab, with a folder of this test's own, and a profile in its home."""
    aws = lab.home / ".aws"
    aws.mkdir(exist_ok=True)
    (aws / "credentials").write_text(
        "[audit-beta]\naws_access_key_id = AKIABETA000000000001\naws_secret_access_key = verysecretkey123\n"
    )
    return Lab(tmp_path, lab.home, lab.wire, lab.sg_audit)


def aws_files(lab: Lab) -> dict[str, str]:
    return {"AWS_SHARED_CREDENTIALS_FILE": str(lab.home / ".aws" / "credentials")}


def test_a_run_tells_who_ran_it_with_which_files_called_as_on_the_command_line(
    lab: Lab, sg_audit: Callable[..., Any]
) -> None:
    lab.accounts(by_role())
    lab.write("own.yml", {"policies": [{"name": "mine", "resource": "aws.security-group"}]})
    words = ("run", "-c", "./accounts.yml", "-u", "own.yml", "-s", "output")
    env = {"AWS_ENDPOINT_URL": lab.wire.endpoint, "HOME": str(lab.home)}
    first = sg_audit(*words, env=env, cwd=lab.folder)
    assert first.returncode == 0, first.stderr
    run = json.loads((lab.output / "latest" / "run.json").read_text())
    assert run["callers"] == [ROOT_USER]
    assert (run["accounts_file"], run["policy_files"]) == ("accounts.yml", ["own.yml"])
    (lab.folder / "own.yml").unlink()
    own = sg_audit("run", "-c", "accounts.yml", *ONE, "-s", "own", env=env, cwd=lab.folder)
    assert own.returncode == 0, own.stderr
    run = json.loads((lab.folder / "own" / "latest" / "run.json").read_text())
    assert run["policy_files"] == ["those that come with sg-audit"]


def test_of_accounts_with_profiles_each_tells_whose_it_is(lab: Lab) -> None:
    lab.accounts(by_profile())
    lab.wire.calls.clear()
    ran = lab.run(*ONE, env=NOBODY | aws_files(lab))
    assert ran.code == 0, ran.err
    assert ran.manifest["callers"] == [ROOT_USER]
    assert len(lab.wire.of("GetCallerIdentity")) == 1  # that which asks for the account anyway


def test_nobody_can_run_it_without_credentials(lab: Lab) -> None:
    lab.accounts(by_role(), by_role("beta", BETA), by_profile("gone", "no-such-profile"))
    ran = lab.run(*ONE, env=NOBODY)
    assert (ran.code, ran.err) == (2, "sg-audit: no AWS credentials: log in first\n")
    assert not lab.output.exists()


def test_what_goes_by_a_profile_of_its_own_is_read_without(lab: Lab) -> None:
    lab.accounts(by_role(), by_profile())
    ran = lab.run(*ONE, env=NOBODY | aws_files(lab))
    assert ran.code == 3, ran.err
    assert ran.statuses == {
        ("alpha", "us-east-1", "sg-default"): "failed",
        ("beta", "us-east-1", "sg-default"): "ok",
    }


@pytest.fixture
def all_by_role(lab: Lab, clean_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> list[Account]:
    for name, value in clean_env.items():
        monkeypatch.setenv(name, value)
    lab.accounts(by_role())
    return chosen.read(lab.folder / "accounts.yml")


@pytest.mark.parametrize(
    "fault",
    [
        Fault(What.DENY, action="GetCallerIdentity"),
        Fault(What.HTML, action="GetCallerIdentity"),
        Fault(What.BODY, action="GetCallerIdentity", body="<a/>"),
    ],
)
def test_a_run_does_without_a_name(all_by_role: list[Account], sandbox: Sandbox, fault: Fault) -> None:
    assert caller.identify(all_by_role) == ROOT_USER
    arm(sandbox.endpoint, [fault])
    try:
        assert caller.identify(all_by_role) == ""
    finally:
        arm(sandbox.endpoint, [])


def test_credentials_that_are_over_end_it(all_by_role: list[Account], sandbox: Sandbox) -> None:
    arm(sandbox.endpoint, [Fault(What.DENY, action="GetCallerIdentity", code="ExpiredToken")])
    try:
        with pytest.raises(
            InputError, match=r"^the AWS credentials cannot be used: log in first \(ExpiredToken: "
        ):
            caller.identify(all_by_role)
    finally:
        arm(sandbox.endpoint, [])


def test_who_takes_up_a_run_that_knew_nobody_is_named(lab: Lab) -> None:
    lab.accounts(by_role())
    ran = lab.run(*ONE)
    path = ran.folder / "run.json"
    older = {
        name: value
        for name, value in json.loads(path.read_text()).items()
        if name not in ("callers", "accounts_file", "policy_files")
    }
    older["cells"][0]["status"] = "skipped"
    path.write_text(json.dumps(older))
    for left in (ran.folder / "alpha").rglob("*.json"):
        left.unlink()
    again = lab.run("--resume")
    assert again.code == 0, again.err
    assert again.manifest["callers"] == [ROOT_USER]
    assert again.manifest["accounts_file"] == str(lab.folder / "accounts.yml")
