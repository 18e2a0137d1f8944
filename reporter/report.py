"""Writes the report of an audit into a folder."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from reporter import tabs
from reporter.audit import Audit
from reporter.errors import InputError
from reporter.formats import xlsx

FILE_STEM = "security_groups_inventory"


def write(audit: Audit, folder: Path) -> Path:
    """Write the workbook into the folder, made where it is missing, and return its path.

    Raises InputError where the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = _new_path(folder)
        xlsx.write(path, tabs.build(audit), facts(audit))
    except OSError as error:
        raise InputError(f"{folder}: cannot write the report there: {error.strerror}") from None
    return path


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


def _new_path(folder: Path) -> Path:
    while True:
        path = folder / f"{FILE_STEM}_{datetime.now(UTC):%Y%m%dT%H%M%S}{xlsx.SUFFIX}"
        if not path.exists():
            return path
        time.sleep(0.2)  # a report of this very second is there already: the name tells seconds
