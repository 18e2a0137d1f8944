"""Parquet for warehouses: folders of partitions, what they hold in JSON, and the statements that Athena takes."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pandas as pd
import pytest
import sqlglot
import yaml
from click.testing import CliRunner
from moto import mock_aws
from pyarrow import dataset, parquet
from sqlglot import exp

from reporter.cli import cli
from reporter.errors import InputError
from reporter.report.formats import parquet as parquet_format
from reporter.report.table import Table
from tests.rundir import ACCOUNT_IDS, POLICIES, WORLD, group, interface, unit, write

#: A region of a stock run is whatever a folder is called.
ODD_REGION = "a=b %2F'`\";#安"
BREAKS_OUT = "it's; DROP TABLE accounts; -- \\' ` \\"
HOSTILE = {
    "name": "sg-web",
    "resource": "aws.security-group",
    "filtered": True,
    "report": {"tab": "Web'; x", "column": "has-Web`", "title": BREAKS_OUT, "level": "exposed"},
}
ALIKE = HOSTILE | {"name": "sg-alike", "report": {"tab": "web___x", "title": "alike"}}


@dataclass
class Report:
    """What one report wrote."""

    folder: Path
    stem: str

    @cached_property
    def schema(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / f"{self.stem}_schema.json").read_text()))

    @cached_property
    def tables(self) -> dict[str, dict[str, Any]]:
        return {table["name"]: table for table in self.schema["tables"]}

    def source(self, name: str) -> str:
        """What DuckDB reads a table from."""
        table = self.tables[name]
        place = f"{self.folder}/{table['place']}".replace("'", "''")
        if place.endswith(".parquet"):
            return f"read_parquet('{place}')"
        types = ", ".join(f"'{name}': VARCHAR" for name in table["partitions"])
        hive = f", hive_partitioning = true, hive_types = {{{types}}}" if types else ""
        return f"read_parquet('{place}/**/*.parquet'{hive})"

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        for name in self.tables:
            connection.execute(f'create table "{name}" as select * from {self.source(name)}')
        return connection

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query of the tables, as DuckDB reads them."""
        return self.connection.execute(query).fetchall()

    def types(self, name: str) -> dict[str, str]:
        found = self.rows(f'describe "{name}"')
        return {column: kind for column, kind, *_ in found}


