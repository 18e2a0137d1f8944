"""Where output lies: a folder, or a prefix of an S3 bucket. Keys are relative, parts joined by slashes."""

import errno
import gzip
import os
import re
import stat
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec

from reporter.errors import InputError
from reporter.files import write_whole
from reporter.names import clean, printable
from reporter.output.packed import unpack
from reporter.output.s3 import S3_SCHEME, Bucket

#: What reading a damaged file raises, packed or not.
UNREADABLE = (EOFError, gzip.BadGzipFile, zlib.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError)

#: The codes of cells of which a file is damaged, or cannot be had: it may be whole, and whoever reads not be let.
DAMAGED, NOT_HAD = "Unreadable", "CannotReadError"

_AHEAD = 4  # items a thread that are begun before the first of them is taken

# The names that botocore takes (botocore.handlers.VALID_BUCKET, VALID_S3_ARN), but for those that have a slash.
_BUCKET = re.compile(
    r"[a-zA-Z0-9.\-_]{1,255}|arn:aws[^:]*:s3[a-z-]*:[a-z0-9-]*:\d{12}:accesspoint:[a-zA-Z0-9.-]{1,63}"
)

_OPTION = "region="  # of a bucket, as Custodian takes it (c7n.resources.aws.get_s3_region)

Item = TypeVar("Item")
Result = TypeVar("Result")


class Store(Protocol):
    """A place that files are read from and written to."""

    @property
    def name(self) -> str:
        """The place as a person would write it."""

    def read(self, key: str) -> bytes:
        """A file's content, unpacked where the key ends in .gz. Raises OSError where it cannot be had."""

    def write(self, key: str, content: bytes) -> None:
        """Write a file so that a reader never meets half of one. Raises OSError."""

    def exists(self, key: str) -> bool:
        """Whether there is such a file."""

    def keys(self) -> Iterator[str]:
        """Every file below, each once."""

    def here(self) -> tuple[list[str], list[str]]:
        """The names of the files and of the folders directly in it, sorted. Raises OSError."""

    def child(self, name: str) -> "Store":
        """The place of that name within."""

    @property
    def parent(self) -> "Store | None":
        """The place that it lies in; None where it lies in none."""

    @property
    def threads(self) -> int:
        """How many files are best read at a time."""


