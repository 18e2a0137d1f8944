"""What each column of the report means."""

from reporter.custodian.metadata import OWN_COLUMNS
from reporter.findings.risk import LEVELS
from reporter.inventory.columns import TAGS
from reporter.report.table import Kind, Table

#: What the levels of risk mean; the first that matches is a group's.
LEVEL_MEANINGS = {
    "critical": "exposed (SSH open to the world, or caught by another policy of level exposed) and in use",
    "high": "default group on an instance",
    "medium": "exposed, not in use",
    "low": "not in use",
    "none": "otherwise",
}

#: The same beside a figure.
LEVEL_MEANINGS_IN_SHORT = {
    "critical": "exposed and in use",
    "high": "default group on an instance",
    "medium": "exposed, not in use",
    "low": "not in use",
    "none": "none of these",
}

#: What the words mean that a page uses everywhere.
GLOSSARY = {
    "exposed": "found by a policy of level exposed, such as SSH open to the world",
    "open to the world": "any address of the internet is let in, by one rule or by several together",
    "in use": "a network interface or an instance carries the group",
    "reachable": "the internet gets to one of its interfaces on a port that it opens to the world: by a public "
    "address, a route to an internet gateway and the network ACL; unknown where none of these says no and one was not "
    "read",
    "possible, unknown": "something was not read that would tell; neither clean nor bad",
    "waived": "accepted until a day, for a reason that is told; it keeps its risk",
    "since": "the day since when every run that looked has found it",
    "informing": "of a policy that does not count for the risk",
}

