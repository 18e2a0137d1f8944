"""Findings in the AWS Security Finding Format: files that `aws securityhub batch-import-findings` takes.

https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html has the format, and
https://docs.aws.amazon.com/securityhub/latest/partnerguide/guidelines-batchimportfindings.html what an import takes.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from reporter import __version__
from reporter.aws import regions
from reporter.findings.changes import INFORMS
from reporter.inventory.records import Group, Permission
from reporter.names import is_account_id, printable
from reporter.report import console
from reporter.report.finding_records import TOOL, FindingRecord, FindingRecords, Outcome, Place
from reporter.report.formats._finding_texts import (
    description,
    group_arn,
    how_to_remedy,
    requirements,
    short,
    tags,
    title,
    uid,
)
from reporter.report.table import Table
from reporter.wording import some

SHOWS_FINDINGS = True

_MOST = 100  # findings in an import
_FINDING, _IMPORT = 240_000, 6_000_000  # bytes
_AROUND = len('{"Findings": []}')
_MAX_REGION = 16
_MAX_NAME, _MAX_TITLE, _MAX_DESCRIPTION, _MAX_TEXT = 512, 256, 1024, 512
_MAX_FIELD = 2048
_MAX_TAGS, _MAX_KEY, _MAX_VALUE = 50, 128, 256
_MAX_REQUIREMENTS = 32
_NAMED = 3  # accounts in a line

#: What the format calls partitions; those of newer ones are left out.
_PARTITIONS = {
    "aws": "aws",
    "aws-cn": "aws-cn",
    "aws-us-gov": "aws-us-gov",
    "aws-iso": "aws-us-iso",
    "aws-iso-b": "aws-us-iso-b",
}
_SEVERITIES = {"critical": "CRITICAL", "high": "HIGH", "medium": "MEDIUM", INFORMS: "INFORMATIONAL"}
_STATUSES = {
    Outcome.FOUND: "FAILED",
    Outcome.POSSIBLE: "WARNING",
    Outcome.GONE: "PASSED",
    Outcome.MOVED: "NOT_AVAILABLE",
}
_BEST_PRACTICES = "Software and Configuration Checks/AWS Security Best Practices"
_NETWORK = f"{_BEST_PRACTICES}/Network Reachability"


def write(stem: Path, tables: Sequence[Table], facts: Sequence[str], findings: FindingRecords) -> list[Path]:
    """Write `<stem>_asff/<account id>/<region>/0001.json` and so on, each a list of at most 100 findings, a finding a
    line, that one import takes. There is no folder where there is nothing to import."""
    folder = stem.with_name(f"{stem.name}_asff")
    # An account may be there under several names, and so more than once.
    numbers: defaultdict[Path, Iterator[int]] = defaultdict(lambda: count(1))
    for place, records in findings.by_place(takes, with_groups=True):
        read = (record for record in records if record.outcome is not Outcome.UNREAD)
        found = (json.dumps(finding(record, findings)) for record in read)
        own = folder / place.account_id / place.region
        for batch in batches(found):
            own.mkdir(parents=True, exist_ok=True)
            (own / f"{next(numbers[own]):04}.json").write_text(
                "[" + ",\n".join(batch) + "]\n", encoding="ascii"
            )
    return [folder] if folder.exists() else []


def notes(tables: Sequence[Table], findings: FindingRecords) -> list[str]:
    """Lines on the findings that no account can import, and where there are none at all."""
    if not any(place.findings for place in findings.places):
        return ["-f asff: there are no findings, and so no files"]
    return [f"-f asff: {line}" for line in not_taken(findings.places)]


def not_taken(places: Iterable[Place]) -> list[str]:
    """Lines on the findings of the places that no account can import."""
    left_out = [place for place in places if place.findings and not takes(place)]
    lines = []
    for why, of_them in (
        ("the id of their account is not known", [place for place in left_out if not _has_id(place)]),
        ("their region is none that AWS has", [place for place in left_out if _has_id(place)]),
    ):
        if of_them:
            accounts = sorted({place.account for place in of_them})
            count = sum(place.findings for place in of_them)
            lines.append(
                f"{count:,} findings are left out, as {why}: {some(accounts, _NAMED, partial(printable, length=60))}"
            )
    return lines


def takes(place: Place) -> bool:
    """Whether an account can import the findings of a place."""
    return _has_id(place) and regions.is_name(place.region) and len(place.region) <= _MAX_REGION


def _has_id(place: Place) -> bool:
    return is_account_id(place.account_id)


def batches(findings: Iterable[str]) -> Iterator[list[str]]:
    """Findings in JSON, as many together as an import takes."""
    batch: list[str] = []
    size = _AROUND
    for finding in findings:
        if batch and (len(batch) == _MOST or size + len(finding) > _IMPORT):
            yield batch
            batch, size = [], _AROUND
        batch.append(finding)
        size += len(finding) + len(",\n")
    if batch:
        yield batch


def finding(record: FindingRecord, findings: FindingRecords) -> dict[str, Any]:
    """The finding in the format, without the group's rules where there is no room for them.

    Its size is that of its JSON in ASCII: the AWS CLI takes a file for what the locale says, and sends it, as botocore
    does, with the blanks that `json` puts in, which count.
    """
    found = _finding(record, regions.partition_of(record.place.region), findings)
    if len(json.dumps(found)) > _FINDING:
        details = found["Resources"][0]["Details"]["AwsEc2SecurityGroup"]
        for rules in ("IpPermissionsEgress", "IpPermissions"):
            details.pop(rules, None)
        found["ProductFields"]["RulesLeftOut"] = "more than a finding has room for"
    return found


def time_of(findings: FindingRecords) -> str:
    """When the newest of the findings was read, as all of them have it: `UpdatedAt`."""
    return f"{findings.updated:%Y-%m-%dT%H:%M:%S}.{findings.updated.microsecond // 1000:03}Z"


def _finding(record: FindingRecord, partition: str, findings: FindingRecords) -> dict[str, Any]:
    place, updated = record.place, time_of(findings)
    first_seen = f"{record.first_seen}T00:00:00.000Z" if record.first_seen else ""
    gone = record.is_closed
    return _filled(
        {
            "SchemaVersion": "2018-10-08",
            "Id": uid(record),
            "ProductArn": _default_product(place, partition),
            "GeneratorId": short(record.policy.name, _MAX_NAME),
            "AwsAccountId": place.account_id,
            "CreatedAt": first_seen or updated,
            "UpdatedAt": updated,
            "FirstObservedAt": first_seen,
            "Title": short(title(record), _MAX_TITLE),
            "Description": short(description(record), _MAX_DESCRIPTION),
            "FindingProviderFields": {
                "Severity": {
                    "Label": "INFORMATIONAL" if gone else _SEVERITIES[record.level],
                    "Original": "none" if gone else record.told_level,
                },
                "Types": [_NETWORK if record.policy.exposed else _BEST_PRACTICES],
            },
            "Compliance": _filled(
                {
                    "Status": _STATUSES[record.outcome],
                    "RelatedRequirements": requirements(record)[:_MAX_REQUIREMENTS],
                }
            ),
            "RecordState": "ARCHIVED" if gone else "ACTIVE",
            "Remediation": {
                "Recommendation": _filled(
                    {"Text": short(record.next_step, _MAX_TEXT), "Url": how_to_remedy(record, partition)}
                )
            },
            "SourceUrl": console.group_url(place.region, record.group_id),
            "Resources": [_resource(record, partition)],
            "ProductFields": _product_fields(record),
            **(_suppressed(record, updated) if record.is_waived else {}),
        }
    )


def _default_product(place: Place, partition: str) -> str:
    """The ARN of the product that an account has for findings of its own.

    https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-custom-providers.html
    """
    account_id = place.account_id
    return f"arn:{partition}:securityhub:{place.region}:{account_id}:product/{account_id}/default"


def _suppressed(record: FindingRecord, updated: str) -> dict[str, Any]:
    """What Security Hub takes of a waiver when it makes the finding, and passes over ever after: that is its users'."""
    text = short(f"Waived {record.waived}", _MAX_TEXT)
    return {
        "Workflow": {"Status": "SUPPRESSED"},
        "Note": {"Text": text, "UpdatedBy": TOOL, "UpdatedAt": updated},
    }


