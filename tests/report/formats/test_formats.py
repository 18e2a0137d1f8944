"""The formats: the same tables in each, found by name, with their types where the format has them."""

import csv as csv_reader
import json as json_reader
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pandas as pd
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pyarrow import parquet as parquet_reader

from reporter.errors import InputError
from reporter.report.formats import csv, json, load, names, parquet, xlsx
from reporter.report.formats.xlsx import limits
from reporter.report.tables import Table

SgAudit = Callable[..., CompletedProcess[str]]

FRAME = pd.DataFrame(
    {
        "flag": pd.array([True, False, None], dtype="boolean"),
        "count": pd.array([1, 0, None], dtype="Int64"),
        "text": pd.array(["=1+1", "", None], dtype="str"),
        "list": pd.Series([("a", "b"), (), None], dtype=object),
        "level": pd.Categorical(["low", "high", "low"], ["low", "high"]),
        "found": pd.Series([3, "", 4], dtype=object),
    }
)
TABLES = [Table("things", "Some things", FRAME), Table("a/b", "None", FRAME.iloc[:0])]


def test_csv_has_a_file_a_tab(tmp_path: Path) -> None:
    paths = csv.write(tmp_path / "report", TABLES, [])
    assert [path.name for path in paths] == ["report_things.csv", "report_a_b.csv"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    with paths[0].open(newline="") as file:
        assert list(csv_reader.reader(file)) == [
            ["flag", "count", "text", "list", "level", "found"],
            ["True", "1", "'=1+1", "a, b", "low", "3"],
            ["False", "0", "", "", "high", ""],
            ["unknown", "unknown", "unknown", "unknown", "low", "4"],
        ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_csv_cell_is_a_formula(tmp_path: Path, start: str) -> None:
    frame = pd.DataFrame(
        {f"{start}head": [f"{start}x"], "list": [(f"{start}x", "y")], "number": [-1], "inside": [f"x{start}"]}
    )
    (path,) = csv.write(tmp_path / "report", [Table("tab", "", frame)], [])
    with path.open(newline="") as file:
        head, row = csv_reader.reader(file)
    assert head[0] == f"'{start}head"
    assert row == [f"'{start}x", f"'{start}x, y", "-1", f"x{start}"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        # Where the list separator is a semicolon, Excel sees a cell begin behind each one, quoted or not.
        ("a;=1+1", "a;'=1+1"),
        ("a; =1+1", "a; '=1+1"),
        ('a;"=1+1', "a;\"'=1+1"),
        ("a;;@b|+c\t-d", "a;;'@b|'+c\t'-d"),
        # A line's end there ends the row, for the same reason.
        ("a\n=1+1", "a\n'=1+1"),
        ("a\r\n=1+1\nb", "a\r\n'=1+1\nb"),
        ("\n=1+1", "'\n'=1+1"),
        ("\ntext", "'\ntext"),
        # Excel takes these for signs in Japanese, and passes over blanks and what it cannot show.
        ("＝1+1", "'＝1+1"),
        ("＋1", "'＋1"),
        ("－1", "'－1"),
        ("＠a", "'＠a"),
        ("a;＝1", "a;'＝1"),
        ("  =1+1", "  '=1+1"),
        ("\ufeff=1+1", "\ufeff'=1+1"),
        ("\0=1+1", "\ufffd=1+1"),
        ("a\0;=1+1", "a\ufffd;'=1+1"),
        # What stays as it is: these signs begin nothing.
        ("0.0.0.0/0 -> 22, ::/0 -> all", "0.0.0.0/0 -> 22, ::/0 -> all"),
        ("a=b;c=d", "a=b;c=d"),
        ("a, -1", "a, -1"),
        ("'=1", "'=1"),
        ("", ""),
    ],
)
def test_no_part_of_a_csv_cell_is_a_formula(tmp_path: Path, text: str, written: str) -> None:
    (path,) = csv.write(tmp_path / "report", [Table("tab", "", pd.DataFrame({text: [text]}))], [])
    with path.open(newline="", encoding="utf-8") as file:
        assert list(csv_reader.reader(file)) == ([[written], [written]] if text else [[""], [""]])


def test_many_line_ends_in_a_csv_cell_take_no_time(tmp_path: Path) -> None:
    text = "\n" * 300_000  # looked at from each of its characters to the end, it would take an hour
    (path,) = csv.write(tmp_path / "report", [Table("tab", "", pd.DataFrame({"a": [text]}))], [])
    assert path.stat().st_size > 300_000


@pytest.mark.parametrize(
    ("options", "start"), [((), b"account_profile,"), (("--csv-bom",), b"\xef\xbb\xbfaccount_profile,")]
)
def test_csv_begins_with_a_mark_for_excel_where_it_is_asked_for(
    sg_audit: SgAudit, estate_run: Path, tmp_path: Path, options: tuple[str, ...], start: bytes
) -> None:
    done = sg_audit("report", "-s", estate_run, "-o", tmp_path, "-f", "csv", *options)
    assert done.returncode == 0, done.stderr
    on_accounts = [
        line
        for line in done.stdout.splitlines()
        if not line.endswith(("_regions.csv", "_runs.csv", "_waivers.csv"))
    ]
    tabs = [Path(line).read_bytes() for line in on_accounts]
    assert {tab[: len(start)] for tab in tabs} == {start}


@pytest.mark.parametrize("command", [("report", "-s", "nowhere"), ("audit", "-c", "nowhere.yml"), ("demo",)])
def test_a_mark_without_csv_is_refused_before_anything_is_read(
    sg_audit: SgAudit, command: tuple[str, ...]
) -> None:
    done = sg_audit(*command, "-f", "json", "--csv-bom")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "sg-audit: --csv-bom: goes with -f csv\n")


