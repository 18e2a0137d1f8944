"""Writes the report of an audit into a folder."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reporter import tabs
from reporter.audit import Audit
from reporter.errors import InputError
from reporter.formats import DEFAULT, load, notes

FILE_STEM = "security_groups_inventory"


@dataclass(frozen=True)
class Written:
    """The files of a report, in the order of the formats, and what there is to say of them."""

    paths: tuple[Path, ...]
    notes: tuple[str, ...]


def make_folder(folder: Path) -> None:
    """Make the folder for reports where it is missing.

    Raises InputError where it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot write the report there: {error.strerror}") from None


def write(audit: Audit, folder: Path, formats: Sequence[str] = (DEFAULT,)) -> Written:
    """Write the report in each format into the folder, which must be there.

    Raises InputError where the folder cannot be written, or there is no such format.
    """
    forms = [load(name) for name in dict.fromkeys(formats)]
    tables, lines = tabs.build(audit), facts(audit)
    try:
        stem = _new_stem(folder)
        paths = [path for form in forms for path in form.write(stem, tables, lines)]
    except OSError as error:
        raise InputError(f"{folder}: cannot write the report there: {error.strerror}") from None
    return Written(tuple(paths), tuple(note for form in forms for note in notes(form, tables)))


def facts(audit: Audit) -> Sequence[str]:
    """Lines on the whole report: when, how much, and what is missing."""
    groups = audit.inventory.groups
    lines = [
        f"Security groups as of {audit.output.started}",
        f"{len(groups):,} groups in {len(audit.output.accounts):,} accounts",
        tabs.coverage_line(audit),
    ]
    if audit.gaps:
        lines.append("What was not read is not clean: see the coverage tab")
    return lines


def _new_stem(folder: Path) -> Path:
    while True:
        stem = folder / f"{FILE_STEM}_{datetime.now(UTC):%Y%m%dT%H%M%S}"
        if not any(folder.glob(f"{stem.name}*")):
            return stem
        time.sleep(0.2)  # a report of this very second is there already: the name tells seconds
