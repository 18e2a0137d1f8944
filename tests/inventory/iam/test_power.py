"""What roles may do: documents as IAM takes them, and the word for each, written by hand."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from reporter.inventory.iam import documents, roles
from reporter.inventory.iam.patterns import covers, overlap

Document = Any
PROFILE = "arn:aws:iam::111111111111:instance-profile/app"
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def document(*statements: Any) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def managed(name: str, held: Document, older: Document | None = None) -> dict[str, Any]:
    versions = [{"VersionId": "v2", "IsDefaultVersion": True, "Document": held}]
    if older is not None:
        versions.insert(0, {"VersionId": "v1", "IsDefaultVersion": False, "Document": older})
    return {"PolicyName": name, "Arn": arn(name), "DefaultVersionId": "v2", "PolicyVersionList": versions}


def arn(name: str) -> str:
    return f"arn:aws:iam::111111111111:policy/{name}"


def role(
    *inline: Document, attached: tuple[str, ...] = (), boundary: str = "", profile: str = PROFILE
) -> dict[str, Any]:
    found = {
        "RoleName": "app",
        "Arn": "arn:aws:iam::111111111111:role/app",
        "InstanceProfileList": [{"InstanceProfileName": "app", "Arn": profile, "Roles": []}],
        "RolePolicyList": [{"PolicyName": "own", "PolicyDocument": each} for each in inline],
        "AttachedManagedPolicies": [{"PolicyName": each, "PolicyArn": arn(each)} for each in attached],
    }
    if boundary:
        kind = "PermissionsBoundaryPolicy"
        found["PermissionsBoundary"] = {
            "PermissionsBoundaryType": kind,
            "PermissionsBoundaryArn": arn(boundary),
        }
    return found


def judged(*records: dict[str, Any]) -> tuple[str, str]:
    """The word for the role that is among the records, and why."""
    found, problems = roles.read(json.dumps(records).encode())
    assert not problems
    return found[PROFILE].power.value, found[PROFILE].why


def pass_role(operator: str, services: Any) -> dict[str, Any]:
    return allow("iam:PassRole", Condition={operator: {"iam:PassedToService": services}})


ALL = allow("*")
RUN = allow("ec2:RunInstances")
WORDS: dict[str, tuple[tuple[Any, ...], str]] = {
    "everything": ((ALL,), "admin"),
    "everything, as service and name": ((allow("*:*"),), "admin"),
    "everything, in a list": ((allow(["s3:GetObject", "*"], ["arn:aws:s3:::b", "*"]),), "admin"),
    "everything, in two statements": (
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, allow("IAM:*")),
        "admin",
    ),
    "everything, by letters": ((allow([f"{letter}*" for letter in "abcdefghijklmnopqrstuvwxyz"]),), "admin"),
    "everything on what has a name": ((allow("*", "arn:aws:*:*:*:*"),), "admin"),
    "everything of one bucket": ((allow("*", "arn:aws:s3:::b/*"),), "data access"),
    "everything but of one bucket": (
        ({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::b/*"},),
        "privilege escalation",
    ),
    "data of all but all buckets": (
        ({"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:*"},),
        "other",
    ),
    "data of all but one bucket": (
        ({"Effect": "Allow", "Action": "s3:*", "NotResource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]},),
        "data access",
    ),
    "data of all but one account's": (
        ({"Effect": "Allow", "Action": "sqs:*", "NotResource": "arn:aws:sqs:*:222222222222:*"},),
        "data access",
    ),
    "data of all but what is in another service": (
        ({"Effect": "Allow", "Action": "sqs:*", "NotResource": ["arn:aws:s3:::*", "x", "arn:"]},),
        "data access",
    ),
    "ways of all but roles and policies": (
        ({"Effect": "Allow", "Action": "iam:*", "NotResource": "arn:aws:iam::*:*"},),
        "other",
    ),
    "everything but of everything": (
        ({"Effect": "Allow", "Action": "*", "NotResource": ["arn:aws:s3:::b/*", "*"]},),
        "none",
    ),
    "a Deny of everything": ((ALL, deny("*")), "none"),
    "a Deny of everything, as service and name": ((ALL, deny("*:*")), "none"),
    "a Deny of IAM leaves other ways": ((ALL, deny("iam:*")), "privilege escalation"),
    "a Deny of all but some reading": (
        (ALL, {"Effect": "Deny", "NotAction": ["s3:Get*", "ec2:Describe*"], "Resource": "*"}),
        "data access",
    ),
    "a Deny with a condition subtracts nothing": ((ALL, deny("*", Condition=MFA)), "admin"),
    "a Deny on some resources subtracts nothing": ((ALL, deny("*", "arn:aws:s3:::secret/*")), "admin"),
    "a Deny on all but some subtracts nothing": (
        (ALL, {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::b"}),
        "admin",
    ),
    "a Deny on all that has a name is not one on *": ((ALL, deny("*", "arn:aws:*")), "admin"),
    "a Deny of what there is not": ((ALL, deny("nosuchservice:*")), "admin"),
    "an Allow with a condition counts": ((allow("*", Condition=MFA),), "admin"),
    "an empty condition is none": ((ALL, deny("*", Condition={})), "none"),
    "a way to more": ((allow("iam:PutRolePolicy"),), "privilege escalation"),
    "a way in any case": ((allow("IAM:putROLEpolicy"),), "privilege escalation"),
    "a way by a wildcard in the middle": ((allow("iam:P*RolePolicy"),), "privilege escalation"),
    "a way by a wildcard for a letter": ((allow("iam:Put?olePolicy"),), "privilege escalation"),
    "a way by a wildcard in the service": ((allow("ia*:PutRolePolicy"),), "privilege escalation"),
    "a way of two actions in two statements": (
        (allow("iam:PassRole", "arn:aws:iam::111111111111:role/other"), allow("ec2:RunInstances")),
        "privilege escalation",
    ),
    "a way on what a variable names": (
        (allow("iam:PutRolePolicy", "arn:aws:iam::111111111111:${aws:PrincipalTag/kind}/x"),),
        "privilege escalation",
    ),
    "a Deny on what a variable names subtracts nothing": (
        (ALL, deny("*", "${aws:PrincipalTag/arn}")),
        "admin",
    ),
    "a shell on other instances": ((allow("ssm:SendCommand"),), "privilege escalation"),
    "a shell by a document of AWS's": (
        (allow("ssm:SendCommand", ["arn:aws:ssm:*:*:document/AWS-Run*", "arn:aws:ec2:*:*:instance/*"]),),
        "privilege escalation",
    ),
    "no shell by a document that does one thing": (
        (allow("ssm:SendCommand", ["arn:aws:ssm:*::document/AWSEC2-*", "arn:aws:ec2:*:*:instance/*"]),),
        "other",
    ),
    "a session on an instance": (
        (allow("ssm:StartSession", "arn:aws:ec2:*:*:instance/*"),),
        "privilege escalation",
    ),
    "no session but in a container": ((allow("ssm:StartSession", "arn:aws:ecs:*:*:task/*"),), "other"),
    "a build of another role's": ((allow("codebuild:StartBuild"),), "privilege escalation"),
    "a role passed to a service of a way": (
        (RUN, pass_role("StringEquals", "ec2.amazonaws.com")),
        "privilege escalation",
    ),
    "a role passed to a service of another name": (
        (allow(["ecs:RunTask", "ecs:RegisterTaskDefinition"]), pass_role("stringlike", ["ecs-tasks.*"])),
        "privilege escalation",
    ),
    "a role passed to any service": (
        (RUN, pass_role("StringLike", "*.amazonaws.com")),
        "privilege escalation",
    ),
    "a role passed to what another action hands on": (
        (allow("datapipeline:*"), pass_role("StringEquals", "ec2.amazonaws.com")),
        "privilege escalation",
    ),
    "a role passed to a service of no way": (
        (RUN, pass_role("StringEquals", ["dax.amazonaws.com", "monitoring.rds.amazonaws.com"])),
        "other",
    ),
    "a role passed to a service of no way, and to others by another statement": (
        (RUN, pass_role("StringEquals", "dax.amazonaws.com"), allow("iam:Pass*", "arn:aws:iam::1:role/x")),
        "privilege escalation",
    ),
    "a role passed to what is no text": (
        (RUN, allow("s3:GetObject"), pass_role("StringEquals", [7, True, None])),
        "data access",
    ),
    "a role passed to all services but one": (
        (RUN, pass_role("StringNotEquals", "dax.amazonaws.com")),
        "privilege escalation",
    ),
    "a role passed to a service, or to nobody knows what": (
        (RUN, pass_role("StringEqualsIfExists", "dax.amazonaws.com")),
        "privilege escalation",
    ),
    "a role passed to a service of no way, where no way takes it": (
        (allow("iam:PutRolePolicy"), pass_role("StringEquals", "dax.amazonaws.com")),
        "privilege escalation",
    ),
    "to take off a boundary that it has not": ((allow("iam:DeleteRolePermissionsBoundary"),), "other"),
    "half of a way": ((allow("iam:PassRole"),), "other"),
    "a way with half of it denied": (
        (allow(["iam:PassRole", "ec2:RunInstances"]), deny("ec2:RunInstances")),
        "other",
    ),
    "a way on what is no role": ((allow("iam:PutRolePolicy", "arn:aws:iam::1:user/*"),), "none"),
    "a way that is only for all": ((allow("sts:*", "arn:aws:s3:::b"),), "other"),
    "all but a service": (
        ({"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"},),
        "privilege escalation",
    ),
    "data": ((allow("s3:GetObject", "arn:aws:s3:::${aws:PrincipalTag/team}/*"),), "data access"),
    "data by a wildcard": ((allow("*:Get*"),), "data access"),
    "data of another store": ((allow("dynamodb:Scan"),), "data access"),
    "data with what is no object's name": ((allow("s3:GetObject", "arn:aws:sqs:*:*:q"),), "none"),
    "data of a store with a door of its own": (
        (allow("es:ESHttp*", "arn:aws:es:*:*:domain/d/*"),),
        "data access",
    ),
    "data that is denied": ((allow("s3:*"), deny("s3:Get*")), "other"),
    "reading what is about things": ((allow("ec2:Describe*"),), "other"),
    "a service that is new": ((allow("nosuchservice:Do"),), "other"),
    "a service that is new, denied": ((allow("nosuchservice:Do"), deny("nosuchservice:*")), "none"),
    "a service that is new, denied by all but": (
        (allow("nosuchservice:Do"), {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}),
        "none",
    ),
    "nothing": ((), "none"),
    "on nothing": ((allow("*", []),), "none"),
    "a Deny alone": ((deny("s3:*"),), "none"),
}


@pytest.mark.parametrize(("statements", "word"), WORDS.values(), ids=WORDS)
def test_a_role_has_the_word_for_what_its_statements_come_to(statements: tuple[Any, ...], word: str) -> None:
    # Whether they are in one policy, in one each, or in managed ones.
    assert judged(role(document(*statements)))[0] == word
    assert judged(role(*map(document, statements)))[0] == word
    names = tuple(f"p{number}" for number in range(len(statements)))
    policies = [managed(name, document(each)) for name, each in zip(names, statements, strict=True)]
    assert judged(*policies, role(attached=names))[0] == word


def test_a_statement_need_not_be_in_a_list_and_a_document_may_be_a_text() -> None:
    single = {"Statement": ALL}
    for form in (single, json.dumps(single), quote(json.dumps(single))):
        assert judged(role(form)) == ("admin", "by every action on every resource")


def test_the_names_of_elements_hang_on_no_capital() -> None:
    """Those of statements that allow, and those of what takes a Deny its edge."""
    plain = {"statement": [{"effect": "Allow", "action": "*", "resource": "*"}]}
    assert judged(role(plain))[0] == "admin"
    assert judged(role({"STATEMENT": [ALL, deny("*", condition=MFA)]}))[0] == "admin"
    assert (
        judged(role({"Statement": [ALL, {"Effect": "Deny", "notAction": "*", "resource": "*"}]}))[0]
        == "admin"
    )


def test_of_a_managed_policy_the_default_version_holds() -> None:
    assert judged(managed("p", document(), older=document(ALL)), role(attached=("p",)))[0] == "none"


BOUNDARIES: dict[str, tuple[Any, Any, str]] = {
    "as wide": (ALL, ALL, "admin"),
    "narrower": (ALL, allow("s3:*"), "data access"),
    "of all but": (ALL, {"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}, "privilege escalation"),
    "on some resources": (ALL, allow("*", "arn:aws:s3:::b/*"), "data access"),
    "on the same resources": (
        allow("s3:Get*", "arn:aws:s3:::b/*"),
        allow("*", "arn:aws:s3:::b/x*"),
        "data access",
    ),
    "on other resources": (allow("s3:GetObject", "arn:aws:s3:::b/*"), allow("*", "arn:aws:s3:::c/*"), "none"),
    "on all but some resources": (
        allow("s3:GetObject", "arn:aws:s3:::b/*"),
        {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::c/*"},
        "data access",
    ),
    "beside": (allow("s3:*"), allow("ec2:*"), "none"),
    "with a Deny": (ALL, deny("*"), "none"),
    "it gives nothing by itself": (allow("ec2:Describe*"), ALL, "other"),
    "that it may take off itself": (
        ALL,
        allow(["s3:Get*", "iam:DeleteRolePermissionsBoundary"]),
        "privilege escalation",
    ),
    "that it may put another in place of": (
        allow(["iam:PutRole*Boundary"], "arn:aws:iam::111111111111:role/app"),
        ALL,
        "privilege escalation",
    ),
    "that it may not take off": (
        allow(["s3:Get*", "iam:Delete*"]),
        [ALL, deny("iam:*RolePermissionsBoundary")],
        "data access",
    ),
    "of a role passed elsewhere": (
        allow(["iam:PassRole", "ec2:RunInstances"]),
        [RUN, pass_role("StringEquals", "dax.amazonaws.com")],
        "other",
    ),
    "a service that is new": (allow("nosuchservice:Do"), allow("nosuch*"), "other"),
    "a service that is new, beside": (allow("nosuchservice:Do"), allow("s3:*"), "none"),
}


@pytest.mark.parametrize(("own", "boundary", "word"), BOUNDARIES.values(), ids=BOUNDARIES)
def test_a_boundary_is_what_a_role_may_do_at_the_most(own: Any, boundary: Any, word: str) -> None:
    held = document(*(boundary if isinstance(boundary, list) else [boundary]))
    assert judged(role(document(own), boundary="b"), managed("b", held))[0] == word


def test_a_deny_within_a_boundary_subtracts() -> None:
    boundary = managed("b", document(ALL, deny("*")))
    assert judged(role(document(ALL), boundary="b"), boundary)[0] == "none"


def test_without_its_boundary_a_role_is_unknown_unless_it_may_do_nothing() -> None:
    told = f"its permissions boundary {arn('b')} could not be read"
    assert judged(role(document(ALL), boundary="b")) == ("unknown", told)
    assert judged(role(document(deny("*")), boundary="b")) == ("none", "")
    assert judged(role(attached=("gone",), boundary="b"))[0] == "unknown"


def test_without_one_of_its_policies_a_role_is_unknown_unless_it_is_admin_already() -> None:
    told = f"{arn('gone')} could not be read; the rest comes to data access by s3:GetObject"
    assert judged(role(document(allow("s3:GetObject")), attached=("gone",))) == ("unknown", told)
    assert judged(role(document(ALL), attached=("gone",)))[0] == "admin"
    # As little is known of one without the version that holds, or that is not of IAM's form.
    empty = {"PolicyName": "p", "Arn": arn("p"), "DefaultVersionId": "v3", "PolicyVersionList": []}
    assert judged(empty, role(attached=("p",))) == ("unknown", f"{arn('p')} could not be read")
    for broken in (
        {"Statement": [{"Effect": "allow", "Action": "*", "Resource": "*"}]},
        "{",
        [],
        None,
        7,
        "[" * 100_000,
    ):
        assert judged(role(broken)) == ("unknown", "an inline policy could not be read")


WHY: dict[str, tuple[tuple[Any, ...], str]] = {
    "admin with a condition": (
        (allow("*", Condition=MFA),),
        "by every action on every resource with conditions",
    ),
    "admin without": ((ALL, allow("s3:*", Condition=MFA)), "by every action on every resource"),
    "a condition that the word does not hang on": (
        (allow("s3:GetObject"), allow("dynamodb:Scan", Condition=MFA)),
        "by dynamodb:Scan and s3:GetObject",
    ),
    "other with a condition": ((allow("ec2:Describe*", Condition=MFA),), "with conditions"),
    "some resources": (
        (allow("s3:GetObject", "arn:aws:s3:::b/*", Condition=MFA),),
        "by s3:GetObject on some resources with conditions",
    ),
    "ways": (
        (allow(["iam:PassRole", "ec2:RunInstances", "iam:PutRolePolicy"]),),
        "by iam:PutRolePolicy or ec2:RunInstances with iam:PassRole",
    ),
    "a way by a condition that lets it": (
        (RUN, pass_role("StringEquals", "ec2.amazonaws.com")),
        "by ec2:RunInstances with iam:PassRole with conditions",
    ),
    "one more": (
        (allow(["dynamodb:Scan", "dynamodb:Query", "s3:GetObject", "rds-db:connect"]),),
        "by dynamodb:Query and dynamodb:Scan and rds-db:connect and 1 more action",
    ),
    "many": (
        (allow(["dynamodb:Scan", "dynamodb:Query", "s3:GetObject", "rds-db:connect", "sqs:*"]),),
        "by dynamodb:Query and dynamodb:Scan and rds-db:connect and 2 more actions",
    ),
}


@pytest.mark.parametrize(("statements", "why"), WHY.values(), ids=WHY)
def test_it_is_told_by_what(statements: tuple[Any, ...], why: str) -> None:
    assert judged(role(document(*statements)))[1] == why


def test_roles_that_no_instance_can_have_are_not_judged() -> None:
    found, _ = roles.read(json.dumps([role(document(ALL)) | {"InstanceProfileList": []}]).encode())
    assert found == {}


def test_a_record_that_cannot_be_read_is_no_other_ones_loss() -> None:
    found, problems = roles.read(json.dumps([{"RoleName": 7}, role(document(ALL))]).encode())
    assert found[PROFILE].power == "admin"
    assert len(problems) == 1


def test_where_the_libraries_are_missing_a_role_is_unknown_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(roles, "_PACKAGES", ("cloudsplaining", "no_such_package"))
    told = "cloudsplaining or no_such_package is not installed here"
    assert judged(role(document(ALL))) == ("unknown", told)


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("a*c", "ab*", True),
        ("a*c", "b*", False),
        ("*", "", True),
        ("a?", "a", False),
        ("?b", "a*", True),
        ("ab*cd*", "*c?e", True),
        ("ab", "ab**", True),
        ("arn:*:s3", "arn:aws:s3", True),
        # In a part of an ARN there is no colon.
        ("arn:\0:iam", "arn:aws:s3:::b:iam", False),
        ("arn:\0:iam", "arn:*", True),
        ("arn:\0:iam", "arn:a?s:iam", True),
    ],
)
def test_patterns_meet_where_a_text_is_of_both(one: str, other: str, meet: bool) -> None:
    assert overlap(one, other) is meet
    if "\0" not in one:
        assert overlap(other, one) is meet


def test_patterns_of_many_stars_are_compared_in_no_time() -> None:
    """Whoever may write a policy in an account could otherwise keep the report of all of them from ever being made."""
    assert not overlap("*a" * 3_000 + "b", "*ac" * 2_000)
    assert overlap("*a" * 3_000 + "*", "*ac" * 2_000)
    assert not covers("zz:" + "a*" * 40 + "b", "zz:" + "a" * 1_000)
    assert covers("zz:" + "a*" * 40 + "b", "zz:" + "a" * 1_000 + "b")
    new, denied = allow("zz:" + "a" * 100), deny("zz:" + "a*" * 40 + "b")
    assert judged(role(document(new, denied)))[0] == "other"


@pytest.mark.parametrize(
    ("pattern", "text", "is_of_it"),
    [
        ("a*b*c", "abc", True),
        ("a*b*c", "axbxbxc", True),
        ("a*b*c", "acb", False),
        ("*b*b", "ab", False),
        ("*b*b", "bb", True),
        ("a**?", "a", False),
        ("a**?", "ab", True),
        ("*a?*c", "xaac", True),
        ("a.c", "abc", False),
        ("ab*", "a", False),
    ],
)
def test_a_star_is_any_text_and_a_question_mark_any_character(
    pattern: str, text: str, is_of_it: bool
) -> None:
    assert covers(pattern, text) is is_of_it


def test_a_pattern_covers_what_is_narrower() -> None:
    assert covers("s3:*", "s3:get*")
    assert not covers("s3:get*", "s3:*")


def test_a_document_that_many_accounts_have_is_read_once() -> None:
    one, other = (
        documents.statements(
            json.dumps(document(allow("s3:Get*", f"arn:aws:s3:::logs-{account}/*"))).encode(), account
        )
        for account in ("111111111111", "222222222222")
    )
    assert one is other is not None


def test_a_managed_policy_that_many_roles_have_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bytes] = []
    statements = documents.statements

    def counted(held: bytes, account_id: str = "") -> Any:
        read.append(held)
        return statements(held, account_id)

    monkeypatch.setattr(documents, "statements", counted)
    three = [role(attached=("p",), profile=f"{PROFILE}{number}") for number in range(3)]
    found, _ = roles.read(json.dumps([managed("p", document(ALL)), *three]).encode())
    assert [each.power for each in found.values()] == ["admin"] * 3
    assert len(read) == 1


# Of policies that AWS manages, and many accounts attach to roles of instances.
OF_AWS = {
    "AdministratorAccess": "admin",
    "PowerUserAccess": "privilege escalation",
    "IAMFullAccess": "privilege escalation",
    "AmazonEC2FullAccess": "privilege escalation",
    "AmazonSSMFullAccess": "privilege escalation",
    "AmazonSSMManagedInstanceCore": "data access",
    "CloudWatchAgentServerPolicy": "data access",
    "ReadOnlyAccess": "data access",
    "AmazonS3ReadOnlyAccess": "data access",
    "AmazonDynamoDBFullAccess": "data access",
    "AmazonOpenSearchServiceFullAccess": "data access",
    "AWSEC2VssSnapshotPolicy": "other",
    "AmazonEKSWorkerNodePolicy": "other",
    "AmazonEC2ContainerRegistryReadOnly": "other",
    "AWSXRayDaemonWriteAccess": "other",
    "SecurityAudit": "other",
    "AWSDenyAll": "none",
}


def test_policies_that_aws_manages_have_the_word_that_an_auditor_expects() -> None:
    theirs = json.loads(aws_managed_policies_data)
    assert {name: judged(role(theirs[name]["Document"]))[0] for name in OF_AWS} == OF_AWS
