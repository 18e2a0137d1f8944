"""Accounts by role, by a chain of roles and by profile, all of them in one run."""

from pathlib import Path
from typing import Any

import pytest

from tests.lab import Lab, Ran, role
from tests.wire import Call

# What the estate has in these places; names tell whose credentials were used.
DEV_VIRGINIA = [
    "+x",
    "=1+1",
    "@sum",
    "app-internal",
    "bastion",
    "db-clients",
    "db-servers",
    "default",
    "lambda-egress",
    "legacy-ssh",
    "marketing-site",
    "web-public",
]
STAGING_IRELAND = ["allow-all", "any-tcp", "default"]
STAGING_VIRGINIA = ["asg-template", "default", "metrics-agent", "wide-range"]
PRODUCTION_VIRGINIA = [
    "batch-fleet",
    "default",
    "ledger-db",
    "metrics-scraper",
    "ops-bastion",
    "shared-services",
    "web-alb",
]

# As `aws configure` and the AWS CLI's documentation have people write it.
CONFIG = """
[default]
region = eu-west-1

[profile base]
region = us-east-1

[profile staging-audit]
role_arn = arn:aws:iam::222222222222:role/sg-audit
source_profile = base
external_id = said-in-the-profile
region = eu-central-1
"""
CREDENTIALS = """
[base]
aws_access_key_id = AKIABASE000000000001
aws_secret_access_key = verysecretkey123
"""

INVENTORY = "sg-inventory"


def refuse_one_role(call: Call) -> tuple[int, str] | None:
    if call.params.get("RoleArn") != role("666666666666"):
        return None
    error = "<Error><Code>AccessDenied</Code><Message>not you</Message></Error>"
    return 403, f"<ErrorResponse>{error}</ErrorResponse>"


@pytest.fixture(scope="module")
def ran(lab: Lab) -> Ran:
    lab.accounts(
        {
            "name": "by role",
            "account_id": "111111111111",
            "role": role("111111111111"),
            "external_id": "said-in-the-accounts-file",
            "regions": ["us-east-1"],
        },
        {
            "name": "by-bare-role",
            "account_id": "222222222222",
            "role": "path/auditor",
            "regions": ["eu-west-1"],
        },
        {
            "name": "by-chain",
            "account_id": "333333333333",
            "role": [role("444444444444", "hub"), role("333333333333")],
            "regions": ["us-east-1"],
        },
        {
            "name": "by-profile",
            "account_id": "222222222222",
            "profile": "staging-audit",
            "regions": ["us-east-1"],
        },
        {
            "name": "by-profile-with-keys",
            "account_id": "123456789012",
            "profile": "base",
            "regions": ["us-east-1"],
        },
        {
            "name": "role-of-another",
            "account_id": "999999999999",
            "role": role("111111111111"),
            "regions": ["us-east-1"],
        },
        {
            "name": "chain-to-another",
            "account_id": "444444444444",
            "role": [role("444444444444", "hub"), role("333333333333")],
            "regions": ["us-east-1"],
        },
        {
            "name": "profile-of-another",
            "account_id": "999999999999",
            "profile": "staging-audit",
            "regions": ["us-east-1", "eu-west-1"],
        },
        {
            "name": "no-such-profile",
            "account_id": "999999999999",
            "profile": "nowhere",
            "regions": ["us-east-1"],
        },
        {
            "name": "role-refused",
            "account_id": "666666666666",
            "role": role("666666666666"),
            "regions": ["us-east-1"],
        },
    )
    (lab.home / ".aws").mkdir()
    (lab.home / ".aws" / "config").write_text(CONFIG)
    (lab.home / ".aws" / "credentials").write_text(CREDENTIALS)
    lab.wire.answer = refuse_one_role
    # As at a desk: nothing but a home directory and the profile one usually works with.
    desk = dict.fromkeys(
        [
            "AWS_CONFIG_FILE",
            "AWS_SHARED_CREDENTIALS_FILE",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_DEFAULT_REGION",
        ]
    )
    return lab.run("-p", INVENTORY, env=desk | {"AWS_PROFILE": "base"})


BASE = "AKIABASE000000000001"


def assumed(lab: Lab, role_arn: str) -> set[tuple[str, str]]:
    """Who assumed the role, by role or else by access key, and with which external id."""
    return {
        (lab.wire.role_of(call) or call.access_key, call.params.get("ExternalId", ""))
        for call in lab.wire.of("AssumeRole")
        if call.params["RoleArn"] == role_arn
    }


def test_what_could_be_read_and_what_not(ran: Ran) -> None:
    assert ran.statuses == {
        ("by role", "us-east-1", INVENTORY): "ok",
        ("by-bare-role", "eu-west-1", INVENTORY): "ok",
        ("by-chain", "us-east-1", INVENTORY): "ok",
        ("by-profile", "us-east-1", INVENTORY): "ok",
        ("by-profile-with-keys", "us-east-1", INVENTORY): "ok",
        ("role-of-another", "us-east-1", INVENTORY): "failed",
        ("chain-to-another", "us-east-1", INVENTORY): "failed",
        ("profile-of-another", "us-east-1", INVENTORY): "failed",
        ("profile-of-another", "eu-west-1", INVENTORY): "failed",
        ("no-such-profile", "us-east-1", INVENTORY): "failed",
        ("role-refused", "us-east-1", INVENTORY): "denied",
    }
    assert ran.code == 3