@pytest.mark.parametrize("form", [csv, parquet], ids=["csv", "parquet"])
def test_the_name_of_a_tabs_file_is_cut_by_its_bytes(tmp_path: Path, form: Any) -> None:
    tabs = ["安" * 120, "安" * 121, "x" * 300, "é" * 130]
    stem = tmp_path / "security_groups_inventory_20251206T210355"
    paths = form.write(stem, [Table(tab, "", FRAME) for tab in tabs], [])
    assert sorted(paths) == sorted(tmp_path.iterdir())
    paths = [path for path in paths if path.suffix == f".{form.__name__.rpartition('.')[2]}"]
    assert len({path.name for path in paths}) == 4
    for path, tab in zip(paths, tabs, strict=True):
        assert 240 < len(path.name.encode()) <= 255
        assert set(path.stem.removeprefix(stem.name)) <= {"_", tab[0], "2"}


def test_json_keeps_lists_and_says_unknown(tmp_path: Path) -> None:
    (path,) = json.write(tmp_path / "report", TABLES, ["a fact"])
    assert path == tmp_path / "report.json"
    unknown = "unknown"
    assert json_reader.loads(path.read_text()) == {
        "facts": ["a fact"],
        "tables": {
            "things": [
                {"flag": True, "count": 1, "text": "=1+1", "list": ["a", "b"], "level": "low", "found": 3},
                {"flag": False, "count": 0, "text": "", "list": [], "level": "high", "found": ""},
                {
                    **dict.fromkeys(("flag", "count", "text", "list"), unknown),
                    "level": "low",
                    "found": 4,
                },
            ],
            "a/b": [],
        },
    }


def test_parquet_is_typed_and_unknown_is_null(tmp_path: Path) -> None:
    paths = parquet.write(tmp_path / "report", TABLES, ["a fact"])
    assert [path.name for path in paths] == [
        "report_things.parquet",
        "report_a_b.parquet",
        "report_schema.json",
    ]
    things = parquet_reader.read_table(paths[0])
    assert list(map(str, things.schema.types)) == [
        "bool",
        "int64",
        "string",
        "list<element: string>",
        "string",
        "int64",
    ]
    assert things.to_pylist() == [
        {"flag": True, "count": 1, "text": "=1+1", "list": ["a", "b"], "level": "low", "found": 3},
        {"flag": False, "count": 0, "text": "", "list": [], "level": "high", "found": None},
        {"flag": None, "count": None, "text": None, "list": None, "level": "low", "found": 4},
    ]
    assert parquet_reader.read_table(paths[1]).num_rows == 0


def test_a_tab_over_the_limit_of_a_sheet_goes_on_in_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import openpyxl

    monkeypatch.setattr(limits, "MAX_ROWS", 100)
    tables = [
        Table("security_groups", "", pd.DataFrame({"number": range(201)})),
        Table("attachments", "", pd.DataFrame({"number": range(350)})),
        Table("fits", "", pd.DataFrame({"number": range(100)})),
    ]
    (path,) = xlsx.write(tmp_path / "report", tables, [])
    book = openpyxl.load_workbook(path)
    assert {sheet.title: sheet.max_row - 1 for sheet in book} == {
        "security_groups": 100,
        "security_groups_2": 100,
        "security_groups_3": 1,
        "attachments": 100,
        "attachments_2": 100,
        "attachments_3": 100,
        "attachments_4": 50,
        "fits": 100,
    }
    assert [row[0] for row in book["security_groups_2"].iter_rows(values_only=True)] == [
        "number",
        *range(100, 200),
    ]
    assert all(note in book.properties.description for note in xlsx.notes(tables))
    assert xlsx.notes(tables) == [
        "security_groups goes on in security_groups_2 to security_groups_3: a sheet holds 100 rows below its head",
        "attachments goes on in attachments_2 to attachments_4: a sheet holds 100 rows below its head; "
        "-f parquet has all of it in one table",
    ]


