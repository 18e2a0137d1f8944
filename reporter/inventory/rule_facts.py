"""What the report keeps of a group's rules, told once for all groups with the same rules."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from msgspec import Struct

from reporter.inventory import duplicates, rules
from reporter.inventory.network.exposure import Exposure, exposure
from reporter.inventory.records import Group, ListedGroup, permission_list
from reporter.inventory.rules import Rule

Shared = TypeVar("Shared")

# Many groups are made by the same few templates. Those of the largest are hardly met again, and would fill the memory.
_KEPT_BYTES = 8_192


class Deduplicator:
    """Keeps one of equal tuples or sets. With texts interned, rows that say the same share the memory: half a million
    groups make that a third less."""

    def __init__(self) -> None:
        self._seen: dict[Any, Any] = {}

    def __call__(self, value: Shared) -> Shared:
        kept: Shared = self._seen.setdefault(value, value)
        return kept


class RuleFacts(Struct, frozen=True, gc=False):
    """What a group's rules tell.

    `exposure` is what they open to the world without a look at prefix lists; where those have a say in it, there are
    the `ingress` rules too, but those for groups, of which it comes once the lists are known. Groups with the same
    rules have the same `fingerprint`, empty where there are none.
    """

    ssh_rules: tuple[str, ...]
    exposure: Exposure
    ingress: tuple[Rule, ...] | None
    fingerprint: bytes
    covered_rules: tuple[str, ...]


class _Read(NamedTuple):
    """Rules as they were read; `facts` are those of a group that none of them names."""

    rules: tuple[Rule, ...]
    peers: frozenset[str]
    facts: RuleFacts


class RuleReader:
    """Reads rules of groups. Those of which the JSON is the same are decoded and looked at once."""

    def __init__(self, deduplicated: Deduplicator) -> None:
        self._deduplicated = deduplicated
        self._read_once = lru_cache(maxsize=4096)(self._read)

    def of_group(self, group: Group) -> RuleFacts:
        """What a group's rules tell."""
        return self._of_group(rules.of_group(group), group.group_id)

    def of_listed(self, group: ListedGroup) -> RuleFacts:
        """The same, of permissions that are not decoded yet. Raises msgspec.DecodeError or UnicodeDecodeError where
        they cannot be read."""
        ingress, egress = bytes(group.ip_permissions), bytes(group.ip_permissions_egress)
        read = self._read_once if len(ingress) + len(egress) <= _KEPT_BYTES else self._read
        found = read(ingress, egress)
        named = group.group_id in found.peers  # then its id stands for itself there
        return self._of_group(found.rules, group.group_id) if named else found.facts

    def _read(self, ingress: bytes, egress: bytes) -> _Read:
        found = rules.of_permissions(permission_list.decode(ingress), permission_list.decode(egress))
        return _Read(found, frozenset(rule.peer for rule in found), self._facts(found, found))

    def _of_group(self, of_group: tuple[Rule, ...], group_id: str) -> RuleFacts:
        return self._facts(of_group, duplicates.about_itself(of_group, group_id))

    def _facts(self, of_group: tuple[Rule, ...], about_itself: tuple[Rule, ...]) -> RuleFacts:
        opened, fingerprint, covered = _told_by(about_itself)
        kept = self._deduplicated
        return RuleFacts(
            ssh_rules=kept(rules.ssh_rules(of_group)),
            exposure=kept(opened),
            ingress=kept(_from_addresses(of_group)) if opened.unread_lists else None,
            fingerprint=kept(fingerprint),
            covered_rules=kept(covered),
        )


@lru_cache(maxsize=20_000)  # groups whose rules name themselves are alike only without their ids
def _told_by(about_itself: tuple[Rule, ...]) -> tuple[Exposure, bytes, tuple[str, ...]]:
    return (
        exposure(about_itself, {}),
        duplicates.fingerprint(about_itself),
        duplicates.covered_rules(about_itself),
    )


def _from_addresses(of_group: Iterable[Rule]) -> tuple[Rule, ...]:
    return tuple(rule for rule in of_group if not rule.egress and rule.kind != rules.GROUP)
