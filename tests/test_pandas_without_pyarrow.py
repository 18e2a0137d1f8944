"""A report by pandas without pyarrow is the one that it is with it, and whatever asks for pyarrow finds it."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pandas as pd

from reporter import pandas_without_pyarrow
from reporter.report import formats

LOAD = "from reporter import pandas_without_pyarrow; pandas_without_pyarrow.load(); import pandas, pyarrow; "


def report(run: Path, to: Path, env: dict[str, str], *forms: str) -> dict[str, bytes]:
    """The files, and the parts of the workbook but for when it was made."""
    options = [option for form in forms for option in ("-f", form)]
    command = [sys.executable, "-m", "reporter", "report", "-s", run, "-o", to, "--stem", "x", *options]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    files = (path for path in to.rglob("[!.]*") if path.is_file())  # one with a dot lists the others
    found = {str(path.relative_to(to)): path.read_bytes() for path in files}
    with ZipFile(to / "x.xlsx") as workbook:
        found |= {name: workbook.read(name) for name in workbook.namelist() if name != "docProps/core.xml"}
    del found["x.xlsx"]
    return found


def test_a_report_is_the_same_with_and_without(
    clean_env: dict[str, str], estate_run: Path, tmp_path: Path
) -> None:
    forms = ("xlsx", "csv", "json", "html", "prometheus", "asff", "ocsf")
    without = report(estate_run, tmp_path / "without", clean_env, *forms)
    having = report(estate_run, tmp_path / "with", clean_env, *forms, "parquet")
    assert {"x.html", "x.prom", "x_ssh_world.csv", "xl/worksheets/sheet2.xml"} <= without.keys()
    assert [name for name in without if without[name] != having[name]] == []


def test_formats_that_hand_tables_to_pyarrow_are_known() -> None:
    needing = [name for name in formats.names() if formats.need_pyarrow([name])]
    assert needing == ["duckdb", "parquet"]
    assert formats.need_pyarrow(["csv", "of-another-package"])


def test_pyarrow_is_there_for_whoever_asks_later() -> None:
    told = LOAD + "print(pandas.Series(['x'], dtype='str').dtype.storage, pyarrow.array([1])[0])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("python 1\n", "")


def test_a_pandas_that_requires_pyarrow_gets_it(tmp_path: Path) -> None:
    (tmp_path / "pandas.py").write_text("import pyarrow\nloaded_with = pyarrow.name\n")
    (tmp_path / "pyarrow.py").write_text("name = 'its own'\n")
    told = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {LOAD} print(pandas.loaded_with)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("its own\n", "")


def test_pandas_that_is_loaded_stays_as_it_is() -> None:
    before = pd, sys.modules.get("pyarrow")
    pandas_without_pyarrow.load()
    assert (sys.modules["pandas"], sys.modules.get("pyarrow")) == before
