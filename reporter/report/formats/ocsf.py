"""Findings as events of the Open Cybersecurity Schema Framework, which is what SIEMs take.

https://schema.ocsf.io/1.3.0/classes/compliance_finding has the class; times are milliseconds since 1970.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from reporter import __version__
from reporter.aws import regions
from reporter.findings.changes import INFORMS
from reporter.names import clean
from reporter.output.manifest import UNKNOWN_REGION
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

SHOWS_FINDINGS = True

_VERSION = "1.3.0"
_CATEGORY, _CLASS = (2, "Findings"), (2003, "Compliance Finding")
_CREATE, _UPDATE, _CLOSE = (1, "Create"), (2, "Update"), (3, "Close")
_NEW, _SUPPRESSED, _RESOLVED = (1, "New"), (3, "Suppressed"), (4, "Resolved")
_AWS_ACCOUNT, _RULE = (10, "AWS Account"), (1, "Rule")
_UNKNOWN, _INFORMATIONAL = (0, "Unknown"), (1, "Informational")
_SEVERITIES = {
    "critical": (5, "Critical"),
    "high": (4, "High"),
    "medium": (3, "Medium"),
    INFORMS: _INFORMATIONAL,
}
_ANSWERS = {
    Outcome.FOUND: (3, "Fail"),
    Outcome.POSSIBLE: (2, "Warning"),
    Outcome.GONE: (1, "Pass"),
    Outcome.MOVED: _UNKNOWN,
    Outcome.UNREAD: _UNKNOWN,
}
_MAX_TEXT = 1024  # bytes: the schema has no limit, and nobody reads more


def write(stem: Path, tables: Sequence[Table], facts: Sequence[str], findings: FindingRecords) -> list[Path]:
    """Write `<stem>_ocsf.jsonl`: an event a line, for each finding and each policy that was not read in an account and
    region."""
    path = stem.with_name(f"{stem.name}_ocsf.jsonl")
    with path.open("wb") as file:
        for place, records in findings.by_place():
            partition = regions.partition_of(place.region)
            file.writelines(_line(_event(record, partition)) for record in records)
    return [path]


def _line(event: dict[str, Any]) -> bytes:
    """The event as a line, with an id that no other event has, and that is the same where the report is made again."""
    event["metadata"]["uid"] = sha256(msgspec.json.encode(event)).hexdigest()[:32]
    return msgspec.json.encode(event) + b"\n"


def _event(record: FindingRecord, partition: str) -> dict[str, Any]:
    activity, status = _activity_and_status(record)
    gone = record.is_closed
    severity = _INFORMATIONAL if gone else _SEVERITIES.get(record.level, _UNKNOWN)
    return _filled(
        {
            "category_uid": _CATEGORY[0],
            "category_name": _CATEGORY[1],
            "class_uid": _CLASS[0],
            "class_name": _CLASS[1],
            "activity_id": activity[0],
            "activity_name": activity[1],
            "type_uid": _CLASS[0] * 100 + activity[0],
            "type_name": f"{_CLASS[1]}: {activity[1]}",
            "time": _milliseconds(record.seen),
            "severity_id": severity[0],
            "severity": severity[1],
            "status_id": status[0],
            "status": status[1],
            "message": short(title(record), _MAX_TEXT),
            "comment": short(f"Waived {record.waived}", _MAX_TEXT) if record.waived else "",
            "metadata": {
                "version": _VERSION,
                "profiles": ["cloud"],
                "product": {"name": TOOL, "vendor_name": TOOL, "version": __version__},
            },
            "cloud": _cloud(record.place),
            "compliance": _compliance(record),
            "finding_info": _finding_info(record),
            "resources": [_resource(record, partition)],
            "remediation": _remediation(record, partition),
        }
    )


def _activity_and_status(record: FindingRecord) -> tuple[tuple[int, str], tuple[int, str]]:
    match record.outcome:
        case Outcome.UNREAD:
            return _UNKNOWN, _UNKNOWN
        case Outcome.GONE | Outcome.MOVED:
            return _CLOSE, _RESOLVED
    return _CREATE if record.is_new else _UPDATE, _SUPPRESSED if record.is_waived else _NEW


def _cloud(place: Place) -> dict[str, Any]:
    return _filled(
        {
            "provider": "AWS",
            "region": "" if place.region == UNKNOWN_REGION else clean(place.region),
            "account": _filled(
                {
                    "uid": place.account_id,
                    "name": clean(place.account),
                    "type_id": _AWS_ACCOUNT[0],
                    "type": _AWS_ACCOUNT[1],
                }
            ),
        }
    )


def _compliance(record: FindingRecord) -> dict[str, Any]:
    controls = requirements(record)
    named = (control.partition("/")[0].strip() for control in controls if "/" in control)
    standards = dict.fromkeys(name for name in named if name)
    answer = _ANSWERS[record.outcome]
    return {
        "control": clean(record.policy.name),
        "standards": list(standards),  # which the class asks for, also where a policy names none
        **_filled(
            {
                "requirements": controls,
                "status_id": answer[0],
                "status": answer[1],
                "status_detail": short(record.reason, _MAX_TEXT),
            }
        ),
    }


def _finding_info(record: FindingRecord) -> dict[str, Any]:
    policy, place = record.policy, record.place
    first_seen = datetime.fromisoformat(record.first_seen).replace(tzinfo=UTC) if record.first_seen else None
    return _filled(
        {
            "uid": uid(record),
            "title": short(title(record), _MAX_TEXT),
            "desc": short(description(record), _MAX_TEXT),
            "analytic": {
                "uid": clean(policy.name),
                "name": short(policy.title, _MAX_TEXT),
                "type_id": _RULE[0],
                "type": _RULE[1],
            },
            "first_seen_time": _milliseconds(first_seen) if first_seen else None,
            "last_seen_time": _milliseconds(record.seen) if record.outcome is Outcome.FOUND else None,
            "src_url": console.group_url(place.region, record.group_id),
        }
    )


def _resource(record: FindingRecord, partition: str) -> dict[str, Any]:
    place = record.place
    region = "" if place.region == UNKNOWN_REGION else clean(place.region)
    if record.outcome is Outcome.UNREAD:
        return _filled(
            {
                "type": "AWS::::Account",
                "uid": place.account_id,
                "name": clean(place.account),
                "region": region,
                "cloud_partition": partition,
            }
        )
    known = not record.is_closed
    data = {
        "level": record.told_level,
        "matched_rules": list(record.matched_rules or ()),
        "in_use": record.told_in_use,
        "reachable": record.reachable,
        "reachable_on": list(record.reachable_on),
        "role_power": record.role_power,
        "vpc_id": record.vpc_id,
    }
    return _filled(
        {
            "type": "AWS::EC2::SecurityGroup",
            "uid": group_arn(record, partition) or record.group_id,
            "name": clean(record.group_name),
            "region": region,
            "cloud_partition": partition,
            "labels": [clean(f"{key}={value}") for key, value in tags(record).items()],
            "data": _filled(data) if known else {},
        }
    )


def _remediation(record: FindingRecord, partition: str) -> dict[str, Any]:
    if not record.next_step:
        return {}
    return {"desc": short(record.next_step, _MAX_TEXT), "references": [how_to_remedy(record, partition)]}


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields without those that have nothing."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}
