"""Files that are whole or not there."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

#: How the name of a file begins that is being written.
PART = ".part-"


def write_whole(path: Path, content: bytes, *, private: bool = False) -> None:
    """Put a file in place so that a reader, or a kill at any moment, never meets half of one.

    It is its owner's only, or keeps the mode of the file it replaces, but where it is `private`: in a folder that
    others write to, one of them may have put a file there. Raises OSError where it cannot be written; what was there
    before is there then, and nothing else.
    """
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=PART)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        if not private:
            with suppress(FileNotFoundError):
                shutil.copymode(path, part)
        Path(part).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(part).unlink()
        raise
