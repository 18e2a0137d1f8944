import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any
from unittest import mock

import boto3
import pytest
import yaml

from reporter.accounts import chosen
from reporter.sandbox import environment
from tests.shared import sandbox as sandboxed

PROD, STAGING, DEV, SHARED = (digit * 12 for digit in "3215")
MANAGEMENT = "999999999999"


@dataclass(frozen=True)
class Shell:
    """A home directory of its own, with an empty folder to work in."""

    endpoint: str
    home: Path
    command_line: Callable[..., "subprocess.CompletedProcess[str]"]

    @property
    def file(self) -> Path:
        return self.home / "work" / "accounts.yml"

    def aws(self, config: str, credentials: str = "") -> None:
        (self.home / ".aws" / "config").write_text(dedent(config))
        (self.home / ".aws" / "credentials").write_text(dedent(credentials))

    def accounts(self, *args: str, **env: str) -> "subprocess.CompletedProcess[str]":
        variables = environment(self.endpoint, self.home) | env
        return self.command_line("accounts", *args, env=variables, cwd=self.file.parent)

    def written(self) -> list[dict[str, Any]]:
        """The file's entries; c7n-org's own schema has taken them."""
        chosen.read(self.file)
        return list(yaml.safe_load(self.file.read_text())["accounts"])

    def left(self) -> list[str]:
        return sorted(path.name for path in self.file.parent.iterdir())


@pytest.fixture(scope="module")
def endpoint(shared: Path) -> Iterator[str]:
    """A server of these tests' own, for their organization."""
    with sandboxed(shared) as server:
        yield server.endpoint


@pytest.fixture
def shell(
    endpoint: str, tmp_path: Path, command_line: Callable[..., "subprocess.CompletedProcess[str]"]
) -> Shell:
    (tmp_path / ".aws").mkdir()
    (tmp_path / "work").mkdir()
    return Shell(endpoint, tmp_path, command_line)


def keys_of(endpoint: str, home: Path, account_id: str) -> dict[str, str]:
    """Keys of an account, as variables."""
    with mock.patch.dict("os.environ", environment(endpoint, home), clear=True):
        sts = boto3.Session().client("sts")
        role = f"arn:aws:iam::{account_id}:role/someone"
        assumed = sts.assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": assumed["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": assumed["SecretAccessKey"],
        "AWS_SESSION_TOKEN": assumed["SessionToken"],
    }


# --from-profiles


ROLES = f"""
    [default]
    region = eu-west-1

    [profile prod]
    role_arn = arn:aws:iam::{PROD}:role/path/audit
    source_profile = default
    mfa_serial = arn:aws:iam::{PROD}:mfa/somebody

    [profile staging]
    sso_session = company
    sso_account_id = {STAGING}
    sso_role_name = audit

    [sso-session company]
    sso_region = eu-west-1
    sso_start_url = https://company.example/start

    [profile prod-admin]
    role_arn = arn:aws:iam::{PROD}:role/admin
    source_profile = default
"""


def test_profiles_name_their_accounts(shell: Shell) -> None:
    shell.aws(ROLES)
    done = shell.accounts("--from-profiles")
    assert (done.returncode, done.stdout) == (0, "accounts.yml\n")
    assert shell.written() == [
        {"name": "prod", "account_id": PROD, "profile": "prod", "regions": ["all"]},
        {"name": "staging", "account_id": STAGING, "profile": "staging", "regions": ["all"]},
    ]
    # One entry an account: a second one would show each of its groups twice.
    assert "# other profiles of this account: prod-admin\n" in shell.file.read_text()
    # [default] has a region and no way into an account: told, but nothing is missing.
    assert "no account for profile default: it has no credentials" in done.stderr
    assert stat.S_IMODE(shell.file.stat().st_mode) == 0o600
    assert shell.left() == ["accounts.yml"]


def test_sts_is_asked_where_the_profile_does_not_say(shell: Shell) -> None:
    keys = keys_of(shell.endpoint, shell.home, DEV)
    shell.aws(ROLES, "[with-keys]\n" + "".join(f"{name.lower()} = {key}\n" for name, key in keys.items()))
    assert shell.accounts("--from-profiles").returncode == 0
    assert shell.written()[-1] == {
        "name": "with-keys", "account_id": DEV, "profile": "with-keys", "regions": ["all"]
    }  # fmt: skip


