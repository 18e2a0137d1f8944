"""A sandbox that misbehaves on purpose: what it does to which calls, as a small YAML file says.

    faults:
    - {what: deny, account: "111111111111", action: AssumeRole}
    - {what: deny, account: "222222222222", region: eu-west-1, service: lambda}
    - {what: throttle, action: Describe*, share: 0.3}
    - {what: drop, times: 5}

`arm` puts faults in place in a server that runs, and takes away those that were there: an estate is built
first, and tests change the faults of one server between them. See `Fault` for all that may be said of one.
"""

import json
import re
import socket
import threading
import time
import urllib.error
import urllib.request
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple
from uuid import uuid4
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment
from xml.sax.saxutils import escape

import msgspec
from msgspec import Meta

from reporter import yamlfile
from reporter.errors import InputError

if TYPE_CHECKING:
    from reporter.sandbox.calls import Call

# No bucket of S3's may be called so, and moto keeps to /moto-api.
CONTROL_PATH = "/_faults"


class What(StrEnum):
    """What happens to a call."""

    DENY = "deny"  # AWS says no, with the code its service uses for that, or `code`
    THROTTLE = "throttle"  # AWS asks for fewer calls
    ERROR = "error"  # AWS fails: HTTP 500
    DROP = "drop"  # the connection ends without an answer
    CUT = "cut"  # the connection ends in the middle of the answer
    DELAY = "delay"  # nothing for so many `seconds`, then whatever else there is for the call


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One fault: what happens, to which calls, and how often.

    Region, service and action may have wildcards (`eu-*`); service and action are spelt as in IAM (`ec2`,
    `ListFunctions`). The account of AssumeRole is the role's. Of the calls that match, `times` takes the
    first so many and `share` (0.3) so large a part: the same ones each time, others with another `seed`.
    Without either it takes all.
    """

    what: What
    account: Annotated[str, Meta(pattern=r"^(\*|\d{12})$")] = "*"
    region: str = "*"
    service: str = "*"
    action: str = "*"
    code: Annotated[str, Meta(pattern=r"^[\w.]*$")] = ""
    seconds: Annotated[float, Meta(gt=0, le=86_400)] | None = None
    times: Annotated[int, Meta(ge=1)] | None = None
    share: Annotated[float, Meta(gt=0, lt=1)] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.what is What.DELAY) != (self.seconds is not None):
            raise ValueError("`seconds` belongs to `what: delay`, and to nothing else")
        if self.code and self.what not in (What.DENY, What.THROTTLE, What.ERROR):
            raise ValueError(f"`what: {self.what}` gives no answer that could have a `code`")
        if self.times and self.share:
            raise ValueError("`times` or `share`, not both")

    @property
    def text(self) -> str:
        """As in a file, on one line."""
        return ", ".join(f"{key}: {value}" for key, value in msgspec.to_builtins(self).items())

    def matches(self, call: "Call") -> bool:
        """Whether it is meant for such a call."""
        return all(
            fnmatchcase(getattr(call, name), getattr(self, name))
            for name in ("account", "region", "service", "action")
        )

    def strikes(self, call: "Call", earlier: int, earlier_alike: int) -> bool:
        """Whether it happens to a call that matches, after so many that matched, and so many just like it."""
        if self.times:
            return earlier < self.times
        if self.share:
            # Drawn for each kind of call by itself, so that which ones it takes does not depend on the order
            # in which several clients' calls come in.
            lot = zlib.crc32(f"{self.seed} {call} {earlier_alike}".encode()) / 2**32
            return lot < self.share
        return True


class _File(msgspec.Struct, forbid_unknown_fields=True):
    faults: list[Fault]


def read(path: Path) -> tuple[Fault, ...]:
    """The faults of a file. Raises InputError that names the fault and what is wrong with it."""
    try:
        return tuple(msgspec.convert(yamlfile.load(path), _File).faults)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}{_explain(str(error))}") from None


def _explain(problem: str) -> str:
    text, _, place = problem.partition(" - at `$")
    found = re.match(r"\.faults\[(\d+)\](?:\.(\w+))?", place)
    if not found:
        return f": {text}; it needs one list called faults"
    where = f", fault number {int(found[1]) + 1}"
    if not found[2]:
        return f"{where}: {text}"
    if found[2] == "account":
        text = "not an account id: twelve digits in quotes"
    if found[2] == "what":
        text += f"; write one of {', '.join(What)}"
    return f"{where}, key {found[2]}: {text}"


def arm(endpoint: str, faults: Sequence[Fault]) -> None:
    """Have the sandbox at `endpoint` misbehave like this from now on, and no other way; with none, behave."""
    _control(endpoint, "PUT", msgspec.json.encode(faults))


def strikes(endpoint: str) -> list[int]:
    """How often each of the faults in place has happened, in their order."""
    counts: list[int] = json.loads(_control(endpoint, "GET"))
    return counts


def _control(endpoint: str, method: str, content: bytes | None = None) -> bytes:
    request = urllib.request.Request(endpoint + CONTROL_PATH, content, method=method)  # noqa: S310 - our own
    # A proxy that is set for this process would not know the way.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        answered: bytes = answer.read()
    return answered


class _Armed:
    """A fault in place, and what it has seen."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.struck = 0
        self._seen: Counter[Call] = Counter()

    def strikes(self, call: "Call") -> bool:
        if not self.fault.matches(call):
            return False
        strikes = self.fault.strikes(call, self._seen.total(), self._seen[call])
        self._seen[call] += 1
        self.struck += strikes
        return strikes


