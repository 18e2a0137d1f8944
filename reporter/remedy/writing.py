"""Writes a plan into a folder: all of its files, and none of another plan."""

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from hashlib import sha256
from pathlib import Path

from reporter.errors import InputError
from reporter.files import PART, write_whole
from reporter.remedy import forms
from reporter.remedy.forms import plan_json, plan_markdown
from reporter.remedy.steps import Plan

#: The files of a plan with their digests, as `sha256sum -c` reads them.
SUMS = "files.sha256"


def check(folder: Path) -> None:
    """Find out, before anything is read, whether a plan can be written there: into a new folder, an empty one, or in
    place of a plan of which every file is as it was written.

    Raises InputError where something else is there: what a script saved of the rules that it removed is needed to undo
    it, and what a person wrote is theirs.
    """
    if not folder.is_dir():
        for path in (folder, *folder.parents):
            if path.is_dir():
                return
            if path.exists() or path.is_symlink():
                raise InputError(f"-o {folder}: {path} is in the way, which is no folder")
    if folder.is_mount():  # it is put in place whole, and nothing can take the place of a mount
        raise InputError(f"-o {folder}: is mounted there; give a folder in it, such as {folder / 'remedy'}")
    _check_untouched(folder, folder)


def _check_untouched(folder: Path, named: Path) -> None:
    left = sorted(path.name for path in folder.iterdir() if not _as_written(path))
    if left:
        told = ", ".join(left[:3]) + (f" and {len(left) - 3} more" if len(left) > 3 else "")
        raise InputError(
            f"-o {named}: holds what is of no plan, or was changed since: {told}; what a script saved is needed for "
            "its undo, so give another folder"
        )


def _as_written(path: Path) -> bool:
    if path.name == SUMS:
        return True
    try:
        sums = (path.parent / SUMS).read_text(encoding="utf-8").splitlines()
        return path.is_file() and _line(path) in sums
    except (OSError, UnicodeDecodeError):
        return False


def _line(path: Path) -> str:
    return f"{sha256(path.read_bytes()).hexdigest()}  {path.name}"


def write(plan: Plan, folder: Path, names: Sequence[str]) -> tuple[Path, ...]:
    """Write plan.md, plan.json and the files of the forms, for their owner only; returns their paths.

    They are all there or, where something fails, what was there before is. Raises InputError and OSError.
    """
    notes = [note for name in names for note in forms.notes(name)]
    left_out = forms.left_out(plan, names)
    markdown = partial(plan_markdown.write, notes=notes, left_out=left_out)
    json = partial(plan_json.write, left_out=left_out)
    writers: list[forms.Write] = [markdown, json, *(forms.form(name) for name in names)]
    check(folder)
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=PART))  # which is its owner's alone
    try:
        written = tuple(path for each in writers for path in each(plan, part))
        sums = "".join(f"{_line(path)}\n" for path in sorted(part.iterdir()))
        write_whole(part / SUMS, sums.encode())
        _put(part, folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return tuple(folder / path.relative_to(part) for path in written)


def _put(part: Path, folder: Path) -> None:
    """Put a folder in place of another one, if a script has not begun to keep something there meanwhile."""
    if not folder.exists():
        part.replace(folder)
        return
    old = Path(tempfile.mkdtemp(dir=folder.parent, prefix=PART))
    try:
        folder.replace(old)
        _check_untouched(old, folder)
        part.replace(folder)
    except BaseException:
        with suppress(OSError):  # where another plan is in place by now
            old.replace(folder)
        with suppress(OSError):  # an empty one is not needed
            old.rmdir()
        raise
    shutil.rmtree(old)
