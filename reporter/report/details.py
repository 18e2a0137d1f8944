"""All there is to say of a group that something was found of: for formats that open one group after the other."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from reporter.accounts.labels import NO_LABELS, Labels
from reporter.custodian.metadata import ACCESS_FINDINGS
from reporter.custodian.resource_types import GROUPS
from reporter.findings.assess import Findings
from reporter.findings.changes import Change
from reporter.findings.past import NO_PAST, Past
from reporter.findings.risk import LEVELS
from reporter.findings.together import BY_SEVERAL, SSH_WORLD
from reporter.inventory import group_rules
from reporter.inventory.audit import Audit
from reporter.inventory.group_rules import GroupRules
from reporter.inventory.network import traffic
from reporter.inventory.network.traffic import SSH
from reporter.inventory.roles_behind import is_asked
from reporter.remedy.options import Options
from reporter.remedy.proposals import chosen_policies

_URGENT = LEVELS[:3]
_REASONS = 3  # why a group is reached or not, each interface has its own
_OF_ROLES = ("role_power", "role_power_why", "imdsv1", ACCESS_FINDINGS)  # where they were to be read
_REACHED_FIRST = {"yes": 0, "unknown": 1, "no": 2}


@dataclass(frozen=True)
class Policy:
    """A policy that found something: what people call it, what it is for, and the controls that ask for it;
    `closed_by_default`, whether `sg-audit remedy` closes what it finds without being asked for it."""

    name: str
    title: str
    description: str
    controls: tuple[str, ...]
    exposed: bool
    closed_by_default: bool = False


@dataclass(frozen=True)
class Finding:
    """What a policy found of a group; `matched_rules` are None where they cannot be told. `waived` says until when it
    is, or why no longer; `is_waived`, whether it is. `next_step` is what to do in a sentence, `removable` the rules of
    which nothing is right."""

    policy: str
    proven: bool
    matched_rules: tuple[str, ...] | None
    first_seen: str
    since_last: str
    waived: str
    is_waived: bool
    next_step: str = ""
    removable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Interface:
    """An interface that carries a group, and why the internet gets to it on what the group opens, or does not. Its id
    is empty where only the instance's record names the group."""

    interface_id: str
    type: str
    description: str
    account: str
    subnet_id: str
    private_ip: str
    secondary_private_ips: tuple[str, ...]
    public_ips: tuple[str, ...]
    ipv6: tuple[str, ...]
    instance_id: str
    instance_name: str
    instance_state: str
    reachable: str
    why: str
    role_power_why: tuple[str, ...] = ()
    imdsv1: bool | None = False

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(
            filter(None, (self.private_ip, *self.secondary_private_ips, *self.public_ips, *self.ipv6))
        )


@dataclass(frozen=True)
class GroupDetails:
    """A group. `rules` are all of them, in the words of `Finding.matched_rules`, None where they could not be read
    again; `open_ssh` are those of them that open SSH to the world, whatever policies say, and `parts` those that open
    something to it only together with others. `interfaces` begin with those that
    the internet reaches. `reachable_on` says where it is reached, or what is missing to tell. What is not known of
    `in_use` and `interface_count` is None."""

    account: str
    account_id: str
    region: str
    group_id: str
    group_name: str
    vpc_id: str
    description: str
    level: str
    proven: bool
    why_level: str
    in_use: bool | None
    interface_count: int | None
    reachable: str
    reachable_on: tuple[str, ...]
    why_reachable: str
    world_ports: tuple[str, ...]
    findings: tuple[Finding, ...]
    rules: tuple[str, ...] | None
    open_ssh: tuple[str, ...]
    parts: tuple[str, ...]
    interfaces: tuple[Interface, ...]
    instances: tuple[str, ...]
    tags: tuple[str, ...]
    first_seen: str
    since_last: str
    waived: str
    is_waived: bool
    same_rules_as: tuple[str, ...]
    covered_rules: tuple[str, ...]
    role_power: str = ""
    role_power_why: tuple[str, ...] = ()
    imdsv1: bool | None = False
    access_findings: str = ""


@dataclass(frozen=True)
class Details:
    """The groups that policies found or may have found, and all of risk critical, high or medium, worst first, of
    `found` in all; the policies; whether roles were to be read, and Access Analyzer was to be asked of them; by account
    its labels (`account:team=web`), and what became of findings since the run before."""

    groups: Sequence[GroupDetails]
    found: int
    policies: Sequence[Policy]
    has_roles: bool
    has_access_findings: bool
    labels: Mapping[str, tuple[str, ...]]
    changes: Sequence[Change]


