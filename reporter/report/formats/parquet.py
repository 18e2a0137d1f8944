"""Parquet: a file or a folder a table, typed, for Power BI, Athena, DuckDB and whatever else asks tables questions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from reporter.report import arrow
from reporter.report.formats import _athena, _datasets, _hive, _schema
from reporter.report.formats._datasets import Dataset
from reporter.report.table import Table

FOR_DATABASES = True

_COMPRESSION = "snappy"  # the one that every reader has
_FILE = "data.parquet"  # the name of each file in a folder


def write(
    stem: Path,
    tables: Sequence[Table],
    facts: Sequence[str],
    *,
    partition: Sequence[str] = (),
    place: str = "",
) -> list[Path]:
    """Write a file a table, `<stem>_<table>.parquet`, and what they hold, `<stem>_schema.json`.

    With `partition`, columns of which the tables that have them are split by, it is a folder a table,
    `<stem>_<table>/account_id=111111111111/data.parquet`, and `<stem>_athena.sql`, the statements for Athena, in which
    `place` is where the report goes if that is s3://bucket/prefix. A table without rows has one file without rows, so
    that readers see its columns.

    Raises InputError where a value is too long for a folder's name.
    """
    if partition:
        datasets = _datasets.folders(stem, tables, partition)
        for dataset in datasets:
            _write_folder(dataset)
    else:
        datasets = _datasets.files(stem, tables)
        for dataset in datasets:
            _write_file(dataset, facts)
    texts = {"schema.json": _schema.schema(datasets, facts)}
    if partition:
        texts["athena.sql"] = _athena.statements(datasets, place)
    described = {stem.with_name(f"{stem.name}_{name}"): text for name, text in texts.items()}
    for path, text in described.items():
        path.write_text(text, encoding="utf-8", errors="replace")
    return [*(dataset.path for dataset in datasets), *described]


def _write_file(dataset: Dataset, facts: Sequence[str]) -> None:
    table = dataset.table
    schema = arrow.schema(table, {"title": table.title, "facts": "\n".join(facts)})
    with _writer(dataset.path, schema) as writer:
        for batch in arrow.batches(table, schema):
            writer.write_batch(batch)


def _write_folder(dataset: Dataset) -> None:
    """Write a file a partition, one after the other. What columns mean is not in them, which would be most of each."""
    schema = arrow.schema(dataset.table)
    schema = pa.schema(
        [pa.field(column.name, field.type) for column, field in zip(dataset.columns, schema, strict=True)]
    )
    kept = [column.name for column in dataset.in_files]
    in_files = pa.schema([schema.field(name) for name in kept])
    if not len(dataset.table.frame):
        nowhere = _hive.folder(dataset.partitions, [""] * len(dataset.partitions))
        with _writer(dataset.path / nowhere / _FILE, in_files):
            return
    table, parts = _hive.sorted_by_partition(dataset.table, dataset.partitions)
    rows = (batch.select(kept) for batch in arrow.batches(table, schema))
    for below, pieces in groupby(_pieces(rows, parts), key=itemgetter(0)):
        with _writer(dataset.path / below / _FILE, in_files) as writer:
            for _, piece in pieces:
                writer.write_batch(piece)


def _pieces(
    batches: Iterator[pa.RecordBatch], parts: Iterator[tuple[str, int]]
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The rows with the folder that they go to, cut where a partition ends."""
    below, left = "", 0
    for batch in batches:
        start = 0
        while start < batch.num_rows:
            if not left:
                below, left = next(parts)
            piece = batch.slice(start, left)
            yield below, piece
            start += piece.num_rows
            left -= piece.num_rows


@contextmanager
def _writer(path: Path, schema: pa.Schema) -> Iterator[parquet.ParquetWriter]:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Of a path, pyarrow takes only one in UTF-8.
    with (
        path.open("wb") as file,
        parquet.ParquetWriter(
            file, schema, compression=_COMPRESSION, store_schema=schema.metadata is not None
        ) as writer,
    ):
        yield writer
