"""Parquet: a file a table, typed, for Power BI, Athena, DuckDB and whatever else asks tables questions."""

from collections.abc import Sequence
from pathlib import Path

from pyarrow import parquet

from reporter.report import arrow
from reporter.report.formats._files import tab_files
from reporter.report.table import Table

FOR_DATABASES = True


def write(stem: Path, tables: Sequence[Table], facts: Sequence[str]) -> list[Path]:
    """Write a file a table: `<stem>_<table>.parquet`; the facts go into each file's metadata."""
    files = tab_files(stem, [table.name for table in tables], ".parquet")
    for table, path in zip(tables, files, strict=True):
        schema = arrow.schema(table, {"title": table.title, "facts": "\n".join(facts)})
        # Of a path, pyarrow takes only one in UTF-8.
        with path.open("wb") as file, parquet.ParquetWriter(file, schema, compression="zstd") as writer:
            for batch in arrow.batches(table, schema):
                writer.write_batch(batch)
    return files
