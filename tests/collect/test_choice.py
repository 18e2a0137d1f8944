"""Which accounts, regions and policies a run looks at: small runs, of which the cells count."""

import json
import threading

import pytest

from tests.lab import Lab, role
from tests.wire import Call

DEFAULT = "sg-default"

# What AWS answers to DescribeRegions: with AllRegions the last two as well.
ENABLED = ["ap-southeast-2", "eu-west-1", "us-east-1"]
NOT_ENABLED = ["me-south-1", "af-south-1"]


def regions_as_aws_has_them(call: Call) -> tuple[int, str] | None:
    if call.action != "DescribeRegions":
        return None
    names = ENABLED + (NOT_ENABLED if call.params.get("AllRegions") == "true" else [])
    items = "".join(f"<item><regionName>{name}</regionName></item>" for name in names)
    return 200, f"<DescribeRegionsResponse><regionInfo>{items}</regionInfo></DescribeRegionsResponse>"


@pytest.fixture
def estate(lab: Lab) -> Lab:
    """The accounts of the estate; staging names no region, production asks for all."""
    lab.accounts(
        {
            "name": "dev",
            "account_id": "111111111111",
            "role": role("111111111111"),
            "regions": ["us-east-1", "eu-west-1"],
            "tags": ["env:dev", "team:platform"],
        },
        {
            "name": "staging",
            "account_id": "222222222222",
            "role": role("222222222222"),
            "tags": ["env:staging", "team:platform"],
        },
        {
            "name": "production",
            "account_id": "333333333333",
            "role": role("333333333333"),
            "regions": ["all"],
            "tags": ["env:production"],
        },
    )
    lab.wire.calls.clear()
    lab.wire.answer = regions_as_aws_has_them
    return lab


def test_the_regions_of_the_file_all_of_them_or_the_default_ones(estate: Lab) -> None:
    ran = estate.run("-p", DEFAULT)
    assert (ran.code, ran.statuses) == (
        0,
        {
            ("dev", "us-east-1", DEFAULT): "ok",
            ("dev", "eu-west-1", DEFAULT): "ok",
            ("staging", "us-east-1", DEFAULT): "ok",
            ("staging", "us-west-2", DEFAULT): "ok",
            ("production", "ap-southeast-2", DEFAULT): "ok",
            ("production", "eu-west-1", DEFAULT): "ok",
            ("production", "us-east-1", DEFAULT): "ok",
        },
    )
    assert "account staging names no region: us-east-1 and us-west-2, as in c7n-org" in ran.err.splitlines()
    assert "dev names no region" not in ran.err
    assert {account["name"]: account["regions"] for account in ran.manifest["accounts"]} == {
        "dev": ["us-east-1", "eu-west-1"],
        "staging": ["us-east-1", "us-west-2"],
        "production": ["ap-southeast-2", "eu-west-1", "us-east-1"],
    }
    # Whoever asks for the regions is the account itself, once.
    [asked] = estate.wire.of("DescribeRegions")
    assert estate.wire.role_of(asked) == role("333333333333")


def test_regions_accounts_and_policies_of_the_command_line(estate: Lab) -> None:
    ran = estate.run(
        *("-a", "dev", "-a", "222222222222,dev"),
        *("-r", "eu-west-1", "-r", "us-west-2,ap-southeast-2"),
        *("-p", DEFAULT, "-p", "sg-ssh-world"),
    )
    assert (ran.code, ran.statuses) == (
        0,
        {
            (account, region, policy): "ok"
            for account in ("dev", "staging")
            for region in ("eu-west-1", "us-west-2", "ap-southeast-2")
            for policy in ("sg-default", "sg-ssh-world")
        },
    )
    assert "names no region" not in ran.err
    assert sorted(path.name for path in ran.folder.glob("*/*/*")) == sorted(
        ["sg-default", "sg-ssh-world"] * 2 * 3
    )


def test_all_regions_of_the_accounts_with_every_tag_given(estate: Lab) -> None:
    ran = estate.run("-t", "team:platform", "-t", "env:dev", "-r", "all", "-p", DEFAULT)
    assert (ran.code, ran.statuses) == (
        0,
        {
            ("dev", "ap-southeast-2", DEFAULT): "ok",
            ("dev", "eu-west-1", DEFAULT): "ok",
            ("dev", "us-east-1", DEFAULT): "ok",
        },
    )


