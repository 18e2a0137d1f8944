"""What an audit role must be allowed: read off the policies, and written as IAM or CloudFormation."""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from c7n.config import Bag, Config
from c7n.policy import Policy
from c7n.query import ChildResourceManager

from reporter import yamlfile
from reporter.custodian.policies import PolicySet
from reporter.errors import InputError

ROLE_NAME = "sg-audit"


@dataclass(frozen=True)
class Purpose:
    """What a role is for: what it and its policy are called and described as. `comment` heads its template."""

    role_name: str
    sid: str
    description: str
    template: str
    comment: str


AUDIT = Purpose(
    ROLE_NAME,
    "SecurityGroupAudit",
    "Reads security groups and what uses them, for c7n-sg-audit",
    "Read-only role for security-group audits with c7n-sg-audit",
    """\
# The audit's role: what its policies ask AWS, and nothing else. Made by `sg-audit permissions`; make it anew
# when the policies change. It has a name, so deploying it needs CAPABILITY_NAMED_IAM. IAM is global, so that
# a StackSet of it needs one region only.

""",
)
REMEDY = Purpose(
    "sg-remedy",
    "SecurityGroupRemedy",
    "Changes and deletes security groups, by the scripts that c7n-sg-audit plans",
    "Role that changes security groups by the scripts of sg-audit remedy",
    """\
# The role for the scripts of `sg-audit remedy`: it changes security groups, and the audit does not need it. Made by
# `sg-audit permissions --remedy`. It has a name, so deploying it needs CAPABILITY_NAMED_IAM. IAM is global, so that
# a StackSet of it needs one region only.

""",
)
PUBLISH = Purpose(
    "sg-publish",
    "SecurityHubPublish",
    "Imports findings into Security Hub, for c7n-sg-audit",
    "Role that imports the findings of sg-audit publish securityhub",
    """\
# The role for `sg-audit publish securityhub`: it imports findings, and the audit does not need it. Made by
# `sg-audit permissions --publish`. It has a name, so deploying it needs CAPABILITY_NAMED_IAM. IAM is global, so that
# a StackSet of it needs one region only.

""",
)

# What `regions: [all]` asks of an account. Nothing else here is asked outside a policy, but for STS, which
# answers AssumeRole and GetCallerIdentity without a permission of the role itself.
DISCOVERY = ("ec2:DescribeRegions",)

# What c7n's code calls and does not declare, by resource and filter, or by a resource as it is listed; read in c7n
# 0.9.53, and a test that records every call of a run holds it against the policies of this project. Both filters are
# an SGUsage of c7n.resources.vpc. Its get_permissions() leaves out CodeBuild's projects, the references across peered
# VPCs, and the rules and buses that EventBridge's targets hang on. Target groups are listed with their targets' health.
_SG_USAGE = (
    "codebuild:BatchGetProjects",
    "codebuild:ListProjects",
    "ec2:DescribeSecurityGroupReferences",
    "events:ListEventBuses",
    "events:ListRules",
)
_LISTED = ""
UNDECLARED = {
    ("aws.app-elb-target-group", _LISTED): ("elasticloadbalancing:DescribeTargetHealth",),
    ("aws.security-group", "unused"): _SG_USAGE,
    ("aws.security-group", "used"): _SG_USAGE,
}

# How the name of an action begins that only reads. Custodian's own declarations, apart from those of its
# actions, use a few others too (GenerateCredentialReport, StartQuery): those a person should look at.
_READING = re.compile(r"(BatchGet|Describe|Get|GET$|List|Lookup|Query|Search|Select)")

_ACCOUNT_ID = "[0-9]{12}"
_ROLE = "[A-Za-z0-9_+=,.@-]{1,64}"
_EXTERNAL_ID = "[A-Za-z0-9_+=,.@:/-]{2,1224}"


def actions(policies: PolicySet, beside: Collection[str] = ()) -> tuple[str, ...]:
    """The IAM actions that running the policies takes and those `beside` them, `service:Action`, sorted.

    Custodian says which, from each policy's resource and filters. A policy's own actions and mode do not
    count, since they are never carried out here.
    """
    needed = {*DISCOVERY, *beside}
    for data in policies.data["policies"]:
        needed.update(_needed({key: value for key, value in data.items() if key not in ("actions", "mode")}))
    return tuple(sorted(needed))


