"""An account's roles and managed policies, with their documents: GetAccountAuthorizationDetails.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

from reporter.aws.errors import UnusableAnswerError

_OPERATION = "GetAccountAuthorizationDetails"
# Of the kinds that AWS lists, users and groups are not asked for.
_KINDS = ["Role", "LocalManagedPolicy", "AWSManagedPolicy"]
_LISTS = ("RoleDetailList", "Policies")


def ask(client: Any) -> list[dict[str, Any]]:
    """All RoleDetails, then all ManagedPolicyDetails, as AWS gave them; of a policy's versions the one in force only.

    `client` is one of botocore's `iam`. Raises its ClientError and BotoCoreError; UnusableAnswerError, which is one of
    those, for an answer that has neither list, or says that more follows and not where.
    """
    pages = list(_pages(client))
    roles = [role for page in pages for role in page.get("RoleDetailList", ())]
    policies = [policy for page in pages for policy in page.get("Policies", ())]
    return [*roles, *map(_in_force, policies)]


def _pages(client: Any) -> Iterator[Mapping[str, Any]]:
    paginator = client.get_paginator("get_account_authorization_details")
    for page in paginator.paginate(Filter=_KINDS):
        if not any(isinstance(page.get(name), list) for name in _LISTS):
            raise UnusableAnswerError(operation=_OPERATION, what=f"without {' or '.join(_LISTS)}")
        if page.get("IsTruncated") and not page.get("Marker"):
            raise UnusableAnswerError(
                operation=_OPERATION, what="cut short, without a marker of what follows"
            )
        yield page


def _in_force(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The policy without the versions that are not in force."""
    default = policy.get("DefaultVersionId")
    versions = policy.get("PolicyVersionList", ())
    return {
        **policy,
        "PolicyVersionList": [version for version in versions if version.get("VersionId") == default],
    }
