"""`--summary`: what a report says first, as Markdown. The expected texts are written down by hand."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt
from markdown_it.token import Token

from reporter.cli import cli
from reporter.errors import InputError
from reporter.output.manifest import Status
from reporter.report import summary_markdown
from reporter.report.overview import Overview, overview
from reporter.report.summary_file import SIZE
from reporter.report.unread import Unread
from tests import rundir
from tests.report.two_runs import NEWER, WAIVERS, two_runs
from tests.rundir import WORLD, audit, findings, group, instance, interface, unit, write

US = ("alpha", "us-east-1")
HOSTILE = (
    "<img src=x onerror=alert(1)><!--",
    "@acme/admins",
    "https://example.org/x www.example.org mail@example.org",
    "[link](https://example.org) ![image](//example.org/x.png) [ref]: //x",
    "#1 acme/audits#1 GH-1 0123456789abcdef0123456789abcdef01234567",
    ":x: :rocket:",
    "a | b \\| c \\",
    "`tick` ``ticks`` ````four````",
    "`",
    " blanks ",
    "::error::x",
    "::set-output name=x::y",
    "##[add-mask]e ###[error]x ##vso[task.complete]",
    "two\nlines\r\n::error::x\u2028more",
    "\u202egnp.exe \u200b\u3164\ufeff\x1b[31m \U000e0041",
    "</details></summary><script>x</script>",
    "$x$ $`x`$ $$x$$",
    "**bold** _it_ ~~no~~ - [ ] task",
)


def summed_up(folder: Path, *words: str | Path, code: int = 0, env: dict[str, str] | None = None) -> str:
    """The summary of a report of the newest run in a folder, made with these words more."""
    file = folder / "summary.md"
    command = ["report", "-s", folder, "-o", folder / "reports", "-f", "csv", "--summary", file, *words]
    done = CliRunner().invoke(cli, [*map(str, command)], standalone_mode=False, env=env)
    assert done.exception is None, (done.output, done.exception)
    assert done.return_value == code
    return file.read_text(encoding="utf-8")


def runs(folder: Path) -> None:
    """Two of which the newer was not read whole."""
    (two_runs(folder) / "waivers.yml").write_text(WAIVERS)


def test_the_estate(
    sg_audit: Callable[..., Any], estate_run: Path, estate_accounts: Path, tmp_path: Path
) -> None:
    file = tmp_path / "summary.md"
    done = sg_audit(
        *("report", "-s", estate_run, "-c", estate_accounts, "-o", tmp_path, "-f", "csv", "--summary", file)
    )
    assert done.returncode == 0, done.stderr
    text = re.sub(r"\bsg-[0-9a-f]{17}", "sg-…", file.read_text(encoding="utf-8"))
    assert re.sub(r"\d{4}-\d\d-\d\d( \d\d:\d\d UTC)?", "WHEN", text) == ESTATE


def test_a_run_that_was_not_read_whole(tmp_path: Path) -> None:
    runs(tmp_path)
    assert summed_up(tmp_path, "-w", tmp_path / "waivers.yml", code=3) == NOT_WHOLE


def test_an_account_alone(tmp_path: Path) -> None:
    runs(tmp_path)
    text = summed_up(tmp_path, "-w", tmp_path / "waivers.yml", "-a", "alpha")
    first = text.split("\n\n")[1]
    assert first == (
        "`as of 2026-11-23 21:03 UTC`, of `alpha` alone: 4 security groups. 1 of 1 account was read whole (100 %); "
        "1 of 1 region of an account was read whole (100 %)."
    )
    assert "beta" not in text
    assert "gamma" not in text
    assert "Not read" not in text
    assert "| critical | 1 | 0 | 0 | 0 | 0 |" in text


def test_what_is_new_and_what_is_gone(tmp_path: Path) -> None:
    closed, opened = group("sg-1", "closed"), group("sg-2", "opened")
    was, now = group("sg-1", "closed", ssh_from=WORLD), group("sg-2", "opened", ssh_from=WORLD)
    on = [interface("eni-1", closed), interface("eni-2", opened)]
    for day, groups in ((17, [was, opened]), (24, [closed, now])):
        write(
            tmp_path / f"202611{day}T210355Z", {US: unit(groups, on)}, started=f"2026-11-{day}T21:03:55+00:00"
        )
    text = summed_up(tmp_path)
    assert "| critical | 1 | 0 | 0 | 0 | 1 |" in text
    # Each is a finding of sg-ssh-world and one of sg-ssh-open, which informs.
    assert "`Findings: 1 new critical, 1 new informing, 2 gone since 2026-11-17`" in text


def test_a_good_day_has_a_page(tmp_path: Path) -> None:
    write(tmp_path / NEWER, {US: unit([group("sg-1")], [interface("eni-1", group("sg-1"))])})
    assert summed_up(tmp_path) == GOOD_DAY
    assert GOOD_DAY.count("\n") <= 20


def test_where_no_list_of_groups_was_read_nothing_is_said_to_be_good(tmp_path: Path) -> None:
    write(tmp_path / NEWER, {US: dict.fromkeys(unit(), "denied")})
    text = summed_up(tmp_path, code=3)
    assert "| critical | – | – | – | – |\n" in text
    assert "Not known: no list of groups was read." in text
    assert "Nothing of risk" not in text


def test_output_without_groups_has_no_levels(tmp_path: Path) -> None:
    policies = [
        {"name": "instances", "resource": "aws.ec2", "filtered": False, "report": {"tab": "instances"}}
    ]
    write(tmp_path / NEWER, {US: {"instances": [instance("i-1")]}}, policies)
    assert summed_up(tmp_path) == (
        "### Cloud Custodian report\n\n`as of 2026-11-23 21:03 UTC`: 1 of 1 account was read whole (100 %); "
        "1 of 1 region of an account was read whole (100 %).\n"
    )


# Names.


def page(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The summary of a run in which all that somebody may call as he likes is called that, also what AWS answers."""
    monkeypatch.setitem(rundir.ACCOUNT_IDS, "evil", "444444444444")
    open_to_all = group(name, name, "evil", WORLD) | {"Description": name}
    there = interface("eni-1", open_to_all, owner="evil") | {"Description": name, "InterfaceType": name}
    on_instance = instance("i-1", open_to_all, name=name)
    found = {
        ("evil", "us-east-1"): unit([open_to_all], [there], [on_instance]),
        ("alpha", "eu-west-1"): unit([], "denied"),
    }
    read = audit(write(folder / "run", found))
    plain = overview(read, findings(read))
    [worst] = plain.worst
    [unread] = plain.unread
    assert worst.group_name.strip() or not name.strip()
    hostile = replace(
        plain,
        worst=(replace(worst, account=name, label=name, region=name, opens=(name,), first_seen=name),),
        unread=(
            replace(
                unread,
                account=name,
                regions=(name,),
                policies=(name,),
                code=name,
                message=name,
                what_to_do=name,
            ),
            *(replace(unread, account=f"{name}{number}", message=name) for number in range(11)),
        ),
        remarks=(name,),
    )
    return summary_markdown.as_markdown(hostile, accounts=[name])


