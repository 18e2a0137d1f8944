"""Findings and the risk that comes of them: runs written by hand, read back as the report shows them."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from reporter.findings.assess import FINDING_COLUMNS, Findings
from reporter.findings.waived import nothing_waived
from tests.rundir import (
    DENIED,
    POLICIES,
    WORLD,
    audit,
    findings,
    group,
    groups,
    interface,
    table,
    unit,
    write,
)

HERE, THERE = ("alpha", "us-east-1"), ("alpha", "eu-west-1")


def policy(name: str, filters: list[Any] | None = None, **report: Any) -> dict[str, Any]:
    return {
        "name": name,
        "resource": "aws.security-group",
        "filtered": True,
        "filters": filters if filters is not None else [{"type": "ingress", "Ports": [3389]}],
        "report": report,
    }


def rule(port: int | None, *sources: str, protocol: str = "tcp") -> dict[str, Any]:
    ports = {} if port is None else {"FromPort": port, "ToPort": port}
    return {"IpProtocol": protocol, **ports, "IpRanges": [{"CidrIp": each} for each in sources]}


def with_rules(found: dict[str, Any], *rules: dict[str, Any], matched: Any = ()) -> dict[str, Any]:
    return found | {"IpPermissions": list(rules), "MatchedIpPermissions": list(matched)}


def as_rows(folder: Path) -> list[dict[str, Any]]:
    frame = findings(audit(folder)).frame
    assert tuple(frame.columns) == FINDING_COLUMNS
    return frame.drop(columns="group").to_dict("records")


def test_a_finding_is_a_policy_that_caught_a_group_and_by_which_rules(tmp_path: Path) -> None:
    open_rule = rule(3389, "0.0.0.0/0")
    desktop = with_rules(group("sg-1", "desktop"), open_rule, rule(443, WORLD), matched=[open_rule])
    rdp = policy("sg-rdp", title="RDP open", level="exposed")
    write(tmp_path, {HERE: unit([desktop, group("sg-2")], sg_rdp=[desktop])}, [*POLICIES, rdp])
    (found,) = (row for row in as_rows(tmp_path) if row["policy"] == "sg-rdp")
    assert found == {
        "account_profile": "alpha",
        "account_id": "111111111111",
        "region": "us-east-1",
        "policy": "sg-rdp",
        "resource_id": "sg-1",
        "group_name": "desktop",
        "title": "RDP open",
        "exposed": True,
        "matched_rules": ("tcp 3389 from 0.0.0.0/0",),
        "proven": True,
    }


def test_a_policy_without_filters_lists_and_finds_nothing(tmp_path: Path) -> None:
    write(tmp_path, {HERE: unit([group("sg-1")])})
    assert as_rows(tmp_path) == []


def test_where_a_policy_was_not_read_a_finding_is_possible(tmp_path: Path) -> None:
    write(
        tmp_path,
        {HERE: unit([group("sg-1")], sg_rdp=[group("sg-1")]), THERE: unit([group("sg-2")], sg_rdp=DENIED)},
        [*POLICIES, policy("sg-rdp")],
    )
    rows = [row for row in as_rows(tmp_path) if row["policy"] == "sg-rdp"]
    assert [(row["resource_id"], row["proven"], row["matched_rules"]) for row in rows] == [
        ("sg-2", False, None),
        ("sg-1", True, ()),
    ]


@pytest.mark.parametrize(
    ("level", "carried", "risk"),
    [("exposed", True, "critical"), ("exposed", False, "medium"), (None, True, "none"), (None, False, "low")],
)
def test_what_an_exposed_policy_catches_counts_as_ssh_open_to_the_world_does(
    tmp_path: Path, level: str | None, carried: bool, risk: str
) -> None:
    one = group("sg-1")
    cells = unit([one], [interface("eni-1", one)] if carried else [], sg_rdp=[one])
    report = {"level": level} if level else {}
    write(tmp_path, {HERE: cells}, [*POLICIES, policy("sg-rdp", **report)])
    row = groups(tmp_path)["sg-1"]
    assert (row["risk"], row["risk_note"]) == (risk, "")


def test_an_exposed_policy_that_was_not_read_leaves_the_risk_open(tmp_path: Path) -> None:
    one = group("sg-1")
    cells = unit([one], [interface("eni-1", one)], sg_rdp=DENIED)
    write(tmp_path, {HERE: cells}, [*POLICIES, policy("sg-rdp", level="exposed", column="has_rdp")])
    row = groups(tmp_path)["sg-1"]
    assert (row["has_rdp"], row["risk"]) == (None, "critical")
    assert row["risk_note"] == "worst case, unknown: has_rdp"


def test_older_runs_name_no_level_and_ssh_counts_all_the_same(tmp_path: Path) -> None:
    older = [{key: each[key] for key in each if key not in ("filters", "digest")} for each in POLICIES]
    for each in older:
        each["report"] = {key: value for key, value in each["report"].items() if key != "level"}
    one = group("sg-1", ssh_from=WORLD)
    write(tmp_path, {HERE: unit([one], [interface("eni-1", one)])}, older)
    assert groups(tmp_path)["sg-1"]["risk"] == "critical"
    (row,) = table(tmp_path, "ssh_world")
    assert row["matched_rules"] == ("not told",)  # the run did not record the policy's filters


def test_the_possible_stands_below_the_proven_and_is_counted_apart(tmp_path: Path) -> None:
    first, second = group("sg-1", "a", ssh_from=WORLD), group("sg-2", "b", ssh_from=WORLD)
    units = {
        THERE: unit([first], DENIED),  # not known whether anything carries it
        HERE: unit([second], [interface("eni-1", second)]),
    }
    write(tmp_path, units)
    assert list(groups(tmp_path)) == ["sg-2", "sg-1"]
    assert [row["risk"] for row in groups(tmp_path).values()] == ["critical", "critical"]
    counts = {row["region"]: row for row in table(tmp_path, "summary_regions")}
    (counts["all"],) = table(tmp_path, "summary_runs")
    assert (counts["all"]["critical"], counts["all"]["critical_possible"]) == (1, 1)
    assert (counts["eu-west-1"]["critical"], counts["eu-west-1"]["critical_possible"]) == (0, 1)
    assert (counts["us-east-1"]["critical"], counts["us-east-1"]["critical_possible"]) == (1, 0)
    assert counts["all"]["groups"] == 2


def test_an_account_that_was_read_is_not_made_possible_by_one_that_was_not(tmp_path: Path) -> None:
    mine, theirs = group("sg-1", ssh_from=WORLD), group("sg-2", owner="beta", ssh_from=WORLD)
    write(tmp_path, {HERE: unit([mine]), ("beta", "us-east-1"): unit([theirs], DENIED)})
    rows = groups(tmp_path)
    assert (rows["sg-1"]["in_use"], rows["sg-1"]["risk"], rows["sg-1"]["risk_note"]) == (False, "medium", "")
    assert (rows["sg-2"]["in_use"], rows["sg-2"]["risk"]) == (None, "critical")


def test_what_unused_saw_and_what_the_interfaces_show_agree(tmp_path: Path) -> None:
    """`unused` lists the account's interfaces itself; another account's interface it cannot see."""
    alone, shared = group("sg-1", ssh_from=WORLD), group("sg-2")
    units = {
        THERE: unit([alone], DENIED, unused=[alone]),
        HERE: unit([shared], unused=[shared]),
        ("beta", "us-east-1"): unit(interfaces=[interface("eni-1", shared, owner="beta")]),
    }
    rows = groups(write(tmp_path, units))
    unseen = rows["sg-1"]
    assert (unseen["unused"], unseen["in_use"], unseen["attached_eni_count"]) == (True, False, 0)
    assert (unseen["attached_resources"], unseen["risk"], unseen["risk_note"]) == ((), "medium", "")
    assert (rows["sg-2"]["in_use"], rows["sg-2"]["unused"]) == (True, False)
    assert [row["security_group_id"] for row in table(tmp_path, "sg-unused")] == ["sg-1"]


# The rules that made a policy match.

SSH, WEB, RDP = rule(22, WORLD), rule(443, "10.0.0.0/8"), rule(3389, "10.0.0.0/8")
LEAVES = {
    "ssh": {"type": "ingress", "IpProtocol": "tcp", "Ports": [22]},
    "web": {"type": "ingress", "IpProtocol": "tcp", "Ports": [443]},
    "rdp": {"type": "ingress", "IpProtocol": "tcp", "Ports": [3389]},
    "named": {"GroupName": "web"},
    "asks": {"type": "vpc-id", "value": "vpc-1"},
}
TOLD = {"ssh": "tcp 22 from 0.0.0.0/0", "web": "tcp 443 from 10.0.0.0/8"}


def leaves(*names: str) -> list[Any]:
    return [LEAVES[name] for name in names]


# The group is called `web` and has rules for 22 and 443, but not for 3389. Custodian annotates what each filter
# matched, in whatever block it stands.
@pytest.mark.parametrize(
    ("filters", "annotated", "told"),
    [
        (leaves("ssh"), [SSH], ["ssh"]),
        (leaves("ssh", "web"), [SSH, WEB], ["ssh", "web"]),
        ([{"or": leaves("ssh", "rdp")}], [SSH], ["ssh"]),
        ([{"or": [{"and": leaves("ssh", "rdp")}, LEAVES["web"]]}], [SSH, WEB], ["web"]),
        ([{"and": leaves("ssh", "named")}], [SSH], ["ssh"]),
        ([{"not": leaves("ssh", "rdp")}, LEAVES["web"]], [SSH, WEB], ["web"]),
        ([{"not": [{"and": leaves("ssh", "rdp")}]}], [SSH], []),
        ([{"and": [LEAVES["ssh"], "unused"]}], [SSH], None),  # asks AWS, so it cannot be told
    ],
)
def test_only_what_the_filters_confirm_is_told(
    tmp_path: Path, filters: list[Any], annotated: list[Any], told: list[str] | None
) -> None:
    found = with_rules(group("sg-1", "web"), SSH, WEB, matched=annotated)
    write(
        tmp_path,
        {HERE: unit([found], mine=[found])},
        [*POLICIES, policy("mine", filters=filters, tab="mine")],
    )
    (row,) = table(tmp_path, "mine")
    assert row["matched_rules"] == (("not told",) if told is None else tuple(TOLD[name] for name in told))


def test_rules_are_sorted_and_of_both_directions(tmp_path: Path) -> None:
    rules = [rule(443, WORLD), rule(22, "10.0.0.0/8"), rule(None, WORLD, protocol="-1")]
    found = with_rules(group("sg-1"), *rules, matched=rules)
    found["MatchedIpPermissionsEgress"] = [
        {"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    ]
    write(tmp_path, {HERE: unit([found], mine=[found])}, [*POLICIES, policy("mine", tab="mine")])
    (row,) = table(tmp_path, "mine")
    assert row["matched_rules"] == (
        "all traffic from 0.0.0.0/0",
        "tcp 0-65535 to ::/0",
        "tcp 22 from 10.0.0.0/8",
        "tcp 443 from 0.0.0.0/0",
    )


def test_an_annotation_of_another_form_loses_nothing_but_itself(tmp_path: Path) -> None:
    # What the filter `stale` writes: sources are bare texts (c7n.resources.vpc).
    found = group("sg-1") | {"MatchedIpPermissions": [{"IpProtocol": "tcp", "IpRanges": ["10.0.0.0/8"]}]}
    mine = policy("mine", filters=["stale"], tab="mine", column="is_stale")
    write(tmp_path, {HERE: unit([found], mine=[found])}, [*POLICIES, mine])
    assert audit(tmp_path).gaps == ()
    (row,) = table(tmp_path, "mine")
    assert (row["is_stale"], row.get("matched_rules")) == (True, None)


def test_a_tab_of_a_policy_that_is_not_about_rules_has_no_such_column(tmp_path: Path) -> None:
    one = group("sg-1", "default")
    write(tmp_path, {HERE: unit([one])})
    (row,) = table(tmp_path, "default_sg")
    assert "matched_rules" not in row


def test_exposed_policies_that_share_a_column_each_count(tmp_path: Path) -> None:
    one, two, three = group("sg-1"), group("sg-2"), group("sg-3")
    carried = [interface(f"eni-{each['GroupId']}", each) for each in (one, two, three)]
    shared = {"level": "exposed", "column": "has_desktop"}
    write(
        tmp_path,
        {HERE: unit([one, two, three], carried, sg_rdp=[one], sg_vnc=[two])},
        [*POLICIES, policy("sg-rdp", **shared), policy("sg-vnc", **shared)],
    )
    risks = {group_id: (row["has_desktop"], row["risk"]) for group_id, row in groups(tmp_path).items()}
    assert risks == {"sg-1": (True, "critical"), "sg-2": (True, "critical"), "sg-3": (False, "none")}


def test_a_policy_of_ones_own_in_the_column_unused_proves_nothing_of_interfaces(tmp_path: Path) -> None:
    """Only Custodian's filter has looked at them; a tag that is missing says nothing of use."""
    mine = policy("mine", filters=[{"tag:Owner": "absent"}], column="unused", tab="mine")
    unseen, carried = group("sg-1", ssh_from=WORLD), group("sg-2")
    units = {
        THERE: unit([unseen], DENIED, mine=[unseen]),
        HERE: unit([carried], [interface("eni-1", carried)], mine=[carried]),
    }
    write(tmp_path, units, [*POLICIES, mine])
    rows = groups(tmp_path)
    assert (rows["sg-1"]["in_use"], rows["sg-1"]["attached_resources"]) == (None, ("unknown",))
    assert (rows["sg-1"]["risk"], rows["sg-1"]["risk_note"]) == ("critical", "worst case, unknown: in_use")
    assert (rows["sg-2"]["in_use"], rows["sg-2"]["unused"]) == (True, True)
    assert [row["security_group_id"] for row in table(tmp_path, "mine")] == ["sg-1", "sg-2"]


