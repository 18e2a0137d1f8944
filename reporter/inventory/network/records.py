"""The network's records, under AWS's own names, and what is kept of them.

Sources: DescribeSubnets, DescribeRouteTables, DescribeNetworkAcls and DescribeManagedPrefixLists of the EC2 API, and
DescribeLoadBalancers and DescribeTargetGroups of ELB, as Custodian writes them to resources.json; the entries of a
prefix list, and a target group's attributes and health, are what Custodian notes on each.
"""

from sys import intern

from msgspec import Struct, field

from reporter.inventory import rules
from reporter.inventory.network.acls import AclRule, NetworkAcl
from reporter.inventory.network.balancers import LoadBalancer, TargetGroup
from reporter.inventory.network.prefix_lists import PrefixList
from reporter.inventory.network.routes import Route, RouteTable
from reporter.inventory.network.topology import Subnet
from reporter.inventory.network.traffic import Traffic
from reporter.inventory.records import ListOf
from reporter.inventory.rules import ICMP, MAX_PORT, WITH_PORTS

#: Custodian asks for one page of entries, which has no more:
#: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetManagedPrefixListEntries.html
_PAGE = 100
_NUMBER_OF_LAST_RULE = 32_767


class BlockPublicAccess(Struct, rename="pascal", gc=False):
    """A VPC's Block Public Access, as a subnet shows it: off, block-bidirectional, block-ingress."""

    internet_gateway_block_mode: str = "off"


class SubnetRecord(Struct, rename="pascal", gc=False):
    """A subnet."""

    subnet_id: str
    vpc_id: str = ""
    block_public_access_states: BlockPublicAccess | None = None

    def row(self, taken: float) -> Subnet:
        """What is kept of it."""
        states = self.block_public_access_states
        blocked = states is not None and states.internet_gateway_block_mode != "off"
        return Subnet(intern(self.subnet_id), intern(self.vpc_id), blocked, taken)


class RouteRecord(Struct, rename="pascal", gc=False):
    """A route. One of the destinations and one of the targets is there."""

    destination_cidr_block: str = ""
    destination_ipv6_cidr_block: str = ""
    destination_prefix_list_id: str = ""
    gateway_id: str = ""
    instance_id: str = ""
    network_interface_id: str = ""
    state: str = "active"
    origin: str = ""


class AssociationRecord(Struct, rename="pascal", gc=False):
    """What a route table or a network ACL is associated with: a subnet, or a route table as the VPC's main one."""

    subnet_id: str = ""
    main: bool = False


class RouteTableRecord(Struct, rename="pascal", gc=False):
    """A route table."""

    route_table_id: str
    vpc_id: str = ""
    owner_id: str = ""
    routes: list[RouteRecord] = field(default_factory=list)
    associations: list[AssociationRecord] = field(default_factory=list)

    def row(self, taken: float) -> RouteTable:
        """What is kept of it. Targets that lead nowhere near the internet have no name."""
        return RouteTable(
            route_table_id=self.route_table_id,
            vpc_id=intern(self.vpc_id),
            owner_id=intern(self.owner_id),
            main=any(each.main for each in self.associations),
            subnet_ids=tuple(intern(each.subnet_id) for each in self.associations if each.subnet_id),
            routes=tuple(
                Route(
                    intern(
                        each.destination_cidr_block
                        or each.destination_ipv6_cidr_block
                        or each.destination_prefix_list_id
                    ),
                    each.gateway_id or each.network_interface_id or each.instance_id,
                    each.state == "active",
                    propagated=each.origin == "EnableVgwRoutePropagation",
                )
                for each in self.routes
            ),
            taken=taken,
        )


class PortRange(Struct, rename="pascal", gc=False):
    """Ports of a network ACL's entry, both inclusive. `from` is a word of Python."""

    from_: int = field(name="From", default=0)
    to: int = MAX_PORT


class IcmpTypeCode(Struct, rename="pascal", gc=False):
    """Type and code of ICMP, -1 for any."""

    type: int = rules.ANY
    code: int = rules.ANY


class AclEntry(Struct, rename="pascal", gc=False):
    """A rule of a network ACL; the protocol is a number, -1 for all."""

    rule_number: int = _NUMBER_OF_LAST_RULE
    rule_action: str = ""
    egress: bool = False
    protocol: str = rules.ALL_TRAFFIC
    cidr_block: str = ""
    ipv6_cidr_block: str = ""
    port_range: PortRange | None = None
    icmp_type_code: IcmpTypeCode | None = None

    def rule(self) -> AclRule:
        """What is kept of it."""
        protocol = rules.protocol_by_name(self.protocol)
        ports = (self.port_range or PortRange()) if protocol in WITH_PORTS else PortRange()
        return AclRule(
            number=self.rule_number,
            egress=self.egress,
            allow=self.rule_action == "allow",
            cidr=intern(self.cidr_block or self.ipv6_cidr_block),
            traffic=Traffic(protocol, ports.from_, ports.to),
            in_part=protocol in ICMP
            and self.icmp_type_code is not None
            and (self.icmp_type_code.type, self.icmp_type_code.code) != (rules.ANY, rules.ANY),
        )


