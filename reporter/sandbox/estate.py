"""The estate in the sandbox: three accounts in three regions, with one of everything an audit must get right.

`ESTATE` is the whole of it. A group's description, which AWS shows as its own, says why the group is there.
Every account and region also has a default VPC with a default group, as AWS makes them. Where the table says
nothing there is nothing else. What there is of other VPCs is all in one account and region: see `network_estate`.
"""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from reporter.sandbox import SandboxError, environment
from reporter.sandbox.network_estate import NETWORK
from reporter.sandbox.resources import (
    WORLD,
    WORLD_V6,
    Account,
    Cell,
    Group,
    Instance,
    Interface,
    Role,
    Statement,
    all_traffic,
    esp,
    icmp,
    tcp,
    udp,
)

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")
ACCOUNTS = (
    Account(
        "dev",
        "111111111111",
        team="platform",
        roles=(
            Role("bastion-admin", "May do everything, by AWS's own policy", of_aws=("AdministratorAccess",)),
            Role("web-logs", "Writes its logs: harmless", inline=(Statement(("logs:PutLogEvents",)),)),
        ),
    ),
    Account(
        "staging",
        "222222222222",
        team="platform",
        roles=(
            Role(
                "deploy",
                "May start an instance with any role, and so become any",
                inline=(Statement(("iam:PassRole", "ec2:RunInstances")),),
            ),
            Role(
                "old-ci",
                "May do everything, within a boundary that leaves it a look at builds",
                of_aws=("AdministratorAccess",),
                boundary=(Statement(("codebuild:BatchGetBuilds", "codebuild:ListBuilds")),),
            ),
        ),
    ),
    Account(
        "production",
        "333333333333",
        team="payments",
        roles=(
            Role(
                "break-glass-data",
                "Reads what is confidential",
                inline=(Statement(("s3:GetObject", "secretsmanager:GetSecretValue")),),
            ),
        ),
    ),
)

