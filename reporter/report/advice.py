"""What to do about a cell that could not be read."""

import re
from collections.abc import Sequence

from reporter.accounts.expected import PlannedAccount
from reporter.output.manifest import UNKNOWN_REGION, Cell, Status

_FEWER = "set C7N_ORG_PARALLEL to fewer workers"
_RESUME = "`sg-audit audit --resume`"
#: How the sentences end after which a part is tried again.
AGAIN = f"then {_RESUME}"
# AWS names the action in most refusals; botocore names the call in all of them.
_ACTION = re.compile(r"not authorized to perform:? ([\w-]+:\w+)")
_CALL = re.compile(r"when calling the (\w+) operation")

_BY_CODE = {
    "WorkerDied": f"Its process was killed, perhaps for want of memory: {_FEWER}, {AGAIN}",
    "DiskFullError": f"Make room where the output goes, {AGAIN}",
    "CannotWriteError": f"Allow whoever runs the audit to write where the output goes, {AGAIN}",
    "Unreadable": "The file, or a record in it, is damaged: run the audit again",
    "CannotReadError": "See that whoever makes the report can read the file (in S3 that takes s3:GetObject, and "
    "kms:Decrypt of the key that it is encrypted with), then make the report again",
    "NotWritten": "Look into custodian-run.log in the policy's folder for the reason",
    "NotThere": "c7n-org was not run there, or stopped early: it passes over what comes after a refusal. "
    "Look into its log, or use `sg-audit run`, which goes on",
    "WrongAccountError": "Correct account_id, or the role or profile, in the accounts file",
    "ProfileNotFound": "Add that profile to the AWS configuration file, or correct the accounts file",
    "NoCredentialsError": "Give credentials: log in, or set AWS_PROFILE, " + AGAIN,
    "ExpiredToken": "The credentials ended on the way: log in again, " + AGAIN,
    "ExpiredTokenException": "The credentials ended on the way: log in again, " + AGAIN,
    "UnauthorizedSSOTokenError": "Log in (`aws sso login`), " + AGAIN,
    "SSOTokenLoadError": "Log in (`aws sso login`), " + AGAIN,
    "TokenRetrievalError": "Log in (`aws sso login`), " + AGAIN,
    "InvalidClientTokenId": "AWS does not know these credentials: log in again, " + AGAIN,
    "UnusableAnswerError": "Something between here and AWS answers in its place: look at the proxy, the endpoint_url "
    "and the network's log-in page, " + AGAIN,
    "UnitTimeoutError": "Too slow, or held up: " + AGAIN + ", with a longer --unit-timeout if need be",
    "NoAnswerError": "Check the network and the proxy, " + AGAIN,
    "PaginationError": "AWS, or what answers in its place, gives the same pages again: look at the proxy and the "
    "endpoint_url, " + AGAIN,
    "PromptError": "Log in beforehand, or run it at a terminal, " + AGAIN,
    **dict.fromkeys(
        ("InvalidSignatureException", "RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch"),
        "AWS does not take the signature: set this machine's clock right, or log in again, " + AGAIN,
    ),
    "EndpointConnectionError": "Check the network, the proxy and the region's name",
}
_ASSUME = ("sts:AssumeRole", "AssumeRole")
# What is asked beside the policies, and the option that wants it.
_OPTIONS = {
    "GetAccountAuthorizationDetails": ("--iam",),
    **dict.fromkeys(("ListAnalyzers", "ListFindings", "ListFindingsV2"), ("--iam", "--access-analyzer")),
}
_NAMED = 2  # permissions in a sentence
_REGION_CODES = {"AuthFailure", "OptInRequired", "RegionDisabledException"}
_THROTTLES = {"RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException"}


def advise(
    cell: Cell, account: PlannedAccount | None, permissions: Sequence[str] = (), *, own_run: bool = True
) -> str:
    """One sentence: which permission, which role, which region, or what else to do about the cell. `permissions` are
    those to name where the cell's own is one of several that are missing. Of output that is no run of ours nothing can
    be taken up again."""
    what = _advice(cell, account, permissions)
    return what if own_run else what.replace(_RESUME, "run Custodian again")


def _advice(cell: Cell, account: PlannedAccount | None, permissions: Sequence[str]) -> str:
    who = "the account's role"
    if account is not None and (account.role or account.profile):
        who = account.role or f"profile {account.profile}"
    if cell.code in _BY_CODE:
        return _BY_CODE[cell.code]
    if cell.code in _REGION_CODES:
        return (
            f"Enable region {cell.region} in account {cell.account_id}, or leave it out in the accounts "
            "file; where it is enabled, the credentials were refused"
        )
    if cell.code in _THROTTLES:
        return f"AWS asked for fewer calls even after waiting: {_FEWER}, {AGAIN}"
    if cell.status is Status.DENIED:
        return _permit(cell, who, permissions)
    if cell.status is Status.SKIPPED:
        return f"It was never tried: {_RESUME}"
    return f"Try it again: {_RESUME}; if it stays, custodian-run.log in its folder has the details"


def missing_permission(cell: Cell) -> str:
    """Which permission a refusal was for; empty where none would do, as where a role could not be assumed."""
    if cell.status is not Status.DENIED or cell.code in _BY_CODE or cell.code in _REGION_CODES | _THROTTLES:
        return ""
    name = _refused(cell)
    return "" if name in _ASSUME else name


def _refused(cell: Cell) -> str:
    """The action, or the call, that was refused."""
    action, call = _ACTION.search(cell.message), _CALL.search(cell.message)
    name = action[1] if action else call[1] if call else "the call"
    if not action and name.startswith("Describe"):
        name = (
            f"ec2:{name}" if cell.code == "UnauthorizedOperation" or cell.region == UNKNOWN_REGION else name
        )
    return name


def _permit(cell: Cell, who: str, permissions: Sequence[str]) -> str:
    name = _refused(cell)
    if name in _ASSUME:
        return f"Let the caller assume {who}: its trust policy, and sts:AssumeRole of the caller, {AGAIN}"
    names = list(permissions) or [name]
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    told = ", ".join(names[:_NAMED]) + more
    options = dict.fromkeys(option for each in names for option in _OPTIONS.get(each.rpartition(":")[2], ()))
    asked = " ".join(("sg-audit permissions", *options))
    return f"Allow {told} to {who} (`{asked}` prints all that is needed), {AGAIN}"
