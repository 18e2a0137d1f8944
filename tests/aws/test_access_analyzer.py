"""What Access Analyzer is asked, against a server whose answers are those of botocore's own model."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, PaginationError

from reporter.aws import access_analyzer as asking
from reporter.aws import calls
from tests import access_analyzer as canned
from tests.access_analyzer import AccessAnalyzer, access_analyzer, analyzer, finding

ACCOUNT, OTHER, REGION = "111111111111", "222222222222", "eu-west-1"
WEB, DATABASE = f"arn:aws:iam::{ACCOUNT}:role/web", f"arn:aws:iam::{ACCOUNT}:role/service/database"


@pytest.fixture
def service() -> Iterator[AccessAnalyzer]:
    with access_analyzer() as there:
        yield there


def client(service: AccessAnalyzer, attempts: int = 2) -> Any:
    """A client as a run has it: its access key is the account's id, by which the server tells accounts apart."""
    calls.install()
    return boto3.Session(ACCOUNT, "secret", region_name=REGION).client(
        "accessanalyzer",
        endpoint_url=service.endpoint,
        config=Config(retries={"mode": "standard", "max_attempts": attempts}),
    )


def test_no_analyzer_is_an_empty_list_and_one_call(service: AccessAnalyzer) -> None:
    service.analyzers[OTHER, REGION] = [analyzer(OTHER, REGION)]
    service.analyzers[ACCOUNT, "us-east-1"] = [analyzer(ACCOUNT, "us-east-1")]
    assert asking.ask(client(service)) == []
    assert [each.action for each in service.asked] == ["ListAnalyzers"]


def test_each_analyzer_comes_with_its_active_findings_of_roles(service: AccessAnalyzer) -> None:
    external = analyzer(
        ACCOUNT,
        REGION,
        "ACCOUNT",
        finding(WEB),
        finding(DATABASE, status="ARCHIVED"),
        finding("arn:aws:s3:::bucket", resourceType="AWS::S3::Bucket", resourceOwnerAccount=ACCOUNT),
        tags={"team": "security"},
        lastResourceAnalyzed=WEB,
        lastResourceAnalyzedAt=canned.NOON,
    )
    unused = analyzer(
        ACCOUNT,
        REGION,
        "ACCOUNT_UNUSED_ACCESS",
        finding(DATABASE, "UnusedPermission"),
        finding(f"arn:aws:iam::{ACCOUNT}:user/u", "UnusedIAMUserPassword", resourceType="AWS::IAM::User"),
        configuration={"unusedAccess": {"unusedAccessAge": 90}},
    )
    service.analyzers[ACCOUNT, REGION] = [external, unused]
    found = asking.ask(client(service))
    assert found == [
        external | {"findings": [finding(WEB)]},
        unused | {"findings": [finding(DATABASE, "UnusedPermission")]},
    ]
    wanted = {"status": {"eq": ["ACTIVE"]}, "resourceType": {"eq": ["AWS::IAM::Role"]}}
    assert [(each.action, each.request) for each in service.asked] == [
        ("ListAnalyzers", {}),
        ("ListFindingsV2", {"analyzerArn": external["arn"], "filter": wanted}),
        ("ListFindingsV2", {"analyzerArn": unused["arn"], "filter": wanted}),
    ]


def test_all_pages_are_read_of_both_listings(service: AccessAnalyzer) -> None:
    roles = [f"arn:aws:iam::{OTHER}:role/r{number}" for number in range(5)]
    there = [
        analyzer(ACCOUNT, REGION, "ORGANIZATION", *map(finding, roles), name="all"),
        analyzer(ACCOUNT, REGION, "ACCOUNT", name="own"),
        analyzer(ACCOUNT, REGION, "ACCOUNT_UNUSED_ACCESS", finding(roles[0], "UnusedIAMRole"), name="unused"),
    ]
    service.analyzers[ACCOUNT, REGION] = there
    service.page = 2
    assert asking.ask(client(service)) == there
    assert [each.action for each in service.asked].count("ListAnalyzers") == 2
    assert [each.action for each in service.asked].count("ListFindingsV2") == 3 + 1 + 1


