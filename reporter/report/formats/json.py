"""JSON: every table as a list of records, in one file.

What is not known is the text "unknown", never null: a script that asks `if .in_use` takes null for false.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from reporter.report.table import UNKNOWN, Table


def write(stem: Path, tables: Sequence[Table], facts: Sequence[str]) -> list[Path]:
    """Write `<stem>.json`: {"facts": [...], "tables": {"ssh_world": [{...}, ...], ...}}, a record a line."""
    path = stem.with_name(f"{stem.name}.json")
    encode = msgspec.json.Encoder(enc_hook=str).encode
    with path.open("wb") as file:
        file.write(b'{"facts": ' + encode(list(facts)) + b',\n"tables": {')
        for number, table in enumerate(tables):
            file.write((b",\n" if number else b"\n") + encode(table.name) + b": [")
            columns = [str(column) for column in table.frame.columns]
            for row_number, row in enumerate(table.rows()):
                record = dict(zip(columns, map(_value, row), strict=True))
                file.write((b",\n" if row_number else b"\n") + encode(record))
            file.write(b"]")
        file.write(b"}}\n")
    return [path]


def _value(value: Any) -> Any:
    return UNKNOWN if value is None else value
