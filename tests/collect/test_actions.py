"""An audit changes nothing, whatever the policies it is given would do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.lab import Lab, Ran, role

ACCOUNT = "888888888888"

POLICIES = {
    "policies": [
        {
            "name": "delete-all",
            "resource": "aws.security-group",
            "filters": [{"GroupName": "doomed"}],
            "actions": ["delete"],
        },
        {
            "name": "tag-and-close",
            "resource": "security-group",
            "filters": [{"GroupName": "doomed"}],
            "actions": [
                {"type": "tag", "key": "seen", "value": "yes"},
                {"type": "remove-permissions", "ingress": "all"},
            ],
        },
        {
            "name": "by-event",
            "resource": "aws.security-group",
            "mode": {
                "type": "cloudtrail",
                "role": role(ACCOUNT, "lambda"),
                "events": [
                    {
                        "source": "ec2.amazonaws.com",
                        "event": "AuthorizeSecurityGroupIngress",
                        "ids": "requestParameters.groupId",
                    }
                ],
            },
            "filters": [{"GroupName": "doomed"}],
        },
        {
            "name": "elsewhere",
            "resource": "aws.security-group",
            "conditions": [{"type": "value", "key": "region", "value": "eu-west-1"}],
        },
        {
            "name": "of-the-owner",
            "resource": "aws.security-group",
            "filters": [{"GroupName": "{owned}"}],
        },
    ]
}


@dataclass
class Outcome:
    ran: Ran
    before: list[dict[str, Any]]
    after: list[dict[str, Any]]
    actions: set[str]


@pytest.fixture(scope="module")
def outcome(lab: Lab, ec2: Callable[..., Any]) -> Outcome:
    client = ec2(ACCOUNT, "us-east-1")
    vpc = client.describe_vpcs()["Vpcs"][0]["VpcId"]
    group = client.create_security_group(GroupName="doomed", Description="unused", VpcId=vpc)["GroupId"]
    client.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        ],
    )
    lab.accounts(
        {
            "name": "acme",
            "account_id": ACCOUNT,
            "role": role(ACCOUNT),
            "regions": ["us-east-1"],
            "vars": {"owned": "doomed"},
        }
    )
    before = client.describe_security_groups()["SecurityGroups"]
    ran = lab.run(policies=[lab.write("policies.yml", POLICIES)])
    after = client.describe_security_groups()["SecurityGroups"]
    return Outcome(ran, before, after, {call.action for call in lab.wire.calls})


def test_actions_are_not_carried_out(outcome: Outcome) -> None:
    assert sorted(group["GroupName"] for group in outcome.after) == ["default", "doomed"]
    assert outcome.after == outcome.before
    assert outcome.actions == {"AssumeRole", "DescribeSecurityGroups", "GetCallerIdentity"}


def test_stderr_says_so(outcome: Outcome) -> None:
    assert "actions are never carried out here: delete-all, tag-and-close" in outcome.ran.err.splitlines()


@pytest.mark.parametrize("policy", ["delete-all", "tag-and-close", "by-event"])
def test_what_such_a_policy_finds_is_found(outcome: Outcome, policy: str) -> None:
    assert outcome.ran.groups("acme", "us-east-1", policy) == ["doomed"]


def test_variables_of_the_accounts_file_are_filled_in(outcome: Outcome) -> None:
    assert outcome.ran.groups("acme", "us-east-1", "of-the-owner") == ["doomed"]


def test_a_policy_whose_conditions_leave_the_region_out_is_skipped_and_no_gap(outcome: Outcome) -> None:
    assert {policy: status for (_, _, policy), status in outcome.ran.statuses.items()} == {
        "delete-all": "ok",
        "tag-and-close": "ok",
        "by-event": "ok",
        "elsewhere": "skipped",
        "of-the-owner": "ok",
    }
    [elsewhere] = [cell for cell in outcome.ran.manifest["cells"] if cell["policy"] == "elsewhere"]
    assert elsewhere["code"] == "LeftOut"
    assert elsewhere["message"] == "the policy's region or conditions leave out this account or region"
    assert outcome.ran.code == 0
