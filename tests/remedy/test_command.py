"""`sg-audit remedy`: its options, files and exit codes."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt

from reporter.cli import cli
from reporter.cli.remedy import _FORMS
from reporter.errors import InputError
from reporter.remedy import forms, writing
from reporter.remedy.access import access
from reporter.remedy.options import parse_keep, parse_to
from reporter.remedy.steps import Access
from tests import rundir

from . import runs
from .runs import ACCOUNT, REGION, cells, group, run

SSH = "sg-ssh-world"
HOSTILE = [
    "<script>alert(1)</script>", "[x](http://evil)", "| a | b |", "`code`", "``", "@everyone", "# head",
    "**bold**", "a\n\n# head\n", "https://evil.example", "www.evil.example", "<b>", "&lt;", "$(id)", "\u202eevil",
]  # fmt: skip


@pytest.fixture(autouse=True)
def no_form(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The forms have tests of their own: here each writes one small file."""
    asked: list[str] = []

    def form(name: str) -> forms.Write:
        def write(plan: Any, folder: Path) -> tuple[Path, ...]:
            asked.append(name)
            path = folder / f"{name}.txt"
            path.write_text(f"{len(plan.accounts)}")
            return (path,)

        return write

    monkeypatch.setattr(forms, "form", form)
    monkeypatch.setattr(forms, "notes", lambda name: (f"Mind {name}.",))
    yield asked


def remedy(*words: str | Path) -> tuple[int, str]:
    """Runs the command; returns its exit code and what it prints on stdout."""
    done = CliRunner().invoke(cli, ["remedy", *map(str, words)], standalone_mode=False)
    if isinstance(done.exception, InputError | click.ClickException):
        raise done.exception
    assert done.exception is None, done.exception
    return done.return_value, done.stdout


def steps_in(folder: Path) -> list[dict[str, Any]]:
    content = json.loads((folder / "plan.json").read_text())
    assert list(content) == ["steps"]
    return list(content["steps"])


def test_it_writes_the_plan_and_the_forms_for_their_owner_only(tmp_path: Path, no_form: list[str]) -> None:
    web, wide = group("tcp 22 from 0.0.0.0/0"), group("tcp 20-25 from ::/0", number=2, name="wide")
    made = group("tcp 22 from 0.0.0.0/0", number=3, name="d-9067012345_controllers")
    folder = run(tmp_path, [web, wide, made])
    out = tmp_path / "new" / "remedy"
    code, printed = remedy("-s", folder, "-o", out, "--for", "terraform,custodian")
    assert code == 0
    assert no_form == ["terraform", "custodian"]
    names = ["plan.md", "plan.json", "terraform.txt", "custodian.txt"]
    assert printed.split() == [str(out / name) for name in names]
    assert {path.name for path in out.iterdir()} == {*names, "files.sha256"}
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    assert stat.S_IMODE((out / "plan.md").stat().st_mode) == 0o600
    assert (
        "Before it is carried out:\n\n- Mind terraform.\n- Mind custodian.\n" in (out / "plan.md").read_text()
    )
    found = steps_in(out)
    assert [(step["group_name"], step["policy"], step["status"]) for step in found] == [
        ("d-9067012345_controllers", SSH, "refused"),
        ("web", SSH, "planned"),
        ("wide", "sg-admin-world", "choice"),
        ("wide", SSH, "choice"),
    ]
    web_step = found[1]
    assert {key: web_step[key] for key in ("account", "account_id", "region", "resource_id", "reason", "change")} == {
        "account": "alpha",
        "account_id": "111111111111",
        "region": "us-east-1",
        "resource_id": "sg-00000000000000001",
        "reason": "SSH open to the world: tcp 22 from 0.0.0.0/0",
        "change": {
            "what": "replace rules",
            "allow": [],
            "remove": [
                {
                    "IsEgress": False, "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0",
                    "Description": "",
                }
            ],
        },
    }  # fmt: skip


