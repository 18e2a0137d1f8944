"""Comma-separated values in UTF-8: a file a tab, for any spreadsheet or script."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reporter.report.formats._files import tab_files
from reporter.report.table import UNKNOWN, Table

# A spreadsheet takes what begins so for a formula, in East Asia with full-width signs too:
# https://owasp.org/www-community/attacks/CSV_Injection
_SIGNS = "=+\\-@＝＋－＠"
# Where the list separator is no comma, Excel sees no quotes that begin in the middle of what it takes for a cell: the
# text then goes on in a cell of its own behind each separator, and in a row of its own behind each line end.
_SEPARATORS = ";|\t\r\n"
_BLANK = r"\s\"\ufeff;|"  # what a spreadsheet may pass over, and separators
_BEFORE_SIGN = re.compile(rf"(?:^|(?<![{_BLANK}]))[{_BLANK}]*+(?=[{_SIGNS}])")


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
    return _harmless(text.replace("\0", "\ufffd"))


def _harmless(text: str) -> str:
    """The text with a ' before what would be a formula at its beginning, or where another cell may be seen to begin."""
    if text[:1].isalnum() and not _separated(text):
        return text
    if text.startswith(("\t", "\r", "\n")):
        text = f"'{text}"
    return _BEFORE_SIGN.sub(
        lambda blank: f"{blank[0]}'" if not blank.start() or _separated(blank[0]) else blank[0], text
    )


def _separated(text: str) -> bool:
    return any(separator in text for separator in _SEPARATORS)
