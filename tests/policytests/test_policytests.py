"""`sg-audit test-policies`: cases beside policies, and breakages that they must notice."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from c7n.config import Config
from c7n.policy import load

from reporter import yamlfile
from reporter.cli import cli
from reporter.custodian import policies
from reporter.policytests import mutants
from reporter.review import render
from tests.lab import POLICY_COUNT

ROOT = Path(__file__).parents[2]

Run = Callable[..., Any]

POLICY = """policies:
  - name: web
    resource: aws.security-group
    filters:
      - {type: ingress, IpProtocol: tcp, Ports: [443]}
"""
CASES = """policies: []
vars:
  cases:
    - {why: it lets HTTPS in, match: true, resource: {IpPermissions: [%s]}}
    - {why: it lets nothing in, match: false, resource: {GroupName: closed}}
"""
HTTPS = "{IpProtocol: tcp, FromPort: 443, ToPort: 443, IpRanges: [{CidrIp: 0.0.0.0/0}]}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / "web.yml").write_text(POLICY)
    (tmp_path / "tests" / "web.yml").write_text(CASES % HTTPS)
    return tmp_path


def test_this_projects_policies_leave_no_breakage_unnoticed(sg_audit: Run) -> None:
    done = sg_audit("test-policies", "--mutate")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAILED" not in done.stdout
    assert len(done.stdout.splitlines()) == 1 + POLICY_COUNT


def test_every_policy_has_its_file() -> None:
    names = {policy.name for policy in policies.read([ROOT / "policies"]).planned}
    assert {path.stem for path in (ROOT / "policies" / "tests").glob("*.yml")} == names


def test_cases_are_no_policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither to this project, which takes the files of a folder only, nor to Custodian, which takes all below."""
    assert all(path.parent.name == "policies" for path in policies.files([ROOT / "policies"]))
    # Custodian looks for the names of sub-folders in the working directory too, where this project has others.
    monkeypatch.chdir(tmp_path)
    for folder in (ROOT / "policies" / "tests", ROOT / "policies" / "optional" / "tests"):
        assert load(Config.empty(), str(folder)).policies == []
    # There it finds the two optional ones as well. That the policies themselves are valid, other tests hold.
    found = load(Config.empty(), str(ROOT / "policies"), validate=False)
    assert len(found.policies) == POLICY_COUNT + 2


def test_a_case_that_fails(sg_audit: Run, folder: Path) -> None:
    (folder / "web.yml").write_text(POLICY.replace("443", "80"))
    done = sg_audit("test-policies", "-u", folder)
    assert done.returncode == 1
    assert done.stdout.splitlines()[1:] == [
        "web         1         1  FAILED",
        "web: must match, and does the opposite: it lets HTTPS in",
    ]


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        ("match: true", "no case that matches"),
        ("match: false", "no case that does not match"),
        ("", "no case"),
    ],
)
def test_both_kinds_of_cases_are_needed(sg_audit: Run, folder: Path, cut: str, said: str) -> None:
    file = folder / "tests" / "web.yml"
    lines = [line for line in file.read_text().splitlines() if not cut or cut not in line]
    file.write_text("\n".join(lines))
    if not cut:
        file.unlink()
    done = sg_audit("test-policies", "-u", folder)
    assert (done.returncode, f"web: {said}" in done.stdout) == (1, True)


def test_a_breakage_that_no_case_notices(sg_audit: Run, folder: Path) -> None:
    done = sg_audit("test-policies", "-u", folder, "--mutate")
    assert done.returncode == 1
    assert "web: no case notices: filters[0].IpProtocol dropped" in done.stdout
    assert sg_audit("test-policies", "-u", folder).returncode == 0


