"""Reads files of a revision from git, without a checkout."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from reporter.errors import InputError

# In a hook git names the repository it works on, which need not be the one asked about here.
_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY")


def toplevel(place: Path) -> Path:
    """The top folder of the work tree that a file or folder is in, though it need not exist any more.

    Raises InputError where it is in none.
    """
    folder = place.absolute()
    while not folder.is_dir():
        folder = folder.parent
    done = _git(folder, "rev-parse", "--show-toplevel")
    if done.returncode:
        raise InputError(f"{place}: not in a git repository")
    return Path(os.fsdecode(done.stdout.removesuffix(b"\n")))


def commit(root: Path, revision: str, option: str) -> str:
    """The commit that a revision stands for, in full.

    Raises InputError, naming the option it was given by, where the repository knows none.
    """
    done = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if done.returncode:
        raise InputError(f"{option}: no revision called {revision!r} in {root}; is it fetched?")
    return done.stdout.decode("ascii").strip()


def files(
    root: Path, commit_id: str, place: PurePosixPath, suffixes: Sequence[str]
) -> Mapping[PurePosixPath, bytes]:
    """The file at `place` in a commit, or those with the given suffixes directly in that folder, by name.

    Empty where there is neither. Hidden files of a folder are left out; links within the repository are
    followed.
    """
    kind = _git(root, "cat-file", "-t", f"{commit_id}:{_in_git(place)}").stdout.strip()
    if kind == b"blob":
        return _contents(root, commit_id, [place])
    if kind != b"tree":
        return {}
    listed = _git(root, "ls-tree", "-z", "--name-only", f"{commit_id}:{_in_git(place)}").stdout
    names = [PurePosixPath(os.fsdecode(name)) for name in listed.split(b"\0") if name]
    wanted = [place / name for name in names if name.suffix in suffixes and not name.name.startswith(".")]
    return _contents(root, commit_id, sorted(wanted))


def _contents(root: Path, commit_id: str, places: Sequence[PurePosixPath]) -> Mapping[PurePosixPath, bytes]:
    asked = [f"{commit_id}:{_in_git(place)}" for place in places if "\n" not in str(place)]
    given = b"".join(os.fsencode(name) + b"\n" for name in asked)
    rest = _git(root, "cat-file", "--batch", "--follow-symlinks", given=given).stdout
    found: dict[PurePosixPath, bytes] = {}
    for place in places:
        # Per file: "<object> <type> <size>\n<content>\n", or a line that says why there is none.
        head, _, rest = rest.partition(b"\n")
        words = head.split(b" ")
        if len(words) == 3 and words[1] in (b"blob", b"tree", b"commit"):
            size = int(words[2])
            content, rest = rest[:size], rest[size + 1 :]
            if words[1] == b"blob":
                found[place] = content
        elif words[0] in (b"symlink", b"dangling", b"loop", b"notdir"):
            _, _, rest = rest.partition(b"\n")
    return found


def _in_git(place: PurePosixPath) -> str:
    return "" if place == PurePosixPath(".") else str(place)


def _git(root: Path, *words: str, given: bytes | None = None) -> "subprocess.CompletedProcess[bytes]":
    environment = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    try:
        return subprocess.run(  # noqa: S603 - no shell, and a revision cannot pass for an option
            ["git", "-C", str(root), *words],  # noqa: S607 - the caller's own git
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            check=False,
            env=environment | {"LC_ALL": "C"},
        )
    except FileNotFoundError:
        raise InputError("git is needed for a review, and there is none") from None
