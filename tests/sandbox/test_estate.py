"""The estate, read back over HTTP; and stock Custodian over it, without any of this project's own code."""

import json
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from reporter.sandbox.estate import ACCOUNTS, ESTATE, REGIONS, accounts_file
from tests.sandbox.network_answers import NETWORK, OTHERS, rows

DEV, STAGING, PRODUCTION = (account.account_id for account in ACCOUNTS)
VIRGINIA, IRELAND, SYDNEY = REGIONS
CELLS = [(account.account_id, region) for account in ACCOUNTS for region in REGIONS]


class Account:
    """What one account holds in one region, as AWS shows it."""

    def __init__(self, ec2: Any) -> None:
        self.groups = {
            group["GroupName"]: group for group in ec2.describe_security_groups()["SecurityGroups"]
        }
        self.interfaces = ec2.describe_network_interfaces()["NetworkInterfaces"]
        self.instances = [
            instance
            for reservation in ec2.describe_instances()["Reservations"]
            for instance in reservation["Instances"]
        ]

    def rules(self, name: str) -> set[tuple[str, int | None, int | None, str]]:
        """(protocol, from, to, source) of a group's ingress; a source that is a group is given by its id."""
        return {
            (permission["IpProtocol"], permission.get("FromPort"), permission.get("ToPort"), source)
            for permission in self.groups[name]["IpPermissions"]
            for source in (
                *(item["CidrIp"] for item in permission["IpRanges"]),
                *(item["CidrIpv6"] for item in permission["Ipv6Ranges"]),
                *(item["GroupId"] for item in permission["UserIdGroupPairs"]),
                *(item["PrefixListId"] for item in permission["PrefixListIds"]),
            )
        }

    def id(self, name: str) -> str:
        return str(self.groups[name]["GroupId"])

    def interfaces_of(self, group: str) -> list[dict[str, Any]]:
        return [
            interface
            for interface in self.interfaces
            if group in (carried["GroupName"] for carried in interface["Groups"])
        ]

    def instances_of(self, group: str) -> list[tuple[str, str]]:
        """(Name tag or "", state) of the instances that carry a group, by name."""
        return sorted(
            (
                next((tag["Value"] for tag in instance.get("Tags", []) if tag["Key"] == "Name"), ""),
                instance["State"]["Name"],
            )
            for instance in self.instances
            if group in (carried["GroupName"] for carried in instance["SecurityGroups"])
        )


@pytest.fixture(scope="session")
def look(client: Callable[..., Any]) -> Callable[[str, str], Account]:
    return cache(lambda account_id, region: Account(client("ec2", account_id, region)))


Look = Callable[[str, str], Account]


def test_the_groups_of_every_account_and_region(look: Look) -> None:
    assert {cell: sorted(look(*cell).groups) for cell in CELLS} == {
        (DEV, VIRGINIA): [
            "+x",
            "=1+1",
            "@sum",
            "app-internal",
            "bastion",
            "db-clients",
            "db-servers",
            "default",
            "lambda-egress",
            "legacy-ssh",
            "marketing-site",
            "web-public",
        ],
        (DEV, IRELAND): [
            "default",
            "dual-stack-ssh",
            "icmp-ping",
            "ipv6-jump",
            "mosh-udp",
            "near-miss",
            "office-only",
            "vendor-access",
            "vpn-esp",
        ],
        (DEV, SYDNEY): ["default"],
        (STAGING, VIRGINIA): ["asg-template", "default", "metrics-agent", "wide-range"],
        (STAGING, IRELAND): ["allow-all", "any-tcp", "default"],
        (STAGING, SYDNEY): sorted({row["group"] for row in rows(NETWORK)}),
        (PRODUCTION, VIRGINIA): [
            "batch-fleet",
            "default",
            "ledger-db",
            "metrics-scraper",
            "ops-bastion",
            "shared-services",
            "web-alb",
        ],
        (PRODUCTION, IRELAND): ["default", "https://wiki/ssh"],
        (PRODUCTION, SYDNEY): ["break-glass", "default"],
    }


def test_the_table_says_why_each_group_is_there() -> None:
    assert all(group.description for cell in ESTATE.values() for group in cell.groups)


