"""The whole plan for the estate of the sandbox, written down by hand."""

from pathlib import Path

import pytest

from reporter.remedy.steps import Plan, Status

from .runs import planned, steps, told

SSH, RDP, ADMIN, DB, ALL = (f"sg-{name}-world" for name in ("ssh", "rdp", "admin", "database", "all-traffic"))
DEV, STAGING, PRODUCTION = "dev", "staging", "production"
US, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-2"

GOES_WITH_THE_GROUP = "with sg-unused"
# Account, region and name of the group; by policy what is done; risk before and after.
EXPECTED = {
    (DEV, US, "bastion"): ({SSH: "-tcp 22 from 0.0.0.0/0"}, "critical", "none"),
    (DEV, US, "default"): ({"sg-default": "move"}, "high", "low"),
    (DEV, US, "legacy-ssh"): ({SSH: GOES_WITH_THE_GROUP, "sg-unused": "delete"}, "medium", "gone"),
    (DEV, US, "=1+1"): ({SSH: GOES_WITH_THE_GROUP, "sg-unused": "delete"}, "medium", "gone"),
    (DEV, US, "+x"): ({"sg-unused": "delete"}, "low", "gone"),
    (DEV, US, "marketing-site"): ({"sg-unused": "delete"}, "low", "gone"),
    (DEV, EU, "ipv6-jump"): ({SSH: "-tcp 22 from ::/0"}, "critical", "none"),
    (DEV, EU, "dual-stack-ssh"): ({SSH: GOES_WITH_THE_GROUP, "sg-unused": "delete"}, "medium", "gone"),
    (DEV, EU, "icmp-ping"): ({"sg-unused": "delete"}, "low", "gone"),
    (DEV, EU, "near-miss"): ({ADMIN: GOES_WITH_THE_GROUP, "sg-unused": "delete"}, "medium", "gone"),
    (STAGING, US, "wide-range"): ({ADMIN: "choice", SSH: "choice"}, "critical", ""),
    (STAGING, EU, "default"): (
        {SSH: "-tcp 22 from 0.0.0.0/0", "sg-default-rules": f"with {SSH}", "sg-default": "move"},
        "critical",
        "low",
    ),
    (STAGING, EU, "allow-all"): (dict.fromkeys((RDP, DB, ADMIN, ALL, SSH), "choice"), "critical", ""),
    (STAGING, EU, "any-tcp"): (
        {**dict.fromkeys((RDP, DB, ADMIN, SSH), GOES_WITH_THE_GROUP), "sg-unused": "delete"},
        "medium",
        "gone",
    ),
    (STAGING, AP, "two-halves"): ({SSH: "-tcp 22 from 0.0.0.0/1 -tcp 22 from 128.0.0.0/1"}, "critical", "none"),
    (STAGING, AP, "world-list"): ({RDP: "-tcp 3389 from the list"}, "critical", "none"),
    (STAGING, AP, "not-attached"): ({"sg-unused": "delete"}, "low", "gone"),
    (PRODUCTION, US, "shared-services"): ({SSH: "-tcp 22 from 0.0.0.0/0"}, "critical", "none"),
    (PRODUCTION, EU, "default"): ({"sg-default": "choice"}, "none", ""),
    (PRODUCTION, EU, "https://wiki/ssh"): ({SSH: GOES_WITH_THE_GROUP, "sg-unused": "delete"}, "medium", "gone"),
    (PRODUCTION, AP, "break-glass"): (dict.fromkeys((RDP, DB, ADMIN, ALL, SSH), "choice"), "critical", ""),
}  # fmt: skip


@pytest.fixture(scope="module")
def plan(estate_run: Path) -> Plan:
    return planned(estate_run)


def in_short(done: str) -> str:
    """Without the ids, which are other ones in each sandbox."""
    if " from pl-" in done:
        return f"{done.partition(' from pl-')[0]} from the list"
    return done.partition(" eni-")[0]


def test_the_plan_is_exactly_this(plan: Plan) -> None:
    found: dict[tuple[str, str, str], tuple[dict[str, str], str, str]] = {}
    for step in steps(plan):
        key = step.account, step.region, step.group_name
        done, _, _ = found.setdefault(key, ({}, step.risk_before, step.risk_after))
        assert step.policy not in done
        done[step.policy] = in_short(told(step))
        assert (step.risk_before, step.risk_after) == found[key][1:]
    assert found == EXPECTED


def test_what_the_internet_reached_it_reaches_no_longer(plan: Plan) -> None:
    reached = {
        (step.account, step.group_name, step.reachable_before, step.reachable_after)
        for step in steps(plan)
        if step.status is Status.PLANNED and step.reachable_before != "no"
    }
    assert reached == {
        (DEV, "bastion", "yes", "no"),
        (STAGING, "default", "yes", "no"),
        (STAGING, "two-halves", "yes", "no"),
        (STAGING, "world-list", "yes", "no"),
    }


def test_what_may_break_is_named(plan: Plan) -> None:
    (bastion,) = (step for step in steps(plan) if step.group_name == "bastion")
    instance, group = bastion.breaks
    assert " (bastion-1) by eni-" in instance
    assert group.endswith(" (app-internal)")
    assert plan.gaps == 0


def test_with_what_stays_told_no_choice_is_left(estate_run: Path) -> None:
    found = planned(estate_run, keep=["tcp 25,443"], to=["198.51.100.0/24"])
    allowing = {(step.group_name, told(step)) for step in steps(found) if step.change and "+" in told(step)}
    assert (
        "wide-range",
        "+tcp 20-25 from 198.51.100.0/24 +tcp 25 from 0.0.0.0/0 -tcp 20-25 from 0.0.0.0/0",
    ) in allowing
    assert (
        "allow-all",
        "+all traffic from 198.51.100.0/24 +tcp 25 from 0.0.0.0/0 +tcp 443 from 0.0.0.0/0 -all traffic from 0.0.0.0/0",
    ) in allowing
    assert {step.group_name for step in steps(found) if step.status is Status.CHOICE} == {"default"}
    after = {step.group_name: step.risk_after for step in steps(found) if step.change}
    assert (after["wide-range"], after["allow-all"], after["break-glass"]) == ("none", "none", "none")
