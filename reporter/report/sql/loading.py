"""Puts the tables of runs into a DuckDB database: typed, with what they and their columns mean, and views."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from reporter.names import distinct
from reporter.report import arrow
from reporter.report.descriptions import DESCRIPTIONS
from reporter.report.sql.views import VIEWS
from reporter.report.table import Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: The column that tells runs apart, where there are several: each has another moment.
RUN = "run"
_RUN_MEANING = "When the run began (UTC)"
_SOURCE, _INCOMING = (
    "sg_audit_source",
    "sg_audit_incoming",
)  # no table's: names of the report have what policies say
_TEXT, _LIST = "VARCHAR", "VARCHAR[]"


def load(connection: "DuckDBPyConnection", built: Iterable[Table], run: datetime | None = None) -> None:
    """Make the tables; with `run`, which comes first in each of their rows, add to those that there are of other runs.
    Columns that a run lacks are NULL in its rows, and one that is of another type in each run has one for all.
    """
    for table in built:
        schema = arrow.schema(table)
        if run is not None:
            names = list(distinct([RUN, *schema.names], lambda name, ending: name + ending))[1:]
            schema = pa.schema([field.with_name(name) for field, name in zip(schema, names, strict=True)])
        there = types(connection, table.name)
        rows = pa.RecordBatchReader.from_batches(schema, arrow.batches(table, schema))
        connection.register(_SOURCE, rows)
        try:
            _take(connection, table.name, there, run)
        finally:
            connection.unregister(_SOURCE)
        title = f"{table.title} ({table.full_name})" if table.full_name else table.title
        meanings = {field.name: field.metadata[b"comment"].decode() for field in schema if field.metadata}
        meanings[RUN] = meanings.get(RUN, "") if run is None else _RUN_MEANING
        new = [name for name in types(connection, table.name) if name not in there]
        _comment(connection, "table", table.name, title, {name: meanings.get(name, "") for name in new})


def add_views(connection: "DuckDBPyConnection", *, by_run: bool) -> None:
    """Make the views whose tables are there, numbered where a table is called so."""
    there = set(_tables(connection))
    ends = distinct((view.name for view in VIEWS), lambda name, ending: name + ending, taken=there)
    for view, name in zip(VIEWS, ends, strict=True):
        if view.needs not in there:
            continue
        sql = view.sql.replace("{run}", f"{RUN}, " if by_run else "")
        connection.execute(f"create view {quoted(name)} as {sql}")
        meanings = {**DESCRIPTIONS, **view.columns, RUN: _RUN_MEANING}
        told = {column: meanings.get(column, "") for column in types(connection, name)}
        _comment(connection, "view", name, view.meaning, told)


def types(connection: "DuckDBPyConnection", table: str) -> dict[str, str]:
    """The columns of a table or view and their types; none where there is no such table."""
    sql = "select column_name, data_type from duckdb_columns() where lower(table_name) = lower(?) order by column_index"
    return dict(connection.execute(sql, [table]).fetchall())


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _take(
    connection: "DuckDBPyConnection", name: str, there: Mapping[str, str], run: datetime | None
) -> None:
    first = f"timestamp '{run:%Y-%m-%d %H:%M:%S.%f}' as {RUN}, " if run else ""
    if not there:
        connection.execute(f"create table {quoted(name)} as select {first}* from {_SOURCE}")
        return
    connection.execute(f"create temp table {_INCOMING} as select {first}* from {_SOURCE}")
    try:
        _fit(connection, name, there)
        connection.execute(f"insert into {quoted(name)} by name select * from {_INCOMING}")
    finally:
        connection.execute(f"drop table {_INCOMING}")


def _fit(connection: "DuckDBPyConnection", name: str, there: Mapping[str, str]) -> None:
    """Give both tables the types that hold what each of them has."""
    known = {column.casefold(): column for column in there}
    for column, kind in types(connection, _INCOMING).items():
        own = known.get(column.casefold())
        if own is None:
            connection.execute(f"alter table {quoted(name)} add column {quoted(column)} {kind}")
        elif kind != there[own]:
            common = _common(connection, (name, own, there[own]), (_INCOMING, column, kind))
            _retype(connection, name, own, there[own], common)
            _retype(connection, _INCOMING, column, kind, common)


def _common(connection: "DuckDBPyConnection", *sides: tuple[str, str, str]) -> str:
    """The type for a column, given as table, name and type."""
    kinds = {kind for _, _, kind in sides}
    for table, column, kind in sides:
        if kind == _TEXT and _is_empty(connection, table, column):
            return (kinds - {_TEXT}).pop()  # where nothing is in it, a column is taken for a text
    return "DOUBLE" if kinds == {"BIGINT", "DOUBLE"} else _TEXT


def _is_empty(connection: "DuckDBPyConnection", table: str, column: str) -> bool:
    sql = f"select count(*) from {quoted(table)} where {quoted(column)} <> ''"
    return bool(connection.execute(sql).fetchall() == [(0,)])


def _retype(connection: "DuckDBPyConnection", table: str, column: str, kind: str, to: str) -> None:
    if kind == to:
        return
    value = quoted(column)
    if kind == _TEXT:
        value = f"null::{to}"
    elif kind == _LIST:
        value = f"array_to_string({value}, ', ')"
    connection.execute(
        f"alter table {quoted(table)} alter column {quoted(column)} set data type {to} using {value}::{to}"
    )


def _tables(connection: "DuckDBPyConnection") -> list[str]:
    names: Sequence[Any] = connection.execute("select table_name from duckdb_tables()").fetchall()
    return [name for (name,) in names]


def _comment(
    connection: "DuckDBPyConnection", kind: str, name: str, meaning: str, columns: Mapping[str, str]
) -> None:
    connection.execute(f"comment on {kind} {quoted(name)} is {_text(meaning)}")
    for column, text in columns.items():
        if text:
            connection.execute(f"comment on column {quoted(name)}.{quoted(column)} is {_text(text)}")
