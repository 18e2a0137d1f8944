"""Who stands behind a group: run directories written by hand with roles beside the groups, and what comes of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reporter.inventory.iam import roles
from tests.inventory.iam.test_power import ALL, allow, document, role
from tests.rundir import (
    ACCOUNT_IDS,
    DENIED,
    POLICIES,
    WORLD,
    Resource,
    audit,
    group,
    groups,
    instance,
    interface,
    table,
    unit,
    write,
)

ROLES = "iam-authorization"
IAM = {
    "name": ROLES,
    "resource": "aws.iam-authorization",
    "filtered": False,
    "report": {"tab": "attachments", "title": "Roles and what they are allowed"},
}
COLUMNS = ("instance_roles", "role_power", "role_power_why", "imdsv1")
V1 = {"State": "applied", "HttpTokens": "optional", "HttpEndpoint": "enabled"}
V2 = {"State": "applied", "HttpTokens": "required", "HttpEndpoint": "enabled"}


def profile(name: str, account: str = "alpha") -> str:
    return f"arn:aws:iam::{ACCOUNT_IDS[account]}:instance-profile/{name}"


def with_role(found: Resource, name: str = "", account: str = "alpha", options: Any = V2) -> Resource:
    """An instance with an instance profile and metadata options."""
    if name:
        found = found | {"IamInstanceProfile": {"Arn": profile(name, account), "Id": "AIPA"}}
    return found | ({"MetadataOptions": options} if options else {})


def named(name: str, *statements: Any, account: str = "alpha") -> Resource:
    arn = f"arn:aws:iam::{ACCOUNT_IDS[account]}:role/{name}"
    return role(document(*statements), profile=profile(name, account)) | {"RoleName": name, "Arn": arn}


RECORDED = [
    named("boss", ALL),
    named("climber", allow("iam:PutRolePolicy")),
    named("reader", allow("s3:GetObject", "arn:aws:s3:::b/*")),
    named("looker", allow("ec2:Describe*")),
    named("idler"),
    {"RoleName": "no-instance", "Arn": "arn:aws:iam::111111111111:role/no-instance"},
]


def run(
    folder: Path, units: Mapping[tuple[str, str], Any], recorded: Mapping[str, list[Resource] | str]
) -> Path:
    """A run with what was recorded of the roles of accounts beside its units."""
    cells = {(account, "global"): {ROLES: found} for account, found in recorded.items()}
    return write(folder, {**units, **cells}, (*POLICIES, IAM))


def behind(folder: Path, group_id: str) -> tuple[Any, ...]:
    row = groups(folder)[group_id]
    return tuple(row[name] for name in COLUMNS)


def one_group(folder: Path, *instances: Resource, recorded: Any = RECORDED, **more: Any) -> tuple[Any, ...]:
    """What stands behind a group that the instances carry, as its row and as those of the attachments say."""
    one = group("sg-1")
    on = [
        instance(each["InstanceId"], one) | {key: value for key, value in each.items() if key != "InstanceId"}
        for each in instances
    ]
    interfaces = [interface(f"eni-{each['InstanceId']}", one, instance=each["InstanceId"]) for each in on]
    found = unit([one], more.pop("interfaces", interfaces), more.pop("listed", on))
    return behind(run(folder, {("alpha", "us-east-1"): found}, {"alpha": recorded}), "sg-1")


def box(number: int, name: str = "", options: Any = V2) -> Resource:
    return with_role({"InstanceId": f"i-{number}"}, name, options=options)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["boss"], (("boss",), "admin", ("boss: admin by every action on every resource",), False)),
        (["looker"], (("looker",), "other", ("looker: other",), False)),
        (["idler"], (("idler",), "none", ("idler: none",), False)),
        ([""], ((), "none", (), False)),
        (
            ["looker", "reader", "climber"],
            (
                ("climber", "looker", "reader"),
                "privilege escalation",
                (
                    "climber: privilege escalation by iam:PutRolePolicy",
                    "reader: data access by s3:GetObject on some resources",
                    "looker: other",
                ),
                False,
            ),
        ),
        (["boss", "boss"], (("boss",), "admin", ("boss: admin by every action on every resource",), False)),
        (
            ["gone"],
            (("unknown",), "unknown", ("instance-profile/gone is of no role that was read",), False),
        ),
        (
            ["gone", "boss"],
            (
                ("boss", "unknown"),
                "admin",
                (
                    "boss: admin by every action on every resource",
                    "instance-profile/gone is of no role that was read",
                ),
                False,
            ),
        ),
        # What is known to be bad is told, and so is what is not known; what is harmless is not all there may be.
        (
            ["gone", "reader"],
            (
                ("reader", "unknown"),
                "data access",
                (
                    "reader: data access by s3:GetObject on some resources",
                    "instance-profile/gone is of no role that was read",
                ),
                False,
            ),
        ),
        (
            ["looker", "gone"],
            (
                ("looker", "unknown"),
                "unknown",
                ("instance-profile/gone is of no role that was read", "looker: other"),
                False,
            ),
        ),
    ],
)
def test_the_most_powerful_role_of_a_groups_instances(
    tmp_path: Path, names: list[str], told: tuple[Any, ...]
) -> None:
    assert one_group(tmp_path, *(box(number, name) for number, name in enumerate(names))) == told


def test_where_roles_were_refused_their_power_is_unknown_and_the_cell_is_a_gap(tmp_path: Path) -> None:
    told = "instance-profile/boss: the roles of 111111111111 were not read"
    assert one_group(tmp_path, box(1, "boss"), recorded=DENIED) == (("unknown",), "unknown", (told,), False)
    assert [(gap.region, gap.policy) for gap in audit(tmp_path).gaps] == [("global", ROLES)]


def test_an_instance_without_a_profile_has_no_role_whatever_could_be_read(tmp_path: Path) -> None:
    assert one_group(tmp_path, box(1), recorded=DENIED) == ((), "none", (), False)


def test_what_is_no_answer_of_iam_is_a_gap_and_the_role_unknown(tmp_path: Path) -> None:
    assert one_group(tmp_path, box(1, "boss"), recorded=[{"RoleName": 7}])[1] == "unknown"
    assert [gap.code for gap in audit(tmp_path).gaps] == ["Unreadable"]


@pytest.mark.parametrize("held", [{}, {"Id": "AIPA"}, {"Arn": None}])
def test_a_profile_that_is_not_named_is_unknown_and_not_none(tmp_path: Path, held: Any) -> None:
    nameless = RECORDED[0] | {"InstanceProfileList": [{"InstanceProfileName": "boss"}]}
    found = one_group(tmp_path, box(1) | {"IamInstanceProfile": held}, recorded=[nameless])
    told = ("the instance profile of i-1 is not named",)
    assert found == (("unknown",), "unknown", told, False)


def test_an_instance_that_was_not_read_is_unknown(tmp_path: Path) -> None:
    told = ("i-1 was not read",)
    assert one_group(tmp_path, box(1, "boss"), listed=DENIED) == (("unknown",), "unknown", told, None)


def test_behind_a_group_on_no_instance_stands_nobody(tmp_path: Path) -> None:
    assert one_group(tmp_path) == ((), "", (), False)
    other = one_group(tmp_path / "other", interfaces=[interface("eni-1", group("sg-1"))])
    assert other == ((), "", (), False)


def test_where_not_every_interface_was_read_what_is_behind_is_not_known(tmp_path: Path) -> None:
    told = ("not every interface was read",)
    nobody = one_group(tmp_path / "nobody", interfaces=DENIED)
    assert nobody == (("unknown",), "unknown", told, None)
    boss = one_group(tmp_path / "boss", box(1, "boss", V1), interfaces=DENIED)
    why = ("boss: admin by every action on every resource", *told)
    assert boss == (("boss", "unknown"), "admin", why, True)


def test_what_is_unused_has_nobody_behind_it(tmp_path: Path) -> None:
    one = group("sg-1")
    units = {("alpha", "us-east-1"): unit([one], DENIED, unused=[one])}
    assert behind(run(tmp_path, units, {"alpha": RECORDED}), "sg-1") == ((), "", (), False)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (V1, True),
        (V2, False),
        (V1 | {"HttpEndpoint": "disabled"}, False),
        ({"HttpTokens": "required"}, False),
        ({"HttpTokens": "optional"}, None),
        (V1 | {"State": "pending"}, None),
        (V2 | {"State": "pending"}, None),
        (None, None),
    ],
)
def test_an_instance_that_answers_without_a_token(tmp_path: Path, options: Any, told: bool | None) -> None:
    assert one_group(tmp_path, box(1, "looker", options))[3] is told
    assert [row["imdsv1"] for row in table(tmp_path, "attachments")] == [told]


def test_one_instance_that_answers_without_a_token_is_enough_and_one_unknown_leaves_it_open(
    tmp_path: Path,
) -> None:
    assert one_group(tmp_path / "one", box(1, options=V1), box(2, options=None))[3] is True
    assert one_group(tmp_path / "two", box(1, options=V2), box(2, options=None))[3] is None


def test_attachments_tell_it_of_each_interface(tmp_path: Path) -> None:
    one = group("sg-1")
    on = [with_role(instance("i-1", one), "boss"), with_role(instance("i-2", one), "idler", options=V1)]
    interfaces = [
        interface("eni-1", one, instance="i-1"),
        interface("eni-2", one, instance="i-2"),
        interface("eni-3", one),
        interface("eni-4", one, instance="i-9"),
    ]
    run(tmp_path, {("alpha", "us-east-1"): unit([one], interfaces, on)}, {"alpha": RECORDED})
    rows = {row["interface_id"]: row for row in table(tmp_path, "attachments")}
    told = {name: tuple(row[column] for column in COLUMNS) for name, row in rows.items()}
    assert told == {
        "eni-1": (("boss",), "admin", ("boss: admin by every action on every resource",), False),
        "eni-2": (("idler",), "none", ("idler: none",), True),
        "eni-3": ((), "", (), False),
        "eni-4": (("unknown",), "unknown", ("i-9 was not read",), None),
    }
    assert list(rows["eni-1"])[-len(COLUMNS) :] == [
        "role_power",
        "instance_roles",
        "role_power_why",
        "imdsv1",
    ]


def test_in_a_shared_vpc_the_role_is_of_the_instances_own_account(tmp_path: Path) -> None:
    one = group("sg-1", ssh_from=WORLD)
    theirs = with_role(instance("i-1", one), "deploy", account="beta")
    units = {
        ("alpha", "us-east-1"): unit([one]),
        ("beta", "us-east-1"): unit([], [interface("eni-1", one, owner="beta", instance="i-1")], [theirs]),
    }
    recorded = {"alpha": RECORDED, "beta": [named("deploy", ALL, account="beta")]}
    assert behind(run(tmp_path / "both", units, recorded), "sg-1")[:2] == (("deploy",), "admin")
    told = ("instance-profile/deploy: the roles of 222222222222 were not read",)
    missing = behind(run(tmp_path / "one", units, {"alpha": RECORDED}), "sg-1")
    assert missing == (("unknown",), "unknown", told, False)


@pytest.mark.parametrize("order", [("alpha", "again"), ("again", "alpha")])
def test_of_an_account_under_two_names_the_worse_answer_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: tuple[str, ...]
) -> None:
    monkeypatch.setitem(ACCOUNT_IDS, "again", ACCOUNT_IDS["alpha"])
    one = group("sg-1")
    found = unit(
        [one], [interface("eni-1", one, instance="i-1")], [with_role(instance("i-1", one), "climber")]
    )
    less = [named("climber", allow("ec2:Describe*"))]
    recorded = dict(zip(order, (RECORDED, less), strict=True))
    run(tmp_path, {(name, "us-east-1"): found for name in ("alpha", "again")}, recorded)
    assert behind(tmp_path, "sg-1")[1] == "privilege escalation"


def test_rows_are_sorted_by_risk_then_by_reach_then_by_power(tmp_path: Path) -> None:
    """Groups by the alphabet the other way round, each open to the world on an instance of its own; the last is perhaps
    reached, and one is not open."""
    order = ["boss", "climber", "reader", "gone", "looker", "idler"]
    made = [group(f"sg-{name}", name=f"{9 - number}", ssh_from=WORLD) for number, name in enumerate(order)]
    closed = group("sg-closed", name="0")
    on = [with_role(instance(f"i-{name}", each), name) for name, each in zip(order, made, strict=True)] + [
        with_role(instance("i-closed", closed), "boss")
    ]
    interfaces = [
        interface(f"eni-{each['InstanceId']}", found, instance=each["InstanceId"])
        for each, found in zip(on, [*made, closed], strict=True)
    ]
    interfaces[5] |= {"Association": {"PublicIp": "203.0.113.9"}, "SubnetId": "subnet-not-read"}
    run(tmp_path, {("alpha", "us-east-1"): unit([*made, closed], interfaces, on)}, {"alpha": RECORDED})
    rows = table(tmp_path, "security_groups")
    assert [row["reachable"] for row in rows] == ["unknown", "no", "no", "no", "no", "no", "no"]
    assert [row["security_group_id"].removeprefix("sg-") for row in rows] == ["idler", *order[:5], "closed"]


def test_a_run_that_was_not_to_read_roles_has_no_such_columns(tmp_path: Path) -> None:
    one = group("sg-1")
    on = [with_role(instance("i-1", one), "boss", options=V1)]
    write(tmp_path, {("alpha", "us-east-1"): unit([one], [], on)})
    for name in ("security_groups", "attachments", "ssh_world"):
        assert all(set(COLUMNS).isdisjoint(row) for row in table(tmp_path, name))


def test_a_role_that_cannot_be_judged_here_is_still_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roles, "_PACKAGES", ("no_such_package",))
    told = ("boss: unknown: no_such_package is not installed here",)
    assert one_group(tmp_path, box(1, "boss", V1)) == (("boss",), "unknown", told, True)
