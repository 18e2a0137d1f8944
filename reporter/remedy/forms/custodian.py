"""A plan as policies for Cloud Custodian: `<account>.yml` carries it out, `undo-<account>.yml` takes it back.

One policy has all rules of a group. It acts where each of the rules that it removes is still there, and its actions run
one after the other: where a rule cannot be allowed, Custodian stops before it removes any.
"""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reporter.remedy.forms.comments import about, commented, made_by, plain, rule_text
from reporter.remedy.forms.custodian_rules import filter_of_allowed, filter_of_recorded, permission
from reporter.remedy.forms.custodian_yaml import dump
from reporter.remedy.forms.exact import UnsaidError
from reporter.remedy.forms.files import UNDO, file_names, write_files
from reporter.remedy.forms.rule_changes import RuleChange, after_moves, planned, rule_changes
from reporter.remedy.steps import (
    Access,
    AccountPlan,
    DeleteGroup,
    MoveInterfaces,
    Plan,
    Rule,
    Status,
    Step,
)

#: The tag on an unused group that is to be deleted. Not Custodian's own, maid_status: other policies may heed that.
MARK = "sg-audit-unused"
_DAYS = 14

NOTES = (
    "`*.yml` acts on a group only where every rule that it removes is still there, exactly.",
    f"`*.yml` marks unused groups first: a run {_DAYS} days later deletes those that are still unused, and the findings"
    " of their rules stay until then.",
    "`*.yml` says `NO POLICY` of what Custodian cannot do, or cannot tell exactly, with the reason: interfaces that"
    " move, for one.",
)

Policy = dict[str, Any]

Closing = Mapping[tuple[str, str, str], Sequence[Step]]
"""Which findings a step closes, by its region, group and policy: its own, and those of steps that leave it to it."""


def write(plan: Plan, folder: Path) -> tuple[Path, ...]:
    """Write two files of policies an account: one that carries the plan out, and one that undoes it.

    What Custodian cannot do, or not exactly, is in neither: a comment says so, and why. Raises OSError.
    """
    contents = {}
    for account, name in zip(plan.accounts, file_names(plan), strict=True):
        if not planned(account):
            continue
        own, undo = f"{name}.yml", f"{UNDO}{name}.yml"
        parts = list(_parts(plan, account))
        contents[own] = _file(
            _head(plan, account, own, undo), [(part.comment, part.policies) for part in parts]
        )
        contents[undo] = _file(
            _undo_head(plan, account, own, undo), [(part.undo_comment, part.undo) for part in parts]
        )
    return write_files(folder, contents)


def left_out(plan: Plan) -> dict[Step, str]:
    """The steps for which there is no policy, and why."""
    return {
        step: part.left_out
        for account in plan.accounts
        for part in _parts(plan, account)
        if part.left_out
        for step in part.steps
    }


@dataclass(frozen=True)
class _Part:
    """The policies of one group, or of the unused groups of a region, with what is said before them; where there are
    none, `left_out` says why."""

    comment: Sequence[str]
    policies: Sequence[Policy]
    undo_comment: Sequence[str]
    undo: Sequence[Policy]
    steps: Sequence[Step] = ()
    left_out: str = ""


def _parts(plan: Plan, account: AccountPlan) -> Iterator[_Part]:
    """Rules first, since a group that is deleted may be open until then."""
    closing: dict[tuple[str, str, str], list[Step]] = {}
    for step in account.steps:
        if step.status is Status.PLANNED:
            key = (step.region, step.resource_id, step.with_policy or step.policy)
            closing.setdefault(key, []).append(step)
    for change in rule_changes(account):
        yield _replaced(plan, account, change, closing)
    late = after_moves(account)
    unused: dict[str, list[Step]] = {}
    for step in planned(account):
        if step in late:
            yield _not_done(step, "interfaces are to be moved away first")
        elif isinstance(step.change, MoveInterfaces):
            yield _not_done(step, "Custodian makes no groups")
        elif isinstance(step.change, DeleteGroup):
            unused.setdefault(step.region, []).append(step)
    for steps in unused.values():
        yield _deleted(plan, account, steps, closing)


