"""Scripts as they are, run by bash with the AWS CLI, against the sandbox."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from reporter.remedy.forms import shell
from reporter.remedy.steps import (
    Access,
    CarriedInterface,
    DeleteGroup,
    MoveInterfaces,
    ReplaceRules,
    Rule,
)
from tests.lab import Lab, Ran, unordered
from tests.lab import role as lab_role
from tests.remedy.scripts import REGION, Scripts, groups, plan, recorded, scripts, step
from tests.wire import Call, Wire

# What a shell, the AWS CLI or JSON may take for more than text.
HOSTILE = "'$(touch pwned)`touch pwned`\"; touch pwned #\\ é\n&& touch pwned"
CHANGES = ("Authorize", "Revoke", "Create", "Delete", "Modify", "Terminate", "Update")

Made = Callable[..., Scripts]


@pytest.fixture(scope="module")
def new_scripts(
    clean_env: dict[str, str], aws_cli: Path, wired: Wire, tmp_path_factory: pytest.TempPathFactory
) -> Made:
    """The scripts of a plan, in a folder of their own."""

    def make(made: Any) -> Scripts:
        env = clean_env | {"AWS_ENDPOINT_URL": wired.endpoint}
        found = scripts(tmp_path_factory.mktemp("remedy"), env, aws_cli)
        found.write(made)
        return found

    return make


@pytest.fixture
def wire_of(wired: Wire) -> Iterator[Wire]:
    wired.calls.clear()
    yield wired
    wired.answer = lambda call: None


def role(account_id: str) -> Access:
    return Access(roles=(f"arn:aws:iam::{account_id}:role/change",))


def vpc(aws: Any, **more: Any) -> str:
    return str(aws.create_vpc(CidrBlock="10.0.0.0/16", **more)["Vpc"]["VpcId"])


def new_group(aws: Any, vpc_id: str, name: str, *permissions: dict[str, Any], **more: Any) -> str:
    made = aws.create_security_group(GroupName=name, VpcId=vpc_id, **{"Description": name} | more)["GroupId"]
    if permissions:
        aws.authorize_security_group_ingress(GroupId=made, IpPermissions=permissions)
    return str(made)


def tcp(first: int, last: int, **peers: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": first, "ToPort": last, **peers}


def ranges(*cidrs: str, description: str = "") -> dict[str, Any]:
    return {"IpRanges": [{"CidrIp": cidr, "Description": description} for cidr in cidrs]}


def tagged(kind: str, **tags: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]


def peers(group: Any, port: int | None) -> dict[str, Rule]:
    return {rule.peer: rule for rule in group.rules if rule.from_port == port and not rule.egress}


def default_of(aws: Any, vpc_id: str) -> str:
    filters = [{"Name": "vpc-id", "Values": [vpc_id]}, {"Name": "group-name", "Values": ["default"]}]
    return str(aws.describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"])


@dataclass(frozen=True)
class Loop:
    """Runs of both scripts: what they said, the groups before and after each, and what was asked of AWS."""

    scripts: Scripts
    ids: Mapping[str, str]
    vpc: str
    said: Mapping[str, "subprocess.CompletedProcess[str]"]
    groups: Mapping[str, Mapping[str, Any]]
    actions: Mapping[str, tuple[str, ...]]  # those that change something
    asked: frozenset[str]
    audited: tuple[Path, ...]  # before, and once the script has run

    def name(self, name: str) -> str:
        return f"{self.vpc}/{name}"


@pytest.fixture(scope="module")
def loop(
    ec2: Callable[[str, str], Any],
    clean_env: dict[str, str],
    aws_cli: Path,
    lab: Lab,
    sg_audit: Callable[..., "subprocess.CompletedProcess[str]"],
    wired: Wire,
) -> Loop:
    account = "616161616161"
    aws = ec2(account, REGION)
    vpc_id = vpc(aws, AmazonProvidedIpv6CidrBlock=True)
    prefix_list = aws.create_managed_prefix_list(
        PrefixListName="offices", AddressFamily="IPv4", MaxEntries=1, Entries=[{"Cidr": "0.0.0.0/1"}]
    )["PrefixList"]["PrefixListId"]
    peer = new_group(aws, vpc_id, "peer")
    web = new_group(
        aws,
        vpc_id,
        f"web {HOSTILE}",
        tcp(22, 22, **ranges("10.0.0.0/8")),
        tcp(22, 22, UserIdGroupPairs=[{"GroupId": peer, "Description": "of the peer"}]),
        tcp(22, 22, Ipv6Ranges=[{"CidrIpv6": "::/0", "Description": "https://example.com/"}]),
        tcp(22, 22, PrefixListIds=[{"PrefixListId": prefix_list, "Description": "offices"}]),
        tcp(443, 443, **ranges("0.0.0.0/0")),
        tcp(0, 0, **ranges("10.0.0.1/32")),
        {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, **ranges("0.0.0.0/0")},
        {"IpProtocol": "icmp", "FromPort": 8, "ToPort": 0, **ranges("10.0.0.0/8")},
        {"IpProtocol": "50", **ranges("0.0.0.0/0")},
        Description="file:///etc/passwd",
    )
    aws.authorize_security_group_ingress(
        GroupId=web,
        IpPermissions=[tcp(22, 22, **ranges("0.0.0.0/0", description=f"file:///etc/passwd {HOSTILE}"))],
        TagSpecifications=tagged("security-group-rule", Owner=HOSTILE, **{"--dry-run": "file:///etc/passwd"}),
    )
    wide = new_group(aws, vpc_id, "--query", tcp(22, 22, **ranges("0.0.0.0/0", description="--help")))
    changed = new_group(aws, vpc_id, "changed", tcp(22, 22, **ranges("0.0.0.0/0", description="then")))

    unused = new_group(
        aws,
        vpc_id,
        "https://example.com/",
        Description=f"fileb:///etc/passwd {HOSTILE}",
        TagSpecifications=tagged("security-group", Name=HOSTILE, Empty=""),
    )
    aws.revoke_security_group_egress(
        GroupId=unused, IpPermissions=[{"IpProtocol": "-1", **ranges("0.0.0.0/0")}]
    )
    aws.authorize_security_group_egress(
        GroupId=unused,
        IpPermissions=[{"IpProtocol": "-1", **ranges("0.0.0.0/0", description="all")}],
        TagSpecifications=tagged("security-group-rule", Way="out"),
    )
    own = {"GroupId": unused, "Description": unused}
    aws.authorize_security_group_ingress(
        GroupId=unused,
        IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [own]}],
        TagSpecifications=tagged("security-group-rule", Way="in"),
    )
    listed = {"PrefixListIds": [{"PrefixListId": prefix_list, "Description": "offices"}]}
    aws.authorize_security_group_ingress(
        GroupId=unused,
        IpPermissions=[
            tcp(80, 80, **ranges("10.0.0.0/8", description=f'"{unused}",')),
            tcp(80, 80, **listed),
        ],
    )

    default = default_of(aws, vpc_id)
    aws.authorize_security_group_ingress(
        GroupId=default, IpPermissions=[tcp(8080, 8081, **ranges("10.0.0.0/8", description="proxy"))]
    )
    subnet = aws.create_subnet(VpcId=vpc_id, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    instance = aws.run_instances(
        ImageId="ami-0abcdef1234567890", MinCount=1, MaxCount=1, SubnetId=subnet, SecurityGroupIds=[default]
    )["Instances"][0]
    first = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
    second = aws.create_network_interface(SubnetId=subnet, Groups=[peer, default])["NetworkInterface"]
    aws.attach_network_interface(
        NetworkInterfaceId=second["NetworkInterfaceId"], InstanceId=instance["InstanceId"], DeviceIndex=1
    )
    aws.create_network_interface(SubnetId=subnet, Groups=[web, wide, changed])
    ids = {
        "web": web,
        "wide": wide,
        "changed": changed,
        "unused": unused,
        "default": default,
        "instance": instance["InstanceId"],
        "first": first,
        "second": second["NetworkInterfaceId"],
    }

    lab.accounts({"name": "prod", "account_id": account, "role": lab_role(account), "regions": [REGION]})
    audited = [lab.run().folder]
    planned = sg_audit(
        *("remedy", "-s", lab.output, "-c", lab.folder / "accounts.yml", "-o", lab.folder / "remedy"),
        *("--to", "198.51.100.0/24", "--role", "change"),
    )
    assert planned.returncode == 0, planned.stderr
    aws.update_security_group_rule_descriptions_ingress(
        GroupId=changed, IpPermissions=[tcp(22, 22, **ranges("0.0.0.0/0", description="now"))]
    )

    both = scripts(lab.folder / "remedy", clean_env | {"AWS_ENDPOINT_URL": wired.endpoint}, aws_cli)
    said, states, actions = {}, {"before": groups(aws)}, {}
    asked = set()
    for name, run in (
        ("dry", lambda: both.run("prod.sh", "--dry-run")),
        ("done", both.run),
        ("audited", lab.run),
        ("again", both.run),
        ("undone", both.undo),
    ):
        wired.calls.clear()
        ran = run()
        if isinstance(ran, Ran):
            audited.append(ran.folder)
            continue
        asked |= {f"{call.service}:{call.action}" for call in wired.calls}
        said[name], states[name] = ran, groups(aws)
        actions[name] = tuple(call.action for call in wired.calls if call.action.startswith(CHANGES))
    return Loop(both, ids, vpc_id, said, states, actions, frozenset(asked), tuple(audited))


def test_a_script_does_what_the_plan_says_and_nothing_else(loop: Loop) -> None:
    done = loop.said["done"]
    assert (done.returncode, done.stderr) == (1, "")  # one group has changed
    assert done.stdout.endswith(f"\nTo undo it: bash {loop.scripts.folder / 'undo-prod.sh'}\n")
    expected = json.loads(json.dumps(loop.groups["before"]))
    web = expected[loop.name(f"web {HOSTILE}")]["rules"]
    wide = [rule for rule in web if rule.startswith(("tcp 22-22 from 0.0.0.0/0 ", "tcp 22-22 from ::/0 "))]
    assert [("Owner" in rule, "https" in rule) for rule in wide] == [(True, False), (False, True)]
    # Both let in from the same narrower range, for which there is one rule.
    narrow = f"tcp 22-22 from 198.51.100.0/24 {'file:///etc/passwd ' + HOSTILE!r} {{}}"
    expected[loop.name(f"web {HOSTILE}")]["rules"] = sorted({*web, narrow} - {*wide})
    rules = expected[loop.name("--query")]["rules"]
    assert "tcp 22-22 from 0.0.0.0/0 '--help' {}" in rules
    expected[loop.name("--query")]["rules"] = [
        rule.replace("0.0.0.0/0 '--help'", "198.51.100.0/24 '--help'") for rule in rules
    ]
    del expected[loop.name("https://example.com/")]
    default = loop.ids["default"]
    made = next(name for name in loop.groups["done"] if "/moved-from-" in name)
    assert made.startswith(loop.name(f"moved-from-{default}-"))
    expected[made] = {
        "description": f"In place of the default group {default}",
        "tags": {},
        "rules": [
            f"-1 -1--1 from {made} '' {{}}",
            "-1 -1--1 to 0.0.0.0/0 '' {}",
            "-1 -1--1 to ::/0 '' {}",
            "tcp 8080-8081 from 10.0.0.0/8 'proxy' {}",
        ],
    }
    expected[loop.ids["instance"]] = expected[loop.ids["first"]] = [made]
    expected[loop.ids["second"]] = [made, loop.name("peer")]
    for name in (
        expected.keys() | loop.groups["done"].keys()
    ):  # one by one, else the difference is hard to see
        assert loop.groups["done"].get(name) == expected.get(name), name


def findings(folder: Path) -> dict[tuple[str, str], Any]:
    """The record of each group that a policy caught, by policy and id."""
    return {
        (path.parent.name, each["GroupId"]): {
            key: value for key, value in each.items() if not key.startswith("c7n:")
        }
        for path in folder.glob(f"prod/{REGION}/sg-*/resources.json")
        for each in json.loads(path.read_text())
        if "GroupId" in each
    }


def carried(folder: Path, group_id: str) -> set[str]:
    """The interfaces that carry a group."""
    found = json.loads((folder / "prod" / REGION / "eni-inventory" / "resources.json").read_text())
    return {
        each["NetworkInterfaceId"]
        for each in found
        if group_id in [group["GroupId"] for group in each["Groups"]]
    }


def test_exactly_the_findings_of_the_plan_are_gone(loop: Loop) -> None:
    before, after = map(findings, loop.audited)
    ids = loop.ids
    steps = json.loads((loop.scripts.folder / "plan.json").read_text())["steps"]
    assert {(step["policy"], step["resource_id"]) for step in steps if step["status"] == "planned"} == {
        ("sg-ssh-world", ids["web"]),
        ("sg-ssh-world", ids["wide"]),
        ("sg-ssh-world", ids["changed"]),  # which it was after the audit
        ("sg-default", ids["default"]),
        ("sg-unused", ids["unused"]),
    }
    assert before.keys() - after.keys() == {
        ("sg-ssh-world", ids["web"]),
        ("sg-ssh-world", ids["wide"]),
        # The default group is there still, and no instance's any more; what is deleted is in no list.
        *((policy, group_id) for policy, group_id in before if group_id == ids["unused"]),
    }
    assert ("sg-unused", ids["unused"]) in before
    new = after.keys() - before.keys()
    assert {policy for policy, group_id in new if group_id == ids["default"]} == {
        "sg-unused"
    }  # nothing carries it
    made = {group_id for _, group_id in new} - {ids["default"]}
    assert len(made) == 1
    assert carried(loop.audited[0], ids["default"]) == {ids["first"], ids["second"]}
    assert carried(loop.audited[1], made.pop()) == {ids["first"], ids["second"]}
    assert carried(loop.audited[1], ids["default"]) == set()
    for key in before.keys() & after.keys():
        if key[1] not in (ids["web"], ids["wide"], ids["changed"]):
            assert unordered(after[key]) == unordered(before[key]), key


def test_a_dry_run_asks_for_each_change_and_makes_none(loop: Loop) -> None:
    assert loop.groups["dry"] == loop.groups["before"]
    # Of rules two and three, a group that is made, two interfaces, a group that is deleted; and the sum.
    assert loop.said["dry"].stdout.count("could be") == 10
    assert {"RevokeSecurityGroupIngress", "DeleteSecurityGroup", "ModifyNetworkInterfaceAttribute"} < set(
        loop.actions["dry"]
    )


def test_a_narrower_rule_is_allowed_before_the_wide_one_goes(loop: Loop) -> None:
    of_rules = [action for action in loop.actions["done"] if action.startswith(("Authorize", "Revoke"))]
    first = of_rules.index("RevokeSecurityGroupIngress")
    assert of_rules[:first].count("AuthorizeSecurityGroupIngress") == 1


def test_a_second_run_changes_nothing(loop: Loop) -> None:
    assert loop.actions["again"] == ()
    assert "groups changed: 0, done before: 4, left alone or stopped: 1\n" in loop.said["again"].stdout
    assert loop.groups["again"] == loop.groups["done"]


def test_an_undo_puts_every_group_back_rule_by_rule(loop: Loop) -> None:
    undone = loop.said["undone"]
    assert (undone.returncode, undone.stderr) == (0, ""), undone.stdout
    assert loop.groups["undone"] == loop.groups["before"]
    assert f"What named {loop.ids['unused']} by its id" in undone.stdout


def test_a_group_that_changed_since_the_audit_is_left_alone(loop: Loop) -> None:
    assert (
        'LEFT ALONE: it has changed since the audit, this rule is not there any more: tcp 22 from 0.0.0.0/0 "then"\n'
        in loop.said["done"].stdout
    )
    assert "groups changed: 4, done before: 0, left alone or stopped: 1\n" in loop.said["done"].stdout


MODES = {
    **dict.fromkeys(("prod.sh", "undo-prod.sh"), 0o700),
    **dict.fromkeys(("prod.done", "plan.md", "plan.json", "files.sha256"), 0o600),
}


def test_what_names_and_descriptions_hold_is_never_run(loop: Loop) -> None:
    assert {path.name for path in loop.scripts.folder.iterdir()} == set(MODES)
    said = "".join(each.stdout + each.stderr for each in loop.said.values())
    assert "root:" not in said  # of /etc/passwd


def test_scripts_and_state_are_their_owners_alone(loop: Loop) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in loop.scripts.folder.iterdir()}
    assert modes == MODES
    assert loop.scripts.folder.stat().st_mode & 0o777 == 0o700


def test_credentials_of_a_role_are_nowhere_to_be_read(loop: Loop, wired: Wire) -> None:
    said = "".join(each.stdout + each.stderr for each in loop.said.values())
    kept = "".join(path.read_text() for path in loop.scripts.folder.iterdir())
    assert wired.handed_out
    for each in wired.handed_out:
        assert each.secret_key not in said + kept
        assert each.token not in said + kept


def test_all_that_the_scripts_ask_of_aws_stands_among_their_permissions(loop: Loop) -> None:
    needed = {action for actions in shell.PERMISSIONS.values() for action in actions}
    no_calls = {
        "ec2:CreateTags",
        "ec2:DescribeLaunchTemplateVersions",
    }  # part of others; there is no template
    assert loop.asked == (needed - no_calls) | {"sts:AssumeRole", "sts:GetCallerIdentity"}


def killed_at(count: int, scripts: Scripts, name: str, wire: Wire) -> bool:
    """Run a script and kill it as it makes a change: AWS makes that change, and nobody hears of it. False where it
    makes fewer changes than that."""
    seen = 0
    process: subprocess.Popen[bytes]

    def answer(call: Call) -> None:
        nonlocal seen
        if call.action.startswith(CHANGES):
            seen += 1
            if seen == count:
                os.killpg(process.pid, signal.SIGKILL)

    wire.answer = answer
    process = subprocess.Popen(
        ["bash", scripts.folder / name], env=scripts.env, stdout=subprocess.DEVNULL, start_new_session=True
    )
    code = process.wait(180)
    wire.answer = lambda call: None
    assert code in (0, -signal.SIGKILL)
    lock = scripts.folder / "prod.done.lock"
    assert lock.exists() == (code != 0)
    lock.unlink(missing_ok=True)  # as the script asks for
    return code != 0


@pytest.mark.parametrize(("kind", "moments"), [("replace", (1, 2)), ("delete", (1,)), ("move", (1, 5))])
def test_a_killed_script_goes_on_and_can_be_taken_back(
    ec2: Callable[[str, str], Any], new_scripts: Made, wire_of: Wire, kind: str, moments: tuple[int, ...]
) -> None:
    account = {"replace": "616161616162", "delete": "616161616163", "move": "616161616164"}[kind]
    aws = ec2(account, REGION)
    vpc_id = vpc(aws)
    subnet = aws.create_subnet(VpcId=vpc_id, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    new_group(aws, vpc_id, "web", tcp(22, 22, **ranges("0.0.0.0/0", description="ssh")))
    interface = aws.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    before = groups(aws)
    for moment in moments:
        [web] = [
            group for group in aws.describe_security_groups()["SecurityGroups"] if group["GroupName"] == "web"
        ]
        group = recorded(aws, web["GroupId"])
        default = recorded(aws, default_of(aws, vpc_id))
        carried = CarriedInterface(interface, (default.group_id,))
        change = {
            "replace": ReplaceRules(group, group.rules[:1], (replace(group.rules[0], peer="10.0.0.0/8"),)),
            "delete": DeleteGroup(group),
            "move": MoveInterfaces(default, "mine", "mine", (carried,)),
        }[kind]
        both = new_scripts(plan(step(change), access=role(account)))
        assert killed_at(moment, both, "prod.sh", wire_of)
        done = both.run()
        assert done.returncode == 0, done.stdout + done.stderr
        after = groups(aws)
        web_rules = after.get(f"{vpc_id}/web", {}).get("rules", [])
        assert [rule for rule in web_rules if " from " in rule] == {
            "replace": ["tcp 22-22 from 10.0.0.0/8 'ssh' {}"],
            "delete": [],
            "move": ["tcp 22-22 from 0.0.0.0/0 'ssh' {}"],
        }[kind]
        assert after[interface] == [f"{vpc_id}/{'mine' if kind == 'move' else 'default'}"]
        if kind == "replace":
            assert both.undo("--dry-run").stdout.count("could be") == 3  # two rules, and the sum
            assert groups(aws) == after
        assert killed_at(moment, both, "undo-prod.sh", wire_of) or moment > 2
        undone = both.undo()
        assert undone.returncode == 0, undone.stdout + undone.stderr
        assert groups(aws) == before
    wire_of.calls.clear()
    assert "with nothing to put back: 1," in both.undo().stdout
    assert not [call for call in wire_of.calls if call.action.startswith(CHANGES)]


@pytest.fixture
def lone(ec2: Callable[[str, str], Any]) -> tuple[Any, Any]:
    """An account with a group that nothing uses."""
    aws = ec2("616161616165", REGION)
    return aws, recorded(aws, new_group(aws, vpc(aws), "lone"))


def refused(action: str) -> Callable[[Call], tuple[int, str] | None]:
    error = "<Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error>"
    body = f"<Response><Errors>{error}</Errors></Response>"
    return lambda call: (403, body) if call.action == action else None


@pytest.mark.parametrize(
    "action", ["DescribeLaunchTemplates", "DescribeSecurityGroupReferences", "DescribeNetworkInterfaces"]
)
def test_a_group_is_not_deleted_where_a_look_is_denied(
    lone: tuple[Any, Any], new_scripts: Made, wire_of: Wire, action: str
) -> None:
    aws, group = lone
    both = new_scripts(plan(step(DeleteGroup(group)), access=role(group.account_id)))
    wire_of.answer = refused(action)
    done = both.run()
    assert done.returncode == 1
    assert "LEFT ALONE: cannot be told whether " in done.stdout
    assert "UnauthorizedOperation" in done.stdout
    assert recorded(aws, group.group_id) == group


def test_a_group_that_something_unseen_names_is_not_deleted(
    aws_client: Callable[[str, str, str], Any], lone: tuple[Any, Any], new_scripts: Made
) -> None:
    aws, by_id = lone
    by_name = recorded(aws, new_group(aws, by_id.vpc_id, "by name"))
    of_glue = recorded(aws, new_group(aws, by_id.vpc_id, "of glue"))
    template = aws.create_launch_template(
        LaunchTemplateName="old",
        LaunchTemplateData={"NetworkInterfaces": [{"DeviceIndex": 0, "Groups": [by_id.group_id]}]},
    )["LaunchTemplate"]["LaunchTemplateId"]
    aws.create_launch_template_version(
        LaunchTemplateId=template, LaunchTemplateData={"SecurityGroups": ["by name"]}
    )
    aws.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData={"ImageId": "ami-1"})
    aws_client("glue", by_id.account_id, REGION).create_connection(
        ConnectionInput={
            "Name": "warehouse",
            "ConnectionType": "JDBC",
            "ConnectionProperties": {},
            "PhysicalConnectionRequirements": {"SecurityGroupIdList": [of_glue.group_id]},
        }
    )
    steps = [step(DeleteGroup(group)) for group in (by_id, by_name, of_glue)]
    done = new_scripts(plan(*steps, access=role(by_id.account_id))).run()
    assert done.returncode == 1
    assert [line.strip() for line in done.stdout.splitlines() if "LEFT" in line] == [
        f"LEFT ALONE: a launch template names it: {template}, version 1",
        f"LEFT ALONE: a launch template names it: {template}, version 2",
        'LEFT ALONE: Glue connections name it: ["warehouse"]',
    ]
    assert {"lone", "by name", "of glue"} <= {
        each["GroupName"] for each in aws.describe_security_groups()["SecurityGroups"]
    }


def test_nothing_moves_where_another_group_names_the_default_one_by_now(
    ec2: Callable[[str, str], Any], new_scripts: Made, wire_of: Wire
) -> None:
    aws = ec2("616161616170", REGION)
    vpc_id = vpc(aws)
    subnet = aws.create_subnet(VpcId=vpc_id, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    interface = aws.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    default = recorded(aws, default_of(aws, vpc_id))
    change = MoveInterfaces(default, "mine", "mine", (CarriedInterface(interface, (default.group_id,)),))
    both = new_scripts(plan(step(change), access=role(default.account_id)))
    naming = {"UserIdGroupPairs": [{"GroupId": default.group_id}]}
    web = new_group(aws, vpc_id, "web", tcp(5432, 5432, **naming))
    done = both.run()
    assert done.returncode == 1
    assert f"  LEFT ALONE: other groups name it in their rules: {web}\n" in done.stdout
    assert not [call for call in wire_of.calls if call.action.startswith(CHANGES)]


def test_nothing_is_removed_where_the_narrower_rule_is_denied(
    ec2: Callable[[str, str], Any], new_scripts: Made, wire_of: Wire
) -> None:
    aws = ec2("616161616166", REGION)
    group = recorded(aws, new_group(aws, vpc(aws), "web", tcp(22, 22, **ranges("0.0.0.0/0"))))
    change = ReplaceRules(group, group.rules[:1], (replace(group.rules[0], peer="10.0.0.0/8"),))
    both = new_scripts(plan(step(change), access=role(group.account_id)))
    wire_of.answer = refused("AuthorizeSecurityGroupIngress")
    done = both.run()
    assert done.returncode == 1
    assert (
        "LEFT ALONE: cannot be allowed: tcp 22 from 10.0.0.0/8: An error occurred (Unauthorized"
        in done.stdout
    )
    assert not [call for call in wire_of.calls if call.action.startswith("Revoke")]
    assert recorded(aws, group.group_id) == group
    # What the script did not add is not taken back, though somebody has added it since.
    wire_of.answer = lambda call: None
    aws.authorize_security_group_ingress(
        GroupId=group.group_id, IpPermissions=[tcp(22, 22, **ranges("10.0.0.0/8"))]
    )
    assert both.undo().returncode == 0
    assert set(peers(recorded(aws, group.group_id), 22)) == {"0.0.0.0/0", "10.0.0.0/8"}


def test_a_script_ends_before_anything_where_it_is_not_meant(
    ec2: Callable[[str, str], Any], new_scripts: Made, wire_of: Wire
) -> None:
    aws = ec2("616161616167", REGION)
    group = recorded(aws, new_group(aws, vpc(aws), "web", tcp(22, 22, **ranges("0.0.0.0/0"))))
    change = ReplaceRules(group, group.rules[:1])
    both = new_scripts(plan(step(change), access=role("616161616168")))
    done = both.run()
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr
        == "These credentials are of account 616161616168; the plan is for 616161616167. Nothing was changed.\n"
    )
    both.write(plan(step(change), access=role(group.account_id)))
    lock = both.folder / "prod.done.lock"
    lock.write_text("process 1 on elsewhere")
    for name in ("prod.sh", "undo-prod.sh"):
        beside = both.run(name)
        assert (beside.returncode, beside.stdout) == (2, "")
        assert f"{lock} is there: process 1 on elsewhere is at work" in beside.stderr
    assert lock.read_text() == "process 1 on elsewhere"
    lock.unlink()
    (both.folder / "prod.done").symlink_to("/dev/full")
    full = both.run()
    assert full.returncode == 2
    assert f"{both.folder}/prod.done cannot be written; the script ends here." in full.stderr
    (both.folder / "prod.done").unlink()
    (both.folder / "prod.done").write_text("plan\t0123456789abcdef\n")
    assert both.run().returncode == 2
    assert both.undo().returncode == 2
    assert both.run("prod.sh", "--dry").stderr == f"usage: bash {both.folder}/prod.sh [--dry-run]\n"
    wire_of.answer = refused("AssumeRole")
    assert "role/change cannot be assumed: An error occurred" in both.run().stderr
    assert not [call for call in wire_of.calls if call.action.startswith(CHANGES)]
    assert recorded(aws, group.group_id) == group


def test_a_script_gets_in_by_a_profile_and_through_roles(
    ec2: Callable[[str, str], Any], new_scripts: Made, wire_of: Wire, tmp_path: Path
) -> None:
    aws = ec2("616161616169", REGION)
    group = recorded(aws, new_group(aws, vpc(aws), "web", tcp(22, 22, **ranges("0.0.0.0/0"))))
    change = step(ReplaceRules(group, group.rules[:1]))
    roles = tuple(
        f"arn:aws:iam::{account_id}:role/change" for account_id in ("616161616160", group.account_id)
    )
    (tmp_path / "config").write_text(
        "[profile 'way in']\naws_access_key_id = of-profile\naws_secret_access_key = x\n"
    )
    both = new_scripts(plan(change, access=Access("way in", roles, "it's $(secret)")))
    dry = both.run(
        "prod.sh", "--dry-run", AWS_CONFIG_FILE=str(tmp_path / "config"), AWS_DEFAULT_PROFILE="none"
    )
    assert dry.returncode == 0, dry.stdout + dry.stderr
    assumed = [call for call in wire_of.calls if call.action == "AssumeRole"]
    assert [(call.params["RoleArn"], call.params["ExternalId"]) for call in assumed] == [
        (role, "it's $(secret)") for role in roles
    ]
    assert [call.access_key for call in assumed] == ["of-profile", wire_of.handed_out[-2].access_key]
    assert wire_of.calls[-1].access_key == wire_of.handed_out[-1].access_key


def test_names_of_accounts_become_names_of_files(ec2: Callable[[str, str], Any], tmp_path: Path) -> None:
    aws = ec2("616161616167", REGION)
    group = recorded(aws, new_group(aws, vpc(aws), "web", tcp(22, 22, **ranges("0.0.0.0/0"))))
    one = plan(step(ReplaceRules(group, group.rules[:1]))).accounts[0]
    named = ("prod", "PROD", "a/../b", "undo-prod", "Undo-prod", "-x", ".hidden", "", "=1", "x" * 300)
    made = replace(
        plan(step(ReplaceRules(group, ()))), accounts=tuple(replace(one, account=name) for name in named)
    )
    written = [path.name for path in shell.write(made, tmp_path / "remedy")]
    assert written[::2] == [
        *("prod.sh", "PROD_2.sh", "a_.._b.sh", "_undo-prod.sh", "_Undo-prod_2.sh", "_x.sh", "_hidden.sh"),
        *(f"{group.account_id}.sh", "=1.sh", f"{'x' * 243}.sh"),
    ]
    assert len({name.casefold() for name in written}) == len(written)  # as a Mac tells files apart
    assert written[1::2] == [f"undo-{name}" for name in written[::2]]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('[false,"tcp",22,22,"0.0.0.0/0",null,null,null,""]', "tcp 22 from 0.0.0.0/0"),
        ('[true,"udp",20,25,null,"::/0",null,null,""]', "udp 20-25 to ::/0"),
        ('[false,"-1",-1,-1,null,null,null,"sg-1",""]', "all traffic from sg-1"),
        ('[false,"50",-1,-1,null,null,"pl-1",null,"null,a]"]', 'protocol 50 from pl-1 "null,a]"'),
        (
            '[false,"icmp",8,-1,"10.0.0.0/8",null,null,null,"a, \\"b\\" $(c)"]',
            'icmp 8 from 10.0.0.0/8 "a, \\"b\\" $(c)"',
        ),
    ],
)
def test_a_script_tells_a_rule_as_a_person_reads_it(line: str, expected: str) -> None:
    common = resources.files("reporter.remedy.forms").joinpath("shell_common.sh").read_text()
    function = common[common.index("told() {") :].partition("\n}\n")[0] + "\n}\n"
    done = subprocess.run(
        ["bash", "-c", f'{function} told "$1"', "told", line], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == (expected, "")
