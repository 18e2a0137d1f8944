"""Two runs written by hand, a week apart, and what `sg-audit report -f asff -f ocsf` makes of the newer one.

alpha is read whole: WEB is open, in use and there since the first run, IDLE is new, on nothing and waived, SHUT was
closed and OLD deleted since. beta has a group in China. Of gamma, in GovCloud, the policy on the world was not read in
the newer run; what it found in the older one is MAYBE. Nothing of beta is read in us-east-1.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner

from reporter.cli import cli
from tests.rundir import DENIED, POLICIES, WORLD, Resource, group, interface, unit, write

WEB, CHINESE, MAYBE, IDLE, SHUT, OLD = (f"sg-0000000000000000{each}" for each in "abcdef")
EAST, CHINA, GOV = "us-east-1", "cn-north-1", "us-gov-west-1"
WORLD_POLICY = {
    "title": "SSH open to the world",
    "controls": ["SecurityHub.EC2.13", "CIS AWS Foundations Benchmark v5.0.0/5.3"],
}


def policies(**of_world: Any) -> list[Resource]:
    """The policies of a run; `of_world` are further keys of the one on the world."""
    return [
        each
        | {"description": "Port 22,\n  from anywhere.\n", "report": each["report"] | WORLD_POLICY}
        | of_world
        if each["name"] == "sg-ssh-world"
        else each
        for each in POLICIES
    ]


def write_runs(folder: Path) -> Path:
    """The folder of the two runs."""
    tags = [{"Key": "team=a", "Value": "web"}, {"Key": "empty", "Value": ""}, {"Key": "app", "Value": "x"}]
    web = group(WEB, "web", ssh_from=WORLD) | {"Tags": tags}
    web["IpPermissions"][0]["UserIdGroupPairs"] = [{"GroupId": SHUT, "UserId": "111111111111"}]
    web["IpPermissionsEgress"] = [{"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}]
    shut, old, idle = (
        group(SHUT, "shut", ssh_from=WORLD),
        group(OLD, "old", ssh_from=WORLD),
        group(IDLE, "idle"),
    )
    closed, idle = group(SHUT, "shut"), group(IDLE, "idle", ssh_from=WORLD)
    chinese = group(CHINESE, "chinese", "beta", ssh_from=WORLD)
    maybe = group(MAYBE, "maybe", "gamma", ssh_from=WORLD)
    on = [interface("eni-1", web)]
    denied = dict.fromkeys(unit(), DENIED)
    for day, groups, of_gamma in (
        (18, [web, shut, old], {}),
        (25, [web, closed, idle], {"sg_ssh_world": DENIED}),
    ):
        write(
            folder / f"202611{day}T210355Z",
            {
                ("alpha", EAST): unit(groups, on, unused=[each for each in groups if each is not web]),
                ("beta", CHINA): unit([chinese], unused=[chinese]),
                ("gamma", GOV): unit([maybe], unused=[maybe], **of_gamma),
                ("beta", EAST): denied,
            },
            policies(),
            f"2026-11-{day}T21:03:55+00:00",
        )
    return folder


def report(runs: Path, place: Path, *words: str) -> tuple[list[str], str]:
    """What the command prints, by line, and what it says."""
    done = CliRunner().invoke(
        cli, ["report", "-s", str(runs), "-o", str(place), "--stem", "sg", *words], standalone_mode=False
    )
    assert done.exception is None, (done.output, done.exception)
    return done.stdout.splitlines(), done.stderr


def waivers(folder: Path) -> Path:
    """A file that waives what is found of IDLE."""
    waiver = {
        "group": IDLE,
        "policy": "sg-ssh-world",
        "reason": "kept",
        "owner": "jane",
        "expires": "2099-01-01",
    }
    path = folder / "waivers.yml"
    path.write_text(yaml.safe_dump({"waivers": [waiver]}), encoding="utf-8")
    return path


def imports(place: Path) -> dict[str, list[dict[str, Any]]]:
    """The findings of each file of a report, by its path below the report's folder."""
    folder = place / "sg_asff"
    return {
        path.relative_to(folder).as_posix(): json.loads(path.read_text(encoding="ascii"))
        for path in sorted(folder.rglob("*.json"))
    }


def findings(place: Path) -> dict[str, dict[str, Any]]:
    """All findings by what follows `c7n-sg-audit/` in their ids."""
    found = [each for batch in imports(place).values() for each in batch]
    by_id = {each["Id"].removeprefix("c7n-sg-audit/"): each for each in found}
    assert len(by_id) == len(found)
    return by_id


def events(place: Path) -> dict[str, Mapping[str, Any]]:
    """All events by what follows `c7n-sg-audit/` in the uids of their findings."""
    lines = (place / "sg_ocsf.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    by_uid = {
        each["finding_info"]["uid"].removeprefix("c7n-sg-audit/"): each for each in map(json.loads, lines)
    }
    assert len(by_uid) == len(lines)
    return by_uid
