"""The page as a file: what stands in it for whoever has no JavaScript, what it may do, and what it is made of."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner

from reporter.cli import cli
from reporter.errors import InputError
from reporter.report import console, overview_charts
from reporter.report.formats import html, load
from reporter.report.formats.html import bundle, charts, data
from tests.report.formats import page_runs
from tests.report.formats.page_runs import (
    BASTION,
    FORMULA,
    HOSTILE,
    HOSTILE_TAG,
    IDLE,
    INSIDE,
    MAYBE,
    ODD,
    OPEN,
)
from tests.rundir import DENIED, POLICIES, WORLD, group, interface, unit, write


class Page(HTMLParser):
    """The elements of a page: tag, attributes and text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[list[str]] = []
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("td", "th", "dd", "dt", "small", "li"):
            self.handle_data(" ")
        texts: list[str] = []
        self.elements.append((tag, dict(attrs), texts))
        if tag not in ("meta", "input", "br", "rect"):
            self._open.append(texts)

    def handle_endtag(self, tag: str) -> None:
        if self._open and tag != "rect":
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for texts in self._open:
            texts.append(data)

    def all(self, tag: str, **attributes: str) -> list[str]:
        """The texts of the elements with a tag and attributes, blanks put together."""
        return [
            " ".join("".join(texts).split())
            for found, attrs, texts in self.elements
            if found == tag
            and all(attrs.get(name.rstrip("_")) == value for name, value in attributes.items())
        ]

    def data(self) -> Any:
        [text] = [
            "".join(texts)
            for tag, attrs, texts in self.elements
            if tag == "script" and attrs.get("id") == "data"
        ]
        return json.loads(text)

    def group(self, group_id: str) -> dict[str, Any]:
        """A group by the names of its fields, with texts in the place of their numbers where lists hold them."""
        content = self.data()
        texts = content["texts"]
        for values in content["groups"]:
            found = dict(zip(content["fields"]["group"], values, strict=True))
            if texts[found["id"]] == group_id:
                for name in ("rules", "tags", "open", "reachable_on", "instances"):
                    found[name] = found[name] and [texts[each] for each in found[name]]
                for name in (
                    "name",
                    "level",
                    "why_level",
                    "reachable",
                    "why_reachable",
                    "since_last",
                    "first_seen",
                ):
                    found[name] = texts[found[name]]
                return found
        raise LookupError(group_id)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    return page_runs.page(folder, "-w", str(folder / "waivers.yml"))


@pytest.fixture(scope="module")
def page(path: Path) -> Page:
    return Page(path)


def test_it_is_one_file_that_others_cannot_read(path: Path) -> None:
    assert re.fullmatch(r"security_groups_inventory_\d{8}T\d{6}\.html", path.name)
    assert list(path.parent.iterdir()) == [path]


def test_the_figures_stand_in_it_without_javascript(page: Page) -> None:
    figures = [text.split() for text in page.all("li") if "groups proven" in text]
    assert [" ".join(words[: words.index("groups")]) for words in figures] == [
        "critical exposed and in use 2",
        "high default group on an instance 0",
        "medium exposed, not in use 2",
        "low not in use 0",
        "none none of these 1",
    ]
    assert " ".join(figures[0]).endswith("groups proven possible 1 reachable 1 waived 0 new 0")
    assert " ".join(figures[2]).endswith("groups proven possible 0 waived 1 new 0")


def test_the_worst_groups_are_those_that_are_not_waived(page: Page) -> None:
    rows = [text for text in page.all("tr") if text.endswith("2026-11-18")]
    assert [row.split()[0] for row in rows] == ["critical", "critical", "possibly", "medium"]
    assert rows[0] == (
        "critical bastion alpha · us-east-1 open: tcp 22 alpha us-east-1 tcp 22 yes jump (running) 2026-11-18"
    ), "risk, group with its place, account, region, what is open, reached, what is behind it, since when"
    assert HOSTILE in rows[1]
    assert "od_d" in rows[3], "and not what it would read as"