#: What each column means: the head of a workbook's column shows it, and docs/workbook.md lists it.
DESCRIPTIONS = {
    "account_profile": "Name of the account in the accounts file",
    "account_id": "AWS account id",
    "region": "AWS region",
    "security_group_id": "Id of the security group",
    "group_name": "Its name",
    "vpc_id": "The VPC it belongs to",
    "is_default": "The VPC's default group: AWS does not let it be deleted or renamed",
    "has_ssh_rule": "An ingress rule lets TCP port 22 in: tcp with 22 in its range, or all traffic",
    "has_ssh_open_world": "TCP port 22 is open to the world: an ingress rule that lets it in names 0.0.0.0/0 or "
    "::/0, or all rules that let it in, prefix lists read, cover the internet together",
    "in_use": "A network interface of any scanned account, or an instance, carries the group",
    "attached_eni_count": "How many network interfaces carry it",
    "attached_resources": "Those interfaces, then the instances that carry the group",
    "ssh_rules": "Its SSH rules: source -> ports",
    "risk": "; ".join(f"{level}: {meaning}" for level, meaning in LEVEL_MEANINGS.items()),
    "risk_note": "`worst case, unknown: …` where an answer is missing: the risk is then the worst possible, and "
    "not proven; and what several ranges or prefix lists open, or may open, to the world",
    "matched_rules": "The rules by which the tab's policies caught the group, as far as that can be told",
    "unused": "Nothing refers to it: no interface, launch configuration, Lambda function, CodeBuild "
    "project, Batch environment, scheduled ECS task or other group's rule",
    "instances": "Names and states of those instances",
    "description": "Its description",
    "tags": "Its tags: key=value",
    "world_ports": "What it opens to the world, in any rule or by several together: `tcp 20-25`, `icmp`, `all`",
    "wide_sources": "Public ranges wider than /8 (IPv6: /24) that it lets in and that are not the world, and prefix "
    "lists that could not be read whole",
    "reachable": "Whether the internet gets to one of its interfaces on a port of world_ports: by a public address, a "
    "route to an internet gateway and the network ACL; unknown where none of these says no and one was not read",
    "reachable_on": "Where it is reached: address -> port; where reachable is unknown, what is missing",
    "role_power": "What the most powerful role of an instance that carries it may do: admin, privilege escalation, "
    "data access, other or none; unknown where one is not known that may do more than other; empty: on no instance",
    "instance_roles": "The roles of the instances that carry it; `unknown` at the end where one is not known",
    "role_power_why": "By what each of those roles is so powerful, and why one is not known",
    "access_findings": "What IAM Access Analyzer found on those roles; `no analyzer`: nothing looks for it; `unknown`: "
    "it could not be told",
    "imdsv1": "An instance that carries it gives out its metadata, its role's credentials among them, without a token",
    "same_rules_as": "The other groups of its VPC with exactly the same rules, descriptions aside; of many "
    "the first 20",
    "covered_rules": "Its rules that another of its rules makes needless; `to` stands before those of traffic out, "
    "`itself` for the group",
    "first_seen": "Since when (day, UTC) it was caught in every run that looked, by a policy of the tab, or in "
    "security_groups by any",
    "since_last": "Since the run before: new, changed (the rules that matched, the level or reachability), or same; "
    "empty where nothing was caught or it cannot be told",
    "next_step": "What to do next about what the tab's policies found, or in security_groups about what counts for the "
    "risk, default groups and unused ones; `sg-audit remedy` writes the steps",
    "state": "Of a finding: new, changed or gone since the run before, or not comparable. Of a waiver: holds; or "
    "expired, ends within 30 days, matched nothing, no longer holds as more rules matched",
    "reason": "Of a finding: what has changed; why it is gone: fixed, deleted, or unknown where the groups were not "
    "listed; or why it cannot be compared. Of a waiver: why it is accepted",
    "level": "The risk that the finding gives its group; informs: none; possibly: as far as missing answers leave it "
    "open",
    "waived": "`until …: reason (owner)` where every finding that gives the group its risk, or on a finding tab every "
    "finding of the tab, is waived; `no longer: …` where more rules matched than a waiver names",
    "waiver": "The file and line it stands in",
    "expires": "The last day it holds, in UTC",
    "findings": "How many findings it is about",
    "account": "The account's name or id; empty: any",
    "group": "The group's id or name; empty: any",
    "rules": "It holds as long as no other rules matched; empty: whatever matched",
    "owner": "Who accepted it",
    "subnet_id": "The subnet it is in",
    "secondary_private_ips": "Its secondary private IPv4 addresses",
    "public_ips": "The public IPv4 addresses of all its private ones",
    "ipv6": "Its IPv6 addresses, and the blocks it was given",
    "why": "Why the internet gets to the interface on what the group opens, or does not",
    "security_groups": "The groups of the set",
    "interfaces": "How many network interfaces carry each",
    "could_go": "Those that are `unused`, as long as one stays; look into launch templates before one goes",
    "interface_id": "Id of the network interface; empty where only the instance's record names the group",
    "interface_type": "What AWS calls the kind of interface",
    "interface_description": "Its description: names the load balancer, Lambda function, … it is for",
    "private_ip": "Its primary private IPv4 address",
    "public_ip": "Its public IPv4 address, if any",
    "instance_id": "The instance it is attached to, if any",
    "instance_name": "That instance's Name tag",
    "instance_state": "That instance's state when the audit ran",
    "interface_account": "The account the interface was found in: another one's in a shared VPC",
    "run": "The minute in which the run began (UTC)",
    **{level: f"How many groups are of risk {level}, as all answers support" for level in LEVELS},
    **{
        f"{level}_possible": f"How many groups may be of risk {level}, as far as missing answers leave it open"
        for level in LEVELS[:-1]
    },
    **{
        f"{level}_reachable": f"How many of the groups of risk {level} the internet reaches"
        for level in ("critical", "high", "none")
    },
    **{
        f"{level}_reachable_possible": f"How many of the groups of risk {level} it may reach: that is unknown"
        for level in ("critical", "high", "none")
    },
    **{
        f"{level}_waived": f"How many of the groups of risk {level} are waived: every finding that makes it so"
        for level in ("critical", "high", "medium")
    },
    "groups": "How many groups in all",
    "cells_planned": "How many account × region × policy cells there were to read",
    "cells_not_read": "How many of them could not be read: the coverage tab lists them",
    "policy": "The Custodian policy",
    "title": "What a person calls it",
    "tab": "The tab of its own that it asks for; empty: none",
    "flag_column": "The True/False column that it fills; empty: none",
    "counts_for_risk": "Whether what it finds counts for the risk: it is of level exposed",
    "ports": "The ports it is about",
    "controls": "What frameworks ask for with it",
    "proven": "Whether the policy was read for the group's account and region; false: it may have found it",
    "risk_proven": "Whether all answers support the risk; false: it is the worst that missing answers leave possible",
    "is_waived": "Whether it is waived: of a group, every finding that gives it its risk",
    "regions": "The regions it is about",
    "policies": "The Custodian policies it is about",
    "cells": "How many cells (account × region × policy) it is about",
    "attachment_rows": "Leads to its rows on the tab attachments",
    "aws_console": "Leads to it in the AWS console",
    "status": "denied: AWS said no; failed: anything else went wrong; skipped: never tried",
    "code": "The error's code",
    "message": "What AWS or Custodian said",
    "fact": "What a report says first",
    "resource": "What Custodian calls the type of resource",
    "resources": "How many the policy found",
    "what_to_do": "What makes it readable the next time",
}

#: Of every row of a resource, before what the resource has itself.
PLACE = ("account_profile", "account_id", "region")

# Of tables that have columns of others too, the report's own.
_OWN = {
    Kind.RESOURCES: frozenset({*PLACE, TAGS}),
    Kind.GROUPS: frozenset(OWN_COLUMNS),
    Kind.FINDINGS: frozenset(OWN_COLUMNS),
}


def is_own(table: Table, column: str) -> bool:
    """Whether a column is the report's own. One that a policy, `--field`, a resource or an account brings may be
    called as any of another table."""
    return column in DESCRIPTIONS and column in _OWN.get(table.kind, DESCRIPTIONS)


def description(table: Table, column: str) -> str:
    """What a column means; empty where nobody says."""
    return table.descriptions.get(column) or (DESCRIPTIONS[column] if is_own(table, column) else "")
