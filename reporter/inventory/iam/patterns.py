"""Patterns of policies, in which `*` is any text and `?` any character
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html)."""

import re
from functools import lru_cache

#: In the first of two patterns that are compared, any text of one part of an ARN.
PART = "\0"

_CACHED = 50_000


@lru_cache(maxsize=_CACHED)
def compiled(pattern: str) -> "re.Pattern[str]":
    """A pattern as a regular expression for whole texts."""
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(each) or re.escape(each) for each in pattern), re.DOTALL)


def covers(pattern: str, other: str) -> bool:
    """Whether all texts of another pattern are of the first one too. Where one of the two has `?`, it may be missed."""
    return compiled(pattern).fullmatch(other) is not None


@lru_cache(maxsize=_CACHED)
def overlap(one: str, other: str) -> bool:
    """Whether some text is of both patterns."""
    places = _with_nothing_for_stars({0}, other)  # in `other`, after what of `one` was taken
    for character in one:
        if character == "*":
            places = set(range(min(places), len(other) + 1))
            continue
        if character == PART:
            places = _with_nothing_for_stars(_after_a_part(places, other), other)
            continue
        after = set()
        for place in places:
            there = other[place : place + 1]
            if there == "*":
                after.add(place)
            elif there and (character == "?" or there in ("?", character)):
                after.add(place + 1)
        places = _with_nothing_for_stars(after, other)
        if not places:
            return False
    return len(other) in places


def _with_nothing_for_stars(places: set[int], pattern: str) -> set[int]:
    found = set(places)
    for place in places:
        while pattern[place : place + 1] == "*":
            place += 1
            found.add(place)
    return found


def _after_a_part(places: set[int], pattern: str) -> set[int]:
    """Where a text without a colon may have led to."""
    found = set(places)
    for place in places:
        while place < len(pattern) and pattern[place] != ":":
            place += 1
            found.add(place)
    return found
