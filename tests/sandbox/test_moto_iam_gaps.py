import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from reporter.sandbox.estate import ACCOUNTS, REGIONS

ACCOUNT = "666666666666"
OF_AWS = "arn:aws:iam::aws:policy"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
ALLOW = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
)


@pytest.fixture
def iam(client: Callable[..., Any]) -> Any:
    return client("iam", ACCOUNT)


def policies(iam: Any) -> dict[str, dict[str, Any]]:
    found = iam.get_account_authorization_details(Filter=["LocalManagedPolicy", "AWSManagedPolicy"])
    return {policy["Arn"]: policy for policy in found["Policies"]}


def test_a_managed_policy_has_a_name_and_an_id(iam: Any) -> None:
    made = iam.create_policy(PolicyName="own", PolicyDocument=ALLOW)["Policy"]
    told = policies(iam)[made["Arn"]]
    assert (told["PolicyName"], told["PolicyId"]) == ("own", made["PolicyId"])


def test_those_of_aws_are_there_once_they_are_in_use(iam: Any) -> None:
    assert f"{OF_AWS}/ReadOnlyAccess" not in policies(iam)
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName="reader", PolicyArn=f"{OF_AWS}/ReadOnlyAccess")
    bounded = f"{OF_AWS}/job-function/ViewOnlyAccess"
    iam.create_role(RoleName="bounded", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=bounded)
    iam.put_role_permissions_boundary(RoleName="reader", PermissionsBoundary=f"{OF_AWS}/PowerUserAccess")
    found = policies(iam)
    assert {f"{OF_AWS}/ReadOnlyAccess", bounded, f"{OF_AWS}/PowerUserAccess"} <= found.keys()
    (version,) = found[f"{OF_AWS}/PowerUserAccess"]["PolicyVersionList"]
    assert version["Document"]["Statement"][0]["NotAction"][:2] == ["iam:*", "organizations:*"]


@pytest.mark.parametrize(
    "arn",
    [
        f"{OF_AWS}/NoSuchAccess",
        f"{OF_AWS}/path/IAMFullAccess",
        f"arn:aws:iam::{ACCOUNT}:policy/IAMFullAccess",
    ],
)
def test_one_that_there_is_not_is_refused(iam: Any, arn: str) -> None:
    iam.create_role(RoleName="none", AssumeRolePolicyDocument=TRUST)
    try:
        with pytest.raises(ClientError, match="does not exist or is not attachable"):
            iam.attach_role_policy(RoleName="none", PolicyArn=arn)
    finally:
        iam.delete_role(RoleName="none")


def test_the_roles_of_the_estates_instances(client: Callable[..., Any]) -> None:
    found = {}
    for account in ACCOUNTS:
        for region in REGIONS:
            for reservation in client("ec2", account.account_id, region).describe_instances()["Reservations"]:
                for instance in reservation["Instances"]:
                    if "IamInstanceProfile" in instance:
                        (name,) = [tag["Value"] for tag in instance["Tags"] if tag["Key"] == "Name"]
                        found[account.name, name] = instance["IamInstanceProfile"]["Arn"].partition("/")[2]
    assert found == {
        ("dev", "bastion-1"): "bastion-admin",
        ("dev", "web-1"): "web-logs",
        ("staging", "ftp-1"): "deploy",
        ("staging", "old-ci"): "old-ci",
        ("production", "break-glass-1"): "break-glass-data",
    }
    boundary = client("iam", "222222222222").get_role(RoleName="old-ci")["Role"]["PermissionsBoundary"]
    assert boundary["PermissionsBoundaryArn"] == "arn:aws:iam::222222222222:policy/old-ci-boundary"
