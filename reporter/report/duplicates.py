"""The table of groups that are duplicates of each other."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pandas as pd

from reporter.report.table import UNKNOWN, plain_values

DUPLICATES = "duplicates"

#: A row a set of groups of one VPC with the same rules. `security_groups` names them, `interfaces` says how many carry
#: each, `could_go` has those that are unused, as long as at least one other of the set stays.
COLUMNS = (
    "account_profile",
    "account_id",
    "region",
    "vpc_id",
    "security_groups",
    "interfaces",
    "could_go",
)


class _Group(NamedTuple):
    account_profile: str
    account_id: str
    region: str
    vpc_id: str
    security_group_id: str
    group_name: str
    same_rules_as: tuple[str, ...]
    attached_eni_count: int | None
    unused: bool | None


def duplicates(groups: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS, by account, region and VPC. The last three hold tuples of texts."""
    # No more columns than it takes: to go through those of all groups is slow.
    wanted = groups.loc[
        groups["same_rules_as"].map(bool).astype(bool),
        list(_Group._fields),
    ]
    by_set: dict[tuple[str, str, str], list[_Group]] = {}
    for row in map(_Group._make, zip(*(plain_values(wanted[name]) for name in _Group._fields), strict=True)):
        first = min(row.security_group_id, row.same_rules_as[0])
        by_set.setdefault((row.region, row.vpc_id, first), []).append(row)
    rows = sorted((_row(sorted(found, key=_place)) for found in by_set.values()), key=lambda row: row[:5])
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype(dict.fromkeys(COLUMNS[:4], "str"))


def _place(group: _Group) -> tuple[str, ...]:
    return group[:5]


def _row(found: Sequence[_Group]) -> tuple[Any, ...]:
    first = found[0]
    return (
        first.account_profile,
        first.account_id,
        first.region,
        first.vpc_id,
        tuple(f"{row.security_group_id} ({row.group_name})" for row in found),
        tuple(f"{row.security_group_id}: {_count(row.attached_eni_count)}" for row in found),
        tuple(_could_go(found)),
    )


def _count(interfaces: int | None) -> str:
    return UNKNOWN if interfaces is None else str(interfaces)


def _could_go(found: Sequence[_Group]) -> Iterator[str]:
    unused = [row.security_group_id for row in found if row.unused]
    yield from unused if len(unused) < len(found) else unused[1:]
