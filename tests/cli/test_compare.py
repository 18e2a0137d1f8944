"""`sg-audit compare`: what it prints of two runs, and how it ends."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from reporter.cli import cli
from reporter.errors import InputError
from tests.rundir import (
    ACCOUNT_IDS,
    DENIED,
    POLICIES,
    WORLD,
    Resource,
    group,
    instance,
    interface,
    unit,
    write,
)
from tests.stockdir import put

HERE, THERE = ("alpha", "us-east-1"), ("beta", "us-east-1")


@dataclass(frozen=True)
class Compared:
    code: int
    out: str
    errors: str

    @property
    def findings(self) -> set[tuple[str, str, str, str]]:
        """State, reason, policy and group of each."""
        return {
            (each["state"], each["reason"], each["policy"], each["resource_id"])
            for each in json.loads(self.out)["findings"]
        }


def compare(*words: str | Path) -> Compared:
    done = CliRunner().invoke(cli, ["compare", *map(str, words)], standalone_mode=False)
    if isinstance(done.exception, InputError):
        return Compared(2, "", str(done.exception))
    assert done.exception is None, (done.output, done.exception)
    return Compared(done.return_value, done.stdout, done.stderr)


def run(folder: Path, day: int, units: Mapping[tuple[str, str], Any], **more: Any) -> Path:
    started = f"2026-11-{day:02d}T21:03:55+00:00"
    return write(folder / f"202611{day:02d}T210355Z", units, more.get("policies", POLICIES), started)


def opened(group_id: str, name: str = "web", owner: str = "alpha") -> Resource:
    return group(group_id, name, owner, WORLD)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs. In the last, sg-2 is closed, sg-3 is new and carried, and beta is refused."""
    place = tmp_path_factory.mktemp("runs")
    beta = unit([opened("sg-9", "`code` <b>|", "beta")])
    run(place, 16, {HERE: unit([group("sg-1"), group("sg-2", "db")]), THERE: beta})
    run(place, 18, {HERE: unit([opened("sg-1"), opened("sg-2", "db")]), THERE: beta})
    now = [opened("sg-1"), group("sg-2", "db"), opened("sg-3", "new")]
    here = unit(now, [interface("eni-1", now[2])])
    run(place, 20, {HERE: here, THERE: dict.fromkeys(unit(), DENIED)})
    return place


UNREAD = "was not read there in the newer run"
EXPECTED = {
    ("new", "", "sg-ssh-world", "sg-3"),
    ("new", "", "sg-ssh-open", "sg-3"),
    ("gone", "fixed", "sg-ssh-world", "sg-2"),
    ("gone", "fixed", "sg-ssh-open", "sg-2"),
    ("unchanged", "", "sg-ssh-world", "sg-1"),
    ("unchanged", "", "sg-ssh-open", "sg-1"),
    ("not comparable", f"sg-ssh-world {UNREAD}", "sg-ssh-world", "sg-9"),
    ("not comparable", f"sg-ssh-open {UNREAD}", "sg-ssh-open", "sg-9"),
}


def test_the_newest_run_is_compared_with_the_one_before_it(folder: Path) -> None:
    compared = compare("-s", folder, "--format", "json")
    assert compared.code == 3
    assert compared.findings == EXPECTED
    content = json.loads(compared.out)
    assert content["base"] == {
        "run": "20261118T210355Z",
        "started": "2026-11-18T21:03:55+00:00",
        "complete": True,
        "cells_not_read": 0,
    }
    assert (content["head"]["run"], content["head"]["cells_not_read"]) == ("20261120T210355Z", 7)
    assert content["findings"][0] == {
        "state": "new",
        "reason": "",
        "account_profile": "alpha",
        "account_id": "111111111111",
        "region": "us-east-1",
        "policy": "sg-ssh-world",
        "resource_id": "sg-3",
        "group_name": "new",
        "level": "critical",
        "level_proven": True,
        "reachable": "no",  # it has no public address
        "matched_rules": ["tcp 22 from 0.0.0.0/0"],
        "waived": "",
        "newly": "critical",
        "seen_before": False,
    }
    newly = {(each["state"], each["newly"], each["seen_before"]) for each in content["findings"]}
    assert newly == {
        ("new", "critical", False),
        ("new", "informs", False),
        ("unchanged", "", True),
        ("gone", "", True),
        ("not comparable", "", True),
    }