def shape(text: str) -> list[tuple[str, str]]:
    """What Markdown becomes, but for what stands in code."""

    def seen(tokens: list[Token]) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for token in tokens:
            if token.type in {"code_inline", "fence"}:
                found.append((token.type, token.info))
            elif token.type == "inline":
                found += seen(token.children or [])
            else:
                found.append((token.type, token.content))
        return found

    return seen(MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(text))


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_is_more_than_text(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = page(tmp_path / "hostile", name, monkeypatch)
    found = shape(text)
    # Neither a row nor a line is added, and what stands outside of code is the same as with any other name.
    assert found == shape(page(tmp_path / "plain", "plain", monkeypatch))
    assert {kind for kind, _ in found} & {"link_open", "image", "html_inline"} == set()
    assert [content for kind, content in found if kind == "html_block"] == [
        "<details><summary>2 more that could not be read</summary>\n", "</details>\n",
    ]  # fmt: skip
    for line in text.splitlines():
        assert not line.lstrip().startswith("::")
        assert not re.search(r"##\w*\[", line)
    assert text.replace("\n", "").isprintable()
    assert not set("\u3164\u200b") & set(text)


def test_a_name_in_code_is_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "@acme/admins `x` #1 https://example.org"
    tokens = MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(page(tmp_path, name, monkeypatch))
    codes = {
        child.content for token in tokens for child in token.children or [] if child.type == "code_inline"
    }
    assert name in codes


# Size.


@pytest.fixture
def many(tmp_path: Path) -> Overview:
    """An overview of 20,000 accounts that were refused, whose names are long."""
    read = audit(write(tmp_path / "run", {US: unit([group("sg-1")], [])}))
    unread = Unread("", "", ("all",), ("sg",), 1, Status.DENIED, "AccessDenied", "größe" * 40, "Ask.", True)
    refused = tuple(replace(unread, account=f"account-{number}") for number in range(20_000))
    return replace(overview(read, findings(read)), unread=refused)


@pytest.mark.parametrize("size", [SIZE, 20_000])
def test_it_is_no_longer_than_there_is_room_for(many: Overview, size: int) -> None:
    text = summary_markdown.as_markdown(many, size=size)
    assert size * 0.99 < len(text.encode()) <= size
    listed = re.findall(r"^(?:- `account-|! account-)\d+", text, re.M)
    [more] = re.findall(r"^… and ([\d,]+) more$", text, re.M)
    assert len(listed) + int(more.replace(",", "")) == 20_000
    assert f"{20_000 - 10:,} more that could not be read" in text
    assert text.count("<details>") == text.count("</details>") == 1
    assert text.count("```") == 2


def test_half_of_it_is_nothing(many: Overview) -> None:
    assert summary_markdown.as_markdown(many, size=500) == ""


# The file.


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    write(tmp_path / NEWER, {US: unit([group("sg-1")], [interface("eni-1", group("sg-1"))])})
    return tmp_path


def test_the_file_is_written_anew_and_its_owners_alone(ran: Path) -> None:
    (ran / "summary.md").write_text("of yesterday")
    before = os.umask(0o077)
    try:
        assert summed_up(ran) == GOOD_DAY
    finally:
        os.umask(before)
    file = ran / "other.md"
    file.symlink_to(ran / "summary.md")
    (ran / "summary.md").write_text("of yesterday")
    summed_up(ran, "--summary", file)  # the last one given counts
    assert file.is_symlink()
    assert (ran / "summary.md").read_text() == GOOD_DAY
    (ran / "summary.md").unlink()
    summed_up(ran)
    assert (ran / "summary.md").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("before", ["", "### Of another step\n", "no line's end"])
def test_the_summary_of_a_job_keeps_what_others_wrote(ran: Path, before: str) -> None:
    (ran / "summary.md").write_text(before)
    # GitHub names it by its whole path.
    text = summed_up(ran, env={"GITHUB_STEP_SUMMARY": str((ran / "summary.md").resolve())})
    assert text == (f"{before}\n\n{GOOD_DAY}" if before else GOOD_DAY)


def refused(ran: Path, file: Path, env: dict[str, str] | None = None) -> tuple[str, list[str]]:
    """What is said where the summary cannot be written, and the files of the report."""
    words = ["report", "-s", ran, "-o", ran / "reports", "-f", "json", "--summary", file]
    done = CliRunner().invoke(cli, [*map(str, words)], standalone_mode=False, env=env)
    assert isinstance(done.exception, InputError), done.output
    return str(done.exception), done.stdout.splitlines()


def test_a_job_whose_summary_is_full_keeps_it(ran: Path) -> None:
    """Of a longer one GitHub would show nothing."""
    file = ran / "summary.md"
    file.write_bytes(b"x" * (SIZE - 500))
    said, report = refused(ran, file, {"GITHUB_STEP_SUMMARY": str(file)})
    assert said == f"--summary {file}: what is there leaves no room for it in 1,048,576 bytes"
    assert file.read_bytes() == b"x" * (SIZE - 500)
    assert [Path(path).exists() for path in report] == [True]


def test_a_file_that_cannot_be_written_costs_no_report(ran: Path) -> None:
    said, report = refused(ran, Path("/dev/full"))
    assert said == ("--summary /dev/full: cannot be written: No space left on device; the report is")
    assert [Path(path).exists() for path in report] == [True]


@pytest.mark.parametrize("command", ["report", "audit", "demo"])
@pytest.mark.parametrize(
    ("file", "wrong"),
    [
        ("", ".: a folder; give the name of a file"),
        ("there", "there: a folder; give the name of a file"),
        ("no/summary.md", "no/summary.md: there is no folder no"),
    ],
)
def test_a_place_that_can_be_none_is_told_before_anything_is_done(
    command: str, file: str, wrong: str, ran: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ran)
    (ran / "there").mkdir()
    place = ran.name if command == "report" else "output"
    words = [command, "-s", str(ran) if command == "report" else place, "--summary", file]
    words += ["-c", "accounts.yml"] if command == "audit" else []
    done = CliRunner().invoke(cli, words, standalone_mode=False)
    assert isinstance(done.exception, InputError)
    assert str(done.exception) == f"--summary {wrong}"
    assert not (ran / "reports").exists()
    assert not (ran / "output").exists()


GOOD_DAY = """\
### Security groups audit

`as of 2026-11-23 21:03 UTC`: 1 security group. 1 of 1 account was read whole (100 %); 1 of 1 region of an account was read whole (100 %).

| risk | proven | of them reachable | of them waived | only possible |
| --- | ---: | ---: | ---: | ---: |
| critical | 0 | 0 | 0 | 0 |
| high | 0 | 0 | 0 | 0 |
| medium | 0 | – | 0 | 0 |
| low | 0 | – | – | 0 |

No earlier run to compare with.

**What to do next**

- Nothing of risk critical, high or medium was found in what was read.

None of risk critical, high or medium that is not waived.
"""  # noqa: E501

# alpha: sg-a is critical, as its interface is there; sg-b has none, and is waived; sg-d is the default group on an
# instance; sg-e is not in use. beta: as no interface was read, sg-f, which is waived, and sg-g may be critical. gamma
# was refused as a whole. In the older run there were alpha and gamma.
NOT_WHOLE = """\
### Security groups audit

`as of 2026-11-23 21:03 UTC`: 6 security groups. 1 of 3 accounts were read whole (33 %), 1 in part, 1 not at all; 1 of 3 regions of accounts were read whole (33 %), 1 in part, 1 not at all. **What was not read is not clean: nothing is known of it.**

| risk | proven | of them reachable | of them waived | only possible | new |
| --- | ---: | ---: | ---: | ---: | ---: |
| critical | 1 | 0 | 0 | 2 | 0 |
| high | 1 | 0 | 0 | 0 | 0 |
| medium | 1 | – | 1 | 0 | 0 |
| low | 1 | – | – | 0 | – |

`Findings: 9 not comparable, 1 of them waived since 2026-11-16`

**Not read**

- `gamma` `the whole account: us-east-1`: `denied UnauthorizedOperation Not allowed.`. `Allow the call to the account's role ('sg-audit permissions' prints all that is needed)`
- `beta` `us-east-1: 3 policies`: `denied UnauthorizedOperation Not allowed.`. `Allow the call to the account's role ('sg-audit permissions' prints all that is needed)`

**What to do next**

- Close 1 group of risk critical that is not waived: open and in use, an address, a route or a network ACL away from being reached.
- Move the instances off 1 default group, to groups made for them.
- Read what was not read, of 2 accounts: as told above, then `sg-audit audit --resume` with the run's -c, -u and -s. Until then nothing is known of it, good or bad.
- `sg-audit remedy` writes the steps for these, and those that undo them; it carries out nothing.

**The worst groups that are not waived**

| risk | group | account | region | open to the world | reachable | behind it | since |
| --- | --- | --- | --- | --- | --- | --- | --- |
| critical | `web` `sg-a` | `alpha` | `us-east-1` | `tcp 22` | no | `eni-1's description` | `2026-11-16` |
| possibly critical | `lab2` `sg-g` | `beta` | `us-east-1` | `tcp 22` | unknown | `nothing known` | `2026-11-23` |
| high | `default` `sg-d` | `alpha` | `us-east-1` | `nothing` | no | `i-1 (running)` | `2026-11-16` |
"""  # noqa: E501

# Held against the answers in test_workbook.py, which were thought out by hand.
ESTATE = """\
### Security groups audit

`as of WHEN`: 77 security groups. 3 of 3 accounts were read whole (100 %); 9 of 9 regions of accounts were read whole (100 %).

| risk | proven | of them reachable | of them waived | only possible |
| --- | ---: | ---: | ---: | ---: |
| critical | 9 | 6 | 0 | 0 |
| high | 1 | 0 | 0 | 0 |
| medium | 6 | – | 0 | 0 |
| low | 15 | – | – | 0 |

No earlier run to compare with.

**What to do next**

- Close what the internet reaches now: 6 groups of risk critical. Each finding names the rule that lets it in (matched rules) and where it is reached.
- Then the other 3 groups of risk critical: open and in use, an address, a route or a network ACL away from being reached.
- Move the instances off 1 default group, to groups made for them.
- Delete or close 6 groups of risk medium: open to the world, and one attachment from critical.
- `sg-audit remedy` writes the steps for these, and those that undo them; it carries out nothing.

**The worst groups that are not waived**

| risk | group | account | region | open to the world | reachable | behind it | since |
| --- | --- | --- | --- | --- | --- | --- | --- |
| critical | `bastion` `sg-…` | `dev` `platform` | `us-east-1` | `tcp 22` | yes | `bastion-1 (running)` | `WHEN` |
| critical | `break-glass` `sg-…` | `production` `payments` | `ap-southeast-2` | `all` | yes | `break-glass-1 (running)` | `WHEN` |
| critical | `two-halves` `sg-…` | `staging` `platform` | `ap-southeast-2` | `tcp 22` | yes | `two-halves` | `WHEN` |
| critical | `world-list` `sg-…` | `staging` `platform` | `ap-southeast-2` | `tcp 3389` | yes | `world-list` | `WHEN` |
| critical | `default` `sg-…` | `staging` `platform` | `eu-west-1` | `tcp 22` | yes | `trial-1 (running)` | `WHEN` |
| critical | `wide-range` `sg-…` | `staging` `platform` | `us-east-1` | `tcp 20-25` | yes | `ftp-1 (running)` | `WHEN` |
| critical | `ipv6-jump` `sg-…` | `dev` `platform` | `eu-west-1` | `tcp 22` | no | `jump-1 (running)` | `WHEN` |
| critical | `shared-services` `sg-…` | `production` `payments` | `us-east-1` | `tcp 22` | no | `A task in the shared VPC` | `WHEN` |
| critical | `allow-all` `sg-…` | `staging` `platform` | `eu-west-1` | `all` | no | `old-ci (stopped)` | `WHEN` |
| high | `default` `sg-…` | `dev` `platform` | `us-east-1` | `nothing` | no | `scratch-1 (running)` | `WHEN` |

… and 6 more of risk critical, high or medium that are not waived
"""  # noqa: E501
