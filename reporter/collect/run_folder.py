"""The folder of a run: where it is made, and which is the newest."""

import os
from contextlib import suppress
from datetime import UTC, datetime

from reporter.errors import InputError
from reporter.output.manifest import FILE_NAME
from reporter.output.reading import LATEST
from reporter.output.store import Folder, Store


def make_output(output: Store) -> None:
    """Make the folder of runs where it is missing, and see that it can be written.

    Raises InputError where it cannot be.
    """
    try:
        if isinstance(output, Folder):
            output.path.mkdir(parents=True, exist_ok=True)
            if not os.access(output.path, os.W_OK | os.X_OK):
                raise InputError(f"{output.name}: cannot write there")
        else:
            output.here()
    except OSError as error:
        raise InputError(f"{output.name}: cannot write there: {error.strerror}") from None


def create(output: Store) -> Store:
    """A new folder for a run, called after the time. Raises InputError where it cannot be made."""
    name = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    make_output(output)
    for attempt in range(1, 100):
        folder = output.child(name if attempt == 1 else f"{name}-{attempt}")
        if not isinstance(folder, Folder):
            if not folder.exists(FILE_NAME):
                return folder
            continue
        try:
            folder.path.mkdir(mode=0o700)
            return Folder(folder.path.resolve())
        except FileExistsError:
            continue
        except OSError as error:
            raise InputError(f"{output.name}: cannot write there: {error.strerror}") from None
    raise InputError(f"{output.name}: a hundred runs began there within a second")


def newest(output: Store) -> Store:
    """The run itself, or the newest of a folder of runs: their names tell the time."""
    try:
        if output.exists(FILE_NAME):
            return output
        runs = [name for name in output.here()[1] if name != LATEST and output.child(name).exists(FILE_NAME)]
    except OSError as error:
        raise InputError(f"{output.name}: {error.strerror}") from None
    if not runs:
        raise InputError(f"{output.name}: no run of sg-audit there")
    newest = output.child(runs[-1])
    return Folder(newest.path.resolve()) if isinstance(newest, Folder) else newest


def link_latest(folder: Store) -> None:
    """Point `latest` at the run; a system without symbolic links, and S3, go without."""
    if isinstance(folder, Folder):
        fresh = folder.path.parent / f".{LATEST}-{folder.path.name}"
        with suppress(OSError):
            fresh.symlink_to(folder.path.name)
            fresh.replace(folder.path.parent / LATEST)
