"""Who asks for a run, and with which files, as its manifest is to have it."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reporter.custodian import packaged

PACKAGED = "those that come with sg-audit"


@dataclass(frozen=True)
class Asked:
    """`callers` holds the caller's ARN where it is known; the files are called as on the command line."""

    callers: tuple[str, ...] = ()
    accounts_file: str = ""
    policy_files: tuple[str, ...] = ()


def asked(caller: str, accounts_file: Path, sources: Sequence[Path]) -> Asked:
    """Nothing that nobody wrote is told of this machine: neither where the package is, nor where a temporary file."""
    files = (PACKAGED if source == packaged.folder() else _name(source) for source in sources)
    return Asked((caller,) if caller else (), _name(accounts_file), tuple(files))


def _name(path: Path) -> str:
    return path.name if path.is_relative_to(tempfile.gettempdir()) else str(path)
