"""Places that cannot be read as a whole: what breaks off is tried again, what stays closed is told."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ResponseStreamingError

from reporter.errors import InputError
from reporter.output import store
from reporter.output.reading import open_output

METADATA = json.dumps({"policy": {"name": "volumes", "resource": "ebs"}, "config": {"region": "us-east-1"}})


class S3:
    """A bucket with one policy's two files, of which each answer breaks off for the first so many times."""

    def __init__(self, broken: int) -> None:
        self.left = dict.fromkeys(("volumes/metadata.json", "volumes/resources.json"), broken)

    def list_objects_v2(self, Prefix: str, Delimiter: str = "", **_: Any) -> Any:  # noqa: N803
        if Delimiter and not Prefix:
            return {"CommonPrefixes": [{"Prefix": "volumes/"}]}
        return {"Contents": [{"Key": key} for key in self.left if key.startswith(Prefix)]}

    def get_object(self, Key: str, **_: Any) -> Any:  # noqa: N803
        outer = self

        class Body:
            def read(self) -> bytes:
                outer.left[Key] -= 1
                if outer.left[Key] >= 0:
                    raise ResponseStreamingError(error="IncompleteRead")
                return METADATA.encode() if Key.endswith("metadata.json") else b"[]"

        return {"Body": Body()}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def put(broken: int) -> None:
        client = S3(broken)
        monkeypatch.setattr("reporter.output.s3._client", lambda: client)

    return put


def test_an_answer_of_s3_that_breaks_off_is_asked_for_again(s3: Callable[[int], None]) -> None:
    s3(2)
    output = open_output("s3://bucket")
    [cell] = output.cells
    assert cell.status == "ok"
    assert output.store.read(output.resources(cell)) == b"[]"


def test_one_that_always_does_is_told(s3: Callable[[int], None]) -> None:
    s3(99)
    told = "^s3://bucket: volumes/metadata.json: .*reading from response stream: IncompleteRead$"
    with pytest.raises(InputError, match=told):
        open_output("s3://bucket")


def test_a_folder_that_cannot_be_listed_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever runs the tests may be allowed to read everything, so the refusal is made up."""
    for name in ("open", "closed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metadata.json").write_text(METADATA)
    listed = os.scandir

    def refuse(path: Any) -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError) as refused:
        open_output(tmp_path)
    assert str(refused.value) == f"{tmp_path}: cannot be read: {tmp_path}/closed: Permission denied"


def tree(place: Path, *paths: str) -> None:
    for path in paths:
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text("x")


def test_a_folder_that_is_a_link_is_followed(tmp_path: Path) -> None:
    """As c7n-org's own report does it: an account's folder may lie on another disk."""
    tree(tmp_path / "elsewhere", "us-east-1/p/metadata.json")
    tree(tmp_path / "out", "prod/us-east-1/p/metadata.json")
    (tmp_path / "out" / "dev").symlink_to(tmp_path / "elsewhere")
    assert list(store.Folder(tmp_path / "out").keys()) == [
        "prod/us-east-1/p/metadata.json",
        "dev/us-east-1/p/metadata.json",
    ]


def test_links_that_lead_in_circles_end(tmp_path: Path) -> None:
    out = tmp_path / "out"
    tree(tmp_path, "beside/x", "out/a/x", "out/b/y", "far/z")
    (out / "a" / "self").symlink_to(out / "a")
    (out / "a" / "up").symlink_to(out)
    (out / "a" / "further-up").symlink_to(tmp_path)  # which holds what is no part of the output
    (out / "a" / "to-b").symlink_to(out / "b")
    (out / "b" / "to-a").symlink_to(out / "a")
    (out / "far").symlink_to(tmp_path / "far")
    (tmp_path / "far" / "back").symlink_to(out)
    (out / "nowhere").symlink_to(tmp_path / "nowhere")
    assert sorted(store.Folder(out).keys()) == ["a/x", "b/y", "far/z", "nowhere"]


def test_a_link_beside_its_own_target_is_that_folder_once(tmp_path: Path) -> None:
    tree(tmp_path, "prod/x")
    (tmp_path / "current").symlink_to(tmp_path / "prod")
    assert list(store.Folder(tmp_path).keys()) == ["prod/x"]
    assert list(store.Folder(tmp_path / "current").keys()) == ["x"]
