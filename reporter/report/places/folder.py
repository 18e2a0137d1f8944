"""Reports in a folder of this machine, or of a share: each format's files are put in place together or not at all."""

import errno
import fcntl
import glob
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from reporter.files import write_whole
from reporter.report.places import record
from reporter.report.places.record import EMPTY, Record
from reporter.report.places.staged import Outcome, Staged

_WAIT = 600  # seconds, for another report of the same name
_FILE_NO_LINK = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def check(folder: Path) -> None:
    """Find out, before anything is run or read, whether a folder for reports can be there.

    Raises OSError where a file or a broken link is in its way, or nothing can be written there.
    """
    for path in (folder, *folder.parents):
        if path.is_dir():
            if not os.access(path, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return
        if os.path.lexists(path):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """A folder in it for what is not whole yet: its owner's alone, also where many can write, and gone with the block.

    Raises OSError where it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".report-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def claimed(folder: Path, beginning: str) -> Iterator[str]:
    """How the names of this report's files begin, which no other report's do: they tell the second.

    Whoever writes files of a second holds the folder that is called after it, which can be made but once.
    """
    while True:
        stem = f"{beginning}_{datetime.now(UTC):%Y%m%dT%H%M%S}"
        claim = folder / f".{stem}"
        try:
            claim.mkdir()
        except FileExistsError:
            pass
        else:
            try:
                if not any(folder.glob(f"{stem}*")):
                    yield stem
                    return
            finally:
                claim.rmdir()
        time.sleep(0.2)  # a report of this very second is there already, or being written


def put(folder: Path, reports: Sequence[Staged], scratch: Path) -> Outcome:
    """Move reports into the folder. `scratch` is an empty folder on the same disk, for what they replace."""
    outcome = Outcome()
    for number, report in enumerate(reports):
        try:
            _move(report, folder, scratch / str(number))
            outcome.placed.append(report)
        except OSError as error:
            outcome.failures[report.form] = error
    return outcome


def replace(folder: Path, stem: str, reports: Sequence[Staged], scratch: Path) -> Outcome:
    """Move reports into the place of those of that stem, and remove the files of tabs that are gone.

    Raises OSError where another report of the stem holds the place for too long, or the record cannot be read or
    written; then nothing has changed.
    """
    with _held(folder, stem):
        kept_in = folder / record.file_name(stem)
        with _told_of(kept_in):
            before, notes = _read(kept_in, stem)
        of_others = _of_others(folder, stem)
        free, refused = record.without_others(reports, of_others)
        after = before.claiming(free)
        with _told_of(kept_in):
            write_whole(kept_in, record.encoded(after), private=True)
        outcome = put(folder, free, scratch)
        outcome.failures |= {form: OSError(errno.EEXIST, why) for form, why in refused.items()}
        outcome.notes += notes
        for report in outcome.placed:
            staying = _remove(folder, before.gone(report, outcome.placed, of_others), outcome.placed)
            outcome.notes += [
                f"{folder / name}: stays, though its tab is gone: {why}" for name, why in staying.items()
            ]
            after = after.settled(report, staying)
        with suppress(OSError):  # the one from before names more than is there, which does no harm
            write_whole(kept_in, record.encoded(after), private=True)
        return outcome


def let_group_read(folder: Path, files: Sequence[Path]) -> list[str]:
    """Let the group of a folder read files, and no other. Where their owner may not give them to that group, they are
    the owner's only, and a line for people says so. Raises OSError."""
    group, alone = folder.stat().st_gid, []
    for file in files:
        try:
            os.chown(file, -1, group)
            file.chmod(0o640)
        except PermissionError:
            file.chmod(0o600)  # nor is another group to read it
            path = folder / file.name
            alone.append(f"{path}: its owner alone can read it, who is not in the group of its folder")
    return alone


def _move(report: Staged, folder: Path, kept: Path) -> None:
    """Move a report's files. Raises OSError where one cannot be; then the folder is as it was.

    A file that is replaced is there at any moment, old or new.
    """
    made: list[Path] = []
    try:
        for name in report.files:
            _make_parents(folder, name, made)
            _keep(folder / name, kept / name)
        for name in report.files:
            (report.folder / name).replace(folder / name)
    except BaseException:
        for name in report.files:
            if not os.path.lexists(report.folder / name):  # it was moved
                with suppress(OSError):
                    _put_back(folder / name, kept / name)
        for path in reversed(made):
            with suppress(OSError):
                path.rmdir()
        raise


def _make_parents(folder: Path, name: str, made: list[Path]) -> None:
    """Make the folders that a file lies in. Raises OSError where one of them is something else, or a link."""
    path = folder
    for part in name.split("/")[:-1]:
        path /= part
        try:
            path.mkdir()
            made.append(path)
        except FileExistsError:
            if path.is_symlink() or not path.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, f"{path}: {os.strerror(errno.ENOTDIR)}") from None