def _replaced(plan: Plan, account: AccountPlan, change: RuleChange, closing: Closing) -> _Part:
    group, steps, remove, allow = change.group, change.steps, change.remove, change.allow
    said = [line for step in steps for line in about(step)]
    said += [f"  allows: {rule_text(rule)}" for rule in allow]
    said += [f"  removes: {rule_text(rule)}" for rule in remove]
    undone = [f"{group.group_id} ({plain(group.name)}) in {group.region}"]
    undone += [f"  puts back: {rule_text(rule)}" for rule in remove]
    undone += [f"  removes: {rule_text(rule)}" for rule in allow]
    try:
        for rule in change.lacking:
            raise UnsaidError(f"{rule_text(rule)}: the record of the group does not have it")
        removed = [filter_of_recorded(rule, group) for rule in remove]
        allowed = [filter_of_allowed(rule, group) for rule in allow]
    except UnsaidError as error:
        why = f"Custodian cannot tell a rule exactly: {error}"
        refused = [f"  NO POLICY, since {plain(why)}", _OTHERWISE]
        return _Part(said + refused, (), [*undone[:1], _NONE], (), steps, why)
    common = _common(plan, account, group.region, steps, closing)
    only = _only([group.group_id])
    forward = {
        "name": f"remedy-{group.group_id}",
        **common,
        "filters": [only, *removed],
        "actions": _set(allow) + _remove(remove),
    }
    # In an `or` every filter is asked: what is still there is found for the action, and the group in any case.
    found = [{"or": [*allowed, only]}] if allowed else []
    undo = {
        "name": f"undo-remedy-{group.group_id}",
        **common,
        "filters": [only, *found],
        "actions": _set(remove) + _remove(allow),
    }
    return _Part(said, [forward], undone, [undo])


def _deleted(plan: Plan, account: AccountPlan, steps: Sequence[Step], closing: Closing) -> _Part:
    region = steps[0].region
    ids = [step.resource_id for step in steps]
    common = _common(plan, account, region, steps, closing)
    mark = {
        "name": f"remedy-unused-mark-{region}",
        **common,
        "filters": [_only(ids), "unused", {f"tag:{MARK}": "absent"}],
        "actions": [{"type": "mark-for-op", "tag": MARK, "op": "delete", "days": _DAYS}],
    }
    delete = {
        "name": f"remedy-unused-delete-{region}",
        **common,
        "filters": [_only(ids), {"type": "marked-for-op", "tag": MARK, "op": "delete"}, "unused"],
        "actions": ["delete"],
    }
    unmark = {
        "name": f"undo-remedy-unused-mark-{region}",
        **common,
        "filters": [_only(ids), {f"tag:{MARK}": "present"}],
        "actions": [{"type": "remove-tag", "tags": [MARK]}],
    }
    said = [line for step in steps for line in about(step)]
    undone = [
        f"{step.resource_id} ({plain(step.group_name)}) in {region}: takes the mark away" for step in steps
    ]
    return _Part(said + _MARKED, [mark, delete], undone + _NOT_MADE, [unmark])


def _not_done(step: Step, why: str) -> _Part:
    told, *more = about(step)
    return _Part([told, *more, f"  NO POLICY, since {why}", _OTHERWISE], (), [told, _NONE], (), (step,), why)


_OTHERWISE = "  Carry it out with `sg-audit remedy --for cli`."
_NONE = "  Nothing to undo, since no policy changes it."
_MARKED = [
    f"The first run marks these groups with the tag {MARK}. One that is {_DAYS} days later or more deletes those"
    " that are still unused; their rules stay until then. Nobody can take that back: a group made anew has another id.",
    "Custodian's `unused` does not see launch templates, Glue connections, interfaces that other accounts have in a"
    " shared VPC, and whatever names a group by its id outside of AWS. Look at these before the groups are deleted.",
]
_NOT_MADE = ["A group that has been deleted does not come back: Custodian makes no groups."]


