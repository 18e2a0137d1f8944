"""Reports in S3: files are uploaded, side by side. No report overwrites one that has another name."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from secrets import token_hex

from reporter.output.s3 import Bucket, S3Error
from reporter.output.store import side_by_side
from reporter.report.places import record
from reporter.report.places.record import EMPTY, Record
from reporter.report.places.staged import Outcome, Staged

#: For how long a report that is being put there is waited for, in seconds since it last said so.
LEASE = 900

_PAUSE = 1.0  # seconds between two looks
_SHOWN = 10  # names in a line


@contextmanager
def staging() -> Iterator[Path]:
    """A folder of this machine, its owner's alone and gone with the block."""
    with tempfile.TemporaryDirectory(prefix="sg-audit-report-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def free(bucket: Bucket, beginning: str) -> str:
    """How the names of this report's files begin: they tell the second, and no object's begins so yet."""
    while True:
        stem = f"{beginning}_{datetime.now(UTC):%Y%m%dT%H%M%S}"
        if not bucket.holds_any(stem):
            return stem
        time.sleep(0.2)


def put(bucket: Bucket, reports: Sequence[Staged]) -> Outcome:
    """Upload reports, each format whole or, as far as objects may be deleted, not at all.

    Raises FileExistsError where another report took the same name in the same moment.
    """
    outcome = Outcome()
    for report in reports:
        done: list[str] = []
        try:
            _upload(bucket, report, done, new=True)
            outcome.placed.append(report)
        except FileExistsError:
            _delete(bucket, [*done, *(name for each in outcome.placed for name in each.files)])
            raise
        except OSError as error:
            staying, _ = _delete(bucket, done)
            if staying:
                error.strerror = f"{error.strerror}; {len(staying)} of {len(report.files)} files are there"
            outcome.failures[report.form] = error
        except BaseException:
            _delete(bucket, done)
            raise
    return outcome


def replace(bucket: Bucket, stem: str, reports: Sequence[Staged]) -> Outcome:
    """Upload reports in the place of those of that stem, and delete the objects of tabs that are gone.

    Where an upload fails, what was uploaded of the format by then is new and the rest is as it was. Raises OSError
    where the record cannot be read or written; then nothing has changed.
    """
    of_others = _of_others(bucket, stem)
    free, refused = record.without_others(reports, of_others)
    before, tag, notes = _claim(bucket, stem, free)
    failures: dict[str, OSError] = {form: S3Error("", why, bucket.name) for form, why in refused.items()}
    outcome = Outcome(failures=failures, notes=notes)
    after = before.claiming(free)
    try:
        for report in free:
            try:
                _upload(bucket, report, [])
                outcome.placed.append(report)
            except OSError as error:
                outcome.failures[report.form] = error
        for report in outcome.placed:
            staying, why = _delete(bucket, before.gone(report, outcome.placed, of_others))
            outcome.notes += _stay(bucket, staying, why)
            after = after.settled(report, staying)
    finally:
        # Where it cannot be written, or someone no longer waited, the one there names all of it.
        with suppress(OSError):
            bucket.write_version(record.file_name(stem), record.encoded(after), tag)
    return outcome


def _of_others(bucket: Bucket, stem: str) -> dict[str, str]:
    """The objects of other stems that may be called as this one's, each with its stem. Raises OSError."""
    longer = filter(None, map(record.stem_of, bucket.beginning_with(record.beginning_of_longer(stem))))
    found: dict[str, str] = {}
    for other in (*record.shorter(stem), *longer):
        there = bucket.version(record.file_name(other), record.MAX_BYTES)
        if there:
            found |= dict.fromkeys(record.decoded(there.content, other)[0].names, other)
    return found


def _claim(bucket: Bucket, stem: str, reports: Sequence[Staged]) -> tuple[Record, str, list[str]]:
    """Say in the record that these reports are being put there; returns what it was, what the new one is told by, and
    lines on what was wrong with it. S3 locks nothing: who finds that someone else says so waits for the end, or for
    the time in which that one may have been killed.
    """
    key = record.file_name(stem)
    before, notes, claim = EMPTY, list[str](), b""
    while True:
        found = bucket.version(key, record.MAX_BYTES)
        if found and claim and found.content == claim:
            # It was written, but the answer was lost: botocore asked again, and was refused.
            return before, found.tag, notes
        before, notes = record.decoded(found.content, stem) if found else (EMPTY, [])
        if not (found and before.writing and found.age < LEASE):
            claim = record.encoded(before.claiming(reports, by=token_hex(8)))
            with suppress(FileExistsError):  # someone was faster
                return before, bucket.write_version(key, claim, found.tag if found else None), notes
        time.sleep(_PAUSE)


def _upload(bucket: Bucket, report: Staged, done: list[str], *, new: bool = False) -> None:
    """Upload a report's files side by side, as there may be thousands, and add to `done` what is there then. Raises
    OSError where one could not be."""

    def upload(name: str) -> None:
        bucket.upload(name, report.folder / name, new=new)
        done.append(name)

    for _ in side_by_side(bucket, upload, report.files, writes=True):
        pass


def _delete(bucket: Bucket, names: Sequence[str]) -> tuple[list[str], str]:
    """Delete objects; returns those that stay, and why."""
    staying: list[str] = []
    why = ""
    refusals = side_by_side(bucket, partial(_refusal, bucket), names, writes=True)
    for name, error in zip(names, refusals, strict=True):
        if error:
            staying.append(name)
            denied = isinstance(error, S3Error) and error.code == "AccessDenied"
            why = "s3:DeleteObject is missing" if denied else str(error.strerror)
    return staying, why


def _refusal(bucket: Bucket, name: str) -> OSError | None:
    """What was in the way of deleting an object."""
    try:
        bucket.delete(name)
    except OSError as error:
        return error
    return None


def _stay(bucket: Bucket, names: Sequence[str], why: str) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return [f"{bucket.name}: stays, though its tab is gone ({why}): {', '.join(names[:_SHOWN])}{more}"]
