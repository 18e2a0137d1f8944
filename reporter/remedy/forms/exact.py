"""Whether a rule can be told exactly: all of it is of the form in which AWS writes it."""

import re
from ipaddress import IPv4Network, IPv6Network

from reporter.inventory.rules import ALL_TRAFFIC, GROUP, ICMP, IPV4, IPV6, PREFIX_LIST, WITH_PORTS
from reporter.remedy.forms.comments import rule_text
from reporter.remedy.recorded import is_id
from reporter.remedy.steps import Rule

_PROTOCOL = re.compile(r"-1|[0-9]{1,3}|tcp|udp|icmp|icmpv6")


class UnsaidError(ValueError):
    """A form cannot say exactly what a change is; the text says why."""


def check(rule: Rule) -> None:
    """Raise UnsaidError for a rule with anything in it that is not of AWS's form."""
    name = rule_text(rule)
    if not _PROTOCOL.fullmatch(rule.protocol):
        raise UnsaidError(f"{name}: its protocol is not as AWS writes one")
    if (rule.from_port is None) != (rule.to_port is None):
        raise UnsaidError(f"{name}: it has one end of a range of ports without the other")
    if rule.from_port is None and rule.protocol in WITH_PORTS + ICMP:
        raise UnsaidError(f"{name}: it has no ports, or no ICMP type and code")
    if not _is_peer(rule):
        raise UnsaidError(f"{name}: its peer is not as AWS writes one")


def has_ports(rule: Rule) -> bool:
    """Whether the rule is for a range of ports, or an ICMP type and code."""
    return rule.from_port is not None and rule.protocol != ALL_TRAFFIC


def _is_peer(rule: Rule) -> bool:
    if rule.kind in (GROUP, PREFIX_LIST):
        return is_id("sg" if rule.kind == GROUP else "pl", rule.peer)
    network = {IPV4: IPv4Network, IPV6: IPv6Network}[rule.kind]
    try:
        network(rule.peer)
    except ValueError:
        return False
    return "/" in rule.peer