def test_columns_beyond_the_limit_of_a_sheet_are_left_out_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import openpyxl

    assert limits.MAX_COLUMNS == 16_384
    monkeypatch.setattr(limits, "MAX_COLUMNS", 4)
    columns = pd.DataFrame([range(6)], columns=list("abcdef"))
    tables = [
        Table("two", "", columns),
        Table("one", "", columns.iloc[:, :5]),
        Table("fits", "", columns[list("abcd")]),
    ]
    (path,) = xlsx.write(tmp_path / "report", tables, [])
    book = openpyxl.load_workbook(path)
    for name in ("two", "one", "fits"):
        assert list(book[name].values) == [tuple("abcd"), (0, 1, 2, 3)]
        assert [each.ref for each in book[name].tables.values()] == ["A1:D2"]
    others = "a sheet holds 4; -f csv, json and parquet have all of them"
    assert xlsx.notes(tables) == [
        f"two leaves out 2 columns, e to f: {others}",
        f"one leaves out 1 column, e: {others}",
    ]
    assert all(note in book.properties.description for note in xlsx.notes(tables))


def test_a_table_of_17_000_columns_is_written_as_far_as_excel_goes(tmp_path: Path) -> None:
    import openpyxl

    wide = pd.DataFrame([range(17_000)], columns=[f"c{number}" for number in range(1, 17_001)])
    (path,) = xlsx.write(tmp_path / "report", [Table("wide", "", wide)], [])
    head, row = openpyxl.load_workbook(path, read_only=True)["wide"].iter_rows(values_only=True)
    assert (len(head), head[-1], row[-1]) == (16_384, "c16384", 16_383)


def test_the_formats_are_the_modules_of_the_folder() -> None:
    assert names() == ["asff", "csv", "duckdb", "html", "json", "ocsf", "parquet", "prometheus", "xlsx"]
    with pytest.raises(
        InputError,
        match=r"^-f doc: no such format; there are asff, csv, duckdb, html, json, ocsf, parquet, prometheus, xlsx$",
    ):
        load("doc")


def test_every_format_of_one_report(sg_audit: SgAudit, estate_run: Path, tmp_path: Path) -> None:
    options = [word for name in names() for word in ("-f", name)]
    done = sg_audit("report", "-s", estate_run, "-o", tmp_path, *options)
    assert done.returncode == 0, done.stderr
    paths = list(map(Path, done.stdout.splitlines()))
    assert sorted(paths) == sorted(tmp_path.iterdir())
    assert {path.suffix for path in paths} == {
        "",
        ".csv",
        ".duckdb",
        ".html",
        ".json",
        ".jsonl",
        ".parquet",
        ".prom",
        ".xlsx",
    }
    (whole,) = (path for path in paths if path.suffix == ".json" and not path.stem.endswith("_schema"))
    tables = json_reader.loads(whole.read_text())["tables"]
    for name, rows in tables.items():
        assert parquet_reader.read_table(f"{whole.with_suffix('')}_{name}.parquet").num_rows == len(rows)
    counted = Counter(
        (row["account_profile"], row["region"], row["risk"], row["reachable"])
        for row in tables["security_groups"]
    )
    (gauges,) = (path for path in paths if path.suffix == ".prom")
    labels = ("account", "region", "risk", "reachable")
    assert counted == {
        tuple(sample.labels[label] for label in labels): sample.value
        for metric in text_string_to_metric_families(gauges.read_text())
        for sample in metric.samples
        if metric.name == "sg_audit_groups" and sample.value
    }
    assert counted["dev", "us-east-1", "critical", "yes"] == 1
    (row,) = (row for row in tables["security_groups"] if row["group_name"] == "bastion")
    assert (row["in_use"], row["attached_eni_count"], row["ssh_rules"]) == (True, 1, ["0.0.0.0/0 -> 22"])


