"""The files of policies as a commit has them, or the disk; links are named, and nobody follows them."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from reporter.custodian import policies
from reporter.errors import InputError
from reporter.names import printable
from reporter.review import git

#: Stands for the files as they are on disk, where a revision is asked for.
WORKTREE = "WORKTREE"

#: In bytes: what a file may have to be read, and all of a source together.
LARGEST, MOST = 4 << 20, 64 << 20

_LINK = "a symbolic link, which is not followed"
_REPOSITORY = "a repository of its own, which is not looked into"
_SPECIAL = "neither a file nor a folder"
_LARGE = f"larger than {LARGEST >> 20} MB"


@dataclass(frozen=True)
class Found:
    """A path from the top of the repository, and why it is not read, or an empty text; `id` is git's."""

    path: PurePosixPath
    why_not: str = ""
    size: int = 0
    id: str = ""


class Tree(Protocol):
    """A repository's files as they stand somewhere."""

    def at(self, place: PurePosixPath) -> list[Found]:
        """The file at a place, or all that is no folder below it; the link or repository that it is behind."""

    def read(self, found: Sequence[Found]) -> list[bytes]:
        """The contents of files of this tree."""

    def file(self, place: PurePosixPath) -> bytes | None:
        """The content of the file at a place; None where there is none to be read."""


@dataclass(frozen=True)
class Commit:
    """A commit of the repository at `root`."""

    root: Path
    id: str

    def at(self, place: PurePosixPath) -> list[Found]:
        above = [each for each in place.parents if each.parts]
        for entry in git.entries(self.root, self.id, above, below=False) if above else ():
            if entry.path in above and entry.mode != git.TREE:
                return [_of_git(entry)] if entry.mode in (git.LINK, git.SUBMODULE) else []
        return [_of_git(entry) for entry in git.entries(self.root, self.id, [place], below=True)]

    def read(self, found: Sequence[Found]) -> list[bytes]:
        return git.contents(self.root, [each.id for each in found])

    def file(self, place: PurePosixPath) -> bytes | None:
        here = [each for each in self.at(place) if each.path == place and not each.why_not]
        return self.read(here)[0] if here else None


@dataclass(frozen=True)
class WorkTree:
    """The files on disk of the repository at `root`."""

    root: Path

    def at(self, place: PurePosixPath) -> list[Found]:
        for each in reversed((place, *place.parents)):
            found = self._found(each)
            if found is not None and (found.why_not or each == place):
                return [found]
        return list(self._below(place))

    def read(self, found: Sequence[Found]) -> list[bytes]:
        return [self._content(each.path) for each in found]

    def file(self, place: PurePosixPath) -> bytes | None:
        here = [each for each in self.at(place) if each.path == place and not each.why_not]
        # What lies beside the tracked files, as keys do, is not for a policy to see.
        if not here or not git.is_tracked(self.root, place):
            return None
        return self._content(place)

    def _below(self, place: PurePosixPath) -> Iterator[Found]:
        folders = [place]
        while folders:
            folder = folders.pop()
            try:
                names = [path.name for path in (self.root / folder).iterdir()]
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise InputError(f"{printable(str(self.root / folder))}: {error.strerror}") from None
            for name in names:
                found = self._found(folder / name)
                if found is not None:
                    yield found
                elif not name.startswith("."):
                    folders.append(folder / name)

    def _found(self, place: PurePosixPath) -> Found | None:
        """What is there, None for a folder of this repository and for nothing."""
        path = self.root / place
        try:
            status = path.lstat()
        except OSError:
            return None
        if stat.S_ISLNK(status.st_mode):
            return Found(place, _LINK)
        if stat.S_ISDIR(status.st_mode):
            apart = place.parts and os.path.lexists(path / ".git")
            return Found(place, _REPOSITORY) if apart else None
        if not stat.S_ISREG(status.st_mode):
            return Found(place, _SPECIAL)
        return Found(place, _LARGE if status.st_size > LARGEST else "", status.st_size)

    def _content(self, place: PurePosixPath) -> bytes:
        try:
            handle = os.open(self.root / place, os.O_RDONLY | os.O_NOFOLLOW)
            with os.fdopen(handle, "rb") as file:
                return file.read(LARGEST)
        except OSError as error:
            raise InputError(f"{printable(str(place))}: {error.strerror}") from None


def locate(source: Path) -> tuple[Path, PurePosixPath]:
    """The top folder of the repository that a file or folder belongs to, which need not exist, and its place there.

    A link within a work tree may be anyone's: it is not followed. Raises InputError where git will not work there.
    """
    absolute = Path(os.path.normpath(Path.cwd() / source))
    here, parts = Path(absolute.anchor), list(absolute.parts[1:])
    while parts:
        inside = here / parts[0]
        if inside.is_symlink():
            if any(os.path.lexists(above / ".git") for above in (here, *here.parents)):
                break
            inside = Path(os.path.realpath(inside))
        if not inside.is_dir():
            break
        here = inside
        del parts[0]
    root = git.toplevel(here)
    return root, PurePosixPath(here.relative_to(root).as_posix(), *parts)


def open_tree(root: Path, revision: str, option: str) -> Tree:
    """The repository's files at a revision that `option` gave, or on disk for WORKTREE.

    Raises InputError where there is no such revision.
    """
    return WorkTree(root) if revision == WORKTREE else Commit(root, git.commit(root, revision, option))


def policy_files(tree: Tree, place: PurePosixPath) -> tuple[list[Found], list[Found]]:
    """The policy files at or below a place, and what may be one and is not read, each by name.

    Raises InputError where they are more than anyone would review.
    """
    files: list[Found] = []
    unread: list[Found] = []
    for found in sorted(tree.at(place), key=lambda found: found.path):
        below = found.path.parts[len(place.parts) :]
        if any(part.startswith(".") for part in below):
            continue
        # A link or repository may be a folder of policies, whatever it is called.
        folder = found.why_not in (_LINK, _REPOSITORY)
        if below and not folder and not policies.is_policy_file(found.path):
            continue
        (unread if found.why_not else files).append(found)
    if sum(found.size for found in files) > MOST:
        raise InputError(f"{printable(str(place))}: more than {MOST >> 20} MB of policies")
    return files, unread


def _of_git(entry: git.Entry) -> Found:
    why_not = {git.LINK: _LINK, git.SUBMODULE: _REPOSITORY}.get(entry.mode, "")
    if not why_not and entry.size > LARGEST:
        why_not = _LARGE
    return Found(entry.path, why_not, entry.size, entry.id)
