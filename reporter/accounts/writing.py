"""Writes an accounts file: a new one, or entries at the end of one that a person keeps by hand."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from textwrap import indent

from reporter import yamlfile
from reporter.accounts import chosen
from reporter.accounts.chosen import Account
from reporter.accounts.discovery import Found
from reporter.errors import InputError
from reporter.names import clean

_HEADER = """\
# The accounts to audit, in c7n-org's own format. Written by `sg-audit accounts`, which adds the accounts that
# are missing when it is run again, and leaves alone what is here, unless it is told to --force.

accounts:
"""


def present(path: Path, force: bool, allowed_regions: Sequence[str] = ()) -> list[Account]:
    """The accounts that have their entry in the file: none where it is not there or is to be written anew.

    Raises InputError where it is not an accounts file, or would be one in JSON.
    """
    if path.suffix == ".json":
        raise InputError(f"{path}: entries are written as YAML: give a file called so, such as accounts.yml")
    return [] if force or not path.exists() else chosen.read(path, allowed_regions=allowed_regions)


def add(path: Path, found: Found, force: bool, allowed_regions: Sequence[str] = ()) -> None:
    """Add the accounts found to the end of the file, or write it anew with them.

    What is in the file already stays as it is, byte for byte. Raises InputError, and leaves the file alone,
    where nothing can be written at its end that would be read as intended, and where there is no account.
    """
    if force or not path.exists():
        if not found.entries:
            raise InputError(f"no account found, so {path} was not written")
        _replace(path, _HEADER + _entries(found) + _comments(found, ""), 0o600, allowed_regions)
        return
    before = path.read_bytes().decode("utf-8")
    added = indent(_entries(found), " " * _column(path, before)) + _comments(found, before)
    if not added:
        return
    newline = "\r\n" if "\r\n" in before else "\n"
    text = before + ("" if before.endswith("\n") else newline) + added.replace("\n", newline)
    _check(path, before, text, found)
    _replace(path, text, path.stat().st_mode & 0o777, allowed_regions)


def _entries(found: Found) -> str:
    text = ""
    for entry in found.entries:
        text += yamlfile.dump([entry])
        also = found.also.get(entry["account_id"])
        text += clean(f"  # other profiles of this account: {', '.join(also)}") + "\n" if also else ""
    return text


def _comments(found: Found, before: str) -> str:
    # A name may hold what ends a line in YAML, and with it the comment.
    lines = [clean(f"# no account for profile {profile}: {why}") for profile, why in found.left_out.items()]
    return "".join(f"{line}\n" for line in lines if line not in before)


def _column(path: Path, text: str) -> int:
    """How far the entries of the list are indented."""
    entries = next(value for key, value in yamlfile.compose(text).value if key.value == "accounts")
    return int(entries.start_mark.column)


def _check(path: Path, before: str, text: str, found: Found) -> None:
    """Whether the end of the file was the end of the list, and that list in lines, shows in reading it."""
    expected = yamlfile.parse(before.encode(), str(path))
    expected["accounts"] += found.entries
    try:
        good = yamlfile.parse(text.encode(), str(path)) == expected
    except InputError:
        good = False
    if not good:
        raise InputError(
            f"{path}: entries cannot be added at its end: `accounts` must be its last key, and each of its "
            "entries must begin on a line of its own; put it so, or write the file anew with --force"
        )


def _replace(path: Path, text: str, mode: int, allowed_regions: Sequence[str]) -> None:
    """Put the text in place of the file, whole or not at all, once it reads as an accounts file."""
    path = path.resolve()  # a symbolic link stays one
    part = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        part.touch(mode)
        part.write_text(text, encoding="utf-8", newline="")
        part.chmod(mode)
        chosen.read(part, allowed_regions=allowed_regions)
        part.replace(path)
    except InputError as error:
        raise InputError(str(error).replace(str(part), str(path))) from None
    except OSError as error:
        raise InputError(f"{path}: cannot write there: {error.strerror}") from None
    finally:
        with suppress(OSError):
            part.unlink()
