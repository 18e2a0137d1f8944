"""What AWS answers, or something in its place: nothing that is no answer reads as an empty one, and no secret gets out.

One run over many accounts and regions, each of which meets one kind of answer.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.lab import Lab, Ran, role
from tests.wire import Call, Wire

US, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-2"
DEV, STAGING, PRODUCTION = (digit * 12 for digit in "123")
BROKEN, STRANGE, QUOTING, NOWHERE, CLIMBING, OTHERS, SHARED, EMPTY = (
    f"{number:012d}" for number in range(101, 109)
)
FUNCTIONS = "GET /2015-03-31/functions"
HTML = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><br>Sign in</body></html>"
SECRET_KEY, TOKEN = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "IQoJb3JpZ2luX2VjE" + "Mz/aB3+" * 40 + "=="

Place = tuple[str, str]

ALL = {
    "sg-inventory",
    "eni-inventory",
    "ec2-inventory",
    "sg-default",
    "sg-ssh-open",
    "sg-ssh-world",
    "sg-unused",
}


def xml(action: str, inside: str) -> str:
    return f"<{action}Response>{inside}</{action}Response>"


def group(owner: str, name: str) -> str:
    return (
        f"<item><ownerId>{owner}</ownerId><groupId>sg-0{owner}</groupId><groupName>{name}</groupName>"
        "<vpcId>vpc-1</vpcId><ipPermissions/><ipPermissionsEgress/></item>"
    )


# What each account and region answers to one call.
INSTEAD: dict[Place, tuple[str, int, str]] = {
    (DEV, US): ("DescribeSecurityGroups", 200, HTML),
    (DEV, EU): ("DescribeNetworkInterfaces", 200, HTML),
    (DEV, AP): (FUNCTIONS, 200, HTML),
    (STAGING, US): (FUNCTIONS, 200, ""),
    (STAGING, EU): (FUNCTIONS, 200, "{}"),
    (STAGING, AP): (FUNCTIONS, 204, ""),
    (PRODUCTION, US): (FUNCTIONS, 200, '{"Functions": [{"FunctionName": "a"'),
    (PRODUCTION, EU): ("ListRules", 200, '{"Rules": {}, "Rule": []}'),
    (PRODUCTION, AP): ("DescribeSecurityGroups", 200, xml("DescribeVpcs", "<securityGroupInfo/>")),
    (STRANGE, EU): ("DescribeInstances", 200, "<DescribeInstancesResponse><reservationSet><item>"),
    (OTHERS, US): (
        "DescribeSecurityGroups",
        200,
        xml(
            "DescribeSecurityGroups",
            f"<securityGroupInfo>{group('999999999999', 'default')}{group('999999999999', 'web')}</securityGroupInfo>",
        ),
    ),
    # A participant of a shared VPC that has nothing of its own: groups that were shared with it.
    (SHARED, US): (
        "DescribeSecurityGroups",
        200,
        xml(
            "DescribeSecurityGroups", f"<securityGroupInfo>{group('999999999999', 'web')}</securityGroupInfo>"
        ),
    ),
    (EMPTY, US): ("DescribeNetworkInterfaces", 200, xml("DescribeNetworkInterfaces", "")),
    (NOWHERE, US): ("DescribeRegions", 200, xml("DescribeRegions", "<regionInfo/>")),
    (CLIMBING, US): (
        "DescribeRegions",
        200,
        xml("DescribeRegions", "<regionInfo><item><regionName>../../etc</regionName></item></regionInfo>"),
    ),
}


def assumed(account: str, end: str) -> str:
    return (
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAQUOTEDKEY0000001</AccessKeyId>"
        f"<SecretAccessKey>{SECRET_KEY}</SecretAccessKey><SessionToken>{TOKEN}</SessionToken>"
        "<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>A:s"
        f"</AssumedRoleId><Arn>arn:aws:sts::{account}:assumed-role/sg-audit/s</Arn></AssumedRoleUser>{end}"
    )


def quoting(call: Call, wire: Wire) -> tuple[int, str] | None:
    """A service that quotes the caller's credentials, as AWS does where a signature is wrong."""
    token = next(item.token for item in wire.handed_out if item.access_key == call.access_key)
    if call.action == "DescribeSecurityGroups":
        text = f"The Canonical String should have been 'POST\n/\n\nx-amz-security-token:{token}\n\nhost'"
        error = f"<Error><Code>SignatureDoesNotMatch</Code><Message>{text}\x1b[2J</Message></Error>"
        return 403, f"<Response><Errors>{error.replace(chr(27), '')}</Errors></Response>"
    if call.action == FUNCTIONS:
        return 403, f"denied: Authorization: AWS4-HMAC-SHA256 Credential={call.access_key}/x, token {token}"
    if call.action == "DescribeInstances":
        return 403, f"<html><body>Blocked: {token}</body></html>"
    return None


