"""`sg-audit review` from end to end: a repository made here, and the recorded run of the sandbox."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Repository, Review

Reviewed = Callable[..., dict[str, Any]]

AWS_POLICY = """
  - name: sg-peered
    resource: aws.security-group
    filters:
      - stale
"""


def only(found: dict[str, Any]) -> dict[str, Any]:
    (policy,) = found["policies"]
    assert isinstance(policy, dict)
    return policy


def names(found: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {(each["account"], each["region"], each["name"]) for each in found}


def test_no_change(review: Review) -> None:
    done = review("--fail-on-loosening")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "No policy differs between main and the working tree.\n"


def test_a_port_added(repository: Repository, reviewed: Reviewed) -> None:
    repository.change(
        """      - or:
          # FromPort""",
        """      - or:
          - type: ingress
            IpProtocol: tcp
            FromPort: {type: value, op: lte, value: 5432}
            ToPort: {type: value, op: gte, value: 5432}
          # FromPort""",
    )
    found = reviewed("--fail-on-loosening")
    policy = only(found)
    assert (policy["name"], policy["kind"], policy["no_longer"]) == ("sg-ssh-open", "changed", [])
    assert names(policy["newly"]) == {
        ("dev", "us-east-1", "db-servers"),
        ("production", "us-east-1", "ledger-db"),
    }
    clients = [each for each in policy["newly"] if each["name"] == "db-servers"]
    (rule,) = clients[0]["rules"]
    assert rule.startswith("tcp 5432 from sg-")
    assert clients[0]["account_id"] == "111111111111"
    assert clients[0]["id"].startswith("sg-")
    assert policy["matched_after"] == policy["matched_before"] + 2
    assert found["risk"] is None  # has_ssh_rule has no say in the risk


def test_a_cidr_narrowed(repository: Repository, reviewed: Reviewed, review: Review) -> None:
    repository.change("Cidr: 0.0.0.0/0", "Cidr: 0.0.0.0/2")
    found = reviewed()
    policy = only(found)
    assert policy["newly"] == []
    assert names(policy["no_longer"]) == {
        ("dev", "us-east-1", "bastion"),
        ("dev", "us-east-1", "legacy-ssh"),
        ("dev", "us-east-1", "=1+1"),
        ("staging", "us-east-1", "wide-range"),
        ("staging", "eu-west-1", "default"),
        ("staging", "eu-west-1", "allow-all"),
        ("production", "us-east-1", "shared-services"),
        ("production", "eu-west-1", "https://wiki/ssh"),
    }
    rules = {each["name"]: each["rules"] for each in policy["no_longer"]}
    assert rules["wide-range"] == ["tcp 20-25 from 0.0.0.0/0"]
    assert rules["allow-all"] == ["all traffic from 0.0.0.0/0"]
    assert found["risk"] == {
        "moves": [
            # Not of allow-all and wide-range, which are open on more than SSH.
            {"before": "medium", "after": "low", "groups": 3},
            {"before": "critical", "after": "none", "groups": 2},
            {"before": "critical", "after": "high", "groups": 1},
        ],
        "unknown": 0,
    }
    assert review("--fail-on-loosening").returncode == 1
    # The other way round nothing is let go.
    repository.commit("narrowed")
    assert review("--fail-on-loosening", "--head", "main~1").returncode == 0


def test_a_branch_removed(repository: Repository, reviewed: Reviewed) -> None:
    repository.change(
        """          - type: ingress
            IpProtocol: "-1"
            CidrV6: "::/0"
""",
        "",
    )
    # break-glass is open by IPv4 as well, and nothing else by all traffic over IPv6.
    policy = only(reviewed())
    assert (policy["newly"], policy["no_longer"]) == ([], [])

    repository.change(
        """          - type: ingress
            IpProtocol: tcp
            FromPort: {type: value, op: lte, value: 22}
            ToPort: {type: value, op: gte, value: 22}
            CidrV6: "::/0"
""",
        "",
    )
    policy = only(reviewed())
    assert names(policy["no_longer"]) == {
        ("dev", "eu-west-1", "ipv6-jump"),
        ("staging", "eu-west-1", "any-tcp"),
    }


def test_a_policy_renamed_catches_the_same(repository: Repository, reviewed: Reviewed) -> None:
    repository.change("name: sg-default", "name: sg-vpc-default")
    policy = only(reviewed("--fail-on-loosening"))
    assert (policy["kind"], policy["before_name"], policy["name"]) == (
        "renamed",
        "sg-default",
        "sg-vpc-default",
    )
    assert (policy["newly"], policy["no_longer"]) == ([], [])
    assert policy["matched_before"] == policy["matched_after"] > 0


def test_a_file_renamed_is_no_change(repository: Repository, reviewed: Reviewed) -> None:
    repository.findings.rename(repository.findings.with_name("99-moved.yml"))
    assert reviewed()["policies"] == []
    repository.commit("moved")
    assert reviewed("--head", "HEAD", base="main~1")["policies"] == []


def test_words_alone(repository: Repository, reviewed: Reviewed) -> None:
    repository.change('Groups named exactly "default"', 'Groups whose name is "default"')
    policy = only(reviewed("--fail-on-loosening"))
    assert (policy["kind"], policy["newly"], policy["no_longer"]) == ("reworded", [], [])


