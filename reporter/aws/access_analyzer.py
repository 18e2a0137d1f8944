"""Asks IAM Access Analyzer which analyzers a region has, and what they found of roles.

ListFindings refuses analyzers of unused and internal access, so ListFindingsV2 is asked of all of them. Both listings
have a paginator of botocore's; IAM calls the second one's action ListFindings
(https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ListFindingsV2.html).
"""

from typing import Any

from botocore.exceptions import ClientError

_ACTIVE = "ACTIVE"  # both an analyzer's status and a finding's
_WANTED = {"status": {"eq": [_ACTIVE]}, "resourceType": {"eq": ["AWS::IAM::Role"]}}


def ask(client: Any) -> list[dict[str, Any]]:
    """Each analyzer of the client's region: its AnalyzerSummary, and as `findings` the FindingSummaryV2 of its active
    findings of roles, all as AWS gave them. `client` is one of botocore's `accessanalyzer`.

    An analyzer that is not active is not asked: being created it has not looked at everything yet, and disabled or
    failed it looks at nothing any more. One that was deleted meanwhile is left out. Raises botocore's errors.
    """
    analyzers = []
    for page in client.get_paginator("list_analyzers").paginate():
        for analyzer in page["analyzers"]:
            findings = _findings(client, analyzer["arn"]) if analyzer["status"] == _ACTIVE else []
            if findings is not None:
                analyzers.append({**analyzer, "findings": findings})
    return analyzers


def _findings(client: Any, arn: str) -> list[dict[str, Any]] | None:
    """None where there is no such analyzer any more."""
    pages = client.get_paginator("list_findings_v2").paginate(analyzerArn=arn, filter=_WANTED)
    try:
        return [finding for page in pages for finding in page["findings"]]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
