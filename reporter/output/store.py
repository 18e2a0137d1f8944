"""Where output lies: a folder, or a prefix of an S3 bucket. Keys are relative, parts joined by slashes."""

import errno
import gzip
import io
import os
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec

from reporter.errors import InputError
from reporter.files import write_whole
from reporter.redaction import redact

S3_SCHEME = "s3://"

#: What reading a damaged file raises, packed or not.
UNREADABLE = (EOFError, gzip.BadGzipFile, zlib.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError)

#: What a packed file may unpack to, in bytes: a kilobyte can be made of a megabyte, and a megabyte of a gigabyte.
MAX_UNPACKED = 256 * 2**20

_S3_THREADS = 32  # each waits for AWS nearly all of the time
_TRIES = 3
_FIRST_REGION = "us-east-1"  # which S3 tells as no region

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
        path = self.path / key
        kind = stat.S_IFMT(path.stat().st_mode)
        if kind not in (stat.S_IFREG, stat.S_IFDIR):  # a pipe or a device, which may have no end
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return _unpack(key, path.read_bytes())

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


class S3Error(OSError):
    """S3 did not do it. `code` is its own, empty where there was no answer."""

    def __init__(self, code: str, reason: str, place: str) -> None:
        super().__init__(0, reason, place)
        self.code = code


# As Custodian writes beside it (c7n.resources.aws.S3Output): the bucket's owner may read it.
_AS_CUSTODIAN = {"ACL": "bucket-owner-full-control", "ServerSideEncryption": "AES256"}


