"""A git repository of policies, to be changed by the test, and the recorded run of the estate."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

ROOT = Path(__file__).resolve().parents[2]
Completed = subprocess.CompletedProcess[str]


class Repository:
    """This project's policies, committed on `main` in a repository of the test's own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.findings = root / "policies" / "20-findings.yml"
        self.findings.parent.mkdir(parents=True)
        for file in (ROOT / "policies").glob("*.yml"):
            (root / "policies" / file.name).write_bytes(file.read_bytes())
        self.git("init", "-q", "-b", "main")
        self.commit("before")

    def git(self, *words: str) -> None:
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
        subprocess.run(["git", "-C", str(self.root), *identity, *words], check=True, capture_output=True)

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "-q", "-m", message)

    def change(self, old: str, new: str, count: int = -1) -> None:
        """Replace a text of 20-findings.yml, which must be there."""
        text = self.findings.read_text()
        assert old in text
        self.findings.write_text(text.replace(old, new, count))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


Review = Callable[..., Completed]


@pytest.fixture
def review(repository: Repository, sg_audit: Callable[..., Completed], estate_run: Path) -> Review:
    """Runs `sg-audit review` in the repository, over the estate's run; AWS cannot be reached."""

    def run(*args: str | Path, base: str = "main", output: Path = estate_run) -> Completed:
        nowhere: dict[str, Any] = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
        return sg_audit("review", "--base", base, "-s", output, *args, env=nowhere, cwd=repository.root)

    return run


@pytest.fixture
def reviewed(review: Review) -> Callable[..., dict[str, Any]]:
    """What `--format json` says, of a review that must succeed."""

    def run(*args: str | Path, **options: Any) -> dict[str, Any]:
        done = review("--format", "json", *args, **options)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = msgspec.json.decode(done.stdout)
        return found

    return run
