"""Writes the page."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from reporter.findings.risk import LEVELS
from reporter.report import account_counts, overview_words
from reporter.report.changes import by_account, in_short
from reporter.report.descriptions import GLOSSARY, LEVEL_MEANINGS, LEVEL_MEANINGS_IN_SHORT
from reporter.report.details import Details
from reporter.report.formats.html import bundle, charts, templating
from reporter.report.formats.html.data import data
from reporter.report.overview import Overview
from reporter.report.overview_charts import trend, worst_accounts
from reporter.report.table import Table
from reporter.report.unread import Unread, some_of_each

SUFFIX = ".html"

#: What a browser bears.
SHOWS_GROUPS = 10_000

_URGENT = LEVELS[:3]
_CHANGED = 50  # accounts in the table of changes
_REASONS = 4  # shown beside the figures, the others further down
_ACCOUNTS, _UNREAD = 1_000, 500  # in their tables

#: The parts of the page's script, in their order: they make up one.
_SCRIPTS = ("elements", "filters", "address", "table", "what_to_do", "group", "account", "csv", "start")


def write(
    stem: Path, tables: Sequence[Table], facts: Sequence[str], *, overview: Overview, details: Details
) -> list[Path]:
    """Write the page, `<stem>.html`. Raises InputError where what it is made of is not in the form that is known."""
    text = render(overview, details)
    for table in tables:
        table.on_rows(len(table.frame))
    path = stem.with_name(f"{stem.name}{SUFFIX}")
    path.write_text(text, encoding="utf-8", errors="replace")
    return [path]


def render(overview: Overview, details: Details) -> str:
    """The page as text."""
    shown = data(overview, details)
    style = templating.source("page.css")
    parts = "\n".join(templating.source(f"script/{name}.js") for name in _SCRIPTS)
    script = f"{bundle.script()}\n{{\n{parts}}}\n"
    return templating.render(
        "page.html.j2",
        csp=_policy(script, style),
        style=Markup(style),  # noqa: S704 - a file of this package
        script=Markup(script),  # noqa: S704 - a file of this package, and itables' own
        data=Markup(shown.json),  # noqa: S704 - escaped by `data`
        shown=shown.groups,
        left_out=details.found - shown.groups,
        found=details.found,
        overview=overview,
        words=overview_words,
        about=[(label, _told(value)) for label, value in overview_words.about(overview)],
        meanings=LEVEL_MEANINGS,
        short_meanings=LEVEL_MEANINGS_IN_SHORT,
        glossary=GLOSSARY,
        urgent=_URGENT,
        pressing=_by_advice(some_of_each(overview.unread, _REASONS)),
        most_pressing=_REASONS,
        urgent_levels=[each for level in _URGENT for each in (level, f"possibly {level}")],
        counted=account_counts.columns(overview),
        count_of=account_counts.count,
        most_accounts=_ACCOUNTS,
        most_unread=_UNREAD,
        charts=list(_charts(overview)),
        changes=_changes(details) if overview.base else None,
        rows=_address,
    )


def _policy(script: str, style: str) -> str:
    """The Content-Security-Policy: nothing is loaded, and nothing runs but the page's own script."""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    """As https://www.w3.org/TR/CSP3/#grammardef-hash-source has it, of all between the tags."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _address(**filters: str | Sequence[str]) -> str:
    """Leads to the rows that filters leave: `#level=critical&reachable=yes`."""
    return f"#{urlencode(filters, doseq=True, errors='replace')}"


def _by_advice(entries: Sequence[Unread]) -> list[tuple[str, list[Unread]]]:
    """What was not read by what to do about it, in their order: the same advice once."""
    found: dict[str, list[Unread]] = {}
    for entry in entries:
        found.setdefault(entry.what_to_do, []).append(entry)
    return list(found.items())


def _told(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:%Y-%m-%d %H:%M} UTC"


def _charts(overview: Overview) -> Iterator[charts.Chart]:
    if len(overview.accounts) > 1:
        yield charts.bars(worst_accounts(overview.accounts))
    if len(overview.trend) > 1:
        yield charts.columns(trend(overview.trend))


@dataclass(frozen=True)
class _Changes:
    """What became of findings since the run before: in a line, and by account as far as there is room."""

    line: str
    accounts: Sequence[tuple[str, Sequence[int]]]
    left_out: int


def _changes(details: Details) -> _Changes:
    states = ("new", "changed", "gone", "not comparable")
    rows = []
    for (name, _), counts in by_account(details.changes).items():
        numbers = [sum(count for state, count in counts.items() if state.value == each) for each in states]
        if any(numbers):
            rows.append((name, numbers))
    rows.sort(key=lambda row: row[1], reverse=True)
    return _Changes(in_short(details.changes), rows[:_CHANGED], len(rows[_CHANGED:]))
