"""Whether what came is AWS's answer to the call: a 200 that is none must not pass for an empty answer.

botocore takes a proxy's page, an empty body, `{}` or half a JSON for an answer with nothing in it. XML is told by
its root, `<Action>Response`, in which an absent set is an empty one. JSON is told by the list that is read from it:
AWS writes that even where it is empty. Checked against botocore 1.43.
"""

import http
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

import botocore.session
import msgspec
from botocore.exceptions import DataNotFoundError, UnknownServiceError

from reporter.aws.errors import UnusableAnswerError

_ROOT = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:[\w.-]+:)?([\w.-]+)", re.DOTALL
)
_HTML = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+)?html\b", re.IGNORECASE | re.DOTALL)
_NOT_IN_THE_BODY = {"header", "headers", "statusCode"}

# These leave the list out where it is empty (https://github.com/boto/boto3/issues/2811).
_LISTS_LEFT_OUT = {("sqs", "ListQueues")}

# Asked which member of an answer is read; see `add_reader`.
_readers: list[Callable[[str, str], str | None]] = []


@dataclass(frozen=True)
class _Form:
    """What tells an operation's answer: the root of its XML, or of its JSON members, one of which must be there."""

    root: bytes = b""
    json: bool = False
    members: tuple[tuple[str, bool], ...] = ()  # as they are called on the wire, and whether they are lists
    xml: bool = False  # not of a root that is known, but with something in it


def add_reader(reader: Callable[[str, str], str | None]) -> None:
    """Have `reader(service, operation)` name the member that whoever makes the call reads from the answer.

    Where it names none, it is what botocore's paginator would read.
    """
    if reader not in _readers:
        _readers.append(reader)


def check(operation_model: Any, response_dict: dict[str, Any], **_: object) -> None:
    """A handler of botocore's event `before-parse`. Raises UnusableAnswerError where a good answer is none.

    The body of a bad one that is none gives way to one that says so: botocore would quote it in its message.
    """
    if operation_model.has_streaming_output or operation_model.has_event_stream_output:
        return
    body, status = response_dict["body"], response_dict["status_code"]
    if status >= 300:
        response_dict["body"] = _error(operation_model.service_model.resolved_protocol, status, body)
        return
    what = _wrong(_form(operation_model.service_model.service_name, operation_model), body)
    if what:
        raise UnusableAnswerError(operation=operation_model.name, what=what)


def prepare(services: Iterable[str]) -> None:
    """Load now what tells the listings of these services."""
    for service in services:
        _paginated(service)


_forms: dict[tuple[str, str], _Form] = {}


def _form(service: str, operation: Any) -> _Form:
    key = service, operation.name
    if key not in _forms:
        _forms[key] = _make_form(service, operation)
    return _forms[key]


def _make_form(service: str, operation: Any) -> _Form:
    protocol = operation.service_model.resolved_protocol
    if protocol in ("ec2", "query"):
        return _Form(root=f"{operation.name}Response".encode())
    shape = operation.output_shape
    inside = {} if shape is None else shape.members
    inside = {
        name: member
        for name, member in inside.items()
        if member.serialization.get("location") not in _NOT_IN_THE_BODY
    }
    payload = "" if shape is None else shape.serialization.get("payload", "")
    if not inside or (payload and inside[payload].type_name in ("string", "blob")):
        return _Form()
    listed = _listed(service, operation.name)
    if protocol == "rest-xml":
        return _Form(xml=bool(listed))
    if protocol not in ("json", "rest-json"):
        return _Form()
    wanted = () if payload else tuple(name for name in listed if name in inside)
    members = (
        (inside[name].serialization.get("name", name), inside[name].type_name == "list") for name in wanted
    )
    return _Form(json=True, members=tuple(members))


def _listed(service: str, operation: str) -> tuple[str, ...]:
    if (service, operation) in _LISTS_LEFT_OUT:
        return ()
    for reader in _readers:
        if member := reader(service, operation):
            return (member,)
    found = _paginated(service).get(operation, {}).get("result_key", ())
    paths = (found,) if isinstance(found, str) else found
    return tuple(path.partition(".")[0].partition("[")[0] for path in paths)


@cache
def _paginated(service: str) -> dict[str, Any]:
    loader = botocore.session.get_session().get_component("data_loader")
    try:
        found: dict[str, Any] = loader.load_service_model(service, "paginators-1")["pagination"]
    except (DataNotFoundError, UnknownServiceError):
        return {}
    return found


def _wrong(form: _Form, body: bytes) -> str:
    """What the body is instead of what it should be; "" where it is that."""
    if form.root or form.xml:
        root = _ROOT.match(body)
        good = root is not None and (root[1] == form.root if form.root else root[1].lower() != b"html")
        return "" if good else _kind(body)
    if not form.json:
        return "" if not _HTML.match(body) else _kind(body)
    there = _json_object(body)
    if there is None:
        return _kind(body)
    if form.members and not any(_is_there(there.get(name), listed) for name, listed in form.members):
        return f"JSON without {' or '.join(name for name, _ in form.members)}"
    return ""


def _json_object(body: bytes) -> dict[str, Any] | None:
    """The members of a JSON object, whose own content may be left as it is; None for what is none."""
    try:
        return msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        pass
    try:  # it takes some of what botocore does for broken: halves of characters, NaN
        there = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return there if isinstance(there, dict) else None


def _is_there(value: Any, listed: bool) -> bool:
    """Whether it is a list, or else a structure."""
    if isinstance(value, msgspec.Raw):
        return bytes(value)[:1] == (b"[" if listed else b"{")
    return isinstance(value, list if listed else dict)


def _kind(body: bytes) -> str:
    """What a body is, without a word of it."""
    if not body.strip():
        return "empty"
    if _HTML.match(body):
        return "a page of HTML"
    if body.lstrip().startswith((b"{", b"[")):
        return "JSON of another form, or half of one"
    if _ROOT.match(body):
        return "XML of another form"
    return "neither XML nor JSON"


def _error(protocol: str, status: int, body: bytes) -> bytes:
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = "no status of HTTP"
    message = f"{status} {phrase}, with {_kind(body)} in place of a reason"
    if protocol in ("json", "rest-json"):
        return (
            body if not body or _json_object(body) is not None else json.dumps({"message": message}).encode()
        )
    if protocol in ("ec2", "query") or (protocol == "rest-xml" and body.strip()):
        root = _ROOT.match(body)
        if not root or root[1] not in (b"Response", b"ErrorResponse", b"Error"):
            error = f"<Error><Code>{status}</Code><Message>{escape(message)}</Message></Error>"
            return f"<ErrorResponse>{error}<RequestId/></ErrorResponse>".encode()
    return body