def not_reading(actions: Collection[str]) -> list[str]:
    """Those of the actions whose names do not say that they only read."""
    return [action for action in actions if not _READING.match(action.partition(":")[2])]


def as_iam(actions: Collection[str], purpose: Purpose = AUDIT) -> str:
    """An IAM policy (JSON) that allows the actions."""
    return json.dumps(_policy(actions, purpose), indent=2) + "\n"


def as_cloudformation(
    actions: Collection[str],
    trust: str | None,
    external_id: str | None,
    role_name: str | None,
    purpose: Purpose = AUDIT,
) -> str:
    """A CloudFormation template (YAML) with a role that allows the actions and trusts an account.

    Account, external id and role name are its parameters, with the given values as defaults, so that it can
    be a StackSet. Raises InputError where one of them is missing or not what AWS takes.
    """
    if trust is None:
        raise InputError("--format cloudformation needs --trust: the account the audit runs from")
    _check("--trust", trust, _ACCOUNT_ID, "an account id: twelve digits")
    _check(
        "--external-id",
        external_id or "",
        f"|{_EXTERNAL_ID}",
        "an external id: 2 or more of letters, digits and _+=,.@:/-",
    )
    role_name = purpose.role_name if role_name is None else role_name
    _check("--role-name", role_name, _ROLE, "a role name: up to 64 of letters, digits and _+=,.@-")
    template = _template(actions, trust, external_id or "", role_name, purpose)
    return purpose.comment + yamlfile.dump(template)


def _needed(data: dict[str, Any]) -> Iterator[str]:
    manager = Policy(data, Config.empty(dryrun=True, account_id="na", region="na"), Bag()).resource_manager
    yield from manager.get_permissions()
    yield from _parents(manager)
    yield from UNDECLARED.get((f"aws.{manager.type}", _LISTED), ())
    # Not policy.get_permissions(): that does not look into `or`, `and` and `not`.
    for element in manager.iter_filters():
        yield from element.get_permissions()
        yield from UNDECLARED.get((f"aws.{manager.type}", element.type), ())


def _parents(manager: Any) -> Iterator[str]:
    """What listing a child's parents takes (the clusters of an ECS service), which the child leaves out."""
    while isinstance(manager, ChildResourceManager) and manager.source_type != "config":
        manager = manager.get_parent_manager()
        yield from manager.get_permissions()


def _policy(actions: Collection[str], purpose: Purpose) -> dict[str, Any]:
    # To list things cannot be narrowed down to some of them, hence every resource.
    statement = {"Sid": purpose.sid, "Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _check(option: str, value: str, pattern: str, expected: str) -> None:
    if not re.fullmatch(pattern, value):
        raise InputError(f"{option}: {value!r} is not {expected}")


def _template(
    actions: Collection[str], trusted: str, external_id: str, role_name: str, purpose: Purpose
) -> dict[str, Any]:
    def parameter(default: str, pattern: str, description: str) -> dict[str, str]:
        return {
            "Type": "String",
            "Default": default,
            "AllowedPattern": f"^({pattern})$",
            "Description": description,
        }

    assume = {
        "Effect": "Allow",
        "Principal": {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${TrustedAccountId}:root"}},
        "Action": "sts:AssumeRole",
        "Condition": {
            "Fn::If": [
                "HasExternalId",
                {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}},
                {"Ref": "AWS::NoValue"},
            ]
        },
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": purpose.template,
        "Parameters": {
            "TrustedAccountId": parameter(trusted, _ACCOUNT_ID, "The account the audit runs from"),
            "ExternalId": parameter(
                external_id,
                f"|{_EXTERNAL_ID}",
                "What the audit must say to assume the role; empty for nothing",
            ),
            "RoleName": parameter(role_name, _ROLE, "The role's name"),
        },
        "Conditions": {"HasExternalId": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ExternalId"}, ""]}]}},
        "Resources": {
            "AuditRole": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "RoleName": {"Ref": "RoleName"},
                    "Description": purpose.description,
                    "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [assume]},
                    "Policies": [
                        {"PolicyName": purpose.role_name, "PolicyDocument": _policy(actions, purpose)}
                    ],
                },
            }
        },
        "Outputs": {
            "RoleArn": {
                "Description": "For `role` in accounts.yml",
                "Value": {"Fn::GetAtt": ["AuditRole", "Arn"]},
            }
        },
    }
