"""An IAM Access Analyzer on this machine, of which moto has none: what each account and region has is canned.

It speaks the service's REST-JSON as botocore's own model has it. Each answer is checked against that model, and read
back with botocore's parser, before it is sent: one with a member that is missing, unknown or of another type fails the
test, and so does a call that the model does not have.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from re import fullmatch, search
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import botocore.session
from botocore.model import OperationModel, Shape
from botocore.parsers import create_parser
from botocore.validate import ParamValidator

Record = dict[str, Any]
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ROLE = "AWS::IAM::Role"

_MODEL = botocore.session.Session().get_service_model("accessanalyzer")
_OPERATIONS = {"ListAnalyzers": ("GET", "/analyzer"), "ListFindingsV2": ("POST", "/findingv2")}
# What ListFindingsV2 can filter by, of what is asked here:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-filter-keys.html
_FILTERS = {"status", "resourceType", "resourceOwnerAccount", "resource", "findingType"}


@dataclass(frozen=True)
class Asked:
    """A call, with the members of its request."""

    account: str
    region: str
    action: str
    request: Record


@dataclass
class AccessAnalyzer:
    """`analyzers` are those of an account and region, each a summary with its `findings`. `answer` may give another
    answer in their place: a pair of an error's code and its members, or the members of an answer."""

    account_of: Callable[[str], str]
    """Tells the account of an access key."""
    analyzers: dict[tuple[str, str], list[Record]] = field(default_factory=dict)
    answer: Callable[[Asked], "tuple[str, Record] | Record | None"] = lambda asked: None
    page: int = 100
    endpoint: str = ""
    asked: list[Asked] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def of(self, asked: Asked) -> "tuple[str, Record] | Record":
        """What is answered to a call."""
        instead = self.answer(asked)
        if instead is not None:
            return instead
        analyzers = self.analyzers.get((asked.account, asked.region), [])
        if asked.action == "ListAnalyzers":
            summaries = [{name: each[name] for name in each if name != "findings"} for each in analyzers]
            return self._page("analyzers", summaries, asked.request)
        wanted = asked.request.get("filter", {})
        if unknown := set(wanted) - _FILTERS:
            return invalid(f"no filter {', '.join(unknown)}")
        for each in analyzers:
            if each["arn"] == asked.request["analyzerArn"]:
                chosen = [
                    finding
                    for finding in each["findings"]
                    if all(finding.get(name) in criterion["eq"] for name, criterion in wanted.items())
                ]
                return self._page("findings", chosen, asked.request)
        return gone(asked.request["analyzerArn"])

    def _page(self, name: str, records: list[Record], request: Record) -> "tuple[str, Record] | Record":
        token = request.get("nextToken", "from 0")
        place = fullmatch(r"from (\d+)", token)
        if not place:
            return invalid("no such token")
        start, size = int(place[1]), request.get("maxResults", self.page)
        more = {"nextToken": f"from {start + size}"} if start + size < len(records) else {}
        return {name: records[start : start + size], **more}


def analyzer(
    account: str, region: str, kind: str = "ACCOUNT", *findings: Record, name: str = "", **more: Any
) -> Record:
    """An analyzer of type `kind` with its findings."""
    name = name or kind.lower()
    return {
        "arn": f"arn:aws:access-analyzer:{region}:{account}:analyzer/{name}",
        "name": name,
        "type": kind,
        "createdAt": NOON,
        "status": "ACTIVE",
        "findings": list(findings),
    } | more


def finding(role: str, kind: str = "ExternalAccess", **more: Any) -> Record:
    """An active finding of a role by its ARN."""
    return {
        "id": f"{kind}-{role.rpartition('/')[2]}",
        "resource": role,
        "resourceType": ROLE,
        "resourceOwnerAccount": role.split(":")[4],
        "status": "ACTIVE",
        "findingType": kind,
        "analyzedAt": NOON,
        "createdAt": NOON,
        "updatedAt": NOON,
    } | more


def denied(action: str = "access-analyzer:ListAnalyzers") -> tuple[str, Record]:
    return "AccessDeniedException", {"message": f"User is not authorized to perform: {action}"}


def throttled() -> tuple[str, Record]:
    return "ThrottlingException", {"message": "Rate exceeded"}


