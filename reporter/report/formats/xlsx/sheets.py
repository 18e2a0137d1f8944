"""Which sheets there are: what each holds, and its name."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from reporter.names import clean, distinct
from reporter.report.formats.xlsx.limits import MAX_COLUMNS, MAX_ROWS, MAX_SHEET_NAME, units
from reporter.report.table import Table

_READABLE_SHEETS = 3  # of one table


def notes(tables: Sequence[Table]) -> list[str]:
    """Which tables go on in further sheets, and which columns there is no room for."""
    lines = []
    names = (name for _, name in sheets(tables))
    for table in tables:
        first, *further = islice(names, len(_parts(table)))
        left_out = table.frame.columns[MAX_COLUMNS:]
        if len(left_out):
            which = left_out[0] if len(left_out) == 1 else f"{left_out[0]} to {left_out[-1]}"
            lines.append(
                f"{first} leaves out {_count(len(left_out), 'column')}, {which}: a sheet holds {MAX_COLUMNS:,}; "
                "-f csv, json and parquet have all of them"
            )
        if further:
            where = further[0] if len(further) == 1 else f"{further[0]} to {further[-1]}"
            lines.append(f"{first} goes on in {where}: a sheet holds {MAX_ROWS:,} rows below its head")
        if len(further) >= _READABLE_SHEETS:
            lines[-1] += "; -f parquet has all of it in one table"
    return lines


def _count(number: int, of: str) -> str:
    return f"{number:,} {of}" if number == 1 else f"{number:,} {of}s"


def sheets(tables: Sequence[Table]) -> list[tuple[Table, str]]:
    """What each sheet holds, and its name."""
    parts = [part for table in tables for part in _parts(table)]
    return list(zip(parts, sheet_names([part.name for part in parts]), strict=True))


def _parts(table: Table) -> list[Table]:
    """The table in pieces that a sheet holds."""
    starts = range(0, max(1, len(table.frame)), MAX_ROWS)
    return [
        replace(
            table,
            name=table.name if number == 1 else f"{table.name}_{number}",
            frame=table.frame.iloc[start : start + MAX_ROWS, :MAX_COLUMNS],
        )
        for number, start in enumerate(starts, 1)
    ]


def sheet_names(names: Sequence[str]) -> list[str]:
    """Names that Excel takes: 31 characters, none of []:*?/\\, no quote at an end, unlike in lower case."""
    allowed = (re.sub(r"[\[\]:*?/\\]", "_", clean(name)).strip("' ") or "sheet" for name in names)
    return list(
        distinct(
            allowed,
            lambda name, ending: _start(name, MAX_SHEET_NAME - len(ending)) + ending,
            taken=["history"],  # Excel keeps this one for itself
        )
    )


def _start(name: str, room: int) -> str:
    while units(name) > room:
        name = name[:-1]
    return name.rstrip("' ") or "sheet"
