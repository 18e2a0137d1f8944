"""Custodian's filters without AWS: what they need is given, or said to be missing, and never taken for empty."""

import copy
import importlib
import io
import itertools
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import dateutil.tz
import pytest
from c7n.config import Config
from c7n.policy import Policy
from c7n.resources import vpc
from hypothesis import given, settings
from hypothesis import strategies as st

from reporter.custodian import offline, rule_cache, seal
from reporter.custodian.offline import NotEvaluableError, RecordedAnswers
from reporter.errors import InputError

GROUP: dict[str, Any] = {
    "GroupId": "sg-1", "GroupName": "web", "OwnerId": "123456789012", "VpcId": "vpc-1", "IpPermissions": [],
}  # fmt: skip


@pytest.fixture(autouse=True)
def sealed() -> Iterator[None]:
    with offline.sealed():
        yield


def evaluate(*filters: Any, resource: str = "security-group", **policy: Any) -> list[dict[str, Any]]:
    data = {"name": "p", "resource": resource, "filters": list(filters), **policy}
    return offline.evaluate(data, [dict(GROUP)], RecordedAnswers({}))


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        (["unused"], "filter `unused` asks AWS for aws.lambda"),
        ([{"or": ["stale", {"GroupName": "web"}]}], "filter `stale` asks AWS for"),
        (
            [
                {
                    "type": "value",
                    "key": "GroupName",
                    "value_from": {"url": "s3://bucket/names.txt"},
                    "op": "in",
                }
            ],
            "filter `value` on `GroupName` asks for s3://bucket/names.txt",
        ),
        (
            [
                {
                    "type": "value",
                    "key": "GroupName",
                    "value_from": {"url": "https://example.org/x.txt"},
                    "op": "in",
                }
            ],
            "filter `value` on `GroupName` asks for https://example.org/x.txt",
        ),
        ([{"GroupName": "{team}"}], "the variable team is for the accounts file to give"),
    ],
)
def test_what_is_missing_is_named(filters: list[Any], said: str) -> None:
    lists = {"aws.eni": list, "aws.security-group": lambda: [dict(GROUP)]}
    data = {"name": "p", "resource": "security-group", "filters": filters}
    with pytest.raises(NotEvaluableError) as error:
        offline.evaluate(data, [dict(GROUP)], RecordedAnswers(lists))
    assert str(error.value).startswith(said)


def test_a_filter_that_swallows_the_refusal_gives_no_answer() -> None:
    """`bucket-encryption` logs any error and leaves the bucket out."""
    data = {"name": "p", "resource": "aws.s3", "filters": [{"type": "bucket-encryption", "state": False}]}
    with pytest.raises(
        NotEvaluableError, match=r"filter `bucket-encryption` asks AWS for s3\.get_bucket_encr"
    ):
        offline.evaluate(data, [{"Name": "b"}], RecordedAnswers({}))


@pytest.mark.parametrize("policy", [{"query": [{"VpcId": "vpc-1"}]}, {"source": "config"}])
def test_what_aws_would_leave_out_is_not_guessed(policy: dict[str, Any]) -> None:
    with pytest.raises(NotEvaluableError):
        evaluate(**policy)


def test_conditions_and_variables_are_followed() -> None:
    elsewhere = {"type": "value", "key": "region", "value": "eu-west-1"}
    assert evaluate(conditions=[elsewhere]) == []
    assert evaluate(conditions=[{**elsewhere, "value": "us-east-1"}])
    assert evaluate({"OwnerId": "{account_id}"})


def values(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "value", "key": "GroupName", "op": "in", "value_from": {"url": url, **more}}


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("file:///proc/self/environ", "txt"),
        ("file:///etc/passwd", "csv"),
        ("file:pyproject.toml", "txt"),
        ("file://localhost/etc/passwd", "json"),
        ("FILE:/etc/passwd", "txt"),
        ("http://127.0.0.1:9/latest/meta-data", "txt"),
    ],
)
def test_values_come_from_nowhere_else(url: str, kind: str) -> None:
    for filters in ([values(url, format=kind)], [{"not": [{"or": [values(url, format=kind)]}]}]):
        with pytest.raises(NotEvaluableError) as error:
            evaluate(*filters)
        assert str(error.value) == f"filter `value` on `GroupName` asks for {url}"


