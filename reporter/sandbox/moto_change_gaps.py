"""What a change of groups meets in AWS and moto lacks: see `moto_gaps`, which puts it in place.

Each public function below fills one gap and says what AWS does there; GAPS is all of them but `init_rule`, which
another one builds on.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.models.instances import Instance
from moto.ec2.models.security_groups import GroupedSecurityRuleView, SecurityGroup, SecurityGroupRule

_PREFIX_LIST = "sandbox_prefix_list"

_delete_security_group = EC2Backend.delete_security_group
_init_rule = SecurityGroupRule.__init__
_modify_instance_security_groups = EC2Backend.modify_instance_security_groups
_modify_network_interface_attribute = EC2Backend.modify_network_interface_attribute


def init_rule(
    self: SecurityGroupRule,
    ec2_backend: Any,
    ip_protocol: str,
    group_id: str,
    from_port: str | None,
    to_port: str | None,
    ip_range: dict[str, str] | None,
    source_group: dict[str, str] | None = None,
    prefix_list_id: dict[str, str] | None = None,
    *args: Any,
    **kwargs: Any,
) -> None:
    """A rule has its description whatever its peer is; moto forgets that of a prefix list."""
    peer = (ip_range, source_group, prefix_list_id)
    _init_rule(self, ec2_backend, ip_protocol, group_id, from_port, to_port, *peer, *args, **kwargs)
    vars(self)[_PREFIX_LIST] = prefix_list_id or {}


def rule_description(self: SecurityGroupRule) -> str | None:
    """DescribeSecurityGroupRules tells it of any peer, moto of ranges alone."""
    peer = self.ip_range or self.source_group or vars(self)[_PREFIX_LIST]
    return peer.get("Description")


def same_rule(self: SecurityGroupRule, other: object) -> bool:
    """Two rules are the same if traffic and peer are; a description does not make another of it.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (InvalidPermission.Duplicate)
    """
    return isinstance(other, SecurityGroupRule) and _traffic_and_peer(self) == _traffic_and_peer(other)


def _traffic_and_peer(rule: SecurityGroupRule) -> tuple[Any, ...]:
    ports = () if rule.ip_protocol == "-1" else (rule.from_port, rule.to_port)
    cidrs = (rule.ip_range.get("CidrIp"), rule.ip_range.get("CidrIpv6"))
    return rule.ip_protocol, ports, cidrs, rule.source_group.get("GroupId"), rule.prefix_list_id


def permissions(self: SecurityGroup, rules: Iterable[SecurityGroupRule]) -> list[GroupedSecurityRuleView]:
    """DescribeSecurityGroups, too, has the description of a prefix list."""
    found: dict[tuple[Any, ...], GroupedSecurityRuleView] = {}
    for rule in rules:
        key = (rule.from_port, rule.to_port, rule.ip_protocol)
        view = found.setdefault(key, GroupedSecurityRuleView(*key))
        if rule.ip_range:
            view.all_ip_ranges.append(rule.ip_range)
        if rule.source_group:
            view.source_groups.append(rule.source_group)
        if rule.prefix_list_id:
            view.prefix_list_ids.append(vars(rule)[_PREFIX_LIST])
    return list(found.values())


def delete_security_group(self: EC2Backend, name: str | None = None, group_id: str | None = None) -> None:
    """AWS deletes neither a default group nor one that an interface or another group's rule of the VPC names.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html
    """
    group = self.get_security_group_by_name_or_id(group_id or name or "")
    if group and group.is_default:
        raise EC2ClientError(
            "CannotDelete", f'the specified group: "{group.id}" name: "default" cannot be deleted by a user'
        )
    if group and any(_dependents(self, group)):
        raise EC2ClientError("DependencyViolation", f"resource {group.id} has a dependent object")
    _delete_security_group(self, name, group_id)


def _dependents(backend: EC2Backend, group: SecurityGroup) -> Iterator[bool]:
    yield any(group in interface.group_set for interface in backend.enis.values())
    for other in backend.groups[group.vpc_id or ""].values():
        rules = [*other.ingress_rules, *other.egress_rules]
        yield other is not group and any(rule.source_group.get("GroupId") == group.id for rule in rules)


def interface_groups(self: NetworkInterface) -> list[SecurityGroup]:
    """An interface carries its own groups; moto adds those of the instance, which are those of its primary one."""
    return self._group_set


def modify_network_interface_attribute(
    self: EC2Backend, eni_id: str, group_ids: list[str], *args: Any, **kwargs: Any
) -> None:
    """The groups of an instance are those of its primary interface; moto keeps the old ones."""
    _modify_network_interface_attribute(self, eni_id, group_ids, *args, **kwargs)
    interface = self.get_network_interface(eni_id)
    if group_ids and interface.instance and interface.device_index == 0:
        interface.instance.security_groups = list(interface._group_set)


def modify_instance_security_groups(
    self: EC2Backend, instance_id: str, new_group_id_list: list[str]
) -> Instance:
    """The other way round: an instance's groups are put on its primary interface."""
    instance = _modify_instance_security_groups(self, instance_id, new_group_id_list)
    if 0 in instance.nics:
        instance.nics[0]._group_set = list(instance.security_groups)
    return instance


GAPS: tuple[tuple[type, str, Any], ...] = (
    (SecurityGroupRule, "__eq__", same_rule),
    (SecurityGroupRule, "description", property(rule_description)),
    (SecurityGroup, "_flattened_rules", permissions),
    (EC2Backend, "delete_security_group", delete_security_group),
    (NetworkInterface, "group_set", property(interface_groups)),
    (EC2Backend, "modify_network_interface_attribute", modify_network_interface_attribute),
    (EC2Backend, "modify_instance_security_groups", modify_instance_security_groups),
)
