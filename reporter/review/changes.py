"""Which policies differ between two revisions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from reporter import yamlfile
from reporter.custodian import policies
from reporter.custodian.metadata import PlannedPolicy
from reporter.custodian.resource_types import full_type
from reporter.errors import InputError
from reporter.review import git

#: Stands for the files as they are on disk, where a revision is asked for.
WORKTREE = "WORKTREE"

#: What of a policy decides what it matches; the rest is for people and for other tools.
_DECIDING = ("resource", "filters", "query", "source", "conditions", "region", "start", "end", "tz")


class Kind(StrEnum):
    """What happened to a policy."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"  # the name alone
    REWORDED = "reworded"  # nothing of what decides what it matches


@dataclass(frozen=True)
class Version:
    """A policy as it stands at a revision; `where` names the file, and the revision unless it is on disk."""

    data: Mapping[str, Any]
    where: str

    @property
    def name(self) -> str:
        return str(self.data["name"])

    @cached_property
    def planned(self) -> PlannedPolicy:
        """What the manifest of a run with this version would say of it."""
        return policies.planned(dict(self.data))

    @property
    def resource(self) -> str:
        """The resource type with its provider."""
        return full_type(self.data["resource"])

    @cached_property
    def key(self) -> str:
        """Stands for what decides what it matches: the same for versions that differ in words alone."""
        return sha256(msgspec.json.encode(_deciding(self), order="sorted")).hexdigest()


@dataclass(frozen=True)
class Change:
    """A policy that differs: one of the two versions is None where it was added or removed."""

    kind: Kind
    before: Version | None
    after: Version | None

    @property
    def name(self) -> str:
        """Its name now, or the one it had."""
        version = self.after or self.before
        return version.name if version else ""


def at(sources: Sequence[Path], revision: str, option: str) -> dict[str, Version]:
    """The policies by name as they stand at a revision, or on disk for WORKTREE; none of them is validated.

    `option` is what the revision was given by. Raises InputError where there is no such revision, where a
    file cannot be read as policies, or where two policies share a name.
    """
    found: dict[str, Version] = {}
    for where, content in _files(sources, revision, option):
        for policy in policies.parse(content, where):
            version = Version(policy, where)
            if version.name in found:
                other = found[version.name].where
                raise InputError(f"{where}: policy {version.name}: there is one of that name in {other}")
            found[version.name] = version
    return found


def between(before: Mapping[str, Version], after: Mapping[str, Version]) -> list[Change]:
    """The policies that differ, in the order of the newer revision, then those that are gone.

    The file a policy stands in does not matter, nor its place there.
    """
    gone = {name: version for name, version in before.items() if name not in after}
    changes = []
    for name, now in after.items():
        then = before.get(name)
        if then is None:
            then = next((each for each in gone.values() if _unnamed(each) == _unnamed(now)), None)
            if then is not None:
                del gone[then.name]
            changes.append(Change(Kind.RENAMED if then else Kind.ADDED, then, now))
        elif then.data != now.data:
            same = then.key == now.key
            changes.append(Change(Kind.REWORDED if same else Kind.CHANGED, then, now))
    return changes + [Change(Kind.REMOVED, version, None) for version in gone.values()]


def _files(sources: Sequence[Path], revision: str, option: str) -> Iterable[tuple[str, Any]]:
    if revision == WORKTREE:
        # A folder that a change takes away, or empties, has no policies left.
        there = [source for source in sources if source.is_file() or _holds_policies(source)]
        for path in policies.files(there):
            yield str(path), yamlfile.load(path)
        return
    for source in sources:
        root = git.toplevel(source)
        place = PurePosixPath(source.resolve().relative_to(root.resolve()).as_posix())
        commit = git.commit(root, revision, option)
        for name, content in git.files(root, commit, place, policies.SUFFIXES).items():
            where = f"{revision}:{name}"
            yield where, yamlfile.parse(content, where)


def _holds_policies(folder: Path) -> bool:
    return folder.is_dir() and any(
        path.suffix in policies.SUFFIXES and not path.name.startswith(".") for path in folder.iterdir()
    )


def _unnamed(version: Version) -> dict[str, Any]:
    return {key: value for key, value in version.data.items() if key != "name"}


def _deciding(version: Version) -> list[Any]:
    data = {**version.data, "resource": version.resource}
    return [data.get(key) for key in _DECIDING]
