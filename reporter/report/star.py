"""The tables as a database wants them: a star of facts around accounts, regions and policies, whose names are the keys.

`account_profile` names one account, `region` one region, `policy` one policy: in each table of the report's own that
has such a column it leads to a row of `accounts`, `regions` or `policies`. Not so in `waivers`, which may name
anything, nor where a policy's resources have such a column of their own.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pandas as pd

from reporter.accounts.labels import NO_LABELS, Labels
from reporter.custodian.metadata import DATABASE_COLUMNS, MATCHED_RULES
from reporter.custodian.resource_types import GROUPS
from reporter.findings.assess import Findings
from reporter.findings.changes import told_level
from reporter.findings.history import finding_level
from reporter.inventory.audit import Audit
from reporter.names import distinct
from reporter.output.manifest import Cell
from reporter.report.changes import NOT_TOLD
from reporter.report.descriptions import is_own
from reporter.report.table import Kind, Table
from reporter.report.tables import headed, labelled

ACCOUNTS, REGIONS, POLICIES, FINDINGS, FACTS = "accounts", "regions", "policies", "findings", "facts"
_FINDINGS_TITLE = "Each finding: a policy that caught a group, or may have where it was not read (not proven)"
_CELLS = ("cells_planned", "cells_not_read")
_OR_BEFORE = "; with nothing to read, those that only `changes` names"
_KEYS = {ACCOUNTS: "account_profile", REGIONS: "region", POLICIES: "policy"}


def key(table: Table) -> str | None:
    """The column that tells the rows of a dimension; None for all other tables."""
    return _KEYS.get(table.name) if table.kind is Kind.STAR else None


def dimension(table: Table, column: str) -> str | None:
    """Which dimension a column of a table leads to, if any: many rows to one."""
    if key(table) or table.kind is Kind.WAIVERS:  # the region of a waiver may be any
        return None
    if table.kind is Kind.RESOURCES and column == _KEYS[POLICIES]:  # that is of the resource
        return None
    return next((name for name, own in _KEYS.items() if own == column), None)


def build(
    audit: Audit, findings: Findings, tables: Sequence[Table], labels: Labels = NO_LABELS
) -> list[Table]:
    """The star, then the tables of the report, which are numbered where they are called as one of it is.

    The table of all groups says beside each risk whether it is proven and whether it is waived, so that a count by
    risk in a database can be the one that the report has.
    """
    gone = next((table.frame for table in tables if table.kind is Kind.CHANGES), None)
    accounts = Table(
        ACCOUNTS, f"The accounts that were to be read{_OR_BEFORE}", _accounts(audit, gone), Kind.STAR
    )
    regions = Table(
        REGIONS, f"The regions that were to be read{_OR_BEFORE}", _regions(audit, gone), Kind.STAR
    )
    policies = Table(POLICIES, f"The policies, in file order{_OR_BEFORE}", _policies(audit, gone), Kind.STAR)
    star = [headed(labelled(accounts, labels)), regions, policies]
    if audit.output.has_groups:
        found = Table(FINDINGS, _FINDINGS_TITLE, _findings(audit, findings), Kind.STAR)
        star.append(headed(labelled(found, labels)))
    all_tables = [*star, *(_described(_typed(_with_answers(table, findings)), audit) for table in tables)]
    return _named_apart(all_tables)


def with_facts(tables: Sequence[Table], lines: Sequence[str]) -> list[Table]:
    """The tables, after one of lines on the whole: a database has no other place for them."""
    frame = _frame([(line,) for line in lines], ("fact",), ())
    facts = Table(FACTS, "Lines on the whole: when, how much, what is missing", frame, Kind.STAR)
    return _named_apart([facts, *tables])


def _named_apart(tables: Sequence[Table]) -> list[Table]:
    names = distinct((table.name for table in tables), lambda name, ending: name + ending)
    return [
        table if name == table.name else _renamed(table, name)
        for table, name in zip(tables, names, strict=True)
    ]


def _renamed(table: Table, name: str) -> Table:
    elsewhere = table.name_in_report or table.name
    return replace(table, name=name, name_in_report=elsewhere, full_name=table.full_name or table.name)


def _accounts(audit: Audit, gone: pd.DataFrame | None) -> pd.DataFrame:
    ids = {cell.account: cell.account_id for cell in audit.cells}
    rows = [(name, ids[name], *counts) for name, *counts in _cells(audit, lambda cell: cell.account)]
    rows += [
        (*account, 0, 0)
        for account in _before(gone, "account_profile", "account_id")
        if account[0] not in ids
    ]
    return _frame(rows, ("account_profile", "account_id"), _CELLS)


def _regions(audit: Audit, gone: pd.DataFrame | None) -> pd.DataFrame:
    # What is asked of an account as a whole is of no region; the table of what was not read names it all the same.
    named = {cell.region for cell in audit.cells if cell.is_of_region or cell.is_gap}
    rows = [row for row in _cells(audit, lambda cell: cell.region) if row[0] in named]
    there = {name for name, *_ in rows}
    rows += [(name, 0, 0) for (name,) in _before(gone, "region") if name not in there]
    return _frame(rows, ("region",), _CELLS)


def _before(gone: pd.DataFrame | None, *columns: str) -> list[tuple[Any, ...]]:
    """What the changes name, by its first column each once: some of it only earlier runs had."""
    if gone is None:
        return []
    rows = zip(*(gone[column].tolist() for column in columns), strict=True)
    return list({row[0]: row for row in rows}.values())


def _cells(audit: Audit, key: Callable[[Cell], str]) -> Iterator[tuple[str, int, int]]:
    """By a key of each cell, in the order of the run, how many were planned and how many of those not read."""
    planned: Counter[str] = Counter()
    unread: Counter[str] = Counter()
    for cell in audit.cells:
        planned[key(cell)] += not cell.is_left_out
        unread[key(cell)] += cell.is_gap
    for name, count in planned.items():
        yield name, count, unread[name]


def _policies(audit: Audit, gone: pd.DataFrame | None) -> pd.DataFrame:
    rows: list[tuple[Any, ...]] = [
        (
            policy.name,
            policy.title,
            policy.description,
            policy.resource,
            policy.in_report.tab,
            policy.in_report.column,
            policy.exposed,
            policy.in_report.ports,
            policy.in_report.controls,
        )
        for policy in audit.output.policies
    ]
    there = {name for name, *_ in rows}
    rows += [
        (name, "", "", GROUPS, "", "", None, (), ())
        for (name,) in _before(gone, "policy")
        if name not in there
    ]
    texts = ("policy", "title", "description", "resource", "tab", "flag_column")
    frame = _frame(rows, texts, ("counts_for_risk", "ports", "controls"))
    return frame.astype({"counts_for_risk": "boolean"})


def _findings(audit: Audit, findings: Findings) -> pd.DataFrame:
    """A row a finding, proven or not, by group and policy, the worst groups first."""
    frame, groups = findings.frame, findings.groups
    columns = {policy.name: policy.in_report.column for policy in audit.output.policies}
    waived = findings.waived.by_finding()

    @cache
    def told(risk: str, proven: bool, policy: str, exposed: bool) -> str:
        return told_level(finding_level(risk, exposed, columns[policy]), proven=proven)

    policies, rows = frame["policy"].tolist(), frame["group"].tolist()
    of_group = (groups["risk"].take(rows), findings.proven.take(rows))
    levels = list(map(told, *of_group, policies, frame["exposed"]))
    accepted = [waived.get(finding, (False, "")) for finding in zip(rows, policies, strict=True)]
    found: dict[str, Any] = {
        **{name: frame[name] for name in ("account_profile", "account_id", "region")},
        "security_group_id": frame["resource_id"],
        **{name: frame[name] for name in ("group_name", "policy")},
        "level": pd.Series(levels, dtype="str"),
        "reachable": groups["reachable"].take(rows).reset_index(drop=True),
        **{name: frame.get(name, "") for name in ("first_seen", "since_last")},
        "waived": pd.Series([note for _, note in accepted], dtype="str"),
    }
    flags = {
        "is_waived": pd.Series([is_waived for is_waived, _ in accepted], dtype="boolean"),
        "proven": frame["proven"].astype("boolean"),
    }
    texts = pd.DataFrame(found, index=frame.index).astype("str")
    return texts.assign(**flags, matched_rules=frame["matched_rules"])


def _frame(rows: Any, texts: Sequence[str], others: Sequence[str]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=[*texts, *others])
    counts = dict.fromkeys((name for name in others if name in _CELLS), "int64")
    return frame.astype({**dict.fromkeys(texts, "str"), **counts})


def _with_answers(table: Table, findings: Findings) -> Table:
    """The table of all groups with what its texts tell, as flags."""
    if table.kind is not Kind.GROUPS:
        return table
    answers = (findings.proven, findings.waived.groups)
    flags = zip(DATABASE_COLUMNS, answers, strict=True)
    frame = table.frame.assign(**{name: answer.astype("boolean") for name, answer in flags})
    return replace(table, frame=frame)


def _typed(table: Table) -> Table:
    """The table with NULL for rules that cannot be told, for which a list of people's words stands elsewhere."""
    if table.kind not in (Kind.FINDINGS, Kind.CHANGES) or MATCHED_RULES not in table.frame:
        return table
    rules = [None if each == NOT_TOLD else each for each in table.frame[MATCHED_RULES]]
    told = {MATCHED_RULES: pd.Series(rules, index=table.frame.index, dtype=object)}
    return replace(table, frame=table.frame.assign(**told))


def _described(table: Table, audit: Audit) -> Table:
    """The table with what the columns mean that policies add."""
    if table.kind not in (Kind.GROUPS, Kind.FINDINGS):
        return table
    told: dict[str, list[str]] = {}
    for policy in audit.output.policies:
        column = policy.in_report.column
        if policy.resource == GROUPS and column and not is_own(table, column):
            told.setdefault(column, []).append(
                f"{policy.name} caught it: {policy.title}" if policy.title else f"{policy.name} caught it"
            )
    return replace(table, descriptions={name: "; ".join(texts) for name, texts in told.items()})
