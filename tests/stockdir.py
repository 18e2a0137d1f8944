"""Output of stock Custodian written by hand: a folder a policy, with the metadata.json that Custodian leaves."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from reporter.accounts.expected import PlannedAccount
from reporter.inventory.audit import Audit, read_audit
from reporter.output.reading import open_output
from tests.rundir import built

#: Seconds since 1970: 23 and 30 November 2025.
LAST_WEEK, TODAY = 1_763_856_000.0, 1_764_460_800.0
US, EU = "us-east-1", "eu-west-1"
ONE, TWO = "111111111111", "222222222222"

EVERY_GROUP = {"name": "sg-all", "resource": "aws.security-group"}
EVERY_INTERFACE = {"name": "enis", "resource": "eni"}
EVERY_INSTANCE = {"name": "instances", "resource": "ec2"}
UNTAGGED_GROUPS = {"name": "sg-untagged", "resource": "security-group", "filters": [{"tag:owner": "absent"}]}
UNTAGGED_INTERFACES = {"name": "eni-untagged", "resource": "eni", "filters": [{"tag:owner": "absent"}]}
UNTAGGED_INSTANCES = {"name": "ec2-untagged", "resource": "ec2", "filters": [{"tag:owner": "absent"}]}

REFUSED = (
    "2025-11-30 00:00:01,000 - custodian.output - ERROR - Error while executing policy\n"
    "Traceback (most recent call last):\n"
    "botocore.exceptions.ClientError: An error occurred (UnauthorizedOperation) when calling the Describe "
    "operation: no\n"
)


def put(
    place: Path,
    policy: Mapping[str, Any],
    found: Iterable[Any] | None,
    *,
    at: float | None = TODAY,
    account_id: str | None = ONE,
    region: str = US,
    regions: Sequence[str] = (),
    metrics: Sequence[tuple[str, float]] = (),
    log: str = "",
    **config: Any,
) -> Path:
    """Write what one run of a policy leaves below a place; None for no resources.json. Returns its folder."""
    folder = place / str(policy["name"])
    folder.mkdir(parents=True, exist_ok=True)
    metadata = {
        "policy": dict(policy),
        "version": "0.9.53",
        "execution": {"id": "x", "start": at, "end_time": (at or 0) + 1, "duration": 1.0},
        "config": {"region": region, "regions": list(regions), "account_id": account_id} | config,
        "sys-stats": {},
        "api-stats": {},
        "metrics": [{"MetricName": name, "Value": value, "Unit": "Count"} for name, value in metrics],
    }
    (folder / "metadata.json").write_text(json.dumps(metadata))
    (folder / "custodian-run.log").write_text(log)
    if found is not None:
        (folder / "resources.json").write_text(json.dumps(list(found)))
    return folder


def read(place: Path, *expected: PlannedAccount) -> Audit:
    return read_audit(open_output(place, expected))[0]


def rows(audit: Audit, name: str) -> list[dict[str, Any]]:
    """The rows of a table, None for what is unknown; none where there is no such table."""
    for table in built(audit):
        if table.name == name:
            frame = table.frame.astype(object)
            return frame.where(frame.notna(), None).to_dict("records")
    return []


def groups(audit: Audit) -> dict[str, dict[str, Any]]:
    """The rows of the security_groups tab by group id."""
    return {row["security_group_id"]: row for row in rows(audit, "security_groups")}


def gaps(audit: Audit) -> list[tuple[str, str, str, str]]:
    """Account, region, policy and code of what was not read."""
    return [(cell.account, cell.region, cell.policy, cell.code) for cell in audit.gaps]
