"""--iam and --access-analyzer: what is asked beside the policies is a cell like any other, and costs no other run.

One run over many accounts, each of which meets one kind of answer of IAM's.
"""

import csv
import gzip
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reporter.output.reading import open_output
from reporter.review.recorded import places
from tests.lab import POLICIES, Lab, Ran, role
from tests.s3 import client_with_bucket
from tests.wire import Call

US, EU, CHINA = "us-east-1", "eu-west-1", "cn-north-1"
DEV = "111111111111"
(DENIED, CUT, ENDLESS, PAGED, EMPTY, OTHERS, HTML, CHINESE, EVERYWHERE, LOCKED) = (
    f"{number:012d}" for number in range(301, 311)
)
ASK, FIND = "GetAccountAuthorizationDetails", "POST /findingv2"
IAM, ANALYZERS = "iam-authorization", "access-analyzer"


def details(inside: str) -> str:
    return f"<{ASK}Response><{ASK}Result>{inside}</{ASK}Result></{ASK}Response>"


def role_detail(account: str, name: str) -> str:
    return (
        f"<member><RoleName>{name}</RoleName><Arn>arn:aws:iam::{account}:role/{name}</Arn>"
        "<AssumeRolePolicyDocument>%7B%22Version%22%3A%222012-10-17%22%7D</AssumeRolePolicyDocument>"
        "<CreateDate>2026-01-02T03:04:05Z</CreateDate></member>"
    )


def roles(account: str, *names: str) -> str:
    return (
        f"<RoleDetailList>{''.join(role_detail(account, name) for name in names)}</RoleDetailList><Policies/>"
    )


def refusal(account: str) -> str:
    who = f"arn:aws:sts::{account}:assumed-role/sg-audit/c7n-org"
    reason = "because no identity-based policy allows the action"
    message = f"User: {who} is not authorized to perform: iam:{ASK} on resource: * {reason}"
    return (
        f"<ErrorResponse><Error><Code>AccessDenied</Code><Message>{message}</Message></Error></ErrorResponse>"
    )


VERSIONS = (
    "<PolicyVersionList>"
    "<member><Document>%7B%22a%22%3A1%7D</Document><VersionId>v3</VersionId></member>"
    "<member><Document>%7B%22a%22%3A0%7D</Document><VersionId>v2</VersionId></member>"
    "</PolicyVersionList>"
)
SECOND_PAGE = (
    "<RoleDetailList/><Policies><member><PolicyName>p</PolicyName><Arn>arn:aws:iam::aws:policy/p</Arn>"
    f"<DefaultVersionId>v2</DefaultVersionId>{VERSIONS}</member></Policies><IsTruncated>false</IsTruncated>"
)

# What IAM answers in each account, the sandbox's own answer where it is not named.
INSTEAD: dict[str, Callable[[Call], tuple[int, str]]] = {
    DENIED: lambda call: (403, refusal(DENIED)),
    CUT: lambda call: (200, f"<{ASK}Response><{ASK}Result><RoleDetailList><member><RoleName>half"),
    ENDLESS: lambda call: (200, details(roles(ENDLESS, "a") + "<IsTruncated>true</IsTruncated>")),
    PAGED: lambda call: (
        200,
        details(
            SECOND_PAGE
            if call.params.get("Marker") == "more"
            else roles(PAGED, "one", "two") + "<IsTruncated>true</IsTruncated><Marker>more</Marker>"
        ),
    ),
    EMPTY: lambda call: (200, details("<IsTruncated>false</IsTruncated>")),
    OTHERS: lambda call: (200, details(roles("999999999999", "theirs"))),
    HTML: lambda call: (200, "<!DOCTYPE html><html><body>Sign in</body></html>"),
}


@dataclass
class Asked:
    ran: Ran
    calls: list[Call]
    lab: Lab

    def cell(self, account: str, region: str = "global", policy: str = IAM) -> dict[str, Any]:
        (found,) = [
            cell
            for cell in self.ran.manifest["cells"]
            if (cell["account"], cell["region"], cell["policy"]) == (account, region, policy)
        ]
        return dict(found)

    def calls_of(self, account: str, action: str = ASK) -> list[Call]:
        mine = f"::{account}:role/"
        return [call for call in self.calls if call.action == action and mine in self.lab.wire.role_of(call)]

    def records(self, account: str, region: str = "global", policy: str = IAM) -> Any:
        return json.loads((self.ran.folder / account / region / policy / "resources.json").read_text())


