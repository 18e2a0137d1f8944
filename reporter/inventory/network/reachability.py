"""Whether a packet from the internet gets to an interface, and on which of the ports that its group opens."""

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from functools import cache

from msgspec import Struct

from reporter.inventory.network import traffic
from reporter.inventory.network.acls import let_through
from reporter.inventory.network.addresses import IPV4, IPV6, Family, Ranges
from reporter.inventory.network.balancers import Forwarding
from reporter.inventory.network.exposure import Exposure
from reporter.inventory.network.routes import RouteTable, WayBack, way_back
from reporter.inventory.network.topology import Topology
from reporter.inventory.network.traffic import Traffic


class Reachable(StrEnum):
    """Answers are joined as `and`: no as soon as one says no, unknown where none says no and one is not known."""

    YES = "yes"
    UNKNOWN = "unknown"
    NO = "no"


class Reach(Struct, frozen=True, gc=False):
    """An answer: `on` has `203.0.113.7 -> tcp 22` where it is yes; `why` is a sentence in every case."""

    reachable: Reachable
    why: str
    on: tuple[str, ...] = ()


class Endpoint(Struct, frozen=True, gc=False):
    """An interface, as far as its place in the network goes: its public addresses, and what is forwarded to it."""

    subnet_id: str
    vpc_id: str
    region: str
    public_ips: tuple[str, ...]
    ipv6: tuple[str, ...]
    forwarded: tuple[Forwarding, ...] = ()


class _Way(Struct, frozen=True, gc=False):
    """What of some traffic gets into a subnet from the internet."""

    reachable: Reachable
    why: str
    passed: tuple[Traffic, ...] = ()


_ORDER = (Reachable.YES, Reachable.UNKNOWN, Reachable.NO)
OPENS_NOTHING = Reach(Reachable.NO, "the group opens nothing to the world")
_LISTENERS = "on which port it listens was not read, and the network ACL of its subnet lets some in"
_UNREAD_LIST = "not every entry of a prefix list that the group names was read"