@pytest.mark.parametrize("column", ["_possible", "group", "on_instance", "proven"])
def test_a_column_may_be_called_as_what_is_used_within(tmp_path: Path, column: str) -> None:
    one, two = group("sg-1"), group("sg-2")
    write(tmp_path, {HERE: unit([one, two], mine=[two])}, [*POLICIES, policy("mine", column=column)])
    assert [groups(tmp_path)[each][column] for each in ("sg-1", "sg-2")] == [False, True]


def test_what_is_asked_again_is_asked_of_the_same_account_and_region(tmp_path: Path) -> None:
    elsewhere = {"not": [{"OwnerId": "{account_id}"}]}
    filters = [{"or": [{"and": [elsewhere, LEAVES["ssh"]]}, LEAVES["web"]]}]
    found = with_rules(group("sg-1"), SSH, WEB, matched=[SSH, WEB])
    mine = policy("mine", filters=filters, tab="mine")
    write(tmp_path, {HERE: unit([found], mine=[found])}, [*POLICIES, mine])
    (row,) = table(tmp_path, "mine")
    assert row["matched_rules"] == (TOLD["web"],)


def test_what_cannot_be_asked_again_costs_no_other_record(tmp_path: Path) -> None:
    """One group has nulls, one record is no group at all; a policy that nests blocks is asked filter by filter."""
    nulls = with_rules(group("sg-1"), SSH | {"Ipv6Ranges": None, "PrefixListIds": None}, matched=[SSH])
    whole = with_rules(group("sg-2"), SSH, matched=[SSH])
    mine = policy("mine", filters=[{"and": leaves("ssh")}], tab="mine")
    cells = unit([nulls, whole], mine=[nulls, {"GroupName": "no id"}, whole])
    write(tmp_path, {HERE: cells}, [*POLICIES, mine])
    (gap,) = audit(tmp_path).gaps
    assert (gap.policy, gap.code) == ("mine", "Unreadable")
    assert "record 2" in gap.message
    rules = {row["security_group_id"]: row["matched_rules"] for row in table(tmp_path, "mine")}
    assert rules == {"sg-1": (TOLD["ssh"],), "sg-2": (TOLD["ssh"],)}


