"""Cases of policies, as policies/tests/<policy>.yml has them, and whether they hold.

    policies: []   # none to run: Custodian, given a folder, loads all that is below it
    vars:
      cases:
        - why: port 22 is in the middle of the range
          match: true
          resource: {IpPermissions: [{IpProtocol: tcp, FromPort: 20, ToPort: 25, IpRanges: [{CidrIp: 10.0.0.0/8}]}]}

`given`, of all cases or of one, is what AWS would answer to filters that ask: `resources` by type, and the answers
of `calls`, as `ec2.describe_vpcs`. The resource itself is among those of its type.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from reporter import yamlfile
from reporter.custodian import offline
from reporter.custodian.resource_types import GROUPS, full_type
from reporter.errors import InputError

FOLDER = "tests"

# What Custodian's filters take for granted in a resource, and a case may leave out.
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    GROUPS: {
        "GroupId": "sg-0123456789abcdef0",
        "GroupName": "example",
        "OwnerId": "123456789012",
        "VpcId": "vpc-0123456789abcdef0",
        "IpPermissions": [],
        "IpPermissionsEgress": [],
    }
}


class _Given(msgspec.Struct, forbid_unknown_fields=True):
    resources: dict[str, list[dict[str, Any]]] = {}
    calls: dict[str, Any] = {}


class _Case(msgspec.Struct, forbid_unknown_fields=True):
    why: str
    match: bool
    resource: dict[str, Any]
    given: _Given = msgspec.field(default_factory=_Given)


class _Content(msgspec.Struct, forbid_unknown_fields=True):
    cases: list[_Case]
    given: _Given = msgspec.field(default_factory=_Given)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    vars: _Content
    policies: list[Any] = []


@dataclass(frozen=True)
class Case:
    """A resource, whether the policy must match it, and why; with what AWS would answer to its filters."""

    why: str
    match: bool
    resource: Mapping[str, Any]
    resources: Mapping[str, Sequence[Mapping[str, Any]]]
    calls: Mapping[str, Any]


def read(sources: Sequence[Path], names: Sequence[str]) -> dict[str, list[Case]]:
    """The cases of each policy, from the `tests` folders beside the given files and folders of policies.

    `names` are all policies there are. Raises InputError where a file is not one of cases, or is for none of
    those policies.
    """
    folders = dict.fromkeys((source if source.is_dir() else source.parent) / FOLDER for source in sources)
    found: dict[str, list[Case]] = {}
    for folder in folders:
        for path in yamlfile.files(folder, (".yml", ".yaml")) if folder.is_dir() else ():
            if path.stem in names:
                found.setdefault(path.stem, []).extend(read_file(path))
            elif all(source.is_dir() for source in sources):
                raise InputError(f"{path}: no policy is called {path.stem}")
    return found


def holds(policy: Mapping[str, Any], case: Case) -> bool:
    """Whether a policy does with a case's resource what the case asks for.

    Within `offline.sealed()`. Raises NotEvaluableError where a filter asks for what is not given, or fails.
    """
    kind = full_type(policy["resource"])
    resource = {**copy.deepcopy(dict(_DEFAULTS.get(kind, {}))), **copy.deepcopy(dict(case.resource))}
    listed = {full_type(each): list(found) for each, found in case.resources.items()}
    listed[kind] = [*listed.get(kind, ()), resource]
    lists = {each: lambda found=found: copy.deepcopy(found) for each, found in listed.items()}
    kept = offline.evaluate(policy, [copy.deepcopy(resource)], offline.RecordedAnswers(lists, case.calls))
    return bool(kept) == case.match


def read_file(path: Path) -> list[Case]:
    try:
        file = msgspec.convert(yamlfile.load(path), _File)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: not a file of cases: {error}") from None
    if file.policies:
        raise InputError(f"{path}: a file of cases has no policies of its own")
    given = file.vars.given
    return [
        Case(
            why=" ".join(case.why.split()),
            match=case.match,
            resource=case.resource,
            resources={**given.resources, **case.given.resources},
            calls={**given.calls, **case.given.calls},
        )
        for case in file.vars.cases
    ]
