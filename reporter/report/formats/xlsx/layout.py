"""How the columns of a sheet look: how wide, and what is in them.

On the tabs of groups what people look for stands on a laptop's screen of 1366 pixels, and on a printed page, without
scrolling: the first thirteen columns are narrow, and what does not fit into them is clipped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import accumulate
from textwrap import wrap
from typing import Any

import pandas as pd

from reporter.accounts.labels import PREFIX
from reporter.report.entries import COLUMNS as ENTRY_COLUMNS
from reporter.report.formats.xlsx.cells import cell_text
from reporter.report.table import Kind, Table

# The last column that is printed of a tab of findings; of those without it, the other.
_LAST_PRINTED, _LAST_OF_ALL = "matched_rules", "world_ports"

_LAST_FROZEN = "group_name"

_OF_GROUPS = {
    "account_profile": 14,
    "account_id": 13,
    "region": 13.5,
    "security_group_id": 20,
    "group_name": 15,
    "vpc_id": 21,
    "attached_eni_count": 5.5,
    "attached_resources": 9,
    "ssh_rules": 12.5,
    "risk": 8.5,
    "reachable": 9,
    "role_power": 18,  # privilege escalation
    "first_seen": 11,
    "since_last": 9,
    "matched_rules": 21.5,
    "next_step": 36,
    "world_ports": 20,
}
_UPRIGHT = frozenset({"attached_eni_count"})
_FLAG_WIDTH = 6
_DATES = frozenset({"first_seen", "expires", "since"})
# Of tabs that are read on paper: a page across has them at some 8 points, with texts of several lines. Only where there
# are few rows: of each that has several lines its height is kept until the end.
_OF_LINED: dict[str, float] = {
    "account_profile": 14,
    "account_id": 13,
    "region": 14,
    "security_group_id": 21.5,
    "group_name": 14,
}
_LINED: dict[Kind, dict[str, float]] = {
    Kind.COVERAGE: {
        **_OF_LINED,
        "regions": 14,
        "policies": 19,
        "cells": 7,
        "status": 8,
        "code": 22,
        "message": 44,
        "what_to_do": 40,
    },
    Kind.CHANGES: {
        **_OF_LINED,
        "policy": 15,
        "state": 11,
        "reason": 17,
        "level": 8,
        "reachable": 9,
        "matched_rules": 18,
        "first_seen": 11,
        "waived": 24,
    },
    Kind.WAIVERS: {
        "waiver": 15,
        "state": 20,
        "expires": 11,
        "findings": 9,
        "policy": 16,
        "account": 14,
        "region": 14,
        "group": 14,
        "tags": 13,
        "rules": 16,
        "reason": 26,
        "owner": 14,
    },
    Kind.CLOSED: {**_OF_LINED, "tab": 12, "state": 9, "since": 11},
}
_MOST_LINED = 5_000  # rows
_MIN_WIDTH, _MAX_WIDTH, _MAX_OF_GROUPS = 9, 60, 36
_FILTER_BUTTON = 3  # characters of width
_MAX_LINES = 12
_LETTERS = 1.1  # in the width of a digit, on an average
_PAGE = 190  # characters across a page at a size that can be read


class Content(Enum):
    """What a column holds."""

    TEXT = auto()
    NUMBER = auto()
    FLAG = auto()
    DATE = auto()


@dataclass(frozen=True)
class Column:
    """A column of a sheet.

    `width` is in characters; None where the texts decide. An upright head reads from below; a wrapped text takes up
    several lines, and what stands beside one is at the top of its cell.
    """

    name: str
    content: Content
    width: float | None
    upright: bool = False
    wrapped: bool = False
    at_top: bool = False

    @property
    def clipped_at(self) -> float:
        """How many characters of a text show at the most, on a tab of groups."""
        return self.width or _MAX_OF_GROUPS

    def lines(self, value: Any) -> int:
        """How many lines a text takes up, roughly; a cell that is one of several hundred lines is no help."""
        text, width = cell_text(value), int((self.width or 1) * _LETTERS)
        if len(text) <= width and "\n" not in text:
            return 1
        return min(sum(len(wrap(part, width)) or 1 for part in text.split("\n")), _MAX_LINES)

    def fitted(self, longest: int, of_groups: bool) -> float:
        """Its width, where its longest text has so many characters."""
        if self.width is not None:
            return self.width
        room = max(longest + 1, len(self.name) + _FILTER_BUTTON + 1, _MIN_WIDTH)
        return min(
            room, max(_MAX_OF_GROUPS, len(self.name) + _FILTER_BUTTON + 1) if of_groups else _MAX_WIDTH
        )


def is_of_groups(kind: Kind) -> bool:
    """Whether a row is a group, and the first thirteen columns are those of groups."""
    return kind in (Kind.FINDINGS, Kind.GROUPS)


def columns(table: Table) -> list[Column]:
    """The columns of a table."""
    return [_column(str(name), table.frame[name], table.kind) for name in table.frame.columns]


def _column(name: str, values: "pd.Series[Any]", kind: Kind) -> Column:
    content = Content.TEXT
    if pd.api.types.is_bool_dtype(values.dtype):
        content = Content.FLAG
    elif pd.api.types.is_numeric_dtype(values.dtype):
        content = Content.NUMBER
    elif name in _DATES and kind is not Kind.RESOURCES:
        content = Content.DATE
    if is_of_groups(kind):
        flag = content is Content.FLAG
        width = _FLAG_WIDTH if flag else _OF_GROUPS.get(name)
        return Column(name, content, width, flag or name in _UPRIGHT)
    lined = kind in _LINED and len(values) <= _MOST_LINED
    width = _LINED[kind].get(name) if lined else None
    wrapped = width is not None and content is Content.TEXT
    return Column(name, content, width, wrapped=wrapped, at_top=lined)


def frozen(columns: Sequence[Column], kind: Kind) -> int:
    """How many columns stay put when a sheet is scrolled: those that say which group a row is of."""
    names = [column.name for column in columns]
    return names.index(_LAST_FROZEN) + 1 if is_of_groups(kind) or kind is Kind.ATTACHMENTS else 0


def printed(table: Table, widths: Sequence[float], *, all_columns: bool) -> int:
    """How many columns of a table a page shows: as many as can be read on it, or all.

    What auditors wrote is the matter of the tab of what is closed, and is printed there. Where all are to be printed,
    those of accounts, which come last, are only as far as there is room.
    """
    names = list(table.frame.columns)
    if table.kind is Kind.CLOSED:
        return len(names) + len(ENTRY_COLUMNS)
    for name in (_LAST_PRINTED, _LAST_OF_ALL):
        if is_of_groups(table.kind) and name in names:
            return names.index(name) + 1
    room = sum(width <= _PAGE for width in accumulate(widths))
    if all_columns:
        own = [number for number, name in enumerate(names, 1) if not name.startswith(PREFIX)]
        room = max(room, own[-1] if own else 0)
    return max(1, min(room, len(names)))
