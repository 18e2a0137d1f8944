"""What a pull request may try on its reviewer: to read files and the environment, to blind the review, to hang it."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import pytest

from reporter.sandbox import Sandbox

from .conftest import Completed, Repository, Review

Reviewed = Callable[..., dict[str, Any]]

SECRET = "hunter2-of-the-reviewer"
HANGS = """
  - name: sg-hangs
    resource: aws.security-group
    filters:
      - {type: value, key: "join('', [GroupId, GroupId, GroupId])", op: regex, value: "^(([-0-9a-z])+)+!$"}
"""
READS = """
  - name: sg-reads
    resource: aws.security-group
    filters:
      - {type: value, key: GroupName, op: in, value_from: {url: "file:///proc/self/environ", format: json}}
  - name: sg-reaches
    resource: aws.security-group
    filters:
      - {type: value, key: "{now.__init__.__globals__[os].environ[SECRET]}", value: x}
  - name: sg-guesses
    resource: aws.security-group
    filters:
      - not:
          - {type: value, key: "'{now.__init__.__globals__[os].environ[SECRET]}'", op: regex, value: "^h"}
"""


def add(repository: Repository, text: str) -> None:
    repository.findings.write_text(repository.findings.read_text() + text)


@pytest.mark.parametrize("style", ["text", "markdown", "json"])
def test_nothing_of_the_reviewers_is_read(
    repository: Repository, sg_audit: Callable[..., Completed], estate_run: Path, style: str
) -> None:
    add(repository, READS)
    words = ("review", "--base", "main", "-s", estate_run, "--format", style)
    done = sg_audit(*words, cwd=repository.root, env={"SECRET": SECRET})
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout
    if style == "json":
        policies = json.loads(done.stdout)["policies"]
        assert {policy["name"]: policy["not_evaluable"] for policy in policies} == {
            "sg-reads": "filter `value` on `GroupName` asks for file:///proc/self/environ",
            "sg-reaches": "the policy asks for what is within the variable now",
            "sg-guesses": "the policy asks for what is within the variable now",
        }
        assert {policy["matched_after"] for policy in policies} == {None}


def test_a_policy_that_does_not_end_is_stopped(repository: Repository, reviewed: Reviewed) -> None:
    """And with it no other one."""
    add(repository, HANGS)
    repository.change("name: sg-default", "name: sg-vpc-default")
    found = {policy["name"]: policy for policy in reviewed("--policy-timeout", "5")["policies"]}
    assert found["sg-hangs"]["not_evaluable"] == "it takes longer than 5 seconds"
    assert found["sg-vpc-default"]["not_evaluable"] == ""
    assert found["sg-vpc-default"]["matched_after"] == found["sg-vpc-default"]["matched_before"] > 0


def test_values_of_a_file_in_the_repository(repository: Repository, reviewed: Reviewed) -> None:
    """It may change, and the policy not."""
    add(
        repository,
        """
  - name: sg-listed
    resource: aws.security-group
    filters:
      - {type: value, key: GroupName, op: in, value_from: {url: "file:lists/names.txt"}}
""",
    )
    names = repository.root / "lists" / "names.txt"
    names.parent.mkdir()
    names.write_text("bastion\n")
    repository.commit("listed")
    names.write_text("legacy-ssh\n")
    (policy,) = reviewed()["policies"]
    assert (policy["kind"], policy["not_evaluable"]) == ("changed", "")
    assert [[each["name"] for each in policy[key]] for key in ("newly", "no_longer")] == [
        ["legacy-ssh"],
        ["bastion"],
    ]


def test_a_link_in_place_of_policies_is_named(repository: Repository, review: Review, tmp_path: Path) -> None:
    moved = tmp_path / "20-findings.yml"
    repository.findings.rename(moved)
    repository.findings.symlink_to(moved)
    done = review("--fail-on-loosening")
    assert done.returncode == 1
    assert "sg-ssh-world  removed" in done.stdout
    assert "; 1 file or folder not read." in done.stdout.splitlines()[0]
    assert "  policies/20-findings.yml: a symbolic link, which is not followed" in done.stdout
    repository.commit("linked")
    # Nothing is known to be let go; but who knows what is there.
    done = review("--fail-on-loosening", "--format", "markdown")
    assert done.returncode == 3
    assert "\n! policies/20-findings.yml: a symbolic link, which is not followed\n" in done.stdout
    assert "<details><summary>1 not read</summary>" in done.stdout


def test_a_run_in_a_bucket_is_fetched_for_those_who_reach_none(
    repository: Repository,
    sg_audit: Callable[..., Completed],
    estate_run: Path,
    clean_env: dict[str, str],
    sandbox: Sandbox,
) -> None:
    bucket = "review-of-a-run"
    with patch.dict(os.environ, clean_env, clear=True):
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket=bucket)
        for file in estate_run.rglob("*.json"):
            key = f"{estate_run.name}/{file.relative_to(estate_run).as_posix()}"
            s3.put_object(Bucket=bucket, Key=key, Body=file.read_bytes())
    repository.change("Cidr: 0.0.0.0/0", "Cidr: 0.0.0.0/2")
    words = ("review", "--base", "main", "-s", f"s3://{bucket}", "--format", "json")
    done = sg_audit(*words, cwd=repository.root)
    assert done.returncode == 0, done.stderr
    (policy,) = json.loads(done.stdout)["policies"]
    assert (policy["matched_before"], policy["matched_after"]) == (12, 4)