ESTATE: Mapping[tuple[str, str], Cell] = {
    ("dev", "us-east-1"): Cell(
        groups=(
            Group("default", (all_traffic("group:default"),), "As AWS made it, but on an instance: high"),
            Group("bastion", (tcp(22, WORLD),), "SSH open to the world, and in use: critical"),
            Group("legacy-ssh", (tcp(22, WORLD),), "SSH open to the world, not in use: medium"),
            Group(
                "web-public",
                (tcp(80, WORLD), tcp(443, WORLD), tcp(22, "10.0.0.0/8")),
                "The world and port 22, but in different rules: none",
                {"Name": "web", "team": "platform"},
            ),
            Group(
                "app-internal",
                (tcp(22, "group:bastion"), tcp(8080, "group:web-public")),
                "SSH from another group: none",
            ),
            Group("lambda-egress", (), "No rules, on an interface that has no instance: none"),
            Group("db-servers", (tcp(5432, "group:db-clients"),), "No SSH, in use: none"),
            Group("db-clients", (), "Only a rule of db-servers names it, so neither in use nor unused: low"),
            Group("=1+1", (tcp(22, WORLD),), "A name that a spreadsheet would compute: medium"),
            Group("@sum", (tcp(22, "10.0.0.0/8"),), "Another, on an instance with such a name too: none"),
            Group("+x", (), "And another, not in use: low"),
            Group(
                "marketing-site",
                (tcp(443, WORLD),),
                "Grüße & <b>welcome</b> ☕ — text that is no markup, not in use: low",
                {"note": "<script>alert(1)</script>", "<b>key</b>": "", "link": '=HYPERLINK("http://x")'},
            ),
        ),
        instances=(
            Instance("scratch-1", ("default",)),
            Instance("bastion-1", ("bastion",), role="bastion-admin"),
            Instance("web-1", ("web-public",), role="web-logs"),
            Instance("web-2", ("web-public", "app-internal")),
            Instance("db-1", ("db-servers",)),
            Instance("=2+2", ("@sum",)),
        ),
        interfaces=(Interface("AWS Lambda VPC ENI-report-builder-7c2f", ("lambda-egress",)),),
    ),
    ("dev", "eu-west-1"): Cell(
        groups=(
            Group("ipv6-jump", (tcp(22, WORLD_V6),), "Open to the world by IPv6 alone, in use: critical"),
            Group("dual-stack-ssh", (tcp(22, WORLD), tcp(22, WORLD_V6)), "Both worlds, not in use: medium"),
            Group("mosh-udp", (udp(22, WORLD),), "UDP 22 is not SSH, in use: none"),
            Group("icmp-ping", (icmp("8-25", WORLD),), "A type and a code are not ports, not in use: low"),
            Group("vpn-esp", (esp(WORLD),), "A protocol without ports is not SSH, in use: none"),
            Group(
                "near-miss",
                (tcp("23-25", WORLD), tcp(2222, WORLD)),
                "Not port 22, but Telnet all the same, not in use: medium",
            ),
            Group("vendor-access", (tcp(22, "prefix-list:vendor"),), "SSH from a prefix list: none"),
            Group(
                "office-only",
                (tcp(22, "10.0.0.0/8"), tcp(22, "192.168.0.0/16")),
                "SSH from private ranges, on a stopped instance: none",
            ),
        ),
        prefix_lists={"vendor": ("198.51.100.0/24",)},
        instances=(
            Instance("jump-1", ("ipv6-jump",)),
            Instance("mosh-1", ("mosh-udp",)),
            Instance("", ("vendor-access",)),
            Instance("build-agent-1", ("office-only",), stopped=True),
        ),
        interfaces=(Interface("IPsec gateway", ("vpn-esp",)),),
    ),
    ("dev", "ap-southeast-2"): Cell(
        groups=(
            Group("default", (), "Its rule taken away, as benchmarks ask: not even SSH from itself: low"),
        ),
    ),
    ("staging", "us-east-1"): Cell(
        groups=(
            Group("wide-range", (tcp("20-25", WORLD),), "A range that includes port 22, in use: critical"),
            Group("asg-template", (), "Only a launch configuration names it, so not unused: low"),
            Group(
                "metrics-agent",
                (tcp(9100, "group:production/metrics-scraper"),),
                "Names a group of another account, across a peering connection: none",
            ),
        ),
        instances=(Instance("ftp-1", ("wide-range",), role="deploy"), Instance("app-1", ("metrics-agent",))),
        interfaces=(Interface("A task in the shared VPC", ("production/shared-services",)),),
        launch_configurations=("asg-template",),
    ),
    ("staging", "eu-west-1"): Cell(
        groups=(
            Group(
                "default",
                (all_traffic("group:default"), tcp(22, WORLD)),
                "On an instance and open to the world: critical, which comes before high",
            ),
            Group("allow-all", (all_traffic(WORLD),), "All traffic, on a stopped instance: critical"),
            Group("any-tcp", (tcp("0-65535", WORLD_V6),), "Every TCP port, not in use: medium"),
        ),
        instances=(
            Instance("trial-1", ("default",)),
            Instance("old-ci", ("allow-all",), stopped=True, role="old-ci"),
        ),
    ),
    ("staging", "ap-southeast-2"): NETWORK,
    ("production", "us-east-1"): Cell(
        groups=(
            Group(
                "shared-services",
                (tcp(22, WORLD),),
                "In use in another account alone, by a shared VPC: critical",
            ),
            Group("ledger-db", (tcp(5432, "group:shared-services"),), "No SSH, in use: none"),
            Group("metrics-scraper", (), "Only a rule across a peering connection names it: low"),
            Group("batch-fleet", (tcp(22, "10.0.0.0/8"),), "On two hundred interfaces: none"),
            Group("web-alb", (tcp(443, WORLD), tcp(443, WORLD_V6)), "On a load balancer: none"),
            Group("ops-bastion", (tcp(22, "203.0.113.0/24"),), "SSH from one office's addresses: none"),
        ),
        instances=(
            Instance("ledger-db-1", ("ledger-db",)),
            Instance("ops-bastion-1", ("ops-bastion",)),
        ),
        interfaces=(
            Interface("ELB app/web-alb/50dc6c495c0c9188", ("web-alb",)),
            Interface("arn:aws:ecs:us-east-1:333333333333:attachment/batch", ("batch-fleet",), count=200),
        ),
    ),
    ("production", "eu-west-1"): Cell(
        groups=(
            Group("default", (all_traffic("group:default"),), "On an interface but on no instance: none"),
            Group("https://wiki/ssh", (tcp(22, WORLD),), "A name that looks like a link: medium"),
        ),
        interfaces=(Interface("ELB net/edge/8e1c0b7d2f9a4c35", ("default",)),),
    ),
    ("production", "ap-southeast-2"): Cell(
        groups=(
            Group("break-glass", (tcp(22, WORLD), all_traffic(WORLD_V6)), "Open by two rules: critical"),
        ),
        instances=(Instance("break-glass-1", ("break-glass",), role="break-glass-data"),),
    ),
}

# Cells whose VPCs are joined. AWS would refuse, as default VPCs all have the same addresses; moto does not.
PEERINGS = ((("staging", "us-east-1"), ("production", "us-east-1")),)


def accounts_file() -> str:
    """The estate's accounts as the text of an accounts file for c7n-org (YAML)."""
    lines = ["accounts:"]
    for account in ACCOUNTS:
        lines += [
            f"- name: {account.name}",
            f"  account_id: '{account.account_id}'",
            f"  role: {account.role}",
            f"  regions: [{', '.join(REGIONS)}]",
            f"  tags: ['env:{account.name}']",
            "  vars:",
            f"    team: {account.team}",
        ]
    return "\n".join(lines) + "\n"


def fill(endpoint: str) -> None:
    """Build the estate in the AWS at `endpoint`, which must be an empty sandbox.

    A process of its own does it, since boto3 reads the user's AWS configuration in any process that lets it.
    Raises SandboxError, with what that process said, when something is refused.
    """
    with tempfile.TemporaryDirectory() as home:
        builder = subprocess.run(  # noqa: S603 - nothing in it comes from outside
            [sys.executable, "-P", "-m", "reporter.sandbox.builder", endpoint],
            env=environment(endpoint, Path(home)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    if builder.returncode:
        raise SandboxError(f"the sandbox could not be filled: {builder.stderr.strip()}")
