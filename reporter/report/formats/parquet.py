"""Parquet: a file a tab, typed, for Power BI, Athena, DuckDB and whatever else asks tables questions.

Flags are booleans, counts integers, lists lists of texts. What is not known is NULL, which is what SQL means by it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from reporter.report.formats._files import tab_files
from reporter.report.table import Table

_ROWS = 100_000  # of a row group, and in memory at a time


def write(stem: Path, tables: Sequence[Table], facts: Sequence[str]) -> list[Path]:
    """Write a file a table: `<stem>_<tab>.parquet`; the facts go into each file's metadata."""
    files = tab_files(stem, [table.name for table in tables], ".parquet")
    for table, path in zip(tables, files, strict=True):
        types = {str(column): _type(table.frame[column]) for column in table.frame.columns}
        schema = pa.schema(list(types.items()), {"title": table.title, "facts": "\n".join(facts)})
        # Of a path, pyarrow takes only one in UTF-8.
        with path.open("wb") as file, parquet.ParquetWriter(file, schema, compression="zstd") as writer:
            for columns in table.batches(_ROWS):
                arrays = map(_array, columns, types.values())
                writer.write_table(pa.Table.from_arrays(list(arrays), schema=schema))
    return files


def _type(column: "pd.Series[Any]") -> pa.DataType:
    dtype = column.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return pa.bool_()
    if pd.api.types.is_integer_dtype(dtype):
        return pa.int64()
    if pd.api.types.is_float_dtype(dtype):
        return pa.float64()
    return _type_of_values(column) if pd.api.types.is_object_dtype(dtype) else pa.string()


def _type_of_values(column: "pd.Series[Any]") -> pa.DataType:
    """The type that holds them all: an empty text among other values is a missing one."""
    kinds = {type(value) for value in column.dropna() if value != ""}
    if kinds == {tuple}:
        return pa.list_(pa.string())
    if kinds == {bool}:
        return pa.bool_()
    if not kinds or not kinds <= {int, float}:
        return pa.string()
    whole = [value for value in column.dropna() if isinstance(value, int)]
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in whole):
        return pa.int64()
    exact = all(abs(value) <= 2**53 for value in whole)
    return pa.float64() if float in kinds and exact else pa.string()  # with digits lost, it is another number


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_string(kind):
        return pa.array([_text(value) for value in values], kind)
    return pa.array([None if value == "" else value for value in values], kind)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return ", ".join(value) if isinstance(value, tuple) else str(value)
