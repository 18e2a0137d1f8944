"""Network ACLs: what of some traffic they let in, and the answer to it out again."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from reporter.inventory.network import addresses
from reporter.inventory.network.addresses import Family, Range, Ranges
from reporter.inventory.network.traffic import ALL, OTHER, Traffic
from reporter.inventory.rules import ALL_TRAFFIC, MAX_PORT, WITH_PORTS

#: Ports that a client asks from, to one of which the answer goes:
#: https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html#nacl-ephemeral-ports
_EPHEMERAL = (1024, MAX_PORT)


@dataclass(frozen=True, slots=True)
class AclRule:
    """A rule of a network ACL. Its traffic is by protocol alone, but for tcp and udp; `in_part` says that it is for one
    type of ICMP."""

    number: int
    egress: bool
    allow: bool
    cidr: str
    traffic: Traffic
    in_part: bool = False


@dataclass(frozen=True, slots=True)
class NetworkAcl:
    """A network ACL and the subnets associated with it."""

    acl_id: str
    subnet_ids: tuple[str, ...]
    rules: tuple[AclRule, ...]
    taken: float = 0.0


def let_through(acl: NetworkAcl, asked: Traffic, family: Family, where: Ranges) -> tuple[Traffic, ...]:
    """What of some traffic a network ACL lets in from an address of `where`, and the answer to it out again.

    Rules are asked in the order of their numbers, and the first that matches decides; what none matches is denied
    (https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html).
    """
    rules = sorted(acl.rules, key=lambda rule: rule.number)
    inbound, outbound = (
        [
            rule
            for rule in rules
            # One type of ICMP denied leaves the others.
            if rule.egress is egress and _is_of(rule, family) and (rule.allow or not rule.in_part)
        ]
        for egress in (False, True)
    )
    passed = []
    parts = _by_protocol(asked, rules)
    for each in parts:
        answered = _answered(outbound, each.protocol, where)
        passed += [
            piece for piece, allowed in _allowed(inbound, each, where) if addresses.common(allowed, answered)
        ]
    return _joined(passed, parts)


def _answered(outbound: Sequence[AclRule], protocol: str, where: Ranges) -> Ranges:
    """The addresses to which an answer gets out on some port that a client asks from."""
    answered: Ranges = ()
    for _, allowed in _allowed(outbound, Traffic(protocol, *_EPHEMERAL), where):
        answered = addresses.merged([*answered, *allowed])
        if answered == where:
            break
    return answered


def _is_of(rule: AclRule, family: Family) -> bool:
    network = addresses.parse(rule.cidr)
    return network is not None and network.family is family


def _by_protocol(asked: Traffic, rules: Sequence[AclRule]) -> list[Traffic]:
    """All traffic taken apart: each protocol that a rule names, and the rest."""
    if asked != ALL:
        return [asked]
    named = {rule.traffic.protocol for rule in rules} - {ALL_TRAFFIC}
    return [Traffic(protocol) for protocol in sorted({*named, *WITH_PORTS, OTHER})]


def _allowed(rules: Sequence[AclRule], asked: Traffic, where: Ranges) -> Iterator[tuple[Traffic, Ranges]]:
    """Piece by piece of the ports, the addresses that the rules allow."""
    concerned = [rule for rule in rules if rule.traffic.protocol in (asked.protocol, ALL_TRAFFIC)]
    if asked.protocol not in WITH_PORTS:
        yield asked, _first_match(concerned, where)
        return
    edges = {asked.first, asked.last + 1}
    for rule in concerned:
        edges |= {
            edge for edge in (rule.traffic.first, rule.traffic.last + 1) if asked.first < edge <= asked.last
        }
    for first, after in pairwise(sorted(edges)):
        fitting = [
            rule for rule in concerned if rule.traffic.first <= first and after - 1 <= rule.traffic.last
        ]
        yield Traffic(asked.protocol, first, after - 1), _first_match(fitting, where)


def _first_match(rules: Iterable[AclRule], where: Ranges) -> Ranges:
    """The addresses for which the first rule that matches allows."""
    undecided = where
    allowed: list[Range] = []
    for rule in rules:
        network = addresses.parse(rule.cidr)
        if network is None or not undecided:
            continue
        if rule.allow:
            allowed += addresses.common(undecided, (network.range,))
        undecided = addresses.minus(undecided, (network.range,))
    return addresses.merged(allowed)


def _joined(passed: Iterable[Traffic], asked: Sequence[Traffic]) -> tuple[Traffic, ...]:
    """The pieces put together again; all traffic where all that was taken apart passes whole."""
    ports: dict[str, list[Range]] = {}
    for each in passed:
        ports.setdefault(each.protocol, []).append((each.first, each.last))
    joined = tuple(
        Traffic(protocol, first, last)
        for protocol, pieces in ports.items()
        for first, last in addresses.merged(pieces)
    )
    return (ALL,) if len(asked) > 1 and set(joined) == set(asked) else joined
