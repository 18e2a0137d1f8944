"""What is read of YAML and JSON, as a person may write it. What is not: tests/cli/test_malformed_input.py."""

import importlib.util
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from reporter import yamlfile
from reporter.errors import InputError


@pytest.mark.parametrize(
    ("name", "text", "content"),
    [
        ("a.json", '{\n\t"a":\t[1, 2]\n}', {"a": [1, 2]}),
        ("a.json", '\ufeff{"a": "\\ud83d\\ude00 \\/"}', {"a": "😀 /"}),
        ("a.json", '{"a": 1e5, "b": true, "c": null, "2": 2}', {"a": 1e5, "b": True, "c": None, "2": 2}),
        ("a.json", f'{{"a": {2**63 - 1}}}', {"a": 2**63 - 1}),
        ("a.yml", '{\n\t"a":\t[1, 2]\n}', {"a": [1, 2]}),
        ("a.yml", "\ufeffa: b\r\nc: d\r\n", {"a": "b", "c": "d"}),
        ("a.yml", "", None),
        ("a.yml", "a: 😀\nb: 2024-02-29\n", {"a": "😀", "b": date(2024, 2, 29)}),
        ("a.yml", "a: 2024-02-29T10:00:00Z\n", {"a": datetime(2024, 2, 29, 10, tzinfo=UTC)}),
        ("a.yml", "'1': a\n'on': b\n'null': c\n", {"1": "a", "on": "b", "null": "c"}),
        ("a.yml", "a: '" + "9" * 5000 + "'\n", {"a": "9" * 5000}),
        (
            "a.yml",
            "a: &x {b: [1]}\nc: *x\nd: [*x, *x]\n",
            {"a": {"b": [1]}, "c": {"b": [1]}, "d": [{"b": [1]}] * 2},
        ),
        ("a.yml", "{a: " * 49 + "[]" + "}" * 49, eval("{'a': " * 49 + "[]" + "}" * 49)),
        # Merged keys are not there twice, also where the map that is merged is made later than the one it is in.
        (
            "a.yml",
            "a: &a {x: 1}\nb: {c: {d: &d {<<: *a, x: 2}}}\ne: {<<: *d, y: 3}\n",
            {"a": {"x": 1}, "b": {"c": {"d": {"x": 2}}}, "e": {"x": 2, "y": 3}},
        ),
    ],
)
def test_what_is_read(name: str, text: str, content: Any) -> None:
    assert yamlfile.parse(text.encode(), name) == content


def test_a_thousand_policies_may_share_their_filters() -> None:
    filters = (
        "- &f [" + ", ".join(f"{{type: value, key: k{number}, value: v}}" for number in range(10)) + "]\n"
    )
    found = yamlfile.parse((filters + "- *f\n" * 1000).encode(), "a.yml")
    assert len(found) == 1001
    assert found[1000] == found[0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('a: "\\ud800"', "line 1: not valid YAML: half of a surrogate pair is no character"),
        ('a: 1\n"\\udc00": b', "line 2: not valid YAML: half of a surrogate pair is no character"),
        ("a: 1\na: 2\n", "line 2: not valid YAML: the key a is there twice, first in line 1"),
        ("a: " + "[" * 1000, "line 1: not valid YAML: nested deeper than 50 levels"),
        ("a: 2024-13-45\n", "line 1: not valid YAML: 2024-13-45 is no timestamp"),
        ("a: b\nc: \x1b\n", "line 2: not valid YAML: the character U\\+001B is not allowed"),
    ],
)
def test_without_libyaml_it_is_as_strict(monkeypatch: pytest.MonkeyPatch, text: str, says: str) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader")
    spec = importlib.util.spec_from_file_location("yamlfile_without_libyaml", yamlfile.__file__)
    assert spec is not None
    assert spec.loader is not None
    pure = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pure)
    assert pure.parse(b"a: {b: [1, x, 2024-02-29]}\n", "a.yml") == {"a": {"b": [1, "x", date(2024, 2, 29)]}}
    with pytest.raises(InputError, match=f"^a.yml, {says}"):
        pure.parse(text.encode(), "a.yml")


def test_a_file_that_grows_is_read_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "a.yml").symlink_to("/dev/urandom")
    with pytest.raises(InputError, match=r"a\.yml: larger than 16 MB, which is the limit"):
        yamlfile.load(tmp_path / "a.yml")
