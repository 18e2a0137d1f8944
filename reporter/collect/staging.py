"""Where Custodian writes a policy's files: aside, until the policy is through.

By itself it writes straight into the policy's folder: one that is cut off looks begun, and one that is tried
again loses what was there before. Custodian takes further kinds of output in `c7n.output.blob_outputs`; these
stand in the place of its own for a folder and for S3.
"""

import errno
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from boto3.exceptions import S3UploadFailedError
from c7n.output import DirectoryOutput, blob_outputs
from c7n.resources.aws import S3Output

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

# What a worker writes at present: its lock lets it work on one account and region at a time.
_scratch: Path | None = None
_open: set[Path] = set()
_placed: list[str] = []


class CannotWriteError(Exception):
    """What a policy found could not be put where the run keeps it."""


class DiskFullError(CannotWriteError):
    """There is no room for it, and so for nothing else."""


@cache
def install() -> None:
    """Have Custodian write aside in this process; a second time changes nothing."""
    for name in ("file", "default"):
        blob_outputs.register(name, _AsideOutput)
    blob_outputs.register("s3", _CleanS3Output)


@contextmanager
def into(scratch: Path | None) -> Iterator[list[str]]:
    """While the block runs, policies write below `scratch`, a folder of the run; None where it is in S3.

    Gives what was put in place, as it grows.
    """
    global _scratch
    _scratch = scratch
    _placed.clear()
    try:
        yield _placed
    finally:
        clear()
        _scratch = None


@contextmanager
def tidy() -> Iterator[None]:
    """Whatever ends the block, a policy, leaves neither files aside nor its log open.

    Custodian closes them itself unless what it writes last cannot be written.
    """
    log = logging.getLogger("custodian")
    before = list(log.handlers)
    try:
        yield
    finally:
        for handler in [handler for handler in log.handlers if handler not in before]:
            log.removeHandler(handler)
            with suppress(OSError):
                handler.close()
        clear()


def clear() -> None:
    """Take away what is written aside at this moment. Another thread may do so, to end this process."""
    for folder in list(_open):
        shutil.rmtree(folder, ignore_errors=True)
        _open.discard(folder)


def explained(error: BaseException) -> BaseException:
    """The error, as a DiskFullError where it is one in other words."""
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return DiskFullError(_text(error))
    return error


class _AsideOutput(DirectoryOutput):  # type: ignore[misc]
    """A policy's folder that comes into its place whole, as the last thing Custodian does with it."""

    def __init__(self, ctx: Any, config: Any) -> None:
        self.ctx, self.config = ctx, config
        self._place = Path(self.get_output_path(config["url"]).removeprefix("file://"))
        with _writing(self._place):
            self.root_dir = tempfile.mkdtemp(dir=_scratch)
        _open.add(Path(self.root_dir))

    def write_file(self, rel_path: str, value: str) -> None:
        with _writing(self._place):
            super().write_file(rel_path, value)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, CannotWriteError):
            return  # a part of a file is there: `tidy` takes it away
        with _writing(self._place):
            _put(Path(self.root_dir), self._place)
        _open.discard(Path(self.root_dir))
        _placed.append(str(self._place))


class _CleanS3Output(S3Output):  # type: ignore[misc]
    """Custodian's own, that leaves nothing in the folder for temporary files though S3 refuses."""

    def __init__(self, ctx: Any, config: Any) -> None:
        with _writing(config["url"]):
            super().__init__(ctx, config)
        _open.add(Path(self.root_dir))

    def write_file(self, rel_path: str, value: str) -> None:
        with _writing(self.root_dir):
            super().write_file(rel_path, value)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, CannotWriteError):
            return
        with _writing(self.root_dir):
            try:
                super().__exit__(kind, error, trace)
            except S3UploadFailedError as refused:
                reason = " ".join(str(refused.__context__ or refused).split())
                raise CannotWriteError(f"s3://{self.bucket}/{self.key_prefix}: {reason}") from None
        _open.discard(Path(self.root_dir))
        _placed.append(self.key_prefix)


def _put(fresh: Path, place: Path) -> None:
    """Put a folder in its place. What stands there goes once the new one is whole and beside it.

    Where the scratch folder was taken away, because another process goes on with the run, this fails.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        fresh.rename(place)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        former = fresh.with_name(f"{fresh.name}-former")
        place.rename(former)
        try:
            fresh.rename(place)
        except OSError:
            former.rename(place)
            raise
        shutil.rmtree(former, ignore_errors=True)


@contextmanager
def _writing(place: object) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        kind = DiskFullError if error.errno in _NO_ROOM else CannotWriteError
        raise kind(f"{place}: {error.strerror or error}") from None


def _text(error: OSError) -> str:
    reason = os.strerror(error.errno or 0)
    return f"{error.filename}: {reason}" if error.filename else reason