@dataclass
class Answered:
    ran: Ran
    coverage: list[dict[str, Any]]
    report: str

    def unread(self) -> dict[tuple[str, str], dict[str, dict[str, Any]]]:
        found: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
        for cell in self.ran.manifest["cells"]:
            if cell["status"] != "ok":
                found.setdefault((cell["account_id"], cell["region"]), {})[cell["policy"]] = cell
        return found


@pytest.fixture(scope="module")
def answered(lab: Lab, sg_audit: Callable[..., Any]) -> Answered:
    wire = lab.wire
    regions = {DEV: [US, EU, AP], STAGING: [US, EU, AP], PRODUCTION: [US, EU, AP], STRANGE: [EU]}
    regions |= {NOWHERE: ["all"], CLIMBING: ["all"]}
    accounts = (
        *(DEV, STAGING, PRODUCTION, BROKEN, STRANGE, QUOTING, NOWHERE, CLIMBING, OTHERS, SHARED, EMPTY),
    )
    lab.accounts(
        *(
            {"name": each, "account_id": each, "role": role(each), "regions": regions.get(each, [US])}
            for each in accounts
        ),
        {"name": "asked", "account_id": "000000000200", "role": role("000000000200"), "regions": [US]},
    )

    def answer(call: Call) -> tuple[int, str] | None:
        if call.params.get("RoleArn") == role(BROKEN):
            return 200, assumed(BROKEN, "")
        if call.params.get("RoleArn") == role("000000000200"):
            end = "</AssumeRoleResult></AssumeRoleResponse>"
            return 200, assumed("999999999999", end)
        account = (wire.role_of(call).split(":") + [""] * 5)[4]
        if account == QUOTING:
            return quoting(call, wire)
        if account == SHARED and call.action == "DescribeSecurityGroupReferences":
            return 200, xml(call.action, "<securityGroupReferenceSet/>")
        action, status, body = INSTEAD.get((account, call.region), ("", 0, ""))
        return (status, body) if call.action == action else None

    wire.answer = answer
    ran = lab.run(*(word for policy in sorted(ALL) for word in ("-p", policy)))
    done = sg_audit("report", "-s", ran.folder, "-o", lab.folder / "reports", "-f", "json")
    tables = json.loads(Path(done.stdout.strip()).read_text())["tables"]
    return Answered(ran, tables["coverage"], done.stderr)


ON_GROUPS = ALL - {"eni-inventory", "ec2-inventory"}

# Which policies could not be read for it, and what is said of the answer.
LOST = {
    (DEV, US): (ON_GROUPS, "the answer to DescribeSecurityGroups is a page of HTML, and not AWS's"),
    (DEV, EU): ({"eni-inventory", "sg-unused"}, "to DescribeNetworkInterfaces is a page of HTML, "),
    (DEV, AP): ({"sg-unused"}, "to ListFunctions is a page of HTML, "),
    (STAGING, US): ({"sg-unused"}, "to ListFunctions is empty, "),
    (STAGING, EU): ({"sg-unused"}, "to ListFunctions is JSON without Functions, "),
    (STAGING, AP): ({"sg-unused"}, "to ListFunctions is empty, "),
    (PRODUCTION, US): ({"sg-unused"}, "to ListFunctions is JSON of another form, or half of one, "),
    (PRODUCTION, EU): ({"sg-unused"}, "to ListRules is JSON without Rules, "),
    (PRODUCTION, AP): (ON_GROUPS, "to DescribeSecurityGroups is XML of another form, "),
    (STRANGE, EU): ({"ec2-inventory"}, "to DescribeInstances is cut short, or of another form, "),
}


