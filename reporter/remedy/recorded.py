"""The newest records of chosen groups, whole, and what else was recorded that has to do with them.

The inventory keeps no records, so the lists are read again, for the regions of those groups alone.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct

from reporter.aws import regions
from reporter.custodian.resource_types import GROUPS, INSTANCES, INTERFACES
from reporter.inventory import records, rules
from reporter.inventory.network import addresses
from reporter.inventory.newest import Newest
from reporter.inventory.records import Interface, ListOf, Tag
from reporter.inventory.rules import GROUP, IPV4, IPV6, PREFIX_LIST
from reporter.names import is_account_id
from reporter.output.manifest import Cell, Status
from reporter.output.reading import Output
from reporter.output.store import UNREADABLE, side_by_side
from reporter.remedy.steps import RecordedGroup, Rule

Unit = tuple[str, str]
"""The name of an account, and a region."""

# What Custodian's filters write on a record.
_NOT_OF_AWS = ("c7n:", "c7n_", "Matched")


class _Peer(Struct, rename="pascal"):
    cidr_ip: str = ""
    cidr_ipv6: str = ""
    group_id: str = ""
    group_name: str = ""
    prefix_list_id: str = ""
    description: str = ""
    user_id: str = ""
    vpc_peering_connection_id: str = ""


class _Permission(Struct, rename="pascal"):
    ip_protocol: str
    from_port: int | None = None
    to_port: int | None = None
    ip_ranges: list[_Peer] = msgspec.field(default_factory=list)
    ipv6_ranges: list[_Peer] = msgspec.field(default_factory=list)
    user_id_group_pairs: list[_Peer] = msgspec.field(default_factory=list)
    prefix_list_ids: list[_Peer] = msgspec.field(default_factory=list)


class _Group(Struct, rename="pascal"):
    group_id: str
    group_name: str = ""
    description: str = ""
    vpc_id: str = ""
    owner_id: str = ""
    ip_permissions: list[_Permission] = msgspec.field(default_factory=list)
    ip_permissions_egress: list[_Permission] = msgspec.field(default_factory=list)
    tags: list[Tag] = msgspec.field(default_factory=list)


class _Named(Struct, rename="pascal", gc=False):
    group_id: str = ""


class _Naming(Struct, rename="pascal", gc=False):
    user_id_group_pairs: list[_Named] = msgspec.field(default_factory=list)


class _NamingGroup(Struct, rename="pascal", gc=False):
    """No more of a group than which others it names."""

    group_id: str
    group_name: str = ""
    ip_permissions: list[_Naming] = msgspec.field(default_factory=list)
    ip_permissions_egress: list[_Naming] = msgspec.field(default_factory=list)


_naming_list = ListOf(_NamingGroup)


@dataclass(frozen=True)
class Recorded:
    """`groups` has the records by account, region and id, as AWS gave them; `named_by` by id the other groups whose
    rules name it, as `sg-0abc (web)`; `all_listed` where every group was listed; `interfaces` the newest record of each
    of those that were asked for, by id."""

    groups: Mapping[tuple[str, str, str], Mapping[str, Any]] = field(default_factory=dict)
    named_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    all_listed: frozenset[Unit] = frozenset()
    interfaces: Mapping[str, Interface] = field(default_factory=dict)


def read(
    output: Output, wanted: Mapping[Unit, Collection[str]], interfaces: Mapping[Unit, Collection[str]]
) -> Recorded:
    """The records of groups and interfaces by account name and region. What cannot be read is left out."""
    in_regions = {region for _, region in wanted}
    units = [cells for cells in output.units() if cells[0].region in in_regions]
    ids = frozenset(group_id for of_unit in wanted.values() for group_id in of_unit)
    groups: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    named_by: dict[str, dict[str, None]] = {}
    all_listed = set()
    found: dict[str, Interface] = {}
    for unit, (own, naming, listed) in zip(
        (_unit(cells) for cells in units),
        side_by_side(output.store, partial(_groups, output, wanted, ids), units),
        strict=True,
    ):
        groups |= {(*unit, group_id): record for group_id, record in own.items()}
        for group_id, text in naming:
            named_by.setdefault(group_id, {})[text] = None
        if listed:
            all_listed.add(unit)
    carried = [cells for cells in units if interfaces.get(_unit(cells))]
    for of_unit in side_by_side(output.store, partial(_interfaces, output, interfaces), carried):
        found |= of_unit
    texts = {group_id: tuple(sorted(names)) for group_id, names in named_by.items()}
    return Recorded(groups, texts, frozenset(all_listed), found)


def _unit(cells: Sequence[Cell]) -> Unit:
    return cells[0].account, cells[0].region


def _groups(
    output: Output, wanted: Mapping[Unit, Collection[str]], ids: Collection[str], cells: Sequence[Cell]
) -> tuple[dict[str, Mapping[str, Any]], list[tuple[str, str]], bool]:
    """Of one account and region: the records of wanted groups; which of them, of any account's, others name; and
    whether all groups are known."""
    here = set(wanted.get(_unit(cells), ()))
    newest: Newest[_NamingGroup] = Newest()
    own: dict[str, Mapping[str, Any]] = {}
    for cell in output.newest_first(cells):
        policy, taken = output.policy_of(cell), cell.started or 0.0
        if cell.status is not Status.OK or policy.resource != GROUPS or newest.knows_all(taken):
            continue
        try:
            data = output.store.read(output.resources(cell))
            listed, problems = _naming_list.decode_each(data)
            new = (here & {each.group_id for each in listed}) - newest.records.keys()
            if new:
                records_here = records.any_list.decode_each(data)[0]
                own |= {each["GroupId"]: each for each in records_here if each.get("GroupId") in new}
        except (OSError, *UNREADABLE):
            continue  # the cell is told to be unread
        everything = policy.lists_all and not problems
        newest.add(((each.group_id, each) for each in listed), taken, everything=everything)
    naming = [
        (named, f"{each.group_id} ({each.group_name})")
        for each in newest.records.values()
        for named in {
            pair.group_id
            for permission in (*each.ip_permissions, *each.ip_permissions_egress)
            for pair in permission.user_id_group_pairs
        }
        if named in ids and named != each.group_id
    ]
    return own, naming, newest.all_listed is not None


def _interfaces(
    output: Output, wanted: Mapping[Unit, Collection[str]], cells: Sequence[Cell]
) -> dict[str, Interface]:
    """The wanted interfaces of one account and region, by themselves or as their instances have them."""
    here = set(wanted[_unit(cells)])
    found: dict[str, Interface] = {}
    for cell in output.newest_first(cells):
        kind = output.policy_of(cell).resource
        if cell.status is not Status.OK or kind not in (INTERFACES, INSTANCES):
            continue
        try:
            data = output.store.read(output.resources(cell))
            if kind == INTERFACES:
                listed: Iterable[Interface] = records.interface_list.decode_each(data)[0]
            else:
                instances = records.instance_list.decode_each(data)[0]
                listed = (interface for each in instances for interface in each.network_interfaces)
            for each in listed:
                if each.network_interface_id in here:
                    found.setdefault(each.network_interface_id, each)
        except (OSError, *UNREADABLE):
            continue
    return found


def group_of(record: Mapping[str, Any], account: str, account_id: str, region: str) -> RecordedGroup | None:
    """A group as its record has it; None where that is not of AWS's form."""
    plain = {
        key: value for key, value in records.without_nulls(record).items() if not key.startswith(_NOT_OF_AWS)
    }
    try:
        group = msgspec.convert(plain, _Group)
    except msgspec.ValidationError:
        return None
    return RecordedGroup(
        account=account,
        account_id=account_id,
        region=region,
        group_id=group.group_id,
        name=group.group_name,
        description=group.description,
        vpc_id=group.vpc_id,
        owner_id=group.owner_id,
        tags=tuple((tag.key, tag.value) for tag in group.tags),
        rules=tuple(
            rule
            for egress, permissions in ((False, group.ip_permissions), (True, group.ip_permissions_egress))
            for permission in permissions
            for rule in _rules(egress, permission)
        ),
        record=plain,
    )


