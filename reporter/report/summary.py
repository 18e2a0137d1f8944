"""The tables that count: groups by risk, what each policy found, and what was not read."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

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
from reporter.output.reading import OWN_RUN
from reporter.report.advice import advise

#: What each policy found; where there are groups, these three.
SUMMARY = "summary"
SUMMARY_ACCOUNTS, SUMMARY_REGIONS, SUMMARY_RUNS = (
    f"{SUMMARY}_{of}" for of in ("accounts", "regions", "runs")
)

#: Those of the groups of proven risk that are waived: every finding that gives it is. The other levels come of none.
WAIVED = tuple(f"{level}_waived" for level in LEVELS[:3])

_RISKS = (*COUNTED, *REACHED, *WAIVED)

Trend = Sequence[tuple[str, Mapping[str, int | None]]]


@dataclass(frozen=True)
class RiskCounts:
    """Counts of groups by risk: of all, a row an account, worst first by what is not waived, a row a region.

    Columns: a column a risk level (`critical`, …) for the groups of which it is proven, one more
    (`critical_possible`, …) for those of which it is the worst that missing answers leave open, those of REACHED
    and WAIVED, groups, cells_planned, cells_not_read. Before them `accounts` has account_profile and account_id, and
    `regions` has region. An account or region that was read and holds no group is there with zeros; where no list of
    groups could be read, the counts are NA.
    """

    all: "pd.Series[Any]"
    accounts: pd.DataFrame
    regions: pd.DataFrame


def risk_counts(audit: Audit, findings: Findings) -> RiskCounts:
    """Count the groups by risk."""
    groups = findings.groups
    levels, reached = levels_and_reached(findings)
    waived = levels.rename_categories(lambda level: f"{level}_waived")
    waived[~(findings.waived.groups & findings.proven).to_numpy(bool)] = None
    kinds = {COUNTED: levels, REACHED: reached, WAIVED: waived}
    everything = _counts(audit, kinds, pd.Series("", index=groups.index), lambda cell: "")
    accounts = _worst_first(_counts(audit, kinds, groups["account_profile"], lambda cell: cell.account))
    of_regions = replace(audit, cells=tuple(cell for cell in audit.cells if cell.is_of_region))
    regions = _counts(of_regions, kinds, groups["region"], lambda cell: cell.region).sort_index()
    ids = {cell.account: cell.account_id for cell in audit.cells}
    accounts.insert(0, "account_profile", list(accounts.index))
    accounts.insert(1, "account_id", [ids[name] for name in accounts.index])
    regions.insert(0, "region", list(regions.index))
    return RiskCounts(everything.iloc[0], accounts.reset_index(drop=True), regions.reset_index(drop=True))


def _worst_first(counts: pd.DataFrame) -> pd.DataFrame:
    """The rows by what is left beside what is waived, those of which nothing is known last; else in their order."""
    left = counts[list(COUNTED)].to_numpy(dtype=float, na_value=np.nan)
    left[:, : len(WAIVED)] -= counts[list(WAIVED)].to_numpy(dtype=float, na_value=np.nan)
    return counts.iloc[np.lexsort(-left.T[::-1])]


def runs(audit: Audit, counts: RiskCounts, trend: Trend) -> pd.DataFrame:
    """A row a run of the trend, this one last: `run`, called after the minute in which it began (UTC), then the counts
    of all groups, as in RiskCounts but for cells_planned; those of an older run that are not known are NA."""
    columns = [*_RISKS, "groups", "cells_not_read"]
    this = (audit.output.started, dict(counts.all[columns]))
    rows = [{"run": minute(started), **found} for started, found in (*trend[:-1], this)]
    frame = pd.DataFrame(rows).reindex(columns=["run", *columns])
    return frame.astype(dict.fromkeys(columns, "Int64"))


def minute(started: str) -> str:
    """When a run began, to the minute; of output of several hours, the newest."""
    return started.rpartition(" to ")[2][:16].replace("T", " ")


def coverage(audit: Audit) -> pd.DataFrame:
    """The cells that were planned and not read, in the order of the run."""
    columns = ["account_profile", "account_id", "region", "policy", "status", "code", "message", "what_to_do"]
    accounts = {account.name: account for account in audit.output.accounts}
    own_run = audit.output.kind == OWN_RUN
    rows = [_gap(cell, accounts.get(cell.account), own_run=own_run) for cell in audit.gaps]
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
    kinds: "Mapping[tuple[str, ...], pd.Categorical[Any]]",
    key: "pd.Series[str]",
    name_of: Callable[[Cell], str],
) -> pd.DataFrame:
    """The counts of groups by a key, which is the index: that of each cell, in the order of the run."""
    resources = {policy.name: policy.resource for policy in audit.output.policies}
    planned: dict[str, int] = {}
    unread: dict[str, int] = {}
    of_row, keys = pd.factorize(key)
    known: set[str] = set(keys)
    for cell in audit.cells:
        name = name_of(cell)
        planned[name] = planned.get(name, 0) + (not cell.is_left_out)
        unread[name] = unread.get(name, 0) + cell.is_gap
        if cell.status is Status.OK and resources[cell.policy] == GROUPS:
            known.add(name)
    names = pd.Index(list(planned))
    row = names.get_indexer(pd.Index(keys))[of_row]
    counted: dict[str, np.ndarray[Any, Any]] = {}
    for columns, values in kinds.items():
        counted |= zip(columns, _crosstab(row, len(names), values, columns), strict=True)
    counted["groups"] = np.sum([counted[name] for name in COUNTED], axis=0)
    unknown = np.array([name not in known for name in names], dtype=bool)
    # A frame of them at once: one that grows by columns of integers that may be NA takes ten times as long.
    found = {name: pd.arrays.IntegerArray(counts, unknown.copy()) for name, counts in counted.items()}
    cells = {"cells_planned": list(planned.values()), "cells_not_read": list(unread.values())}
    return pd.DataFrame({**found, **cells}, index=names)


def _crosstab(
    row: "np.ndarray[Any, Any]", rows: int, values: "pd.Categorical[Any]", columns: Sequence[str]
) -> "np.ndarray[Any, Any]":
    """A line a column: how many values in each row are that. `pandas.crosstab` takes a tenth of a second for none."""
    of_kind = pd.Index(list(columns)).get_indexer(values.categories)
    column = np.append(of_kind, -1)[values.codes]  # that of what is missing is -1, too
    shown = (row >= 0) & (column >= 0)
    places = column[shown] * rows + row[shown]
    return np.bincount(places, minlength=rows * len(columns)).reshape(len(columns), rows)


def _gap(cell: Cell, account: PlannedAccount | None, *, own_run: bool) -> tuple[str, ...]:
    what = advise(cell, account, own_run=own_run)
    where = (cell.account, cell.account_id, cell.region, cell.policy)
    return (*where, cell.status.value, cell.code, decoded(cell.message), what)
