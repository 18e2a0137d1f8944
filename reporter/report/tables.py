"""What each table shows: which rows and columns, in which order."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from reporter.accounts.labels import NO_LABELS, Labels
from reporter.custodian import matched_rules
from reporter.custodian.metadata import MATCHED_RULES, OWN_TABS, PlannedPolicy
from reporter.custodian.resource_types import GROUPS, INVENTORY_TABS
from reporter.findings.assess import Findings
from reporter.findings.past import NO_PAST, Past
from reporter.findings.waived import TOLD_BY_GROUP
from reporter.inventory.audit import Audit
from reporter.inventory.columns import TAGS
from reporter.names import clean, distinct
from reporter.output.manifest import Status
from reporter.remedy import next_steps
from reporter.report.changes import CHANGES, NOT_TOLD, changes, since_line
from reporter.report.descriptions import DESCRIPTIONS, PLACE
from reporter.report.duplicates import DUPLICATES, duplicates
from reporter.report.entries import OWN_POLICIES
from reporter.report.summary import (
    SUMMARY,
    SUMMARY_ACCOUNTS,
    SUMMARY_REGIONS,
    SUMMARY_RUNS,
    coverage,
    coverage_line,
    policy_counts,
    risk_counts,
    runs,
)
from reporter.report.table import Kind, Table
from reporter.report.waivers import WAIVERS, WAIVERS_TITLE, waivers

#: Always there, in this order and before all others, even where nothing was found.
FINDING_TABS = ("default_sg", "ssh_open", "ssh_world")
_FINDING_FLAGS = {"default_sg": "is_default", "ssh_open": "has_ssh_rule", "ssh_world": "has_ssh_open_world"}

_BEFORE_RULES = "since_last"  # those that matched stand where they are read
_MAX_NAME = 255  # characters: Excel has no longer head of a table's column
_NOT_ALL = "Every security group that a policy found, worst risk first: no policy lists all there are"


def build(
    audit: Audit, findings: Findings, labels: Labels = NO_LABELS, past: Past = NO_PAST
) -> Iterator[Table]:
    """Every table of the report, in order; `labels` are columns on the accounts, where a row has one, and `past` is
    what is known of earlier runs. Those of the whole are made when all others were taken."""
    found = list(_policy_tables(audit, findings))
    named = list(_named_apart([*found, *_inventory_tables(audit, findings, past)]))
    by_policy = _named_apart(_sheets_by_policy(audit, findings), named)
    for table in (*named[: len(found)], *by_policy, *named[len(found) :]):
        yield headed(labelled(table, labels))
    yield from _whole(audit, findings, past)
    gaps = Table("coverage", coverage_line(audit), coverage(audit), Kind.COVERAGE)
    yield headed(labelled(gaps, labels))


def _inventory_tables(audit: Audit, findings: Findings, past: Past) -> Iterator[Table]:
    """The report's own tables of groups."""
    if not audit.output.has_groups:
        return
    title = "Every security group, worst risk first" if audit.output.lists_all_groups else _NOT_ALL
    yield Table("security_groups", title, findings.groups, Kind.GROUPS)
    title = "Every group and interface it is on"
    yield Table("attachments", title, audit.attachments, Kind.ATTACHMENTS)
    yield Table(CHANGES, since_line(past), changes(past), Kind.CHANGES)
    title = "Groups of a VPC with exactly the same rules"
    yield Table(DUPLICATES, title, duplicates(findings.groups), Kind.DUPLICATES)


def _whole(audit: Audit, findings: Findings, past: Past) -> Iterator[Table]:
    """The tables that are not of an account."""
    if not audit.output.has_groups:
        yield Table(SUMMARY, "What each policy found", policy_counts(audit), Kind.SUMMARY)
        return
    yield Table(WAIVERS, WAIVERS_TITLE, waivers(audit, findings), Kind.WAIVERS)
    counts = risk_counts(audit, findings)
    yield Table(SUMMARY_ACCOUNTS, "Groups by risk and account", counts.accounts, Kind.SUMMARY)
    yield Table(SUMMARY_REGIONS, "Groups by risk and region", counts.regions, Kind.SUMMARY)
    yield Table(
        SUMMARY_RUNS, "Groups by risk in the last runs", runs(audit, counts, past.trend), Kind.SUMMARY
    )


