"""`sg-audit publish securityhub`, over HTTP to moto's Security Hub, read back from there."""

import fcntl
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from reporter.cli import cli
from reporter.cli import publish as command
from reporter.errors import InputError
from reporter.publish import securityhub, telling
from tests import shared
from tests.disks import fill, small_disk
from tests.programs import SG_AUDIT, Completed, Warm
from tests.publish.publishing import EAST, IMPORT, IRELAND, RECORD, Desk, new_accounts
from tests.report.formats import finding_runs
from tests.report.formats.finding_runs import IDLE, OLD, SHUT, WEB, policies
from tests.rundir import ACCOUNT_IDS, DENIED, WORLD, group, unit
from tests.s3 import client_with_bucket
from tests.wire import Call, Wire

NOTHING = dict.fromkeys(unit(), DENIED)
OPEN, PASSED = "FAILED ACTIVE", "PASSED ARCHIVED"
BEFORE, MADE = "2026-11-10T00:00:00.000Z", "2026-11-01T00:00:00.000Z"
ENTRY = ["failed", "web", "2026-11-01", MADE, BEFORE, "0123456789abcdef"]


@pytest.fixture
def desk(
    tmp_path: Path,
    wired: Wire,
    sg_audit: Callable[..., Completed],
    aws_client: Callable[[str, str, str], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Desk]:
    for name, number in new_accounts():
        monkeypatch.setitem(ACCOUNT_IDS, name, number)
    monkeypatch.setenv("AWS_ENDPOINT_URL", shared.NOWHERE)  # for what is done in this process
    wired.calls.clear()
    yield Desk(tmp_path, wired, sg_audit, aws_client)
    wired.answer = lambda call: None


def found(group_id: str, name: str = "web", owner: str = "alpha") -> dict[str, Any]:
    return group(group_id, name, owner, ssh_from=WORLD)


def of(group_id: str, state: str) -> dict[str, str]:
    """A group that is open to the world is found by two policies, as what it is on is not asked for."""
    return {f"{policy}/{group_id}": state for policy in ("sg-ssh-open", "sg-ssh-world")}


def test_two_runs_and_an_account_that_is_refused_in_between(desk: Desk) -> None:
    desk.enable(("alpha", EAST), ("alpha", IRELAND), ("beta", EAST))
    desk.run(
        18,
        {
            ("alpha", EAST): unit([found(WEB), found(SHUT, "shut"), found(OLD, "old")]),
            ("alpha", IRELAND): unit([found(IDLE, "irish")]),
            ("beta", EAST): unit([found(WEB, "theirs", "beta")]),
        },
    )
    done = desk.publish()
    assert (
        "this writes to AWS: into Security Hub of 2 accounts and 2 regions, 10 findings: "
        "10 new, 0 changed, 0 unchanged, 0 resolved" in done.stderr
    )
    assert "published 10 findings: 10 new" in done.stderr
    assert done.stdout == f"{desk.output / RECORD}\n"
    assert [(account, region, len(findings)) for account, region, findings in desk.imports()] == [
        ("alpha", IRELAND, 2),
        ("alpha", EAST, 6),
        ("beta", EAST, 2),
    ]
    assert desk.states("alpha", EAST) == of(WEB, OPEN) | of(SHUT, OPEN) | of(OLD, OPEN)
    assert desk.states("alpha", IRELAND) == of(IDLE, OPEN)
    assert desk.states("beta", EAST) == of(WEB, OPEN)
    assert (desk.output / RECORD).stat().st_mode & 0o777 == 0o600
    first = desk.hub("alpha", EAST)

    # A week on: one is closed, one deleted, one new; Ireland could not be read, and beta's role is gone.
    desk.run(
        25,
        {
            ("alpha", EAST): unit([found(WEB), group(SHUT, "shut"), found(IDLE, "idle")]),
            ("alpha", IRELAND): NOTHING,
            ("beta", EAST): unit([group(WEB, "theirs", "beta")]),
        },
    )
    denied = "<Error><Code>AccessDenied</Code><Message>not for you</Message></Error>"
    desk.wire.answer = lambda call: (
        (403, f"<ErrorResponse>{denied}</ErrorResponse>")
        if call.action == "AssumeRole" and ACCOUNT_IDS["beta"] in call.params["RoleArn"]
        else None
    )
    done = desk.publish(code=3)
    beta = ACCOUNT_IDS["beta"]
    assert f"not published: account beta ({beta}), {EAST}: AccessDenied: not for you" in done.stderr
    assert (
        "2 findings published before stay as they were: for this run did not read whether they are there"
        in done.stderr
    )
    assert "published 8 findings: 2 new, 0 changed, 2 unchanged, 4 resolved" in done.stderr
    assert desk.states("alpha", EAST) == of(WEB, OPEN) | of(SHUT, PASSED) | of(OLD, PASSED) | of(IDLE, OPEN)
    assert desk.states("alpha", IRELAND) == of(IDLE, OPEN)
    assert desk.states("beta", EAST) == of(WEB, OPEN)
    second = desk.hub("alpha", EAST)
    for name in of(WEB, OPEN):
        assert {each for each in second[name] if second[name][each] != first[name].get(each)} == {"UpdatedAt"}
    assert "The group is not there any more." in second[f"sg-ssh-world/{OLD}"]["Description"]
    assert second[f"sg-ssh-world/{OLD}"]["Title"] == "SSH open to the world: old"
    assert second[f"sg-ssh-world/{OLD}"]["CreatedAt"] == first[f"sg-ssh-world/{OLD}"]["CreatedAt"]
    desk.imports()

    # The same run once more, with beta's role: what was taken is not sent again.
    desk.wire.answer = lambda call: None
    done = desk.publish(code=3)  # Ireland is still not read
    assert [(account, region, len(each)) for account, region, each in desk.imports()] == [("beta", EAST, 2)]
    assert desk.states("beta", EAST) == of(WEB, PASSED)

    # Nothing is new, though the run in which things were closed is not the one before.
    desk.run(
        26,
        {
            ("alpha", EAST): unit([found(WEB), group(SHUT, "shut"), found(IDLE, "idle")]),
            ("alpha", IRELAND): unit([]),
            ("beta", EAST): unit([group(WEB, "theirs", "beta")]),
        },
    )
    done = desk.publish()
    assert "published 6 findings: 0 new, 0 changed, 4 unchanged, 2 resolved" in done.stderr
    assert desk.states("alpha", IRELAND) == of(IDLE, PASSED)
    third = desk.hub("alpha", EAST)
    for name in of(WEB, OPEN) | of(IDLE, OPEN):
        assert {each for each in third[name] if third[name][each] != second[name].get(each)} == {"UpdatedAt"}
    for name in of(OLD, OPEN) | of(SHUT, OPEN):
        assert third[name] == second[name]


def test_a_dry_run_asks_nobody_and_shows_what_would_be(desk: Desk) -> None:
    desk.run(18, {("alpha", EAST): unit([found(WEB, "=web\u202e")], sg_ssh_open=[])})
    done = desk.publish("--dry-run")
    name = f"c7n-sg-audit/{ACCOUNT_IDS['alpha']}/{EAST}/sg-ssh-world/{WEB}"
    assert done.stdout == f"new       MEDIUM        {name}  SSH open to the world: =web_\n"
    assert (
        "--dry-run: nothing is sent; it would be, into Security Hub of 1 account and 1 region, 1 finding: "
        "1 new, 0 changed, 0 unchanged, 0 resolved" in done.stderr
    )
    assert desk.wire.calls == []
    assert not (desk.output / RECORD).exists()


def invoke(desk: Desk, *words: str, answer: str = "", where: str | Path = "") -> tuple[int, str]:
    """In this process, as nothing is to be sent."""
    words = tuple(map(str, desk.words(*words, where=where)))
    done = CliRunner().invoke(cli, words, input=answer, standalone_mode=False)
    if isinstance(done.exception, InputError):
        return 2, str(done.exception)
    if done.exception:
        raise done.exception
    return done.return_value, done.stderr  # type: ignore[return-value]


def test_nothing_is_sent_unless_somebody_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.run(18, {("alpha", EAST): unit([found(WEB)])})
    code, said = invoke(desk)
    assert (code, said) == (
        2,
        "publish: it writes to AWS: give --yes, or --dry-run to see what it would send",
    )
    monkeypatch.setattr(command, "_at_terminal", lambda: True)
    code, said = invoke(desk, answer="n\n")
    assert code == 3
    assert "this writes to AWS: into Security Hub of 1 account and 1 region, 2 findings: 2 new" in said
    assert "Publish them? [y/N]" in said
    assert said.endswith("nothing is sent\n")
    assert desk.wire.calls == []
    assert not (desk.output / RECORD).exists()


def test_where_security_hub_is_not_enabled_it_says_that_once_an_account(desk: Desk) -> None:
    desk.enable(("beta", EAST))
    units = {
        ("alpha", EAST): unit([found(WEB)]),
        ("alpha", IRELAND): unit([found(IDLE, "irish")]),
        ("beta", EAST): unit([found(WEB, "theirs", "beta")]),
    }
    desk.run(18, units)
    done = desk.publish("-w", finding_runs.waivers(desk.folder), code=3)
    told = f"account alpha ({ACCOUNT_IDS['alpha']}), {IRELAND}, {EAST}: Security Hub is not enabled there"
    assert [line for line in done.stderr.splitlines() if "not enabled" in line] == [f"not published: {told}"]
    assert (
        "published 2 findings: 2 new, 0 changed, 0 unchanged, 0 resolved; 4 not published"
        in (done.stderr.splitlines()[-1])
    )
    assert set(desk.record()) == {f"beta {EAST} {policy} {WEB}" for policy in ("sg-ssh-open", "sg-ssh-world")}
    desk.imports()

    # Once it is, what it refused is new, with what only a new one takes.
    desk.enable(("alpha", EAST), ("alpha", IRELAND))
    desk.publish("-w", finding_runs.waivers(desk.folder))
    assert [(account, region) for account, region, _ in desk.imports()] == [
        ("alpha", IRELAND),
        ("alpha", EAST),
    ]
    assert desk.hub("alpha", IRELAND)[f"sg-ssh-world/{IDLE}"]["Workflow"] == {"Status": "SUPPRESSED"}


def test_what_is_left_out_or_of_a_policy_that_is_gone_stays_as_it_is(desk: Desk) -> None:
    desk.enable(("alpha", EAST), ("alpha", IRELAND), ("beta", EAST))
    desk.run(
        18,
        {
            ("alpha", EAST): unit([found(WEB)]),
            ("alpha", IRELAND): unit([found(IDLE, "irish")]),
            ("beta", EAST): unit([found(WEB, "theirs", "beta")]),
        },
    )
    desk.publish()
    desk.imports()
    # All of it is closed since, and sg-ssh-open is no policy any more.
    nothing = {
        name: found for name, found in unit([group(WEB), group(IDLE)]).items() if name != "sg-ssh-open"
    }
    desk.run(
        25,
        {("alpha", EAST): nothing, ("alpha", IRELAND): nothing, ("beta", EAST): nothing},
        [each for each in policies() if each["name"] != "sg-ssh-open"],
    )
    done = desk.publish("-a", "alpha", "-r", EAST)
    assert [line for line in done.stderr.splitlines() if "stay" in line] == [
        "3 findings published before stay as they were: of policies that are not in this run: sg-ssh-open",
        "2 findings published before stay as they were: left out by -a, -r or -p",
    ]
    assert [(account, region, len(each)) for account, region, each in desk.imports()] == [("alpha", EAST, 1)]
    assert desk.states("alpha", EAST) == {f"sg-ssh-open/{WEB}": OPEN, f"sg-ssh-world/{WEB}": PASSED}
    assert desk.states("alpha", IRELAND) == of(IDLE, OPEN)
    assert desk.states("beta", EAST) == of(WEB, OPEN)
    # Nor does it take -a to leave an account out: the run may have.
    desk.run(26, {("alpha", EAST): nothing}, [each for each in policies() if each["name"] != "sg-ssh-open"])
    _, said = invoke(desk, "--yes")
    assert [line for line in said.splitlines() if "stay" in line] == [
        "3 findings published before stay as they were: of policies that are not in this run: sg-ssh-open",
        "2 findings published before stay as they were: for this run did not read whether they are there",
    ]
    assert "nothing to publish" in said
    for words, why in (
        (["-a", "gamma"], "-a gamma: not in"),
        (["-r", "eu-west-3"], "-r eu-west-3: not in"),
        (["-p", "sg-inventory"], "-p sg-inventory: no policy of this run that finds groups; there are"),
    ):
        code, said = invoke(desk, "--yes", *words)
        assert (code, why in said) == (2, True)


def test_one_policy_is_published_and_resolved_alone(desk: Desk) -> None:
    desk.enable(("alpha", EAST))
    desk.run(18, {("alpha", EAST): unit([found(WEB)])})
    done = desk.publish("-p", "sg-ssh-world")
    assert "published 1 finding: 1 new" in done.stderr
    assert desk.states("alpha", EAST) == {f"sg-ssh-world/{WEB}": OPEN}
    desk.run(19, {("alpha", EAST): unit([found(WEB)])})
    desk.publish()
    assert desk.states("alpha", EAST) == of(WEB, OPEN)
    desk.run(20, {("alpha", EAST): unit([group(WEB)])})  # both are gone, and one is asked for
    done = desk.publish("-p", "sg-ssh-world")
    assert "1 finding published before stays as it was: left out by -a, -r or -p" in done.stderr
    assert desk.states("alpha", EAST) == {f"sg-ssh-open/{WEB}": OPEN, f"sg-ssh-world/{WEB}": PASSED}
    desk.run(21, {("alpha", EAST): unit([group(WEB)])})
    desk.publish()
    assert desk.states("alpha", EAST) == of(WEB, PASSED)


def test_what_was_only_not_looked_for_is_not_made_less(desk: Desk) -> None:
    desk.enable(("alpha", EAST))
    desk.run(18, {("alpha", EAST): unit([found(WEB)], sg_ssh_open=[])})
    desk.publish()
    desk.run(
        19, {("alpha", EAST): unit([found(WEB), found(OLD, "old")], sg_ssh_open=[], sg_ssh_world=DENIED)}
    )
    desk.publish(code=3)
    assert desk.states("alpha", EAST) == {
        f"sg-ssh-world/{WEB}": OPEN,
        f"sg-ssh-world/{OLD}": "WARNING ACTIVE",
    }
    made = desk.hub("alpha", EAST)[f"sg-ssh-world/{OLD}"]["CreatedAt"]
    # What was only possible is closed, too, once somebody looked.
    desk.run(20, {("alpha", EAST): unit([found(WEB), group(OLD, "old")], sg_ssh_open=[])})
    desk.publish()
    assert desk.states("alpha", EAST) == {f"sg-ssh-world/{WEB}": OPEN, f"sg-ssh-world/{OLD}": PASSED}
    assert desk.hub("alpha", EAST)[f"sg-ssh-world/{OLD}"]["CreatedAt"] == made


def test_findings_that_are_not_taken_are_named_and_sent_again(desk: Desk) -> None:
    desk.enable(("alpha", EAST))
    desk.run(18, {("alpha", EAST): unit([found(WEB)])})
    name = f"c7n-sg-audit/{ACCOUNT_IDS['alpha']}/{EAST}/sg-ssh-world/{WEB}"
    failed = {"Id": name, "ErrorCode": "InvalidInput", "ErrorMessage": "no good: AKIAABCDEFGHIJKLMNOP"}
    answer = {"FailedCount": 1, "SuccessCount": 1, "FailedFindings": [failed]}
    desk.wire.answer = lambda call: (200, json.dumps(answer)) if call.action == IMPORT else None
    done = desk.publish(code=3)
    assert f"not taken, 1 finding: InvalidInput: no good: [redacted]: {name}" in done.stderr
    assert "published 1 finding: 1 new" in done.stderr
    assert desk.record() == {f"alpha {EAST} sg-ssh-open {WEB}": "failed"}
    assert (
        "1 finding: 1 new, 0 changed, 0 unchanged, 0 resolved"
        in invoke(desk, "--dry-run")[1].splitlines()[-1]
    )


def test_a_region_that_refuses_costs_that_region(desk: Desk) -> None:
    desk.enable(("alpha", EAST), ("alpha", IRELAND))
    desk.run(
        18,
        {
            (account, region): unit([found(WEB, owner=account)], sg_ssh_open=[])
            for account in ("alpha", "beta", "gamma")
            for region in (IRELAND, EAST)
        },
    )
    no, broken = ({"Code": code, "Message": "no"} for code in ("AccessDeniedException", "InternalException"))
    answers = {
        ("alpha", IRELAND): (403, no),
        ("beta", IRELAND): (501, broken),  # not 500, which botocore would ask again for half a minute
        ("beta", EAST): (200, {"FailedCount": 0, "SuccessCount": 9}),
        ("gamma", IRELAND): (200, {}),
        ("gamma", EAST): (404, {}),
    }
    accounts = {number: name for name, number in ACCOUNT_IDS.items()}

    def refuse(call: Call) -> tuple[int, str] | None:
        if call.action == IMPORT:
            account = accounts[desk.wire.role_of(call).split(":")[4]]
            if answer := answers.get((account, call.region)):
                return answer[0], json.dumps(answer[1])
        return None

    desk.wire.answer = refuse
    said = desk.publish(code=3).stderr
    others = "the answer to BatchImportFindings is about other findings than were sent, and not AWS's"
    assert [line for line in said.splitlines() if line.startswith("not published: ")] == [
        f"not published: account {name} ({ACCOUNT_IDS[name]}), {region}: {why}"
        for name, region, why in (
            ("alpha", IRELAND, "AccessDeniedException: no"),
            ("beta", IRELAND, "InternalException: no"),
            ("beta", EAST, others),
            ("gamma", IRELAND, others),
            ("gamma", EAST, "404"),
        )
    ]
    assert desk.states("alpha", EAST) == {f"sg-ssh-world/{WEB}": OPEN}
    # What may have been taken counts as that.
    assert desk.record() == {
        f"alpha {EAST} sg-ssh-world {WEB}": "failed",
        f"beta {IRELAND} sg-ssh-world {WEB}": "sending",
        f"beta {EAST} sg-ssh-world {WEB}": "sending",
        f"gamma {IRELAND} sg-ssh-world {WEB}": "sending",
    }


def test_a_no_after_an_answer_that_is_none_does_not_say_that_nothing_was_taken(desk: Desk) -> None:
    desk.enable(("alpha", EAST))
    desk.run(18, {("alpha", EAST): unit([found(WEB)], sg_ssh_open=[])})
    answers = iter([(503, "{}"), (403, json.dumps({"Code": "ExpiredTokenException", "Message": "over"}))])
    desk.wire.answer = lambda call: next(answers) if call.action == IMPORT else None
    assert "ExpiredTokenException: over" in desk.publish(code=3).stderr
    assert desk.record() == {f"alpha {EAST} sg-ssh-world {WEB}": "sending"}


def test_where_what_was_taken_cannot_be_recorded_it_says_so_and_sends_it_again(
    tmp_path: Path, desk: Desk
) -> None:
    desk.enable(("alpha", EAST))
    with small_disk(desk.output, 500) as disk:
        desk.run(18, {("alpha", EAST): unit([found(WEB)], sg_ssh_open=[])})
        invoke(desk, "--dry-run")  # which keeps what it read
        desk.wire.answer = lambda call: fill(disk) if call.action == IMPORT else None
        done = desk.publish(code=2)
        assert (
            f"{desk.output / RECORD}: No space left on device: what was taken, 1 of all, is not"
            in done.stderr
        )
        assert desk.record() == {f"alpha {EAST} sg-ssh-world {WEB}": "sending"}
        desk.imports()
        desk.wire.answer = lambda call: None
        assert (
            f"{desk.output / RECORD}: No space left on device: nothing is sent" in desk.publish(code=2).stderr
        )
        assert desk.imports() == []


def test_an_older_run_than_the_last_is_refused(desk: Desk) -> None:
    old = desk.run(18, {("alpha", EAST): unit([found(WEB)])})
    desk.run(25, {("alpha", EAST): unit([group(WEB)])})
    (desk.output / RECORD).write_text(desk.recorded(ENTRY, run="2026-11-25T21:03:55+00:00"), encoding="utf-8")
    code, said = invoke(desk, "--yes", where=old)
    assert code == 2
    assert "began 2026-11-18T21:03:55+00:00, before the run that was published last" in said


def test_two_do_not_publish_at_a_time_nor_with_a_record_that_is_damaged(desk: Desk) -> None:
    desk.run(18, {("alpha", EAST): unit([found(WEB)])})
    handle = os.open(desk.output, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    code, said = invoke(desk, "--yes")
    assert (code, f"{desk.output}: another `sg-audit publish` is going on there" in said) == (2, True)
    os.close(handle)
    (desk.output / RECORD).write_text('{"tool": "c7n-sg-audit", "version": 1, "run": ""', encoding="utf-8")
    code, said = invoke(desk, "--yes")
    assert (code, f"{desk.output / RECORD}: not a record of sg-audit" in said) == (2, True)


def test_a_record_that_is_none_is_an_error(desk: Desk) -> None:
    desk.run(18, {("alpha", EAST): unit([found(WEB)])})
    (desk.output / RECORD).write_text(desk.recorded(ENTRY), encoding="utf-8")
    assert "1 new, 1 changed, 0 unchanged, 0 resolved" in invoke(desk, "--dry-run")[1]

    def entry(place: int, text: str) -> str:
        return desk.recorded([*ENTRY[:place], text, *ENTRY[place + 1 :]])

    for content, why in (
        ("", "Input data was truncated"),
        ("[]", "Expected `object`, got `array`"),
        (desk.recorded(ENTRY, tool="another"), "Invalid enum value 'another'"),
        (desk.recorded(ENTRY, run="2026-11-01T00:00:00"), "'2026-11-01T00:00:00' has no time zone"),
        (entry(0, "gone"), "Invalid enum value 'gone'"),
        (entry(2, "2026-11-01T00:00:00"), "Invalid isoformat string: '2026-11-01T00:00:00'"),
        (entry(3, ""), "Invalid isoformat string: ''"),
        (entry(4, ""), "Invalid isoformat string: ''"),
        (entry(4, "2026-11-10"), "'2026-11-10' has no time zone"),
    ):
        (desk.output / RECORD).write_text(content, encoding="utf-8")
        assert invoke(desk, "--dry-run")[1].startswith(
            f"{desk.output / RECORD}: not a record of sg-audit: {why}"
        )
    newer = json.dumps({"tool": "c7n-sg-audit", "version": 2, "published": {"by": "other means"}})
    (desk.output / RECORD).write_text(newer, encoding="utf-8")
    assert invoke(desk, "--dry-run") == (
        2,
        f"{desk.output / RECORD}: of version 2, and this sg-audit knows version 1: publish with the sg-audit that "
        "wrote it, or a newer one",
    )


@pytest.mark.parametrize(
    ("state", "month", "day", "change"),
    [  # a finding that was sent on November 10 last
        ("failed", 12, 9, "changed"),
        ("closed", 12, 9, "changed"),
        ("closed", 12, 11, "new"),
        ("failed", 12, 11, "changed"),
        ("sending", 12, 11, "new"),
    ],
)
def test_what_is_archived_is_forgotten_earlier_than_what_is_open(
    desk: Desk, state: str, month: int, day: int, change: str
) -> None:
    desk.run(day, {("alpha", EAST): unit([found(WEB)], sg_ssh_open=[])}, month=month)
    updated = "" if state == "sending" else BEFORE
    (desk.output / RECORD).write_text(
        desk.recorded([state, *ENTRY[1:4], updated, ENTRY[5]]), encoding="utf-8"
    )
    assert f"1 {change}" in invoke(desk, "--dry-run")[1]


def test_why_something_stays_as_it_was_is_true(desk: Desk) -> None:
    (desk.output).mkdir()
    # It is nobody's business any more after ninety days, in which Security Hub has forgotten it.
    for month, told in ((11, ["1 finding published before stays as it was: of policies that are"]), (2, [])):
        nothing = {name: each for name, each in unit().items() if name != "sg-ssh-world"}
        remaining = [each for each in policies() if each["name"] != "sg-ssh-world"]
        folder = desk.run(18, {("alpha", EAST): nothing}, remaining, month=month)
        recorded = ENTRY if month == 11 else [*ENTRY[:4], "2025-11-10T00:00:00.000Z", ENTRY[5]]
        run = f"2026-{month:02}-01T00:00:00+00:00"
        (desk.output / RECORD).write_text(desk.recorded(recorded, run), encoding="utf-8")
        code, said = invoke(desk, "--dry-run", where=folder)
        assert [line[: len(told[0])] for line in said.splitlines() if "published before" in line] == told
        assert said.endswith("\nnothing to publish\n")
    # Another run began earlier, and was gone on with after this one was through.
    folder = desk.run(9, {("alpha", EAST): unit([found(WEB)], sg_ssh_open=[])})
    (desk.output / RECORD).write_text(desk.recorded(ENTRY), encoding="utf-8")
    _, said = invoke(desk, "--dry-run", where=folder)
    assert "1 finding published before stays as it was: sent as another run read it, later than this" in said
    # The run looked, but nobody knows the way into the account any more.
    desk.accounts.write_text(desk.accounts.read_text().replace(ACCOUNT_IDS["alpha"], "999999999999"))
    folder = desk.run(12, {("alpha", EAST): unit([found(WEB)], sg_ssh_open=[])})
    code, said = invoke(desk, "--dry-run", where=folder)
    assert (code, "published before" in said) == (3, False)
    assert f"{EAST}: no account of that id is in {desk.accounts}" in said


def test_a_reason_for_each_finding_is_no_screen_full() -> None:
    failed = [securityhub.Failed(f"id-{number}", f"InvalidInput: {number}") for number in range(40)]
    failed += [securityhub.Failed(f"other-{number}", "InternalError") for number in range(12)]
    lines = list(telling.failures(failed))
    ids = ", ".join(f"other-{number}" for number in range(10))
    assert lines[0] == f"not taken, 12 findings: InternalError: {ids} and 2 more"
    assert lines[1] == "not taken, 1 finding: InvalidInput: 0: id-0"
    assert lines[10:] == ["not taken, 31 findings more, for 31 other reasons"]


def test_an_account_that_is_in_no_accounts_file_is_told(desk: Desk) -> None:
    desk.run(18, {("alpha", EAST): unit([found(WEB)])})
    desk.accounts.write_text(desk.accounts.read_text().replace(ACCOUNT_IDS["alpha"], "999999999999"))
    code, said = invoke(desk, "--yes")
    assert code == 3
    assert f"{EAST}: no account of that id is in {desk.accounts}" in said
    assert "nothing to publish" in said


def test_an_account_whose_role_is_anothers_is_sent_nothing(desk: Desk) -> None:
    desk.enable(("alpha", EAST), ("beta", EAST))
    desk.run(18, {("alpha", EAST): unit([found(WEB)])})
    alpha, beta = ACCOUNT_IDS["alpha"], ACCOUNT_IDS["beta"]
    content = desk.accounts.read_text()
    desk.accounts.write_text(content.replace(f"iam::{alpha}:role", f"iam::{beta}:role"))
    done = desk.publish(code=3)
    assert f"belongs to account {beta}, the accounts file says {alpha}" in done.stderr
    assert desk.wire.of(IMPORT) == []
    assert desk.record() == {}


def test_what_is_gone_is_told_from_what_was_published_whichever_runs_those_were(desk: Desk) -> None:
    desk.run(19, {("alpha", EAST): unit([group(WEB), found(IDLE)])})
    desk.run(20, {("alpha", EAST): unit([group(WEB), group(IDLE)])})
    (desk.output / RECORD).write_text(desk.recorded(ENTRY), encoding="utf-8")
    assert "1 finding: 0 new, 0 changed, 0 unchanged, 1 resolved" in invoke(desk, "--dry-run")[1]


def test_what_its_users_write_is_sent_when_a_finding_is_made_and_never_again_until_it_is_forgotten(
    desk: Desk,
) -> None:
    desk.enable(("alpha", EAST))
    waivers = finding_runs.waivers(desk.folder)
    idle, closed = found(IDLE, "idle"), group(WEB)
    for month, groups in ((5, [idle, found(WEB)]), (6, [idle, closed]), (11, [idle, closed])):
        desk.run(18, {("alpha", EAST): unit(groups, sg_ssh_open=[])}, month=month)
        desk.publish("-w", waivers)
        assert len(desk.record()) == (1 if month == 11 else 2)
    [of_may, of_june, of_november] = [
        {each["Resources"][0]["Details"]["AwsEc2SecurityGroup"]["GroupId"]: each for each in findings}[IDLE]
        for *_, findings in desk.imports()
    ]
    assert [each.get("Workflow") for each in (of_may, of_june, of_november)] == [
        {"Status": "SUPPRESSED"},
        None,
        {"Status": "SUPPRESSED"},
    ]
    assert of_may["Note"]["Text"] == "Waived until 2099-01-01: kept (jane)"
    assert "Note" not in of_june
    assert of_june["ProductFields"]["Waived"] == "until 2099-01-01: kept (jane)"


def test_stock_output_is_not_published(desk: Desk, tmp_path: Path) -> None:
    folder = desk.run(18, {("alpha", EAST): unit([found(WEB)])})
    (folder / "run.json").unlink()
    for policy in folder.glob("*/*/*"):
        (policy / "metadata.json").write_text(
            json.dumps({"policy": {"name": policy.name, "resource": "aws.security-group"}, "execution": {}})
        )
    code, said = invoke(desk, "--yes", where=folder)
    assert (code, "only runs of `sg-audit run` are published" in said) == (2, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["SIGINT", "SIGKILL"])
def test_what_was_sent_when_it_ended_is_neither_lost_nor_left_open(
    desk: Desk, warm: Warm, clean_env: dict[str, str], number: signal.Signals
) -> None:
    desk.enable(("alpha", EAST), ("alpha", IRELAND))
    desk.run(18, {("alpha", EAST): unit([found(WEB)]), ("alpha", IRELAND): unit([found(IDLE, "irish")])})
    there, ended = threading.Event(), threading.Event()

    def hold(call: Call) -> tuple[int, str] | None:
        """Ireland is through when the second region is asked; its answer never comes, though it took them."""
        if (call.action, call.region) == (IMPORT, EAST):
            desk.hub_client("alpha", EAST).batch_import_findings(**json.loads(call.body))
            there.set()
            ended.wait(180)
        return None

    desk.wire.answer = hold
    args = ["sg-audit", *map(str, desk.words("--yes"))]
    env = clean_env | {"AWS_ENDPOINT_URL": desk.wire.endpoint}
    with warm.started(SG_AUDIT, args, env, desk.folder) as running:
        assert there.wait(180), running.errors()
        running.send_signal(number)
        _, said = running.communicate(timeout=180)
        if number == signal.SIGINT:
            assert "interrupted: what was sent is recorded" in said
            assert running.returncode == 3
    ended.set()
    desk.wire.answer = lambda call: None
    ireland, east = desk.record(), desk.record()
    ireland = {name.split()[2]: state for name, state in ireland.items() if IRELAND in name}
    east = {name.split()[2]: state for name, state in east.items() if EAST in name}
    maybe = dict.fromkeys(("sg-ssh-open", "sg-ssh-world"), "sending")
    assert east == maybe
    assert ireland == (
        maybe if number == signal.SIGKILL else dict.fromkeys(("sg-ssh-open", "sg-ssh-world"), "failed")
    )
    # All of it is closed in the next run, and so in Security Hub.
    desk.run(25, {("alpha", EAST): unit([group(WEB)]), ("alpha", IRELAND): unit([group(IDLE)])})
    desk.publish()
    assert desk.states("alpha", EAST) == of(WEB, PASSED)
    assert desk.states("alpha", IRELAND) == of(IDLE, PASSED)
    assert set(desk.record().values()) == {"closed"}


def test_runs_in_s3_have_their_record_there_and_one_who_publishes_at_a_time(desk: Desk) -> None:
    desk.enable(("alpha", EAST))
    bucket = f"publish-{ACCOUNT_IDS['alpha']}"
    s3 = client_with_bucket(desk.wire.endpoint, bucket)
    for day, of_group in ((18, found(WEB)), (25, group(WEB))):
        folder = desk.run(day, {("alpha", EAST): unit([of_group])})
        for path in folder.rglob("*.json"):
            key = path.relative_to(desk.output).as_posix()
            s3.put_object(Bucket=bucket, Key=f"runs/{key}", Body=path.read_bytes())
        done = desk.publish(where=f"s3://{bucket}/runs")
        assert done.stdout == f"s3://{bucket}/runs/{RECORD}\n"
    assert desk.states("alpha", EAST) == of(WEB, PASSED)
    kept = json.loads(s3.get_object(Bucket=bucket, Key=f"runs/{RECORD}")["Body"].read())
    assert (kept["run"], kept["by"]) == ("2026-11-25T21:03:55+00:00", "")
    s3.put_object(Bucket=bucket, Key=f"runs/{RECORD}", Body=json.dumps(kept | {"by": "somebody"}))
    done = desk.publish(where=f"s3://{bucket}/runs", code=2)
    assert "another `sg-audit publish` is going on there" in done.stderr


def test_an_import_has_a_hundred_findings_and_there_are_ten_a_second(desk: Desk) -> None:
    desk.enable(("alpha", EAST))
    groups = [found(f"sg-{number:017x}") for number in range(101)]
    desk.run(18, {("alpha", EAST): unit(groups, sg_ssh_open=[])})
    desk.publish()
    assert [len(findings) for *_, findings in desk.imports()] == [100, 1]
    assert len(desk.hub("alpha", EAST)) == 101

    now, waits = 0.0, []

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        waits.append(now)

    wait = securityhub.paced(lambda: now, sleep)
    for _ in range(21):
        wait()
    assert waits[9] == pytest.approx(1)
    assert waits[19] == pytest.approx(2)
