"""What a group opens to the world: port by port, prefix lists read, the ranges of all its rules together."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from reporter.inventory.network import addresses, traffic
from reporter.inventory.network.addresses import IPV4, IPV6, Family, Network, Range
from reporter.inventory.network.prefix_lists import PrefixLists
from reporter.inventory.network.traffic import ALL, Traffic
from reporter.inventory.rules import ALL_TRAFFIC, ANY, GROUP, ICMP, PREFIX_LIST, WITH_PORTS, Rule


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

    @cached_property
    def world_ports(self) -> tuple[str, ...]:
        """That as texts: `tcp 22`."""
        return tuple(map(str, self.world))

    def opens(self, asked: Traffic) -> bool:
        """Whether any of that traffic is let in from the whole world; for all traffic, whether all is."""
        return traffic.any_of(asked, (*self.ipv4, *self.ipv6))

    def of(self, family: Family) -> tuple[Traffic, ...]:
        """What is open to the world for addresses of one family."""
        return self.ipv4 if family is IPV4 else self.ipv6

    @cached_property
    def together(self) -> tuple[Traffic, ...]:
        """What of it no rule opens by itself."""
        return traffic.minus(self.world, self.by_one_rule)


NOTHING = Exposure()


class _Opening(NamedTuple):
    """An ingress rule for one CIDR block, which may be an entry of a prefix list."""

    rule: Rule
    network: Network
    source: str
    from_list: bool

    @property
    def traffic(self) -> Traffic:
        return traffic.of_rule(self.rule)


# So few blocks that are not wide cannot be the world together: of /8 it takes 220.
_FEW = 200


def exposure(rules: Iterable[Rule], lists: PrefixLists) -> Exposure:
    """What a group's rules open to the world, as the design's row `open to the world` has it."""
    openings, unread = _openings(rules, lists)
    if not unread and len(openings) < _FEW and not any(each.network.is_wide for each in openings):
        return NOTHING
    world = {
        family: _world([each for each in openings if each.network.family is family], family)
        for family in (IPV4, IPV6)
    }
    wide = {f"{each.source} -> {each.traffic}" for each in openings if _is_wide(each, world)}
    wide |= {f"{list_id} -> {each}" for list_id, found in unread.items() for each in found}
    return Exposure(
        ipv4=world[IPV4],
        ipv6=world[IPV6],
        by_one_rule=traffic.union(
            each.traffic for each in openings if each.network.prefix_length == 0 and not each.from_list
        ),
        wide_sources=tuple(sorted(wide)),
        unread=traffic.union(each for found in unread.values() for each in found),
        unread_lists=tuple(sorted(unread)),
    )


def opened_by(rules: Iterable[Rule], lists: PrefixLists, asked: Traffic) -> tuple[Rule, ...]:
    """The rules that together open some of that traffic to the world, in the group's order: no more than it takes, and
    wide ones before narrow ones; narrow ones may be the world without them, too. None where it is not open. All traffic
    is opened by rules for all of it alone.
    """
    openings = [
        each
        for each in _openings(rules, lists)[0]
        if (each.traffic == ALL if asked == ALL else traffic.overlap(each.traffic, asked))
    ]
    found: set[Rule] = set()
    for family in (IPV4, IPV6):
        own = [each for each in openings if each.network.family is family]
        of_all = [each for each in own if each.rule.protocol == ALL_TRAFFIC]
        found |= _needed(of_all, family)
        for protocol in {each.rule.protocol for each in own} - {ALL_TRAFFIC}:
            of_it = [each for each in own if each.rule.protocol == protocol]
            for first, last in _pieces([each.rule for each in of_it]):
                if protocol in WITH_PORTS and not traffic.overlap(Traffic(protocol, first, last), asked):
                    continue
                found |= _needed([each for each in of_it if _lets(each.rule, first, last)] + of_all, family)
    return tuple(dict.fromkeys(each.rule for each in openings if each.rule in found))


def _needed(openings: Sequence[_Opening], family: Family) -> set[Rule]:
    """Rules that are the world together, where the given ones are: without those that the wider ones do without."""
    ranges: dict[Rule, list[Range]] = {}
    for each in openings:
        ranges.setdefault(each.rule, []).append(each.network.range)
    kept = sorted(ranges, key=lambda rule: (addresses.size(addresses.merged(ranges[rule])), rule))
    if not addresses.is_world([each for rule in kept for each in ranges[rule]], family):
        return set()
    for rule in tuple(kept):
        others = [other for other in kept if other != rule]
        if addresses.is_world([each for other in others for each in ranges[other]], family):
            kept = others
    return set(kept)


def _openings(rules: Iterable[Rule], lists: PrefixLists) -> tuple[list[_Opening], dict[str, set[Traffic]]]:
    """The ingress rules block by block, and the traffic of prefix lists that were not read whole, by their ids."""
    openings: list[_Opening] = []
    unread: dict[str, set[Traffic]] = {}
    for rule in rules:
        if rule.egress or rule.kind == GROUP:
            continue
        if rule.kind == PREFIX_LIST:
            known = lists.get(rule.peer)
            blocks = [(cidr, f"{cidr} ({rule.peer})") for cidr in known.entries] if known else []
            if not (known and known.complete):
                unread.setdefault(rule.peer, set()).add(traffic.of_rule(rule))
        else:
            blocks = [(rule.peer, rule.peer)]
        for cidr, source in blocks:
            network = addresses.parse(cidr)
            if network is not None:
                openings.append(_Opening(rule, network, source, rule.kind == PREFIX_LIST))
    return openings, unread


def _is_wide(opening: _Opening, world: Mapping[Family, Sequence[Traffic]]) -> bool:
    family = opening.network.family
    return (
        opening.network.is_wide
        and opening.network.prefix_length > 0  # else it is the world
        and addresses.is_public((opening.network.range,), family)
        and not any(traffic.includes(each, opening.traffic) for each in world[family])
    )


def _world(openings: Sequence[_Opening], family: Family) -> tuple[Traffic, ...]:
    """The traffic that is let in from every address of the internet of a family."""
    found = [each.traffic for each in openings if each.network.prefix_length == 0]
    if ALL in found:
        return (ALL,)
    # Several others can be the world together only where they hold as many addresses as it has.
    parts = [each for each in openings if each.network.prefix_length > 0]
    if addresses.size(each.network.range for each in parts) >= addresses.size(family.internet):
        found += _unions(parts, family)
    return traffic.union(found)


def _unions(openings: Sequence[_Opening], family: Family) -> Iterable[Traffic]:
    of_all = [each.network.range for each in openings if each.rule.protocol == ALL_TRAFFIC]
    if addresses.is_world(of_all, family):
        yield ALL
        return
    for protocol in {each.rule.protocol for each in openings} - {ALL_TRAFFIC}:
        own = [each for each in openings if each.rule.protocol == protocol]
        for first, last in _pieces([each.rule for each in own]):
            covering = [each.network.range for each in own if _lets(each.rule, first, last)]
            if addresses.is_world(covering + of_all, family):
                yield Traffic(protocol, first, last) if protocol in WITH_PORTS else Traffic(protocol)


def _pieces(rules: Sequence[Rule]) -> Collection[Range]:
    """Ranges of ports within which every rule of a protocol holds for all or for none; for ICMP types and codes as they
    stand."""
    if rules[0].protocol not in WITH_PORTS:
        return {(each.first, each.last) for each in rules}
    edges = sorted({each.first for each in rules} | {each.last + 1 for each in rules})
    return [(first, after - 1) for first, after in pairwise(edges)]


def _lets(rule: Rule, first: int, last: int) -> bool:
    if rule.protocol in ICMP:
        return rule.first in (ANY, first) and rule.last in (ANY, last)
    return rule.first <= first and last <= rule.last
