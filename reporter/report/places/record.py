"""The record beside reports that keep their names: which files the last ones wrote, by format.

It says which files of tabs that are gone may be removed. It never names less than what lies there, but may name more.
Whoever can write there can change it, so what it names is taken only where it can be a file of that stem.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from reporter.report.places.staged import Staged

#: How large a record may be, in bytes: three hundred thousand files have less.
MAX_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Record:
    """The files by format, relative to where the record lies, parts joined by slashes.

    `writing` is for where nothing can be locked: whoever puts a report there says so.
    """

    files: dict[str, tuple[str, ...]]
    writing: bool = False

    def claiming(self, reports: Iterable[Staged], writing: bool = False) -> "Record":
        """The record with what is about to be written as well."""
        new = {each.form: _joined(self.files.get(each.form, ()), each.files) for each in reports}
        return Record(self.files | new, writing)

    def gone(self, report: Staged, placed: Iterable[Staged]) -> list[str]:
        """What the format's last report had and no report has now."""
        kept = {name for each in placed for name in each.files}
        kept.update(name for form, names in self.files.items() if form != report.form for name in names)
        return [name for name in self.files.get(report.form, ()) if name not in kept]

    def settled(self, report: Staged, staying: Iterable[str]) -> "Record":
        """The record where nothing of the format is there but its files and what could not be removed."""
        return Record(self.files | {report.form: _joined(report.files, staying)})


EMPTY = Record({})
_decoder = msgspec.json.Decoder(Record)


def file_name(stem: str) -> str:
    """What the record of a stem is called."""
    return f".{stem}.files.json"


def encoded(record: Record) -> bytes:
    """What its file holds."""
    return msgspec.json.format(msgspec.json.encode(record), indent=1)


def decoded(content: bytes, stem: str) -> tuple[Record, list[str]]:
    """A record, without what can be no file of that stem, and a line on what was wrong with it."""
    try:
        record = _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return EMPTY, [damaged(stem)]
    kept = {
        form: tuple(name for name in names if _can_be(name, stem)) for form, names in record.files.items()
    }
    odd = sum(map(len, record.files.values())) - sum(map(len, kept.values()))
    notes = [f"{file_name(stem)}: names {odd:,} that can be no file of {stem}: passed over"] if odd else []
    return Record(kept, record.writing), notes


def damaged(stem: str) -> str:
    """What to say where there is something else in the record's place."""
    return f"{file_name(stem)}: no record of sg-audit: files of tabs that are gone stay, if there are any"


def _joined(names: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*names, *more)))


def _can_be(name: str, stem: str) -> bool:
    """Whether it begins with the stem and leads nowhere but below the folder."""
    parts = name.split("/")
    return name.startswith(stem) and "\0" not in name and not any(part in ("", ".", "..") for part in parts)