class NetworkAclRecord(Struct, rename="pascal", gc=False):
    """A network ACL."""

    network_acl_id: str
    entries: list[AclEntry] = field(default_factory=list)
    associations: list[AssociationRecord] = field(default_factory=list)

    def row(self, taken: float) -> NetworkAcl:
        """What is kept of it."""
        return NetworkAcl(
            acl_id=self.network_acl_id,
            subnet_ids=tuple(intern(each.subnet_id) for each in self.associations if each.subnet_id),
            rules=tuple(each.rule() for each in self.entries),
            taken=taken,
        )


class PrefixListEntry(Struct, rename="pascal", gc=False):
    """A CIDR block of a prefix list."""

    cidr: str = ""


class PrefixListRecord(Struct, rename="pascal", gc=False):
    """A prefix list; its entries are there where Custodian's filter `entry` asked for them."""

    prefix_list_id: str
    owner_id: str = ""
    max_entries: int | None = None
    entries: list[PrefixListEntry] | None = field(name="c7n:prefix-entries", default=None)

    def row(self, all_pages: bool) -> PrefixList:
        """What is kept of it; `all_pages` says that whoever read it goes on after the first page of entries.

        A full page may be all there is, or where an older release of the same program stopped: it is all where the
        list takes no more.
        """
        entries = tuple(each.cidr for each in self.entries or ())
        whole = (
            len(entries) < _PAGE or (all_pages and len(entries) > _PAGE) or len(entries) == self.max_entries
        )
        return PrefixList(entries, complete=self.entries is not None and whole, of_aws=self.owner_id == "AWS")


class Zone(Struct, rename="pascal", gc=False):
    """Where a load balancer stands."""

    subnet_id: str = ""


class LoadBalancerRecord(Struct, rename="pascal", gc=False):
    """A load balancer of the newer kind (app-elb to Custodian)."""

    load_balancer_arn: str
    load_balancer_name: str = ""
    type: str = ""
    scheme: str = ""
    availability_zones: list[Zone] = field(default_factory=list)
    security_groups: list[str] = field(default_factory=list)

    def row(self, taken: float) -> LoadBalancer:
        """What is kept of it."""
        return LoadBalancer(
            arn=self.load_balancer_arn,
            name=self.load_balancer_name,
            is_network=self.type == "network",
            faces_internet=self.scheme == "internet-facing",
            subnet_ids=tuple(zone.subnet_id for zone in self.availability_zones if zone.subnet_id),
            group_ids=tuple(self.security_groups),
            taken=taken,
        )


class TargetRecord(Struct, rename="pascal", gc=False):
    """A target: an instance, an address or a load balancer."""

    id: str = ""
    port: int | None = None


class TargetHealth(Struct, rename="pascal", gc=False):
    """A target and how it is: how does not matter here."""

    target: TargetRecord = field(default_factory=TargetRecord)


class TargetAttributes(Struct, gc=False):
    """What Custodian's filter `attributes` notes, as far as it matters."""

    preserve_client_ip: bool | None = field(name="preserve_client_ip.enabled", default=None)


class TargetGroupRecord(Struct, rename="pascal", gc=False):
    """A target group. Custodian adds the targets' health to every one."""

    target_group_arn: str
    protocol: str = ""
    port: int = 0
    vpc_id: str = ""
    target_type: str = ""
    ip_address_type: str = "ipv4"
    load_balancer_arns: list[str] = field(default_factory=list)
    target_health_descriptions: list[TargetHealth] = field(default_factory=list)
    attributes: TargetAttributes | None = field(name="c7n:TargetGroupAttributes", default=None)

    def row(self, taken: float) -> TargetGroup:
        """What is kept of it."""
        return TargetGroup(
            arn=self.target_group_arn,
            protocol=self.protocol,
            vpc_id=self.vpc_id,
            target_type=self.target_type,
            is_ipv6=self.ip_address_type == "ipv6",
            balancer_arns=tuple(self.load_balancer_arns),
            targets=tuple(
                (each.target.id, self.port if each.target.port is None else each.target.port)
                for each in self.target_health_descriptions
            ),
            keeps_client=self.attributes.preserve_client_ip if self.attributes else None,
            taken=taken,
        )


subnet_list = ListOf(SubnetRecord)
route_table_list = ListOf(RouteTableRecord)
network_acl_list = ListOf(NetworkAclRecord)
prefix_list_list = ListOf(PrefixListRecord)
load_balancer_list = ListOf(LoadBalancerRecord)
target_group_list = ListOf(TargetGroupRecord)
