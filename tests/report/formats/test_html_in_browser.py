"""The page in a real browser, opened from the disk."""

import csv
import json
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from reporter.report.formats.html import data
from tests.browser import browser, command
from tests.report import test_roles
from tests.report.formats import page_runs
from tests.report.formats.page_runs import (
    BASTION,
    FORMULA,
    HOSTILE,
    HOSTILE_TAG,
    IDLE,
    MAYBE,
    ODD,
    OPEN,
    TURNED_SHOWN,
)

_WAIT = 180  # seconds
_TEXTS = "return [...document.querySelectorAll(arguments[0])].map((each) => each.innerText.trim())"
_TEXTS_IN = """return [...arguments[0].querySelectorAll('fieldset label')]
  .map((each) => each.innerText.trim())"""
_CUT_OFF = """return [...document.querySelectorAll('.wide:has(.stacked)')]
  .filter((each) => each.scrollWidth > each.clientWidth).length"""
_READY = "return document.getElementById('status')?.textContent"


class Opened:
    """The page as a person meets it."""

    def __init__(self, driver: Chrome, path: Path, downloads: Path) -> None:
        self.driver, self.path, self.downloads = driver, path, downloads
        self.address = path.as_uri()

    def open(self, view: str = "") -> None:
        """Open the page anew, with what stands behind #."""
        self.driver.get("about:blank")
        self.driver.get(f"{self.address}{view}")
        self.until(lambda: bool(self.driver.execute_script(_READY)))

    def go(self, view: str) -> None:
        """Follow a link to what stands behind #."""
        self.driver.get(f"{self.address}{view}")
        self.until(lambda: self.view == view)

    def all(self, css: str) -> list[Any]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def texts(self, css: str) -> list[str]:
        # At once: one after the other, the page might be drawn anew in between.
        return list(self.driver.execute_script(_TEXTS, css))

    def text(self, css: str) -> str:
        [found] = self.texts(css)
        return found

    @property
    def names(self) -> list[str]:
        """The names of the groups in the table."""
        return self.texts("#table button.open")

    @property
    def view(self) -> str:
        """What stands behind # in the address bar."""
        return str(self.driver.execute_script("return location.hash"))

    def facet(self, label: str) -> Any:
        """A filter, opened."""
        texts = self.texts(".facet")
        [number] = [number for number, text in enumerate(texts) if text.startswith(label)]
        found = self.all(".facet")[number]
        if not found.get_attribute("open"):
            found.find_element(By.TAG_NAME, "summary").click()
        self.until(lambda: bool(found.find_elements(By.CSS_SELECTOR, "fieldset label")))
        return found

    def values(self, label: str) -> dict[str, int]:
        """The values of a filter, with the counts beside them."""
        found = {}
        for each in self.driver.execute_script(_TEXTS_IN, self.facet(label)):
            value, count = each.rsplit("\n", 1)
            found[value] = int(count)
        return found

    def choose(self, label: str, value: str) -> None:
        """Tick a value of a filter, or take it away again."""
        facet = self.facet(label)
        texts = self.driver.execute_script(_TEXTS_IN, facet)
        number = [each.rsplit("\n", 1)[0] for each in texts].index(value)
        facet.find_elements(By.CSS_SELECTOR, "fieldset label")[number].click()

    def search(self, words: str) -> None:
        field = self.driver.find_element(By.ID, "search")
        field.clear()
        field.send_keys(words)

    def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + _WAIT
        while not holds():
            assert time.monotonic() < end, "it did not come to that"
            time.sleep(0.02)

    def says(self, status: str) -> None:
        self.until(lambda: self.text("#status") == status)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    folder = tmp_path_factory.mktemp("browser")
    downloads = folder / "downloads"
    downloads.mkdir()
    with browser(downloads) as driver:
        path = page_runs.page(folder, "-w", str(folder / "waivers.yml"))
        yield Opened(driver, path, downloads)


@pytest.fixture
def page(opened: Opened) -> Iterator[Opened]:
    """The page, which each test opens. It must leave no complaint, and no request but for itself."""
    for kind in ("browser", "performance"):
        opened.driver.get_log(kind)  # that of tests before
    yield opened
    assert opened.driver.title.startswith("Security groups audit"), "something set another title"
    assert opened.driver.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in opened.driver.get_log("performance")]
    asked = {
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    }
    assert {url for url in asked if url not in (opened.address, "about:blank")} == set()


