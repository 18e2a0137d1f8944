"""Which bodies are AWS's answer to a call: operations of each protocol, beside those that a run meets."""

from typing import Any

import botocore.session
import pytest

from reporter.aws import answers
from reporter.aws.errors import UnusableAnswerError

HTML = b"\n<!-- x --><HTML><head/><body/></HTML>"


@pytest.fixture(scope="module")
def session() -> Any:
    return botocore.session.Session()


def check(session: Any, service: str, operation: str, body: bytes, status: int = 200) -> bytes:
    """The body as botocore is to parse it."""
    response = {"body": body, "status_code": status, "headers": {}}
    answers.check(session.get_service_model(service).operation_model(operation), response)
    changed: bytes = response["body"]  # type: ignore[assignment]
    return changed


@pytest.mark.parametrize(
    "service, operation, body",
    [
        ("ec2", "DescribeVpcs", b'<?xml version="1.0"?>\n<DescribeVpcsResponse xmlns="x"/>'),
        ("ec2", "DescribeVpcs", b"\xef\xbb\xbf<!-- x --><DescribeVpcsResponse/>"),
        ("sts", "AssumeRole", b'<ns:AssumeRoleResponse xmlns:ns="x"/>'),
        ("lambda", "ListFunctions", b'{"Functions": [], "NextMarker": null}'),
        ("lambda", "ListFunctions", b'{"Functions": [{"Description": "\\ud800"}]}'),
        ("lambda", "GetFunctionConcurrency", b"{}"),  # no list: what is not set is left out
        ("lambda", "TagResource", b""),  # AWS says nothing
        ("sqs", "ListQueues", b"{}"),  # as AWS has it where there are none
        ("events", "ListRules", b'{"Rules": []}'),
        ("pinpoint", "GetApps", b'{"Item": []}'),
        ("s3", "ListObjectsV2", b"<ListBucketResult/>"),
        ("s3", "PutObject", b""),
        ("s3", "GetObject", HTML),  # somebody's page
    ],
)
def test_what_aws_answers_is_left_alone(session: Any, service: str, operation: str, body: bytes) -> None:
    assert check(session, service, operation, body) == body


@pytest.mark.parametrize(
    "service, operation, body, what",
    [
        ("ec2", "DescribeVpcs", HTML, "a page of HTML"),
        ("ec2", "DescribeVpcs", b"", "empty"),
        ("ec2", "DescribeVpcs", b"<DescribeVpcResponse/>", "XML of another form"),
        ("ec2", "DescribeVpcs", b"<DescribeVpcs/>", "XML of another form"),
        ("ec2", "DescribeVpcs", b'{"Vpcs": []}', "JSON of another form"),
        ("autoscaling", "DescribeLaunchConfigurations", b"ok", "neither XML nor JSON"),
        ("lambda", "ListFunctions", b"[]", "JSON of another form"),
        ("lambda", "ListFunctions", b'{"Functions": null}', "JSON without Functions"),
        ("lambda", "ListFunctions", b'{"Functions": "none"}', "JSON without Functions"),
        ("lambda", "ListFunctions", b'{"functions": []}', "JSON without Functions"),
        ("lambda", "ListFunctions", b'{"Functions": []', "JSON of another form, or half of one"),
        ("lambda", "GetFunctionConcurrency", b"", "empty"),
        ("lambda", "GetFunctionConcurrency", b'{"a": \xff}', "JSON of another form, or half of one"),
        ("batch", "DescribeComputeEnvironments", b"{}", "JSON without computeEnvironments"),
        ("pinpoint", "GetApps", b"", "empty"),
        ("s3", "ListObjectsV2", HTML, "a page of HTML"),
        ("s3", "ListObjectsV2", b"", "empty"),
        ("s3", "PutObject", HTML, "a page of HTML"),
    ],
)
def test_what_is_none_is_named_and_not_quoted(
    session: Any, service: str, operation: str, body: bytes, what: str
) -> None:
    with pytest.raises(UnusableAnswerError) as raised:
        check(session, service, operation, body)
    assert str(raised.value).startswith(f"the answer to {operation} is {what}")


@pytest.mark.parametrize("service", ["ec2", "autoscaling", "lambda", "events", "s3"])
@pytest.mark.parametrize("body", [HTML, b"secret", b"<html>secret"])
def test_an_error_of_somebody_else_says_so(session: Any, service: str, body: bytes) -> None:
    operation = {"ec2": "DescribeVpcs", "autoscaling": "DescribeLaunchConfigurations", "lambda": "ListFunctions",
                 "events": "ListRules", "s3": "ListBuckets"}[service]  # fmt: skip
    changed = check(session, service, operation, body, 403)
    model = session.get_service_model(service)
    parser = botocore.parsers.create_parser(model.resolved_protocol)
    parsed = parser.parse(
        {"body": changed, "status_code": 403, "headers": {}}, model.operation_model(operation).output_shape
    )
    assert parsed["Error"]["Code"] == "403"
    assert parsed["Error"]["Message"].startswith("403 Forbidden, with ")


@pytest.mark.parametrize(
    "service, body",
    [
        ("ec2", b"<Response><Errors><Error><Code>A</Code></Error></Errors></Response>"),
        ("autoscaling", b"<ErrorResponse><Error><Code>A</Code></Error></ErrorResponse>"),
        ("lambda", b'{"Message": "no"}'),
    ],
)
def test_an_error_of_aws_is_left_alone(session: Any, service: str, body: bytes) -> None:
    operation = {"ec2": "DescribeVpcs", "autoscaling": "DescribeLaunchConfigurations"}.get(
        service, "ListFunctions"
    )
    assert check(session, service, operation, body, 403) == body
