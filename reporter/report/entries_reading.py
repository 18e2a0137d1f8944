"""Reads what auditors wrote into a report's workbook, as Excel or LibreOffice saved it."""

import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from reporter.errors import InputError, install
from reporter.report.entries import CLOSED, COLUMNS, KEY_HEAD, Entry, key_of

_OLD_OR_LOCKED = bytes.fromhex("d0cf11e0a1b11ae1")  # an OLE file: what Excel 97 wrote, and what is encrypted
_HEAD_WITHIN = 50  # rows: someone may have put lines above it
_CONTEXT = ("account_profile", "group_name", "tab", "state", "since")
_NAMED = 3  # rows without a key

# A control character, or the mark of one, as cells have them (ECMA-376, ST_Xstring): openpyxl leaves them as they are.
_ESCAPED = re.compile("_x(00[01][0-9A-Fa-f]|005[Ff])_")

_Row = Sequence[Any]


class Read(NamedTuple):
    """The entries of a workbook, those of findings first, and what there is to say of it."""

    entries: tuple[Entry, ...]
    notes: tuple[str, ...]


def read(path: Path) -> Read:
    """Read the entries of a workbook that a report of ours has become.

    Raises InputError where there is no such file, it is no workbook or locked by a password, no report of sg-audit, or
    a column of the auditors' is not there any more; and where openpyxl is not installed.
    """
    try:
        import openpyxl
    except ImportError:
        raise InputError(f"--carry needs openpyxl, which is not installed: {install('carry')}") from None
    _check(path)
    entries: list[Entry] = []
    keyless: list[str] = []
    unkeyed: list[str] = []
    ours = False
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what openpyxl leaves out: drop-downs, colours
            workbook = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            with closing(workbook):
                for sheet in workbook.worksheets:
                    sheet.reset_dimensions()  # a program may have written wrong ones
                    rows = enumerate(sheet.iter_rows(values_only=True), 1)
                    head = _head(rows)
                    if head is None:
                        continue
                    if not any(map(_is_key, head)):
                        unkeyed.append(sheet.title)
                        continue
                    ours = True
                    columns = _columns(path, sheet.title, head)
                    entries += _entries(sheet.title, rows, columns, keyless)
    except InputError:
        raise
    except Exception as error:  # whatever openpyxl meets in a file that is none of Excel's
        if isinstance(error, OSError) and error.strerror:
            raise InputError(f"--carry {path}: {error.strerror}") from None
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise InputError(f"--carry {path}: cannot be read as a workbook: {reason}") from None
    if not ours:
        raise InputError(
            f"--carry {path}: no report of sg-audit with columns for auditors: give the workbook that they wrote into"
        )
    return Read(
        tuple(sorted(entries, key=lambda entry: bool(entry.state))), tuple(_notes(path, keyless, unkeyed))
    )


def _check(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(len(_OLD_OR_LOCKED))
    except OSError as error:
        raise InputError(f"--carry {path}: {error.strerror}") from None
    if start == _OLD_OR_LOCKED:
        raise InputError(
            f"--carry {path}: locked by a password, or of an old Excel: save it as .xlsx without a password"
        )
    if not _is_package(path):
        raise InputError(f"--carry {path}: not a workbook (.xlsx): save it as one")


def _is_package(path: Path) -> bool:
    """Whether it is a file of Office Open XML: LibreOffice's own (.ods) is a zip archive, too."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "[Content_Types].xml" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def _head(rows: Iterator[tuple[int, _Row]]) -> _Row | None:
    """The row of heads of a sheet of findings, which should have the column of keys; None where the sheet is of
    something else. The rows after it are left."""
    for _, row in islice(rows, _HEAD_WITHIN):
        if any(map(_is_key, row)) or {"security_group_id", *COLUMNS} <= set(row):
            return row
    return None


def _is_key(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(KEY_HEAD)


def _columns(path: Path, sheet: str, head: _Row) -> Mapping[str, int]:
    """Where the columns are: the key, the auditors', and what tells of a row, as far as that is there."""
    heads = [str(value).strip() if value is not None else "" for value in head]
    key = next(number for number, name in enumerate(heads) if name.startswith(KEY_HEAD))
    columns = {"key": key}
    for column, name in zip(COLUMNS, heads[key].removeprefix(KEY_HEAD).split(", "), strict=False):
        if name not in heads:
            raise InputError(
                f"--carry {path}: sheet {sheet} has no column {name}: give it its name again, or an empty one"
            )
        columns[column] = heads.index(name)
    return columns | {name: heads.index(name) for name in _CONTEXT if name in heads and name not in columns}


def _entries(
    sheet: str, rows: Iterable[tuple[int, _Row]], columns: Mapping[str, int], keyless: list[str]
) -> Iterator[Entry]:
    is_closed = {"tab", "state", "since"} <= columns.keys()
    for number, row in rows:
        cells = tuple(_cell(row, columns.get(name)) for name in COLUMNS)
        if all(cell is None for cell in cells):
            continue
        key = key_of(str(_cell(row, columns["key"]) or ""))
        if key is None:
            keyless.append(f"{sheet} row {number}")
            continue
        told = {name: str(_cell(row, columns.get(name)) or "") for name in _CONTEXT}
        if is_closed:
            told["since"] = told["since"][:10]  # a day, which Excel may have made a time of
            told["state"] = told["state"] or CLOSED
            yield Entry(key, cells, **told)
        else:
            yield Entry(key, cells, told["account_profile"], told["group_name"], sheet)


def _cell(row: _Row, column: int | None) -> Any:
    """The value; None where it is empty, or nothing but blanks."""
    value = row[column] if column is not None and column < len(row) else None
    if not isinstance(value, str):
        return value
    return _ESCAPED.sub(lambda escape: chr(int(escape[1], 16)), value) if value.strip() else None


def _notes(path: Path, keyless: Sequence[str], unkeyed: Sequence[str]) -> Iterator[str]:
    for sheet in unkeyed:
        yield f"{path}: not carried, as its hidden last column, of keys, is gone: sheet {sheet}"
    if keyless:
        more = f" and {len(keyless) - _NAMED:,} more" if len(keyless) > _NAMED else ""
        yield (
            f"{path}: not carried, as the row has no key of a finding: {', '.join(keyless[:_NAMED])}{more}"
        )
