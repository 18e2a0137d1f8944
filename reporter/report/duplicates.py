"""The table of groups that are duplicates of each other."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

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


def duplicates(groups: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS, by account, region and VPC. The last three hold tuples of texts."""
    names = ["account_profile", "account_id", "region", "vpc_id", "security_group_id"]
    # No more columns than it takes: to go through those of all groups is slow.
    wanted = groups.loc[
        groups["same_rules_as"].map(bool).astype(bool),
        [*names, "group_name", "same_rules_as", "attached_eni_count", "unused"],
    ].sort_values(names)
    rows_of: Iterable[Any] = wanted.astype(object).itertuples()
    by_set: dict[tuple[str, str, str], list[Any]] = {}
    for row in rows_of:
        first = min(row.security_group_id, row.same_rules_as[0])
        by_set.setdefault((row.region, row.vpc_id, first), []).append(row)
    rows = sorted((_row(found) for found in by_set.values()), key=lambda row: row[:5])
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype(dict.fromkeys(COLUMNS[:4], "str"))


def _row(found: Sequence[Any]) -> tuple[Any, ...]:
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


def _count(interfaces: Any) -> str:
    return "unknown" if pd.isna(interfaces) else str(interfaces)


def _could_go(found: Sequence[Any]) -> Iterator[str]:
    unused = [row.security_group_id for row in found if not pd.isna(row.unused) and row.unused]
    yield from unused if len(unused) < len(found) else unused[1:]