def details(
    audit: Audit, findings: Findings, most: int, labels: Labels = NO_LABELS, past: Past = NO_PAST
) -> Details:
    """The details of the worst groups, so many at the most. Their rules are read again.

    Where there are no groups in the output there are none here.
    """
    policies = policies_that_find(audit)
    of_accounts = {
        account.name: _labels(labels, account.name, account.account_id) for account in audit.output.accounts
    }
    positions = _positions(findings)
    chosen = positions[:most]
    groups = tuple(_groups(audit, findings, chosen, {each.name: each for each in policies}))
    has_roles = is_asked(audit.output.policies)
    has_access = ACCESS_FINDINGS in findings.groups
    return Details(groups, len(positions), policies, has_roles, has_access, of_accounts, past.changes)


def policies_that_find(audit: Audit) -> tuple[Policy, ...]:
    """The policies that look for something in groups, in file order."""
    by_default = chosen_policies(audit.output.policies, Options())
    return tuple(
        Policy(
            each.name,
            each.title,
            each.description,
            each.in_report.controls,
            each.exposed,
            each.name in by_default,
        )
        for each in audit.output.policies
        if each.resource == GROUPS and each.filtered
    )


def _labels(labels: Labels, name: str, account_id: str | None) -> tuple[str, ...]:
    found = labels.of(name, account_id or "") or {}
    return tuple(f"{column}={text}" for column, text in found.items() if text)


def _positions(findings: Findings) -> "np.ndarray[Any, Any]":
    """The rows of the table of groups that there is something to say of."""
    urgent = findings.groups["risk"].isin(_URGENT).to_numpy(bool).copy()
    urgent[findings.frame["group"].to_numpy(np.int64)] = True
    return urgent.nonzero()[0]


def _groups(
    audit: Audit, findings: Findings, positions: "np.ndarray[Any, Any]", policies: Mapping[str, Policy]
) -> Iterator[GroupDetails]:
    rows = findings.groups.iloc[positions]
    found = _findings(findings, positions)
    interfaces = _interfaces(audit.attachments, rows["security_group_id"])
    rules = group_rules.read(audit.output, _by_unit(rows))
    proven = findings.proven.iloc[positions].tolist()
    waived = findings.waived.groups.iloc[positions].tolist()
    for number, (position, row) in enumerate(zip(positions.tolist(), _records(rows), strict=True)):
        group_id = row["security_group_id"]
        of_group = tuple(found.get(position, ()))
        on = interfaces.get(group_id, ())
        own_rules = rules.get(group_id)
        yield GroupDetails(
            account=row["account_profile"],
            account_id=row["account_id"],
            region=row["region"],
            group_id=group_id,
            group_name=row["group_name"],
            vpc_id=row["vpc_id"],
            description=row["description"],
            level=str(row["risk"]),
            proven=proven[number],
            why_level=_why_level(row, proven[number], of_group, policies),
            in_use=row["in_use"],
            interface_count=row["attached_eni_count"],
            reachable=row["reachable"],
            reachable_on=tuple(row["reachable_on"]),
            why_reachable=_why_reachable(row, on),
            world_ports=tuple(row["world_ports"]),
            findings=of_group,
            rules=own_rules.texts if own_rules else None,
            open_ssh=own_rules.world_by_itself(SSH) if own_rules else (),
            parts=_parts(own_rules, of_group, row) if own_rules else (),
            interfaces=on,
            instances=tuple(row["instances"]),
            tags=tuple(row["tags"]),
            first_seen=row["first_seen"],
            since_last=row["since_last"],
            waived=row["waived"],
            is_waived=waived[number],
            same_rules_as=tuple(row["same_rules_as"]),
            covered_rules=tuple(row["covered_rules"]),
            **{name: row[name] for name in _OF_ROLES if name in row},
        )