def _named_apart(tables: Iterable[Table], others: Sequence[Table] = ()) -> Iterator[Table]:
    """The tables under names that can be shown, numbered where others, or the report's own, have the name."""
    tables = list(tables)
    taken = {table.name.casefold() for table in others} | (set(OWN_TABS) if others else set())
    for table, name in zip(tables, _shown((table.name for table in tables), taken), strict=True):
        yield table if name == table.name else replace(table, name=name, full_name=_name(table.name))


def headed(table: Table) -> Table:
    """The table with heads that can be shown: they may be keys of a resource or of an account's tags."""
    heads = list(_shown(map(str, table.frame.columns)))
    if heads == list(table.frame.columns):
        return table
    return replace(table, frame=table.frame.set_axis(heads, axis="columns"))


def _shown(names: Iterable[str], taken: Iterable[str] = ()) -> Iterator[str]:
    return distinct(map(_name, names), lambda name, ending: name + ending, taken)


def _name(text: str) -> str:
    return clean(text)[:_MAX_NAME] or "unnamed"


def labelled(table: Table, labels: Labels) -> Table:
    """The table with the labels of each row's account: unknown where the accounts file has no such account.

    A resource's tags stay last; a group's own columns stay where they are.
    """
    frame = table.frame
    if not labels.columns:
        return table
    found = list(map(labels.of, frame["account_profile"], frame["account_id"]))
    texts = {
        column: pd.Series(
            [None if each is None else each.get(column, "") for each in found], index=frame.index, dtype="str"
        )
        for column in labels.columns
    }
    tags_last = frame.columns[-1] == TAGS and "risk" not in frame.columns
    place = len(frame.columns) - tags_last
    parts = [frame.iloc[:, :place], pd.DataFrame(texts), frame.iloc[:, place:]]
    return replace(table, frame=pd.concat(parts, axis="columns"))


def _policy_tables(audit: Audit, findings: Findings) -> Iterator[Table]:
    """A table a tab: what its policies caught, and what they may have caught (they gave no answer there)."""
    groups = findings.groups
    policies_of: dict[str, list[PlannedPolicy]] = {
        name: [] for name in FINDING_TABS if audit.output.has_groups
    }
    for policy in audit.output.policies:
        tab = _tab(policy)
        if tab:
            policies_of.setdefault(tab, []).append(policy)
    for tab, policies in policies_of.items():
        on_groups = [policy for policy in policies if policy.resource == GROUPS]
        others = [policy.name for policy in policies if policy.resource != GROUPS]
        title = next((policy.in_report.title for policy in policies if policy.in_report.title), "")
        title = title or next((policy.description for policy in policies if policy.description), tab)
        if on_groups:
            names = tuple(policy.name for policy in on_groups)
            rows = _caught(findings, on_groups, possible=True)
            yield Table(tab, title, rows, Kind.FINDINGS, policies=names)
        elif tab in _FINDING_FLAGS and not others:
            rows = groups[groups[_FINDING_FLAGS[tab]].fillna(True)]
            own = TOLD_BY_GROUP.get(_FINDING_FLAGS[tab])
            rows = _with_waived(rows, findings, [own] if own else [])
            title = DESCRIPTIONS[_FINDING_FLAGS[tab]]
            own_policy = (OWN_POLICIES[tab],)
            yield Table(tab, title, rows.reset_index(drop=True), Kind.FINDINGS, policies=own_policy)
        if others:
            yield Table(tab, title, _resources(audit, others))


def _tab(policy: PlannedPolicy) -> str:
    """The tab that a policy names, unless it is one of the report's own that the policy fills with others."""
    tab = policy.in_report.tab
    inventory = not policy.filtered or policy.resource != GROUPS
    return "" if inventory and tab == INVENTORY_TABS.get(policy.resource) else tab


