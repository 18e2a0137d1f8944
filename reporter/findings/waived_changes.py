"""What waivers make of what has become of findings: which changes are of findings that are accepted."""

from collections.abc import Iterable
from dataclasses import replace

from reporter.findings.assess import Findings
from reporter.findings.changes import INFORMS, Change, Key, State
from reporter.findings.waived import DEFAULT
from reporter.inventory.audit import Audit

_HIGH = "high"


def with_waived(changes: Iterable[Change], audit: Audit, findings: Findings) -> list[Change]:
    """The changes up to a run, with what waivers make of its findings.

    A finding that is waived leaves no level. Of a default group on an instance that is worse than high, and is that by
    findings which are waived, the policy behind `is_default` leaves high.
    """
    groups, frame = findings.groups, findings.waived.frame
    if frame.empty:
        return list(changes)
    defaults = {policy.name for policy in audit.output.policies if policy.in_report.column == DEFAULT}
    is_high = (findings.waived.risk_left == _HIGH).tolist()
    keys = list(
        zip(
            *(
                groups[name].tolist()
                for name in ("account_id", "account_profile", "region", "security_group_id")
            ),
            strict=True,
        )
    )
    told: dict[Key, tuple[str, str]] = {}
    for group, policy, waived, note in zip(
        *(frame[name].tolist() for name in ("group", "policy", "waived", "note")), strict=True
    ):
        account, profile, region, group_id = keys[group]
        if waived or (policy in defaults and is_high[group]):
            key = Key(account or profile, region, policy, group_id)
            told[key] = (note, INFORMS) if waived else ("", _HIGH)
    return [_told(change, *told[change.key]) if change.key in told else change for change in changes]


def _told(change: Change, waived: str, left: str) -> Change:
    return change if change.state is State.GONE else replace(change, waived=waived, left=left)
