"""The sandbox's AWS when it misbehaves: WSGI middleware that does to calls what the faults in place say.

For the server's process. What there is to be done is in `faults`.
"""

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment
from xml.sax.saxutils import escape

import msgspec

from reporter.sandbox import pages
from reporter.sandbox.faults import CONTROL_PATH, Fault, What

if TYPE_CHECKING:
    from reporter.sandbox.calls import Call


class _Armed:
    """A fault in place, and what it has seen."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.struck = 0
        self.seen: Counter[Call] = Counter()

    def strikes(self, call: "Call") -> bool:
        if not self.fault.matches(call):
            return False
        strikes = self.fault.strikes(call, self.seen.total(), self.seen[call])
        self.seen[call] += 1
        self.struck += strikes
        return strikes


class Faults:
    """WSGI middleware around the sandbox's AWS, which does to its calls what it was told to at CONTROL_PATH.

    `read_call` tells which call a request is. A service of which moto needs more than is installed says so.
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
        for armed in self._due(call):
            fault = armed.fault
            match fault.what:
                case What.DELAY:
                    time.sleep(fault.seconds or 0)
                case What.DROP:
                    # WSGI has no way to give no answer: end the connection, and then as if the client had.
                    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
                    raise ConnectionAbortedError("on purpose")
                case What.HANG:
                    environ["werkzeug.socket"].recv(1, socket.MSG_PEEK)  # returns when the caller is gone
                    raise ConnectionAbortedError("on purpose")
                case What.HTML | What.EMPTY | What.BODY:
                    return _replace(fault, start_response)
                case What.CUT | What.TRICKLE | What.TOKENS | What.WRONG_ACCOUNT:
                    return self._changed(armed, call, environ, start_response)
                case _:
                    return _refuse(fault, call, start_response)
        try:
            return self._app(environ, start_response)
        except ModuleNotFoundError as error:
            message = f"{call.service} needs {error.name} in the sandbox: pip install 'moto[server]'"
            return _say(call, _MISSING, "NotImplemented", message, start_response)

    def _changed(
        self, armed: "_Armed", call: "Call", environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """The answer of the AWS behind, with something done to it."""
        fault = armed.fault
        if fault.what is What.TOKENS:
            pages.take_token_out(call, environ)
        status, headers, content = _answer(self._app, environ)
        if fault.what is What.TOKENS and fault.tokens:
            content = pages.put_token_in(
                call, content, fault.tokens[(armed.seen[call] - 1) % len(fault.tokens)]
            )
        if fault.what is What.WRONG_ACCOUNT and fault.other:
            content = content.replace(call.account.encode(), fault.other.encode())
        start_response(status, [*headers, ("Content-Length", str(len(content)))])
        if fault.what is What.CUT:
            return [content[: len(content) // 2]]
        return _slowly(content, fault.seconds) if fault.seconds else [content]

    def _due(self, call: "Call") -> Iterator["_Armed"]:
        """The faults that happen to the call. Those after one that answers it have not seen it."""
        for armed in self._armed:
            with self._lock:
                strikes = armed.strikes(call)
            if strikes:
                yield armed

    def _control(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "PUT":
            content = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            self._armed = [_Armed(fault) for fault in msgspec.json.decode(content, type=list[Fault])]
        answer = json.dumps([armed.struck for armed in self._armed]).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
        return [answer]


def _answer(app: WSGIApplication, environ: WSGIEnvironment) -> tuple[str, list[tuple[str, str]], bytes]:
    """What `app` answers: status, headers but for the length, content."""
    begun: list[tuple[str, list[tuple[str, str]]]] = []

    def begin(status: str, headers: list[tuple[str, str]], *_: object) -> Callable[[bytes], object]:
        begun.append((status, headers))
        return lambda _: None

    content = b"".join(app(environ, begin))
    status, headers = begun[-1]
    return status, [header for header in headers if header[0].lower() != "content-length"], content


def _slowly(content: bytes, seconds: float) -> Iterator[bytes]:
    for byte in content:
        time.sleep(seconds)
        yield bytes([byte])


def _replace(fault: Fault, start_response: StartResponse) -> Iterable[bytes]:
    content, kind = {
        What.HTML: (_PAGE, "text/html"),
        What.EMPTY: ("", "text/plain"),
        What.BODY: (fault.body or "", _JSON if (fault.body or "").startswith(("{", "[")) else _XML),
    }[fault.what]
    status = HTTPStatus(fault.status or 200)
    start_response(
        f"{status.value} {status.phrase}",
        [("Content-Type", kind), ("Content-Length", str(len(content.encode())))],
    )
    return [content.encode()]


class _Manners(NamedTuple):
    """How services of one protocol say no, that there are too many calls, and that they fail."""

    denied: str
    denied_status: str
    throttled: str
    throttled_status: str
    failed: str
    content_type: str


_BAD, _WHO, _NO = "400 Bad Request", "401 Unauthorized", "403 Forbidden"
_MISSING = "501 Not Implemented"
_TOO_MANY, _BROKEN, _BUSY = "429 Too Many Requests", "500 Internal Server Error", "503 Service Unavailable"
_XML, _JSON, _AWS_JSON = "text/xml;charset=UTF-8", "application/json", "application/x-amz-json-1.1"

_PAGE = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><br>Sign in to go on</body></html>\n"

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
    return _say(call, status, fault.code or code, message, start_response)


def _say(
    call: "Call", status: str, code: str, message: str, start_response: StartResponse
) -> Iterable[bytes]:
    """An error, in the form of the call's service."""
    content = _render(call.protocol, code, message)
    headers = [
        ("Content-Type", _MANNERS[call.protocol].content_type),
        ("Content-Length", str(len(content))),
    ]
    if call.protocol == "rest-json":
        headers.append(("x-amzn-ErrorType", code))
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