def test_every_group_has_its_answer_written_down() -> None:
    written = [(row["account"], row["region"], row["group"]) for row in rows(OTHERS)]
    written += [("staging", "ap-southeast-2", row["group"]) for row in rows(NETWORK)]
    there = [(*place, group.name) for place, cell in ESTATE.items() for group in cell.groups]
    there += [(account.name, region, "default") for account in ACCOUNTS for region in REGIONS]
    assert sorted(written) == sorted(set(there))


def test_the_network_says_of_its_groups_what_the_answers_say() -> None:
    said = {
        group.name: group.description.rpartition(": ")[2]
        for group in ESTATE["staging", "ap-southeast-2"].groups
    }
    for row in rows(NETWORK):
        if row["reachable"] == "yes":
            assert said[row["group"]] == "yes"
        elif row["on"] not in ("nothing open", "address, route", "firewall"):
            assert said[row["group"]] == "no"


def test_the_network_is_as_the_table_of_it_says(client: Callable[..., Any]) -> None:
    ec2 = client("ec2", STAGING, SYDNEY)
    vpcs = {vpc["CidrBlock"]: vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]}
    shop, lab = vpcs["10.20.0.0/16"], vpcs["10.30.0.0/16"]
    subnets = {
        subnet.get("CidrBlock", "IPv6"): subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]
    }

    def route(cidr: str, destination: str) -> tuple[str, str]:
        """Kind of target and state of a route in the table that a subnet has, its own or its VPC's main one."""
        vpc_id = shop if cidr.startswith(("10.20.", "IPv6")) else lab
        tables = [table for table in ec2.describe_route_tables()["RouteTables"] if table["VpcId"] == vpc_id]
        named = {each.get("SubnetId", "main"): table for table in tables for each in table["Associations"]}
        for found in named.get(subnets[cidr], named["main"])["Routes"]:
            if destination in (found.get("DestinationCidrBlock"), found.get("DestinationIpv6CidrBlock")):
                [target] = [value for name, value in found.items() if name.endswith("GatewayId")]
                return target.partition("-")[0], found["State"]
        return "none", ""

    v4, v6 = "0.0.0.0/0", "::/0"
    assert [route("10.20.0.0/24", each) for each in (v4, v6)] == [("igw", "active")] * 2
    assert [route("10.20.1.0/24", each) for each in (v4, v6)] == [("nat", "active"), ("eigw", "active")]
    assert [route("IPv6", each) for each in (v4, v6)] == [("none", ""), ("igw", "active")]
    assert route("10.30.0.0/24", v4) == route("10.30.4.0/24", v4) == ("igw", "active")
    assert route("10.30.1.0/24", v4) == ("nat", "active")
    assert route("10.30.2.0/24", v4) == ("vpce", "active")
    assert route("10.30.3.0/24", v4) == ("igw", "blackhole")

    sealed = [
        subnet["CidrBlock"]
        for subnet in ec2.describe_subnets()["Subnets"]
        if subnet["BlockPublicAccessStates"]["InternetGatewayBlockMode"] != "off"
    ]
    assert sealed == ["10.30.4.0/24"]

    acls = {
        association["SubnetId"]: (acl["IsDefault"], sorted(entry["RuleNumber"] for entry in acl["Entries"]))
        for acl in ec2.describe_network_acls()["NetworkAcls"]
        for association in acl["Associations"]
    }
    assert {cidr for cidr, subnet_id in subnets.items() if not acls[subnet_id][0]} == {
        f"10.20.{number}.0/24" for number in range(3, 9)
    }
    assert acls[subnets["10.20.4.0/24"]][1] == [50, 100, 100, 200, 32767, 32767, 32768, 32768]

    found = ec2.describe_network_interfaces()["NetworkInterfaces"]
    by_name = {each["Description"]: each for each in found}
    assert by_name["public-web"]["Association"]["PublicIp"] == "203.0.113.10"
    assert "PublicIp" not in by_name["second-address"].get("Association", {})
    [_, second] = by_name["second-address"]["PrivateIpAddresses"]
    assert second["Association"]["PublicIp"] == "203.0.113.12"
    assert by_name["ipv6-only"]["PrivateIpAddresses"] == []
    assert [name for name, each in by_name.items() if each["Ipv6Addresses"]] == [
        "ipv6-only",
        "egress-only",
        "acl-no-ipv6",
    ]
    assert not any(each["Groups"] for each in found if each["InterfaceType"] == "nat_gateway")


