"""All rules of chosen groups. The inventory keeps none of them, so they are read again, for those groups alone."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial

from reporter.custodian.resource_types import GROUPS
from reporter.inventory import records, rules
from reporter.inventory.records import Group
from reporter.output.manifest import Cell, Status
from reporter.output.reading import Output
from reporter.output.store import UNREADABLE, side_by_side

#: The rules as `matched_rules` has them: `tcp 22 from 0.0.0.0/0`.
Rules = tuple[str, ...]

_Unit = tuple[str, str]


def read(output: Output, wanted: Mapping[_Unit, Collection[str]]) -> dict[str, Rules]:
    """The rules of groups by id. `wanted` has the ids by account name and region.

    Of several records of a group in its account and region the newest counts, as for the inventory. What cannot be
    read any more is left out.
    """
    units = [cells for cells in output.units() if (cells[0].account, cells[0].region) in wanted]
    found: dict[str, Rules] = {}
    for of_unit in side_by_side(output.store, partial(_of_unit, output, wanted), units):
        found |= of_unit
    return found


def _of_unit(
    output: Output, wanted: Mapping[_Unit, Collection[str]], cells: Sequence[Cell]
) -> dict[str, Rules]:
    missing = set(wanted[cells[0].account, cells[0].region])
    found: dict[str, Rules] = {}
    for cell in output.newest_first(cells):
        if not missing:
            break
        if cell.status is Status.OK and output.policy_of(cell).resource == GROUPS:
            for group in _listed(output, cell, missing):
                found[group.group_id] = rules.rule_texts(group.ip_permissions, group.ip_permissions_egress)
            missing -= found.keys()
    return found


def _listed(output: Output, cell: Cell, wanted: Collection[str]) -> Iterator[Group]:
    """Those of the wanted groups that a cell lists. Most list none, and to look for ids alone is quicker."""
    try:
        data = output.store.read(output.resources(cell))
        ids = records.caught_list.decode_each(data)[0]
        if any(each.group_id in wanted for each in ids):
            yield from (each for each in records.group_list.decode_each(data)[0] if each.group_id in wanted)
    except (OSError, *UNREADABLE):
        return  # the cell is told to be unread
