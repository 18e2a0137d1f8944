"""What several accounts see of one thing, as a shared VPC makes them: the newest record counts, whoever has it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

import msgspec

from reporter.custodian.resource_types import GROUPS, INTERFACES
from reporter.inventory.rows import GroupRow, InterfaceRow, UnitRows


class _Seen(Protocol):
    @property
    def owner_id(self) -> str: ...

    @property
    def taken(self) -> float: ...


Row = TypeVar("Row", bound=_Seen)
_Key = tuple[str, str, str]


def agreed(units: Sequence[UnitRows]) -> list[UnitRows]:
    """The units, with one record of each group and interface in all of them.

    What its owner's newer list of everything lacks is gone, also where another account still saw it.
    """
    groups = _agreed(units, GROUPS, [unit.groups for unit in units], _group_id, _as_seen_by)
    interfaces = _agreed(
        units, INTERFACES, [unit.interfaces for unit in units], _interface_id, lambda newest, row: newest
    )
    return [
        replace(unit, groups=own_groups, interfaces=own_interfaces)
        for unit, own_groups, own_interfaces in zip(units, groups, interfaces, strict=True)
    ]


def _group_id(row: GroupRow) -> str:
    return row.group_id


def _interface_id(row: InterfaceRow) -> str:
    return row.interface_id


def _as_seen_by(newest: GroupRow, row: GroupRow) -> GroupRow:
    """The newest record with what the policies said of the group where it was seen."""
    return msgspec.structs.replace(newest, caught_by=row.caught_by, matched_rules=row.matched_rules)


def _agreed(
    units: Sequence[UnitRows],
    kind: str,
    rows: Sequence[tuple[Row, ...]],
    identifier: Callable[[Row], str],
    as_seen: Callable[[Row, Row], Row],
) -> list[tuple[Row, ...]]:
    # Nearly all that an account sees is its own: only what others see too is looked at twice.
    homes: dict[tuple[str, str], list[int]] = {}
    for number, unit in enumerate(units):
        homes.setdefault((unit.account_id, unit.region), []).append(number)
    newest: dict[_Key, Row] = {}
    concerned: set[int] = set()
    for number, unit in enumerate(units):
        alone = len(homes[unit.account_id, unit.region]) == 1
        for row in rows[number]:
            if not alone or row.owner_id not in ("", unit.account_id):
                key = (row.owner_id or unit.account_id, unit.region, identifier(row))
                if key not in newest or newest[key].taken < row.taken:
                    newest[key] = row
                concerned |= {number, *homes.get(key[:2], ())}
    for number in concerned:
        for row in rows[number]:
            key = (row.owner_id or units[number].account_id, units[number].region, identifier(row))
            if key in newest and newest[key].taken < row.taken:
                newest[key] = row
    listed = {
        home: max((units[number].all_listed.get(kind, 0.0) for number in numbers), default=0.0)
        for home, numbers in homes.items()
    }
    result = list(rows)
    for number in concerned:
        kept = []
        for row in rows[number]:
            key = (row.owner_id or units[number].account_id, units[number].region, identifier(row))
            found = newest.get(key, row)
            if found.taken >= listed.get(key[:2], 0.0):
                kept.append(row if found.taken == row.taken else as_seen(found, row))
        result[number] = tuple(kept)
    return result