def test_critical_high_medium_low_and_none(look: Look) -> None:
    dev = look(DEV, VIRGINIA)
    assert dev.rules("bastion") == dev.rules("legacy-ssh") == {("tcp", 22, 22, "0.0.0.0/0")}
    assert dev.instances_of("bastion") == [("bastion-1", "running")]
    assert dev.instances_of("default") == [("scratch-1", "running")]
    assert dev.interfaces_of("legacy-ssh") == dev.interfaces_of("+x") == []
    assert dev.instances_of("web-public") == [("web-1", "running"), ("web-2", "running")]


def test_exposure_by_ipv6_alone(look: Look) -> None:
    dev = look(DEV, IRELAND)
    assert dev.rules("ipv6-jump") == {("tcp", 22, 22, "::/0")}
    assert dev.instances_of("ipv6-jump") == [("jump-1", "running")]
    assert dev.rules("dual-stack-ssh") == {("tcp", 22, 22, "0.0.0.0/0"), ("tcp", 22, 22, "::/0")}


def test_ranges_and_all_traffic(look: Look) -> None:
    assert look(STAGING, VIRGINIA).rules("wide-range") == {("tcp", 20, 25, "0.0.0.0/0")}
    staging = look(STAGING, IRELAND)
    assert staging.rules("any-tcp") == {("tcp", 0, 65535, "::/0")}
    assert staging.rules("allow-all") == {("-1", None, None, "0.0.0.0/0")}
    assert staging.instances_of("allow-all") == [("old-ci", "stopped")]
    assert len(staging.interfaces_of("allow-all")) == 1
    assert look(PRODUCTION, SYDNEY).rules("break-glass") == {
        ("tcp", 22, 22, "0.0.0.0/0"),
        ("-1", None, None, "::/0"),
    }


def test_decoys(look: Look) -> None:
    dev = look(DEV, IRELAND)
    assert dev.rules("mosh-udp") == {("udp", 22, 22, "0.0.0.0/0")}
    assert dev.rules("icmp-ping") == {("icmp", 8, 25, "0.0.0.0/0")}
    assert dev.rules("vpn-esp") == {("50", None, None, "0.0.0.0/0")}
    assert dev.rules("near-miss") == {("tcp", 23, 25, "0.0.0.0/0"), ("tcp", 2222, 2222, "0.0.0.0/0")}
    assert look(DEV, VIRGINIA).rules("web-public") == {
        ("tcp", 80, 80, "0.0.0.0/0"),
        ("tcp", 443, 443, "0.0.0.0/0"),
        ("tcp", 22, 22, "10.0.0.0/8"),
    }


def test_ssh_from_a_group_a_prefix_list_and_private_ranges(look: Look, client: Callable[..., Any]) -> None:
    dev = look(DEV, VIRGINIA)
    assert ("tcp", 22, 22, dev.id("bastion")) in dev.rules("app-internal")
    dev = look(DEV, IRELAND)
    [prefix_list] = client("ec2", DEV, IRELAND).describe_managed_prefix_lists(
        Filters=[{"Name": "prefix-list-name", "Values": ["vendor"]}]
    )["PrefixLists"]
    assert dev.rules("vendor-access") == {("tcp", 22, 22, prefix_list["PrefixListId"])}
    assert dev.instances_of("vendor-access") == [("", "running")]
    assert dev.rules("office-only") == {("tcp", 22, 22, "10.0.0.0/8"), ("tcp", 22, 22, "192.168.0.0/16")}
    assert dev.instances_of("office-only") == [("build-agent-1", "stopped")]


def test_default_groups(look: Look) -> None:
    for cell in CELLS:
        found = look(*cell)
        itself = ("-1", None, None, found.id("default"))
        expected = {
            (DEV, SYDNEY): set(),
            (STAGING, IRELAND): {itself, ("tcp", 22, 22, "0.0.0.0/0")},
        }.get(cell, {itself})
        assert found.rules("default") == expected, cell
    assert look(STAGING, IRELAND).instances_of("default") == [("trial-1", "running")]
    production = look(PRODUCTION, IRELAND)
    assert [nic["Description"] for nic in production.interfaces_of("default")] == [
        "ELB net/edge/8e1c0b7d2f9a4c35"
    ]
    assert production.instances == []


