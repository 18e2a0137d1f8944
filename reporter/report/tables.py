"""What each table shows: which rows and columns, in which order."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from reporter.accounts.expected import PlannedAccount
from reporter.accounts.labels import NO_LABELS, Labels
from reporter.custodian.metadata import OWN_TABS, PlannedPolicy
from reporter.custodian.resource_types import GROUPS, INVENTORY_TABS
from reporter.errors import InputError
from reporter.inventory.audit import Audit
from reporter.inventory.columns import TAGS
from reporter.inventory.risk import LEVELS
from reporter.names import decoded, distinct, printable
from reporter.output.manifest import Cell, Status
from reporter.report.advice import advise

#: What each column means: the head of a workbook's column shows it, and the README lists it.
DESCRIPTIONS = {
    "account_profile": "Name of the account in the accounts file",
    "account_id": "AWS account id",
    "region": "AWS region",
    "security_group_id": "Id of the security group",
    "group_name": "Its name",
    "vpc_id": "The VPC it belongs to",
    "is_default": "The VPC's default group: AWS does not let it be deleted or renamed",
    "has_ssh_rule": "An ingress rule lets TCP port 22 in: tcp with 22 in its range, or all traffic",
    "has_ssh_open_world": "One and the same ingress rule lets TCP port 22 in and names 0.0.0.0/0 or ::/0",
    "in_use": "A network interface of any scanned account, or an instance, carries the group",
    "attached_eni_count": "How many network interfaces carry it",
    "attached_resources": "Those interfaces, then the instances that carry the group",
    "ssh_rules": "Its SSH rules: source -> ports",
    "risk": "critical: SSH open to the world and in use; high: default group on an instance; "
    "medium: SSH open to the world, not in use; low: not in use; none: otherwise",
    "risk_note": "Filled where an answer is missing and the risk is the worst it could be",
    "unused": "Nothing refers to it: no interface, launch configuration, Lambda function, CodeBuild "
    "project, Batch environment, scheduled ECS task or other group's rule",
    "instances": "Names and states of those instances",
    "description": "Its description",
    "tags": "Its tags: key=value",
    "interface_id": "Id of the network interface; empty where only the instance's record names the group",
    "interface_type": "What AWS calls the kind of interface",
    "interface_description": "Its description: names the load balancer, Lambda function, … it is for",
    "private_ip": "Its primary private IPv4 address",
    "public_ip": "Its public IPv4 address, if any",
    "instance_id": "The instance it is attached to, if any",
    "instance_name": "That instance's Name tag",
    "instance_state": "That instance's state when the audit ran",
    "interface_account": "The account the interface was found in: another one's in a shared VPC",
    "scope": "What the counts are of: all groups, an account, a region",
    "name": "Which account or region",
    **{level: f"How many groups of risk {level}" for level in LEVELS},
    "groups": "How many groups in all",
    "cells_not_read": "How many account × region × policy cells could not be read: the coverage tab lists them",
    "policy": "The Custodian policy",
    "status": "denied: AWS said no; failed: anything else went wrong; skipped: never tried",
    "code": "The error's code",
    "message": "What AWS or Custodian said",
    "resource": "What Custodian calls the type of resource",
    "resources": "How many the policy found",
    "what_to_do": "What makes it readable the next time",
}

#: Always there, in this order and before all others, even where nothing was found.
FINDING_TABS = ("default_sg", "ssh_open", "ssh_world")
_FINDING_FLAGS = {"default_sg": "is_default", "ssh_open": "has_ssh_rule", "ssh_world": "has_ssh_open_world"}

ALL, ACCOUNT, REGION = "all", "account", "region"

UNKNOWN = "unknown"
SUMMARY = "summary"
_MAX_NAME = 255  # characters: Excel has no longer head of a table's column
_PLACE = ("account_profile", "account_id", "region")
_NOT_ALL = "Every security group that a policy found, worst risk first: no policy lists all there are"


def _nobody(rows: int) -> None:
    pass


@dataclass(frozen=True)
class Table:
    """A tab: its name, a line that says what it shows, and the rows.

    Cells are texts, numbers, booleans or tuples of texts; NA stands for `unknown`.
    """

    name: str
    title: str
    frame: pd.DataFrame
    full_name: str = ""
    """Of the policy or tab it is of, where that differs from `name`, which is unlike all others in any case."""
    on_rows: Callable[[int], None] = field(default=_nobody, repr=False, compare=False)
    """Told how many rows more a format has taken."""

    def batches(self, rows: int) -> Iterator[list[list[Any]]]:
        """So many rows at a time, as columns of plain Python values; None stands for `unknown`."""
        for start in range(0, len(self.frame), rows):
            part = self.frame.iloc[start : start + rows]
            yield [_values(part.iloc[:, number]) for number in range(len(part.columns))]
            self.on_rows(len(part))

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows, of plain Python values; None stands for `unknown`."""
        for columns in self.batches(10_000):
            yield from zip(*columns, strict=True)


