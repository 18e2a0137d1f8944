"""What the same policies and the same reachability say of groups after a plan was carried out.

Nothing is: the output is read again, and the lists in which a changed group stands are other ones by then.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from reporter.custodian.metadata import PlannedPolicy
from reporter.custodian.resource_types import GROUPS, INSTANCES, INTERFACES
from reporter.findings.assess import assess
from reporter.findings.risk import LEVELS
from reporter.inventory.audit import Progress, read_audit, silent
from reporter.output.manifest import Cell, Status
from reporter.output.reading import Output
from reporter.output.store import UNREADABLE, Store
from reporter.remedy.recorded import Unit
from reporter.remedy.steps import RecordedGroup

Key = tuple[str, str, str]
"""The name of an account, a region, and the id of a group."""


@dataclass(frozen=True)
class Changes:
    """What a plan makes of an account and region.

    `groups` are those changed, as they are then, `made` new ones, `deleted` the ids of those that are gone. `moved`
    has, by the id of an interface or an instance, the id of the group that goes from it, and the one in its place.
    """

    groups: Mapping[str, RecordedGroup] = field(default_factory=dict)
    made: tuple[RecordedGroup, ...] = ()
    deleted: frozenset[str] = frozenset()
    moved: Mapping[str, tuple[str, RecordedGroup]] = field(default_factory=dict)


@dataclass(frozen=True)
class Judgement:
    """What is said of a group: its risk, whether the internet reaches it, the policies whose findings of it are proven,
    and whether it is a default group on an instance."""

    risk: str
    reachable: str
    found_by: frozenset[str]
    default_on_instance: bool


@dataclass(frozen=True)
class After:
    """`groups` has the judgement on each group that is changed or made, by account, region and id; `asked` the policies
    that could be asked again in each account and region: of the others what was recorded is taken to hold."""

    groups: Mapping[Key, Judgement]
    asked: Mapping[Unit, frozenset[str]]


def worse(one: str, other: str) -> str:
    """The worse of two levels of risk."""
    return min(one, other, key=LEVELS.index)


def judge(output: Output, changes: Mapping[Unit, Changes], progress: Progress = silent) -> After:
    """Read and assess the output as it would be with the changes made."""
    from reporter.custodian import offline  # c7n is behind it, and takes a second

    with offline.sealed():
        answers = {
            cell.key: answer
            for cell in output.cells
            if (cell.account, cell.region) in changes and cell.status is Status.OK
            for answer in [_answer(output.policy_of(cell), cell, changes[cell.account, cell.region])]
            if answer is not None
        }
    asked: dict[Unit, set[str]] = {}
    for account, region, policy in answers:
        asked.setdefault((account, region), set()).add(policy)
    files = {
        output.resources(cell): (cell, changes[cell.account, cell.region])
        for cell in output.cells
        if (cell.account, cell.region) in changes and cell.status is Status.OK
    }
    inventory = read_audit(
        replace(output, store=_Changed(output.store, output, files, answers)), (), progress
    )[1]
    findings = assess(inventory, output.policies)
    del inventory
    wanted = {
        (*unit, group.group_id)
        for unit, change in changes.items()
        for group in (*change.groups.values(), *change.made)
    }
    groups = findings.groups
    names = zip(
        *(groups[name].tolist() for name in ("account_profile", "region", "security_group_id")), strict=True
    )
    rows = {key: row for row, key in enumerate(names) if key in wanted}
    found_by = findings.proven_policies(rows.values())
    risk, reachable = groups["risk"].astype(str).tolist(), groups["reachable"].tolist()
    on_instance = findings.default_on_instance.fillna(True).tolist()
    return After(
        {
            key: Judgement(risk[row], reachable[row], found_by[row], bool(on_instance[row]))
            for key, row in rows.items()
        },
        {unit: frozenset(policies) for unit, policies in asked.items()},
    )


_Answer = Mapping[str, Mapping[str, Any]]
"""By id the changed groups that a policy catches, annotated."""


def _answer(policy: PlannedPolicy, cell: Cell, changes: Changes) -> _Answer | None:
    """What a policy says of changed groups; None where it cannot be asked without AWS. Within `offline.sealed()`."""
    from reporter.custodian import offline

    if policy.resource != GROUPS or policy.on_events:
        return None
    records = [dict(group.record) for group in (*changes.groups.values(), *changes.made)]
    if policy.filtered:
        if not policy.filters:
            return None  # not recorded, or AWS itself was asked for less
        asked = {"name": policy.name, "resource": GROUPS, "filters": policy.filters}
        given = offline.RecordedAnswers({})
        try:
            records = offline.evaluate(asked, _unshared(records), given, cell.account_id, cell.region)
        except offline.NotEvaluableError:
            return None
    return {record["GroupId"]: record for record in records}


def _unshared(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Copies into which filters may write."""
    copies: list[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(records))
    return copies


@dataclass(frozen=True)
class _Changed:
    """The store of an output with other lists in some of its files, by key; all else is as it is there."""

    store: Store
    output: Output
    files: Mapping[str, tuple[Cell, Changes]]
    answers: Mapping[tuple[str, str, str], _Answer]

    @property
    def name(self) -> str:
        return self.store.name

    @property
    def parent(self) -> Store | None:
        return self.store.parent

    @property
    def threads(self) -> int:
        return self.store.threads

    def read(self, key: str) -> bytes:
        content = self.store.read(key)
        if key not in self.files:
            return content
        cell, changes = self.files[key]
        kind = self.output.policy_of(cell).resource
        if kind not in (GROUPS, INTERFACES, INSTANCES):
            return content
        try:
            listed = msgspec.json.decode(content)
        except UNREADABLE:
            return content  # whoever reads it says so
        if not isinstance(listed, list):
            return content
        if kind == GROUPS:
            return msgspec.json.encode(list(_groups(listed, changes, self.answers.get(cell.key))))
        return msgspec.json.encode([_carrying(each, changes) for each in listed])

    def write(self, key: str, content: bytes) -> None:
        raise OSError(0, "it is only read", self.name)

    def exists(self, key: str) -> bool:
        return self.store.exists(key)

    def keys(self) -> Iterator[str]:
        return self.store.keys()

    def here(self) -> tuple[list[str], list[str]]:
        return self.store.here()

    def child(self, name: str) -> Store:
        return self.store.child(name)


def _groups(listed: Iterable[Any], changes: Changes, answer: _Answer | None) -> Iterator[Any]:
    """A list of groups with the changed ones as they are then: those that the policy catches, or where it could not be
    asked, those that it caught."""
    for record in listed:
        group_id = str(record.get("GroupId")) if isinstance(record, dict) else ""
        if group_id in changes.deleted:
            continue
        if group_id not in changes.groups:
            yield record
        elif answer is None:
            yield record | changes.groups[group_id].record
    if answer is not None:
        yield from answer.values()


def _carrying(record: Any, changes: Changes) -> Any:
    """An interface or an instance with the groups that it has then."""
    if not isinstance(record, dict) or not changes.moved:
        return record
    record = dict(record)
    inner = record.get("NetworkInterfaces")
    if isinstance(inner, list):
        record["NetworkInterfaces"] = [_carrying(each, changes) for each in inner]
    for key, name in (("NetworkInterfaceId", "Groups"), ("InstanceId", "SecurityGroups")):
        move = changes.moved.get(record.get(key) or "")
        if move and isinstance(record.get(name), list):
            old, new = move
            record[name] = [
                {"GroupId": new.group_id, "GroupName": new.name} if each.get("GroupId") == old else each
                for each in record[name]
            ]
    return record
