"""`sg-audit report`: the report of any output of Custodian."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reporter.cli import options
from reporter.cli.terminal import EXIT_FOUND, EXIT_OK, EXIT_PARTIAL, console, say, show
from reporter.errors import InputError

if TYPE_CHECKING:
    from reporter.findings.waivers import Waiver
    from reporter.output.store import Store
    from reporter.report.entries import Entry


@click.command()
@options.any_output
@click.option(
    "-c", "--config", "accounts_file", type=options.PATH,
    help="Accounts file: names and tags of the accounts, and what a stock run should hold.",
)  # fmt: skip
@options.waivers
@options.only_accounts
@options.only_policies
@options.only_resources
@click.option("--field", "fields", metavar="NAME=JMESPATH", multiple=True, help="A column more; repeatable.")
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
    **choice: tuple[str, ...],
) -> int:
    """Make the report of any output of Custodian: the newest run there, or the run directory given."""
    entries = read_entries(carry, formats)
    accepted = read_waivers(waivers_file, accounts_file, max_waiver_days)
    more: dict[str, Any] = {"at": at, "history": history, "entries": entries, "stem": stem, **choice}
    more["partition"] = partition
    return write(output, place, formats, csv_bom, fail_on, accounts_file, accepted, **more)


def read_waivers(
    given: Path | None, accounts_file: Path | None, max_days: int | None
) -> tuple["Waiver", ...]:
    """The waivers of the file that is given, or lies beside the accounts file; none where there is no such file."""
    from reporter.findings import waivers

    path = waivers.find(given, accounts_file)
    if path is None:
        return ()
    found = waivers.read(path, waivers.today(), max_days)
    say(f"{path}: {len(found):,} waiver{'' if len(found) == 1 else 's'}")
    return found


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
) -> int:
    """Read the output, write its report and say what is in it; returns the exit code."""
    from reporter import progress
    from reporter.accounts import expected, labels
    from reporter.findings import waived, waivers
    from reporter.findings.assess import assess
    from reporter.findings.past import NO_PAST, earlier_runs, past_of
    from reporter.inventory import columns
    from reporter.inventory.audit import read_audit
    from reporter.output.reading import open_output
    from reporter.remedy import next_steps
    from reporter.report import accounts_alone, changes, closing, failing, not_read, places, writing
    from reporter.report import waivers as waivers_tab
    from reporter.report.formats import check

    settings = check(formats, csv_bom=csv_bom, partition=partition, place=place.name)
    more = [columns.parse(field) for field in fields]
    found = open_output(output, expected.read(accounts_file) if accounts_file else (), at)
    found = found.only(only, resources)
    accounts = accounts_alone.choose(found, names) if names else ()
    failing.check(fail_on, found)
    taken = [field.name for field in more] + [policy.in_report.column for policy in found.policies]
    of_accounts = labels.read(accounts_file, taken) if accounts_file else labels.NO_LABELS
    places.check(place)
    earlier = earlier_runs(found, history) if found.has_groups else []
    with progress.counted(console(), f"reading {found.kind}") as count:
        audit, inventory = read_audit(found, more, count)
    findings = assess(inventory, found.policies)
    del inventory  # the report needs the room
    findings = waived.apply(findings, found.policies, accepted, waivers.today())
    say(f"{output}: {found.kind}, {found.started}: {found.extent}")
    for note in found.notes:
        say(f"left out: {note}")
    past = NO_PAST
    if found.has_groups:
        with progress.counted(console(), "reading earlier runs") as count:
            findings, past = past_of(
                audit, findings, earlier, narrowed=bool(only or resources), progress=count
            )
    findings = next_steps.with_next_steps(findings, found.policies)
    if accounts:
        audit, findings, past = accounts_alone.alone(
            audit, findings, past, accounts, accepted, waivers.today()
        )
        entries = accounts_alone.entries_of(entries, audit)
        of_accounts = accounts_alone.labels_of(of_accounts, audit)
        say(f"the report is of {', '.join(sorted(accounts))} alone")
    with progress.counted(console(), f"writing {', '.join(formats)}") as count:
        written = writing.write(
            audit, findings, place, formats, of_accounts, count, settings, past, entries, stem
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
    if written.failures:
        raise written.failures[0]
    if reached := failing.reached(fail_on, findings):
        say(f"--fail-on {fail_on}: {reached}")
    if audit.gaps or not found.complete:
        return EXIT_PARTIAL
    return EXIT_FOUND if reached else EXIT_OK