def report(runs: Path, folder: Path, *words: str) -> Report:
    args = ["report", "-s", str(runs), "-o", str(folder), "-f", "parquet", *words]
    done = CliRunner().invoke(cli, args, standalone_mode=False)
    assert done.exception is None, (done.output, done.exception)
    paths = list(map(Path, done.stdout.splitlines()))
    assert sorted(paths) == sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    [schema] = (path.name for path in paths if path.name.endswith("_schema.json"))
    return Report(folder, schema.removesuffix("_schema.json"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Three accounts, one of whose ids begins with zero and one is not known, and what is hostile in them."""
    folder = tmp_path_factory.mktemp("parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ACCOUNT_IDS, "alpha", "012345678901")
        patch.setitem(ACCOUNT_IDS, "gamma", "")
        web, idle = group("sg-1", "web", ssh_from=WORLD), group("sg-2", "idle", ssh_from="10.0.0.0/8")
        more = {"sg_web": [web], "sg_alike": []}
        units = {
            ("alpha", "us-east-1"): unit([web, idle], [interface("eni-1", web)], **more),
            ("alpha", ODD_REGION): unit([group("sg-3", "odd")], **more | {"sg_web": []}),
            ("beta", "us-east-1"): unit([group("sg-4", "late", "beta", WORLD)], **more | {"sg_web": []}),
            ("gamma", "us-east-1"): unit([group("sg-5", "lost", "gamma")], **more | {"sg_web": []}),
        }
        write(folder / "runs" / "20261123T210355Z", units, [*POLICIES, HOSTILE, ALIKE])
    accounts = [
        {
            "name": "alpha",
            "account_id": "012345678901",
            "role": "arn:aws:iam::012345678901:role/audit",
            "tags": ["Cost Center:7", "cost-center:x"],
        }
    ]
    (folder / "accounts.yml").write_text(yaml.safe_dump({"accounts": accounts}), encoding="utf-8")
    yield folder


@pytest.fixture(scope="module")
def partitioned(runs: Path) -> Report:
    words = ("--stem", "audit", "--partition", "account_id", "--partition", "region")
    return report(runs / "runs", runs / "reports", "-c", str(runs / "accounts.yml"), *words)


@pytest.fixture(scope="module")
def flat(runs: Path) -> Report:
    return report(runs / "runs", runs / "flat", "-c", str(runs / "accounts.yml"))


def test_partitions_are_folders_as_hive_has_them(partitioned: Report) -> None:
    groups = partitioned.folder / f"{partitioned.stem}_security_groups"
    odd = "region=a%3Db%20%252F%27%60%22%3B%23安"
    assert sorted(str(path.relative_to(groups)) for path in groups.rglob("*.parquet")) == [
        f"account_id=012345678901/{odd}/data.parquet",
        "account_id=012345678901/region=us-east-1/data.parquet",
        "account_id=222222222222/region=us-east-1/data.parquet",
        "account_id=__HIVE_DEFAULT_PARTITION__/region=us-east-1/data.parquet",
    ]
    for path in groups.rglob("*.parquet"):
        assert not {"account_id", "region"} & set(parquet.read_schema(path).names)
    # Neither dimensions nor what is of the whole: each would be many files of one row.
    whole = {
        "accounts",
        "regions",
        "policies",
        "waivers",
        "summary_accounts",
        "summary_regions",
        "summary_runs",
    }
    assert {name for name, table in partitioned.tables.items() if not table["partitions"]} == whole
    for name in whole:
        assert [path.name for path in (partitioned.folder / f"{partitioned.stem}_{name}").rglob("*")] == [
            "data.parquet"
        ]


def test_account_ids_stay_texts_with_their_zeros(partitioned: Report) -> None:
    assert partitioned.rows("select account_id, region, group_name from security_groups order by 3") == [
        ("012345678901", "us-east-1", "idle"),
        ("222222222222", "us-east-1", "late"),
        (None, "us-east-1", "lost"),
        ("012345678901", ODD_REGION, "odd"),
        ("012345678901", "us-east-1", "web"),
    ]
    assert partitioned.rows("select account_profile, account_id from accounts") == [
        ("alpha", "012345678901"),
        ("beta", "222222222222"),
        ("gamma", ""),
    ]


def test_partitioned_tables_have_the_rows_of_single_files(partitioned: Report, flat: Report) -> None:
    assert len(partitioned.tables) == len(flat.tables)
    for name, table in partitioned.tables.items():
        columns = [(each["name"], each["name_in_report"]) for each in table["columns"]]
        ours = ", ".join(f'"{ours}"' for ours, _ in columns)
        theirs = ", ".join(
            f"nullif(\"{each}\", '')" if each in table["partitions"] else f'"{each}"' for _, each in columns
        )
        rows = partitioned.rows(f'select {ours} from "{name}"')
        single = flat.folder / flat.tables[table["name_in_report"]]["place"]
        place = str(single).replace("'", "''")
        expected = duckdb.connect().execute(f"select {theirs} from '{place}'").fetchall()
        assert sorted(map(repr, rows)) == sorted(map(repr, expected))
        assert len(rows) == table["rows"]


@pytest.mark.parametrize("layout", ["partitioned", "flat"])
def test_the_schema_says_what_the_files_hold(layout: str, request: pytest.FixtureRequest) -> None:
    written: Report = request.getfixturevalue(layout)
    assert written.schema["version"] == 1
    assert "5 groups in 3 accounts" in written.schema["facts"]
    for name, table in written.tables.items():
        told = {column["name"]: column["sql_type"] for column in table["columns"]}
        assert list(told.items()) == list(written.types(name).items())
        own = [column for column in table["columns"] if not column["name_in_report"].startswith("account:")]
        assert [column["name"] for column in own if not column["description"]] == []
    keys = {name: table["key"] for name, table in written.tables.items() if table["key"]}
    assert keys == {"accounts": "account_profile", "regions": "region", "policies": "policy"}
    leads = {(each["from_table"], each["from_column"]): each for each in written.schema["relations"]}
    assert {column for table, column in leads if table == "findings"} == {
        "account_profile",
        "region",
        "policy",
    }
    assert not {"waivers", *keys} & {table for table, _ in leads}
    for relation in leads.values():
        orphans = (
            'select {from_column} from "{from_table}" where {from_column} is not null '
            'except select {to_column} from "{to_table}"'
        )
        assert written.rows(orphans.format(**relation)) == []
    for name, key in keys.items():
        assert written.rows(f"select {key} from {name} group by 1 having count(*) > 1") == []


def test_names_are_such_that_a_warehouse_has_them(partitioned: Report) -> None:
    names = {table["name_in_report"]: table["name"] for table in partitioned.schema["tables"]}
    assert (names["Web'; x"], names["web___x"], names["ssh_world"]) == ("web___x", "web___x_2", "ssh_world")
    columns = {each["name_in_report"]: each["name"] for each in partitioned.tables["accounts"]["columns"]}
    assert columns["account:Cost Center"] == "account_cost_center"
    assert columns["account:cost-center"] == "account_cost_center_2"
    [row] = partitioned.rows("select account_cost_center, account_cost_center_2 from accounts limit 1")
    assert row == ("7", "x")


#: What DuckDB calls the types of Athena's tables.
IN_DUCKDB = {
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "array<string>": "VARCHAR[]",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}


def test_athena_takes_the_tables_as_they_are(partitioned: Report) -> None:
    text = (partitioned.folder / f"{partitioned.stem}_athena.sql").read_text()
    statements = sqlglot.parse(text, dialect="athena")
    created = [each for each in statements if isinstance(each, exp.Create)]
    repaired = [each.sql(dialect="athena") for each in statements if not isinstance(each, exp.Create)]
    split = [name for name, table in partitioned.tables.items() if table["partitions"]]
    assert repaired == [f"MSCK REPAIR TABLE `{name}`" for name in split]
    assert [each.find(exp.Table).name for each in created] == list(partitioned.tables)
    for statement in created:
        name = statement.find(exp.Table).name
        assert (statement.kind, statement.args["properties"].find(exp.ExternalProperty) is None) == (
            "TABLE",
            False,
        )
        columns = {
            column.name: IN_DUCKDB[column.kind.sql(dialect="hive").lower()]
            for column in statement.find_all(exp.ColumnDef)
        }
        assert list(columns.items()) == list(partitioned.types(name).items())
        location = statement.find(exp.LocationProperty).this.name
        assert location == f"s3://REPLACE-WITH-YOUR-BUCKET/AND-PREFIX/{partitioned.stem}_{name}/"
        assert statement.find(exp.FileFormatProperty).name == "PARQUET"
        for comment in statement.find_all(exp.CommentColumnConstraint):
            assert len(comment.this.name.encode()) <= 255
        in_folders = statement.find(exp.PartitionedByProperty)
        found = [column.name for column in in_folders.find_all(exp.ColumnDef)] if in_folders else []
        assert found == partitioned.tables[name]["partitions"]
    titles = [each.args["properties"].find(exp.SchemaCommentProperty).this.name for each in created]
    assert "it's | DROP TABLE accounts | -- \\' ` \\" in titles[[*partitioned.tables].index("web___x")]
    # Whoever splits the file at semicolons gets the statements.
    assert len([part for part in text.split(";") if part.strip()]) == len(statements)


#: One that a person may have chosen, and that would end a text in SQL.
PREFIX = "it's here"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of S3, which the report takes as well, with a bucket `reports`."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="reports")
        monkeypatch.setattr("reporter.output.s3._client", lambda: client)
        yield client


def test_partitions_in_a_bucket_are_where_athena_looks(runs: Path, tmp_path: Path, bucket: Any) -> None:
    words = ("-o", f"s3://reports/{PREFIX}", "--stem", "audit", "-f", "parquet", "--partition", "account_id")

    def reported(*more: str) -> set[str]:
        done = CliRunner().invoke(
            cli, ["report", "-s", str(runs / "runs"), *words, *more], standalone_mode=False
        )
        assert done.exception is None, (done.output, done.exception)
        assert f"s3://reports/{PREFIX}/audit_athena.sql" in done.stdout.splitlines()
        keys = (each["Key"] for each in bucket.list_objects_v2(Bucket="reports")["Contents"])
        return {key.removeprefix(f"{PREFIX}/") for key in keys}

    keys = reported()
    groups = "audit_security_groups/account_id={}/data.parquet".format
    ids = ("012345678901", "222222222222", "__HIVE_DEFAULT_PARTITION__")
    assert {key for key in keys if key.startswith("audit_security_groups/")} == set(map(groups, ids))
    text = bucket.get_object(Bucket="reports", Key=f"{PREFIX}/audit_athena.sql")["Body"].read().decode()
    for statement in sqlglot.parse(text, dialect="athena"):
        for location in statement.find_all(exp.LocationProperty):
            folder = location.this.name.removeprefix(f"s3://reports/{PREFIX}/")
            assert folder.endswith("/")
            assert any(key.startswith(folder) for key in keys)
    # The accounts that are gone are so in the bucket.
    assert {key for key in reported("-a", "beta") if key.startswith("audit_security_groups/")} == {
        groups("222222222222")
    }


def test_folders_go_where_a_report_of_their_name_has_files(
    runs: Path, partitioned: Report, tmp_path: Path
) -> None:
    folder = shutil.copytree(partitioned.folder, tmp_path / "reports")
    assert (folder / "audit_findings" / "account_id=222222222222").is_dir()
    whole = report(runs / "runs", folder, "--stem", "audit")
    assert not [path for path in folder.iterdir() if path.is_dir() or path.suffix == ".sql"]
    assert whole.rows("select count(*) from security_groups") == [(5,)]


def test_what_the_docs_ask_is_answered(partitioned: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(partitioned.folder.parent)
    page = (Path(__file__).parents[3] / "docs/warehouses.md").read_text()
    of_duckdb, of_athena = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    connection = duckdb.connect()
    levels = "where level = 'critical'"
    assert levels in of_duckdb
    assert connection.execute(of_duckdb).fetchall() == [
        ("012345678901", "sg-ssh-world", 1),
        ("012345678901", "sg-web", 1),
    ]
    # It is asked here of DuckDB, which has the same words for it, through tables as Athena makes them.
    assert sqlglot.transpile(of_athena, read="athena", write="duckdb")
    for name in ("findings", "accounts"):
        hive = "hive_partitioning = true, hive_types = {'account_id': VARCHAR}" if name == "findings" else ""
        source = f"read_parquet('reports/audit_{name}/**/*.parquet'{', ' if hive else ''}{hive})"
        connection.execute(f"create view {name} as select * from {source}")
    assert sorted(connection.execute(of_athena).fetchall()) == [
        ("sg-ssh-open", "alpha", 2),
        ("sg-ssh-world", "alpha", 1),
        ("sg-web", "alpha", 1),
    ]


@pytest.mark.parametrize(
    ("value", "folder"),
    [
        ("us-east-1", "us-east-1"),
        ("../../etc", "..%2F..%2Fetc"),
        ("..", ".."),  # of `region=..`
        ("a=b", "a%3Db"),
        ("50%", "50%25"),
        ("a+b c", "a%2Bb%20c"),
        ("tab\tend\n", "tab%09end%0A"),
        ("安é", "安é"),
        (None, "__HIVE_DEFAULT_PARTITION__"),
        ("", "__HIVE_DEFAULT_PARTITION__"),
    ],
)
def test_a_partition_is_read_as_the_value_that_it_was(tmp_path: Path, value: str | None, folder: str) -> None:
    frame = pd.DataFrame({"region": pd.Series([value], dtype="str"), "number": [1]})
    [path, *_] = parquet_format.write(tmp_path / "x", [Table("t", "", frame)], [], partition=["region"])
    assert [each.name for each in path.iterdir()] == [f"region={folder}"]
    expected = [{"number": 1, "region": value or None}]
    hive = dataset.partitioning(schema=pa_schema("region"), flavor="hive")
    assert dataset.dataset(path, partitioning=hive).to_table().to_pylist() == expected
    source = (
        f"read_parquet('{path}/**/*.parquet', hive_partitioning = true, hive_types = {{'region': VARCHAR}})"
    )
    assert duckdb.connect().execute(f"select number, region from {source}").fetchall() == [(1, value or None)]


def test_a_value_that_is_called_as_the_unknown_ones_takes_no_rows_from_them(tmp_path: Path) -> None:
    frame = pd.DataFrame({"region": ["", "__HIVE_DEFAULT_PARTITION__"], "number": [1, 2]})
    [path, *_] = parquet_format.write(tmp_path / "x", [Table("t", "", frame)], [], partition=["region"])
    found = duckdb.connect().execute(f"select number from read_parquet('{path}/**/*.parquet') order by 1")
    assert found.fetchall() == [(1,), (2,)]


def pa_schema(name: str) -> Any:
    import pyarrow as pa

    return pa.schema([(name, pa.string())])


def test_a_value_that_no_folder_can_be_called_is_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"region": ["安" * 90]})
    with pytest.raises(InputError, match=r"^--partition region: too long for the name of a folder: 安{59}…$"):
        parquet_format.write(tmp_path / "x", [Table("t", "", frame)], [], partition=["region"])


@pytest.mark.parametrize("command", [("report", "-s", "nowhere"), ("audit", "-c", "nowhere.yml"), ("demo",)])
def test_partitions_without_parquet_are_refused_before_anything_is_read(command: tuple[str, ...]) -> None:
    done = CliRunner().invoke(cli, [*command, "-f", "csv", "--partition", "region"], standalone_mode=False)
    assert isinstance(done.exception, InputError)
    assert str(done.exception) == "--partition: goes with -f parquet"
