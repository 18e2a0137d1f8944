"""The views and the queries worth having, against answers worked out by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from reporter.cli.reading import open_run, read_run, read_waivers
from reporter.report.sql import loading, locked, run_tables
from reporter.report.sql.views import EXAMPLES, VIEWS
from tests.report.two_runs import EU, NEWER, OLDER, US, WAIVERS, two_runs
from tests.rundir import WORLD, group, interface, unit, write
from tests.stockdir import EVERY_GROUP, EVERY_INTERFACE, put

Rows = list[tuple[Any, ...]]
QUERIES = {example.meaning: example.sql for example in EXAMPLES}
NEWEST, BEFORE = datetime(2026, 11, 23, 21, 3, 55), datetime(2026, 11, 16, 21, 3, 55)


class Database:
    """Runs, loaded and locked, to be asked."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def ask(self, sql: str) -> Rows:
        answer = locked.ask(self._connection, locked.parsed(self._connection, sql))
        return [row for batch in answer.batches for row in batch]


@contextmanager
def loaded(*runs: Path, waivers: Path | None = None, several: bool = False) -> Iterator[Database]:
    accepted = read_waivers(waivers, None, None) if waivers else ()
    with locked.database() as connection:
        for run in runs:
            read = read_run(open_run(run), accepted)
            run_tables.load(connection, read.audit, read.findings, read.past, read.labels, several=several)
        loading.add_views(connection, by_run=several)
        locked.lock(connection)
        yield Database(connection)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = two_runs(tmp_path_factory.mktemp("runs"))
    (folder / "waivers.yml").write_text(WAIVERS, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def newer(folder: Path) -> Iterator[Database]:
    with loaded(folder / NEWER, waivers=folder / "waivers.yml") as database:
        yield database


@pytest.fixture(scope="module")
def both(folder: Path) -> Iterator[Database]:
    with loaded(folder / NEWER, folder / OLDER, waivers=folder / "waivers.yml", several=True) as database:
        yield database


@pytest.fixture(scope="module")
def estate(estate_run: Path) -> Iterator[Database]:
    with loaded(estate_run) as database:
        yield database


def test_groups_by_risk_keep_apart_what_is_proven_and_what_is_waived(newer: Database) -> None:
    assert newer.ask("from groups_by_risk") == [
        # risk, open, of which reachable, and maybe; waived; possible, and how many of those are waived
        ("critical", 1, 0, 0, 0, 2, 1),
        ("high", 1, 0, 0, 0, 0, 0),
        ("medium", 0, 0, 0, 1, 0, 0),
        ("low", 1, 0, 0, 0, 0, 0),
    ]


def test_the_worst_account_is_first_and_one_that_was_not_read_has_no_zeros(newer: Database) -> None:
    columns = (
        "critical_open, high_open, medium_open, critical_possible, medium_waived, groups, cells_not_read"
    )
    assert newer.ask(f"select account_profile, {columns} from worst_accounts") == [
        ("alpha", 1, 1, 0, 0, 1, 4, 0),
        ("beta", 0, 0, 0, 2, 0, 2, 3),
        ("gamma", None, None, None, None, None, None, 7),
    ]


def test_a_word_means_in_views_what_it_does_in_the_report(newer: Database) -> None:
    of_accounts = "sum(critical - critical_waived), sum(critical_waived), sum(critical_possible)"
    report = newer.ask(f"select {of_accounts} from summary_accounts")
    assert report == [(1, 0, 2)]
    assert newer.ask("select open, waived, possible from groups_by_risk where risk = 'critical'") == report
    assert newer.ask("select sum(critical_possible) from worst_accounts") == [(2,)]
    assert newer.ask("select security_group_id, is_waived from possible_findings") == [
        ("sg-g", False),
        ("sg-f", True),
    ]
    assert newer.ask("select sum(open + waived + possible) from groups_by_risk") == [(6,)]


def test_open_groups_are_those_of_the_report(newer: Database) -> None:
    assert newer.ask("select security_group_id, risk from open_groups") == [
        ("sg-a", "critical"),
        ("sg-d", "high"),
    ]


def test_what_no_policy_caught_is_in_open_groups_alone(tmp_path: Path) -> None:
    open_group, other = group("sg-a", ssh_from=WORLD), group("sg-b", "other")
    put(tmp_path, EVERY_GROUP, [open_group, other])
    put(tmp_path, EVERY_INTERFACE, [interface("eni-1", open_group, other)])
    with loaded(tmp_path) as database:
        assert database.ask("select security_group_id, risk from open_groups") == [("sg-a", "critical")]
        assert database.ask("select open from groups_by_risk where risk = 'critical'") == [(1,)]
        assert database.ask("select critical_open from worst_accounts") == [(1,)]
        assert database.ask("from open_findings") == []


@pytest.mark.parametrize(
    ("view", "findings"),
    [
        ("open_findings", [("sg-a", "sg-ssh-world", "critical"), ("sg-d", "sg-default", "high")]),
        (
            "possible_findings",
            [("sg-g", "sg-ssh-world", "possibly critical"), ("sg-f", "sg-ssh-world", "possibly critical")],
        ),
        (
            "waived_findings",
            [("sg-b", "sg-ssh-world", "medium"), ("sg-f", "sg-ssh-world", "possibly critical")],
        ),
        ("oldest_findings", [("sg-a", "sg-ssh-world", "critical"), ("sg-d", "sg-default", "high")]),
        ("new_findings", []),
    ],
)
def test_each_finding_that_counts_is_in_one_of_them(newer: Database, view: str, findings: Rows) -> None:
    assert newer.ask(f"select security_group_id, policy, level from {view}") == findings


def test_what_nobody_read_is_told_by_account_and_reason(newer: Database) -> None:
    columns = "account_profile, region, status, code, cells, policies"
    every = ["ec2-inventory", "eni-inventory", "sg-default", "sg-inventory"]
    every += ["sg-ssh-open", "sg-ssh-world", "sg-unused"]
    assert newer.ask(f"select {columns} from unread") == [
        ("beta", US, "denied", "UnauthorizedOperation", 3, ["ec2-inventory", "eni-inventory", "sg-unused"]),
        ("gamma", US, "denied", "UnauthorizedOperation", 7, every),
    ]


def test_each_view_keeps_runs_apart(both: Database) -> None:
    assert both.ask("select run, security_group_id from open_findings") == [
        (BEFORE, "sg-a"),
        (BEFORE, "sg-d"),
        (BEFORE, "sg-k"),
        (BEFORE, "sg-h"),
        (NEWEST, "sg-a"),
        (NEWEST, "sg-d"),
    ]
    assert both.ask("select run, account_profile, critical_open, medium_open from worst_accounts") == [
        (BEFORE, "alpha", 1, 1),
        (BEFORE, "gamma", 0, 1),
        (NEWEST, "alpha", 1, 0),
        (NEWEST, "beta", 0, 0),
        (NEWEST, "gamma", None, None),
    ]
    assert both.ask("select distinct run from unread") == [(NEWEST,)]
    for view in VIEWS:
        assert both.ask(f"select run from {view.name} limit 0") == []


def test_every_row_of_a_run_says_which(both: Database) -> None:
    tables = both.ask("select table_name from duckdb_tables()")
    for (name,) in tables:
        assert both.ask(f'select count(*) from "{name}" where run is null') == [(0,)]


def test_new_findings_are_those_that_count_and_are_not_waived(tmp_path: Path) -> None:
    old, new = group("sg-a", "old", ssh_from=WORLD), group("sg-n", "new", ssh_from=WORLD)
    waived, informs = group("sg-b", "waived", ssh_from=WORLD), group("sg-i", "informs", ssh_from="10.0.0.0/8")
    write(tmp_path / OLDER, {("alpha", EU): unit([old])}, started="2026-11-16T21:03:55+00:00")
    write(tmp_path / NEWER, {("alpha", EU): unit([old, new, waived, informs], [interface("eni-1", new)])})
    (tmp_path / "waivers.yml").write_text(WAIVERS, encoding="utf-8")
    with loaded(tmp_path / NEWER, waivers=tmp_path / "waivers.yml") as database:
        found = database.ask(QUERIES["What came since the run before"])
    assert [(row[3], row[5], row[6]) for row in found] == [("sg-n", "sg-ssh-world", "critical")]


# Queries worth having

REACHED = ["break-glass", "world-list", "two-halves", "default", "wide-range", "bastion"]


def test_each_example_runs(newer: Database, both: Database) -> None:
    for example in EXAMPLES:
        (both if example.options else newer).ask(example.sql)


def test_examples_of_findings_return_what_is_there(newer: Database, both: Database) -> None:
    days = (datetime.now(UTC).date() - date(2026, 11, 16)).days
    assert newer.ask(QUERIES["For how many days findings have been there"]) == [
        ("critical", "alpha", "web", "sg-ssh-world", days),
        ("high", "alpha", "default", "sg-default", days),
    ]
    # Whether beta's are in use is not known.
    assert newer.ask(QUERIES["Groups in use of which no tag says who owns them"]) == [
        ("alpha", US, "sg-a", "web", "critical"),
        ("alpha", US, "sg-d", "default", "high"),
    ]
    assert [row[0] for row in newer.ask(QUERIES["Where nobody looked, which is not the same as clean"])] == [
        *("beta", "gamma")
    ]
    assert both.ask(QUERIES["Critical and high groups, run by run"]) == [
        (BEFORE, "critical", 1, 0, 0),
        (BEFORE, "high", 1, 0, 0),
        (NEWEST, "critical", 1, 0, 2),
        (NEWEST, "high", 1, 0, 0),
    ]


def test_examples_of_the_network_return_what_the_estate_has(estate: Database) -> None:
    reached = estate.ask(QUERIES["What the internet reaches now, longest first"])
    assert sorted(row[4] for row in reached) == sorted(REACHED)
    worst = estate.ask(QUERIES["The ten accounts to begin with"])
    assert [row[:5] for row in worst] == [
        ("staging", "222222222222", 5, 0, 1),
        ("dev", "111111111111", 2, 1, 4),
        ("production", "333333333333", 2, 0, 1),
    ]
    ports = estate.ask(QUERIES["Which ports are open to the world, and how often"])
    assert ports[:2] == [("tcp 22", 9), ("tcp 443", 6)]
    controls = dict(estate.ask(QUERIES["How many groups fail a control of a framework"]))
    # Those of port 22 alone, two of all traffic, tcp 20-25 and tcp 0-65535.
    assert controls["SecurityHub.EC2.13"] == 9 + 2 + 1 + 1
    addresses = estate.ask(QUERIES["Addresses that lead to what is open"])
    assert [row[4:] for row in addresses if row[2] == ["203.0.113.22"]] == [("two-halves", ["tcp 22"])]


def test_a_group_is_no_longer_asked_for_an_owner_that_has_one(tmp_path: Path) -> None:
    owned = group("sg-a") | {"Tags": [{"Key": "Owner", "Value": "web"}]}
    other = group("sg-b", "other") | {"Tags": [{"Key": "Name", "Value": "owner"}]}
    write(tmp_path / NEWER, {("alpha", US): unit([owned, other], [interface("eni-1", owned, other)])})
    with loaded(tmp_path / NEWER) as database:
        found = database.ask(QUERIES["Groups in use of which no tag says who owns them"])
    assert [row[2] for row in found] == ["sg-b"]
