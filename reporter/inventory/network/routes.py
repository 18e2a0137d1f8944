"""Route tables: to which addresses of the internet an answer finds its way."""

from collections.abc import Iterable
from dataclasses import dataclass

from reporter.inventory.network import addresses
from reporter.inventory.network.addresses import Family, Network, Ranges
from reporter.inventory.network.prefix_lists import PrefixLists

_LIST = "pl-"
_INTERNET = "igw-"
_ENDPOINT = "vpce-"
# What is behind these lets traffic through or not, as whoever runs it says: a firewall's endpoint, an appliance.
_CANNOT_BE_TOLD = (_ENDPOINT, "eni-", "i-")


@dataclass(frozen=True, slots=True)
class Route:
    """A route to a CIDR block or a prefix list, into `target` (an id, or `local`); a virtual private gateway makes
    those that are `propagated`."""

    destination: str
    target: str
    active: bool = True
    propagated: bool = False


@dataclass(frozen=True, slots=True)
class RouteTable:
    """A route table, the subnets associated with it, and whether it is its VPC's main one."""

    route_table_id: str
    vpc_id: str
    owner_id: str
    main: bool
    subnet_ids: tuple[str, ...]
    routes: tuple[Route, ...]
    taken: float = 0.0


@dataclass(frozen=True)
class WayBack:
    """Addresses of the internet whose answers a table sends to an internet gateway, and those of which that cannot
    be told."""

    internet: Ranges
    unknown: Ranges


def way_back(table: RouteTable, family: Family, lists: PrefixLists) -> WayBack:
    """Where a route table sends answers: the longest matching prefix decides, and of the same one a route to a block
    comes before one to a prefix list, and that before a propagated one.

    Egress-only, NAT, transit and other gateways are no way, nor is a route that is not active
    (https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html).
    """
    internet: Ranges = ()
    unknown: Ranges = ()
    for network, route in sorted(_destinations(table, family, lists), key=_weakest_first):
        here = (network.range,)
        internet, unknown = addresses.minus(internet, here), addresses.minus(unknown, here)
        if not route.active:
            continue
        if route.target.startswith(_INTERNET):
            internet = addresses.merged([*internet, network.range])
        elif route.target.startswith(_CANNOT_BE_TOLD) and not _is_gateway_endpoint(route, lists):
            unknown = addresses.merged([*unknown, network.range])
    if any(_leads_out_unread(route, lists) for route in table.routes):
        unknown = family.internet
    return WayBack(addresses.common(internet, family.internet), addresses.common(unknown, family.internet))


def _weakest_first(found: tuple[Network, Route]) -> tuple[int, bool, bool]:
    network, route = found
    return network.prefix_length, not route.propagated, not route.destination.startswith(_LIST)


def _is_gateway_endpoint(route: Route, lists: PrefixLists) -> bool:
    """Whether it leads to S3 or DynamoDB, which never begin a conversation: only those have a list of AWS's own
    (https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html)."""
    known = lists.get(route.destination)
    return route.target.startswith(_ENDPOINT) and known is not None and known.of_aws


def _leads_out_unread(route: Route, lists: PrefixLists) -> bool:
    """Whether a route to an internet gateway, or to what cannot be told, is for addresses that are not all known."""
    known = lists.get(route.destination)
    return (
        route.active
        and route.target.startswith((_INTERNET, *_CANNOT_BE_TOLD))
        and route.destination.startswith(_LIST)
        and not (known and (known.complete or _is_gateway_endpoint(route, lists)))
    )


def _destinations(table: RouteTable, family: Family, lists: PrefixLists) -> Iterable[tuple[Network, Route]]:
    for route in table.routes:
        if route.destination.startswith(_LIST):
            known = lists.get(route.destination)
            cidrs = known.entries if known else ()
        else:
            cidrs = (route.destination,)
        for cidr in cidrs:
            network = addresses.parse(cidr)
            if network is not None and network.family is family:
                yield network, route