def test_it_says_what_a_form_leaves_out(tmp_path: Path) -> None:
    """Terraform takes no such description and deletes no group; neither it nor Custodian moves interfaces."""
    web = group(runs.rule("tcp 22 from 0.0.0.0/0", "caf\u00e9"), "tcp 3389 from ::/0")
    gone = group("tcp 22 from 0.0.0.0/0", number=2, name="gone")
    own = group(number=3, name="default", egress=["all traffic to 0.0.0.0/0"])
    carried = runs.interface(1, own, instance=1)
    folder = run(
        tmp_path,
        [web, gone, own],
        interfaces=[carried, runs.interface(2, web)],
        instances=[runs.instance(1, own, interfaces=[carried])],
        unused=[gone],
    )
    out = tmp_path / "out"
    remedy("-s", folder, "-o", out, "--for", "cli,terraform,custodian")
    cannot = (
        "Terraform cannot tell it exactly: tcp 22 from 0.0.0.0/0: the provider does not take its description"
    )
    deleted = "Terraform deletes what its state has; the group would be imported to be deleted"
    moved = "the groups of an interface are said where its instance is"
    assert {
        (step["group_name"], step["policy"]): (step["status"], step["left_out"]) for step in steps_in(out)
    } == {
        ("default", "sg-default"): (
            "planned",
            {"terraform": moved, "custodian": "Custodian makes no groups"},
        ),
        ("gone", SSH): ("planned", {"terraform": deleted}),
        ("gone", "sg-unused"): ("planned", {"terraform": deleted}),
        ("web", "sg-rdp-world"): ("planned", {"terraform": cannot}),
        ("web", SSH): ("planned", {"terraform": cannot}),
    }
    text = (out / "plan.md").read_text()
    assert "**5 planned steps are not in the files for terraform: below stands which, and why.**" in text
    assert "**1 planned step is not in the files for custodian: below stands which, and why.**" in text
    assert text.count("  - **not in the files for terraform**: ") == 5
    assert "  - **not in the files for custodian**: Custodian makes no groups\n" in text
    remedy("-s", folder, "-o", out)
    assert {str(step["left_out"]) for step in steps_in(out)} == {"{}"}
    assert "not in the files" not in (out / "plan.md").read_text()


def test_it_says_that_there_is_nothing_to_do(tmp_path: Path) -> None:
    folder = run(tmp_path, [group("tcp 443 from 0.0.0.0/0")])
    code, _ = remedy("-s", folder, "-o", tmp_path / "out")
    assert (code, steps_in(tmp_path / "out")) == (0, [])
    assert "There is nothing to do." in (tmp_path / "out" / "plan.md").read_text()


def test_it_exits_with_3_where_something_was_not_read(tmp_path: Path) -> None:
    web = group("tcp 22 from 0.0.0.0/0")
    units = {
        (ACCOUNT, REGION): cells([web]),
        ("beta", REGION): cells([], sg_ssh_world=rundir.DENIED),
    }
    folder = rundir.write(tmp_path / "run", units, runs.policies())
    assert remedy("-s", folder, "-o", tmp_path / "a")[0] == 3
    assert "**1 part of what was planned could not be read" in (tmp_path / "a" / "plan.md").read_text()
    assert remedy("-s", folder, "-o", tmp_path / "b", "-a", "alpha")[0] == 0  # whose cells were all read
    assert remedy("-s", folder, "-o", tmp_path / "c", "-a", "222222222222")[0] == 3
    assert steps_in(tmp_path / "c") == []


def test_what_stays_may_be_said_as_two_words(tmp_path: Path) -> None:
    folder = run(tmp_path, [group("tcp 20-25 from 0.0.0.0/0")])
    for words in (
        ["--keep", "tcp", "25,443"],
        ["--keep", "tcp 25,443"],
        ["--keep", "tcp/25", "--keep", "tcp", "443"],
    ):
        out = tmp_path / "-".join(words).replace("/", "_")
        assert remedy("-s", folder, "-o", out, *words)[0] == 0
        first = steps_in(out)[0]["change"]
        assert [rule["FromPort"] for rule in first["allow"]] == [25]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-p", "sg-nothing"], "-p sg-nothing: no policy of this output finds groups by that name"),
        (["-p", "eni-inventory"], "-p eni-inventory: no policy of this output finds groups by that name"),
        (["-a", "nobody"], "-a nobody: not in the output"),
        (["--keep", "all"], "--keep 'all': write such as"),
        (["--keep", "tcp 99999"], "'99999' is no port"),
        (["--keep", "tcp 30-20"], "'30-20' is no port"),
        (["--keep", "none", "--keep", "icmp"], "--keep none: goes with no other"),
        (["--keep", "protocol 256"], "--keep 'protocol 256': write such as"),
        (["--keep", "tcp \u0662\u0662"], "is no port"),
        (["--to", "0.0.0.0/0"], "that is the world again"),
        (["--to", "::/0"], "that is the world again"),
        (["--to", "0.0.0.0/1,128.0.0.0/1"], "that is the world again"),
        (["--to", "office"], "--to office: not a CIDR block"),
        (["--to", "198.51.100.7/24"], "--to 198.51.100.7/24: the block is called 198.51.100.0/24"),
        (["--for", "cloudformation"], "'cloudformation' is none of cli, terraform, custodian"),
        (["--role", "x y"], "--role 'x y': give the name of a role"),
        (["--role", "arn:aws:iam::999999999999:role/fix"], "is of account 999999999999"),
        (["--profile", "a'b"], "not the name of a profile"),
    ],
)
def test_wrong_input_is_told_in_a_line_and_writes_nothing(
    words: list[str], told: str, tmp_path: Path, wrong_run: Path
) -> None:
    with pytest.raises((InputError, click.ClickException)) as raised:
        remedy("-s", wrong_run, "-o", tmp_path / "out", *words)
    assert told in str(raised.value)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def wrong_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("wrong"), [group("tcp 22 from 0.0.0.0/0")])