def test_the_accounts_count_what_is_not_waived_as_the_workbook_does(path: Path, page: Page) -> None:
    heads, *rows = [text for text in page.all("tr") if "groups regions read" in text or " of 1 " in text]
    assert heads == "account id critical high medium waived groups regions read read"
    assert rows == [
        "alpha 111111111111 2 0 1 1 5 1 of 1 100 %",
        "gamma 333333333333 0 +1 possible 0 0 0 1 0 of 1 57 %",
        "beta 222222222222 not read: its groups are not known 0 of 1 0 %",
    ]
    args = ["report", "-s", str(path.parents[1] / "runs"), "-o", str(path.parents[1] / "books")]
    args += ["-w", str(path.parents[1] / "waivers.yml")]
    done = CliRunner().invoke(cli, args, standalone_mode=False)
    sheet = openpyxl.load_workbook(done.stdout.strip(), data_only=True)["overview"]
    cells = [[str(cell.value) for cell in row if cell.value is not None] for row in sheet.iter_rows()]
    [start] = [number for number, row in enumerate(cells) if {"account", "waived"} <= {*row}]
    assert cells[start][:8] == ["account", "id", "critical", "high", "medium", "waived", "groups", "read"]
    assert [row[:7] for row in cells[start + 1 : start + 3]] == [
        ["alpha", "111111111111", "2", "0", "1", "1", "5"],
        ["gamma", "333333333333", "0", "0", "0", "0", "1"],
    ]


def test_what_was_not_read_is_told_with_what_to_do(page: Page) -> None:
    [both] = [text for text in page.all("li") if "denied" in text]
    advice = (
        "Allow the call to the account's role (sg-audit permissions prints all that is needed), "
        "then sg-audit audit --resume."
    )
    assert both == (
        "beta, the whole account: eu-west-1: denied UnauthorizedOperation; "
        f"gamma, us-east-1: 3 policies: denied UnauthorizedOperation. {advice}"
    ), "the same advice once"
    assert "What was not read is not clean: nothing is known of it." in page.all("strong")
    assert "not read: its groups are not known" in page.all("td", class_="unknown"), "and not 0"


def test_it_loads_nothing_and_runs_but_its_own_script(page: Page) -> None:
    [policy] = [
        attrs["content"]
        for tag, attrs, _ in page.elements
        if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    [script] = re.findall(r'<script type="module">(.*?)</script>', page.source, re.DOTALL)
    [style] = re.findall(r"<style>(.*?)</style>", page.source, re.DOTALL)
    hashes = [b64encode(sha256(each.encode()).digest()).decode() for each in (script, style)]
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{hashes[0]}'; style-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert [tag for tag, attrs, _ in page.elements if {"src", "style", "onclick"} & attrs.keys()] == []
    assert {tag for tag, *_ in page.elements if tag in ("link", "img", "iframe", "object", "base")} == set()
    assert not re.search(r"url\(|@import", style)


def test_what_aws_says_stands_in_it_as_text(page: Page) -> None:
    scripts = [attrs for tag, attrs, _ in page.elements if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "data"}, {"type": "module"}]
    assert page.group(OPEN)["name"] == HOSTILE
    assert page.group(OPEN)["tags"] == [f"{HOSTILE_TAG}=1"]
    assert page.group(INSIDE)["name"] == FORMULA
    addresses = {attrs["href"] for tag, attrs, _ in page.elements if tag == "a"}
    assert all(str(address).startswith("#") for address in addresses)


def test_a_group_has_all_of_its_rules(page: Page) -> None:
    assert page.group(BASTION)["rules"] == [
        "all traffic to 0.0.0.0/0",
        "tcp 22 from 0.0.0.0/0",
        "tcp 22 from 10.0.0.0/8",
    ]
    content = page.data()
    by_policy = {
        content["policies"][policy]["name"]: [content["texts"][each] for each in matched]
        for policy, _, matched, *_ in page.group(BASTION)["findings"]
    }
    assert by_policy == {
        "sg-ssh-world": ["tcp 22 from 0.0.0.0/0"],
        "sg-ssh-open": ["tcp 22 from 0.0.0.0/0", "tcp 22 from 10.0.0.0/8"],
    }


@pytest.mark.parametrize(
    ("group_id", "level", "why", "reachable", "why_reached"),
    [
        (BASTION, "critical", "Exposed (sg-ssh-world) and in use: on 1 interface.", "yes",
         "tcp 22 (SSH) open at 203.0.113.7"),
        (OPEN, "critical", "Exposed (sg-ssh-world) and in use: on 1 interface.", "no", "no public IPv4 address"),
        (IDLE, "medium", "Exposed (sg-ssh-world), and nothing carries it.", "no", "no interface carries it"),
        (INSIDE, "none", "In use, and no policy that counts for the risk found it.", "no",
         "it opens nothing to the world"),
    ],
)  # fmt: skip
def test_it_says_why(
    page: Page, group_id: str, level: str, why: str, reachable: str, why_reached: str
) -> None:
    found = page.group(group_id)
    assert (found["level"], found["why_level"]) == (level, why)
    assert (found["reachable"], found["why_reachable"]) == (reachable, why_reached)


