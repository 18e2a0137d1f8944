"""An answer on stdout: as a table for people, as CSV or as JSON.

What is NULL, as a flag is that is not known, says so in each of them: an empty text is one of which it is known that
there is nothing. All of it is printed as it is found. Nothing in it is acted on by a terminal, or by a spreadsheet.
"""

import csv
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reporter.names import clean, distinct
from reporter.report.formulas import harmless
from reporter.report.sql.locked import Answer

NULL = "NULL"
_NUMBERS = (int, float, Decimal)
_WIDEST = 10_000  # columns, of a line that is not printed on a terminal

Listening = Callable[[], bool]


def as_table(answer: Answer, listening: Listening) -> None:
    """Print it as a table, the head again after so many rows; where a terminal is too narrow for the words in it, as
    records. What is no terminal has each row on one line."""
    heads = [clean(name) for name in answer.columns]
    out = Console(markup=False, emoji=False, highlight=False)
    for rows in _at_least_one(answer.batches):
        texts = [[clean(_text(value)) for value in row] for row in rows]
        numbers = [_is_number(value) for value in rows[0]] if rows else [False] * len(heads)
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for head, number in zip(heads, numbers, strict=True):
            table.add_column(Text(head), justify="right" if number else "left", overflow="fold")
        for row in texts:
            table.add_row(*map(Text, row))
        wide = out.measure(table, options=out.options.update_width(_WIDEST))
        if not out.is_terminal:
            _print_at(max(1, wide.maximum), table)
        elif wide.minimum <= out.width or not rows:
            out.print(table)
        else:
            _print_records(out, heads, texts)
        if not listening():
            return


def as_csv(answer: Answer, listening: Listening) -> None:
    """Print it as comma-separated values; lists are joined by commas."""
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow([harmless(clean(name)) for name in answer.columns])
    for batch in answer.batches:
        rows.writerows(map(_cells, batch))
        if not listening():
            return


def as_json(answer: Answer, listening: Listening) -> None:
    """Print it as a list of records, one a line; columns of one name are numbered."""
    names = list(distinct(answer.columns, lambda name, ending: name + ending))
    before = "[\n"
    for batch in answer.batches:
        for row in batch:
            record = {name: _jsonable(value) for name, value in zip(names, row, strict=True)}
            sys.stdout.write(before + json.dumps(record))
            before = ",\n"
        if not listening():
            return
    sys.stdout.write("[]\n" if before == "[\n" else "\n]\n")


PRINTERS: Mapping[str, Callable[[Answer, Listening], None]] = {
    "table": as_table,
    "csv": as_csv,
    "json": as_json,
}


def _at_least_one(batches: Iterator[Sequence[tuple[Any, ...]]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    """The batches, or one without rows: a table has a head."""
    yield next(batches, ())
    yield from batches


def _print_at(width: int, table: Table) -> None:
    Console(width=width, markup=False, emoji=False, highlight=False).print(table)


def _print_records(out: Console, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for row in rows:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(justify="right", style="bold", max_width=max(10, out.width // 3), overflow="fold")
        grid.add_column(overflow="fold")
        for head, text in zip(heads, row, strict=True):
            grid.add_row(Text(head), Text(text))
        out.print(grid)
        out.print()


def _is_number(value: Any) -> bool:
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def _cells(row: Sequence[Any]) -> list[str]:
    return [_text(value) if _is_number(value) else harmless(clean(_text(value))) for value in row]


def _text(value: Any) -> str:
    match value:
        case None:
            return NULL
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return ", ".join(map(_text, value))
        case dict():
            return json.dumps(_jsonable(value))
        case datetime():
            return value.isoformat(" ")
    return str(value)


def _jsonable(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float() | Decimal():
            return float(value) if math.isfinite(value) else str(value)
        case list() | tuple():
            return [_jsonable(each) for each in value]
        case dict():
            return {str(key): _jsonable(each) for key, each in value.items()}
        case datetime() | date() | time():
            return value.isoformat()
    return str(value)
