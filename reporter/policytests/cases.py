"""Cases of policies, as policies/tests/<policy>.yml has them, and how they are run.

    policies: []   # none to run: Custodian, given a folder, loads all that is below it
    vars:
      cases:
        - why: port 22 is in the middle of the range
          match: true
          resource: {IpPermissions: [{IpProtocol: tcp, FromPort: 20, ToPort: 25, IpRanges: [{CidrIp: 10.0.0.0/8}]}]}

`given`, of all cases or of one, is what AWS would answer to filters that ask: `resources` by type, and the answers
of `calls`, as `ec2.describe_vpcs`; and the texts of `files`, by the URLs of `value_from`. The resource itself is among
those of its type. `annotations` of a case that matches are what the filters must have written on the resource, such as
`c7n:prefix-entries`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from reporter import yamlfile
from reporter.custodian import offline, policies
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
    files: dict[str, str] = {}


class _Case(msgspec.Struct, forbid_unknown_fields=True):
    why: str
    match: bool
    resource: dict[str, Any]
    annotations: dict[str, Any] = {}
    given: _Given = msgspec.field(default_factory=_Given)


class _Content(msgspec.Struct, forbid_unknown_fields=True):
    cases: list[_Case]
    given: _Given = msgspec.field(default_factory=_Given)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    vars: _Content
    policies: list[Any] = []


@dataclass(frozen=True)
class Case:
    """A resource, whether the policy must match it, and why; with what AWS would answer to its filters, and what
    they must write on it."""

    why: str
    match: bool
    resource: Mapping[str, Any]
    resources: Mapping[str, Sequence[Mapping[str, Any]]]
    calls: Mapping[str, Any]
    files: Mapping[str, str]
    annotations: Mapping[str, Any] = field(default_factory=dict)


def read(sources: Sequence[Path], names: Sequence[str]) -> dict[str, list[Case]]:
    """The cases of each policy, from the `tests` folders beside the given files and folders of policies.

    `names` are all policies there are. Raises InputError where a file is not one of cases, or is for none of
    those policies.
    """
    folders = dict.fromkeys(source if source.is_dir() else source.parent for source in sources)
    found: dict[str, list[Case]] = {}
    for folder in folders:
        inside = policies.in_folder(folder / FOLDER, folder) if (folder / FOLDER).is_dir() else []
        for path in inside:
            if path.stem in names:
                found.setdefault(path.stem, []).extend(read_file(path))
            elif all(source.is_dir() for source in sources):
                raise InputError(f"{path}: no policy is called {path.stem}")
    return found


def runner(policy: Mapping[str, Any]) -> Callable[[Case], list[dict[str, Any]]]:
    """A function that runs a policy on a case: what it keeps of the case's one resource, with its annotations.

    Within `offline.sealed()`. The function raises NotEvaluableError where a filter asks for what is not given,
    or fails.
    """
    kind = full_type(policy["resource"])
    evaluate = offline.evaluator(policy)

    def run(case: Case) -> list[dict[str, Any]]:
        resource = offline.unshared({**_DEFAULTS.get(kind, {}), **case.resource})
        listed = {full_type(each): list(found) for each, found in case.resources.items()}
        listed[kind] = [*listed.get(kind, ()), resource]
        lists = {each: lambda found=found: offline.unshared(found) for each, found in listed.items()}
        given = offline.RecordedAnswers(lists, case.calls, case.files)
        return evaluate([offline.unshared(resource)], given)

    return run


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
            files={**given.files, **case.given.files},
            annotations=case.annotations,
        )
        for case in file.vars.cases
    ]
