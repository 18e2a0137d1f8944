"""Reads what the policies said of one account and region, and keeps what the report needs of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from sys import intern
from typing import Any, TypeVar

import msgspec

from reporter.custodian import matched_rules
from reporter.custodian.metadata import PlannedPolicy
from reporter.custodian.resource_types import GROUPS, INSTANCES, INTERFACES, Field
from reporter.inventory import columns, records, rules
from reporter.inventory.columns import Value
from reporter.inventory.records import CaughtGroup, Group, Instance, Interface, Permission
from reporter.output.manifest import Cell, Status
from reporter.output.store import UNREADABLE, Store

Shared = TypeVar("Shared")


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group; `caught_by` names the policies that listed it, `matched_rules` tells for each of them the rules that
    made it match, None where that cannot be told; `more` has the values of the wanted fields."""

    group_id: str
    name: str
    vpc_id: str
    owner_id: str
    description: str
    tags: tuple[str, ...]
    ssh_rules: tuple[str, ...]
    ssh_open_to_world: bool
    caught_by: tuple[str, ...]
    matched_rules: tuple[tuple[str, ...] | None, ...] = ()
    more: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class InterfaceRow:
    """A network interface with the groups it carries, by id and name."""

    interface_id: str
    type: str
    description: str
    private_ip: str
    public_ip: str
    vpc_id: str
    owner_id: str
    instance_id: str
    groups: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """An instance with the groups it carries, by id and name."""

    instance_id: str
    name: str
    state: str
    groups: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class UnitRows:
    """One account and region.

    `cells` are its cells again, those whose file could not be read turned to failed. `read` names the
    policies whose answer is here; `interfaces_known` says that every interface of the account is. `sheets` has
    the resources of other policies, as cells by column.
    """

    account: str
    account_id: str
    region: str
    cells: tuple[Cell, ...]
    read: frozenset[str]
    interfaces_known: bool
    groups: tuple[GroupRow, ...]
    interfaces: tuple[InterfaceRow, ...]
    instances: tuple[InstanceRow, ...]
    sheets: Mapping[str, tuple[Mapping[str, Value], ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class ExtraColumns:
    """What is read beyond the inventory: `sheets` has the policies whose resources get a table of their own and
    the columns of it, None for the top-level scalars; `more` are columns on top, of groups too."""

    sheets: Mapping[str, tuple[Field, ...] | None] = field(default_factory=dict)
    more: tuple[Field, ...] = ()


class Deduplicator:
    """Keeps one of equal tuples. With texts interned, rows that say the same share the memory: half a million
    groups make that a third less."""

    def __init__(self) -> None:
        self._seen: dict[Any, Any] = {}

    def __call__(self, value: Shared) -> Shared:
        kept: Shared = self._seen.setdefault(value, value)
        return kept


@dataclass
class _Found:
    groups: dict[str, Group] = field(default_factory=dict)
    caught: dict[str, dict[str, tuple[str, ...] | None]] = field(default_factory=dict)
    """By group id, then by policy: the rules that made it match, None where that cannot be told."""
    interfaces: dict[str, Interface] = field(default_factory=dict)
    instances: dict[str, Instance] = field(default_factory=dict)
    more: dict[str, tuple[Value, ...]] = field(default_factory=dict)
    sheets: dict[str, tuple[Mapping[str, Value], ...]] = field(default_factory=dict)


def read_unit(
    cells: Sequence[tuple[Cell, str]],
    store: Store,
    policies: Mapping[str, PlannedPolicy],
    extra: ExtraColumns,
    deduplicated: Deduplicator,
) -> UnitRows:
    """Read the cells of one account and region, each from its key in the store; `deduplicated` is that of all units.

    What cannot be read is told in the cells, not raised.
    """
    found, read, judged = _Found(), set(), []
    for cell, key in cells:
        if cell.status is Status.OK:
            try:
                _read_cell(found, policies[cell.policy], store.read(key), extra)
                read.add(cell.policy)
            except OSError as error:
                cell = _unreadable(cell, f"{store.name}/{key}: {error.strerror or error}")
            except UNREADABLE as error:
                cell = _unreadable(cell, f"{store.name}/{key}: cut short or not AWS's JSON: {error}")
        judged.append(cell)
    # An instance's record holds its interfaces too: they may be all there is where the others were refused.
    for instance in found.instances.values():
        for interface in instance.network_interfaces:
            interface.attachment = interface.attachment or records.Attachment()
            interface.attachment.instance_id = instance.instance_id
            found.interfaces.setdefault(interface.network_interface_id, interface)
    return UnitRows(
        account=judged[0].account,
        account_id=judged[0].account_id,
        region=judged[0].region,
        cells=tuple(judged),
        read=frozenset(read),
        interfaces_known=any(
            policies[name].resource == INTERFACES and not policies[name].filtered for name in read
        ),
        groups=tuple(
            _group(group, found.caught[group.group_id], found.more.get(group.group_id, ()), deduplicated)
            for group in found.groups.values()
        ),
        interfaces=tuple(_interface(each, deduplicated) for each in found.interfaces.values()),
        instances=tuple(_instance(each, deduplicated) for each in found.instances.values()),
        sheets=found.sheets,
    )


def _read_cell(found: _Found, policy: PlannedPolicy, data: bytes, extra: ExtraColumns) -> None:
    resource = policy.resource
    if policy.name in extra.sheets:
        fields = extra.sheets[policy.name]
        resources = records.any_list.decode(data)
        found.sheets[policy.name] = tuple(columns.values(each, fields, extra.more) for each in resources)
    if resource == GROUPS:
        _read_groups(found, data, policy)
        if extra.more:
            for each in records.any_list.decode(data):
                found.more.setdefault(
                    each["GroupId"], tuple(columns.value(each, field.expression) for field in extra.more)
                )
    elif resource == INTERFACES:
        for interface in records.interface_list.decode(data):
            found.interfaces.setdefault(interface.network_interface_id, interface)
    elif resource == INSTANCES:
        for instance in records.instance_list.decode(data):
            # EC2 lists an instance for about an hour after its end; it carries nothing any more.
            if instance.state.name != "terminated":
                found.instances.setdefault(instance.instance_id, instance)


def _read_groups(found: _Found, data: bytes, policy: PlannedPolicy) -> None:
    # Most policies list groups that the inventory has already: then their ids are enough, which is quicker.
    listed = records.caught_list.decode(data) if found.groups else ()
    if not listed or not found.groups.keys() >= {each.group_id for each in listed}:
        for group in records.group_list.decode(data):
            found.groups.setdefault(group.group_id, group)
        listed = records.caught_list.decode(data)
    rules = _matched_rules(policy, listed, data)
    for each in listed:
        found.caught.setdefault(each.group_id, {})[policy.name] = rules(each)


def _matched_rules(
    policy: PlannedPolicy, listed: Sequence[CaughtGroup], data: bytes
) -> Callable[[CaughtGroup], tuple[str, ...] | None]:
    """How the rules that made a group match are told."""
    if not policy.filtered:
        return lambda group: ()
    if policy.filters is None:
        return lambda group: None
    if matched_rules.annotates_exactly(policy.filters):
        return _annotated_rules
    told = matched_rules.confirmed(policy.filters, records.any_list.decode(data)) if listed else {}
    texts = {
        group_id: rules.rule_texts(*msgspec.convert(found, tuple[list[Permission], list[Permission]]))
        for group_id, found in told.items()
    }
    return lambda group: texts.get(group.group_id)


def _annotated_rules(group: CaughtGroup) -> tuple[str, ...] | None:
    decode = records.permission_list.decode
    try:
        return rules.rule_texts(
            decode(group.matched_ip_permissions), decode(group.matched_ip_permissions_egress)
        )
    except msgspec.DecodeError:
        return None  # the filter `stale` writes something else there (c7n.resources.vpc)


def _unreadable(cell: Cell, message: str) -> Cell:
    return replace(cell, status=Status.FAILED, resources=None, code="Unreadable", message=message)


def _group(
    group: Group,
    caught: Mapping[str, tuple[str, ...] | None],
    more: tuple[Value, ...],
    deduplicated: Deduplicator,
) -> GroupRow:
    return GroupRow(
        group_id=intern(group.group_id),
        name=intern(group.group_name),
        vpc_id=intern(group.vpc_id),
        owner_id=intern(group.owner_id),
        description=group.description,
        tags=deduplicated(tuple(map(intern, records.tag_texts(group.tags)))),
        ssh_rules=deduplicated(rules.ssh_rules(group)),
        ssh_open_to_world=rules.ssh_open_to_world(group),
        caught_by=deduplicated(tuple(caught)),
        matched_rules=deduplicated(tuple(caught.values())),
        more=more,
    )


def _interface(interface: Interface, deduplicated: Deduplicator) -> InterfaceRow:
    return InterfaceRow(
        interface_id=interface.network_interface_id,
        type=intern(interface.interface_type),
        description=intern(interface.description),
        private_ip=interface.private_ip_address,
        public_ip=interface.association.public_ip if interface.association else "",
        vpc_id=intern(interface.vpc_id),
        owner_id=intern(interface.owner_id),
        instance_id=intern(interface.attachment.instance_id) if interface.attachment else "",
        groups=_references(interface.groups, deduplicated),
    )


def _instance(instance: Instance, deduplicated: Deduplicator) -> InstanceRow:
    return InstanceRow(
        instance_id=intern(instance.instance_id),
        name=intern(records.name_tag(instance.tags)),
        state=intern(instance.state.name),
        groups=_references(instance.security_groups, deduplicated),
    )


def _references(
    groups: Iterable[records.GroupReference], deduplicated: Deduplicator
) -> tuple[tuple[str, str], ...]:
    return deduplicated(
        tuple(deduplicated((intern(group.group_id), intern(group.group_name))) for group in groups)
    )
