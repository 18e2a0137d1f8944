"""Whatever is in a file that a person or an AWS account can write: a reader takes it, or says what is wrong.

Nothing but InputError is raised, and what comes from AWS costs no more than its own cell.
"""

import copy
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reporter import yamlfile
from reporter.accounts import chosen, expected, labels
from reporter.custodian import policies
from reporter.errors import InputError
from reporter.findings.assess import assess
from reporter.inventory.audit import read_audit
from reporter.output.manifest import Status
from reporter.output.reading import open_output
from reporter.output.store import Folder
from reporter.policytests import cases
from reporter.report import writing
from reporter.sandbox import faults

# What means something to YAML, and what neither it nor a workbook can hold.
_YAML = "-:?[]{}&*!|>'\"%@`#,=<~.+\\\n\t ab01_x\u2028\u0085\ufeff\uffff\x00\x1b"
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from((2**63, 2**64, 10**400, -(10**20), 22, -1))
    | st.floats()
    | st.text(st.characters(codec="utf-8"), max_size=20)
    | st.sampled_from(("=1+1", "..", "/", "\0", "a\nb", "\ufffe", "{x}", "aws.ec2", "2024-13-45", "安" * 120))
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inside: (
        st.lists(inside, max_size=3) | st.dictionaries(st.text(_YAML, max_size=5), inside, max_size=3)
    ),
    max_leaves=6,
)

_ACCOUNT = {
    "name": "dev",
    "account_id": "111111111111",
    "role": "arn:aws:iam::111111111111:role/sg-audit",
    "regions": ["us-east-1"],
    "tags": ["team:web"],
    "vars": {"team": "web"},
}
ACCOUNTS = {"accounts": [_ACCOUNT], "vars": {"a": "b"}}
POLICIES = {
    "policies": [
        {
            "name": "ssh",
            "resource": "aws.security-group",
            "description": "d",
            "filters": [{"type": "ingress", "Ports": [22]}, {"not": [{"tag:a": "b"}]}],
            "metadata": {"report": {"tab": "t", "column": "c"}},
        }
    ]
}
CASES = {
    "policies": [],
    "vars": {
        "cases": [
            {"why": "w", "match": True, "resource": {"GroupName": "a"}, "given": {"calls": {"ec2.x": 1}}}
        ],
        "given": {"resources": {"aws.ec2": [{}]}},
    },
}
FAULTS = {
    "faults": [{"what": "delay", "account": "111111111111", "seconds": 1, "times": 2, "region": "eu-*"}]
}
GROUP = {
    "GroupId": "sg-1",
    "GroupName": "web",
    "VpcId": "vpc-1",
    "OwnerId": "111111111111",
    "Tags": [{"Key": "a", "Value": "b"}],
    "IpPermissions": [
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ],
}
BUCKET = {"Name": "b", "Size": 1, "Tags": [{"Key": "a", "Value": "b"}], "Nested": {"a": [1]}}
_CELL = {"account": "dev", "account_id": "111111111111", "region": "us-east-1", "status": "ok"}
RUN = {
    "tool": "c7n-sg-audit",
    "started": "2026-11-23T21:03:55+00:00",
    "finished": None,
    "state": "finished",
    "policies": [
        {"name": "groups", "resource": "aws.security-group", "filtered": False, "report": {"column": "c"}},
        {"name": "things", "resource": "aws.no-such", "report": {"tab": "t"}},
    ],
    "accounts": [{"name": "dev", "account_id": "111111111111", "regions": ["us-east-1"]}],
    "cells": [_CELL | {"policy": "groups", "resources": 1}, _CELL | {"policy": "things", "seconds": 0.5}],
}
METADATA = {
    "policy": {
        "name": "groups",
        "resource": "aws.security-group",
        "filters": ["unused"],
        "metadata": {"report": {"tab": "t", "column": "c"}},
    },
    "execution": {"start": 1764000000.0, "duration": 1.0},
    "config": {"region": "us-east-1", "regions": [], "account_id": "111111111111"},
}


def _places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(document, dict | list):
        for key in document if isinstance(document, dict) else range(len(document)):
            yield from _places(document[key], (*path, key))


@st.composite
def bent(draw: st.DrawFn, document: Any) -> Any:
    """A good document in which one value is another."""
    path = draw(st.sampled_from(list(_places(document))))
    value = draw(_VALUES)
    if not path:
        return value
    changed = copy.deepcopy(document)
    within = changed
    for key in path[:-1]:
        within = within[key]
    within[path[-1]] = value
    return changed


def takes_or_says(read: Callable[..., Any], *words: Any) -> None:
    try:
        read(*words)
    except InputError as error:
        assert str(error)


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=200) | st.text(_YAML, max_size=100).map(lambda text: text.encode("utf-8", "replace"))
)
@pytest.mark.parametrize("name", ["a.yml", "a.json"])
def test_any_bytes(name: str, content: bytes) -> None:
    takes_or_says(yamlfile.parse, content, name)


def _validated(path: Path) -> None:
    for policy in policies.parse(yamlfile.load(path), "there"):
        policies.validate(policy, "there")
        policies.planned(policy)


def _labelled(path: Path) -> None:
    expected.read(path)
    labels.read(path)


READERS = {
    "accounts to run on": (chosen.read, ACCOUNTS),
    "accounts of a report": (_labelled, ACCOUNTS),
    "policies": (_validated, POLICIES),
    "cases": (cases.read_file, CASES),
    "faults": (faults.read, FAULTS),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["a.yml", "a.json"])
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_file_in_which_one_value_is_another(reader: str, name: str, data: st.DataObject) -> None:
    read, document = READERS[reader]
    content = data.draw(bent(document))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        text = json.dumps(content) if name.endswith("json") else yamlfile.dump(content)
        path.write_text(text, encoding="utf-8")
        takes_or_says(read, path)


def _reported(folder: Path) -> None:
    found, inventory = read_audit(open_output(folder / "output"))
    assert {cell.code for cell in found.cells if cell.status is Status.FAILED} <= {
        "",
        "Unreadable",
        "NotWritten",
    }
    findings = assess(inventory, found.output.policies)
    forms = ("xlsx", "csv", "html", "json", "parquet", "asff", "ocsf")
    writing.write(found, findings, Folder(folder / "reports"), forms)


OUTPUTS = {
    "run.json": RUN,
    "dev/us-east-1/groups/resources.json": [GROUP],
    "dev/us-east-1/things/resources.json": [BUCKET],
    "dev/us-east-1/groups/metadata.json": METADATA,
}


@pytest.mark.parametrize("file", OUTPUTS)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_an_output_in_which_one_value_is_another(file: str, data: st.DataObject) -> None:
    stock = file.endswith("metadata.json")
    with tempfile.TemporaryDirectory() as folder:
        for name, document in OUTPUTS.items():
            if stock and name == "run.json":
                continue
            path = Path(folder, "output", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(
                json.dumps(data.draw(bent(document)) if name == file else document), encoding="utf-8"
            )
        takes_or_says(_reported, Path(folder))
