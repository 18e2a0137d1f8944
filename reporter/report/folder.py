"""The folder that reports are written into."""

import errno
import os
from pathlib import Path

from reporter.errors import InputError


def check(folder: Path) -> None:
    """Find out, before anything is run or read, whether a folder for reports can be there.

    Raises InputError where a file or a broken link is in its way, or nothing can be written there.
    """
    for path in (folder, *folder.parents):
        if path.is_dir():
            if not os.access(path, os.W_OK | os.X_OK):
                raise not_there(folder, os.strerror(errno.EACCES))
            return
        if os.path.lexists(path):
            raise not_there(folder, os.strerror(errno.ENOTDIR))


def not_there(folder: Path, reason: str) -> InputError:
    """What to raise where the report cannot be written into the folder."""
    return InputError(f"{folder}: cannot write the report there: {reason}")
