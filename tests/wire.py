"""A wire between the audit and the sandbox, on which every call is seen and any can be answered instead."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

# What a proxy must not pass on.
_BETWEEN_TWO = {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}


@dataclass(frozen=True)
class Call:
    """A call to AWS as it went over the wire. `action` is METHOD PATH where the service has no actions."""

    service: str
    region: str
    access_key: str
    action: str
    params: dict[str, str]
    body: bytes = b""


# A status and a body, or None for what the sandbox says.
Answer = Callable[[Call], tuple[int, str] | None]


@dataclass(frozen=True)
class Credentials:
    """What was handed out for a role."""

    role: str
    access_key: str
    secret_key: str
    token: str


@dataclass
class Wire:
    """The calls so far, and the credentials that were handed out."""

    endpoint: str = ""
    answer: Answer = lambda call: None
    calls: list[Call] = field(default_factory=list)
    handed_out: list[Credentials] = field(default_factory=list)

    def of(self, action: str) -> list[Call]:
        return [call for call in self.calls if call.action == action]

    def role_of(self, call: Call) -> str:
        """The ARN of the role that signed the call, or "" if none did."""
        return next((item.role for item in self.handed_out if item.access_key == call.access_key), "")


@contextmanager
def wire(upstream: str) -> Iterator[Wire]:
    """A wire to the sandbox at `upstream`."""
    seen = Wire()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            call = _call(self, body)
            seen.calls.append(call)
            status, headers, answer = self.answered(call, body)
            if call.action == "AssumeRole" and status == 200:
                seen.handed_out.append(_credentials(call, answer.decode()))
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in _BETWEEN_TWO:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any  # noqa: N815

        def answered(self, call: Call, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            instead = seen.answer(call)
            if instead:
                return instead[0], [("Content-Type", "text/xml")], instead[1].encode()
            there = HTTPConnection(urlsplit(upstream).netloc)
            try:
                there.request(self.command, self.path, body, dict(self.headers))
                response = there.getresponse()
                return response.status, response.getheaders(), response.read()
            finally:
                there.close()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        seen.endpoint = f"http://127.0.0.1:{server.server_port}"
        try:
            yield seen
        finally:
            server.shutdown()


def _call(request: BaseHTTPRequestHandler, body: bytes) -> Call:
    scope = re.search(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/", request.headers.get("Authorization", ""))
    access_key, region, service = scope.groups() if scope else ("", "", "")
    params: dict[str, str] = {}
    action = f"{request.command} {request.path}"
    if target := request.headers.get("X-Amz-Target"):
        action = target.rpartition(".")[2]
    elif request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
        params = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        action = params.get("Action", action)
    return Call(service, region, access_key, action, params, body)


def _credentials(call: Call, answer: str) -> Credentials:
    def text(tag: str) -> str:
        return str(re.findall(rf"<{tag}>(.*?)</{tag}>", answer)[0])

    return Credentials(
        call.params["RoleArn"], text("AccessKeyId"), text("SecretAccessKey"), text("SessionToken")
    )
