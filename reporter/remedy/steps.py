"""A plan: the steps that would close findings, each with what it changes.

Rules are those of DescribeSecurityGroupRules, one peer each, and as AWS wrote them:
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """What becomes of a finding: steps that close it, none with a reason, or a choice that a person has to make."""

    PLANNED = "planned"
    REFUSED = "refused"
    CHOICE = "choice"


@dataclass(frozen=True)
class Rule:
    """One rule of a group, for one peer.

    `protocol`, `from_port` and `to_port` are as DescribeSecurityGroups has them: the ports are None for a protocol
    without any. `kind` tells what the peer is: IPV4, IPV6, GROUP or PREFIX_LIST of `reporter.inventory.rules`.
    `owner_id` and `peering_id` are those of a group as the peer, empty where AWS names none.
    """

    egress: bool
    protocol: str
    from_port: int | None
    to_port: int | None
    kind: int
    peer: str
    description: str = ""
    owner_id: str = ""
    peering_id: str = ""


@dataclass(frozen=True)
class RecordedGroup:
    """A group as the newest record of it has it; `record` is that record as DescribeSecurityGroups gave it."""

    account: str
    account_id: str
    region: str
    group_id: str
    name: str
    description: str
    vpc_id: str
    owner_id: str
    tags: tuple[tuple[str, str], ...]
    rules: tuple[Rule, ...]
    record: Mapping[str, Any] = field(repr=False, compare=False, default_factory=dict)


# The group of a change is as it is when the change's turn comes: as recorded, after the changes of earlier steps.


@dataclass(frozen=True)
class ReplaceRules:
    """Allow some rules, where there are any, and remove others then. All of them are exact."""

    group: RecordedGroup
    remove: tuple[Rule, ...]
    allow: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class DeleteGroup:
    """Delete a group that nothing uses."""

    group: RecordedGroup


@dataclass(frozen=True)
class CarriedInterface:
    """An interface and the ids of all groups that it carries, in AWS's order; the instance it is attached to."""

    interface_id: str
    group_ids: tuple[str, ...]
    instance_id: str = ""
    instance_name: str = ""


@dataclass(frozen=True)
class MoveInterfaces:
    """Make a group with the rules of a default group, where a rule for the default group itself is one for the new
    group itself, and put it on the interfaces in the default group's place. The rules are those that `group` has by
    then: earlier steps may have removed some of those recorded."""

    group: RecordedGroup
    new_name: str
    new_description: str
    interfaces: tuple[CarriedInterface, ...]


Change = ReplaceRules | DeleteGroup | MoveInterfaces


@dataclass(frozen=True)
class Step:
    """What is to be done about one finding.

    `reason` says why: of a planned step what is wrong, of others why there is none. `change` is None where there is
    none, and where another step of the group makes it: `with_policy` is that step's policy. `breaks` names what may
    stop working. `risk_before` and `risk_after` are levels; the latter is what the same policies and the same
    reachability say of the group as it would be, `gone` for a group that is deleted, and empty where nothing changes.
    """

    account: str
    account_id: str
    region: str
    policy: str
    title: str
    resource_id: str
    group_name: str
    status: Status
    reason: str
    change: Change | None = None
    with_policy: str = ""
    evidence: tuple[str, ...] = ()
    breaks: tuple[str, ...] = ()
    risk_before: str = ""
    risk_after: str = ""
    reachable_before: str = ""
    reachable_after: str = ""


def by_group(steps: Iterable[Step]) -> list[list[Step]]:
    """The steps group by group, in their order."""
    found: dict[tuple[str, str], list[Step]] = {}
    for step in steps:
        found.setdefault((step.region, step.resource_id), []).append(step)
    return list(found.values())


@dataclass(frozen=True)
class Access:
    """How the scripts of an account get in: `profile`, and the roles that are assumed one after the other; neither
    where the credentials at hand are to do."""

    profile: str = ""
    roles: tuple[str, ...] = ()
    external_id: str = ""


@dataclass(frozen=True)
class AccountPlan:
    """The steps of one account, in the order in which they are carried out."""

    account: str
    account_id: str
    access: Access
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Plan:
    """All of it. `audited` is when the audit began, `source` what was read, `gaps` how many cells were not."""

    audited: str
    source: str
    version: str
    accounts: tuple[AccountPlan, ...]
    gaps: int = 0
