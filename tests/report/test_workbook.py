"""`sg-audit report` on the estate, read back cell by cell. The expected answers are written down by hand."""

import itertools
import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import boto3
import openpyxl
import pytest
from openpyxl.utils import get_column_letter, range_boundaries
from openpyxl.workbook.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from tests.sandbox import network_answers

SgAudit = Callable[..., Any]
Row = dict[str, Any]

ACCOUNT_IDS = {"dev": "111111111111", "staging": "222222222222", "production": "333333333333"}
REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")
LEVELS = ["critical", "high", "medium", "low", "none"]

FINDING_TABS = ["default_sg", "ssh_open", "ssh_world"]
SERVICE_TABS = ["rdp_world", "database_world", "admin_world", "all_traffic_world"]
GROUP_TABS = [*FINDING_TABS, *SERVICE_TABS, "security_groups"]
POLICY_TABS = ["sg-web-world", "sg-listed-world", "sg-other-world", "sg-default-rules", "sg-unused"]
FOUND_TABS = [*FINDING_TABS, *SERVICE_TABS, *POLICY_TABS]
DATA_TABS = [*FOUND_TABS, "security_groups", "attachments", "duplicates"]
# Nothing is waived, nothing was not read, and there is no earlier run: no tab for those.
TABS = ["overview", *DATA_TABS, "summary"]

#: At the end of each tab of findings; the last one is hidden.
AUDITORS = ["status", "owner", "due", "comment", "finding_key: status, owner, due, comment"]

THIRTEEN_COLUMNS = [
    "account_profile",
    "account_id",
    "region",
    "security_group_id",
    "group_name",
    "vpc_id",
    "is_default",
    "has_ssh_rule",
    "has_ssh_open_world",
    "in_use",
    "attached_eni_count",
    "attached_resources",
    "ssh_rules",
]
# What is looked for first stands on the screen beside them.
THEN = ["risk", "reachable", "first_seen", "since_last"]
FLAGS = ["is_default", "has_ssh_rule", "has_ssh_open_world", "in_use", "unused"]
SERVICE_FLAGS = [
    "has_rdp_open_world",
    "has_database_open_world",
    "has_admin_open_world",
    "has_all_traffic_open_world",
    "has_web_open_world",
    "has_listed_open_world",
]