def test_a_region_that_is_newer_and_a_key_of_ones_own(estate: Lab) -> None:
    dev = {"name": "dev", "account_id": "111111111111", "role": role("111111111111"), "owner": "me"}
    estate.accounts(dev, {**dev, "name": "dev-too"})
    none = "<DescribeSecurityGroupsResponse><securityGroupInfo/></DescribeSecurityGroupsResponse>"
    # moto has no such region.
    estate.wire.answer = lambda call: (200, none) if call.region == "eu-west-99" else None
    ran = estate.run("-r", "eu-west-99", "--allow-region", "eu-west-99", "-p", DEFAULT)
    assert ran.statuses == {(name, "eu-west-99", DEFAULT): "ok" for name in ("dev", "dev-too")}
    assert (
        "c7n-org knows no key 'owner' of account dev and 1 more accounts: only policies' conditions can go by it"
        in ran.err.splitlines()
    )


def test_policies_as_a_list_with_commas(estate: Lab) -> None:
    ran = estate.run("-a", "dev", "-r", "eu-west-1", "-p", "sg-default,sg-ssh-world")
    assert (ran.code, ran.err.startswith("sg-audit: ")) == (0, False), ran.err
    assert [policy for _, _, policy in ran.statuses] == ["sg-default", "sg-ssh-world"]


def test_two_entries_may_name_one_account(estate: Lab) -> None:
    """Two roles of one account, side by side: neither lives on what the other was told, or trips over it."""
    wire, first, second = estate.wire, role("111111111111", "first"), role("111111111111", "second")
    estate.accounts(
        {"name": "one", "account_id": "111111111111", "role": first, "regions": ["us-east-1"]},
        {"name": "two", "account_id": "111111111111", "role": second, "regions": ["us-east-1"]},
    )
    begun, met = threading.Event(), threading.Event()

    def hold_until_both_are_at_it(call: Call) -> None:
        if call.action == "AssumeRole" and call.params["RoleArn"] == second:
            begun.wait(60)
        elif call.action == "DescribeInstances" and wire.role_of(call) == first:
            begun.set()
            met.wait(5)
        elif call.action == "DescribeNetworkInterfaces" and wire.role_of(call) == second:
            met.set()

    wire.answer = hold_until_both_are_at_it
    ran = estate.run()
    assert ran.code == 0, ran.err
    assert set(ran.statuses.values()) == {"ok"}
    assert {wire.role_of(call) for call in wire.of("DescribeSecurityGroups")} == {first, second}


def test_a_rule_is_judged_by_what_its_own_account_says(estate: Lab) -> None:
    # Both accounts have the same rules, and one worker looks at one after the other.
    offices = {"111111111111": "0.0.0.0/0", "333333333333": "10.0.0.0/8"}
    estate.accounts(
        *(
            {
                "name": account_id,
                "account_id": account_id,
                "role": role(account_id),
                "regions": ["us-east-1", "eu-west-1"],
                "vars": {"office": office},
            }
            for account_id, office in offices.items()
        )
    )
    policy = {
        "name": "from-the-office",
        "resource": "aws.security-group",
        "filters": [
            {"or": [{"type": "ingress", "Cidr": "{office}"}, {"type": "ingress", "Cidr": "192.0.2.0/24"}]}
        ],
    }
    everything = {"name": "everything", "resource": "aws.security-group"}
    policies = estate.write("office.yml", {"policies": [policy, everything]})
    ran = estate.run(policies=[policies], env={"C7N_ORG_PARALLEL": "1"})
    assert ran.code == 0
    found = 0
    for account_id, office in offices.items():
        for region in ("us-east-1", "eu-west-1"):
            resources = ran.folder / account_id / region / "everything" / "resources.json"
            expected = sorted(
                group["GroupName"]
                for group in json.loads(resources.read_text())
                if any(
                    source["CidrIp"] == office
                    for rule in group["IpPermissions"]
                    for source in rule["IpRanges"]
                )
            )
            assert ran.groups(account_id, region, "from-the-office") == expected
            found += bool(expected)
    assert found > 1
