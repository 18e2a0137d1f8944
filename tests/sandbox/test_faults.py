import http.client
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from reporter.errors import InputError
from reporter.sandbox import environment, faults
from reporter.sandbox.faults import Fault, What
from tests.shared import sandbox as sandboxed

DEV, STAGING = "111111111111", "222222222222"
EU, US = "eu-west-1", "us-east-1"

# A call of each protocol that the audit speaks.
CALLS = {
    "ec2": ("ec2", "describe_security_groups", "ec2:DescribeSecurityGroups"),
    "query": ("autoscaling", "describe_launch_configurations", "autoscaling:DescribeLaunchConfigurations"),
    "json": ("codebuild", "list_projects", "codebuild:ListProjects"),
    "json, other version": ("events", "list_rules", "events:ListRules"),
    "rest-json, GET": ("lambda", "list_functions", "lambda:ListFunctions"),
    "rest-json, POST": ("batch", "describe_compute_environments", "batch:DescribeComputeEnvironments"),
}

Client = Callable[..., Any]


@pytest.fixture(scope="module")
def endpoint(shared: Path) -> Iterator[str]:
    """A server of these tests' own, for the faults that they arm."""
    with sandboxed(shared) as server:
        yield server.endpoint


@pytest.fixture
def arm(endpoint: str) -> Iterator[Callable[..., None]]:
    yield lambda *given: faults.arm(endpoint, given)
    faults.arm(endpoint, ())


