"""Counts and lists in sentences."""

from collections.abc import Callable, Sequence


def counted(number: int, one: str, many: str = "") -> str:
    """`1 group`, `2,000 groups`; what does not take an s has its plural given."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def number_or_dash(number: int | None) -> str:
    """A number, or a dash where there is none."""
    return "–" if number is None else f"{number:,}"


def some(names: Sequence[str], most: int, shown: Callable[[str], str] = str) -> str:
    """So many names at most, as they are `shown`, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(map(shown, names[:most])) + more
