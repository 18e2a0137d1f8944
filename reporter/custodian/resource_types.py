"""What Custodian declares of resource types: their names, their columns, and where AWS offers them.

c7n is asked late, and only where it is installed.
"""

from dataclasses import dataclass
from functools import cache

#: The types that the inventory is made of, by Custodian's names.
GROUPS, INTERFACES, INSTANCES = "aws.security-group", "aws.eni", "aws.ec2"
SUBNETS, ROUTE_TABLES, NETWORK_ACLS = "aws.subnet", "aws.route-table", "aws.network-acl"
PREFIX_LISTS = "aws.prefix-list"
LOAD_BALANCERS, TARGET_GROUPS = "aws.app-elb", "aws.app-elb-target-group"

#: What no type of Custodian's holds: see collect.lookups.
IAM_AUTHORIZATION, ACCESS_ANALYZER = "aws.iam-authorization", "aws.access-analyzer"
ABOUT_ROLES = frozenset({IAM_AUTHORIZATION, ACCESS_ANALYZER})

#: The tables that the policies on them fill where they list everything. Such a policy gets no sheet beside it.
INVENTORY_TABS = {
    GROUPS: "security_groups",
    PREFIX_LISTS: "security_groups",
    INTERFACES: "attachments",
    INSTANCES: "attachments",
    SUBNETS: "attachments",
    ROUTE_TABLES: "attachments",
    NETWORK_ACLS: "attachments",
    LOAD_BALANCERS: "attachments",
    TARGET_GROUPS: "attachments",
    IAM_AUTHORIZATION: "attachments",
    ACCESS_ANALYZER: "attachments",
}

# What is wanted of these is what a filter notes on each: a list's entries, a target group's attributes.
_NOTED_BY_FILTERS = frozenset({PREFIX_LISTS, TARGET_GROUPS})


_IDENTIFIERS = {GROUPS: "GroupId", INTERFACES: "NetworkInterfaceId", INSTANCES: "InstanceId"}


@dataclass(frozen=True)
class Field:
    """A column and where its value is in a resource."""

    name: str
    expression: str


def in_inventory(resource: str, filtered: bool) -> bool:
    """Whether what a policy lists is part of the inventory: all there is of one of its types, but for the types
    that can only be read with filters."""
    return resource in INVENTORY_TABS and (not filtered or resource in _NOTED_BY_FILTERS)


def full_type(resource: str) -> str:
    """A resource type with its provider: aws.ec2 for ec2."""
    return resource if "." in resource else f"aws.{resource}"


def provider(resource: str) -> str:
    """The cloud that a resource type is of: aws, azure, gcp, …"""
    return full_type(resource).partition(".")[0]


def declared(resource: str) -> tuple[Field, ...] | None:
    """The columns of Custodian's own report on a resource type; None where Custodian cannot be asked."""
    try:
        from c7n.provider import get_resource_class
        from c7n.reports.csvout import Formatter
        from c7n.resources import load_resources

        load_resources([resource])
        fields = Formatter(get_resource_class(resource).resource_type).fields
    except (ImportError, KeyError, AttributeError, ValueError):
        return None  # not installed, another cloud's, or of a newer Custodian
    return tuple(Field(name, expression) for name, expression in fields.items())


@cache
def identifier(resource: str) -> str | None:
    """Where the id of a resource of a type is, at the top of its record; None where Custodian cannot be asked."""
    if resource in _IDENTIFIERS:
        return _IDENTIFIERS[resource]
    try:
        from c7n.provider import get_resource_class
        from c7n.resources import load_resources

        load_resources([resource])
        return str(get_resource_class(resource).resource_type.id)
    except (ImportError, KeyError, AttributeError, ValueError):
        return None  # as in `declared`


# Global by Custodian's word, but what a policy finds of them differs by region.
_BY_REGION = {"aws.account", "aws.default-service-quota", "aws.service-quota-service"}
# Not global by Custodian's word, but the answer holds all regions': S3's ListBuckets.
_OF_ALL_REGIONS = {"aws.s3"}


@cache
def is_global(resource: str) -> bool:
    """Whether a policy on a resource type finds the same in every region, such as users of IAM.

    False where Custodian cannot be asked.
    """
    if resource in _BY_REGION:
        return False
    if resource in _OF_ALL_REGIONS:
        return True
    try:
        from c7n.provider import get_resource_class
        from c7n.resources import load_resources

        load_resources([resource])
        return bool(get_resource_class(resource).resource_type.global_resource)
    except (ImportError, KeyError, AttributeError, ValueError):
        return False  # as in `declared`


@cache
def offered(resource: str, region: str) -> bool:
    """Whether AWS has the service of a resource type in a region. A global service is in none.

    True where Custodian cannot be asked.
    """
    try:
        from c7n.resources import load_resources
        from c7n.resources.aws import get_service_region_map

        load_resources([resource])
        regions, services = get_service_region_map([region], [resource], "aws")
    except (ImportError, KeyError, AttributeError, ValueError):
        return True  # as in `declared`
    return region in regions.get(services.get(resource.removeprefix("aws."), ""), (region,))
