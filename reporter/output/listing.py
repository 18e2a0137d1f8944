"""Which policy folders a place holds, and the newest files of each.

To S3, and so to a copy of it, Custodian writes below `<policy>/YYYY/MM/DD/HH/`; to a disk, into `<policy>/` itself.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from sys import intern
from threading import Lock

from reporter.errors import InputError
from reporter.output.store import Store, side_by_side

METADATA, RESOURCES, LOG = "metadata.json", "resources.json", "custodian-run.log"
_FILES = {f"{name}{ending}": (name, ending) for name in (METADATA, RESOURCES, LOG) for ending in ("", ".gz")}
_HOUR = re.compile(r"(?:(.*)/)?(\d{4}/\d{2}/\d{2}/\d{2})", re.DOTALL)

_TOLD = 1_000  # files, which is a page of S3

_Place = tuple[str, bool]

#: Hears of a step, how many parts of it are done, and of how many, None where nobody knows.
Tell = Callable[[str, int, int | None], None]


def silent(step: str, done: int, of: int | None) -> None:
    """Tells nobody."""


# Enough folders to list side by side, and no deeper than account and region to find them.
_BRANCHES, _DEPTH = 32, 2


@dataclass(slots=True)
class PolicyFolder:
    """A policy's folder: by name, what the keys of the files of its newest hour have behind it, `.gz` or nothing.

    `hour` is `YYYY/MM/DD/HH` in UTC, or empty where the folder keeps one answer only.
    """

    path: str
    hour: str = ""
    files: dict[str, str] = field(default_factory=dict)

    def file(self, name: str) -> str:
        """The key of a file, or the one where it should have been."""
        return "/".join(filter(None, (self.path, self.hour, name))) + self.files.get(name, "")


@dataclass(frozen=True)
class Listing:
    """The policy folders by path, of `keys` files in all.

    Where a folder has files of its own beside those of an hour, they are a folder of the same path, under that path
    with a slash behind it: which of the two is newer, only their metadata.json tells.
    """

    folders: Mapping[str, PolicyFolder]
    keys: int


def hour(text: str, option: str = "--at") -> str:
    """What an option such as `--at` says as `YYYY/MM/DD/HH`; a day stands for its last hour.

    Raises InputError where it is neither a day nor a whole hour, which is all that the folders of output tell; without
    a zone it is UTC.
    """
    try:
        when = datetime.fromisoformat(text)
        if _is_day(text):
            when += timedelta(hours=23)
        when = when.replace(tzinfo=when.tzinfo or UTC).astimezone(UTC)
        if (when.minute, when.second, when.microsecond) == (0, 0, 0):
            return hour_of(when)
    except (ValueError, OverflowError):
        pass
    raise InputError(f"{option} {text}: write a day, 2026-11-20, or an hour, 2026-11-20T14")


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def hour_of(when: datetime) -> str:
    """A time as `YYYY/MM/DD/HH` in UTC."""
    return when.astimezone(UTC).strftime("%Y/%m/%d/%H")


def listing(store: Store, at: str = "", tell: Tell = silent) -> Listing:
    """Find the policy folders and, in each, the newest hour, or the newest at or before `at`.

    Only Custodian's own three files count. `tell` hears how many files are listed so far. Raises OSError where the
    place cannot be listed.
    """
    so_far = _SoFar(f"listing {store.name}", tell)
    branches, keys = _branches(store)
    found = [_newest(so_far.counted(keys), "", at)]
    found += side_by_side(
        store, lambda path: _newest(so_far.counted(store.child(path).keys()), path, at), branches
    )
    newest: dict[_Place, PolicyFolder] = {}
    for folders, _ in found:
        newest |= {place: folder for place, folder in folders.items() if _newer(folder, newest.get(place))}
    return Listing(
        {
            f"{path}/" if not dated and (path, True) in newest else path: folder
            for (path, dated), folder in newest.items()
        },
        sum(keys for _, keys in found),
    )


class _SoFar:
    """Counts the files that are listed side by side, and tells of them now and then."""

    def __init__(self, step: str, tell: Tell) -> None:
        self._step, self._tell, self._lock, self._count = step, tell, Lock(), 0

    def counted(self, keys: Iterable[str]) -> Iterator[str]:
        """The same keys."""
        new = 0
        for key in keys:
            new += 1
            if new == _TOLD:
                self._add(new)
                new = 0
            yield key
        self._add(new)

    def _add(self, new: int) -> None:
        with self._lock:
            self._count += new
            self._tell(self._step, self._count, None)


def _branches(store: Store) -> tuple[list[str], Iterable[str]]:
    """Folders that hold all that there is but for the files that come second."""
    if store.threads == 1:
        return [], store.keys()
    files, branches = store.here()
    for _ in range(_DEPTH):
        if len(branches) >= _BRANCHES:
            break
        deeper: list[str] = []
        for path, (more, inside) in zip(
            branches, side_by_side(store, lambda path: store.child(path).here(), branches), strict=True
        ):
            files += [f"{path}/{name}" for name in more]
            deeper += [f"{path}/{name}" for name in inside]
        branches = deeper
    return branches, files


def _newest(keys: Iterable[str], start: str, at: str) -> tuple[dict[_Place, PolicyFolder], int]:
    """The folders by path and whether it is an hour's files that they have, and how many keys there are."""
    folders: dict[_Place, PolicyFolder] = {}
    count = 0
    for key in keys:
        count += 1
        path, _, name = f"{start}/{key}".strip("/").rpartition("/")
        if name not in _FILES:
            continue
        dated = _HOUR.fullmatch(path)
        above, when = (dated[1] or "", dated[2]) if dated else (path, "")
        if at and when > at:
            continue
        folder = folders.get((above, bool(when)))
        if folder is None or when > folder.hour:
            folder = folders[above, bool(when)] = PolicyFolder(above, intern(when))
        if when == folder.hour:
            folder.files.setdefault(*_FILES[name])
    return folders, count


def _newer(folder: PolicyFolder, other: PolicyFolder | None) -> bool:
    return other is None or folder.hour > other.hour