def test_a_profile_that_cannot_be_asked_is_named(shell: Shell) -> None:
    shell.aws(ROLES + "\n    [profile broken]\n    credential_process = false\n")
    done = shell.accounts("--from-profiles")
    assert (done.returncode, done.stdout) == (3, "accounts.yml\n")
    assert "no account for profile broken: CredentialRetrievalError" in done.stderr
    assert "# no account for profile broken: CredentialRetrievalError" in shell.file.read_text()
    assert [entry["name"] for entry in shell.written()] == ["prod", "staging"]


def test_a_profile_that_c7n_org_does_not_take_is_named(shell: Shell) -> None:
    shell.aws(ROLES + f"\n    [profile ab]\n    role_arn = arn:aws:iam::{DEV}:role/audit\n")
    done = shell.accounts("--from-profiles")
    assert done.returncode == 3
    assert "no account for profile ab: c7n-org takes no profile" in done.stderr
    assert len(shell.written()) == 2


def test_names_are_good_for_folders_and_differ(shell: Shell) -> None:
    shell.aws(
        f"""
        [profile team/prod]
        role_arn = arn:aws:iam::{PROD}:role/audit
        [profile team-prod]
        role_arn = arn:aws:iam::{STAGING}:role/audit
        [profile ...]
        role_arn = arn:aws:iam::{DEV}:role/audit
        [profile {{now}}]
        role_arn = arn:aws:iam::{SHARED}:role/audit
        """
    )
    assert shell.accounts("--from-profiles").returncode == 0
    assert [(entry["name"], entry["profile"]) for entry in shell.written()] == [
        ("team-prod", "team/prod"),
        (f"team-prod-{STAGING}", "team-prod"),
        (DEV, "..."),
        ("-now-", "{now}"),
    ]


def test_the_user_says_where_the_configuration_is(shell: Shell) -> None:
    shell.aws("[profile elsewhere]\n")
    config = shell.home / "config"
    config.write_text(f"[profile of-the-variable]\nrole_arn = arn:aws:iam::{DEV}:role/audit\n")
    assert shell.accounts("--from-profiles", AWS_CONFIG_FILE=str(config)).returncode == 0
    assert [entry["name"] for entry in shell.written()] == ["of-the-variable"]


def test_regions_may_be_chosen(shell: Shell) -> None:
    shell.aws(ROLES)
    assert shell.accounts("--from-profiles", "-r", "eu-west-1", "-r", "us-east-1").returncode == 0
    assert [entry["regions"] for entry in shell.written()] == [["eu-west-1", "us-east-1"]] * 2


def test_an_account_id_stays_text_whoever_reads_it(shell: Shell) -> None:
    shell.aws("[profile zero]\nrole_arn = arn:aws:iam::012345678901:role/audit\n")
    assert shell.accounts("--from-profiles").returncode == 0
    assert "account_id: '012345678901'" in shell.file.read_text()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("", "no profiles"),
        ("[profile abc\n", "Unable to parse config file"),
        ("[default]\nregion = eu-west-1\n", "no account found"),
    ],
)
def test_where_no_account_is_found_nothing_is_written(shell: Shell, config: str, said: str) -> None:
    shell.aws(config)
    done = shell.accounts("--from-profiles")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert shell.left() == []


# The file a person keeps


KEPT = f"""\
# Ours.
vars: {{owner: "security"}}

accounts:
    # the one that counts
    - name: Production   # not prod
      account_id: "{PROD}"
      role: arn:aws:iam::{PROD}:role/sg-audit
      regions: [ eu-west-1 ]
"""


