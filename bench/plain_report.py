"""The plainest way to the same workbook: json.load, pandas merges, to_excel. What the reporter is measured against.

python bench/plain_report.py FOLDER REPORT.xlsx [--no-workbook]
"""

import json
import sys
from pathlib import Path

import pandas as pd


def load(folder: Path, policy: str) -> pd.DataFrame:
    """All resources of a policy, with account and region."""
    rows = []
    for path in sorted(folder.glob(f"*/*/{policy}/resources.json")):
        with path.open() as file:
            for resource in json.load(file):
                resource["account"], resource["region"] = path.parts[-4], path.parts[-3]
                rows.append(resource)
    return pd.DataFrame(rows)


def ssh_rules(permissions: list[dict]) -> str:
    """SOURCE -> PORTS of the rules that let port 22 in."""
    rules = []
    for rule in permissions:
        if rule["IpProtocol"] == "-1" or (
            rule["IpProtocol"] == "tcp" and rule["FromPort"] <= 22 <= rule["ToPort"]
        ):
            rules += [f"{source['CidrIp']} -> {rule['FromPort']}" for source in rule["IpRanges"]]
    return ", ".join(rules)


def main() -> None:
    folder, report = Path(sys.argv[1]), Path(sys.argv[2])
    groups = load(folder, "sg-inventory")
    for policy, column in {
        "sg-default": "is_default",
        "sg-ssh-open": "has_ssh_rule",
        "sg-ssh-world": "has_ssh_open_world",
        "sg-unused": "unused",
    }.items():
        found = load(folder, policy)
        groups[column] = groups["GroupId"].isin(found["GroupId"] if len(found) else [])
    groups["ssh_rules"] = groups["IpPermissions"].map(ssh_rules)
    groups["tags"] = groups["Tags"].map(
        lambda tags: ", ".join(f"{tag['Key']}={tag['Value']}" for tag in tags)
    )
    interfaces = load(folder, "eni-inventory").explode("Groups")
    interfaces["GroupId"] = interfaces["Groups"].map(lambda each: each["GroupId"])
    interfaces["InstanceId"] = interfaces["Attachment"].map(lambda each: each.get("InstanceId"))
    instances = load(folder, "ec2-inventory")
    instances["name"] = instances["Tags"].map(
        lambda tags: next(t["Value"] for t in tags if t["Key"] == "Name")
    )
    instances["state"] = instances["State"].map(lambda state: state["Name"])
    attachments = interfaces.merge(groups[["GroupId", "GroupName"]], on="GroupId", how="left").merge(
        instances[["InstanceId", "name", "state"]], on="InstanceId", how="left"
    )
    attached = attachments.groupby("GroupId").agg(
        count=("NetworkInterfaceId", "nunique"),
        interfaces=("NetworkInterfaceId", lambda ids: ", ".join(sorted(ids))),
        instances=("InstanceId", lambda ids: ", ".join(sorted(set(ids.dropna())))),
    )
    groups = groups.merge(attached, on="GroupId", how="left")
    groups["in_use"] = groups["count"].fillna(0) > 0
    on_instance = groups["instances"].fillna("") != ""
    groups["risk"] = "none"
    groups.loc[~groups["in_use"], "risk"] = "low"
    groups.loc[groups["has_ssh_open_world"], "risk"] = "medium"
    groups.loc[groups["is_default"] & on_instance, "risk"] = "high"
    groups.loc[groups["has_ssh_open_world"] & groups["in_use"], "risk"] = "critical"
    groups = groups.drop(columns=["IpPermissions", "IpPermissionsEgress", "Tags"])
    groups = groups.sort_values(["risk", "account", "region", "GroupName"])
    attachments = attachments.drop(columns=["Groups", "Attachment", "PrivateIpAddresses", "TagSet"])
    if "--no-workbook" not in sys.argv:
        with pd.ExcelWriter(report, engine="xlsxwriter") as writer:
            groups[groups["is_default"]].to_excel(writer, sheet_name="default_sg", index=False)
            groups[groups["has_ssh_rule"]].to_excel(writer, sheet_name="ssh_open", index=False)
            groups[groups["has_ssh_open_world"]].to_excel(writer, sheet_name="ssh_world", index=False)
            groups.to_excel(writer, sheet_name="security_groups", index=False)
            attachments.to_excel(writer, sheet_name="attachments", index=False)


if __name__ == "__main__":
    main()
