"""The token with which a listing's answer names the next page, put into an answer, and taken out of a call.

For middleware around the sandbox's AWS, in the server's process: it needs botocore.
"""

import io
import json
import re
from functools import cache
from typing import Any
from wsgiref.types import WSGIEnvironment
from xml.sax.saxutils import escape

import botocore.session
from botocore.exceptions import DataNotFoundError, UnknownServiceError

from reporter.sandbox.calls import Call, body


@cache
def _names(service: str, action: str) -> tuple[str, str, str] | None:
    """What the token is called in a call and, on the wire, in an answer, and what says that there is more.

    None where the listing has no pages, or is of a service whose name in IAM is not botocore's.
    """
    session = botocore.session.Session()
    try:
        page: dict[str, Any] = session.get_paginator_model(service).get_paginator(action)
        answer = session.get_service_model(service).operation_model(action).output_shape
    except (DataNotFoundError, UnknownServiceError, ValueError):
        return None
    asked, told = page["input_token"], page["output_token"]
    asked, told = (name if isinstance(name, str) else name[0] for name in (asked, told))
    wire = answer.members[told].serialization.get("name", told)
    return asked, wire, page.get("more_results", "")


def take_token_out(call: Call, environ: WSGIEnvironment) -> None:
    """Have the call ask for the first page: the AWS behind does not know the tokens that were made up."""
    names = _names(call.service, call.action)
    if names is None:
        return
    parameter = rf"(^|&){names[0]}=[^&]*"
    environ["QUERY_STRING"] = re.sub(parameter, "", environ.get("QUERY_STRING", ""))
    content = body(environ)
    if call.protocol in ("ec2", "query"):
        content = re.sub(parameter.encode(), b"", content)
    elif content:
        content = json.dumps(
            {name: of for name, of in json.loads(content).items() if name != names[0]}
        ).encode()
    environ["wsgi.input"] = io.BytesIO(content)
    environ["CONTENT_LENGTH"] = str(len(content))


def put_token_in(call: Call, content: bytes, token: str) -> bytes:
    """The answer, with a token for the next page."""
    names = _names(call.service, call.action)
    if names is None:
        return content
    _, told, more = names
    if call.protocol in ("ec2", "query"):
        end = f"</{call.action}{'Response' if call.protocol == 'ec2' else 'Result'}>".encode()
        added = f"<{told}>{escape(token)}</{told}>" + (f"<{more}>true</{more}>" if more else "")
        return content.replace(end, added.encode() + end)
    return json.dumps(json.loads(content) | {told: token} | ({more: True} if more else {})).encode()
