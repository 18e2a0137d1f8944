"""What a group opens to the world, against an independent reading and by hand."""

from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reporter.inventory.network import traffic
from reporter.inventory.network.exposure import exposure
from reporter.inventory.network.prefix_lists import PrefixList
from tests.inventory.network.permissions import (
    Packet,
    Rule,
    as_read,
    lets_in,
    public_addresses_at_the_ends,
)

HALVES = ("0.0.0.0/1", "128.0.0.0/1")
# All of the public IPv4 addresses and hardly any other.
PUBLIC = (
    *(
        "1.0.0.0/8",
        "2.0.0.0/7",
        "4.0.0.0/6",
        "8.0.0.0/7",
        "11.0.0.0/8",
        "12.0.0.0/6",
        "16.0.0.0/4",
        "32.0.0.0/3",
    ),
    *(
        "64.0.0.0/3",
        "96.0.0.0/6",
        "100.0.0.0/10",
        "100.128.0.0/9",
        "101.0.0.0/8",
        "102.0.0.0/7",
        "104.0.0.0/5",
    ),
    *(
        "112.0.0.0/5",
        "120.0.0.0/6",
        "124.0.0.0/7",
        "126.0.0.0/8",
        "128.0.0.0/3",
        "160.0.0.0/5",
        "168.0.0.0/8",
    ),
    *(
        "169.0.0.0/9",
        "169.128.0.0/10",
        "169.192.0.0/11",
        "169.224.0.0/12",
        "169.240.0.0/13",
        "169.248.0.0/14",
    ),
    *("169.252.0.0/15", "169.255.0.0/16", "170.0.0.0/7", "172.0.0.0/12", "172.32.0.0/11", "172.64.0.0/10"),
    *("172.128.0.0/9", "173.0.0.0/8", "174.0.0.0/7", "176.0.0.0/4", "192.0.0.0/9", "192.128.0.0/11"),
    *(
        "192.160.0.0/13",
        "192.169.0.0/16",
        "192.170.0.0/15",
        "192.172.0.0/14",
        "192.176.0.0/12",
        "192.192.0.0/10",
    ),
    *("193.0.0.0/8", "194.0.0.0/7", "196.0.0.0/6", "200.0.0.0/5", "208.0.0.0/4"),
)
BLOCKS = (
    *(
        "0.0.0.0/0",
        *HALVES,
        "0.0.0.0/2",
        "64.0.0.0/2",
        "10.0.0.0/8",
        "128.0.0.0/2",
        "192.0.0.0/2",
        "192.0.0.0/3",
    ),
    *("::/0", "2000::/3", "2000::/4", "3000::/4", "2001:db8::/32", "::/1"),
)
LIST = "pl-1"


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    protocol = draw(st.sampled_from(["tcp", "tcp", "tcp", "udp", "-1", "50"]))
    first = draw(st.sampled_from([0, 20, 22, 23]))
    last = draw(st.sampled_from([port for port in (22, 23, 25, 65535) if port >= first]))
    peer = draw(st.sampled_from([*BLOCKS, LIST]))
    return Rule(protocol, *((first, last) if protocol in ("tcp", "udp") else (None, None)), peer)


@settings(max_examples=250, deadline=None, derandomize=True, database=None)
@given(st.lists(rules(), max_size=6), st.lists(st.sampled_from(BLOCKS), max_size=3))
@example([Rule("tcp", 22, 22, HALVES[0]), Rule("tcp", 20, 25, HALVES[1])], [])
@example([Rule("tcp", 22, 22, HALVES[0]), Rule("-1", None, None, LIST)], [HALVES[1]])
@example([Rule("tcp", 22, 22, block) for block in PUBLIC], [])
@example([Rule("tcp", 22, 22, block) for block in PUBLIC[:-1]], [])
@example([Rule("tcp", 22, 22, "2000::/4"), Rule("-1", None, None, "3000::/4")], [])
def test_it_is_the_world_if_every_public_address_gets_in(written: list[Rule], entries: list[str]) -> None:
    by_cidr = [
        rule._replace(peer=peer)
        for rule in written
        for peer in (entries if rule.peer == LIST else [rule.peer])
    ]
    found = exposure(as_read(written), {LIST: PrefixList(tuple(entries), complete=True)})
    for version, opened in ((4, found.ipv4), (6, found.ipv6)):
        everyone = public_addresses_at_the_ends([rule.peer for rule in by_cidr], version)
        for protocol, port in (
            *product(("tcp", "udp"), (0, 19, 20, 21, 22, 23, 24, 25, 26, 65535)),
            ("50", None),
        ):
            expected = all(
                any(lets_in(rule, Packet(protocol, port, address, version)) for rule in by_cidr)
                for address in everyone
            )
            asked = traffic.Traffic(protocol, *((port, port) if port is not None else ()))
            assert any(traffic.includes(each, asked) for each in opened) is expected, (
                version,
                protocol,
                port,
            )


def texts(*rules: tuple[str, int | None, int | None, str], **lists: PrefixList) -> tuple[str, str, str]:
    """world_ports, what of it no rule opens by itself, wide_sources."""
    named = {name.replace("_", "-"): each for name, each in lists.items()}
    found = exposure(as_read(Rule(*rule) for rule in rules), named)
    return (
        ", ".join(map(str, found.world)),
        ", ".join(map(str, found.together)),
        ", ".join(found.wide_sources),
    )


