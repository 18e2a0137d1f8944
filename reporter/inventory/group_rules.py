"""All rules of chosen groups. The inventory keeps none of them, so they are read again, for those groups alone."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reporter.custodian.resource_types import GROUPS
from reporter.inventory import records, rules
from reporter.inventory.network import addresses, traffic
from reporter.inventory.network.addresses import IPV4, IPV6
from reporter.inventory.network.traffic import Traffic
from reporter.inventory.records import Group
from reporter.inventory.rules import PREFIX_LIST, Rule
from reporter.output.manifest import Cell, Status
from reporter.output.reading import Output
from reporter.output.store import UNREADABLE, side_by_side

_Unit = tuple[str, str]


@dataclass(frozen=True)
class GroupRules:
    """All rules of a group as `matched_rules` has them (`tcp 22 from 0.0.0.0/0`), and those that let in addresses or
    prefix lists, each with its text."""

    texts: tuple[str, ...]
    from_addresses: tuple[tuple[str, Rule], ...] = ()

    def world_by_itself(self, opened: Traffic) -> tuple[str, ...]:
        """The rules each of which lets any of some traffic in from all of IPv4 or IPv6."""
        found = {
            text
            for text, rule in self.from_addresses
            if traffic.overlap(traffic.of_rule(rule), opened)
            and (network := addresses.parse(rule.peer))
            and network.prefix_length == 0
        }
        return tuple(sorted(found))

    def parts_of_the_world(self, opened: Collection[Traffic]) -> tuple[str, ...]:
        """The rules that have a part in it where some traffic is open to the world by several of them together. A
        prefix list may have one, and then so may every range beside it."""
        letting = [
            (text, rule)
            for text, rule in self.from_addresses
            if any(traffic.overlap(traffic.of_rule(rule), each) for each in opened)
        ]
        lists = {text for text, rule in letting if rule.kind == PREFIX_LIST}
        found = set(lists)
        for family in (IPV4, IPV6):
            networks = [(text, addresses.parse(rule.peer)) for text, rule in letting]
            ranges = {text: each.range for text, each in networks if each and each.family is family}
            if lists or addresses.is_world(list(ranges.values()), family):
                found |= {text for text, each in ranges.items() if addresses.is_public((each,), family)}
        return tuple(sorted(found))


def read(output: Output, wanted: Mapping[_Unit, Collection[str]]) -> dict[str, GroupRules]:
    """The rules of groups by id, as `recorded` has the groups."""
    found: dict[str, GroupRules] = {}
    for _, groups in recorded(output, wanted):
        found |= {group_id: _rules(group) for group_id, group in groups.items()}
    return found


def recorded(
    output: Output, wanted: Mapping[_Unit, Collection[str]]
) -> Iterator[tuple[_Unit, dict[str, Group]]]:
    """The groups by id as AWS describes them, unit by unit. `wanted` has the ids by account name and region, in order.

    Of several records of a group in its account and region the newest counts, as for the inventory. What cannot be
    read any more is left out.
    """
    units = {(cells[0].account, cells[0].region): cells for cells in output.units()}

    def of_unit(unit: _Unit) -> dict[str, Group]:
        return _of_unit(output, wanted[unit], units.get(unit, ()))

    yield from zip(wanted, side_by_side(output.store, of_unit, wanted), strict=True)


def _of_unit(output: Output, wanted: Collection[str], cells: Sequence[Cell]) -> dict[str, Group]:
    missing = set(wanted)
    found: dict[str, Group] = {}
    for cell in output.newest_first(cells):
        if not missing:
            break
        if cell.status is Status.OK and output.policy_of(cell).resource == GROUPS:
            for group in _listed(output, cell, missing):
                found[group.group_id] = group
            missing -= found.keys()
    return found


def _rules(group: Group) -> GroupRules:
    return GroupRules(
        rules.rule_texts(group.ip_permissions, group.ip_permissions_egress),
        tuple(rules.from_addresses(group.ip_permissions)),
    )


def _listed(output: Output, cell: Cell, wanted: Collection[str]) -> Iterator[Group]:
    """Those of the wanted groups that a cell lists. Most list none, and to look for ids alone is quicker."""
    try:
        data = output.store.read(output.resources(cell))
        ids = records.caught_list.decode_each(data)[0]
        if any(each.group_id in wanted for each in ids):
            yield from (each for each in records.group_list.decode_each(data)[0] if each.group_id in wanted)
    except (OSError, *UNREADABLE):
        return  # the cell is told to be unread
