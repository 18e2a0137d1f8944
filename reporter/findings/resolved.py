"""Findings that earlier runs had and a run looked for in vain: what may be closed wherever it was reported to."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from reporter.findings.changes import INFORMS, Found, Key, Reason, RunFindings, cannot_tell, why_gone
from reporter.inventory.network.reachability import Reachable


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
    have though it read their cells, in no order.

    Beside those that `compare` calls gone, these are findings of a policy that was edited since, and those that the
    older run could not look for. What the newer run could not see, or cannot tell, is not among them.
    """
    carried = {
        key: Found("", INFORMS, False, Reachable.UNKNOWN.value, None, day)
        for key, day in base.carried.items()
        if key not in base.findings
    }
    began = datetime.fromisoformat(base.started).timestamp()
    for key, found in (*base.findings.items(), *carried.items()):
        cell = key[:3]
        if key in head.findings or cell not in head.cells or head.read_at.get(cell, began) < began:
            continue
        unsure = found.rules is None and (key.account, key.region, key.resource_id) in head.unsure
        if unsure or cannot_tell(key, found, base, head, "newer"):
            continue
        profile = head.profiles.get(key.account, key.account)
        yield Resolved(key, profile, found.group_name, found.first_seen, why_gone(head, key))
