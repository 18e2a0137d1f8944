"""Which policies differ between two revisions."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from reporter.review.versions import Version


class Kind(StrEnum):
    """What happened to a policy."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"  # the name alone
    REWORDED = "reworded"  # nothing of what decides what it matches


@dataclass(frozen=True)
class Change:
    """A policy that differs: one of the two versions is None where it was added or removed."""

    kind: Kind
    before: Version | None
    after: Version | None


def between(before: Mapping[str, Version], after: Mapping[str, Version]) -> list[Change]:
    """The policies that differ, in the order of the newer revision, then those that are gone.

    The file a policy stands in does not matter, nor its place there.
    """
    gone = {name: version for name, version in before.items() if name not in after}
    renamed: dict[str, list[str]] = {}
    for name, version in gone.items():
        renamed.setdefault(version.nameless, []).append(name)
    changes = []
    for name, now in after.items():
        then = before.get(name)
        if then is None:
            names = renamed.get(now.nameless)
            then = gone.pop(names.pop(0)) if names else None
            changes.append(Change(Kind.RENAMED if then else Kind.ADDED, then, now))
        elif then.nameless != now.nameless:
            same = then.key == now.key
            changes.append(Change(Kind.REWORDED if same else Kind.CHANGED, then, now))
    return changes + [Change(Kind.REMOVED, version, None) for version in gone.values()]
