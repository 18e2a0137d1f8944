"""What the files of a report hold, for programs: tables, columns, types, meanings, keys and relations, as JSON."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from reporter.report import star
from reporter.report.column_types import ColumnType
from reporter.report.formats._datasets import Dataset

#: Counted up where what a program relies on changes; what is added leaves it.
VERSION = 1

_SQL = {
    ColumnType.TEXT: "VARCHAR",
    ColumnType.FLAG: "BOOLEAN",
    ColumnType.COUNT: "BIGINT",
    ColumnType.NUMBER: "DOUBLE",
    ColumnType.LIST: "VARCHAR[]",
    ColumnType.DAY: "DATE",
    ColumnType.MINUTE: "TIMESTAMP",
}


def schema(datasets: Sequence[Dataset], facts: Sequence[str]) -> str:
    """The text of the file. Columns that name folders come last, as readers have them."""
    described = {
        "version": VERSION,
        "facts": list(facts),
        "tables": [_table(dataset) for dataset in datasets],
        "relations": [relation for dataset in datasets for relation in _relations(dataset)],
    }
    return json.dumps(described, ensure_ascii=False, indent=1) + "\n"


def _table(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "name_in_report": dataset.table.name_in_report or dataset.table.name,
        "title": dataset.table.title,
        "place": dataset.path.name,
        "rows": len(dataset.table.frame),
        "key": star.key(dataset.table),
        "partitions": list(dataset.partitions),
        "columns": [
            {
                "name": column.name,
                "name_in_report": dataset.names_in_report[column.name],
                "type": column.type.value,
                "sql_type": _SQL[column.type],
                "description": column.description,
            }
            for column in (*dataset.in_files, *dataset.in_folders)
        ],
    }


def _relations(dataset: Dataset) -> Iterator[dict[str, str]]:
    for column in dataset.columns:
        called = dataset.names_in_report[column.name]
        leads_to = star.dimension(dataset.table, called) if column.type is ColumnType.TEXT else None
        if leads_to:  # dimensions and their keys have the same names in the report and in files
            yield {
                "from_table": dataset.name,
                "from_column": column.name,
                "to_table": leads_to,
                "to_column": called,
            }
