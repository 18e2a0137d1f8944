"""Which rules made a group match a policy, as a person reads them."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import msgspec

from reporter.custodian import matched_rules
from reporter.custodian.metadata import PlannedPolicy
from reporter.inventory import records, rules
from reporter.inventory.records import CaughtGroup, ListedGroup, Permission
from reporter.output.manifest import Cell


def teller(
    policy: PlannedPolicy, listed: Sequence[CaughtGroup | ListedGroup], data: bytes, cell: Cell
) -> Callable[[CaughtGroup | ListedGroup], tuple[str, ...] | None]:
    """How to tell of a group that a policy listed the rules by which it did, None where that cannot be told.

    `data` is the resources.json of the policy's cell, and `listed` what was read of it.
    """
    if not policy.filtered:
        return lambda group: ()
    if policy.filters is None:
        return lambda group: None
    if matched_rules.annotates_exactly(policy.filters):
        return _annotated_rules
    known = {group.group_id for group in listed}
    groups = [
        records.without_nulls(each)
        for each in records.any_list.decode_each(data)[0]
        if each.get("GroupId") in known
    ]
    told = matched_rules.confirmed(policy.filters, groups, cell.account_id, cell.region) if groups else {}
    texts = {
        group_id: rules.rule_texts(*msgspec.convert(found, tuple[list[Permission], list[Permission]]))
        for group_id, found in told.items()
    }
    return lambda group: texts.get(group.group_id)


def _annotated_rules(group: CaughtGroup | ListedGroup) -> tuple[str, ...] | None:
    return _texts(bytes(group.matched_ip_permissions), bytes(group.matched_ip_permissions_egress))


@lru_cache(maxsize=4096)  # many groups are made by the same few templates
def _texts(matched_ingress: bytes, matched_egress: bytes) -> tuple[str, ...] | None:
    decode = records.permission_list.decode_each
    ingress, wrong_ingress = decode(matched_ingress)
    egress, wrong_egress = decode(matched_egress)
    if wrong_ingress or wrong_egress:
        return None  # the filter `stale` writes something else there (c7n.resources.vpc)
    return rules.rule_texts(ingress, egress)
