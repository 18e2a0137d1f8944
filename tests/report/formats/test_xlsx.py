"""The xlsx format: tables written, and read back by another library."""

import errno
import gc
import multiprocessing
import os
import random
import re
import resource
import signal
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import openpyxl
import pandas as pd
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape

from reporter import processors
from reporter.report.formats import xlsx
from reporter.report.formats.xlsx import row_cells, side_by_side, workbook, zipping
from reporter.report.formats.xlsx.fast_worksheet import FastWorksheet
from reporter.report.formats.xlsx.worksheet import PlainWorksheet
from reporter.report.table import Kind, Table
from tests.workflows.steps import wait_for

LIMIT = 32_767
SMILE = "😀"  # two UTF-16 units, one character
MORE = re.compile(r"(.*)… \(\+(\d+) more\)", re.DOTALL)


def units(text: str) -> int:
    return sum(2 if ord(character) > 0xFFFF else 1 for character in text)


def written(folder: Path, frame: pd.DataFrame, name: str = "a_tab") -> Any:
    """The sheet of a frame, written to a file and read back."""
    path = folder / "report.xlsx"
    xlsx.write(path.with_suffix(""), [Table(name, "A title", frame)], ["a fact"])
    return openpyxl.load_workbook(path)[name]


def values(folder: Path, *column: Any, dtype: Any = object) -> list[Any]:
    """Values of a column, written to a file and read back."""
    sheet = written(folder, pd.DataFrame({"column": pd.Series(list(column), dtype=dtype)}))
    return [cell.value for (cell,) in sheet.iter_rows(min_row=2)]


# The limit of a cell.


@pytest.mark.parametrize("text", ["x" * LIMIT, "é" * LIMIT, SMILE * (LIMIT // 2) + "x"])
def test_text_that_just_fits_stays(tmp_path: Path, text: str) -> None:
    assert units(text) == LIMIT
    assert values(tmp_path, text) == [text]


@pytest.mark.parametrize(
    "text",
    ["x" * (LIMIT + 1), "ab" * LIMIT, SMILE * (LIMIT // 2 + 1), "x" + SMILE * LIMIT, "é" * 1_000_000],
)
def test_longer_text_ends_in_how_many_characters_are_missing(tmp_path: Path, text: str) -> None:
    (cell,) = values(tmp_path, text)
    kept, missing = MORE.fullmatch(cell).groups()  # type: ignore[union-attr]
    assert text.startswith(kept)
    assert len(kept) + int(missing) == len(text)
    assert LIMIT - 8 <= units(cell) <= LIMIT


def test_a_list_that_just_fits_stays(tmp_path: Path) -> None:
    items = ("eni-0123456789abcdef0",) * 1_423 + ("eni-" + "0" * (LIMIT - 1_423 * 23 - 4),)
    assert len(", ".join(items)) == LIMIT
    assert values(tmp_path, items) == [", ".join(items)]


@pytest.mark.parametrize(
    ("item", "count", "kept"),
    [
        # 23 characters an item with its comma, 14 for `… (+3576 more)`: (32,767 - 14) // 23
        ("eni-0123456789abcdef0", 5_000, 1_424),
        # 8,000 units an item with its comma
        ("x" + SMILE * 3_998 + "x", 5, 4),
        # an item that no cell holds
        ("x" * (LIMIT + 1), 3, 0),
    ],
)
def test_a_longer_list_ends_in_how_many_items_are_missing(
    tmp_path: Path, item: str, count: int, kept: int
) -> None:
    assert values(tmp_path, (item,) * count) == [", ".join([*[item] * kept, f"… (+{count - kept} more)"])]


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    st.lists(
        st.builds(lambda unit, count: unit * count, st.sampled_from(["x", "é", SMILE]), st.integers(0, 9_000))
    )
)
def test_a_cut_list_fits_and_loses_no_count(items: list[str]) -> None:
    text = xlsx.cell_text(tuple(items))
    if units(", ".join(items)) <= LIMIT:
        assert text == ", ".join(items)
    else:
        *kept, ending = text.split(", ")
        missing = int(MORE.fullmatch(ending)[2])  # type: ignore[index]
        assert kept == items[: len(items) - missing]
        assert units(text) <= LIMIT
        # and the next item would not have fitted, beside an ending as long as any
        assert units(", ".join([*kept, items[len(kept)], f"… (+{len(items)} more)"])) > LIMIT


# Values.


def test_what_is_not_known_is_not_empty_and_not_false(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "flag": pd.array([True, False, None], dtype="boolean"),
            "count": pd.array([1, 0, None], dtype="Int64"),
            "text": pd.array(["text", "", None], dtype="str"),
            "list": pd.Series([("a", "b"), (), None], dtype=object),
        }
    )
    rows = list(written(tmp_path, frame).iter_rows(min_row=2, values_only=True))
    assert rows == [
        (True, 1, "text", "a, b"),
        (False, 0, None, None),
        ("unknown", "unknown", "unknown", "unknown"),
    ]


def test_booleans_are_no_numbers_and_numbers_no_booleans(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "bool": np.array([True, False]),
            "boolean": pd.array([True, False], dtype="boolean"),
            "object": pd.Series([True, 1], dtype=object),
            "int": np.array([1, 0]),
            "Int64": pd.array([1, 0], dtype="Int64"),
            "float": np.array([0.5, 1.0]),
        }
    )
    rows = list(written(tmp_path, frame).iter_rows(min_row=2))
    assert [[cell.data_type for cell in row] for row in rows] == [list("bbbnnn"), list("bbnnnn")]
    assert [[cell.value for cell in row] for row in rows] == [
        [True, True, True, 1, 1, 0.5],
        [False, False, 1, 0, 0, 1],
    ]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "@sum",
        "+x",
        "-x",
        "{=1+1}",
        "https://example.com/",
        "mailto:root@example.com",
        "internal:a_tab!A1",
        r"\\host\share",
        "1",
        "1e5",
        "007",
        "TRUE",
        "nan",
        "#N/A",
        "2025-01-01",
        " spaces ",
        "<b>&amp;</b>",
        "<r>&</r>",
        "<r><t>x</t></r>",
        "<r></is></c><c></r>",
        "two\nlines\tand a tab",
        "]]>",
    ],
)
def test_text_stays_text(tmp_path: Path, text: str) -> None:
    (cell,) = next(written(tmp_path, pd.DataFrame({"column": [text]})).iter_rows(min_row=2))
    assert (cell.value, cell.data_type, cell.hyperlink) == (text, "s", None)


