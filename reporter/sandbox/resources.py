"""What an estate is made of: accounts, networks, groups with their rules, and what carries them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

WORLD = "0.0.0.0/0"
WORLD_V6 = "::/0"
GROUP = "group:"
PREFIX_LIST = "prefix-list:"


@dataclass(frozen=True)
class Statement:
    """What a policy allows."""

    actions: tuple[str, ...]
    resource: str = "*"


@dataclass(frozen=True)
class Role:
    """A role for instances. `of_aws` are policies of AWS's own that it has, by name, `inline` is what it allows beside
    them; `boundary` is that of its permissions boundary, if it has one."""

    name: str
    description: str
    of_aws: tuple[str, ...] = ()
    inline: tuple[Statement, ...] = ()
    boundary: tuple[Statement, ...] = ()


@dataclass(frozen=True)
class Account:
    """One of the estate's accounts, reached through a role as c7n-org would. `roles` are those for its instances."""

    name: str
    account_id: str
    team: str
    roles: tuple[Role, ...] = ()

    @property
    def role(self) -> str:
        return f"arn:aws:iam::{self.account_id}:role/sg-audit"


@dataclass(frozen=True)
class Rule:
    """What may come in. See `tcp` and the functions after it, which make them."""

    protocol: str
    ports: str
    source: str
    description: str = ""


def tcp(ports: int | str, source: str, description: str = "") -> Rule:
    """TCP to a port (22) or a range of them ("20-25"), from a source.

    A source is an address range, or `group:NAME` for a group of the same account and region,
    `group:ACCOUNT/NAME` for one of another account, or `prefix-list:NAME` for one of the cell's own or of AWS's.
    """
    return Rule("tcp", str(ports), source, description)


def udp(ports: int | str, source: str) -> Rule:
    return Rule("udp", str(ports), source)


def icmp(type_and_code: str, source: str) -> Rule:
    """ICMP of one type and code ("8-25"), which AWS keeps where other protocols have their ports."""
    return Rule("icmp", type_and_code, source)


def esp(source: str) -> Rule:
    """IPsec's payload, protocol number 50, which has no ports."""
    return Rule("50", "", source)


def all_traffic(source: str) -> Rule:
    return Rule("-1", "", source)


# Where a route leads.
INTERNET = "internet gateway"
DETACHED = "internet gateway that the VPC had before"
NAT = "NAT gateway"
EGRESS_ONLY = "egress-only internet gateway"
FIREWALL = "Gateway Load Balancer endpoint"


@dataclass(frozen=True)
class Route:
    destination: str
    target: str
    """One of the five above; the VPC has it as soon as a route names it."""


@dataclass(frozen=True)
class AclEntry:
    """An entry of a network ACL, of which the lowest number that fits decides. See the functions below."""

    number: int
    action: str
    egress: bool
    protocol: str
    ports: str
    cidr: str


def allow_in(number: int, protocol: str, ports: int | str, cidr: str) -> AclEntry:
    """Let in a protocol ("tcp", "udp", or "-1" for all of them) to a port or a range, "" for all, from addresses."""
    return AclEntry(number, "allow", False, protocol, str(ports), cidr)


def deny_in(number: int, protocol: str, ports: int | str, cidr: str) -> AclEntry:
    return AclEntry(number, "deny", False, protocol, str(ports), cidr)


def allow_out(number: int, protocol: str, ports: int | str, cidr: str) -> AclEntry:
    return AclEntry(number, "allow", True, protocol, str(ports), cidr)


@dataclass(frozen=True)
class Subnet:
    """A subnet of a VPC.

    `cidr` is "" where it has IPv6 alone; `ipv6` says which of the VPC's 256 ranges it has, if any. Without `routes`
    it has the main table of the VPC, without `acl` its default ACL. `sealed` is where the region blocks public
    access and the subnet is no exclusion.
    """

    name: str
    cidr: str
    ipv6: int | None = None
    routes: tuple[Route, ...] | None = None
    acl: tuple[AclEntry, ...] | None = None
    sealed: bool = False


@dataclass(frozen=True)
class Vpc:
    """A VPC with IPv6 if one of its subnets has it. NAT gateway and firewall endpoint are in the first subnet.

    `main_routes` are those of the main table, beside the local one.
    """

    name: str
    cidr: str
    subnets: tuple[Subnet, ...]
    main_routes: tuple[Route, ...] = ()

    @property
    def has_ipv6(self) -> bool:
        return any(subnet.ipv6 is not None for subnet in self.subnets)


@dataclass(frozen=True)
class Group:
    """A security group. The one called `default` is there already: it gets these rules in place of its own.

    Its description is then for the reader of this table only, since AWS has given it one. `vpc` is the name of
    its VPC, "" for the default one.
    """

    name: str
    rules: tuple[Rule, ...]
    description: str
    tags: Mapping[str, str] = field(default_factory=dict)
    vpc: str = ""


@dataclass(frozen=True)
class Instance:
    """An EC2 instance with one interface. An empty name is an instance without a Name tag. `role` is a role of the
    account that it has, by name."""

    name: str
    groups: tuple[str, ...]
    stopped: bool = False
    role: str = ""


@dataclass(frozen=True)
class Interface:
    """Network interfaces, `count` alike, that no instance has: a Lambda's, a load balancer's, a task's.

    `subnet` is VPC/SUBNET by their names, "" for one of the default VPC. `public` is the Elastic IP of its private
    IPv4 address, `second_public` that of a second private address, if it has them; `ipv6` whether it has an IPv6
    address, which is all that an interface in a subnet of IPv6 alone has.
    """

    description: str
    groups: tuple[str, ...]
    count: int = 1
    subnet: str = ""
    public: str = ""
    second_public: str = ""
    ipv6: bool = False


@dataclass(frozen=True)
class Cell:
    """What one account holds in one region.

    Groups are told by name, which is unique in a cell, or as ACCOUNT/NAME where they are another account's.
    """

    vpcs: tuple[Vpc, ...] = ()
    """Those beside the default VPC."""
    prefix_lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The address ranges of each, by its name."""
    groups: tuple[Group, ...] = ()
    instances: tuple[Instance, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    launch_configurations: tuple[str, ...] = ()
    """Names of groups, each named by a launch configuration of its own."""
