import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import pytest
import yaml
from click.testing import CliRunner

from reporter.cli import cli
from reporter.sandbox import environment, estate
from tests.shared import sandbox

ROOT = Path(__file__).parent.parent.parent
POLICIES = ROOT / "policies"
TRUSTED = "012345678901"

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Actions = Callable[..., list[str]]
Template = Callable[..., dict[str, Any]]

# AWS answers these whatever the role may do: AssumeRole is what its trust policy is for.
NOT_THE_ROLES = {"sts:AssumeRole", "sts:GetCallerIdentity"}


@dataclass(frozen=True)
class Recording:
    """A sandbox with the estate that writes down the calls it gets."""

    endpoint: str
    file: Path

    def calls(self) -> set[str]:
        return set(self.file.read_text().split("\n")) - {""}


@pytest.fixture(scope="module")
def recording(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    home = tmp_path_factory.mktemp("home")
    file = home / "calls"
    with sandbox(shared, file) as server:
        with mock.patch.dict("os.environ", environment(server.endpoint, home), clear=True):
            fill_what_is_asked_about_in_detail()
        file.write_text("")
        yield Recording(server.endpoint, file)


def fill_what_is_asked_about_in_detail() -> None:
    """What an empty account is never asked: `unused` looks into projects and into the targets of rules, and target
    groups are asked about one by one."""
    session = boto3.Session()
    role = estate.ACCOUNTS[0].role
    assumed = session.client("sts").assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
    session = boto3.Session(assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"])
    session.client("codebuild").create_project(
        name="build",
        source={"type": "S3", "location": "bucket/path"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "image", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole="arn:aws:iam::111111111111:role/service-role/build",
    )
    events = session.client("events")
    events.put_rule(Name="nightly", ScheduleExpression="rate(1 day)")
    events.put_targets(
        Rule="nightly", Targets=[{"Id": "1", "Arn": "arn:aws:lambda:us-east-1:111111111111:function:f"}]
    )
    subnet = session.client("ec2").describe_subnets()["Subnets"][0]
    balancers = session.client("elbv2")
    balancers.create_load_balancer(Name="edge", Type="network", Subnets=[subnet["SubnetId"]])
    balancers.create_target_group(Name="edge", Protocol="TCP", Port=22, VpcId=subnet["VpcId"])


@pytest.fixture(scope="module")
def permissions(sg_audit: Run) -> Run:
    return partial(sg_audit, "permissions")


@pytest.fixture(scope="module")
def printed_actions(permissions: Run) -> Actions:
    def run(*args: str | Path) -> list[str]:
        done = permissions(*args)
        assert (done.returncode, done.stderr) == (0, "")
        return actions_of(json.loads(done.stdout))

    return run


def actions_of(policy: dict[str, Any]) -> list[str]:
    assert policy["Version"] == "2012-10-17"
    (statement,) = policy["Statement"]
    assert (statement["Effect"], statement["Resource"]) == ("Allow", "*")
    return list(statement["Action"])


def write_policies(folder: Path, *policies: dict[str, Any]) -> Path:
    path = folder / "policies.yml"
    named = [{"name": f"p{number}", **policy} for number, policy in enumerate(policies)]
    path.write_text(yaml.safe_dump({"policies": named}))
    return path


def test_the_actions_cover_every_call_of_a_full_run(
    sg_audit: Run, printed_actions: Actions, recording: Recording, tmp_path: Path
) -> None:
    accounts = tmp_path / "accounts.yml"
    accounts.write_text(estate.accounts_file())
    everything = ["-u", POLICIES, "-u", POLICIES / "optional"]
    for chosen in (
        ["-r", "us-east-1"],  # where there is something of each kind
        # Region discovery too, with the one policy that asks least.
        ["-a", "dev", "-r", "all", "-p", "sg-default", "--iam"],
    ):
        words = ["run", "-c", accounts, *everything, "-s", tmp_path / "out", *chosen]
        done = sg_audit(*words, env={"AWS_ENDPOINT_URL": recording.endpoint})
        assert done.returncode == 0, done.stderr

    called = recording.calls()
    # It heard each kind of call, and the ones that are only made where there is something to look into.
    assert called >= {
        "sts:AssumeRole",
        "ec2:DescribeRegions",
        "ec2:DescribeSecurityGroupReferences",
        "lambda:ListFunctions",
        "batch:DescribeComputeEnvironments",
        "codebuild:BatchGetProjects",
        "events:ListTargetsByRule",
        "autoscaling:DescribeLaunchConfigurations",
        "ec2:DescribeSubnets",
        "ec2:DescribeRouteTables",
        "ec2:DescribeNetworkAcls",
        "ec2:DescribeManagedPrefixLists",
        "ec2:GetManagedPrefixListEntries",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
        "elasticloadbalancing:DescribeTargetGroupAttributes",
        "elasticloadbalancing:DescribeTags",
        "iam:GetAccountAuthorizationDetails",
    }
    assert called - NOT_THE_ROLES <= set(printed_actions(*everything, "--iam"))
    # What only the optional policies ask is asked for with them only.
    assert {each for each in called if each.startswith("elasticloadbalancing:")}.isdisjoint(
        printed_actions("-u", POLICIES)
    )


@pytest.mark.parametrize(
    ("options", "more"),
    [
        (["--iam"], {"iam:GetAccountAuthorizationDetails"}),
        (["--access-analyzer"], {"access-analyzer:ListAnalyzers", "access-analyzer:ListFindings"}),
    ],
)
def test_what_an_option_asks_is_printed_with_it_alone(
    printed_actions: Actions, options: list[str], more: set[str]
) -> None:
    plain = printed_actions("-p", "sg-default")
    assert printed_actions("-p", "sg-default", *options) == sorted({*plain, *more})
    assert not {each for each in plain if each.startswith(("iam:", "access-analyzer:"))}


def test_the_actions_are_sorted_once_each_and_only_read(printed_actions: Actions) -> None:
    actions = printed_actions()
    assert actions == sorted(set(actions))
    assert all(
        action.partition(":")[2].startswith(("Describe", "List", "Get", "BatchGet")) for action in actions
    )


def test_only_the_chosen_policies_count(printed_actions: Actions) -> None:
    assert printed_actions("-p", "sg-default") == ["ec2:DescribeRegions", "ec2:DescribeSecurityGroups"]


def test_actions_of_a_policy_are_not_asked_for(printed_actions: Actions, tmp_path: Path) -> None:
    path = write_policies(tmp_path, {"resource": "security-group", "actions": ["delete"]})
    assert printed_actions("-u", path) == ["ec2:DescribeRegions", "ec2:DescribeSecurityGroups"]


@pytest.mark.parametrize("block", ["or", "and", "not"])
def test_a_filter_inside_a_block_counts(printed_actions: Actions, tmp_path: Path, block: str) -> None:
    path = write_policies(tmp_path, {"resource": "aws.security-group", "filters": [{block: ["unused"]}]})
    assert set(printed_actions("-u", path)) == set(printed_actions("-p", "sg-unused"))


def test_a_child_needs_what_lists_its_parents(printed_actions: Actions, tmp_path: Path) -> None:
    path = write_policies(tmp_path, {"resource": "aws.ecs-service"})
    assert set(printed_actions("-u", path)) >= {"ecs:ListServices", "ecs:ListClusters"}


def test_an_action_that_does_more_than_read_is_pointed_out(permissions: Run, tmp_path: Path) -> None:
    unused_keys = {"type": "credential", "key": "access_keys.active", "value": False}
    path = write_policies(tmp_path, {"resource": "aws.iam-user", "filters": [unused_keys]})
    done = permissions("-u", path)
    assert done.returncode == 0
    assert "iam:GenerateCredentialReport" in done.stderr
    assert "iam:GenerateCredentialReport" in actions_of(json.loads(done.stdout))


@pytest.fixture(scope="module")
def lint() -> Callable[[str], list[Any]]:
    """What cfn-lint says of a template."""
    import cfnlint.api  # which takes as long as everything else that the tests import, in each of their processes

    return cfnlint.api.lint


@pytest.fixture(scope="module")
def template(permissions: Run, lint: Callable[[str], list[Any]]) -> Template:
    @cache
    def run(*args: str) -> dict[str, Any]:
        done = permissions("--format", "cloudformation", "--trust", TRUSTED, *args)
        assert (done.returncode, done.stderr) == (0, "")
        # Errors and warnings; W3037 is the one that knows the names of all of AWS's actions.
        assert lint(done.stdout) == []
        loaded: dict[str, Any] = yaml.safe_load(done.stdout)
        return loaded

    return run


def test_the_template_is_a_role_with_the_same_actions(printed_actions: Actions, template: Template) -> None:
    found = template()
    (role,) = found["Resources"].values()
    assert role["Type"] == "AWS::IAM::Role"
    (policy,) = role["Properties"]["Policies"]
    assert actions_of(policy["PolicyDocument"]) == printed_actions()
    (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Action"] == "sts:AssumeRole"
    assert trust["Principal"] == {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${TrustedAccountId}:root"}}
    assert found["Outputs"]["RoleArn"]["Value"] == {"Fn::GetAtt": ["AuditRole", "Arn"]}


def test_the_template_takes_its_parameters_from_the_options(template: Template) -> None:
    def defaults(*args: str) -> dict[str, str]:
        return {name: parameter["Default"] for name, parameter in template(*args)["Parameters"].items()}

    assert defaults() == {"TrustedAccountId": TRUSTED, "ExternalId": "", "RoleName": "sg-audit"}
    assert defaults("--external-id", "8f2b:61/d0", "--role-name", "auditor") == {
        "TrustedAccountId": TRUSTED,
        "ExternalId": "8f2b:61/d0",
        "RoleName": "auditor",
    }


def test_the_external_id_is_a_condition_only_where_there_is_one(
    template: Template,
) -> None:
    found = template()
    assert found["Conditions"] == {
        "HasExternalId": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ExternalId"}, ""]}]}
    }
    (role,) = found["Resources"].values()
    (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"]["Fn::If"] == [
        "HasExternalId",
        {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}},
        {"Ref": "AWS::NoValue"},
    ]


def test_cfn_lint_would_see_an_action_that_does_not_exist(
    permissions: Run, lint: Callable[[str], list[Any]]
) -> None:
    done = permissions("--format", "cloudformation", "--trust", TRUSTED)
    text = done.stdout.replace("ec2:DescribeRegions", "ec2:DescribeNothing")
    assert [match.rule.id for match in lint(text)] == ["W3037"]


# What a script calls for each kind of change is held against this list in tests/remedy/test_shell.py.
TO_CHANGE = {
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:CreateSecurityGroup",
    "ec2:CreateTags",
    "ec2:DeleteSecurityGroup",
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroupReferences",
    "ec2:DescribeSecurityGroupRules",
    "ec2:DescribeSecurityGroups",
    "ec2:ModifyNetworkInterfaceAttribute",
    "ec2:RevokeSecurityGroupEgress",
    "ec2:RevokeSecurityGroupIngress",
    "glue:GetConnections",
}


def test_what_the_scripts_of_a_remedy_take_is_a_role_of_its_own(
    permissions: Run, lint: Callable[[str], list[Any]]
) -> None:
    done = permissions("--remedy")
    assert (done.returncode, done.stderr) == (0, "")
    [statement] = json.loads(done.stdout)["Statement"]
    assert (statement["Sid"], set(statement["Action"])) == ("SecurityGroupRemedy", TO_CHANGE)
    done = permissions("--remedy", "--format", "cloudformation", "--trust", TRUSTED)
    assert (done.returncode, lint(done.stdout)) == (0, [])
    made = yaml.safe_load(done.stdout)
    assert made["Parameters"]["RoleName"]["Default"] == "sg-remedy"
    [policy] = made["Resources"]["AuditRole"]["Properties"]["Policies"]
    assert policy["PolicyName"] == "sg-remedy"
    assert set(policy["PolicyDocument"]["Statement"][0]["Action"]) == TO_CHANGE


@pytest.mark.parametrize("which", ["--publish", "--remedy"])
def test_what_is_the_same_for_all_policies_looks_for_none(
    which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["permissions", which], standalone_mode=False)
    assert (done.return_value, done.stderr) == (0, "")


def test_publishing_takes_one_action_more(permissions: Run, lint: Callable[[str], list[Any]]) -> None:
    done = permissions("--publish")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["Statement"] == [
        {
            "Sid": "SecurityHubPublish",
            "Effect": "Allow",
            "Action": ["securityhub:BatchImportFindings"],
            "Resource": "*",
        }
    ]
    done = permissions("--publish", "--format", "cloudformation", "--trust", TRUSTED)
    assert (done.returncode, lint(done.stdout)) == (0, [])
    assert yaml.safe_load(done.stdout)["Parameters"]["RoleName"]["Default"] == "sg-publish"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--trust", TRUSTED], "go with --format cloudformation"),
        (["--external-id", "abc"], "go with --format cloudformation"),
        (["--format", "iam", "--role-name", ""], "go with --format cloudformation"),
        (["--format", "cloudformation"], "needs --trust"),
        (["--format", "cloudformation", "--trust", "1234"], "twelve digits"),
        (["--format", "cloudformation", "--trust", "12345678901x"], "twelve digits"),
        (["--format", "cloudformation", "--trust", TRUSTED, "--external-id", "a b"], "--external-id"),
        (["--format", "cloudformation", "--trust", TRUSTED, "--role-name", "a/b"], "--role-name"),
        (["-p", "no-such"], "no policy is called no-such"),
        (["--remedy", "-p", "sg-default"], "--remedy: goes without -u and -p"),
        (["--remedy", "-u", "policies"], "--remedy: goes without -u and -p"),
        (["--publish", "-p", "sg-default"], "--publish: goes without -u and -p"),
        (["--publish", "--remedy"], "--remedy, --publish: give one of them"),
        (["--format", "json"], "iam"),
    ],
)
def test_wrong_options_are_refused(permissions: Run, args: list[str], said: str) -> None:
    done = permissions(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
