"""Waivers: files and runs written by hand, read back as the report shows them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from itertools import chain, combinations, product
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml
from click.testing import CliRunner, Result

from reporter.cli import cli
from reporter.errors import InputError
from reporter.findings import waived, waivers
from reporter.findings.assess import Findings
from reporter.findings.risk import LEVELS
from reporter.inventory.audit import Audit
from reporter.report import closing, failing, tables
from reporter.report import waivers as tab
from tests.rundir import (
    DENIED,
    POLICIES,
    WORLD,
    Resource,
    audit,
    findings,
    group,
    instance,
    interface,
    unit,
    write,
)

HERE, THERE = ("alpha", "us-east-1"), ("beta", "eu-west-1")
TODAY = date(2026, 11, 26)
SSH = f"tcp 22 from {WORLD}"
RDP = f"tcp 3389 from {WORLD}"
LAST = {"reason": "jump host, OPS-1234", "owner": "platform-team", "expires": "2027-01-31"}
UNTIL = "until 2027-01-31: jump host, OPS-1234 (platform-team)"

RDP_POLICY = {
    "name": "sg-rdp",
    "resource": "aws.security-group",
    "filtered": True,
    "filters": [{"type": "ingress", "Ports": [3389]}],
    "report": {"tab": "rdp", "level": "exposed"},
}


def waiver(**keys: Any) -> dict[str, Any]:
    return LAST | keys


def read(
    *entries: Mapping[str, Any], day: date = TODAY, max_days: int | None = None
) -> tuple[waivers.Waiver, ...]:
    text = yaml.safe_dump({"waivers": list(entries)}, sort_keys=False)
    return waivers.parse(text.encode(), "waivers.yml", day, max_days)


@cache
def assessed(folder: Path) -> tuple[Audit, Findings]:
    found = audit(folder)
    return found, findings(found)


def judged(folder: Path, *entries: Mapping[str, Any], day: date = TODAY) -> Findings:
    found, before = assessed(folder)
    return waived.apply(before, found.output.policies, read(*entries), day)


def texts(folder: Path, *entries: Mapping[str, Any], day: date = TODAY) -> dict[str, str]:
    """What stands in the column `waived` of the table of all groups, where anything does."""
    groups = judged(folder, *entries, day=day).groups
    cells = dict(zip(groups["security_group_id"], groups["waived"], strict=True))
    return {name: text for name, text in cells.items() if text}


def with_ports(found: Resource, *ports: int) -> Resource:
    return found | {
        "IpPermissions": [
            {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": WORLD}]}
            for port in ports
        ]
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """sg-1, `bastion`, open on SSH and in use; sg-2, `bastion-2`, open on SSH; sg-3 in beta, the same as sg-1."""
    one = group("sg-1", "bastion", ssh_from=WORLD) | {"Tags": [{"Key": "team", "Value": "bastion"}]}
    two, three = group("sg-2", "bastion-2", ssh_from=WORLD), group("sg-3", "bastion", "beta", ssh_from=WORLD)
    units = {
        HERE: unit([one, two], [interface("eni-1", one)], sg_rdp=[]),
        THERE: unit([three], [interface("eni-3", three, owner="beta")], sg_rdp=[]),
    }
    return write(tmp_path_factory.mktemp("run"), units, [*POLICIES, RDP_POLICY])


# What a waiver is about


@pytest.mark.parametrize(
    ("keys", "groups"),
    [
        ({"policy": "sg-ssh-world"}, {"sg-1", "sg-2", "sg-3"}),
        ({"policy": ["sg-rdp", "sg-ssh-world"]}, {"sg-1", "sg-2", "sg-3"}),
        ({"policy": "sg-ssh"}, set()),
        ({"policy": "SG-SSH-WORLD"}, set()),
        ({"policy": "sg-ssh-w*"}, {"sg-1", "sg-2", "sg-3"}),
        ({"policy": "sg-rdp"}, set()),
        ({"account": "alpha"}, {"sg-1", "sg-2"}),
        ({"account": "222222222222"}, {"sg-3"}),
        ({"account": "alph"}, set()),
        ({"account": "al?ha"}, {"sg-1", "sg-2"}),
        ({"region": "eu-west-1"}, {"sg-3"}),
        ({"region": "eu-west"}, set()),
        ({"group": "sg-1"}, {"sg-1"}),
        ({"group": "sg-"}, set()),
        ({"group": "bastion"}, {"sg-1", "sg-3"}),
        ({"group": "bastion*"}, {"sg-1", "sg-2", "sg-3"}),
        ({"group": "bastion-?"}, {"sg-2"}),
        ({"group": "sg-[12]"}, set()),
        ({"group": "bastion-[0-9]*"}, set()),
        ({"group": "bastion.*"}, set()),
        ({"tags": {"team": "bastion"}}, {"sg-1"}),
        ({"tags": {"team": "bast"}}, set()),
        ({"tags": {"team": "bast*"}}, {"sg-1"}),
        ({"tags": {"team": "bastion", "stage": "test"}}, set()),
        ({"account": "alpha", "group": "bastion"}, {"sg-1"}),
        ({"account": "beta", "region": "us-east-1"}, set()),
    ],
)
def test_what_a_waiver_is_about(run: Path, keys: dict[str, Any], groups: set[str]) -> None:
    assert texts(run, waiver(**keys)) == dict.fromkeys(groups, UNTIL)


def test_a_bracket_is_a_letter_also_within_a_glob(tmp_path: Path) -> None:
    odd, other = group("sg-1", "a[b]c*", ssh_from=WORLD), group("sg-2", "abc", ssh_from=WORLD)
    run = write(tmp_path, {HERE: unit([odd, other])})
    assert texts(run, waiver(group="a[b]*")) == {"sg-1": UNTIL}


def test_of_several_the_one_that_holds_the_longest_is_shown(run: Path) -> None:
    first, last = waiver(group="sg-1", expires="2027-01-01"), waiver(group="sg-1", expires="2027-03-01")
    text = "until 2027-03-01: jump host, OPS-1234 (platform-team)"
    assert texts(run, first, last) == texts(run, last, first) == {"sg-1": text}


@pytest.mark.parametrize(
    ("day", "holds"), [("2027-01-30", True), ("2027-01-31", True), ("2027-02-01", False)]
)
def test_it_holds_through_its_last_day(run: Path, day: str, holds: bool) -> None:
    found = judged(run, waiver(group="sg-1"), day=date.fromisoformat(day))
    assert found.waived.groups.sum() == holds
    assert [outcome.expired for outcome in found.waived.outcomes] == [not holds]


# As long as no other rules match


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ([SSH], UNTIL),
        ([SSH, "tcp 22 from ::/0"], UNTIL),
        ([f"tcp  22 from {WORLD}"], UNTIL),
        (["tcp 22 from ::/0"], f"no longer: {SSH} matched too; was {UNTIL}"),
    ],
)
def test_a_waiver_with_rules_holds_as_long_as_no_others_matched(
    run: Path, rules: list[str], text: str
) -> None:
    assert texts(run, waiver(policy="sg-ssh-world", group="sg-1", rules=rules)) == {"sg-1": text}


def test_rules_that_have_become_more_are_named_and_another_waiver_may_hold_still(run: Path) -> None:
    narrow = waiver(policy="sg-ssh-world", group="sg-1", rules=["tcp 22 from ::/0"])
    found = judged(run, narrow)
    assert not found.waived.groups.any()
    assert [(each.findings, each.outgrown) for each in found.waived.outcomes] == [(1, 1)]
    found = judged(run, narrow, waiver(group="sg-1"))
    assert found.waived.groups.sum() == 1
    assert found.groups["waived"].iloc[0] == UNTIL


def test_where_it_is_not_told_which_rules_matched_a_waiver_with_rules_does_not_hold(tmp_path: Path) -> None:
    nested = RDP_POLICY | {"filters": None}
    one = with_ports(group("sg-1"), 3389)
    run = write(tmp_path, {HERE: unit([one], sg_ssh_world=[], sg_rdp=[one])}, [*POLICIES, nested])
    text = f"no longer: which rules matched cannot be told; was {UNTIL}"
    assert texts(run, waiver(policy="sg-rdp", rules=[RDP])) == {"sg-1": text}
    assert texts(run, waiver(policy="sg-rdp")) == {"sg-1": UNTIL}


# What of a group's risk is left

OPEN_ON_BOTH = with_ports(group("sg-1"), 22, 3389)
DEFAULT = group("sg-1", "default", ssh_from=WORLD)


def rdp(found: Resource) -> list[Resource]:
    return [found | {"MatchedIpPermissions": found["IpPermissions"][1:]}]


@pytest.mark.parametrize(
    ("cells", "entries", "risk", "is_waived", "left"),
    [
        # Critical by two policies: one waiver is not enough.
        ("both", [{"policy": "sg-ssh-world"}], "critical", False, "critical"),
        ("both", [{"policy": "sg-rdp"}], "critical", False, "critical"),
        ("both", [{"policy": "sg-rdp"}, {"policy": "sg-ssh-world"}], "critical", True, "none"),
        ("both", [{"policy": "sg-*"}], "critical", True, "none"),
        # sg-ssh-open has no say in the risk.
        ("both", [{"policy": "sg-ssh-open"}], "critical", False, "critical"),
        ("both, not in use", [{"policy": ["sg-rdp", "sg-ssh-world"]}], "medium", True, "low"),
        # Below critical it is still a default group on an instance.
        ("default", [{"policy": "sg-ssh-world"}], "critical", True, "high"),
        ("default", [{"policy": "sg-default"}], "critical", False, "critical"),
        ("default", [{"group": "sg-1"}], "critical", True, "none"),
        ("closed default", [{"policy": "sg-default"}], "high", True, "none"),
        ("closed default", [{"policy": "sg-ssh-world"}], "high", False, "high"),
        # Nobody knows whether sg-rdp would have caught it: possible counts as it does without waivers.
        ("rdp not read", [{"policy": "sg-ssh-world"}], "critical", False, "critical"),
        ("rdp not read", [{"policy": "sg-*"}], "critical", True, "none"),
        ("rdp not read", [{"policy": "sg-*", "rules": [SSH]}], "critical", False, "critical"),
        # The rules tell what the policy was not there to tell.
        ("no policies", [{"policy": "sg-ssh-world"}], "critical", True, "high"),
        ("no policies", [{"policy": "sg-*"}], "critical", True, "none"),
        ("no policies", [{"policy": "sg-ssh-world", "rules": [SSH]}], "critical", False, "critical"),
        ("ssh not read", [{"policy": "sg-ssh-world"}], "critical", True, "none"),
        ("ssh not read", [{"policy": "sg-default"}], "critical", False, "critical"),
    ],
)
def test_what_is_left_of_a_groups_risk(
    tmp_path: Path, cells: str, entries: list[Any], risk: str, is_waived: bool, left: str
) -> None:
    two, one = OPEN_ON_BOTH, group("sg-1", ssh_from=WORLD)
    closed = group("sg-1", "default")
    eni = interface("eni-1", two)
    kinds = {
        "both": unit([two], [eni], sg_rdp=rdp(two)),
        "both, not in use": unit([two], sg_rdp=rdp(two)),
        "default": unit([DEFAULT], instances=[instance("i-1", DEFAULT)], sg_rdp=[]),
        "closed default": unit([closed], instances=[instance("i-1", closed)], sg_rdp=[]),
        "rdp not read": unit([one], [eni], sg_rdp=DENIED),
        "ssh not read": unit([one], [eni], sg_ssh_world=DENIED, sg_rdp=[]),
        "no policies": unit([DEFAULT], instances=[instance("i-1", DEFAULT)]),
    }
    policies = POLICIES[:3] if cells == "no policies" else (*POLICIES, RDP_POLICY)
    names = {each["name"] for each in policies}
    here = {name: found for name, found in kinds[cells].items() if name in names}
    found = judged(write(tmp_path, {HERE: here}, policies), *(waiver(**keys) for keys in entries))
    row = found.groups.iloc[0]
    assert (row["risk"], found.waived.groups.iloc[0], found.waived.risk_left.iloc[0]) == (
        risk,
        is_waived,
        left,
    )
    assert row["waived"].startswith("until ") == is_waived
    for level in ("critical", "high", "medium", "low"):
        assert bool(failing.reached(level, found)) == (LEVELS.index(left) <= LEVELS.index(level))
    reached = replace(found, groups=found.groups.assign(reachable="yes"))
    assert bool(failing.reached("reachable-critical", reached)) == (left == "critical")


def test_more_waivers_never_leave_more_risk(tmp_path: Path) -> None:
    both, plain = with_ports(group("sg-2"), 22, 3389), group("sg-3", ssh_from=WORLD)
    cells = unit(
        [both, DEFAULT, plain],
        [interface("eni-1", both)],
        [instance("i-1", DEFAULT)],
        sg_rdp=rdp(both),
    )
    found, before = assessed(write(tmp_path, {HERE: cells}, [*POLICIES, RDP_POLICY]))
    policies = ("sg-ssh-world", "sg-rdp", "sg-default", "sg-ssh-open")
    left = {}
    for chosen in chain.from_iterable(combinations(policies, size) for size in range(5)):
        entries = read(*(waiver(policy=each) for each in chosen))
        after = waived.apply(before, found.output.policies, entries, TODAY)
        left[frozenset(chosen)] = [LEVELS.index(level) for level in after.waived.risk_left]
        for worst, is_waived, now in zip(
            before.groups["risk"], after.waived.groups, left[frozenset(chosen)], strict=True
        ):
            assert (now > LEVELS.index(worst)) == is_waived
    for fewer, more in product(left, left):
        if fewer <= more:
            assert all(one <= other for one, other in zip(left[fewer], left[more], strict=True))


def test_no_waivers_change_nothing(run: Path) -> None:
    found = judged(run)
    assert not found.waived.groups.any()
    assert (found.waived.risk_left == found.groups["risk"]).all()
    assert set(found.groups["waived"]) == {""}


# In the report


def tab_of(folder: Path, name: str, *entries: Mapping[str, Any], day: date = TODAY) -> list[dict[str, Any]]:
    built = list(tables.build(assessed(folder)[0], judged(folder, *entries, day=day)))
    (found,) = (table for table in built if table.name == name)
    return found.frame.astype(object).to_dict("records")


def test_a_finding_tab_tells_of_its_own_policies(tmp_path: Path) -> None:
    two = OPEN_ON_BOTH
    cells = unit([two], [interface("eni-1", two)], sg_rdp=rdp(two))
    run = write(tmp_path, {HERE: cells}, [*POLICIES, RDP_POLICY])
    entry = waiver(policy=["sg-rdp", "sg-ssh-open"], rules=[RDP])
    assert [row["waived"] for row in tab_of(run, "rdp", entry)] == [UNTIL]
    assert [row["waived"] for row in tab_of(run, "ssh_world", entry)] == [""]
    assert [row["waived"] for row in tab_of(run, "ssh_open", entry)] == [
        f"no longer: {SSH} matched too; was {UNTIL}"
    ]
    assert [row["waived"] for row in tab_of(run, "security_groups", entry)] == [""]


def test_waived_groups_are_counted_apart_where_their_risk_is_proven(run: Path) -> None:
    beta, alpha = tab_of(run, "summary_accounts", waiver(account="alpha"))
    (everything,) = tab_of(run, "summary_runs", waiver(account="alpha"))
    names = ("critical", "critical_waived", "high_waived", "medium", "medium_waived", "groups")
    assert [[int(row[name]) for name in names] for row in (everything, alpha, beta)] == [
        [2, 1, 0, 1, 1, 3],
        [1, 1, 0, 1, 1, 2],
        [1, 0, 0, 0, 0, 1],
    ]


def test_the_terminals_table_counts_them_too(run: Path) -> None:
    table = closing.risk_by_account(assessed(run)[0], judged(run, waiver(account="alpha")))
    assert list(map(str, table.columns[0].cells)) == ["beta", "alpha"]  # by what is not waived
    critical = table.columns[1]
    assert [*critical.cells, critical.footer] == ["1", "1 (1)", "2 (1)"]
    assert str(table.caption) == "(n): so many of them waived"


def test_the_tab_of_waivers_and_the_lines_on_those_that_need_a_look(run: Path) -> None:
    entries = [
        waiver(group="sg-1", tags={"team": "bastion"}),
        waiver(group="sg-2", expires="2026-11-25"),
        waiver(group="sg-3", expires="2026-12-26"),
        waiver(group="sg-3", expires="2026-12-27"),
        waiver(group="sg-9"),
        waiver(policy="sg-ssh-world", group="sg-2", rules=["tcp 22 from ::/0"]),
    ]
    rows = tab_of(run, "waivers", *entries)
    states = [(row["group"], row["state"], row["findings"]) for row in rows]
    assert states == [
        ("sg-2", ("expired on 2026-11-25",), 2),
        ("sg-3", ("ends within 30 days, on 2026-12-26",), 2),
        ("sg-9", ("matched nothing",), 0),
        ("sg-2", ("no longer holds for 1 finding, of which more rules matched",), 1),
        ("sg-1", ("holds",), 2),
        ("sg-3", ("holds",), 2),
    ]
    assert {
        name: rows[4][name] for name in ("tags", "policy", "account", "rules", "reason", "owner", "expires")
    } == {
        "tags": ("team=bastion",),
        "policy": (),
        "account": "",
        "rules": (),
        **LAST,
    }
    told = list(tab.lines(assessed(run)[0], judged(run, *entries)))
    assert len(told) == 4
    assert told[2] == "waiver of waivers.yml, line 20: matched nothing: jump host, OPS-1234 (platform-team)"


def test_many_that_need_a_look_are_counted(run: Path) -> None:
    told = list(
        tab.lines(assessed(run)[0], judged(run, *(waiver(group=f"sg-9{number}") for number in range(14))))
    )
    assert len(told) == 11
    assert told[-1] == "waivers: 4 more that need a look; the tab waivers has them all"


def test_where_not_all_was_read_a_waiver_matched_nothing_of_what_was(tmp_path: Path) -> None:
    run = write(tmp_path, {HERE: unit([group("sg-1")]), THERE: dict.fromkeys(unit(), DENIED)})
    (row,) = tab_of(run, "waivers", waiver(group="sg-2"))
    assert row["state"] == ("matched nothing of what was read",)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"policy": "sg-rpd"}, "matched nothing: policy sg-rpd is not in this report"),
        ({"policy": ["sg-a", "sg-b"]}, "matched nothing: policy sg-a, sg-b is not in this report"),
        ({"account": "gamma", "region": "eu-west-9"}, "matched nothing: account gamma is not in this report; "
         "region eu-west-9 is not in this report"),
        ({"policy": ["sg-rdp", "sg-a"], "account": "gamma"}, "matched nothing: account gamma is not in this report"),
        ({"policy": "sg-rdp", "account": "222222222222", "region": "eu-*", "group": "sg-9"}, "matched nothing"),
    ],
)  # fmt: skip
def test_what_a_waiver_names_that_the_report_is_not_of(run: Path, keys: dict[str, Any], told: str) -> None:
    """As after `audit -a`, or in a report of some policies alone: that it matched nothing is no reason to delete it."""
    (row,) = tab_of(run, "waivers", waiver(**keys))
    assert row["state"] == (told,)


# The file

MISTAKES = """waivers:
  - policy: sg-ssh-world
    account: 123456789012
    reason: >
      a jump host
    owner: x
    expires: 2027-12-31
  - polcy: sg-ssh-world
    expires: 2027-01-31 12:00:00
    rules: [tcp 22]
    owner: "a\\u202eb"
  - reason: a
    owner: b
    expires: "20270101"
    tags: {a: 1}
  - 5
  - {group: "", reason: " ", owner: b, expires: tomorrow, tags: {}}
