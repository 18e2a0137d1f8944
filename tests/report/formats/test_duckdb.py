"""The database in a file: read back by DuckDB's Python package, and by an older command line."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import duckdb as reader
import pytest

from reporter.errors import InputError
from reporter.report.formats import duckdb
from reporter.report.sql.views import VIEWS
from tests.report.formats.test_formats import TABLES
from tests.report.two_runs import NEWER, WAIVERS, two_runs

# Of another version than the package: see pyproject.toml.
CLIENT = Path(sys.executable).with_name("duckdb")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, sg_audit: Callable[..., CompletedProcess[str]]) -> Path:
    folder = tmp_path_factory.mktemp("report")
    (folder / "waivers.yml").write_text(WAIVERS, encoding="utf-8")
    runs = two_runs(folder / "output")
    done = sg_audit(
        *(
            "report",
            "-s",
            runs / NEWER,
            "-w",
            folder / "waivers.yml",
            "-f",
            "duckdb",
            "-o",
            folder / "reports",
        )
    )
    assert done.returncode == 3, done.stderr
    found = Path(done.stdout.strip())
    assert list((folder / "reports").iterdir()) == [found]
    return found


@pytest.fixture(scope="module")
def connection(path: Path) -> Iterator[reader.DuckDBPyConnection]:
    with reader.connect(str(path), read_only=True) as opened:
        yield opened


def test_it_is_for_its_owner_only(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600


def test_it_is_typed(connection: reader.DuckDBPyConnection) -> None:
    sql = "select column_name, data_type from duckdb_columns() where table_name = 'security_groups'"
    types = dict(connection.execute(sql).fetchall())
    expected = {
        "account_id": "VARCHAR",
        "in_use": "BOOLEAN",
        "risk_proven": "BOOLEAN",
        "reachable": "VARCHAR",
        "attached_eni_count": "BIGINT",
        "tags": "VARCHAR[]",
        "first_seen": "DATE",
    }
    assert {name: types[name] for name in expected} == expected
    sql = "select in_use, reachable, ssh_rules, first_seen from security_groups where security_group_id = ?"
    assert connection.execute(sql, ["sg-a"]).fetchall() == [
        (True, "no", ["0.0.0.0/0 -> 22"], date(2026, 11, 16))
    ]
    assert connection.execute(sql, ["sg-f"]).fetchall() == [
        (None, "unknown", ["0.0.0.0/0 -> 22"], date(2026, 11, 23))
    ]


def test_tables_columns_and_views_say_what_they_are(connection: reader.DuckDBPyConnection) -> None:
    silent = "select table_name from duckdb_tables() where comment is null"
    silent += " union all select column_name from duckdb_columns() where not internal and comment is null"
    assert connection.execute(silent).fetchall() == []
    views = dict(
        connection.execute("select view_name, comment from duckdb_views() where not internal").fetchall()
    )
    assert views == {view.name: view.meaning for view in VIEWS}
    facts = [fact for (fact,) in connection.execute("from facts").fetchall()]
    assert facts[:2] == ["Security groups as of 2026-11-23T21:03:55+00:00", "6 groups in 3 accounts"]


@pytest.mark.skipif(not CLIENT.exists(), reason="duckdb-cli is not installed")
def test_an_older_client_reads_it(path: Path) -> None:
    sql = "select risk, open, waived, possible, possible_waived from groups_by_risk"
    done = subprocess.run(
        [CLIENT, "-readonly", "-json", path, "-c", sql],
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": str(path.parent)},
    )
    assert [tuple(row.values()) for row in json.loads(done.stdout)] == [
        ("critical", 1, 0, 1, 1),
        ("high", 1, 0, 0, 0),
        ("medium", 0, 1, 0, 0),
        ("low", 1, 0, 0, 0),
    ]


def test_it_is_written_as_the_oldest_clients_read_it(connection: reader.DuckDBPyConnection) -> None:
    sql = "select tags['storage_version'], options from duckdb_databases() where not internal"
    assert "v1.0.0" in str(connection.execute(sql).fetchall())


def test_every_kind_of_value_and_name_comes_back(tmp_path: Path) -> None:
    (path,) = duckdb.write(tmp_path / "it's", TABLES, [])
    assert path.name == "it's.duckdb"
    with reader.connect(str(path), read_only=True) as opened:
        rows: list[Any] = opened.execute("from things").fetchall()
        assert rows == [
            (True, 1, "=1+1", ["a", "b"], "low", 3),
            (False, 0, "", [], "high", None),
            (None, None, None, None, "low", 4),
        ]
        assert opened.execute('from "a/b"').fetchall() == []
        assert opened.execute("select view_name from duckdb_views() where not internal").fetchall() == []


def test_a_folder_that_duckdb_cannot_be_told_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    with pytest.raises(InputError, match=r"^-f duckdb: takes a folder whose name is in UTF-8 alone$"):
        duckdb.write(folder / "report", TABLES, [])
    assert list(folder.iterdir()) == []
