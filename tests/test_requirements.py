"""The two files of pinned versions: what runs, and what tests and linters need on top."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def pins(file: str) -> set[tuple[str, str]]:
    return set(re.findall(r"^([a-z0-9.-]+)==([^ ;]+)", (ROOT / file).read_text(), re.MULTILINE))


def roots(file: str) -> set[str]:
    """The packages that pyproject.toml itself asks for, by what the file says of each."""
    blocks = re.split(r"^(?=[a-z])", (ROOT / file).read_text(), flags=re.MULTILINE)[1:]
    return {block.partition("==")[0] for block in blocks if "c7n-sg-audit (pyproject.toml" in block}


def asked_for(*requirements: list[str]) -> set[str]:
    """The names of packages in lists of pyproject.toml, but for this package itself."""
    found = {re.split(r"[^a-z0-9-]", each.lower())[0] for several in requirements for each in several}
    return found - {"c7n-sg-audit"}


def test_both_files_pin_the_same_versions() -> None:
    assert pins("requirements.txt") <= pins("requirements-dev.txt")


def test_each_pins_what_pyproject_asks_for_and_no_more() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    run = [project["project"]["dependencies"], project["dependency-groups"]["build"]]
    run += [extras["html"], extras["iam"], extras["sandbox"]]
    assert roots("requirements.txt") == asked_for(*run)
    further = (extras[name] for name in ("dev", "carry", "dask", "duckdb", "parquet", "prometheus"))
    assert roots("requirements-dev.txt") == asked_for(*run, *further)


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_pin_has_hashes_and_none_an_address(file: str) -> None:
    text = (ROOT / file).read_text()
    assert all("--hash=sha256:" in block for block in re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:])
    assert not re.search(r"https?:|file:|--index-url|--find-links [^-]", text)
