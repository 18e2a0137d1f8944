"""What a group opens to the world: port by port, prefix lists read, the ranges of all its rules together."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from reporter.inventory.network import addresses, traffic
from reporter.inventory.network.addresses import IPV4, IPV6, Family, Network, Range
from reporter.inventory.network.prefix_lists import PrefixLists
from reporter.inventory.network.traffic import ALL, ICMP, WITH_PORTS, Traffic
from reporter.inventory.records import Permission
from reporter.inventory.rules import ALL_TRAFFIC

#: A source wider than this, in bits of its prefix, is worth a look though it is not the world.
_WIDE = {IPV4: 8, IPV6: 24}


@dataclass(frozen=True)
class Exposure:
    """What a group opens to the world, for addresses of each family; `by_one_rule` is what of it one rule opens that
    names all of IPv4 or IPv6, and the rest takes several ranges or a prefix list.

    `wide_sources` are `4.0.0.0/7 -> tcp 22`, those of prefix lists with the list's id behind the range, and
    `pl-0abc -> tcp 22` for lists that were not read whole. `unread` is the traffic that those let in, which may be
    from the world too.
    """

    ipv4: tuple[Traffic, ...] = ()
    ipv6: tuple[Traffic, ...] = ()
    by_one_rule: tuple[Traffic, ...] = ()
    wide_sources: tuple[str, ...] = ()
    unread: tuple[Traffic, ...] = ()
    unread_lists: tuple[str, ...] = ()

    @cached_property
    def world(self) -> tuple[Traffic, ...]:
        """What is open to the world in any family, merged and sorted; all traffic alone where it is there."""
        return traffic.union([*self.ipv4, *self.ipv6])

    def opens(self, asked: Traffic) -> bool:
        """Whether any of that traffic is let in from the whole world; for all traffic, whether all is."""
        return traffic.any_of(asked, (*self.ipv4, *self.ipv6))

    @cached_property
    def together(self) -> tuple[Traffic, ...]:
        """What of it no rule opens by itself."""
        return traffic.minus(self.world, self.by_one_rule)


NOTHING = Exposure()


@dataclass(frozen=True)
class _Opening:
    """A rule as far as it concerns one source. `first` and `last` are ports, or ICMP's type and code."""

    traffic: Traffic
    first: int
    last: int
    network: Network
    source: str
    from_list: bool


def exposure(permissions: Sequence[Permission], lists: PrefixLists) -> Exposure:
    """What ingress permissions open to the world, as the design's row `open to the world` has it."""
    openings: dict[Family, list[_Opening]] = {IPV4: [], IPV6: []}
    unread: dict[str, set[Traffic]] = {}
    for permission in permissions:
        about = traffic.of_permission(permission)
        if about is None:
            continue
        first, last = about.first, about.last
        if about.protocol in ICMP:
            first, last = _or_any(permission.from_port), _or_any(permission.to_port)
        for cidr, list_id in _sources(permission, lists):
            network = addresses.parse(cidr)
            if network is not None:
                source = f"{cidr} ({list_id})" if list_id else cidr
                openings[network.family].append(_Opening(about, first, last, network, source, bool(list_id)))
        for named in permission.prefix_list_ids:
            known = lists.get(named.prefix_list_id)
            if known is None or not known.complete:
                unread.setdefault(named.prefix_list_id, set()).add(about)
    if not (unread or openings[IPV4] or openings[IPV6]):
        return NOTHING
    world = {family: _world(found, family) for family, found in openings.items()}
    wide = {
        f"{each.source} -> {each.traffic}"
        for family, found in openings.items()
        for each in found
        if each.network.prefix_length < _WIDE[family]
        and addresses.is_public((each.network.range,), family)
        and not any(traffic.includes(open_, each.traffic) for open_ in world[family])
    }
    wide |= {f"{list_id} -> {each}" for list_id, found in unread.items() for each in found}
    found = Exposure(
        ipv4=world[IPV4],
        ipv6=world[IPV6],
        by_one_rule=traffic.union(
            each.traffic
            for each in (*openings[IPV4], *openings[IPV6])
            if each.network.prefix_length == 0 and not each.from_list
        ),
        wide_sources=tuple(sorted(wide)),
        unread=traffic.union(each for found in unread.values() for each in found),
        unread_lists=tuple(sorted(unread)),
    )
    return NOTHING if found == NOTHING else found


def _or_any(number: int | None) -> int:
    return -1 if number is None else number


def _sources(permission: Permission, lists: PrefixLists) -> Iterable[tuple[str, str]]:
    """The CIDR blocks that a permission lets in, each with the prefix list that it is of, if any."""
    for source in permission.ip_ranges:
        yield source.cidr_ip, ""
    for source in permission.ipv6_ranges:
        yield source.cidr_ipv6, ""
    for source in permission.prefix_list_ids:
        known = lists.get(source.prefix_list_id)
        for cidr in known.entries if known else ():
            yield cidr, source.prefix_list_id


def _world(openings: Sequence[_Opening], family: Family) -> tuple[Traffic, ...]:
    """The traffic that is let in from every address of the internet of a family."""
    found = [each.traffic for each in openings if each.network.prefix_length == 0]
    if ALL in found:
        return (ALL,)
    # Several sources can be the world together only where they hold as many addresses as it has.
    if addresses.size(each.network.range for each in openings) >= addresses.size(family.internet):
        found += _unions(openings, family)
    return traffic.union(found)


def _unions(openings: Sequence[_Opening], family: Family) -> Iterable[Traffic]:
    of_all = [each.network.range for each in openings if each.traffic == ALL]
    if addresses.is_world(of_all, family):
        yield ALL
        return
    for protocol in {each.traffic.protocol for each in openings} - {ALL_TRAFFIC}:
        own = [each for each in openings if each.traffic.protocol == protocol]
        for first, last in _pieces(own, protocol):
            covering = [each.network.range for each in own if _lets(each, protocol, first, last)]
            if addresses.is_world(covering + of_all, family):
                yield Traffic(protocol, first, last) if protocol in WITH_PORTS else Traffic(protocol)


def _pieces(openings: Sequence[_Opening], protocol: str) -> Collection[Range]:
    """Ranges of ports within which every rule holds for all or for none; for ICMP types and codes as they stand."""
    if protocol not in WITH_PORTS:
        return {(each.first, each.last) for each in openings}
    edges = sorted({each.first for each in openings} | {each.last + 1 for each in openings})
    return [(first, after - 1) for first, after in pairwise(edges)]


def _lets(opening: _Opening, protocol: str, first: int, last: int) -> bool:
    if protocol in ICMP:
        return opening.first in (-1, first) and opening.last in (-1, last)
    return opening.first <= first and last <= opening.last
