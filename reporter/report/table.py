"""A table of the report, as formats take it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import pandas as pd

#: What stands in a cell whose answer is not known.
UNKNOWN = "unknown"


class Kind(Enum):
    """What the rows of a table are."""

    FINDINGS = auto()  # groups that policies found
    GROUPS = auto()  # all groups
    RESOURCES = auto()  # what policies on other types found
    ATTACHMENTS = auto()
    CHANGES = auto()
    DUPLICATES = auto()
    WAIVERS = auto()
    CLOSED = auto()  # what auditors wrote on findings that are gone
    SUMMARY = auto()
    COVERAGE = auto()
    STAR = auto()  # accounts, regions, policies or single findings: for databases


OnRows = Callable[[int], None]


def _nobody(rows: int) -> None:
    pass


@dataclass(frozen=True)
class Table:
    """A tab: its name, a line that says what it shows, and the rows.

    Cells are texts, numbers, booleans or tuples of texts; NA stands for `unknown`.
    """

    name: str
    title: str
    frame: pd.DataFrame
    kind: Kind = Kind.RESOURCES
    full_name: str = ""
    """Of the policy or tab it is of, where that differs from `name`, which is unlike all others in any case."""
    name_in_report: str = ""
    """What formats that are not for databases call it, where that differs from `name`."""
    policies: tuple[str, ...] = ()
    """Those whose findings the rows are, of a table of findings."""
    descriptions: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What columns mean of which the report does not know it by itself."""
    on_rows: OnRows = field(default=_nobody, repr=False, compare=False)
    """Told how many rows more a format has taken."""

    def parts(self, rows: int) -> Iterator[pd.DataFrame]:
        """So many rows at a time."""
        for start in range(0, len(self.frame), rows):
            part = self.frame.iloc[start : start + rows]
            yield part
            self.on_rows(len(part))

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows, of plain Python values; None stands for `unknown`."""
        for part in self.parts(10_000):
            yield from zip(*(plain_values(column) for _, column in part.items()), strict=True)


def plain_values(column: "pd.Series[Any]") -> list[Any]:
    """A column's values as plain Python has them; None stands for `unknown`."""
    values = column.to_numpy(dtype=object)
    unknown = pd.isna(values)
    if unknown.any():
        values = values.copy()
        values[unknown] = None
    return list(values)