@pytest.mark.parametrize("status", ["CREATING", "DISABLED", "FAILED"])
def test_one_that_is_not_active_is_recorded_and_not_asked(service: AccessAnalyzer, status: str) -> None:
    reason = {"code": "AWS_SERVICE_ACCESS_DISABLED"} if status != "CREATING" else None
    there = analyzer(ACCOUNT, REGION, "ORGANIZATION", finding(WEB), status=status)
    if reason:
        there["statusReason"] = reason
    service.analyzers[ACCOUNT, REGION] = [there]
    assert asking.ask(client(service)) == [there | {"findings": []}]
    assert [each.action for each in service.asked] == ["ListAnalyzers"]


def test_one_that_is_deleted_meanwhile_is_not_there(service: AccessAnalyzer) -> None:
    first, second = analyzer(ACCOUNT, REGION), analyzer(ACCOUNT, REGION, "ACCOUNT_UNUSED_ACCESS")
    service.analyzers[ACCOUNT, REGION] = [first, second]
    service.answer = lambda asked: (
        canned.gone(first["arn"]) if asked.request.get("analyzerArn") == first["arn"] else None
    )
    assert asking.ask(client(service)) == [second]


@pytest.mark.parametrize("action", ["ListAnalyzers", "ListFindingsV2"])
def test_a_refusal_is_raised(service: AccessAnalyzer, action: str) -> None:
    service.analyzers[ACCOUNT, REGION] = [analyzer(ACCOUNT, REGION)]
    service.answer = lambda asked: canned.denied() if asked.action == action else None
    with pytest.raises(ClientError, match="AccessDeniedException"):
        asking.ask(client(service))


def test_a_throttled_call_is_made_again(service: AccessAnalyzer) -> None:
    there = [analyzer(ACCOUNT, REGION, "ACCOUNT", finding(WEB))]
    service.analyzers[ACCOUNT, REGION] = there
    refused = []

    def answer(asked: canned.Asked) -> Any:
        if asked.action in refused:
            return None
        refused.append(asked.action)
        return canned.throttled()

    service.answer = answer
    assert asking.ask(client(service)) == there
    assert [each.action for each in service.asked] == ["ListAnalyzers"] * 2 + ["ListFindingsV2"] * 2


def test_throttling_without_end_is_raised(service: AccessAnalyzer) -> None:
    service.answer = lambda asked: canned.throttled()
    with pytest.raises(ClientError, match="ThrottlingException"):
        asking.ask(client(service, attempts=1))


@pytest.mark.parametrize("action, listed", [("ListAnalyzers", "analyzers"), ("ListFindingsV2", "findings")])
def test_pages_that_go_round_have_an_end(service: AccessAnalyzer, action: str, listed: str) -> None:
    service.analyzers[ACCOUNT, REGION] = [analyzer(ACCOUNT, REGION)]

    def answer(asked: canned.Asked) -> Any:
        if asked.action != action:
            return None
        following = {"one": "two", "two": "three", "three": "one"}
        return {listed: [], "nextToken": following[asked.request.get("nextToken", "three")]}

    service.answer = answer
    with pytest.raises(PaginationError, match="go round"):
        asking.ask(client(service))
    assert len(service.asked) < 10


@pytest.mark.parametrize(
    "change",
    [
        {"status": None},  # missing
        {"state": "ACTIVE"},  # unknown
        {"status": "ENABLED"},
        {"type": "EXTERNAL"},
        {"createdAt": "yesterday"},
        {"arn": "analyzer/own"},
    ],
)
def test_the_server_answers_nothing_that_the_model_has_not(change: dict[str, Any]) -> None:
    summary = {name: value for name, value in analyzer(ACCOUNT, REGION).items() if name != "findings"}
    good: dict[str, Any] = {"analyzers": [summary]}
    assert canned.encoded("ListAnalyzers", good)[0] == 200
    wrong = {name: value for name, value in (summary | change).items() if value is not None}
    with pytest.raises((AssertionError, ValueError, TypeError, AttributeError)):
        canned.encoded("ListAnalyzers", {"analyzers": [wrong]})


def test_a_wrong_answer_fails_the_test_that_has_it() -> None:
    with (
        pytest.raises(AssertionError, match="Missing required parameter"),
        access_analyzer() as service,
        pytest.raises(ClientError),
    ):
        service.answer = lambda asked: {"nextToken": "x"}
        asking.ask(client(service))
