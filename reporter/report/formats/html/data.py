"""What the page's script shows, as JSON: every text once, and numbers that stand for texts in its place.

Most texts are in many groups, and the page goes by mail.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from reporter.findings.changes import Change, State
from reporter.findings.together import BY_SEVERAL
from reporter.inventory.iam.words import Power
from reporter.report import console, overview_words
from reporter.report.details import Details, Finding, GroupDetails, Interface
from reporter.report.overview import Overview
from reporter.report.table import UNKNOWN

#: Bytes of all that is here. With the table's own script and what stands in the page they are less than ten megabytes.
ROOM = 8_000_000

_INTERFACES = 100  # of a group
_GONE = 2_000  # findings
_MESSAGE = 200  # characters

# What would end the element, or a line in older JavaScript: all of them stand in texts only.
_ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_SPECIAL = re.compile("[<>&\u2028\u2029]")

_Text = int  # the number of a text


class _Finding(msgspec.Struct, array_like=True, gc=False):
    policy: int  # its place among the policies
    proven: bool
    matched: list[_Text] | None
    first_seen: _Text
    since_last: _Text
    waived: _Text
    is_waived: bool
    next_step: _Text
    removable: list[_Text]


class _Interface(msgspec.Struct, array_like=True, gc=False):
    id: _Text
    type: _Text
    description: _Text
    account: _Text
    subnet: _Text
    addresses: list[_Text]
    instance: _Text
    instance_id: _Text
    reachable: _Text
    why: _Text
    roles: list[_Text]
    imdsv1: bool | None


class _Group(msgspec.Struct, array_like=True, gc=False):
    account: _Text
    region: _Text
    id: _Text
    name: _Text
    vpc: _Text
    description: _Text
    level: _Text
    proven: bool
    why_level: _Text
    in_use: bool | None
    interface_count: int | None
    reachable: _Text
    reachable_on: list[_Text]
    why_reachable: _Text
    open: list[_Text]
    findings: list[_Finding]
    rules: list[_Text] | None
    open_ssh: list[_Text]
    parts: list[_Text]
    interfaces: list[_Interface]
    more_interfaces: int
    more_found_by: list[_Text]
    instances: list[_Text]
    tags: list[_Text]
    first_seen: _Text
    since_last: _Text
    waived: _Text
    is_waived: bool
    same_rules: list[_Text]
    covered: list[_Text]
    role_power: _Text
    why_power: list[_Text]
    imdsv1: bool | None
    access: _Text
    in_console: bool


@dataclass
class _Texts:
    """Texts by number, in the order in which they came."""

    numbers: dict[str, int] = field(default_factory=dict)
    size: int = 0

    def __call__(self, text: str) -> int:
        number = self.numbers.setdefault(text, len(self.numbers))
        if number == len(self.numbers) - 1:
            self.size += _size(text) + 1
        return number

    def each(self, texts: Iterable[str]) -> list[int]:
        return [self(text) for text in texts]


@dataclass(frozen=True)
class Data:
    """The JSON, in a form that can stand in a script element, and how many groups are in it."""

    json: str
    groups: int


def data(overview: Overview, details: Details) -> Data:
    """As many of the groups as there is room for, the worst first, and what else the script shows."""
    texts = _Texts()
    policies = {policy.name: number for number, policy in enumerate(details.policies)}
    content = _beside_groups(overview, details)
    groups: list[msgspec.Raw] = []
    used = _size(content)
    for group in details.groups:
        encoded = msgspec.json.encode(_group(group, policies, texts))
        used += len(encoded) + 1
        if used + texts.size > ROOM:
            break
        groups.append(msgspec.Raw(encoded))
    content |= {"groups": groups, "texts": list(texts.numbers)}
    return Data(_in_element(msgspec.json.encode(_encodable(content)).decode()), len(groups))


def _beside_groups(overview: Overview, details: Details) -> dict[str, Any]:
    return {
        "fields": {
            name: list(struct.__struct_fields__)
            for name, struct in (("group", _Group), ("finding", _Finding), ("interface", _Interface))
        },
        "policies": [
            {
                "name": each.name,
                "title": each.title,
                "about": each.description,
                "controls": list(each.controls),
                "exposed": each.exposed,
                "closed_by_default": each.closed_by_default,
            }
            for each in details.policies
        ],
        "accounts": list(_accounts(overview, details)),
        "gone": [_gone(each) for each in details.changes if each.state is State.GONE][:_GONE],
        "consoles": {
            region: console.groups_url(region) for region in sorted({each.region for each in details.groups})
        },
        "base": overview.base,
        "nothing": overview_words.no_findings(overview),
        "together": BY_SEVERAL,
        "found": details.found,
        "powers": list(Power) if details.has_roles else [],
        "access": details.has_access_findings,
    }


def _size(value: Any) -> int:
    """The bytes of a value in the page."""
    return len(_in_element(msgspec.json.encode(_encodable(value)).decode()).encode())


def _group(group: GroupDetails, policies: dict[str, int], texts: _Texts) -> _Group:
    shown, left = group.interfaces[:_INTERFACES], group.interfaces[_INTERFACES:]
    return _Group(
        account=texts(group.account),
        region=texts(group.region),
        id=texts(group.group_id),
        name=texts(group.group_name),
        vpc=texts(group.vpc_id),
        description=texts(group.description),
        level=texts(group.level),
        proven=group.proven,
        why_level=texts(group.why_level),
        in_use=group.in_use,
        interface_count=group.interface_count,
        reachable=texts(group.reachable),
        reachable_on=texts.each(group.reachable_on),
        why_reachable=texts(group.why_reachable),
        open=texts.each(group.world_ports),
        findings=[_finding(each, policies, texts) for each in group.findings],
        rules=None if group.rules is None else texts.each(group.rules),
        open_ssh=texts.each(group.open_ssh),
        parts=texts.each(group.parts),
        interfaces=[_interface(each, texts) for each in shown],
        more_interfaces=len(left),
        more_found_by=texts.each(dict.fromkeys(text for each in left for text in _found_by(each))),
        instances=texts.each(group.instances),
        tags=texts.each(group.tags),
        first_seen=texts(group.first_seen),
        since_last=texts(group.since_last),
        waived=texts(group.waived),
        is_waived=group.is_waived,
        same_rules=texts.each(group.same_rules_as),
        covered=texts.each(group.covered_rules),
        role_power=texts(group.role_power),
        why_power=texts.each(group.role_power_why),
        imdsv1=group.imdsv1,
        access=texts(group.access_findings),
        in_console=bool(console.group_url(group.region, group.group_id)),
    )


def _finding(finding: Finding, policies: dict[str, int], texts: _Texts) -> _Finding:
    return _Finding(
        policies[finding.policy],
        finding.proven,
        None if finding.matched_rules is None else texts.each(finding.matched_rules),
        texts(finding.first_seen),
        texts(finding.since_last),
        texts(finding.waived),
        finding.is_waived,
        texts(finding.next_step),
        texts.each(finding.removable),
    )


def _found_by(interface: Interface) -> Iterator[str]:
    """What the search finds a group by, of an interface that is not shown."""
    yield from filter(None, (interface.interface_id, interface.instance_id, *interface.addresses))


def _interface(interface: Interface, texts: _Texts) -> _Interface:
    instance = ""
    if interface.instance_id:
        instance = (
            f"{interface.instance_name or interface.instance_id} ({interface.instance_state or UNKNOWN})"
        )
    return _Interface(
        texts(interface.interface_id),
        texts(interface.type),
        texts(interface.description),
        texts(interface.account),
        texts(interface.subnet_id),
        texts.each(interface.addresses),
        texts(instance),
        texts(interface.instance_id),
        texts(interface.reachable),
        texts(interface.why),
        texts.each(interface.role_power_why),
        interface.imdsv1,
    )


def _accounts(overview: Overview, details: Details) -> Iterator[dict[str, Any]]:
    unread: dict[str, list[dict[str, str]]] = {}
    for entry in overview.unread:
        told = {
            "where": overview_words.where(entry),
            "reason": overview_words.short(
                " ".join(filter(None, (entry.status.value, entry.code, entry.message))), _MESSAGE
            ),
            "what_to_do": entry.what_to_do,
        }
        unread.setdefault(entry.account, []).append(told)
    changes: dict[str, Counter[str]] = {}
    for change in details.changes:
        changes.setdefault(change.account_profile, Counter())[change.state.value] += 1
    for account in overview.accounts:
        yield {
            "name": account.name,
            "id": account.account_id,
            "labels": list(details.labels.get(account.name, ())),
            "counts": dict(account.counts),
            "waived": dict(account.waived),
            "regions": [account.regions.read, account.regions.planned],
            "cells": [account.cells.read, account.cells.planned],
            "unread": unread.get(account.name, []),
            "changes": dict(changes.get(account.name, {})),
        }


def _gone(change: Change) -> dict[str, str]:
    """A finding that the run before had: it is in no group's details."""
    return {
        "account": change.account_profile,
        "region": change.key.region,
        "id": change.key.resource_id,
        "name": change.found.group_name,
        "policy": change.key.policy,
        "level": change.found.told_level,
        "reason": str(change.reason),
    }


def _encodable(value: Any) -> Any:
    """The value with what is no character, as a file's name may have it, replaced."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_encodable(each) for each in value]
    return value


def _in_element(json: str) -> str:
    return _SPECIAL.sub(lambda found: _ESCAPED[found[0]], json)