def test_all_groups_are_there_worst_first(page: Opened) -> None:
    page.open()
    assert page.names == ["bastion", HOSTILE, "maybe", "idle", TURNED_SHOWN, FORMULA.strip()]
    assert page.texts("#table tbody tr td:first-child") == [
        "critical",
        "critical",
        "possibly critical",
        "medium",
        "medium",
        "none",
    ]
    assert page.text("#status") == "6 of 6 groups"


def test_filters_combine_show_counts_and_stand_in_the_address(page: Opened) -> None:
    page.open()
    assert page.values("Level") == {"critical": 2, "possibly critical": 1, "medium": 2, "none": 1}
    page.choose("Level", "critical")
    page.says("2 of 6 groups")
    assert page.values("Reachable") == {"yes": 1, "unknown": 0, "no": 1}
    page.choose("Reachable", "yes")
    page.says("1 of 6 groups")
    assert page.names == ["bastion"]
    assert page.view == "#level=critical&reachable=yes"
    assert page.values("Level") == {"critical": 1, "possibly critical": 0, "medium": 0, "none": 0}
    page.choose("Level", "medium")
    page.choose("Reachable", "no")
    page.says("4 of 6 groups")
    assert page.view == "#level=critical&level=medium&reachable=yes&reachable=no"


def test_a_link_leads_to_its_rows_and_back_leads_to_the_last_ones(page: Opened) -> None:
    page.open("#account=alpha&reachable=yes")
    assert page.names == ["bastion"]
    page.choose("Reachable", "yes")
    page.says("5 of 6 groups")
    page.choose("Level", "medium")
    page.says("2 of 6 groups")
    page.driver.back()
    page.says("5 of 6 groups")
    page.driver.back()
    page.says("1 of 6 groups")
    assert page.view == "#account=alpha&reachable=yes"
    page.driver.forward()
    page.says("5 of 6 groups")
    page.driver.find_element(By.ID, "clear").click()
    page.says("6 of 6 groups")
    assert page.view in ("", "#")


def test_figures_lead_to_their_rows(page: Opened) -> None:
    page.open()
    page.driver.find_element(By.CSS_SELECTOR, ".figure.critical dl a[href*=reachable]").click()
    page.says("1 of 6 groups")
    assert page.names == ["bastion"]
    page.driver.back()
    page.driver.find_element(By.CSS_SELECTOR, ".figure.medium dl a[href*=waived]").click()
    page.says("1 of 6 groups")
    assert page.names == ["idle"]
    page.driver.find_element(By.CSS_SELECTOR, "nav a[href='#about']").click()
    assert page.text("#status") == "1 of 6 groups", "to go elsewhere on the page leaves the rows as they are"


def test_every_filter_can_be_linked_to(page: Opened) -> None:
    page.open()
    everything = ["bastion", HOSTILE, "maybe", "idle", TURNED_SHOWN, FORMULA.strip()]
    for view, names in (
        ("#account=gamma", ["maybe"]),
        ("#account=alpha&account=gamma&level=possibly+critical", ["maybe"]),
        ("#region=eu-west-1", []),
        ("#since_last=new", [FORMULA.strip()]),
        ("#waived=yes", ["idle"]),
        ("#tag=team%3Dweb", ["bastion"]),
        ("#tag=account%3Ateam%3Dcore&level=medium", ["idle", TURNED_SHOWN]),
        ("#policy=sg-unused&level=none", []),
        ("#account=nobody", []),
        ("#q=jump", ["bastion"]),
        ("#nonsense=1", everything),
    ):
        page.go(view)
        page.says(f"{len(names)} of 6 groups")
        assert page.names == names, view