@pytest.mark.parametrize(
    ("words", "states"),
    [
        (("--base", "20261116T210355Z"), {"new", "not comparable"}),
        (("--head", "20261118T210355Z"), {"new", "unchanged"}),
        (("--base-at", "2026-11-17"), {"new", "not comparable"}),
        (("--head-at", "2026-11-18", "--base-at", "2026-11-16T21"), {"new", "unchanged"}),
        (("--base", "20261118T210355Z", "--head", "20261118T210355Z"), {"unchanged"}),
    ],
)
def test_runs_are_named_by_name_or_time(folder: Path, words: tuple[str, ...], states: set[str]) -> None:
    found = compare("-s", folder, "--format", "json", *words).findings
    assert {state for state, *_ in found} == states


def test_a_run_may_lie_anywhere(folder: Path, tmp_path: Path) -> None:
    other = run(tmp_path, 1, {HERE: unit([opened("sg-1")])})
    compared = compare("-s", folder, "--head", "20261118T210355Z", "--base", other, "--format", "json")
    assert ("unchanged", "", "sg-ssh-world", "sg-1") in compared.findings
    assert compare("-s", folder / "20261118T210355Z", "--format", "json").code == 0


def test_as_text(folder: Path) -> None:
    lines = compare("-s", folder).out.splitlines()
    assert lines[:6] == [
        "20261118T210355Z (2026-11-18T21:03:55+00:00) to 20261120T210355Z (2026-11-20T21:03:55+00:00): "
        "1 new critical, 1 new informing, 2 gone, 2 not comparable",
        "not read in the newer run: 7 cells (account × region × policy)",
        "",
        "account               new  changed  gone  not comparable  unchanged",
        "alpha (111111111111)    2        0     2               0          2",
        "beta (222222222222)     0        0     0               2          0",
    ]
    assert (
        "  - medium  alpha (111111111111)  us-east-1  sg-ssh-world  sg-2  db  [tcp 22 from 0.0.0.0/0]  (fixed)"
        in lines
    )


def test_as_markdown_names_are_text_and_nothing_else(folder: Path) -> None:
    text = compare("-s", folder, "--format", "markdown").out
    assert "| `alpha (111111111111)` | 2 | 0 | 2 | 0 | 2 |" in text
    in_blocks = text.split("```diff\n")[1:]
    assert sum("`code` <b>|" in block.split("\n```")[0] for block in in_blocks) == 1
    assert "<b>" not in "".join(block.split("\n```")[1] for block in in_blocks)


def test_as_markdown_leaves_room_in_a_comment(tmp_path: Path) -> None:
    """GitHub takes 65,536 characters, and somebody will want to say what the comparison is of."""
    run(tmp_path, 18, {HERE: unit()})
    run(tmp_path, 20, {HERE: unit([opened(f"sg-{number}", "long" * 60) for number in range(300)])})
    text = compare("-s", tmp_path, "--format", "markdown").out
    assert 60_000 < len(text.encode()) <= 65_536 - 1_024
    assert "more\n```" in text


@pytest.mark.parametrize(
    ("units", "level", "code"),
    [
        ([opened("sg-1"), opened("sg-2")], "new-critical", 0),
        ([opened("sg-1"), opened("sg-2")], "new-medium", 1),
        ([opened("sg-1")], "new-medium", 0),
        ([], "new-medium", 0),
    ],
)
def test_fail_on_what_is_new(tmp_path: Path, units: list[Resource], level: str, code: int) -> None:
    run(tmp_path, 18, {HERE: unit([opened("sg-1")])})
    run(tmp_path, 20, {HERE: unit(units)})
    assert compare("-s", tmp_path, "--fail-on", level).code == code


def test_fail_on_what_has_become_critical(tmp_path: Path) -> None:
    one = opened("sg-1")
    run(tmp_path, 18, {HERE: unit([one])})
    run(tmp_path, 20, {HERE: unit([one], [interface("eni-1", one)])})
    assert compare("-s", tmp_path, "--fail-on", "new-critical").code == 1
    words = ("--base", "20261120T210355Z", "--head", "20261118T210355Z")
    assert compare("-s", tmp_path, *words, "--fail-on", "new-medium").code == 0


def test_what_no_run_had_seen_is_told_from_what_one_knew(tmp_path: Path) -> None:
    """beta was refused in the run before: sg-9 was known from the one before that, and sg-8 was not."""
    old, new = opened("sg-9", owner="beta"), opened("sg-8", owner="beta")
    run(tmp_path, 16, {THERE: unit([old])})
    run(tmp_path, 18, {THERE: dict.fromkeys(unit(), DENIED)})
    run(tmp_path, 20, {THERE: unit([old, new])})
    reported = CliRunner().invoke(
        cli, ["report", "-s", str(tmp_path), "-o", str(tmp_path / "r"), "-f", "csv"]
    )
    assert reported.exception is None or reported.exit_code == 0, reported.output
    findings = json.loads(compare("-s", tmp_path, "--format", "json").out)["findings"]
    assert {
        (each["resource_id"], each["state"], each["newly"], each["seen_before"]) for each in findings
    } == {
        ("sg-9", "not comparable", "", True),
        ("sg-8", "not comparable", "", False),
    }