def test_what_is_not_known_is_not_told_as_a_no(page: Page) -> None:
    maybe = page.group(MAYBE)
    assert (maybe["level"], maybe["proven"], maybe["reachable"]) == ("critical", False, "unknown")
    assert (maybe["in_use"], maybe["interface_count"]) == (None, None)
    assert maybe["why_level"].startswith("Not proven, the worst that missing answers leave open: Exposed")
    assert maybe["why_level"].endswith("carries it. Unknown: in_use."), "the worst case is named once"


def test_it_says_since_when_and_what_has_gone(page: Page) -> None:
    assert (page.group(BASTION)["first_seen"], page.group(BASTION)["since_last"]) == ("2026-11-18", "same")
    assert (page.group(INSIDE)["first_seen"], page.group(INSIDE)["since_last"]) == ("2026-11-25", "new")
    gone = {(each["name"], each["policy"], each["reason"]) for each in page.data()["gone"]}
    assert gone == {("old", policy, "deleted") for policy in ("sg-ssh-world", "sg-ssh-open", "sg-unused")}
    waived = page.group(IDLE)
    assert (waived["is_waived"], page.data()["texts"][waived["waived"]]) == (
        True,
        "until 2099-01-01: kept (jane)",
    )


def test_of_what_is_gone_and_left_out_the_number_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "_GONE", 1)
    content = Page(page_runs.page(tmp_path)).data()
    [alpha] = [account for account in content["accounts"] if account["name"] == "alpha"]
    assert (len(content["gone"]), alpha["changes"]["gone"]) == (1, 3)


def test_a_proven_risk_is_not_put_down_to_policies_that_were_not_read(tmp_path: Path) -> None:
    rdp = {
        "name": "sg-rdp",
        "resource": "aws.security-group",
        "filtered": True,
        "filters": [],
        "report": {"level": "exposed"},
    }
    ssh, closed = page_runs.ssh(BASTION, "ssh", WORLD), page_runs.ssh(IDLE, "closed", "10.0.0.0/8")
    by_rules = page_runs.ssh(OPEN, "by-rules", WORLD)
    run = write(
        tmp_path / "run",
        {
            ("alpha", "us-east-1"): unit([ssh, closed], [interface("eni-1", ssh, closed)], sg_rdp=DENIED),
            ("alpha", "eu-west-1"): unit(
                [by_rules], [interface("eni-2", by_rules)], sg_rdp=DENIED, sg_ssh_world=DENIED
            ),
        },
        [*POLICIES, rdp],
    )
    page = Page(page_runs.report(run, tmp_path))
    assert page.group(BASTION)["why_level"] == "Exposed (sg-ssh-world) and in use: on 1 interface."
    assert page.group(OPEN)["why_level"] == "Exposed (by its own rules) and in use: on 1 interface."
    worst = (
        "Not proven, the worst that missing answers leave open: Exposed (sg-rdp) and in use: on 1 interface."
    )
    assert page.group(IDLE)["why_level"].startswith(worst)


def test_an_account_called_other_is_one_of_its_own_in_the_chart(tmp_path: Path) -> None:
    block = overview_charts.Block(
        "t", ("critical",), (("other team", (3,)), ("other 2, average: 8 in all", (4,))), 1
    )
    assert [(bar.label, bar.told) for bar in charts.bars(block).bars] == [
        ("other team", "3"),
        ("other 2, average", "8 in all"),
    ]


def test_only_what_has_the_form_of_an_id_becomes_an_address(page: Page) -> None:
    assert page.group(BASTION)["in_console"] and not page.group(ODD)["in_console"]
    assert page.data()["consoles"] == {
        "us-east-1": "https://console.aws.amazon.com/ec2/home?region=us-east-1#SecurityGroup:groupId="
    }
    assert console.group_url("us-east-1", ODD) == console.group_url("evil.example", BASTION) == ""
    assert console.group_url("cn-north-1", BASTION).startswith("https://console.amazonaws.cn/")


