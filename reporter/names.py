"""Names that are told apart whatever their case: of sheets, columns and files."""

from collections.abc import Callable, Iterable, Iterator


def unlike(
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