def test_values_come_from_files_that_are_given() -> None:
    policy = {"name": "p", "resource": "security-group", "filters": [values("file:names.txt")]}
    for content, kept in (("db\nweb\n", 1), ("db\n", 0)):
        given_files = RecordedAnswers({}, files={"file:names.txt": content})
        assert len(offline.evaluate(policy, [dict(GROUP)], given_files)) == kept


def test_no_text_of_an_exception_is_told() -> None:
    """It may hold what was read: here JSON's would, and a file of secrets would be one that is no JSON."""
    policy = {"name": "p", "resource": "security-group", "filters": [values("file:x.csv", expr="hunter2 ]")]}
    with pytest.raises(NotEvaluableError) as error:
        offline.evaluate(policy, [dict(GROUP)], RecordedAnswers({}, files={"file:x.csv": "a,b"}))
    assert str(error.value) == "filter `value` on `GroupName` fails: ParseError"


@pytest.mark.parametrize(
    "text",
    [
        "{now.__init__.__globals__[os].environ[PATH]}",
        "{now.__class__}",
        "{now:{now.__class__}}",
        "x {policy[name]}",
        "{account_id.__class__}",
    ],
)
def test_no_text_reaches_into_a_variable(text: str) -> None:
    for filters in ({"GroupName": text}, {"type": "value", "key": text, "value": "x"}):
        with pytest.raises(NotEvaluableError, match=r"^the policy asks for what is within the variable "):
            evaluate(filters)


def test_nor_does_an_embedded_policy(tmp_path: Path) -> None:
    """It is filled in a second time, and when run writes its output: nothing of that happens here."""
    embedded = {"resource": "security-group", "filters": [{"GroupName": "{{now.__class__}}"}]}
    policy = {"name": "p", "resource": "account", "filters": [{"type": "missing", "policy": embedded}]}
    lists = {"aws.security-group": lambda: [dict(GROUP)]}
    with pytest.raises(NotEvaluableError, match=r"^filter `missing` asks for a "):
        offline.evaluate(policy, [{"account_id": "1"}], RecordedAnswers(lists))


@pytest.mark.parametrize("zone", ["/etc/passwd", "../../../etc/passwd", "Europe/Berlin"])
def test_a_time_zone_is_no_other_file(zone: str) -> None:
    policy = {"name": "p", "resource": "security-group", "start": "2020-01-01", "tz": zone}
    if zone == "Europe/Berlin":
        offline.validate(policy, "a.yml")
    else:
        with pytest.raises(InputError, match=r"^a\.yml: policy p: the policy asks for a file$"):
            offline.validate(policy, "a.yml")


def refusal(what: str) -> BaseException:
    return RuntimeError(f"refused: {what}")


OUTWARD: dict[str, Callable[[Path], Any]] = {
    "read": lambda folder: (folder / "there").read_text(),
    "read low": lambda folder: os.open(folder / "there", os.O_RDONLY),
    "read by a link beside Python's own": lambda folder: (folder / "zone" / "passwd").read_bytes(),
    "environment": lambda folder: Path("/proc/self/environ").read_bytes(),
    "write": lambda folder: (folder / "new").write_text("x"),
    "write among Python's own": lambda folder: Path(os.__file__).with_name("new.py").write_text("x"),
    "make a folder": lambda folder: (folder / "new").mkdir(),
    "remove": lambda folder: (folder / "there").unlink(),
    "rename": lambda folder: (folder / "there").rename(folder / "new"),
    "temporary file": lambda folder: tempfile.mkstemp(dir=folder),
    "database": lambda folder: sqlite3.connect(folder / "new"),
    "connect": lambda folder: socket.create_connection(("127.0.0.1", 9)),
    "datagram": lambda folder: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9)),
    "look up": lambda folder: socket.getaddrinfo("localhost", 80),
    "url": lambda folder: urlopen((folder / "there").as_uri()),
    "program": lambda folder: subprocess.run(["true"]),
    "shell": lambda folder: os.system("true"),
    "fork": lambda folder: os.fork(),
    "kill": lambda folder: os.kill(os.getpid(), 0),
}


