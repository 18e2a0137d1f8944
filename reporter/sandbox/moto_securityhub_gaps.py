"""What an import into Security Hub meets in AWS and moto lacks: see `moto_gaps`, which puts it in place."""

from typing import Any

from moto.securityhub.exceptions import InvalidInputException, SecurityHubClientError
from moto.securityhub.models import SecurityHubBackend

_MOST = 100  # findings in an import
# What a finding says of itself at the top comes of what its provider says there.
_OF_ITS_PROVIDER = ("Severity", "Types")
_OF_ITS_USERS = ("Note", "UserDefinedFields", "VerificationState", "Workflow")

_import = SecurityHubBackend.batch_import_findings


def batch_import_findings(
    self: SecurityHubBackend, findings: list[dict[str, Any]]
) -> tuple[int, int, list[dict[str, Any]]]:
    """AWS takes findings where Security Hub is enabled, of the account that calls alone, and a hundred at most. Of
    those that it has, it passes over what is not newer, and over what is its users' to write. Severity and types
    are those that its provider gives in FindingProviderFields.

    https://docs.aws.amazon.com/securityhub/latest/userguide/finding-update-batchimportfindings.html
    """
    if not self.enabled:
        raise SecurityHubClientError(
            "InvalidAccessException", f"Account {self.account_id} is not subscribed to AWS Security Hub"
        )
    if len(findings) > _MOST:
        raise InvalidInputException(op="BatchImportFindings", msg=f"more than {_MOST} findings")
    product = f":securityhub:{self.region_name}:{self.account_id}:product/{self.account_id}/default"
    for each in findings:
        if each.get("AwsAccountId") != self.account_id or not each.get("ProductArn", "").endswith(product):
            action = "securityhub:BatchImportFindings"
            raise SecurityHubClientError(
                "AccessDeniedException",
                f"User is not authorized to perform: {action} on resource: {each.get('ProductArn')}",
            )
    there = {finding.id: finding.data for finding in self.findings}
    newer = []
    for sent in findings:
        provided = sent.get("FindingProviderFields", {})
        each = sent | {name: provided[name] for name in _OF_ITS_PROVIDER if name in provided}
        before = there.get(each.get("Id", ""))
        if before is None:
            newer.append(each)
        elif each.get("UpdatedAt", "") > before.get("UpdatedAt", ""):
            newer.append({name: value for name, value in each.items() if name not in _OF_ITS_USERS})
    failed, taken, refused = _import(self, newer)
    return failed, taken + len(findings) - len(newer), refused


GAPS = ((SecurityHubBackend, "batch_import_findings", batch_import_findings),)
