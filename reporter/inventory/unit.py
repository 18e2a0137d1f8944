"""Reads what the policies said of one account and region, and keeps what the report needs of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from reporter.custodian.metadata import PlannedPolicy
from reporter.custodian.resource_types import (
    ACCESS_ANALYZER,
    GROUPS,
    IAM_AUTHORIZATION,
    INSTANCES,
    INTERFACES,
    Field,
    identifier,
)
from reporter.inventory import analyzers, columns, matched, records
from reporter.inventory.analyzers import AnalyzerRow
from reporter.inventory.columns import Value
from reporter.inventory.iam import roles
from reporter.inventory.iam.roles import Role
from reporter.inventory.network.reading import NetworkFound
from reporter.inventory.newest import Newest
from reporter.inventory.records import (
    CaughtGroup,
    GroupFacts,
    GroupReference,
    Instance,
    Interface,
    ListedGroup,
)
from reporter.inventory.rows import (
    GroupRow,
    UnitRows,
    group_row,
    instance_row,
    interface_row,
)
from reporter.inventory.rule_facts import Deduplicator, RuleFacts, RuleReader
from reporter.output.manifest import Cell, Status
from reporter.output.reading import Output
from reporter.output.store import DAMAGED, UNREADABLE, code_of


@dataclass(frozen=True)
class ExtraColumns:
    """What is read beyond the inventory: `sheets` has the policies whose resources get a table of their own and
    the columns of it, None for the top-level scalars; `more` are columns on top, of groups too. `all_pages` says that
    the entries of prefix lists were read to the end, and not the first page of them."""

    sheets: Mapping[str, tuple[Field, ...] | None] = field(default_factory=dict)
    more: tuple[Field, ...] = ()
    all_pages: bool = False


_GroupWithRules = tuple[GroupFacts, RuleFacts]


@dataclass
class _Found:
    groups: Newest[_GroupWithRules] = field(default_factory=Newest)
    caught: dict[str, dict[str, tuple[str, ...] | None]] = field(default_factory=dict)
    """By group id, then by policy: the rules that made it match, None where that cannot be told."""
    interfaces: Newest[Interface] = field(default_factory=Newest)
    instances: Newest[Instance] = field(default_factory=Newest)
    others: dict[str, Newest[None]] = field(default_factory=dict)
    """By resource type: those of which no more than a table is made."""
    more: dict[str, tuple[Value, ...]] = field(default_factory=dict)
    sheets: dict[str, tuple[Mapping[str, Value], ...]] = field(default_factory=dict)
    network: NetworkFound = field(default_factory=NetworkFound)
    roles: dict[str, Role] | None = None
    analyzers: list[AnalyzerRow] = field(default_factory=list)

    def of_type(self, resource: str) -> Newest[Any]:
        """What is known of a resource type that gets a table of its own."""
        if resource == INTERFACES:
            return self.interfaces
        return self.instances if resource == INSTANCES else self.others.setdefault(resource, Newest())


def read_unit(
    cells: Sequence[Cell],
    output: Output,
    extra: ExtraColumns,
    deduplicated: Deduplicator,
    rules: RuleReader,
) -> UnitRows:
    """Read the cells of one account and region from the store of the output; `deduplicated` and `rules` are those of
    all units.

    The newest record of a thing counts, and what was listed before everything was, and was not there then, is gone.
    What cannot be read is told in the cells, not raised. A cell of which some records cannot be read is failed
    too: what it lists counts, but it does not say of anything that it is not there.
    """
    found, read, store = _Found(), set(), output.store
    judged: dict[str, Cell] = {}
    for cell in output.newest_first(cells):
        policy, key = output.policy_of(cell), output.resources(cell)
        if cell.status is Status.OK:
            try:
                problems = _read_cell(found, cell, policy, store.read(key), extra, rules)
                if problems:
                    cell = _unreadable(cell, f"{store.name}/{key}: {_in_short(problems)}")
                elif not policy.on_events:
                    read.add(cell.policy)
            except OSError as error:
                cell = _unreadable(cell, f"{store.name}/{key}: {error.strerror or error}", code_of(error))
            except UNREADABLE as error:
                cell = _unreadable(cell, f"{store.name}/{key}: cut short or not AWS's JSON: {error}")
        judged[cell.policy] = cell
    first = cells[0]
    _add_interfaces_of_instances(found)
    _forget_what_is_gone(found, first.account_id)
    return UnitRows(
        account=first.account,
        account_id=first.account_id,
        region=first.region,
        cells=tuple(judged[cell.policy] for cell in cells),
        read=deduplicated(frozenset(read)),
        interfaces_known=found.interfaces.all_listed is not None,
        groups=tuple(_groups(found, deduplicated)),
        interfaces=tuple(
            interface_row(each, found.interfaces.taken[interface_id], deduplicated)
            for interface_id, each in found.interfaces.records.items()
        ),
        instances=tuple(instance_row(each, deduplicated) for each in _not_terminated(found)),
        sheets=found.sheets,
        unanswered=deduplicated(frozenset(cell.policy for cell in judged.values() if cell.is_gap)),
        all_listed={
            kind: newest.all_listed
            for kind, newest in ((GROUPS, found.groups), (INTERFACES, found.interfaces))
            if newest.all_listed is not None
        },
        network=found.network.rows(extra.all_pages),
        roles=found.roles,
        analyzers=tuple(found.analyzers),
    )


def _taken(cell: Cell) -> float:
    return cell.started or 0.0


def _read_cell(
    found: _Found, cell: Cell, policy: PlannedPolicy, data: bytes, extra: ExtraColumns, rules: RuleReader
) -> Sequence[str]:
    """Returns what is wrong with the records that cannot be read."""
    if policy.resource == GROUPS:
        problems = _read_groups(found, cell, policy, data, rules)
        if extra.more:
            for each in records.any_list.decode_each(data)[0]:
                found.more.setdefault(
                    str(each.get("GroupId")),
                    tuple(columns.value(each, field.expression) for field in extra.more),
                )
    elif policy.resource == INTERFACES:
        interfaces, problems = records.interface_list.decode_each(data)
        listed = ((each.network_interface_id, each) for each in interfaces)
        found.interfaces.add(listed, _taken(cell), everything=policy.lists_all and not problems)
    elif policy.resource == INSTANCES:
        instances, problems = records.instance_list.decode_each(data)
        found.instances.add(
            ((each.instance_id, each) for each in instances),
            _taken(cell),
            everything=policy.lists_all and not problems,
        )
    elif policy.resource == IAM_AUTHORIZATION:
        listed_roles, problems = roles.read(data)
        found.roles = listed_roles | (found.roles or {})  # the newest is read first
    elif policy.resource == ACCESS_ANALYZER:
        asked, problems = analyzers.analyzer_list.decode_each(data)
        found.analyzers += map(analyzers.analyzer_row, asked)
    else:
        problems = found.network.read(policy, data, _taken(cell))
    if cell.policy in extra.sheets:
        problems = [*problems, *_read_sheet(found, cell, policy, data, extra)]
    return list(dict.fromkeys(problems))


def _read_sheet(
    found: _Found, cell: Cell, policy: PlannedPolicy, data: bytes, extra: ExtraColumns
) -> Sequence[str]:
    """What the policy found, as it found it, but for what is gone since."""
    resources, problems = records.any_list.decode_each(data)
    key, known = identifier(policy.resource), found.of_type(policy.resource)
    if policy.resource not in (INTERFACES, INSTANCES):
        ids = ((str(each[key]), None) for each in resources if key in each)
        known.add(ids, _taken(cell), everything=policy.lists_all and not problems)
    fields = extra.sheets[cell.policy]
    found.sheets[cell.policy] = tuple(
        columns.values(each, fields, extra.more)
        for each in resources
        if key not in each or not known.is_gone(str(each[key]), _taken(cell))
    )
    return problems


def _read_groups(
    found: _Found, cell: Cell, policy: PlannedPolicy, data: bytes, rules: RuleReader
) -> Sequence[str]:
    known, taken = found.groups, _taken(cell)
    listed, groups, problems = _listed(known, taken, policy, data, rules)
    everything = policy.lists_all and not problems
    known.add(((each[0].group_id, each) for each in groups), taken, everything=everything)
    matched_rules = matched.teller(policy, listed, data, cell)
    for each in listed:
        if each.group_id in known.records:
            found.caught.setdefault(each.group_id, {})[cell.policy] = matched_rules(each)
    return problems


def _listed(
    known: Newest[_GroupWithRules], taken: float, policy: PlannedPolicy, data: bytes, rules: RuleReader
) -> tuple[Sequence[CaughtGroup | ListedGroup], Sequence[_GroupWithRules], list[str]]:
    """The groups of a resources.json, those with their rules that may be told of by them, and what is wrong with
    records that cannot be read."""
    if policy.lists_all and not known.knows_all(taken):
        try:
            whole = records.listed_group_list.decode(data)
            return whole, [(each, rules.of_listed(each)) for each in whole], []
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass  # one of them: each by itself tells
    listed, problems = records.caught_list.decode_each(data)
    # Most policies list groups that are known already: then their ids are enough, which is quicker.
    if known.knows_all(taken) or known.records.keys() >= {each.group_id for each in listed}:
        return listed, (), problems
    groups, problems = _groups_with_rules(data, rules)
    return listed, groups, problems


def _groups_with_rules(data: bytes, rules: RuleReader) -> tuple[Sequence[_GroupWithRules], list[str]]:
    """The groups of a resources.json with what their rules tell, and what is wrong with those that cannot be read."""
    listed, problems = records.listed_group_list.decode_each(data)
    try:
        return [(group, rules.of_listed(group)) for group in listed], problems
    except (msgspec.DecodeError, UnicodeDecodeError):  # one of them, or it has a null: each by itself tells
        groups, problems = records.group_list.decode_each(data)
        return [(group, rules.of_group(group)) for group in groups], problems


def _add_interfaces_of_instances(found: _Found) -> None:
    """An instance's record holds its interfaces too: they may be newer, or all there is where others were refused."""
    newest = found.interfaces
    for instance in _not_terminated(found):
        taken = found.instances.taken[instance.instance_id]
        for interface in instance.network_interfaces:
            attachment = interface.attachment or records.Attachment()
            attachment.instance_id = instance.instance_id
            known = newest.records.get(interface.network_interface_id)
            if known is None:
                interface.attachment = attachment
                newest.add([(interface.network_interface_id, interface)], taken, everything=False)
            elif newest.taken[interface.network_interface_id] < taken:
                known.groups, known.attachment = interface.groups, attachment
                known.association = interface.association
                known.private_ip_addresses = interface.private_ip_addresses
                known.ipv6_addresses = interface.ipv6_addresses
                known.ipv6_prefixes = interface.ipv6_prefixes
                newest.taken[interface.network_interface_id] = taken