@dataclass(frozen=True)
class Folder:
    """A folder of this machine."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def read(self, key: str) -> bytes:
        # A run has thousands of files, small ones most of them: a Path of each takes longer than reading it.
        path = os.path.join(self.path, key)  # noqa: PTH118
        kind = stat.S_IFMT(os.stat(path).st_mode)  # noqa: PTH116
        if kind not in (stat.S_IFREG, stat.S_IFDIR):  # a pipe or a device, which may have no end
            raise OSError(errno.EINVAL, "not a regular file", path)
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            return unpack(key, file.read())

    def write(self, key: str, content: bytes) -> None:
        write_whole(self.path / key, content)

    def exists(self, key: str) -> bool:
        return (self.path / key).exists()

    def keys(self) -> Iterator[str]:
        """In the order of the names; what is behind links comes last, and none leads to a folder seen before."""
        seen = {_identity(folder) for folder in self.path.resolve().parents}
        starts = [self.path]
        for start in starts:
            for folder, folders, files in os.walk(start, onerror=_not_listed):
                if (identity := _identity(Path(folder))) in seen:
                    folders.clear()
                    continue
                seen.add(identity)
                folders.sort()
                starts += (path for name in folders if (path := Path(folder, name)).is_symlink())
                for file in sorted(files):
                    yield Path(folder, file).relative_to(self.path).as_posix()

    def here(self) -> tuple[list[str], list[str]]:
        with os.scandir(self.path) as entries:
            found = sorted((entry.name, entry.is_dir()) for entry in entries)
        return [name for name, folder in found if not folder], [name for name, folder in found if folder]

    def child(self, name: str) -> "Folder":
        return Folder(self.path / name)

    @property
    def parent(self) -> "Folder | None":
        return Folder(self.path.resolve().parent)

    @property
    def threads(self) -> int:
        return 1  # a disk keeps nobody waiting


@dataclass(frozen=True)
class File:
    """A file of a store."""

    store: Store
    key: str

    def read(self) -> bytes:
        """Its content, as the store gives it."""
        return self.store.read(self.key)


def open_store(where: str, option: str = "") -> Store:
    """The place a person named by an option: a path, or s3://bucket/prefix.

    `?region=…` at its end, with which Custodian takes it, is passed over. Raises InputError for another scheme, one
    that lacks a slash, a bucket without a name, a prefix that would lose a part, or nothing at all.
    """
    shown = f"{option} {where}" if option else where
    if not where:
        raise InputError(f"{option or '-s'}: give a folder, or s3://bucket/prefix")
    if not where.startswith(S3_SCHEME):
        if "://" in where or where.lower().startswith("s3:"):  # s3:/bucket would become a folder called s3:
            raise InputError(f"{shown}: give a folder, or s3://bucket/prefix")
        return Folder(Path(where))
    try:
        address = urlsplit(where)
    except ValueError:  # it has a bracket
        raise InputError(f"{shown}: no place in S3; write s3://bucket/prefix") from None
    # What urlsplit takes from the path, control characters too, would be missing: that is another place.
    lost = "#" in where or ("?" in where and not address.query.startswith(_OPTION))
    if lost or clean(where) != where:
        raise InputError(
            f"{printable(shown)}: a prefix has no ?, no # and no characters that cannot be shown"
        )
    if not _BUCKET.fullmatch(address.netloc):
        raise InputError(f"{shown}: names no bucket; write s3://bucket/prefix")
    return Bucket(address.netloc, address.path.strip("/"))


def code_of(error: OSError) -> str:
    """DAMAGED or NOT_HAD, for what reading a file of a store raised."""
    damaged = isinstance(error, gzip.BadGzipFile) or error.errno == errno.EFBIG
    return DAMAGED if damaged else NOT_HAD


def side_by_side(
    store: Store, function: Callable[[Item], Result], items: Iterable[Item], *, writes: bool = False
) -> Iterator[Result]:
    """What the function makes of each item, in order, as many at a time as suits the store.

    It is not far ahead of whoever takes the results, so that they need no room. Whoever stops, or meets an error, waits
    for nothing that is still on its way, unless it `writes`: a listing may take minutes, as may an answer that does
    not come.
    """
    if store.threads == 1:
        yield from map(function, items)
        return
    left = iter(items)
    tasks: SimpleQueue[tuple[Future[Result], Item] | None] = SimpleQueue()
    ahead: deque[Future[Result]] = deque()

    def begin(most: int) -> None:
        for item in islice(left, most):
            ahead.append(Future())
            tasks.put((ahead[-1], item))

    begin(_AHEAD * store.threads)
    # Python waits for the threads of an executor as it ends, whatever they do: for these it does not.
    threads = [
        Thread(target=_work, args=(tasks, function), daemon=True)
        for _ in range(min(len(ahead), store.threads))
    ]
    for thread in threads:
        thread.start()
    try:
        while ahead:
            result = ahead.popleft().result()
            begin(1)
            yield result
    finally:
        for each in ahead:
            each.cancel()
        for _ in threads:
            tasks.put(None)
        if writes:
            for thread in threads:
                thread.join()


def _work(
    tasks: "SimpleQueue[tuple[Future[Result], Item] | None]", function: Callable[[Item], Result]
) -> None:
    while task := tasks.get():
        future, item = task
        if not future.set_running_or_notify_cancel():
            continue
        try:
            future.set_result(function(item))
        except BaseException as error:  # whoever takes the result meets it
            future.set_exception(error)
        del task, future, item  # the result may be large, and the next one be long in coming


def _identity(folder: Path) -> tuple[int, int]:
    """What tells a folder, however one came to it."""
    found = folder.stat()
    return found.st_dev, found.st_ino


def _not_listed(error: OSError) -> None:
    """A folder that cannot be listed may hold anything: it is not passed over."""
    raise OSError(error.errno, f"{error.filename}: {error.strerror}")
