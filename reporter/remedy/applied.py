"""A change carried out on a group's record, in memory."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from reporter.inventory.rules import GROUP
from reporter.remedy.peers import PEERS, entry
from reporter.remedy.steps import RecordedGroup, Rule

_INGRESS, _EGRESS = "IpPermissions", "IpPermissionsEgress"


def changed(group: RecordedGroup, remove: Iterable[Rule], allow: Iterable[Rule]) -> RecordedGroup:
    """The group after some rules were allowed and others removed, its record too."""
    remove, allow = tuple(remove), tuple(allow)
    gone = set(remove)
    return replace(
        group,
        rules=(*(rule for rule in group.rules if rule not in gone), *allow),
        record=_record(group.record, gone, allow),
    )


def made_anew(group: RecordedGroup, group_id: str, name: str, description: str) -> RecordedGroup:
    """A group of another id with the same rules, where one for the group itself is one for the new group itself."""

    def own(rule: Rule) -> Rule:
        return replace(rule, peer=group_id) if rule.kind == GROUP and rule.peer == group.group_id else rule

    rules = tuple(map(own, group.rules))
    empty = {"GroupId": group_id, "GroupName": name, "Description": description, _INGRESS: [], _EGRESS: []}
    kept = {key: group.record[key] for key in ("OwnerId", "VpcId") if key in group.record}
    return replace(
        group,
        group_id=group_id,
        name=name,
        description=description,
        tags=(),
        rules=rules,
        record=_record(kept | empty, set(), rules),
    )


def _record(record: Mapping[str, Any], remove: set[Rule], allow: Iterable[Rule]) -> dict[str, Any]:
    after = dict(record)
    for egress, key in ((False, _INGRESS), (True, _EGRESS)):
        left = [_without(permission, remove, egress) for permission in record.get(key, ())]
        new = [_permission(rule) for rule in allow if rule.egress is egress]
        after[key] = [each for each in left if any(each.get(name) for name, _ in PEERS.values())] + new
    return after


def _without(permission: Mapping[str, Any], remove: set[Rule], egress: bool) -> dict[str, Any]:
    """A permission without the peers of the rules removed."""
    traffic = permission.get("IpProtocol"), permission.get("FromPort"), permission.get("ToPort")
    gone = {
        (rule.kind, rule.peer, rule.description)
        for rule in remove
        if rule.egress is egress and (rule.protocol, rule.from_port, rule.to_port) == traffic
    }
    left = dict(permission)
    for kind, (name, key) in PEERS.items():
        if permission.get(name):
            left[name] = [
                peer
                for peer in permission[name]
                if (kind, _peer(peer, key), peer.get("Description", "")) not in gone
            ]
    return left


def _peer(peer: Mapping[str, Any], key: str) -> str:
    return str(peer.get(key) or peer.get("GroupName") or "")


def _permission(rule: Rule) -> dict[str, Any]:
    ports = {"FromPort": rule.from_port, "ToPort": rule.to_port}
    permission: dict[str, Any] = {name: [] for name, _ in PEERS.values()}
    permission[PEERS[rule.kind][0]] = [entry(rule)]
    return (
        {"IpProtocol": rule.protocol}
        | {word: port for word, port in ports.items() if port is not None}
        | permission
    )
