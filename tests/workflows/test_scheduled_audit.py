"""The scripts of scheduled-audit.yml, run by bash, with a stand-in for GitHub; sg-audit is the real one."""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from stat import S_IMODE
from typing import Any

import pytest
from markdown_it import MarkdownIt

from reporter.output.manifest import FILE_NAME
from reporter.sandbox import Sandbox
from tests.docs import pages
from tests.lab import role
from tests.programs import Completed
from tests.rundir import DENIED, WORLD, Resource, group, interface, unit, write

from . import steps

HERE, THERE = ("alpha", "us-east-1"), ("beta", "us-east-1")
NAME = "scheduled-audit.yml"
TELL = "Say what is newly critical, or that nobody knows"

# The brackets and the @ may be in a group's name; of the rest, what is made of it must not depend on AWS.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
HOSTILE = "##[add-mask]e @acme/admins #1 </details> ![x](//x.test) ```` ::error::x"


def critical(group_id: str, name: str = "web", owner: str = "alpha") -> tuple[Resource, Resource]:
    """A group that lets SSH in from everywhere, and an interface that carries it."""
    made = group(group_id, name, owner, WORLD)
    return made, interface(f"eni-{group_id}", made, owner=owner)


def holding(*found: tuple[Resource, Resource]) -> dict[str, Any]:
    return unit([each for each, _ in found], [each for _, each in found])


class Audits:
    """Makes `sg-audit audit` find what the test says, as a run on the disk, of which it then makes the real report."""

    def __init__(self, itself: steps.SgAudit) -> None:
        self.itself = itself
        self.finds: Mapping[tuple[str, str], Any] = {}
        self.day = 18
        self.words: list[str] = []
        self.instead: tuple[int, str, str] | None = None

    def __call__(self, words: list[str], cwd: Path, env: Mapping[str, str]) -> tuple[int, str, str]:
        if words[0] != "audit":
            return self.itself(words, cwd, env)
        self.words = words
        if self.instead:
            return self.instead
        run = f"202611{self.day:02d}T032300Z"
        output = cwd / words[words.index("-s") + 1]
        write(output / run, self.finds, started=f"2026-11-{self.day:02d}T03:23:00+00:00")
        (output / "latest").unlink(missing_ok=True)
        (output / "latest").symlink_to(run)
        report = ["report", "-s", f"{output}/{run}", *words[words.index("-o") :]]
        return self.itself(report, cwd, env)


@pytest.fixture
def audits(sg_audit_itself: steps.SgAudit) -> Audits:
    return Audits(sg_audit_itself)


@pytest.fixture
def machine(tmp_path: Path, audits: Audits) -> Iterator[steps.Machine]:
    with steps.machine(NAME, tmp_path / "machine", audits) as found:
        found.variables |= {"AUDIT_ROLE_ARN": "arn:aws:iam::111122223333:role/audits", "AUDIT_FORMATS": "csv"}
        yield found


def night(
    machine: steps.Machine, audits: Audits, day: int, finds: Mapping[tuple[str, str], Any]
) -> steps.Ended:
    """A run of the workflow's first job, whose number is that of the day; returns how its last step ended."""
    machine.next_job()
    machine.context.clear()
    (machine.folder / "summary").unlink(missing_ok=True)
    audits.day, audits.finds = day, finds
    (machine.work / "accounts.yml").write_text(
        "accounts:\n- {name: alpha, account_id: '111111111111', role: 'arn:aws:iam::111111111111:role/a'}\n"
    )
    for name in ("Fetch the runs before", "Audit"):
        ended = machine.step("audit", name)
        assert ended.code == 0, (name, ended.log)
    compared = machine.step("audit", "Compare with the run before")
    assert compared.code == 0, compared.log
    machine.step("audit", "Leave of older runs what reports and comparisons ask for")
    for name in ("Keep the runs", "Keep the report"):
        machine.upload("audit", name, day)
    last = machine.step("audit", "Say how it ended")
    state = machine.github
    run = {"databaseId": day, "event": "schedule", "workflow": NAME, "branch": "main", "status": "completed"}
    state["runs"].insert(0, run)
    machine.github = state
    return last


