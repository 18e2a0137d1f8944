"""What the report keeps of the records of an account and region.

The rows are msgspec's structs and no dataclasses: there are millions of them, and one is made in a tenth of the time.
They hold no cycles, so the garbage collector need not look at them (`gc=False`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from sys import intern

from msgspec import Struct

from reporter.inventory import records
from reporter.inventory.analyzers import AnalyzerRow
from reporter.inventory.columns import Value
from reporter.inventory.iam.roles import Role
from reporter.inventory.network.topology import NetworkRows
from reporter.inventory.records import GroupFacts, Instance, Interface
from reporter.inventory.rule_facts import Deduplicator, RuleFacts
from reporter.output.manifest import Cell


class GroupRow(Struct, frozen=True, gc=False):
    """A group; `caught_by` names the policies that listed it, `matched_rules` tells for each of them the rules that
    made it match, None where that cannot be told; `more` has the values of the wanted fields, `taken` is when the
    rest was read, in seconds since 1970.
    """

    group_id: str
    name: str
    vpc_id: str
    owner_id: str
    description: str
    tags: tuple[str, ...]
    rules: RuleFacts
    caught_by: tuple[str, ...]
    matched_rules: tuple[tuple[str, ...] | None, ...] = ()
    more: tuple[Value, ...] = ()
    taken: float = 0.0


class InterfaceRow(Struct, frozen=True, gc=False):
    """A network interface with the groups it carries, by id and name; `taken` is when that was read.

    `public_ip` is that of its primary private address, the first of `private_ips`; `public_ips` are those of all of
    them, and `ipv6` its IPv6 addresses and the blocks it was given. `is_primary` says that it is its instance's first.
    """

    interface_id: str
    type: str
    description: str
    private_ips: tuple[str, ...]
    public_ip: str
    public_ips: tuple[str, ...]
    ipv6: tuple[str, ...]
    subnet_id: str
    vpc_id: str
    owner_id: str
    instance_id: str
    is_primary: bool
    groups: tuple[tuple[str, str], ...]
    taken: float = 0.0


class InstanceRow(Struct, frozen=True, gc=False):
    """An instance with the groups it carries, by id and name.

    `profile_arn` is that of its instance profile, None where it has none and empty where its record does not name it;
    `imdsv1` says whether it answers questions for its metadata without a token, None where its record does not tell.
    """

    instance_id: str
    name: str
    state: str
    groups: tuple[tuple[str, str], ...]
    profile_arn: str | None = None
    imdsv1: bool | None = None


@dataclass(frozen=True)
class UnitRows:
    """One account and region.

    `cells` are its cells again, those whose file could not be read, or not all of it, turned to failed. `read`
    names the policies that looked at everything, so that what they did not list is none of theirs, and
    `unanswered` those that were to and did not. `interfaces_known` says that every interface of the account is
    here; `all_listed` has when everything of a resource type was listed last, in seconds since 1970. `sheets` has
    the resources of other policies, as cells by column, and `network` what is around the groups. `roles` are those that
    instances may have, by the ARN of each instance profile, None where they were not read; `analyzers` are those of
    Access Analyzer.
    """

    account: str
    account_id: str
    region: str
    cells: tuple[Cell, ...]
    read: frozenset[str]
    interfaces_known: bool
    groups: tuple[GroupRow, ...]
    interfaces: tuple[InterfaceRow, ...]
    instances: tuple[InstanceRow, ...]
    sheets: Mapping[str, tuple[Mapping[str, Value], ...]] = field(default_factory=dict)
    unanswered: frozenset[str] = frozenset()
    all_listed: Mapping[str, float] = field(default_factory=dict)
    network: NetworkRows = field(default_factory=NetworkRows)
    roles: Mapping[str, Role] | None = None
    analyzers: tuple[AnalyzerRow, ...] = ()

    def started(self, policy: str) -> float:
        """When a policy was run here, in seconds since 1970; 0 where that is not known."""
        return next((cell.started or 0.0 for cell in self.cells if cell.policy == policy), 0.0)


def group_row(
    group: GroupFacts,
    told: RuleFacts,
    caught: Mapping[str, tuple[str, ...] | None],
    more: tuple[Value, ...],
    taken: float,
    deduplicated: Deduplicator,
) -> GroupRow:
    """A group's record as a row; `told` is what its rules tell, and `caught` has those that matched by policy."""
    return GroupRow(
        group_id=intern(group.group_id),
        name=intern(group.group_name),
        vpc_id=intern(group.vpc_id),
        owner_id=intern(group.owner_id),
        description=intern(group.description),
        tags=deduplicated(tuple(map(intern, records.tag_texts(group.tags)))),
        rules=told,
        caught_by=deduplicated(tuple(caught)),
        matched_rules=deduplicated(tuple(caught.values())),
        more=more,
        taken=taken,
    )


