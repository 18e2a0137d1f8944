"""`sg-audit query`: SQL over a run, or over the last ones."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from reporter.cli import options
from reporter.cli.reading import Opened, Read, open_run, read_run, read_waivers
from reporter.cli.terminal import EXIT_OK, EXIT_PARTIAL, listening, say
from reporter.errors import InputError, install, not_loaded


@click.command()
@click.argument("sql", required=False)
@options.read_choice
@options.history
@click.option(
    "--runs", type=click.IntRange(min=1), metavar="N",
    help="Over the N newest runs: each table begins with a column `run`.",
)  # fmt: skip
@click.option(
    "--format", "style", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True,
    help="How to print it.",
)  # fmt: skip
@click.option("--list", "content", is_flag=True, help="Print the tables and columns, with what they mean.")
@click.option("--example", is_flag=True, help="Print some queries worth having.")
def query(
    sql: str | None,
    output: str,
    at: str,
    accounts_file: Path | None,
    waivers_file: Path | None,
    max_waiver_days: int | None,
    history: str,
    runs: int | None,
    style: str,
    content: bool,
    example: bool,
    **choice: tuple[str, ...],
) -> int:
    """Ask a run in SQL, in the words of DuckDB; `-` reads the query from stdin.

    \b
    sg-audit query "from worst_accounts limit 10"
    sg-audit query "select account_profile, count(*) from security_groups where reachable = 'yes' group by 1"
    """
    if (sql is not None) + content + example != 1:
        raise click.UsageError("give one query, or --list, or --example")
    if example:
        click.echo("\n\n".join(_examples()))
        return EXIT_OK
    sql_text = _text(sql or "")
    try:
        from reporter.report.sql import loading, locked, printing, run_tables
    except ModuleNotFoundError as error:
        raise InputError(f"query: needs {error.name}, which is not installed: {install('duckdb')}") from None
    except ImportError as error:
        raise not_loaded("query: what it needs", error) from None
    from reporter.report.sql.views import CONTENT

    whole = True
    asked = CONTENT if content else sql_text
    several, meanings = runs is not None, loading.may_tell_meanings(asked)
    with locked.database() as database:
        statement = locked.parsed(database, asked)
        accepted = read_waivers(waivers_file, accounts_file, max_waiver_days)
        newest = open_run(output, accounts_file, at, history=history, **choice)
        for opened in _runs(newest, runs or 1, history, {"accounts_file": accounts_file, **choice}):
            if opened is None:
                whole = False
                continue
            run = read_run(opened, accepted)
            _say(run, is_newest=opened is newest)
            run_tables.load(
                database, run.audit, run.findings, run.past, run.labels, several=several, meanings=meanings
            )
            whole = whole and not run.audit.gaps and opened.output.complete
            del run  # before the next is read
        loading.add_views(database, by_run=several, meanings=meanings)
        locked.lock(database)
        printing.show(style, locked.ask(database, statement), listening)
    return EXIT_OK if whole else EXIT_PARTIAL


def _text(sql: str) -> str:
    """The query, or what stdin has of it. Raises InputError where that is not UTF-8, whatever the locale."""
    if sql != "-":
        content = os.fsencode(sql)
    elif sys.stdin is None:  # closed
        raise InputError("-: there is no stdin")
    else:
        content = sys.stdin.buffer.read()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"the query is not UTF-8: byte {error.start + 1} of it") from None


def _runs(newest: Opened, count: int, history: str, choice: Mapping[str, Any]) -> Iterator[Opened | None]:
    """The newest run, then those before it, so many in all; None, having told why, for one that is no run to read."""
    from reporter.findings.past import earlier_runs

    yield newest
    if count == 1:
        return
    earlier = earlier_runs(newest.output, history, count - 1)
    if len(earlier) < count - 1:
        say(f"--runs {count}: there are {len(earlier) + 1}")
    for place in reversed(earlier):
        try:
            yield open_run(place.name, history=history, **choice)
        except InputError as error:
            say(f"an earlier run is left out: {error}")
            yield None


def _say(run: Read, *, is_newest: bool) -> None:
    """Say what a person should know of a run whose answer is read; of an earlier one, only that it is not whole."""
    from reporter.report import not_read
    from reporter.report.summary import coverage_line

    audit = run.audit
    if is_newest:
        for line in (*run.past.notes, *not_read.counts(audit)):
            say(line)
        if audit.gaps:
            say("which, and what to do: sg-audit query 'from unread'")
    elif audit.gaps or not audit.output.complete:
        say(f"{audit.output.store.name}: {coverage_line(audit)}")


def _examples() -> Iterator[str]:
    from reporter.report.sql.views import EXAMPLES

    for each in EXAMPLES:
        options_first = f"{each.options} " if each.options else ""
        yield f'# {each.meaning}\nsg-audit query {options_first}"{each.sql}"'
