"""What the audit meets in AWS's networks and moto lacks: see `moto_gaps`, which puts it in place.

Each public function below fills one gap and says what AWS does there; GAPS is all of them.
"""

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.models.internet_gateways import InternetGateway
from moto.ec2.models.nat_gateways import NatGateway
from moto.ec2.models.network_acls import NetworkAcl
from moto.ec2.models.route_tables import Route
from moto.ec2.models.subnets import Subnet
from moto.ec2.models.vpcs import VPC
from moto.ec2.responses import EC2Response

_associate_address = EC2Response.associate_address
_create_default_vpc = EC2Backend.create_default_vpc
_create_network_acl = EC2Backend.create_network_acl
_get_managed_prefix_list_entries = EC2Response.get_managed_prefix_list_entries
_init_interface = NetworkInterface.__init__
_init_nat_gateway = NatGateway.__init__

_PAGE = 100
_WORLD = "0.0.0.0/0"


def create_default_vpc(self: EC2Backend) -> VPC:
    """A default VPC has an internet gateway, and its main route table leads there.

    https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc-components.html
    """
    vpc = _create_default_vpc(self)
    gateway = self.create_internet_gateway()
    self.attach_internet_gateway(gateway.id, vpc.id)
    [main] = self.describe_route_tables(filters={"vpc-id": vpc.id, "association.main": "true"})
    self.create_route(main.id, _WORLD, gateway_id=gateway.id)
    return vpc


def create_network_acl(
    self: EC2Backend, vpc_id: str, tags: list[dict[str, str]] | None = None, default: bool = False
) -> NetworkAcl:
    """Every network ACL ends with an entry that denies all, and one for IPv6 where the VPC has that; a default
    one also lets in all IPv6 there. moto has it of default ones, and of IPv4.

    https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html
    """
    acl = _create_network_acl(self, vpc_id, tags, default)
    ipv6 = bool(self.get_vpc(vpc_id).get_cidr_block_association_set(ipv6=True))
    for egress in (True, False):
        if not default:
            _add_entry(self, acl, 32767, "deny", egress)
        if default and ipv6:
            _add_entry(self, acl, 101, "allow", egress, ipv6=True)
        if ipv6:
            _add_entry(self, acl, 32768, "deny", egress, ipv6=True)
    return acl


def _add_entry(
    backend: EC2Backend, acl: NetworkAcl, number: int, action: str, egress: bool, ipv6: bool = False
) -> None:
    cidrs: dict[str, Any] = {
        "cidr_block": None if ipv6 else _WORLD,
        "ipv6_cidr_block": "::/0" if ipv6 else None,
    }
    no_ports: dict[str, Any] = dict.fromkeys(("icmp_code", "icmp_type", "port_range_from", "port_range_to"))
    backend.create_network_acl_entry(acl.id, number, "-1", action, egress, **cidrs, **no_ports)


def init_interface(self: NetworkInterface, ec2_backend: Any, subnet: Any, *args: Any, **kwargs: Any) -> None:
    """An interface in a subnet of IPv6 alone has no IPv4 address; moto makes one up. And one that a load balancer
    has is managed by AWS, which its description tells (nobody else may begin theirs with "ELB").

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/requester-managed-eni.html
    """
    _init_interface(self, ec2_backend, subnet, *args, **kwargs)
    if self.subnet.ipv6_native:
        self.private_ip_address, self.private_ip_addresses = None, []
    if self.description.startswith("ELB "):
        self.requester_managed, self.requester_id = True, "amazon-elb"


def init_nat_gateway(self: NatGateway, *args: Any, **kwargs: Any) -> None:
    """A NAT gateway's interface carries no group and is managed by AWS; moto's carries the default group."""
    _init_nat_gateway(self, *args, **kwargs)
    self._eni._group_set = []
    self._eni.requester_managed, self._eni.interface_type = True, "nat_gateway"
    self._eni.description = f"Interface for NAT Gateway {self.id}"


