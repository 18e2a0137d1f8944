"""Joins groups, interfaces and instances of all accounts: a row a group, and a row an attachment."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reporter.custodian.metadata import GROUP_COLUMNS, MATCHED_RULES, PlannedPolicy
from reporter.custodian.resource_types import GROUPS, Field
from reporter.errors import InputError
from reporter.inventory.rows import GroupRow, InstanceRow, InterfaceRow, UnitRows

DEFAULT_GROUP_NAME = "default"

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

_SORT = ["account_profile", "region", "group_name", "security_group_id"]


@dataclass(frozen=True)
class Inventory:
    """The facts of all groups, and what the policies answered.

    `groups` has the columns of GROUP_COLUMNS but for the risk and `unused`, and a column a field. Flags are nullable
    booleans and the count a nullable integer: NA is `unknown`. `attached_resources`, `ssh_rules`, `instances` and
    `tags` hold tuples of texts. For each of its rows `on_instance` says whether an instance carries the group,
    `caught_by` has the names of the policies that listed it, `matched_rules` for each of those the rules that made
    it match, None where that cannot be told, `unanswered` the names of the policies that were to answer for its
    account and region and did not, and `unasked` of those that were not to, or of which an event asked for one
    group only.
    """

    groups: pd.DataFrame
    attachments: pd.DataFrame
    on_instance: "pd.Series[bool]"
    caught_by: "pd.Series[Any]"
    matched_rules: "pd.Series[Any]"
    unanswered: "pd.Series[Any]"
    unasked: "pd.Series[Any]"


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
    the name of one is taken.
    """
    owned = list(_each_group_once(units))
    links = list(_links(units))
    instances = {instance.instance_id: instance for unit in units for instance in unit.instances}
    by_group: dict[str, list[_Link]] = {}
    for link in links:
        by_group.setdefault(link.group_id, []).append(link)
    groups = _group_frame(owned, by_group, instances, _interfaces_known(units))
    on_instance = groups.pop("on_instance")
    taken = {name.casefold() for name in (*GROUP_COLUMNS, MATCHED_RULES)}
    taken |= {policy.in_report.column.casefold() for policy in policies}
    for number, field in enumerate(more):
        if field.name.casefold() in taken:
            raise InputError(f"--field {field.name}: the report has a column of that name")
        taken.add(field.name.casefold())
        groups[field.name] = pd.Series([row.more[number] for _, row in owned], dtype=object)
    groups = groups.sort_values(_SORT, kind="stable")
    asked = frozenset(policy.name for policy in policies if policy.resource == GROUPS)
    unanswered = {(unit.account, unit.region): asked & unit.unanswered for unit in units}
    unasked = {(unit.account, unit.region): asked - unit.read - unit.unanswered for unit in units}
    answers = {
        "caught_by": [row.caught_by for _, row in owned],
        "matched_rules": [row.matched_rules for _, row in owned],
        "unanswered": [unanswered[unit.account, unit.region] for unit, _ in owned],
        "unasked": [unasked[unit.account, unit.region] for unit, _ in owned],
    }
    order = groups.index
    return Inventory(
        groups=groups.reset_index(drop=True),
        attachments=_attachment_frame(owned, links, instances),
        on_instance=on_instance.reindex(order).reset_index(drop=True),
        **{
            name: pd.Series(values, dtype=object).reindex(order).reset_index(drop=True)
            for name, values in answers.items()
        },
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


def _interfaces_known(units: Iterable[UnitRows]) -> Callable[[UnitRows, GroupRow], bool]:
    """Tells whether all interfaces that could carry a group were read: those of its own account and region.

    The owner of a VPC sees every interface in it, and a participant all of its own
    (https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing.html).
    """
    known = {(unit.account_id, unit.region) for unit in units if unit.interfaces_known}
    return lambda unit, group: (group.owner_id or unit.account_id, unit.region) in known


def _group_frame(
    owned: Sequence[tuple[UnitRows, GroupRow]],
    by_group: Mapping[str, Sequence[_Link]],
    instances: Mapping[str, InstanceRow],
    interfaces_known: Callable[[UnitRows, GroupRow], bool],
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
        known = interfaces_known(unit, row)
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
            # As the rules and the name tell; a policy may say more.
            "is_default": pd.Series([row.name == DEFAULT_GROUP_NAME for row in rows], dtype="boolean"),
            "has_ssh_rule": pd.Series([bool(row.ssh_rules) for row in rows], dtype="boolean"),
            "has_ssh_open_world": pd.Series([row.ssh_open_to_world for row in rows], dtype="boolean"),
            "in_use": pd.Series(in_use, dtype="boolean"),
            "attached_eni_count": pd.Series(counts, dtype="Int64"),
            "attached_resources": pd.Series(attached, dtype=object),
            "ssh_rules": pd.Series([row.ssh_rules for row in rows], dtype=object),
            "instances": pd.Series(names, dtype=object),
            "description": pd.Series([row.description for row in rows], dtype="str"),
            "tags": pd.Series([row.tags for row in rows], dtype=object),
            "on_instance": pd.Series(on_instance, dtype="boolean"),
        }
    )


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
