"""plan.json: every step, for programs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from reporter.files import write_whole
from reporter.remedy.forms import LeftOut
from reporter.remedy.steps import (
    Change,
    DeleteGroup,
    MoveInterfaces,
    Plan,
    ReplaceRules,
    Rule,
    Step,
)

FILE_NAME = "plan.json"


def write(plan: Plan, folder: Path, left_out: LeftOut | None = None) -> tuple[Path, ...]:
    """Write it into a folder, with what the forms beside it leave out. Raises OSError."""
    path = folder / FILE_NAME
    steps = [_step(step, left_out or {}) for account in plan.accounts for step in account.steps]
    write_whole(path, msgspec.json.format(msgspec.json.encode({"steps": steps})) + b"\n")
    return (path,)


def _step(step: Step, left_out: LeftOut) -> dict[str, Any]:
    return {
        "account": step.account,
        "account_id": step.account_id,
        "region": step.region,
        "policy": step.policy,
        "title": step.title,
        "resource_id": step.resource_id,
        "group_name": step.group_name,
        "status": step.status.value,
        "reason": step.reason,
        "change": _change(step.change),
        "with_policy": step.with_policy,
        "left_out": left_out.get(step, {}),
        "evidence": step.evidence,
        "may_break": step.breaks,
        "risk_before": step.risk_before,
        "risk_after": step.risk_after,
        "reachable_before": step.reachable_before,
        "reachable_after": step.reachable_after,
    }


def _change(change: Change | None) -> Mapping[str, Any] | None:
    match change:
        case ReplaceRules():
            allow, remove = (list(map(_rule, rules)) for rules in (change.allow, change.remove))
            return {"what": "replace rules", "allow": allow, "remove": remove}
        case DeleteGroup():
            return {"what": "delete group"}
        case MoveInterfaces():
            return {
                "what": "move interfaces",
                "new_group": {
                    "name": change.new_name,
                    "description": change.new_description,
                    "rules": list(map(_rule, change.group.rules)),
                },
                "interfaces": [
                    {
                        "interface_id": each.interface_id,
                        "group_ids": each.group_ids,
                        "instance_id": each.instance_id,
                        "instance_name": each.instance_name,
                    }
                    for each in change.interfaces
                ],
            }
        case None:
            return None


# Under the names of AWS, so that it can be looked up there.
_PEERS = ("CidrIpv4", "CidrIpv6", "ReferencedGroupId", "PrefixListId")


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "IsEgress": rule.egress,
        "IpProtocol": rule.protocol,
        "FromPort": rule.from_port,
        "ToPort": rule.to_port,
        _PEERS[rule.kind]: rule.peer,
        "Description": rule.description,
    }
