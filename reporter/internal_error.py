"""What is told, and written down, where the program itself is at fault."""

import os
import platform
import sys
import tempfile
import traceback
from pathlib import Path

from reporter import __version__
from reporter.redaction import redact, redact_lines

_TRACKER = "the project's issue tracker"
_MESSAGE = 200


def told(error: BaseException) -> str:
    """One line on an error that nobody foresaw, whose traceback goes into a file of the owner's in TMPDIR.

    Neither holds what looks like a credential.
    """
    what = redact(f"{type(error).__name__}: {error}", _MESSAGE)
    try:
        where = f"with {_written(error)}"
    except Exception as failed:  # a full disk, say: the line itself must get out
        where = f"(its log could not be written: {redact(failed, _MESSAGE)})"
    return f"internal error: {what}; please report it to {_TRACKER} {where}"


def _written(error: BaseException) -> Path:
    handle, name = tempfile.mkstemp(prefix="sg-audit-", suffix=".log")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(
                f"c7n-sg-audit {__version__}, Python {sys.version.split()[0]}, {platform.platform()}\n"
            )
            file.write(f"sg-audit {' '.join(map(redact, sys.argv[1:]))}\n\n")
            for part in traceback.format_exception(error):
                file.writelines(f"{redact_lines(line)}\n" for line in part.splitlines())
    except BaseException:
        Path(name).unlink()
        raise
    return Path(name)
