"""What each table shows: which rows and columns, in which order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reporter.advice import advise
from reporter.audit import Audit
from reporter.errors import InputError
from reporter.inventory.records import GROUPS
from reporter.inventory.risk import LEVELS
from reporter.manifest import Cell, PlannedAccount, Status

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
    "what_to_do": "What makes it readable the next time",
}

#: Always there, in this order and before all others, even where nothing was found.
FINDING_TABS = ("default_sg", "ssh_open", "ssh_world")
_FINDING_FLAGS = {"default_sg": "is_default", "ssh_open": "has_ssh_rule", "ssh_world": "has_ssh_open_world"}

ALL, ACCOUNT, REGION = "all", "account", "region"

UNKNOWN = "unknown"
SUMMARY = "summary"


@dataclass(frozen=True)
class Table:
    """A tab: its name, a line that says what it shows, and the rows.

    Cells are texts, numbers, booleans or tuples of texts; NA stands for `unknown`.
    """

    name: str
    title: str
    frame: pd.DataFrame

    def stretches(self, rows: int) -> Iterator[list[list[Any]]]:
        """So many rows at a time, as columns of plain Python values; None stands for `unknown`."""
        for start in range(0, len(self.frame), rows):
            part = self.frame.iloc[start : start + rows]
            yield [_values(part.iloc[:, number]) for number in range(len(part.columns))]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows, of plain Python values; None stands for `unknown`."""
        for columns in self.stretches(10_000):
            yield from zip(*columns, strict=True)


def build(audit: Audit) -> list[Table]:
    """Every table of the report, in order."""
    return [
        *_finding_tables(audit),
        Table("security_groups", "Every security group, worst risk first", audit.inventory.groups),
        Table("attachments", "Every group and interface it is on", audit.inventory.attachments),
        Table(SUMMARY, "Groups by risk, account and region", summary(audit)),
        Table("coverage", coverage_line(audit), coverage(audit)),
    ]


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


def _finding_tables(audit: Audit) -> Iterator[Table]:
    """A table a tab: the groups its policies listed, and those of which they gave no answer (`unknown`)."""
    groups, caught, unanswered = audit.inventory.groups, audit.inventory.caught, audit.inventory.unanswered
    policies_of: dict[str, list[str]] = {name: [] for name in FINDING_TABS}
    titles: dict[str, str] = {}
    for policy in audit.output.policies:
        tab = policy.report.get("tab", "")
        if policy.resource == GROUPS and policy.filtered and tab:
            if tab.casefold() in ("security_groups", "attachments", "summary", "coverage"):
                raise InputError(f"policy {policy.name}: metadata.report.tab: {tab} is the report's own")
            policies_of.setdefault(tab, []).append(policy.name)
            titles.setdefault(tab, policy.description)
    for tab, names in policies_of.items():
        if names:
            wanted = set(names)
            rows = caught.map(wanted.intersection).astype(bool) | unanswered.map(wanted.intersection).astype(
                bool
            )
        else:
            rows = groups[_FINDING_FLAGS[tab]].fillna(True)
        title = titles.get(tab, DESCRIPTIONS[_FINDING_FLAGS[tab]] if tab in _FINDING_FLAGS else tab)
        yield Table(tab, title, groups[rows].reset_index(drop=True))


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
    return (*where, cell.status.value, cell.code, cell.message, what)


def _values(column: "pd.Series[Any]") -> list[Any]:
    values = column.astype(object)
    unknown = values.isna()
    return values.where(~unknown, None).tolist() if unknown.any() else values.tolist()