@pytest.mark.parametrize(("what", "limit"), [((data, "ROOM"), 5_000), ((html, "SHOWS_GROUPS"), 2)])
def test_past_what_there_is_room_for_it_holds_the_worst(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: tuple[Any, str], limit: int
) -> None:
    monkeypatch.setattr(*what, limit)
    small = Page(page_runs.page(tmp_path))
    held = len(small.data()["groups"])
    assert 0 < held < 6 and small.group(BASTION)
    [said] = [text for text in small.all("strong") if "This page holds" in text]
    assert said == (
        f"This page holds the worst {held} of 6: the other {6 - held} are in the workbook (-f xlsx) "
        "and in CSV (-f csv), tab security_groups."
    )


def test_the_room_is_measured_as_it_stands_in_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "ROOM", 40_000)
    # Each of these characters takes six bytes.
    many = [group(f"sg-{number}", f"{number}{'<' * 100}", ssh_from=WORLD) for number in range(90)]
    units = {("alpha", "us-east-1"): unit(many), ("beta", "us-east-1"): dict.fromkeys(unit(), DENIED)}
    run = write(tmp_path / "run", units)
    manifest = json.loads((run / "run.json").read_text())
    for cell in manifest["cells"]:
        if cell["status"] == DENIED:
            cell["message"] = "&" * 5_000
    (run / "run.json").write_text(json.dumps(manifest))
    page = Page(page_runs.report(run, tmp_path))
    [text] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page.source)
    assert 35_000 < len(text) < 41_000
    assert 20 < len(page.data()["groups"]) < 90


def test_output_without_groups_is_a_page_too(tmp_path: Path) -> None:
    policies = [{"name": "eni-inventory", "resource": "aws.eni", "filtered": False, "report": {}}]
    run = write(tmp_path / "run", {("alpha", "us-east-1"): {"eni-inventory": [interface("eni-1")]}}, policies)
    page = Page(page_runs.report(run, tmp_path))
    assert page.all("h1") == ["Cloud Custodian report"]
    assert not [tag for tag, *_ in page.elements if tag == "script"]


@pytest.mark.parametrize(
    "text", ["", "var a=1;", "export{a as b};", "export{a as default};export{b as default};"]
)
def test_another_form_of_the_table_s_script_is_an_error_that_says_so(text: str) -> None:
    with pytest.raises(InputError, match=r"dt_bundle\.js: not in the form that is known"):
        bundle.from_module(text, "dt_bundle.js")


def test_the_table_s_script_cannot_end_its_element() -> None:
    found = bundle.from_module('a=/(<!--)/;b="</script><SCRIPT>";export{a as b,c as default}', "")
    assert found == 'a=/(\\x3c!--)/;b="\\x3c/script>\\x3cSCRIPT>";\nconst DataTable = c;'


def test_without_its_packages_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise ModuleNotFoundError("No module named 'itables'", name="itables")

    monkeypatch.setattr("importlib.import_module", lambda name: missing())
    with pytest.raises(InputError, match=r"-f html: needs itables, .*pip install 'c7n-sg-audit\[html\]'"):
        load("html")


def test_it_goes_with_other_formats(tmp_path: Path) -> None:
    run = write(tmp_path / "run", {("alpha", "us-east-1"): unit([group("sg-1")], DENIED)})
    args = ["report", "-s", str(run), "-o", str(tmp_path / "reports"), "-f", "json", "-f", "html"]
    done = CliRunner().invoke(cli, args, standalone_mode=False)
    assert [Path(line).suffix for line in done.stdout.split()] == [".json", ".html"]


@pytest.mark.parametrize(
    ("account", "told"),
    [
        (dict.fromkeys(unit(), DENIED), "Not known: no list of groups was read."),
        (
            unit([group("sg-1")], DENIED),
            "None of risk critical, high or medium that is not waived, in what was read.",
        ),
        (unit([group("sg-1")]), "None of risk critical, high or medium that is not waived."),
    ],
    ids=["refused", "in part", "whole"],
)
def test_that_no_group_is_bad_is_said_only_of_what_was_read(tmp_path: Path, account: Any, told: str) -> None:
    run = write(tmp_path / "run", {("alpha", "us-east-1"): account})
    args = ["report", "-s", str(run), "-o", str(tmp_path / "reports"), "-f", "html"]
    done = CliRunner().invoke(cli, args, standalone_mode=False)
    assert told in Page(Path(done.stdout.strip())).all("p")
