"""Which rules go, which stay and which are allowed in their place: rows written by hand."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from reporter.findings import waivers
from reporter.findings.assess import assess
from reporter.inventory.audit import read_audit
from reporter.output.reading import open_output
from reporter.remedy.next_steps import with_next_steps
from reporter.remedy.steps import ReplaceRules, Status
from tests import rundir

from . import runs
from .runs import WORLD, group, outline, planned, rule, run, sg, steps

SSH, RDP, ADMIN, DB, ALL = (f"sg-{name}-world" for name in ("ssh", "rdp", "admin", "database", "all-traffic"))

# Rules of a group, what else is said, and by policy what is planned.
ROWS: list[tuple[list[str], dict[str, list[str]], dict[str, str]]] = [
    # One rule that is wrong as a whole; the neighbours of its permission and its family stay.
    (["tcp 22 from 0.0.0.0/0"], {}, {SSH: "-tcp 22 from 0.0.0.0/0"}),
    (["tcp 22 from ::/0", "tcp 22 from 10.0.0.0/8"], {}, {SSH: "-tcp 22 from ::/0"}),
    (
        ["tcp 22 from 0.0.0.0/0", "tcp 22 from ::/0"],
        {},
        {SSH: "-tcp 22 from 0.0.0.0/0 -tcp 22 from ::/0"},
    ),
    (["udp 3389 from 0.0.0.0/0"], {}, {RDP: "-udp 3389 from 0.0.0.0/0"}),
    # Several policies on one rule: wrong is what all of them are about; the first one's step makes it.
    (["tcp 22-23 from 0.0.0.0/0"], {}, {ADMIN: "-tcp 22-23 from 0.0.0.0/0", SSH: f"with {ADMIN}"}),
    (["tcp 22-23 from 0.0.0.0/0"], {"only": [SSH]}, {SSH: "choice"}),
    (["tcp 20-25 from 0.0.0.0/0"], {}, {ADMIN: "choice", SSH: "choice"}),
    # A policy that is not chosen says nothing: 443 is not wrong by itself.
    (["tcp 443 from 0.0.0.0/0"], {}, {}),
    (["tcp 443 from 0.0.0.0/0"], {"only": ["sg-web-world"]}, {"sg-web-world": "-tcp 443 from 0.0.0.0/0"}),
    # Only part is wrong: what stays has to be said.
    (
        ["tcp 20-25 from 0.0.0.0/0"],
        {"keep": ["none"]},
        {ADMIN: "-tcp 20-25 from 0.0.0.0/0", SSH: f"with {ADMIN}"},
    ),
    (
        ["tcp 20-25 from 0.0.0.0/0"],
        {"keep": ["tcp 25"]},
        {ADMIN: "+tcp 25 from 0.0.0.0/0 -tcp 20-25 from 0.0.0.0/0", SSH: f"with {ADMIN}"},
    ),
    (
        ["tcp 20-25 from 0.0.0.0/0", "tcp 25 from 0.0.0.0/0"],  # it is there already
        {"keep": ["tcp 25"]},
        {ADMIN: "-tcp 20-25 from 0.0.0.0/0", SSH: f"with {ADMIN}"},
    ),
    (["tcp 20-25 from 0.0.0.0/0"], {"keep": ["tcp 22"]}, {ADMIN: "refused", SSH: "refused"}),
    (["tcp 20-25 from 0.0.0.0/0"], {"keep": ["tcp 20-25"]}, {ADMIN: "refused", SSH: "refused"}),
    (["tcp 22 from 0.0.0.0/0"], {"keep": ["tcp 22"]}, {SSH: "refused"}),
    (["tcp 22 from 0.0.0.0/0"], {"keep": ["tcp 25"]}, {SSH: "-tcp 22 from 0.0.0.0/0"}),
    # All traffic is always more than anyone meant.
    (["all traffic from 0.0.0.0/0"], {}, dict.fromkeys((RDP, DB, ADMIN, ALL, SSH), "choice")),
    (["all traffic from 0.0.0.0/0"], {"only": [ALL]}, {ALL: "choice"}),
    (
        ["all traffic from ::/0"],
        {"keep": ["tcp 80,443", "icmpv6"], "only": [ALL]},
        {ALL: "+icmpv6 -1 from ::/0 +tcp 443 from ::/0 +tcp 80 from ::/0 -all traffic from ::/0"},
    ),
    (["all traffic from 0.0.0.0/0"], {"keep": ["tcp 22"]}, dict.fromkeys((RDP, DB, ADMIN, ALL, SSH), "refused")),
    # A finding of two rules, of which one is a choice: nothing is done for it.
    (["tcp 22 from 0.0.0.0/0", "tcp 0-100 from ::/0"], {"only": [SSH]}, {SSH: "choice"}),
    # A policy that names no ports is about a single one.
    (
        ["tcp 8443 from 0.0.0.0/0", "icmp 8-0 from 0.0.0.0/0", "protocol 50 from ::/0"],
        {"only": ["sg-other-world"]},
        {"sg-other-world": "-icmp 8-0 from 0.0.0.0/0 -protocol 50 from ::/0 -tcp 8443 from 0.0.0.0/0"},
    ),
    (["tcp 8000-8999 from 0.0.0.0/0"], {"only": ["sg-other-world"]}, {"sg-other-world": "choice"}),
    (
        ["tcp 8000-8999 from 0.0.0.0/0"],  # which it would find again
        {"only": ["sg-other-world"], "keep": ["tcp 8443"]},
        {"sg-other-world": "refused"},
    ),
    (
        ["tcp 8000-8999 from 0.0.0.0/0"],
        {"only": ["sg-other-world"], "keep": ["tcp 8080"]},
        {"sg-other-world": "+tcp 8080 from 0.0.0.0/0 -tcp 8000-8999 from 0.0.0.0/0"},
    ),
    # The same from narrower blocks, of either family, once.
    (
        ["tcp 22 from 0.0.0.0/0", "tcp 22 from ::/0"],
        {"to": ["198.51.100.0/24", "2001:db8::/32"]},
        {
            SSH: "+tcp 22 from 198.51.100.0/24 +tcp 22 from 2001:db8::/32 -tcp 22 from 0.0.0.0/0 "
            "-tcp 22 from ::/0"
        },
    ),
    (
        ["tcp 22 from 0.0.0.0/0", "tcp 22 from 198.51.100.0/24"],
        {"to": ["198.51.100.0/24"]},
        {SSH: "-tcp 22 from 0.0.0.0/0"},
    ),
    (["tcp 20-25 from 0.0.0.0/0"], {"to": ["198.51.100.0/24"]}, {ADMIN: "choice", SSH: "choice"}),
    # The world by several rules: those that it takes, and no others.
    (
        ["tcp 22 from 0.0.0.0/1", "tcp 22 from 128.0.0.0/1", "tcp 22 from 203.0.113.5/32", "tcp 23 from 0.0.0.0/1"],
        {},
        {SSH: "-tcp 22 from 0.0.0.0/1 -tcp 22 from 128.0.0.0/1"},
    ),
    (["tcp 22 from 0.0.0.0/1", "tcp 22-30 from 128.0.0.0/1"], {}, {SSH: "choice"}),
    (
        ["tcp 22 from 0.0.0.0/1", "tcp 22-30 from 128.0.0.0/1"],
        {"keep": ["tcp 25"]},
        {SSH: "+tcp 25 from 128.0.0.0/1 -tcp 22 from 0.0.0.0/1 -tcp 22-30 from 128.0.0.0/1"},
    ),
    (["tcp 22 from 0.0.0.0/1", "tcp 22 from 128.0.0.0/1"], {"to": ["0.0.0.0/1"]}, {SSH: "-tcp 22 from 128.0.0.0/1"}),
    (
        ["tcp 22 from pl-0123456789abcdef0", "tcp 22 from 10.0.0.0/8"],
        {},
        {SSH: "-tcp 22 from pl-0123456789abcdef0"},
    ),
    # What is the world together beside a rule that is by itself, too: nobody asks for that while the rule is there.
    (
        ["tcp 22 from 0.0.0.0/0", "tcp 22 from pl-0123456789abcdef0", "tcp 22 from 10.0.0.0/8"],
        {},
        {SSH: "-tcp 22 from 0.0.0.0/0 -tcp 22 from pl-0123456789abcdef0"},
    ),
    (
        ["tcp 22 from ::/0", "tcp 22 from 2000::/4", "tcp 22 from 3000::/4", "tcp 443 from ::/1"],
        {},
        {SSH: "-tcp 22 from 2000::/4 -tcp 22 from 3000::/4 -tcp 22 from ::/0"},
    ),
    (
        ["tcp 22 from 0.0.0.0/0", "tcp 22-30 from 0.0.0.0/1", "tcp 22-30 from 128.0.0.0/1"],
        {},
        {ADMIN: "choice", SSH: "choice"},
    ),
    # Narrow ones that are the world where the wide ones are gone.
    (
        ["tcp 22 from 0.0.0.0/1", "tcp 22 from 128.0.0.0/1", "tcp 22 from 0.0.0.0/2", "tcp 22 from 64.0.0.0/2",
         "tcp 22 from 128.0.0.0/2", "tcp 22 from 192.0.0.0/2"],
        {},
        {SSH: "-tcp 22 from 0.0.0.0/1 -tcp 22 from 0.0.0.0/2 -tcp 22 from 128.0.0.0/1 -tcp 22 from 128.0.0.0/2 "
              "-tcp 22 from 192.0.0.0/2 -tcp 22 from 64.0.0.0/2"},
    ),
    # All traffic is opened by rules for all of it: one for a port, which no policy found, stays.
    (
        ["all traffic from 0.0.0.0/1", "all traffic from 128.0.0.0/1", "tcp 443 from 0.0.0.0/0"],
        {"only": [ALL], "keep": ["none"]},
        {ALL: "-all traffic from 0.0.0.0/1 -all traffic from 128.0.0.0/1"},
    ),
    # The same in another spelling is as open.
    (["tcp 22 from ::/0", "tcp 22 from 0::0/0"], {}, {SSH: "-tcp 22 from 0::0/0 -tcp 22 from ::/0"}),
    # With what stays the narrower half would be the world again.
    (
        ["tcp 22 from 0.0.0.0/0", "tcp 22 from 128.0.0.0/1"],
        {"to": ["0.0.0.0/1"]},
        {SSH: "refused"},
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def plan_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, dict[str, str]]]:
    """What is planned for the groups of all rows, by name, as it is said; each of them is on an interface."""
    groups = [group(*rules, number=number, name=f"row-{number}") for number, (rules, _, _) in enumerate(ROWS)]
    folder = run(
        tmp_path_factory.mktemp("rows"),
        groups,
        interfaces=[runs.interface(1, *groups)],
        prefix_lists={"pl-0123456789abcdef0": [WORLD]},
    )

    @cache
    def plan(said: tuple[tuple[str, tuple[str, ...]], ...]) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for (name, policy), done in outline(planned(folder, **dict(said))).items():
            found.setdefault(name, {})[policy] = done
        return found

    return plan


@pytest.mark.parametrize(
    ("number", "rules", "said", "expected"), [(number, *row) for number, row in enumerate(ROWS)]
)
def test_exactly_these_rules_go(
    number: int,
    rules: list[str],
    said: dict[str, list[str]],
    expected: dict[str, str],
    plan_of: Callable[..., dict[str, dict[str, str]]],
) -> None:
    found = plan_of(tuple((name, tuple(values)) for name, values in said.items()))
    assert found.get(f"row-{number}", {}) == expected


def test_one_source_of_a_permission_goes_and_its_description_comes_with_what_takes_its_place(
    tmp_path: Path,
) -> None:
    shared = rule("tcp 22 from 0.0.0.0/0", "temporary")
    shared["IpRanges"] += [{"CidrIp": "10.0.0.0/8", "Description": "office"}]
    (step,) = steps(planned(run(tmp_path, [group(shared)]), to=["198.51.100.0/24"]))
    assert isinstance(step.change, ReplaceRules)
    (removed,), (allowed,) = step.change.remove, step.change.allow
    assert (removed.peer, removed.description) == (WORLD, "temporary")
    assert (allowed.peer, allowed.description, allowed.egress) == ("198.51.100.0/24", "temporary", False)
    assert (allowed.from_port, allowed.to_port) == (22, 22)


def test_two_findings_with_rules_of_their_own_are_two_steps_one_after_the_other(tmp_path: Path) -> None:
    web = group("tcp 3389 from 0.0.0.0/0", "tcp 22 from 0.0.0.0/0", "tcp 443 from 0.0.0.0/0")
    first, second = steps(planned(run(tmp_path, [web])))
    assert [runs.told(each) for each in (first, second)] == [
        "-tcp 3389 from 0.0.0.0/0",
        "-tcp 22 from 0.0.0.0/0",
    ]
    assert isinstance(first.change, ReplaceRules)
    assert isinstance(second.change, ReplaceRules)
    assert [each.from_port for each in first.change.group.rules] == [3389, 22, 443]
    assert [each.from_port for each in second.change.group.rules] == [22, 443]  # the first one is done then


def test_a_rule_that_nobody_needs_goes_only_where_what_covers_it_stays(tmp_path: Path) -> None:
    groups = [
        group("tcp 20-25 from 10.0.0.0/8", "tcp 22 from 10.1.0.0/16", number=1, name="covered"),
        group("tcp 22 from 0.0.0.0/0", "tcp 22 from 10.0.0.0/8", number=2, name="needed then"),
        group("tcp 22 from 0.0.0.0/0", "tcp 22 from 10.0.0.0/8", "tcp 22 from 10.1.0.0/16", number=3, name="both"),
    ]  # fmt: skip
    plan = planned(run(tmp_path, groups), needless=True)
    assert outline(plan) == {
        ("covered", "covered-rules"): "-tcp 22 from 10.1.0.0/16",
        ("needed then", SSH): "-tcp 22 from 0.0.0.0/0",
        ("needed then", "covered-rules"): "refused",
        ("both", SSH): "-tcp 22 from 0.0.0.0/0",
        ("both", "covered-rules"): "-tcp 22 from 10.1.0.0/16",
    }
    assert {step.reason for step in steps(plan) if step.status is Status.REFUSED} == {
        "what covers its rules goes with the step of sg-ssh-world: they are needed then"
    }


def test_a_rule_of_which_a_waiver_accepts_a_part_is_a_choice(tmp_path: Path) -> None:
    folder = run(tmp_path, [group("tcp 22-23 from 0.0.0.0/0")])
    text = """
    waivers:
    - {policy: sg-ssh-world, group: web, reason: jump host, owner: me, expires: 2027-01-31}
    """
    accepted = waivers.parse(text.encode(), "waivers.yml", runs.DAY)
    assert outline(planned(folder, waivers=accepted)) == {("web", ADMIN): "choice"}
    assert outline(planned(folder, waivers=accepted, keep=["tcp 22"])) == {
        ("web", ADMIN): "+tcp 22 from 0.0.0.0/0 -tcp 22-23 from 0.0.0.0/0"
    }


def test_what_a_waiver_accepts_is_not_taken_away_by_another_policy(tmp_path: Path) -> None:
    """Neither with an unused group nor with the rules of a default one."""
    unused = group("tcp 22 from 0.0.0.0/0")
    default = group("tcp 22 from 0.0.0.0/0", "tcp 23 from 10.0.0.0/8", number=2, name="default")
    folder = run(tmp_path, [unused, default], unused=[unused])
    text = """
    waivers:
    - {policy: sg-ssh-world, group: web, reason: jump host, owner: me, expires: 2027-01-31}
    - {policy: sg-ssh-world, group: default, reason: jump host, owner: me, expires: 2027-01-31}
    """
    accepted = waivers.parse(text.encode(), "waivers.yml", runs.DAY)
    found = steps(planned(folder, waivers=accepted))
    assert [(step.group_name, step.policy, step.status, step.reason) for step in found] == [
        (
            "default",
            "sg-default-rules",
            Status.CHOICE,
            "a waiver accepts tcp 22 from 0.0.0.0/0 for sg-ssh-world: end the waiver",
        ),
        (
            "web",
            "sg-unused",
            Status.CHOICE,
            "a waiver accepts its finding of sg-ssh-world: end the waiver, or leave the group",
        ),
    ]
    assert outline(planned(folder)) == {
        ("default", SSH): "-tcp 22 from 0.0.0.0/0",
        ("default", "sg-default-rules"): "-tcp 23 from 10.0.0.0/8",
        ("web", SSH): "with sg-unused",
        ("web", "sg-unused"): "delete",
    }


def test_what_is_behind_is_named_without_empty_brackets(tmp_path: Path) -> None:
    web = group("tcp 22 from 0.0.0.0/0")
    interfaces = [
        runs.interface(1, web, Description=""),
        runs.interface(2, web, Description="ELB app/web"),
        runs.interface(3, web, instance=1),
    ]
    (step,) = steps(planned(run(tmp_path, [web], interfaces=interfaces)))
    assert set(step.breaks) == {
        runs.eni(1),
        f"{runs.eni(2)} (ELB app/web)",
        f"{runs.instance_id(1)} by {runs.eni(3)}",
    }


def test_what_is_behind_is_not_said_to_be_nothing_where_it_was_not_read(tmp_path: Path) -> None:
    (step,) = steps(planned(run(tmp_path, [group("tcp 22 from 0.0.0.0/0")], interfaces="denied")))
    assert step.breaks == ("what else carries it was not read",)


def test_the_choice_says_what_the_rule_lets_in_beside(tmp_path: Path) -> None:
    (step, _) = steps(planned(run(tmp_path, [group("tcp 20-25 from 0.0.0.0/0")])))
    assert step.reason == (
        "tcp 20-25 from 0.0.0.0/0 lets in tcp 24-25 beside what is wrong: say with --keep what of it is to stay, "
        "or --keep none"
    )
    assert sg(1) == step.resource_id


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ({"type": "egress", "Cidr": "0.0.0.0/0"}, "choice"),  # either may be the wrong one
        ({"or": [{"tag:Owner": "absent"}, {"type": "egress", "Cidr": "0.0.0.0/0"}]}, "choice"),
        ({"tag:Owner": "absent"}, "-tcp 9 from 0.0.0.0/0 -tcp 9 to 0.0.0.0/0"),
    ],
)
def test_which_of_several_rules_is_wrong_is_for_people_to_say(
    tmp_path: Path, second: dict[str, object], expected: str
) -> None:
    both = {
        "name": "sg-both",
        "resource": "aws.security-group",
        "filtered": True,
        "filters": [{"type": "ingress", "Cidr": "0.0.0.0/0"}, second],
        "report": {"level": "exposed"},
    }
    web = group("tcp 9 from 0.0.0.0/0", egress=["tcp 9 to 0.0.0.0/0"])
    # As Custodian's filters annotate it.
    caught = web | {
        "MatchedIpPermissions": web["IpPermissions"],
        "MatchedIpPermissionsEgress": web["IpPermissionsEgress"],
    }
    units = {(runs.ACCOUNT, runs.REGION): runs.cells([web], sg_both=[caught])}
    folder = rundir.write(tmp_path / "run", units, runs.policies(both))
    assert outline(planned(folder)) == {("web", "sg-both"): expected}
    output = open_output(folder)
    told = with_next_steps(assess(read_audit(output)[1], output.policies), output.policies).frame
    told = told[told["policy"] == "sg-both"]
    removable = ("tcp 9 from 0.0.0.0/0", "tcp 9 to 0.0.0.0/0") if expected != "choice" else ()
    assert told["removable"].tolist() == [removable]
    if not removable:
        assert told["next_step"].tolist() == [
            "See which of tcp 9 from 0.0.0.0/0, tcp 9 to 0.0.0.0/0 is wrong, and remove that"
        ]


def test_what_takes_the_place_must_not_be_found_by_another_policy(tmp_path: Path) -> None:
    office = {
        "name": "sg-office",
        "resource": "aws.security-group",
        "filtered": True,
        "filters": [{"type": "ingress", "Cidr": "198.51.100.0/24"}],
        "report": {"level": "exposed"},
    }
    found = runs.cells([group("tcp 22 from 0.0.0.0/0")], sg_office=[])
    units = {(runs.ACCOUNT, runs.REGION): found}
    folder = rundir.write(tmp_path / "run", units, runs.policies(office))
    (step,) = steps(planned(folder, to=["198.51.100.0/24"]))
    assert (step.status, step.reason) == (Status.REFUSED, "sg-office would find it after the change")
    assert outline(planned(folder, to=["192.0.2.0/24"])) == {
        ("web", SSH): "+tcp 22 from 192.0.2.0/24 -tcp 22 from 0.0.0.0/0"
    }