def test_what_has_become_critical_is_newly_so(tmp_path: Path) -> None:
    one = opened("sg-1")
    run(tmp_path, 18, {HERE: unit([one])})
    run(tmp_path, 20, {HERE: unit([one], [interface("eni-1", one)])})
    findings = json.loads(compare("-s", tmp_path, "--format", "json").out)["findings"]
    assert {(each["policy"], each["state"], each["newly"]) for each in findings} == {
        ("sg-ssh-world", "changed", "critical"),
        ("sg-ssh-open", "unchanged", ""),
    }


def test_fail_on_what_may_have_become_critical(tmp_path: Path) -> None:
    """All that was planned was read, and nothing of it tells whether the group is in use."""
    here = unit([opened("sg-1")])
    run(tmp_path, 18, {HERE: here})
    policies = [each for each in POLICIES if each["name"] in ("sg-inventory", "sg-ssh-world")]
    run(tmp_path, 20, {HERE: {each["name"]: here[each["name"]] for each in policies}}, policies=policies)
    assert compare("-s", tmp_path, "--fail-on", "new-critical").code == 1


WAIVERS = """waivers:
- {policy: sg-ssh-world, group: sg-2, reason: jump host, owner: me, expires: 2099-01-31}
- {policy: sg-ssh-world, group: sg-3, rules: [tcp 23 from ::/0], reason: r, owner: me, expires: 2099-01-31}
- {policy: sg-ssh-open, group: sg-1, reason: as ever, owner: me, expires: 2099-01-31}
- {group: sg-4, reason: too late, owner: me, expires: 2020-01-31}
"""


def test_what_is_waived_is_counted_apart(tmp_path: Path) -> None:
    run(tmp_path, 18, {HERE: unit([opened("sg-1")])})
    run(tmp_path, 20, {HERE: unit([opened(f"sg-{number}") for number in (1, 2, 3, 4)])})
    words = ("-s", tmp_path, "-w", tmp_path / "waivers.yml")
    words[-1].write_text(WAIVERS)
    findings = json.loads(compare(*words, "--format", "json").out)["findings"]
    assert {(each["policy"], each["resource_id"]): each["waived"] for each in findings if each["waived"]} == {
        ("sg-ssh-world", "sg-2"): "until 2099-01-31: jump host (me)",
        ("sg-ssh-open", "sg-1"): "until 2099-01-31: as ever (me)",
    }
    newly = {each["resource_id"]: each["newly"] for each in findings if each["policy"] == "sg-ssh-world"}
    assert newly == {"sg-1": "", "sg-2": "informs", "sg-3": "medium", "sg-4": "medium"}
    lines = compare(*words).out.splitlines()
    assert lines[0].endswith("3 new medium, 1 of them waived, 3 new informing")
    assert lines[1:5] == [
        "(n): so many of them waived",
        "",
        "account                 new  changed  gone  not comparable  unchanged",
        "alpha (111111111111)  6 (1)        0     0               0      2 (1)",
    ]
    assert (
        "  + medium  alpha (111111111111)  us-east-1  sg-ssh-world  sg-2  web  [tcp 22 from 0.0.0.0/0]  "
        "(waived until 2099-01-31: jump host (me))"
    ) in lines
    text = compare(*words, "--format", "markdown").out
    assert "| `alpha (111111111111)` | 6 (1) | 0 | 0 | 0 | 2 (1) |" in text


@pytest.mark.parametrize(
    ("waived", "level", "code"),
    [
        ([], "new-critical", 1),
        (["sg-ssh-world"], "new-critical", 0),
        (["sg-ssh-world"], "new-high", 1),  # it is a default group on an instance still
        (["sg-ssh-world", "sg-default"], "new-medium", 0),
        (["sg-default"], "new-critical", 1),
    ],
)
def test_fail_on_goes_by_what_is_not_waived(tmp_path: Path, waived: list[str], level: str, code: int) -> None:
    found = opened("sg-1", "default")
    run(tmp_path, 18, {HERE: unit()})
    run(tmp_path, 20, {HERE: unit([found], instances=[instance("i-1", found)])})
    path = tmp_path / "waivers.yml"
    path.write_text(
        json.dumps(
            {
                "waivers": [
                    {"policy": each, "reason": "r", "owner": "o", "expires": "2099-01-31"} for each in waived
                ]
            }
        )
    )
    assert compare("-s", tmp_path, "-w", path, "--fail-on", level).code == code


