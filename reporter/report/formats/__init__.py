"""Ways to write the report: one module a format, found by its name.

A further format is a module more in this folder, or one that an installed package names as an entry point of the
group `c7n_sg_audit.formats`. Modules whose name begins with an underscore are no formats.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from reporter import pandas_without_pyarrow
from reporter.errors import InputError, install, not_loaded

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from reporter.report.finding_records import FindingRecords
    from reporter.report.table import Table

ENTRY_POINTS = "c7n_sg_audit.formats"
DEFAULT = "xlsx"

#: Those that hand tables to pyarrow.
_TO_PYARROW = {"parquet", "duckdb"}

#: What a format is told beyond the tables, by its name: keyword arguments of its `write`.
Settings = Mapping[str, Mapping[str, Any]]
NO_SETTINGS: Settings = {}


class Format(Protocol):
    """What a format's module has.

    A module may also have `notes(tables)`: lines, for the terminal, on what this format makes of the tables;
    `SHOWS_OVERVIEW = True`: its `write` is then given the `overview` (reporter.report.overview) by that keyword;
    `SHOWS_GROUPS`, a number: it is then given by the keyword `details` (reporter.report.details) so many of the groups
    that something was found of, the worst ones; and `SHOWS_METRICS = True`: it is then given the `metrics`
    (reporter.report.metrics). With `FOR_DATABASES = True` it is given the tables as a database wants them
    (reporter.report.star) in the place of those of a workbook, with `SHOWS_FINDINGS = True` no tables, but by the
    keyword `findings` every finding as a record (reporter.report.finding_records), as its `notes` are then, and with
    `FOR_GROUP = True` the group of the folder that its files go into may read them.
    """

    def write(
        self, stem: Path, tables: Sequence["Table"], facts: Sequence[str], **settings: Any
    ) -> Sequence[Path]:
        """Write the tables and return the files, or folders of files.

        `stem` is folder and beginning of each file's name: `…/security_groups_inventory_20251206T210355`. The folder
        is the format's own, and empty: what is returned is moved or uploaded to where reports go, all of it or, where
        anything is raised, nothing.
        `facts` are lines on the whole report. A format that has no settings of its own takes these three.
        """


def names() -> list[str]:
    """The formats there are."""
    return sorted({*_own(), *_of_packages()})


def load(name: str) -> Format:
    """The format of that name.

    Raises InputError where there is none, what it needs is not installed, or a package's cannot be loaded.
    """
    if name in _own():
        try:
            return cast(Format, importlib.import_module(f"{__name__}.{name}"))
        except ModuleNotFoundError as error:
            # An extra is called as the format that needs it.
            raise InputError(
                f"-f {name}: needs {error.name}, which is not installed: {install(name)}"
            ) from None
        except ImportError as error:
            raise not_loaded(f"-f {name}: what it needs", error) from None
    entry = _of_packages().get(name)
    if entry is None:
        raise InputError(f"-f {name}: no such format; there are {', '.join(names())}")
    try:
        form = entry.load()
    except Exception as error:  # whatever an import may raise
        raise not_loaded(f"-f {name}: {entry.value}", error) from None
    if not callable(getattr(form, "write", None)):
        raise InputError(f"-f {name}: {entry.value} has no function write(stem, tables, facts)")
    return cast(Format, form)


def need_pyarrow(formats: Sequence[str]) -> bool:
    """Whether a format hands tables to pyarrow, as one of another package may."""
    return not set(formats) <= _own() - _TO_PYARROW


def load_pandas(formats: Sequence[str]) -> None:
    """Load pandas as these formats want it, before anything else does: without pyarrow where none needs that."""
    if not need_pyarrow(formats):
        pandas_without_pyarrow.load()


def check(
    formats: Sequence[str], *, csv_bom: bool = False, partition: Sequence[str] = (), place: str = ""
) -> Settings:
    """Find out before everything is read whether the formats are there; returns what options tell them.

    `partition` are the columns that parquet splits tables by; `place` is where the report goes.

    Raises InputError as `load` does, and for an option of a format that is not among them.
    """
    # The default needs nothing more, and costs pandas, which a run has no use for.
    others = [name for name in formats if name != DEFAULT]
    if others:
        load_pandas(formats)
    for name in others:
        load(name)
    if csv_bom and "csv" not in formats:
        raise InputError("--csv-bom: goes with -f csv")
    if partition and "parquet" not in formats:
        raise InputError("--partition: goes with -f parquet")
    settings: dict[str, Mapping[str, Any]] = {}
    if csv_bom:
        settings["csv"] = {"bom": True}
    if partition:
        in_s3 = place if place.startswith("s3://") else ""
        settings["parquet"] = {"partition": tuple(dict.fromkeys(partition)), "place": in_s3}
    return settings


def notes(form: Format, tables: Sequence["Table"], findings: "FindingRecords | None") -> Sequence[str]:
    """What a format has to say of the tables, or of the findings."""
    say: Callable[..., Sequence[str]] | None = getattr(form, "notes", None)
    if not say:
        return ()
    return say(tables, findings=findings) if shows_findings(form) else say(tables)


def shows_overview(form: Format) -> bool:
    """Whether a format takes the overview."""
    return bool(getattr(form, "SHOWS_OVERVIEW", False))


def shows_groups(form: Format) -> int:
    """Of how many groups at the most a format takes the details."""
    return int(getattr(form, "SHOWS_GROUPS", 0))


def for_group(form: Format) -> bool:
    """Whether a format's files are for the group of their folder too."""
    return bool(getattr(form, "FOR_GROUP", False))


def shows_metrics(form: Format) -> bool:
    """Whether a format takes the metrics."""
    return bool(getattr(form, "SHOWS_METRICS", False))


def for_databases(form: Format) -> bool:
    """Whether a format takes the tables as a database wants them."""
    return bool(getattr(form, "FOR_DATABASES", False))


def shows_findings(form: Format) -> bool:
    """Whether a format takes every finding as a record."""
    return bool(getattr(form, "SHOWS_FINDINGS", False))


def _own() -> set[str]:
    return {module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")}


def _of_packages() -> dict[str, "EntryPoint"]:
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}
