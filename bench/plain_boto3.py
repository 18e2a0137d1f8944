"""What people write first: boto3, account by account and region by region, the same questions as the policies.

python bench/plain_boto3.py ACCOUNTS.yml OUTPUT [THREADS]
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import yaml


def list_all(client, operation: str, key: str) -> list:
    """Every page of a call."""
    if client.can_paginate(operation):
        return [item for page in client.get_paginator(operation).paginate() for item in page.get(key, ())]
    return getattr(client, operation)().get(key, [])


def look(account: dict, region: str, output: Path) -> None:
    """One account and region."""
    answer = boto3.client("sts").assume_role(RoleArn=account["role"], RoleSessionName="plain")["Credentials"]
    session = boto3.Session(
        aws_access_key_id=answer["AccessKeyId"],
        aws_secret_access_key=answer["SecretAccessKey"],
        aws_session_token=answer["SessionToken"],
        region_name=region,
    )
    ec2 = session.client("ec2")
    prefix_lists = list_all(ec2, "describe_managed_prefix_lists", "PrefixLists")
    for each in prefix_lists:
        entries = ec2.get_managed_prefix_list_entries(PrefixListId=each["PrefixListId"])
        each["Entries"] = entries["Entries"]
    found = {
        "subnets": list_all(ec2, "describe_subnets", "Subnets"),
        "route-tables": list_all(ec2, "describe_route_tables", "RouteTables"),
        "network-acls": list_all(ec2, "describe_network_acls", "NetworkAcls"),
        "prefix-lists": prefix_lists,
        "sg-inventory": list_all(ec2, "describe_security_groups", "SecurityGroups"),
        "eni-inventory": list_all(ec2, "describe_network_interfaces", "NetworkInterfaces"),
        "ec2-inventory": list_all(ec2, "describe_instances", "Reservations"),
        "functions": list_all(session.client("lambda"), "list_functions", "Functions"),
        "launch": list_all(
            session.client("autoscaling"), "describe_launch_configurations", "LaunchConfigurations"
        ),
        "projects": list_all(session.client("codebuild"), "list_projects", "projects"),
        "rules": list_all(session.client("events"), "list_rules", "Rules"),
        "batch": list_all(session.client("batch"), "describe_compute_environments", "computeEnvironments"),
    }
    for name, resources in found.items():
        place = output / account["name"] / region / name
        place.mkdir(parents=True)
        (place / "resources.json").write_text(json.dumps(resources, default=str))


def main() -> None:
    accounts = yaml.safe_load(Path(sys.argv[1]).read_text())["accounts"]
    output = Path(sys.argv[2])
    work = [(account, region, output) for account in accounts for region in account["regions"]]
    with ThreadPoolExecutor(int(sys.argv[3]) if len(sys.argv) > 3 else 1) as threads:
        list(threads.map(lambda each: look(*each), work))


if __name__ == "__main__":
    main()
