"""The tables that count: groups by risk, what each policy found, and what was not read."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from reporter.accounts.expected import PlannedAccount
from reporter.custodian.resource_types import GROUPS
from reporter.findings.assess import Findings
from reporter.findings.counts import COUNTED, REACHED, levels_and_reached
from reporter.findings.risk import LEVELS
from reporter.inventory.audit import Audit
from reporter.names import decoded
from reporter.output.manifest import Cell, Status
from reporter.report.advice import advise

ALL, ACCOUNT, REGION, RUN = "all", "account", "region", "run"

SUMMARY = "summary"

#: Those of the groups of proven risk that are waived: every finding that gives it is. The other levels come of none.
WAIVED = tuple(f"{level}_waived" for level in LEVELS[:3])


Trend = Sequence[tuple[str, Mapping[str, int | None]]]


def risk_counts(audit: Audit, findings: Findings, trend: Trend = ()) -> pd.DataFrame:
    """Counts of groups by risk: one row for all, then one an account, then one a region, then one a run of the trend,
    called after the minute in which it began (UTC).

    Columns: scope, name, a column a risk level (`critical`, …) for the groups of which it is proven, one more
    (`critical_possible`, …) for those of which it is the worst that missing answers leave open, those of REACHED
    and WAIVED, groups, cells_not_read. An account or region that was read and holds no group is there with zeros;
    where no list of groups could be read, the counts are NA.
    """
    groups = findings.groups
    levels, reached = levels_and_reached(findings)
    waived = (levels + "_waived").where(findings.waived.groups & findings.proven, "")
    kinds = {COUNTED: levels, REACHED: reached, WAIVED: waived}
    parts = [
        _counts(audit, kinds, ALL, pd.Series("all", index=groups.index), lambda cell: "all"),
        _counts(audit, kinds, ACCOUNT, groups["account_profile"], lambda cell: cell.account),
        _counts(audit, kinds, REGION, groups["region"], lambda cell: cell.region),
    ]
    if trend:
        parts.append(_of_runs(trend, parts[0].columns))
    return pd.concat(parts, ignore_index=True)


def _of_runs(trend: Trend, columns: "pd.Index[str]") -> pd.DataFrame:
    rows = [{"scope": RUN, "name": _minute(started), **counts} for started, counts in trend]
    frame = pd.DataFrame(rows).reindex(columns=columns)
    return frame.astype(dict.fromkeys(columns[2:], "Int64"))


def _minute(started: str) -> str:
    return started.rpartition(" to ")[2][:16].replace("T", " ")


def coverage(audit: Audit) -> pd.DataFrame:
    """The cells that were planned and not read, in the order of the run."""
    columns = ["account_profile", "account_id", "region", "policy", "status", "code", "message", "what_to_do"]
    accounts = {account.name: account for account in audit.output.accounts}
    rows = [_gap(cell, accounts.get(cell.account)) for cell in audit.gaps]
    return pd.DataFrame(rows, columns=columns, dtype="str")


def waived_line(findings: Findings) -> str:
    """How many groups of each level are waived, for people; empty where there are no waivers."""
    if not findings.waived.outcomes:
        return ""
    counts = []
    for level in LEVELS[:3]:
        groups = (findings.groups["risk"] == level) & findings.proven
        counts.append(f"{level} {groups.sum():,}, {(groups & findings.waived.groups).sum():,} of them waived")
    return "; ".join(counts)


def coverage_line(audit: Audit) -> str:
    """How much of what was planned was looked at, for people."""
    planned, gaps = sum(not cell.is_left_out for cell in audit.cells), len(audit.gaps)
    line = f"{planned - gaps:,} of {planned:,} cells (account × region × policy) were read"
    return line if audit.output.complete else line + "; the run was cut off"


def policy_counts(audit: Audit) -> pd.DataFrame:
    """What each policy found, where no groups are counted: policy, resource, resources, cells_not_read.

    Resources are NA where none of a policy's cells could be read.
    """
    unread = Counter(cell.policy for cell in audit.gaps)
    read = {cell.policy for cell in audit.cells if cell.status is Status.OK}
    rows = [
        (
            policy.name,
            policy.resource,
            len(audit.sheets.get(policy.name, ())) if policy.name in read else None,
            unread[policy.name],
        )
        for policy in audit.output.policies
    ]
    frame = pd.DataFrame(rows, columns=["policy", "resource", "resources", "cells_not_read"])
    return frame.astype({"resources": "Int64"})


def _counts(
    audit: Audit,
    kinds: Mapping[tuple[str, ...], "pd.Series[str]"],
    scope: str,
    key: "pd.Series[str]",
    name_of: Callable[[Cell], str],
) -> pd.DataFrame:
    resources = {policy.name: policy.resource for policy in audit.output.policies}
    unread: dict[str, int] = {}
    known: set[str] = set(key)
    for cell in audit.cells:
        name = name_of(cell)
        unread[name] = unread.get(name, 0) + cell.is_gap
        if cell.status is Status.OK and resources[cell.policy] == GROUPS:
            known.add(name)
    names = sorted(unread) if scope == REGION else list(unread)
    counted = [_crosstab(key, values, names, columns) for columns, values in kinds.items()]
    counts = pd.concat(counted, axis="columns")
    counts["groups"] = counts[list(COUNTED)].sum(axis="columns")
    counts[~counts.index.isin(known)] = pd.NA
    counts["cells_not_read"] = [unread[name] for name in names]
    counts.insert(0, "name", names)
    counts.insert(0, "scope", scope)
    counts.columns.name = None
    return counts.reset_index(drop=True)


def _crosstab(
    key: "pd.Series[str]", values: "pd.Series[str]", names: Sequence[str], columns: Sequence[str]
) -> pd.DataFrame:
    """How many rows have each name and value. `pandas.crosstab` takes a tenth of a second for no rows at all."""
    row = pd.Index(list(names)).get_indexer(pd.Index(key))
    column = pd.Index(list(columns)).get_indexer(pd.Index(values))
    shown = (row >= 0) & (column >= 0)
    places = row[shown] * len(columns) + column[shown]
    counts = np.bincount(places, minlength=len(names) * len(columns)).reshape(len(names), len(columns))
    return pd.DataFrame(counts, index=list(names), columns=list(columns)).astype("Int64")


def _gap(cell: Cell, account: PlannedAccount | None) -> tuple[str, ...]:
    what = advise(cell, account)
    where = (cell.account, cell.account_id, cell.region, cell.policy)
    return (*where, cell.status.value, cell.code, decoded(cell.message), what)