class Faults:
    """WSGI middleware around the sandbox's AWS, which does to its calls what it was told to at CONTROL_PATH.

    `read_call` tells which call a request is.
    """

    def __init__(self, app: WSGIApplication, read_call: "Callable[[WSGIEnvironment], Call]") -> None:
        self._app = app
        self._read_call = read_call
        self._armed: Sequence[_Armed] = ()
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == CONTROL_PATH:
            return self._control(environ, start_response)
        call = self._read_call(environ)
        for fault in self._due(call):
            match fault.what:
                case What.DELAY:
                    time.sleep(fault.seconds or 0)
                case What.DROP:
                    # WSGI has no way to give no answer: end the connection, and then as if the client had.
                    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
                    raise ConnectionAbortedError("on purpose")
                case What.CUT:
                    return _cut(self._app, environ, start_response)
                case _:
                    return _refuse(fault, call, start_response)
        return self._app(environ, start_response)

    def _due(self, call: "Call") -> Iterator[Fault]:
        """The faults that happen to the call. Those after one that answers it have not seen it."""
        for armed in self._armed:
            with self._lock:
                strikes = armed.strikes(call)
            if strikes:
                yield armed.fault

    def _control(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "PUT":
            content = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            self._armed = [_Armed(fault) for fault in msgspec.json.decode(content, type=list[Fault])]
        answer = json.dumps([armed.struck for armed in self._armed]).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
        return [answer]


def _cut(app: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The first half of what `app` answers, under the length of the whole."""
    begun: list[tuple[str, list[tuple[str, str]]]] = []

    def begin(status: str, headers: list[tuple[str, str]], *_: object) -> Callable[[bytes], object]:
        begun.append((status, headers))
        return lambda _: None

    content = b"".join(app(environ, begin))
    status, headers = begun[-1]
    headers = [header for header in headers if header[0].lower() != "content-length"]
    start_response(status, [*headers, ("Content-Length", str(len(content)))])
    return [content[: len(content) // 2]]


class _Manners(NamedTuple):
    """How services of one protocol say no, that there are too many calls, and that they fail."""

    denied: str
    denied_status: str
    throttled: str
    throttled_status: str
    failed: str
    content_type: str


_BAD, _WHO, _NO = "400 Bad Request", "401 Unauthorized", "403 Forbidden"
_TOO_MANY, _BROKEN, _BUSY = "429 Too Many Requests", "500 Internal Server Error", "503 Service Unavailable"
_XML, _JSON, _AWS_JSON = "text/xml;charset=UTF-8", "application/json", "application/x-amz-json-1.1"

_MANNERS = {
    "ec2": _Manners("UnauthorizedOperation", _NO, "RequestLimitExceeded", _BUSY, "InternalError", _XML),
    "query": _Manners("AccessDenied", _NO, "Throttling", _BAD, "InternalFailure", _XML),
    "json": _Manners(
        "AccessDeniedException", _BAD, "ThrottlingException", _BAD, "InternalFailure", _AWS_JSON
    ),
    "rest-json": _Manners(
        "AccessDeniedException", _NO, "TooManyRequestsException", _TOO_MANY, "ServiceException", _JSON
    ),
    "rest-xml": _Manners("AccessDenied", _NO, "SlowDown", _BUSY, "InternalError", _XML),
}

# What AWS says where it is not about the one call but about the caller.
_ABOUT_THE_CALLER = {
    "AuthFailure": "AWS was not able to validate the provided access credentials",
    "ExpiredToken": "The security token included in the request is expired",
    "InvalidClientTokenId": "The security token included in the request is invalid",
    "OptInRequired": "You are not subscribed to this service. Please go to http://aws.amazon.com to "
    "subscribe.",
    "RequestExpired": "Request has expired.",
    "UnrecognizedClientException": "The security token included in the request is invalid",
}


def _refuse(fault: Fault, call: "Call", start_response: StartResponse) -> Iterable[bytes]:
    """The answer that is no, in the way of the call's service."""
    manners = _MANNERS[call.protocol]
    if fault.what is What.THROTTLE:
        status, code, message = manners.throttled_status, manners.throttled, "Rate exceeded"
    elif fault.what is What.ERROR:
        status, code, message = _BROKEN, manners.failed, "An internal error has occurred"
    elif fault.code in _ABOUT_THE_CALLER:
        status, code, message = _WHO, fault.code, _ABOUT_THE_CALLER[fault.code]
    else:
        status, code, message = manners.denied_status, manners.denied, _denial(call)
    content = _render(call.protocol, fault.code or code, message)
    headers = [("Content-Type", manners.content_type), ("Content-Length", str(len(content)))]
    if call.protocol == "rest-json":
        headers.append(("x-amzn-ErrorType", fault.code or code))
    start_response(status, headers)
    return [content]


def _denial(call: "Call") -> str:
    caller = f"arn:aws:sts::{call.account}:assumed-role/sandbox/sandbox"
    on = f" on resource: {call.resource}" if call.resource else ""
    denial = f"User: {caller} is not authorized to perform: {call.service}:{call.action}{on}"
    return f"You are not authorized to perform this operation. {denial}" if call.protocol == "ec2" else denial


def _render(protocol: str, code: str, message: str) -> bytes:
    if protocol == "json":
        return json.dumps({"__type": code, "message": message}).encode()
    if protocol == "rest-json":
        return json.dumps({"Message": message}).encode()
    error, request = f"<Code>{code}</Code><Message>{escape(message)}</Message>", uuid4()
    return {
        "ec2": f"<Response><Errors><Error>{error}</Error></Errors>"
        f"<RequestID>{request}</RequestID></Response>",
        "query": f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error>"
        f"<RequestId>{request}</RequestId></ErrorResponse>",
        "rest-xml": f"<Error>{error}<RequestId>{request}</RequestId></Error>",
    }[protocol].encode()
