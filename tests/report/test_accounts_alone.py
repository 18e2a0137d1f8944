"""A report of one account alone, made of a run of several."""

import csv
import json
import zipfile
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner

from reporter.cli import cli
from reporter.errors import InputError
from tests.rundir import ACCOUNT_IDS, WORLD, group, interface, unit, write

US = "us-east-1"
FORMATS = ("xlsx", "html", "csv", "json", "parquet", "asff", "ocsf")

WAIVERS = """
waivers:
- {policy: sg-ssh-world, account: alpha, group: sg-a, reason: jump host, owner: us, expires: 2099-01-31}
- {policy: sg-ssh-world, account: beta, group: sg-b, reason: secret reason, owner: hidden-team, expires: 2099-01-31}
- {policy: sg-rdp, group: sg-none, reason: matches nothing of anybody, owner: nobody, expires: 2099-01-31}
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs. alpha's group is on an interface of beta's, in a VPC that they share, and beta's was opened since."""
    folder = tmp_path_factory.mktemp("runs")
    alphas = group("sg-a", "bastion", ssh_from=WORLD)
    for day, source in ((16, "10.0.0.0/8"), (18, WORLD)):
        betas = group("sg-b", "betas-db", "beta", source, vpc="vpc-2")
        write(
            folder / f"202611{day}T210355Z",
            {
                ("alpha", US): unit([alphas]),
                ("beta", US): unit(
                    [betas], [interface("eni-b", alphas, owner="beta"), interface("eni-c", betas)]
                ),
                ("gamma", US): unit([group("sg-c", "gammas-web", "gamma")], "denied"),
            },
            started=f"2026-11-{day}T21:03:55+00:00",
        )
    return folder


def report(folder: Path, *words: str | Path) -> tuple[int, list[Path], str]:
    done = CliRunner().invoke(
        cli, ["report", "-s", *map(str, (folder, *words))], standalone_mode=False, catch_exceptions=False
    )
    return done.return_value, [Path(line) for line in done.stdout.splitlines()], done.stderr


def table(paths: list[Path], name: str) -> list[dict[str, str]]:
    (path,) = (path for path in paths if path.name.endswith(f"_{name}.csv"))
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def content(path: Path) -> bytes:
    """All that a file holds, unpacked, or a folder."""
    if path.is_dir():
        return b"".join(str(each).encode() + content(each) for each in path.rglob("*") if each.is_file())
    if path.suffix != ".xlsx":
        return path.read_bytes()
    with zipfile.ZipFile(path) as book:
        return b"".join(map(book.read, book.namelist()))


@pytest.fixture(scope="module")
def alone(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, list[Path], str]:
    folder = tmp_path_factory.mktemp("alone")
    (folder / "waivers.yml").write_text(WAIVERS, encoding="utf-8")
    formats = [word for name in FORMATS for word in ("-f", name)]
    return report(runs, "-o", folder / "reports", "-w", folder / "waivers.yml", "-a", "alpha", *formats)


def test_it_has_the_rows_of_the_account_with_what_the_others_tell_of_them(
    alone: tuple[int, list[Path], str],
) -> None:
    code, paths, _ = alone
    # All of alpha was read: that gamma was refused is gamma's.
    assert code == 0
    (row,) = table(paths, "security_groups")
    assert (row["security_group_id"], row["in_use"], row["attached_resources"], row["risk"]) == (
        "sg-a", "True", "eni-b", "critical",
    )  # fmt: skip
    assert (row["first_seen"], row["since_last"]) == ("2026-11-16", "same")
    assert row["waived"] == "until 2099-01-31: jump host (us)"
    (account,) = table(paths, "summary_accounts")
    assert (account["account_profile"], account["critical"], account["critical_waived"]) == (
        "alpha",
        "1",
        "1",
    )
    assert table(paths, "changes") == []
    assert [row["reason"] for row in table(paths, "waivers")] == ["jump host"]
    assert table(paths, "coverage") == []


def test_there_is_nothing_of_the_other_accounts_in_any_format(alone: tuple[int, list[Path], str]) -> None:
    _, paths, _ = alone
    assert {path.suffix for path in paths} == {".xlsx", ".html", ".csv", ".json", ".parquet", "", ".jsonl"}
    hidden = [b"sg-b", b"betas-db", b"sg-c", b"gamma", b"vpc-2", b"secret reason", b"hidden-team"]
    hidden += [ACCOUNT_IDS["beta"].encode(), ACCOUNT_IDS["gamma"].encode(), b"nobody"]
    for path in paths:
        assert [each for each in hidden if each in content(path)] == [], path


def test_an_id_stands_for_the_account(runs: Path, tmp_path: Path) -> None:
    code, (path,), errors = report(runs, "-o", tmp_path, "-f", "json", "-a", ACCOUNT_IDS["gamma"])
    assert code == 3
    assert "the report is of gamma alone" in errors
    groups = json.loads(path.read_bytes())["tables"]["security_groups"]
    assert [row["security_group_id"] for row in groups] == ["sg-c"]