# Every group of the estate, in the order of the security_groups tab. `sg:NAME` and `pl:NAME` stand for the
# ids of a group and a prefix list, `i` for that of an instance without a name. This is what the design says
# of reporter/sandbox/estate.py and network_estate.py, thought out by hand: never paste the program's own answers here.
EXPECTED = """
account    | region         | group name         | default | ssh | world | used | enis | unused | risk     | ssh rules                               | instances
dev        | us-east-1      | bastion            | no      | yes | yes   | yes  | 1    | no     | critical | 0.0.0.0/0 -> 22                         | bastion-1 (running)
production | ap-southeast-2 | break-glass        | no      | yes | yes   | yes  | 1    | no     | critical | 0.0.0.0/0 -> 22, ::/0 -> all            | break-glass-1 (running)
staging    | ap-southeast-2 | two-halves         | no      | yes | yes   | yes  | 1    | no     | critical | 0.0.0.0/1 -> 22, 128.0.0.0/1 -> 22      |
staging    | ap-southeast-2 | world-list         | no      | no  | no    | yes  | 1    | no     | critical |                                         |
staging    | eu-west-1      | default            | yes     | yes | yes   | yes  | 1    | no     | critical | 0.0.0.0/0 -> 22, sg:default -> all      | trial-1 (running)
staging    | us-east-1      | wide-range         | no      | yes | yes   | yes  | 1    | no     | critical | 0.0.0.0/0 -> 20-25                      | ftp-1 (running)
dev        | eu-west-1      | ipv6-jump          | no      | yes | yes   | yes  | 1    | no     | critical | ::/0 -> 22                              | jump-1 (running)
production | us-east-1      | shared-services    | no      | yes | yes   | yes  | 1    | no     | critical | 0.0.0.0/0 -> 22                         |
staging    | eu-west-1      | allow-all          | no      | yes | yes   | yes  | 1    | no     | critical | 0.0.0.0/0 -> all                        | old-ci (stopped)
dev        | us-east-1      | default            | yes     | yes | no    | yes  | 1    | no     | high     | sg:default -> all                       | scratch-1 (running)
dev        | eu-west-1      | dual-stack-ssh     | no      | yes | yes   | no   | 0    | yes    | medium   | 0.0.0.0/0 -> 22, ::/0 -> 22             |
dev        | eu-west-1      | near-miss          | no      | no  | no    | no   | 0    | yes    | medium   |                                         |
dev        | us-east-1      | =1+1               | no      | yes | yes   | no   | 0    | yes    | medium   | 0.0.0.0/0 -> 22                         |
dev        | us-east-1      | legacy-ssh         | no      | yes | yes   | no   | 0    | yes    | medium   | 0.0.0.0/0 -> 22                         |
production | eu-west-1      | https://wiki/ssh   | no      | yes | yes   | no   | 0    | yes    | medium   | 0.0.0.0/0 -> 22                         |
staging    | eu-west-1      | any-tcp            | no      | yes | yes   | no   | 0    | yes    | medium   | ::/0 -> 0-65535                         |
dev        | ap-southeast-2 | default            | yes     | no  | no    | no   | 0    | yes    | low      |                                         |
dev        | eu-west-1      | default            | yes     | yes | no    | no   | 0    | yes    | low      | sg:default -> all                       |
dev        | eu-west-1      | icmp-ping          | no      | no  | no    | no   | 0    | yes    | low      |                                         |
dev        | us-east-1      | +x                 | no      | no  | no    | no   | 0    | yes    | low      |                                         |
dev        | us-east-1      | db-clients         | no      | no  | no    | no   | 0    | no     | low      |                                         |
dev        | us-east-1      | marketing-site     | no      | no  | no    | no   | 0    | yes    | low      |                                         |
production | ap-southeast-2 | default            | yes     | yes | no    | no   | 0    | yes    | low      | sg:default -> all                       |
production | us-east-1      | default            | yes     | yes | no    | no   | 0    | yes    | low      | sg:default -> all                       |
production | us-east-1      | metrics-scraper    | no      | no  | no    | no   | 0    | no     | low      |                                         |
staging    | ap-southeast-2 | default            | yes     | yes | no    | no   | 0    | yes    | low      | sg:default -> all                       |
staging    | ap-southeast-2 | default            | yes     | yes | no    | no   | 0    | yes    | low      | sg:default -> all                       |
staging    | ap-southeast-2 | default            | yes     | yes | no    | no   | 0    | yes    | low      | sg:default -> all                       |
staging    | ap-southeast-2 | not-attached       | no      | no  | no    | no   | 0    | yes    | low      |                                         |
staging    | us-east-1      | asg-template       | no      | no  | no    | no   | 0    | no     | low      |                                         |
staging    | us-east-1      | default            | yes     | yes | no    | no   | 0    | yes    | low      | sg:default -> all                       |
dev        | eu-west-1      | mosh-udp           | no      | no  | no    | yes  | 1    | no     | none     |                                         | mosh-1 (running)
dev        | us-east-1      | web-public         | no      | yes | no    | yes  | 2    | no     | none     | 10.0.0.0/8 -> 22                        | web-1 (running), web-2 (running)
staging    | ap-southeast-2 | acl-late-deny      | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | acl-passes         | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | acl-tcp            | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | ipv6-only          | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | load-balancer      | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | long-list          | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | main-table         | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | ping               | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | public-web         | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | second-address     | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | two-interfaces     | no      | no  | no    | yes  | 2    | no     | none     |                                         |
staging    | ap-southeast-2 | inspected          | no      | no  | no    | yes  | 1    | no     | none     |                                         |
dev        | eu-west-1      | office-only        | no      | yes | no    | yes  | 1    | no     | none     | 10.0.0.0/8 -> 22, 192.168.0.0/16 -> 22  | build-agent-1 (stopped)
dev        | eu-west-1      | vendor-access      | no      | yes | no    | yes  | 1    | no     | none     | pl:vendor -> 22                         | i (running)
dev        | eu-west-1      | vpn-esp            | no      | no  | no    | yes  | 1    | no     | none     |                                         |
dev        | us-east-1      | @sum               | no      | yes | no    | yes  | 1    | no     | none     | 10.0.0.0/8 -> 22                        | =2+2 (running)
dev        | us-east-1      | app-internal       | no      | yes | no    | yes  | 1    | no     | none     | sg:bastion -> 22                        | web-2 (running)
dev        | us-east-1      | db-servers         | no      | no  | no    | yes  | 1    | no     | none     |                                         | db-1 (running)
dev        | us-east-1      | lambda-egress      | no      | no  | no    | yes  | 1    | no     | none     |                                         |
production | eu-west-1      | default            | yes     | yes | no    | yes  | 1    | no     | none     | sg:default -> all                       |
production | us-east-1      | batch-fleet        | no      | yes | no    | yes  | 200  | no     | none     | 10.0.0.0/8 -> 22                        |
production | us-east-1      | ledger-db          | no      | no  | no    | yes  | 1    | no     | none     |                                         | ledger-db-1 (running)
production | us-east-1      | ops-bastion        | no      | yes | no    | yes  | 1    | no     | none     | 203.0.113.0/24 -> 22                    | ops-bastion-1 (running)
production | us-east-1      | web-alb            | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | acl-askew          | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | acl-denies         | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | acl-no-answer      | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | acl-no-ipv6        | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | acl-two-halves     | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | acl-udp            | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | behind-nat         | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | content-network    | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | covered            | no      | yes | no    | yes  | 1    | no     | none     | 10.0.0.0/8 -> 20-25, 10.1.0.0/16 -> 22  |
staging    | ap-southeast-2 | egress-only        | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | forgotten          | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | front-blue         | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | front-green        | no      | no  | no    | yes  | 2    | no     | none     |                                         |
staging    | ap-southeast-2 | front-lab          | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | inspected-inside   | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | no-address         | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | sealed             | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | wide               | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | ap-southeast-2 | wrong-family       | no      | no  | no    | yes  | 1    | no     | none     |                                         |
staging    | us-east-1      | metrics-agent      | no      | no  | no    | yes  | 1    | no     | none     |                                         | app-1 (running)
"""  # noqa: E501

# The tabs of what is open to the world besides SSH, and their groups in the order of the table above. Thought out by
# hand from the rules in reporter/sandbox/estate.py: allow-all and break-glass let in all traffic, any-tcp every TCP
# port, wide-range 20-25, near-miss 23-25 and 2222. What network_estate.py opens in a single rule is one port, 84xx, or
# ping.
OPEN = """
tab               | flag                       | groups
rdp_world         | has_rdp_open_world         | break-glass, world-list, allow-all, any-tcp
database_world    | has_database_open_world    | break-glass, allow-all, any-tcp
admin_world       | has_admin_open_world       | break-glass, wide-range, allow-all, near-miss, any-tcp
all_traffic_world | has_all_traffic_open_world | break-glass, allow-all
sg-web-world      | has_web_open_world         | break-glass, allow-all, any-tcp, marketing-site, web-public, web-alb, front-blue, front-green, front-lab
sg-listed-world   | has_listed_open_world      | break-glass, wide-range, allow-all, near-miss, any-tcp
sg-other-world    |                            | wide-range, near-miss, any-tcp, icmp-ping, not-attached, mosh-udp, acl-late-deny, acl-passes, acl-tcp, ipv6-only, load-balancer, main-table, ping, public-web, second-address, two-interfaces, inspected, vpn-esp, acl-askew, acl-denies, acl-no-answer, acl-no-ipv6, acl-two-halves, acl-udp, behind-nat, egress-only, forgotten, inspected-inside, no-address, sealed, wrong-family
"""  # noqa: E501