def found_nothing(audit: Audit, findings: Findings) -> list[str]:
    """The policies that were read and have no table, since they found nothing."""
    read = {cell.policy for cell in audit.cells if cell.status is Status.OK}
    return [
        policy.name
        for policy in audit.output.policies
        if policy.name in read
        and not _tab(policy)
        and (
            policy.filtered and not findings.of_groups([policy.name], possible=False).any()
            if policy.resource == GROUPS
            else policy.name in audit.sheets and not audit.sheets[policy.name]
        )
    ]


def _sheets_by_policy(audit: Audit, findings: Findings) -> Iterator[Table]:
    """A table for each policy that names no tab and found something, under its own name."""
    for policy in audit.output.policies:
        if _tab(policy):
            continue
        if policy.resource == GROUPS:
            rows = _caught(findings, [policy], possible=False)
            if policy.filtered and len(rows):
                yield Table(policy.name, _title(policy), rows, Kind.FINDINGS, policies=(policy.name,))
        elif audit.sheets.get(policy.name):
            yield Table(policy.name, _title(policy), _resources(audit, [policy.name]))


def _title(policy: PlannedPolicy) -> str:
    return policy.in_report.title or policy.description or policy.name


def _caught(findings: Findings, policies: Sequence[PlannedPolicy], *, possible: bool) -> pd.DataFrame:
    """The groups that policies caught, or also those that they may have, with the rules that made them match.

    A policy without filters lists every group.
    """
    groups, names = findings.groups, [policy.name for policy in policies]
    lists_all = not all(policy.filtered for policy in policies)
    rows = groups if lists_all else groups[findings.of_groups(names, possible=possible)]
    # Of these rows alone: where there are none, pandas would take in those of the columns.
    told = {
        **findings.since(names, rows.index),
        "next_step": next_steps.of_groups(findings, names, rows.index),
    }
    rows = rows.assign(**told)
    if not lists_all:
        rows = _with_waived(rows, findings, names)
    if not any(_on_rules(policy) for policy in policies):
        return rows.reset_index(drop=True)
    rules = findings.matched_rules(names)
    matched = [NOT_TOLD if (found := rules.get(row, ())) is None else found for row in rows.index]
    place = list(rows.columns).index(_BEFORE_RULES) + 1
    rows.insert(place, MATCHED_RULES, pd.Series(matched, index=rows.index, dtype=object))
    return rows.reset_index(drop=True)


def _with_waived(rows: pd.DataFrame, findings: Findings, policies: Sequence[str]) -> pd.DataFrame:
    """The groups with what waivers say of the policies' findings, in place of what gives them their risk."""
    told = findings.waived.by(policies)
    return rows.assign(waived=pd.Series([told.get(row, "") for row in rows.index], rows.index, dtype="str"))


def _on_rules(policy: PlannedPolicy) -> bool:
    """Whether a policy is about rules, as far as the run recorded its filters."""
    return policy.filters is None or matched_rules.on_rules(policy.filters)


def _resources(audit: Audit, policies: Sequence[str]) -> pd.DataFrame:
    """The resources that policies found: account, its id, region, the columns of their types, tags.

    What a resource lacks is an empty text. Columns that differ by case alone, which Excel cannot tell apart, and
    those called as the first three, are numbered.
    """
    rows = [row for name in policies for row in audit.sheets.get(name, ())]
    found = dict.fromkeys(name for *_, cells in rows for name in cells)
    found.pop(TAGS, None)
    names = list(distinct(found, lambda name, ending: name + ending, taken=[*PLACE, TAGS]))
    data: dict[str, list[Any]] = {
        column: [row[number] for row in rows] for number, column in enumerate(PLACE)
    }
    data |= {name: [cells.get(key, "") for *_, cells in rows] for name, key in zip(names, found, strict=True)}
    data[TAGS] = [cells.get(TAGS, ()) for *_, cells in rows]
    frame = pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in data.items()})
    return frame.sort_values(["account_profile", "region"], kind="stable", ignore_index=True)
