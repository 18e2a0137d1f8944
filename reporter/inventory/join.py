"""Joins groups, interfaces and instances of all accounts: a row a group, and a row an attachment."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd

from reporter.custodian.metadata import OWN_COLUMNS, PlannedPolicy
from reporter.custodian.resource_types import GROUPS, Field
from reporter.errors import InputError
from reporter.inventory import access_findings, internet, roles_behind
from reporter.inventory.access_findings import AccessFindings
from reporter.inventory.attachments import attachment_frame
from reporter.inventory.duplicates import others_of
from reporter.inventory.links import Link, each_group_once, interfaces_known_of, links_of
from reporter.inventory.network.exposure import Exposure, exposure
from reporter.inventory.network.prefix_lists import PrefixLists
from reporter.inventory.network.reachability import Reach, Reachable
from reporter.inventory.network.traffic import SSH
from reporter.inventory.roles_behind import Behind
from reporter.inventory.rows import GroupRow, InstanceRow, UnitRows

DEFAULT_GROUP_NAME = "default"

_SORT = ["account_profile", "region", "group_name", "security_group_id"]


@dataclass(frozen=True)
class Inventory:
    """The facts of all groups, and what the policies answered.

    `groups` has the columns of GROUP_COLUMNS but for the risk, `unused`, `waived` and those of history, and a column
    a field. Flags are nullable booleans and the count a nullable integer: NA is `unknown`. `attached_resources`,
    `ssh_rules`, `instances`, `tags`, `world_ports`, `wide_sources`, `reachable_on`, `same_rules_as` and
    `covered_rules` hold tuples of texts. `attachments` has ATTACHMENT_COLUMNS. Where roles were to be read both have
    ROLE_COLUMNS too, and where Access Analyzer was to be asked ACCESS_FINDINGS.
    For each row of `groups`, `on_instance` says whether an instance carries the group,
    `caught_by` has the names of the policies that listed it, `matched_rules` for each of those the rules that made
    it match, None where that cannot be told, `unanswered` the names of the policies that were to answer for its
    account and region and did not, and `unasked` of those that were not to, or of which an event asked for one
    group only; `exposure` is what the group opens to the world. `prefix_lists` are those of all accounts.
    """

    groups: pd.DataFrame
    attachments: pd.DataFrame
    on_instance: "pd.Series[bool]"
    caught_by: "pd.Series[Any]"
    matched_rules: "pd.Series[Any]"
    unanswered: "pd.Series[Any]"
    unasked: "pd.Series[Any]"
    exposure: "pd.Series[Any]"
    prefix_lists: PrefixLists


def join(
    units: Sequence[UnitRows], policies: Sequence[PlannedPolicy], more: Sequence[Field] = ()
) -> Inventory:
    """Join by group id across all accounts: a shared VPC puts one account's interface on another's group.

    `more` are the fields of which each group's row has the values: columns at the end. Raises InputError where
    the name of one is taken.
    """
    owned = list(each_group_once(units))
    links = list(links_of(units))
    instances = {instance.instance_id: instance for unit in units for instance in unit.instances}
    network = internet.topology(units)
    with_lists = cache(lambda ingress: exposure(ingress, network.prefix_lists))
    opened = [
        row.rules.exposure if row.rules.ingress is None else with_lists(row.rules.ingress) for _, row in owned
    ]
    by_id = {row.group_id: each for (_, row), each in zip(owned, opened, strict=True)}
    reaches = internet.reaches(units, links, network, by_id)
    of_link = roles_behind.teller(units, instances) if roles_behind.is_asked(policies) else None
    access = access_findings.of_units(units, policies)
    groups = _group_frame(
        owned, links, reaches, instances, interfaces_known_of(units), opened, of_link, access
    )
    on_instance = groups.pop("on_instance")
    taken = {name.casefold() for name in OWN_COLUMNS}
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
        "exposure": opened,
    }
    order = groups.index
    return Inventory(
        groups=groups.reset_index(drop=True),
        attachments=attachment_frame(
            owned,
            links,
            reaches,
            instances,
            roles_behind.columns(map(of_link, links), access) if of_link else {},
        ),
        on_instance=on_instance.reindex(order).reset_index(drop=True),
        prefix_lists=network.prefix_lists,
        **{
            name: pd.Series(values, dtype=object).reindex(order).reset_index(drop=True)
            for name, values in answers.items()
        },
    )


def _group_frame(
    owned: Sequence[tuple[UnitRows, GroupRow]],
    all_links: Sequence[Link],
    reaches: Sequence[Reach],
    instances: Mapping[str, InstanceRow],
    interfaces_known: Callable[[UnitRows, GroupRow], bool],
    opened: Sequence[Exposure],
    of_link: Callable[[Link], Behind] | None,
    access: AccessFindings | None,
) -> pd.DataFrame:
    """`of_link` tells what stands behind an interface and `access` what was found of it, where that was asked for."""
    in_use: list[bool | None] = []
    on_instance: list[bool | None] = []
    counts: list[int | None] = []
    attached: list[tuple[str, ...]] = []
    names: list[tuple[str, ...]] = []
    reached: list[Reach] = []
    behind_it: list[Behind] = []
    links_of_group = _by_group(all_links)
    for (unit, row), open_ in zip(owned, opened, strict=True):
        numbers = links_of_group(row.group_id)
        links = [all_links[number] for number in numbers]
        interface_ids = sorted([link.interface.interface_id for link in links if link.interface])
        instance_ids = sorted({link.instance_id for link in links if link.instance_id}) if links else []
        known = interfaces_known(unit, row)
        in_use.append(True if links else False if known else None)
        on_instance.append(True if instance_ids else False if known else None)
        counts.append(len(interface_ids) if known else None)
        attached.append((*interface_ids, *instance_ids, *(() if known else ("unknown",))))
        names.append(tuple([_instance_text(instances.get(each), each) for each in instance_ids]))
        reached.append(internet.of_group(open_, [reaches[number] for number in numbers], known))
        if of_link:
            behind_it.append(roles_behind.of_group(map(of_link, links), known))
    rows = [row for _, row in owned]
    distinct = {id(each): each for each in opened}  # most groups share theirs with others
    ssh = {number: each.opens(SSH) for number, each in distinct.items()}
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
            "has_ssh_rule": pd.Series([bool(row.rules.ssh_rules) for row in rows], dtype="boolean"),
            "has_ssh_open_world": pd.Series([ssh[id(each)] for each in opened], dtype="boolean"),
            "in_use": pd.Series(in_use, dtype="boolean"),
            "attached_eni_count": pd.Series(counts, dtype="Int64"),
            "attached_resources": pd.Series(attached, dtype=object),
            "ssh_rules": pd.Series([row.rules.ssh_rules for row in rows], dtype=object),
            "instances": pd.Series(names, dtype=object),
            "description": pd.Series([row.description for row in rows], dtype="str"),
            "tags": pd.Series([row.tags for row in rows], dtype=object),
            "world_ports": _texts(each.world_ports for each in opened),
            "wide_sources": _texts(each.wide_sources for each in opened),
            "reachable": pd.Series([each.reachable.value for each in reached], dtype="str"),
            "reachable_on": _texts(_on(each) for each in reached),
            "same_rules_as": _texts(_same_rules(owned)),
            "covered_rules": _texts(row.rules.covered_rules for row in rows),
            "on_instance": pd.Series(on_instance, dtype="boolean"),
            **(roles_behind.columns(behind_it, access) if of_link else {}),
        }
    )


def _by_group(links: Sequence[Link]) -> Callable[[str], Sequence[int]]:
    """Tells of a group by its id the numbers of its links. A list a group would take four times the room."""
    group_ids = [link.group_id for link in links]
    numbers = sorted(range(len(links)), key=group_ids.__getitem__)
    group_ids.sort()
    start_of: dict[str, int] = {}
    for place, group_id in enumerate(group_ids):
        start_of.setdefault(group_id, place)

    def of_group(group_id: str) -> Sequence[int]:
        start = start_of.get(group_id, len(numbers))
        end = start
        while end < len(numbers) and group_ids[end] == group_id:
            end += 1
        return numbers[start:end]

    return of_group


def _instance_text(instance: InstanceRow | None, instance_id: str) -> str:
    if instance is None:
        return f"{instance_id} (unknown)"
    return f"{instance.name or instance_id} ({instance.state})"


def _texts(values: Iterable[tuple[str, ...]]) -> "pd.Series[Any]":
    return pd.Series(list(values), dtype=object)


def _on(reach: Reach) -> tuple[str, ...]:
    """Where it is reached, or what is missing to tell."""
    return (reach.why,) if reach.reachable is Reachable.UNKNOWN else reach.on


def _same_rules(owned: Sequence[tuple[UnitRows, GroupRow]]) -> list[tuple[str, ...]]:
    """For each group the ids of the others in its VPC with the same rules; of many the first, and how many more.

    Default groups, which have to be there, do not count, nor do groups without rules.
    """
    by_vpc: dict[tuple[str, str, str], list[int]] = {}
    for number, (unit, row) in enumerate(owned):
        if row.rules.fingerprint and row.name != DEFAULT_GROUP_NAME:
            vpc = unit.region, row.vpc_id or unit.account_id, row.vpc_id
            by_vpc.setdefault(vpc, []).append(number)
    found: list[tuple[str, ...]] = [()] * len(owned)
    for numbers in by_vpc.values():
        alike: dict[bytes, set[str]] = {}
        for _, row in (owned[number] for number in numbers):
            alike.setdefault(row.rules.fingerprint, set()).add(row.group_id)
        others = {fingerprint: dict(others_of(ids)) for fingerprint, ids in alike.items() if len(ids) > 1}
        for number in numbers:
            row = owned[number][1]
            if row.rules.fingerprint in others:
                found[number] = others[row.rules.fingerprint][row.group_id]
    return found