# Counted by hand from the table of groups. `inspected`, of staging, is behind a firewall.
ACCOUNTS = """
account_profile | account_id   | critical | high | medium | low | none | critical_reachable | none_reachable | none_reachable_possible | groups | cells_planned | cells_not_read
staging         | 222222222222 | 5        | 0    | 1      | 6   | 32   | 4                  | 11             | 1                       | 44     | 57            | 0
dev             | 111111111111 | 2        | 1    | 4      | 6   | 9    | 1                  | 2              | 0                       | 22     | 57            | 0
production      | 333333333333 | 2        | 0    | 1      | 3   | 5    | 1                  | 0              | 0                       | 11     | 57            | 0
"""  # noqa: E501
REGION_COUNTS = """
region         | critical | high | medium | low | none | critical_reachable | none_reachable | none_reachable_possible | groups | cells_planned | cells_not_read
ap-southeast-2 | 3        | 0    | 0      | 6   | 31   | 3                  | 11             | 1                       | 40     | 57            | 0
eu-west-1      | 3        | 0    | 4      | 2   | 5    | 1                  | 1              | 0                       | 14     | 57            | 0
us-east-1      | 3        | 1    | 2      | 7   | 10   | 2                  | 1              | 0                       | 23     | 57            | 0
"""  # noqa: E501
RUN = """
critical | high | medium | low | none | critical_reachable | none_reachable | none_reachable_possible | groups | cells_not_read
9        | 1    | 6      | 15  | 46   | 6                  | 13             | 1                       | 77     | 0
"""  # noqa: E501

# Some rows of the attachments tab, one of each kind: the group, then the interface and its instance.
ATTACHMENTS = """
account    | region    | group name      | interface description                                 | instance      | state   | interface account
dev        | us-east-1 | bastion         | Primary network interface                             | bastion-1     | running | dev
dev        | us-east-1 | web-public      | Primary network interface                             | web-2         | running | dev
dev        | us-east-1 | app-internal    | Primary network interface                             | web-2         | running | dev
dev        | us-east-1 | @sum            | Primary network interface                             | =2+2          | running | dev
dev        | us-east-1 | lambda-egress   | AWS Lambda VPC ENI-report-builder-7c2f                |               |         | dev
dev        | eu-west-1 | office-only     | Primary network interface                             | build-agent-1 | stopped | dev
dev        | eu-west-1 | vendor-access   | Primary network interface                             |               | running | dev
staging    | eu-west-1 | default         | Primary network interface                             | trial-1       | running | staging
production | us-east-1 | shared-services | A task in the shared VPC                              |               |         | staging
production | us-east-1 | web-alb         | ELB app/web-alb/50dc6c495c0c9188                      |               |         | production
production | us-east-1 | batch-fleet     | arn:aws:ecs:us-east-1:333333333333:attachment/batch   |               |         | production
production | eu-west-1 | default         | ELB net/edge/8e1c0b7d2f9a4c35                         |               |         | production
"""  # noqa: E501


def parsed(table: str) -> list[Row]:
    head, *lines = ([cell.strip() for cell in line.split("|")] for line in table.strip().splitlines())
    return [dict(zip(head, line, strict=True)) for line in lines]


# What is there, asked of AWS itself: only ids and addresses, which no one can write down in advance.


@dataclass
class Aws:
    """The sandbox's groups, interfaces and instances, each with the account and region it was found in."""

    groups: dict[str, Row] = field(default_factory=dict)
    interfaces: dict[str, Row] = field(default_factory=dict)
    instances: dict[str, Row] = field(default_factory=dict)
    prefix_lists: dict[str, str] = field(default_factory=dict)

    def group_id(self, account: str, region: str, name: str) -> str:
        (found,) = (
            group_id
            for group_id, group in self.groups.items()
            if (group["account"], group["region"], group["GroupName"]) == (account, region, name)
        )
        return found

    def interfaces_of(self, group_id: str) -> list[str]:
        return sorted(
            interface_id
            for interface_id, interface in self.interfaces.items()
            if group_id in (group["GroupId"] for group in interface["Groups"])
        )

    def instances_of(self, group_id: str) -> list[str]:
        return sorted(
            instance_id
            for instance_id, instance in self.instances.items()
            if group_id in (group["GroupId"] for group in instance["SecurityGroups"])
        )

    def with_names(self, text: str) -> str:
        """The text with ids replaced by names, as the tables of this file have them."""
        text = re.sub(r"sg-\w+", lambda found: "sg:" + self.groups[found[0]]["GroupName"], text)
        text = re.sub(r"pl-\w+", lambda found: "pl:" + self.prefix_lists[found[0]], text)
        return re.sub(r"\bi-[0-9a-f]+", "i", text)


