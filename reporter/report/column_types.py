"""What type each column of a table is of, whatever its rows hold: for formats that are typed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pandas as pd

from reporter.report.descriptions import description, is_own
from reporter.report.table import Kind, Table


class ColumnType(StrEnum):
    """A type, by what Arrow calls it."""

    TEXT = "string"
    FLAG = "bool"
    COUNT = "int64"
    NUMBER = "double"
    LIST = "list<string>"
    DAY = "date"  # UTC
    MINUTE = "timestamp"  # UTC


@dataclass(frozen=True)
class Column:
    """A column: its head, its type, and what it means, empty where nobody says."""

    name: str
    type: ColumnType
    description: str


_DAYS = frozenset({"first_seen", "expires"})
_MINUTES = frozenset({"run"})
_LISTS = frozenset(
    {
        "attached_resources",
        "controls",
        "could_go",
        "covered_rules",
        "instance_roles",
        "instances",
        "interfaces",
        "ipv6",
        "matched_rules",
        "ports",
        "public_ips",
        "reachable_on",
        "role_power_why",
        "rules",
        "same_rules_as",
        "secondary_private_ips",
        "security_groups",
        "ssh_rules",
        "tags",
        "wide_sources",
        "world_ports",
    }
)
_LISTS_OF_WAIVERS = frozenset({"policy", "state"})
_EXACT = 2**53  # whole numbers up to here are the same as floats


def columns(table: Table) -> tuple[Column, ...]:
    """The columns of a table, in order. Those of the report's own have always the same type; those that a
    resource, or `--field`, brings have the one that holds all of their values."""
    return tuple(
        Column(name, _type(table, name), description(table, name)) for name in map(str, table.frame.columns)
    )


def _type(table: Table, name: str) -> ColumnType:
    if is_own(table, name):
        if name in _DAYS:
            return ColumnType.DAY
        if name in _MINUTES:
            return ColumnType.MINUTE
        if name in _LISTS or (table.kind is Kind.WAIVERS and name in _LISTS_OF_WAIVERS):
            return ColumnType.LIST
        if pd.api.types.is_object_dtype(table.frame[name].dtype):
            return ColumnType.TEXT
    return _of_values(table.frame[name])


def _of_values(column: "pd.Series[Any]") -> ColumnType:
    dtype = column.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return ColumnType.FLAG
    if pd.api.types.is_integer_dtype(dtype):
        return ColumnType.COUNT
    if pd.api.types.is_float_dtype(dtype):
        return ColumnType.NUMBER
    return _of_objects(column) if pd.api.types.is_object_dtype(dtype) else ColumnType.TEXT


def _of_objects(column: "pd.Series[Any]") -> ColumnType:
    """The type that holds them all: an empty text among other values is a missing one."""
    there = column.dropna()
    kinds = {type(value) for value in there if value != ""}
    if kinds == {tuple}:
        return ColumnType.LIST
    if kinds == {bool}:
        return ColumnType.FLAG
    if not kinds or not kinds <= {int, float}:
        return ColumnType.TEXT
    whole = [value for value in there if isinstance(value, int)]
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in whole):
        return ColumnType.COUNT
    exact = all(abs(value) <= _EXACT for value in whole)
    # With digits lost, it is another number.
    return ColumnType.NUMBER if float in kinds and exact else ColumnType.TEXT