def _records(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The rows as plain Python values, None for what is not known."""
    columns = [
        "account_profile", "account_id", "region", "security_group_id", "group_name", "vpc_id", "description",
        "risk", "risk_note", "in_use", "attached_eni_count", "reachable", "reachable_on", "world_ports",
        "instances", "tags", SSH_WORLD, "first_seen", "since_last", "waived", "same_rules_as", "covered_rules",
    ]  # fmt: skip
    columns += [name for name in _OF_ROLES if name in frame]
    values = []
    for name in columns:
        column = frame[name].to_numpy(dtype=object)
        values.append(
            [None if missing else each for each, missing in zip(column, pd.isna(column), strict=True)]
        )
    for row in zip(*values, strict=True):
        yield dict(zip(columns, row, strict=True))


def _by_unit(rows: pd.DataFrame) -> dict[tuple[str, str], set[str]]:
    wanted: dict[tuple[str, str], set[str]] = {}
    places = (rows[name].tolist() for name in ("account_profile", "region", "security_group_id"))
    for account, region, group_id in zip(*places, strict=True):
        wanted.setdefault((account, region), set()).add(group_id)
    return wanted


def _findings(findings: Findings, positions: "np.ndarray[Any, Any]") -> dict[int, list[Finding]]:
    """By row of the group what the policies found: what counts for the risk first."""
    frame = findings.frame[findings.frame["group"].isin(positions)]
    frame = frame.sort_values(["exposed", "proven"], ascending=False, kind="stable")
    notes = findings.waived.by_finding()
    nothing = [""] * len(frame)
    history = (frame[name].tolist() if name in frame else nothing for name in ("first_seen", "since_last"))
    columns = (frame[name].tolist() for name in ("group", "policy", "proven", "matched_rules"))
    steps = [frame[name].tolist() if name in frame else None for name in ("next_step", "removable")]
    next_step, removable = (steps[0] or nothing), (steps[1] or [()] * len(frame))
    found: dict[int, list[Finding]] = {}
    for group, policy, proven, rules, first_seen, since_last, sentence, whole in zip(
        *columns, *history, next_step, removable, strict=True
    ):
        is_waived, note = notes.get((group, policy), (False, ""))
        found.setdefault(group, []).append(
            Finding(policy, proven, rules, first_seen, since_last, note, is_waived, sentence, whole)
        )
    return found


def _interfaces(attachments: pd.DataFrame, group_ids: "pd.Series[str]") -> dict[str, tuple[Interface, ...]]:
    """By group id the interfaces that carry it, those that the internet reaches first."""
    on = attachments[attachments["security_group_id"].isin(set(group_ids))]
    names = [
        "security_group_id", "interface_id", "interface_type", "interface_description", "interface_account",
        "subnet_id", "private_ip", "secondary_private_ips", "public_ips", "ipv6", "instance_id", "instance_name",
        "instance_state", "reachable", "why",
    ]  # fmt: skip
    names += [name for name in ("role_power_why", "imdsv1") if name in on]
    found: dict[str, list[Interface]] = {}
    columns = (on[name].astype(object).where(on[name].notna(), None).tolist() for name in names)
    for group_id, *values in zip(*columns, strict=True):
        found.setdefault(group_id, []).append(Interface(*values))
    return {
        group_id: tuple(sorted(each, key=lambda interface: _REACHED_FIRST[interface.reachable]))
        for group_id, each in found.items()
    }


def _parts(rules: GroupRules, found: Iterable[Finding], row: Mapping[str, Any]) -> tuple[str, ...]:
    """The rules that are open to the world only together, as findings tell, or for SSH the group itself."""
    matched = {text for each in found for text in each.matched_rules or ()}
    opened = [
        traffic.parse(text.removesuffix(BY_SEVERAL).strip()) for text in matched if text.endswith(BY_SEVERAL)
    ]
    if row[SSH_WORLD] and not rules.world_by_itself(SSH):
        opened.append(SSH)
    return rules.parts_of_the_world(opened) if opened else ()


def _why_level(
    row: Mapping[str, Any], proven: bool, found: Iterable[Finding], policies: Mapping[str, Policy]
) -> str:
    """Why the risk is what it is, in a sentence or two."""
    exposed = [each for each in found if policies[each.policy].exposed]
    known = [each for each in exposed if each.proven]
    told = known or ([] if row[SSH_WORLD] else exposed)
    by = ", ".join(policies[each.policy].title for each in told) or "by its own rules"
    opened = f"Exposed ({by})"
    count = row["attached_eni_count"]
    on = (
        f"on {count:,} interface{'' if count == 1 else 's'}"
        if count
        else "an interface or instance carries it"
    )
    why = {
        "critical": f"{opened} and in use: {on}.",
        "high": "The default group of its VPC, and an instance carries it.",
        "medium": f"{opened}, and nothing carries it.",
        "low": "Nothing carries it, and no policy that counts for the risk found it.",
        "none": "In use, and no policy that counts for the risk found it.",
    }[str(row["risk"])]
    worst = "" if proven else "Not proven, the worst that missing answers leave open: "
    # What is not proven has been called the worst case by then.
    note = str(row["risk_note"]).removeprefix("worst case, ")
    note = f" {note[0].upper()}{note[1:]}." if note else ""
    return f"{worst}{why}{note}"


def _why_reachable(row: Mapping[str, Any], on: Sequence[Interface]) -> str:
    """Why the internet gets to a group or does not: each reason once, the first of many."""
    if row["reachable"] == "yes":
        return _joined(each.why for each in on if each.reachable == "yes")
    if row["reachable"] == "unknown":
        told = [*row["reachable_on"], *(each.why for each in on if each.reachable == "unknown")]
        return _joined(told)
    if not row["world_ports"]:
        return "it opens nothing to the world"
    if not on:
        return "no interface carries it"
    return _joined(each.why for each in on)


def _joined(reasons: Iterable[str]) -> str:
    told = list(dict.fromkeys(reasons))
    more = f"; and {len(told) - _REASONS:,} more reasons" if len(told) > _REASONS else ""
    return "; ".join(told[:_REASONS]) + more
