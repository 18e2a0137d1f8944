"""What each column of the report means."""

from reporter.findings.risk import LEVELS

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
    "has_ssh_open_world": "One and the same ingress rule lets TCP port 22 in and names 0.0.0.0/0 or ::/0",
    "in_use": "A network interface of any scanned account, or an instance, carries the group",
    "attached_eni_count": "How many network interfaces carry it",
    "attached_resources": "Those interfaces, then the instances that carry the group",
    "ssh_rules": "Its SSH rules: source -> ports",
    "risk": "critical: exposed (SSH open to the world, or caught by another policy of level exposed) and in use; "
    "high: default group on an instance; medium: exposed, not in use; low: not in use; none: otherwise",
    "risk_note": "Filled where an answer is missing: the risk is then the worst that is possible, and not proven",
    "matched_rules": "The rules by which the tab's policies caught the group, as far as that can be told",
    "unused": "Nothing refers to it: no interface, launch configuration, Lambda function, CodeBuild "
    "project, Batch environment, scheduled ECS task or other group's rule",
    "instances": "Names and states of those instances",
    "description": "Its description",
    "tags": "Its tags: key=value",
    "interface_id": "Id of the network interface; empty where only the instance's record names the group",
    "interface_type": "What AWS calls the kind of interface",
    "interface_description": "Its description: names the load balancer, Lambda function, … it is for",
    "private_ip": "Its primary private IPv4 address",
    "public_ip": "Its public IPv4 address, if any",
    "instance_id": "The instance it is attached to, if any",
    "instance_name": "That instance's Name tag",
    "instance_state": "That instance's state when the audit ran",
    "interface_account": "The account the interface was found in: another one's in a shared VPC",
    "scope": "What the counts are of: all groups, an account, a region",
    "name": "Which account or region",
    **{level: f"How many groups are of risk {level}, as all answers support" for level in LEVELS},
    **{
        f"{level}_possible": f"How many groups may be of risk {level}, as far as missing answers leave it open"
        for level in LEVELS[:-1]
    },
    "groups": "How many groups in all",
    "cells_not_read": "How many account × region × policy cells could not be read: the coverage tab lists them",
    "policy": "The Custodian policy",
    "status": "denied: AWS said no; failed: anything else went wrong; skipped: never tried",
    "code": "The error's code",
    "message": "What AWS or Custodian said",
    "resource": "What Custodian calls the type of resource",
    "resources": "How many the policy found",
    "what_to_do": "What makes it readable the next time",
}
