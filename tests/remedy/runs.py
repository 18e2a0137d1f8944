"""Runs of the real policies over groups written by hand: Custodian's own engine says what each policy catches."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from reporter.findings.waivers import Waiver
from reporter.output.reading import open_output
from reporter.remedy import planning
from reporter.remedy.options import Options, parse_keep, parse_to
from reporter.remedy.recorded import text_of
from reporter.remedy.steps import Access, DeleteGroup, MoveInterfaces, Plan, ReplaceRules, Step
from tests import rundir
from tests.policies.engine import load_policies, matching

Resource = dict[str, Any]

ACCOUNT, REGION = "alpha", "us-east-1"
ACCOUNT_ID = rundir.ACCOUNT_IDS[ACCOUNT]
VPC = "vpc-0aaaaaaaaaaaaaaaa"
WORLD, WORLD_V6 = "0.0.0.0/0", "::/0"
DAY = date(2026, 11, 26)


def sg(number: int) -> str:
    return f"sg-{number:017x}"


def eni(number: int) -> str:
    return f"eni-{number:017x}"


def instance_id(number: int) -> str:
    return f"i-{number:017x}"


def rule(text: str, description: str = "") -> Resource:
    """A permission for one peer, as AWS has it, from a text such as `tcp 20-25 from 10.0.0.0/8`."""
    words, peer = text.replace(" to ", " from ").split(" from ")
    protocol, _, ports = words.removeprefix("protocol ").partition(" ")
    if words == "all traffic":
        protocol, ports = "-1", ""
    name, key = (
        ("UserIdGroupPairs", "GroupId") if peer.startswith("sg-")
        else ("PrefixListIds", "PrefixListId") if peer.startswith("pl-")
        else ("Ipv6Ranges", "CidrIpv6") if ":" in peer
        else ("IpRanges", "CidrIp")
    )  # fmt: skip
    permission: Resource = {"IpProtocol": protocol}
    permission |= {each: [] for each in ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs", "PrefixListIds")}
    permission[name] = [{key: peer} | ({"Description": description} if description else {})]
    if ports:
        first, _, last = ports.partition("-")
        permission |= {"FromPort": int(first), "ToPort": int(last or first)}
    return permission


def group(
    *rules: str | Resource,
    number: int = 1,
    name: str = "web",
    egress: Sequence[str | Resource] = (),
    **more: Any,
) -> Resource:
    """A group with rules as texts or as permissions."""

    def read(each: str | Resource) -> Resource:
        return rule(each) if isinstance(each, str) else each

    return {
        "GroupId": sg(number),
        "GroupName": name,
        "Description": f"{name}'s description",
        "OwnerId": ACCOUNT_ID,
        "VpcId": VPC,
        "IpPermissions": [read(each) for each in rules],
        "IpPermissionsEgress": [read(each) for each in egress],
        "Tags": [],
    } | more


def interface(number: int, *groups: Resource, instance: int | None = None, **more: Any) -> Resource:
    found = rundir.interface(
        eni(number), *groups, instance="" if instance is None else instance_id(instance), vpc=VPC
    )
    return found | more


def instance(number: int, *groups: Resource, name: str = "", interfaces: Iterable[Resource] = ()) -> Resource:
    return rundir.instance(instance_id(number), *groups, name=name, interfaces=interfaces)


def policies(*more: Resource) -> list[Resource]:
    """The policies of this project as a run records them, and more."""
    found: list[Resource] = [
        {
            "name": name,
            "resource": f"aws.{policy.resource_type.removeprefix('aws.')}",
            "filtered": bool(policy.data.get("filters")),
            "filters": policy.data.get("filters") or [],
            "report": policy.data.get("metadata", {}).get("report", {}),
        }
        for name, policy in load_policies().items()
    ]
    return [*found, *more]


def cells(
    groups: Sequence[Resource],
    interfaces: Sequence[Resource] | str = (),
    instances: Sequence[Resource] | str = (),
    unused: Sequence[Resource] | str = (),
    prefix_lists: Mapping[str, Sequence[str]] | None = None,
    **more: list[Resource] | str,
) -> dict[str, list[Resource] | str]:
    """What each policy finds in an account and region; `more` has another answer, by the policy's name with `_`."""
    found: dict[str, list[Resource] | str] = {}
    for name, policy in load_policies().items():
        if policy.resource_type.endswith("security-group") and name != "sg-unused":
            found[name] = matching(name, groups)
        else:
            found[name] = []
    found |= {
        "eni-inventory": interfaces if isinstance(interfaces, str) else list(interfaces),
        "ec2-inventory": instances if isinstance(instances, str) else list(instances),
        "sg-unused": unused if isinstance(unused, str) else list(unused),
        "prefix-list-inventory": [
            {
                "PrefixListId": list_id,
                "PrefixListName": "list",
                "c7n:prefix-entries": [{"Cidr": each} for each in blocks],
            }
            for list_id, blocks in (prefix_lists or {}).items()
        ],
    }
    return found | {name.replace("_", "-"): answer for name, answer in more.items()}


def run(folder: Path, groups: Sequence[Resource], **more: Any) -> Path:
    """A finished run over one account and region."""
    return rundir.write(folder / "run", {(ACCOUNT, REGION): cells(groups, **more)}, policies())


def planned(
    folder: Path,
    keep: Sequence[str] = (),
    to: Sequence[str] = (),
    only: Sequence[str] = (),
    needless: bool = False,
    waivers: Sequence[Waiver] = (),
) -> Plan:
    """The plan for a run."""
    options = Options(tuple(only), None, parse_keep(list(keep)), parse_to(list(to)), needless)
    return planning.plan(open_output(folder), options, waivers, DAY, lambda *_: Access())


def steps(plan: Plan) -> list[Step]:
    return [step for account in plan.accounts for step in account.steps]


def told(step: Step) -> str:
    """A step in short: what it removes and allows, or what else it does, or why it does nothing."""
    match step.change:
        case ReplaceRules(_, remove, allow):
            signs = [f"-{text_of(each)}" for each in remove] + [f"+{text_of(each)}" for each in allow]
            return " ".join(sorted(signs))
        case DeleteGroup():
            return "delete"
        case MoveInterfaces():
            return f"move {' '.join(each.interface_id for each in step.change.interfaces)}"
    return f"with {step.with_policy}" if step.with_policy else step.status.value


def outline(plan: Plan) -> dict[tuple[str, str], str]:
    """The steps in short by group name and policy."""
    return {(step.group_name, step.policy): told(step) for step in steps(plan)}
