"""A report of some accounts alone, for owners who are not to see the others.

All accounts are read and joined first: what is behind a group of a shared VPC stands in another account.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from reporter.errors import InputError
from reporter.findings.assess import Findings
from reporter.findings.past import Past
from reporter.findings.waived import apply, nothing_waived
from reporter.findings.waivers import Waiver
from reporter.inventory.attachments import of_accounts as attachments_of
from reporter.inventory.audit import Audit
from reporter.output.reading import Output
from reporter.report.entries import Entry


def choose(output: Output, names: Sequence[str]) -> frozenset[str]:
    """The accounts of an output that are meant by name or id, by their names.

    Raises InputError for one that is not there.
    """
    by_name: dict[str, set[str]] = {}
    for name, account_id in {(cell.account, cell.account_id) for cell in output.cells}:
        for called in filter(None, (name, account_id)):
            by_name.setdefault(called, set()).add(name)
    for name in names:
        if name not in by_name:
            there = sorted({cell.account for cell in output.cells})
            more = f" and {len(there) - 10} more" if len(there) > 10 else ""
            raise InputError(f"-a {name}: not in the output; there are {', '.join(there[:10])}{more}")
    return frozenset().union(*(by_name[name] for name in names))


def alone(
    audit: Audit,
    findings: Findings,
    past: Past,
    accounts: Collection[str],
    waivers: Sequence[Waiver],
    day: date,
) -> tuple[Audit, Findings, Past]:
    """What a report says, without the accounts that are not chosen: their rows, their counts, what waivers say of them,
    and the trend, which is of all accounts together."""
    audit = _audit(audit, accounts)
    # By what tells accounts apart in all runs: in an earlier one another account may have had the name.
    keys = {cell.account_id or cell.account for cell in audit.cells}
    findings = apply(_findings(findings, accounts), audit.output.policies, waivers, day)
    theirs = tuple(outcome for outcome in findings.waived.outcomes if outcome.findings)
    changes = tuple(change for change in past.changes if change.key.account in keys)
    return (
        audit,
        replace(findings, waived=replace(findings.waived, outcomes=theirs)),
        replace(past, changes=changes, trend=()),
    )


def entries_of(entries: Sequence[Entry] | None, audit: Audit) -> Sequence[Entry] | None:
    """What auditors wrote on the accounts of an audit."""
    ids = {name for cell in audit.cells for name in (cell.account, cell.account_id)}
    return None if entries is None else [entry for entry in entries if entry.key.account in ids]


def _audit(audit: Audit, accounts: Collection[str]) -> Audit:
    output = audit.output
    cells = tuple(cell for cell in audit.cells if cell.account in accounts)
    ids = {cell.account_id for cell in cells}
    manifest = output.manifest
    if manifest and len(manifest.callers) > 1:  # each of them is of an account
        callers = tuple(arn for arn in manifest.callers if not ids.isdisjoint(arn.split(":")))
        manifest = replace(manifest, callers=callers)
    return replace(
        audit,
        output=replace(
            output,
            accounts=tuple(account for account in output.accounts if account.name in accounts),
            cells=tuple(cell for cell in output.cells if cell.account in accounts),
            manifest=manifest,
        ),
        cells=cells,
        attachments=attachments_of(audit.attachments, accounts),
        sheets={policy: [row for row in rows if row[0] in accounts] for policy, rows in audit.sheets.items()},
    )


def _findings(findings: Findings, accounts: Collection[str]) -> Findings:
    chosen = findings.groups["account_profile"].isin(accounts).to_numpy(bool)
    groups = findings.groups[chosen].reset_index(drop=True)
    frame = findings.frame[chosen[findings.frame["group"].to_numpy()]].reset_index(drop=True)
    row_of = np.cumsum(chosen) - 1
    return Findings(
        groups=groups,
        proven=findings.proven[chosen].reset_index(drop=True),
        frame=frame.assign(group=row_of[frame["group"].to_numpy()]),
        default_on_instance=findings.default_on_instance[chosen].reset_index(drop=True),
        list_unread=findings.list_unread[chosen].reset_index(drop=True),
        waived=nothing_waived(groups),
    )
