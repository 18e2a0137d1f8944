"""A plan as shell scripts for the AWS CLI: `<account>.sh` carries out an account's steps, `undo-<account>.sh` takes
them back. What they do stands in the shell_*.sh beside this file; here a plan becomes calls of it.

Whatever comes from AWS is a quoted word of the shell, and reaches the AWS CLI within JSON alone: of an argument that
begins with file:// or https:// the CLI would read what it names.
https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-parameters-file.html
"""

import hashlib
import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import resources
from itertools import chain
from pathlib import Path
from typing import Any

from reporter import names
from reporter.aws import regions
from reporter.files import write_whole
from reporter.inventory.rules import (
    GROUP,
    ICMP,
    IPV4,
    IPV6,
    PREFIX_LIST,
    WITH_PORTS,
)
from reporter.remedy.forms.files import UNDO, file_names
from reporter.remedy.peers import PEERS, entry
from reporter.remedy.recorded import is_id, text_of
from reporter.remedy.steps import (
    Access,
    AccountPlan,
    Change,
    DeleteGroup,
    MoveInterfaces,
    Plan,
    RecordedGroup,
    ReplaceRules,
    Rule,
    Status,
    Step,
    by_group,
)

NOTES = (
    "Each account has a script: `bash NAME.sh --dry-run` asks AWS whether it would be allowed, `bash NAME.sh` does it, "
    "and `bash undo-NAME.sh` takes it back.",
)

_RULES = (
    "ec2:DescribeSecurityGroupRules",
    "ec2:DescribeSecurityGroups",
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:RevokeSecurityGroupEgress",
    "ec2:RevokeSecurityGroupIngress",
    "ec2:CreateTags",  # those of rules and groups, as they are made again
)

_WHOLE_GROUP = ("ec2:CreateSecurityGroup", "ec2:DeleteSecurityGroup", "ec2:DescribeNetworkInterfaces")

#: The actions that both scripts need for each kind of change. That the caller may ask who it is needs none.
PERMISSIONS: Mapping[type[Change], tuple[str, ...]] = {
    ReplaceRules: _RULES,
    DeleteGroup: (
        *_RULES,
        *_WHOLE_GROUP,
        "ec2:DescribeLaunchTemplates",
        "ec2:DescribeLaunchTemplateVersions",
        "ec2:DescribeSecurityGroupReferences",
        "glue:GetConnections",
    ),
    MoveInterfaces: (
        *_RULES,
        *_WHOLE_GROUP,
        "ec2:DescribeSecurityGroupReferences",
        "ec2:ModifyNetworkInterfaceAttribute",
    ),
}


def all_permissions() -> tuple[str, ...]:
    """The IAM actions that scripts of any plan take, `service:Action`, sorted."""
    return tuple(sorted({action for actions in PERMISSIONS.values() for action in actions}))


