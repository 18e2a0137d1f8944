"""`sg-audit policies --copy-to`: the policies of this project, for a deployment of one's own."""

import subprocess
from collections.abc import Callable
from pathlib import Path

POLICIES = Path(__file__).parents[2] / "policies"

SgAudit = Callable[..., "subprocess.CompletedProcess[str]"]


def test_policies_are_copied_and_nothing_else_is_touched(sg_audit: SgAudit, tmp_path: Path) -> None:
    target = tmp_path / "their" / "policies"
    target.mkdir(parents=True)
    (target / "mine.yml").write_text("policies: []\n")
    for _ in range(2):  # a copy that is there already is no other file
        done = sg_audit("policies", "--copy-to", target)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines() == [
            str(target / each.name) for each in sorted(POLICIES.glob("*.yml"))
        ]
    for each in POLICIES.glob("*.yml"):
        assert (target / each.name).read_bytes() == each.read_bytes()
    assert (target / "mine.yml").read_text() == "policies: []\n"


def test_a_different_file_stays_unless_forced(sg_audit: SgAudit, tmp_path: Path) -> None:
    last = sorted(POLICIES.glob("*.yml"))[-1].name
    (tmp_path / last).write_text("policies: []\n")
    done = sg_audit("policies", "--copy-to", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"sg-audit: {tmp_path / last}: there is another file of that name; --force writes over it\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == [last]
    assert (tmp_path / last).read_text() == "policies: []\n"
    assert sg_audit("policies", "--copy-to", tmp_path, "--force").returncode == 0
    assert (tmp_path / last).read_bytes() == (POLICIES / last).read_bytes()


def test_force_alone_means_nothing(sg_audit: SgAudit) -> None:
    assert sg_audit("policies", "--force").returncode == 2
