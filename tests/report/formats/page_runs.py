"""Two runs written by hand, and the page that `sg-audit report -f html` makes of the newer one.

alpha is read whole: `bastion` is open and reached, HOSTILE open and out of reach, `idle` open and on nothing, FORMULA
lets SSH in from inside. Nothing of beta is read; of gamma, the interfaces are not. A week before, alpha had no FORMULA
and had `old`, which was open.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from reporter.cli import cli
from tests.inventory.test_internet import NETWORK, network
from tests.rundir import (
    ACCOUNT_IDS,
    DENIED,
    POLICIES,
    WORLD,
    Resource,
    group,
    instance,
    interface,
    matched,
    unit,
    write,
)

HOSTILE = "<img src=x onerror=\"document.title='taken'\">&lt;b&gt;"
HOSTILE_TAG = "</script><script>document.title='taken'</script>"
#: A name that would read backwards from its middle on, and how it is shown.
TURNED, TURNED_SHOWN = "od\u202ed", "od\ufffdd"
#: A tab, and separators that begin a cell of their own where they are the spreadsheet's.
FORMULA = '\t=1;"=2|＝3'

#: Further addresses of an interface: a private one with an Elastic IP, and one of IPv6.
SECONDARY = {
    "PrivateIpAddresses": [
        {"PrivateIpAddress": "10.0.0.3"},
        {"PrivateIpAddress": "10.0.0.33", "Association": {"PublicIp": "198.51.100.33"}},
    ],
    "Ipv6Addresses": [{"Ipv6Address": "2600:1f18::33"}],
}

BASTION, OPEN, IDLE, INSIDE, MAYBE = (f"sg-0000000000000000{each}" for each in "abcde")
#: Of no form that AWS gives.
ODD = 'sg-x"onclick="1'


def ssh(group_id: str, name: str, *sources: str, owner: str = "alpha", **more: object) -> Resource:
    made = group(group_id, name, owner) | more
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    made["IpPermissions"] = [rule | {"IpRanges": [{"CidrIp": each} for each in sources]}]
    return made


def on(interface_id: str, group: Resource, private: str, public: str = "") -> Resource:
    made = interface(interface_id, group) | {"PrivateIpAddress": private, "SubnetId": "subnet-1"}
    of_it = {"Association": {"PublicIp": public}} if public else {}
    return made | {"PrivateIpAddresses": [{"PrivateIpAddress": private, **of_it}], **of_it}


def write_runs(folder: Path) -> Path:
    """The folder of the two runs."""
    bastion = ssh(BASTION, "bastion", WORLD, "10.0.0.0/8", Tags=[{"Key": "team", "Value": "web"}])
    bastion["IpPermissionsEgress"] = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": WORLD}]}]
    hostile = ssh(OPEN, HOSTILE, WORLD, Tags=[{"Key": HOSTILE_TAG, "Value": "1"}], Description=HOSTILE)
    idle, old = ssh(IDLE, "idle", WORLD), ssh("sg-0000000000000000f", "old", WORLD)
    inside, odd = ssh(INSIDE, FORMULA, "10.0.0.0/8"), ssh(ODD, TURNED, WORLD)
    maybe = ssh(MAYBE, "maybe", WORLD, owner="gamma")
    around = {name.replace("-", "_"): network()[name] for name in ("subnets", "route-tables", "network-acls")}
    interfaces = [
        on("eni-1", bastion, "10.0.0.1", "203.0.113.7") | {"Attachment": {"InstanceId": "i-1"}},
        on("eni-2", hostile, "10.0.0.2"),
        on("eni-3", inside, "10.0.0.3") | SECONDARY,
    ]
    instances = [instance("i-1", bastion, name="jump")]
    policies = [*POLICIES, *NETWORK]
    for day, groups in (
        (18, [bastion, hostile, idle, old, odd]),
        (25, [bastion, hostile, idle, inside, odd]),
    ):
        # The policy on the world leaves out what is from inside, as Custodian does.
        world = [
            each | {"MatchedIpPermissions": _from_the_world(each)} for each in groups if each is not inside
        ]
        alpha = unit(
            groups,
            interfaces,
            instances,
            unused=[each for each in groups if each in (idle, old, odd)],
            sg_ssh_world=world,
            **around,
        )
        write(
            folder / f"202611{day}T210355Z",
            {
                ("alpha", "us-east-1"): alpha,
                ("beta", "eu-west-1"): dict.fromkeys(alpha, DENIED),
                ("gamma", "us-east-1"): unit([maybe], DENIED, DENIED, DENIED),
            },
            policies,
            f"2026-11-{day}T21:03:55+00:00",
        )
    return folder


def _from_the_world(group: Resource) -> list[Resource]:
    [rule] = group["IpPermissions"]
    return [rule | {"IpRanges": [{"CidrIp": WORLD}]}]


def page(folder: Path, *words: str) -> Path:
    """The page of those runs."""
    runs = write_runs(folder / "runs")
    accounts = [
        {
            "name": name,
            "account_id": number,
            "role": f"arn:aws:iam::{number}:role/audit",
            "tags": ["team:core"],
        }
        for name, number in ACCOUNT_IDS.items()
    ]
    waiver = {
        "policy": "sg-ssh-world",
        "group": IDLE,
        "reason": "kept",
        "owner": "jane",
        "expires": "2099-01-01",
    }
    _yaml(folder / "accounts.yml", {"accounts": accounts})
    _yaml(folder / "waivers.yml", {"waivers": [waiver]})
    return report(runs, folder, "-c", str(folder / "accounts.yml"), *words)


#: Open by two ranges together; closed between the policy and the list of all groups; and open where no policy on the
#: world was read.
HALVES, CLOSED, UNTOLD = (f"sg-0000000000000000{each}" for each in (1, 2, 3))


def odd_rules(folder: Path) -> Path:
    """The page of a run of groups whose rules are not simply those that matched."""
    halves = ssh(HALVES, "halves", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/8")
    before, closed = ssh(CLOSED, "closed", WORLD), ssh(CLOSED, "closed", "192.0.2.0/24")
    found = unit([halves, closed], sg_ssh_open=[], sg_ssh_world=[matched(before)])
    untold = unit([ssh(UNTOLD, "untold", WORLD, "10.0.0.0/8")], sg_ssh_world=DENIED)
    units = {("alpha", "us-east-1"): found, ("alpha", "eu-west-1"): untold}
    return report(write(folder / "run", units), folder)


#: Accounts, each with a tag of its group.
ODD_NAMES = (
    ("dev,ops", "__proto__"),
    ("__proto__", "constructor"),
    ("a&b=c#d%e+f", "<!--<script>"),
    ("<img src=x onerror=alert(1)>", "</script>"),
    ("\u202eved", "\u2028"),
    ("d" * 200, "javascript:alert(1)"),
)


def odd_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page of accounts and tags of such names."""
    units = {}
    for number, (account, tag) in enumerate(ODD_NAMES):
        monkeypatch.setitem(ACCOUNT_IDS, account, f"{number + 1:012d}")
        made = ssh(f"sg-{number:017x}", "nul\0", WORLD, owner=account, Tags=[{"Key": tag, "Value": "1"}])
        units[account, "us-east-1"] = unit([made])
    return report(write(folder / "run", units), folder)


def report(runs: Path, folder: Path, *words: str) -> Path:
    args = ["report", "-s", str(runs), "-o", str(folder / "reports"), "-f", "html", *words]
    done = CliRunner().invoke(cli, args, standalone_mode=False)
    assert done.exception is None, (done.output, done.exception)
    return Path(done.stdout.splitlines()[-1])


def _yaml(path: Path, content: dict[str, Sequence[object]]) -> None:
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