@pytest.mark.parametrize(
    "kept",
    [
        KEPT,
        KEPT.rstrip("\n"),
        KEPT + "\n# The end.\n",
        KEPT.replace("\n    ", "\n"),
        KEPT.replace("\n", "\r\n"),
        KEPT.replace("    - name:", "    -\n      name:"),
        KEPT + "      vars:\n        note: |+\n          two\n          lines\n\n",
    ],
    ids=[
        "indented",
        "no newline at the end",
        "comment at the end",
        "not indented",
        "CRLF",
        "dash on its own",
        "ends in text",
    ],
)
def test_what_is_there_stays_byte_for_byte(shell: Shell, kept: str) -> None:
    shell.aws(ROLES)
    shell.file.write_bytes(kept.encode())
    shell.file.chmod(0o640)
    done = shell.accounts("--from-profiles")
    assert done.returncode == 0, done.stderr
    text = shell.file.read_bytes().decode()
    assert text.startswith(kept)
    assert ("\r\n" in kept) == ("\r\n" in text)
    assert "\n" not in text.replace("\r\n", "") or "\r\n" not in kept
    assert [entry["name"] for entry in shell.written()] == ["Production", "staging"]
    assert stat.S_IMODE(shell.file.stat().st_mode) == 0o640


def test_a_second_time_adds_nothing(shell: Shell) -> None:
    shell.aws(ROLES + "\n    [profile broken]\n    credential_process = false\n")
    assert shell.accounts("--from-profiles").returncode == 3
    before = shell.file.read_bytes()
    assert shell.accounts("--from-profiles").returncode == 3
    assert shell.file.read_bytes() == before


def test_a_new_name_does_not_clash_with_one_that_is_there(shell: Shell) -> None:
    shell.aws(ROLES)
    shell.file.write_text(KEPT.replace("Production", "STAGING"))
    assert shell.accounts("--from-profiles").returncode == 0
    assert [entry["name"] for entry in shell.written()] == ["STAGING", f"staging-{STAGING}"]


def test_force_writes_the_file_anew(shell: Shell) -> None:
    shell.aws(ROLES)
    shell.file.write_text("not even a list")
    shell.file.chmod(0o644)
    assert shell.accounts("--from-profiles", "--force").returncode == 0
    assert [entry["name"] for entry in shell.written()] == ["prod", "staging"]
    assert stat.S_IMODE(shell.file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "kept",
    [
        f"accounts: [{{name: prod, account_id: '{PROD}', role: audit}}]\n",
        KEPT.replace("vars:", "# vars:") + "vars: {owner: security}\n",
        KEPT + "...\n",
        KEPT.replace("accounts:", "accounts: &list"),
    ],
    ids=["flow style", "another key", "end of document", "anchor"],
)
def test_a_file_that_cannot_be_added_to_is_left_alone(shell: Shell, kept: str) -> None:
    shell.aws(ROLES)
    shell.file.write_text(kept)
    done = shell.accounts("--from-profiles")
    assert (done.returncode, done.stdout) == (2, "")
    assert "accounts.yml: entries cannot be added at its end" in done.stderr
    assert shell.file.read_text() == kept
    assert shell.left() == ["accounts.yml"]


def test_a_file_that_is_no_accounts_file_is_left_alone(shell: Shell) -> None:
    shell.aws(ROLES)
    shell.file.write_text("policies: []\n")
    done = shell.accounts("--from-profiles")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert shell.file.read_text() == "policies: []\n"


def test_a_link_stays_a_link(shell: Shell) -> None:
    shell.aws(ROLES)
    target = shell.home / "kept.yml"
    target.write_text(KEPT)
    shell.file.symlink_to(target)
    assert shell.accounts("--from-profiles").returncode == 0
    assert shell.file.is_symlink()
    assert target.read_text().startswith(KEPT)
    assert len(shell.written()) == 2


