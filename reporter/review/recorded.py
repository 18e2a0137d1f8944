"""Evaluates policies over the resources that a run recorded, in every account and region of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from c7n.provider import clouds
from c7n.resources import load_resources

from reporter.custodian import matched_rules, offline
from reporter.custodian.bounded import Stopped, Workers
from reporter.custodian.metadata import PlannedPolicy
from reporter.custodian.resource_types import GROUPS
from reporter.inventory.records import Permission
from reporter.inventory.rules import rule_texts
from reporter.output.manifest import Cell, Status
from reporter.output.reading import Output
from reporter.output.store import UNREADABLE, File, Folder, side_by_side
from reporter.review.versions import Version

# Below this many resources to look at, a second process starts later than the first is through.
_FEW = 4_000
_MOST_TASKS = 32  # that a worker is handed at a time


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
    """The accounts and regions of the run, in its order, without what is of an account as a whole.

    A policy without filters that was read lists all resources of its type.
    """
    found = []
    for cells in output.units():
        if not cells[0].is_of_region:
            continue
        lists: dict[str, File] = {}
        for cell in output.newest_first(cells):
            policy = output.policy_of(cell)
            if policy.lists_all and cell.status is Status.OK:
                lists.setdefault(policy.resource, File(output.store, output.resources(cell)))
        found.append(Place(cells[0].account, cells[0].account_id, cells[0].region, lists))
    return found


def evaluate(
    workers: Workers, versions: Mapping[str, Version], where: Sequence[Place], sizes: Mapping[File, int]
) -> dict[str, Answer]:
    """Evaluate policies, each under a key of the caller's, in each place where their resources were listed.

    `sizes` has the number of resources of the files, as far as it is known. A file that cannot be read leaves
    its place out of the answer.
    """
    kinds = {version.resource for version in versions.values()}
    there = [place for place in where if not kinds.isdisjoint(place.lists)]
    weight = sum(
        sizes.get(place.lists[version.resource], _FEW)
        for place in there
        for version in versions.values()
        if version.resource in place.lists
    )
    with _at_hand(there) as readable:
        tasks = [
            (key, (place, version))
            for place in readable
            for key, version in versions.items()
            if version.resource in place.lists
        ]
        chunk = max(1, min(_MOST_TASKS, len(tasks) // (workers.processes * 4)))
        batches = [tasks[start : start + chunk] for start in range(0, len(tasks), chunk)]
        results = workers.run(_evaluate, batches, processes=1 if weight < _FEW else None)
    answers = {key: Answer() for key in versions}
    for batch, found in zip(batches, results, strict=True):
        for (key, (place, _)), result in zip(batch, found, strict=True):
            if isinstance(result, list):
                answers[key].matches[place.account, place.region] = result
            elif result is not None:
                why = result.why if isinstance(result, Stopped) else result
                answers[key].problem = answers[key].problem or why
    return answers


@contextmanager
def _at_hand(where: Sequence[Place]) -> Iterator[list[Place]]:
    """The places with their files on this machine, since workers reach no other."""
    remote = {file for place in where for file in place.lists.values() if not isinstance(file.store, Folder)}
    if not remote:
        yield list(where)
        return
    with TemporaryDirectory(prefix="sg-audit-") as name:
        folder = Folder(Path(name))
        store = next(iter(remote)).store
        copies: dict[File, File] = {}
        contents = side_by_side(store, _content, remote)
        for number, (file, content) in enumerate(zip(remote, contents, strict=True)):
            copies[file] = File(folder, str(number))
            if content is not None:  # else the copy cannot be read either
                folder.write(str(number), content)
        yield [
            replace(place, lists={kind: copies.get(file, file) for kind, file in place.lists.items()})
            for place in where
        ]


def _content(file: File) -> bytes | None:
    try:
        return file.read()
    except (OSError, *UNREADABLE):
        return None


def _evaluate(tasks: Iterable[tuple[Place, Version]]) -> Iterator[list[Match] | str | None]:
    last_file = _LastFile()
    with offline.sealed():
        for place, version in tasks:
            yield _one(place, version, last_file)


def _one(place: Place, version: Version, last_file: "_LastFile") -> list[Match] | str | None:
    """The matches, or why there can be none, or None where the recorded file is damaged."""
    kind = version.resource
    lists = {each: partial(_read, path) for each, path in place.lists.items()}
    given = offline.RecordedAnswers(lists, files=version.files)
    try:
        shared = offline.annotates_top_level_only(version.data)
        resources = last_file.copies(place.lists[kind]) if shared else lists[kind]()
        kept = offline.evaluate(version.data, resources, given, place.account_id, place.region)
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
    listed = {(place.account, place.region) for place in where if kind in place.lists}
    found: dict[tuple[str, str], Cell] = {}
    for cell in output.cells:
        policy = output.policy_of(cell)
        if policy.lists_all and policy.resource == kind and (cell.account, cell.region) not in listed:
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
