"""Findings that earlier runs had and a run looked for in vain: what may be closed wherever it was reported to."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from reporter.findings.changes import INFORMS, Found, Key, Reason, RunFindings, cannot_tell, why_gone
from reporter.inventory.network.reachability import Reachable

# What is known of a finding that the older run could not look for itself.
_CARRIED = Found("", INFORMS, False, Reachable.UNKNOWN.value, None, "")


class Resolved(NamedTuple):
    """A finding that is not there any more, and why. `group_name` is empty where only older runs knew it, and
    `first_seen` is a date (UTC, ISO 8601)."""

    key: Key
    account_profile: str
    group_name: str
    first_seen: str
    reason: Reason


def resolved_since(base: RunFindings, head: RunFindings) -> Iterator[Resolved]:
    """The findings of the older run, and those that it carried on from runs before it, that the newer one does not
    have though it read their cells, or all groups there, in no order.

    Beside those that `compare` calls gone, these are findings of a policy that was edited since, those that the older
    run could not look for, and those that are told of in another account now. What the newer run could not see, or
    cannot tell, is not among them.
    """
    began = datetime.fromisoformat(base.started).timestamp()
    for key in dict.fromkeys((*base.findings, *base.carried)):
        if key in head.findings or head.read_at.get(key[:3], began) < began:
            continue
        if reason := why_resolved(key, base, head):
            name = base.findings.get(key, _CARRIED).group_name
            profile = head.profiles.get(key.account, key.account)
            yield Resolved(key, profile, name, base.first_seen(key), reason)


def why_resolved(key: Key, base: RunFindings, head: RunFindings) -> Reason | None:
    """Why a finding of the older run is not there any more that the newer one does not have; None where that neither
    looked for it nor misses its group, or cannot tell."""
    looked = key[:3] in head.cells
    # No policy finds a group that is not there. Stock output may have its list from before the older run.
    if not looked and (head.read_at or why_gone(head, key) is not Reason.DELETED):
        return None
    others: frozenset[str] = frozenset()
    if not head.sees(key):
        others = head.accounts_of.get((key.region, key.resource_id), others)
    if not looked:
        return None if others else Reason.DELETED
    found = base.findings.get(key, _CARRIED)
    if found.rules is None and (key.account, key.region, key.resource_id) in head.unsure:
        return None
    if any((account, key.region, key.policy) in head.cells for account in others):
        return Reason.ELSEWHERE
    if others and found is _CARRIED:
        return None
    return None if cannot_tell(key, found, base, head, "newer") else why_gone(head, key)
