"""Puts the tables of runs into a DuckDB database: typed, with what they and their columns mean, and views."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from reporter.names import distinct
from reporter.report import arrow
from reporter.report.descriptions import DESCRIPTIONS
from reporter.report.sql.views import POWER, POWER_IN_VIEWS, VIEWS
from reporter.report.table import Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: The column that tells runs apart, where there are several: each has another moment.
RUN = "run"
_RUN_MEANING = "When the run began (UTC)"
_SOURCE, _INCOMING = (
    "sg_audit_source",
    "temp.main.sg_audit_incoming",
)  # beside the tables, which policies may call so
_TEXT, _LIST = "VARCHAR", "VARCHAR[]"
# In the names of all that DuckDB has to tell a comment, and of what makes a query, or a name in one, of a text.
_TELL_MEANINGS = ("duckdb_", "information_schema", "_description", "query", "serialized_sql")


def may_tell_meanings(sql: str) -> bool:
    """Whether a query may show what tables and columns mean: to note it for all takes a sixth of a small query."""
    text = sql.casefold()
    return any(word in text for word in _TELL_MEANINGS)


def load(
    connection: "DuckDBPyConnection",
    built: Iterable[Table],
    run: datetime | None = None,
    *,
    meanings: bool = True,
) -> None:
    """Make the tables, with their `meanings` as comments; with `run`, which comes first in each of their rows, add to
    those that there are of other runs. Columns that a run lacks are NULL in its rows, and one that is of another type
    in each run has one for all.
    """
    for table in built:
        schema = arrow.schema(table)
        if run is not None:
            names = list(distinct([RUN, *schema.names], lambda name, ending: name + ending))[1:]
            schema = pa.schema([field.with_name(name) for field, name in zip(schema, names, strict=True)])
        there = {} if run is None else types(connection, table.name)
        rows = pa.RecordBatchReader.from_batches(schema, arrow.batches(table, schema))
        connection.register(_SOURCE, rows)
        try:
            _take(connection, table.name, there, run)
        finally:
            connection.unregister(_SOURCE)
        if meanings:
            title = f"{table.title} ({table.full_name})" if table.full_name else table.title
            told = {field.name: field.metadata[b"comment"].decode() for field in schema if field.metadata}
            told[RUN] = told.get(RUN, "") if run is None else _RUN_MEANING
            new = [name for name in types(connection, table.name) if name not in there]
            _comment(connection, "table", table.name, title, {name: told.get(name, "") for name in new})


def add_views(connection: "DuckDBPyConnection", *, by_run: bool, meanings: bool = True) -> None:
    """Make the views whose tables are there, numbered where a table is called so; `meanings` as for `load`."""
    there = set(_tables(connection))
    with_roles = {name for name in {view.needs for view in VIEWS} & there if POWER in types(connection, name)}
    ends = distinct((view.name for view in VIEWS), lambda name, ending: name + ending, taken=there)
    for view, name in zip(VIEWS, ends, strict=True):
        if view.needs not in there:
            continue
        sql = view.sql.replace("{run}", f"{RUN}, " if by_run else "")
        for what, words in POWER_IN_VIEWS.items():
            sql = sql.replace(what, words if view.needs in with_roles else "")
        connection.execute(f"create view {_own(connection, name)} as {sql}")
        if meanings:
            known = {**DESCRIPTIONS, **view.columns, RUN: _RUN_MEANING}
            told = {column: known.get(column, "") for column in types(connection, name)}
            _comment(connection, "view", name, view.meaning, told)


def types(connection: "DuckDBPyConnection", table: str) -> dict[str, str]:
    """The columns of a table or view and their types; none where there is no such table."""
    sql = (
        "select column_name, data_type from duckdb_columns() where database_name = current_database() "
        "and schema_name = 'main' and lower(table_name) = lower(?) order by column_index"
    )
    return dict(connection.execute(sql, [table]).fetchall())


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def _own(connection: "DuckDBPyConnection", name: str) -> str:
    """A table or view of ours, whatever else is called so: DuckDB has a `tables` and a `pg_class` of its own."""
    ((database,),) = connection.execute("select current_database()").fetchall()
    return f"{quoted(database)}.main.{quoted(name)}"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _take(
    connection: "DuckDBPyConnection", name: str, there: Mapping[str, str], run: datetime | None
) -> None:
    source, own = f"temp.main.{_SOURCE}", _own(connection, name)
    first = f"timestamp '{run:%Y-%m-%d %H:%M:%S.%f}' as {RUN}, " if run else ""
    if not there:
        connection.execute(f"create table {own} as select {first}* from {source}")
        return
    connection.execute(f"create temp table {_INCOMING} as select {first}* from {source}")
    try:
        _fit(connection, own, there)
        connection.execute(f"insert into {own} by name select * from {_INCOMING}")
    finally:
        connection.execute(f"drop table {_INCOMING}")


def _fit(connection: "DuckDBPyConnection", own: str, there: Mapping[str, str]) -> None:
    """Give both tables the types that hold what each of them has."""
    known = {column.casefold(): column for column in there}
    incoming = f"select column_name, column_type from (describe {_INCOMING})"
    for column, kind in connection.execute(incoming).fetchall():
        mine = known.get(column.casefold())
        if mine is None:
            connection.execute(f"alter table {own} add column {quoted(column)} {kind}")
        elif kind != there[mine]:
            common = _common(connection, (own, mine, there[mine]), (_INCOMING, column, kind))
            _retype(connection, own, mine, there[mine], common)
            _retype(connection, _INCOMING, column, kind, common)


def _common(connection: "DuckDBPyConnection", *sides: tuple[str, str, str]) -> str:
    """The type for a column, given as table, name and type."""
    kinds = {kind for _, _, kind in sides}
    for table, column, kind in sides:
        if kind == _TEXT and _is_empty(connection, table, column):
            return (kinds - {_TEXT}).pop()  # where nothing is in it, a column is taken for a text
    return "DOUBLE" if kinds == {"BIGINT", "DOUBLE"} else _TEXT


def _is_empty(connection: "DuckDBPyConnection", table: str, column: str) -> bool:
    sql = f"select count(*) from {table} where {quoted(column)} <> ''"
    return bool(connection.execute(sql).fetchall() == [(0,)])


def _retype(connection: "DuckDBPyConnection", table: str, column: str, kind: str, to: str) -> None:
    if kind == to:
        return
    value = quoted(column)
    if kind == _TEXT:
        value = f"case when {value} = '' then [] end" if to == _LIST else f"null::{to}"
    elif kind == _LIST:
        value = f"array_to_string({value}, ', ')"
    connection.execute(
        f"alter table {table} alter column {quoted(column)} set data type {to} using {value}::{to}"
    )


def _tables(connection: "DuckDBPyConnection") -> list[str]:
    names: Sequence[Any] = connection.execute("select table_name from duckdb_tables()").fetchall()
    return [name for (name,) in names]


def _comment(
    connection: "DuckDBPyConnection", kind: str, name: str, meaning: str, columns: Mapping[str, str]
) -> None:
    own = _own(connection, name)
    connection.execute(f"comment on {kind} {own} is {_text(meaning)}")
    for column, text in columns.items():
        if text:
            connection.execute(f"comment on column {own}.{quoted(column)} is {_text(text)}")