def test_what_auditors_wrote_on_other_accounts_stays_behind(runs: Path, tmp_path: Path) -> None:
    _, (whole,), _ = report(runs, "-o", tmp_path / "whole")
    book = openpyxl.load_workbook(whole)
    sheet = book["ssh_world"]
    heads = [cell.value for cell in sheet[1]]
    for row in sheet.iter_rows(min_row=2):
        row[heads.index("comment")].value = f"on {row[heads.index('security_group_id')].value}"
    book.save(tmp_path / "carried.xlsx")
    _, (path,), _ = report(
        runs, "-o", tmp_path / "alone", "--carry", tmp_path / "carried.xlsx", "-a", "alpha"
    )
    found = content(path)
    assert b"on sg-a" in found
    assert b"on sg-b" not in found


def test_an_account_that_is_not_there_is_named(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="-a alph: not in the output; there are alpha, beta, gamma"):
        report(runs, "-o", tmp_path / "reports", "-a", "alph")
    assert not (tmp_path / "reports").exists()


def test_what_is_gone_is_of_the_account_though_it_had_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ones, twos = ACCOUNT_IDS["alpha"], ACCOUNT_IDS["beta"]
    runs = tmp_path / "runs"
    with monkeypatch.context() as earlier:
        earlier.setitem(ACCOUNT_IDS, "alpha", twos)
        earlier.setitem(ACCOUNT_IDS, "beta", ones)
        write(
            runs / "20261116T210355Z",
            {
                ("alpha", US): unit([group("sg-b", "twos", "alpha", WORLD)]),
                ("beta", US): unit([group("sg-a", "ones", "beta", WORLD)]),
            },
            started="2026-11-16T21:03:55+00:00",
        )
    write(
        runs / "20261118T210355Z",
        {
            ("alpha", US): unit([group("sg-a", "ones", "alpha")]),
            ("beta", US): unit([group("sg-b", "twos", "beta")]),
        },
        started="2026-11-18T21:03:55+00:00",
    )
    _, paths, _ = report(runs, "-o", tmp_path / "reports", "-f", "csv", "-a", "alpha")
    found = table(paths, "changes")
    assert {(row["state"], row["account_id"], row["security_group_id"]) for row in found} == {
        ("gone", ones, "sg-a")
    }


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VPC that alpha shares with beta: groups of both with the same rules, alpha's two and 25 of beta's."""
    folder = tmp_path_factory.mktemp("shared")
    alphas = [group(f"sg-a{number}", f"alphas-{number}", ssh_from=WORLD) for number in range(2)]
    betas = [group(f"sg-b{number:02d}", f"betas-{number}", "beta", WORLD) for number in range(25)]
    run = write(
        folder / "run", {("alpha", US): unit(alphas), ("beta", US): unit(betas), ("gamma", US): unit()}
    )
    content = json.loads((run / "run.json").read_text())
    content["callers"] = [f"arn:aws:sts::{ACCOUNT_IDS['beta']}:assumed-role/audit/jane"]
    (run / "run.json").write_text(json.dumps(content))
    accounts = [
        {
            "name": name,
            "account_id": number,
            "tags": [f"team:{name}s", f"only-{name}:x"],
            "vars": {f"v{name}": 1},
        }
        for name, number in ACCOUNT_IDS.items()
    ]
    (folder / "accounts.yml").write_text(json.dumps({"accounts": accounts}))
    return folder


def test_what_other_accounts_have_in_a_shared_vpc_or_the_accounts_file_stays_behind(
    shared: Path, tmp_path: Path
) -> None:
    formats = [word for name in FORMATS for word in ("-f", name)]
    _, paths, _ = report(
        shared / "run", "-c", shared / "accounts.yml", "-o", tmp_path, "-a", "alpha", *formats
    )
    hidden = [b"beta", b"gamma", b"sg-b", b"only-beta", ACCOUNT_IDS["beta"].encode()]
    for path in paths:
        assert [each for each in hidden if each in content(path)] == [], path
    rows = table(paths, "security_groups")
    assert {row["security_group_id"]: row["same_rules_as"] for row in rows} == {
        "sg-a0": "sg-a1",
        "sg-a1": "sg-a0",
    }
    assert [name for name in rows[0] if name.startswith("account:")] == [
        "account:team", "account:only-alpha", "account:valpha",
    ]  # fmt: skip
    (same,) = table(paths, "duplicates")
    assert same["security_groups"] == "sg-a0 (alphas-0), sg-a1 (alphas-1)"
    (page,) = (path for path in paths if path.suffix == ".html")
    assert b"run by <bdi>assumed-role/audit/jane</bdi>" in content(page), "who, and not of which account"


def test_of_many_with_the_same_rules_those_of_the_account_are_named(shared: Path, tmp_path: Path) -> None:
    _, paths, _ = report(shared / "run", "-o", tmp_path, "-a", "beta", "-f", "csv")
    rows = {row["security_group_id"]: row["same_rules_as"] for row in table(paths, "security_groups")}
    assert rows["sg-b00"] == ", ".join([f"sg-b{number:02d}" for number in range(1, 21)] + ["… (+4 more)"])
    assert rows["sg-b24"] == ", ".join([f"sg-b{number:02d}" for number in range(20)] + ["… (+4 more)"])
