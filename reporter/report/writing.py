"""Writes the report of an audit into a folder."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from reporter.accounts.labels import NO_LABELS, Labels
from reporter.errors import InputError
from reporter.findings.assess import Findings
from reporter.findings.past import NO_PAST, Past
from reporter.inventory.audit import Audit, Progress, silent
from reporter.names import clean
from reporter.report import changes, star, tables
from reporter.report.details import Details, details
from reporter.report.entries import Entry, place
from reporter.report.folder import not_there
from reporter.report.formats import (
    DEFAULT,
    NO_SETTINGS,
    Format,
    Settings,
    for_databases,
    load,
    notes,
    shows_groups,
    shows_overview,
)
from reporter.report.overview import Overview, overview
from reporter.report.summary import coverage_line, waived_line
from reporter.report.table import Table

FILE_STEM = "security_groups_inventory"
_NAMED = 10  # policies in a line


@dataclass(frozen=True)
class Written:
    """The files of a report, in the order of the formats, what there is to say of them, and what went wrong with the
    formats that are not among them."""

    paths: tuple[Path, ...]
    notes: tuple[str, ...]
    failures: tuple[Exception, ...] = ()


def write(
    audit: Audit,
    findings: Findings,
    folder: Path,
    formats: Sequence[str] = (DEFAULT,),
    labels: Labels = NO_LABELS,
    progress: Progress = silent,
    settings: Settings = NO_SETTINGS,
    past: Past = NO_PAST,
    entries: Sequence[Entry] | None = None,
) -> Written:
    """Write the report in each format into the folder, made where it is missing.

    `progress` hears how many rows are written, of how many; `settings` are those of the formats; `past` is what is
    known of earlier runs; `entries` are those of the auditors, which the workbook takes over.

    A format that fails leaves the others. Raises InputError where the folder cannot be written, or there is no such
    format.
    """
    forms = {name: load(name) for name in formats}
    lines, built = facts(audit, findings, past), list(tables.build(audit, findings, labels, past))
    more = _further(forms.values(), audit, findings, labels, past)
    carried: list[str] = []
    if entries is not None:
        placed = place(entries, built, audit)
        settings = {**settings, DEFAULT: {**settings.get(DEFAULT, {}), "placed": placed}}
        carried.append(placed.line)
    takes = _tables_of(forms.values(), audit, findings, labels, built)
    total = sum(len(table.frame) for form in forms.values() for table in takes(form))
    done = 0

    def count(rows: int) -> None:
        nonlocal done
        done += rows
        progress(done, total)

    counted = {name: [replace(table, on_rows=count) for table in takes(form)] for name, form in forms.items()}
    paths: list[Path] = []
    written: dict[str, Format] = {}
    failures: list[Exception] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _claimed_stem(folder) as stem:
            for name, form in forms.items():
                try:
                    paths += form.write(stem, counted[name], lines, **settings.get(name, {}), **more(form))
                    written[name] = form
                except Exception as error:  # whatever it is, the other formats are none the worse
                    of = f"-f {name}: " if len(forms) > 1 else ""
                    failures.append(_not_written(folder, error, of) if isinstance(error, OSError) else error)
    except OSError as error:
        raise _not_written(folder, error) from None
    if failures and not written:
        raise failures[0]
    said = (note for name, form in written.items() for note in notes(form, counted[name]))
    return Written(tuple(paths), (*carried, *said), tuple(failures))


def _not_written(folder: Path, error: OSError, of: str = "") -> InputError:
    return InputError(f"{of}{not_there(folder, ' '.join(str(error.strerror or error).split()))}")


def _tables_of(
    forms: Iterable[Format], audit: Audit, findings: Findings, labels: Labels, built: Sequence[Table]
) -> Callable[[Format], Sequence[Table]]:
    """Which tables a format takes."""
    star_too = star.build(audit, findings, built, labels) if any(map(for_databases, forms)) else built
    return lambda form: star_too if for_databases(form) else built


def _further(
    forms: Iterable[Format], audit: Audit, findings: Findings, labels: Labels, past: Past
) -> Callable[[Format], Mapping[str, Any]]:
    """What a format takes beside the tables. It is put together where a format takes it, and once for all of them."""
    forms = list(forms)
    most = max(map(shows_groups, forms), default=0)

    @cache
    def first_page() -> Overview:
        since = [changes.since_line(past)] if past.base else []
        return overview(audit, findings, past, [*since, *remarks(audit, findings)], labels)

    @cache
    def worst_groups() -> Details:
        return details(audit, findings, most, labels, past)

    def of(form: Format) -> Mapping[str, Any]:
        taken: dict[str, Any] = {}
        if shows_overview(form):
            taken["overview"] = first_page()
        if shows_groups(form):
            found = worst_groups()
            taken["details"] = replace(found, groups=found.groups[: shows_groups(form)])
        return taken

    return of


def facts(audit: Audit, findings: Findings, past: Past = NO_PAST) -> Sequence[str]:
    """Lines on the whole report: when, how much, and what is missing."""
    accounts = f"{len(audit.output.accounts):,} accounts"
    if not audit.output.has_groups:
        lines = [f"Output of Custodian as of {audit.output.started}", accounts, coverage_line(audit)]
    else:
        lines = [
            f"Security groups as of {audit.output.started}",
            f"{len(findings.groups):,} groups in {accounts}",
            coverage_line(audit),
            *filter(None, [waived_line(findings)]),
        ]
        if past.base:
            lines.append(changes.since_line(past))
        lines += remarks(audit, findings)
    if audit.gaps:
        lines.append("What was not read is not clean: see the coverage tab")
    return list(map(clean, lines))


def remarks(audit: Audit, findings: Findings) -> list[str]:
    """Lines on what the tables do not show."""
    lines = []
    if audit.output.has_groups:
        if not audit.output.lists_all_groups:
            lines.append("No policy lists every group: only those that a policy found are here")
        nothing = tables.found_nothing(audit, findings)
        if nothing:
            more = f" and {len(nothing) - _NAMED} more" if len(nothing) > _NAMED else ""
            lines.append(f"Found nothing: {', '.join(nothing[:_NAMED])}{more}")
    return list(map(clean, lines))


@contextmanager
def _claimed_stem(folder: Path) -> Iterator[Path]:
    """How the names of this report's files begin, which no other report's do: they tell the second.

    Whoever writes files of a second holds the folder that is called after it, which can be made but once.
    """
    while True:
        stem = folder / f"{FILE_STEM}_{datetime.now(UTC):%Y%m%dT%H%M%S}"
        claim = folder / f".{stem.name}"
        try:
            claim.mkdir()
        except FileExistsError:
            pass
        else:
            try:
                if not any(folder.glob(f"{stem.name}*")):
                    yield stem
                    return
            finally:
                claim.rmdir()
        time.sleep(0.2)  # a report of this very second is there already, or being written
