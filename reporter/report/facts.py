"""Lines on the whole report, for every format."""

from collections.abc import Sequence

from reporter.findings.assess import Findings
from reporter.findings.past import NO_PAST, Past
from reporter.inventory.audit import Audit
from reporter.names import clean
from reporter.report import changes, tables
from reporter.report.summary import coverage_line, waived_line

_NAMED = 10  # policies in a line


def facts(audit: Audit, findings: Findings, past: Past = NO_PAST) -> Sequence[str]:
    """Lines on the whole report: when, how much, and what is missing."""
    accounts = f"{len(audit.output.accounts):,} accounts"
    if not audit.output.has_groups:
        lines = [f"Output of Custodian as of {audit.output.started}", accounts, coverage_line(audit)]
    else:
        lines = [
            f"Security groups as of {audit.output.started}",
            f"{len(findings.groups):,} groups in {accounts}",
            coverage_line(audit),
            *filter(None, [waived_line(findings)]),
        ]
        if past.base:
            lines.append(changes.since_line(past))
        lines += remarks(audit, findings)
    if audit.gaps:
        lines.append("What was not read is not clean: see the coverage tab")
    return list(map(clean, lines))


def remarks(audit: Audit, findings: Findings) -> list[str]:
    """Lines on what the tables do not show."""
    lines = scope(audit)
    if audit.output.has_groups:
        nothing = tables.found_nothing(audit, findings)
        if nothing:
            more = f" and {len(nothing) - _NAMED} more" if len(nothing) > _NAMED else ""
            lines.append(f"Found nothing: {', '.join(nothing[:_NAMED])}{more}")
    return list(map(clean, lines))


def scope(audit: Audit) -> list[str]:
    """A line on the groups that cannot be in the tables, where there may be some."""
    if audit.output.has_groups and not audit.output.lists_all_groups:
        return ["No policy lists every group: only those that a policy found are here"]
    return []