def _forget_what_is_gone(found: _Found, account_id: str) -> None:
    """Take groups and instances that are gone since off the interfaces and instances that were on them.

    Only off the account's own: it need not see what those of others are on.
    """
    groups, instances = found.groups, found.instances
    settled = max(groups.all_listed or 0.0, instances.all_listed or 0.0)
    for interface_id, interface in found.interfaces.records.items():
        taken = found.interfaces.taken[interface_id]
        if taken < settled and interface.owner_id in ("", account_id):
            interface.groups = _still_there(groups, interface.groups, taken)
            if interface.attachment and instances.is_gone(interface.attachment.instance_id, taken):
                interface.attachment = None
    for instance_id, instance in instances.records.items():
        taken = instances.taken[instance_id]
        if taken < settled:
            instance.security_groups = _still_there(groups, instance.security_groups, taken)


def _still_there(known: Newest[Any], groups: Iterable[GroupReference], taken: float) -> list[GroupReference]:
    return [group for group in groups if not known.is_gone(group.group_id, taken)]


def _not_terminated(found: _Found) -> Iterator[Instance]:
    """EC2 lists an instance for about an hour after its end; it carries nothing any more."""
    return (each for each in found.instances.records.values() if each.state.name != "terminated")


def _unreadable(cell: Cell, message: str, code: str = DAMAGED) -> Cell:
    return replace(cell, status=Status.FAILED, resources=None, code=code, message=message)


def _in_short(problems: Sequence[str]) -> str:
    more = f", and so are {len(problems) - 1} more" if len(problems) > 1 else ""
    return f"{problems[0]}{more}; the other records count"


def _groups(found: _Found, deduplicated: Deduplicator) -> Iterator[GroupRow]:
    for group_id, (group, told) in found.groups.records.items():
        yield group_row(
            group,
            told,
            found.caught[group_id],
            found.more.get(group_id, ()),
            found.groups.taken[group_id],
            deduplicated,
        )
