"""What of the groups the internet reaches, as the report tells it of output written by hand."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.rundir import (
    ACCOUNT_IDS,
    DENIED,
    POLICIES,
    Resource,
    group,
    groups,
    interface,
    table,
    unit,
    write,
)

HERE = ("alpha", "us-east-1")
WORLD, ANYWHERE_V6 = "0.0.0.0/0", "::/0"
NETWORK = tuple(
    {"name": name, "resource": resource, "filtered": False, "report": {"tab": "attachments"}}
    for name, resource in (
        ("subnets", "aws.subnet"),
        ("route-tables", "aws.route-table"),
        ("network-acls", "aws.network-acl"),
    )
)
LISTS = {
    "name": "prefix-lists",
    "resource": "aws.prefix-list",
    "filtered": True,
    "filters": [{"type": "entry", "key": "Cidr", "value": "present"}],
    "report": {"tab": "security_groups"},
}
BALANCERS = tuple(
    {"name": name, "resource": resource, "filtered": filtered, "report": {"tab": "attachments"}}
    for name, resource, filtered in (
        ("load-balancers", "aws.app-elb", False),
        ("target-groups", "aws.app-elb-target-group", True),
    )
)

Network = dict[str, Any]


def ssh(*sources: str) -> Resource:
    """A group that lets SSH in from CIDR blocks and prefix lists."""
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    rule["IpRanges"] = [{"CidrIp": each} for each in sources if "." in each]
    rule["Ipv6Ranges"] = [{"CidrIpv6": each} for each in sources if ":" in each]
    rule["PrefixListIds"] = [{"PrefixListId": each} for each in sources if each.startswith("pl-")]
    return group("sg-1") | {"IpPermissions": [rule]}


def entry(number: int, *, egress: bool = False, allow: bool = True, **more: Any) -> Resource:
    return {
        "RuleNumber": number,
        "Egress": egress,
        "RuleAction": "allow" if allow else "deny",
        "Protocol": "-1",
        **({"CidrBlock": WORLD} if "Ipv6CidrBlock" not in more else {}),
        **more,
    }


OPEN_ACL = [
    entry(100),
    entry(101, Ipv6CidrBlock=ANYWHERE_V6),
    entry(100, egress=True),
    entry(101, egress=True, Ipv6CidrBlock=ANYWHERE_V6),
    *(entry(32767, egress=egress, allow=False) for egress in (False, True)),
]
TO_THE_INTERNET = [
    {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"},
    {"DestinationCidrBlock": WORLD, "GatewayId": "igw-1", "State": "active"},
    {"DestinationIpv6CidrBlock": ANYWHERE_V6, "GatewayId": "igw-1", "State": "active"},
]


def network() -> Network:
    """A group open to the world on SSH, on one interface with a public address in a public subnet."""
    eni = interface("eni-1", group("sg-1"))
    eni |= {
        "SubnetId": "subnet-1",
        "Association": {"PublicIp": "203.0.113.7"},
        "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.1", "Association": {"PublicIp": "203.0.113.7"}}],
    }
    return {
        "group": ssh(WORLD),
        "interface": eni,
        "subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1"}],
        "route-tables": [
            {
                "RouteTableId": "rtb-1",
                "VpcId": "vpc-1",
                "OwnerId": ACCOUNT_IDS["alpha"],
                "Associations": [{"Main": True}],
                "Routes": TO_THE_INTERNET,
            }
        ],
        "network-acls": [
            {"NetworkAclId": "acl-1", "Associations": [{"SubnetId": "subnet-1"}], "Entries": OPEN_ACL}
        ],
    }


def written(folder: Path, found: Network) -> Mapping[str, Any]:
    """The group's row of a run that found that."""
    policies = [*POLICIES, *NETWORK]
    cells = {name.replace("-", "_"): found[name] for name in ("subnets", "route-tables", "network-acls")}
    for policy in (LISTS, *BALANCERS):
        if policy["name"] in found:
            policies.append(policy)
            cells[str(policy["name"]).replace("-", "_")] = found[str(policy["name"])]
    enis = found["interface"] if isinstance(found["interface"], list | str) else [found["interface"]]
    write(folder, {HERE: unit([found["group"], *found.get("groups", ())], enis, **cells)}, policies)
    return groups(folder)["sg-1"]


def change(path: str, value: Any) -> Callable[[Network], None]:
    """Put a value at a place such as `route-tables.0.Routes`."""

    def apply(found: Network) -> None:
        *above, last = path.split(".")
        place: Any = found
        for step in above:
            place = place[int(step) if step.isdigit() else step]
        place[int(last) if last.isdigit() else last] = value

    return apply


def both(*changes: Callable[[Network], None]) -> Callable[[Network], None]:
    def apply(found: Network) -> None:
        for each in changes:
            each(found)

    return apply


def route(target: Mapping[str, str], destination: str = WORLD, state: str = "active") -> list[Resource]:
    kind = "DestinationIpv6CidrBlock" if ":" in destination else "DestinationCidrBlock"
    return [{kind: destination, "State": state, **target}]


