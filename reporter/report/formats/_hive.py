"""Folders of partitions as Hive names them: `account_id=111111111111/region=eu-west-1`.

What may not stand in such a name is written as Hive does it (FileUtils.escapePathName), so that Athena, Spark, DuckDB
and pyarrow read the value that it was: `%2F` for a slash, all other letters as they are.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from reporter.errors import InputError
from reporter.names import MAX_BYTES, printable
from reporter.report.table import Table

#: What Hive calls a partition whose value is not known: readers take it for NULL.
UNKNOWN_PARTITION = "__HIVE_DEFAULT_PARTITION__"

_NOT_IN_FOLDERS = re.compile(r"[\x00-\x2c/:-@\[-^`{-\x7f]")  # ASCII but letters, digits, - . _


def sorted_by_partition(table: Table, names: Sequence[str]) -> tuple[Table, Iterator[tuple[str, int]]]:
    """The table with the rows of each partition together, in the order that they had, and each one's folder with its
    number of rows.

    Raises InputError where a value is too long for a folder's name.
    """
    if not names:
        return table, iter([("", len(table.frame))])
    values = table.frame[list(names)].astype(object)
    values = values.where(values.notna(), "").astype(str)
    numbers = values.groupby(list(names), sort=True).ngroup().to_numpy()
    order = np.argsort(numbers, kind="stable")
    starts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    sizes = np.diff(starts, append=len(order))
    firsts = values.iloc[order[starts]].itertuples(index=False, name=None)
    folders = ((folder(names, each), int(size)) for each, size in zip(firsts, sizes, strict=True))
    return replace(table, frame=table.frame.iloc[order]), folders


def folder(names: Sequence[str], values: Sequence[str]) -> str:
    """The folder of a partition, below that of its table. An empty value is one that is not known.

    Raises InputError where a value is too long for a folder's name.
    """
    parts = [f"{name}={_encoded(value)}" for name, value in zip(names, values, strict=True)]
    for name, part in zip(names, parts, strict=True):
        if len(part.encode()) > MAX_BYTES:
            raise InputError(
                f"--partition {name}: too long for the name of a folder: {printable(part.partition('=')[2], 60)}"
            )
    return "/".join(parts)


def _encoded(value: str) -> str:
    if value == UNKNOWN_PARTITION:  # or the rows of one would take the place of the other's
        return value.replace("_", "%5F")
    return _NOT_IN_FOLDERS.sub(lambda found: f"%{ord(found[0]):02X}", value) or UNKNOWN_PARTITION