def account_of(lab: Lab, call: Call) -> str:
    return (lab.wire.role_of(call).split(":") + [""] * 5)[4]


@pytest.fixture(scope="module")
def asked(lab: Lab) -> Asked:
    """One run with both options; Access Analyzer has no analyzer anywhere, and refuses DENIED."""

    def answer(call: Call) -> tuple[int, str] | None:
        account = account_of(lab, call)
        if call.service == "access-analyzer":
            if account == DENIED:
                reason = "User: x is not authorized to perform: access-analyzer:ListAnalyzers on resource: *"
                return 403, json.dumps({"__type": "AccessDeniedException", "message": reason})
            return 200, '{"analyzers": []}'
        if account == LOCKED and call.action == "DescribeRegions":
            return (
                403,
                "<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>",
            )
        if account == EVERYWHERE and call.action == "DescribeRegions":
            names = "".join(f"<item><regionName>{region}</regionName></item>" for region in (US, EU))
            return 200, f"<DescribeRegionsResponse><regionInfo>{names}</regionInfo></DescribeRegionsResponse>"
        return INSTEAD[account](call) if call.action == ASK and account in INSTEAD else None

    regions = {DEV: [US, EU], EVERYWHERE: ["all"], LOCKED: ["all"], CHINESE: [CHINA]}
    lab.accounts(
        *(
            {
                "name": each,
                "account_id": each,
                "role": role(each).replace("aws", "aws-cn") if each == CHINESE else role(each),
                "regions": regions.get(each, [US]),
            }
            for each in (DEV, *INSTEAD, CHINESE, EVERYWHERE, LOCKED)
        )
    )
    lab.wire.answer = answer
    ran = lab.run("-p", "sg-inventory", "--iam", "--access-analyzer")
    return Asked(ran, list(lab.wire.calls), lab)


def test_each_account_is_asked_once_by_its_own_role(asked: Asked) -> None:
    assert asked.ran.err.startswith("11 accounts, 1 policy, --iam, --access-analyzer\n")
    (call,) = asked.calls_of(DEV)
    assert (call.service, call.region) == ("iam", US)
    kinds = [value for name, value in sorted(call.params.items()) if name.startswith("Filter.member.")]
    assert kinds == ["Role", "LocalManagedPolicy", "AWSManagedPolicy"]
    assert asked.cell(DEV)["status"] == "ok"


