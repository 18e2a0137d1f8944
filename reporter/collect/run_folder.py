"""The folder of a run: where it is made, which is the newest, and who may write there."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from reporter.errors import InputError
from reporter.files import PART
from reporter.output import manifest
from reporter.output.manifest import Manifest
from reporter.output.reading import LATEST, find_run
from reporter.output.s3 import Bucket
from reporter.output.store import Folder, Store

# Below it lies what is not whole yet. Listings of a run's accounts pass it over: no account may be called so.
_SCRATCH = ".unfinished-"


def make_output(output: Store) -> None:
    """Make the folder of runs where it is missing, and see that it can be written.

    Raises InputError where it cannot be, and where its path has braces: Custodian fills in what stands there.
    """
    whole = str(output.path.resolve()) if isinstance(output, Folder) else output.name
    if set("{}") & set(whole):
        raise InputError(
            f"{whole}: Custodian takes what stands in braces for a variable: give another folder"
        )
    try:
        if isinstance(output, Folder):
            output.path.mkdir(parents=True, exist_ok=True)
            if not os.access(output.path, os.W_OK | os.X_OK):
                raise InputError(f"{output.name}: cannot write there")
        else:
            output.here()
    except OSError as error:
        raise InputError(f"{output.name}: cannot write there: {error.strerror}") from None


def create(output: Store, plan: Manifest) -> Store:
    """A new folder for a run, called after the time, with its manifest. Of two that begin in the same moment
    each has its own. Raises InputError where it cannot be made.
    """
    name = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    make_output(output)
    for attempt in range(1, 100):
        try:
            return _made(output.child(name if attempt == 1 else f"{name}-{attempt}"), plan)
        except FileExistsError:
            continue
        except OSError as error:
            raise InputError(f"{output.name}: cannot write there: {error.strerror}") from None
    raise InputError(f"{output.name}: a hundred runs began there within a second")


def _made(folder: Store, plan: Manifest) -> Store:
    """The folder, made for this plan and no other. Raises FileExistsError where it is someone else's."""
    if isinstance(folder, Bucket):
        folder.write_new(manifest.FILE_NAME, manifest.encoded(plan))
    elif isinstance(folder, Folder):
        folder.path.mkdir(mode=0o700)
        try:
            manifest.write(folder, plan)
        except OSError:
            with suppress(OSError):
                folder.path.rmdir()
            raise
        return Folder(folder.path.resolve())
    return folder


def newest(output: Store) -> Store:
    """The run itself, or the newest of a folder of runs, whose names tell the time.

    Raises InputError where there is none.
    """
    try:
        run, _ = find_run(output, renamed=False)
    except OSError as error:
        raise InputError(f"{output.name}: cannot be read: {error.strerror}") from None
    if run is None:
        raise InputError(f"{output.name}: no run of sg-audit there")
    return Folder(run.path.resolve()) if isinstance(run, Folder) else run


@contextmanager
def held(folder: Store) -> Iterator[None]:
    """Keep other processes of this machine from going on with the run while the block runs.

    The system lets go of it when this process ends, in whatever way. Raises InputError where another holds it.
    """
    if not isinstance(folder, Folder):
        yield
        return
    try:
        handle = os.open(folder.path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise InputError(f"{folder.name}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{folder.name}: that run is still going on in another process: wait for it, or end it first"
            ) from None
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(handle)


@contextmanager
def scratch(folder: Store) -> Iterator[str]:
    """A folder of the run for what is not whole yet, gone with the block; empty for S3, which needs none.

    Raises InputError where it cannot be made.
    """
    if not isinstance(folder, Folder):
        yield ""
        return
    try:
        made = tempfile.mkdtemp(dir=folder.path, prefix=_SCRATCH)
    except OSError as error:
        raise InputError(f"{folder.name}: cannot write there: {error.strerror}") from None
    try:
        yield made
    finally:
        _drop(Path(made))


def drop_leftovers(folder: Store) -> None:
    """Take away what a process that was killed left unfinished in the run.

    A worker of that process that still lives can put nothing in place from then on: where it writes is gone.
    """
    if isinstance(folder, Folder):
        for left in folder.path.glob(f"{_SCRATCH}*"):
            _drop(left)
        for left in folder.path.glob(f"{PART}*"):
            with suppress(OSError):
                left.unlink()


def _drop(unfinished: Path) -> None:
    # Renamed first: a folder that someone writes in may be emptied and filled at the same time.
    gone = unfinished
    with suppress(OSError):
        gone = unfinished.rename(unfinished.with_name(f"{unfinished.name}-dropped"))
    shutil.rmtree(gone, ignore_errors=True)


def link_latest(folder: Store) -> None:
    """Point `latest` at the run; a system without symbolic links, and S3, go without."""
    if isinstance(folder, Folder):
        fresh = folder.path.parent / f".{LATEST}-{folder.path.name}"
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(folder.path.name)
            fresh.replace(folder.path.parent / LATEST)
        with suppress(OSError):
            fresh.unlink(missing_ok=True)  # a folder of a person's own is called so
