"""Bad input: one line on stderr that says what and where, exit code 2, and nothing else happens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Completed = CompletedProcess[str]

ACCOUNTS = """\
accounts:
- name: dev
  account_id: '111111111111'
  role: arn:aws:iam::111111111111:role/sg-audit
  regions: [us-east-1]
"""
POLICY = """\
policies:
- name: every-group
  resource: aws.security-group
"""
RUN_JSON = """\
{"tool": "c7n-sg-audit", "started": "2026-11-23T21:03:55+00:00", "finished": "2026-11-23T21:03:59+00:00",
 "state": "finished", "policies": [{"name": "every-group", "resource": "aws.security-group"}],
 "accounts": [{"name": "dev", "account_id": "111111111111", "regions": ["us-east-1"]}],
 "cells": [{"account": "dev", "account_id": "111111111111", "region": "us-east-1", "policy": "every-group",
            "status": "ok", "resources": 0}]}
"""
A_RUN = {
    "output/20261123T210355Z/run.json": RUN_JSON,
    "output/20261123T210355Z/dev/us-east-1/every-group/resources.json": "[]",
}
RUN = ("run", "-c", "accounts.yml", "-u", "policies", "-s", "output")
REPORT = ("report", "-s", "output", "-o", "reports")


@dataclass(frozen=True)
class Case:
    """What is on stderr must begin with `sg-audit: ` and `says[0]`, and hold the rest of `says`.

    `files` come on top of a good accounts.yml and policies/a.yml; None stands for a folder.
    """

    says: tuple[str, ...]
    files: Mapping[str, str | bytes | None] = field(default_factory=dict)
    command: tuple[str, ...] = RUN
    environment: Mapping[str, str] = field(default_factory=dict)


def accounts(text: str, *says: str, options: tuple[str, ...] = ()) -> Case:
    return Case(says, {"accounts.yml": text}, (*RUN, *options))


def configured(variable: str, says: str) -> Case:
    return Case((f"the AWS configuration: {says}",), environment={variable: "x"})


def policies(text: str, *says: str) -> Case:
    return Case(says, {"policies/b.yml": text})


def account(text: str, *says: str) -> Case:
    """Of an accounts file with a second entry."""
    return accounts(ACCOUNTS + text, *says)


def named(name: str, *says: str) -> Case:
    return account(f"- name: {name}\n  account_id: '222222222222'\n  role: audit\n", *says)


def labelled(text: str, *says: str) -> Case:
    """Of a report with an accounts file whose only entry has one key more."""
    entry = "accounts:\n- name: dev\n  account_id: '111111111111'\n"
    said = ("accounts.yml: account dev, ", *says)
    return Case(said, A_RUN | {"accounts.yml": f"{entry}  {text}\n"}, (*REPORT, "-c", "accounts.yml"))


CASES = {
    # The accounts file
    "no accounts file": Case(("nowhere.yml: no such file",), {}, ("run", "-c", "nowhere.yml")),
    "accounts file is a folder": Case(("policies: Is a directory",), {}, ("run", "-c", "policies")),
    "accounts file is not text": Case(
        ("accounts.yml: not UTF-8 text",), {"accounts.yml": b"\xff\xfe\x00a"}, RUN
    ),
    "accounts file does not parse": accounts(
        "accounts:\n- name: dev\n   role: audit\n", "accounts.yml, line 3: not valid YAML: "
    ),
    "accounts file ends in the middle": accounts(
        "accounts:\n- name: dev\n  regions: [us-east-1\n", "accounts.yml, line 4: not valid YAML: "
    ),
    "accounts file with a tag of Python's": accounts(
        "accounts: !!python/name:os.system\n", "accounts.yml, line 1: not valid YAML: "
    ),
    "accounts file is empty": accounts("", "accounts.yml: "),
    "accounts file is a list": accounts("- dev\n", "accounts.yml: "),
    "accounts file without accounts": accounts(
        "vars: {}\n", "accounts.yml: not an accounts file of c7n-org: it needs one list called accounts"
    ),
    "accounts of another cloud": accounts(
        "subscriptions:\n- subscription_id: '1'\n", "accounts.yml: only AWS accounts are audited"
    ),
    "key that accounts files do not have": accounts(ACCOUNTS + "acounts: []\n", "accounts.yml: ", "acounts"),
    "account is only a name": account("- staging\n", "accounts.yml: account number 2: ", "staging"),
    "account without a way in": account(
        "- name: staging\n  account_id: '222222222222'\n",
        "accounts.yml: account staging: needs account_id, and role or profile",
    ),
    "account without an id": account(
        "- name: staging\n  role: audit\n",
        "accounts.yml: account staging: needs account_id, and role or profile",
    ),
    "account id without quotes": account(
        "- name: staging\n  account_id: 222222222222\n  role: audit\n",
        "accounts.yml: account staging, key account_id: 222222222222 is not an account id",
        "quotes",
    ),
    "account id too short": account(
        "- name: staging\n  account_id: '22222222222'\n  role: audit\n",
        "accounts.yml: account staging, key account_id: '22222222222' is not an account id",
    ),
    "regions that are no list": account(
        "- name: staging\n  account_id: '222222222222'\n  role: audit\n  regions: us-east-1\n",
        "accounts.yml: account staging, key regions: 'us-east-1' is not of type 'array'",
    ),
    "account called as what lies beside its folder": accounts(
        ACCOUNTS.replace("name: dev", "name: Run.json"),
        "accounts.yml: account 'Run.json': ",
        "may not be run.json",
    ),
    "tag that can be no variable": accounts(
        ACCOUNTS + "  tags: ['a=b:c']\n", "accounts.yml: account dev, key tags: 'a=b:c': ", "holds no `=`"
    ),
    "tag that is no text": account(
        "- name: staging\n  account_id: '222222222222'\n  role: audit\n  tags: [a, 1]\n",
        "accounts.yml: account staging, key tags.1: 1 is not of type 'string'",
    ),
    "role that is no text": account(
        "- name: staging\n  account_id: '222222222222'\n  role: 7\n",
        "accounts.yml: account staging, key role: ",
    ),
    "chain without a role": account(
        "- name: staging\n  account_id: '222222222222'\n  role: []\n",
        "accounts.yml: account staging, key role: ",
    ),
    "chain of bare names": account(
        "- name: staging\n  account_id: '222222222222'\n  role: [hub, audit]\n",
        "accounts.yml: account staging, key role: 'hub' is not the ARN of a role",
    ),
    "name that climbs out": named("../x", "accounts.yml: account '../x': the name becomes a folder"),
    "name with a slash": named("a/b", "accounts.yml: account 'a/b': the name becomes a folder"),
    "name that is a dot": named("'.'", "accounts.yml: account '.': the name becomes a folder"),
    "name with a line break": named(r'"a\nb"', r"accounts.yml: account 'a\nb': the name becomes a folder"),
    "no name": account(
        "- account_id: '222222222222'\n  role: audit\n",
        "accounts.yml: account number 2 (222222222222) has no name",
    ),
    "two of one name": named("dev", "accounts.yml: two accounts are called dev"),
    "two names that differ in case": named("Dev", "accounts.yml: two accounts are called "),
    "region that is none": accounts(
        ACCOUNTS.replace("us-east-1", "us-east"),
        "accounts.yml: account dev: 'us-east' is not a region",
    ),
    # What is chosen of it
    "no such account": Case(
        ("accounts.yml: no account is called nobody",), {}, (*RUN, "-a", "dev", "-a", "nobody")
    ),
    "no such tag": Case(("accounts.yml: no account is left",), {}, (*RUN, "-t", "env:none")),
    "region that nobody knows": accounts(
        ACCOUNTS.replace("us-east-1", "eu-wset-1"),
        "accounts.yml: account dev: 'eu-wset-1' is not a region that is known; did you mean eu-west-1?",
        "--allow-region eu-wset-1",
    ),
    "region of -r that nobody knows": Case(
        ("-r: 'ca-centrl-1' is not a region that is known; did you mean ca-central-1?",),
        {},
        (*RUN, "-r", "ca-centrl-1"),
    ),
    "region allowed that is another": Case(
        ("-r: 'ca-centrl-1' is not a region",),
        {},
        (*RUN, "-r", "ca-centrl-1", "--allow-region", "ca-centrl-2"),
    ),
    "region to write down that nobody knows": Case(
        ("-r: 'ca-centrl-1' is not a region that is known; did you mean ca-central-1?",),
        {},
        ("accounts", "--from-profiles", "-c", "new.yml", "-r", "ca-centrl-1"),
    ),
    "key that was meant to be another": accounts(
        ACCOUNTS.replace("regions: [us-east-1]", "region: us-east-1"),
        "accounts.yml: account dev: c7n-org knows no key 'region'; did you mean 'regions'?",
    ),
    "key in the wrong case": accounts(
        ACCOUNTS + "  Tags: [a]\n",
        "accounts.yml: account dev: c7n-org knows no key 'Tags'; did you mean 'tags'?",
    ),
    "braces in the output folder": Case(
        ("", "/out-{account_id}: Custodian takes what stands in braces for a variable: give another folder"),
        {},
        ("run", "-c", "accounts.yml", "-u", "policies", "-s", "out-{account_id}"),
    ),
    "braces in a prefix": Case(
        ("s3://bucket/{now}: Custodian takes what stands in braces for a variable",),
        {},
        ("run", "-c", "accounts.yml", "-u", "policies", "-s", "s3://bucket/{now}"),
    ),
    "no time for a unit": Case(("Invalid value for '--unit-timeout'",), {}, (*RUN, "--unit-timeout", "0")),
    "no such region": Case(("-r: 'mars' is not a region",), {}, (*RUN, "-r", "us-east-1,mars")),
    "empty region": Case(("-r: ",), {}, (*RUN, "-r", "")),
    "empty account": Case(("-a: ",), {}, (*RUN, "-a", "")),
    "empty tag": Case(("-t: ",), {}, (*RUN, "-t", "")),
    "no such policy": Case(
        ("policies: no policy is called nothing",), {}, (*RUN, "-p", "every-group", "-p", "nothing")
    ),
    # Policies
    "no such folder of policies": Case(
        ("nowhere: no such file or folder",), {}, ("run", "-c", "accounts.yml", "-u", "nowhere")
    ),
    "no such file of policies": Case(
        ("nowhere.yml: no such file or folder",),
        {},
        ("run", "-c", "accounts.yml", "-u", "policies", "-u", "nowhere.yml"),
    ),
    "folder without policies": Case(
        ("empty: no policy file",), {"empty": None}, ("run", "-c", "accounts.yml", "-u", "empty")
    ),
    "policies that do not parse": policies(
        "policies:\n- name: x\n  resource: aws.ec2\n  filters:\n  - {a: b\n",
        "policies/b.yml, line 6: not valid YAML: ",
    ),
    "policy file is empty": policies("", "policies/b.yml: "),
    "policy file without policies": policies("rules: []\n", "policies/b.yml: ", "policies"),
    "policy without a resource": policies("policies:\n- name: x\n", "policies/b.yml: ", "resource"),
    "policy without a name": policies("policies:\n- resource: aws.ec2\n", "policies/b.yml: ", "name"),
    "policy name that climbs out": policies(
        "policies:\n- name: ../x\n  resource: aws.ec2\n", "policies/b.yml: policy ../x: "
    ),
    "unknown resource": policies(
        "policies:\n- name: x\n  resource: aws.sandwich\n", "policies/b.yml: policy x: ", "aws.sandwich"
    ),
    "resource of another cloud": policies(
        "policies:\n- name: x\n  resource: gcp.instance\n", "policies/b.yml: policy x: ", "gcp.instance"
    ),
    "unknown filter": policies(
        "policies:\n- name: x\n  resource: aws.security-group\n  filters: [unusd]\n",
        "policies/b.yml: policy x: ",
        "unusd",
    ),
    "unknown key of a filter": policies(
        "policies:\n- name: x\n  resource: aws.security-group\n  filters:\n  - {type: ingress, Port: [22]}\n",
        "policies/b.yml: policy x: ",
        "Port",
    ),
    "unknown key of a policy": policies(
        "policies:\n- name: x\n  resource: aws.security-group\n  filter: []\n",
        "policies/b.yml: policy:x has unknown keys: filter",
    ),
    "pattern that is none": policies(
        "policies:\n- name: x\n  resource: aws.security-group\n"
        "  filters:\n  - {type: value, key: GroupName, op: regex, value: '('}\n",
        "policies/b.yml: policy x: ",
    ),
    "two policies of one name": policies(
        POLICY, "policies/b.yml: policy every-group: there is one of that name in policies/a.yml"
    ),
    "two policies of one name in a file": policies(
        "policies:\n- name: x\n  resource: aws.ec2\n- name: x\n  resource: aws.eni\n",
        "policies/b.yml: policy x: ",
    ),
    "policy that does not validate": Case(
        ("b.yml: policy x: ", "unusd"),
        {"b.yml": "policies:\n- name: x\n  resource: aws.security-group\n  filters: [unusd]\n"},
        ("validate", "-u", "b.yml"),
    ),
    # Output and reports
    "output is a file": Case(("output: ",), {"output": "a file"}),
    "output is below a file": Case(("output/below: ",), {"output": "a file"}, (*RUN, "-s", "output/below")),
    "no such output": Case(("output: no such output directory",), {}, REPORT),
    "output without a run": Case(
        ("output: no output of Custodian there; `sg-audit run",),
        {"output/notes": ""},
        REPORT,
    ),
    "output to report on is a file": Case(("output: ",), {"output": "a file"}, REPORT),
    "run.json is not JSON": Case(
        ("", "output/20261123T210355Z/run.json: not a manifest"),
        {"output/20261123T210355Z/run.json": RUN_JSON[:100]},
        ("report", "-s", "output/20261123T210355Z"),
    ),
    "run.json is something else": Case(
        ("", "output/20261123T210355Z/run.json: not a manifest"),
        {"output/20261123T210355Z/run.json": '{"accounts": []}'},
        ("report", "-s", "output/20261123T210355Z"),
    ),
    "reports is a file": Case(("reports: ",), {**A_RUN, "reports": "a file"}, REPORT),
    "reports is below a file": Case(
        ("reports/below: ",), {**A_RUN, "reports": "a file"}, (*REPORT, "-o", "reports/below")
    ),
    "nothing to report on": Case(("-s: give a folder",), A_RUN, ("report", "-s", "")),
    "a run of later": Case(
        ("output/20261123T210355Z: no output of Custodian there at or before 2026-11-23T20",),
        A_RUN,
        ("report", "-s", "output/20261123T210355Z", "--at", "2026-11-23T20"),
    ),
    "no time there is": Case(
        ("--at 0001-01-01T00+14:00: write a day",), A_RUN, (*REPORT, "--at", "0001-01-01T00+14:00")
    ),
    "empty policy to report on": Case(("-p: give a name",), A_RUN, (*REPORT, "-p", "")),
    "empty type to report on": Case(("--resource: give a name",), A_RUN, (*REPORT, "--resource", ",")),
    "no risk to fail on": Case(
        ("--fail-on low: no policy of the output is on security groups",),
        {"output/run.json": RUN_JSON.replace("aws.security-group", "aws.s3")},
        (*REPORT, "--fail-on", "low"),
    ),
    # The accounts file of a report, which is read without c7n
    "report: regions that are no list": labelled(
        "regions: us-east-1", "key regions: 'us-east-1' is not a list"
    ),
    "report: tags that are no list": labelled(
        "tags: 'team:web'", "key tags: 'team:web' is not a list of texts"
    ),
    "report: tag that is no text": labelled("tags: [1]", "key tags: [1] is not a list of texts"),
    "report: vars that are a list": labelled("vars: [team]", "key vars: ['team'] is not a map"),
    "report: role that is no text": labelled("role: {a: b}", "key role: {'a': 'b'} is not a text"),
    "report: account id too short": Case(
        ("accounts.yml: account dev, key account_id: 11 is not an account id",),
        A_RUN | {"accounts.yml": "accounts: [{name: dev, account_id: 11}]"},
        (*REPORT, "-c", "accounts.yml"),
    ),
    "report: two accounts of one name": Case(
        ("accounts.yml: two accounts are called dev",),
        A_RUN | {"accounts.yml": ACCOUNTS + "- {name: dev, account_id: '222222222222'}\n"},
        (*REPORT, "-c", "accounts.yml"),
    ),
    "report: field that is an account's tag": Case(
        ("account:team: so is a column of a tag or var of the accounts file called",),
        A_RUN | {"accounts.yml": ACCOUNTS + "  tags: ['team:web']\n"},
        (*REPORT, "-c", "accounts.yml", "--field", "Account:Team=OwnerId"),
    ),
    # The AWS configuration
    "retry mode that is none": configured("AWS_RETRY_MODE", 'Invalid value provided to "mode"'),
    "attempts that are no number": configured("AWS_MAX_ATTEMPTS", "invalid literal for int()"),
    "endpoint that is none": configured("AWS_ENDPOINT_URL", "Invalid endpoint: x"),
    # Options
    "no such option": Case(("No such option '--nope'",), {}, (*RUN, "--nope")),
    "no such command": Case(("No such command 'rum'",), {}, ("rum",)),
    "no accounts file given": Case(("Missing option '-c'",), {}, ("run",)),
    "option without its value": Case(("Option '-p' requires an argument",), {}, (*RUN, "-p")),
    "no such level": Case(
        ("Invalid value for '--fail-on'", "'critical', 'high', 'medium', 'low'"),
        {},
        (*REPORT, "--fail-on", "huge"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_one_line_says_what_is_wrong_and_nothing_happens(
    name: str, sg_audit: Callable[..., Completed], tmp_path: Path
) -> None:
    check(CASES[name], sg_audit, tmp_path)


@pytest.mark.parametrize("name", ["account id too short", "unknown filter", "output without a run"])
def test_so_it_does_from_a_cold_start(name: str, sg_audit: Callable[..., Completed], tmp_path: Path) -> None:
    check(CASES[name], partial(sg_audit, cold=True), tmp_path)


def check(case: Case, sg_audit: Callable[..., Completed], folder: Path) -> None:
    for file, text in ({"accounts.yml": ACCOUNTS, "policies/a.yml": POLICY} | dict(case.files)).items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.mkdir()
        else:
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
    before = sorted(folder.rglob("*"))
    # Were anything asked of AWS, it would not be there.
    done = sg_audit(
        *case.command, env={"AWS_ENDPOINT_URL": "http://127.0.0.1:9"} | dict(case.environment), cwd=folder
    )
    assert "Traceback" not in done.stderr
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    [line] = done.stderr.splitlines()
    assert line.startswith(f"sg-audit: {case.says[0]}")
    assert [part for part in case.says if part not in line] == []
    assert sorted(folder.rglob("*")) == before
