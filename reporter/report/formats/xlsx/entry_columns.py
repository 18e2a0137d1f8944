"""The auditors' columns at the end of a sheet of findings: empty, or as the last report's entries have them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from reporter.names import distinct
from reporter.report.entries import COLUMNS, KEY_HEAD, Entry, Key, key_text
from reporter.report.formats.xlsx.cells import cell_text
from reporter.report.formats.xlsx.layout import Column, Content
from reporter.report.formats.xlsx.limits import units
from reporter.report.formats.xlsx.styles import Styles
from reporter.report.table import Kind, Table

STATUSES = ("open", "in progress", "accepted", "false positive", "fixed")

_STATUS, _OWNER, _DUE, _COMMENT = COLUMNS
_WIDTHS = {_STATUS: 13, _OWNER: 16, _DUE: 11, _COMMENT: 40}
_MEANINGS = {
    _STATUS: f"Yours to fill in: {', '.join(STATUSES)}, or a word of your own. "
    "report --carry takes it over into the next report",
    _OWNER: "Yours to fill in: who looks after it",
    _DUE: "Yours to fill in: a date",
    _COMMENT: "Yours to fill in",
}
_HEAD_COLOUR = "#7F6000"  # unlike the report's own
_MAX_LIST = 255  # characters of a drop-down's choices
_FIRST_YEAR = 1900  # of Excel's calendar
_NO_NUMBER = 1e300  # beyond what Excel holds
_OF_KINDS = frozenset({Kind.FINDINGS, Kind.CLOSED})


class EntryColumns:
    """Writes them, from the first row of a sheet on."""

    def __init__(
        self,
        sheet: Worksheet,
        styles: Styles,
        table: Table,
        heads: Collection[str],
        entries: Mapping[int, Entry],
    ) -> None:
        """`heads` are those of the columns before; `entries` are by the label of their row in the table's frame."""
        self._sheet, self._table, self._entries = sheet, table, entries
        self._first_column = len(heads)
        there = [name.casefold() for name in heads]
        self._names = (
            list(distinct(COLUMNS, lambda name, ending: name + ending, there))
            if table.kind in _OF_KINDS
            else []
        )
        head = {"bold": True, "font_color": "#FFFFFF", "bg_color": _HEAD_COLOUR, "valign": "bottom"}
        self._head, self._head_of_days = styles.of(**head), styles.of(**head, align="right", indent=2)
        look = {"valign": "top"} if table.kind is Kind.CLOSED else {}
        wrapped = look | {"text_wrap": True} if look else {}
        self._day, self._text = styles.date(**look), styles.text(**wrapped)
        self._comment = styles.text(indent=1, **wrapped)  # apart from the date before it
        self._moment, self._time = styles.of(num_format="yyyy-mm-dd hh:mm"), styles.of(num_format="hh:mm:ss")
        self._span = styles.of(num_format="[h]:mm:ss")
        self._labels = iter(table.frame.index)
        columns = list(table.frame.columns)
        names = ("account_id", "account_profile", "region", "security_group_id")
        self._places = [columns.index(name) for name in names] if self._names else []

    @property
    def heads(self) -> list[str]:
        """Those of the auditors' columns and of the hidden one; none on a sheet that is not of findings."""
        return [*self._names, KEY_HEAD + ", ".join(self._names)] if self._names else []

    def begin(self, last_row: int) -> None:
        """Write the heads, and offer choices down to the last row."""
        for number, (name, column) in enumerate(zip(self._names, COLUMNS, strict=False), self._first_column):
            self._sheet.write_string(0, number, name, self._head_of_days if column == _DUE else self._head)
            self._sheet.write_comment(0, number, _MEANINGS[column], {"x_scale": 2.2, "font_size": 9})
            self._sheet.set_column(number, number, _WIDTHS[column], self._style(column))
            if choice := self._choice(column):
                self._sheet.data_validation(1, number, last_row, number, choice)
        if self._names:
            number = self._first_column + len(self._names)
            self._sheet.write_string(0, number, self.heads[-1], self._head)
            self._sheet.set_column(number, number, 10, None, {"hidden": True})

    def _style(self, column: str) -> Format:
        return {_DUE: self._day, _COMMENT: self._comment}.get(column, self._text)

    def _choice(self, column: str) -> dict[str, Any]:
        """What may be chosen in a column. Anything else may stand there as well: Excel asks, and no more."""
        if column == _STATUS:
            return {
                "validate": "list",
                "source": list(STATUSES),
                "error_type": "warning",
                "error_title": "Not in the list",
                "error_message": "A status of your own? It is kept.",
            }
        if column == _DUE:
            return {
                "validate": "date",
                "criteria": ">=",
                "value": date(2000, 1, 1),
                "error_type": "warning",
                "error_title": "Not a date",
                "error_message": "Write a date, such as 2027-01-31.",
            }
        owners = sorted({owner for entry in self._entries.values() if (owner := _choosable(entry))})
        if column == _OWNER and owners and units(",".join(owners)) <= _MAX_LIST:
            return {"validate": "list", "source": owners, "show_error": False}
        return {}

    def write(self, row: int, values: Sequence[Any]) -> int:
        """Write the end of the next row of the table, whose other cells have these values; returns how many lines it
        takes up."""
        if not self._names:
            return 1
        entry = self._entries.get(next(self._labels))
        for number, value in enumerate(entry.cells if entry else (), self._first_column):
            self._write_cell(row, number, value)
        if entry and self._table.kind is Kind.CLOSED:
            key = entry.key
        else:
            account_id, profile, region, resource_id = (values[place] for place in self._places)
            key = Key(self._table.policies, account_id or profile, region, resource_id)
        self._sheet.write_string(row, self._first_column + len(self._names), key_text(key))
        return self._lines(entry) if entry is not None and self._table.kind is Kind.CLOSED else 1

    def _lines(self, entry: Entry) -> int:
        columns = (Column(name, Content.TEXT, _WIDTHS[name] - 1) for name in COLUMNS)
        written = zip(columns, entry.cells, strict=True)
        return max(column.lines(value) if isinstance(value, str) else 1 for column, value in written)

    def _write_cell(self, row: int, column: int, value: Any) -> None:
        """Write what a person wrote for what it is, and no text as a formula or a link."""
        if value is None:
            return
        if isinstance(value, bool):
            self._sheet.write_boolean(row, column, value)
        elif isinstance(value, int | float) and abs(value) < _NO_NUMBER:
            self._sheet.write_number(row, column, value)
        elif (style := self._format_of(value)) is not None:
            self._sheet.write_datetime(row, column, value, style)
        else:
            is_comment = column == self._first_column + COLUMNS.index(_COMMENT)
            self._sheet.write_string(
                row, column, cell_text(value), self._comment if is_comment else self._text
            )

    def _format_of(self, value: Any) -> Format | None:
        """The format of a date or time; None of anything else, and of a date before Excel's calendar, which is
        text."""
        if isinstance(value, time):
            return self._time
        if isinstance(value, timedelta):
            return self._span if value >= timedelta() else None
        if not isinstance(value, date) or value.year < _FIRST_YEAR:
            return None
        is_day = not isinstance(value, datetime) or value.time() == time()
        return self._day if is_day else self._moment


def _choosable(entry: Entry) -> str:
    """The owner of an entry, where a drop-down can offer it: its choices are the text of a formula."""
    owner = entry.cells[COLUMNS.index(_OWNER)]
    if not isinstance(owner, str) or not owner.isprintable() or owner.startswith("="):
        return ""
    return "" if {",", '"'} & set(owner) else owner
