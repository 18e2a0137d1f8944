"""The file of a summary: a file of one's own, or the one that the steps of a job on GitHub write to."""

import os
from collections.abc import Callable
from pathlib import Path

from reporter.errors import InputError
from reporter.files import write_whole

#: What GitHub takes of a step; of a longer summary it shows nothing.
#: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits
SIZE = 1024 * 1024

_BETWEEN = b"\n\n"


def check(path: Path | None) -> None:
    """Raises InputError where there is no such file and there can be none, before a run of hours ends with that."""
    if path is None:
        return
    if path.is_dir():
        raise InputError(f"--summary {path}: a folder; give the name of a file")
    if not path.parent.is_dir():
        raise InputError(f"--summary {path}: there is no folder {path.parent}")
    if not os.access(path if _is_kept(path) else path.parent, os.W_OK):
        raise InputError(f"--summary {path}: cannot be written: Permission denied")


def write(path: Path, text: Callable[[int], str]) -> None:
    """Write a text, which is asked for with the bytes there is room for, into a file of the owner's alone.

    A file that is there is replaced. What is no file, as a pipe, and the file that GITHUB_STEP_SUMMARY names are
    written to as they are; the latter holds what was in it before, and SIZE bytes in all.
    Raises InputError where that cannot be; what was there before is there then.
    """
    try:
        if _is_of_step(path):
            _append(path, text)
        elif _is_kept(path):
            with path.open("wb", buffering=0) as file:
                file.write(text(SIZE).encode())
        else:
            write_whole(path.resolve(), text(SIZE).encode())  # a symbolic link stays one
    except OSError as error:
        raise InputError(
            f"--summary {path}: cannot be written: {error.strerror or error}; the report is"
        ) from None


def _is_kept(path: Path) -> bool:
    """Whether it is written to as it is, and not replaced."""
    return _is_of_step(path) or (path.exists() and not path.is_file())


def _is_of_step(path: Path) -> bool:
    """Whether it is the file that a job's step has for its summary. All of the step may write to it."""
    given = os.environ.get("GITHUB_STEP_SUMMARY", "")
    return given != "" and path.exists() and os.path.realpath(path) == os.path.realpath(given)


def _append(path: Path, text: Callable[[int], str]) -> None:
    """Raises OSError, with nothing written, and InputError where there is no room."""
    with path.open("ab", buffering=0) as file:
        before = os.fstat(file.fileno()).st_size
        between = _BETWEEN if before else b""
        content = text(SIZE - before - len(between)).encode()
        if not content:
            raise InputError(f"--summary {path}: what is there leaves no room for it in {SIZE:,} bytes")
        try:
            done = file.write(between + content)
            if done < len(between + content):
                file.write((between + content)[done:])
        except OSError:
            file.truncate(before)
            raise