def test_added_and_removed(repository: Repository, review: Review) -> None:
    text = repository.findings.read_text()
    start, end = text.index("  - name: sg-default"), text.index("  - name: sg-ssh-open")
    added = "  - name: sg-bastions\n    resource: security-group\n    filters: [{GroupName: bastion}]\n\n"
    repository.findings.write_text(text[:start] + added + text[end:])
    done = review("--format", "json", "--fail-on-loosening")
    assert done.returncode == 1
    new, gone = json.loads(done.stdout)["policies"]
    assert (new["kind"], names(new["newly"])) == ("added", {("dev", "us-east-1", "bastion")})
    assert (gone["kind"], gone["matched_after"], len(gone["no_longer"])) == (
        "removed",
        None,
        gone["matched_before"],
    )


@pytest.mark.parametrize("style", ["text", "markdown", "json"])
def test_a_policy_that_needs_aws_names_its_filter(repository: Repository, review: Review, style: str) -> None:
    repository.findings.write_text(repository.findings.read_text() + AWS_POLICY)
    done = review("--format", style)
    assert done.returncode == 0, done.stderr
    assert "filter `stale` asks AWS for" in done.stdout
    if style != "json":
        assert "not evaluable offline" in done.stdout
    else:
        policy = only(json.loads(done.stdout))
        assert policy["matched_after"] is None


def test_unused_asks_for_more_than_a_run_holds(repository: Repository, review: Review) -> None:
    """Interfaces and groups are recorded; Lambda functions are not."""
    repository.change("      - unused", "      - unused\n      - GroupName: legacy-ssh")
    done = review("--format", "json")
    policy = only(json.loads(done.stdout))
    assert policy["not_evaluable"] == "filter `unused` asks AWS for aws.lambda"
    assert (policy["newly"], policy["no_longer"]) == ([], [])
    # The run itself holds what the older version caught, but not what the newer one would.
    assert policy["matched_before"] > 0
    assert policy["matched_after"] is None
    # What cannot be told is no proof that nothing was let go.
    assert review("--fail-on-loosening").returncode == 3


def test_a_filter_that_asks_for_what_the_run_holds(repository: Repository, reviewed: Reviewed) -> None:
    """`security-group` on instances looks the groups up: they are in the run."""
    (repository.root / "policies" / "30-ec2.yml").write_text(
        """policies:
  - name: ec2-on-default
    resource: aws.ec2
    filters:
      - {type: security-group, key: GroupName, value: default}
"""
    )
    policy = only(reviewed())
    assert policy["not_evaluable"] == ""
    assert names(policy["newly"]) == {("dev", "us-east-1", "scratch-1"), ("staging", "eu-west-1", "trial-1")}


def test_a_policy_that_no_longer_validates_is_named(repository: Repository, review: Review) -> None:
    repository.change("type: ingress", "type: ingres", 1)
    done = review()
    assert done.returncode == 2
    assert done.stdout == ""
    assert "policies/20-findings.yml: policy sg-ssh-open: " in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_policy_that_is_mended(repository: Repository, reviewed: Reviewed) -> None:
    repository.change("type: ingress", "type: ingres", 1)
    repository.commit("broken")
    repository.change("type: ingres\n", "type: ingress\n", 1)
    policy = only(reviewed())
    assert "the older version does not validate" in policy["not_evaluable"]


def test_revisions_that_do_not_exist(review: Review) -> None:
    for args, option in ((("--head", "nowhere"), "--head"), ((), "--base")):
        done = review(*args, base="main" if args else "nowhere")
        assert done.returncode == 2
        assert f"{option}: no revision called 'nowhere'" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert review(base="--output=x").returncode == 2


def test_outside_a_repository(sg_audit: Callable[..., Any], estate_run: Path, tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    done = sg_audit("review", "--base", "main", "-s", estate_run, cwd=tmp_path)
    assert (done.returncode, "not a git repository" in done.stderr) == (2, True)


def test_a_cell_that_was_not_read_is_not_taken_for_empty(
    repository: Repository, review: Review, estate_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(estate_run, run)
    manifest = json.loads((run / "run.json").read_text())
    for cell in manifest["cells"]:
        if (cell["account"], cell["region"], cell["policy"]) == ("dev", "us-east-1", "sg-inventory"):
            cell |= {"status": "denied", "code": "UnauthorizedOperation", "resources": None}
    (run / "run.json").write_text(json.dumps(manifest))
    (run / "staging" / "us-east-1" / "sg-inventory" / "resources.json").write_text("[{")
    repository.change("Cidr: 0.0.0.0/0", "Cidr: 0.0.0.0/2")
    found = json.loads(review("--format", "json", output=run).stdout)
    assert [(each["account"], each["region"], each["status"], each["code"]) for each in found["gaps"]] == [
        ("dev", "us-east-1", "denied", "UnauthorizedOperation"),
        ("staging", "us-east-1", "failed", "Unreadable"),
    ]
    assert {each["account"] for each in only(found)["no_longer"]} == {"staging", "production"}
    text = review(output=run).stdout
    assert "dev  us-east-1  aws.security-group: denied UnauthorizedOperation" in text


def test_markdown(repository: Repository, review: Review) -> None:
    repository.change("Cidr: 0.0.0.0/0", "Cidr: 0.0.0.0/2")
    done = review("--format", "markdown")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "<!-- sg-audit review -->"
    assert "| `sg-ssh-world` | changed | 12 | 4 | 0 | 8 |" in lines
    assert "**Risk:** 6 groups move: 3 medium → low, 2 critical → none, 1 critical → high" in lines
    assert "<details><summary><code>sg-ssh-world</code>: 8 no longer matched</summary>" in lines
    (jump,) = [line for line in lines if "bastion" in line]
    assert jump.startswith("- dev (111111111111)  us-east-1  sg-")
    assert jump.endswith("  bastion  [tcp 22 from 0.0.0.0/0]")
