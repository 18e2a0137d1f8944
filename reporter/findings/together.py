"""Groups that are open to the world by several ranges or a prefix list together: filters look rule by rule, and so no
policy catches them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from reporter.custodian.metadata import PlannedPolicy
from reporter.inventory.join import Inventory
from reporter.inventory.network import traffic
from reporter.inventory.network.exposure import Exposure
from reporter.inventory.network.traffic import Traffic

#: The column that means: TCP port 22 is open to the world.
SSH_WORLD = "has_ssh_open_world"

#: How the text of what is open only together ends.
BY_SEVERAL = "from the world, by several ranges or a prefix list"

_WORLD = ("0.0.0.0/0", "::/0")


def with_caught_together(inventory: Inventory, policies: Sequence[PlannedPolicy]) -> Inventory:
    """The inventory in which such groups are caught by the policies whose ports they open, where those were read.

    A policy is asked if it names `ports` and its filters look for the world: what else it looks at, it has looked at
    rule by rule.
    """
    ports = {policy.name: _ports_for_the_world(policy) for policy in policies}
    rows = [row for row, exposure in enumerate(inventory.exposure) if exposure.together]
    if not rows:
        return inventory
    caught_by, matched_rules = list(inventory.caught_by), list(inventory.matched_rules)
    for row in rows:
        exposure = inventory.exposure[row]
        unanswered, unasked = inventory.unanswered[row], inventory.unasked[row]
        for policy, asked in ports.items():
            if policy in caught_by[row] or policy in unanswered or policy in unasked:
                continue
            found = tuple(_opened_together(exposure, asked))
            if found:
                caught_by[row] = (*caught_by[row], policy)
                matched_rules[row] = (*matched_rules[row], found)
    return replace(
        inventory,
        caught_by=pd.Series(caught_by, index=inventory.caught_by.index, dtype=object),
        matched_rules=pd.Series(matched_rules, index=inventory.matched_rules.index, dtype=object),
    )


def opened_together(exposure: Exposure, policy: PlannedPolicy) -> tuple[str, ...]:
    """What of the ports of a policy several rules open, as texts that end with BY_SEVERAL, unless one rule by itself
    opens any of these."""
    return tuple(_opened_together(exposure, _ports_for_the_world(policy)))


def ports_of(policy: PlannedPolicy) -> tuple[Traffic, ...]:
    """The traffic that a policy is about, as it says itself; empty where it says nothing of it."""
    if policy.in_report.column == SSH_WORLD and not policy.in_report.ports:
        return (traffic.SSH,)  # policies named no ports in earlier output
    return tuple(map(traffic.parse, policy.in_report.ports))


def note(exposure: Exposure) -> str:
    """What there is to say of a group's ranges and prefix lists beside its risk; empty where nothing is."""
    notes = []
    if exposure.together:
        notes.append(f"open to the world by several ranges or a prefix list: {_names(exposure.together)}")
    in_doubt = traffic.minus(exposure.unread, exposure.world)
    if in_doubt:
        lists = ", ".join(exposure.unread_lists)
        notes.append(f"may be open to the world, as {lists} could not be read whole: {_names(in_doubt)}")
    return "; ".join(notes)


def _opened_together(exposure: Exposure, asked: Sequence[Traffic]) -> Iterator[str]:
    """What of the traffic asked for is open, unless a rule by itself opens any of it."""
    if any(traffic.any_of(each, exposure.by_one_rule) for each in asked):
        return
    for each in asked:
        if exposure.opens(each):
            yield f"{each} {BY_SEVERAL}"


def _ports_for_the_world(policy: PlannedPolicy) -> tuple[Traffic, ...]:
    # Without filters recorded, its ports are all that is known of what it looks for.
    for_the_world = policy.filters is None or _looks_for_the_world(policy.filters)
    return ports_of(policy) if for_the_world else ()


def _looks_for_the_world(filters: Any) -> bool:
    """Whether all of IPv4 or IPv6 is named anywhere in filters, but in `not`: who names it there looks for all else."""
    if isinstance(filters, dict):
        return any(_looks_for_the_world(each) for key, each in filters.items() if key != "not")
    if isinstance(filters, list):
        return any(map(_looks_for_the_world, filters))
    return filters in _WORLD


def _names(traffic: Sequence[Traffic]) -> str:
    return ", ".join(map(str, traffic))