@pytest.fixture(scope="module")
def client(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """Makes boto3 clients of an account and region that try so many times: once, if not told otherwise."""
    with mock.patch.dict("os.environ", environment(endpoint, tmp_path_factory.mktemp("home")), clear=True):
        session = boto3.Session()
        sts = session.client("sts", endpoint_url=endpoint)
    keys = {account: assume(sts, account) for account in (DEV, STAGING)}

    def make(
        service: str, account: str = DEV, region: str = US, attempts: int = 1, patience: float = 10
    ) -> Any:
        retries = {"total_max_attempts": attempts, "mode": "standard"}
        config = Config(retries=retries, read_timeout=patience)
        return session.client(
            service, region_name=region, endpoint_url=endpoint, config=config, **keys[account]
        )

    return make


def assume(sts: Any, account: str) -> dict[str, str]:
    role = f"arn:aws:iam::{account}:role/sg-audit"
    assumed = sts.assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
    return {
        "aws_access_key_id": assumed["AccessKeyId"],
        "aws_secret_access_key": assumed["SecretAccessKey"],
        "aws_session_token": assumed["SessionToken"],
    }


def refusal(call: Callable[[], Any]) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as refused:
        call()
    answer = refused.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


@pytest.mark.parametrize(
    "protocol, code, status",
    [
        ("ec2", "UnauthorizedOperation", 403),
        ("query", "AccessDenied", 403),
        ("json", "AccessDeniedException", 400),
        ("json, other version", "AccessDeniedException", 400),
        ("rest-json, GET", "AccessDeniedException", 403),
        ("rest-json, POST", "AccessDeniedException", 403),
    ],
)
def test_each_service_denies_in_its_own_way(
    client: Client, arm: Any, protocol: str, code: str, status: int
) -> None:
    service, method, action = CALLS[protocol]
    arm(Fault(What.DENY))
    said, http_status, message = refusal(getattr(client(service), method))
    assert (said, http_status) == (code, status)
    assert message.endswith(f"sts::{DEV}:assumed-role/sandbox/sandbox is not authorized to perform: {action}")


@pytest.mark.parametrize(
    "protocol, code, status",
    [
        ("ec2", "RequestLimitExceeded", 503),
        ("query", "Throttling", 400),
        ("json", "ThrottlingException", 400),
        ("json, other version", "ThrottlingException", 400),
        ("rest-json, GET", "TooManyRequestsException", 429),
        ("rest-json, POST", "TooManyRequestsException", 429),
    ],
)
def test_each_service_throttles_in_its_own_way(
    client: Client, arm: Any, protocol: str, code: str, status: int
) -> None:
    service, method, _ = CALLS[protocol]
    arm(Fault(What.THROTTLE, times=1))
    assert refusal(getattr(client(service), method))[:2] == (code, status)
    arm(Fault(What.THROTTLE, times=1))
    # botocore takes it for what it is, and waits.
    assert getattr(client(service, attempts=2), method)()["ResponseMetadata"]["RetryAttempts"] == 1


@pytest.mark.parametrize("protocol", CALLS)
def test_each_service_fails_in_its_own_way(client: Client, arm: Any, protocol: str) -> None:
    service, method, _ = CALLS[protocol]
    arm(Fault(What.ERROR))
    code, status, message = refusal(getattr(client(service), method))
    assert (status, message) == (500, "An internal error has occurred")
    assert re.search("Internal|ServiceException", code)


@pytest.mark.parametrize("protocol", CALLS)
def test_a_connection_ends_without_an_answer(client: Client, arm: Any, protocol: str) -> None:
    service, method, _ = CALLS[protocol]
    arm(Fault(What.DROP))
    with pytest.raises(ConnectionClosedError):
        getattr(client(service), method)()


@pytest.mark.parametrize("protocol", ["json", "rest-json, GET"])
@pytest.mark.parametrize(
    "fault, status",
    [
        (Fault(What.HTML), 200),
        (Fault(What.EMPTY), 200),
        (Fault(What.EMPTY, status=204), 204),
        (Fault(What.BODY, body='{"unlike": 1'), 200),
    ],
    ids=["html", "empty", "204", "half"],
)
def test_what_is_no_answer_is_an_empty_one_to_botocore(
    client: Client, arm: Any, protocol: str, fault: Fault, status: int
) -> None:
    service, method, _ = CALLS[protocol]
    arm(fault)
    answer = getattr(client(service), method)()
    assert answer.pop("ResponseMetadata")["HTTPStatusCode"] == status
    assert answer == {}


def test_a_page_of_html_may_be_an_error(client: Client, arm: Any) -> None:
    arm(Fault(What.HTML, status=502))
    assert refusal(client("lambda").list_functions)[:2] == ("502", 502)


def test_a_body_stands_in_for_the_answer(client: Client, arm: Any) -> None:
    group = "<securityGroupInfo><item><groupId>sg-1</groupId></item></securityGroupInfo>"
    arm(Fault(What.BODY, body=f"<DescribeSecurityGroupsResponse>{group}</DescribeSecurityGroupsResponse>"))
    assert client("ec2").describe_security_groups()["SecurityGroups"] == [{"GroupId": "sg-1"}]


@pytest.mark.parametrize("protocol", ["ec2", "query", "json, other version", "rest-json, GET"])
def test_pages_go_round(client: Client, arm: Any, protocol: str) -> None:
    service, method, _ = CALLS[protocol]
    plain = getattr(client(service), method)()
    arm(Fault(What.TOKENS, tokens=["one", "two"]))
    pages = iter(client(service).get_paginator(method).paginate())
    following = []
    for page in (next(pages), next(pages), next(pages)):
        [told] = set(page) - set(plain)
        following.append(page.pop(told))
        assert page.keys() == plain.keys()
    assert following == ["one", "two", "one"]


def test_an_answer_comes_byte_by_byte(client: Client, arm: Any) -> None:
    ec2 = client("ec2")
    plain = ec2.describe_vpcs()["Vpcs"]
    arm(Fault(What.TRICKLE, seconds=0.0001))
    assert ec2.describe_vpcs()["Vpcs"] == plain


def test_no_answer_is_waited_for_in_vain(client: Client, endpoint: str, arm: Any) -> None:
    arm(Fault(What.HANG, region=EU))
    with pytest.raises(ReadTimeoutError):
        client("ec2", region=EU, patience=0.3).describe_vpcs()
    client("ec2").describe_vpcs()
    assert faults.strikes(endpoint) == [1]


def test_answers_are_another_accounts(client: Client, arm: Any) -> None:
    arm(Fault(What.WRONG_ACCOUNT, account=DEV, other="999999999999"))
    assert client("sts").get_caller_identity()["Account"] == "999999999999"
    owners = {group["OwnerId"] for group in client("ec2").describe_security_groups()["SecurityGroups"]}
    assert owners == {"999999999999"}
    role = "arn:aws:iam::111111111111:role/sg-audit"
    assumed = client("sts", STAGING).assume_role(RoleArn=role, RoleSessionName="tests")
    assert assumed["AssumedRoleUser"]["Arn"].split(":")[4] == "999999999999"
    assert client("sts", STAGING).get_caller_identity()["Account"] == STAGING


def test_an_answer_ends_in_the_middle(client: Client, endpoint: str, arm: Any) -> None:
    url = urlsplit(endpoint)
    arm(Fault(What.CUT, times=1))
    for cut in (True, False):
        connection = http.client.HTTPConnection(str(url.hostname), url.port)
        connection.request("GET", "/moto-api/data.json")
        answer = connection.getresponse()
        if cut:
            with pytest.raises(http.client.IncompleteRead) as part:
                answer.read()
            assert 0 <= (part.value.expected or 0) - len(part.value.partial) <= 1
        else:
            assert len(answer.read()) == int(answer.headers["Content-Length"])


def test_codes_are_for_the_choosing(client: Client, arm: Any) -> None:
    arm(Fault(What.DENY, service="ec2", code="AuthFailure"), Fault(What.DENY, code="OptInRequired"))
    assert refusal(client("ec2").describe_vpcs) == (
        "AuthFailure",
        401,
        "AWS was not able to validate the provided access credentials",
    )
    assert refusal(client("lambda").list_functions)[0] == "OptInRequired"
    arm(Fault(What.DENY, code="AccessDenied"))
    code, status, message = refusal(client("ec2").describe_instances)
    assert (code, status) == ("AccessDenied", 403)
    assert "not authorized to perform: ec2:DescribeInstances" in message


def test_a_fault_is_for_the_calls_it_names(client: Client, arm: Any) -> None:
    arm(Fault(What.DENY, account=DEV, region="eu-*", service="ec2", action="Describe*Groups"))
    refusal(client("ec2", DEV, EU).describe_security_groups)
    client("ec2", DEV, EU).describe_vpcs()
    client("ec2", DEV, US).describe_security_groups()
    client("ec2", STAGING, EU).describe_security_groups()
    client("autoscaling", DEV, EU).describe_auto_scaling_groups()


def test_a_role_is_of_the_account_it_leads_into(client: Client, arm: Any) -> None:
    arm(Fault(What.DENY, account=STAGING, action="AssumeRole"))
    sts = client("sts", DEV)
    code, _, message = refusal(lambda: assume(sts, STAGING))
    assert code == "AccessDenied"
    assert message.endswith(
        f"not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::{STAGING}:role/sg-audit"
    )
    assume(sts, DEV)
    client("ec2", STAGING).describe_vpcs()


def test_the_first_that_happens_is_the_answer(client: Client, endpoint: str, arm: Any) -> None:
    arm(
        Fault(What.DELAY, seconds=0.2),
        Fault(What.THROTTLE, times=2),
        Fault(What.ERROR, times=1),
        Fault(What.DENY, account=STAGING),
    )
    ec2 = client("ec2")
    started = time.monotonic()
    codes = [refusal(ec2.describe_vpcs)[0] for _ in range(3)]
    assert codes == ["RequestLimitExceeded", "RequestLimitExceeded", "InternalError"]
    ec2.describe_vpcs()
    assert time.monotonic() - started > 4 * 0.2
    assert faults.strikes(endpoint) == [4, 2, 1, 0]


def test_faults_come_and_go(client: Client, endpoint: str, arm: Any) -> None:
    arm(Fault(What.DENY))
    refusal(client("ec2").describe_vpcs)
    arm(Fault(What.ERROR))
    assert refusal(client("ec2").describe_vpcs)[1] == 500
    arm()
    client("ec2").describe_vpcs()
    assert faults.strikes(endpoint) == []


def test_a_share_falls_on_the_same_calls_whoever_else_calls(client: Client, endpoint: str, arm: Any) -> None:
    def struck(account: str) -> list[bool]:
        ec2 = client("ec2", account)
        return [unlucky(ec2) for _ in range(100)]

    def unlucky(ec2: Any) -> bool:
        try:
            ec2.describe_vpcs()
        except ClientError:
            return True
        return False

    arm(Fault(What.ERROR, share=0.3))
    alone = struck(DEV)
    assert 20 <= sum(alone) <= 40

    arm(Fault(What.ERROR, share=0.3))
    other = threading.Thread(target=struck, args=[STAGING])
    other.start()
    assert struck(DEV) == alone
    other.join()
    assert faults.strikes(endpoint)[0] > sum(alone)

    arm(Fault(What.ERROR, share=0.3, seed=1))
    assert struck(DEV) != alone


def test_a_delay_holds_up_no_other_call(client: Client, arm: Any) -> None:
    arm(Fault(What.DELAY, region=EU, seconds=2))
    slow = threading.Thread(target=client("ec2", DEV, EU).describe_vpcs)
    slow.start()
    started = time.monotonic()
    client("ec2", DEV, US).describe_vpcs()
    assert time.monotonic() - started < 1
    slow.join()
    assert time.monotonic() - started > 1


def test_a_file_says_it_all(tmp_path: Path) -> None:
    path = tmp_path / "faults.yml"
    path.write_text(
        """
        faults:
        - {what: deny, account: "111111111111", region: eu-west-1, service: lambda, action: List*, code: X}
        - {what: throttle, share: 0.3, seed: 7}
        - {what: delay, seconds: 1, times: 2}
        - what: drop
        """
    )
    first, *others = faults.read(path)
    assert first == Fault(What.DENY, DEV, EU, "lambda", "List*", "X")
    assert first.text == (
        "what: deny, account: 111111111111, region: eu-west-1, service: lambda, action: List*, code: X"
    )
    assert others == [
        Fault(What.THROTTLE, share=0.3, seed=7),
        Fault(What.DELAY, seconds=1, times=2),
        Fault(What.DROP),
    ]


@pytest.mark.parametrize(
    "content, said",
    [
        ("fault: []", "it needs one list called faults"),
        ("[]", "it needs one list called faults"),
        ("", "it needs one list called faults"),
        ("faults: [deny]", "fault number 1: Expected `object`"),
        ("faults: [{account: '111111111111'}]", "fault number 1: Object missing required field `what`"),
        (
            "faults: [{what: drop}, {what: denied}]",
            "fault number 2, key what: .*write one of deny, throttle,",
        ),
        ("faults: [{what: drop, acount: '1'}]", "fault number 1: .*unknown field `acount`"),
        ("faults: [{what: drop, account: 111111111111}]", "key account: .*twelve digits in quotes"),
        ("faults: [{what: drop, account: dev}]", "key account: .*twelve digits in quotes"),
        ("faults: [{what: drop, share: 30}]", "fault number 1, key share: "),
        ("faults: [{what: drop, times: 0}]", "fault number 1, key times: "),
        ("faults: [{what: drop, times: 1, share: 0.5}]", "`times` or `share`, not both"),
        ("faults: [{what: delay}]", "`seconds` belongs to `what: delay`"),
        ("faults: [{what: drop, seconds: 1}]", "`seconds` belongs to `what: delay`"),
        ("faults: [{what: trickle}]", "`seconds` belongs to `what: delay` and `what: trickle`"),
        ("faults: [{what: body}]", "`body` belongs to `what: body`"),
        ("faults: [{what: tokens, tokens: []}]", "key tokens: "),
        ("faults: [{what: wrong-account, other: dev}]", "key other: .*twelve digits in quotes"),
        ("faults: [{what: deny, status: 404}]", "`status` goes with `what: html` and `what: empty` and"),
        ("faults: [{what: html, status: 20}]", "key status: "),
        ("faults: [{what: cut, code: X}]", "`what: cut` gives no answer that could have a `code`"),
        ("faults: [{what: deny, code: <X>}]", "fault number 1, key code: "),
        ("faults: {", "line 2: not valid YAML"),
    ],
)
def test_a_file_that_is_wrong_is_told_where(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "faults.yml"
    path.write_text(content)
    with pytest.raises(InputError, match=f"^{re.escape(str(path))}.*{said}"):
        faults.read(path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_runs_until_it_is_interrupted(tmp_path: Path, number: signal.Signals) -> None:
    file = tmp_path / "faults.yml"
    file.write_text("faults: [{what: deny, account: '222222222222', service: ec2}]")
    command = [sys.executable, "-m", "reporter", "sandbox", "--faults", str(file)]
    # Without the estate one of the two is quick.
    command += ["--empty"] if number == signal.SIGTERM else []
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    with process:
        assert process.stdout
        assert process.stderr
        told = []
        while not told or not told[-1].startswith("Ctrl-C ends it"):
            told.append(process.stderr.readline())
            assert told[-1], told
        shell = dict(
            line.removeprefix("export ").strip().split("=", 1)
            for line in iter(process.stdout.readline, "export NO_PROXY=127.0.0.1,localhost\n")
            if line.startswith("export ")
        )
        assert "It misbehaves: what: deny, account: 222222222222, service: ec2\n" in told
        if number == signal.SIGINT:
            accounts = Path(re.search("-c (.*)", "".join(told))[1])  # type: ignore[index]
            assert "name: staging" in accounts.read_text()
        with mock.patch.dict("os.environ", shell):
            session = boto3.Session()
            sts = session.client("sts", endpoint_url=shell["AWS_ENDPOINT_URL"])
            for account, denied in ((DEV, False), (STAGING, True)):
                ec2 = session.client("ec2", endpoint_url=shell["AWS_ENDPOINT_URL"], **assume(sts, account))
                if denied:
                    assert refusal(ec2.describe_security_groups)[0] == "UnauthorizedOperation"
                else:
                    found = ec2.describe_security_groups()["SecurityGroups"]
                    assert ("bastion" in {group["GroupName"] for group in found}) == (number == signal.SIGINT)
        process.send_signal(number)
        _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "1 times: what: deny, account: 222222222222, service: ec2\n")
    assert [path.name for path in tmp_path.iterdir()] == ["faults.yml"]


def test_the_command_says_what_is_wrong_with_its_file(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "reporter", "sandbox", "--faults", str(tmp_path / "none.yml")],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"sg-audit: {tmp_path / 'none.yml'}: no such file\n"
