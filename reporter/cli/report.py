"""`sg-audit report`: the report of any output of Custodian."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reporter.cli import options
from reporter.cli.reading import open_run, read_run, read_waivers
from reporter.cli.terminal import EXIT_FOUND, EXIT_OK, EXIT_PARTIAL, console, say, show
from reporter.errors import InputError

if TYPE_CHECKING:
    from reporter.findings.waivers import Waiver
    from reporter.output.store import Store
    from reporter.report.entries import Entry


@click.command()
@options.read_choice
@options.report_files
def report(
    output: str,
    at: str,
    accounts_file: Path | None,
    waivers_file: Path | None,
    max_waiver_days: int | None,
    place: "Store",
    stem: str,
    formats: tuple[str, ...],
    csv_bom: bool,
    partition: tuple[str, ...],
    fail_on: str | None,
    history: str,
    carry: Path | None,
    summary: Path | None,
    **choice: tuple[str, ...],
) -> int:
    """Make the report of any output of Custodian: the newest run there, or the run directory given."""
    entries = read_entries(carry, formats)
    accepted = read_waivers(waivers_file, accounts_file, max_waiver_days)
    more: dict[str, Any] = {"at": at, "history": history, "entries": entries, "stem": stem, **choice}
    more |= {"partition": partition, "summary": summary}
    return write(output, place, formats, csv_bom, fail_on, accounts_file, accepted, **more)


def read_entries(path: Path | None, formats: Sequence[str]) -> tuple["Entry", ...] | None:
    """What auditors wrote into a workbook; None where none is given."""
    if path is None:
        return None
    from reporter.report import entries_reading
    from reporter.report.formats import DEFAULT

    if DEFAULT not in formats:
        raise InputError(f"--carry: goes with -f {DEFAULT}")
    found = entries_reading.read(path)
    for note in found.notes:
        say(note)
    return found.entries


def write(
    output: Path | str,
    place: "Store",
    formats: Sequence[str],
    csv_bom: bool,
    fail_on: str | None,
    accounts_file: Path | None = None,
    accepted: Sequence["Waiver"] = (),
    at: str = "",
    only: Sequence[str] = (),
    resources: Sequence[str] = (),
    names: Sequence[str] = (),
    fields: Sequence[str] = (),
    history: str = "",
    entries: Sequence["Entry"] | None = None,
    stem: str = "",
    partition: Sequence[str] = (),
    summary: Path | None = None,
) -> int:
    """Read the output, write its report and say what is in it; returns the exit code."""
    from reporter.report.formats import check, load_pandas

    load_pandas(formats)
    from reporter import progress
    from reporter.report import (
        accounts_alone,
        changes,
        closing,
        facts,
        failing,
        not_read,
        places,
        summary_file,
        writing,
    )
    from reporter.report import waivers as waivers_tab

    settings = check(formats, csv_bom=csv_bom, partition=partition, place=place.name)
    summary_file.check(summary)
    opened = open_run(output, accounts_file, at, only, resources, names, fields, history)
    found = opened.output
    failing.check(fail_on, found)
    places.check(place)
    run = read_run(opened, accepted)
    audit, findings, past = run.audit, run.findings, run.past
    if opened.accounts:
        entries = accounts_alone.entries_of(entries, audit)
        say(f"the report is of {', '.join(sorted(opened.accounts))} alone")
    with progress.counted(console(), f"writing {', '.join(formats)}") as count:
        written = writing.write(
            audit, findings, place, formats, run.labels, count, settings, past, entries, stem
        )
    if found.has_groups:
        show(closing.risk_by_account(audit, findings, console().width))
    if past.base:
        say(changes.since_line(past))
    unread = not_read.lines(audit, options.resuming())
    for line in (*past.notes, *unread, *waivers_tab.lines(audit, findings), *written.notes):
        say(line)
    for path in written.paths:
        click.echo(path)
    if summary:
        from reporter.report import overview, summary_markdown

        page = overview.overview(audit, findings, past, facts.scope(audit), run.labels)
        markdown = partial(summary_markdown.as_markdown, page, past, sorted(opened.accounts))
        try:
            summary_file.write(summary, markdown)
        except InputError as error:
            if not written.failures:
                raise
            say(f"sg-audit: {error}")
    if written.failures:
        raise written.failures[0]
    if reached := failing.reached(fail_on, findings):
        say(f"--fail-on {fail_on}: {reached}")
    if audit.gaps or not found.complete:
        return EXIT_PARTIAL
    return EXIT_FOUND if reached else EXIT_OK