@pytest.mark.parametrize("text", ["<r>&</r>", "<r><t>x</t></r>"])
def test_text_stays_text_where_xlsxwriter_writes_the_rows(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "_worksheet_class", lambda: PlainWorksheet)
    assert values(tmp_path, text) == [text]


@pytest.mark.parametrize("head", ["<r>&</r>", "<r><t>x</t></r>"])
def test_a_head_stays_text(tmp_path: Path, head: str) -> None:
    sheet = written(tmp_path, pd.DataFrame({head: ["value"], "other": ["value"]}))
    assert [cell.value for cell in sheet[1]] == [head, "other"]


@pytest.mark.parametrize(
    "text", ["\0", "a\x01b", "\x0b\x0c\x1b[31m\x1f", "\x7f\x85", "_x0041_", "\ufffe", "\uffff"]
)
def test_control_characters_leave_a_file_that_opens(tmp_path: Path, text: str) -> None:
    # As Excel does, what XML has no place for is written as _x0001_, and such a text as _x005F_x0001_.
    (value,) = values(tmp_path, text)
    assert unescape(value) == text


# xlsxwriter's own rows, which ours are faster than.


def test_rows_are_those_of_xlsxwriter_byte_for_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = [
        "<r>x</r>",
        "<r>",
        " a",
        "a ",
        "x_x0041_y",
        "a b_x",
        "a\n",
        "\t",
        "_x0041_",
        "a\x01",
        "\uffff",
        "&<>\"'",
        "é",
        SMILE,
        "unknown",
        "",
    ]
    long = ["x" * 199, "y" * 200, "&" * 201, " " * 16_383, "z" * 16_384, SMILE * 16_384, "w" * 40_000]
    mixed = [
        True,
        False,
        0,
        -1,
        1.5,
        1e300,
        2**60,
        None,
        ("a", "b"),
        np.int64(7),
        np.float64(0.1),
        "2026-01-02",
    ]
    columns = {f"column {number}": pd.Series([*odd, *long, *mixed], dtype=object) for number in range(40)}
    groups = {
        "account_profile": "a",
        "account_id": "1",
        "group_name": "g",
        "security_group_id": ["sg-1", "sg-0123456789abcdef0"],
        "region": "us-east-1",
        "risk": ["critical", "none"],
    }
    groups |= {
        "ssh_rules": "0.0.0.0/0 -> 22, " * 40,
        "first_seen": ["2026-01-02", "unknown"],
        "notes": ["", "x"],
    }
    # Values that are equal and yet not the same, and more of them than are kept.
    alike = [1, True, 1.0, 0, False, 0.0, -0.0, "1", "True", "", None, ("a, b",), ("a", "b"), (), "a, b"]
    again = pd.DataFrame(
        {
            "alike": pd.Series(alike * 600, dtype=object),
            "texts": pd.Series(["unknown", "", None, ("unknown",), "x" * 600] * 1800, dtype=object),
            "number": pd.Series(range(9000)) % 5000,
            "real": pd.Series([0.0, -0.0, 1.0] * 3000),
            "whole": pd.Series([0, 1, None] * 3000, dtype="Int64"),
            "flag": pd.Series([True, False, None] * 3000, dtype="boolean"),
            "kind": pd.Series(["a", "b", None] * 3000, dtype="category"),
            "text": pd.Series([f"text {number % 5000}" for number in range(9000)], dtype="str"),
        }
    )
    # One account after the other, in groups of every risk: the first cell looks as the risk has it.
    marked = pd.DataFrame(
        {
            "account_profile": ["a", "b"] * 6,
            "group_name": "g",
            "security_group_id": "sg-1",
            "region": "us-east-1",
            "risk": ["none", "high", "low", "critical"] * 3,
        }
    )
    tables = [
        Table(
            "wide", "A title", pd.DataFrame(columns).assign(**{f"c{number}": "x" for number in range(700)})
        ),
        Table("findings", "A title", pd.DataFrame(groups), Kind.FINDINGS),
        Table("empty", "A title", pd.DataFrame({"one": [], "two": []})),
        Table("counts", "A title", pd.DataFrame({"what": odd, "number": range(len(odd))}), Kind.SUMMARY),
        Table("again", "A title", again),
        Table(
            "a & 'b'",
            "A title",
            pd.DataFrame({"group_name": "g", "security_group_id": ["sg-1"]}),
            Kind.ATTACHMENTS,
        ),
        Table("marked", "A title", marked, Kind.GROUPS),
        Table(
            "waivers", "A title", pd.DataFrame({"waiver": ["a"], "reason": ["of two\nlines"]}), Kind.WAIVERS
        ),
    ]

    def parts(name: str) -> dict[str, bytes]:
        return parts_of(tmp_path / name, tables)

    monkeypatch.setattr(row_cells, "_KEPT", 8 * 4000)
    ours = parts("ours")
    with beside():
        assert parts("beside") == ours
    monkeypatch.setattr(workbook, "_COMPARED_WITH", ())
    workbook._worksheet_class.cache_clear()
    try:
        theirs = parts("theirs")
        assert workbook._worksheet_class() is PlainWorksheet
    finally:
        workbook._worksheet_class.cache_clear()
    assert ours.keys() == theirs.keys()
    assert [part for part, content in ours.items() if content != theirs[part]] == []
    assert len(ours["xl/worksheets/sheet1.xml"]) > 1_000_000
    assert ours["xl/worksheets/sheet2.xml"].count(b"HYPERLINK") == 2  # to the console, and to the attachments


