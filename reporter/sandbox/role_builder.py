"""Builds an account's roles, each with an instance profile of its name."""

import json
from collections.abc import Iterable
from typing import Any

from reporter.sandbox.resources import Role, Statement

_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def build(iam: Any, roles: Iterable[Role]) -> None:
    """Create them by IAM's client of the account."""
    for role in roles:
        bounded = {}
        if role.boundary:
            policy = iam.create_policy(
                PolicyName=f"{role.name}-boundary", PolicyDocument=_document(role.boundary)
            )
            bounded = {"PermissionsBoundary": policy["Policy"]["Arn"]}
        iam.create_role(
            RoleName=role.name,
            Description=role.description,
            AssumeRolePolicyDocument=json.dumps(_TRUST),
            **bounded,
        )
        for name in role.of_aws:
            iam.attach_role_policy(RoleName=role.name, PolicyArn=f"arn:aws:iam::aws:policy/{name}")
        if role.inline:
            iam.put_role_policy(
                RoleName=role.name, PolicyName=f"{role.name}-inline", PolicyDocument=_document(role.inline)
            )
        iam.create_instance_profile(InstanceProfileName=role.name)
        iam.add_role_to_instance_profile(InstanceProfileName=role.name, RoleName=role.name)


def _document(statements: Iterable[Statement]) -> str:
    allowed = [
        {"Effect": "Allow", "Action": list(each.actions), "Resource": each.resource} for each in statements
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": allowed})