def tell(machine: steps.Machine, day: int) -> None:
    """The second job, which runs where something is new."""
    machine.next_job()
    here = machine.folder / "github" / "artifacts" / machine.run
    here.unlink(missing_ok=True)
    here.symlink_to(str(day))
    told = machine.step("issue", TELL)
    assert told.code == 0, told.log


def counts(machine: steps.Machine) -> tuple[str, str]:
    return machine.context["needs.audit.outputs.new"], machine.context["needs.audit.outputs.unseen"]


def test_nights(machine: steps.Machine, audits: Audits) -> None:
    """The first run, one with something new, one with more, one with nothing."""
    first = night(machine, audits, 18, {HERE: holding(critical("sg-1"))})
    assert first.code == 0, first.log
    assert machine.summary.startswith("### Security groups audit\n")
    assert "| critical | 1 |" in machine.summary
    assert "This is the first run" in machine.summary
    assert counts(machine) == ("", "")

    second = night(machine, audits, 19, {HERE: holding(critical("sg-1"), critical("sg-2", HOSTILE))})
    assert second.code == 0, second.log
    assert counts(machine) == ("1", "0")
    assert "Newly critical findings: 1. Critical where no run had looked before: 0." in machine.summary
    assert_is_text_alone(HOSTILE, machine.summary)
    tell(machine, 19)
    (issue,) = machine.github["issues"]
    assert_is_text_alone(HOSTILE, issue["body"])
    assert (issue["title"], issue["labels"]) == ("Security groups: newly critical", ["sg-audit"])
    marker, line, blank, link, *_ = issue["body"].splitlines()
    assert marker == "<!-- sg-audit scheduled-audit.yml -->"
    assert line == "Newly critical findings: 1. Critical where no run had looked before: 0."
    assert (blank, link) == (
        "",
        "The report is with [the run](https://github.com/acme/audits/actions/runs/900).",
    )

    night(machine, audits, 20, {HERE: holding(*map(critical, ("sg-1", "sg-2", "sg-3", "sg-4")))})
    assert counts(machine) == ("2", "0")
    tell(machine, 20)
    (issue,) = machine.github["issues"]
    (comment,) = issue["comments"]
    assert comment.splitlines()[1].startswith("Newly critical findings: 2.")
    assert "sg-3" in comment

    state = machine.github
    state["issues"][0]["state"] = "closed"
    machine.github = state
    night(machine, audits, 21, {HERE: holding(*map(critical, ("sg-1", "sg-5")))})
    tell(machine, 21)
    assert [each["state"] for each in machine.github["issues"]] == ["closed", "open"]

    kept = machine.folder / "github" / "artifacts" / "21" / "sg-audit-output"
    held = {path.name: sorted(each.name for each in path.iterdir()) for path in kept.iterdir()}
    assert held == {
        **{f"202611{day}T032300Z": ["findings.json", FILE_NAME] for day in (18, 19, 20)},
        "20261121T032300Z": ["alpha", "findings.json", FILE_NAME],
    }


def assert_is_text_alone(name: str, text: str) -> None:
    """A name stands in code, and nowhere else."""
    shown = name.replace("##[", "#\\u0023[")  # it is no command either where a runner prints it
    code, others = [], []
    for token in MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(text):
        for each in token.children or [token]:
            (code if each.type in {"code_inline", "code_block", "fence"} else others).append(each)
    assert any(shown in each.content and len(each.markup) > 4 for each in code)
    assert not any(name[:12] in each.content or "@acme" in each.content for each in others)


