"""Patterns of policies, in which `*` is any text and `?` any character
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html).

They come from accounts, and some have thousands of characters: none may take longer the more stars it has.
"""

import re
from functools import lru_cache

#: In the first of two patterns that are compared, any text of one part of an ARN.
PART = "\0"

_CACHED = 50_000
_STARS = re.compile(r"\*+")


@lru_cache(maxsize=_CACHED)
def compiled(pattern: str) -> "re.Pattern[str]":
    """A pattern as a regular expression for whole texts."""
    first, *more = (
        "".join("." if each == "?" else re.escape(each) for each in fixed)
        for fixed in _STARS.sub("*", pattern).split("*")
    )
    if not more:
        return re.compile(first, re.DOTALL)
    # What is between two stars is where it is first; as an atomic group it is not looked for again.
    between = "".join(f"(?>.*?{fixed})" for fixed in more[:-1])
    return re.compile(f"{first}{between}.*{more[-1]}", re.DOTALL)


def covers(pattern: str, other: str) -> bool:
    """Whether all texts of another pattern are of the first one too. Where one of the two has `?`, it may be missed."""
    return compiled(pattern).fullmatch(other) is not None


@lru_cache(maxsize=_CACHED)
def overlap(one: str, other: str) -> bool:
    """Whether some text is of both patterns."""
    other = _STARS.sub("*", other)
    # A bit for each place in `other`; those at which what of `one` was taken may end.
    end = 1 << len(other)
    stars = _places_of("*", other)
    any_character = _places_of("?", other)
    no_colon = (end - 1) & ~_places_of(":", other)
    places = _with_nothing_for_stars(1, stars)
    for character in one:
        if character == "*":
            places = (end << 1) - (places & -places)
            continue
        if character == PART:
            # Adding carries each place through all that is no colon behind it.
            carried = ((places & no_colon) + no_colon) ^ no_colon
            places = _with_nothing_for_stars(places | carried, stars)
            continue
        fitting = end - 1 & ~stars if character == "?" else _places_of(character, other) | any_character
        places = _with_nothing_for_stars((places & fitting) << 1 | places & stars, stars)
        if not places:
            return False
    return places & end != 0


@lru_cache(maxsize=_CACHED)
def _places_of(character: str, pattern: str) -> int:
    found, place = 0, pattern.find(character)
    while place >= 0:
        found |= 1 << place
        place = pattern.find(character, place + 1)
    return found


def _with_nothing_for_stars(places: int, stars: int) -> int:
    return places | (places & stars) << 1