def build(audit: Audit, labels: Labels = NO_LABELS) -> list[Table]:
    """Every table of the report, in order; `labels` are columns on the accounts, where a row has one.

    Raises InputError where a policy's `metadata.report.tab` cannot be followed.
    """
    tables = list(_policy_tables(audit))
    if audit.output.has_groups:
        title = "Every security group, worst risk first" if audit.output.lists_all_groups else _NOT_ALL
        tables.append(Table("security_groups", title, audit.inventory.groups))
        tables.append(Table("attachments", "Every group and interface it is on", audit.inventory.attachments))
        last = Table(SUMMARY, "Groups by risk, account and region", summary(audit))
    else:
        last = Table(SUMMARY, "What each policy found", _policy_summary(audit))
    tables = list(_named_apart(tables))
    return [
        *(_headed(_labelled(table, labels)) for table in tables),
        last,
        *(_headed(_labelled(table, labels)) for table in _named_apart(_sheets_by_policy(audit), tables)),
        Table("coverage", coverage_line(audit), coverage(audit)),
    ]


def _named_apart(tables: Iterable[Table], others: Sequence[Table] = ()) -> Iterator[Table]:
    """The tables under names that can be shown, numbered where others, or the report's own, have the name."""
    tables = list(tables)
    taken = {table.name.casefold() for table in others} | (set(OWN_TABS) if others else set())
    for table, name in zip(tables, _shown((table.name for table in tables), taken), strict=True):
        yield table if name == table.name else replace(table, name=name, full_name=_name(table.name))


def _headed(table: Table) -> Table:
    """The table with heads that can be shown: they may be keys of a resource or of an account's tags."""
    heads = list(_shown(map(str, table.frame.columns)))
    if heads == list(table.frame.columns):
        return table
    return replace(table, frame=table.frame.set_axis(heads, axis="columns"))


def _shown(names: Iterable[str], taken: Iterable[str] = ()) -> Iterator[str]:
    return distinct(map(_name, names), lambda name, ending: name + ending, taken)


def _name(text: str) -> str:
    return printable(text)[:_MAX_NAME] or "unnamed"


def _labelled(table: Table, labels: Labels) -> Table:
    """The table with the labels of each row's account: unknown where the accounts file has no such account.

    A resource's tags stay last; a group's own columns stay where they are.
    """
    frame = table.frame
    if not labels.columns:
        return table
    # A name may be any account's; an id is one's own, and stands in where the output has no name.
    found = [
        labels.accounts.get(name, labels.accounts.get(account_id))
        for name, account_id in zip(frame["account_profile"], frame["account_id"], strict=True)
    ]
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


def summary(audit: Audit) -> pd.DataFrame:
    """Counts of groups by risk: one row for all, then one an account, then one a region.

    Columns: scope, name, a column a risk level, groups, cells_not_read. An account or region that was read and
    holds no group is there with zeros; where no list of groups could be read, the counts are NA.
    """
    groups = audit.inventory.groups
    parts = [
        _counts(audit, ALL, pd.Series("all", index=groups.index), lambda cell: "all"),
        _counts(audit, ACCOUNT, groups["account_profile"], lambda cell: cell.account),
        _counts(audit, REGION, groups["region"], lambda cell: cell.region),
    ]
    return pd.concat(parts, ignore_index=True)


def coverage(audit: Audit) -> pd.DataFrame:
    """The cells that were planned and not read, in the order of the run."""
    columns = ["account_profile", "account_id", "region", "policy", "status", "code", "message", "what_to_do"]
    accounts = {account.name: account for account in audit.output.accounts}
    rows = [_gap(cell, accounts.get(cell.account)) for cell in audit.gaps]
    return pd.DataFrame(rows, columns=columns, dtype="str")


def coverage_line(audit: Audit) -> str:
    """How much of what was planned was looked at, for people."""
    planned, gaps = len(audit.cells), len(audit.gaps)
    line = f"{planned - gaps} of {planned} cells (account × region × policy) were read"
    return line if audit.output.complete else line + "; the run was cut off"


def _policy_tables(audit: Audit) -> Iterator[Table]:
    """A table a tab: what its policies listed, and the groups of which they gave no answer (`unknown`)."""
    groups = audit.inventory.groups
    policies_of: dict[str, list[PlannedPolicy]] = {
        name: [] for name in FINDING_TABS if audit.output.has_groups
    }
    for policy in audit.output.policies:
        tab = _tab(policy)
        if not tab:
            continue
        if tab.casefold() in OWN_TABS:
            raise InputError(f"policy {policy.name}: metadata.report.tab: {tab} is the report's own")
        policies_of.setdefault(tab, []).append(policy)
    for tab, policies in policies_of.items():
        wanted = {policy.name for policy in policies if policy.resource == GROUPS}
        others = [policy.name for policy in policies if policy.resource != GROUPS]
        title = next((policy.description for policy in policies if policy.description), "")
        if wanted:
            rows = _any_of(audit.inventory.caught, wanted) | _any_of(audit.inventory.unanswered, wanted)
            yield Table(tab, title or tab, groups[rows].reset_index(drop=True))
        elif tab in _FINDING_FLAGS and not others:
            rows = groups[_FINDING_FLAGS[tab]].fillna(True)
            yield Table(tab, DESCRIPTIONS[_FINDING_FLAGS[tab]], groups[rows].reset_index(drop=True))
        if others:
            yield Table(tab, title or tab, _resources(audit, others))


