"""Which account a folder of a stock run is of, and what it is called."""

import json
from pathlib import Path

import pytest

from reporter.accounts import labels
from reporter.accounts.expected import PlannedAccount
from reporter.inventory.audit import Audit
from tests.rundir import group
from tests.stockdir import (
    EU,
    EVERY_GROUP,
    LAST_WEEK,
    ONE,
    TODAY,
    TWO,
    UNTAGGED_GROUPS,
    US,
    gaps,
    put,
    read,
    rows,
)

Entry = tuple[str, str, tuple[str, ...]]


def put_groups(
    place: Path,
    group_id: str,
    account_id: str | None = ONE,
    at: float = TODAY,
    region: str = US,
    **more: object,
) -> None:
    """A list of all groups with one in it."""
    owned = group(group_id) | {"OwnerId": account_id or ONE}
    put(place, EVERY_GROUP, [owned], account_id=account_id, at=at, region=region)


def named(audit: Audit) -> dict[str, tuple[str, str]]:
    """Account and id of each group."""
    found = rows(audit, "security_groups")
    assert len({row["security_group_id"] for row in found}) == len(found)
    return {row["security_group_id"]: (row["account_profile"], row["account_id"]) for row in found}


@pytest.mark.parametrize(
    ("in_file", "first", "second"),
    [
        ((), f"dev ({ONE})", f"dev ({TWO})"),
        ((("dev", ONE), ("dev-beta", TWO)), "dev", "dev-beta"),
        ((("dev", ONE),), "dev", f"dev ({TWO})"),
        ((("dev", "333333333333"),), f"dev ({ONE})", f"dev ({TWO})"),
        ((("other", TWO),), "dev", "other"),
    ],
    ids=["no file", "both", "one", "another's name", "renamed"],
)
def test_two_accounts_of_one_name_are_two(
    tmp_path: Path, in_file: tuple[tuple[str, str], ...], first: str, second: str
) -> None:
    put_groups(tmp_path / "acme" / "dev" / US, "sg-a", ONE)
    put_groups(tmp_path / "beta" / "dev" / US, "sg-b", TWO)
    expected = [PlannedAccount(name, account_id, (US,)) for name, account_id in in_file]
    found = read(tmp_path, *expected)
    assert named(found) == {"sg-a": (first, ONE), "sg-b": (second, TWO)}
    lost = [("dev", US, "sg-all", "NotThere")] if in_file == (("dev", "333333333333"),) else []
    assert gaps(found) == lost


@pytest.mark.parametrize(("new", "old"), [("a-new", "z-old"), ("z-new", "a-old")], ids=["before", "after"])
def test_after_a_rename_the_newest_cell_of_an_account_counts_under_its_newest_name(
    tmp_path: Path, new: str, old: str
) -> None:
    put_groups(tmp_path / old / US, "sg-old", at=LAST_WEEK)
    put(tmp_path / old / US, UNTAGGED_GROUPS, [group("sg-old"), group("sg-new")], at=LAST_WEEK)
    put_groups(tmp_path / new / US, "sg-new", at=TODAY)
    found = read(tmp_path)
    assert named(found) == {"sg-new": (new, ONE)}
    assert [row["security_group_id"] for row in rows(found, "sg-untagged")] == ["sg-new"]
    assert len(found.output.accounts) == 1
    assert gaps(found) == []


def test_with_an_accounts_file_it_is_called_as_there(tmp_path: Path) -> None:
    put_groups(tmp_path / "old" / US, "sg-1", at=LAST_WEEK)
    put_groups(tmp_path / "new" / US, "sg-1")
    found = read(tmp_path, PlannedAccount("in-file", ONE, (US,)))
    assert named(found) == {"sg-1": ("in-file", ONE)}
    assert (len(found.cells), gaps(found)) == (1, [])