@pytest.mark.parametrize(
    ("stand_in", "code", "said"),
    [
        ((0, "", ""), 0, ""),
        ((1, "", "--fail-on critical: 8 groups at or above critical\n"), 0, "1"),
        ((3, "", "not read: ##[set-output name=code;]0 (all of it)\n"), 0, "3"),
        ((2, "", "sg-audit: accounts.yml: no such file\n"), 2, None),
        ((4, "", "sg-audit: a fault\n"), 4, None),
    ],
)
def test_how_the_audit_ends_is_kept_for_later_but_where_there_is_nothing_to_keep(
    machine: steps.Machine, audits: Audits, stand_in: tuple[int, str, str], code: int, said: str | None
) -> None:
    audits.instead = stand_in
    ended = machine.step("audit", "Audit")
    assert ended.code == code
    assert ended.outputs.get("code") == (None if said is None else said or "0")
    stop, *log = ended.log.splitlines()
    assert re.fullmatch(r"::stop-commands::[0-9a-f-]{36}", stop)
    assert "\n".join(log) == stand_in[2].strip()


def test_part_that_was_not_read_and_what_was_found_are_told_apart(
    machine: steps.Machine, audits: Audits
) -> None:
    machine.variables["AUDIT_FAIL_ON"] = "high"
    reached = night(machine, audits, 18, {HERE: holding(critical("sg-1")), THERE: holding()})
    assert audits.words[-2:] == ["--fail-on", "high"]
    assert (reached.code, reached.log) == (1, "::error::Something is at or above high.\n")
    assert "**Something is at or above high.**" in machine.summary
    assert "    --fail-on high: 1 group at or above high" in machine.summary

    partly = night(
        machine, audits, 19, {HERE: holding(critical("sg-1")), THERE: dict.fromkeys(unit(), DENIED)}
    )
    unread = "Part of what was planned could not be looked at: nothing here speaks of it."
    assert (partly.code, partly.log) == (3, f"::error::{unread}\n")
    assert f"**{unread}**" in machine.summary
    assert "at or above high" in machine.summary
    assert counts(machine) == ("0", "0")

    # What the run before could not read may be new.
    old, new = critical("sg-8", owner="beta"), critical("sg-9", owner="beta")
    machine.variables["AUDIT_FAIL_ON"] = ""
    again = night(machine, audits, 20, {HERE: holding(critical("sg-1")), THERE: holding(old, new)})
    assert (again.code, again.log) == (0, "")
    assert "**Everything that was planned was looked at.**" in machine.summary
    assert counts(machine) == ("0", "2")
    tell(machine, 20)
    assert "Critical where no run had looked before: 2." in machine.github["issues"][0]["body"]


def test_fail_on_what_is_new(machine: steps.Machine, audits: Audits) -> None:
    night(machine, audits, 18, {HERE: unit()})
    machine.variables["AUDIT_FAIL_ON"] = "new-medium"
    ended = night(machine, audits, 19, {HERE: unit([group("sg-1", ssh_from=WORLD)])})
    assert "--fail-on" not in audits.words
    assert (ended.code, ended.log) == (1, "::error::Findings that count for new-medium: 1.\n")
    machine.variables["AUDIT_FAIL_ON"] = "new-high"
    assert machine.step("audit", "Compare with the run before").code == 0
    assert machine.step("audit", "Say how it ended").code == 0


def test_a_comparison_that_fails_fails_the_job(machine: steps.Machine, audits: Audits) -> None:
    audits.finds = {HERE: holding()}
    for day in (18, 19):
        audits.day = day
        assert machine.step("audit", "Audit").code == 0
    (machine.work / "waivers.yml").write_text("waivers: all\n")
    (machine.work / "accounts.yml").write_text("accounts: []\n")
    compared = machine.step("audit", "Compare with the run before")
    assert compared.code == 1
    assert "waivers.yml" in compared.log
    assert "new" not in compared.outputs
    assert machine.step("audit", "Say how it ended").code == 0
    assert "It could not be compared with the run before." in machine.summary


