"""The statements that make Amazon Athena know the folders of a report as tables."""

from collections.abc import Iterator, Sequence

from reporter.names import clean, cut
from reporter.report.column_types import Column, ColumnType
from reporter.report.formats._datasets import Dataset

#: No bucket can be called so: where it is not replaced, Athena refuses the statement.
NO_PLACE = "s3://REPLACE-WITH-YOUR-BUCKET/AND-PREFIX"

_TYPES = {
    ColumnType.TEXT: "string",
    ColumnType.FLAG: "boolean",
    ColumnType.COUNT: "bigint",
    ColumnType.NUMBER: "double",
    ColumnType.LIST: "array<string>",
    ColumnType.DAY: "date",
    ColumnType.MINUTE: "timestamp",
}
_MAX_COMMENT = (
    255  # of a column, in the Glue catalog: https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
)
_HEAD = """\
-- The tables of this report for Amazon Athena. Athena runs one statement at a time, and each ends with a semicolon.
-- Make a database for them first, as CREATE DATABASE sg_audit, and choose it: their names are plain ones.
"""
_WHERE = "-- Replace the bucket and prefix by where you copy the folders to.\n"


def statements(datasets: Sequence[Dataset], place: str) -> str:
    """The text of the file. `place` is the report's in S3, s3://bucket/prefix; empty where it lies elsewhere."""
    head = _HEAD if place else _HEAD + _WHERE
    return head + "".join(f"\n{each};\n" for dataset in datasets for each in _of(dataset, place or NO_PLACE))


def _of(dataset: Dataset, place: str) -> Iterator[str]:
    lines = [
        f"CREATE EXTERNAL TABLE `{dataset.name}` (",
        ",\n".join(f"  {_column(column)}" for column in dataset.in_files),
        ")",
        f"COMMENT {_comment(dataset.table.title)}",
    ]
    if dataset.partitions:
        lines.append(f"PARTITIONED BY ({', '.join(map(_column, dataset.in_folders))})")
    lines += ["STORED AS PARQUET", f"LOCATION {_text(f'{place}/{dataset.path.name}/')}"]
    yield "\n".join(lines)
    if dataset.partitions:
        yield f"MSCK REPAIR TABLE `{dataset.name}`"


def _column(column: Column) -> str:
    comment = f" COMMENT {_comment(column.description)}" if column.description else ""
    return f"`{column.name}` {_TYPES[column.type]}{comment}"


def _comment(text: str) -> str:
    """A comment, without a semicolon: what splits the file at them takes none for the end of a statement."""
    text = clean(text).replace("; ", " | ").replace(";", "|")
    return _text(text if len(text.encode()) <= _MAX_COMMENT else f"{cut(text, _MAX_COMMENT - 3)}…")


def _text(text: str) -> str:
    """A text, as Hive's SQL has it, which Athena takes for such statements."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
