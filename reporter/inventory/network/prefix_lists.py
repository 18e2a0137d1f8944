"""Prefix lists: the CIDR blocks that rules and routes name by one id."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PrefixList:
    """The CIDR blocks of a prefix list; `complete` says that these are all of them, `of_aws` that AWS keeps it."""

    entries: tuple[str, ...]
    complete: bool
    of_aws: bool = False


PrefixLists = Mapping[str, PrefixList]
"""By id. A list that is not there was not read."""


def joined(read: Iterable[PrefixLists]) -> PrefixLists:
    """What several accounts say of the same lists, the newest last: one that was read whole counts for all, else
    every entry that was seen."""
    known: dict[str, PrefixList] = {}
    for lists in read:
        for list_id, found in lists.items():
            earlier = known.get(list_id)
            if earlier is None or found.complete:
                known[list_id] = found
            elif not earlier.complete:
                entries = tuple(dict.fromkeys(earlier.entries + found.entries))
                known[list_id] = PrefixList(entries, complete=False, of_aws=found.of_aws)
    return known
