"""Names: several in one text, and names told apart whatever their case."""

from collections.abc import Callable, Iterable, Iterator, Sequence


def split(values: Sequence[str]) -> tuple[str, ...]:
    """Values that may be lists themselves, as c7n-org takes them: `us-east-1,us-west-2`."""
    return tuple(dict.fromkeys(part.strip() for value in values for part in value.split(",") if part.strip()))


def distinct(
    names: Iterable[str], ended: Callable[[str, str], str], taken: Iterable[str] = ()
) -> Iterator[str]:
    """The names, those that are there already, in any case, ended by _2, _3, … as `ended(name, "_2")` does it."""
    seen = set(taken)
    for name in names:
        candidate, number = ended(name, ""), 1
        while candidate.casefold() in seen:
            number += 1
            candidate = ended(name, f"_{number}")
        seen.add(candidate.casefold())
        yield candidate