WHOLE = PrefixList(("0.0.0.0/0",), complete=True)
A_PAGE = PrefixList(("10.0.0.0/8",), complete=False)


@pytest.mark.parametrize(
    ("rules", "lists", "world", "together", "wide"),
    [
        ([("tcp", 22, 22, "0.0.0.0/0")], {}, "tcp 22", "", ""),
        ([("6", 22, 22, "0.0.0.0/0"), ("17", 53, 53, "::/0")], {}, "tcp 22, udp 53", "", ""),
        ([("tcp", 20, 22, "0.0.0.0/0"), ("tcp", 23, 25, "::/0")], {}, "tcp 20-25", "", ""),
        ([("-1", None, None, "::/0"), ("tcp", 22, 22, "0.0.0.0/0")], {}, "all", "", ""),
        ([("icmp", 8, -1, "0.0.0.0/0"), ("58", -1, -1, "::/0")], {}, "icmp, icmpv6", "", ""),
        ([("50", None, None, "0.0.0.0/0"), ("132", 22, 22, "0.0.0.0/0")], {}, "protocol 50, protocol 132", "", ""),
        ([("tcp", None, None, "0.0.0.0/0")], {}, "", "", ""),
        ([("tcp", 22, 22, "10.0.0.0/8"), ("tcp", 22, 22, "sg-1")], {}, "", "", ""),
        # Together.
        ([("tcp", 22, 22, half) for half in HALVES], {}, "tcp 22", "tcp 22", ""),
        ([("tcp", 20, 22, HALVES[0]), ("tcp", 22, 25, HALVES[1])], {}, "tcp 22", "tcp 22",
         "0.0.0.0/1 -> tcp 20-22, 128.0.0.0/1 -> tcp 22-25"),
        ([("tcp", 22, 22, HALVES[0]), ("udp", 22, 22, HALVES[1])], {}, "", "",
         "0.0.0.0/1 -> tcp 22, 128.0.0.0/1 -> udp 22"),
        ([("tcp", 22, 22, HALVES[0]), ("-1", None, None, HALVES[1])], {}, "tcp 22", "tcp 22",
         "128.0.0.0/1 -> all"),
        ([("tcp", 22, 22, "0.0.0.0/0"), *(("tcp", 23, 23, half) for half in HALVES)], {}, "tcp 22-23", "tcp 23", ""),
        ([("icmp", 8, -1, HALVES[0]), ("icmp", 0, -1, HALVES[1])], {}, "", "",
         "0.0.0.0/1 -> icmp, 128.0.0.0/1 -> icmp"),
        ([("icmp", 8, -1, HALVES[0]), ("icmp", -1, -1, HALVES[1])], {}, "icmp", "icmp", ""),
        ([("tcp", 22, 22, "2000::/3")], {}, "tcp 22", "tcp 22", ""),
        # Wide.
        ([("tcp", 22, 22, "4.0.0.0/7"), ("tcp", 22, 22, "4.0.0.0/8")], {}, "", "", "4.0.0.0/7 -> tcp 22"),
        ([("tcp", 22, 22, "2600::/23"), ("tcp", 22, 22, "2600::/24")], {}, "", "", "2600::/23 -> tcp 22"),
        ([("tcp", 22, 22, "240.0.0.0/4"), ("tcp", 22, 22, "fc00::/7")], {}, "", "", ""),
        # Prefix lists.
        ([("tcp", 22, 22, "pl-1")], {"pl_1": WHOLE}, "tcp 22", "tcp 22", ""),
        ([("tcp", 22, 22, "pl-1")], {}, "", "", "pl-1 -> tcp 22"),
        ([("tcp", 22, 22, "pl-1")], {"pl_1": A_PAGE}, "", "", "pl-1 -> tcp 22"),
        ([("tcp", 22, 22, "pl-1")], {"pl_1": PrefixList(("0.0.0.0/0",), complete=False)}, "tcp 22", "tcp 22",
         "pl-1 -> tcp 22"),
        ([("tcp", 22, 22, "pl-1")], {"pl_1": PrefixList(("4.0.0.0/7",), complete=True)}, "", "",
         "4.0.0.0/7 (pl-1) -> tcp 22"),
        ([("tcp", 22, 22, "pl-1"), ("tcp", 22, 22, HALVES[1])],
         {"pl_1": PrefixList((HALVES[0],), complete=True)}, "tcp 22", "tcp 22", ""),
    ],
)  # fmt: skip
def test_what_is_told_of_it(
    rules: list[tuple[str, int | None, int | None, str]],
    lists: dict[str, PrefixList],
    world: str,
    together: str,
    wide: str,
) -> None:
    assert texts(*rules, **lists) == (world, together, wide)


def test_a_service_goes_by_its_name() -> None:
    asked = ("tcp 22", "udp 22", "tcp 20-25", "udp 3389", "icmp", "protocol 47", "protocol 200", "all")
    assert [traffic.labelled(traffic.parse(each)) for each in asked] == [
        *("tcp 22 (SSH)", "udp 22", "tcp 20-25", "udp 3389 (RDP)"),
        *("icmp", "protocol 47 (GRE)", "protocol 200", "all"),
    ]
