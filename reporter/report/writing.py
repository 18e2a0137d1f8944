"""Writes the report of an audit into a folder or a bucket."""

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reporter.accounts.labels import NO_LABELS, Labels
from reporter.errors import InputError
from reporter.findings.assess import Findings
from reporter.findings.past import NO_PAST, Past
from reporter.inventory.audit import Audit, Progress, silent
from reporter.output.store import Store
from reporter.report import changes, places, tables
from reporter.report.entries import Entry
from reporter.report.entries import place as place_entries
from reporter.report.facts import facts, remarks
from reporter.report.formats import (
    DEFAULT,
    NO_SETTINGS,
    Format,
    Settings,
    for_databases,
    for_group,
    load,
    notes,
    shows_findings,
    shows_groups,
    shows_metrics,
    shows_overview,
)
from reporter.report.places.staged import Outcome, Staged, staged
from reporter.report.table import Table

if TYPE_CHECKING:
    from reporter.report.details import Details
    from reporter.report.finding_records import FindingRecords
    from reporter.report.overview import Overview


@dataclass(frozen=True)
class Written:
    """The files of a report, in the order of the formats, as paths or s3:// addresses, what there is to say of them,
    and what went wrong with the formats that are not among them."""

    paths: tuple[Path | str, ...]
    notes: tuple[str, ...]
    failures: tuple[Exception, ...] = ()


def write(
    audit: Audit,
    findings: Findings,
    place: Store,
    formats: Sequence[str] = (DEFAULT,),
    labels: Labels = NO_LABELS,
    progress: Progress = silent,
    settings: Settings = NO_SETTINGS,
    past: Past = NO_PAST,
    entries: Sequence[Entry] | None = None,
    stem: str = "",
) -> Written:
    """Write the report in each format into a folder, made where it is missing, or below a prefix of a bucket.

    `progress` hears how many rows are written, of how many; `settings` are those of the formats; `past` is what is
    known of earlier runs; `entries` are those of the auditors, which the workbook takes over; `stem` is what the files
    are called from run to run, in place of names that tell the second.

    A format that fails leaves the others, and its files of the last report. Raises InputError where the place cannot
    be written, or there is no such format.
    """
    forms = {name: load(name) for name in formats}
    lines, built = facts(audit, findings, past), list(tables.build(audit, findings, labels, past))
    more = _further(forms.values(), audit, findings, labels, past)
    records = _records(forms.values(), audit, findings, past)
    carried: list[str] = []
    if entries is not None:
        placed = place_entries(entries, built, audit)
        settings = {**settings, DEFAULT: {**settings.get(DEFAULT, {}), "placed": placed}}
        carried.append(placed.line)
    takes = _tables_of(forms.values(), audit, findings, labels, built)
    total = sum(len(table.frame) for form in forms.values() for table in takes(form))
    total += sum(records.count for form in forms.values() if records and shows_findings(form))
    alone: list[str] = []

    def all_formats(beginning: Path) -> tuple[list[Staged], dict[str, Exception]]:
        """Write each format into a folder of its own; returns also what went wrong with those that are missing."""
        done = 0
        alone.clear()

        def count(rows: int) -> None:
            nonlocal done
            done += rows
            progress(done, total)

        written: list[Staged] = []
        failures: dict[str, Exception] = {}
        for number, (name, form) in enumerate(forms.items()):
            own = beginning.parent / str(number) / beginning.name
            try:
                own.parent.mkdir()
                counted = [replace(table, on_rows=count) for table in takes(form)]
                taken = dict(more(form))
                if records and shows_findings(form):
                    taken["findings"] = replace(records, on_records=count)
                paths = form.write(own, counted, lines, **settings.get(name, {}), **taken)
                if for_group(form):
                    alone.extend(places.let_group_read(place, paths))
                written.append(staged(name, own, paths))
            except Exception as error:  # whatever it is, the other formats are none the worse
                shutil.rmtree(own.parent, ignore_errors=True)  # they may need the room
                failures[name] = error
        return written, failures

    try:
        outcome, failures = _put(place, stem, all_formats)
    except OSError as error:
        raise places.not_there(place, error) from None
    of = {name: f"-f {name}: " if len(forms) > 1 else "" for name in forms}
    told = [_told(place, failures[name], of[name]) for name in forms if name in failures]
    if told and not outcome.placed:
        raise told[0]
    paths = [places.address(place, path) for report in outcome.placed for path in report.paths]
    placed_forms = [forms[report.form] for report in outcome.placed]
    said = (note for form in placed_forms for note in notes(form, takes(form), records))
    return Written(tuple(paths), (*carried, *said, *alone, *outcome.notes), tuple(told))


def _put(
    place: Store, stem: str, write: Callable[[Path], tuple[list[Staged], dict[str, Exception]]]
) -> tuple[Outcome, dict[str, Exception]]:
    """Write the formats aside and put them in place. Raises OSError where that cannot be."""
    while True:
        with places.staging(place, stem) as beginning:
            written, failures = write(beginning)
            if not written:
                return Outcome(), failures
            try:
                outcome = places.put(place, stem, written, beginning.parent)
            except FileExistsError:
                continue  # another report of this second was put there meanwhile
            return outcome, failures | outcome.failures


def _told(place: Store, error: Exception, of: str) -> Exception:
    return InputError(f"{of}{places.not_there(place, error)}") if isinstance(error, OSError) else error


def _tables_of(
    forms: Iterable[Format], audit: Audit, findings: Findings, labels: Labels, built: Sequence[Table]
) -> Callable[[Format], Sequence[Table]]:
    """Which tables a format takes."""
    star_too = built
    if any(map(for_databases, forms)):
        from reporter.report import star

        star_too = star.build(audit, findings, built, labels)

    def of(form: Format) -> Sequence[Table]:
        if shows_findings(form):
            return ()
        return star_too if for_databases(form) else built

    return of


# What only some formats take is imported for those alone: what there is of it would take a tenth of a small report.


def _records(
    forms: Iterable[Format], audit: Audit, findings: Findings, past: Past
) -> "FindingRecords | None":
    """Every finding as a record, where a format takes them."""
    if not any(map(shows_findings, forms)):
        return None
    from reporter.report.finding_records import finding_records

    return finding_records(audit, findings, past)


def _further(
    forms: Iterable[Format], audit: Audit, findings: Findings, labels: Labels, past: Past
) -> Callable[[Format], Mapping[str, Any]]:
    """What a format takes beside the tables. It is put together where a format takes it, and once for all of them."""
    forms = list(forms)
    most = max(map(shows_groups, forms), default=0)

    @cache
    def first_page() -> "Overview":
        from reporter.report.overview import overview

        since = [changes.since_line(past)] if past.base else []
        return overview(audit, findings, past, [*since, *remarks(audit, findings)], labels)

    @cache
    def worst_groups() -> "Details":
        from reporter.report.details import details

        return details(audit, findings, most, labels, past)

    def of(form: Format) -> Mapping[str, Any]:
        taken: dict[str, Any] = {}
        if shows_overview(form):
            taken["overview"] = first_page()
        if shows_groups(form):
            found = worst_groups()
            taken["details"] = replace(found, groups=found.groups[: shows_groups(form)])
        if shows_metrics(form):
            from reporter.report.metrics import measure

            taken["metrics"] = measure(audit, findings, past)
        return taken

    return of
