"""The parts of AWS's records that the audit reads, under AWS's own names.

Sources: DescribeSecurityGroups, DescribeNetworkInterfaces and DescribeInstances of the EC2 API, as Custodian
writes them to resources.json. What is not named here is passed over while decoding, and null, as AWS Config and
some tools write it, is taken for absent. The records hold no cycles, so the garbage collector need not look at them
(`gc=False`).
"""

from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct, field

Record = TypeVar("Record")


class Tag(Struct, rename="pascal", gc=False):
    """A tag of any resource."""

    key: str = ""
    value: str = ""


class Source(Struct, rename="pascal", gc=False):
    """Who a rule lets in: one of an IPv4 range, an IPv6 range, a group or a prefix list."""

    cidr_ip: str = ""
    cidr_ipv6: str = ""
    group_id: str = ""
    group_name: str = ""
    prefix_list_id: str = ""


class Permission(Struct, rename="pascal", gc=False):
    """A permission, ingress or egress: one protocol and port range, several sources or destinations."""

    ip_protocol: str = ""
    from_port: int | None = None
    to_port: int | None = None
    ip_ranges: list[Source] = field(default_factory=list)
    ipv6_ranges: list[Source] = field(default_factory=list)
    user_id_group_pairs: list[Source] = field(default_factory=list)
    prefix_list_ids: list[Source] = field(default_factory=list)


class GroupFacts(Struct, rename="pascal", gc=False):
    """What a security group's record says beside its permissions."""

    group_id: str
    group_name: str = ""
    vpc_id: str = ""
    owner_id: str = ""
    description: str = ""
    tags: list[Tag] = field(default_factory=list)


class Group(GroupFacts, gc=False):
    """A security group."""

    ip_permissions: list[Permission] = field(default_factory=list)
    ip_permissions_egress: list[Permission] = field(default_factory=list)


_NO_PERMISSIONS = msgspec.Raw(b"[]")


class CaughtGroup(Struct, rename="pascal", gc=False):
    """No more of a group than its id, and the rules that Custodian's filters say they matched, not decoded yet."""

    group_id: str
    matched_ip_permissions: msgspec.Raw = _NO_PERMISSIONS
    matched_ip_permissions_egress: msgspec.Raw = _NO_PERMISSIONS


class ListedGroup(GroupFacts, gc=False):
    """A security group, whose permissions are not decoded yet, and what CaughtGroup has of it."""

    ip_permissions: msgspec.Raw = _NO_PERMISSIONS
    ip_permissions_egress: msgspec.Raw = _NO_PERMISSIONS
    matched_ip_permissions: msgspec.Raw = _NO_PERMISSIONS
    matched_ip_permissions_egress: msgspec.Raw = _NO_PERMISSIONS


class GroupReference(Struct, rename="pascal", gc=False):
    """A group as interfaces and instances name it."""

    group_id: str = ""
    group_name: str = ""


class Attachment(Struct, rename="pascal", gc=False):
    """What an interface is attached to; a load balancer's or a Lambda's names no instance."""

    instance_id: str = ""
    device_index: int = 0


class Association(Struct, rename="pascal", gc=False):
    """The public address of a private one."""

    public_ip: str = ""


class PrivateAddress(Struct, rename="pascal", gc=False):
    """A private IPv4 address of an interface, the primary one among them, and the public one that it has, if any."""

    private_ip_address: str = ""
    association: Association | None = None


class Ipv6Address(Struct, rename="pascal", gc=False):
    """An IPv6 address of an interface."""

    ipv6_address: str = ""


class Ipv6Prefix(Struct, rename="pascal", gc=False):
    """A block of IPv6 addresses that an interface was given whole."""

    ipv6_prefix: str = ""


class Interface(Struct, rename="pascal", gc=False):
    """A network interface, as DescribeNetworkInterfaces or an instance gives it."""

    network_interface_id: str
    interface_type: str = "interface"
    description: str = ""
    private_ip_address: str = ""
    private_ip_addresses: list[PrivateAddress] = field(default_factory=list)
    ipv6_addresses: list[Ipv6Address] = field(default_factory=list)
    ipv6_prefixes: list[Ipv6Prefix] = field(default_factory=list)
    subnet_id: str = ""
    vpc_id: str = ""
    owner_id: str = ""
    groups: list[GroupReference] = field(default_factory=list)
    attachment: Attachment | None = None
    association: Association | None = None


class State(Struct, rename="pascal", gc=False):
    """An instance's state."""

    name: str = ""


class InstanceProfile(Struct, rename="pascal", gc=False):
    """What gives an instance its role."""

    arn: str = ""


class MetadataOptions(Struct, rename="pascal", gc=False):
    """How an instance answers questions for its metadata, its role's credentials among them."""

    state: str = ""
    http_tokens: str = ""
    http_endpoint: str = ""


class Instance(Struct, rename="pascal", gc=False):
    """An EC2 instance."""

    instance_id: str
    state: State = field(default_factory=State)
    security_groups: list[GroupReference] = field(default_factory=list)
    network_interfaces: list[Interface] = field(default_factory=list)
    iam_instance_profile: InstanceProfile | None = None
    metadata_options: MetadataOptions | None = None
    tags: list[Tag] = field(default_factory=list)


class ListOf(Generic[Record]):
    """Reads a resources.json of records of one type."""

    def __init__(self, record: type[Record]) -> None:
        self._one = msgspec.json.Decoder(record)
        self._decoder = msgspec.json.Decoder(list[record])  # type: ignore[valid-type]

    def decode(self, data: bytes) -> list[Record]:
        """All records. Raises msgspec.DecodeError or UnicodeDecodeError where one cannot be read."""
        return self._decoder.decode(data)

    def decode_each(self, data: bytes) -> tuple[list[Record], list[str]]:
        """The records that can be read, and of each other one which it is and why it cannot.

        Raises msgspec.DecodeError or UnicodeDecodeError where it is no list, or no JSON.
        """
        try:
            return self.decode(data), []
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._each_by_itself(data)

    def _each_by_itself(self, data: bytes) -> tuple[list[Record], list[str]]:
        found: list[Record] = []
        problems: list[str] = []
        for number, raw in enumerate(msgspec.json.decode(data, type=list[msgspec.Raw]), 1):
            plain = None
            try:
                plain = without_nulls(msgspec.json.decode(raw))
                found.append(self._one.decode(msgspec.json.encode(plain)))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                problems.append(f"record {number}{_named(plain)} is not of AWS's form: {error}")
        return found, problems


def without_nulls(value: Any) -> Any:
    """Parsed JSON in which null is absent."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [without_nulls(each) for each in value if each is not None]
    return value


def _named(record: Any) -> str:
    """What a record calls itself, in brackets."""
    names = record if isinstance(record, dict) else {}
    ids = (names[key] for key in ("GroupId", "NetworkInterfaceId", "InstanceId") if key in names)
    return next((f" ({each})" for each in ids if isinstance(each, str)), "")


group_list = ListOf(Group)
listed_group_list = ListOf(ListedGroup)
caught_list = ListOf(CaughtGroup)
permission_list = ListOf(Permission)
interface_list = ListOf(Interface)
instance_list = ListOf(Instance)
any_list = ListOf(dict[str, Any])


def tag_texts(tags: list[Tag]) -> tuple[str, ...]:
    """Tags as `key=value`, sorted."""
    return tuple(sorted(f"{tag.key}={tag.value}" for tag in tags))


def name_tag(tags: list[Tag]) -> str:
    """The value of the Name tag, or an empty text."""
    return next((tag.value for tag in tags if tag.key == "Name"), "")
