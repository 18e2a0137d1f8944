"""Subnets and what is around them, of all accounts and regions: which route table and network ACL each has."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from reporter.inventory.network import prefix_lists
from reporter.inventory.network.acls import NetworkAcl
from reporter.inventory.network.balancers import LoadBalancer, TargetGroup
from reporter.inventory.network.prefix_lists import PrefixLists
from reporter.inventory.network.routes import RouteTable


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet; `blocked` says that VPC Block Public Access keeps the internet from it."""

    subnet_id: str
    vpc_id: str
    blocked: bool
    taken: float = 0.0


@dataclass(frozen=True)
class NetworkRows:
    """What was read of the network of one account and region; `all_tables` says that every route table is here.

    `taken` of each is when that was read, in seconds since 1970.
    """

    subnets: tuple[Subnet, ...] = ()
    route_tables: tuple[RouteTable, ...] = ()
    all_tables: bool = False
    acls: tuple[NetworkAcl, ...] = ()
    prefix_lists: PrefixLists = field(default_factory=dict)
    load_balancers: tuple[LoadBalancer, ...] = ()
    target_groups: tuple[TargetGroup, ...] = ()


@dataclass(frozen=True)
class Topology:
    """All that is known of all networks."""

    subnets: Mapping[str, Subnet]
    table_of_subnet: Mapping[str, RouteTable]
    main_tables: Mapping[str, RouteTable]
    all_tables: frozenset[tuple[str, str]]
    acl_of_subnet: Mapping[str, NetworkAcl]
    prefix_lists: PrefixLists

    def route_table(self, subnet_id: str, vpc_id: str, region: str) -> RouteTable | None:
        """The table that a subnet's traffic follows, None where that is not known.

        That is the one associated with it, else the main one of its VPC, which is assumed only where all tables of
        the VPC's owner were read: else one may be associated that was not seen.
        """
        own = self.table_of_subnet.get(subnet_id)
        if own is not None:
            return own
        main = self.main_tables.get(vpc_id)
        return main if main is not None and (main.owner_id, region) in self.all_tables else None


class _Read(Protocol):
    @property
    def taken(self) -> float: ...


_Record = TypeVar("_Record", bound=_Read)


def join_networks(read: Iterable[tuple[str, str, NetworkRows]]) -> Topology:
    """What all accounts and regions say together, by account id and region: the newest record of each thing.

    A shared VPC's tables and ACLs are its owner's to list.
    """
    read = list(read)
    rows = [each for _, _, each in read]
    tables = _oldest_first(each.route_tables for each in rows)
    acls = _oldest_first(each.acls for each in rows)
    return Topology(
        subnets={each.subnet_id: each for each in _oldest_first(each.subnets for each in rows)},
        table_of_subnet={subnet_id: table for table in tables for subnet_id in table.subnet_ids},
        main_tables={table.vpc_id: table for table in tables if table.main},
        all_tables=frozenset((account_id, region) for account_id, region, each in read if each.all_tables),
        acl_of_subnet={subnet_id: acl for acl in acls for subnet_id in acl.subnet_ids},
        prefix_lists=prefix_lists.joined(each.prefix_lists for each in rows),
    )


def _oldest_first(lists: Iterable[tuple[_Record, ...]]) -> list[_Record]:
    return sorted((each for records in lists for each in records), key=lambda each: each.taken)
