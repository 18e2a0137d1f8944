"""A plan as Terraform: each group that is changed, imported by its id, with all rules that it is to have.

Rules stand in the group's own resource: it removes whatever it does not name, where resources of single rules would
leave what they do not know of. How the AWS provider reads a group is followed, so that a plan of Terraform's shows no
more than what is to change (internal/service/ec2/vpc_security_group.go of hashicorp/terraform-provider-aws:
securityGroupIPPermGather puts rules for the same traffic with the same description together; a rule without ports has
0 for both; another account's group is OWNER/ID). A change of name, description or VPC would replace the group.
"""

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path

from reporter.inventory.rules import GROUP, IPV4, IPV6, PREFIX_LIST
from reporter.remedy.forms import exact
from reporter.remedy.forms.comments import about, commented, made_by, plain, rule_text
from reporter.remedy.forms.exact import UnsaidError
from reporter.remedy.forms.files import UNDO, file_names, write_files
from reporter.remedy.forms.hcl import Block, Raw, Value, render
from reporter.remedy.forms.rule_changes import RuleChange, after_moves, planned, rule_changes
from reporter.remedy.steps import (
    AccountPlan,
    DeleteGroup,
    MoveInterfaces,
    Plan,
    RecordedGroup,
    Rule,
    Step,
)

# What the provider takes (validSecurityGroupRuleDescription), which is what AWS does:
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpRange.html
_DESCRIPTION = re.compile(r"[A-Za-z0-9 _.:/()#,@\[\]+=&;{}!$*-]{0,255}")

NOTES = (
    "`*.tf` is only for groups that no Terraform state has yet: two states that have one group take turns in undoing"
    " each other. Where a state has a group, leave its import and resource out and make the same change in the"
    " configuration that has it.",
    "`*.tf` has all rules of a group: Terraform would remove one that was made since the audit, so look at its plan.",
    "`*.tf` says `NOT IN THIS FILE` of what Terraform is not for, and what to do instead: groups that are deleted and"
    " interfaces that move.",
)

_PEERS = {
    IPV4: "cidr_blocks",
    IPV6: "ipv6_cidr_blocks",
    PREFIX_LIST: "prefix_list_ids",
    GROUP: "security_groups",
}


def write(plan: Plan, folder: Path) -> tuple[Path, ...]:
    """Write `<account>.tf`, and `undo-<account>.tf.txt` to put in its place, which Terraform does not read beside it.

    What Terraform cannot do is in comments, with what to do instead. Accounts for which nothing is planned have no
    file. Raises OSError.
    """
    contents = {}
    for account, name in zip(plan.accounts, file_names(plan), strict=True):
        if planned(account):
            own, undo = f"{name}.tf", f"{UNDO}{name}.tf.txt"
            groups = list(_groups(account))
            contents[own] = _file(_head(plan, account, own, undo, groups), account, groups)
            contents[own] += "".join(f"\n{commented(lines)}" for lines in _instead(account))
            contents[undo] = _file(_undo_head(plan, account, own, undo), account, groups, undo=True)
    return write_files(folder, contents)


def left_out(plan: Plan) -> dict[Step, str]:
    """The steps that are in no file, and why."""
    found: dict[Step, str] = {}
    for account in plan.accounts:
        for group in _groups(account):
            if group.unsaid:
                why = f"Terraform cannot tell it exactly: {group.unsaid}"
                found |= dict.fromkeys(group.change.steps, why)
        late = after_moves(account)
        for step in planned(account):
            if step in late:
                found[step] = _MOVES_FIRST
            elif isinstance(step.change, DeleteGroup):
                found[step] = _DELETED
            elif isinstance(step.change, MoveInterfaces):
                found[step] = _MOVED
    return found


_MOVES_FIRST = "interfaces are to be moved away first"
_DELETED = "Terraform deletes what its state has; the group would be imported to be deleted"
_MOVED = "the groups of an interface are said where its instance is"


@dataclass(frozen=True)
class _Group:
    """A group whose rules change: those that it is to have, or why they cannot be told, in `unsaid`."""

    change: RuleChange
    rules: tuple[Rule, ...] = ()
    unsaid: str = ""

    @property
    def recorded(self) -> RecordedGroup:
        return self.change.group

    @property
    def type(self) -> str:
        # The other resource could not be destroyed, should it ever be meant to.
        return "aws_default_security_group" if self.recorded.name == "default" else "aws_security_group"

    @property
    def label(self) -> str:
        return _identifier(self.recorded.group_id)

    @property
    def address(self) -> str:
        return f"{self.type}.{self.label}"


def _groups(account: AccountPlan) -> Iterator[_Group]:
    for change in rule_changes(account):
        group = _Group(change, (*change.stay, *change.allow))
        try:
            _check(group)
            yield group
        except UnsaidError as error:
            yield replace(group, unsaid=str(error))