def write(plan: Plan, folder: Path) -> tuple[Path, ...]:
    """Write both scripts of each account for which something is to be done, and return their paths.

    The folder is made where it is not there; both are their owner's only. Raises OSError where they cannot be written,
    and ValueError where an id or a region is not of AWS's form.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return tuple(
        chain.from_iterable(
            _write(plan, each, stem, folder)
            for each, stem in zip(plan.accounts, file_names(plan), strict=True)
            if any(step.change for step in _planned(each))
        )
    )


def _planned(account: AccountPlan) -> list[Step]:
    return [step for step in account.steps if step.status is Status.PLANNED]


def _write(plan: Plan, account: AccountPlan, stem: str, folder: Path) -> Iterator[Path]:
    script, undo = f"{stem}.sh", f"{UNDO}{stem}.sh"
    groups = [steps for steps in by_group(_planned(account)) if any(step.change for step in steps)]
    forth = [_changes(steps) for steps in groups]
    back = [_undoing(steps) for steps in reversed(groups)]
    calls = [line for line in chain.from_iterable(forth + back) if not line.startswith("#")]
    plan_id = hashlib.sha256("\n".join(calls).encode()).hexdigest()[:16]
    begin = [
        "account=" + shlex.quote(f"{names.printable(account.account)} ({account.account_id})"),
        _call("use_region", _region(groups[0][0].region)),
        *_access(account.access),
        _call("check_account", _account_id(account.account_id)),
        'folder=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)',
        f'open_state "$folder"/{shlex.quote(stem + ".done")} {plan_id}',
    ]
    for name, title, blocks, part in (
        (script, "Carries out a plan", forth, "shell_change.sh"),
        (undo, f"Takes back what {_comment(script)} did", back, "shell_undo.sh"),
    ):
        lines = [
            "#!/usr/bin/env bash",
            f"# {title} for account {_comment(account.account)} ({account.account_id}).",
            f"# By c7n-sg-audit {_comment(plan.version)} from {_comment(plan.source)} of {_comment(plan.audited)}.",
            f"# bash {_comment(shlex.quote(name))} --dry-run asks AWS whether it would be allowed; it changes nothing.",
            f"# What was done is kept in {_comment(stem)}.done beside this file: without it, nothing can be undone.",
            "",
            "set -euo pipefail",
            "",
            _part("shell_common.sh"),
            _part(part),
            "# ── The account ──",
            "",
            *begin,
            *chain.from_iterable(["", *block] for block in blocks),
            "",
            _call("finish", undo) if name == script else "finish",
            "",
        ]
        path = folder / name
        write_whole(path, "\n".join(lines).encode("utf-8", "replace"))
        path.chmod(0o700)
        yield path


def _part(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _access(access: Access) -> Iterator[str]:
    if access.profile:
        yield _call("use_profile", access.profile)
    for role in access.roles:
        request = {"RoleArn": role, "RoleSessionName": "sg-audit-remedy"}
        if access.external_id:
            request["ExternalId"] = access.external_id
        yield _call("assume_role", names.printable(role), _json(request))


def _changes(steps: Sequence[Step]) -> list[str]:
    """What is to be done to one group."""
    group = _group(steps)
    lines = [f"# ── {_comment(group.name)} ({group.group_id}) in {group.region} ──"]
    lines.append(_call("group", *_turn(group), *map(_rule_text, group.rules)))
    for step in steps:
        lines += ["", *_comments(step)]
        match step.change:
            case ReplaceRules(allow=allow, remove=remove):
                lines += [_call("allow", *_asked(rule), _words(rule)) for rule in allow]
                lines += [_call("remove", _rule_text(rule), _words(rule)) for rule in remove]
            case DeleteGroup():
                lines.append(_call("delete", _json(group.name)))
            case MoveInterfaces(new_name=name) as change:
                request = _json(_new_group(name, change.new_description, group))
                lines.append(_call("move_to", _json(name), request, *_all_asked(change.group)))
                lines += [_call("move", *each) for each in _interfaces(change)]
                lines.append("end_of_moves")
    return lines


def _undoing(steps: Sequence[Step]) -> list[str]:
    """What takes the changes to one group back, the last one first."""
    group = _group(steps)
    lines = [
        f"# ── {_comment(group.name)} ({group.group_id}) in {group.region} ──",
        _call("undo", *_turn(group)),
    ]
    for step in reversed(steps):
        match step.change:
            case ReplaceRules(allow=allow, remove=remove):
                lines += [_call("restore", *_asked(rule), _words(rule)) for rule in remove]
                lines += [_call("take_back", _rule_text(rule), _words(rule)) for rule in allow]
            case DeleteGroup(group=deleted):
                request = _json(_new_group(group.name, group.description, group)).removesuffix("}")
                lines.append(_call("make_again", _json(group.name), request, *_all_asked(deleted)))
            case MoveInterfaces(new_name=name) as change:
                lines += [_call("move_back", *each) for each in _interfaces(change)]
                lines.append(_call("unmake", _json(name), *map(_rule_text, change.group.rules)))
    return lines


def _group(steps: Iterable[Step]) -> RecordedGroup:
    """The group as recorded: later changes have it as the ones before leave it."""
    return next(step.change.group for step in steps if step.change)


def _turn(group: RecordedGroup) -> tuple[str, ...]:
    return (
        _region(group.region),
        _id("sg", group.group_id),
        _id("vpc", group.vpc_id),
        names.printable(group.name),
    )


def _comments(step: Step) -> Iterator[str]:
    yield f"# {_comment(step.title)} ({_comment(step.policy)})"
    if step.reason:
        yield f"#   why: {_comment(step.reason)}"
    for evidence in step.evidence:
        yield f"#   evidence: {_comment(evidence)}"
    for broken in step.breaks:
        yield f"#   may break: {_comment(broken)}"
    if step.risk_after:
        yield f"#   risk: {_comment(step.risk_before)} now, {_comment(step.risk_after)} after"
    if not step.change and step.with_policy:
        yield f"#   done with {_comment(step.with_policy)}"


def _comment(text: str) -> str:
    return names.printable(text, 1000)


def _new_group(name: str, description: str, group: RecordedGroup) -> dict[str, Any]:
    return {"GroupName": name, "Description": description, "VpcId": group.vpc_id}


def _interfaces(change: MoveInterfaces) -> Iterator[tuple[str, str, str]]:
    for each in change.interfaces:
        words = each.interface_id
        if each.instance_id:
            named = f" {each.instance_name}" if each.instance_name else ""
            words += f" of {each.instance_id}{named}"
        group_ids = " ".join(_id("sg", group_id) for group_id in each.group_ids)
        yield _id("eni", each.interface_id), group_ids, names.printable(words)


def _asked(rule: Rule) -> tuple[str, str]:
    """A rule, and the permission that it is asked for by."""
    return _rule_text(rule), _json(_permission(rule))


def _all_asked(group: RecordedGroup) -> Iterator[str]:
    return chain.from_iterable(map(_asked, group.rules))


def _rule_text(rule: Rule) -> str:
    """A rule as the script's query writes one of DescribeSecurityGroupRules: see `rule_query` in shell_common.sh.

    Not whose a group is: the ids of groups are unique, and AWS names the owner here and there.
    """
    peers = [rule.peer if rule.kind == kind else None for kind in (IPV4, IPV6, PREFIX_LIST, GROUP)]
    ports = [-1 if port is None else port for port in (rule.from_port, rule.to_port)]
    if rule.protocol not in (*WITH_PORTS, *ICMP):
        ports = [-1, -1]
    return _json([rule.egress, rule.protocol, *ports, *peers, rule.description])


def _permission(rule: Rule) -> dict[str, Any]:
    """The IpPermission that authorizes a rule:
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html"""
    permission: dict[str, Any] = {"IpProtocol": rule.protocol}
    if rule.from_port is not None and rule.to_port is not None:
        permission |= {"FromPort": rule.from_port, "ToPort": rule.to_port}
    return permission | {PEERS[rule.kind][0]: [entry(replace(rule, peering_id=""))]}


def _words(rule: Rule) -> str:
    """A rule as a person reads it: `tcp 20-25 from 10.0.0.0/8 "office"`."""
    described = f' "{rule.description}"' if rule.description else ""
    return names.printable(f"{text_of(rule)}{described}")


def _json(value: object) -> str:
    """JSON in ASCII, on one line."""
    return json.dumps(value, separators=(",", ":"))


def _call(function: str, *words: str) -> str:
    return " ".join([function, *map(shlex.quote, words)])


def _region(name: str) -> str:
    if not regions.is_name(name):
        raise ValueError(f"no region of AWS's: {name!r}")
    return name


def _id(kind: str, text: str) -> str:
    if not is_id(kind, text):
        raise ValueError(f"no id of AWS's: {text!r}")
    return text


def _account_id(text: str) -> str:
    if not names.is_account_id(text):
        raise ValueError(f"no account's id: {text!r}")
    return text