def test_waivers_beside_the_accounts_file_are_taken(tmp_path: Path) -> None:
    run(tmp_path / "output", 18, {HERE: unit()})
    run(tmp_path / "output", 20, {HERE: unit([opened("sg-1")])})
    accounts = tmp_path / "accounts.yml"
    accounts.write_text("accounts:\n- {name: alpha, account_id: '111111111111', regions: [us-east-1]}\n")
    words = ("-s", tmp_path / "output", "-c", accounts, "--fail-on", "new-medium")
    assert compare(*words).code == 1
    (tmp_path / "waivers.yml").write_text(
        "waivers:\n- {policy: sg-ssh-*, reason: r, owner: o, expires: 2099-01-31}\n"
    )
    assert compare(*words).code == 0
    (tmp_path / "waivers.yml").write_text("waivers: all\n")
    assert compare(*words).code == 2


def test_stock_output_by_hour(tmp_path: Path) -> None:
    """As in S3: one folder, an answer an hour."""
    every = {"name": "every-group", "resource": "security-group"}
    world = {"name": "world", "resource": "security-group", "filters": [{"type": "ingress", "Cidr": WORLD}]}
    for day, of_day in ((18, ("sg-1", "sg-2")), (19, ("sg-2", "sg-3"))):
        at = datetime(2026, 11, day, 12, tzinfo=UTC).timestamp()
        there = [group(each, ssh_from=WORLD * (each in of_day)) for each in ("sg-1", "sg-2", "sg-3")]
        for policy in (every, world):
            listed = [each for each in there if policy is every or each["GroupId"] in of_day]
            hour = tmp_path / "prod" / "us-east-1" / str(policy["name"]) / f"2026/11/{day}/12"
            hour.parent.mkdir(parents=True)
            put(tmp_path / "scratch", policy, listed, at=at).rename(hour)
    (tmp_path / "scratch").rmdir()
    compared = compare("-s", tmp_path, "--base-at", "2026-11-18", "--format", "json")
    assert compared.findings == {
        ("gone", "fixed", "world", "sg-1"),
        ("unchanged", "", "world", "sg-2"),
        ("new", "", "world", "sg-3"),
    }
    assert compare("-s", tmp_path).errors.endswith("say which to compare with: --base-at or --base")


def test_what_a_later_hour_did_not_read_again_is_not_comparable(tmp_path: Path) -> None:
    """In S3 the newest hour of each account counts: that of one which was left out is the older one's."""
    every = {"name": "every-group", "resource": "security-group"}
    world = {"name": "world", "resource": "security-group", "filters": [{"type": "ingress", "Cidr": WORLD}]}
    for day, account in ((18, "alpha"), (18, "beta"), (19, "alpha")):
        at = datetime(2026, 11, day, 12, tzinfo=UTC).timestamp()
        for policy in (every, world):
            hour = tmp_path / account / "us-east-1" / str(policy["name"]) / f"2026/11/{day}/12"
            hour.parent.mkdir(parents=True)
            listed = [opened(f"sg-{account}", owner=account)]
            put(tmp_path / "scratch", policy, listed, at=at, account_id=ACCOUNT_IDS[account]).rename(hour)
    (tmp_path / "scratch").rmdir()
    words = ("-s", tmp_path, "--format", "json")
    compared = compare(*words, "--base-at", "2026-11-18")
    assert compared.findings == {
        ("unchanged", "", "world", "sg-alpha"),
        ("not comparable", "world was not read there in the newer run", "world", "sg-beta"),
    }
    assert compared.code == 3
    assert json.loads(compared.out)["head"]["cells_not_read"] == 2
    itself = compare(*words, "--base-at", "2026-11-19")
    assert itself.findings == {("unchanged", "", "world", "sg-alpha"), ("unchanged", "", "world", "sg-beta")}
    assert itself.code == 0


def test_a_time_that_is_none_is_told_with_its_option(folder: Path) -> None:
    assert compare("-s", folder, "--base-at", "2026-13-01").errors.startswith(
        "--base-at 2026-13-01: write a day"
    )
    assert compare("-s", folder, "--head-at", "soon").errors.startswith("--head-at soon: write a day")


def test_what_cannot_be_compared_is_an_error(tmp_path: Path) -> None:
    only = run(tmp_path, 18, {HERE: unit()})
    assert "no run beside it is older" in compare("-s", tmp_path).errors
    assert compare("-s", tmp_path, "--base", "yesterday").code == 2
    volumes = run(
        tmp_path, 20, {HERE: {"volumes": []}}, policies=[{"name": "volumes", "resource": "aws.ebs"}]
    )
    assert "no policy there is on security groups" in compare("-s", volumes, "--base", only).errors