def _keep(path: Path, kept: Path) -> None:
    """Keep what a file is now, a link as a link, while it stays where it is."""
    if not os.path.lexists(path):
        return
    kept.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, kept, follow_symlinks=False)
    except OSError:  # a share may know no second name of a file
        if path.is_dir() and not path.is_symlink():
            raise IsADirectoryError(errno.EISDIR, f"{path}: {os.strerror(errno.EISDIR)}") from None
        shutil.copy2(path, kept, follow_symlinks=False)


def _put_back(path: Path, kept: Path) -> None:
    if os.path.lexists(kept):
        kept.replace(path)
    else:
        path.unlink()


def _remove(folder: Path, names: Sequence[str], placed: Sequence[Staged]) -> dict[str, str]:
    """Remove files and the folders that are empty then; returns those that stay, and why.

    Where names are told apart by more than this file system does, as by case, a file that was just written stays.
    """
    staying: dict[str, str] = {}
    if not names:
        return staying
    written = {_identity(folder / name) for report in placed for name in report.files}
    for name in names:
        path = folder / name
        above = [folder / parent for parent in Path(name).parents][:-1]
        try:
            if any(parent.is_symlink() for parent in above):
                staying[name] = "a link leads there"
            elif _identity(path) not in written:
                path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            staying[name] = error.strerror or str(error)
        for parent in above if name not in staying else ():
            with suppress(OSError):
                parent.rmdir()
    return staying


def _identity(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino


def _read(path: Path, stem: str) -> tuple[Record, list[str]]:
    """The record and a line on what is wrong with it. Raises OSError where it may not be read."""
    try:
        handle = os.open(path, os.O_RDONLY | _FILE_NO_LINK)
    except FileNotFoundError:
        return EMPTY, []
    except OSError as error:
        if error.errno != errno.ELOOP:  # a link
            raise
        return EMPTY, [record.damaged(stem)]
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return EMPTY, [record.damaged(stem)]
        content = file.read(record.MAX_BYTES + 1)
    return (
        record.decoded(content, stem) if len(content) <= record.MAX_BYTES else (EMPTY, [record.damaged(stem)])
    )


def _of_others(folder: Path, stem: str) -> dict[str, str]:
    """The files of other stems that may be called as this one's, each with its stem. A record that cannot be read says
    nothing."""
    longer = folder.glob(f"{glob.escape(record.beginning_of_longer(stem))}*")
    stems = [*record.shorter(stem), *filter(None, (record.stem_of(path.name) for path in longer))]
    found: dict[str, str] = {}
    for other in stems:
        with suppress(OSError):
            there, _ = _read(folder / record.file_name(other), other)
            found |= dict.fromkeys(there.names, other)
    return found


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """Have an OSError say which file of the report's own it is about."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"{path.name}: {error.strerror or error}") from None


@contextmanager
def _held(folder: Path, stem: str) -> Iterator[None]:
    """Keep other reports of the stem from being put in place while the block runs; wait for one that is.

    The system lets go of it when this process ends, in whatever way. Raises OSError where that takes too long.
    """
    lock = folder / f".{stem}.lock"
    with _told_of(lock):
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | _FILE_NO_LINK, 0o600)
    try:
        end = time.monotonic() + _WAIT
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise OSError(errno.EBUSY, f"another report called {stem} is being put there") from None
                time.sleep(0.1)
            except OSError:
                break  # a file system without locks
        yield
    finally:
        os.close(handle)
