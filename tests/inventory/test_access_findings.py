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
        pytest.param(
            {("alpha", HERE): [external(finding(WEB) | {"resource": None}, finding(BATCH))]},
            [WEB, BATCH],
            "external access: batch, unknown; unused access: no analyzer",
            id="of a role that is not named",
        ),
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


# The column. Roles are read by --iam, so that there is a role behind an instance at all.

IAM = {"name": "iam-authorization", "resource": "aws.iam-authorization", "filtered": False, "report": {}}
COLUMN = "access_findings"
FRONT, BACK = rundir.group("sg-front"), rundir.group("sg-back", "back")


def box(number: int, name: str, *groups: Any, account: str = ALPHA) -> Any:
    """An instance with the instance profile of a role."""
    arn = f"arn:aws:iam::{account}:instance-profile/{name}"
    return rundir.instance(f"i-{number}", *groups) | {"IamInstanceProfile": {"Arn": arn, "Id": "AIPA"}}


def detail(name: str, account: str = ALPHA) -> Any:
    return {
        "RoleName": name,
        "Arn": role(name, account),
        "InstanceProfileList": [{"Arn": f"arn:aws:iam::{account}:instance-profile/{name}"}],
        "RolePolicyList": [],
        "AttachedManagedPolicies": [],
    }


def estate(
    folder: Path, analyzers: Any, roles: Any = None, interfaces: Any = None, policies: Any = (IAM, POLICY)
) -> Path:
    """An account with a group on an instance of the role `web` and on one of `batch`, and one on an instance alone."""
    instances = [box(1, "web", FRONT), box(2, "batch", FRONT), rundir.instance("i-3", BACK)]
    there = [
        rundir.interface(f"eni-{number}", group, instance=f"i-{number}")
        for number, group in ((1, FRONT), (2, FRONT), (3, BACK))
    ]
    found = rundir.unit([FRONT, BACK], there if interfaces is None else interfaces, instances)
    names = {policy["name"] for policy in policies}
    if "access-analyzer" in names:
        found["access-analyzer"] = analyzers if isinstance(analyzers, str) else recorded(analyzers)
    units = {("alpha", HERE): found}
    if "iam-authorization" in names:
        units["alpha", "global"] = {"iam-authorization": roles or [detail("web"), detail("batch")]}
    return rundir.write(folder, units, [*POLICIES, *policies])


def told(folder: Path) -> dict[str, str]:
    """What the table of groups says, and that of attachments, by group or interface."""
    rows = {row["security_group_id"]: row[COLUMN] for row in rundir.table(folder, "security_groups")}
    return rows | {row["interface_id"]: row[COLUMN] for row in rundir.table(folder, "attachments")}


def test_groups_and_attachments_say_what_is_behind_them(tmp_path: Path) -> None:
    found = [
        external(finding(WEB)),
        unused(finding(WEB, "UnusedPermission"), finding(BATCH, "UnusedIAMRole")),
    ]
    assert told(estate(tmp_path / "run", found)) == {
        "sg-front": "external access: web; unused role: batch; unused permissions: web",
        "sg-back": "",
        "eni-1": "external access: web; unused permissions: web",
        "eni-2": "external access: none; unused role: batch",
        "eni-3": "",
    }


@pytest.mark.parametrize(
    "analyzers, text",
    [([], "no analyzer"), (DENIED, "unknown"), ("failed", "unknown"), ("skipped", "unknown")],
)
def test_nothing_found_is_not_clean_where_nothing_was_looked_for(
    tmp_path: Path, analyzers: Any, text: str
) -> None:
    front = {"sg-front": text, "eni-1": text, "eni-2": text}
    assert told(estate(tmp_path / "run", analyzers)) == front | {"sg-back": "", "eni-3": ""}


@pytest.mark.parametrize(
    "analyzers, text", [([], "no analyzer"), ([external(finding(WEB)), unused()], "unknown")]
)
def test_roles_that_were_refused_are_unknown_where_there_is_an_analyzer(
    tmp_path: Path, analyzers: Any, text: str
) -> None:
    front = {"sg-front": text, "eni-1": text, "eni-2": text}
    assert told(estate(tmp_path / "run", analyzers, roles=DENIED)) == front | {"sg-back": "", "eni-3": ""}


def test_a_role_that_is_not_among_those_read_is_unknown_beside_those_that_are(tmp_path: Path) -> None:
    run = estate(tmp_path / "run", [external(finding(WEB)), unused()], roles=[detail("web")])
    assert told(run)["sg-front"] == "external access: web, unknown; unused access: none, unknown"


def test_where_not_every_interface_was_read_there_may_be_roles_more(tmp_path: Path) -> None:
    run = estate(tmp_path / "run", [external(finding(WEB)), unused()], interfaces=DENIED)
    assert told(run)["sg-front"] == "external access: web, unknown; unused access: none, unknown"
    assert told(run)["sg-back"] == "unknown"


@pytest.mark.parametrize("policies", [(), (IAM,)])
def test_a_run_that_did_not_ask_has_no_such_column(tmp_path: Path, policies: Any) -> None:
    run = estate(tmp_path / "run", [], policies=policies)
    for name in ("security_groups", "attachments", "ssh_open"):
        assert all(COLUMN not in row for row in rundir.table(run, name))


def test_the_column_stands_beside_those_of_the_roles(tmp_path: Path) -> None:
    run = estate(tmp_path / "run", [])
    for name in ("security_groups", "attachments"):
        columns = list(rundir.table(run, name)[0])
        assert columns[columns.index("imdsv1") + 1] == COLUMN


def test_an_organizations_analyzer_tells_of_instances_in_another_account(tmp_path: Path) -> None:
    """In a shared VPC, too: the group is alpha's, and on it is an instance of beta's."""
    shared = rundir.interface("eni-1", FRONT, owner="beta", instance="i-1")
    theirs = role("web", BETA)
    units = {
        ("alpha", HERE): rundir.unit([FRONT], [shared])
        | {"access-analyzer": recorded([analyzer(ALPHA, HERE, "ORGANIZATION", finding(theirs))])},
        ("beta", HERE): rundir.unit([], [shared], [box(1, "web", FRONT, account=BETA)])
        | {"access-analyzer": []},
        ("alpha", "global"): {"iam-authorization": [detail("web")]},
        ("beta", "global"): {"iam-authorization": [detail("web", BETA)]},
    }
    run = rundir.write(tmp_path / "run", units, [*POLICIES, IAM, POLICY])
    text = "external access: web; unused access: no analyzer"
    assert told(run) == {"sg-front": text, "eni-1": text}
