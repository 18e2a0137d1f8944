"""Links: formulas that the report alone writes. No value from AWS gets into one unless it has a strict form."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from reporter.report.console import group_url
from reporter.report.formats.xlsx import limits

_SHEET = re.compile(r"[\w. '()&+,-]+")  # no quotation mark, which would end the text of the formula

_HASHED = 50_000  # ids at a time: as Python's texts they are large


def console(region: str, group_id: str) -> str:
    """The formula that leads to a security group in the AWS console; empty where region or id are of no known form."""
    url = group_url(region, group_id)
    return f'=HYPERLINK("{url}","{group_id}")' if url else ""


def to_cell(sheet: str, row: int, shown: str | int) -> str:
    """The formula that leads to the first cell of a row, counted from 1, of a sheet; empty where its name might be
    read as anything but a name."""
    if not _SHEET.fullmatch(sheet):
        return ""
    text = str(shown) if isinstance(shown, int) else f'"{shown}"'
    name = sheet.replace("'", "''")
    return f"=HYPERLINK(\"#'{name}'!A{row}\",{text})"


@dataclass(frozen=True)
class Places:
    """Where the rows of a table are: in one sheet, or in several, each as full as can be."""

    sheets: Sequence[str]

    def of(self, position: int) -> tuple[str, int]:
        """The sheet, and the row in it counted from 1, of the row at a position of the table."""
        number, row = divmod(position, limits.MAX_ROWS)
        return self.sheets[number], row + 2


class RowsOfGroups:
    """Where the rows of each group are in the table of attachments, in which they stand together.

    What is kept of an id is a hash of eight bytes: half a million of them take no hundred megabytes.
    """

    def __init__(self, group_ids: "pd.Series[str]", places: Places) -> None:
        """`group_ids` are those of the table's rows."""
        hashes = _hashes(group_ids)
        first = (
            np.flatnonzero(np.r_[True, hashes[1:] != hashes[:-1]]) if len(hashes) else np.zeros(0, np.int64)
        )
        count = np.diff(np.r_[first, len(hashes)])
        order = np.argsort(hashes[first], kind="stable")
        self._hashes, self._first, self._count = hashes[first][order], first[order], count[order]
        self._places = places

    def of(self, group_ids: "pd.Series[str]") -> list[tuple[str, int, str] | None]:
        """Of each group the sheet, the first row and what to call them; None where it is on nothing."""
        if not len(self._hashes):
            return [None] * len(group_ids)
        wanted = _hashes(group_ids)
        at = np.minimum(np.searchsorted(self._hashes, wanted), len(self._hashes) - 1)
        found = self._hashes[at] == wanted
        return [
            self._told(first, count) if there else None
            for there, first, count in zip(
                found.tolist(), self._first[at].tolist(), self._count[at].tolist(), strict=True
            )
        ]

    def _told(self, first: int, count: int) -> tuple[str, int, str]:
        sheet, row = self._places.of(first)
        last_sheet, last = self._places.of(first + count - 1)
        further = f" of {last_sheet}" if last_sheet != sheet else ""
        return sheet, row, f"row {row}" if count == 1 else f"rows {row}-{last}{further}"


def _hashes(ids: "pd.Series[str]") -> npt.NDArray[np.uint64]:
    parts = [
        pd.util.hash_array(ids.iloc[start : start + _HASHED].to_numpy(dtype=object), categorize=False)
        for start in range(0, len(ids), _HASHED)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint64)