def _rules(egress: bool, permission: _Permission) -> Iterable[Rule]:
    peers = (
        *((IPV4, each.cidr_ip, each) for each in permission.ip_ranges),
        *((IPV6, each.cidr_ipv6, each) for each in permission.ipv6_ranges),
        *((GROUP, each.group_id or each.group_name, each) for each in permission.user_id_group_pairs),
        *((PREFIX_LIST, each.prefix_list_id, each) for each in permission.prefix_list_ids),
    )
    for kind, peer, each in peers:
        yield Rule(
            egress=egress,
            protocol=permission.ip_protocol,
            from_port=permission.from_port,
            to_port=permission.to_port,
            kind=kind,
            peer=peer,
            description=each.description,
            owner_id=each.user_id,
            peering_id=each.vpc_peering_connection_id,
        )


def text_of(rule: Rule) -> str:
    """A rule as a person reads it, and as policies are said to have found it."""
    source = records.Source(**{("cidr_ip", "cidr_ipv6", "group_id", "prefix_list_id")[rule.kind]: rule.peer})
    lists: dict[str, Any] = {
        ("ip_ranges", "ipv6_ranges", "user_id_group_pairs", "prefix_list_ids")[rule.kind]: [source]
    }
    permission = records.Permission(rule.protocol, rule.from_port, rule.to_port, **lists)
    (text,) = rules.rule_texts(*(([], [permission]) if rule.egress else ([permission], [])))
    return text