def with_history(*rows: tuple[int, str, str, str]) -> Findings:
    """Findings of four groups: of which group and policy, since when, and what became of it since the last run."""
    frame = pd.DataFrame(rows, columns=["group", "policy", "first_seen", "since_last"])
    frame = frame.astype({"group": "int64", **dict.fromkeys(("policy", "first_seen", "since_last"), "str")})
    groups, nobody = pd.DataFrame({"risk": ["none"] * 4}), pd.Series([True] * 4)
    return Findings(groups, nobody, frame, nobody, nobody, nothing_waived(groups))


@pytest.mark.parametrize(
    ("policies", "rows", "days", "states"),
    [
        (None, None, ["2026-01-02", "", "2026-01-03", ""], ["changed", "", "new", "same"]),
        (["a"], None, ["2026-01-05", "", "2026-01-03", ""], ["same", "", "", "same"]),
        (["a"], [2, 0], ["2026-01-03", "2026-01-05"], ["", "same"]),
        (["a"], [], [], []),
        (["c"], None, [""] * 4, [""] * 4),
    ],
    ids=["all", "a policy", "some rows", "no rows", "no findings"],
)
def test_a_group_is_seen_since_the_earliest_day_and_the_strongest_change_counts(
    policies: list[str] | None, rows: list[int] | None, days: list[str], states: list[str]
) -> None:
    found = with_history(
        (0, "a", "2026-01-05", "same"),
        (0, "b", "2026-01-02", "changed"),
        (2, "a", "2026-01-03", ""),
        (2, "b", "2026-01-04", "new"),
        (3, "a", "", "same"),
    ).since(policies, None if rows is None else pd.Index(rows, dtype="int64"))
    assert {name: column.tolist() for name, column in found.items()} == {
        "first_seen": days,
        "since_last": states,
    }
    assert [str(column.dtype) for column in found.values()] == ["str", "str"]
    assert found["first_seen"].index.tolist() == ([0, 1, 2, 3] if rows is None else rows)


def test_what_is_not_known_stands_in_the_same_order_each_time(tmp_path: Path) -> None:
    """Python's sets of texts have another order in each process: eight names are never in this one by chance."""
    names = [f"sg-more-{letter}" for letter in "abcdefgh"]
    refused = {name.replace("-", "_"): DENIED for name in names}
    more = [policy(name) for name in names]
    write(tmp_path, {HERE: unit([group("sg-1")], **refused)}, [*POLICIES, *more])
    assert [row["policy"] for row in as_rows(tmp_path)] == names
