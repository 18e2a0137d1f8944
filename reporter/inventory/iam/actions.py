"""All of AWS's actions as policy_sentry lists them, sets of them, and what cloudsplaining says some are good for.

A set is a number with a bit an action: a policy may name all 20,000 of them, and there are many policies. Importing
this takes a third of a second and some 90 MB, so it is done late.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache

from cloudsplaining.shared.constants import PRIVILEGE_ESCALATION_METHODS, READ_ONLY_DATA_EXFILTRATION_ACTIONS
from policy_sentry.querying.actions import get_action_data
from policy_sentry.querying.all import get_all_actions

from reporter.inventory.iam.patterns import PART, compiled, covers, overlap

ActionSet = int

#: Actions that read what is stored, or share a copy of it: those of cloudsplaining, which has S3, SSM's parameters and
#: Secrets Manager alone, and what does the same of other stores.
DATA_ACTIONS = (
    *READ_ONLY_DATA_EXFILTRATION_ACTIONS,
    "s3:GetObjectVersion",
    "ssm:GetParameterHistory",
    "secretsmanager:BatchGetSecretValue",
    "aoss:APIAccessAll",
    "athena:GetQueryResults",
    "cassandra:Select",
    "dax:BatchGetItem",
    "dax:GetItem",
    "dax:Query",
    "dax:Scan",
    "dsql:DbConnect",
    "dsql:DbConnectAdmin",
    "elasticache:Connect",
    "es:ESHttpGet",
    "es:ESHttpPost",
    "kafka-cluster:ReadData",
    "memorydb:Connect",
    "neptune-db:ReadDataViaQuery",
    "s3-object-lambda:GetObject",
    "s3express:CreateSession",
    "s3tables:GetTableData",
    "timestream:Select",
    "dynamodb:BatchGetItem",
    "dynamodb:ExportTableToPointInTime",
    "dynamodb:GetItem",
    "dynamodb:GetRecords",
    "dynamodb:PartiQLSelect",
    "dynamodb:Query",
    "dynamodb:Scan",
    "ebs:GetSnapshotBlock",
    "ec2:ModifyImageAttribute",
    "ec2:ModifySnapshotAttribute",
    "elasticfilesystem:ClientMount",
    "kinesis:GetRecords",
    "kinesis:SubscribeToShard",
    "sqs:ReceiveMessage",
    "rds-data:BatchExecuteStatement",
    "rds-data:ExecuteStatement",
    "rds-db:connect",
    "rds:ModifyDBClusterSnapshotAttribute",
    "rds:ModifyDBSnapshotAttribute",
    "redshift-data:BatchExecuteStatement",
    "redshift-data:ExecuteStatement",
    "redshift-serverless:GetCredentials",
    "redshift:GetClusterCredentials",
    "redshift:GetClusterCredentialsWithIAM",
)

#: Actions that take up the role of something that is there already, each a way by itself: ways of pathfinding.cloud
#: that cloudsplaining leaves out (apprunner-002, cloudformation-002, codebuild-002 and 003, ssm-001 and 002).
TAKES_UP_A_ROLE = (
    "apprunner:UpdateService",
    "cloudformation:UpdateStack",
    "codebuild:StartBuild",
    "codebuild:StartBuildBatch",
    "ssm:SendCommand",
    "ssm:StartSession",
)

#: Actions that take off a permissions boundary, or put a wider one in its place: each a way for a role that has one
#: (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html).
OPENS_A_BOUNDARY = ("iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary")

#: Ways to more power than a role was given, by what each takes.
WAYS: tuple[tuple[str, ...], ...] = (
    *map(tuple, PRIVILEGE_ESCALATION_METHODS.values()),
    *((action,) for action in TAKES_UP_A_ROLE),
)

# Those that say how powerful a role is count whether policy_sentry knows them or not, and stand first: their sets are
# small numbers then.
_TELLING = (
    *(action for way in WAYS for action in way),
    *OPENS_A_BOUNDARY,
    *DATA_ACTIONS,
)
_WRITTEN = {name.lower(): name for name in (*_TELLING, *get_all_actions())}
_FIRST = {name.lower() for name in _TELLING}
_ACTIONS = sorted(_WRITTEN, key=lambda action: (action not in _FIRST, action))
_PLACE = {action: place for place, action in enumerate(_ACTIONS)}

#: Every action there is.
EVERY_ACTION: ActionSet = (1 << len(_PLACE)) - 1

_VARIABLE = re.compile(r"\$\{[^}]*\}")


def _by_service() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for action in _PLACE:
        found.setdefault(action.partition(":")[0], []).append(action)
    return found


_OF_SERVICE = _by_service()


def _set_of(actions: Iterable[str]) -> ActionSet:
    found = 0
    for action in actions:
        found |= 1 << _PLACE[action]
    return found


def _sets_of(ways: Iterable[Iterable[str]]) -> tuple[ActionSet, ...]:
    sets = {_set_of(map(str.lower, way)) for way in ways}
    return tuple(sorted(sets, key=lambda way: (way.bit_count(), way)))


#: WAYS as sets, and the same for a role that has a permissions boundary.
METHODS = _sets_of(WAYS)
METHODS_WITHIN = _sets_of((*WAYS, *((action,) for action in OPENS_A_BOUNDARY)))

#: What reads data.
DATA = _set_of(action.lower() for action in DATA_ACTIONS)


#: What gives a role to a service.
PASS_ROLE = _set_of(["iam:passrole"])

# Resources of which one gives a shell on an instance: no document that does one thing, no session in a container.
_OF_A_SHELL = {
    "ssm:sendcommand": tuple(
        f"arn:{PART}:ssm:{PART}:{PART}:document/AWS-Run{shell}Script" for shell in ("Shell", "PowerShell")
    ),
    "ssm:startsession": (
        f"arn:{PART}:ec2:{PART}:{PART}:instance/*",
        f"arn:{PART}:ssm:{PART}:{PART}:managed-instance/*",
    ),
}

# Services that a role is passed to by actions of another one: https://docs.aws.amazon.com/datapipeline/latest/
# DeveloperGuide/dp-iam-roles.html
_PASSES_ON = {"datapipeline": ("ec2", "elasticmapreduce")}


#: All of those: what says how powerful a role is.
TELLING = _set_of(_FIRST)


@lru_cache(maxsize=50_000)
def named_by(pattern: str) -> ActionSet:
    """The actions of a pattern in small letters."""
    if not {"*", "?"} & set(pattern):
        return 1 << _PLACE[pattern] if pattern in _PLACE else 0
    if set(pattern) == {"*"}:
        return EVERY_ACTION
    service = pattern.partition(":")[0]
    # policy_sentry expands what follows a service's exact name alone, and no `?`.
    among = _OF_SERVICE.get(service, []) if not {"*", "?"} & set(service) else _PLACE
    return _set_of(filter(compiled(pattern).fullmatch, among))


def one_by_one(actions: ActionSet) -> Iterator[ActionSet]:
    """The actions as sets of one."""
    while actions:
        lowest = actions & -actions
        yield lowest
        actions ^= lowest


def names(actions: ActionSet) -> Iterator[str]:
    """The actions as AWS writes them, by name."""
    return (_WRITTEN[_ACTIONS[one.bit_length() - 1]] for one in one_by_one(actions))


#: Actions that are part of a way only for some of what they can be asked for.
LIMITED = PASS_ROLE | _set_of(_OF_A_SHELL)


def of_a_shell(action: ActionSet) -> tuple[str, ...]:
    """Patterns of the resources of which one makes an action of LIMITED, but for PASS_ROLE, a way."""
    return _OF_A_SHELL[_ACTIONS[action.bit_length() - 1]]


@cache
def receivers(way: ActionSet) -> tuple[str, ...]:
    """Patterns of the services (`ecs-tasks.amazonaws.com`) that a way with PASS_ROLE gives a role to: those whose name
    has that of a service that it takes."""
    services = {name.partition(":")[0] for name in names(way & ~PASS_ROLE)}
    return tuple(
        f"*{each}*" for service in sorted(services) for each in (service, *_PASSES_ON.get(service, ()))
    )


def on_resources(actions: ActionSet, resources: Iterable[str]) -> ActionSet:
    """The actions without those that say how powerful a role is and are never asked for such resources."""
    resources = tuple(resources)
    gone = 0
    for action in map(str.lower, names(actions & TELLING)):
        if not any(_may_be_for(action, each) for each in resources):
            gone |= 1 << _PLACE[action]
    return actions & ~gone


def off_resources(actions: ActionSet, resources: Iterable[str]) -> ActionSet:
    """The actions without those that say how powerful a role is and are asked for such resources alone."""
    resources = tuple(resources)
    gone = 0
    for action in map(str.lower, names(actions & TELLING)):
        kinds = _resources_of(action)
        if kinds and all(any(_is_all_of(each, kind) for each in resources) for kind in kinds):
            gone |= 1 << _PLACE[action]
    return actions & ~gone


@lru_cache(maxsize=50_000)
def _is_all_of(resource: str, kind: str) -> bool:
    """Whether a pattern is all of a kind of resources, in its own partition: an account has one."""
    *_, named = resource.split(":", 2)
    return resource.startswith("arn:") and covers(named, kind.split(":", 2)[2])


@lru_cache(maxsize=50_000)
def _may_be_for(action: str, resource: str) -> bool:
    kinds = _resources_of(action)
    return kinds is None or any(overlap(kind, resource) for kind in kinds)


@cache
def _resources_of(action: str) -> tuple[str, ...] | None:
    """Patterns of the resources that an action may be asked for, none where that is `*` alone; None where nobody
    knows."""
    service, _, name = action.partition(":")
    found = get_action_data(service, name)
    if not found:
        return None
    kinds = {each["resource_arn_format"] for each in found[service]} - {"*"}
    return tuple(sorted(map(_pattern_of, kinds)))


def _pattern_of(arn_format: str) -> str:
    """The pattern of `arn:${Partition}:s3:::${BucketName}/${ObjectName}`."""
    *parts, name = arn_format.split(":", 5)
    return ":".join((*(_VARIABLE.sub(PART, part) for part in parts), _VARIABLE.sub("*", name)))