def associate_address(self: EC2Response) -> ActionResult:
    """An Elastic IP of a secondary private address stands there, and the primary one keeps what it has.

    moto takes it for the primary's. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateAddress.html
    """
    backend = self.ec2_backend
    private, interface_id = self._get_param("PrivateIpAddress"), self._get_param("NetworkInterfaceId")
    interface = backend.get_network_interface(interface_id) if interface_id and private else None
    if interface is None or private == interface.private_ip_address:
        return _associate_address(self)
    places: list[dict[str, Any]] = interface.private_ip_addresses
    place = next((each for each in places if each["PrivateIpAddress"] == private), None)
    if place is None:
        raise EC2ClientError("InvalidParameterValue", f"{private} is no address of {interface_id}")
    primary = interface.public_ip
    answer = _associate_address(self)
    place["Association"] = {
        "AllocationId": interface.association.get("allocationId"),
        "AssociationId": interface.association.get("associationId"),
        "IpOwnerId": backend.account_id,
        "PublicIp": interface.public_ip,
    }
    interface.public_ip = primary
    return answer


def route_state(self: Route) -> str:
    """A route whose gateway is gone, or is not the VPC's any more, is a blackhole; moto's is always active.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html
    """
    gateway: Any = self.gateway
    left = isinstance(gateway, InternetGateway) and getattr(gateway.vpc, "id", "") != self.route_table.vpc_id
    return "blackhole" if left or (self.nat_gateway and self.nat_gateway.state == "deleted") else "active"


def get_managed_prefix_list_entries(self: EC2Response) -> ActionResult:
    """AWS answers with a hundred entries, or as many as asked for, and a token for the next; moto with all.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetManagedPrefixListEntries.html
    """
    answer: Any = _get_managed_prefix_list_entries(self)
    entries = answer.result["Entries"]
    first = int(self._get_param("NextToken") or 0)
    after = first + int(self._get_param("MaxResults") or _PAGE)
    return ActionResult(
        {"Entries": entries[first:after], "NextToken": str(after) if after < len(entries) else None}
    )


def modify_vpc_block_public_access_options(self: EC2Response) -> ActionResult:
    """An account can block public access to all of its VPCs in a region; exceptions are made one by one.

    moto knows neither. https://docs.aws.amazon.com/vpc/latest/userguide/security-vpc-bpa.html
    """
    mode = self._get_param("InternetGatewayBlockMode")
    vars(self.ec2_backend)["sandbox_block_mode"] = mode
    options = {"AwsAccountId": self.ec2_backend.account_id, "InternetGatewayBlockMode": mode}
    return ActionResult({"VpcBlockPublicAccessOptions": options | {"State": "update-complete"}})


def create_vpc_block_public_access_exclusion(self: EC2Response) -> ActionResult:
    """A subnet, or all of a VPC, that is left open where public access is blocked: both ways, or outwards."""
    excluded = self._get_param("SubnetId") or self._get_param("VpcId")
    mode = self._get_param("InternetGatewayExclusionMode")
    vars(self.ec2_backend).setdefault("sandbox_exclusions", {})[excluded] = mode
    exclusion = {"ExclusionId": f"vpcbpa-exclude-{excluded[-17:]}", "State": "create-complete"}
    return ActionResult({"VpcBlockPublicAccessExclusion": exclusion | {"InternetGatewayExclusionMode": mode}})


def block_public_access_states(self: Subnet) -> dict[str, str]:
    """A subnet tells whether public access to it is blocked.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_BlockPublicAccessStates.html
    """
    known = vars(self.ec2_backend)
    exclusions = known.get("sandbox_exclusions", {})
    exclusion = exclusions.get(self.id) or exclusions.get(self.vpc_id)
    mode = known.get("sandbox_block_mode") or "off"
    if mode != "off" and exclusion:
        mode = {"allow-bidirectional": "off", "allow-egress": "block-ingress"}[exclusion]
    return {"InternetGatewayBlockMode": mode}


GAPS: tuple[tuple[type, str, Any], ...] = (
    (EC2Backend, "create_default_vpc", create_default_vpc),
    (EC2Backend, "create_network_acl", create_network_acl),
    (NetworkInterface, "__init__", init_interface),
    (NatGateway, "__init__", init_nat_gateway),
    (EC2Response, "associate_address", associate_address),
    (Route, "state", property(route_state)),
    (EC2Response, "get_managed_prefix_list_entries", get_managed_prefix_list_entries),
    (EC2Response, "modify_vpc_block_public_access_options", modify_vpc_block_public_access_options),
    (EC2Response, "create_vpc_block_public_access_exclusion", create_vpc_block_public_access_exclusion),
    (Subnet, "block_public_access_states", property(block_public_access_states)),
)
