"""Traffic: a protocol, and for tcp and udp a range of ports; unions and overlaps of it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reporter.inventory import rules
from reporter.inventory.network import addresses
from reporter.inventory.network.addresses import Range
from reporter.inventory.rules import ICMP, MAX_PORT, WITH_PORTS, Rule
from reporter.inventory.services import PROTOCOLS, service_name

OTHER = "other"
"""Every protocol that is not named beside it."""

_PORTS = re.compile(r"(\d+)(?:-(\d+))?")


@dataclass(frozen=True, order=True, slots=True)
class Traffic:
    """A protocol by name or number, `-1` for all traffic; the ports count for tcp and udp alone."""

    protocol: str
    first: int = 0
    last: int = MAX_PORT

    def __str__(self) -> str:
        if self.protocol == rules.ALL_TRAFFIC:
            return "all"
        if self.protocol in WITH_PORTS:
            ports = str(self.first) if self.first == self.last else f"{self.first}-{self.last}"
            return f"{self.protocol} {ports}"
        if self.protocol == OTHER:
            return "other protocols"
        return self.protocol if self.protocol in ICMP else f"protocol {self.protocol}"


ALL = Traffic(rules.ALL_TRAFFIC)
SSH = Traffic("tcp", rules.SSH_PORT, rules.SSH_PORT)


def labelled(traffic: Traffic) -> str:
    """With what listens there by custom, or the protocol is called: `tcp 22 (SSH)`, `protocol 47 (GRE)`."""
    name = ""
    if traffic.protocol in WITH_PORTS:
        if traffic.first == traffic.last:
            name = service_name(traffic.protocol, traffic.first)
    elif traffic.protocol.isdecimal():
        name = PROTOCOLS.get(traffic.protocol, "")
    return f"{traffic} ({name})" if name else str(traffic)


def parse(text: str) -> Traffic:
    """Traffic as a policy's `metadata.report.ports` has it: `tcp 20-25`, `icmp`, `protocol 50`, `all`."""
    if text == "all":
        return ALL
    protocol, _, ports = text.partition(" ")
    if protocol == "protocol":
        return Traffic(rules.protocol_by_name(ports))
    found = _PORTS.fullmatch(ports)
    return Traffic(protocol, int(found[1]), int(found[2] or found[1])) if found else Traffic(protocol)


def of_rule(rule: Rule) -> Traffic:
    """The traffic that a rule is about, whatever its type and code for ICMP."""
    return (
        Traffic(rule.protocol, rule.first, rule.last)
        if rule.protocol in WITH_PORTS
        else Traffic(rule.protocol)
    )


def overlap(one: Traffic, other: Traffic) -> bool:
    """Whether some packet is of both."""
    if rules.ALL_TRAFFIC in (one.protocol, other.protocol):
        return True
    return one.protocol == other.protocol and one.first <= other.last and other.first <= one.last


def includes(whole: Traffic, part: Traffic) -> bool:
    """Whether every packet of the second is of the first."""
    if whole.protocol == rules.ALL_TRAFFIC:
        return True
    return whole.protocol == part.protocol and whole.first <= part.first and part.last <= whole.last


def common(one: Traffic, other: Traffic) -> Traffic | None:
    """The packets that are of both, None where there are none."""
    if not overlap(one, other):
        return None
    if rules.ALL_TRAFFIC in (one.protocol, other.protocol):
        return other if one.protocol == rules.ALL_TRAFFIC else one
    return Traffic(one.protocol, max(one.first, other.first), min(one.last, other.last))


def any_of(asked: Traffic, opened: Iterable[Traffic]) -> bool:
    """Whether any of some traffic is among what is open; of all traffic, whether all is."""
    if asked == ALL:
        return ALL in opened
    return any(overlap(each, asked) for each in opened)


def minus(whole: Iterable[Traffic], removed: Sequence[Traffic]) -> tuple[Traffic, ...]:
    """What of some traffic is not among that removed."""
    if ALL in removed:
        return ()
    return tuple(
        Traffic(each.protocol, first, last)
        for each in whole
        for first, last in addresses.minus(
            ((each.first, each.last),),
            tuple((other.first, other.last) for other in removed if other.protocol == each.protocol),
        )
    )


def union(traffic: Iterable[Traffic]) -> tuple[Traffic, ...]:
    """All of it, sorted: adjoining ports together, and all traffic alone where it is there."""
    ports: dict[str, list[Range]] = {}
    for each in traffic:
        if each.protocol == rules.ALL_TRAFFIC:
            return (ALL,)
        ports.setdefault(each.protocol, []).append((each.first, each.last))
    return tuple(
        Traffic(protocol, first, last)
        for protocol in sorted(ports, key=_order)
        for first, last in addresses.merged(ports[protocol])
    )


def _order(protocol: str) -> tuple[int, int, str]:
    named = (*WITH_PORTS, *ICMP)
    if protocol in named:
        return named.index(protocol), 0, ""
    return len(named), int(protocol) if protocol.isdecimal() else 0, protocol