"""

EVERYTHING = "it would waive everything: give a policy, account, region, group or tags"


def test_every_mistake_is_told_with_its_line() -> None:
    with pytest.raises(InputError) as refused:
        waivers.parse(MISTAKES.encode(), "waivers.yml", TODAY)
    assert [line.removeprefix("waivers.yml, line ") for line in refused.value.args] == [
        "3: account: it is a number, not a text; text goes in quotes",
        "8: no reason: a waiver needs reason, owner, expires",
        "8: it would waive everything: give a policy, account, region, group or tags",
        "8: no such key: 'polcy'; did you mean policy?",
        "9: expires: it is a date with a time, not a day; write such as 2027-01-31",
        "10: rules: 'tcp 22' is no rule; write such as tcp 22 from 0.0.0.0/0, as matched_rules has it",
        "11: owner: it is empty, or holds a character that cannot be shown",
        "14: expires: '20270101' is no day; write such as 2027-01-31",
        "15: tags.a: it is a number, not a text; text goes in quotes",
        "16: it is a number, not a map",
        "17: group: it is empty, or holds a character that cannot be shown",
        "17: tags: it is empty",
        "17: reason: it is empty, or holds a character that cannot be shown",
        "17: expires: 'tomorrow' is no day; write such as 2027-01-31",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "waivers.yml: it is null, not a map with a list called waivers"),
        ("- a", "waivers.yml, line 1: it is a list, not a map with a list called waivers"),
        ("waivers: all", "waivers.yml, line 1: it is a text, not a list"),
        ("{}", "waivers.yml, line 1: no list called waivers"),
        ("waivers: []\nwaiver: []", "waivers.yml, line 2: no such key: 'waiver'; did you mean waivers?"),
        ("waivers: []\nwaivers: []", "the key waivers is there twice"),
        ("waivers: !!python/object:os.system []", "not valid YAML"),
        ("waivers: &a [*a]", "stands within itself"),
        ("waivers: [" + "{}, " * 10_001 + "]", "waivers.yml, line 1: more than 10,000 waivers, which is the limit"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_waivers(text: str, told: str) -> None:
    with pytest.raises(InputError) as refused:
        waivers.parse(text.encode(), "waivers.yml", TODAY)
    assert told in refused.value.args[0]


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ({"policy": "*"}, True),
        ({"policy": ["sg-rdp", "**"], "group": "?*"}, True),
        ({"policy": "*", "group": "sg-1"}, False),
        ({"policy": "sg-*"}, False),
        ({"tags": {"team": "*"}}, False),
        ({"group": "???"}, False),
    ],
)
def test_a_glob_that_takes_any_is_none(keys: dict[str, Any], wrong: bool) -> None:
    if not wrong:
        assert len(read(waiver(**keys))) == 1
        return
    with pytest.raises(InputError, match=f"^waivers.yml, line 2: {EVERYTHING}$"):
        read(waiver(**keys))


def test_of_many_mistakes_the_first_are_told() -> None:
    with pytest.raises(InputError) as refused:
        read(*(waiver(group=number) for number in range(30)))
    assert len(refused.value.args) == 21
    assert refused.value.args[-1] == "waivers.yml: and there are more"


@pytest.mark.parametrize("text", ["waivers:\n", "waivers: []\n", "# none yet\nwaivers:\n  # - policy: a\n"])
def test_a_file_may_hold_none(text: str) -> None:
    assert waivers.parse(text.encode(), "waivers.yml", TODAY) == ()


def test_the_example_of_the_docs_and_json_say_the_same() -> None:
    as_yaml = """