def test_what_is_not_given_is_asked_for(sg_audit: Run, folder: Path) -> None:
    (folder / "web.yml").write_text(
        POLICY.replace("{type: ingress, IpProtocol: tcp, Ports: [443]}", "unused")
    )
    done = sg_audit("test-policies", "-u", folder)
    assert done.returncode == 1
    assert "filter `unused` asks AWS for aws.eni, which the case does not give" in done.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("policies: []\nvars: {cases: [{match: true, resource: {}}]}\n", "why"),
        ("vars: {cases: [{why: x, match: maybe, resource: {}}]}\n", "match"),
        ("cases: []\n", "cases"),
        ("vars: [\n", "line 2"),
    ],
)
def test_a_file_that_is_none_of_cases(sg_audit: Run, folder: Path, text: str, said: str) -> None:
    (folder / "tests" / "web.yml").write_text(text)
    done = sg_audit("test-policies", "-u", folder)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "tests/web.yml" in done.stderr and said in done.stderr


def test_cases_of_no_policy(sg_audit: Run, folder: Path) -> None:
    shutil.move(folder / "tests" / "web.yml", folder / "tests" / "wbe.yml")
    done = sg_audit("test-policies", "-u", folder)
    assert (done.returncode, "wbe.yml: no policy is called wbe" in done.stderr) == (2, True)


LISTED = """policies:
  - name: web
    resource: aws.security-group
    filters:
      - {type: value, key: GroupName, op: in, value_from: {url: "s3://lists/names.txt"}}
"""
LISTED_CASES = """policies: []
vars:
  cases:
    - {why: it is listed, match: true, resource: {GroupName: www}}
    - {why: it is not, match: false, resource: {GroupName: db}}
"""


def test_files_are_given_and_not_looked_for(sg_audit: Run, folder: Path) -> None:
    (folder / "web.yml").write_text(LISTED)
    (folder / "tests" / "web.yml").write_text(LISTED_CASES)
    done = sg_audit("test-policies", "-u", folder)
    assert done.returncode == 1
    assert (
        "web: filter `value` on `GroupName` asks for s3://lists/names.txt, which the case does not give: it is listed"
        in done.stdout.splitlines()
    )
    given = '  given: {files: {"s3://lists/names.txt": "www\\nmail\\n"}}\n'
    (folder / "tests" / "web.yml").write_text(LISTED_CASES + given)
    done = sg_audit("test-policies", "-u", folder)
    assert done.returncode == 0, done.stdout


def test_each_case_has_files_of_its_own(sg_audit: Run, folder: Path) -> None:
    (folder / "web.yml").write_text(LISTED)
    cases = "".join(
        f"    - {{why: {name}, match: {match}, resource: {{GroupName: www}}, "
        f"given: {{files: {{'s3://lists/names.txt': {name}}}}}}}\n"
        for name, match in (("db", "false"), ("www", "true"), ("mail", "false"))
    )
    (folder / "tests" / "web.yml").write_text(f"policies: []\nvars:\n  cases:\n{cases}")
    done = sg_audit("test-policies", "-u", folder)
    assert done.returncode == 0, done.stdout


def test_a_strangers_policy_reads_nothing_and_ends(sg_audit: Run, folder: Path) -> None:
    (folder / "web.yml").write_text(
        LISTED.replace('"s3://lists/names.txt"', '"file:///proc/self/environ", format: txt')
        + """
  - name: hangs
    resource: aws.security-group
    filters:
      - {type: value, key: GroupName, op: regex, value: "^(x+x+)+y"}
  - name: reaches
    resource: aws.security-group
    filters:
      - {type: value, key: "{now.__init__.__globals__[os].environ[SECRET]}", value: x}
"""
    )
    text = CASES % HTTPS
    (folder / "tests" / "web.yml").write_text(text)
    (folder / "tests" / "reaches.yml").write_text(text.replace("it lets HTTPS in", '"\\e[31mred"'))
    (folder / "tests" / "hangs.yml").write_text(text.replace("closed", "x" * 50))
    done = sg_audit("test-policies", "-u", folder, "--policy-timeout", "3", env={"SECRET": "hunter2"})
    assert done.returncode == 1, done.stderr
    assert "hunter2" not in done.stdout and "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert "hangs: not tried out: it takes longer than 3 seconds" in lines
    for said in (
        "web: filter `value` on `GroupName` asks for file:///proc/self/environ, which the case does not give",
        "reaches: the policy asks for what is within the variable now, which the case does not give",
    ):
        assert any(line.startswith(said) for line in lines), lines


