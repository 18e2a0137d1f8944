"""What the audit meets in AWS and moto lacks, added from our side.

Each public function below fills one gap and says what AWS does there; `fill()` puts them in place. It changes
moto for the whole process, which is why only the sandbox's server calls it. Those of networks are in
`moto_network_gaps`, those of changes in `moto_change_gaps`, those of IAM in `moto_iam_gaps`, that of imports in
`moto_securityhub_gaps`.
"""

from collections.abc import Iterator
from typing import Any

from moto.autoscaling.models import AutoScalingBackend, FakeLaunchConfiguration
from moto.core.responses import ActionResult
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.security_groups import SecurityGroup, SecurityGroupRule
from moto.ec2.models.vpcs import VPC
from moto.ec2.responses import EC2Response

from reporter.sandbox import moto_change_gaps, moto_iam_gaps, moto_network_gaps, moto_securityhub_gaps

_create_launch_configuration = AutoScalingBackend.create_launch_configuration
_create_security_group = EC2Backend.create_security_group
_get_security_group_from_id = EC2Backend.get_security_group_from_id
_init_rule = moto_change_gaps.init_rule

# The protocols whose rules have ports, or an ICMP type and code, by the names and numbers moto knows them by.
_PROTOCOLS_WITH_PORTS = {"tcp", "6", "udp", "17", "icmp", "1", "icmpv6", "58"}


def fill() -> None:
    """Fill every gap. Calling it again changes nothing."""
    for owner, name, filled in (
        (EC2Response, "describe_security_group_references", describe_security_group_references),
        (EC2Backend, "create_security_group", create_security_group),
        (EC2Backend, "get_security_group_from_id", get_security_group_from_id),
        (SecurityGroupRule, "__init__", init_rule),
        (AutoScalingBackend, "create_launch_configuration", create_launch_configuration),
        *moto_change_gaps.GAPS,
        *moto_iam_gaps.GAPS,
        *moto_network_gaps.GAPS,
        *moto_securityhub_gaps.GAPS,
    ):
        setattr(owner, name, filled)


def describe_security_group_references(self: EC2Response) -> ActionResult:
    """DescribeSecurityGroupReferences, which Custodian's `unused` filter asks and moto does not answer.

    AWS names the VPCs at the other end of an active peering connection, of whichever account, that have a
    group with a rule that names one of the groups asked for. A rule in the same VPC, or in one that is not
    peered, does not count.
    """
    self.error_on_dryrun()
    asked = self.ec2_backend.describe_security_groups(group_ids=self._get_param("GroupId", []))
    references = [
        {"GroupId": group.id, "ReferencingVpcId": peer.id, "VpcPeeringConnectionId": connection}
        for group in asked
        for connection, peer in _peers(self.ec2_backend, group.vpc_id)
        if any(_names(other, group.id) for other in peer.ec2_backend.groups[peer.id].values())
    ]
    return ActionResult({"SecurityGroupReferenceSet": references})


def _peers(backend: Any, vpc_id: str) -> Iterator[tuple[str, VPC]]:
    """The VPCs that are joined to one of ours, each with the id of the peering connection."""
    for connection in backend.vpc_pcxs.values():
        if connection.status["Code"] == "active":
            for ours, theirs in (
                (connection.vpc, connection.peer_vpc),
                (connection.peer_vpc, connection.vpc),
            ):
                if ours.id == vpc_id:
                    yield connection.id, theirs


def _names(group: SecurityGroup, group_id: str) -> bool:
    return any(
        rule.source_group.get("GroupId") == group_id for rule in group.ingress_rules + group.egress_rules
    )


def create_security_group(self: EC2Backend, *args: Any, **kwargs: Any) -> SecurityGroup:
    """A default group starts with a rule that lets all traffic in from itself; moto's starts with none."""
    group = _create_security_group(self, *args, **kwargs)
    if group.is_default:
        self.authorize_security_group_ingress(
            group.id, "-1", "", "", ip_ranges=[], source_groups=[{"GroupId": group.id}]
        )
    return group


def get_security_group_from_id(self: EC2Backend, group_id: str) -> SecurityGroup | None:
    """A rule or an interface may name a group of another account in the region: a peered or a shared VPC's.

    moto looks among the account's own groups only: it refuses such a rule, and for such an interface it makes
    up a new group in the account, with the id for a name.
    """
    own = _get_security_group_from_id(self, group_id)
    if own:
        return own
    for account in list(ec2_backends.values()):
        backend = account.get(self.region_name)
        group = backend and _get_security_group_from_id(backend, group_id)
        if group:
            return group
    return None


def init_rule(
    self: SecurityGroupRule,
    ec2_backend: Any,
    ip_protocol: str,
    group_id: str,
    from_port: str | None,
    to_port: str | None,
    *args: Any,
    **kwargs: Any,
) -> None:
    """A rule for a protocol without ports, such as ESP (50), has none in AWS; moto fails without them."""
    portless = str(ip_protocol).lower() not in _PROTOCOLS_WITH_PORTS
    if portless:
        from_port = to_port = "0"
    _init_rule(self, ec2_backend, ip_protocol, group_id, from_port, to_port, *args, **kwargs)
    if portless:
        self.from_port = self.to_port = None


def create_launch_configuration(
    self: AutoScalingBackend, *args: Any, **kwargs: Any
) -> FakeLaunchConfiguration:
    """A launch configuration always lists its ClassicLink groups, none or not, and `unused` relies on it."""
    configuration = _create_launch_configuration(self, *args, **kwargs)
    configuration.classic_link_vpc_security_groups = configuration.classic_link_vpc_security_groups or []  # type: ignore[assignment]
    return configuration
