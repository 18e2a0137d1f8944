"""Network ACLs, packet by packet against an independent reading."""

from collections.abc import Sequence
from ipaddress import ip_network
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reporter.inventory.network.acls import AclRule, NetworkAcl, let_through
from reporter.inventory.network.addresses import IPV4, IPV6
from reporter.inventory.network.traffic import ALL, Traffic, includes
from tests.inventory.network.permissions import addresses_at_the_ends, public_addresses_at_the_ends


class Entry(NamedTuple):
    number: int
    egress: bool
    allow: bool
    protocol: str
    first: int
    last: int
    cidr: str


CIDRS = ("0.0.0.0/0", "0.0.0.0/1", "203.0.113.0/24", "10.0.0.0/8", "::/0", "2001:db8::/32")


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    first = draw(st.sampled_from([0, 22, 1024, 32768]))
    last = draw(st.sampled_from([port for port in (21, 22, 1023, 1024, 60999, 65535) if port >= first]))
    return Entry(
        draw(st.integers(1, 6)),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.sampled_from(["tcp", "tcp", "udp", "-1", "50"])),
        first,
        last,
        draw(st.sampled_from(CIDRS)),
    )


def acl(written: Sequence[Entry]) -> NetworkAcl:
    rules = tuple(
        AclRule(
            each.number,
            each.egress,
            each.allow,
            each.cidr,
            Traffic(each.protocol, each.first, each.last)
            if each.protocol in ("tcp", "udp")
            else Traffic(each.protocol),
        )
        for each in written
    )
    return NetworkAcl("acl-1", (), rules)


def decides(
    written: Sequence[Entry], egress: bool, protocol: str, port: int, address: int, version: int
) -> bool:
    for each in sorted(written, key=lambda entry: entry.number):
        network = ip_network(each.cidr)
        fits = (
            each.egress is egress
            and network.version == version
            and int(network.network_address) <= address <= int(network.broadcast_address)
            and each.protocol in ("-1", protocol)
            and (each.protocol not in ("tcp", "udp") or each.first <= port <= each.last)
        )
        if fits:
            return each.allow
    return False


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(
    st.lists(entries(), max_size=7, unique_by=lambda entry: (entry.egress, entry.number)),
    st.sampled_from([("tcp", 0, 65535), ("tcp", 22, 22), ("udp", 20, 2000), ("50", 0, 65535)]),
    st.sampled_from([4, 6]),
)
def test_a_port_passes_if_some_address_gets_in_and_its_answer_out(
    written: list[Entry], asked: tuple[str, int, int], version: int
) -> None:
    protocol, first, last = asked
    family = IPV4 if version == 4 else IPV6
    passed = let_through(acl(written), Traffic(*asked), family, family.internet)
    everyone = public_addresses_at_the_ends(CIDRS, version)
    ports = {0, 21, 22, 23, 1023, 1024, 1025, 32767, 32768, 60999, 61000, 65535}
    answered = {
        address: any(
            decides(written, True, protocol, port, address, version) for port in ports if port >= 1024
        )
        for address in everyone
    }
    for port in (each for each in ports if first <= each <= last):
        expected = any(
            answered[address] and decides(written, False, protocol, port, address, version)
            for address in everyone
        )
        at = Traffic(protocol, port, port) if protocol in ("tcp", "udp") else Traffic(protocol)
        assert any(includes(each, at) for each in passed) is expected, port


IN_ALL = Entry(100, False, True, "-1", 0, 65535, "0.0.0.0/0")
OUT_ALL = IN_ALL._replace(egress=True)


@pytest.mark.parametrize(
    ("written", "passed"),
    [
        ([IN_ALL, OUT_ALL], "all"),
        ([IN_ALL], ""),
        ([OUT_ALL], ""),
        ([Entry(90, False, False, "tcp", 22, 22, "0.0.0.0/0"), IN_ALL, OUT_ALL],
         "other protocols, tcp 0-21, tcp 23-65535, udp 0-65535"),
        ([Entry(110, False, False, "tcp", 22, 22, "0.0.0.0/0"), IN_ALL, OUT_ALL], "all"),
        ([Entry(90, False, False, "icmp", 0, 65535, "0.0.0.0/0"), IN_ALL, OUT_ALL],
         "other protocols, tcp 0-65535, udp 0-65535"),
        # Only those who are not answered get in.
        ([Entry(90, True, False, "-1", 0, 65535, "128.0.0.0/1"), OUT_ALL,
          Entry(90, False, False, "-1", 0, 65535, "0.0.0.0/1"), IN_ALL], ""),
    ],
)  # fmt: skip
def test_all_traffic(written: list[Entry], passed: str) -> None:
    found = let_through(acl(written), ALL, IPV4, IPV4.internet)
    assert ", ".join(sorted(map(str, found))) == passed


def test_only_those_asked_for_count() -> None:
    office = list(addresses_at_the_ends(["203.0.113.0/24"], 4))[1:3]
    entry = Entry(100, False, True, "tcp", 22, 22, "203.0.113.0/24")
    ssh = Traffic("tcp", 22, 22)
    assert let_through(acl([entry, OUT_ALL]), ssh, IPV4, ((office[0], office[1]),)) == (ssh,)
    assert let_through(acl([entry, OUT_ALL]), ssh, IPV4, ((office[1] + 1, office[1] + 9),)) == ()