def test_interfaces_without_an_instance(look: Look) -> None:
    [interface] = look(DEV, VIRGINIA).interfaces_of("lambda-egress")
    assert interface["Description"].startswith("AWS Lambda VPC ENI-")
    assert "Attachment" not in interface
    [interface] = look(PRODUCTION, VIRGINIA).interfaces_of("web-alb")
    assert interface["Description"].startswith("ELB app/web-alb/")
    assert "Attachment" not in interface


def test_groups_that_only_something_else_names(look: Look, client: Callable[..., Any]) -> None:
    dev = look(DEV, VIRGINIA)
    assert dev.rules("db-servers") == {("tcp", 5432, 5432, dev.id("db-clients"))}
    assert dev.interfaces_of("db-clients") == []

    staging, production = look(STAGING, VIRGINIA), look(PRODUCTION, VIRGINIA)
    [configuration] = client("autoscaling", STAGING).describe_launch_configurations()["LaunchConfigurations"]
    assert configuration["SecurityGroups"] == [staging.id("asg-template")]
    assert staging.interfaces_of("asg-template") == []

    scraper = production.id("metrics-scraper")
    assert staging.rules("metrics-agent") == {("tcp", 9100, 9100, scraper)}
    assert production.interfaces_of("metrics-scraper") == []
    references = client("ec2", PRODUCTION).describe_security_group_references(GroupId=[scraper])
    assert len(references["SecurityGroupReferenceSet"]) == 1


def test_an_interface_of_one_account_on_a_group_of_another(look: Look) -> None:
    staging, production = look(STAGING, VIRGINIA), look(PRODUCTION, VIRGINIA)
    [interface] = staging.interfaces_of("shared-services")
    assert interface["OwnerId"] == STAGING
    assert interface["Groups"] == [
        {"GroupId": production.id("shared-services"), "GroupName": "shared-services"}
    ]
    assert production.interfaces_of("shared-services") == []
    assert "shared-services" not in staging.groups


def test_two_hundred_interfaces(look: Look) -> None:
    assert len(look(PRODUCTION, VIRGINIA).interfaces_of("batch-fleet")) == 200


def test_text_that_is_neither_formula_nor_markup(look: Look) -> None:
    dev = look(DEV, VIRGINIA)
    assert dev.instances_of("@sum") == [("=2+2", "running")]
    group = dev.groups["marketing-site"]
    assert group["Description"].startswith("Grüße & <b>welcome</b> ☕")
    assert {tag["Key"]: tag["Value"] for tag in group["Tags"]} == {
        "note": "<script>alert(1)</script>",
        "<b>key</b>": "",
        "link": '=HYPERLINK("http://x")',
    }


def test_the_accounts_file() -> None:
    [dev, _, production] = yaml.safe_load(accounts_file())["accounts"]
    assert dev == {
        "name": "dev",
        "account_id": "111111111111",
        "role": "arn:aws:iam::111111111111:role/sg-audit",
        "regions": ["us-east-1", "eu-west-1", "ap-southeast-2"],
        "tags": ["env:dev"],
        "vars": {"team": "platform"},
    }
    assert production["vars"] == {"team": "payments"}


def test_custodians_own_unused_filter_over_the_estate(
    stock_run_of: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    (tmp_path / "accounts.yml").write_text(accounts_file())
    (tmp_path / "policies.yml").write_text(
        "policies:\n- name: sg-unused\n  resource: aws.security-group\n  filters: [unused]\n"
    )
    words = ("-c", "accounts.yml", "-u", "policies.yml", "-s", "output", "-r", VIRGINIA)
    c7n_org = stock_run_of("c7n-org", *words, cwd=tmp_path)
    assert "ERROR" not in c7n_org.stderr
    unused = {
        found.parts[-4]: sorted(group["GroupName"] for group in json.loads(found.read_text()))
        for found in tmp_path.glob("output/*/us-east-1/sg-unused/resources.json")
    }
    assert unused == {
        "dev": ["+x", "=1+1", "legacy-ssh", "marketing-site"],
        "staging": ["default"],
        "production": ["default"],
    }
