"""Policies from files and folders, validated the way `custodian validate` does it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePath
from typing import Any

import msgspec
from c7n import schema
from c7n.config import Bag, Config
from c7n.policy import Policy
from c7n.resources import load_resources
from c7n.structure import StructureParser

from reporter import yamlfile
from reporter.custodian import metadata
from reporter.custodian.metadata import PlannedPolicy
from reporter.custodian.resource_types import full_type
from reporter.errors import InputError
from reporter.names import MAX_BYTES

_SUFFIXES = (".yml", ".yaml", ".json")


@dataclass(frozen=True)
class PolicySet:
    """Valid policies in file order; `data` is what c7n-org takes: {"policies": [...]}."""

    data: dict[str, Any]
    planned: tuple[PlannedPolicy, ...]
    with_actions: tuple[str, ...]


def read(sources: Sequence[Path], only: Sequence[str] = ()) -> PolicySet:
    """The policies of the given files and folders (*.yml, *.yaml, *.json, by name), or those called `only`.

    Raises InputError naming file, policy and why where one does not validate.
    """
    policies: list[dict[str, Any]] = []
    found_in: dict[str, Path] = {}
    for path in files(sources):
        for policy in _read_file(path):
            name = policy["name"]
            if name in found_in:
                raise InputError(f"{path}: policy {name}: there is one of that name in {found_in[name]}")
            found_in[name] = path
            policies.append(policy)
    for problem in metadata.problems(map(planned, policies)):
        raise InputError(f"{found_in[problem.policy]}: {problem}")
    for name in only:
        if name not in found_in:
            raise InputError(f"{', '.join(map(str, sources))}: no policy is called {name}; check -p")
    if only:
        policies = [policy for policy in policies if policy["name"] in only]
    if not policies:
        raise InputError(f"{', '.join(map(str, sources))}: no policies there")
    return PolicySet(
        data={"policies": policies},
        planned=tuple(map(planned, policies)),
        with_actions=tuple(policy["name"] for policy in policies if policy.get("actions")),
    )


def is_policy_file(path: PurePath) -> bool:
    """Whether a file in a folder of policies is taken for one: *.yml, *.yaml or *.json, in any case."""
    return path.suffix.lower() in _SUFFIXES


def files(sources: Sequence[Path]) -> list[Path]:
    """The given files, and the policy files in the given folders, by name, hidden ones left out.

    Raises InputError for a source that is not there or holds none, and as `in_folder` does.
    """
    found: list[Path] = []
    for source in sources:
        if source.is_dir():
            inside = in_folder(source, source)
            if not inside:
                raise InputError(f"{source}: no policy file (*.yml) in that folder")
            found.extend(inside)
        elif source.exists():
            found.append(source)
        else:
            raise InputError(f"{source}: no such file or folder of policies")
    return found


def in_folder(folder: Path, top: Path) -> list[Path]:
    """The policy files directly in a folder, by name, hidden ones left out.

    Raises InputError for one that a link leads to from outside of `top`: no review could show what changes in it,
    and on a stranger's branch it may be anything.
    """
    found = yamlfile.files(folder, _SUFFIXES)
    for path in found:
        if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(top)):  # of a circle too
            raise InputError(
                f"{path}: a symbolic link out of {top}, which is not followed; put the file there"
            )
    return found


def as_one_file(policies: PolicySet) -> str:
    """The policies as the single YAML file that `c7n-org run -u` takes."""
    return yamlfile.dump(policies.data)


def parse(content: Any, where: str) -> list[dict[str, Any]]:
    """The policies of a file's content, each with a name and a resource type, not validated further.

    Raises InputError where it is no file of policies.
    """
    try:
        StructureParser().validate(content)
    except Exception as error:  # beside its own, what comes of showing a date as JSON, for example
        raise InputError(f"{where}: {_one_line(error)}") from None
    policies: list[dict[str, Any]] = content["policies"]
    for number, policy in enumerate(policies, 1):
        for key in ("name", "resource"):
            if not isinstance(policy[key], str) or not policy[key]:
                raise InputError(f"{where}: policy number {number}: {key} is not a text")
    return policies


def validate(policy: dict[str, Any], file: str) -> None:
    """Validate a policy as Custodian does, and its `metadata.report`.

    Raises InputError with the file, the policy's name and why.
    """
    where = f"{file}: policy {policy['name']}"
    only = {"policies": [policy]}
    if len(policy["name"].encode()) > MAX_BYTES:
        raise InputError(f"{where}: the name becomes a folder, so it may have {MAX_BYTES} characters")
    types = list(StructureParser().get_resource_types(only))
    try:
        missing = load_resources(types)
    except ImportError as error:
        why = f"{policy['resource']} needs {error.name}, which is not installed here"
        raise InputError(f"{where}: {why}") from None
    except Exception:
        missing = types  # no name of a type at all
    if missing:
        raise InputError(f"{where}: Custodian knows no resource called {policy['resource']}")
    try:
        errors = schema.validate(only, schema.generate(types))
        if not errors:
            config = Config.empty(dryrun=True, account_id="na", region="na")
            Policy(policy, config, Bag()).validate()
    except Exception as error:
        # Filters raise what they like here; Custodian's own validate catches all of it too.
        raise InputError(f"{where}: {_one_line(error)}") from None
    if errors:
        raise InputError(f"{where}: {_one_line(errors[0])}")
    for problem in metadata.problems([planned(policy)]):
        raise InputError(f"{file}: {problem}")


def planned(policy: dict[str, Any]) -> PlannedPolicy:
    """What a manifest says of a policy."""
    resource, report = full_type(policy["resource"]), metadata.report_of(policy.get("metadata"))
    return PlannedPolicy(
        name=policy["name"],
        resource=resource,
        filtered=metadata.may_leave_out(policy.get("filters"), policy.get("query"), policy.get("source")),
        description=" ".join(str(policy.get("description") or "").split()),
        digest=sha256(msgspec.json.encode(policy, order="sorted")).hexdigest()[:16],
        report=report,
        filters=list(policy.get("filters") or []),
        catches=metadata.catching(resource, policy.get("filters"), report, policy),
    )


def _read_file(path: Path) -> list[dict[str, Any]]:
    policies = parse(yamlfile.load(path), str(path))
    for policy in policies:
        validate(policy, str(path))
    return policies


def _one_line(error: object) -> str:
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:500]