def test_the_search_looks_at_ids_names_accounts_addresses_and_tags(page: Opened) -> None:
    page.open()
    for words, names in (
        (BASTION, ["bastion"]),
        ("BAST", ["bastion"]),
        ("gamma", ["maybe"]),
        ("333333333333", ["maybe"]),
        ("203.0.113.7", ["bastion"]),
        ("10.0.0.2", [HOSTILE]),
        ("10.0.0.33", [FORMULA.strip()]),
        ("198.51.100.33", [FORMULA.strip()]),
        ("2600:1f18::33", [FORMULA.strip()]),
        ("i-1", ["bastion"]),
        ("team=web", ["bastion"]),
        ("alpha eni-3", [FORMULA.strip()]),
        ("bastion gamma", []),
    ):
        page.search(words)
        page.until(lambda names=names: page.names == names)
        assert page.text("#status") == f"{len(names)} of 6 groups", words


def test_the_search_knows_what_is_on_interfaces_that_are_not_shown(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "_INTERFACES", 0)
    page = Opened(opened.driver, page_runs.page(tmp_path), opened.downloads)
    for words, names in (("10.0.0.33", [FORMULA.strip()]), ("eni-1", ["bastion"]), ("i-1", ["bastion"])):
        page.open(f"#q={words}")
        assert page.names == names, words


@pytest.mark.parametrize(
    ("view", "status", "said"),
    [
        ("#account=nobody", "0 of 6 groups", ["Account: nobody names nothing on this page."]),
        ("#account=alpha&account=nobody", "5 of 6 groups", ["Account: nobody names nothing on this page."]),
        ("#account=", "0 of 6 groups", ["Account: names nothing on this page."]),
        ("#level=foo&tag=x%3Dy", "0 of 6 groups",
         ["Level: foo names nothing on this page.", "Tag: x=y names nothing on this page."]),
        ("#account=%ZZ%&account=%ZZ%", "0 of 6 groups", ["Account: %ZZ% names nothing on this page."]),
        ("#acount=alpha&__proto__=1", "6 of 6 groups",
         ["This address asks for acount, which is no filter: it is left out.",
          "This address asks for __proto__, which is no filter: it is left out."]),
        # What there is, and no group has here.
        ("#level=high", "0 of 6 groups", []),
        ("#account=beta", "0 of 6 groups: not read, and so not known", []),
        ("#policy=sg-default", "0 of 6 groups", []),
        ("#q=bastion&q=web", "1 of 6 groups", []),
        ("#x", "6 of 6 groups", []),
        ("", "6 of 6 groups", []),
    ],
)  # fmt: skip
def test_an_address_that_names_nothing_is_told(page: Opened, view: str, status: str, said: list[str]) -> None:
    page.open(view)
    assert page.text("#status") == status
    assert [" ".join(text.split()) for text in page.texts("#strange p")] == said
    page.search("bastion")
    page.until(lambda: "acount" not in page.text("#strange"))


def test_back_undoes_a_search_as_one_step(page: Opened) -> None:
    page.open()
    page.choose("Level", "critical")
    page.search("bast")
    page.says("1 of 6 groups")
    page.driver.find_element(By.ID, "search").send_keys("ion")
    page.until(lambda: page.view == "#level=critical&q=bastion")
    page.driver.back()
    page.says("2 of 6 groups")
    assert page.view == "#level=critical"


def test_a_group_that_is_left_for_another_is_not_gone_back_to(page: Opened) -> None:
    page.open()
    page.all("#table button.open")[0].click()
    assert page.view == f"#group={BASTION}"
    page.go(f"#group={IDLE}")
    ActionChains(page.driver).send_keys(Keys.ESCAPE).perform()
    page.until(lambda: page.view in ("", "#"))
    assert not page.driver.find_element(By.ID, "group").is_displayed()


