"""CIDR blocks are read as Python's own `ipaddress` reads them, also where a shorter way is taken."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reporter.inventory.network import addresses
from reporter.inventory.network.addresses import IPV4, IPV6, Network


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.1.2.3/8", Network(IPV4, (0x0A000000, 0x0AFFFFFF), 8)),
        ("10.0.0.16/0", Network(IPV4, (0, 0xFFFFFFFF), 0)),
        ("255.255.255.255/32", Network(IPV4, (0xFFFFFFFF, 0xFFFFFFFF), 32)),
        ("192.0.2.129/25", Network(IPV4, (0xC0000280, 0xC00002FF), 25)),
        (" 192.0.2.1 ", Network(IPV4, (0xC0000201, 0xC0000201), 32)),
        ("10.0.0.0/255.0.0.0", Network(IPV4, (0x0A000000, 0x0AFFFFFF), 8)),
        ("::/0", Network(IPV6, (0, 2**128 - 1), 0)),
        ("10.0.0/8", None),
        ("010.0.0.0/8", None),
        ("10.0.0.256/8", None),
        ("10.0.0.0/33", None),
        ("", None),
    ],
)
def test_a_block_is_its_first_and_last_address(text: str, network: Network | None) -> None:
    assert addresses.parse(text) == network


OCTETS = st.lists(st.sampled_from(["0", "00", "07", "1", "10", "127", "255", "256", "1000", ""]), max_size=5)


@settings(max_examples=300, deadline=None)
@given(OCTETS, st.sampled_from(["", "/0", "/1", "/08", "/24", "/31", "/32", "/33", "/-1", "/٣", "/"]))
def test_it_is_what_ipaddress_says(octets: list[str], prefix: str) -> None:
    text = ".".join(octets) + prefix
    try:
        expected = ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        assert addresses.parse(text) is None
        return
    found = addresses.parse(text)
    assert found is not None
    assert found.range == (int(expected.network_address), int(expected.broadcast_address))
    assert found.prefix_length == expected.prefixlen
