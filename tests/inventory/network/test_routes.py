"""Which addresses an answer finds its way to, address by address against an independent reading."""

from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reporter.inventory.network import addresses
from reporter.inventory.network.addresses import IPV4, IPV6, Ranges
from reporter.inventory.network.prefix_lists import PrefixList
from reporter.inventory.network.routes import Route, RouteTable, way_back
from tests.inventory.network.permissions import public_addresses_at_the_ends

CIDRS = (
    "0.0.0.0/0",
    "0.0.0.0/1",
    "128.0.0.0/1",
    "8.0.0.0/8",
    "8.8.0.0/16",
    "10.0.0.0/8",
    "::/0",
    "2600::/16",
)
TARGETS = ("igw-1", "nat-1", "eigw-1", "tgw-1", "vpce-1", "eni-1", "i-1", "local", "")

routes = st.builds(Route, st.sampled_from(CIDRS), st.sampled_from(TARGETS), st.booleans(), st.booleans())


def table(*written: Route) -> RouteTable:
    return RouteTable("rtb-1", "vpc-1", "111111111111", True, (), written)


def has(ranges: Ranges, address: int) -> bool:
    return any(first <= address <= last for first, last in ranges)


routes_of_a_table = st.lists(
    routes, max_size=7, unique_by=lambda route: (route.destination, route.propagated)
)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(routes_of_a_table, st.sampled_from([4, 6]))
def test_the_longest_prefix_decides(written: list[Route], version: int) -> None:
    back = way_back(table(*written), IPV4 if version == 4 else IPV6, {})
    for address in public_addresses_at_the_ends(CIDRS, version):
        fitting = [
            (network.prefixlen, not route.propagated, route)
            for route in written
            for network in [ip_network(route.destination)]
            if network.version == version
            and int(network.network_address) <= address <= int(network.broadcast_address)
        ]
        chosen = max(fitting, key=lambda found: found[:2])[-1] if fitting else Route("", "", False)
        kind = chosen.target.partition("-")[0] if chosen.active else ""
        assert has(back.internet, address) is (kind == "igw"), address
        assert has(back.unknown, address) is (kind in ("vpce", "eni", "i")), address


LISTS = {
    "pl-1": PrefixList(("0.0.0.0/0",), complete=True),
    "pl-s3": PrefixList(("3.5.0.0/19",), complete=True, of_aws=True),
    "pl-part": PrefixList(("3.5.0.0/19",), complete=False),
}
TO_IGW, TO_NAT = Route("0.0.0.0/0", "igw-1"), Route("0.0.0.0/0", "nat-1")
BY_VPN = Route("0.0.0.0/0", "vgw-1", propagated=True)


@pytest.mark.parametrize(
    ("written", "internet", "unknown"),
    [
        ([Route("pl-1", "igw-1")], True, False),
        ([Route("pl-2", "igw-1")], False, True),
        ([Route("pl-2", "igw-1", active=False)], False, False),
        ([Route("pl-part", "igw-1")], True, True),
        # An endpoint for S3 is no way in; what is behind another one, or to where, cannot be told.
        ([Route("pl-s3", "vpce-1")], False, False),
        ([Route("pl-1", "vpce-1")], False, True),
        ([Route("pl-2", "vpce-1")], False, True),
        ([Route("pl-2", "tgw-1")], False, False),
        ([TO_IGW, Route("pl-s3", "vpce-1")], True, False),
        # Of the same length a block comes before a list, and that before what is propagated.
        ([TO_IGW, BY_VPN], True, False),
        ([BY_VPN, TO_IGW], True, False),
        ([BY_VPN, TO_NAT], False, False),
        ([Route("pl-1", "igw-1"), TO_NAT], False, False),
        ([TO_NAT, Route("pl-1", "igw-1")], False, False),
        ([Route("pl-1", "igw-1"), BY_VPN], True, False),
    ],
)
def test_routes_to_prefix_lists(written: list[Route], internet: bool, unknown: bool) -> None:
    back = way_back(table(*written), IPV4, LISTS)
    assert (bool(back.internet), bool(back.unknown)) == (internet, unknown)


def test_the_internet_is_what_the_design_says() -> None:
    assert addresses.size(IPV4.internet) == 2**32 - 2**24 * (3 + 32) - 2**22 - 2**20 - 2 * 2**16
