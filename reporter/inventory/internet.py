"""What of the groups the internet reaches: what each opens to the world, and who gets through to its interfaces."""

from collections.abc import Mapping, Sequence
from itertools import chain

from reporter.inventory.links import Link
from reporter.inventory.network import addresses
from reporter.inventory.network.addresses import IPV6
from reporter.inventory.network.balancers import Forwarding, forwarded
from reporter.inventory.network.exposure import Exposure
from reporter.inventory.network.reachability import (
    OPENS_NOTHING,
    Endpoint,
    Reach,
    Reachability,
    Reachable,
    any_of,
)
from reporter.inventory.network.topology import Topology, join_networks
from reporter.inventory.rows import InterfaceRow, UnitRows

_ON_NO_INTERFACE = Reach(Reachable.NO, "on no interface")
_NOT_EVERY_INTERFACE = Reach(Reachable.UNKNOWN, "not every interface was read")
_NO_INTERFACE_READ = Reach(Reachable.UNKNOWN, "the interface was not read")
_GROUP_NOT_READ = Reach(Reachable.UNKNOWN, "the group was not read")


def topology(units: Sequence[UnitRows]) -> Topology:
    """The networks of all accounts and regions."""
    return join_networks((unit.account_id, unit.region, unit.network) for unit in units)


def reaches(
    units: Sequence[UnitRows], links: Sequence[Link], network: Topology, opened: Mapping[str, Exposure]
) -> list[Reach]:
    """For each link whether the internet gets to its interface on what its group opens."""
    reachability = Reachability(network, opened.get)
    to = _forwarded(units)

    endpoints: dict[str, Endpoint] = {}
    answers = []
    for link in links:
        open_, interface = opened.get(link.group_id), link.interface
        if open_ is None:
            answers.append(_GROUP_NOT_READ)
        elif not (open_.ipv4 or open_.ipv6 or open_.unread):
            answers.append(OPENS_NOTHING)
        elif interface is None:
            answers.append(_NO_INTERFACE_READ)
        else:
            endpoint = endpoints.get(interface.interface_id)
            if endpoint is None:
                endpoint = _endpoint(interface, link.unit.region, to.get(interface.interface_id, ()))
                endpoints[interface.interface_id] = endpoint
            answers.append(reachability.of(endpoint, open_))
    return answers


def of_group(open_: Exposure, answers: Sequence[Reach], interfaces_known: bool) -> Reach:
    """What the answers for a group's interfaces come to."""
    if not (open_.ipv4 or open_.ipv6 or open_.unread):
        return OPENS_NOTHING
    if interfaces_known:
        return any_of(answers) if answers else _ON_NO_INTERFACE
    return any_of([*answers, _NOT_EVERY_INTERFACE])


def _endpoint(interface: InterfaceRow, region: str, forwarded: tuple[Forwarding, ...]) -> Endpoint:
    return Endpoint(
        subnet_id=interface.subnet_id,
        vpc_id=interface.vpc_id,
        region=region,
        public_ips=interface.public_ips,
        ipv6=tuple(each for each in interface.ipv6 if _is_public(each)),
        forwarded=forwarded,
    )


def _is_public(ipv6: str) -> bool:
    network = addresses.parse(ipv6)
    return network is not None and addresses.is_public((network.range,), IPV6)


def _forwarded(units: Sequence[UnitRows]) -> Mapping[str, tuple[Forwarding, ...]]:
    return forwarded(
        chain.from_iterable(unit.network.load_balancers for unit in units),
        chain.from_iterable(unit.network.target_groups for unit in units),
        chain.from_iterable(unit.interfaces for unit in units),
    )