@pytest.mark.parametrize("linked", ["web.yml", "tests/web.yml", "tests"])
def test_no_link_out_of_the_folder_is_followed(
    sg_audit: Run, folder: Path, tmp_path: Path, linked: str
) -> None:
    outside = tmp_path.with_name(tmp_path.name + "-outside")
    outside.mkdir()
    (folder / linked).rename(outside / "moved")
    (folder / linked).symlink_to(outside / "moved")
    done = sg_audit("test-policies", "-u", folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{linked}: a symbolic link out of" in done.stderr or f"{linked}/web.yml: a symb" in done.stderr


def test_a_link_within_the_folder_is(folder: Path) -> None:
    """As in a ConfigMap of Kubernetes."""
    (folder / "..data").mkdir()
    (folder / "web.yml").rename(folder / "..data" / "web.yml")
    (folder / "web.yml").symlink_to("..data/web.yml")
    (folder / "more.YML").write_text(POLICY.replace("web", "more"))
    (folder / ".hidden.yml").write_text("nothing")
    assert [policy.name for policy in policies.read([folder]).planned] == ["more", "web"]


def test_mutants() -> None:
    policy = {
        "name": "p",
        "resource": "aws.security-group",
        "filters": [
            {
                "or": [
                    {"type": "ingress", "IpProtocol": "tcp", "Ports": [22, 23], "Cidr": "0.0.0.0/0"},
                    {"type": "ingress", "FromPort": {"type": "value", "op": "lte", "value": 22}},
                ]
            },
            {"GroupName": "default"},
        ],
    }
    what = [mutant.what for mutant in mutants.mutants(policy)]
    assert len(what) == len(set(what))
    for expected in (
        "filters[0] dropped",
        "filters[0]: `or` turned into `and`",
        "filters[0].or[1] dropped",
        "filters[0].or[0] negated",
        "filters[0].or[0].IpProtocol: 'tcp' turned into 'udp'",
        "filters[0].or[0].Ports: 22 dropped",
        "filters[0].or[0].Ports: 23 turned into 24",
        "filters[0].or[0].Cidr: '0.0.0.0/0' turned into '0.0.0.0/1'",
        "filters[0].or[0].Cidr dropped",
        "filters[0].or[1].FromPort.op: 'lte' turned into 'lt'",
        "filters[0].or[1].FromPort.value: 22 turned into 21",
        "filters[1].GroupName: 'default' turned into 'default-other'",
    ):
        assert expected in what
    assert all(mutant.policy != policy for mutant in mutants.mutants(policy))


def test_hooks_and_workflows_name_what_there_is() -> None:
    hooks = yamlfile.load(ROOT / ".pre-commit-hooks.yaml")
    assert {hook["entry"] for hook in hooks} == {
        "sg-audit validate",
        "sg-audit test-policies",
        "sg-audit validate -w waivers.yml",
    }
    assert {hook["entry"].split()[1] for hook in hooks} <= set(cli.commands)
    workflow = (ROOT / ".github" / "workflows" / "policy-review.yml").read_text()
    yaml.safe_load((ROOT / ".github" / "workflows" / "policy-review.yml").read_text())
    assert render.MARKER in workflow
    (job,) = yaml.safe_load((ROOT / ".github" / "workflows" / "policy-review.yml").read_text())[
        "jobs"
    ].values()
    with_token = {step["name"] for step in job["steps"] if "GH_TOKEN" in step.get("env", {})}
    assert with_token == {"Fetch the last run's output", "Comment"}
    assert "GH_TOKEN" not in job["env"]
    (review,) = [step for step in job["steps"] if "sg-audit review --base" in step.get("run", "")]
    assert "env" not in review
    options = {option for each in cli.commands["review"].params for option in each.opts}
    assert {"--base", "--format", "-u", "-s", "--fail-on-loosening"} <= options
    assert any(
        step.get("run") == ".ci/run"
        for step in yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]["test"][
            "steps"
        ]
    )
