"""What a policy says of itself: its name, what it is on, and how it gets into the report.

`metadata.report` of a policy has the keys of `ReportMetadata`. Custodian ignores it and copies it into each run.
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from functools import cached_property
from hashlib import sha256
from typing import Any

import msgspec

from reporter.custodian.resource_types import GROUPS, INVENTORY_TABS

#: The report's own tables: no policy's tab may be called so.
OWN_TABS = (
    "overview",
    "security_groups",
    "attachments",
    "changes",
    "duplicates",
    "waivers",
    "closed",
    "summary",
    "summary_accounts",
    "summary_regions",
    "summary_runs",
    "coverage",
)

#: The columns that databases have beside those.
DATABASE_COLUMNS = ("risk_proven", "is_waived")

#: The columns of the table of security groups, before those that policies add.
GROUP_COLUMNS = (
    "account_profile",
    "account_id",
    "region",
    "security_group_id",
    "group_name",
    "vpc_id",
    "is_default",
    "has_ssh_rule",
    "has_ssh_open_world",
    "in_use",
    "attached_eni_count",
    "attached_resources",
    "ssh_rules",
    "risk",
    "reachable",
    "first_seen",
    "since_last",
    "next_step",
    "world_ports",
    "reachable_on",
    "instances",
    "waived",
    "risk_note",
    "unused",
    "wide_sources",
    "description",
    "tags",
    "same_rules_as",
    "covered_rules",
)

#: Those beside them where a run was to read roles (`--iam`).
ROLE_COLUMNS = ("role_power", "instance_roles", "role_power_why", "imdsv1")

#: And where it was to ask Access Analyzer too (`--access-analyzer`).
ACCESS_FINDINGS = "access_findings"

# By the column that they stand behind.
_BESIDE = {"reachable": ROLE_COLUMNS[:1], "instances": (*ROLE_COLUMNS[1:], ACCESS_FINDINGS)}

#: Those of them that policies fill.
FLAG_COLUMNS = frozenset({"is_default", "has_ssh_rule", "has_ssh_open_world", "unused"})

#: What made the policies of a finding tab match: a column of that tab.
MATCHED_RULES = "matched_rules"

#: All columns of tables of groups that are the report's own, so that no policy's and no field is called so.
OWN_COLUMNS = (*GROUP_COLUMNS, *ROLE_COLUMNS, ACCESS_FINDINGS, MATCHED_RULES, *DATABASE_COLUMNS)

#: The only level there is: it counts for the risk.
EXPOSED = "exposed"

_DESCRIBE = "describe"

# What besides resource type and filters decides where a policy looks, and at what (c7n.policy, c7n.query).
_DECIDING = ("query", "source", "conditions", "region", "start", "end", "tz")

_PORTS = re.compile(r"all|icmp|icmpv6|protocol \d{1,3}|(?:tcp|udp) (\d{1,5})(?:-(\d{1,5}))?")
_MAX_PORT = 65_535


def group_columns(there: Container[str]) -> Iterator[str]:
    """GROUP_COLUMNS, and among them those of ROLE_COLUMNS and ACCESS_FINDINGS that are there."""
    for name in GROUP_COLUMNS:
        yield name
        yield from (each for each in _BESIDE.get(name, ()) if each in there)


@dataclass(frozen=True)
class ReportMetadata:
    """A policy's `metadata.report`.

    `tab` is a tab of its own and `column` a True/False column; `title` is what a person calls it; `level` is
    `exposed` where it counts for the risk; `ports` are what it is about (`tcp 22`, `udp 1000-2000`, `all`);
    `controls` are what frameworks ask for with it (`SecurityHub.EC2.13`).
    """

    tab: str = ""
    column: str = ""
    title: str = ""
    level: str = ""
    ports: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()


_KEYS = tuple(each.name for each in fields(ReportMetadata))
_LISTS = frozenset({"ports", "controls"})


@dataclass(frozen=True)
class PlannedPolicy:
    """A policy of the run, in file order.

    `report` is its `metadata.report` as it is written; `filtered` says that it may leave resources out: what it
    does not list may exist all the same. `digest` stands for its text; `filters` are None where the run did not
    record them. With `on_events` it looked only at what an event named, as AWS ran it in one of Custodian's event
    modes. `catches` stands for what decides what it catches, see `catching`; it is empty in earlier runs.
    """

    name: str
    resource: str
    filtered: bool = True
    digest: str = ""
    description: str = ""
    report: dict[str, Any] = field(default_factory=dict)
    filters: list[Any] | None = None
    on_events: bool = False
    catches: str = ""

    @property
    def decides(self) -> str:
        """Stands for what decides what it catches: two of a text are comparable. Empty where that is not known."""
        if self.catches:
            return self.catches
        if self.filters is not None:
            return catching(self.resource, self.filters, self.report, {})
        return f"text {self.digest}" if self.digest else ""

    @property
    def lists_all(self) -> bool:
        """Whether it lists every resource of its type: what it does not list is not there."""
        return not (self.filtered or self.on_events)

    @cached_property
    def in_report(self) -> ReportMetadata:
        """What of `report` can be followed; `problems` tells the rest."""
        followed: dict[str, Any] = {
            key: tuple(value) if key in _LISTS else value
            for key, value in self.report.items()
            if not _reason(self, key, value)
        }
        return ReportMetadata(**followed)

    @property
    def title(self) -> str:
        """What a person calls it."""
        return self.in_report.title or self.name

    @property
    def exposed(self) -> bool:
        """Whether what it finds counts for the risk."""
        return self.in_report.level == EXPOSED


@dataclass(frozen=True)
class Problem:
    """A key of a policy's `metadata.report` that cannot be followed, and why."""

    policy: str
    key: str
    reason: str

    def __str__(self) -> str:
        where = f"metadata.report.{self.key}".rstrip(".")
        return f"policy {self.policy}: {where}: {self.reason}"