def _product_fields(record: FindingRecord) -> dict[str, str]:
    fields = {
        "ProviderName": TOOL,
        "ProviderVersion": __version__,
        "AccountName": record.place.account,
        "Level": record.told_level,
        "InUse": record.told_in_use,
        "Reachable": record.reachable,
        "ReachableOn": ", ".join(record.reachable_on),
        "RolePower": record.role_power,
        "MatchedRules": "not told" if record.matched_rules is None else ", ".join(record.matched_rules),
        "Waived": record.waived,
        "GoneBecause": record.reason,
    }
    if record.is_closed:  # of which nothing else is known
        fields = {
            name: fields[name] for name in ("ProviderName", "ProviderVersion", "AccountName", "GoneBecause")
        }
    return _filled({name: short(text, _MAX_FIELD) for name, text in fields.items()})


def _resource(record: FindingRecord, partition: str) -> dict[str, Any]:
    group = record.recorded
    details = {
        "GroupName": short(record.group_name, _MAX_FIELD),
        "GroupId": short(record.group_id, _MAX_FIELD),
        "OwnerId": (group and group.owner_id) or record.place.account_id,
        "VpcId": short(record.vpc_id, _MAX_FIELD),
        **(_rules(group) if group else {}),
    }
    short_tags = {
        short(key, _MAX_KEY): short(value, _MAX_VALUE)
        for key, value in list(tags(record).items())[:_MAX_TAGS]
    }
    return _filled(
        {
            "Type": "AwsEc2SecurityGroup",
            "Id": short(group_arn(record, partition), _MAX_NAME),
            "Partition": _PARTITIONS.get(partition, ""),
            "Region": record.place.region,
            "Tags": short_tags,
            "Details": {"AwsEc2SecurityGroup": _filled(details)},
        }
    )


def _rules(group: Group) -> dict[str, list[Any]]:
    return {
        "IpPermissions": list(map(_permission, group.ip_permissions)),
        "IpPermissionsEgress": list(map(_permission, group.ip_permissions_egress)),
    }


def _permission(permission: Permission) -> dict[str, Any]:
    return _filled(
        {
            "IpProtocol": permission.ip_protocol,
            "FromPort": permission.from_port,
            "ToPort": permission.to_port,
            "IpRanges": _each({"CidrIp": each.cidr_ip} for each in permission.ip_ranges),
            "Ipv6Ranges": _each({"CidrIpv6": each.cidr_ipv6} for each in permission.ipv6_ranges),
            "PrefixListIds": _each(
                {"PrefixListId": each.prefix_list_id} for each in permission.prefix_list_ids
            ),
            "UserIdGroupPairs": _each(
                {"GroupId": each.group_id, "GroupName": each.group_name}
                for each in permission.user_id_group_pairs
            ),
        }
    )


def _each(sources: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [source for source in map(_filled, sources) if source]


def _filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields without those that have nothing: the format takes no text that is empty or blank."""
    return {
        name: value
        for name, value in fields.items()
        if value is not None and (value.strip() if isinstance(value, str) else value not in ([], {}))
    }