@pytest.fixture(scope="module")
def aws(clean_env: dict[str, str]) -> Aws:
    found = Aws()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in clean_env.items():
            patch.setenv(name, value)
        sts = boto3.client("sts")
        for account, account_id in ACCOUNT_IDS.items():
            role = f"arn:aws:iam::{account_id}:role/sg-audit"
            granted = sts.assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
            for region in REGIONS:
                ec2 = boto3.client(
                    "ec2",
                    region_name=region,
                    aws_access_key_id=granted["AccessKeyId"],
                    aws_secret_access_key=granted["SecretAccessKey"],
                    aws_session_token=granted["SessionToken"],
                )
                place = {"account": account, "region": region}
                for group in ec2.describe_security_groups()["SecurityGroups"]:
                    found.groups[group["GroupId"]] = place | group
                for interface in ec2.describe_network_interfaces()["NetworkInterfaces"]:
                    found.interfaces[interface["NetworkInterfaceId"]] = place | interface
                for reservation in ec2.describe_instances()["Reservations"]:
                    for instance in reservation["Instances"]:
                        found.instances[instance["InstanceId"]] = place | instance
                for prefix_list in ec2.describe_managed_prefix_lists()["PrefixLists"]:
                    found.prefix_lists[prefix_list["PrefixListId"]] = prefix_list["PrefixListName"]
    return found


# The workbook.


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("report") / "not there" / "yet"


@pytest.fixture(scope="module")
def done(sg_audit: SgAudit, estate_run: Path, reports: Path) -> Any:
    return sg_audit("report", "-s", estate_run, "-o", reports)


@pytest.fixture(scope="module")
def path(done: Any) -> Path:
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.rstrip("\n"))


@pytest.fixture(scope="module")
def book(path: Path) -> Workbook:
    """The workbook with what its formulas come to, as it keeps that."""
    return openpyxl.load_workbook(path, data_only=True)


@pytest.fixture(scope="module")
def formulas(path: Path) -> Workbook:
    """The workbook with its formulas."""
    return openpyxl.load_workbook(path)


def header(sheet: Worksheet) -> list[str]:
    return [str(cell.value) for cell in sheet[1]]


def rows(sheet: Worksheet) -> list[Row]:
    """The rows below the header; an empty cell is an empty text."""
    names = header(sheet)
    return [
        {name: "" if value is None else value for name, value in zip(names, values, strict=True)}
        for values in sheet.iter_rows(min_row=2, values_only=True)
    ]


def without_auditors(found: list[Row]) -> list[Row]:
    """The rows without the auditors' columns, which end them and are empty."""
    assert all("".join(map(str, list(row.values())[-5:-1])) == "" for row in found)
    return [{name: value for name, value in row.items() if name not in AUDITORS} for row in found]


def tables(sheet: Worksheet) -> list[list[Row]]:
    """The rows of each table of a sheet, from the top down."""
    found = []
    for table in sorted(sheet.tables.values(), key=lambda table: range_boundaries(table.ref)[1]):
        head, *below = ([cell.value for cell in row] for row in sheet[table.ref])
        found.append([dict(zip(head, row, strict=True)) for row in below])
    return found


def cells(book: Workbook) -> Iterator[Any]:
    for sheet in book:
        for row in sheet.iter_rows():
            yield from row


def key(row: Row) -> tuple[str, str, str]:
    return row["account_profile"], row["region"], row["group_name"]


def the_row(among: list[Row], account: str, region: str, name: str) -> Row:
    (row,) = (row for row in among if key(row) == (account, region, name))
    return row


# The file.


def test_stdout_is_the_path_and_nothing_else(done: Any, path: Path, reports: Path) -> None:
    assert done.returncode == 0
    assert done.stdout == f"{path}\n"
    assert path.parent == reports
    assert re.fullmatch(r"security_groups_inventory_\d{8}T\d{6}\.xlsx", path.name)


def test_nothing_else_is_left_in_the_folder(path: Path) -> None:
    assert list(path.parent.iterdir()) == [path]


