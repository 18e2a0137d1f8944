"""Every call to AWS, as botocore makes it: its answer is checked, its errors told without secrets, its wait ended.

Checked against botocore 1.43:

- `botocore.handlers.BUILTIN_HANDLERS`, the handlers that each new session registers: one more, for
  `before-parse`. c7n makes its own sessions, so there is no other place to see all of their answers.
- `botocore.endpoint.Endpoint._do_get_response`, one attempt of a call: an answer that is none is tried once more,
  as is one that did not come; whose credentials and groups came is compared with whose were asked for; AWS's
  reasons are redacted here, before Custodian logs them.
- `botocore.httpsession.URLLib3Session.send`: an answer shorter than its Content-Length is a connection that
  was closed, and tried again. botocore does not look: half a JSON answer reads as an empty one.
- `botocore.awsrequest.AWSHTTPConnection.response_class` and AWSHTTPSConnection's, and
  `botocore.paginate.PageIterator._get_next_token` and `.__iter__`: see patience.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from reporter.aws import answers, arns, patience
from reporter.aws.errors import NoAnswerError, RetriedAnswerError, UnusableAnswerError, WrongAccountError
from reporter.aws.replacing import add_handler, replace
from reporter.redaction import redact

# What a parser of botocore's stumbles with over a form that it does not expect.
_STUMBLES = (ResponseParserError, KeyError, TypeError, AttributeError, ValueError, RecursionError)
_ATTEMPTS = 2  # of a call that meets no answer, or one that is none
_REASON = {"Code": 100, "Message": 2000}  # how long they may be; Custodian logs both

_account_read = ""


@cache
def install() -> None:
    """Put all of it in place for the sessions that this process makes from now on."""
    add_handler("before-parse", answers.check)
    connection = "botocore.awsrequest:{}.response_class"
    pages = "botocore.paginate:PageIterator.{}"
    replace(
        "botocore.endpoint:Endpoint._do_get_response",
        _attempt,
        ("self", "request", "operation_model", "context"),
    )
    replace("botocore.httpsession:URLLib3Session.send", _refuse_short_answers, ("self", "request"))
    for name in ("AWSHTTPConnection", "AWSHTTPSConnection"):
        replace(connection.format(name), lambda original: patience.PatientResponse)
    replace(pages.format("_get_next_token"), patience.remember_tokens, ("self", "parsed"))
    replace(pages.format("__iter__"), patience.forget_tokens, ("self",))


@contextmanager
def of_account(account_id: str) -> Iterator[None]:
    """While the block runs, the security groups and roles that are listed must be those that this account sees."""
    global _account_read
    _account_read = account_id
    try:
        yield
    finally:
        _account_read = ""


def _attempt(original: Callable[..., Any]) -> Callable[..., Any]:
    def do_get_response(self: Any, request: Any, operation_model: Any, context: Any) -> Any:
        operation = operation_model.name
        if overdue := patience.overdue(operation):
            return None, overdue
        try:
            answer, error = original(self, request, operation_model, context)
            if error is None:
                _redact_reason(answer[1])
                _check_account(operation, request, answer[1])
        except (UnusableAnswerError, WrongAccountError) as wrong:
            error = wrong
        except _STUMBLES:  # whose text quotes the answer
            error = UnusableAnswerError(operation=operation, what="cut short, or of another form")
        if error is None:
            return answer, None
        return None, patience.overdue(operation) or _limited(error, operation, context)

    return do_get_response


def _limited(error: Any, operation: str, context: dict[str, Any]) -> Any:
    """The error, for botocore to try again where that may help and has not been done; else for good.

    botocore itself would try as often as AWS_MAX_ATTEMPTS says: with 60 seconds for each, that is minutes.
    """
    unusable = isinstance(error, UnusableAnswerError)
    if unusable or isinstance(error, ReadTimeoutError | ConnectTimeoutError):
        times = context["sg_audit_attempts"] = context.get("sg_audit_attempts", 0) + 1
        if times >= _ATTEMPTS:
            return error if unusable else NoAnswerError(operation=operation, times=times, error=error)
        if unusable:
            return RetriedAnswerError(**error.kwargs)
    return error


def _redact_reason(parsed: dict[str, Any]) -> None:
    error = parsed.get("Error")
    if isinstance(error, dict):
        error.update({name: redact(error[name], length) for name, length in _REASON.items() if name in error})


def _check_account(operation: str, request: Any, parsed: dict[str, Any]) -> None:
    if "Error" in parsed:
        return
    if operation.startswith("AssumeRole"):
        _check_role(operation, request, parsed)
    elif operation == "DescribeSecurityGroups" and _account_read:
        _check_owners(parsed.get("SecurityGroups", []))
    elif operation == "GetAccountAuthorizationDetails" and _account_read:
        _check_roles(parsed.get("RoleDetailList", []))


def _check_role(operation: str, request: Any, parsed: dict[str, Any]) -> None:
    """STS names the role that it let someone assume: `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`."""
    given = parsed.get("Credentials", {})
    if not all(given.get(name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")):
        raise UnusableAnswerError(operation=operation, what="without credentials")
    body = request.body.decode() if isinstance(request.body, bytes) else str(request.body)
    asked = parse_qs(body).get("RoleArn", [""])[0]
    answered = str(parsed.get("AssumedRoleUser", {}).get("Arn", ""))
    if not arns.account_id(answered):
        raise UnusableAnswerError(operation=operation, what="without the role that was assumed")
    if arns.account_id(asked) and arns.account_id(asked) != arns.account_id(answered):
        raise WrongAccountError(
            f"asked for role {redact(asked)}, STS answered for account {redact(arns.account_id(answered), 20)}"
        )


def _check_owners(groups: list[dict[str, Any]]) -> None:
    """Groups of another account may be among an account's own, or all that it sees: they can be shared.

    A default group cannot (https://docs.aws.amazon.com/vpc/latest/userguide/security-group-sharing.html), and
    every account that owns a VPC sees its own. So where none of the groups is the account's own and there is
    a default group among them, they are what another account sees.
    """
    owners = {group.get("OwnerId") for group in groups}
    strange = {group.get("OwnerId") for group in groups if group.get("GroupName") == "default"}
    if _account_read not in owners and any(strange):
        raise WrongAccountError(
            f"the security groups that came belong to account {redact(min(filter(None, strange)), 20)}, "
            f"and none to {_account_read}"
        )


def _check_roles(roles: list[dict[str, Any]]) -> None:
    """Roles are never shared: all that an account lists are its own."""
    for role in roles:
        owner = arns.account_id(str(role.get("Arn", "")))
        if owner != _account_read:
            raise WrongAccountError(
                f"the roles that came belong to account {redact(owner, 20)}, and not to {_account_read}"
            )


def _refuse_short_answers(original: Callable[..., Any]) -> Callable[..., Any]:
    def send(self: Any, request: Any) -> Any:
        response = original(self, request)
        promised = response.headers.get("Content-Length", "")
        whole = not request.stream_output and request.method != "HEAD"
        plain = "Content-Encoding" not in response.headers
        if whole and plain and promised.isdigit() and len(response.content) != int(promised):
            raise ConnectionClosedError(endpoint_url=request.url)
        return response

    return send