def test_an_audit_that_fails_is_told_of(machine: steps.Machine, audits: Audits) -> None:
    """Silence would say that nothing is new."""
    audits.instead = (2, "", f"sg-audit: accounts.yml: {HOSTILE}\n")
    machine.step("audit", "Audit")
    assert machine.step("audit", "Say how it ended").log == (
        "::error::There is no audit: nothing is known of tonight.\n"
    )
    assert "**There is no audit: nothing is known of tonight.**" in machine.summary
    assert f"\n    sg-audit: accounts.yml: {HOSTILE}\n" in machine.summary
    for words in ("Everything", "compare", "Newly"):
        assert words not in machine.summary
    for _ in range(2):
        machine.next_job()
        assert machine.step("issue", TELL).code == 0
    (issue,) = machine.github["issues"]
    assert issue["title"] == "Security groups: the audit failed"
    assert "What is newly critical is not known" in issue["body"]
    assert "(https://github.com/acme/audits/actions/runs/900)" in issue["body"]
    assert len(issue["comments"]) == 1

    # What is found once it runs again stands in an issue of its own.
    audits.instead = None
    night(machine, audits, 18, {HERE: holding()})
    night(machine, audits, 19, {HERE: holding(critical("sg-1"))})
    tell(machine, 19)
    assert [each["title"] for each in machine.github["issues"]] == [
        "Security groups: the audit failed",
        "Security groups: newly critical",
    ]


def test_an_audit_that_takes_too_long_ends_while_what_it_read_can_still_be_kept(
    machine: steps.Machine, audits: Audits
) -> None:
    """GitHub ends a job that is out of time with all that it has. sg-audit ends by SIGTERM with 3."""
    job = steps.workflow(NAME)["jobs"]["audit"]
    (script,) = [step["run"] for step in job["steps"] if step.get("id") == "audit"]
    ((killed_after, minutes),) = re.findall(
        r"timeout --preserve-status --kill-after=(\d+)m (\d+)m sg-audit audit", script
    )
    assert int(minutes) + int(killed_after) <= job["timeout-minutes"] - 15
    audits.instead = (3, "", "interrupted\n")
    assert machine.step("audit", "Audit").outputs == {"code": "3"}


def test_it_ends_with_a_summary_before_there_is_an_audit(machine: steps.Machine) -> None:
    assert machine.step("audit", "Say how it ended").code == 0  # the step that failed fails the job
    assert "There is no audit" in machine.summary
    assert "The end of the log" not in machine.summary


@pytest.mark.parametrize(
    ("result", "new", "unseen", "first", "kept", "gone", "told"),
    [
        ("success", "", "", "true", "success", "", False),  # the first night
        ("success", "", "", "true", "skipped", "", False),  # the same, with runs in S3
        ("success", "0", "0", "", "success", "", False),
        ("success", "1", "0", "", "success", "", True),
        ("failure", "0", "2", "", "success", "", True),
        ("failure", "0", "0", "", "failure", "", False),
        ("failure", "", "", "true", "success", "", False),  # the first night, of which part was not read
        ("failure", "", "", "true", "failure", "", True),  # each night would be the first
        ("success", "", "", "true", "success", "true", True),  # a month after the last one
        ("failure", "", "", "", "skipped", "", True),  # no audit
        ("failure", "", "", "", "success", "", True),  # no comparison
        ("cancelled", "", "", "", "", "", True),  # it ran out of time
        ("skipped", "", "", "", "", "", False),  # there is no role
    ],
)
def test_when_there_is_something_to_tell(
    result: str, new: str, unseen: str, first: str, kept: str, gone: str, told: bool
) -> None:
    known = {
        "result": result,
        "outputs.new": new,
        "outputs.unseen": unseen,
        "outputs.first": first,
        "outputs.kept": kept,
        "outputs.gone": gone,
    }
    jobs = steps.workflow(NAME)["jobs"]
    assert jobs["audit"]["outputs"]["kept"] == "${{ steps.keep.outcome }}"
    assert [each["name"] for each in jobs["audit"]["steps"] if each.get("id") == "keep"] == ["Keep the runs"]
    condition = str(jobs["issue"]["if"]).removeprefix("${{").removesuffix("}}").strip()
    assert condition.startswith("!cancelled() && ")  # else GitHub puts success() before it
    condition = condition.removeprefix("!cancelled() && ").replace("&&", "and").replace("||", "or")
    for name in re.findall(r"needs\.audit\.([\w.]+) > 0", condition):
        condition = condition.replace(f"needs.audit.{name} > 0", str(int(known[name] or 0) > 0))
    condition = re.sub(r"needs\.audit\.([\w.]+)", lambda match: repr(known[match[1]]), condition)
    assert eval(condition) is told