def test_what_it_records_is_what_iam_said(asked: Asked) -> None:
    records = asked.records(DEV)
    assert asked.cell(DEV)["resources"] == len(records) == 3
    admin, logs, of_aws = records
    assert (admin["RoleName"], admin["Arn"]) == ("bastion-admin", f"arn:aws:iam::{DEV}:role/bastion-admin")
    profiles = [profile["Arn"] for profile in admin["InstanceProfileList"]]
    assert profiles == [f"arn:aws:iam::{DEV}:instance-profile/bastion-admin"]
    assert admin["AttachedManagedPolicies"] == [
        {"PolicyName": "AdministratorAccess", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    ]
    (inline,) = logs["RolePolicyList"]
    assert inline["PolicyName"] == "web-logs-inline"
    assert inline["PolicyDocument"]["Statement"][0]["Action"] == ["logs:PutLogEvents"]
    assert (of_aws["PolicyName"], of_aws["DefaultVersionId"]) == ("AdministratorAccess", "v1")
    (version,) = of_aws["PolicyVersionList"]
    assert version["Document"]["Statement"] == [{"Effect": "Allow", "Action": "*", "Resource": "*"}]


def test_the_folder_describes_itself(asked: Asked) -> None:
    folder = asked.ran.folder / DEV / "global" / IAM
    assert {path.name for path in folder.iterdir()} == {
        "resources.json",
        "metadata.json",
        "custodian-run.log",
    }
    written = json.loads((folder / "metadata.json").read_text())
    assert (written["policy"]["name"], written["policy"]["resource"]) == (IAM, "aws.iam-authorization")
    assert written["policy"]["metadata"]["report"]["tab"] == "attachments"
    assert (written["config"]["region"], written["config"]["account_id"]) == ("global", DEV)


def test_all_pages_count_and_of_a_policy_the_version_in_force(asked: Asked) -> None:
    first, second, policy = asked.records(PAGED)
    assert [first["RoleName"], second["RoleName"], policy["PolicyName"]] == ["one", "two", "p"]
    assert first["AssumeRolePolicyDocument"] == {"Version": "2012-10-17"}
    assert first["CreateDate"] == "2026-01-02T03:04:05+00:00"
    assert policy["PolicyVersionList"] == [{"Document": {"a": 0}, "VersionId": "v2"}]
    assert len(asked.calls_of(PAGED)) == 2


@pytest.mark.parametrize(
    ("account", "status", "code", "said"),
    [
        (DENIED, "denied", "AccessDenied", f"is not authorized to perform: iam:{ASK}"),
        (CUT, "failed", "UnusableAnswerError", "cut short, or of another form"),
        (ENDLESS, "failed", "UnusableAnswerError", "cut short, without a marker of what follows"),
        (EMPTY, "failed", "UnusableAnswerError", "without RoleDetailList or Policies"),
        (OTHERS, "failed", "WrongAccountError", "belong to account 999999999999, and not to 000000000306"),
        (HTML, "failed", "UnusableAnswerError", "a page of HTML"),
    ],
)
def test_what_is_no_answer_costs_that_cell_alone(
    asked: Asked, account: str, status: str, code: str, said: str
) -> None:
    cell = asked.cell(account)
    assert (cell["status"], cell["code"], cell["resources"]) == (status, code, None)
    assert said in cell["message"]
    assert asked.cell(account, US, "sg-inventory")["status"] == "ok"
    assert not (asked.ran.folder / account / "global" / IAM / "resources.json").exists()


def test_iam_of_another_partition_is_asked_there(asked: Asked) -> None:
    (call,) = asked.calls_of(CHINESE)
    # That which answers for China as a whole; botocore knows IAM's endpoint from it.
    assert (call.region, asked.cell(CHINESE)["status"]) == ("cn-northwest-1", "ok")


def test_an_account_of_all_regions_is_asked_once(asked: Asked) -> None:
    assert len(asked.calls_of(EVERYWHERE)) == 1
    found = {key[1:]: status for key, status in asked.ran.statuses.items() if key[0] == EVERYWHERE}
    assert found == {
        (US, "sg-inventory"): "ok",
        (US, ANALYZERS): "ok",
        (EU, "sg-inventory"): "ok",
        (EU, ANALYZERS): "ok",
        ("global", IAM): "ok",
    }


def test_an_account_that_cannot_be_opened_is_told_whole(asked: Asked) -> None:
    found = {key[1:]: status for key, status in asked.ran.statuses.items() if key[0] == LOCKED}
    assert found == {
        ("all", "sg-inventory"): "denied",
        ("all", ANALYZERS): "denied",
        ("global", IAM): "denied",
    }


def test_access_analyzer_is_asked_in_each_region(asked: Asked) -> None:
    asked_in = sorted(call.region for call in asked.calls_of(DEV, "GET /analyzer"))
    assert asked_in == [EU, US]
    assert (asked.records(DEV, US, ANALYZERS), asked.records(DEV, EU, ANALYZERS)) == ([], [])
    cell = asked.cell(DENIED, US, ANALYZERS)
    assert (cell["status"], cell["code"]) == ("denied", "AccessDeniedException")


@dataclass
class Reported:
    said: str
    tables: dict[str, list[dict[str, str]]]
    page: str


@pytest.fixture(scope="module")
def reported(
    asked: Asked, sg_audit: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Reported:
    folder = tmp_path_factory.mktemp("reports")
    done = sg_audit("report", "-s", asked.ran.folder, "-o", folder, "--stem", "r", "-f", "csv", "-f", "html")
    assert done.returncode == 3, done.stderr
    tables = {}
    for path in folder.glob("r_*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            tables[path.stem.removeprefix("r_")] = list(csv.DictReader(file))
    return Reported(done.stderr, tables, (folder / "r.html").read_text(encoding="utf-8"))


def test_the_report_tells_what_was_not_read_and_what_to_do(asked: Asked, reported: Reported) -> None:
    rows = {(row["account_id"], row["region"], row["policy"]): row for row in reported.tables["coverage"]}
    gaps = {key for key, status in asked.ran.statuses.items() if status != "ok"}
    assert rows.keys() == gaps  # accounts are called by their ids here
    told = rows[DENIED, "global", IAM]["what_to_do"]
    assert told == (
        f"Allow iam:{ASK} to {role(DENIED)} (`sg-audit permissions --iam` prints all that is needed), "
        "then `sg-audit audit --resume`"
    )
    told = rows[DENIED, US, ANALYZERS]["what_to_do"]
    assert "Allow access-analyzer:ListAnalyzers to " in told
    assert "`sg-audit permissions --iam --access-analyzer`" in told
    # The same for all of an account that could not be opened, so that it is told once.
    assert len({row["what_to_do"] for key, row in rows.items() if key[0] == LOCKED}) == 1
    assert f"not read: {LOCKED} (all of it): " in reported.said
    assert "the whole account" in reported.page
    assert "the whole account: all" not in reported.page
    assert "more reason" not in reported.said.partition(f"not read: {LOCKED}")[2].partition("not read:")[0]


def test_an_account_as_a_whole_is_no_region(reported: Reported) -> None:
    regions = [row["region"] for row in reported.tables["summary_regions"]]
    assert regions == ["all", CHINA, EU, US]
    assert ": 11 accounts, 4 regions, " in reported.said  # "all" stands for those of LOCKED


def test_each_region_that_a_table_names_is_one_of_the_database(
    asked: Asked, sg_audit: Callable[..., Any]
) -> None:
    query = "select distinct region from coverage where region not in (select region from regions)"
    done = sg_audit("query", "-s", asked.ran.folder, "--format", "csv", query)
    assert (done.returncode, done.stdout.split()) == (3, ["region"]), done.stderr


def test_the_columns_and_tabs_of_the_policies_are_all_there_is(asked: Asked, reported: Reported) -> None:
    assert IAM not in reported.tables
    assert ANALYZERS not in reported.tables


@dataclass
class Pair:
    """Two runs of the same account: without the options, and then with them."""

    output: Path
    without: Ran
    both: Ran
    calls_without: Counter[str]
    calls_with: Counter[str]


@pytest.fixture(scope="module")
def pair(asked: Asked, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    def run(*options: str) -> tuple[Ran, Counter[str]]:
        lab.wire.calls.clear()
        ran = aside.run("-p", "sg-inventory", "-a", DEV, *options)
        assert ran.code == 0, ran.err
        return ran, Counter(call.action for call in lab.wire.calls)

    aside = Lab(tmp_path_factory.mktemp("pair"), lab.home, lab.wire, lab.sg_audit)
    (aside.folder / "accounts.yml").write_bytes((lab.folder / "accounts.yml").read_bytes())
    (without, calls_without), (both, calls_with) = run(), run("--iam", "--access-analyzer")
    return Pair(aside.output, without, both, calls_without, calls_with)


def test_without_the_options_nothing_else_is_asked(pair: Pair) -> None:
    assert pair.without.statuses == {(DEV, US, "sg-inventory"): "ok", (DEV, EU, "sg-inventory"): "ok"}
    assert [policy["name"] for policy in pair.without.manifest["policies"]] == ["sg-inventory"]
    assert pair.calls_with - pair.calls_without == {ASK: 1, "GET /analyzer": 2}
    assert pair.calls_without - pair.calls_with == Counter()


def test_between_two_runs_an_option_is_no_news(pair: Pair, lab: Lab) -> None:
    for base, head in ((pair.without, pair.both), (pair.both, pair.without)):
        words = (
            "-s",
            pair.output,
            "--base",
            base.folder.name,
            "--head",
            head.folder.name,
            "--format",
            "json",
        )
        done = lab.sg_audit("compare", *words)
        assert done.returncode == 0, done.stderr
        assert ("iam" in done.stdout, "global" in done.stdout) == (False, False)


def test_a_run_without_its_manifest_is_read_as_custodians_output(
    pair: Pair, lab: Lab, tmp_path: Path
) -> None:
    """What is asked of an account as a whole is missing in no region, and no policy is missing of the whole."""
    copied = shutil.copytree(pair.both.folder, tmp_path / "copied")
    (copied / "run.json").unlink()
    (copied / DEV / "global" / IAM).rename(tmp_path / IAM)
    done = lab.sg_audit("report", "-s", copied, "-o", tmp_path / "r", "-f", "csv")
    assert "4 of 4 cells" in done.stderr
    (copied / DEV / "global").mkdir(exist_ok=True)
    (tmp_path / IAM).rename(copied / DEV / "global" / IAM)
    done = lab.sg_audit("report", "-s", copied, "-o", tmp_path / "r", "-f", "csv")
    assert done.returncode == 0
    assert ": 1 account, 2 regions, 3 policies, 5 cells" in done.stderr
    assert "5 of 5 cells" in done.stderr


def test_a_review_is_over_regions(pair: Pair) -> None:
    assert [place.region for place in places(open_output(pair.both.folder))] == [US, EU]


def test_a_resume_takes_the_options_of_its_run(asked: Asked) -> None:
    """It comes after those that look at the run, whose cells it makes whole."""
    lab, whole = asked.lab, dict(INSTEAD)
    folder = asked.ran.folder
    lab.wire.calls.clear()
    INSTEAD.clear()
    try:
        again = lab.run("-p", "sg-inventory", "--resume")
        assert (again.code, "leave out -a, -t, -r and -p" in again.err) == (2, True)
        again = lab.run("--resume", "--iam")
        assert (again.code, again.err.splitlines()[-1]) == (
            2,
            "sg-audit: --resume asks what its run asked: leave out --iam and --access-analyzer",
        )
        again = lab.run("--resume")
    finally:
        INSTEAD.update(whole)
    assert again.folder == folder
    assert {again.statuses[each, "global", IAM] for each in whole} == {"ok"}
    asked_again = Counter(account_of(lab, call) for call in lab.wire.of(ASK))
    assert asked_again == dict.fromkeys(whole.keys() - {PAGED}, 1)
    assert again.statuses[DENIED, US, ANALYZERS] == "denied"
    assert again.code == 3
    assert "DescribeSecurityGroups" not in {call.action for call in lab.wire.calls}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--access-analyzer"],
            "sg-audit: --access-analyzer: goes with --iam, whose roles its findings are about",
        ),
        (["--iam"], f"sg-audit: policy {IAM}: --iam has a cell of that name; rename the policy"),
    ],
)
def test_a_wrong_choice_is_one_line(lab: Lab, options: list[str], said: str) -> None:
    lab.accounts({"name": DEV, "account_id": DEV, "role": role(DEV), "regions": [US]})
    taken = lab.write("taken.yml", {"policies": [{"name": IAM, "resource": "aws.iam-role"}]})
    lab.wire.calls.clear()
    ran = lab.run(*options, policies=(POLICIES, taken))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[-1] == said
    assert lab.wire.calls == []


@pytest.fixture
def in_s3(lab: Lab) -> Iterator[Any]:
    lab.wire.answer = lambda call: None
    yield client_with_bucket(lab.wire.endpoint, "lookups")


def test_into_s3_by_a_role_a_chain_and_a_profile(lab: Lab, in_s3: Any, tmp_path: Path) -> None:
    """A worker finds its own way into the account then: there a region called global leads nowhere."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(
        f"[profile carried]\nrole_arn = {role(PAGED)}\nsource_profile = base\n[profile base]\n"
    )
    (tmp_path / ".aws" / "credentials").write_text(
        "[base]\naws_access_key_id = sandbox\naws_secret_access_key = sandbox\n"
    )
    lab.accounts(
        {"name": "dev", "account_id": DEV, "role": role(DEV), "regions": [EU]},
        {"name": "chain", "account_id": DENIED, "role": [role(CUT, "hub"), role(DENIED)], "regions": [EU]},
        {"name": "carried", "account_id": PAGED, "profile": "carried", "regions": [EU]},
    )
    done = lab.sg_audit(
        *("run", "-c", lab.folder / "accounts.yml", "-s", "s3://lookups/runs", "-u", POLICIES),
        *("-p", "sg-inventory", "--iam"),
        env={
            "AWS_ENDPOINT_URL": lab.wire.endpoint,
            "HOME": str(tmp_path),
            "AWS_CONFIG_FILE": str(tmp_path / ".aws" / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / ".aws" / "credentials"),
            "C7N_USE_STS_REGIONAL": "true",
        },
    )
    assert done.returncode == 0, done.stderr
    prefix = done.stdout.strip().removeprefix("s3://lookups/")
    listed = in_s3.list_objects_v2(Bucket="lookups", Prefix=prefix)["Contents"]
    keys = [entry["Key"] for entry in listed if "/global/" in entry["Key"]]
    found = {key.removeprefix(f"{prefix}/").split("/")[0] for key in keys}
    assert found == {"dev", "chain", "carried"}
    (key,) = [key for key in keys if "/dev/" in key and key.endswith("resources.json.gz")]
    records = json.loads(gzip.decompress(in_s3.get_object(Bucket="lookups", Key=key)["Body"].read()))
    assert [each.get("RoleName") for each in records] == ["bastion-admin", "web-logs", None]
