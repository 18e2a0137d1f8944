"""What a repository may hold beside plain files: it is read by its id, or named, and never followed."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from reporter.custodian.bounded import Workers
from reporter.errors import InputError
from reporter.review import git, trees, versions
from reporter.review.versions import Revision

from .conftest import Repository

POLICY = "policies: [{{name: {}, resource: aws.security-group}}]\n"
LINK = "a symbolic link, which is not followed"
FILES = Path("policies")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """One with nothing but `policies/a.yml`; the test is in its top folder."""
    repository = Repository(tmp_path / "repository")
    for file in (repository.root / "policies").iterdir():
        file.unlink()
    monkeypatch.chdir(repository.root)
    write("policies/a.yml", "a")
    return repository


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(60) as workers:
        yield workers


def write(path: str | bytes, name: str) -> None:
    file = Path(os.fsdecode(path))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(POLICY.format(name))


def both(workers: Workers, repository: Repository, source: Path = FILES) -> tuple[Revision, Revision]:
    """The policies on disk, and as committed."""
    repository.commit("now")
    return (
        versions.at(workers, [source], trees.WORKTREE, "--head"),
        versions.at(workers, [source], "HEAD", "--base"),
    )


def unread(revision: Revision) -> dict[str, str]:
    return {each.file.removeprefix("HEAD:"): each.why for each in revision.unread}


def test_every_file_that_may_hold_policies_counts(workers: Workers, repository: Repository) -> None:
    for number, path in enumerate(
        [
            "policies/upper.YML",
            "policies/mixed.Yaml",
            "policies/json.JSON",
            "policies/below/deep/one.yml",
            "policies/line\nbreak.yml",
            "policies/two  words\t.yml",
            'policies/"quoted".yml',
            "policies/:(top)magic*.yml",
            "policies/-option.yml",
            b"policies/not-utf-8-\xff.yml",
            # None of these does.
            "policies/.hidden.yml",
            "policies/.hidden/one.yml",
            "policies/readme.md",
            "policies-too/one.yml",
        ]
    ):
        write(path, f"p{number}")
    names = {"a", *(f"p{number}" for number in range(10))}
    for revision in both(workers, repository):
        assert (set(revision.policies), revision.unread) == (names, ())
        for version in revision.policies.values():
            assert version.where.isprintable() and version.where.isascii()


def test_links_are_named_and_not_followed(workers: Workers, repository: Repository, tmp_path: Path) -> None:
    write("elsewhere/b.yml", "b")
    write(str(tmp_path / "outside" / "c.yml"), "c")
    Path("policies/inside.yml").symlink_to("a.yml")
    Path("policies/outside.yml").symlink_to(tmp_path / "outside" / "c.yml")
    Path("policies/environment.yml").symlink_to("/proc/self/environ")
    Path("policies/folder").symlink_to("../elsewhere")
    Path("policies/nowhere.json").symlink_to("nowhere")
    Path("policies/loop.yml").symlink_to("loop.yml")
    for revision in both(workers, repository):
        assert set(revision.policies) == {"a"}
        assert unread(revision) == {
            f"policies/{name}": LINK
            for name in ("inside.yml", "outside.yml", "environment.yml", "folder", "nowhere.json", "loop.yml")
        }


@pytest.mark.parametrize(
    "source", ["policies", "policies/", "above/policies", "above/policies/b.yml", "b.yml"]
)
def test_nor_is_one_that_stands_for_all(
    workers: Workers, repository: Repository, tmp_path: Path, source: str
) -> None:
    """Not even into another repository, which would be asked for its own revisions."""
    other = Repository(tmp_path / "other")
    link = Path(source.split("/")[0])
    (repository.root / "policies" / "a.yml").unlink()
    (repository.root / "policies").rmdir()
    link.symlink_to(other.root if link.name == "above" else other.root / "policies")
    for revision in both(workers, repository, Path(source)):
        assert revision.policies == {}
        assert unread(revision) == {link.name: LINK}


def test_a_link_to_the_repository_is_the_users_own(
    workers: Workers, repository: Repository, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(repository.root)
    for revision in both(workers, repository, tmp_path / "link" / "policies"):
        assert set(revision.policies) == {"a"}


def test_a_repository_within_is_named(workers: Workers, repository: Repository) -> None:
    write("policies/module/b.yml", "b")
    module = Repository.__new__(Repository)
    module.root = Path("policies/module")
    module.git("init", "-q")
    module.commit("b")
    for revision in both(workers, repository):
        assert set(revision.policies) == {"a"}
        assert unread(revision) == {"policies/module": "a repository of its own, which is not looked into"}


def test_what_is_no_file_is_not_waited_for(workers: Workers, repository: Repository) -> None:
    os.mkfifo("policies/pipe.yml")
    on_disk = versions.at(workers, [FILES], trees.WORKTREE, "--head")
    assert (set(on_disk.policies), unread(on_disk)) == (
        {"a"},
        {"policies/pipe.yml": "neither a file nor a folder"},
    )


def test_a_file_beyond_all_measure_is_named(workers: Workers, repository: Repository) -> None:
    Path("policies/large.yml").write_bytes(b"#" * (trees.LARGEST + 1))
    for revision in both(workers, repository):
        assert unread(revision) == {"policies/large.yml": "larger than 4 MB"}


def test_what_is_wrong_in_a_folder_below_stops_nobody(workers: Workers, repository: Repository) -> None:
    """A run does not look there; directly in the folder it is an error, as in a run."""
    write("policies/0/again.yml", "a")
    Path("policies/0/broken.yml").write_text("policies: [\n")
    Path("policies/0/other.json").write_text('{"no": "policies"}')
    for revision in both(workers, repository):
        assert revision.policies["a"].where.endswith("policies/a.yml")
        said = unread(revision)
        assert set(said) == {"policies/0/again.yml", "policies/0/broken.yml"}
        assert said["policies/0/again.yml"].startswith("policy a: there is one of that name in ")
    write("policies/again.yml", "a")
    with pytest.raises(
        InputError, match=r"again\.yml: policy a: there is one of that name in policies/a\.yml"
    ):
        both(workers, repository)


def test_one_file_named_twice_is_one(workers: Workers, repository: Repository) -> None:
    write("policies/optional/b.yml", "b")
    sources = [FILES, Path("policies/optional"), Path("policies/optional/b.yml")]
    assert set(versions.at(workers, sources, trees.WORKTREE, "--head").policies) == {"a", "b"}


VALUES = """policies:
  - name: a
    resource: aws.security-group
    filters:
      - {{type: value, key: GroupName, op: in, value_from: {{url: "{}"}}}}
