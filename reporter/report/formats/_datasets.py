"""Tables as files of Parquet hold them: where they lie, and what they and their columns are called there."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reporter.names import cut, distinct
from reporter.report import star
from reporter.report.column_types import Column, columns
from reporter.report.formats._files import tab_files
from reporter.report.table import Kind, Table

# Those that have few rows anyway; and a waiver's region may be any.
_NEVER_SPLIT = frozenset({Kind.SUMMARY, Kind.WAIVERS})
_MAX_NAME = 255  # bytes of a table's or column's name in the Glue catalog
_NUMBER = len("_99999")  # room for what tells two apart


@dataclass(frozen=True)
class Dataset:
    """A table, and how its files have it."""

    table: Table
    name: str
    path: Path
    """The file, or the folder of files."""
    columns: tuple[Column, ...]
    """Those of the table in its order, under the names that they have in the files."""
    partitions: tuple[str, ...] = ()
    """Which of them name folders, outermost first: they are not in the files."""

    @property
    def names_in_report(self) -> dict[str, str]:
        """What the other formats call the columns."""
        called = map(str, self.table.frame.columns)
        return {column.name: name for column, name in zip(self.columns, called, strict=True)}

    @property
    def in_files(self) -> tuple[Column, ...]:
        """The columns that the files have."""
        return tuple(column for column in self.columns if column.name not in self.partitions)

    @property
    def in_folders(self) -> tuple[Column, ...]:
        """The columns that name folders, outermost first."""
        by_name = {column.name: column for column in self.columns}
        return tuple(by_name[name] for name in self.partitions)


def files(stem: Path, tables: Sequence[Table]) -> list[Dataset]:
    """A file a table: `<stem>_<table>.parquet`."""
    paths = tab_files(stem, [table.name for table in tables], ".parquet")
    return [
        Dataset(table, table.name, path, columns(table)) for table, path in zip(tables, paths, strict=True)
    ]


def folders(stem: Path, tables: Sequence[Table], partition: Sequence[str]) -> list[Dataset]:
    """A folder a table, `<stem>_<table>`, split by those columns of `partition` that the table has.

    Names are such that a warehouse has them: Athena supports no special characters but the underscore, and no two
    names that differ in case alone (https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html).
    """
    names = _warehouse_names([table.name for table in tables])
    paths = tab_files(stem, names, "")
    return [
        _folder(table, name, path, partition) for table, name, path in zip(tables, names, paths, strict=True)
    ]


def _folder(table: Table, name: str, path: Path, partition: Sequence[str]) -> Dataset:
    own = columns(table)
    named = _warehouse_names([column.name for column in own])
    whole = table.kind in _NEVER_SPLIT or star.key(table)
    there = {column.name for column in own}
    split = () if whole else tuple(name for name in partition if name in there)
    renamed = tuple(replace(column, name=new) for column, new in zip(own, named, strict=True))
    return Dataset(table, name, path, renamed, split)


def _warehouse_names(names: Sequence[str]) -> list[str]:
    clean = (cut(re.sub(r"[^a-z0-9_]", "_", name.lower()), _MAX_NAME - _NUMBER) for name in names)
    return list(distinct(clean, lambda name, ending: name + ending))
