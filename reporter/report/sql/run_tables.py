"""Loads a run into a database: all tables of its report, as a database wants them."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from reporter.accounts.labels import Labels
from reporter.findings.assess import Findings
from reporter.findings.past import Past
from reporter.inventory.audit import Audit
from reporter.output.reading import newest_start
from reporter.report import star, tables
from reporter.report.facts import facts
from reporter.report.sql import loading

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def load(
    connection: "DuckDBPyConnection",
    audit: Audit,
    findings: Findings,
    past: Past,
    labels: Labels,
    *,
    several: bool,
    meanings: bool = True,
) -> None:
    """Load all tables of a run, perhaps with their meanings; with `several`, beside those of others."""
    built = star.build(audit, findings, list(tables.build(audit, findings, labels, past)), labels)
    moment = _moment(connection, audit) if several else None
    loading.load(connection, star.with_facts(built, facts(audit, findings, past)), moment, meanings=meanings)


def _moment(connection: "DuckDBPyConnection", audit: Audit) -> datetime:
    """When a run began, to the second; a millionth later where another is of that second."""
    moment = newest_start(audit.output.started).astimezone(UTC).replace(microsecond=0, tzinfo=None)
    taken = set()
    if loading.types(connection, star.FACTS):
        taken = set(connection.execute(f"select {loading.RUN} from {star.FACTS}").fetchall())
    while (moment,) in taken:
        moment += timedelta(microseconds=1)
    return moment
