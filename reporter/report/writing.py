"""Writes the report of an audit into a folder."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reporter.accounts.labels import NO_LABELS, Labels
from reporter.findings.assess import Findings
from reporter.findings.past import NO_PAST, Past
from reporter.inventory.audit import Audit, Progress, silent
from reporter.names import clean
from reporter.report import changes, tables
from reporter.report.details import details
from reporter.report.entries import Entry, place
from reporter.report.folder import not_there
from reporter.report.formats import (
    DEFAULT,
    NO_SETTINGS,
    Format,
    Settings,
    load,
    notes,
    shows_groups,
    shows_overview,
)
from reporter.report.overview import overview
from reporter.report.summary import coverage_line, waived_line

FILE_STEM = "security_groups_inventory"
_NAMED = 10  # policies in a line


@dataclass(frozen=True)
class Written:
    """The files of a report, in the order of the formats, and what there is to say of them."""

    paths: tuple[Path, ...]
    notes: tuple[str, ...]


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

    Raises InputError where the folder cannot be written, or there is no such format.
    """
    forms = {name: load(name) for name in formats}
    lines, built = facts(audit, findings, past), tables.build(audit, findings, labels, past)
    more = _further(forms.values(), audit, findings, labels, past)
    carried: list[str] = []
    if entries is not None:
        placed = place(entries, built, audit)
        settings = {**settings, DEFAULT: {**settings.get(DEFAULT, {}), "placed": placed}}
        carried.append(placed.line)
    total = len(forms) * sum(len(table.frame) for table in built)
    done = 0

    def count(rows: int) -> None:
        nonlocal done
        done += rows
        progress(done, total)

    counted = [replace(table, on_rows=count) for table in built]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _claimed_stem(folder) as stem:
            paths = [
                path
                for name, form in forms.items()
                for path in form.write(
                    stem,
                    counted,
                    lines,
                    **settings.get(name, {}),
                    **more(form),
                )
            ]
    except OSError as error:
        raise not_there(folder, " ".join(str(error.strerror or error).split())) from None
    said = (note for form in forms.values() for note in notes(form, counted))
    return Written(tuple(paths), (*carried, *said))


def _further(
    forms: Iterable[Format], audit: Audit, findings: Findings, labels: Labels, past: Past
) -> Callable[[Format], Mapping[str, Any]]:
    """What a format takes beside the tables. It is put together where a format takes it, and once for all of them."""
    forms = list(forms)
    more: dict[str, Any] = {}
    if any(map(shows_overview, forms)):
        since = [changes.since_line(past)] if past.base else []
        more["overview"] = overview(audit, findings, past, [*since, *remarks(audit, findings)], labels)
    most = max(map(shows_groups, forms), default=0)
    found = details(audit, findings, most, labels, past) if most else None

    def of(form: Format) -> Mapping[str, Any]:
        taken = {name: value for name, value in more.items() if shows_overview(form)}
        if found is not None and shows_groups(form):
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