def test_a_group_opens_to_its_rules_and_reasons(page: Opened) -> None:
    page.open()
    page.all("#table button.open")[0].click()
    assert page.view == f"#group={BASTION}"
    dialog = page.driver.find_element(By.ID, "group")
    rules = [
        row.text
        for row in dialog.find_elements(By.CSS_SELECTOR, "table")[0].find_elements(
            By.CSS_SELECTOR, "tbody tr"
        )
    ]
    assert rules == [
        "tcp 22 from 0.0.0.0/0 offending: sg-ssh-world, sg-ssh-open",
        "tcp 22 from 10.0.0.0/8 sg-ssh-open",
        "all traffic to 0.0.0.0/0",
    ]
    text = dialog.text
    for wanted in (
        "critical Exposed (sg-ssh-world) and in use: on 1 interface.",
        "yes: tcp 22 (SSH) open at 203.0.113.7",
        "2026-11-18 (unchanged since the run before)",
        "alpha (111111111111)",
        "10.0.0.1, 203.0.113.7",
        "jump (running)",
        "team=web",
        "Remove tcp 22 from 0.0.0.0/0, or let in narrower ranges in its place (remedy --to)",
    ):
        assert wanted in text
    commands = [each.text for each in dialog.find_elements(By.CSS_SELECTOR, ".command code")]
    assert commands == [
        "sg-audit remedy -a 111111111111 -p sg-ssh-world",
        # What also lets 10.0.0.0/8 in stays: that is nobody's mistake.
        f"aws ec2 revoke-security-group-ingress --region us-east-1 --group-id {BASTION} --security-group-rule-ids "
        f"$(aws ec2 describe-security-group-rules --region us-east-1 --filters Name=group-id,Values={BASTION} "
        '--query \'SecurityGroupRules[?IsEgress==`false` && IpProtocol==`"tcp"` && FromPort==`22` && ToPort==`22` && '
        'CidrIpv4==`"0.0.0.0/0"`].SecurityGroupRuleId\' --output text)',
    ]
    [link] = dialog.find_elements(By.TAG_NAME, "a")
    assert link.get_attribute("href") == (
        f"https://console.aws.amazon.com/ec2/home?region=us-east-1#SecurityGroup:groupId={BASTION}"
    )
    assert link.get_attribute("rel") == "noopener noreferrer"
    page.driver.back()
    page.until(lambda: not dialog.is_displayed())
    assert page.view == ""


def test_a_link_opens_a_group_and_escape_closes_it(page: Opened) -> None:
    page.open(f"#level=medium&group={IDLE}")
    dialog = page.driver.find_element(By.ID, "group")
    assert "until 2099-01-01: kept (jane)" in dialog.text
    ActionChains(page.driver).send_keys(Keys.ESCAPE).perform()
    page.until(lambda: not dialog.is_displayed() and page.view == "#level=medium")
    page.go(f"#group={MAYBE}")
    assert "Which interfaces carry it was not read." in dialog_text(page)
    page.go("#group=sg-elsewhere")
    assert "This page has no group sg-elsewhere" in dialog_text(page)


def test_what_offends_looks_otherwise_than_what_is_not_known(page: Opened) -> None:
    def colour(css: str) -> str:
        shown = page.driver.find_element(By.CSS_SELECTOR, css).value_of_css_property("background-color")
        assert shown != "rgba(0, 0, 0, 0)", css
        return str(shown)

    page.open(f"#group={MAYBE}")
    assert page.text("#group h2 + p").startswith("account gamma (333333333333) · us-east-1")
    headings = page.texts("#group h3")
    assert headings == ["What to do", "Rules", "Interfaces", "Found by", "About the group"]
    assert colour("#group .level.possible") == colour("#group .unknown")
    assert colour("#group .offending th") != colour("#group .unknown")
    page.go(f"#group={BASTION}")
    assert page.driver.execute_script("return document.activeElement.innerText") == "Close", "not lost"
    assert dialog_text(page).count("jump") == 1, "once, at its interface"


