"""published-securityhub.json: which findings were published. It lies beside the runs, and spares asking Security Hub.

It is written before anything is sent, with what is going to be new, and after that with what was taken. So a kill at
any moment leaves no finding that was sent and is not in it, and none closed in it that is open in Security Hub.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from secrets import token_hex
from typing import Literal, Protocol

import msgspec

from reporter.errors import InputError
from reporter.files import write_whole
from reporter.findings.changes import Key, Place
from reporter.names import is_account_id
from reporter.output.s3 import Bucket
from reporter.output.store import UNREADABLE, Folder, Store

FILE_NAME = "published-securityhub.json"

#: How long somebody else counts as publishing into the same place of S3 who does not say so again, in seconds.
LEASE = 600

_VERSION = 1
_MOST = 1_000_000_000  # bytes
_GOING_ON = "another `sg-audit publish` is going on there: wait for it, or end it first"


class State(StrEnum):
    """What is known of a finding in Security Hub."""

    SENDING = "sending"  # it was to be sent, and may be there
    FAILED = "failed"
    WARNING = "warning"  # it was only possible
    CLOSED = "closed"


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A finding that was published. `first_seen` is a date (UTC, ISO 8601), or empty; `created` and `updated` are times
    as they were sent, the last empty as long as nothing was taken. `content` stands for all else that was sent."""

    state: State
    group_name: str
    first_seen: str
    created: str
    updated: str
    content: str


@dataclass(frozen=True)
class Record:
    """What was published. `run` says when the newest run began of which anything was (UTC, ISO 8601), empty where none
    was."""

    run: str = ""
    entries: Mapping[Key, Entry] = field(default_factory=dict, repr=False)


class Kept(Protocol):
    """A record that nobody else writes meanwhile."""

    @property
    def record(self) -> Record:
        """As it was at first."""

    @property
    def name(self) -> str:
        """Its path, or address in S3."""

    def write(self, record: Record) -> None:
        """Put another in its place. Raises InputError where that cannot be, or somebody else has."""


class _Entries(msgspec.Struct, array_like=True):
    account_id: str
    region: str
    policy: str
    findings: dict[str, Entry]  # by group


class _Made(msgspec.Struct):
    tool: Literal["c7n-sg-audit"]
    version: int


class _File(_Made):
    run: str
    by: str  # who is publishing just now, in S3
    published: list[_Entries]


_made, _decoder = msgspec.json.Decoder(_Made), msgspec.json.Decoder(_File)


def read(place: Store) -> Record:
    """The record of a place, empty where there is none. Raises InputError where it cannot be read."""
    with _told(place):
        return _decoded(place.read(FILE_NAME), place)[0] if place.exists(FILE_NAME) else Record()


@contextmanager
def held(place: Store) -> Iterator[Kept]:
    """The record of a place, while nobody else can publish from there.

    In a folder the system lets go of it when this process ends, in whatever way; in S3 LEASE does. Raises InputError
    where somebody else holds it, or it cannot be read.
    """
    if isinstance(place, Bucket):
        kept = _InBucket(place)
        try:
            yield kept
        finally:
            kept.let_go()
    elif isinstance(place, Folder):
        with _locked(place):
            yield _InFolder(place, read(place))


@contextmanager
def _locked(folder: Folder) -> Iterator[None]:
    with _told(folder):
        handle = os.open(folder.path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{folder.name}: {_GOING_ON}") from None
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(handle)


@dataclass
class _InFolder:
    folder: Folder
    record: Record

    @property
    def name(self) -> str:
        return f"{self.folder.name}/{FILE_NAME}"

    def write(self, record: Record) -> None:
        with _told(self.folder):
            write_whole(self.folder.path / FILE_NAME, _encoded(record), private=True)


class _InBucket:
    """Each write takes the place of the one before, or none: who finds another's there has lost it."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket, self._by, self._written = bucket, token_hex(8), False
        with _told(bucket):
            found = bucket.version(FILE_NAME, _MOST)
        self._tag = found.tag if found else None
        self.record, by = _decoded(found.content, bucket) if found else (Record(), "")
        self._last = self.record
        if found and by and found.age < LEASE:
            raise InputError(f"{bucket.name}: {_GOING_ON}; one that was killed is over in {LEASE:,} seconds")

    @property
    def name(self) -> str:
        return f"{self._bucket.name}/{FILE_NAME}"

    def write(self, record: Record) -> None:
        self._put(record, self._by)
        self._last, self._written = record, True

    def let_go(self) -> None:
        if self._written:
            self._put(self._last, "")
            self._written = False

    def _put(self, record: Record, by: str) -> None:
        content = _encoded(record, by)
        with _told(self._bucket):
            try:
                self._tag = self._bucket.write_version(FILE_NAME, content, self._tag)
            except FileExistsError:
                there = self._bucket.version(FILE_NAME, _MOST)
                if there is None or there.content != content:
                    raise InputError(f"{self._bucket.name}: {_GOING_ON}") from None
                self._tag = there.tag  # it was written, but the answer was lost: botocore asked again


@contextmanager
def _told(place: Store) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{place.name}/{FILE_NAME}: {error.strerror or error}") from None


def _encoded(record: Record, by: str = "") -> bytes:
    published: dict[tuple[str, str, str], _Entries] = {}
    for key, entry in record.entries.items():
        published.setdefault(key[:3], _Entries(*key[:3], {})).findings[key.resource_id] = entry
    file = _File("c7n-sg-audit", _VERSION, record.run, by, list(published.values()))
    return msgspec.json.format(msgspec.json.encode(file), indent=1)


def _decoded(content: bytes, place: Store) -> tuple[Record, str]:
    """The record, and who is publishing. Raises InputError where it is damaged: without it all would be new, and
    nothing that is gone would ever be closed. Nor is one of another version taken for one that is damaged."""
    try:
        version = _made.decode(content).version
        if version != _VERSION:
            raise InputError(
                f"{place.name}/{FILE_NAME}: of version {version}, and this sg-audit knows version {_VERSION}: "
                "publish with the sg-audit that wrote it, or a newer one"
            )
        file = _decoder.decode(content)
        entries = {
            Key(*Place(each.account_id, each.region), each.policy, group): entry
            for each in file.published
            for group, entry in each.findings.items()
        }
        _check(file.run, entries)
    except (*UNREADABLE, ValueError) as error:
        raise InputError(
            f"{place.name}/{FILE_NAME}: not a record of sg-audit: {error}; put back an older one, or move it away: "
            "then all is sent as new, and what it had and is gone stays open"
        ) from None
    return Record(file.run, entries), file.by


def _check(run: str, entries: Mapping[Key, Entry]) -> None:
    """Raises ValueError where a time is none or is missing, or an account's id is none."""
    if run:
        _check_time(run)
    for key, entry in entries.items():
        if not is_account_id(key.account):
            raise ValueError(f"{key.account[:100]!r} is not the id of an account")
        if entry.first_seen:
            date.fromisoformat(entry.first_seen)
        _check_time(entry.created)
        if entry.updated or entry.state is not State.SENDING:
            _check_time(entry.updated)


def _check_time(text: str) -> None:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
