"""Which call of AWS's an HTTP request is: account, region, service and action.

For middleware around the sandbox's AWS, in the server's process: it needs moto and botocore.
"""

import io
import re
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qs
from wsgiref.types import WSGIEnvironment

import botocore.session
from botocore.exceptions import UnknownServiceError
from moto.iam.models import get_account_id_from

_SIGNED_BY = re.compile(r"Credential=(?P<key>[^/,]+)/\d{8}/(?P<region>[^/]*)/(?P<service>[^/]*)/aws4_request")

# What botocore calls a service where IAM, and so a signature, has another name for it.
_MODELS = {"access-analyzer": "accessanalyzer"}


@dataclass(frozen=True)
class Call:
    """A call as AWS's IAM names it: `service` is the prefix of an action. What a request does not say is "".

    `protocol` is how its service talks: ec2, query, json, rest-json or rest-xml. `account` is the one that is
    called: the assumed role's, and where a role is to be assumed, that role's. `resource` is then the role.
    """

    account: str
    region: str
    service: str
    action: str
    protocol: str
    resource: str = ""


def body(environ: WSGIEnvironment) -> bytes:
    """The request's body, which stays there to be read again."""
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):
        content: bytes = stream.read()
    else:
        content = stream.read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(content)
    environ["wsgi.input_terminated"] = True
    return content


def read(environ: WSGIEnvironment) -> Call:
    """The call that a request makes."""
    signed = _SIGNED_BY.search(environ.get("HTTP_AUTHORIZATION", ""))
    key, region, service = signed.groups() if signed else ("", "", "")
    account, resource = get_account_id_from(key), ""
    form = _form(environ)
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        protocol, action = "json", target.rpartition(".")[2]
    elif "Action" in form:
        protocol, action = "ec2" if service == "ec2" else "query", form["Action"]
        if resource := form.get("RoleArn", ""):
            account = resource.split(":")[4]
    else:
        protocol, action = _by_path(service, environ["REQUEST_METHOD"], environ["PATH_INFO"])
    return Call(account, region, service, action, protocol, resource)


def _form(environ: WSGIEnvironment) -> dict[str, str]:
    if not environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return {}
    return {name: values[0] for name, values in parse_qs(body(environ).decode()).items()}


def _by_path(service: str, method: str, path: str) -> tuple[str, str]:
    """Protocol and action of a service that puts the action into the path; S3's actions are not told."""
    protocol, routes = _routes(service)
    path = path.strip("/")
    return protocol, next((name for verb, way, name in routes if verb == method and way.fullmatch(path)), "")


@cache
def _routes(service: str) -> tuple[str, tuple[tuple[str, "re.Pattern[str]", str], ...]]:
    try:
        model = botocore.session.Session().get_service_model(_MODELS.get(service, service))
    except UnknownServiceError:
        return "rest-json", ()
    if model.protocol != "rest-json":
        return model.protocol, ()
    operations = [model.operation_model(name) for name in model.operation_names]
    # A path without a placeholder is looked for before one with, which may match it too.
    operations.sort(key=lambda operation: operation.http["requestUri"].count("{"))
    return model.protocol, tuple(
        (operation.http["method"], _pattern(operation.http["requestUri"]), operation.name)
        for operation in operations
    )


def _pattern(uri: str) -> "re.Pattern[str]":
    """A path such as /2015-03-31/functions/{Name}; {Name+} may stand for several parts of one."""
    path = re.escape(uri.partition("?")[0].strip("/"))
    return re.compile(re.sub(r"\\{.+?(\\\+)?\\}", lambda name: ".+" if name[1] else "[^/]+", path))
