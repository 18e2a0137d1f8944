"""A database in memory that answers one question: locked, since the question may come from anywhere."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from reporter.errors import InputError

# Before anything is loaded: neither a name in a query nor a function brings an extension, or asks the home folder.
_ALONE = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "python_enable_replacements": False,
    "temp_directory": "",
}
# Once it is loaded, and the last of them at the end.
_LOCKED = (
    "set enable_external_access = false",
    "set lock_configuration = true",
)
_QUESTIONS = {"SELECT", "EXPLAIN", "MULTI"}  # the last is PIVOT, which is several to DuckDB
_ROWS = 1_000  # in memory at a time


@dataclass(frozen=True)
class Answer:
    """The heads of the columns, and the rows of plain Python values, so many at a time."""

    columns: Sequence[str]
    batches: Iterator[Sequence[tuple[Any, ...]]]


@contextmanager
def database() -> Iterator["duckdb.DuckDBPyConnection"]:
    """A database in memory; once tables are in it, `lock` it."""
    with duckdb.connect(":memory:") as connection:
        for name, value in _ALONE.items():
            connection.execute(f"set {name} = '{value}'")
        _leave_memory(connection)
        yield connection


def _leave_memory(connection: "duckdb.DuckDBPyConnection") -> None:
    """Take half of what DuckDB would, which is four fifths of what there is: reading a run takes some, too."""
    setting = "select current_setting('memory_limit')"
    number, unit = connection.execute(setting).fetchall()[0][0].split()  # such as 12.3 GiB
    connection.execute(f"set memory_limit = '{float(number) / 2:.3f} {unit}'")


def lock(connection: "duckdb.DuckDBPyConnection") -> None:
    """Keep whoever asks from files, the network, extensions and settings. It cannot be undone."""
    for statement in _LOCKED:
        connection.execute(statement)


def parsed(connection: "duckdb.DuckDBPyConnection", sql: str) -> "duckdb.Statement":
    """The one question that a text is, which is found out before there is anything to ask.

    Raises InputError where it is none, more than one, or no SQL, with DuckDB's own words.
    """
    with _told():
        statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise InputError(f"give one query, not {len(statements)}" if statements else "the query is empty")
    (statement,) = statements
    if statement.type.name not in _QUESTIONS:
        raise InputError(
            f"only a query is taken: SELECT, FROM, WITH, DESCRIBE or EXPLAIN, not {statement.type.name}"
        )
    return statement


def ask(connection: "duckdb.DuckDBPyConnection", statement: "duckdb.Statement") -> Answer:
    """Ask the question. Rows come as they are found.

    Raises InputError with DuckDB's own words where it is wrong, and KeyboardInterrupt where a signal ended it.
    """
    with _told():
        result = _interruptible(connection, connection.execute, statement)
        return Answer([column[0] for column in result.description or ()], _batches(connection, result))


def _batches(connection: "duckdb.DuckDBPyConnection", result: Any) -> Iterator[Sequence[tuple[Any, ...]]]:
    while True:
        with _told():
            rows = _interruptible(connection, result.fetchmany, _ROWS)
        if not rows:
            return
        yield rows


def _interruptible(connection: "duckdb.DuckDBPyConnection", work: Callable[..., Any], argument: Any) -> Any:
    """Do work of DuckDB's so that a signal ends it: in the thread that signals come to, it hears of none."""
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(work, argument)
        try:
            return done.result()
        except KeyboardInterrupt:
            connection.interrupt()
            raise


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        lines = [line.rstrip() for line in str(error).splitlines() if line.strip()]
        raise InputError(*lines or ["DuckDB does not say why"]) from None