def _common(plan: Plan, account: AccountPlan, region: str, steps: Sequence[Step], closing: Closing) -> Policy:
    """What all policies have: for what they are, where they act, and where they come from."""
    return {
        "resource": "aws.security-group",
        "metadata": {
            "remedy": {
                "made_by": f"sg-audit remedy {plan.version}",
                "audited": plan.audited,
                "source": plan.source,
                "account": account.account,
                "findings": [
                    {"policy": each.policy, "group": each.resource_id, "reason": each.reason}
                    for step in steps
                    for each in closing[region, step.resource_id, step.policy]
                ],
            }
        },
        "conditions": [{"account_id": account.account_id}, {"region": region}],
    }


def _only(group_ids: Sequence[str]) -> Policy:
    return {"type": "value", "key": "GroupId", "op": "in", "value": list(group_ids)}


def _set(rules: Sequence[Rule]) -> list[Policy]:
    """Allows each rule in a call of its own: Custodian takes no notice of one that is there already, where AWS refuses
    all of a call."""
    added = {
        f"add-{way}": [{"IpPermissions": [permission(rule)]} for rule in rules if rule.egress == egress]
        for way, egress in (("ingress", False), ("egress", True))
    }
    return [{"type": "set-permissions"} | {key: each for key, each in added.items() if each}] if rules else []


def _remove(rules: Sequence[Rule]) -> list[Policy]:
    ways = {"egress" if rule.egress else "ingress" for rule in rules}
    return [{"type": "remove-permissions"} | dict.fromkeys(sorted(ways), "matched")] if rules else []


def _file(head: Iterable[str], parts: Iterable[tuple[Sequence[str], Sequence[Policy]]]) -> str:
    parts = list(parts)
    text = commented(head) + "\npolicies:"
    text += "\n" if any(policies for _, policies in parts) else " []\n"
    for comment, policies in parts:
        text += "\n" + commented(comment) + dump(policies)
    return text


def _head(plan: Plan, account: AccountPlan, own: str, undo: str) -> Iterator[str]:
    yield from made_by(plan, account)
    yield ""
    yield f"Custodian carries it out; with --dryrun it only finds the groups. To undo it: {plain(undo)}"
    yield from _commands(account, own)
    yield ""
    yield (
        "A policy acts on the one group that it names, in this account and region, where all of the rules that it"
        " removes are still there, exactly; it leaves a group alone that has changed in that. What it allows it"
        " allows first: Custodian stops before it removes anything where that fails."
    )


def _undo_head(plan: Plan, account: AccountPlan, own: str, undo: str) -> Iterator[str]:
    yield from made_by(plan, account)
    yield ""
    yield f"Takes back what {plain(own)} has changed. Run it only where that was run."
    yield from _commands(account, undo)
    yield ""
    yield (
        "It puts rules back as they were recorded, descriptions included, and then removes those that were allowed in"
        " their place. Ids of rules are new then, and tags of rules are lost: Custodian does not see either."
    )


def _commands(account: AccountPlan, name: str) -> Iterator[str]:
    regions = dict.fromkeys(step.region for step in planned(account))
    words = ["custodian", "run", "--cache", "memory", "--output-dir", "remedy-output"]
    words += [word for region in regions for word in ("--region", region)]
    yield ""
    yield "  " + plain(shlex.join([*words, *_way_in(account.access), f"./{name}"]))
    if len(account.access.roles) > 1:
        yield "  with credentials of " + plain(", then ".join(account.access.roles[:-1]))


def _way_in(access: Access) -> list[str]:
    words = ["--profile", access.profile] if access.profile else []
    if access.roles:
        words += ["--assume", access.roles[-1]]
        words += ["--external-id", access.external_id] if access.external_id else []
    return words