@pytest.mark.parametrize("place", LOST, ids=lambda place: "-".join(place))
def test_what_is_no_answer_is_a_failed_cell(answered: Answered, place: Place) -> None:
    policies, said = LOST[place]
    unread = answered.unread()[place]
    assert unread.keys() == policies
    for cell in unread.values():
        assert (cell["status"], cell["code"]) == ("failed", "UnusableAnswerError")
        assert said in cell["message"]


def test_it_is_asked_for_once_more(lab: Lab, answered: Answered) -> None:
    asked = [
        call
        for call in lab.wire.of(FUNCTIONS)
        if call.region == EU and lab.wire.role_of(call) == role(STAGING)
    ]
    assert len(asked) == 2
    assert len([call for call in lab.wire.of("AssumeRole") if call.params["RoleArn"] == role(BROKEN)]) == 2


def test_nothing_else_is_lost_and_the_exit_says_so(answered: Answered) -> None:
    assert answered.ran.code == 3
    others = {
        (BROKEN, US): ALL,
        ("000000000200", US): ALL,
        (QUOTING, US): ALL - {"eni-inventory"},
        (NOWHERE, "all"): ALL,
        (CLIMBING, "all"): ALL,
        (OTHERS, US): ON_GROUPS,
    }
    lost = {place: set(policies) for place, policies in answered.unread().items()}
    assert lost == {place: policies for place, (policies, _) in LOST.items()} | others
    assert len(answered.coverage) == sum(map(len, lost.values()))


def test_a_set_that_is_absent_is_empty(answered: Answered) -> None:
    assert answered.ran.statuses[EMPTY, US, "eni-inventory"] == "ok"
    assert (
        json.loads((answered.ran.folder / EMPTY / US / "eni-inventory" / "resources.json").read_text()) == []
    )


def test_an_account_without_regions_is_not_looked_at(answered: Answered) -> None:
    assert answered.ran.message(NOWHERE) == (
        "UnusableAnswerError: the answer to DescribeRegions is without a single region, and not AWS's"
    )
    assert "a region that has no region's name" in answered.ran.message(CLIMBING)


def test_answers_for_another_account_are_noticed(answered: Answered) -> None:
    assert answered.ran.message("asked") == (
        "WrongAccountError: asked for role arn:aws:iam::000000000200:role/sg-audit, "
        "STS answered for account 999999999999"
    )
    assert answered.unread()[OTHERS, US]["sg-inventory"]["message"] == (
        f"the security groups that came belong to account 999999999999, and none to {OTHERS}"
    )
    assert answered.ran.groups(SHARED, US, "sg-inventory") == ["web"]


def test_a_reason_is_told_without_what_it_quotes(answered: Answered) -> None:
    unread = answered.unread()[QUOTING, US]
    assert unread["sg-inventory"]["code"] == "SignatureDoesNotMatch"
    assert "x-amz-security-token:[redacted]" in unread["sg-inventory"]["message"]
    assert "403 Forbidden, with a page of HTML in place of a reason" in unread["ec2-inventory"]["message"]
    assert "UnusableAnswerError" in answered.ran.message(BROKEN)


def test_no_secret_gets_out(lab: Lab, answered: Answered) -> None:
    handed_out = [secret for item in lab.wire.handed_out for secret in (item.secret_key, item.token)]
    secrets = {SECRET_KEY, TOKEN, "ASIAQUOTEDKEY0000001", *handed_out}
    assert len(secrets) > 10
    written = {str(path): path.read_text() for path in answered.ran.folder.rglob("*") if path.is_file()}
    written |= {"stdout": answered.ran.out, "stderr": answered.ran.err, "report": answered.report}
    written["coverage"] = json.dumps(answered.coverage)
    for name, content in written.items():
        assert [secret for secret in secrets if secret in content] == [], name
        assert [secret for secret in secrets if secret[:30] in content and len(secret) > 30] == [], name


def test_no_answer_is_quoted_and_no_line_is_without_end(answered: Answered) -> None:
    for path in answered.ran.folder.rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert "Sign in" not in text, path
            assert "Blocked" not in text, path
    assert max(map(len, answered.ran.err.splitlines())) < 500
    assert max(len(cell["message"]) for cell in answered.ran.manifest["cells"]) <= 600
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", answered.ran.err + answered.report)
