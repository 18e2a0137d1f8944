"""Names: several in one text, told apart whatever their case, and printed without harm."""

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


def printable(text: str, length: int = 300) -> str:
    """The text on one line, of at most `length` characters, with whatever would not show spelled out."""
    shown = text[: length + 1]
    if not shown.isprintable():
        shown = "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in shown)
    return shown if len(shown) <= length else shown[: length - 1] + "…"