waivers:
  - policy: sg-ssh-world
    account: production
    group: sg-0123456789abcdef0
    tags: {team: bastion}
    rules: [tcp 22 from 0.0.0.0/0]
    reason: >
      jump host,
      OPS-1234
    owner: platform-team
    expires: 2027-01-31
"""
    as_json = (
        '{"waivers": [{\n\t"policy": ["sg-ssh-world"], "account": "production", "group": "sg-0123456789abcdef0",'
        '\n\t"tags": {"team": "bastion"}, "rules": ["tcp 22 from 0.0.0.0/0"], "reason": "jump host, OPS-1234",'
        '\n\t"owner": "platform-team", "expires": "2027-01-31"}]}'
    )
    (one,) = waivers.parse(as_yaml.encode(), "waivers.yml", TODAY)
    (other,) = waivers.parse(as_json.encode(), "waivers.json", TODAY)
    assert (one.where, one.rules, one.expires) == ("waivers.yml, line 3", frozenset([SSH]), date(2027, 1, 31))
    assert {**vars(one), "where": ""} == {**vars(other), "where": ""}


@pytest.mark.parametrize(("days", "wrong"), [(65, True), (66, False), (None, False)])
def test_a_waiver_may_last_so_many_days(days: int | None, wrong: bool) -> None:
    entry = waiver(group="sg-1")
    if not wrong:
        assert len(read(entry, max_days=days)) == 1
        return
    with pytest.raises(InputError, match=r"line 4: expires: 2027-01-31 is more than 65 days away"):
        read(entry, max_days=days)


# On the command line


def invoked(*words: Any) -> Result:
    return CliRunner().invoke(cli, list(map(str, words)), standalone_mode=False)


def on(path: Path, *entries: Mapping[str, Any]) -> Path:
    path.write_text(yaml.safe_dump({"waivers": list(entries)}, sort_keys=False), encoding="utf-8")
    return path


def in_days(days: int) -> str:
    return (waivers.today() + timedelta(days)).isoformat()


def test_report_takes_the_file_that_is_given(run: Path, tmp_path: Path) -> None:
    file = on(tmp_path / "accepted.yml", waiver(group="bastion", expires=in_days(90)))
    words = ("report", "-s", run, "-o", tmp_path / "reports")
    assert invoked(*words, "--fail-on", "critical").return_value == 1
    done = invoked(*words, "-w", file, "--fail-on", "critical")
    assert done.return_value == 0
    assert "critical 2, 2 of them waived; high 0, 0 of them waived" in str(
        openpyxl.load_workbook(done.stdout.strip()).properties.description
    )
    assert invoked(*words, "-w", file, "--fail-on", "medium").return_value == 1
    done = invoked(*words, "-w", file, "--max-waiver-days", 89)
    assert isinstance(done.exception, InputError)
    assert "is more than 89 days away" in str(done.exception)
    assert isinstance(invoked(*words, "-w", tmp_path / "none.yml").exception, InputError)


def test_each_mistake_is_a_line_and_the_exit_is_2(
    sg_audit: Callable[..., Any], run: Path, tmp_path: Path
) -> None:
    file = tmp_path / "waivers.yml"
    file.write_text("waivers:\n- {group: 5, reason: r, owner: o, expires: 2027-01-31}\n- 5\n")
    for words in (["report", "-s", run, "-o", tmp_path / "reports"], ["validate"]):
        done = sg_audit(*words, "-w", file)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.splitlines() == [
            f"sg-audit: {file}, line 2: group: it is a number, not a text; text goes in quotes",
            f"sg-audit: {file}, line 3: it is a number, not a map",
        ]
    assert not (tmp_path / "reports").exists()


def test_report_takes_the_file_beside_the_accounts_file(run: Path, tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.yml"
    accounts.write_text(
        "accounts:\n- {name: alpha, account_id: '111111111111', profile: a, regions: [us-east-1]}\n"
    )
    words = ("report", "-s", run, "-o", tmp_path / "reports", "-c", accounts, "--fail-on", "critical")
    assert invoked(*words).return_value == 1
    on(tmp_path / "waivers.yml", waiver(group="bastion", expires=in_days(90)))
    done = invoked(*words)
    assert done.return_value == 0, done.output
    on(tmp_path / "waivers.yml", waiver(group=5))
    assert "line 5: group: it is a number" in str(invoked(*words).exception)
    # Before anything is run.
    refused = invoked(
        "audit", "-c", accounts, "-s", tmp_path / "output", "-o", tmp_path / "reports"
    ).exception
    assert "line 5: group: it is a number" in str(refused)
    assert not (tmp_path / "output").exists()


def test_validate_checks_the_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = on(tmp_path / "waivers.yml", waiver(group="sg-1", expires=in_days(10)))
    for words in (["-w", file], ["-w", file, "--max-waiver-days", "10"]):
        assert invoked("validate", *words).return_value == 0
    assert isinstance(invoked("validate", "-w", file, "--max-waiver-days", "9").exception, InputError)
    (tmp_path / "policies.yml").write_text("policies: 5")
    assert isinstance(invoked("validate", "-w", file, "-u", "policies.yml").exception, InputError)


def test_nothing_of_a_waiver_becomes_a_formula_or_a_link(run: Path, tmp_path: Path) -> None:
    hostile = {"reason": '=HYPERLINK("http://x")', "owner": "https://example.org/<b>", "expires": in_days(90)}
    file = on(
        tmp_path / "w.yml", waiver(group="sg-1", tags={"=a": "@b"}, **hostile), waiver(**hostile, group="=1")
    )
    done = invoked("report", "-s", run, "-o", tmp_path / "reports", "-w", file, "-f", "xlsx", "-f", "csv")
    assert done.exception is None, done.exception
    book = openpyxl.load_workbook(done.stdout.splitlines()[0])
    ours = re.compile(
        r"""=HYPERLINK\("(#'\w+'!A\d+",("[\w -]+"|\d+)|https://console\.[^"]+","sg-[0-9a-f]+")\)"""
    )
    for sheet in book:
        cells = [cell for row in sheet.iter_rows(min_row=2) for cell in row]
        assert not [cell for cell in cells if cell.hyperlink]
        assert all(ours.fullmatch(cell.value) for cell in cells if cell.data_type == "f")
    written = [str(cell.value) for row in book["waivers"].iter_rows(min_row=2) for cell in row]
    assert {hostile["reason"], hostile["owner"]} <= set(written)
    (listed,) = (tmp_path / "reports").glob("**/*waivers*.csv")
    assert "'=HYPERLINK" in listed.read_text(encoding="utf-8")
