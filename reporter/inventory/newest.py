"""The newest record of each thing that several lists have, taken at different times."""

from collections.abc import Iterable
from typing import Generic, TypeVar

Record = TypeVar("Record")


class Newest(Generic[Record]):
    """The newest record of each thing of one account and region, by id; `taken` has the time of each, in seconds
    since 1970.

    Lists are added from the newest to the oldest, and of the same time those of everything first. What an older list
    has and a newer one of everything lacks is gone.
    """

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.taken: dict[str, float] = {}
        self.all_listed: float | None = None
        """When the newest list of everything was taken."""

    def knows_all(self, taken: float) -> bool:
        """Whether everything was listed after that time: then only what is known is still there."""
        return self.all_listed is not None and taken < self.all_listed

    def add(self, listed: Iterable[tuple[str, Record]], taken: float, *, everything: bool) -> None:
        """Add a list; `everything` says that nothing else was there at the time."""
        if self.knows_all(taken):
            return
        new = {identifier: record for identifier, record in listed if identifier not in self.records}
        self.records |= new
        self.taken |= dict.fromkeys(new, taken)
        if everything and self.all_listed is None:
            self.all_listed = taken

    def is_gone(self, identifier: str, taken: float) -> bool:
        """Whether a thing that was there at a time is not any more."""
        return identifier not in self.records and self.knows_all(taken)
