"""Joins groups, interfaces and instances of all accounts: a row a group, and a row an attachment."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd

from reporter.custodian.metadata import PlannedPolicy
from reporter.custodian.resource_types import GROUPS, Field
from reporter.errors import InputError
from reporter.inventory import risk
from reporter.inventory.unit import GroupRow, InstanceRow, InterfaceRow, UnitRows
from reporter.output.manifest import UNKNOWN_REGION

DEFAULT_GROUP_NAME = "default"

#: Columns of `Inventory.groups`. Flags are nullable booleans and the count a nullable integer: NA is
#: `unknown`. `attached_resources`, `ssh_rules`, `instances` and `tags` hold tuples of texts.
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
    "risk_note",
    "unused",
    "instances",
    "description",
    "tags",
)

#: Those of them that policies fill.
FLAG_COLUMNS = frozenset({"is_default", "has_ssh_rule", "has_ssh_open_world", "unused"})

#: Columns of `Inventory.attachments`: a row for each group and interface it is on, all texts. Where an
#: instance carries a group and none of its interfaces could be read, the interface is empty.
ATTACHMENT_COLUMNS = (
    "account_profile",
    "account_id",
    "region",
    "security_group_id",
    "group_name",
    "interface_id",
    "interface_type",
    "interface_description",
    "private_ip",
    "public_ip",
    "instance_id",
    "instance_name",
    "instance_state",
    "interface_account",
)

_SORT = ["risk", "account_profile", "region", "group_name", "security_group_id"]


@dataclass(frozen=True)
class Inventory:
    """All that is known. `caught` has, for each row of `groups`, the names of the policies that listed it,
    `unanswered` of those that gave no answer for its region."""

    groups: pd.DataFrame
    attachments: pd.DataFrame
    caught: "pd.Series[Any]"
    unanswered: "pd.Series[Any]"


@dataclass(frozen=True, slots=True)
class _Link:
    """A group on an interface, or on an instance of which no interface is known."""

    unit: UnitRows
    group_id: str
    group_name: str
    interface: InterfaceRow | None
    instance_id: str


def join(
    units: Sequence[UnitRows], policies: Sequence[PlannedPolicy], more: Sequence[Field] = ()
) -> Inventory:
    """Join by group id across all accounts: a shared VPC puts one account's interface on another's group.

    `more` are the fields of which each group's row has the values: columns at the end. Raises InputError where
    the name of one, or of a policy's column, is taken.
    """
    owned = list(_each_group_once(units))
    links = list(_links(units))
    instances = {instance.instance_id: instance for unit in units for instance in unit.instances}
    by_group: dict[str, list[_Link]] = {}
    for link in links:
        by_group.setdefault(link.group_id, []).append(link)
    groups = _group_frame(owned, by_group, instances, _Sharing(units))
    on_instance = groups.pop("on_instance")
    for column, names in _columns(policies).items():
        told = _flags(owned, names)
        # A flag is true where the policy or the rules say so.
        groups[column] = told | groups[column].fillna(False) if column in groups else told
    for number, field in enumerate(more):
        if field.name.casefold() in {name.casefold() for name in (*GROUP_COLUMNS, *groups.columns)}:
            raise InputError(f"--field {field.name}: the report has a column of that name")
        groups[field.name] = pd.Series([row.more[number] for _, row in owned], dtype=object)
    default_on_instance = groups["is_default"] & on_instance
    rated = risk.classify(groups["has_ssh_open_world"], groups["in_use"], default_on_instance)
    groups["risk"], groups["risk_note"] = rated["risk"], rated["risk_note"]
    further = [name for name in groups.columns if name not in GROUP_COLUMNS]
    groups = groups[[*GROUP_COLUMNS, *further]].sort_values(_SORT, kind="stable")
    asked = frozenset(policy.name for policy in policies if policy.resource == GROUPS)
    caught = pd.Series([row.caught_by for _, row in owned], dtype=object)
    without_answer = {(unit.account, unit.region): asked & unit.unanswered for unit in units}
    unanswered = pd.Series([without_answer[unit.account, unit.region] for unit, _ in owned], dtype=object)
    return Inventory(
        groups=groups.reset_index(drop=True),
        attachments=_attachment_frame(owned, links, instances),
        caught=caught.reindex(groups.index).reset_index(drop=True),
        unanswered=unanswered.reindex(groups.index).reset_index(drop=True),
    )


def _each_group_once(units: Iterable[UnitRows]) -> Iterable[tuple[UnitRows, GroupRow]]:
    """A group shared with other accounts shows in each of them; its owner's row stands for all."""
    seen: dict[str, tuple[UnitRows, GroupRow]] = {}
    for unit in units:
        for row in unit.groups:
            key = f"{row.owner_id or unit.account_id}/{unit.region}/{row.group_id}"
            if key not in seen or (row.owner_id == unit.account_id != seen[key][0].account_id):
                seen[key] = (unit, row)
    return seen.values()


