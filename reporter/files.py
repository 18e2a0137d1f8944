"""Files that are whole or not there."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

#: How the name of a file begins that is being written.
PART = ".part-"


def write_whole(path: Path, content: bytes, *, group_reads: bool = False) -> None:
    """Put a file in place so that a reader, or a kill at any moment, never meets half of one.

    It is its owner's only, or keeps the mode of the file it replaces. With `group_reads` the group of its folder may
    read it (0640), and no other: where its owner may not give it to that group, it stays its owner's only. Raises
    OSError where it cannot be written; what was there before is there then, and nothing else.
    """
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=PART)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        if group_reads:
            _let_group_read(Path(part), path.parent)
        else:
            with suppress(FileNotFoundError):
                shutil.copymode(path, part)
        Path(part).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(part).unlink()
        raise


def _let_group_read(file: Path, folder: Path) -> None:
    group = folder.stat().st_gid
    try:
        os.chown(file, -1, group)
    except PermissionError:
        return  # who is not of that group; another group is not to read it
    file.chmod(0o640)