"""


def test_files_of_the_repository_are_part_of_a_policy(workers: Workers, repository: Repository) -> None:
    Path("lists").mkdir()
    Path("lists/names.txt").write_text("web\n")
    for url in ("file:lists/names.txt", f"file://{repository.root}/lists/names.txt"):
        Path("policies/a.yml").write_text(VALUES.format(url))
        on_disk, committed = both(workers, repository)
        assert on_disk.policies["a"].files == committed.policies["a"].files == {url: "web\n"}
        assert on_disk.policies["a"].key == committed.policies["a"].key
        Path("lists/names.txt").write_text("db\n")
        changed = versions.at(workers, [FILES], trees.WORKTREE, "--head").policies["a"]
        assert changed.files == {url: "db\n"}
        assert changed.key != committed.policies["a"].key
        Path("lists/names.txt").write_text("web\n")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "file:/proc/self/environ",
        "file:../outside.txt",
        "file:policies/../../outside.txt",
        "file:.git/config",
        "file:untracked.txt",
        "file:link.txt",
        "file:linked/names.txt",
        "file:policies",
        "file:policies/%00",
        "file://example.org/names.txt",
        "file:not-text.txt",
        "file:",
    ],
)
def test_and_no_others_are(workers: Workers, repository: Repository, tmp_path: Path, url: str) -> None:
    (tmp_path / "outside.txt").write_text("secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "names.txt").write_text("secret")
    Path("link.txt").symlink_to(tmp_path / "outside.txt")
    Path("linked").symlink_to(tmp_path / "outside")
    Path("not-text.txt").write_bytes(b"\xff")
    Path("policies/a.yml").write_text(VALUES.format(url))
    repository.commit("now")
    Path("untracked.txt").write_text("secret")
    for revision in (trees.WORKTREE, "HEAD"):
        version = versions.at(workers, [FILES], revision, "--base").policies["a"]
        assert (version.urls, version.files) == ((url,), {})


def test_git_says_why_it_refuses(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(InputError, match=r"detected dubious ownership .* safe\.directory") as refused:
        trees.locate(FILES)
    assert "\n" not in str(refused.value)


def test_a_shallow_clone_is_told(repository: Repository, tmp_path: Path) -> None:
    repository.commit("second")
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "-q", "--depth", "1", repository.root.as_uri(), shallow], check=True)
    with pytest.raises(
        InputError, match=r"^--base: no revision called 'HEAD~1' .* shallow clone: .*unshallow"
    ):
        git.commit(shallow, "HEAD~1", "--base")


@pytest.mark.parametrize("lost", ["policies", "policies/a.yml"])
def test_what_git_cannot_read_is_not_taken_for_empty(
    workers: Workers, repository: Repository, lost: str
) -> None:
    repository.commit("now")
    found = subprocess.run(["git", "rev-parse", f"HEAD:{lost}"], check=True, capture_output=True, text=True)
    lost_id = found.stdout.strip()
    (repository.root / ".git" / "objects" / lost_id[:2] / lost_id[2:]).unlink()
    with pytest.raises(InputError, match=f"git (ls-tree fails: .*|cannot read its object ){lost_id}"):
        versions.at(workers, [FILES], "HEAD", "--base")


@pytest.mark.parametrize("name", [":(top)policies", "p*s", "-policies", "pol\nicies"])
def test_a_source_is_a_name_and_no_pattern(workers: Workers, repository: Repository, name: str) -> None:
    write(f"{name}/b.yml", "b")
    for revision in both(workers, repository, Path(name)):
        assert set(revision.policies) == {"b"}


def test_a_folder_dressed_up_as_a_repository_is_none(repository: Repository) -> None:
    """It can be committed, and brings settings: git runs programs that these name."""
    subprocess.run(["git", "init", "-q", "--bare", "policies"], check=True)
    subprocess.run(["git", "-C", "policies", "config", "core.bare", "false"], check=True)
    subprocess.run(["git", "-C", "policies", "config", "core.worktree", "/tmp"], check=True)
    with pytest.raises(InputError, match="cannot use bare repository"):
        trees.locate(FILES)