def test_runs_that_are_kept_no_longer_are_not_as_if_there_had_been_none(
    machine: steps.Machine, audits: Audits
) -> None:
    night(machine, audits, 18, {HERE: holding()})
    assert "gone" not in machine.step("audit", "Fetch the runs before").outputs
    machine.github = machine.github | {"artifacts": {"18": {"sg-audit-output": True}}}
    fetched = machine.step("audit", "Fetch the runs before")
    assert (fetched.code, fetched.outputs) == (0, {"gone": "true"})
    assert fetched.log.startswith("::warning::")
    machine.github = machine.github | {"artifacts": {}}
    assert machine.step("audit", "Fetch the runs before").outputs == {}


def test_what_is_new_is_told_though_nothing_could_be_kept(machine: steps.Machine, audits: Audits) -> None:
    """As where the storage of the GitHub account is full."""
    night(machine, audits, 18, {HERE: holding()})
    night(machine, audits, 19, {HERE: holding(critical("sg-1"))})
    shutil.rmtree(machine.folder / "github" / "artifacts" / "19")
    machine.next_job()
    told = machine.step("issue", TELL)
    assert told.code == 0, told.log
    (issue,) = machine.github["issues"]
    assert "Newly critical findings: 1." in issue["body"]
    assert issue["body"].endswith("The summary of the run has the comparison.\n")


def test_reports_go_where_they_are_to_be_kept(machine: steps.Machine, audits: Audits) -> None:
    audits.instead = (0, "", "")
    machine.step("audit", "Audit")
    assert audits.words[audits.words.index("-o") + 1] == "reports"
    machine.variables["AUDIT_REPORTS"] = "s3://audit-bucket/reports"
    machine.step("audit", "Audit")
    assert audits.words[audits.words.index("-o") + 1] == "s3://audit-bucket/reports"


@pytest.mark.parametrize(("visibility", "code"), [("private", 0), ("internal", 0), ("public", 1), ("", 1)])
def test_a_public_repository_is_refused(machine: steps.Machine, visibility: str, code: int) -> None:
    machine.github = machine.github | {"visibility": visibility}
    ended = machine.step("audit", "Is this place private?")
    assert ended.code == code
    assert ended.log.startswith("::error::This repository is ") == bool(code)
    names = [each.get("name") for each in steps.workflow(NAME)["jobs"]["audit"]["steps"]]
    assert names[0] == "Is this place private?"


def test_the_role_is_taken_up_by_a_file_that_stays_fresh(machine: steps.Machine) -> None:
    ended = machine.step("audit", "Take up the role")
    token = machine.temp / "web-identity-token"
    assert (ended.code, ended.log) == (0, "")
    assert machine.environment == {"AWS_WEB_IDENTITY_TOKEN_FILE": str(token)}
    assert (token.read_text(), S_IMODE(token.stat().st_mode)) == ("token-1\n", 0o600)
    machine.tick()
    steps.wait_for(lambda: token.read_text() == "token-2\n")
    assert S_IMODE(token.stat().st_mode) == 0o600
    for call in machine.calls("curl"):
        assert call["words"][-1] == "https://tokens.example/?api-version=2.0&audience=sts.amazonaws.com"
        assert call["stdin"] == "Authorization: Bearer the-secret-of-the-job"
        assert "the-secret-of-the-job" not in " ".join(call["words"])


