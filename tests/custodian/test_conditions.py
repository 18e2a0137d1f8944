"""Where a policy's conditions let it run, told without Custodian, and held against Custodian's own answer."""

from types import SimpleNamespace
from typing import Any

import pytest
from c7n.policy import PolicyConditions

from reporter.custodian import conditions

FACTS = {
    "region": "eu-west-1",
    "account_id": "111111111111",
    "name": "p",
    "provider": "aws",
    "resource": "aws.ebs",
}


def value(key: str, op: str, wanted: Any) -> dict[str, Any]:
    return {"type": "value", "key": key, "op": op, "value": wanted}


IN_EU, IN_US, NOBODY_KNOWS = {"region": "eu-west-1"}, {"region": "us-east-1"}, {"account.name": "prod"}

TOLD = [
    ([], True),
    ([IN_EU], True),
    ([IN_US], False),
    ([IN_EU, IN_US], False),
    ([value("region", "eq", "eu-west-1")], True),
    ([value("region", "ne", "eu-west-1")], False),
    ([value("region", "not-equal", "us-east-1")], True),
    ([value("region", "in", ["eu-west-1", "eu-west-2"])], True),
    ([value("region", "ni", ["eu-west-1"])], False),
    ([value("account_id", "not-in", ["222222222222"])], True),
    ([{"type": "value", "key": "region", "value": "eu-west-1"}], True),
    ([{"or": [IN_US, IN_EU]}], True),
    ([{"or": [IN_US, {"and": [IN_EU, IN_US]}]}], False),
    ([{"not": [IN_US]}], True),
    ([{"not": [IN_EU, IN_US]}], True),
    ([{"not": [IN_EU, IN_EU]}], False),
]
NOT_TOLD = [
    ([NOBODY_KNOWS], None),
    ([NOBODY_KNOWS, IN_US], False),
    ([NOBODY_KNOWS, IN_EU], None),
    ([{"or": [NOBODY_KNOWS, IN_EU]}], True),
    ([{"not": [NOBODY_KNOWS]}], None),
    ([value("region", "regex", "eu-.*")], None),
    ([value("region", "in", "eu-west-1")], None),
    ([{"type": "value", "key": "region", "value_from": {"url": "file:///etc/passwd"}}], None),
    ([{"type": "event", "key": "x", "value": "y"}], None),
    ([{"region": "present"}], None),
    ([{"region": 3}], None),
    (["region"], None),
    ("region", None),
    ([{"and": "region"}], None),
]


@pytest.mark.parametrize(("written", "answer"), TOLD + NOT_TOLD, ids=str)
def test_what_conditions_say(written: Any, answer: bool | None) -> None:
    assert conditions.allow(written, FACTS) is answer


@pytest.mark.parametrize(("written", "answer"), TOLD, ids=str)
def test_custodian_says_the_same(written: Any, answer: bool) -> None:
    policy: Any = SimpleNamespace(
        options=SimpleNamespace(region=FACTS["region"], account_id=FACTS["account_id"]),
        resource_manager=SimpleNamespace(_cache=None, session_factory=None),
        name="p",
        resource_type="aws.ebs",
        provider_name="aws",
        data={},
        log=SimpleNamespace(info=lambda *_: None),
    )
    of_custodian = PolicyConditions(policy, {"conditions": list(written)})
    of_custodian.validate = lambda: None
    of_custodian.filters = of_custodian.filter_registry.parse(of_custodian.filters, of_custodian)
    assert of_custodian.evaluate() is answer
