"""A table as Apache Arrow: typed columns, for files of Parquet and for DuckDB.

Flags are booleans, counts integers, lists lists of texts, days dates. What is not known is NULL, which is what SQL
means by it; what there is none of is an empty text or list, but for dates, numbers and flags, which have no such thing.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, datetime
from typing import Any

import pandas as pd
import pyarrow as pa
from pandas.api import types

from reporter.report.column_types import ColumnType, columns
from reporter.report.table import Table, plain_values

_TYPES = {
    ColumnType.TEXT: pa.string(),
    ColumnType.FLAG: pa.bool_(),
    ColumnType.COUNT: pa.int64(),
    ColumnType.NUMBER: pa.float64(),
    ColumnType.LIST: pa.list_(pa.string()),
    ColumnType.DAY: pa.date32(),
    ColumnType.MINUTE: pa.timestamp("us"),  # without a zone, which readers would turn into their own
}
_ROWS = 100_000  # in memory at a time


def schema(table: Table, metadata: dict[str, str] | None = None) -> pa.Schema:
    """The table's columns and types; what a column means stands in its metadata, as `comment`."""
    fields = [
        pa.field(
            column.name,
            _TYPES[column.type],
            metadata={"comment": column.description} if column.description else None,
        )
        for column in columns(table)
    ]
    return pa.schema(fields, metadata)


def batches(table: Table, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows, so many at a time; those of a table without rows are none."""
    for part in table.parts(_ROWS):
        columns = zip(part.items(), schema, strict=True)
        arrays = [array(column, field.type) for (_, column), field in columns]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def array(column: "pd.Series[Any]", kind: pa.DataType) -> pa.Array:
    """A column's values as Arrow of a type has them."""
    if _is_of(column.dtype, kind):
        found = pa.array(column, from_pandas=True)
        return (found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found).cast(kind)
    if pa.types.is_date32(kind):
        return _moments(column, kind, date.fromisoformat)
    if pa.types.is_timestamp(kind):
        return _moments(column, kind, datetime.fromisoformat)
    if pa.types.is_list(kind):
        return pa.array(column.tolist(), kind, from_pandas=True)  # where an empty text is no texts, too
    values = plain_values(column)
    if pa.types.is_string(kind):
        return pa.array([_text(value) for value in values], kind)
    return pa.array([None if value == "" else value for value in values], kind)


def _is_of(dtype: Any, kind: pa.DataType) -> bool:
    """Whether a column of pandas is of a type already, so that Arrow need not look at each of its values."""
    if isinstance(dtype, pd.CategoricalDtype):
        return pa.types.is_string(kind) and _is_of(dtype.categories.dtype, kind)
    return (
        (isinstance(dtype, pd.StringDtype) and pa.types.is_string(kind))
        or (types.is_bool_dtype(dtype) and pa.types.is_boolean(kind))
        or (types.is_integer_dtype(dtype) and pa.types.is_int64(kind))
    )


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _moments(column: "pd.Series[Any]", kind: pa.DataType, parse: Callable[[str], date]) -> pa.Array:
    """Days or minutes, each text read once; NULL for what is none, as stock output may not tell it."""
    numbers, texts = pd.factorize(column)
    moments = [_moment(text, parse) for text in texts]
    numbers[numbers < 0] = len(moments)
    return pa.array([*moments, None], kind).take(pa.array(numbers))


def _moment(text: Any, parse: Callable[[str], date]) -> date | None:
    with suppress(TypeError, ValueError):
        return parse(text)
    return None
