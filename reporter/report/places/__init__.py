"""Where reports go: a folder or a prefix of an S3 bucket, under names that tell the second, or that stay."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reporter.errors import InputError
from reporter.output.s3 import Bucket, S3Error
from reporter.output.store import Folder, Store
from reporter.report.places import bucket, folder
from reporter.report.places.staged import Outcome, Staged

FILE_STEM = "security_groups_inventory"


def check(place: Store) -> None:
    """Find out, before anything is run or read, whether a report can be there.

    Raises InputError where a file or a broken link is in a folder's way, nothing can be written there, or a bucket is
    not there or cannot be listed. That S3 takes an object is known only when it has.
    """
    try:
        if isinstance(place, Folder):
            folder.check(place.path)
        else:
            place.exists(FILE_STEM)
    except OSError as error:
        raise not_there(place, error) from None


def not_there(place: Store, error: OSError) -> InputError:
    """What to raise where the report cannot be written there; for a bucket, what is uploaded is written here first."""
    here = isinstance(place, Bucket) and not isinstance(error, S3Error)
    where = tempfile.gettempdir() if here else place.name
    return InputError(
        f"{where}: cannot write the report there: {' '.join(str(error.strerror or error).split())}"
    )


@contextmanager
def staging(place: Store, name: str) -> Iterator[Path]:
    """A folder of the owner's alone and, in it, how the names of the report's files begin: with `name`, or with the
    second where that is empty. It is gone with the block. Raises OSError."""
    if isinstance(place, Bucket):
        with bucket.staging() as area:
            yield area / (name or bucket.free(place, FILE_STEM))
    elif isinstance(place, Folder):
        with folder.staging(place.path) as area:
            if name:
                yield area / name
            else:
                with folder.claimed(place.path, FILE_STEM) as stem:
                    yield area / stem


def put(place: Store, name: str, reports: Sequence[Staged], area: Path) -> Outcome:
    """Put reports in place, each format whole or not at all; with a `name`, in the place of the last ones of it.

    Raises OSError where none could be, and FileExistsError where another report took its name meanwhile.
    """
    if isinstance(place, Bucket):
        return bucket.replace(place, name, reports) if name else bucket.put(place, reports)
    assert isinstance(place, Folder)  # noqa: S101 - there are these two
    kept = area / "kept"
    return folder.replace(place.path, name, reports, kept) if name else folder.put(place.path, reports, kept)


def let_group_read(place: Store, files: Sequence[Path]) -> list[str]:
    """Let the group of a folder read files that are to be put there, as far as their owner may give them to it; returns
    a line on each that they may not. Raises OSError."""
    return folder.let_group_read(place.path, files) if isinstance(place, Folder) else []


def address(place: Store, path: str) -> Path | str:
    """What a person finds a file by, whose path is relative to the place."""
    return place.path / path if isinstance(place, Folder) else f"{place.name}/{path}"
