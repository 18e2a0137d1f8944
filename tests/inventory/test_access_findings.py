"""What recorded answers of Access Analyzer say of roles, in words."""

from pathlib import Path
from typing import Any

import pytest

from reporter.inventory import access_findings
from reporter.inventory.access_findings import AccessFindings
from reporter.inventory.audit import read_units
from reporter.output.reading import open_output
from tests import rundir
from tests.access_analyzer import analyzer, finding, recorded
from tests.rundir import ACCOUNT_IDS, DENIED, POLICIES

ALPHA, BETA, GAMMA = ACCOUNT_IDS.values()
HERE, THERE = "eu-west-1", "us-east-1"
POLICY = {"name": "access-analyzer", "resource": "aws.access-analyzer", "filtered": False, "report": {}}
UNUSED = "ACCOUNT_UNUSED_ACCESS"


def role(name: str, account: str = ALPHA) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


WEB, DATABASE, BATCH = role("web"), role("service/database"), role("batch")


def read(folder: Path, cells: dict[tuple[str, str], Any]) -> AccessFindings:
    """The findings of a run with these cells: analyzers, or what came of it instead."""
    units = {
        place: {"access-analyzer": found if isinstance(found, str) else recorded(found)}
        for place, found in cells.items()
    }
    rundir.write(folder, units, [*POLICIES, POLICY])
    output = open_output(folder)
    found = access_findings.of_units(read_units(output), output.policies)
    assert found
    return found


def external(*findings: Any, account: str = ALPHA, region: str = HERE, **more: Any) -> Any:
    return analyzer(account, region, "ACCOUNT", *findings, **more)


def unused(*findings: Any, account: str = ALPHA, region: str = HERE, **more: Any) -> Any:
    return analyzer(account, region, UNUSED, *findings, **more)


@pytest.mark.parametrize(
    "cells, roles, text",
    [
        pytest.param({("alpha", HERE): []}, [WEB], "no analyzer", id="none"),
        pytest.param({("alpha", HERE): []}, [], "", id="no role"),
        pytest.param({("alpha", HERE): DENIED}, [WEB], "unknown", id="refused"),
        pytest.param({("alpha", HERE): "failed"}, [WEB], "unknown", id="failed"),
        pytest.param({("alpha", HERE): "skipped"}, [WEB], "unknown", id="skipped"),
        pytest.param(
            {("alpha", HERE): [], ("alpha", THERE): DENIED}, [WEB], "unknown", id="refused in one region"
        ),
        pytest.param(
            {("alpha", HERE): [external()], ("alpha", THERE): DENIED},
            [WEB],
            "external access: none; unused access: unknown",
            id="another region tells",
        ),
        pytest.param({("alpha", HERE): [external(), unused()]}, [WEB], "none", id="nothing found"),
        pytest.param(
            {("alpha", HERE): [external()]},
            [WEB],
            "external access: none; unused access: no analyzer",
            id="one kind only",
        ),
        pytest.param(
            {("alpha", HERE): [external(finding(WEB), finding(WEB, id="2"))]},
            [WEB, DATABASE],
            "external access: web; unused access: no analyzer",
            id="external access",
        ),
        pytest.param(
            {
                ("alpha", HERE): [
                    external(),
                    unused(finding(BATCH, "UnusedIAMRole"), finding(DATABASE, "UnusedPermission")),
                ]
            },
            [WEB, DATABASE, BATCH],
            "external access: none; unused role: batch; unused permissions: database",
            id="unused access",
        ),
        pytest.param(
            {
                ("alpha", HERE): [external(finding(WEB), finding(BATCH))],
                ("alpha", THERE): [external(finding(WEB), region=THERE), unused(region=THERE)],
            },
            [BATCH, WEB],
            "external access: batch, web; unused access: none",
            id="told in each region",
        ),
        pytest.param(
            {("alpha", HERE): [external(finding(WEB, status="ARCHIVED")), unused()]},
            [WEB],
            "none",
            id="archived",
        ),
        pytest.param(
            {
                ("alpha", HERE): [
                    external(finding(WEB, resourceType="AWS::S3::Bucket")),
                    unused(finding(WEB, "UnusedIAMUserPassword", resourceType="AWS::IAM::User")),
                ]
            },
            [WEB],
            "none",
            id="not of roles",
        ),
        pytest.param(
            {("alpha", HERE): [external(finding(WEB, error="ACCESS_DENIED")), unused()]},
            [WEB, DATABASE],
            "external access: none, unknown; unused access: none",
            id="one could not be analyzed",
        ),
        pytest.param(
            {
                ("alpha", HERE): [external(finding(WEB, error="INTERNAL_ERROR"))],
                ("alpha", THERE): [external(finding(WEB), region=THERE)],
            },
            [WEB],
            "external access: web; unused access: no analyzer",
            id="and could in another region",
        ),
        *(
            pytest.param(
                {("alpha", HERE): [external(finding(WEB), status=status), unused()]},
                [DATABASE],
                "external access: analyzer not active; unused access: none",
                id=status.lower(),
            )
            for status in ("CREATING", "DISABLED", "FAILED")
        ),
        pytest.param(
            {("alpha", HERE): [external(status="FAILED")], ("alpha", THERE): DENIED},
            [WEB],
            "unknown",
            id="failed, and refused in another region",
        ),
        pytest.param(
            {("alpha", HERE): [unused(finding(WEB, "UnusedServices"), finding(BATCH, "UnusedIAMRole"))]},
            [WEB, BATCH],
            "external access: no analyzer; unused role: batch; unused access: web",
            id="a type of finding that is not known",
        ),
        pytest.param(
            {("alpha", HERE): [analyzer(ALPHA, HERE, "ACCOUNT_PUBLIC_ACCESS", finding(WEB, "PublicAccess"))]},
            [WEB],
            "external access: no analyzer; unused access: no analyzer; other findings: web",
            id="a type of analyzer that is not known",
        ),
        pytest.param(
            {("alpha", HERE): [analyzer(ALPHA, HERE, "ACCOUNT_INTERNAL_ACCESS")]},
            [WEB],
            "no analyzer",
            id="internal access is not of roles",
        ),
        pytest.param(
            {("alpha", HERE): [external(*(finding(role(f"r{number}")) for number in range(8))), unused()]},
            [role(f"r{number}") for number in range(7)],
            "external access: r0, r1, r2, r3, r4, … (+2 more); unused access: none",
            id="many",
        ),
        pytest.param(
            {("alpha", HERE): [external(), unused()]},
            [role("web", "999999999999")],
            "unknown",
            id="an account that the run has not",
        ),
    ],
)
def test_what_an_account_has_of_its_own(tmp_path: Path, cells: Any, roles: list[str], text: str) -> None:
    assert read(tmp_path / "run", cells).text(roles) == text


