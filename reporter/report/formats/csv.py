"""Comma-separated values in UTF-8: a file a tab, for any spreadsheet or script."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reporter.report.formats._files import tab_files
from reporter.report.formulas import harmless
from reporter.report.table import UNKNOWN, Table


def write(stem: Path, tables: Sequence[Table], facts: Sequence[str], *, bom: bool = False) -> list[Path]:
    """Write a file a table: `<stem>_<tab>.csv`. Lists are joined by commas, however long they get.

    With `bom` a file begins with a byte order mark, without which Excel does not take it for UTF-8.
    """
    files = tab_files(stem, [table.name for table in tables], ".csv")
    encoding = "utf-8-sig" if bom else "utf-8"
    for table, path in zip(tables, files, strict=True):
        with path.open("w", encoding=encoding, newline="") as file:
            rows = csv.writer(file)
            rows.writerow([_text(str(column)) for column in table.frame.columns])
            rows.writerows([_text(value) for value in row] for row in table.rows())
    return files


def _text(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return str(value)
    text = UNKNOWN if value is None else ", ".join(value) if isinstance(value, tuple) else str(value)
    return harmless(text.replace("\0", "\ufffd"))
