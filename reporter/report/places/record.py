"""The record beside reports that keep their names: which files the last ones wrote, by format.

It says which files of tabs that are gone may be removed. It never names less than what lies there, but may name more.
Whoever can write there can change it, so what it names is taken only where it can be a file of that stem.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain

import msgspec

from reporter.report.places.staged import Staged

#: How large a record may be, in bytes: three hundred thousand files have less.
MAX_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Record:
    """The files by format, relative to where the record lies, parts joined by slashes.

    `writing` is for where nothing can be locked: whoever puts a report there says so, and is told from all others by
    `by`.
    """

    files: dict[str, tuple[str, ...]]
    writing: bool = False
    by: str = ""

    @property
    def names(self) -> Iterator[str]:
        """The files of all formats."""
        return chain.from_iterable(self.files.values())

    def claiming(self, reports: Iterable[Staged], by: str = "") -> "Record":
        """The record with what is about to be written as well, and by whom."""
        new = {each.form: _joined(self.files.get(each.form, ()), each.files) for each in reports}
        return Record(self.files | new, bool(by), by)

    def gone(self, report: Staged, placed: Iterable[Staged], of_others: Iterable[str]) -> list[str]:
        """What the format's last report had and no report has now, also none of another stem."""
        kept = {name for each in placed for name in each.files}.union(of_others)
        kept.update(name for form, names in self.files.items() if form != report.form for name in names)
        return [name for name in self.files.get(report.form, ()) if name not in kept]

    def settled(self, report: Staged, staying: Iterable[str]) -> "Record":
        """The record where nothing of the format is there but its files and what could not be removed."""
        return Record(self.files | {report.form: _joined(report.files, staying)})


EMPTY = Record({})
_BEFORE, _BEHIND = ".", ".files.json"  # the stem, in the name of a record
_decoder = msgspec.json.Decoder(Record)


def file_name(stem: str) -> str:
    """What the record of a stem is called."""
    return f"{_BEFORE}{stem}{_BEHIND}"


def beginning_of_longer(stem: str) -> str:
    """How the names of the records begin whose stems go on behind this one: their files may be called as its own."""
    return f"{_BEFORE}{stem}_"


def stem_of(name: str) -> str:
    """The stem of a record; empty where the name is none of a record."""
    return name[len(_BEFORE) : -len(_BEHIND)] if name.startswith(_BEFORE) and name.endswith(_BEHIND) else ""


def shorter(stem: str) -> list[str]:
    """The stems that this one goes on behind: `a` and `a_b` of `a_b_c`, whose tab `c` has the file `a_b_c.csv`."""
    *parts, _ = stem.split("_")
    return [each for each in accumulate(parts, lambda first, more: f"{first}_{more}") if each]


def without_others(
    reports: Sequence[Staged], of_others: Mapping[str, str]
) -> tuple[list[Staged], dict[str, str]]:
    """The reports that have no file of another stem, and by format why the rest is not put there."""
    free: list[Staged] = []
    refused: dict[str, str] = {}
    for report in reports:
        taken = next((name for name in report.files if name in of_others), "")
        if taken:
            other = of_others[taken]
            refused[report.form] = (
                f"{taken} is of the report called {other}: take another --stem or, where that report is no longer "
                f"wanted, remove it and {file_name(other)}"
            )
        else:
            free.append(report)
    return free, refused


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
