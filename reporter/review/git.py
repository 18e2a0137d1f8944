"""Asks git for what a revision holds, without a checkout.

Names are whatever git holds, any bytes, with os.fsdecode; they are compared here and never given back to it.
"""

import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from reporter.errors import InputError
from reporter.names import printable

#: What the modes of entries stand for; all others are files.
TREE, LINK, SUBMODULE = "040000", "120000", "160000"

# In a hook git names the repository it works on, which need not be the one asked about here.
_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY")
# A folder that is committed can look like a bare repository, with settings that git would follow.
_SAFE = ("-c", "safe.bareRepository=explicit", "--literal-pathspecs")
_UNKNOWN = "Needed a single revision"


@dataclass(frozen=True)
class Entry:
    """What a commit has at a path from the top; `size` is in bytes, 0 for what has none."""

    path: PurePosixPath
    mode: str
    id: str
    size: int


def toplevel(folder: Path) -> Path:
    """The top folder of the work tree that a folder is in.

    Raises InputError, with git's reason, where it is in none that git will work in.
    """
    done = _git(folder, "rev-parse", "--show-toplevel")
    if done.returncode:
        raise InputError(f"{printable(str(folder))}: no git repository to review: {_reason(done)}")
    return Path(os.fsdecode(done.stdout.removesuffix(b"\n")))


def commit(root: Path, revision: str, option: str) -> str:
    """The commit that a revision stands for, in full.

    Raises InputError, naming the option it was given by, with git's reason where there is none.
    """
    done = _git(root, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    if not done.returncode:
        return done.stdout.decode("ascii").strip()
    reason = _reason(done)
    if reason != _UNKNOWN:
        raise InputError(f"{option}: git cannot tell what {revision!r} is in {root}: {reason}")
    advice = "is it fetched?"
    if _git(root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        advice = "this is a shallow clone: `git fetch --unshallow`, or check out with fetch-depth: 0"
    raise InputError(f"{option}: no revision called {revision!r} in {root}; {advice}")


def entries(root: Path, commit_id: str, places: Sequence[PurePosixPath], below: bool) -> list[Entry]:
    """What a commit has at the given places, and `below` them all that is no folder; nothing where it has none.

    Raises InputError, with git's reason, where the commit cannot be read.
    """
    words = ["ls-tree", "-z", "-l", "--full-tree", *(["-r"] if below else []), commit_id, "--"]
    named = [str(place) for place in places if place.parts]
    found = []
    for line in _answer(root, *words, *named).split(b"\0")[:-1]:
        # "<mode> <type> <object> <size>\t<path>", the size padded and "-" where there is none
        head, _, name = line.partition(b"\t")
        mode, _, object_id, size = head.decode("ascii").split()
        path = PurePosixPath(os.fsdecode(name))
        found.append(Entry(path, mode, object_id, int(size) if size.isdigit() else 0))
    return found


def contents(root: Path, ids: Sequence[str]) -> list[bytes]:
    """The contents of blobs, in order.

    Raises InputError, with git's reason, where one cannot be read.
    """
    rest = memoryview(_answer(root, "cat-file", "--batch", given="".join(f"{each}\n" for each in ids)))
    found = []
    for each in ids:
        # "<object> blob <size>\n<content>\n"
        head = bytes(rest[:100]).partition(b"\n")[0]
        words = head.split()
        if len(words) != 3 or words[1] != b"blob":
            raise InputError(f"{root}: git cannot read its object {each}")
        start, size = len(head) + 1, int(words[2])
        found.append(bytes(rest[start : start + size]))
        rest = rest[start + size + 1 :]
    return found


def is_tracked(root: Path, place: PurePosixPath) -> bool:
    """Whether the index has a file at that place."""
    listed = _answer(root, "ls-files", "-z", "--full-name", "--", str(place))
    return os.fsencode(str(place)) in listed.split(b"\0")


def _answer(root: Path, *words: str, given: str | None = None) -> bytes:
    done = _git(root, *words, given=given)
    if done.returncode:
        raise InputError(f"{root}: git {words[0]} fails: {_reason(done)}")
    return done.stdout


def _reason(done: "subprocess.CompletedProcess[bytes]") -> str:
    """What git says, on one line."""
    lines: Iterable[str] = done.stderr.decode("utf-8", "replace").splitlines()
    said = [line.strip().removeprefix("fatal: ").removeprefix("error: ") for line in lines if line.strip()]
    if len(said) > 1:
        said = [line for line in said if line != _UNKNOWN]  # it has said why before that
    return printable(" ".join(said), 400)


def _git(root: Path, *words: str, given: str | None = None) -> "subprocess.CompletedProcess[bytes]":
    environment = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    try:
        return subprocess.run(  # noqa: S603 - no shell, and a revision cannot pass for an option
            ["git", "-C", str(root), *_SAFE, *words],  # noqa: S607 - the caller's own git
            input=None if given is None else given.encode("ascii"),
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            check=False,
            env=environment | {"LC_ALL": "C"},
        )
    except FileNotFoundError:
        raise InputError("git is needed for a review, and there is none") from None