@dataclass(frozen=True)
class Bucket:
    """A prefix of an S3 bucket, reached with the caller's own credentials."""

    bucket: str
    prefix: str

    @property
    def name(self) -> str:
        return f"{S3_SCHEME}{self.bucket}/{self.prefix}".rstrip("/")

    @property
    def region(self) -> str:
        """The bucket's region, which spares Custodian the look-up.

        Where it may not be asked, S3 tells it in the head of any answer, a refusal too:
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self._call("get_bucket_location").get("LocationConstraint") or _FIRST_REGION
        except S3Error:
            pass
        try:
            answer = _client().head_bucket(Bucket=self.bucket)
        except (BotoCoreError, ClientError) as error:
            answer = getattr(error, "response", {})
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        return headers.get("x-amz-bucket-region") or _FIRST_REGION

    def read(self, key: str) -> bytes:
        return _unpack(key, self._content(key))

    def _content(self, key: str) -> bytes:
        # botocore makes a call again whose answer does not begin, but not one whose answer breaks off.
        for tries_left in reversed(range(_TRIES)):
            body = self._call("get_object", Key=self._key(key))["Body"]
            try:
                with self._errors():
                    return bytes(body.read())
            except OSError:
                if not tries_left:
                    raise
        raise AssertionError

    def write(self, key: str, content: bytes) -> None:
        self._call("put_object", Key=self._key(key), Body=content, **_AS_CUSTODIAN)

    def write_new(self, key: str, content: bytes) -> None:
        """Write a file where there is none of that name, of whoever tries at the same time as the only one.

        Raises FileExistsError where there is one, OSError where it cannot be written. A store that knows no
        conditional writes (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html)
        lets two succeed within a moment.
        """
        if self.exists(key):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), f"{self.name}/{key}")
        try:
            self._call("put_object", Key=self._key(key), Body=content, IfNoneMatch="*", **_AS_CUSTODIAN)
        except S3Error as error:
            if error.code in ("PreconditionFailed", "ConditionalRequestConflict"):
                raise FileExistsError(errno.EEXIST, error.strerror, f"{self.name}/{key}") from None
            if error.code != "NotImplemented":
                raise
            self.write(key, content)

    def exists(self, key: str) -> bool:
        answer = self._call("list_objects_v2", Prefix=self._key(key), MaxKeys=1)
        return any(found["Key"] == self._key(key) for found in answer.get("Contents", ()))

    def keys(self) -> Iterator[str]:
        start = self._key("")
        for answer in self._pages(start):
            for found in answer.get("Contents", ()):
                yield found["Key"][len(start) :]

    def here(self) -> tuple[list[str], list[str]]:
        start = self._key("")
        files: list[str] = []
        folders: list[str] = []
        for answer in self._pages(start, Delimiter="/"):
            files += [found["Key"][len(start) :] for found in answer.get("Contents", ())]
            folders += [found["Prefix"][len(start) : -1] for found in answer.get("CommonPrefixes", ())]
        return [name for name in files if name], folders

    def child(self, name: str) -> "Bucket":
        return Bucket(self.bucket, self._key(name))

    @property
    def parent(self) -> "Bucket | None":
        return Bucket(self.bucket, self.prefix.rpartition("/")[0]) if self.prefix else None

    @property
    def threads(self) -> int:
        return _S3_THREADS

    def _pages(self, start: str, **parameters: str) -> Iterator[Any]:
        seen: set[str] = set()
        while True:
            answer = self._call("list_objects_v2", Prefix=start, **parameters)
            yield answer
            if not answer.get("IsTruncated"):
                return
            token = answer.get("NextContinuationToken", "")
            if not token or token in seen:
                raise S3Error("", "the pages of the listing go round, or end before their end", self.name)
            seen.add(token)
            parameters["ContinuationToken"] = token

    def _key(self, key: str) -> str:
        return f"{self.prefix}/{key}" if self.prefix else key

    def _call(self, operation: str, **parameters: Any) -> Any:
        with self._errors():
            return getattr(_client(), operation)(Bucket=self.bucket, **parameters)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError) as error:
            answer = (getattr(error, "response", None) or {}).get("Error", {})
            raise S3Error(answer.get("Code", ""), redact(error), self.name) from None


@dataclass(frozen=True)
class File:
    """A file of a store."""

    store: Store
    key: str

    def read(self) -> bytes:
        """Its content, as the store gives it."""
        return self.store.read(self.key)


def open_store(where: str) -> Store:
    """The place a person named: a path, or s3://bucket/prefix.

    Raises InputError for another scheme, a bucket without a name, or nothing at all.
    """
    if not where:
        raise InputError("-s: give a folder, or s3://bucket/prefix")
    if not where.startswith(S3_SCHEME):
        if "://" in where:
            raise InputError(f"{where}: give a folder, or s3://bucket/prefix")
        return Folder(Path(where))
    address = urlsplit(where)
    if not address.netloc:
        raise InputError(f"{where}: names no bucket; write s3://bucket/prefix")
    return Bucket(address.netloc, address.path.strip("/"))


def side_by_side(store: Store, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """What the function makes of each item, in order, as many at a time as suits the store."""
    if store.threads == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(store.threads) as pool:
        yield from pool.map(function, items)


@cache
def _client() -> Any:
    import boto3
    from botocore.config import Config

    from reporter.aws import calls

    calls.install()
    config = Config(retries={"mode": "standard", "max_attempts": 6}, max_pool_connections=_S3_THREADS)
    return boto3.Session().client("s3", config=config)


def _identity(folder: Path) -> tuple[int, int]:
    """What tells a folder, however one came to it."""
    found = folder.stat()
    return found.st_dev, found.st_ino


def _not_listed(error: OSError) -> None:
    """A folder that cannot be listed may hold anything: it is not passed over."""
    raise OSError(error.errno, f"{error.filename}: {error.strerror}")


def _unpack(key: str, content: bytes) -> bytes:
    if not key.endswith(".gz"):
        return content
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        unpacked = file.read(MAX_UNPACKED + 1)
    if len(unpacked) > MAX_UNPACKED:
        raise OSError(errno.EFBIG, f"unpacks to more than {MAX_UNPACKED // 2**20} MB, which is the limit")
    return unpacked
