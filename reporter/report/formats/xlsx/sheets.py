"""Which sheets there are: what each holds, and its name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice

from reporter.names import clean, distinct
from reporter.report.formats.xlsx import limits
from reporter.report.formats.xlsx.limits import MAX_SHEET_NAME, units
from reporter.report.table import Kind, Table
from reporter.wording import counted

OVERVIEW = "overview"
_SUMMARY = "summary"
_READABLE_SHEETS = 3  # of one table

#: Those of which an empty sheet would say nothing that the overview does not say.
_LEFT_OUT_EMPTY = frozenset(
    {Kind.ATTACHMENTS, Kind.CHANGES, Kind.DUPLICATES, Kind.WAIVERS, Kind.CLOSED, Kind.COVERAGE}
)


@dataclass(frozen=True)
class Sheet:
    """A sheet: its name, and the table or the tables that stand in it one below the other."""

    name: str
    tables: tuple[Table, ...]

    @property
    def kind(self) -> Kind:
        return self.tables[0].kind


def shown(tables: Sequence[Table]) -> list[Table]:
    """The tables that there is something in."""
    return [table for table in tables if len(table.frame) or table.kind not in _LEFT_OUT_EMPTY]


def sheets(tables: Sequence[Table], *, with_overview: bool) -> list[Sheet]:
    """The sheets behind the overview, in the order of the tables: those that count share one."""
    held: list[tuple[str, tuple[Table, ...]]] = []
    for is_summary, together in groupby(shown(tables), lambda table: table.kind is Kind.SUMMARY):
        if is_summary:
            held.append((_SUMMARY, tuple(together)))
        else:
            held += [(part.name, (part,)) for table in together for part in _parts(table)]
    names = sheet_names([name for name, _ in held], [OVERVIEW] if with_overview else ())
    return [Sheet(name, parts) for name, (_, parts) in zip(names, held, strict=True)]


def notes(tables: Sequence[Table]) -> list[str]:
    """Which tables go on in further sheets, and which columns there is no room for."""
    lines = []
    behind = sheets(tables, with_overview=True)
    names = (sheet.name for sheet in behind if sheet.kind is not Kind.SUMMARY)
    tables = [table for table in shown(tables) if table.kind is not Kind.SUMMARY]
    for table in tables:
        first, *further = islice(names, len(_parts(table)))
        left_out = table.frame.columns[limits.MAX_COLUMNS :]
        if len(left_out):
            which = left_out[0] if len(left_out) == 1 else f"{left_out[0]} to {left_out[-1]}"
            lines.append(
                f"{first} leaves out {counted(len(left_out), 'column')}, {which}: a sheet holds "
                f"{limits.MAX_COLUMNS:,}; -f csv, json and parquet have all of them"
            )
        if further:
            where = further[0] if len(further) == 1 else f"{further[0]} to {further[-1]}"
            lines.append(f"{first} goes on in {where}: a sheet holds {limits.MAX_ROWS:,} rows below its head")
        if len(further) >= _READABLE_SHEETS:
            lines[-1] += "; -f parquet has all of it in one table"
    return lines


def _parts(table: Table) -> list[Table]:
    """The table in pieces that a sheet holds."""
    if len(table.frame) <= limits.MAX_ROWS and len(table.frame.columns) <= limits.MAX_COLUMNS:
        return [table]
    starts = range(0, max(1, len(table.frame)), limits.MAX_ROWS)
    return [
        replace(
            table,
            name=table.name if number == 1 else f"{table.name}_{number}",
            frame=table.frame.iloc[start : start + limits.MAX_ROWS, : limits.MAX_COLUMNS],
        )
        for number, start in enumerate(starts, 1)
    ]


def sheet_names(names: Sequence[str], taken: Sequence[str] = ()) -> list[str]:
    """Names that Excel takes: 31 characters, none of []:*?/\\, no quote at an end, unlike in lower case, and unlike
    those `taken`."""
    allowed = (re.sub(r"[\[\]:*?/\\]", "_", clean(name)).strip("' ") or "sheet" for name in names)
    return list(
        distinct(
            allowed,
            lambda name, ending: _start(name, MAX_SHEET_NAME - len(ending)) + ending,
            taken=["history", *taken],  # Excel keeps the first for itself
        )
    )


def _start(name: str, room: int) -> str:
    while units(name) > room:
        name = name[:-1]
    return name.rstrip("' ") or "sheet"