def test_a_plan_takes_the_place_of_one_that_nobody_touched_and_of_nothing_else(tmp_path: Path) -> None:
    folder, out = run(tmp_path, [group("tcp 22 from 0.0.0.0/0")]), tmp_path / "out"
    remedy("-s", folder, "-o", out, "--for", "cli,terraform")
    remedy("-s", folder, "-o", out)
    assert {path.name for path in out.iterdir()} == {"plan.md", "plan.json", "cli.txt", "files.sha256"}
    for name in ("alpha.done", "cli.txt"):  # what a script saved; what a person changed
        before = (out / name).read_text() if (out / name).exists() else None
        (out / name).write_text("saved")
        with pytest.raises(InputError, match=f"holds what is of no plan, or was changed since: {name}"):
            remedy("-s", folder, "-o", out)
        assert (out / name).read_text() == "saved"
        if before is None:
            (out / name).unlink()
    assert not list(tmp_path.glob(".part-*"))


def test_a_form_that_cannot_be_written_leaves_the_plan_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = run(tmp_path, [group("tcp 22 from 0.0.0.0/0")]), tmp_path / "out"
    remedy("-s", folder, "-o", out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def full(plan: Any, path: Path) -> tuple[Path, ...]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(forms, "form", lambda name: full)
    done = CliRunner().invoke(cli, ["remedy", "-s", str(folder), "-o", str(out)], standalone_mode=False)
    assert isinstance(done.exception, OSError)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert not list(tmp_path.glob(".part-*"))


def test_what_a_script_begins_to_keep_meanwhile_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = run(tmp_path, [group("tcp 22 from 0.0.0.0/0")]), tmp_path / "out"
    remedy("-s", folder, "-o", out)
    before = {path.name for path in out.iterdir()}

    def beside_a_script(plan: Any, path: Path) -> tuple[Path, ...]:
        check = writing._check_untouched

        def late(folder: Path, named: Path) -> None:
            (folder / "alpha.done").write_text("saved")
            check(folder, named)

        monkeypatch.setattr(writing, "_check_untouched", late)
        return ()

    monkeypatch.setattr(forms, "form", lambda name: beside_a_script)
    with pytest.raises(InputError, match=f"-o {out}: holds what is of no plan, .* alpha.done"):
        remedy("-s", folder, "-o", out)
    assert {path.name for path in out.iterdir()} == {*before, "alpha.done"}
    assert not list(tmp_path.glob(".part-*"))


def test_a_mount_is_told_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "is_mount", lambda path: path == tmp_path)
    with pytest.raises(InputError, match=f"-o {tmp_path}: is mounted there; give a folder in it"):
        remedy("-s", tmp_path / "nothing", "-o", tmp_path)


def test_the_forms_are_those_of_the_command() -> None:
    assert tuple(forms.NAMES) == _FORMS
    assert forms.DEFAULT in _FORMS


# What AWS says in plan.md


def test_nothing_of_an_account_becomes_markup_or_a_link(tmp_path: Path) -> None:
    groups = [
        group(
            runs.rule("tcp 22 from 0.0.0.0/0", name),
            number=number,
            name=name,
            Tags=[{"Key": name, "Value": name}],
        )
        for number, name in enumerate(HOSTILE, 1)
    ]
    interfaces = [
        runs.interface(number, each, instance=number, Description=each["GroupName"])
        for number, each in enumerate(groups, 1)
    ]
    instances = [runs.instance(number, each, name=each["GroupName"]) for number, each in enumerate(groups, 1)]
    folder = run(tmp_path, groups, interfaces=interfaces, instances=instances)
    assert remedy("-s", folder, "-o", tmp_path / "out")[0] == 0
    text = (tmp_path / "out" / "plan.md").read_text()
    parsed = MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(text)
    tokens = [token for block in parsed for token in (block, *(block.children or ()))]
    kinds = {token.type for token in tokens}
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "em_open"}
    assert {token.content for token in tokens if token.type == "strong_open"} == set()
    headings = [
        parsed[place + 1].content for place, token in enumerate(parsed) if token.type == "heading_open"
    ]
    assert len(headings) == 2 + len(HOSTILE)  # the title, the account, and a group each
    plain = "".join(token.content for token in tokens if token.type == "text")
    for word in ("evil", "everyone", "script", "alert"):
        assert word not in plain
    assert len(steps_in(tmp_path / "out")) == len(HOSTILE)