IPV6_ONLY = both(
    change("group", ssh(ANYWHERE_V6)),
    change("interface.Association", None),
    change("interface.PrivateIpAddresses", []),
    change("interface.Ipv6Addresses", [{"Ipv6Address": "2600:1f14::7"}]),
)
PING = group("sg-1") | {
    "IpPermissions": [{"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, "IpRanges": [{"CidrIp": WORLD}]}]
}
OWN_TABLE = {
    "RouteTableId": "rtb-2",
    "VpcId": "vpc-1",
    "OwnerId": ACCOUNT_IDS["alpha"],
    "Associations": [{"Main": False, "SubnetId": "subnet-1"}],
    "Routes": [],
}
AT = "203.0.113.7 -> tcp 22"
NO_TABLE = "the route table was not read (of subnet-1)"
NO_ACL = "the network ACL was not read (of subnet-1)"
NO_SUBNET = "the subnet was not read (subnet-1)"
UNREAD_LIST = "not every entry of a prefix list that the group names was read"


@pytest.mark.parametrize(
    ("changed", "reachable", "on"),
    [
        pytest.param(both(), "yes", AT, id="as it is"),
        # Addresses.
        pytest.param(change("interface.Association", None), "yes", AT, id="the address in the list alone"),
        pytest.param(change("interface.PrivateIpAddresses", []), "yes", AT, id="the address outside it alone"),
        pytest.param(
            both(change("interface.Association", None), change("interface.PrivateIpAddresses", [])), "no", "",
            id="no public address",
        ),
        pytest.param(
            both(
                change("interface.Association", None),
                change("interface.PrivateIpAddresses", [
                    {"PrivateIpAddress": "10.0.0.1"},
                    {"PrivateIpAddress": "10.0.0.2", "Association": {"PublicIp": "127.3.4.5"}},
                ]),
            ), "yes", "127.3.4.5 -> tcp 22", id="a secondary address, whatever the number",
        ),
        pytest.param(IPV6_ONLY, "yes", "2600:1f14::7 -> tcp 22", id="IPv6 only"),
        pytest.param(both(IPV6_ONLY, change("interface.Ipv6Addresses", [{"Ipv6Address": "fd00::7"}])), "no", "",
                     id="a private IPv6 address"),
        pytest.param(both(IPV6_ONLY, change("interface.Ipv6Addresses", []),
                          change("interface.Ipv6Prefixes", [{"Ipv6Prefix": "2600:1f14:0:1::/80"}])),
                     "yes", "2600:1f14:0:1::/80 -> tcp 22", id="a block of IPv6 addresses"),
        pytest.param(change("group", ssh(ANYWHERE_V6)), "no", "", id="open to IPv6, public in IPv4"),
        pytest.param(both(change("group", ssh(WORLD)), change("interface.Ipv6Addresses", [{"Ipv6Address": "2600::1"}])),
                     "yes", AT, id="open to IPv4, public in both"),
        # What is open.
        pytest.param(change("group", ssh("10.0.0.0/8")), "no", "", id="open to nobody"),
        pytest.param(change("group", ssh("0.0.0.0/1", "128.0.0.0/1")), "yes", AT, id="open by two halves"),
        # Routes.
        pytest.param(change("route-tables.0.Routes", []), "no", "", id="no route"),
        pytest.param(change("route-tables.0.Routes", route({"NatGatewayId": "nat-1"})), "no", "", id="NAT"),
        pytest.param(change("route-tables.0.Routes", route({"GatewayId": "igw-1"}, state="blackhole")), "no", "",
                     id="a blackhole"),
        pytest.param(change("route-tables.0.Routes", route({"TransitGatewayId": "tgw-1"})), "no", "", id="transit"),
        pytest.param(change("route-tables.0.Routes", route({"GatewayId": "vpce-1"})), "unknown",
                     "the route leads where it cannot be told what passes (rtb-1)", id="a firewall's endpoint"),
        pytest.param(change("route-tables.0.Routes", route({"NetworkInterfaceId": "eni-9", "InstanceId": "i-9"})),
                     "unknown", "the route leads where it cannot be told what passes (rtb-1)", id="an appliance"),
        pytest.param(both(change("route-tables.0.Routes", route({"GatewayId": "vpce-1"})),
                          change("network-acls.0.Entries", [])), "no", "", id="an endpoint, but an ACL that says no"),
        pytest.param(both(IPV6_ONLY, change("route-tables.0.Routes",
                                            route({"EgressOnlyInternetGatewayId": "eigw-1"}, ANYWHERE_V6))),
                     "no", "", id="egress-only"),
        pytest.param(both(IPV6_ONLY, change("route-tables.0.Routes", route({"GatewayId": "igw-1"}))), "no", "",
                     id="a route of the other family"),
        pytest.param(change("route-tables.0.Routes", route({"GatewayId": "igw-1"}, "198.51.100.0/24")), "yes", AT,
                     id="a route to some addresses"),
        pytest.param(change("route-tables.0.Routes", [
            *TO_THE_INTERNET,
            {"DestinationCidrBlock": WORLD, "GatewayId": "vgw-1", "State": "active",
             "Origin": "EnableVgwRoutePropagation"},
        ]), "yes", AT, id="a VPN's default route beside it"),
        pytest.param(both(change("route-tables.0.Routes", [
            {"DestinationPrefixListId": "pl-s3", "GatewayId": "vpce-1", "State": "active", "Origin": "CreateRoute"},
        ]), change("prefix-lists", [
            {"PrefixListId": "pl-s3", "OwnerId": "AWS", "c7n:prefix-entries": [{"Cidr": "3.5.0.0/19"}]}])),
            "no", "", id="no route but to S3"),
        pytest.param(change("route-tables.0.Routes", [
            {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"},
            {"DestinationCidrBlock": WORLD, "GatewayId": "igw-1", "State": None, "Origin": None},
            {"DestinationCidrBlock": "10.9.0.0/16", "CoreNetworkArn": "arn:core"},
            {"DestinationCidrBlock": "10.8.0.0/16", "CarrierGatewayId": "cagw-1"},
            {"DestinationCidrBlock": "10.7.0.0/16", "LocalGatewayId": "lgw-1"},
            {"DestinationCidrBlock": "10.6.0.0/16", "VpcPeeringConnectionId": "pcx-1", "State": "blackhole"},
        ]), "yes", AT, id="routes of many kinds, some without a state"),
        pytest.param(change("route-tables.0.Associations", [
            {"Main": True}, {"Main": False, "GatewayId": "igw-1"}]), "yes", AT, id="a table of a gateway too"),
        pytest.param(lambda found: found["route-tables"].append(OWN_TABLE), "no", "", id="a table of its own"),
        pytest.param(change("route-tables", [OWN_TABLE | {"Routes": TO_THE_INTERNET}]), "yes", AT,
                     id="a table of its own to the internet"),
        pytest.param(change("route-tables", []), "unknown", NO_TABLE, id="no table"),
        pytest.param(change("route-tables", DENIED), "unknown", NO_TABLE, id="tables refused"),
        # Network ACLs.
        pytest.param(change("network-acls.0.Entries", [entry(90, allow=False), *OPEN_ACL]), "no", "", id="denied"),
        pytest.param(change("network-acls.0.Entries", [entry(110, allow=False), *OPEN_ACL]), "yes", AT,
                     id="denied after it was allowed"),
        pytest.param(change("network-acls.0.Entries", [
            entry(90, allow=False, Protocol="6", PortRange={"From": 22, "To": 22}), *OPEN_ACL]), "no", "",
            id="the port denied"),
        pytest.param(change("network-acls.0.Entries", [
            entry(90, allow=False, Protocol="17", PortRange={"From": 22, "To": 22}), *OPEN_ACL]), "yes", AT,
            id="the port of another protocol denied"),
        pytest.param(change("network-acls.0.Entries", [
            entry(90, allow=False, CidrBlock="0.0.0.0/1"), *OPEN_ACL]), "yes", AT, id="half of the world denied"),
        pytest.param(change("network-acls.0.Entries", [
            entry(100), entry(100, egress=True, Protocol="6", PortRange={"From": 0, "To": 1023})]), "no", "",
            id="no answer gets out"),
        pytest.param(change("network-acls.0.Entries", [
            entry(100, CidrBlock="0.0.0.0/1"), entry(100, egress=True, CidrBlock="128.0.0.0/1")]), "no", "",
            id="those who get in get no answer"),
        pytest.param(both(IPV6_ONLY, change("network-acls.0.Entries", [entry(100), entry(100, egress=True)])), "no", "",
                     id="an ACL without entries of the family"),
        pytest.param(change("network-acls", DENIED), "unknown", NO_ACL, id="ACLs refused"),
        pytest.param(both(change("group", PING), change("network-acls.0.Entries", [
            entry(90, allow=False, Protocol="1", IcmpTypeCode={"Type": 13, "Code": -1}), *OPEN_ACL])), "yes",
            "203.0.113.7 -> icmp", id="one type of ICMP denied"),
        pytest.param(both(change("group", PING), change("network-acls.0.Entries", [
            entry(90, allow=False, Protocol="1", IcmpTypeCode={"Type": -1, "Code": -1}), *OPEN_ACL])), "no", "",
            id="ICMP denied"),
        pytest.param(both(change("group", PING), change("network-acls.0.Entries", [
            entry(90, Protocol="1", IcmpTypeCode={"Type": 8, "Code": 0}),
            entry(90, egress=True, Protocol="1", IcmpTypeCode={"Type": 0, "Code": 0}),
            entry(91, allow=False, PortRange=None, IcmpTypeCode=None)])), "yes", "203.0.113.7 -> icmp",
            id="one type of ICMP allowed"),
        # Subnets.
        pytest.param(change("subnets", DENIED), "unknown", NO_SUBNET, id="subnets refused"),
        pytest.param(change("subnets.0.BlockPublicAccessStates", {"InternetGatewayBlockMode": "off"}), "yes", AT,
                     id="public access is not blocked"),
        pytest.param(change("subnets.0.BlockPublicAccessStates", {"InternetGatewayBlockMode": "block-bidirectional"}),
                     "no", "", id="public access is blocked"),
        pytest.param(both(change("subnets", DENIED), change("network-acls", DENIED), change("route-tables", DENIED)),
                     "unknown", f"{NO_SUBNET}; {NO_TABLE}; {NO_ACL}", id="all refused"),
        pytest.param(both(change("subnets", DENIED), change("route-tables.0.Routes", [])), "no", "",
                     id="refused, but something else says no"),
        # Interfaces.
        pytest.param(change("interface", []), "no", "", id="on no interface"),
        pytest.param(change("interface", DENIED), "unknown", "not every interface was read", id="interfaces refused"),
        # Prefix lists.
        pytest.param(change("group", ssh("pl-1")), "unknown", UNREAD_LIST, id="a list that was not read"),
        pytest.param(both(change("group", ssh("pl-1")), change("route-tables.0.Routes", [])), "no", "",
                     id="a list that was not read, and no route"),
        pytest.param(both(change("group", ssh("pl-1", WORLD))), "yes", AT, id="a list not read beside the world"),
        pytest.param(both(change("group", ssh("pl-1")), change("prefix-lists", [
            {"PrefixListId": "pl-1", "c7n:prefix-entries": [{"Cidr": WORLD}]}])), "yes", AT,
            id="a list that is the world"),
        pytest.param(both(change("group", ssh("pl-1")), change("prefix-lists", [
            {"PrefixListId": "pl-1", "c7n:prefix-entries": []}])), "no", "", id="an empty list"),
        pytest.param(both(change("group", ssh("pl-1")), change("prefix-lists", [{"PrefixListId": "pl-1"}])),
                     "unknown", UNREAD_LIST, id="a list without its entries"),
        pytest.param(both(change("group", ssh("pl-1")), change("prefix-lists", [
            {"PrefixListId": "pl-1", "c7n:prefix-entries": [
                {"Cidr": "0.0.0.0/1"}, {"Cidr": "128.0.0.0/1"}, {"Cidr": "0.0.0.0/1", "Description": None},
                {"Cidr": "64.0.0.0/2"}, {"Cidr": None}]}])), "yes", AT, id="entries that overlap, and one of none"),
    ],
)  # fmt: skip
def test_a_group_on_one_interface(
    tmp_path: Path, changed: Callable[[Network], None], reachable: str, on: str
) -> None:
    found = deepcopy(network())
    changed(found)
    row = written(tmp_path, found)
    assert (row["reachable"], ", ".join(row["reachable_on"])) == (reachable, on)


def test_attachments_say_why(tmp_path: Path) -> None:
    found = network()
    found["interface"] = [
        found["interface"],
        interface("eni-2", group("sg-1")) | {"SubnetId": "subnet-1"},
        interface("eni-3", group("sg-2")) | {"SubnetId": "subnet-1"},
        interface("eni-4", group("sg-9")) | {"Ipv6Addresses": [{"Ipv6Address": "2600::4"}]},
    ]
    found["groups"] = [group("sg-2", ssh_from="10.0.0.0/8")]
    written(tmp_path, found)
    rows = {row["interface_id"]: row for row in table(tmp_path, "attachments")}
    assert {name: (row["reachable"], row["why"]) for name, row in rows.items()} == {
        "eni-1": ("yes", "tcp 22 (SSH) open at 203.0.113.7"),
        "eni-2": ("no", "no public IPv4 address"),
        "eni-3": ("no", "the group opens nothing to the world"),
        "eni-4": ("unknown", "the group was not read"),
    }
    assert (rows["eni-1"]["subnet_id"], rows["eni-1"]["public_ips"]) == ("subnet-1", ("203.0.113.7",))
    assert rows["eni-4"]["ipv6"] == ("2600::4",)


def test_in_a_shared_vpc_tables_and_acls_are_its_owners(tmp_path: Path) -> None:
    found = network()
    there = found["interface"] | {"OwnerId": ACCOUNT_IDS["beta"]}
    theirs = group("sg-7", owner="beta") | {"IpPermissions": ssh(WORLD)["IpPermissions"]}
    there["Groups"] = [{"GroupId": "sg-7", "GroupName": "web"}]
    owners = {"subnets": found["subnets"], "network_acls": found["network-acls"]}
    participants = unit([theirs], [there], subnets=found["subnets"], network_acls=[], route_tables=[])
    beta = ("beta", "us-east-1")

    def reachable(place: Path, tables: Any) -> str:
        cells = {beta: participants, HERE: unit(**owners, route_tables=tables)}
        write(place, cells, [*POLICIES, *NETWORK])
        return str(groups(place)["sg-7"]["reachable"])

    assert reachable(tmp_path / "read", found["route-tables"]) == "yes"
    assert reachable(tmp_path / "refused", DENIED) == "unknown"
    # A participant that saw the main table alone does not know of others.
    cells = {
        beta: participants | {"route-tables": found["route-tables"]},
        HERE: unit(**owners, route_tables=DENIED),
    }
    write(tmp_path / "seen", cells, [*POLICIES, *NETWORK])
    assert groups(tmp_path / "seen")["sg-7"]["reachable"] == "unknown"


# Prefix lists.


def entries(number: int) -> list[Resource]:
    return [{"Cidr": f"198.51.{each // 250}.{each % 250}/32"} for each in range(number)]


@pytest.mark.parametrize(
    ("number", "most", "tool", "read"),
    [
        (99, 1000, "c7n-org", True),
        (100, 1000, "c7n-org", False),
        (100, 100, "c7n-org", True),  # there cannot be more
        (100, None, "c7n-org", False),
        (250, 1000, "c7n-org", False),
        (99, 1000, "sg-audit", True),
        (100, 1000, "sg-audit", False),  # an older release stopped there
        (100, 100, "sg-audit", True),
        (250, 1000, "sg-audit", True),
    ],
)
def test_stock_custodian_reads_a_page_of_a_list(
    tmp_path: Path, number: int, most: int | None, tool: str, read: bool
) -> None:
    found = network() | {"group": ssh("pl-1")}
    found["prefix-lists"] = [
        {"PrefixListId": "pl-1", "MaxEntries": most, "c7n:prefix-entries": entries(number)}
    ]
    row = written(tmp_path, found)
    if tool == "c7n-org":
        (tmp_path / "run.json").unlink()
        for place in tmp_path.glob("*/*/*"):
            kind = {each["name"]: each["resource"] for each in (*POLICIES, *NETWORK, LISTS)}[place.name]
            text = {
                "policy": {"name": place.name, "resource": kind},
                "config": {"account_id": "111111111111"},
            }
            (place / "metadata.json").write_text(json.dumps(text))
        row = groups(tmp_path)["sg-1"]
    assert (row["reachable"], row["world_ports"]) == ("no" if read else "unknown", ())


def test_a_list_that_was_not_read_changes_no_flag(tmp_path: Path) -> None:
    row = written(tmp_path, network() | {"group": ssh("pl-1")})
    assert (row["world_ports"], row["wide_sources"]) == ((), ("pl-1 -> tcp 22",))
    assert (row["has_ssh_open_world"], row["risk"]) == (False, "none")
    assert row["risk_note"] == "may be open to the world, as pl-1 could not be read whole: tcp 22"
    (everything,) = table(tmp_path, "summary_runs")
    assert (everything["none"], everything["none_reachable"], everything["none_reachable_possible"]) == (
        1,
        0,
        1,
    )


def test_a_list_that_was_not_read_says_nothing_of_what_is_open_anyway(tmp_path: Path) -> None:
    row = written(tmp_path, network() | {"group": ssh("pl-1", WORLD)})
    assert (row["risk_note"], row["wide_sources"]) == ("", ("pl-1 -> tcp 22",))


def test_what_custodian_saw_on_no_interface_is_not_reached_though_none_were_read(tmp_path: Path) -> None:
    found = [ssh(WORLD), ssh(WORLD) | {"GroupId": "sg-2"}]
    write(tmp_path, {HERE: unit(found, DENIED, unused=found[:1])})
    rows = groups(tmp_path)
    assert {name: (row["in_use"], row["reachable"], row["reachable_on"]) for name, row in rows.items()} == {
        "sg-1": (False, "no", ()),
        "sg-2": (None, "unknown", ("not every interface was read",)),
    }


def test_two_halves_in_two_lists_of_two_accounts(tmp_path: Path) -> None:
    lists = {name: {"PrefixListId": name, "c7n:prefix-entries": [{"Cidr": cidr}]}
             for name, cidr in (("pl-1", "0.0.0.0/1"), ("pl-2", "128.0.0.0/1"))}  # fmt: skip
    found = network()
    cells = {
        HERE: unit(
            [ssh("pl-1", "pl-2")], [found["interface"]], prefix_lists=[lists["pl-1"]],
            subnets=found["subnets"], route_tables=found["route-tables"], network_acls=found["network-acls"],
        ),
        ("beta", "us-east-1"): unit(prefix_lists=[lists["pl-2"]]),
    }  # fmt: skip
    write(tmp_path, cells, [*POLICIES, *NETWORK, LISTS])
    row = groups(tmp_path)["sg-1"]
    assert (row["world_ports"], row["reachable"]) == (("tcp 22",), "yes")


# What only several ranges together open.


def test_several_ranges_are_a_finding_of_the_policy_whose_ports_they_are(tmp_path: Path) -> None:
    row = written(tmp_path, network() | {"group": ssh("0.0.0.0/1", "128.0.0.0/1")})
    assert row["has_ssh_open_world"] is True
    assert (row["risk"], row["risk_note"]) == (
        "critical",
        "open to the world by several ranges or a prefix list: tcp 22",
    )
    (found,) = table(tmp_path, "ssh_world")
    assert found["matched_rules"] == ("tcp 22 from the world, by several ranges or a prefix list",)


def rdp(*, ports: tuple[str, ...] = ("tcp 3389",), cidr: str = WORLD) -> Resource:
    return {
        "name": "sg-rdp",
        "resource": "aws.security-group",
        "filtered": True,
        "filters": [{"or": [{"type": "ingress", "Ports": [3389], "Cidr": cidr}]}],
        "report": {"tab": "rdp", "column": "has_rdp", "level": "exposed", "ports": list(ports)},
    }


@pytest.mark.parametrize(
    ("policy", "found", "flag", "risk"),
    [
        (rdp(), [], True, "critical"),
        (rdp(ports=("udp 3389",)), [], False, "none"),
        (rdp(ports=("all",)), [], False, "none"),
        (rdp(ports=("udp 3389", "tcp 3000-4000")), [], True, "critical"),
        (rdp(ports=()), [], False, "none"),
        (rdp(cidr="10.0.0.0/8"), [], False, "none"),  # it is not about the world
        # It looks for what is open, but not to the world.
        (rdp() | {"filters": [{"not": rdp()["filters"]}, {"tag:a": None}]}, [], False, "none"),
        (rdp(), DENIED, None, "critical"),  # not read: it may be
    ],
)
def test_it_takes_the_ports_a_look_for_the_world_and_an_answer(
    tmp_path: Path, policy: Resource, found: Any, flag: bool | None, risk: str
) -> None:
    halves = {"IpRanges": [{"CidrIp": "0.0.0.0/1"}, {"CidrIp": "128.0.0.0/1"}]}
    rule = {"IpProtocol": "tcp", "FromPort": 3389, "ToPort": 3389, **halves}
    open_ = group("sg-1") | {"IpPermissions": [rule]}
    cells = unit([open_], [interface("eni-1", open_)], sg_rdp=found, sg_ssh_open=[], sg_ssh_world=[])
    write(tmp_path, {HERE: cells}, [*POLICIES, policy])
    row = groups(tmp_path)["sg-1"]
    assert (row["has_rdp"], row["risk"], row["world_ports"]) == (flag, risk, ("tcp 3389",))
    assert [each["security_group_id"] for each in table(tmp_path, "rdp")] == (
        ["sg-1"] if flag is not False else []
    )


def test_a_rule_that_a_policy_saw_and_let_go_is_none_of_its_findings(tmp_path: Path) -> None:
    # Its filters look at more than rules: at a tag, say.
    open_ = ssh(WORLD, "0.0.0.0/1", "128.0.0.0/1")
    write(
        tmp_path,
        {HERE: unit([open_], sg_ssh_world=[], sg_mine=[])},
        [*POLICIES, rdp(ports=("tcp 22",)) | {"name": "sg-mine"}],
    )
    assert groups(tmp_path)["sg-1"]["has_rdp"] is False


# Network load balancers.


def balanced(**changed: Any) -> Network:
    """A private interface of an instance that a network load balancer forwards port 22 to."""
    found = network()
    found["interface"] = interface("eni-1", group("sg-1"), instance="i-1") | {"SubnetId": "subnet-2"}
    found["subnets"].append({"SubnetId": "subnet-2", "VpcId": "vpc-1"})
    found["route-tables"].append(OWN_TABLE | {"Associations": [{"SubnetId": "subnet-2"}]})
    found["network-acls"].append(
        {"NetworkAclId": "acl-2", "Associations": [{"SubnetId": "subnet-2"}], "Entries": OPEN_ACL}
    )
    found["load-balancers"] = [
        {
            "LoadBalancerArn": "arn:nlb",
            "LoadBalancerName": "front",
            "Type": changed.pop("type", "network"),
            "Scheme": changed.pop("scheme", "internet-facing"),
            "AvailabilityZones": [{"SubnetId": changed.pop("subnet", "subnet-1")}],
            "SecurityGroups": changed.pop("groups", []),
        }
    ]
    attributes = changed.pop("attributes", {})
    found["target-groups"] = [
        {
            "TargetGroupArn": "arn:tg",
            "Protocol": changed.pop("protocol", "TCP"),
            "Port": 22,
            "VpcId": "vpc-1",
            "TargetType": changed.pop("target_type", "instance"),
            "LoadBalancerArns": ["arn:nlb"],
            "TargetHealthDescriptions": [{"Target": changed.pop("target", {"Id": "i-1", "Port": 22})}],
            **({"c7n:TargetGroupAttributes": attributes} if attributes else {}),
        }
    ]
    found["groups"] = changed.pop("more_groups", [])
    assert not changed
    return found


KEPT, NOT_KEPT = ({"preserve_client_ip.enabled": each} for each in (True, False))


def on_balancer(port: int, cidr: str = WORLD) -> Resource:
    rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
    rule |= {"Ipv6Ranges": [{"CidrIpv6": cidr}]} if ":" in cidr else {"IpRanges": [{"CidrIp": cidr}]}
    return group("sg-nlb", "balancer") | {"IpPermissions": [rule]}


@pytest.mark.parametrize(
    ("changed", "reachable", "on"),
    [
        ({}, "yes", "front -> tcp 22"),
        ({"scheme": "internal"}, "no", ""),
        ({"type": "application"}, "no", ""),
        ({"subnet": "subnet-2"}, "no", ""),  # the balancer itself has no route
        ({"attributes": NOT_KEPT}, "no", ""),
        ({"target": {"Id": "i-1", "Port": 2222}}, "no", ""),
        ({"target": {"Id": "i-1"}}, "yes", "front -> tcp 22"),
        ({"target": {"Id": "i-2", "Port": 22}}, "no", ""),
        ({"protocol": "UDP"}, "no", ""),
        ({"protocol": "TCP_UDP"}, "yes", "front -> tcp 22"),
        ({"protocol": "TLS"}, "yes", "front -> tcp 22"),
        # Targets by their address see the client's only where they are told to, or for UDP.
        ({"target_type": "ip", "target": {"Id": "10.0.0.1", "Port": 22}}, "no", ""),
        ({"target_type": "ip", "target": {"Id": "10.0.0.1", "Port": 22}, "attributes": KEPT}, "yes", "front -> tcp 22"),
        ({"target_type": "ip", "target": {"Id": "10.0.0.1", "Port": 22}, "protocol": "TCP_UDP"}, "yes",
         "front -> tcp 22"),
        # The balancer's own groups.
        ({"groups": ["sg-nlb"], "more_groups": [on_balancer(22)]}, "yes", "front -> tcp 22"),
        ({"groups": ["sg-nlb"], "more_groups": [on_balancer(22, "10.0.0.0/8")]}, "no", ""),
        ({"groups": ["sg-nlb"], "more_groups": [on_balancer(443)]}, "unknown",
         "by load balancer front: on which port it listens, or what its own groups open, was not read"),
        ({"groups": ["sg-nlb"]}, "unknown",
         "by load balancer front: on which port it listens, or what its own groups open, was not read"),
        ({"groups": ["sg-nlb"], "more_groups": [on_balancer(22, ANYWHERE_V6)]}, "no", ""),  # forwards IPv4
        # Odd ones.
        ({"protocol": "QUIC"}, "no", ""),
        ({"protocol": "TCP_QUIC"}, "yes", "front -> tcp 22"),
        ({"target_type": "ip", "target": {"Id": "10.0.0.1", "Port": 22}, "protocol": "TCP_QUIC"}, "yes",
         "front -> tcp 22"),
        ({"target_type": "lambda", "target": {"Id": "arn:lambda"}, "protocol": ""}, "no", ""),
        ({"target": None}, "no", ""),
        ({"groups": None}, "yes", "front -> tcp 22"),
    ],
)  # fmt: skip
def test_what_a_network_load_balancer_forwards(
    tmp_path: Path, changed: Network, reachable: str, on: str
) -> None:
    row = written(tmp_path, balanced(**deepcopy(changed)))
    assert (row["reachable"], ", ".join(row["reachable_on"])) == (reachable, on)


def test_a_target_by_its_ipv6_address_however_it_is_written(tmp_path: Path) -> None:
    found = balanced(target_type="ip", target={"Id": "2600:1f14:0::7", "Port": 22}, attributes=KEPT)
    found["target-groups"][0]["IpAddressType"] = "ipv6"
    found["group"] = ssh(ANYWHERE_V6)
    found["interface"]["Ipv6Addresses"] = [{"Ipv6Address": "2600:1f14::7"}]
    assert written(tmp_path, found)["reachable_on"] == ("front -> tcp 22",)


@pytest.mark.parametrize(
    ("port", "reachable"), [(22, "yes"), (443, "unknown"), (None, "no")], ids=["its own", "another", "none"]
)
def test_the_network_acl_of_a_balancer_lets_in_what_it_listens_on(
    tmp_path: Path, port: int | None, reachable: str
) -> None:
    found = balanced()
    ports = [entry(100, Protocol="6", PortRange={"From": port, "To": port})] if port else []
    found["network-acls"][0]["Entries"] = [*ports, entry(100, egress=True)]
    assert written(tmp_path, found)["reachable"] == reachable


def test_the_network_acl_of_a_target_counts(tmp_path: Path) -> None:
    found = balanced()
    found["network-acls"][1]["Entries"] = [entry(90, allow=False, CidrBlock=WORLD), *OPEN_ACL]
    assert written(tmp_path, found)["reachable"] == "no"


# Order and counts.


def test_rows_of_one_risk_stand_by_whether_they_are_reached(tmp_path: Path) -> None:
    found = network()
    names = {"sg-3": "subnet-1", "sg-1": "subnet-9", "sg-2": ""}
    opened = [ssh(WORLD) | {"GroupId": each} for each in sorted(names)]
    reached = found["interface"] | {"NetworkInterfaceId": "eni-3", "Groups": [{"GroupId": "sg-3"}]}
    unknown = reached | {
        "NetworkInterfaceId": "eni-1",
        "SubnetId": "subnet-9",
        "Groups": [{"GroupId": "sg-1"}],
    }
    private = interface("eni-2", group("sg-2")) | {"SubnetId": "subnet-1"}
    cells = unit(
        opened, [reached, unknown, private], subnets=found["subnets"], network_acls=found["network-acls"],
        route_tables=found["route-tables"],
    )  # fmt: skip
    write(tmp_path, {HERE: cells}, [*POLICIES, *NETWORK])
    rows = [
        (row["security_group_id"], row["risk"], row["reachable"])
        for row in table(tmp_path, "security_groups")
    ]
    assert rows == [
        ("sg-3", "critical", "yes"),
        ("sg-1", "critical", "unknown"),
        ("sg-2", "critical", "no"),
    ]
    (everything,) = table(tmp_path, "summary_runs")
    counts = {name: everything[name] for name in everything if name.startswith("critical")}
    assert counts == {
        "critical": 3,
        "critical_possible": 0,
        "critical_reachable": 1,
        "critical_reachable_possible": 1,
        "critical_waived": 0,
    }


# Duplicates.


def test_a_large_set_of_the_same_rules_is_one_row_of_duplicates(tmp_path: Path) -> None:
    ids = [f"sg-{number:02}" for number in range(25)]
    found = [ssh("10.0.0.0/8") | {"GroupId": each, "GroupName": each} for each in ids]
    write(tmp_path, {HERE: unit(found, [])})
    (row,) = table(tmp_path, "duplicates")
    assert row["security_groups"] == tuple(f"{each} ({each})" for each in ids)
    assert groups(tmp_path)["sg-24"]["same_rules_as"] == (*ids[:20], "… (+4 more)")


def test_groups_with_the_same_rules(tmp_path: Path) -> None:
    def alike(group_id: str, **more: Any) -> Resource:
        rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
        rule["IpRanges"] = [{"CidrIp": "10.0.0.0/8", "Description": group_id}]
        rule["UserIdGroupPairs"] = [{"GroupId": group_id, "UserId": ACCOUNT_IDS["alpha"]}]
        return group(group_id, f"app-{group_id[-1]}") | {"IpPermissions": [rule]} | more

    one, two, three = alike("sg-1"), alike("sg-2"), alike("sg-3")
    elsewhere = alike("sg-4", VpcId="vpc-2")
    default = alike("sg-5", GroupName="default")
    other = alike("sg-6", IpPermissionsEgress=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": WORLD}]}])
    empty = [group("sg-7"), group("sg-8")]
    found = [one, two, three, elsewhere, default, other, *empty]
    enis = [interface("eni-1", two), interface("eni-2", two)]
    write(tmp_path, {HERE: unit(found, enis, unused=[three])})
    assert {name: row["same_rules_as"] for name, row in groups(tmp_path).items() if row["same_rules_as"]} == {
        "sg-1": ("sg-2", "sg-3"),
        "sg-2": ("sg-1", "sg-3"),
        "sg-3": ("sg-1", "sg-2"),
    }
    assert table(tmp_path, "duplicates") == [
        {
            "account_profile": "alpha",
            "account_id": "111111111111",
            "region": "us-east-1",
            "vpc_id": "vpc-1",
            "security_groups": ("sg-1 (app-1)", "sg-2 (app-2)", "sg-3 (app-3)"),
            "interfaces": ("sg-1: 0", "sg-2: 2", "sg-3: 0"),
            "could_go": ("sg-3",),
        }
    ]
    write(tmp_path / "all unused", {HERE: unit([one, two], unused=[one, two])})
    (row,) = table(tmp_path / "all unused", "duplicates")
    assert row["could_go"] == ("sg-2",)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (both(), 1),
        (change("route-tables.0.Routes", []), 0),
        (change("subnets.0.SubnetId", "subnet-9"), 1),  # it is not known to be out of reach
        (change("group", ssh("10.0.0.0/8")), 0),
    ],
)
def test_fail_on_reachable_critical(
    tmp_path: Path, changed: Callable[[Network], None], code: int, sg_audit: Callable[..., Any]
) -> None:
    found = deepcopy(network())
    changed(found)
    written(tmp_path / "run", found)
    words = ("report", "-s", tmp_path / "run", "-o", tmp_path / "reports", "-f", "json")
    assert sg_audit(*words, "--fail-on", "reachable-critical").returncode == code