def test_an_installed_package_adds_a_format(sg_audit: SgAudit, estate_run: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "tiny-1.dist-info").mkdir(parents=True)
    (site / "tiny-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny\nVersion: 1\n")
    (site / "tiny-1.dist-info" / "entry_points.txt").write_text("[c7n_sg_audit.formats]\ntiny = tiny\n")
    (site / "tiny.py").write_text(
        "def write(stem, tables, facts):\n"
        "    path = stem.with_name(stem.name + '.tiny')\n"
        "    path.write_text(' '.join(table.name for table in tables))\n"
        "    return [path]\n"
    )
    reports = tmp_path / "reports"
    root = Path(__file__).parents[3]
    done = sg_audit(
        *("report", "-s", estate_run, "-o", reports, "-f", "tiny"),
        env={"PYTHONPATH": f"{site}:{root}"},
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).suffix == ".tiny"
    assert Path(done.stdout.strip()).read_text().startswith("default_sg ssh_open ssh_world ")
    refused = sg_audit("report", "-s", estate_run, "-o", reports, "-f", "tiny")
    assert refused.returncode == 2
    there = "asff, csv, duckdb, html, json, ocsf, parquet, prometheus, xlsx"
    assert refused.stderr == f"sg-audit: -f tiny: no such format; there are {there}\n"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (
            "import no_such_module",
            "tiny cannot be loaded: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        (
            "from os import nothing",
            "tiny cannot be loaded: ImportError: cannot import name 'nothing' from 'os'",
        ),
        ("def write(:", "tiny cannot be loaded: SyntaxError: "),
        ("{}['a']", "tiny cannot be loaded: KeyError: 'a'"),
        ("", "tiny has no function write(stem, tables, facts)"),
    ],
    ids=["lacks a module", "lacks a name", "no Python", "raises", "no format"],
)
def test_a_packages_format_that_cannot_be_loaded_is_told_in_one_line(
    sg_audit: SgAudit, tmp_path: Path, code: str, says: str
) -> None:
    (tmp_path / "tiny-1.dist-info").mkdir()
    (tmp_path / "tiny-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny\nVersion: 1\n")
    (tmp_path / "tiny-1.dist-info" / "entry_points.txt").write_text("[c7n_sg_audit.formats]\ntiny = tiny\n")
    (tmp_path / "tiny.py").write_text(code)
    root = Path(__file__).parents[3]
    done = sg_audit("report", "-s", "nowhere", "-f", "tiny", env={"PYTHONPATH": f"{tmp_path}:{root}"})
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"sg-audit: -f tiny: {says}")


def test_the_sheets_that_a_table_goes_on_in_are_called_by_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import openpyxl

    monkeypatch.setattr(limits, "MAX_ROWS", 1)
    two = pd.DataFrame({"number": [1, 2]})
    tables = [Table("groups_2", "", two[:1]), Table("groups", "", two), Table("x" * 40, "", two)]
    (path,) = xlsx.write(tmp_path / "report", tables, [])
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["groups_2", "groups", "groups_2_2", "x" * 31, "x" * 29 + "_2"]
    ends = "a sheet holds 1 rows below its head"
    assert xlsx.notes(tables) == [
        f"groups goes on in groups_2_2: {ends}",
        f"{'x' * 31} goes on in {'x' * 29}_2: {ends}",
    ]


@pytest.mark.parametrize("command", [("report", "-s", "nowhere"), ("audit", "-c", "nowhere.yml"), ("demo",)])
def test_what_a_format_lacks_is_told_before_anything_is_read(
    sg_audit: SgAudit, tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "pyarrow.py").write_text("raise ModuleNotFoundError('no', name='pyarrow')\n")
    root = Path(__file__).parents[3]
    done = sg_audit(*command, "-f", "parquet", env={"PYTHONPATH": f"{tmp_path}:{root}"}, cold=True)
    assert (done.returncode, done.stdout) == (2, "")
    needs = "sg-audit: -f parquet: needs pyarrow, which is not installed: "
    how = r"\S+python\S* -m pip install 'c7n-sg-audit\[parquet\]'\n"
    assert re.fullmatch(re.escape(needs) + how, done.stderr)


def test_what_a_format_needs_and_cannot_be_loaded_is_told_in_a_line(
    sg_audit: SgAudit, tmp_path: Path
) -> None:
    """As a pyarrow that is made for another numpy."""
    (tmp_path / "pyarrow.py").write_text("raise ImportError('made for\\nanother')\n")
    root = Path(__file__).parents[3]
    words = ("report", "-s", "nowhere", "-f", "parquet")
    done = sg_audit(*words, env={"PYTHONPATH": f"{tmp_path}:{root}"}, cold=True)
    assert (done.returncode, done.stdout) == (2, "")
    why = "ImportError: made for another"
    assert done.stderr == f"sg-audit: -f parquet: what it needs cannot be loaded: {why}\n"