# Into the accounts


def test_the_way_in_is_the_one_that_may_change(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.yml"
    accounts.write_text("""
accounts:
- name: alpha
  account_id: '111111111111'
  role: [arn:aws:iam::999999999999:role/hub, arn:aws:iam::111111111111:role/sg-audit]
  external_id: secret-7
- {name: beta, account_id: '222222222222', profile: beta-audit}
""")
    alpha, beta = ("alpha", "111111111111", "us-east-1"), ("beta", "222222222222", "cn-north-1")
    hub = "arn:aws:iam::999999999999:role/hub"
    by_file = access(accounts, "", "")
    assert by_file(*alpha) == Access("", (hub, "arn:aws:iam::111111111111:role/sg-audit"), "secret-7")
    assert by_file(*beta) == Access("beta-audit")
    assert by_file("gamma", "333333333333", "us-east-1") == Access()
    by_role = access(accounts, "fix", "")
    assert by_role(*alpha) == Access("", (hub, "arn:aws:iam::111111111111:role/fix"), "secret-7")
    assert by_role(*beta) == Access("beta-audit", ("arn:aws-cn:iam::222222222222:role/fix",))
    each = access(None, "arn:aws:iam::{Id}:role/team/fix", "base")
    assert each(*alpha) == Access("base", ("arn:aws:iam::111111111111:role/team/fix",))
    assert access(accounts, "", "admin")(*alpha) == Access("admin")
    assert access(None, "", "")(*alpha) == Access()


def test_what_stays_and_what_is_let_in_are_read_as_written() -> None:
    assert parse_keep([]) is None
    assert parse_keep(["none"]) == parse_keep([" none "]) == ()
    assert parse_keep(["protocol 006"]) == parse_keep(["tcp 0-65535"])  # tcp has the number 6
    assert [str(each) for each in parse_keep(["tcp 443,80", "udp 1000-2000", "icmp", "protocol 50"]) or ()] == [
        "tcp 80", "tcp 443", "udp 1000-2000", "icmp", "protocol 50",
    ]  # fmt: skip
    assert parse_to(["198.51.100.7", "198.51.100.7/32", "2001:DB8::/32"]) == (
        "198.51.100.7/32",
        "2001:db8::/32",
    )


def test_nothing_that_a_policy_is_called_becomes_markup(tmp_path: Path) -> None:
    named = [dict(each) for each in runs.policies()]
    for each in named:
        if each["name"] == SSH:
            each["report"] = each["report"] | {"title": "<b>SSH</b> [x](http://evil) https://evil.example"}
    units = {(ACCOUNT, REGION): cells([group("tcp 22 from 0.0.0.0/0")])}
    folder = rundir.write(tmp_path / "run", units, named)
    assert remedy("-s", folder, "-o", tmp_path / "out")[0] == 0
    tokens = MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(
        (tmp_path / "out" / "plan.md").read_text()
    )
    inline = [token for block in tokens for token in block.children or ()]
    assert not {token.type for token in inline} & {"html_inline", "link_open"}
    assert "evil" not in "".join(token.content for token in inline if token.type == "text")


def test_the_plan_begins_with_what_it_comes_to(tmp_path: Path) -> None:
    ssh = "tcp 22 from 0.0.0.0/0"
    web = group(ssh, number=1, name="web")
    mixed = group(ssh, "tcp 5432-5440 from 0.0.0.0/0", number=2, name="mixed")
    wide = group("tcp 20-25 from 0.0.0.0/0", number=3, name="wide")
    cluster = group(ssh, number=4, name="ElasticMapReduce-master")
    old = group(ssh, number=5, name="old")
    carried = [web, mixed, wide, cluster]
    folder = run(
        tmp_path,
        [*carried, old],
        interfaces=[runs.interface(number, each) for number, each in enumerate(carried, 1)],
        unused=[old],
    )
    assert remedy("-s", folder, "-o", tmp_path / "out")[0] == 0
    text = (tmp_path / "out" / "plan.md").read_text()
    assert (
        """
- 3 groups in 1 account would be changed, 1 of them deleted.
- Of risk critical: 2 of these groups before, 1 after.
- Of risk medium: 1 of these groups before, 0 after.
- Findings of 2 groups, 2 of them critical, wait for somebody to choose what is to stay of them: see the tables.
- Findings of 1 group, 1 of them critical, are left as they are, with a reason: see the tables.

| account | groups changed | of them deleted | with a choice | with a refusal |
| --- | --- | --- | --- | --- |
| `alpha` 111111111111 | 3 | 1 | 2 | 1 |
"""
        in text
    )