THEIRS = finding(role("theirs", BETA))


@pytest.mark.parametrize(
    "cells, roles, text",
    [
        pytest.param(
            {("alpha", HERE): [analyzer(ALPHA, HERE, "ORGANIZATION", THEIRS)], ("beta", HERE): []},
            [role("theirs", BETA)],
            "external access: theirs; unused access: no analyzer",
            id="found in another account",
        ),
        pytest.param(
            {("alpha", HERE): [analyzer(ALPHA, HERE, "ORGANIZATION", THEIRS)], ("beta", HERE): DENIED},
            [role("other", BETA)],
            "external access: none; unused access: unknown",
            id="found on another role of an account that refused",
        ),
        pytest.param(
            {("alpha", HERE): [analyzer(ALPHA, HERE, "ORGANIZATION")], ("beta", HERE): []},
            [role("theirs", BETA)],
            "external access: unknown; unused access: no analyzer",
            id="found nothing there: it may not watch that account",
        ),
        pytest.param(
            {("alpha", HERE): [analyzer(ALPHA, HERE, "ORGANIZATION")], ("beta", HERE): []},
            [WEB],
            "external access: none; unused access: no analyzer",
            id="watches the account it is in",
        ),
        pytest.param(
            {
                ("alpha", HERE): [analyzer(ALPHA, HERE, "ORGANIZATION", status="DISABLED")],
                ("beta", HERE): [],
            },
            [role("theirs", BETA)],
            "no analyzer",
            id="disabled, it watches no other account",
        ),
        pytest.param(
            {("alpha", HERE): [external(finding(WEB))], ("beta", HERE): [], ("gamma", HERE): DENIED},
            [WEB, role("web", BETA), role("web", GAMMA)],
            "external access: web, no analyzer, unknown; unused access: no analyzer, unknown",
            id="roles of three accounts",
        ),
        pytest.param(
            {
                ("alpha", HERE): [analyzer(ALPHA, HERE, "ORGANIZATION", THEIRS)],
                ("beta", HERE): [
                    external(finding(role("theirs", BETA)), account=BETA),
                    unused(finding(role("theirs", BETA), "UnusedPermission"), account=BETA),
                ],
            },
            [role("theirs", BETA)],
            "external access: theirs; unused permissions: theirs",
            id="an account's own beside the organization's",
        ),
    ],
)
def test_an_organizations_analyzer_tells_of_other_accounts(
    tmp_path: Path, cells: Any, roles: list[str], text: str
) -> None:
    assert read(tmp_path / "run", cells).text(roles) == text


def test_roles_that_are_not_known_are_unknown_where_there_is_an_analyzer(tmp_path: Path) -> None:
    found = read(tmp_path / "run", {("alpha", HERE): [external(finding(WEB)), unused()], ("beta", HERE): []})
    assert found.text([], unknown_in=[ALPHA]) == "unknown"
    assert found.text([], unknown_in=[BETA]) == "no analyzer"
    assert found.text([], unknown_in=[GAMMA]) == "unknown"
    assert (
        found.text([WEB], unknown_in=[ALPHA]) == "external access: web, unknown; unused access: none, unknown"
    )


def test_a_record_that_cannot_be_read_makes_what_is_not_told_unknown(tmp_path: Path) -> None:
    good, bad = external(finding(WEB)), unused() | {"status": 7}
    found = read(tmp_path / "run", {("alpha", HERE): [good, bad]})
    assert found.text([WEB]) == "external access: web; unused access: unknown"
