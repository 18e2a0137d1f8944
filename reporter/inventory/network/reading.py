"""Takes in what policies listed of the network of one account and region."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from reporter.custodian.metadata import PlannedPolicy
from reporter.custodian.resource_types import (
    LOAD_BALANCERS,
    NETWORK_ACLS,
    PREFIX_LISTS,
    ROUTE_TABLES,
    SUBNETS,
    TARGET_GROUPS,
)
from reporter.inventory.network import records
from reporter.inventory.network.topology import NetworkRows
from reporter.inventory.newest import Newest
from reporter.inventory.records import ListOf

_LISTS: dict[str, tuple[ListOf[Any], str]] = {
    SUBNETS: (records.subnet_list, "subnet_id"),
    ROUTE_TABLES: (records.route_table_list, "route_table_id"),
    NETWORK_ACLS: (records.network_acl_list, "network_acl_id"),
    PREFIX_LISTS: (records.prefix_list_list, "prefix_list_id"),
    LOAD_BALANCERS: (records.load_balancer_list, "load_balancer_arn"),
    TARGET_GROUPS: (records.target_group_list, "target_group_arn"),
}


@dataclass
class NetworkFound:
    """What is known so far, by resource type. Cells are added from the newest to the oldest."""

    by_type: dict[str, Newest[Any]] = field(default_factory=lambda: {name: Newest() for name in _LISTS})

    def read(self, policy: PlannedPolicy, data: bytes, taken: float) -> Sequence[str]:
        """Take in what a policy listed, if it is on the network: any record counts, whatever the policy's filters.

        Returns what is wrong with the records that cannot be read.
        """
        if policy.resource not in _LISTS:
            return ()
        reader, key = _LISTS[policy.resource]
        listed, problems = reader.decode_each(data)
        if policy.resource == PREFIX_LISTS:  # without its entries a list says nothing
            listed = [each for each in listed if each.entries is not None]
        self.by_type[policy.resource].add(
            ((getattr(each, key), each) for each in listed),
            taken,
            # A list without its entries, by another policy, must not hide those that have them.
            everything=policy.lists_all and not problems and policy.resource != PREFIX_LISTS,
        )
        return problems

    def rows(self, all_pages: bool) -> NetworkRows:
        """What is kept of it; `all_pages` says that the lists' entries were read to the end."""
        return NetworkRows(
            subnets=self._rows(SUBNETS),
            route_tables=self._rows(ROUTE_TABLES),
            all_tables=self.by_type[ROUTE_TABLES].all_listed is not None,
            acls=self._rows(NETWORK_ACLS),
            prefix_lists={
                list_id: each.row(all_pages) for list_id, each in self.by_type[PREFIX_LISTS].records.items()
            },
            load_balancers=self._rows(LOAD_BALANCERS),
            target_groups=self._rows(TARGET_GROUPS),
        )

    def _rows(self, resource: str) -> tuple[Any, ...]:
        known = self.by_type[resource]
        return tuple(each.row(known.taken[name]) for name, each in known.records.items())