def test_the_role_alone_opens_the_accounts_and_the_bucket(
    tmp_path: Path,
    sandbox: Sandbox,
    sg_audit: Callable[..., Completed],
    aws_client: Callable[[str, str, str], Any],
) -> None:
    """On the sandbox's AWS, where no other credentials are set, with the runs in S3."""

    def with_no_keys(words: list[str], cwd: Path, env: Mapping[str, str]) -> tuple[int, str, str]:
        own: dict[str, str | None] = {key: value for key, value in env.items() if key.startswith("AWS_")}
        keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
        less = ("-p", "sg-inventory") if words[0] == "audit" else ()
        done = sg_audit(*words, *less, env={**own, **keys}, cwd=cwd)
        return done.returncode, done.stdout, done.stderr

    bucket = aws_client("s3", "565656565656", "us-east-1")
    bucket.create_bucket(Bucket="scheduled")
    with steps.machine(NAME, tmp_path / "machine", with_no_keys) as machine:
        machine.variables |= {"AUDIT_ROLE_ARN": role("565656565656"), "AUDIT_OUTPUT": "s3://scheduled/runs"}
        (machine.work / "accounts.yml").write_text(
            "accounts:\n"
            f"- {{name: a, account_id: '575757575757', role: '{role('575757575757')}', regions: [us-east-1]}}\n"
        )
        without = machine.step("audit", "Audit")
        assert without.code == 2
        assert without.log.splitlines()[-1] == "sg-audit: no AWS credentials: log in first"

        assert machine.step("audit", "Take up the role").code == 0
        audited = machine.step("audit", "Audit")
        assert audited.code == 0, audited.log
        assert "token-1" not in audited.log
        (key,) = [
            each["Key"]
            for each in bucket.list_objects_v2(Bucket="scheduled", Prefix="runs/2")["Contents"]
            if each["Key"].endswith(f"/{FILE_NAME}")
        ]
        (caller,) = json.loads(bucket.get_object(Bucket="scheduled", Key=key)["Body"].read())["callers"]
        assert caller.startswith("arn:aws:sts::565656565656:assumed-role/")
        assert caller.endswith("/sg-audit-900")
        assert machine.step("audit", "Compare with the run before").outputs == {"first": "true"}

        assert machine.step("audit", "Audit").code == 0
        compared = machine.step("audit", "Compare with the run before")
        assert compared.outputs == {"new": "0", "unseen": "0", "failing": "0"}


def test_its_variables_are_those_that_are_told() -> None:
    text = (steps.WORKFLOWS / NAME).read_text(encoding="utf-8")
    used = set(re.findall(r"\bvars\.(\w+)", text))
    assert used == set(re.findall(r"^#   ([A-Z_]+) {2,}", text, re.MULTILINE))
    ((_, *rows),) = [
        table for table in pages.read(pages.DOCS / "schedule.md").every_table if table[0][0] == "variable"
    ]
    assert used == {name for row in rows for name in pages.spans(row[0])}
    for name, default, _ in rows:
        for value in pages.spans(default):
            assert re.search(rf"vars\.{name.strip('`')} \|\| '?{re.escape(value)}'? }}}}", text), name


def test_no_job_may_do_more_than_it_does() -> None:
    workflow = steps.workflow(NAME)
    assert workflow["permissions"] == {}
    assert {name: job["permissions"] for name, job in workflow["jobs"].items()} == {
        "audit": {"actions": "read", "contents": "read", "id-token": "write"},
        "issue": {"actions": "read", "issues": "write"},
    }
    with_token = {
        step["name"]
        for job in workflow["jobs"].values()
        for step in job["steps"]
        if "GH_TOKEN" in {**job.get("env", {}), **step.get("env", {})}
    }
    assert with_token == {"Is this place private?", "Fetch the runs before", TELL}


def test_the_role_may_do_what_keeping_in_s3_takes() -> None:
    """Custodian and sg-audit give what they write to the bucket's owner, which is an action of its own.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
    """
    _, permissions = map(json.loads, pages.read(pages.DOCS / "schedule.md").code("json"))
    _, runs, reports = permissions["Statement"]
    both = {"s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:PutObjectAcl"}
    assert set(runs["Action"]) == {*both, "s3:GetBucketLocation"}
    assert set(reports["Action"]) == {*both, "s3:DeleteObject"}  # files of tabs that are gone
    bucket = "arn:aws:s3:::audit-bucket"
    assert runs["Resource"] == [bucket, f"{bucket}/runs/*"]
    assert reports["Resource"] == [bucket, f"{bucket}/reports/*"]
