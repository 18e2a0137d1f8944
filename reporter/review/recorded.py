"""Evaluates policies over the resources that a run recorded, in every account and region of it."""

import multiprocessing
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any

import msgspec
from c7n.provider import clouds
from c7n.resources import load_resources

from reporter.custodian import matched_rules, offline
from reporter.custodian.metadata import PlannedPolicy
from reporter.custodian.resource_types import GROUPS, full_type
from reporter.inventory.records import Permission
from reporter.inventory.rules import rule_texts
from reporter.output.manifest import Cell, Status
from reporter.output.reading import Output
from reporter.output.store import UNREADABLE, File

# Below this many resources to look at, a second process starts later than the first is through.
_FEW = 4_000


class Match(msgspec.Struct, frozen=True):
    """A resource that a policy matches, and the rules of it that did, if it is a matter of rules."""

    id: str
    name: str
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """An account and region of the run; `lists` has the file of each resource type that was listed whole."""

    account: str
    account_id: str
    region: str
    lists: Mapping[str, File]


@dataclass
class Answer:
    """What a policy matches, by account and region, or why that cannot be said."""

    matches: dict[tuple[str, str], list[Match]] = field(default_factory=dict)
    problem: str = ""


def places(output: Output) -> list[Place]:
    """The accounts and regions of the run, in its order.

    A policy without filters that was read lists all resources of its type.
    """
    policies = output.policies_of_cells()
    found = []
    for cells in output.units():
        lists: dict[str, File] = {}
        # Of several lists the newest counts.
        for cell in sorted(cells, key=lambda cell: -(cell.started or 0.0)):
            if policies[cell.key].lists_all and cell.status is Status.OK:
                lists.setdefault(policies[cell.key].resource, File(output.store, output.resources(cell)))
        found.append(Place(cells[0].account, cells[0].account_id, cells[0].region, lists))
    return found


def evaluate(
    policies: Mapping[str, Mapping[str, Any]], where: Sequence[Place], sizes: Mapping[File, int]
) -> dict[str, Answer]:
    """Evaluate policies, each under a key of the caller's, in each place where their resources were listed.

    `sizes` has the number of resources of the files, as far as it is known. A file that cannot be read leaves
    its place out of the answer.
    """
    tasks = [
        (place, key, policy)
        for place in where
        for key, policy in policies.items()
        if full_type(policy["resource"]) in place.lists
    ]
    answers = {key: Answer() for key in policies}
    for (place, key, _), result in zip(tasks, _all(tasks, sizes), strict=True):
        if isinstance(result, str):
            answers[key].problem = answers[key].problem or result
        elif result is not None:
            answers[key].matches[place.account, place.region] = result
    return answers


_Task = tuple[Place, str, Mapping[str, Any]]
_Result = list[Match] | str | None


