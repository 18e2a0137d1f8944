"""What moto lacks where findings are imported: the gap that `moto_securityhub_gaps` fills."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[..., Any]

ACCOUNT, OTHER, REGION = "830000000001", "830000000002", "us-east-1"


def finding(account: str = ACCOUNT, updated: str = "2026-11-18T00:00:00.000Z", **more: Any) -> dict[str, Any]:
    return {
        "SchemaVersion": "2018-10-08",
        "Id": "one",
        "ProductArn": f"arn:aws:securityhub:{REGION}:{account}:product/{account}/default",
        "GeneratorId": "policy",
        "AwsAccountId": account,
        "CreatedAt": "2026-11-18T00:00:00.000Z",
        "UpdatedAt": updated,
        "Title": "Title",
        "Description": "Description",
        "Resources": [{"Type": "Other", "Id": "it"}],
    } | more


def given(severity: str) -> dict[str, Any]:
    return {"FindingProviderFields": {"Severity": {"Label": severity}, "Types": ["Mine"]}}


def test_only_an_account_that_has_it_enabled_imports_its_own_findings(client: Client) -> None:
    hub = client("securityhub", ACCOUNT)
    with pytest.raises(ClientError, match=r"InvalidAccessException.*not subscribed to AWS Security Hub"):
        hub.batch_import_findings(Findings=[finding()])
    hub.enable_security_hub()
    with pytest.raises(ClientError, match="AccessDeniedException"):
        hub.batch_import_findings(Findings=[finding(), finding(OTHER)])
    assert hub.get_findings()["Findings"] == []
    hub.batch_import_findings(Findings=[finding(Workflow={"Status": "SUPPRESSED"}, **given("HIGH"))])
    assert hub.get_findings()["Findings"][0]["Severity"] == {"Label": "HIGH"}

    # What is not newer, and what is its users', is passed over.
    answer = hub.batch_import_findings(Findings=[finding(Title="Other")])
    assert (answer["SuccessCount"], answer["FailedCount"]) == (1, 0)
    later = finding(
        updated="2026-11-19T00:00:00.000Z", Title="Newer", Workflow={"Status": "NEW"}, **given("LOW")
    )
    hub.batch_import_findings(Findings=[later])
    [found] = hub.get_findings()["Findings"]
    assert (found["Title"], found["Workflow"]) == ("Newer", {"Status": "SUPPRESSED"})
    assert (found["Severity"], found["Types"]) == ({"Label": "LOW"}, ["Mine"])
