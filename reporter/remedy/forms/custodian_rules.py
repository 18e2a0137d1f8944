"""A rule as Custodian finds it, exactly, and as EC2 takes it.

How c7n.resources.vpc.SGPermission (c7n 0.9.53) judges: it takes the permissions of a group apart, so that each has one
peer, and asks each key of the filter about that. A plain value has to be equal. `Cidr` and `CidrV6` look at the one
range, and a permission without one does not match; `Ports` is no condition on a rule without ports, hence FromPort and
ToPort. What is listed as a whole, as PrefixListIds is, can be compared as a whole: a list of one entry, with all that
AWS says of it. `SGReferences` would look up the other group, which may be another account's.
"""

from collections.abc import Callable, Mapping
from typing import Any

from reporter.inventory.rules import ALL_TRAFFIC, GROUP, IPV4, IPV6
from reporter.remedy import peers
from reporter.remedy.forms import exact
from reporter.remedy.forms.comments import rule_text
from reporter.remedy.forms.exact import UnsaidError
from reporter.remedy.steps import RecordedGroup, Rule

# Those that the filter's schema takes as they are.
_NAMED = (ALL_TRAFFIC, "tcp", "udp", "icmp", "icmpv6")


def filter_of_recorded(rule: Rule, group: RecordedGroup) -> dict[str, Any]:
    """A filter that matches the group by this rule of its record, and by no other that it could have.

    Raises UnsaidError where that cannot be.
    """
    return _filter(rule, group, _recorded)


def filter_of_allowed(rule: Rule, group: RecordedGroup) -> dict[str, Any]:
    """The same for a rule that the group is given, as `permission` has it. Raises UnsaidError."""
    if rule.peering_id:
        raise UnsaidError(f"{rule_text(rule)}: AWS says more of a group in a peered VPC than it is told")
    return _filter(rule, group, lambda rule, _: peers.entry(rule))


def permission(rule: Rule) -> dict[str, Any]:
    """The rule as AuthorizeSecurityGroupIngress and -Egress take it."""
    ports = {"FromPort": rule.from_port, "ToPort": rule.to_port} if exact.has_ports(rule) else {}
    return {"IpProtocol": rule.protocol, **ports, peers.PEERS[rule.kind][0]: [peers.entry(rule)]}


def _filter(
    rule: Rule, group: RecordedGroup, entry: Callable[[Rule, RecordedGroup], dict[str, Any]]
) -> dict[str, Any]:
    exact.check(rule)
    if rule.kind == IPV4:
        peer: dict[str, Any] = {"Cidr": rule.peer}
    elif rule.kind == IPV6:
        peer = {"CidrV6": rule.peer}
    elif rule.kind == GROUP and rule.peer == group.group_id:
        peer = {"SelfReference": True}
    else:
        peer = {peers.PEERS[rule.kind][0]: _equal([entry(rule, group)])}
    return {
        "type": "egress" if rule.egress else "ingress",
        "IpProtocol": rule.protocol if rule.protocol in _NAMED else _equal(rule.protocol),
        "FromPort": _absent() if rule.from_port is None else rule.from_port,
        "ToPort": _absent() if rule.to_port is None else rule.to_port,
        **peer,
    }


def _recorded(rule: Rule, group: RecordedGroup) -> dict[str, Any]:
    """The rule's peer as the group's record lists it."""
    for each in group.record.get("IpPermissionsEgress" if rule.egress else "IpPermissions") or ():
        if tuple(map(each.get, ("IpProtocol", "FromPort", "ToPort"))) == (
            rule.protocol,
            rule.from_port,
            rule.to_port,
        ):
            for entry in each.get(peers.PEERS[rule.kind][0]) or ():
                if _is(entry, rule):
                    return dict(entry)
    raise UnsaidError(f"{rule_text(rule)}: the record of the group does not have it")


def _is(entry: Mapping[str, Any], rule: Rule) -> bool:
    if entry.get(peers.PEERS[rule.kind][1]) != rule.peer:
        return False
    owner = (entry.get("UserId") or "", entry.get("VpcPeeringConnectionId") or "")
    return rule.kind != GROUP or not rule.owner_id or owner == (rule.owner_id, rule.peering_id)


def _equal(value: Any) -> dict[str, Any]:
    return {"type": "value", "op": "eq", "value": value}


def _absent() -> dict[str, Any]:
    return {"type": "value", "value": "absent"}