def _tab(policy: PlannedPolicy) -> str:
    """The tab that a policy names, unless it is one of the report's own that the policy fills with others."""
    tab = policy.report.get("tab", "")
    inventory = not policy.filtered or policy.resource != GROUPS
    return "" if inventory and tab == INVENTORY_TABS.get(policy.resource) else tab


def found_nothing(audit: Audit) -> list[str]:
    """The policies that were read and have no table, since they found nothing."""
    groups = audit.inventory.caught
    read = {cell.policy for cell in audit.cells if cell.status is Status.OK}
    return [
        policy.name
        for policy in audit.output.policies
        if policy.name in read
        and not _tab(policy)
        and (
            policy.filtered and not _any_of(groups, {policy.name}).any()
            if policy.resource == GROUPS
            else policy.name in audit.sheets and not audit.sheets[policy.name]
        )
    ]


def _sheets_by_policy(audit: Audit) -> Iterator[Table]:
    """A table for each policy that names no tab and found something, under its own name."""
    groups = audit.inventory.groups
    for policy in audit.output.policies:
        if _tab(policy):
            continue
        if policy.resource == GROUPS:
            rows = _any_of(audit.inventory.caught, {policy.name})
            if policy.filtered and rows.any():
                yield Table(policy.name, policy.description, groups[rows].reset_index(drop=True))
        elif audit.sheets.get(policy.name):
            yield Table(policy.name, policy.description, _resources(audit, [policy.name]))


def _any_of(names: "pd.Series[Any]", wanted: set[str]) -> "pd.Series[bool]":
    """For each row whether it names one of the wanted policies."""
    found = [not wanted.isdisjoint(each) for each in names]
    return pd.Series(found, index=names.index, dtype=bool)


def _resources(audit: Audit, policies: Sequence[str]) -> pd.DataFrame:
    """The resources that policies found: account, its id, region, the columns of their types, tags.

    What a resource lacks is an empty text. Columns that differ by case alone, which Excel cannot tell apart, and
    those called as the first three, are numbered.
    """
    rows = [row for name in policies for row in audit.sheets.get(name, ())]
    found = dict.fromkeys(name for *_, cells in rows for name in cells)
    found.pop(TAGS, None)
    names = list(distinct(found, lambda name, ending: name + ending, taken=[*_PLACE, TAGS]))
    data: dict[str, list[Any]] = {
        column: [row[number] for row in rows] for number, column in enumerate(_PLACE)
    }
    data |= {name: [cells.get(key, "") for *_, cells in rows] for name, key in zip(names, found, strict=True)}
    data[TAGS] = [cells.get(TAGS, ()) for *_, cells in rows]
    frame = pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in data.items()})
    return frame.sort_values(["account_profile", "region"], kind="stable", ignore_index=True)


def _policy_summary(audit: Audit) -> pd.DataFrame:
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


def _counts(audit: Audit, scope: str, key: "pd.Series[str]", name_of: Callable[[Cell], str]) -> pd.DataFrame:
    groups = audit.inventory.groups
    resources = {policy.name: policy.resource for policy in audit.output.policies}
    unread: dict[str, int] = {}
    known: set[str] = set(key)
    for cell in audit.cells:
        name = name_of(cell)
        unread[name] = unread.get(name, 0) + (cell.status is not Status.OK)
        if cell.status is Status.OK and resources[cell.policy] == GROUPS:
            known.add(name)
    names = sorted(unread) if scope == REGION else list(unread)
    counts = pd.crosstab(key, groups["risk"]) if len(groups) else pd.DataFrame()
    counts = counts.reindex(index=names, columns=list(LEVELS), fill_value=0).astype("Int64")
    counts["groups"] = counts.sum(axis="columns")
    counts[~counts.index.isin(known)] = pd.NA
    counts["cells_not_read"] = [unread[name] for name in names]
    counts.insert(0, "name", names)
    counts.insert(0, "scope", scope)
    counts.columns.name = None
    return counts.reset_index(drop=True)


def _gap(cell: Cell, account: PlannedAccount | None) -> tuple[str, ...]:
    what = advise(cell, account)
    where = (cell.account, cell.account_id, cell.region, cell.policy)
    # A message may name a file.
    return (*where, cell.status.value, cell.code, decoded(cell.message), what)


def _values(column: "pd.Series[Any]") -> list[Any]:
    values = column.to_numpy(dtype=object)
    unknown = pd.isna(values)
    if unknown.any():
        values = values.copy()
        values[unknown] = None
    return list(values)
