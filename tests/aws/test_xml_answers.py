"""Answers in XML are read as botocore reads them, whatever is in them."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import botocore.session
import pytest
from botocore.model import Shape
from botocore.parsers import BaseXMLResponseParser, create_parser

from reporter.aws.xml_answers import reading_faster

Body = bytes

OPERATIONS = [
    ("ec2", "DescribeSecurityGroups"),
    ("ec2", "DescribeNetworkInterfaces"),
    ("ec2", "DescribeInstances"),
    ("ec2", "DescribeRouteTables"),
    ("ec2", "GetConsoleOutput"),  # a moment
    ("ec2", "DescribeTransitGatewayMulticastDomains"),
    ("autoscaling", "DescribeLaunchConfigurations"),
    ("sts", "AssumeRole"),
    ("iam", "GetAccountAuthorizationDetails"),
    ("elasticache", "DescribeCacheClusters"),
    ("rds", "DescribeDBClusters"),  # floats
    ("cloudformation", "DescribeStacks"),
    ("sns", "GetTopicAttributes"),  # a map
    ("s3", "GetBucketAcl"),  # attributes, and lists without an element around them
    ("s3", "ListObjectsV2"),
    ("route53", "ListResourceRecordSets"),
]
TEXTS = ["", "web", "0.0.0.0/0", "a &amp; b", " ", "\u00e9\n", "<!-- said -->after", "<![CDATA[<x>]]>"]


@pytest.fixture(scope="module")
def session() -> Any:
    found = botocore.session.Session()
    found.get_service_model = cache(found.get_service_model)
    return found


@contextmanager
def faster() -> Iterator[None]:
    long_way = BaseXMLResponseParser._handle_structure
    with patch.object(BaseXMLResponseParser, "_handle_structure", reading_faster(long_way)):
        yield


def read(session: Any, service: str, operation: str, body: Body, status: int = 200) -> str:
    """What is read, its order included, or how reading fails."""
    model = session.get_service_model(service)
    parser = create_parser(model.metadata["protocol"])
    response = {"body": body, "status_code": status, "headers": {}}
    try:
        return json.dumps(parser.parse(response, model.operation_model(operation).output_shape), default=told)
    except Exception as error:
        return type(error).__name__


def told(value: Any) -> str:
    """An element, which botocore gives where a text is there twice, without its address."""
    return str(getattr(value, "text", value))


def content(shape: Shape, chance: random.Random, depth: int = 0) -> str:
    """Anything that a shape may come as: parts of it left out, out of order, there twice, or unknown."""
    kind = shape.type_name
    if kind == "structure" and depth < 9:
        there = [item for item in shape.members.items() if chance.random() < 0.6]
        if chance.random() < 0.2:
            chance.shuffle(there)
        if there and chance.random() < 0.1:
            there.append(chance.choice(there))
        parts = [
            element(member.serialization.get("name", name), content(member, chance, depth + 1))
            for name, member in there
        ]
        if chance.random() < 0.2:
            parts.insert(0, element("nobodyKnows", "it"))
        return "".join(parts)
    if kind == "list":
        many = range(chance.choice([0, 1, 1, 2, 3]))
        return "".join(element("item", content(shape.member, chance, depth + 1)) for _ in many)
    if kind == "map":
        return element("entry", element("key", "a") + element("value", "b")) * chance.randrange(3)
    if kind == "boolean":
        return chance.choice(["true", "false", "True", ""])
    if kind in ("integer", "long"):
        return chance.choice(["0", "443", "-1", " 7 "] + ["", "many"] * (chance.random() < 0.02))
    if kind in ("float", "double"):
        return chance.choice(["0.5", "1e3"])
    if kind == "timestamp":
        return "2026-11-26T10:00:00Z"
    if kind == "blob":
        return "YWJj"
    return chance.choice(TEXTS)


def element(name: str, inside: str) -> str:
    return f"<{name}>{inside}</{name}>"


def body(session: Any, service: str, operation: str, chance: random.Random) -> Body:
    shape = session.get_service_model(service).operation_model(operation).output_shape
    inside = content(shape, chance)
    if wrapper := shape.serialization.get("resultWrapper"):
        inside = element(wrapper, inside) + element("ResponseMetadata", element("RequestId", "r"))
    else:
        inside += element("requestId", "r")
    space = chance.choice(["", ' xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"'])
    return f'<?xml version="1.0"?><{operation}Response{space}>{inside}</{operation}Response>'.encode()


@pytest.mark.parametrize("service, operation", OPERATIONS)
def test_it_is_read_as_botocore_reads_it(session: Any, service: str, operation: str) -> None:
    seeds = range(30)
    bodies = [body(session, service, operation, random.Random(seed)) for seed in seeds]
    expected = [read(session, service, operation, each) for each in bodies]
    assert sum(each.startswith("{") for each in expected) > len(seeds) / 4
    with faster():
        assert [read(session, service, operation, each) for each in bodies] == expected


@pytest.mark.parametrize(
    "answer, status",
    [
        (b"<Response><Errors><Error><Code>No</Code><Message>m</Message></Error></Errors></Response>", 400),
        (b"<DescribeVpcsResponse><vpcSet><item><vpcId>vpc-1</vpcId></vpcSet></DescribeVpcsResponse>", 200),
        (b"", 200),
        (b"<a:DescribeVpcsResponse xmlns:a='x'><b:vpcSet xmlns:b='y'/></a:DescribeVpcsResponse>", 200),
        (b"<DescribeVpcsResponse><vpcSet/><vpcSet/></DescribeVpcsResponse>", 200),
        (b"<DescribeVpcsResponse><vpcSet>words</vpcSet></DescribeVpcsResponse>", 200),
    ],
)
def test_what_is_no_plain_answer_too(session: Any, answer: Body, status: int) -> None:
    expected = read(session, "ec2", "DescribeVpcs", answer, status)
    with faster():
        assert read(session, "ec2", "DescribeVpcs", answer, status) == expected


def test_order_and_values_written_down(session: Any) -> None:
    answer = (
        b'<DescribeSecurityGroupsResponse xmlns="x"><securityGroupInfo><item><groupName>web</groupName>'
        b"<other>1</other><groupId>sg-1</groupId><ipPermissions><item><fromPort>22</fromPort><ipRanges/>"
        b"</item></ipPermissions></item></securityGroupInfo></DescribeSecurityGroupsResponse>"
    )
    with faster():
        found = json.loads(read(session, "ec2", "DescribeSecurityGroups", answer))
    (group,) = found["SecurityGroups"]
    # in the order of the model, which resources.json has too
    assert list(group.items()) == [
        ("GroupId", "sg-1"),
        ("GroupName", "web"),
        ("IpPermissions", [{"FromPort": 22, "IpRanges": []}]),
    ]


def test_names_that_no_shape_knows_do_not_stay(session: Any) -> None:
    many = "".join(element(f"n{number}", "x") for number in range(5_000))
    answer = f"<DescribeVpcsResponse>{many}<nextToken>t</nextToken></DescribeVpcsResponse>".encode()
    with faster():
        assert '"NextToken": "t"' in read(session, "ec2", "DescribeVpcs", answer)
        shape = session.get_service_model("ec2").operation_model("DescribeVpcs").output_shape
        assert all(len(each.by_tag) <= 1_000 for each in vars(shape).values() if hasattr(each, "by_tag"))


def test_names_that_another_thread_drops_meanwhile_are_found_again(session: Any) -> None:
    class Dropped(dict[str, Any]):
        def __contains__(self, tag: object) -> bool:
            found = super().__contains__(tag)
            self.clear()
            return found

    answer = b"<DescribeVpcsResponse><nextToken>t</nextToken></DescribeVpcsResponse>"
    with faster():
        shape = session.get_service_model("ec2").operation_model("DescribeVpcs").output_shape
        read(session, "ec2", "DescribeVpcs", answer)
        (members,) = (each for each in vars(shape).values() if hasattr(each, "by_tag"))
        members.by_tag = Dropped(members.by_tag)
        assert '"NextToken": "t"' in read(session, "ec2", "DescribeVpcs", answer)