def test_by_role(ran: Ran) -> None:
    assert ran.groups("by role", "us-east-1", INVENTORY) == DEV_VIRGINIA


def test_by_the_bare_name_of_a_role(lab: Lab, ran: Ran) -> None:
    assert ran.groups("by-bare-role", "eu-west-1", INVENTORY) == STAGING_IRELAND
    assert assumed(lab, role("222222222222", "path/auditor")) == {(BASE, "")}


def test_by_a_chain_of_roles(lab: Lab, ran: Ran) -> None:
    assert ran.groups("by-chain", "us-east-1", INVENTORY) == PRODUCTION_VIRGINIA
    hub = role("444444444444", "hub")
    assert assumed(lab, hub) == {(BASE, "")}
    assert assumed(lab, role("333333333333")) == {(hub, "")}


def test_by_profile(lab: Lab, ran: Ran) -> None:
    assert ran.groups("by-profile", "us-east-1", INVENTORY) == STAGING_VIRGINIA
    assert assumed(lab, role("222222222222")) == {(BASE, "said-in-the-profile")}


def test_by_a_profile_with_keys_of_its_own(ran: Ran) -> None:
    assert ran.groups("by-profile-with-keys", "us-east-1", INVENTORY) == ["default"]


def test_the_external_id_goes_with_the_role(lab: Lab, ran: Ran) -> None:
    assert (BASE, "said-in-the-accounts-file") in assumed(lab, role("111111111111"))


def test_credentials_of_another_account_are_not_used(lab: Lab, ran: Ran) -> None:
    assert ran.message("role-of-another") == (
        "WrongAccountError: role arn:aws:iam::111111111111:role/sg-audit belongs to account 111111111111, "
        "the accounts file says 999999999999"
    )
    assert ran.message("chain-to-another") == (
        "WrongAccountError: role arn:aws:iam::333333333333:role/sg-audit belongs to account 333333333333, "
        "the accounts file says 444444444444"
    )
    assert ran.message("profile-of-another") == (
        "WrongAccountError: profile staging-audit belongs to account 222222222222, "
        "the accounts file says 999999999999"
    )
    assert not (ran.folder / "profile-of-another").exists()
    # One call for each account that was read.
    assert len(lab.wire.of("DescribeSecurityGroups")) == 5


def test_a_profile_that_is_not_there_is_named(ran: Ran) -> None:
    assert (
        ran.message("no-such-profile") == "ProfileNotFound: The config profile (nowhere) could not be found"
    )


def test_a_role_that_is_refused_says_so(ran: Ran) -> None:
    assert ran.message("role-refused").startswith("AccessDenied: ")
    assert "not you" in ran.message("role-refused")


def test_stderr_has_a_line_for_each_account_that_could_not_be_read(ran: Ran) -> None:
    lines = ran.err.splitlines()
    for account in ("role-of-another", "chain-to-another", "profile-of-another", "no-such-profile"):
        assert len([line for line in lines if f"] {account}: 0 of " in line and "failed" in line]) == 1
    # And nothing that is not this program's own.
    assert [line for line in lines[1:] if not line.startswith("[")] == []


def test_the_manifest_names_roles_and_profiles(ran: Ran) -> None:
    ways = {account["name"]: (account["role"], account["profile"]) for account in ran.manifest["accounts"]}
    assert ways["by-chain"] == ("arn:aws:iam::333333333333:role/sg-audit", "")
    assert ways["by-bare-role"] == ("arn:aws:iam::222222222222:role/path/auditor", "")
    assert ways["by-profile"] == ("", "staging-audit")


def test_a_number_of_workers_that_is_none_is_refused(
    sg_audit: Any, estate_accounts: Path, tmp_path: Path
) -> None:
    for wanted in ("many", "0", ""):
        done = sg_audit(
            "run", "-c", estate_accounts, "-s", tmp_path / "output", env={"C7N_ORG_PARALLEL": wanted}
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"sg-audit: C7N_ORG_PARALLEL={wanted}: not a number of workers")
        assert len(done.stderr.splitlines()) == 1


def test_a_folder_for_temporary_files_with_too_long_a_name_is_told(
    sg_audit: Any, estate_accounts: Path, tmp_path: Path
) -> None:
    folder = tmp_path / ("long" * 25)
    folder.mkdir()
    done = sg_audit("run", "-c", estate_accounts, "-s", tmp_path / "output", env={"TMPDIR": str(folder)})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"sg-audit: {folder}: no workers can be started: ")
    assert done.stderr.endswith("; set TMPDIR to a shorter path\n")
    assert not (tmp_path / "output").exists()


def test_no_region_need_be_set_where_the_accounts_file_names_them(
    sg_audit: Any, estate_accounts: Path, tmp_path: Path
) -> None:
    done = sg_audit(
        *("run", "-c", estate_accounts, "-s", tmp_path / "output", "-a", "dev", "-p", "sg-default"),
        env={"AWS_DEFAULT_REGION": None},
    )
    assert done.returncode == 0, done.stderr