def _links(units: Sequence[UnitRows]) -> Iterable[_Link]:
    seen: dict[str, tuple[UnitRows, InterfaceRow]] = {}
    for unit in units:
        for interface in unit.interfaces:
            known = seen.get(interface.interface_id)
            if known is None or interface.owner_id == unit.account_id != known[0].account_id:
                seen[interface.interface_id] = (unit, interface)
    on_interface: set[tuple[str, str]] = set()
    for unit, interface in seen.values():
        for group_id, name in interface.groups:
            if interface.instance_id:
                on_interface.add((group_id, interface.instance_id))
            yield _Link(unit, group_id, name, interface, interface.instance_id)
    for unit in units:
        for instance in unit.instances:
            for group_id, name in instance.groups:
                if (group_id, instance.instance_id) not in on_interface:
                    yield _Link(unit, group_id, name, None, instance.instance_id)


class _Sharing:
    """Whether all interfaces that could carry a group were read.

    Its own account's are enough, unless its VPC is known to be shared: then it takes every account of the
    region. So it does for a group that lets the world in on SSH and of which no interface was `found`: much
    depends on the answer, and what could not be read may be just what would tell that the VPC is shared.
    """

    def __init__(self, units: Sequence[UnitRows]) -> None:
        self._known = {(unit.account, unit.region) for unit in units if unit.interfaces_known}
        self._blind_regions = {unit.region for unit in units if not unit.interfaces_known}
        owners: dict[str, set[str]] = {}
        for unit in units:
            ids = {(group.vpc_id, group.owner_id) for group in unit.groups}
            ids |= {(interface.vpc_id, interface.owner_id) for interface in unit.interfaces}
            for vpc_id, owner_id in ids:
                if vpc_id:
                    owners.setdefault(vpc_id, set()).add(owner_id or unit.account_id)
        self._shared = {vpc_id for vpc_id, accounts in owners.items() if len(accounts) > 1}

    def interfaces_known(self, unit: UnitRows, group: GroupRow, found: bool) -> bool:
        if (unit.account, unit.region) not in self._known:
            return False
        if self._blind_regions.isdisjoint((unit.region, UNKNOWN_REGION)):
            return True
        if group.vpc_id in self._shared:
            return False
        return found or not group.ssh_open_to_world


def _group_frame(
    owned: Sequence[tuple[UnitRows, GroupRow]],
    by_group: Mapping[str, Sequence[_Link]],
    instances: Mapping[str, InstanceRow],
    sharing: _Sharing,
) -> pd.DataFrame:
    in_use: list[bool | None] = []
    on_instance: list[bool | None] = []
    counts: list[int | None] = []
    attached: list[tuple[str, ...]] = []
    names: list[tuple[str, ...]] = []
    for unit, row in owned:
        links = by_group.get(row.group_id, ())
        interface_ids = sorted(link.interface.interface_id for link in links if link.interface)
        instance_ids = sorted({link.instance_id for link in links if link.instance_id})
        known = sharing.interfaces_known(unit, row, bool(links))
        in_use.append(True if links else False if known else None)
        on_instance.append(True if instance_ids else False if known else None)
        counts.append(len(interface_ids) if known else None)
        attached.append((*interface_ids, *instance_ids, *(() if known else ("unknown",))))
        names.append(tuple(_instance_text(instances.get(each), each) for each in instance_ids))
    rows = [row for _, row in owned]
    return pd.DataFrame(
        {
            "account_profile": pd.Series([unit.account for unit, _ in owned], dtype="str"),
            "account_id": pd.Series([unit.account_id for unit, _ in owned], dtype="str"),
            "region": pd.Series([unit.region for unit, _ in owned], dtype="str"),
            "security_group_id": pd.Series([row.group_id for row in rows], dtype="str"),
            "group_name": pd.Series([row.name for row in rows], dtype="str"),
            "vpc_id": pd.Series([row.vpc_id for row in rows], dtype="str"),
            # These three hold where no policy of the run says otherwise.
            "is_default": pd.Series([row.name == DEFAULT_GROUP_NAME for row in rows], dtype="boolean"),
            "has_ssh_rule": pd.Series([bool(row.ssh_rules) for row in rows], dtype="boolean"),
            "has_ssh_open_world": pd.Series([row.ssh_open_to_world for row in rows], dtype="boolean"),
            "in_use": pd.Series(in_use, dtype="boolean"),
            "attached_eni_count": pd.Series(counts, dtype="Int64"),
            "attached_resources": pd.Series(attached, dtype=object),
            "ssh_rules": pd.Series([row.ssh_rules for row in rows], dtype=object),
            "unused": pd.Series(pd.NA, index=range(len(rows)), dtype="boolean"),
            "instances": pd.Series(names, dtype=object),
            "description": pd.Series([row.description for row in rows], dtype="str"),
            "tags": pd.Series([row.tags for row in rows], dtype=object),
            "on_instance": pd.Series(on_instance, dtype="boolean"),
        }
    )