def test_an_account_that_the_file_has_twice_has_its_entries_names(tmp_path: Path) -> None:
    """For other regions, say: by the folder's name, else by the region."""
    put_groups(tmp_path / "org" / "prod-us" / US, "sg-us")
    put_groups(tmp_path / "org" / "prod-eu" / EU, "sg-eu", region=EU)
    expected = (PlannedAccount("prod-us", ONE, (US,)), PlannedAccount("prod-eu", ONE, (EU,)))
    found = read(tmp_path / "org", *expected)
    assert named(found) == {"sg-us": ("prod-us", ONE), "sg-eu": ("prod-eu", ONE)}
    assert gaps(found) == []
    for region, group_id in ((US, "sg-us"), (EU, "sg-eu")):
        put(tmp_path / "stock" / region, EVERY_GROUP, [group(group_id)], region=region, regions=[US, EU])
    assert named(read(tmp_path / "stock", *expected)) == named(found)


# Without an id.


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (("one", "two"), ("one", "two")),
        (("acme/dev", "beta/dev"), ("acme/dev", "beta/dev")),
        (("x/dev", "dev"), ("x/dev", "dev (without an account id)")),
    ],
    ids=["two names", "one name", "a name in the place itself"],
)
def test_where_no_metadata_tells_the_id_the_folder_is_the_account(
    tmp_path: Path, folders: tuple[str, str], names: tuple[str, str]
) -> None:
    for folder, group_id in zip(folders, ("sg-a", "sg-b"), strict=True):
        put_groups(tmp_path / folder / US, group_id, None)
    found = read(tmp_path)
    assert {group_id: name for group_id, (name, _) in named(found).items()} == dict(
        zip(("sg-a", "sg-b"), names, strict=True)
    )
    assert gaps(found) == []


def test_a_cell_without_an_id_is_of_the_account_beside_it(tmp_path: Path) -> None:
    """As of a run that could not even ask STS who it is."""
    put_groups(tmp_path / "prod" / US, "sg-1")
    put(tmp_path / "prod" / US, UNTAGGED_GROUPS, None, account_id=None, metrics=[("PolicyException", 1)])
    put_groups(tmp_path / "dev" / US, "sg-2", None)
    put(tmp_path / "dev" / US, UNTAGGED_GROUPS, [], account_id=None)
    found = read(tmp_path)
    assert [(cell.account, cell.account_id, cell.policy) for cell in found.gaps] == [
        ("prod", ONE, "sg-untagged")
    ]
    assert named(found) == {"sg-1": ("prod", ONE), "sg-2": ("dev", "")}


def test_the_accounts_file_tells_the_id_of_a_folder_by_its_name_where_one_folder_has_it(
    tmp_path: Path,
) -> None:
    put_groups(tmp_path / "one" / "prod" / US, "sg-1", None)
    assert named(read(tmp_path, PlannedAccount("prod", TWO, (US,)))) == {"sg-1": ("prod", TWO)}
    put_groups(tmp_path / "two" / "prod" / US, "sg-2", None)
    found = read(tmp_path, PlannedAccount("prod", TWO, (US,)))
    assert named(found) == {"sg-1": ("one/prod", ""), "sg-2": ("two/prod", "")}
    assert gaps(found) == [("prod", US, "sg-all", "NotThere")]


def test_an_accounts_labels_are_its_ids(tmp_path: Path) -> None:
    """Not those of another account that is called as its folder is."""
    accounts = tmp_path / "accounts.yml"
    entries = [
        {"name": "dev", "account_id": ONE, "role": "r", "tags": ["team:web"]},
        {"name": "first", "account_id": TWO, "role": "r", "tags": ["team:db"]},
        {"name": "second", "account_id": TWO, "role": "r", "tags": ["team:net"]},
    ]
    accounts.write_text(json.dumps({"accounts": entries}))
    found = labels.read(accounts)
    team = {
        (name, account_id): (found.of(name, account_id) or {}).get("account:team")
        for name, account_id in [
            *(("dev", ONE), ("old", ONE), ("dev", "333333333333"), ("dev", "")),
            *(("first", TWO), ("second", TWO), ("third", TWO), ("x", "")),
        ]
    }
    assert team == {
        ("dev", ONE): "web",
        ("old", ONE): "web",
        ("dev", "333333333333"): None,
        ("dev", ""): "web",
        ("first", TWO): "db",
        ("second", TWO): "net",
        ("third", TWO): "db",
        ("x", ""): None,
    }