def test_names_of_any_kind_are_filters_that_can_be_linked_to(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Opened(opened.driver, page_runs.odd_names(tmp_path, monkeypatch), opened.downloads)
    for number, (account, tag) in enumerate(page_runs.ODD_NAMES):
        page.open()
        page.choose("Account", account.replace("\u202e", "\ufffd"))
        page.choose("Tag", f"{tag}=1".replace("\u2028", "\ufffd"))
        page.says(f"1 of {len(page_runs.ODD_NAMES)} groups")
        page.open(page.view)
        page.says(f"1 of {len(page_runs.ODD_NAMES)} groups")
        assert page.text("#strange") == ""
        page.go(f"#group=sg-{number:017x}")
        assert f"{tag}=1".replace("\u2028", "\ufffd") in dialog_text(page)
    page.open("#account=dev%2Cops")
    assert "sg-audit report -a 000000000001 -f html" in page.text("#account"), "a comma would part the name"
    page.open("#account=%E2%80%AEved")
    assert page.texts("#account h3, .facet summary")[:2] == ["Account: \ufffdved", "Region"]
    assert page.driver.title.startswith("Security groups audit")


def test_rules_that_are_the_world_together_are_marked(opened: Opened, tmp_path: Path) -> None:
    page = Opened(opened.driver, page_runs.odd_rules(tmp_path), opened.downloads)
    page.open(f"#group={page_runs.HALVES}")
    shown = dialog_text(page)
    assert "offending: tcp 22 from the world, by several ranges or a prefix list" in shown
    assert page.texts("#group tbody tr") == [
        "tcp 22 from 0.0.0.0/1\toffending with others",
        "tcp 22 from 128.0.0.0/1\toffending with others",
        "tcp 22 from 10.0.0.0/8",
    ]


def test_a_rule_that_is_open_is_marked_where_no_policy_was_read(opened: Opened, tmp_path: Path) -> None:
    page = Opened(opened.driver, page_runs.odd_rules(tmp_path), opened.downloads)
    page.open(f"#group={page_runs.UNTOLD}")
    assert page.texts("#group tbody tr") == [
        "tcp 22 from 0.0.0.0/0\toffending: SSH open to the world, whatever policies say, sg-ssh-open",
        "tcp 22 from 10.0.0.0/8\tsg-ssh-open",
    ]


def test_what_matched_and_is_no_rule_any_more_is_told_as_that(opened: Opened, tmp_path: Path) -> None:
    page = Opened(opened.driver, page_runs.odd_rules(tmp_path), opened.downloads)
    page.open(f"#group={page_runs.CLOSED}")
    assert (
        "Matched when a policy looked, and not among the rules as they were read: tcp 22 from 0.0.0.0/0"
    ) in dialog_text(page)
    assert page.texts("#group tbody tr") == ["tcp 22 from 192.0.2.0/24"]


def test_roles_are_a_filter_and_a_column_and_told_of_each_instance(opened: Opened, tmp_path: Path) -> None:
    test_roles.report(test_roles.written(tmp_path / "run"), tmp_path, "html")
    page = Opened(opened.driver, next(tmp_path.glob("*.html")), opened.downloads)
    page.open()
    assert page.names == ["z", "y", "x"]
    assert page.texts("#table tbody tr td:nth-child(3)") == ["admin", "unknown", "no instance"]
    assert page.values("Role") == {"admin": 1, "unknown": 1, "no instance": 1}
    page.open("#role_power=admin")
    assert page.names == ["z"]
    page.open("#group=sg-z")
    shown = dialog_text(page)
    assert "admin, and an instance answers without a token (IMDSv1)" in shown
    assert shown.count(test_roles.BOSS) == 2  # of the group, and of its interface's instance
    page.open("#role_power=none")
    page.says("0 of 3 groups")


def test_where_no_roles_were_to_be_read_the_page_has_none(page: Opened) -> None:
    page.open()
    assert "role" not in page.texts("#table thead th")
    assert not any(text.startswith("Role") for text in page.texts(".facet"))


def dialog_text(page: Opened) -> str:
    return str(page.driver.find_element(By.ID, "group").text)


def test_an_account_s_view_says_what_is_not_known_and_hides_nothing(page: Opened) -> None:
    page.open("#account=gamma")
    shown = page.text("#account")
    assert "critical 0 (+1 possible)" in shown
    assert "denied UnauthorizedOperation Not allowed. Allow the call to the account's role" in shown
    assert "This view hides nothing: whoever has this file can read what it says of all accounts." in shown
    assert "sg-audit report -a gamma" in shown
    page.go("#account=beta")
    assert "not read: its groups are not known" in page.text("#account")
    assert "findings since 2026-11-18\nnot known" in page.text("#account"), "and not: 0 new, 0 gone"
    page.says("0 of 6 groups: not read, and so not known")
    assert page.text("#table td.dt-empty").startswith("Not read, and so not known")
    page.go("#account=alpha")
    assert "1 new, 0 changed, 3 gone, 0 not comparable" in page.text("#account")
    assert "3 findings gone since" in page.text("#account")
    page.go("#account=alpha&account=beta")
    assert not page.driver.find_element(By.ID, "account").is_displayed()


def test_no_text_from_aws_runs_or_becomes_html(page: Opened) -> None:
    page.open(f"#group={OPEN}")
    dialog = page.driver.find_element(By.ID, "group")
    assert dialog.find_element(By.TAG_NAME, "h2").text.startswith(HOSTILE)
    assert f"{HOSTILE_TAG}=1" in dialog.text
    assert page.all("img, #main script") == []
    ActionChains(page.driver).send_keys(Keys.ESCAPE).perform()
    page.open("#account=%3Cimg+src%3Dx+onerror%3D%22document.title%3D%27taken%27%22%3E&q=%3Cb%3E")
    assert "<img src=x" in page.text("#account")
    assert page.values("Tag")
    page.go(f"#group={quote(ODD)}")
    assert page.driver.find_elements(By.CSS_SELECTOR, "#group a") == [], "of no form of AWS's"


def test_the_rows_that_are_left_can_be_saved_and_none_is_a_formula(page: Opened) -> None:
    page.open("#account=alpha&level=none&level=critical")
    page.driver.find_element(By.ID, "download").click()
    file = page.downloads / "security_groups_findings.csv"
    page.until(file.exists)
    rows = list(csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines(keepends=True)))
    assert [row["security_group_id"] for row in rows] == [BASTION, OPEN, "sg-0000000000000000d"]
    assert {
        name: rows[0][name] for name in ("account_profile", "account_id", "risk", "reachable_on", "tags")
    } == {
        "account_profile": "alpha",
        "account_id": "111111111111",
        "risk": "critical",
        "reachable_on": "203.0.113.7 -> tcp 22",
        "tags": "team=web",
    }
    assert rows[0]["matched_rules"] == "tcp 22 from 0.0.0.0/0, tcp 22 from 10.0.0.0/8"
    assert rows[1]["group_name"] == HOSTILE
    assert rows[2]["group_name"] == "'\t'=1;\"'=2|'＝3"