class Reachability:
    """Answers for the interfaces of a network. Each question is answered once."""

    def __init__(self, topology: Topology, exposure_of: Callable[[str], Exposure | None]) -> None:
        """`exposure_of` tells of a group by its id what it opens to the world, None where it was not read."""
        self._topology = topology
        self._exposure_of = exposure_of
        self._way_back = cache(self._route)
        self._passed = cache(let_through)
        self._way = cache(self._into_subnet)

    def of(self, endpoint: Endpoint, exposure: Exposure) -> Reach:
        """Whether the internet gets to an interface on what a group on it opens to the world."""
        answers = list(self._answers(endpoint, exposure.ipv4, exposure.ipv6))
        if exposure.unread and not any(each.reachable is Reachable.YES for each in answers):
            answers += (
                each if each.reachable is not Reachable.YES else Reach(Reachable.UNKNOWN, _UNREAD_LIST)
                for each in self._answers(endpoint, exposure.unread, exposure.unread)
            )
        return any_of(answers) if answers else OPENS_NOTHING

    def _answers(
        self, endpoint: Endpoint, ipv4: tuple[Traffic, ...], ipv6: tuple[Traffic, ...]
    ) -> Iterable[Reach]:
        for family, open_, addresses in ((IPV4, ipv4, endpoint.public_ips), (IPV6, ipv6, endpoint.ipv6)):
            if not open_:
                continue
            if addresses:
                yield self._directly(endpoint, family, open_, addresses)
            else:
                yield Reach(Reachable.NO, f"no public {family.name} address")
            for each in endpoint.forwarded:
                if each.family is family and any(traffic.overlap(one, each.traffic) for one in open_):
                    yield self._forwarded(endpoint, each)

    def _directly(
        self, endpoint: Endpoint, family: Family, open_: tuple[Traffic, ...], addresses: Sequence[str]
    ) -> Reach:
        way = self._way(endpoint.subnet_id, endpoint.vpc_id, endpoint.region, family, open_)
        if way.reachable is not Reachable.YES:
            return Reach(way.reachable, way.why)
        on = tuple(f"{address} -> {each}" for address in addresses for each in way.passed)
        return Reach(
            Reachable.YES,
            f"{', '.join(map(traffic.labelled, way.passed))} open at {', '.join(addresses)}",
            on,
        )

    def _forwarded(self, endpoint: Endpoint, forwarding: Forwarding) -> Reach:
        """Whether a load balancer is reached, and what it forwards is let through to its target."""
        balancer, family, asked = forwarding.balancer, forwarding.family, (forwarding.traffic,)
        ways = [self._to_balancer(subnet_id, endpoint, forwarding) for subnet_id in balancer.subnet_ids]
        steps = [
            min(ways, key=_best_first, default=_Way(Reachable.UNKNOWN, "its subnets are not known")),
            self._groups_let_in(forwarding),
            self._through_acl(endpoint.subnet_id, family, asked, family.internet),
        ]
        for wanted in (Reachable.NO, Reachable.UNKNOWN):
            why = "; ".join(step.why for step in steps if step.reachable is wanted)
            if why:
                return Reach(wanted, f"by load balancer {balancer.name}: {why}")
        return Reach(
            Reachable.YES,
            f"{traffic.labelled(forwarding.traffic)} forwarded by load balancer {balancer.name}",
            (f"{balancer.name} -> {forwarding.traffic}",),
        )

    def _to_balancer(self, subnet_id: str, endpoint: Endpoint, forwarding: Forwarding) -> _Way:
        """Whether a load balancer is reached in one of its subnets. It may listen on another port than its target."""
        way = self._way(subnet_id, endpoint.vpc_id, endpoint.region, forwarding.family, (forwarding.traffic,))
        if way.reachable is not Reachable.NO:
            return way
        any_port = (Traffic(forwarding.traffic.protocol),)
        on_another = self._way(subnet_id, endpoint.vpc_id, endpoint.region, forwarding.family, any_port)
        return way if on_another.reachable is Reachable.NO else _Way(Reachable.UNKNOWN, _LISTENERS)

    def _groups_let_in(self, forwarding: Forwarding) -> _Way:
        """Whether a load balancer's own groups let the world in, on any port that it may listen on."""
        group_ids = forwarding.balancer.group_ids
        exposures = [self._exposure_of(group_id) for group_id in group_ids]
        opened = [each.of(forwarding.family) for each in exposures if each]
        if not group_ids or any(traffic.any_of(forwarding.traffic, each) for each in opened):
            return _Way(Reachable.YES, "")
        any_port = Traffic(forwarding.traffic.protocol)
        on_another = any(traffic.any_of(any_port, each) for each in opened)
        if not on_another and all(each and not each.unread for each in exposures):
            return _Way(Reachable.NO, "its own groups open nothing of that protocol to the world")
        return _Way(Reachable.UNKNOWN, "on which port it listens, or what its own groups open, was not read")

    def _into_subnet(
        self, subnet_id: str, vpc_id: str, region: str, family: Family, open_: tuple[Traffic, ...]
    ) -> _Way:
        """Route and network ACL of a subnet. An address must be able to ask and to get its answer."""
        unknown: list[str] = []
        subnet = self._topology.subnets.get(subnet_id)
        if subnet is None:
            unknown.append(f"the subnet was not read ({subnet_id})")
        elif subnet.blocked:
            return _Way(Reachable.NO, f"the VPC blocks public access ({vpc_id or subnet.vpc_id})")
        table = self._topology.route_table(subnet_id, vpc_id, region)
        if table is None:
            unknown.append(f"the route table was not read (of {subnet_id})")
            through = self._through_acl(subnet_id, family, open_, family.internet)
        else:
            back = self._way_back(table, family)
            through = _Way(Reachable.NO, f"no route to an internet gateway ({table.route_table_id})")
            if back.internet:
                through = self._through_acl(subnet_id, family, open_, back.internet)
            if back.unknown and through.reachable is Reachable.NO:
                through = self._through_acl(subnet_id, family, open_, back.unknown)
                unknown.append(
                    f"the route leads where it cannot be told what passes ({table.route_table_id})"
                )
        if through.reachable is Reachable.NO:
            return through
        if through.reachable is Reachable.UNKNOWN:
            unknown.append(through.why)
        return _Way(Reachable.UNKNOWN, "; ".join(unknown)) if unknown else through

    def _through_acl(self, subnet_id: str, family: Family, open_: tuple[Traffic, ...], where: Ranges) -> _Way:
        acl = self._topology.acl_of_subnet.get(subnet_id)
        if acl is None:
            return _Way(Reachable.UNKNOWN, f"the network ACL was not read (of {subnet_id})")
        passed = traffic.union(piece for each in open_ for piece in self._passed(acl, each, family, where))
        if not passed:
            return _Way(Reachable.NO, f"the network ACL lets none of it in and its answer out ({acl.acl_id})")
        return _Way(Reachable.YES, "", passed)

    def _route(self, table: RouteTable, family: Family) -> WayBack:
        return way_back(table, family, self._topology.prefix_lists)


def any_of(answers: Iterable[Reach]) -> Reach:
    """What several answers come to: yes where one is, no where all are."""
    answers = list(answers)
    if len(answers) == 1 and len(answers[0].on) < 2:  # as most are: of more, each line stands once
        return answers[0]
    best = min((each.reachable for each in answers), key=_ORDER.index)
    found = [each for each in answers if each.reachable is best]
    on = tuple(dict.fromkeys(line for each in found for line in each.on))
    return Reach(best, "; ".join(dict.fromkeys(each.why for each in found)), on)


def _best_first(way: _Way) -> int:
    return _ORDER.index(way.reachable)
