"""Writes the report of an audit into a folder."""

import errno
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from reporter.accounts.labels import NO_LABELS, Labels
from reporter.errors import InputError
from reporter.inventory.audit import Audit, Progress, silent
from reporter.names import printable
from reporter.report import tables
from reporter.report.formats import DEFAULT, NO_SETTINGS, Settings, load, notes

FILE_STEM = "security_groups_inventory"
_NAMED = 10  # policies in a line


@dataclass(frozen=True)
class Written:
    """The files of a report, in the order of the formats, and what there is to say of them."""

    paths: tuple[Path, ...]
    notes: tuple[str, ...]


def check_folder(folder: Path) -> None:
    """Find out, before anything is read, whether a folder for reports can be there.

    Raises InputError where a file is in its way.
    """
    for path in (folder, *folder.parents):
        if path.is_dir():
            return
        if path.exists():
            raise InputError(f"{folder}: cannot write the report there: {os.strerror(errno.ENOTDIR)}")


def write(
    audit: Audit,
    folder: Path,
    formats: Sequence[str] = (DEFAULT,),
    labels: Labels = NO_LABELS,
    progress: Progress = silent,
    settings: Settings = NO_SETTINGS,
) -> Written:
    """Write the report in each format into the folder, made where it is missing.

    `progress` hears how many rows are written, of how many; `settings` are those of the formats.

    Raises InputError where the folder cannot be written, or there is no such format.
    """
    forms = {name: load(name) for name in formats}
    lines, built = facts(audit), tables.build(audit, labels)
    total = len(forms) * sum(len(table.frame) for table in built)
    done = 0

    def count(rows: int) -> None:
        nonlocal done
        done += rows
        progress(done, total)

    counted = [replace(table, on_rows=count) for table in built]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stem = _new_stem(folder)
        paths = [
            path
            for name, form in forms.items()
            for path in form.write(stem, counted, lines, **settings.get(name, {}))
        ]
    except OSError as error:
        raise InputError(f"{folder}: cannot write the report there: {error.strerror or error}") from None
    return Written(tuple(paths), tuple(note for form in forms.values() for note in notes(form, counted)))


def facts(audit: Audit) -> Sequence[str]:
    """Lines on the whole report: when, how much, and what is missing."""
    accounts = f"{len(audit.output.accounts):,} accounts"
    if not audit.output.has_groups:
        lines = [f"Output of Custodian as of {audit.output.started}", accounts, tables.coverage_line(audit)]
    else:
        lines = [
            f"Security groups as of {audit.output.started}",
            f"{len(audit.inventory.groups):,} groups in {accounts}",
            tables.coverage_line(audit),
        ]
        if not audit.output.lists_all_groups:
            lines.append("No policy lists every group: only those that a policy found are here")
        nothing = tables.found_nothing(audit)
        if nothing:
            more = f" and {len(nothing) - _NAMED} more" if len(nothing) > _NAMED else ""
            lines.append(f"Found nothing, and so have no sheet: {', '.join(nothing[:_NAMED])}{more}")
    if audit.gaps:
        lines.append("What was not read is not clean: see the coverage tab")
    return list(map(printable, lines))


def _new_stem(folder: Path) -> Path:
    while True:
        stem = folder / f"{FILE_STEM}_{datetime.now(UTC):%Y%m%dT%H%M%S}"
        if not any(folder.glob(f"{stem.name}*")):
            return stem
        time.sleep(0.2)  # a report of this very second is there already: the name tells seconds
