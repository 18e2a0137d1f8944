"""What a review says of a change of the waivers, over a run written by hand."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from reporter.cli import cli
from reporter.errors import InputError
from tests import rundir

from .conftest import Repository
from .test_render import HOSTILE, outside_code

LATER = "2999-01-31"
BASTION, JUMP = (rundir.group(f"sg-{name}", name, ssh_from=rundir.WORLD) for name in ("bastion", "jump"))
ENTRY = "  - {{policy: sg-ssh-world, group: {group}, reason: OPS-1, owner: platform, expires: {expires}}}\n"

Run = Callable[..., Result]


def waivers(*groups: str, expires: str = LATER) -> str:
    return "waivers:\n" + "".join(ENTRY.format(group=group, expires=expires) for group in groups)


@pytest.fixture
def review(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    run = rundir.write(tmp_path / "run", {("alpha", "us-east-1"): rundir.unit([BASTION, JUMP])})
    monkeypatch.chdir(repository.root)

    def review(*words: Any) -> Result:
        words = ("review", "--base", "main", "-s", run, *words)
        return CliRunner().invoke(cli, list(map(str, words)), standalone_mode=False)

    return review


def found(result: Result) -> dict[str, Any]:
    assert result.exception is None, result.exception
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def finding(group: str) -> dict[str, str]:
    return {
        "policy": "sg-ssh-world",
        "account": "alpha",
        "account_id": "111111111111",
        "region": "us-east-1",
        "id": f"sg-{group}",
        "name": group,
        "until": f"until {LATER}: OPS-1 (platform)",
    }


def test_what_a_change_of_the_waivers_hides_and_brings_back(repository: Repository, review: Run) -> None:
    file = repository.root / "waivers.yml"
    file.write_text(waivers("bastion"))
    moved = found(review("--format", "json"))["waivers"]
    assert moved == {"file": "waivers.yml", "hidden": [finding("bastion")], "brought_back": [], "problem": ""}
    assert review("--fail-on-loosening").return_value == 1
    repository.commit("a waiver")
    assert found(review("--format", "json"))["waivers"] is None
    assert review("--fail-on-loosening").return_value == 0

    file.write_text(waivers("jump"))
    text = review().stdout
    assert "No policy differs between main and the working tree; 1 finding newly waived, 1 no longer." in text
    where = "sg-ssh-world  alpha (111111111111)  us-east-1"
    assert f"  + {where}  sg-jump  jump  [until {LATER}: OPS-1 (platform)]" in text
    assert f"  - {where}  sg-bastion  bastion  [until {LATER}: OPS-1 (platform)]" in text
    file.unlink()
    moved = found(review("--format", "json"))["waivers"]
    assert (moved["hidden"], moved["brought_back"]) == ([], [finding("bastion")])
    assert review("--fail-on-loosening").return_value == 0


def test_a_waiver_that_has_expired_moves_nothing(repository: Repository, review: Run) -> None:
    (repository.root / "waivers.yml").write_text(waivers("bastion", expires="2020-01-01"))
    moved = found(review("--format", "json"))["waivers"]
    assert (moved["hidden"], moved["brought_back"]) == ([], [])


def test_another_file_may_be_named(repository: Repository, review: Run) -> None:
    (repository.root / "accepted.yml").write_text(waivers("bastion"))
    assert found(review("--format", "json"))["waivers"] is None
    assert len(found(review("--format", "json", "-w", "accepted.yml"))["waivers"]["hidden"]) == 1
    refused = review("-w", "none.yml").exception
    assert isinstance(refused, InputError)
    assert str(refused) == "none.yml: no such file, neither before nor now"


def test_a_mistake_now_is_an_error_and_one_before_is_told(repository: Repository, review: Run) -> None:
    file = repository.root / "waivers.yml"
    file.write_text("waivers:\n  - {}\n  - 5\n")
    refused = review().exception
    assert isinstance(refused, InputError)
    assert [each.partition(":")[0] for each in refused.args] == ["waivers.yml, line 2"] * 4 + [
        "waivers.yml, line 3"
    ]
    repository.commit("wrong")
    file.write_text(waivers("bastion"))
    result = review("--fail-on-loosening")
    assert result.return_value == 3
    assert (
        "cannot be compared: the older version is wrong: main:waivers.yml, line 2: no reason" in result.stdout
    )


def test_a_link_is_not_followed(repository: Repository, review: Run, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2")
    (repository.root / "waivers.yml").symlink_to(tmp_path / "secret")
    result = review("--fail-on-loosening")
    assert result.return_value == 3
    assert "waivers.yml: a symbolic link, which is not followed" in result.stdout
    assert "hunter2" not in result.stdout


def test_no_reason_gets_out_of_its_code_block(repository: Repository, review: Run) -> None:
    reasons = [each for each in HOSTILE if each.isprintable()]
    entry = {"group": "bastion", "reason": " ".join(reasons), "owner": reasons[0], "expires": LATER}
    (repository.root / "waivers.yml").write_text(json.dumps({"waivers": [entry]}))
    markdown = review("--format", "markdown").stdout
    assert [each for each in reasons if each not in markdown] == []
    assert [each for each in reasons if each in outside_code(markdown)] == []
