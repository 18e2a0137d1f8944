"""DuckDB: a database in one file, for SQL and whatever opens such files. It has the tables, typed, with what they and
their columns mean, and views for the usual questions."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from reporter.errors import InputError
from reporter.report import star
from reporter.report.sql import loading
from reporter.report.table import Table

FOR_DATABASES = True

# The oldest way of writing that there is to choose, which DuckDB reads from 0.10 on: https://duckdb.org/docs/internals/storage
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "storage_compatibility_version": "v1.0.0",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


def write(stem: Path, tables: Sequence[Table], facts: Sequence[str]) -> list[Path]:
    """Write `<stem>.duckdb`. The facts are a table of it.

    Raises InputError where the folder's name is not UTF-8, in which DuckDB takes it.
    """
    path = stem.with_name(f"{stem.name}.duckdb")
    try:
        name = str(path)
        name.encode()
    except UnicodeEncodeError:
        raise InputError("-f duckdb: takes a folder whose name is in UTF-8 alone") from None
    with duckdb.connect(name, config=_SETTINGS) as connection:
        loading.load(connection, star.with_facts(tables, facts))
        loading.add_views(connection, by_run=False)
    return [path]
