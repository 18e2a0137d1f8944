"""What a report says on the terminal when it is written."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from reporter.cli import terminal
from reporter.inventory.audit import Audit
from reporter.report import closing, failing, not_read
from tests.rundir import ACCOUNT_IDS, DENIED, WORLD, audit, findings, group, interface, unit, write

US, EU = "us-east-1", "eu-west-1"


def test_an_accounts_name_is_printed_as_it_is_and_does_nothing_to_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "a [a:b:c] [red]b :warning: \x1b[2Jc\x07"
    monkeypatch.setitem(ACCOUNT_IDS, name, "444444444444")
    read = audit(write(tmp_path, {(name, US): unit([group("sg-1", owner=name)])}))
    shown = io.StringIO()
    Console(file=shown, width=100).print(closing.risk_by_account(read, findings(read), 100))
    assert "\na [a:b:c] [red]b :warning: c   " in shown.getvalue()
    assert "\x1b" not in shown.getvalue()
    assert "\x07" not in shown.getvalue()


def test_a_name_of_wide_letters_stands_on_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "本番環境のアカウント"  # ten letters, each as wide as two
    monkeypatch.setitem(ACCOUNT_IDS, name, "444444444444")
    read = audit(write(tmp_path, {(name, US): unit([group("sg-1", owner=name)])}))
    assert [line.split()[0] for line in printed(read, 80) if name[0] in line or name[-1] in line] == [name]


def test_a_line_prints_a_name_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.console.cache_clear()
    terminal.say("not read: [a:b:c] [red]lyon :fr: :warning:")
    terminal.console.cache_clear()
    assert capsys.readouterr().err == "not read: [a:b:c] [red]lyon :fr: :warning:\n"


def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Sequence[int], of: int = 60) -> Audit:
    """Accounts `team-name-00`, …: each has as many groups as its number says, open to the world and on nothing, or
    is refused.
    """
    units: dict[tuple[str, str], Any] = {}
    for number in range(of):
        name = f"team-name-{number:02}"
        monkeypatch.setitem(ACCOUNT_IDS, name, f"{number:012}")
        groups = [group(f"sg-{number}-{each}", owner=name, ssh_from=WORLD) for each in range(number)]
        units[name, US] = dict.fromkeys(unit(), DENIED) if number in refused else unit(groups)
        units[name, EU] = dict.fromkeys(unit(), DENIED) if number in refused else unit()
    return audit(write(tmp_path, units))


def printed(read: Audit, width: int) -> list[str]:
    shown = io.StringIO()
    Console(file=shown, width=width).print(closing.risk_by_account(read, findings(read), width))
    return [line.rstrip() for line in shown.getvalue().splitlines()]


def test_the_worst_accounts_come_first_and_what_is_unread_is_not_cut_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = many(tmp_path, monkeypatch, refused=[3, 41])
    lines = printed(read, 80)
    rule = lines.index("─" * len(lines[4]))
    assert [line.split() for line in lines[rule + 1 : rule + 21]] == [
        *(
            [f"team-name-{number}", "0", "0", str(number), "0", "0", "0"]
            for number in range(59, 40, -1)
            if number != 41
        ),
        ["team-name-03", "unknown", "?", "?", "?", "?", "?", "2", "of", "2"],
        ["team-name-41", "unknown", "?", "?", "?", "?", "?", "2", "of", "2"],
    ]
    assert lines[rule + 22].split() == ["all", "0", "0", "1,726", "0", "0", "0", "4", "of", "120"]
    assert lines[rule + 23 :] == ["… 40 more accounts"]


def test_of_many_that_are_unread_some_are_shown_and_the_others_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = printed(many(tmp_path, monkeypatch, refused=range(15)), 80)
    shown = [line.split()[0] for line in lines if line.startswith("team-name-")]
    assert shown == [f"team-name-{number:02}" for number in (*range(59, 49, -1), *range(10))]
    assert lines[-1] == "… 40 more accounts, 5 of them not read whole"


def test_at_forty_columns_names_are_names_and_figures_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = printed(many(tmp_path, monkeypatch, refused=[3]), 40)
    assert max(map(len, lines)) <= 40
    assert [line.split() for line in lines if line.startswith(("team-name-59", "team-name-03", "all"))] == [
        ["team-name-59", "0", "0"],
        ["team-name-03", "unknown", "?", "2", "of", "2"],
        ["all", "0", "0", "2", "of", "120"],
    ]
    assert " ".join(lines[-2:]) == "Too narrow for the columns critical reachable, medium, low, none"


def test_one_account_is_one_line_with_what_to_do_whatever_it_cost(tmp_path: Path) -> None:
    nothing = dict.fromkeys(unit(), DENIED)
    place = write(tmp_path, {("alpha", US): nothing, ("beta", US): unit(interfaces=DENIED)})
    allow = "  Allow the call to the account's role (`sg-audit permissions` prints all that is needed)"
    assert list(not_read.lines(audit(place), "sg-audit audit --resume")) == [
        "6 of 14 cells (account × region × policy) were read",
        "not read whole: 2 of 2 accounts, 1 of them not at all",
        "not read: alpha (all of it): denied UnauthorizedOperation Not allowed.",
        allow,
        f"not read: beta {US} eni-inventory: denied UnauthorizedOperation Not allowed.",
        allow,
        "`sg-audit audit --resume` with the run's -c, -u and -s tries only what was not read",
    ]


def test_the_regions_of_an_account_share_its_line(tmp_path: Path) -> None:
    nothing = dict.fromkeys(unit(), DENIED)
    place = write(
        tmp_path,
        {
            ("alpha", US): unit(interfaces=DENIED),
            ("alpha", EU): nothing,
            ("beta", US): unit(),
            ("beta", EU): nothing,
        },
    )
    told = [line for line in not_read.lines(audit(place)) if line.startswith("not read: ")]
    assert told == [
        f"not read: alpha {EU}, {US} (8 cells of 14): denied UnauthorizedOperation Not allowed.",
        f"not read: beta {EU}: denied UnauthorizedOperation Not allowed.",
    ]


@pytest.mark.parametrize("retries", ["", " (reached max retries: 5)"])
def test_of_what_botocore_says_the_words_of_aws_are_told(tmp_path: Path, retries: str) -> None:
    place = write(tmp_path, {("alpha", US): unit(interfaces=DENIED)})
    message = f"An error occurred (Throttling) when calling the DescribeX operation{retries}: Rate: exceeded (5): now"
    manifest = place / "run.json"
    manifest.write_text(manifest.read_text().replace("Not allowed.", message))
    [told] = [line for line in not_read.lines(audit(place)) if line.startswith("not read: ")]
    assert told.endswith("denied UnauthorizedOperation Rate: exceeded (5): now")


def test_ten_accounts_are_told_and_the_others_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = many(tmp_path, monkeypatch, refused=range(12), of=13)
    told = [line for line in not_read.lines(read) if line.startswith("not read: ")]
    assert told == [
        *(
            f"not read: team-name-{number:02} (all of it): denied UnauthorizedOperation Not allowed."
            for number in range(10)
        ),
        "not read: 2 more accounts; the coverage tab has them all",
    ]


@pytest.mark.parametrize(
    ("level", "reason"),
    [
        ("critical", "1 critical group"),
        ("medium", "8 groups at or above medium"),
        ("reachable-critical", "1 critical group that the internet may reach"),
        ("low", "10 groups at or above low"),
    ],
)
def test_it_says_why_it_fails(tmp_path: Path, level: str, reason: str) -> None:
    used = group("sg-used", ssh_from=WORLD)
    groups = [
        used,
        *(group(f"sg-{number}", ssh_from=WORLD) for number in range(7)),
        group("sg-8"),
        group("sg-9"),
    ]
    public = interface("eni-1", used) | {"Association": {"PublicIp": "52.0.0.1"}}
    read = audit(write(tmp_path, {("alpha", US): unit(groups, [public])}))
    assert failing.reached(level, findings(read)) == reason


def test_it_says_what_of_it_is_only_possible(tmp_path: Path) -> None:
    groups = [group(f"sg-{number}", ssh_from=WORLD) for number in range(3)]
    cells = unit(groups, [interface("eni-1", groups[0])])
    refused = unit([group("sg-b", owner="beta", ssh_from=WORLD)], interfaces=DENIED)
    read = audit(write(tmp_path, {("alpha", US): cells, ("beta", US): refused}))
    assert failing.reached("critical", findings(read)) == "2 critical groups, 1 of them only possibly"
    assert failing.reached("high", findings(read)) == "2 groups at or above high, 1 of them only possibly"
    nothing = audit(write(tmp_path / "none", {("alpha", US): unit([group("sg-1")])}))
    assert failing.reached("high", findings(nothing)) == ""