def interface_row(interface: Interface, taken: float, deduplicated: Deduplicator) -> InterfaceRow:
    """An interface's record as a row."""
    association, attachment = interface.association, interface.attachment
    return InterfaceRow(
        interface_id=interface.network_interface_id,
        type=intern(interface.interface_type),
        description=intern(interface.description),
        private_ips=_private_ips(interface),
        public_ip=association.public_ip if association else "",
        public_ips=_public_ips(interface),
        ipv6=_ipv6(interface),
        subnet_id=intern(interface.subnet_id),
        vpc_id=intern(interface.vpc_id),
        owner_id=intern(interface.owner_id),
        instance_id=intern(attachment.instance_id) if attachment else "",
        is_primary=attachment is not None and attachment.device_index == 0,
        groups=_references(interface.groups, deduplicated),
        taken=taken,
    )


def _private_ips(interface: Interface) -> tuple[str, ...]:
    addresses = interface.private_ip_addresses
    if len(addresses) == 1 and addresses[0].private_ip_address == interface.private_ip_address:
        return (interface.private_ip_address,)
    listed = [each.private_ip_address for each in addresses]
    return tuple(dict.fromkeys(filter(None, (interface.private_ip_address, *listed))))


def _public_ips(interface: Interface) -> tuple[str, ...]:
    found = [each.association.public_ip for each in interface.private_ip_addresses if each.association]
    if interface.association:
        found.insert(0, interface.association.public_ip)
    return tuple(dict.fromkeys(filter(None, found))) if found else ()


def _ipv6(interface: Interface) -> tuple[str, ...]:
    if not (interface.ipv6_addresses or interface.ipv6_prefixes):
        return ()
    blocks = (each.ipv6_prefix for each in interface.ipv6_prefixes)
    return tuple(filter(None, (*(each.ipv6_address for each in interface.ipv6_addresses), *blocks)))


def instance_row(instance: Instance, deduplicated: Deduplicator) -> InstanceRow:
    """An instance's record as a row."""
    return InstanceRow(
        instance_id=intern(instance.instance_id),
        name=intern(records.name_tag(instance.tags)),
        state=intern(instance.state.name),
        groups=_references(instance.security_groups, deduplicated),
        profile_arn=intern(instance.iam_instance_profile.arn) if instance.iam_instance_profile else None,
        imdsv1=_answers_without_a_token(instance.metadata_options),
    )


def _answers_without_a_token(options: records.MetadataOptions | None) -> bool | None:
    """As set; None where that is not told, or does not hold yet
    (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceMetadataOptionsResponse.html)."""
    if options is None or options.state == "pending":
        return None
    if options.http_endpoint == "disabled" or options.http_tokens == "required":
        return False
    return True if (options.http_endpoint, options.http_tokens) == ("enabled", "optional") else None


def _references(
    groups: Iterable[records.GroupReference], deduplicated: Deduplicator
) -> tuple[tuple[str, str], ...]:
    return deduplicated(tuple([(intern(group.group_id), intern(group.group_name)) for group in groups]))