def _columns(policies: Iterable[PlannedPolicy]) -> dict[str, list[str]]:
    """The policies behind each True/False column, as their `metadata.report.column` says."""
    columns: dict[str, list[str]] = {}
    spelled = {name.casefold(): name for name in FLAG_COLUMNS}
    taken = {name.casefold() for name in GROUP_COLUMNS} - FLAG_COLUMNS
    for policy in policies:
        column = policy.report.get("column")
        if policy.resource != GROUPS or not column:
            continue
        if column.casefold() in taken:
            raise InputError(f"policy {policy.name}: metadata.report.column: {column} is the report's own")
        if spelled.setdefault(column.casefold(), column) != column:
            other = spelled[column.casefold()]
            raise InputError(f"policy {policy.name}: metadata.report.column: {column} is {other} to Excel")
        columns.setdefault(column, []).append(policy.name)
    return columns


def _flags(owned: Iterable[tuple[UnitRows, GroupRow]], names: Sequence[str]) -> "pd.Series[bool]":
    """True where a policy listed the group, unknown where one of them gave no answer for its region."""

    @cache  # most groups were caught by the same policies
    def flag(caught_by: tuple[str, ...], read: frozenset[str]) -> bool | None:
        if any(name in caught_by for name in names):
            return True
        return False if read.issuperset(names) else None

    return pd.Series([flag(row.caught_by, unit.read) for unit, row in owned], dtype="boolean")


def _instance_text(instance: InstanceRow | None, instance_id: str) -> str:
    if instance is None:
        return f"{instance_id} (unknown)"
    return f"{instance.name or instance_id} ({instance.state})"


def _attachment_frame(
    owned: Iterable[tuple[UnitRows, GroupRow]], links: Iterable[_Link], instances: Mapping[str, InstanceRow]
) -> pd.DataFrame:
    home = {row.group_id: (unit, row.name) for unit, row in owned}
    # Column by column: a row of its own for each link would be a hundred megabytes for a moment.
    data: dict[str, list[str]] = {name: [] for name in ATTACHMENT_COLUMNS}
    add = [column.append for column in data.values()]
    for link in links:
        unit, name = home.get(link.group_id, (link.unit, link.group_name))
        interface, instance = link.interface, instances.get(link.instance_id)
        row = (
            unit.account,
            unit.account_id,
            unit.region,
            link.group_id,
            name,
            interface.interface_id if interface else "",
            interface.type if interface else "",
            interface.description if interface else "",
            interface.private_ip if interface else "",
            interface.public_ip if interface else "",
            link.instance_id,
            instance.name if instance else "",
            instance.state if instance else "unknown" if link.instance_id else "",
            link.unit.account,
        )
        for append, value in zip(add, row, strict=True):
            append(value)
    frame = pd.DataFrame({name: pd.Series(column, dtype="str") for name, column in data.items()})
    keys = ["account_profile", "region", "group_name", "security_group_id", "interface_id", "instance_id"]
    return frame.sort_values(keys, kind="stable", ignore_index=True)