def _check(group: _Group) -> None:
    """Raise UnsaidError where the provider would refuse the group or one of its rules, or take it for another."""
    for rule in group.change.lacking:
        raise UnsaidError(f"{rule_text(rule)}: the record of the group does not have it")
    if group.type == "aws_security_group" and group.recorded.name.startswith("sg-"):
        raise UnsaidError("the provider takes no name that begins with sg-")
    for rule in (*group.recorded.rules, *group.change.allow):
        exact.check(rule)
        if not _DESCRIPTION.fullmatch(rule.description):
            raise UnsaidError(f"{rule_text(rule)}: the provider does not take its description")
        if rule.kind in (IPV4, IPV6) and str(ip_network(rule.peer, strict=False)) != rule.peer.lower():
            raise UnsaidError(f"{rule_text(rule)}: the provider does not take its range")


def _file(head: Iterable[str], account: AccountPlan, groups: Sequence[_Group], undo: bool = False) -> str:
    said = [each for each in groups if not each.unsaid]
    blocks = [Block("terraform", body={"required_version": ">= 1.5"})] if said else []
    regions = dict.fromkeys(each.recorded.region for each in said)
    blocks += [_provider(account, region) for region in regions]
    parts = [commented(head), *map(render, blocks)]
    for each in groups:
        about_group = commented(_undone(each) if undo else _done(each))
        if not each.unsaid:
            about_group += render(_import(each)) + "\n" + render(_resource(account, each, undo))
        parts.append(about_group)
    return "\n".join(parts)


def _provider(account: AccountPlan, region: str) -> Block:
    access = account.access
    body: dict[str, Value] = {
        "alias": _alias(account, region),
        "region": region,
        "allowed_account_ids": [account.account_id],
    }
    if access.profile:
        body["profile"] = access.profile
    external: dict[str, Value] = {"external_id": access.external_id} if access.external_id else {}
    roles = [
        Block("assume_role", body={"role_arn": role, "session_name": "sg-audit-remedy", **external})
        for role in access.roles
    ]
    return Block("provider", ["aws"], body, roles)


def _import(group: _Group) -> Block:
    return Block("import", body={"to": Raw(group.address), "id": group.recorded.group_id})


def _resource(account: AccountPlan, wanted: _Group, undo: bool) -> Block:
    group = wanted.recorded
    body: dict[str, Value] = {"provider": Raw(f"aws.{_alias(account, group.region)}")}
    if wanted.type == "aws_security_group":
        body |= {"name": group.name, "description": group.description}
    body |= {"vpc_id": group.vpc_id} if group.vpc_id else {}
    # AWS gives its own tags itself.
    body["tags"] = {key: value for key, value in group.tags if not key.startswith("aws:")}
    within = []
    for way, egress in (("ingress", False), ("egress", True)):
        rules = [rule for rule in (group.rules if undo else wanted.rules) if rule.egress == egress]
        within += [Block(way, body=attributes) for attributes in _rules(group, rules)]
        # No block at all would leave the rules as they are.
        body |= {} if rules else {way: []}
    # Tags may have changed since the audit, and are not what this is about.
    ignored = [Raw("tags"), Raw("tags_all")]
    within.append(Block("lifecycle", body={"prevent_destroy": True, "ignore_changes": ignored}))
    return Block("resource", [wanted.type, wanted.label], body, within)


def _rules(group: RecordedGroup, rules: Iterable[Rule]) -> Iterator[dict[str, Value]]:
    together: dict[tuple[str, int, int, str], list[Rule]] = {}
    for rule in rules:
        first, last = (rule.from_port or 0, rule.to_port or 0) if exact.has_ports(rule) else (0, 0)
        together.setdefault((rule.protocol, first, last, rule.description), []).append(rule)
    for (protocol, first, last, description), alike in together.items():
        of_itself = [rule for rule in alike if rule.kind == GROUP and rule.peer == group.group_id]
        others = [rule for rule in alike if rule not in of_itself]
        peers: dict[str, Value] = {
            name: [_peer(group, rule) for rule in others if rule.kind == kind]
            for kind, name in _PEERS.items()
            if any(rule.kind == kind for rule in others)
        }
        yield {
            **({"description": description} if description else {}),
            "protocol": protocol,
            "from_port": first,
            "to_port": last,
            **peers,
            **({"self": True} if of_itself else {}),
        }


def _peer(group: RecordedGroup, rule: Rule) -> str:
    abroad = rule.kind == GROUP and rule.owner_id not in ("", group.owner_id)
    return f"{rule.owner_id}/{rule.peer}" if abroad else rule.peer


def _alias(account: AccountPlan, region: str) -> str:
    return _identifier(f"account_{account.account_id}_{region}")


