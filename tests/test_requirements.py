"""The two files of pinned versions: what runs, and what tests and linters need on top."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = ("requirements.txt", "requirements-dev.txt")


def pins(file: str) -> set[tuple[str, str]]:
    return set(re.findall(r"^([a-z0-9.-]+)==([^ ;]+)", (ROOT / file).read_text(), re.MULTILINE))


def names(file: str) -> set[str]:
    return {name for name, _ in pins(file)}


def asked_for(*requirements: list[str]) -> set[str]:
    """The names of packages in lists of pyproject.toml, but for this package itself."""
    found = {re.split(r"[^a-z0-9-]", each.lower())[0] for several in requirements for each in several}
    return found - {"c7n-sg-audit"}


def test_both_files_pin_the_same_versions() -> None:
    assert pins("requirements.txt") <= pins("requirements-dev.txt")


def test_to_run_takes_nothing_that_only_tests_and_extras_do() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    runs = asked_for(
        project["project"]["dependencies"], extras["sandbox"], project["dependency-groups"]["build"]
    )
    others = asked_for(extras["dev"], extras["dask"], extras["parquet"])
    assert runs <= names("requirements.txt")
    assert others <= names("requirements-dev.txt")
    assert not others & names("requirements.txt")


@pytest.mark.parametrize("file", FILES)
def test_every_pin_has_hashes_and_none_an_address(file: str) -> None:
    text = (ROOT / file).read_text()
    assert all("--hash=sha256:" in block for block in re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:])
    assert not re.search(r"https?:|file:|--index-url|--find-links [^-]", text)