def _all(tasks: Sequence[_Task], sizes: Mapping[File, int]) -> Iterable[_Result]:
    weight = sum(sizes.get(place.lists[full_type(policy["resource"])], _FEW) for place, _, policy in tasks)
    processes = min(os.cpu_count() or 1, len(tasks))
    if processes <= 1 or weight < _FEW:
        return _some(tasks)
    # A fork has Custodian loaded already, which elsewhere than on Linux is not to be relied on.
    method = "fork" if sys.platform == "linux" else "spawn"
    chunk = max(1, min(32, len(tasks) // (processes * 4)))
    chunks = [tasks[start : start + chunk] for start in range(0, len(tasks), chunk)]
    with ProcessPoolExecutor(processes, multiprocessing.get_context(method)) as pool:
        return list(chain.from_iterable(pool.map(_some, chunks)))


def _some(tasks: Sequence[_Task]) -> list[_Result]:
    last_file = _LastFile()
    with offline.sealed():
        return [_one(place, policy, last_file) for place, _, policy in tasks]


def _one(place: Place, policy: Mapping[str, Any], last_file: "_LastFile") -> _Result:
    """The matches, or why there can be none, or None where the recorded file is damaged."""
    kind = full_type(policy["resource"])
    lists = {each: partial(_read, path) for each, path in place.lists.items()}
    try:
        shared = offline.annotates_top_level_only(policy)
        resources = last_file.copies(place.lists[kind]) if shared else lists[kind]()
        kept = offline.evaluate(
            policy, resources, offline.RecordedAnswers(lists), place.account_id, place.region
        )
    except offline.NotEvaluableError as error:
        return str(error)
    except (OSError, *UNREADABLE):
        return None
    id_key, name_key = _keys(kind)
    return sorted((_match(kind, each, id_key, name_key) for each in kept), key=lambda match: match.id)


class _LastFile:
    """The resources of the file read last, since the next policy mostly asks for the same."""

    def __init__(self) -> None:
        self._path: File | None = None
        self._resources: list[offline.Resource] = []

    def copies(self, path: File) -> list[offline.Resource]:
        """Copies of its resources on whose surface a filter may write."""
        if path != self._path:
            self._resources = _read(path)
            self._path = path
        return [dict(resource) for resource in self._resources]


def _read(path: File) -> list[offline.Resource]:
    resources = msgspec.json.decode(path.read(), type=list[dict[str, Any]])
    return [offline.unannotated(resource) for resource in resources]


def _keys(kind: str) -> tuple[str, str]:
    provider, _, name = kind.partition(".")
    model = clouds[provider].resources.get(name).resource_type
    return str(model.id), str(model.name or model.id)


def _match(kind: str, resource: Mapping[str, Any], id_key: str, name_key: str) -> Match:
    name = "" if kind == GROUPS else _name_tag(resource)
    return Match(
        id=str(resource.get(id_key, "")),
        name=name or str(resource.get(name_key) or ""),
        rules=_rules(resource),
    )


def _name_tag(resource: Mapping[str, Any]) -> str:
    tags = resource.get("Tags")
    if not isinstance(tags, list):
        return ""
    return next((str(tag.get("Value", "")) for tag in tags if tag.get("Key") == "Name"), "")


def _rules(resource: Mapping[str, Any]) -> tuple[str, ...]:
    """The rules that the policy's filters say they matched: Custodian has split them, so that each has one peer."""
    annotated = (resource.get(matched_rules.INGRESS) or [], resource.get(matched_rules.EGRESS) or [])
    try:
        return rule_texts(*(msgspec.convert(each, list[Permission]) for each in annotated))
    except msgspec.ValidationError:
        return ()  # the filter `stale` writes something else there (c7n.resources.vpc)


def unlisted(output: Output, where: Sequence[Place], kind: str) -> list[Cell]:
    """The cells that should have listed a type of resource and did not, where no other did."""
    policies = output.policies_of_cells()
    listed = {(place.account, place.region) for place in where if kind in place.lists}
    found: dict[tuple[str, str], Cell] = {}
    for cell in output.cells:
        whole = policies[cell.key].lists_all and policies[cell.key].resource == kind
        if whole and (cell.account, cell.region) not in listed:
            found.setdefault((cell.account, cell.region), cell)
    return list(found.values())


def as_run(policy: PlannedPolicy, output: Output) -> dict[tuple[str, str], list[Match]]:
    """What the run itself recorded of this very policy, by account and region, where it was read."""
    ran = {each.digest for each in output.policies if each.name == policy.name}
    if policy.digest not in ran:
        return {}
    load_resources([policy.resource])
    id_key, name_key = _keys(policy.resource)
    found = {}
    for cell in output.cells:
        if cell.policy == policy.name and cell.status is Status.OK:
            try:
                content = output.store.read(output.resources(cell))
                resources = msgspec.json.decode(content, type=list[dict[str, Any]])
            except (OSError, *UNREADABLE):
                continue
            matches = [_match(policy.resource, each, id_key, name_key) for each in resources]
            found[cell.account, cell.region] = matches
    return found