@pytest.mark.parametrize("way", OUTWARD)
def test_no_way_out(way: str, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("x")
    (tmp_path / "zone").symlink_to("/etc")
    with pytest.raises(RuntimeError, match=r"^refused: "), seal.closed(refusal):
        OUTWARD[way](tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there", "zone"]


def test_what_python_needs_is_let_through(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("x")
    sys.modules.pop("this", None)
    with seal.closed(refusal):
        with redirect_stdout(io.StringIO()):
            importlib.import_module("this")
        assert dateutil.tz.gettz.nocache("Europe/Berlin")
        with seal.lifted():
            assert (tmp_path / "there").read_text() == "x"
        with pytest.raises(RuntimeError):
            (tmp_path / "there").read_text()
    assert (tmp_path / "there").read_text() == "x"


def test_what_yaml_names_twice_is_two() -> None:
    """Custodian writes into the filters of rules which port each is about."""
    at_least_20 = {"type": "value", "op": "gte", "value": 20}
    both = {"type": "ingress", "FromPort": at_least_20, "ToPort": at_least_20}
    data = {"name": "p", "resource": "security-group", "filters": [both]}
    for first, kept in ((10, False), (20, True)):
        rule = {"IpProtocol": "tcp", "FromPort": first, "ToPort": 25, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
        found = offline.evaluate(data, [GROUP | {"IpPermissions": [rule]}], RecordedAnswers({}))
        assert bool(found) is kept
    assert at_least_20 == {"type": "value", "op": "gte", "value": 20}


PORTS = st.one_of(st.none(), st.integers(20, 24))
RULES = st.fixed_dictionaries(
    {
        "IpProtocol": st.sampled_from(["tcp", "udp", "-1", "50"]),
        "FromPort": PORTS,
        "ToPort": PORTS,
        "IpRanges": st.lists(
            st.sampled_from(["0.0.0.0/0", "10.0.0.0/8"]).map(lambda each: {"CidrIp": each}), max_size=2
        ),
        "Ipv6Ranges": st.lists(st.just({"CidrIpv6": "::/0"}), max_size=1),
        "UserIdGroupPairs": st.lists(st.just({"GroupId": "sg-1", "UserId": "123456789012"}), max_size=1),
    }
).map(lambda rule: {key: value for key, value in rule.items() if value is not None})
PORT = st.one_of(
    st.just(22),
    st.fixed_dictionaries(
        {"type": st.just("value"), "op": st.sampled_from(["lte", "gte", "ne"]), "value": st.just(22)}
    ),
    st.just("absent"),
)
LEAVES = st.fixed_dictionaries(
    {"type": st.sampled_from(["ingress", "egress"])},
    optional={
        "IpProtocol": st.sampled_from(["tcp", "-1"]),
        "FromPort": PORT,
        "ToPort": PORT,
        "Ports": st.just([22]),
        "OnlyPorts": st.just([22, 23]),
        "Cidr": st.sampled_from(
            [
                "0.0.0.0/0",
                "10.0.0.0/8",
                "present",
                "absent",
                {"value": "10.0.0.0/7", "op": "in", "value_type": "cidr"},
            ]
        ),
        "CidrV6": st.just("::/0"),
        "SelfReference": st.booleans(),
        "match-operator": st.sampled_from(["and", "or"]),
    },
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(RULES, max_size=3), min_size=1, max_size=5), st.lists(LEAVES, min_size=1, max_size=2)
)
def test_remembered_verdicts_are_custodians(groups: list[list[Any]], leaves: list[Any]) -> None:
    """The same groups match, with the same rules noted, as without the memory."""
    resources = [
        {**GROUP, "GroupId": f"sg-{number}", "IpPermissions": rules, "IpPermissionsEgress": rules[:1]}
        for number, rules in enumerate(groups)
    ]
    judges = (_custodians(), vpc.SGPermission.__call__)
    answers = [_kept([{"or": leaves}], resources, judge) for judge in judges]
    assert answers[0] == answers[1]


def _custodians() -> Any:
    """Custodian's own __call__, which the remembering one stands for."""
    return vpc.SGPermission.__call__.__closure__[0].cell_contents._judge


def _kept(filters: list[Any], groups: list[dict[str, Any]], judge: Any) -> list[dict[str, Any]]:
    remembering = vpc.SGPermission.__call__
    vpc.SGPermission.__call__ = judge
    try:
        data = {"name": "p", "resource": "security-group", "filters": copy.deepcopy(filters)}
        policy = Policy(data, Config.empty())
        kept = policy.resource_manager.filter_resources([dict(each) for each in groups])
        return sorted(kept, key=lambda group: str(group["GroupId"]))
    finally:
        vpc.SGPermission.__call__ = remembering


PROTOCOLS = ("tcp", "udp", "-1", "50")
RANGES = ((None, None), (22, 22), (20, 21), (20, 22), (20, 25), (22, 23), (23, 25), (0, 65535))
PEERS: tuple[dict[str, Any], ...] = (
    {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
    {"IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "private"}, {"CidrIp": "0.0.0.0/0"}]},
    {"Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
    {"UserIdGroupPairs": [{"GroupId": "sg-1", "UserId": "123456789012"}]},
)


@pytest.mark.parametrize(
    "leaf",
    [
        {"IpProtocol": "tcp"},
        {"FromPort": 22},
        {"ToPort": 22},
        {"FromPort": "absent"},
        {"FromPort": {"type": "value", "op": "lte", "value": 22}},
        {"ToPort": {"type": "value", "op": "gte", "value": 22}},
        {"FromPort": {"type": "value", "op": "not-in", "value": [20, 23]}},
        {"ToPort": {"type": "value", "op": "gt", "value_path": "FromPort"}},
        {"Ports": [22]},
        {"OnlyPorts": [22, 23]},
        {"Cidr": "0.0.0.0/0"},
        {"Cidr": "present"},
        {"CidrV6": "not-null"},
        {"Cidr": {"value": "10.0.0.0/7", "op": "in", "value_type": "cidr"}},
        {"CidrV6": "::/0"},
        {"SelfReference": False, "Ports": [22]},
        {"Description": {"value": "private"}, "IpProtocol": "tcp"},
        {"Cidr": "0.0.0.0/0", "CidrV6": "::/0", "match-operator": "or"},
    ],
)
def test_every_kind_of_filter_on_every_kind_of_rule(leaf: dict[str, Any]) -> None:
    groups = []
    for number, (protocol, (first, last), peer) in enumerate(itertools.product(PROTOCOLS, RANGES, PEERS)):
        ports = {} if first is None else {"FromPort": first, "ToPort": last}
        rule = {"IpProtocol": protocol, **ports, **peer}
        groups.append({**GROUP, "GroupId": f"sg-{number}", "IpPermissions": [rule]})
    judges = (_custodians(), vpc.SGPermission.__call__)
    answers = [_kept([{"type": "ingress", **leaf}], groups, judge) for judge in judges]
    assert answers[0] == answers[1]
    assert 0 < len(answers[0]) < len(groups)


def test_addresses_that_are_not_asked_for_are_one_to_the_memory() -> None:
    """Custodian judges the first of them, and the one that the filter names."""
    custodians, judged = _custodians(), list[Any]()

    def judge(rule_filter: Any, group: dict[str, Any]) -> Any:
        judged.extend(group["IpPermissions"][0]["IpRanges"])
        return custodians(rule_filter, group)

    peers = ["10.0.0.1/32", "10.0.0.2/32", "0.0.0.0/0", "10.0.0.3/32", "0.0.0.0/0"]
    groups = [
        {
            **GROUP,
            "GroupId": f"sg-{number}",
            "IpPermissions": [
                {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": peer}]}
            ],
        }
        for number, peer in enumerate(peers)
    ]
    leaf = {"type": "ingress", "FromPort": 22, "Cidr": "0.0.0.0/0"}
    kept = _kept([leaf], groups, rule_cache.remembering(judge, 10))
    assert [group["GroupId"] for group in kept] == ["sg-2", "sg-4"]
    assert judged == [{"CidrIp": "10.0.0.1/32"}, {"CidrIp": "0.0.0.0/0"}]


def test_the_memory_leaves_alone_what_looks_further() -> None:
    for data in (
        {"SelfReference": True},
        {"SGReferences": {"key": "VpcId", "value": "vpc-1"}},
        {"Cidr": {"value_from": {"url": "x"}}},
        {"FromPort": {"value_type": "expr", "value": "ToPort"}},
        {"FromPort": {"value_path": "length(IpRanges)"}},
    ):
        assert rule_cache._fields({"type": "ingress", "IpProtocol": "tcp", **data}) == []