def test_what_is_not_known_of_a_row_is_saved_as_that(page: Opened) -> None:
    for file in page.downloads.iterdir():
        file.unlink()
    page.open("#account=gamma")
    page.driver.find_element(By.ID, "download").click()
    file = page.downloads / "security_groups_findings.csv"
    page.until(file.exists)
    [row] = csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines(keepends=True))
    assert (row["risk"], row["attached_eni_count"]) == ("possibly critical", "unknown")
    assert row["reachable_on"].startswith("not every interface was read"), (
        "what is missing to tell, as in the workbook"
    )
    assert row["policies"] == "sg-ssh-world, sg-ssh-open, possibly sg-unused"


def test_it_can_be_used_with_the_keyboard_alone(page: Opened) -> None:
    page.open()

    def press(*keys: str) -> None:
        ActionChains(page.driver).send_keys(*keys).perform()

    def at() -> str:
        return str(page.driver.execute_script("return document.activeElement.innerText.split('\\n')[0]"))

    press(Keys.TAB)
    assert at() == "Skip to the report"
    page.driver.find_element(By.ID, "search").send_keys("")
    press(Keys.TAB, Keys.TAB, Keys.TAB)
    assert at().startswith("Level")
    press(Keys.ENTER)
    page.until(lambda: bool(page.all(".facet[open] fieldset label")))
    press(Keys.TAB, Keys.SPACE)
    page.says("2 of 6 groups")
    assert page.view == "#level=critical"
    press(Keys.SPACE)
    page.says("6 of 6 groups")
    press(Keys.SPACE, Keys.ESCAPE)
    assert at().startswith("Level: critical")
    press(Keys.ENTER)
    page.until(lambda: bool(page.all(".facet[open] fieldset label")))
    for _ in range(30):
        press(Keys.TAB)
        if at() == "bastion":
            break
    assert page.all(".facet[open]") == [], "it would lie over what one has come to"
    press(Keys.ENTER)
    page.until(lambda: page.view == f"#level=critical&group={BASTION}")
    assert at() == "Close"
    press(Keys.ENTER)
    page.until(lambda: page.view == "#level=critical")
    assert at() == "bastion", "where one was before"
    head = page.all("#table thead [role=button]")[2]
    for key, order in ((Keys.SPACE, "ascending"), (Keys.ENTER, "descending")):
        head.send_keys(key)
        page.until(lambda order=order: bool(page.all(f"#table th[aria-sort={order}]")))


