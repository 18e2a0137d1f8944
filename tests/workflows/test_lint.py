"""`make lint` notices what is wrong in a workflow or in the Dockerfile, without a network."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHECKOUT = "de0fac2e4500dabe0009e67214ff5f5447ce83dd"
PROGRAMS = ("check-jsonschema", "zizmor", "hadolint")


@pytest.fixture(scope="module")
def commands() -> dict[str, str]:
    """What `make lint` runs of these programs, by their names."""
    command = ["make", "-n", "-o", ".venv/.ready-dev", "lint"]
    env = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}
    printed = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout
    lines = [line.replace(".venv/bin", str(Path(sys.executable).parent)) for line in printed.splitlines()]
    return {name: line for name in PROGRAMS for line in lines if f"/{name} " in line}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    shutil.copy(ROOT / "Dockerfile", tmp_path)
    yield tmp_path


def lint(command: str, place: Path) -> subprocess.CompletedProcess[str]:
    """Run one of them where no proxy, and so no network, can be reached."""
    env = {**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    return subprocess.run(["bash", "-c", command], cwd=place, env=env, capture_output=True, text=True)


@pytest.mark.parametrize("program", PROGRAMS)
def test_there_is_nothing_to_find(commands: dict[str, str], place: Path, program: str) -> None:
    done = lint(commands[program], place)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("program", "file", "old", "new", "said"),
    [
        ("check-jsonschema", "ci.yml", "runs-on:", "run-on:", "'run-on'"),
        ("zizmor", "ci.yml", "        with:\n          persist-credentials: false\n", "", "artipacked"),
        ("zizmor", "ci.yml", "permissions:\n  contents: read", "permissions: write-all", "excessive-permissions"),
        ("zizmor", "scheduled-audit.yml", f"checkout@{CHECKOUT}", "checkout@v6", "unpinned-uses"),
        ("zizmor", "policy-review.yml", "git rev-parse", "${{ github.head_ref }}", "template-injection"),
        ("hadolint", "Dockerfile", "USER 10001:10001", "USER root", "DL3002"),
        ("hadolint", "Dockerfile", "FROM python:3.11-slim AS", "FROM python AS", "DL3006"),
    ],
)  # fmt: skip
def test_a_planted_flaw_is_found(
    commands: dict[str, str], place: Path, program: str, file: str, old: str, new: str, said: str
) -> None:
    path = place / file if file == "Dockerfile" else place / ".github" / "workflows" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    done = lint(commands[program], place)
    assert done.returncode != 0
    assert said in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["scheduled-audit.yml", "policy-review.yml"])
def test_shellcheck_has_nothing_to_say_of_the_steps(
    commands: dict[str, str], tmp_path: Path, name: str
) -> None:
    """hadolint asks it about the shell of a Dockerfile, a code once a RUN."""
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())["jobs"].values()
    # Of what pip installs hadolint has more to say itself.
    steps = [step for job in jobs for step in job["steps"] if step.get("name") != "Install" and "run" in step]
    assert len(steps) >= 4
    head = 'FROM debian:12\nSHELL ["/bin/bash", "-eo", "pipefail", "-c"]\n'
    for step in steps:
        for planted, said in (("", []), ('planted="a b"\necho $planted', ["SC2086"])):
            (tmp_path / "Dockerfile").write_text(f"{head}RUN <<END\n{step['run']}\n{planted}\nEND\n")
            found = lint(commands["hadolint"], tmp_path).stdout
            assert re.findall(r"SC\d+", found) == said, (step["name"], found)