def test_only_its_owner_can_read_it(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_every_part_of_the_file_is_well_formed(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        for part in archive.namelist():
            ElementTree.fromstring(archive.read(part))


def test_a_folder_that_cannot_be_written_is_told_in_one_line(
    sg_audit: SgAudit, estate_run: Path, tmp_path: Path
) -> None:
    file = tmp_path / "reports"
    file.write_text("a file, not a folder")
    done = sg_audit("report", "-s", estate_run, "-o", file)
    assert (done.returncode, done.stdout) == (2, "")
    assert str(file) in done.stderr
    assert "Traceback" not in done.stderr
    assert file.read_text() == "a file, not a folder"


# The tabs, and what they have in common.


def test_the_tabs_stand_in_order(book: Workbook) -> None:
    assert book.sheetnames == TABS


@pytest.mark.parametrize("tab", GROUP_TABS)
def test_thirteen_columns_come_first_then_risk(book: Workbook, tab: str) -> None:
    columns = header(book[tab])
    assert columns[:17] == [*THIRTEEN_COLUMNS, *THEN]
    assert {"unused", "tags", "instances"} <= set(columns[14:])
    assert len(columns) == len(set(columns))


@pytest.mark.parametrize("tab", DATA_TABS)
def test_every_tab_is_a_real_table(book: Workbook, tab: str) -> None:
    sheet = book[tab]
    (table,) = sheet.tables.values()
    first_column, first_row, last_column, last_row = range_boundaries(table.ref)
    assert (first_column, first_row) == (1, 1)
    assert (last_column, last_row) == (sheet.max_column, max(sheet.max_row, 2))
    assert [column.name for column in table.tableColumns] == header(sheet)
    assert table.autoFilter.ref == table.ref
    # The account to the name of the group stay where they are.
    assert sheet.freeze_panes == ("A2" if tab == "duplicates" else "F2")


def test_tables_have_names_of_their_own(book: Workbook) -> None:
    names = [table.name.lower() for sheet in book for table in sheet.tables.values()]
    assert len(set(names)) == len(names) == len(DATA_TABS) + 3  # three on the summary


def widths_of(sheet: Worksheet) -> dict[int, float]:
    """The width of each column, in characters."""
    return {
        number: dimension.width
        for dimension in sheet.column_dimensions.values()
        for number in range(dimension.min, dimension.max + 1)  # neighbours of one width share an entry
    }


@pytest.mark.parametrize("tab", FOUND_TABS)
def test_what_matters_of_a_finding_is_on_a_laptop_screen(book: Workbook, tab: str) -> None:
    # Excel shows so many pixels of a row at 1366 × 768, beside the rows' numbers and the scroll bar; a character in
    # Calibri of 10 points takes up 6 of them.
    room = 1366 - 30 - 20
    sheet = book[tab]
    names, widths = header(sheet), widths_of(sheet)
    assert sheet.sheet_view.zoomScale in (None, 100)
    last = names.index("matched_rules" if "matched_rules" in names else "since_last") + 1
    assert {"risk", "reachable", "first_seen"} <= set(names[:last])
    assert sum(round(widths[number] * 6) for number in range(1, last + 1)) <= room
    assert not any(each.hidden for each in sheet.column_dimensions.values() if each.min <= last)
    assert widths[names.index("vpc_id") + 1] >= len("vpc-0123456789abcdef0")


@pytest.mark.parametrize("tab", ["attachments", "duplicates"])
def test_columns_are_as_wide_as_their_text(book: Workbook, tab: str) -> None:
    sheet = book[tab]
    widths = widths_of(sheet)
    for number, name in enumerate(header(sheet), 1):
        width = widths[number]
        longest = max(len(str(cell.value or "")) for cell in sheet[get_column_letter(number)])
        room_for_filter_button = 2
        assert width >= len(name) + room_for_filter_button
        assert width >= min(longest, 50)
        assert width <= min(max(longest, len(name)) + 12, 80)


@pytest.mark.parametrize("tab", GROUP_TABS)
def test_risk_is_coloured(book: Workbook, tab: str) -> None:
    sheet = book[tab]
    risk = get_column_letter(header(sheet).index("risk") + 1)
    (formatting,) = sheet.conditional_formatting
    assert str(formatting.sqref) == f"{risk}2:{risk}{sheet.max_row}"
    colours = {rule.formula[0].strip('"'): rule.dxf.fill.bgColor.rgb for rule in formatting.rules}
    assert set(colours) == set(LEVELS)
    assert len(set(colours.values())) == len(LEVELS)


@pytest.mark.parametrize("tab", GROUP_TABS)
def test_the_first_cell_of_a_row_has_the_colour_of_its_risk(book: Workbook, tab: str) -> None:
    sheet = book[tab]
    colours = {
        row["risk"]: sheet.cell(number, 1).fill.fgColor.rgb for number, row in enumerate(rows(sheet), 2)
    }
    assert [colours.get(level, "") for level in ("low", "none")] in (
        ["00000000"] * 2,
        ["00000000", ""],
        [""] * 2,
    )
    marked = {level: colour for level, colour in colours.items() if level in LEVELS[:3]}
    assert set(marked.items()) <= {("critical", "FFC00000"), ("high", "FFF4B183"), ("medium", "FFFFE699")}


def test_texts_that_do_not_fit_are_clipped_and_others_are_not(book: Workbook) -> None:
    sheet = book["ssh_world"]
    names, widths = header(sheet), widths_of(sheet)
    column = names.index("attached_resources") + 1
    for number, row in enumerate(rows(sheet), 2):
        clipped = sheet.cell(number, column).alignment.horizontal == "fill"
        assert clipped == (len(row["attached_resources"]) > widths[column])


def test_numbers_and_days_are_what_they_are(book: Workbook) -> None:
    sheet = book["ssh_world"]
    names = header(sheet)
    count, day = (sheet.cell(2, names.index(name) + 1) for name in ("attached_eni_count", "first_seen"))
    assert (count.number_format, count.alignment.horizontal) == ("#,##0", "right")
    assert (type(day.value), day.number_format) == (datetime, "yyyy-mm-dd")
    assert [sheet.cell(1, cell.column).alignment.horizontal for cell in (count, day)] == ["center", "right"]


# Links.

LINK = re.compile(r"""=HYPERLINK\("#'([\w .-]+)'!A(\d+)",("[\w .,-]+"|\d+)\)""")
CONSOLE = re.compile(
    r'=HYPERLINK\("https://console\.aws\.amazon\.com/ec2/home\?region=([a-z0-9-]+)'
    r'#SecurityGroup:groupId=(sg-[0-9a-f]{17})","(sg-[0-9a-f]{17})"\)'
)


def test_no_text_of_aws_is_a_formula_or_a_link(formulas: Workbook) -> None:
    for sheet in formulas:
        found = [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
        others = [
            cell.value for cell in found if not (LINK.fullmatch(cell.value) or CONSOLE.fullmatch(cell.value))
        ]
        assert others == []
        if sheet.title != "overview":
            heads = {str(sheet.cell(1, cell.column).value) for cell in found}
            assert heads <= {"attachment_rows", "aws_console"}
        links = [cell for row in sheet.iter_rows() for cell in row if cell.hyperlink]
        assert [cell.coordinate for cell in links] == ([] if sheet.title == "overview" else ["A1"])


@pytest.mark.parametrize("tab", [*DATA_TABS, "summary"])
def test_the_first_cell_leads_back(formulas: Workbook, tab: str) -> None:
    cell = formulas[tab]["A1"]
    assert (cell.hyperlink.location, cell.hyperlink.target) == ("overview!A1", None)
    assert cell.value == "account_profile"  # still a head


@pytest.mark.parametrize("tab", FOUND_TABS)
def test_a_finding_leads_to_the_console(formulas: Workbook, book: Workbook, tab: str) -> None:
    sheet, found = formulas[tab], rows(book[tab])
    column = header(sheet).index("aws_console") + 1
    assert header(sheet)[column:] == AUDITORS
    for number, row in enumerate(found, 2):
        match = CONSOLE.fullmatch(sheet.cell(number, column).value)
        assert match is not None
        assert match.groups() == (row["region"], row["security_group_id"], row["aws_console"])


@pytest.mark.parametrize("tab", [*FOUND_TABS, "security_groups"])
def test_a_group_leads_to_its_attachments(formulas: Workbook, book: Workbook, tab: str) -> None:
    attachments = rows(book["attachments"])
    sheet = formulas[tab]
    column = header(sheet).index("attachment_rows") + 1
    for number, row in enumerate(rows(book[tab]), 2):
        own = [
            place
            for place, attached in enumerate(attachments, 2)
            if (attached["account_id"], attached["security_group_id"])
            == (row["account_id"], row["security_group_id"])
        ]
        formula = sheet.cell(number, column).value
        if not own:
            assert formula is None
            continue
        assert own == list(range(own[0], own[-1] + 1))
        match = LINK.fullmatch(formula)
        assert match is not None
        assert match.groups()[:2] == ("attachments", str(own[0]))
        told = f"row {own[0]}" if len(own) == 1 else f"rows {own[0]}-{own[-1]}"
        assert (match[3], row["attachment_rows"]) == (f'"{told}"', told)


# Every group.


def test_every_group_as_written_down_by_hand(book: Workbook, aws: Aws) -> None:
    def as_table(row: Row) -> Row:
        flags = {name: "yes" if row[name] is True else "no" if row[name] is False else "?" for name in FLAGS}
        return {
            "account": row["account_profile"],
            "region": row["region"],
            "group name": row["group_name"],
            "default": flags["is_default"],
            "ssh": flags["has_ssh_rule"],
            "world": flags["has_ssh_open_world"],
            "used": flags["in_use"],
            "enis": str(row["attached_eni_count"]),
            "unused": flags["unused"],
            "risk": row["risk"],
            "ssh rules": aws.with_names(row["ssh_rules"]),
            # They stand in the order of ids that no one knows in advance.
            "instances": ", ".join(sorted(aws.with_names(row["instances"]).split(", "))),
        }

    assert [as_table(row) for row in rows(book["security_groups"])] == parsed(EXPECTED)


def test_ids_and_texts_are_those_of_aws(book: Workbook, aws: Aws) -> None:
    for row in rows(book["security_groups"]):
        group = aws.groups[row["security_group_id"]]
        assert key(row) == (group["account"], group["region"], group["GroupName"])
        assert row["account_id"] == ACCOUNT_IDS[row["account_profile"]] == group["OwnerId"]
        assert row["vpc_id"] == group["VpcId"]
        assert row["description"] == group["Description"]
        assert row["tags"] == ", ".join(
            sorted(f"{tag['Key']}={tag['Value']}" for tag in group.get("Tags", []))
        )
        together = {"two-halves": "tcp 22", "world-list": "tcp 3389", "long-list": "tcp 8424"}
        ports = together.get(row["group_name"])
        note = f"open to the world by several ranges or a prefix list: {ports}" if ports else ""
        assert row["risk_note"] == note


def test_attached_resources_are_interfaces_then_instances(book: Workbook, aws: Aws) -> None:
    for row in rows(book["security_groups"]):
        group_id = row["security_group_id"]
        expected = [*aws.interfaces_of(group_id), *aws.instances_of(group_id)]
        assert row["attached_resources"] == ", ".join(expected)


def test_two_hundred_interfaces_fit_in_one_cell(book: Workbook) -> None:
    row = the_row(rows(book["security_groups"]), "production", "us-east-1", "batch-fleet")
    assert row["attached_eni_count"] == 200
    assert len(set(row["attached_resources"].split(", "))) == 200


def test_instances_are_told_in_the_order_of_their_ids(book: Workbook, aws: Aws) -> None:
    row = the_row(rows(book["security_groups"]), "dev", "us-east-1", "web-public")
    first, second = aws.instances_of(row["security_group_id"])
    names = [aws.instances[each]["Tags"][0]["Value"] for each in (first, second)]
    assert row["instances"] == f"{names[0]} (running), {names[1]} (running)"


@pytest.mark.parametrize("tab", GROUP_TABS)
def test_types(book: Workbook, tab: str) -> None:
    assert rows(book[tab])
    for row in rows(book[tab]):
        for name, value in row.items():
            if name in (*FLAGS, *SERVICE_FLAGS):
                expected: type = bool
            else:
                expected = {"attached_eni_count": int, "first_seen": datetime}.get(name, str)
            assert type(value) is expected or (name, value) == ("first_seen", ""), (name, value)


@pytest.mark.parametrize(
    ("tab", "flag", "count"),
    [
        ("default_sg", "is_default", 11),
        ("ssh_open", "has_ssh_rule", 30),
        ("ssh_world", "has_ssh_open_world", 13),
    ],
)
def test_a_finding_tab_has_its_groups_as_security_groups_has_them(
    book: Workbook, tab: str, flag: str, count: int
) -> None:
    found = without_auditors(rows(book[tab]))
    matched = [row.pop("matched_rules", None) for row in found]
    assert all(row.pop("next_step") for row in found)  # of the tab's policies
    assert [row.pop("aws_console") for row in found] == [row["security_group_id"] for row in found]
    groups = [row for row in rows(book["security_groups"]) if row[flag]]
    assert found == [{name: row[name] for name in row if name != "next_step"} for row in groups]
    assert len(found) == count
    assert all(matched) if tab != "default_sg" else not any(matched)


def test_a_finding_tab_shows_the_rules_that_made_the_policy_match(book: Workbook) -> None:
    rules = {row["group_name"]: row["matched_rules"] for row in rows(book["ssh_world"])}
    assert rules["break-glass"] == "all traffic from ::/0, tcp 22 from 0.0.0.0/0"
    assert rules["wide-range"] == "tcp 20-25 from 0.0.0.0/0"
    assert rules["ipv6-jump"] == "tcp 22 from ::/0"


def test_a_row_says_what_to_do_next(book: Workbook) -> None:
    told = {row["group_name"]: row["next_step"] for row in rows(book["ssh_world"])}
    groups = {row["group_name"]: row["next_step"] for row in rows(book["security_groups"])}
    remove = "Remove tcp 22 from 0.0.0.0/0, or let in narrower ranges in its place (`remedy --to`)"
    assert told["bastion"] == groups["bastion"] == remove
    assert told["break-glass"] == (
        "Remove tcp 22 from 0.0.0.0/0; choose what is to stay of all traffic from ::/0 (`remedy --keep`), "
        "and remove the rest"
    )
    assert told["wide-range"] == (
        "Choose what is to stay of tcp 20-25 from 0.0.0.0/0 (`remedy --keep`), and remove the rest"
    )
    # What nothing is wrong with, or what only informs, asks for nothing.
    assert groups["web-public"] == ""


def test_what_is_open_besides_ssh_as_written_down_by_hand(book: Workbook) -> None:
    groups = rows(book["security_groups"])
    for expected in parsed(OPEN):
        names = expected["groups"].split(", ")
        found = without_auditors(rows(book[expected["tab"]]))
        assert [row["group_name"] for row in found] == names, expected["tab"]
        assert all(row.pop("matched_rules") and row.pop("aws_console") for row in found)
        assert all(row.pop("next_step") for row in found)
        assert found == [
            {name: row[name] for name in row if name != "next_step"}
            for row in groups
            if row["group_name"] in names
        ]
        if expected["flag"]:
            assert [row["group_name"] for row in groups if row[expected["flag"]]] == names, expected["flag"]
    # The one default group that was given a rule.
    assert [key(row) for row in rows(book["sg-default-rules"])] == [("staging", "eu-west-1", "default")]


# What the internet reaches. The answers are in tests/sandbox/network_answers.py.

# What stands in `reachable_on`, or in `why` of the attachments, where a group is not reached.
WHY = {
    "nothing open": "the group opens nothing to the world",
    "interface": "",
    "address": r"no public IPv[46] address(; no public IPv6 address)?",
    "address, route": r"no public IPv4 address",
    "route": r"no route to an internet gateway \(rtb-\w+\)",
    "ACL": r"the network ACL lets none of it in and its answer out \(acl-\w+\)",
    "blocked": r"the VPC blocks public access \(vpc-\w+\)",
    "firewall": r"the route leads where it cannot be told what passes \(rtb-\w+\)",
}


def answers() -> Iterator[tuple[tuple[str, str, str], Row]]:
    for row in network_answers.rows(network_answers.NETWORK):
        yield ("staging", "ap-southeast-2", row["group"]), row
    for row in network_answers.rows(network_answers.OTHERS):
        yield (row["account"], row["region"], row["group"]), row


def test_what_is_open_and_reached_as_written_down_by_hand(book: Workbook) -> None:
    by_group = dict(answers())
    for row in rows(book["security_groups"]):
        expected = by_group[key(row)]
        assert (row["world_ports"], row["reachable"]) == (expected["world"], expected["reachable"]), key(row)
        on = row["reachable_on"]
        if expected["reachable"] == "yes":
            for family, pattern in (("IPv4", r"\d+\.\d+\.\d+\.\d+"), ("IPv6", r"2[0-9a-f:]+")):
                if expected["on"].startswith(family):
                    on = re.sub(f"{pattern} ->", f"{family} ->", on)
            # Those of two instances stand one after the other, each with all ports.
            assert set(on.split(", ")) == {
                f"{expected['on'].partition(' -> ')[0]} -> {port}"
                for port in expected["on"]
                .replace(expected["on"].partition(" -> ")[0] + " -> ", "")
                .split(", ")
            }, key(row)
        elif expected["reachable"] == "unknown":
            assert re.fullmatch(WHY[expected["on"]], on), key(row)
        else:
            assert on == "", key(row)


def test_attachments_say_why_a_group_is_not_reached(book: Workbook) -> None:
    by_group = dict(answers())
    for row in rows(book["attachments"]):
        expected = by_group[key(row)]
        if expected["reachable"] != "yes":
            assert row["reachable"] == expected["reachable"], key(row)
            assert re.fullmatch(WHY[expected["on"]], row["why"]), (key(row), row["why"])
    two = [row for row in rows(book["attachments"]) if row["group_name"] == "two-interfaces"]
    assert sorted((row["public_ips"], row["reachable"]) for row in two) == [
        ("203.0.113.28", "yes"),
        ("203.0.113.29", "no"),
    ]


def test_wide_sources_duplicates_and_covered_rules_by_hand(book: Workbook, aws: Aws) -> None:
    groups = rows(book["security_groups"])

    def filled(column: str) -> dict[str, str]:
        return {row["group_name"]: aws.with_names(row[column]) for row in groups if row[column]}

    assert filled("wide_sources") == network_answers.WIDE_SOURCES
    assert filled("covered_rules") == network_answers.COVERED_RULES
    alike = {
        name: set(others.replace("sg:", "").split(", ")) for name, others in filled("same_rules_as").items()
    }
    assert alike == {name: found - {name} for found in network_answers.SAME_RULES for name in found}
    sets = [
        {text.partition(" (")[2].removesuffix(")") for text in row["security_groups"].split(", ")}
        for row in rows(book["duplicates"])
    ]
    assert sorted(map(sorted, sets)) == sorted(map(sorted, network_answers.SAME_RULES))
    could_go = {
        name for row in rows(book["duplicates"]) for name in aws.with_names(row["could_go"]).split(", ")
    }
    assert could_go == {"sg:legacy-ssh", "sg:=1+1", ""}  # bastion and front-… are in use


def test_text_that_a_spreadsheet_would_take_for_more_comes_back_verbatim(book: Workbook) -> None:
    groups = rows(book["security_groups"])
    assert {"=1+1", "@sum", "+x", "https://wiki/ssh"} <= {row["group_name"] for row in groups}

    site = the_row(groups, "dev", "us-east-1", "marketing-site")
    assert site["description"] == "Grüße & <b>welcome</b> ☕ — text that is no markup, not in use: low"
    assert site["tags"] == (
        '<b>key</b>=, link==HYPERLINK("http://x"), note=<script>alert(1)</script>'  # sorted by key
    )
    assert the_row(groups, "dev", "us-east-1", "web-public")["tags"] == "Name=web, team=platform"


# Attachments.


def test_attachments_has_a_row_for_each_group_and_interface(book: Workbook, aws: Aws) -> None:
    pairs = [(row["security_group_id"], row["interface_id"]) for row in rows(book["attachments"])]
    assert sorted(pairs) == sorted(
        (group["GroupId"], interface_id)
        for interface_id, interface in aws.interfaces.items()
        for group in interface["Groups"]
    )
    # 8 and 5 in dev, 2 and 2 and 35 in staging, and in production 203 and 1 and 1 and the one of staging's.
    assert len(pairs) == 258


def test_attachments_by_hand(book: Workbook, aws: Aws) -> None:
    attachments = [
        {
            "account": row["account_profile"],
            "region": row["region"],
            "group name": row["group_name"],
            "interface description": row["interface_description"],
            "instance": row["instance_name"],
            "state": row["instance_state"],
            "interface account": row["interface_account"],
        }
        for row in rows(book["attachments"])
    ]
    for expected in parsed(ATTACHMENTS):
        assert attachments.count(expected) == (200 if expected["group name"] == "batch-fleet" else 1), (
            expected
        )


def test_every_cell_of_attachments(book: Workbook, aws: Aws) -> None:
    for row in rows(book["attachments"]):
        group = aws.groups[row["security_group_id"]]
        interface = aws.interfaces[row["interface_id"]]
        instance_id = interface.get("Attachment", {}).get("InstanceId", "")
        instance = aws.instances.get(instance_id, {})
        name_tags = [tag["Value"] for tag in instance.get("Tags", []) if tag["Key"] == "Name"]
        assert row == {
            "account_profile": group["account"],
            "account_id": ACCOUNT_IDS[group["account"]],
            "region": group["region"],
            "security_group_id": group["GroupId"],
            "group_name": group["GroupName"],
            "interface_id": interface["NetworkInterfaceId"],
            "interface_type": interface["InterfaceType"],
            "interface_description": interface["Description"],
            "private_ip": interface.get("PrivateIpAddress", ""),
            "public_ip": interface.get("Association", {}).get("PublicIp", ""),
            "instance_id": instance_id,
            "instance_name": "".join(name_tags),
            "instance_state": instance.get("State", {}).get("Name", ""),
            "interface_account": interface["account"],
            "subnet_id": interface["SubnetId"],
            "secondary_private_ips": ", ".join(
                address["PrivateIpAddress"]
                for address in interface.get("PrivateIpAddresses", [])
                if not address["Primary"]
            ),
            "public_ips": ", ".join(
                {
                    address["Association"]["PublicIp"]: None
                    for address in (interface, *interface.get("PrivateIpAddresses", []))
                    if "PublicIp" in address.get("Association", {})
                }
            ),
            "ipv6": ", ".join(address["Ipv6Address"] for address in interface.get("Ipv6Addresses", [])),
            "reachable": row["reachable"],  # see above
            "why": row["why"],
        }


def test_the_attachments_of_a_running_instance_show_its_public_address(book: Workbook, aws: Aws) -> None:
    (row,) = (row for row in rows(book["attachments"]) if row["group_name"] == "bastion")
    assert row["public_ip"] == aws.instances[row["instance_id"]]["PublicIpAddress"] != ""


# Summary.


def as_text(counts: list[Row]) -> list[Row]:
    return [{name: str(value) for name, value in row.items()} for row in counts]


def test_summary_as_counted_by_hand(book: Workbook) -> None:
    accounts, regions, runs = tables(book["summary"])
    assert all(type(row["critical"]) is int for row in (*accounts, *regions, *runs))
    assert as_text(accounts) == parsed(ACCOUNTS)
    assert as_text(regions) == parsed(REGION_COUNTS)
    (run,) = runs
    assert re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d", run.pop("run"))
    assert as_text([run]) == parsed(RUN)


def test_counts_stand_in_the_same_columns_and_nothing_beside_them(book: Workbook) -> None:
    sheet = book["summary"]
    refs = [range_boundaries(table.ref) for table in sheet.tables.values()]
    assert [left for left, *_ in refs] == [1, 2, 2]
    for (_, _, _, bottom), (_, top, _, _) in itertools.pairwise(refs):
        assert top - bottom == 3
    criticals = [cell.column for row in sheet.iter_rows() for cell in row if cell.value == "critical"]
    assert criticals == [3, 3, 3]


# Again.


def test_another_report_of_the_same_run_is_the_same_and_a_new_file(
    sg_audit: SgAudit, estate_run: Path, path: Path, book: Workbook
) -> None:
    before = path.read_bytes()
    # Twice, so that two of them fall into the same second.
    again = [sg_audit("report", "-s", estate_run, "-o", path.parent).stdout.strip() for _ in range(2)]
    assert len({path, *map(Path, again)}) == 3
    for other in (openpyxl.load_workbook(name, data_only=True) for name in again):
        assert other.sheetnames == book.sheetnames
        assert [(cell.coordinate, cell.data_type, cell.value) for cell in cells(other)] == [
            (cell.coordinate, cell.data_type, cell.value) for cell in cells(book)
        ]
    assert path.read_bytes() == before
    for name in again:
        Path(name).unlink()