def test_columns_sort_and_go_back_to_worst_first(page: Opened) -> None:
    page.open()

    def sort() -> None:
        [head] = [each for each in page.all("#table thead th") if each.text.startswith("group")]
        head.click()

    sort()
    page.until(lambda: page.names[1:] == [HOSTILE, "bastion", "idle", "maybe", TURNED_SHOWN])
    assert page.all("#table th[aria-sort=ascending]")[0].text.startswith("group")
    sort()
    page.until(lambda: page.names[0] == TURNED_SHOWN)
    sort()
    page.until(lambda: page.names[0] == "bastion")


def test_on_paper_stand_the_filters_or_the_group_that_is_open(page: Opened) -> None:
    def on_paper(view: str) -> str:
        page.open(view)
        command(page.driver, "Emulation.setEmulatedMedia", media="print")
        return page.text("body")

    try:
        shown = on_paper("#level=medium&q=idle")
        assert "Level: medium" in shown and "Clear filters" not in shown and "Region\n" not in shown
        assert page.driver.find_element(By.ID, "search").is_displayed() and "Search" in shown
        assert "Search" not in on_paper("#level=medium")
        assert on_paper(f"#group={BASTION}").startswith(f"bastion\n{BASTION}\n")
        top = page.driver.find_element(By.ID, "group-title").rect["y"]
        assert 0 <= top < 50, "on the first page, and not above it"
    finally:
        command(page.driver, "Emulation.setEmulatedMedia", media="")


def test_a_screen_reader_is_told_of_every_part(page: Opened) -> None:
    page.open()
    told = [
        node["name"]["value"]
        for node in command(page.driver, "Accessibility.getFullAXTree")["nodes"]
        if not node["ignored"] and node["role"]["value"] == "heading"
    ]
    parts = ["Overview", "Findings", "Accounts", "What could not be read", "About this report"]
    assert [each for each in told if each in parts] == parts, "also of those far down"


def test_it_tells_the_overview_without_javascript(page: Opened) -> None:
    page.open()
    command(page.driver, "Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.driver.get(page.address)
        shown = page.text("body")
    finally:
        command(page.driver, "Emulation.setScriptExecutionDisabled", value=False)
    for wanted in (
        "The list needs JavaScript",
        "The worst groups",
        "bastion",
        "not read: its groups are not known",
    ):
        assert wanted in shown
    assert "Save these rows" not in shown


@pytest.mark.parametrize(("width", "dark"), [(1366, False), (400, True)])
def test_it_can_be_used_by_everybody(page: Opened, width: int, dark: bool) -> None:
    package = find_spec("axe_core_python")
    assert package and package.submodule_search_locations
    axe = Path(package.submodule_search_locations[0], "axe.min.js").read_text(encoding="utf-8")
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    command(page.driver, "Emulation.setEmulatedMedia", features=[scheme])
    command(
        page.driver, "Emulation.setDeviceMetricsOverride",
        width=width, height=900, deviceScaleFactor=1, mobile=False,
    )  # fmt: skip
    try:
        for view in ("#account=gamma", f"#group={BASTION}"):
            page.open(view)
            if "group" not in view:
                page.facet("Level")
            assert page.driver.execute_script("return document.documentElement.scrollWidth <= innerWidth"), (
                view
            )
            assert page.driver.execute_script(_CUT_OFF) == 0, "why it is reached, and what to do"
            page.driver.execute_script(axe)
            found = page.driver.execute_async_script(
                "axe.run({resultTypes: ['violations']}).then(arguments[0])"
            )
            told = [
                f"{each['id']}: {each['help']}: {node['html'][:200]}"
                for each in found["violations"]
                for node in each["nodes"]
            ]
            assert told == [], view
    finally:
        command(page.driver, "Emulation.clearDeviceMetricsOverride")
        command(page.driver, "Emulation.setEmulatedMedia", features=[])