def _identifier(text: str) -> str:
    return re.sub(r"\W", "_", text, flags=re.ASCII)


def _head(plan: Plan, account: AccountPlan, own: str, undo: str, groups: Sequence[_Group]) -> Iterator[str]:
    count = sum(not each.unsaid for each in groups)
    yield from made_by(plan, account)
    yield ""
    yield "Terraform carries it out, 1.5 or later, in a folder with this file alone:"
    yield ""
    yield "  terraform init"
    yield f"  terraform plan     this must say: {count} to import, 0 to add, {count} to change, 0 to destroy"
    yield "  terraform apply"
    yield ""
    yield (
        "Look at the plan before you apply it. Of each group it may remove and add what is said below, and set"
        " revoke_rules_on_delete, as after every import. The group has the rules in this file and no others then: one"
        " that was made since the audit would be removed, so make the plan anew where Terraform shows more."
    )
    yield (
        "Terraform removes before it adds: what is only narrowed is closed for a moment. Where the adding fails, apply"
        " again."
    )
    if len(account.access.roles) > 1:
        yield "Roles that are assumed one after the other take the AWS provider 5.67 or later."
    yield ""
    yield (
        "ONLY FOR GROUPS THAT NO TERRAFORM STATE HAS YET: two states that have one group take turns in undoing each"
        " other. Where a state has it, leave its import and resource out here, and make the same change there: remove"
        " what is said below from the group's ingress and egress, or the aws_vpc_security_group_ingress_rule,"
        " aws_vpc_security_group_egress_rule or aws_security_group_rule that has it, and add what is allowed."
    )
    yield ""
    yield f"To undo it, put {plain(undo)} in place of {plain(own)}, and apply."
    if count:
        yield "To have Terraform forget the groups and leave them as they are, delete this file after:"
        yield ""
        yield from (f"  terraform state rm {each.address}" for each in groups if not each.unsaid)


def _undo_head(plan: Plan, account: AccountPlan, own: str, undo: str) -> Iterator[str]:
    yield from made_by(plan, account)
    yield ""
    yield f"Takes back what {plain(own)} has changed: the same groups with the rules that were recorded."
    yield "Where that was applied, in the same folder:"
    yield ""
    yield f"  {plain(shlex.join(['mv', f'./{undo}', f'./{own}']))}"
    yield "  terraform apply"
    yield ""
    yield "Ids of rules are new then, and tags of rules are lost: the group's resource does not have either."


def _done(group: _Group) -> Iterator[str]:
    for step in group.change.steps:
        yield from about(step)
    yield from (f"  removes: {rule_text(rule)}" for rule in group.change.remove)
    yield from (f"  adds: {rule_text(rule)}" for rule in group.change.allow)
    if group.unsaid:
        yield f"  NOT IN THIS FILE, since Terraform cannot tell it exactly: {plain(group.unsaid)}"
        yield f"  {_OTHERWISE}"


def _undone(group: _Group) -> Iterator[str]:
    yield f"{group.recorded.group_id} ({plain(group.recorded.name)}) in {group.recorded.region}"
    if group.unsaid:
        yield "  Nothing to undo, since it is not changed."
        return
    yield from (f"  puts back: {rule_text(rule)}" for rule in group.change.remove)
    yield from (f"  removes: {rule_text(rule)}" for rule in group.change.allow)


_OTHERWISE = "Carry it out with `sg-audit remedy --for cli`."


def _instead(account: AccountPlan) -> Iterator[list[str]]:
    """What is not for Terraform, and what to do."""
    late = after_moves(account)
    for step in planned(account):
        if step in late:
            yield [
                *about(step),
                f"  NOT IN THIS FILE, since {_MOVES_FIRST}.",
                f"  {_OTHERWISE}",
            ]
        elif isinstance(step.change, DeleteGroup):
            words = [
                "aws",
                "ec2",
                "delete-security-group",
                "--region",
                step.region,
                "--group-id",
                step.resource_id,
            ]
            yield [
                *about(step),
                f"  NOT IN THIS FILE: {_DELETED}.",
                "  Where a state has the group, take its resource out of the configuration and apply.",
                f"  Else: {plain(shlex.join(words))}",
                "  `sg-audit remedy --for cli` writes a script that first looks for what still needs the group.",
            ]
        elif isinstance(step.change, MoveInterfaces):
            yield [
                *about(step),
                f"  NOT IN THIS FILE: {_MOVED}.",
                f"  Where a state has the instances, make a group {plain(step.change.new_name)} with the rules of this"
                " one there, and name it in vpc_security_group_ids in this one's place:",
                *(
                    f"    {plain(each.interface_id)} of {plain(each.instance_id or 'no instance')}"
                    f" {plain(each.instance_name)}".rstrip()
                    for each in step.change.interfaces
                ),
                f"  Else: {_OTHERWISE}",
            ]
