"""Comma-separated values in UTF-8: a file a tab, for any spreadsheet or script."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reporter.report.formats._files import all_or_none, tab_files
from reporter.report.table import UNKNOWN, Table

# A spreadsheet takes what begins so for a formula: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write(stem: Path, tables: Sequence[Table], facts: Sequence[str]) -> list[Path]:
    """Write a file a table: `<stem>_<tab>.csv`. Lists are joined by commas, however long they get."""
    files = tab_files(stem, [table.name for table in tables], ".csv")
    with all_or_none(stem.parent) as folder:
        for table, name in zip(tables, files, strict=True):
            with (folder / name).open("w", encoding="utf-8", newline="") as file:
                rows = csv.writer(file)
                rows.writerow([_text(str(column)) for column in table.frame.columns])
                rows.writerows([_text(value) for value in row] for row in table.rows())
    return [stem.with_name(name) for name in files]


def _text(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return str(value)
    text = UNKNOWN if value is None else ", ".join(value) if isinstance(value, tuple) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