def may_leave_out(filters: Any, query: Any, source: Any) -> bool:
    """Whether a policy may leave resources out that are there.

    Only what Custodian asks the service itself lists all of them (`source: describe`, the default): AWS Config knows
    those that it was told to record, as they were when it did (c7n.query.ConfigSource).
    """
    return bool(filters or query) or not str(source or _DESCRIBE).startswith(_DESCRIBE)


def catching(resource: str, filters: Any, report: Mapping[str, Any], policy: Mapping[str, Any]) -> str:
    """A digest of what decides what a policy catches: its resource type and filters, `metadata.report.ports`, and those
    of `query`, `source`, `conditions`, `region`, `start`, `end` and `tz` that it has. Words for people are not among
    them.
    """
    deciding = {"resource": resource, "filters": filters or [], "ports": report.get("ports") or []}
    deciding |= {key: policy[key] for key in _DECIDING if policy.get(key)}
    return sha256(msgspec.json.encode(deciding, order="sorted")).hexdigest()[:16]


def problems(policies: Iterable[PlannedPolicy]) -> list[Problem]:
    """What of the policies' `metadata.report` cannot be followed, by itself or beside the others."""
    columns = {name.casefold(): name for name in FLAG_COLUMNS}
    tabs: dict[str, str] = {}
    found = []
    for policy in policies:
        for key, value in policy.report.items():
            reason = _reason(policy, key, value)
            if not reason and key in ("column", "tab"):
                reason = _clash(columns if key == "column" else tabs, value)
            if reason:
                found.append(Problem(policy.name, key, reason))
    return found


def without(problems: Iterable[Problem], policies: Iterable[PlannedPolicy]) -> tuple[PlannedPolicy, ...]:
    """The policies without the keys that cannot be followed."""
    wrong = {(problem.policy, problem.key) for problem in problems}
    return tuple(
        replace(
            policy,
            report={key: value for key, value in policy.report.items() if (policy.name, key) not in wrong},
        )
        for policy in policies
    )


def report_of(metadata: Any) -> dict[str, Any]:
    """The `report` of a policy's metadata, as it is written; empty where there is none."""
    report = metadata.get("report") if isinstance(metadata, Mapping) else None
    if report is None:
        return {}
    if not isinstance(report, Mapping):
        return {"": report}
    return {str(key): value for key, value in report.items()}


def _clash(known: dict[str, str], name: str) -> str:
    other = known.setdefault(name.casefold(), name)
    return f"{name} is {other} to Excel, which does not tell case apart" if other != name else ""


def _reason(policy: PlannedPolicy, key: str, value: Any) -> str:
    """What is wrong with one key, by itself; empty where nothing is."""
    if not key:
        return f"it is {_kind(value)}, not a map of {', '.join(_KEYS)}"
    if key not in _KEYS:
        near = get_close_matches(key, _KEYS, 1)
        return (
            f"no such key; did you mean {near[0]}?" if near else f"no such key; there are {', '.join(_KEYS)}"
        )
    if key in _LISTS:
        return _list_reason(key, value)
    if not isinstance(value, str):
        return f"it is {_kind(value)}, not a text"
    if not value.strip() or not value.isprintable():
        return "it is empty" if not value.strip() else "it holds a character that cannot be shown"
    groups = policy.resource == GROUPS
    if key == "tab":
        inventory = value == INVENTORY_TABS.get(policy.resource) and not (groups and policy.filtered)
        return f"{value} is the report's own" if value.casefold() in OWN_TABS and not inventory else ""
    if key == "title":
        return ""
    if not groups:
        return f"only a policy on {GROUPS} has a {key}"
    if key == "column":
        own = {name.casefold() for name in OWN_COLUMNS if name not in FLAG_COLUMNS}
        return f"{value} is the report's own" if value.casefold() in own else ""
    if value != EXPOSED:
        return f"{value!r} is no level; write {EXPOSED}, or leave it out: then the policy informs only"
    return "" if policy.filtered else "the policy has no filters: it would find every group"


def _list_reason(key: str, value: Any) -> str:
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        return f"it is {_kind(value)}, not a list of texts"
    if key == "ports":
        for each in value:
            found = _PORTS.fullmatch(each)
            numbers = [int(number) for number in (found.groups() if found else ()) if number]
            if not found or any(number > _MAX_PORT for number in numbers) or numbers != sorted(numbers):
                return f"{each!r} is none; write such as tcp 22, udp 1000-2000, icmp, protocol 50 or all"
    return ""


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {"str": "a text", "list": "a list", "dict": "a map", "bool": "a boolean", "int": "a number"}
    return kinds.get(type(value).__name__, f"a {type(value).__name__}")
