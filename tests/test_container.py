"""The Dockerfile: what gets into the image, and what does not. Nothing is built here."""

import re
import shutil
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from hatchling.build import build_wheel

from reporter.cli import cli
from reporter.report.formats import names
from tests.docs.pages import DOCS, read

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = re.findall(r"^([A-Z]+) ((?:.*\\\n)*.*)$", DOCKERFILE, re.MULTILINE)


def copied() -> set[str]:
    """What is taken from the folder that the image is built in."""
    lines = [words.split() for name, words in INSTRUCTIONS if name == "COPY" and "--from" not in words]
    return {source for *sources, _ in lines for source in sources}


def test_no_file_but_those_that_are_copied_is_sent_to_whoever_builds() -> None:
    first, *rest = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert first == "*"
    assert {line[1:] for line in rest if line.startswith("!")} == copied()
    assert {line for line in rest if not line.startswith("!")} == {"**/__pycache__", "**/*.pyc"}


def test_what_is_copied_is_enough_to_build_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in copied():
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path)
    monkeypatch.chdir(tmp_path)
    wheel = zipfile.ZipFile(tmp_path / build_wheel(str(tmp_path)))
    names = set(wheel.namelist())
    assert {"reporter/__main__.py", "reporter/policies/20-findings.yml"} <= names
    assert not any("accounts.yml" in name or "test" in name.split("/")[0] for name in names)


def test_the_job_for_kubernetes_runs_what_there_is_as_the_image_wants_it() -> None:
    (text,) = read(DOCS / "schedule.md").code("yaml")
    _, job = yaml.safe_load_all(text)
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    command, *words = container["args"]
    cli.commands[command].make_context(command, list(words))
    # The pod's disk is gone with the pod.
    kept = dict(word.split("=", 1) for word in words)
    assert kept["--output-dir"] == "s3://audit-bucket/runs"
    assert kept["--reports"] == "s3://audit-bucket/reports"
    assert pod["securityContext"] == {"runAsNonRoot": True, "fsGroup": 10001}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    writable = {each["mountPath"] for each in container["volumeMounts"] if not each.get("readOnly")}
    assert writable == {"/audit", "/tmp"}
    assert {each["name"] for each in container["volumeMounts"]} == {each["name"] for each in pod["volumes"]}


def test_it_runs_as_nobody_in_particular_and_knows_no_credentials() -> None:
    last_stage = [words for name, words in INSTRUCTIONS if name == "USER"]
    assert last_stage == ["10001:10001"]
    assert ("ENTRYPOINT", '["sg-audit"]') in INSTRUCTIONS
    assert {name for name, _ in INSTRUCTIONS} == {
        "FROM",
        "WORKDIR",
        "COPY",
        "RUN",
        "ENV",
        "USER",
        "ENTRYPOINT",
    }
    assert not re.search(r"AWS_|TOKEN|SECRET", DOCKERFILE)


def test_it_has_what_the_formats_take_that_it_is_said_to_write() -> None:
    """It installs what is pinned for the demo; how to add the others is in docs/schedule.md."""
    pinned = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert {"itables", "jinja2", "xlsxwriter"} <= pinned
    (text,) = read(DOCS / "schedule.md").code("dockerfile")
    (added,) = re.findall(r"pip install --no-cache-dir (.*)", text)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    take = {form: {re.split(r"[<>=]", each)[0] for each in extras.get(form, [])} for form in names()}
    # Each format with what is in the image, or what is added to it.
    assert (
        set().union(*take.values()) - pinned
        == set(added.split())
        == {"duckdb", "pyarrow", "prometheus-client"}
    )
    needs_extras = {f"`{form}`" for form, those in take.items() if those}
    ((_, *rows),) = [each for each in read(DOCS / "schedule.md").every_table if each[0][0] == "variable"]
    (of_formats,) = [row[2] for row in rows if "AUDIT_FORMATS" in row[0]]
    assert set(re.findall(r"`\w+`", of_formats)) - {"`SG_AUDIT`"} == needs_extras
    assert not set(added.split()) & pinned
    assert "/opt/sg-audit/bin/pip" in DOCKERFILE