def test_a_folder_that_is_not_there(shell: Shell) -> None:
    shell.aws(ROLES)
    done = shell.accounts("--from-profiles", "-c", "no/such/accounts.yml")
    assert done.returncode == 2
    assert "No such file or directory" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(shell: Shell) -> None:
    shell.aws(ROLES)
    shell.file.parent.chmod(0o500)
    done = shell.accounts("--from-profiles")
    assert done.returncode == 2
    assert "Permission denied" in done.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "--from-profiles and --from-organization"),
        (["--from-profiles", "--from-organization"], "--from-profiles and --from-organization"),
        (["--from-profiles", "--role", "x"], "--from-organization"),
        (["--from-profiles", "--external-id", "x"], "--from-organization"),
        (["--from-profiles", "--ou", "/x"], "--from-organization"),
        (["--from-organization", "--role", "a b"], "--role"),
        (["--from-organization", "--role", f"arn:aws:iam::{PROD}:role/audit"], "{Id}"),
        (["--from-profiles", "-r", "europe"], "'europe' is not a region"),
    ],
)
def test_wrong_options_are_refused(shell: Shell, args: list[str], said: str) -> None:
    shell.aws(ROLES)
    done = shell.accounts(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert shell.left() == []


# --from-organization


@pytest.fixture(scope="module")
def organization(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of someone in the management account. Of the members, one is closed, one in a unit of a unit."""
    home = tmp_path_factory.mktemp("organization")
    keys = keys_of(endpoint, home, MANAGEMENT)
    with mock.patch.dict("os.environ", environment(endpoint, home) | keys, clear=True):
        client = boto3.Session().client("organizations")
        client.create_organization(FeatureSet="ALL")
        root = client.list_roots()["Roots"][0]["Id"]

        def unit(parent: str, name: str) -> str:
            return str(
                client.create_organizational_unit(ParentId=parent, Name=name)["OrganizationalUnit"]["Id"]
            )

        def member(parent: str, name: str, **tags: str) -> str:
            status = client.create_account(
                Email=f"{name[:3]}@example.com",
                AccountName=name,
                Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            )["CreateAccountStatus"]
            client.move_account(
                AccountId=status["AccountId"], SourceParentId=root, DestinationParentId=parent
            )
            return str(status["AccountId"])

        workloads = unit(root, "Workloads")
        eu = unit(workloads, "EU")
        member(workloads, "payments", team="money")
        member(eu, "shop/web")
        client.close_account(AccountId=member(workloads, "old-shop"))
    return keys


def test_active_accounts_of_the_organization(shell: Shell, organization: dict[str, str]) -> None:
    done = shell.accounts("--from-organization", **organization)
    assert (done.returncode, done.stdout) == (0, "accounts.yml\n"), done.stderr
    entries = {entry["name"]: entry for entry in shell.written()}
    assert set(entries) - {"master"} == {"payments", "shop-web"}
    shop, payments = entries["shop-web"], entries["payments"]
    assert shop["display_name"] == "shop/web"
    assert shop["role"] == f"arn:aws:iam::{shop['account_id']}:role/sg-audit"
    assert shop["regions"] == ["all"]
    assert shop["tags"] == ["path:/Workloads", "path:/Workloads/EU"]
    assert payments["tags"] == ["path:/Workloads", "team:money"]
    assert payments["vars"] == {"team": "money"}


def test_units_role_and_external_id_may_be_chosen(shell: Shell, organization: dict[str, str]) -> None:
    done = shell.accounts(
        "--from-organization", "--ou", "/Workloads/EU", "--ou", "/Workloads", "-r", "eu-west-1",
        "--role", "arn:aws-cn:iam::{Id}:role/path/audit", "--external-id", "8f2b61d0",
        **organization,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    entries = {entry["name"]: entry for entry in shell.written()}
    # The units overlap; an account is there once.
    assert list(entries) == ["shop-web", "payments"]
    shop = entries["shop-web"]
    assert shop["role"] == f"arn:aws-cn:iam::{shop['account_id']}:role/path/audit"
    assert (shop["external_id"], shop["regions"]) == ("8f2b61d0", ["eu-west-1"])


def test_accounts_of_the_organization_that_are_there_stay(shell: Shell, organization: dict[str, str]) -> None:
    assert shell.accounts("--from-organization", "--ou", "/Workloads/EU", **organization).returncode == 0
    kept = shell.file.read_text() + "  # mine\n"
    shell.file.write_text(kept)
    assert shell.accounts("--from-organization", "--ou", "/Workloads", **organization).returncode == 0
    assert shell.file.read_text().startswith(kept)
    assert [entry["name"] for entry in shell.written()] == ["shop-web", "payments"]


def test_an_organization_that_cannot_be_read(shell: Shell, organization: dict[str, str]) -> None:
    elsewhere = keys_of(shell.endpoint, shell.home, DEV)
    for args, env, said in (
        ([], elsewhere, "AWSOrganizationsNotInUseException"),
        (["--ou", "/No/Such"], organization, "/No/Such"),
        ([], {"AWS_PROFILE": "no-such"}, "no-such"),
    ):
        done = shell.accounts("--from-organization", *args, **env)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
        assert "Traceback" not in done.stderr
        assert shell.left() == []
