"""A prefix of an S3 bucket, as a place for files."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from reporter.output.packed import unpack
from reporter.output.s3_packed import PackedFiles
from reporter.redaction import redact

S3_SCHEME = "s3://"

_S3_THREADS = 32  # each waits for AWS nearly all of the time
_TRIES = 3
_FIRST_REGION = "us-east-1"  # which S3 tells as no region


class S3Error(OSError):
    """S3 did not do it. `code` is its own, empty where there was no answer."""

    def __init__(self, code: str, reason: str, place: str) -> None:
        super().__init__(0, reason, place)
        self.code = code


# As Custodian writes beside it (c7n.resources.aws.S3Output): the bucket's owner may read it.
_AS_CUSTODIAN = {"ACL": "bucket-owner-full-control", "ServerSideEncryption": "AES256"}


_ANOTHER_IS_THERE = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")

# By which a browser shows what is its own to show, where someone hands out a link.
_CONTENT_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True)
class Version:
    """A file of a bucket: `tag` tells it from what it was and will be, `age` is in seconds by the clock of S3."""

    content: bytes
    tag: str
    age: float


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
        except (BotoCoreError, ClientError, RecursionError) as error:
            answer = getattr(error, "response", {})
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        return headers.get("x-amz-bucket-region") or _FIRST_REGION

    def read(self, key: str) -> bytes:
        return unpack(key, self._content(key))

    def _content(self, key: str) -> bytes:
        packed_files = _packed_files(_client())
        content = packed_files.read(self.bucket, self._key(key))
        if content is not None:
            return content
        # botocore makes a call again whose answer does not begin, but not one whose answer breaks off.
        for tries_left in reversed(range(_TRIES)):
            body = self._call("get_object", Key=self._key(key))["Body"]
            try:
                with self._errors():
                    content = bytes(body.read())
                packed_files.learn(self.bucket, self._key(key))
                return content
            except OSError:
                if not tries_left:
                    raise
        raise AssertionError

    def write(self, key: str, content: bytes | BinaryIO, **more: str) -> None:
        self._call("put_object", Key=self._key(key), Body=content, **_AS_CUSTODIAN, **more)

    def write_new(self, key: str, content: bytes | BinaryIO, **more: str) -> None:
        """Write a file where there is none of that name, of whoever tries at the same time as the only one.

        Raises FileExistsError where there is one, OSError where it cannot be written. A store that knows no
        conditional writes (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html)
        lets two succeed within a moment.
        """
        if self.exists(key):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), f"{self.name}/{key}")
        try:
            self.write(key, content, IfNoneMatch="*", **more)
        except S3Error as error:
            if error.code in _ANOTHER_IS_THERE:
                raise FileExistsError(errno.EEXIST, error.strerror, f"{self.name}/{key}") from None
            if error.code != "NotImplemented":
                raise
            if not isinstance(content, bytes):
                content.seek(0)
            self.write(key, content, **more)

    def upload(self, key: str, file: Path, *, new: bool = False) -> None:
        """Write a file of this machine, as it is read from the disk: `new` as write_new does.

        Raises OSError. It may have 5 GB: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
        """
        kind = _CONTENT_TYPES.get(file.suffix)
        with file.open("rb") as content:
            write = self.write_new if new else self.write
            write(key, content, **({"ContentType": kind} if kind else {}))

    def version(self, key: str, most: int) -> "Version | None":
        """A file as it is now, of at most so many bytes, or None where there is none. Raises OSError."""
        try:
            answer = self._call("get_object", Key=self._key(key))
        except S3Error as error:
            if error.code == "NoSuchKey":
                return None
            raise
        if answer["ContentLength"] > most:
            raise S3Error("", f"{key}: has more than {most:,} bytes", self.name)
        with self._errors():
            content = answer["Body"].read()
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        try:
            now = _moment(headers["date"]) if "date" in headers else datetime.now(UTC)
            written = _moment(headers["last-modified"])
        except (KeyError, ValueError):
            raise S3Error("", f"{key}: the answer does not tell when it was written", self.name) from None
        return Version(content, answer["ETag"], (now - written).total_seconds())

    def write_version(self, key: str, content: bytes, tag: str | None) -> str:
        """Write a file where that version of it is still there, or none is; returns what tells the new one.

        Raises FileExistsError where another is there, OSError where it cannot be written. As for write_new, a store
        that knows no conditional writes lets two succeed.
        """
        condition = {"IfMatch": tag} if tag else {"IfNoneMatch": "*"}
        parameters = {"Key": self._key(key), "Body": content, **_AS_CUSTODIAN}
        try:
            return str(self._call("put_object", **parameters, **condition)["ETag"])
        except S3Error as error:
            if error.code in _ANOTHER_IS_THERE:
                raise FileExistsError(errno.EEXIST, error.strerror, f"{self.name}/{key}") from None
            if error.code != "NotImplemented":
                raise
        return str(self._call("put_object", **parameters)["ETag"])

    def delete(self, key: str) -> None:
        """Delete a file, if it is there. Raises OSError where it may not be."""
        self._call("delete_object", Key=self._key(key))

    def holds_any(self, beginning: str) -> bool:
        """Whether there is a file whose key begins so."""
        answer = self._call("list_objects_v2", Prefix=self._key(beginning), MaxKeys=1)
        return bool(answer.get("Contents"))

    def exists(self, key: str) -> bool:
        answer = self._call("list_objects_v2", Prefix=self._key(key), MaxKeys=1)
        return any(found["Key"] == self._key(key) for found in answer.get("Contents", ()))

    def keys(self) -> Iterator[str]:
        return self.beginning_with("")

    def beginning_with(self, beginning: str) -> Iterator[str]:
        """Every file whose key begins so, each once."""
        start = len(self._key(""))
        for answer in self._pages(self._key(beginning)):
            for found in answer.get("Contents", ()):
                yield found["Key"][start:]

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
        except (BotoCoreError, ClientError, RecursionError) as error:
            if _is_in_a_circle(error):
                reason = (
                    "S3 says that the bucket is in another region, and not in which: "
                    "set AWS_DEFAULT_REGION to it"
                )
                raise S3Error("PermanentRedirect", reason, self.name) from None
            answer = (getattr(error, "response", None) or {}).get("Error", {})
            raise S3Error(answer.get("Code", ""), redact(error), self.name) from None


def _is_in_a_circle(error: Exception) -> bool:
    """Whether botocore asked for a bucket's region and followed that answer, too, until Python stopped it: wherever it
    was at by then, as in a call of its HTTP client, which takes it for that one's failure."""
    cause = getattr(error, "kwargs", {}).get("error")
    return isinstance(error, RecursionError) or isinstance(cause, RecursionError)


def _moment(text: str) -> datetime:
    """A time as stores write it, not all of them as S3 does; in UTC where it names no zone. Raises ValueError."""
    from botocore.utils import parse_timestamp

    found: datetime = parse_timestamp(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@cache
def _client() -> Any:
    import boto3
    import botocore.session
    from botocore.config import Config

    from reporter.aws import calls

    calls.install()
    session = botocore.session.get_session()
    # Times stay as S3 writes them: to read that of each file was five sixths of the work of a listing.
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=str)
    config = Config(retries={"mode": "standard", "max_attempts": 6}, max_pool_connections=_S3_THREADS)
    return boto3.Session(botocore_session=session).client("s3", config=config)


@cache
def _packed_files(client: Any) -> PackedFiles:
    return PackedFiles(client)