def test_the_installed_xlsxwriter_is_one_that_rows_were_compared_with() -> None:
    assert workbook._worksheet_class() is FastWorksheet


# Rows of large sheets, which other processes write.


def parts_of(stem: Path, tables: list[Table]) -> dict[str, bytes]:
    """What is in the workbook of tables, but for the time of its creation."""
    xlsx.write(stem, tables, ["a fact"])
    with zipfile.ZipFile(stem.with_suffix(".xlsx")) as archive:
        return {part: archive.read(part) for part in archive.namelist() if part != "docProps/core.xml"}


@contextmanager
def beside(instead: Callable[..., None] | None = None) -> Iterator[None]:
    """Rows of all sheets are written by other processes, or these do something else."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(processors, "for_forks", lambda: 3)
        patched.setattr(side_by_side, "_FEWEST", 0)
        patched.setattr(side_by_side, "_write", instead or side_by_side._write)
        yield


TWO = [Table(name, "A title", pd.DataFrame({"column": [name] * 9})) for name in ("one", "other")]


def test_rows_are_written_here_where_a_process_that_does_is_killed(tmp_path: Path) -> None:
    def killed(workbook: Any, sheet: FastWorksheet, rows: Any, answer: Any) -> None:
        rows.write(answer.send)
        sheet.end_rows()
        os.kill(os.getpid(), signal.SIGKILL)

    here = parts_of(tmp_path / "here", TWO)
    with beside(killed):
        assert parts_of(tmp_path / "killed", TWO) == here
    assert here["xl/worksheets/sheet2.xml"].count(b"<t>other</t>") == 9


def test_other_processes_write_rows(tmp_path: Path) -> None:
    def written(workbook: Any, sheet: FastWorksheet, rows: Any, answer: Any) -> None:
        sheet.row_data_fh.write(f"<row>{os.getpid()}</row>")
        answer.send(([3], sheet.end_rows()))

    with beside(written):
        parts = parts_of(tmp_path / "beside", TWO)
    by = {int(number) for part in parts.values() for number in re.findall(rb"<row>(\d+)</row>", part)}
    assert len(by) == 2
    assert os.getpid() not in by


def test_what_writes_rows_ends_with_its_parent(tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    def parent() -> None:
        def slow(on_rows: Any) -> list[int]:
            pid.write_text(str(os.getpid()))
            time.sleep(600)
            return []

        with xlsxwriter.Workbook(tmp_path / "book.xlsx", {"constant_memory": True}) as book, beside():
            sheet = book.add_worksheet("one", worksheet_class=FastWorksheet)
            side_by_side.write_rows(book, [side_by_side.SheetRows(sheet, 1, slow, print, print)])

    started = multiprocessing.get_context("fork").Process(target=parent)
    started.start()
    wait_for(lambda: pid.exists() and bool(pid.read_text()))
    started.kill()
    started.join()
    wait_for(
        lambda: not Path("/proc", pid.read_text(), "cwd").exists()
    )  # which one that nobody buried has not


def test_rows_that_others_write_are_counted_here(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    counted = [
        Table(
            name,
            "A title",
            pd.DataFrame({"column": range(rows)}),
            on_rows=lambda n: told.append((os.getpid(), n)),
        )
        for name, rows in (("one", 25_000), ("other", 9))
    ]
    with beside():
        xlsx.write(tmp_path / "report", counted, [])
    assert sorted(told) == [(os.getpid(), rows) for rows in (9, 5_000, 10_000, 10_000)]


def test_what_another_process_cannot_write_for_is_raised(tmp_path: Path) -> None:
    frame = pd.DataFrame({"column": [f"text {number}" for number in range(50_000)]})
    tables = [Table(name, "A title", frame) for name in ("one", "other", "third")]
    with beside(), full_disk(100_000), pytest.raises(OSError, match="File too large"):
        xlsx.write(tmp_path / "report", tables, [])
    assert {path.name for path in tmp_path.iterdir()} <= {"report.xlsx"}
    assert multiprocessing.active_children() == []


def refused(*_: Any, **__: Any) -> Any:
    raise OSError(errno.EAGAIN, "Resource temporarily unavailable")


@pytest.mark.parametrize("call", ["fork", "pipe"])
def test_rows_are_written_here_where_the_system_has_no_process_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    here = parts_of(tmp_path / "here", TWO)
    monkeypatch.setattr(os, call, refused)
    with beside():
        assert parts_of(tmp_path / "alone", TWO) == here


def test_rows_are_written_here_where_another_process_has_no_thread_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def no_thread() -> None:
        raise RuntimeError("can't start new thread")

    here = parts_of(tmp_path / "here", TWO)
    monkeypatch.setattr(side_by_side.orphans, "end_with_parent", no_thread)
    with beside():
        assert parts_of(tmp_path / "alone", TWO) == here
    assert capfd.readouterr().err == ""


def test_a_daemon_of_multiprocessing_writes_rows_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_by_side, "_FEWEST", 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    forked = multiprocessing.get_context("fork")
    daemon = forked.Process(target=parts_of, args=[tmp_path / "daemon", TWO], daemon=True)
    daemon.start()
    daemon.join()
    assert daemon.exitcode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_all_processes_ends_those_that_write_rows_without_a_word(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    def interrupted(on_rows: Any) -> list[int]:
        os.kill(os.getpid(), number)
        return [3]

    heeded = signal.signal(number, signal.default_int_handler)  # as the command line has it
    try:
        with xlsxwriter.Workbook(tmp_path / "book.xlsx", {"constant_memory": True}) as book, beside():
            sheet = book.add_worksheet("one", worksheet_class=FastWorksheet)
            with pytest.raises(KeyboardInterrupt):  # written here, which meets it as well
                side_by_side.write_rows(book, [side_by_side.SheetRows(sheet, 1, interrupted, print, print)])
    finally:
        signal.signal(number, heeded)
    assert capfd.readouterr().err == ""
    assert multiprocessing.active_children() == []


def test_a_signal_as_a_process_is_forked_leaves_none_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def forked() -> int:
        pid = fork()
        os.kill(os.getpid(), signal.SIGINT)
        return pid

    fork = os.fork
    monkeypatch.setattr(os, "fork", forked)
    with beside(), pytest.raises(KeyboardInterrupt):
        parts_of(tmp_path / "book", TWO)
    assert capfd.readouterr().err == ""
    assert multiprocessing.active_children() == []


# Compression.


def test_a_zip_file_is_the_same_without_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(self: Any) -> None:
        raise RuntimeError("can't start new thread")

    content = random.Random(1).randbytes(5_000_000)
    for name in ("threads", "none"):
        with zipping.SideBySideZip(tmp_path / name, "w", compression=zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo("a"), content, zipfile.ZIP_DEFLATED)
        monkeypatch.setattr(threading.Thread, "start", no_thread)
    assert (tmp_path / "none").read_bytes() == (tmp_path / "threads").read_bytes()


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 7_500_000])
def test_a_zip_file_is_the_same_with_several_threads(
    tmp_path: Path, size: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = random.Random(size)
    words = [some.randbytes(some.randint(1, 40)) for _ in range(300)]
    content = b"".join(some.choices(words, k=size // 15 + 1))[:size]
    (tmp_path / "file").write_bytes(content)
    monkeypatch.setattr(processors, "count", lambda: threads)
    with zipping.SideBySideZip(tmp_path / "ours.zip", "w", compression=zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "file", "a/name")
        archive.writestr("other", "text")
    with zipfile.ZipFile(tmp_path / "theirs.zip", "w", compression=zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "file", "a/name")
        archive.writestr("other", "text")
    with zipfile.ZipFile(tmp_path / "ours.zip") as archive:
        assert archive.testzip() is None
        assert archive.read("a/name") == content
        assert archive.read("other") == b"text"
    ours, theirs = ((tmp_path / f"{name}.zip").stat().st_size for name in ("ours", "theirs"))
    assert ours <= theirs * 1.005


def test_a_zip_file_that_cannot_be_made_says_so_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ignored: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    with pytest.raises(FileNotFoundError):
        zipping.SideBySideZip(tmp_path / "not there" / "a.zip", "w")
    gc.collect()
    assert ignored == []


def test_nothing_stays_replaced_in_xlsxwriter(tmp_path: Path) -> None:
    written(tmp_path, pd.DataFrame({"column": ["text"]}))
    assert xlsxwriter.workbook.ZipFile is zipfile.ZipFile


# Tables.


def test_a_table_without_rows_has_its_head(tmp_path: Path) -> None:
    sheet = written(tmp_path, pd.DataFrame({"one": [], "two": []}))
    assert [cell.value for cell in sheet[1]] == ["one", "two"]
    (table,) = sheet.tables.values()
    assert table.ref == "A1:B2"  # Excel refuses a table that is nothing but a head
    assert not any(cell.value for cell in sheet[2])


@pytest.mark.parametrize("count", [1, 9_999, 10_000, 10_001, 25_000])
def test_every_row_is_there_in_order(tmp_path: Path, count: int) -> None:
    frame = pd.DataFrame({"number": range(count), "text": [f"row {n}" for n in range(count)]})
    path = tmp_path / "report.xlsx"
    xlsx.write(path.with_suffix(""), [Table("many", "Many rows", frame)], [])
    book = openpyxl.load_workbook(path, read_only=True)
    assert list(book["many"].iter_rows(min_row=2, values_only=True)) == [
        (n, f"row {n}") for n in range(count)
    ]
    with zipfile.ZipFile(path) as archive:
        table = ElementTree.fromstring(archive.read("xl/tables/table1.xml"))
    assert table.get("ref") == f"A1:B{count + 1}"
    assert table[0].get("ref") == f"A1:B{count + 1}"  # of the filter


def test_rows_do_not_follow_the_index(tmp_path: Path) -> None:
    frame = pd.DataFrame({"number": [1, 2, 3]}, index=[7, 7, 0])
    assert [row[0] for row in written(tmp_path, frame).iter_rows(min_row=2, values_only=True)] == [1, 2, 3]


def test_sheets_stand_in_the_order_of_their_tables(tmp_path: Path) -> None:
    path = tmp_path / "report.xlsx"
    xlsx.write(
        path.with_suffix(""),
        [Table(name, name, pd.DataFrame({"is": [name]})) for name in ("b", "a", "B", "a-b", "a_b")],
        [],
    )
    book = openpyxl.load_workbook(path)
    assert [sheet["A2"].value for sheet in book] == ["b", "a", "B", "a-b", "a_b"]
    tables = [table.name.lower() for sheet in book for table in sheet.tables.values()]
    assert len(set(tables)) == 5


# Names of sheets.


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["ssh_open", "public db"], ["ssh_open", "public db"]),
        (["a/b", "c:d", "[e]", "f*g?", "h\\i"], ["a_b", "c_d", "_e_", "f_g_", "h_i"]),
        (["x" * 31, "y" * 32], ["x" * 31, "y" * 31]),
        (["x" * 40, "x" * 50, "X" * 31], ["x" * 31, "x" * 29 + "_2", "X" * 29 + "_3"]),
        (["SSH", "ssh", "Ssh"], ["SSH", "ssh_2", "Ssh_3"]),
        (["a", "a_2", "a"], ["a", "a_2", "a_3"]),
        (["History", "HISTORY"], ["History_2", "HISTORY_3"]),
        (["'quoted'", "it's"], ["quoted", "it's"]),
        (["", "''"], ["sheet", "sheet_2"]),
    ],
)
def test_sheet_names(names: list[str], expected: list[str]) -> None:
    assert xlsx.sheet_names(names) == expected


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.lists(st.text(alphabet="aAéß'[]:*?/\\ \n" + SMILE, max_size=40), min_size=1, max_size=6))
def test_excel_takes_any_sheet_name(names: list[str]) -> None:
    result = xlsx.sheet_names(names)
    assert len(result) == len(names)
    assert len({name.lower() for name in result}) == len(names)
    for name in result:
        assert 1 <= units(name) <= 31
        assert not set(name) & set("[]:*?/\\\n")
        assert not name.startswith("'")
        assert not name.endswith("'")


@pytest.mark.parametrize(
    "name",
    ["x" * 30 + "'s", SMILE * 31, "History", "a\nb", "", "=1+1", "R1C1", "A1", "Ä€"],
    ids=["quote at 31", "emoji", "reserved", "two lines", "empty", "formula", "R1C1", "A1", "letters"],
)
def test_a_workbook_takes_any_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "report.xlsx"
    xlsx.write(path.with_suffix(""), [Table(name, name, pd.DataFrame({"column": ["text"]}))], [])
    (sheet,) = openpyxl.load_workbook(path)
    assert sheet["A2"].value == "text"


# What goes wrong while writing.


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes, which is what a full disk is like."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    heeded = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, heeded)


def test_a_full_disk_is_told_as_what_it_is_and_leaves_no_scratch(tmp_path: Path) -> None:
    frame = pd.DataFrame({"column": [f"text {number}" for number in range(50_000)]})
    with full_disk(100_000), pytest.raises(OSError):
        xlsx.write(tmp_path / "report", [Table("a_tab", "A title", frame)], [])
    assert {path.name for path in tmp_path.iterdir()} <= {"report.xlsx"}


def test_a_write_leaves_the_workbook_alone(tmp_path: Path) -> None:
    assert written(tmp_path, pd.DataFrame({"column": ["text"]}))["A2"].value == "text"
    assert [path.name for path in tmp_path.iterdir()] == ["report.xlsx"]