def invalid(message: str) -> tuple[str, Record]:
    return "ValidationException", {"message": message, "reason": "other"}


def gone(arn: str) -> tuple[str, Record]:
    members = {"message": "no such analyzer", "resourceId": arn, "resourceType": "Analyzer"}
    return "ResourceNotFoundException", members


@contextmanager
def access_analyzer(account_of: Callable[[str], str] = lambda key: key) -> Iterator[AccessAnalyzer]:
    """The service, until the block ends. Raises AssertionError then where a call or an answer was not of the model."""
    canned = AccessAnalyzer(account_of)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                asked = _asked(canned, self, body)
                canned.asked.append(asked)
                status, headers, answer = encoded(asked.action, canned.of(asked))
            except Exception as problem:
                canned.problems.append(f"{self.command} {self.path}: {problem}")
                status, headers, answer = 400, {"x-amzn-ErrorType": "Problem"}, b'{"message": "see the test"}'
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(answer))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        canned.endpoint = f"http://127.0.0.1:{server.server_port}"
        try:
            yield canned
        finally:
            server.shutdown()
    assert not canned.problems, "; ".join(canned.problems)


def _asked(canned: AccessAnalyzer, request: BaseHTTPRequestHandler, body: bytes) -> Asked:
    scope = search(
        r"Credential=([^/]+)/\d+/([^/]+)/access-analyzer/", request.headers.get("Authorization", "")
    )
    assert scope, "not signed for access-analyzer"
    url = urlsplit(request.path)
    action = next(name for name, way in _OPERATIONS.items() if way == (request.command, url.path))
    members = json.loads(body) if body else dict(parse_qsl(url.query))
    _check(members, _MODEL.operation_model(action).input_shape)
    return Asked(canned.account_of(scope[1]), scope[2], action, members)


def encoded(action: str, answer: "tuple[str, Record] | Record") -> tuple[int, dict[str, str], bytes]:
    """An answer as AWS writes it: HTTP status, headers and body. Raises AssertionError where the model has no such."""
    operation = _MODEL.operation_model(action)
    if isinstance(answer, tuple):
        code, members = answer
        shape = next(each for each in operation.error_shapes if each.name == code)
        _check(members, shape)
        status = shape.metadata["error"]["httpStatusCode"]
        return status, _headers(code), json.dumps(members).encode()
    _check(answer, operation.output_shape)
    body = json.dumps(answer, default=_time).encode()
    assert _parsed(operation, body) == answer, "the parser reads something else"
    return 200, _headers(), body


def _headers(code: str = "") -> dict[str, str]:
    return {"Content-Type": "application/json"} | ({"x-amzn-ErrorType": code} if code else {})


def _time(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _parsed(operation: OperationModel, body: bytes) -> Record:
    response = {"body": body, "status_code": 200, "headers": {}}
    parsed: Record = create_parser(_MODEL.resolved_protocol).parse(response, operation.output_shape)
    parsed.pop("ResponseMetadata")
    return parsed


def _check(members: Mapping[str, Any], shape: Shape) -> None:
    """botocore's own check, which is on types and required members, and what it leaves to AWS: unknown members, enums
    and patterns."""
    report = ParamValidator().validate(members, shape)
    assert not report.has_errors(), report.generate_report()
    _check_closely(members, shape)


def _check_closely(value: Any, shape: Shape) -> None:
    if shape.type_name == "structure":
        assert set(value) <= set(shape.members), f"unknown: {set(value) - set(shape.members)} in {shape.name}"
        for name, member in value.items():
            _check_closely(member, shape.members[name])
    elif shape.type_name == "list":
        for each in value:
            _check_closely(each, shape.member)
    elif shape.type_name == "map":
        for each in value.values():
            _check_closely(each, shape.value)
    elif shape.type_name == "string":
        assert not shape.enum or value in shape.enum, f"{value!r} is no {shape.name}"
        pattern = shape.metadata.get("pattern")
        assert not pattern or fullmatch(pattern, value), f"{value!r} is not as {shape.name} is written"


def recorded(analyzers: list[Record]) -> list[Record]:
    """Analyzers as a run directory has them: times are ISO 8601."""
    found: list[Record] = json.loads(json.dumps(analyzers, default=datetime.isoformat))
    return found
