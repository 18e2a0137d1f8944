"""A report of some accounts alone, for owners who are not to see the others.

All accounts are read and joined first: what is behind a group of a shared VPC stands in another account.
"""

from collections.abc import Collection, Iterator, Sequence, Set
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from reporter.accounts.labels import Labels
from reporter.errors import InputError
from reporter.findings.assess import Findings
from reporter.findings.past import Past
from reporter.findings.waived import apply, nothing_waived
from reporter.findings.waivers import Waiver
from reporter.inventory.attachments import of_accounts as attachments_of
from reporter.inventory.audit import Audit
from reporter.inventory.duplicates import others_of
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
    gone = tuple(each for each in past.resolved if each.key.account in keys)
    return (
        audit,
        replace(findings, waived=replace(findings.waived, outcomes=theirs)),
        replace(past, changes=changes, resolved=gone, trend=()),
    )


def entries_of(entries: Sequence[Entry] | None, audit: Audit) -> Sequence[Entry] | None:
    """What auditors wrote on the accounts of an audit."""
    ids = {name for cell in audit.cells for name in (cell.account, cell.account_id)}
    return None if entries is None else [entry for entry in entries if entry.key.account in ids]


def labels_of(labels: Labels, audit: Audit) -> Labels:
    """The labels without the columns that only other accounts have something in."""
    accounts = {(cell.account, cell.account_id) for cell in audit.cells}
    kept = (column for column in labels.columns if any(labels.text(column, *account) for account in accounts))
    return replace(labels, columns=tuple(kept))


def _audit(audit: Audit, accounts: Collection[str]) -> Audit:
    output = audit.output
    cells = tuple(cell for cell in audit.cells if cell.account in accounts)
    ids = {cell.account_id for cell in cells}
    others = {cell.account_id for cell in audit.cells} - ids - {""}
    manifest = output.manifest
    if manifest:
        manifest = replace(manifest, callers=tuple(_callers(manifest.callers, ids, others)))
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


def _callers(callers: Sequence[str], ids: Set[str], others: Set[str]) -> Iterator[str]:
    """Who ran it. Of several, each is of an account; the one of all may be of another account: then without its id."""
    for arn in callers:
        parts = arn.split(":", 5)
        if not others.isdisjoint(parts):
            if len(callers) == 1:
                yield parts[-1]
        elif len(callers) == 1 or not ids.isdisjoint(parts):
            yield arn


def _findings(findings: Findings, accounts: Collection[str]) -> Findings:
    chosen = findings.groups["account_profile"].isin(accounts).to_numpy(bool)
    groups = findings.groups[chosen].reset_index(drop=True)
    frame = findings.frame[chosen[findings.frame["group"].to_numpy()]].reset_index(drop=True)
    groups["same_rules_as"] = pd.Series(_same_rules(groups), index=groups.index, dtype=object)
    row_of = np.cumsum(chosen) - 1
    return Findings(
        groups=groups,
        proven=findings.proven[chosen].reset_index(drop=True),
        frame=frame.assign(group=row_of[frame["group"].to_numpy()]),
        default_on_instance=findings.default_on_instance[chosen].reset_index(drop=True),
        list_unread=findings.list_unread[chosen].reset_index(drop=True),
        waived=nothing_waived(groups),
    )


def _same_rules(groups: pd.DataFrame) -> list[tuple[str, ...]]:
    """The column `same_rules_as` without the groups that other accounts have in a shared VPC."""
    names = ("region", "security_group_id", "same_rules_as")
    sets: dict[tuple[str, str], list[str]] = {}
    keys = []
    for region, group_id, others in zip(*(groups[name].tolist() for name in names), strict=True):
        # The first of a set stands in the row of each other.
        key = (region, min(group_id, others[0])) if others else None
        keys.append(key)
        if key:
            sets.setdefault(key, []).append(group_id)
    found = {key: dict(others_of(ids)) for key, ids in sets.items()}
    return [
        found[key][group_id] if key else ()
        for key, group_id in zip(keys, groups["security_group_id"].tolist(), strict=True)
    ]