def normalized(rule: Rule) -> rules.Rule | None:
    """A rule as the inventory compares it; None for one that lets nothing through."""
    protocol = rules.protocol_by_name(rule.protocol)
    ports = rules.range_of(protocol, rule.from_port, rule.to_port)
    if ports is None:
        return None
    return rules.Rule(rule.egress, protocol, *ports, rule.kind, addresses.canonical(rule.peer))


# https://docs.aws.amazon.com/ec2/latest/userguide/resource-ids.html
_FORMS = {
    name: re.compile(f"{name}-[0-9a-f]{{8}}(?:[0-9a-f]{{9}})?")
    for name in ("sg", "vpc", "eni", "i", "pl", "pcx")
}
_PROTOCOL = re.compile(r"-1|\d{1,3}|[a-z]+\d?", re.IGNORECASE)


def is_id(kind: str, text: str) -> bool:
    """Whether a text is the id of a resource, as AWS writes those of that kind (`sg`, `eni`, `i` …)."""
    return bool(_FORMS[kind].fullmatch(text))


def not_of_aws(group: RecordedGroup) -> str:
    """What of a group is not as AWS writes it, so that no command should hold it; empty where all is."""
    if not is_account_id(group.account_id):
        return "the id of the account is not known"
    if not regions.is_name(group.region):
        return "the region has no region's name"
    if not is_id("sg", group.group_id) or not is_id("vpc", group.vpc_id):
        return "the id of the group or of its VPC is not of AWS's form"
    return "" if all(map(_of_aws, group.rules)) else "one of its rules is not of AWS's form"


def _of_aws(rule: Rule) -> bool:
    network = addresses.parse(rule.peer)
    peer = (
        network is not None and network.family is addresses.IPV4,
        network is not None and network.family is addresses.IPV6,
        is_id("sg", rule.peer),
        is_id("pl", rule.peer),
    )[rule.kind]
    return bool(
        peer
        and _PROTOCOL.fullmatch(rule.protocol)
        and (not rule.owner_id or rule.owner_id == "amazon-elb" or is_account_id(rule.owner_id))
        and (not rule.peering_id or is_id("pcx", rule.peering_id))
    )
