"""Malformed input of every kind, a row each: the exit, one line that says what is wrong, and no traceback.

In this process, so that hundreds of rows take seconds. An exception that no one caught fails the row by itself.
"""

import gzip
import io
import json
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import openpyxl
import pytest
import yaml

from reporter import cli
from reporter.output import packed

ACCOUNT = "- {name: dev, account_id: '111111111111', role: 'arn:aws:iam::111111111111:role/audit', regions: [all]}\n"
ACCOUNTS = f"accounts:\n{ACCOUNT}"
POLICIES = "policies:\n- name: every-group\n  resource: aws.security-group\n"
GROUP = {"GroupId": "sg-1", "GroupName": "web", "OwnerId": "111111111111", "IpPermissions": []}
CELL = {
    "account": "dev",
    "account_id": "111111111111",
    "region": "us-east-1",
    "policy": "found",
    "status": "ok",
}
POLICY = {"name": "found", "resource": "aws.security-group", "filtered": False}
DEV = {"name": "dev", "account_id": "111111111111", "regions": ["us-east-1"]}
METADATA = {
    "policy": {"name": "found", "resource": "aws.security-group"},
    "execution": {"start": 1764000000.0, "duration": 1.0},
    "config": {"region": "us-east-1", "regions": [], "account_id": "111111111111"},
}
UNREADABLE = "not read: dev us-east-1 found: failed Unreadable"
NOT_HAD = "not read: dev us-east-1 found: failed CannotReadError"

VALIDATE = ("validate", "-u", "policies")
TEST = ("test-policies", "-u", "policies")
REPORT = ("report", "-s", "output", "-o", "reports", "-f", "json")
FROM_PROFILES = ("accounts", "--from-profiles", "-c", "accounts.yml")

Content = str | bytes | Callable[[Path], None] | None
Files = Mapping[str, Content]
Run = Callable[..., tuple[int, bytes, str]]


@dataclass(frozen=True)
class Row:
    """A command, the files that it finds, the exit, and what the line on stderr that matters holds.

    A file is its content, or None for a folder, or a function that makes something else of that name.
    """

    command: Sequence[str]
    files: Files
    says: str
    code: int = 2
    environment: Mapping[str, str] = field(default_factory=dict)


def output(
    resources: Any = (), *, run: Any = None, packed: bool = False, **policy: Any
) -> dict[str, Content]:
    """A run of ours of one policy, with its manifest or another."""
    policies = [POLICY | policy]
    manifest = {
        "tool": "c7n-sg-audit",
        "started": "2026-11-23T21:03:55+00:00",
        "finished": None,
        "state": "finished",
        "policies": policies,
        "accounts": [DEV],
        "cells": [CELL],
    }
    content = (
        resources if isinstance(resources, bytes) or callable(resources) else json.dumps(list(resources))
    )
    return {
        "output/run.json": json.dumps(manifest) if run is None else run(manifest),
        "output/dev/us-east-1/found/resources.json": content,
    }


def stock(metadata: Any = METADATA, folder: str = "output/dev/us-east-1/found", **files: Content) -> Files:
    """What stock c7n-org leaves, with files by their name without its end."""
    text = metadata if isinstance(metadata, str | bytes) or callable(metadata) else json.dumps(metadata)
    named = {f"{folder}/{name.replace('__', '.')}": content for name, content in files.items()}
    return {f"{folder}/metadata.json": text, **named}


def changed(document: Any, *path: Any, to: Any) -> Any:
    """The document with another value at a place."""
    copied = json.loads(json.dumps(document))
    within = copied
    for key in path[:-1]:
        within = within[key]
    within[path[-1]] = to
    return copied


# What no file of YAML may be, whatever it is for: the content, and what is said of it.
BOMB = "a: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]\n" for number in range(1, 10)
)
MERGE_BOMB = "m: &m0 {a: 1}\n" + "".join(
    f"m{number}: &m{number} {{<<: [{', '.join([f'*m{number - 1}'] * 10)}]}}\n" for number in range(1, 10)
)
YAML: dict[str, tuple[str | bytes, str]] = {
    "not text": (b"a: \xff\n", "not UTF-8 text"),
    "UTF-16": ("a: b\n".encode("utf-16"), "not UTF-8 text"),
    "packed": (gzip.compress(b"a: b\n"), "not UTF-8 text"),
    "a NUL": ("a: b\nc: \0\n", "line 2: not valid YAML: the character U+0000 is not allowed"),
    "a control character": ("a: \x1b[31m\n", "line 1: not valid YAML: the character U+001B is not allowed"),
    "no character": ("é: b\nc: \ufffe\n", "line 2: not valid YAML: the character U+FFFE is not allowed"),
    "half of a surrogate pair": ('a: "\\ud800"\n', "line 1: not valid YAML: "),
    "half of a surrogate pair in a key": ('"\\ud800": a\n', "line 1: not valid YAML: "),
    "beyond Unicode": ('a: "\\U00110000"\n', "line 1: not valid YAML: "),
    "tab": ("a:\n\t- b\n", "line 2: not valid YAML: "),
    "unclosed": ("a: [b\n", "line 2: not valid YAML: "),
    "unclosed quote": ('a: "b\n', "line 2: not valid YAML: "),
    "two documents": ("---\na: 1\n---\nb: 1\n", "line 3: not valid YAML: "),
    "directive": ("%YAML 9.9\n---\na: b\n", "line 1: not valid YAML: "),
    "no such alias": ("a: *b\n", "line 1: not valid YAML: "),
    "no such tag": (
        "a: !Ref b\n",
        "line 1: not valid YAML: could not determine a constructor for the tag '!Ref'",
    ),
    "tag of Python's": ("a: !!python/object/apply:os.system [id]\n", "line 1: not valid YAML: "),
    "tag that does not fit": ("a: !!int b\n", "line 1: not valid YAML: b is no int; text goes in quotes"),
    "empty number": ('a: !!float ""\n', "line 1: not valid YAML: "),
    "bytes": ("a: !!binary /w==\n", "line 1: not valid YAML: "),
    "set": ("a: !!set {b, c}\n", "line 1: not valid YAML: "),
    "list of pairs": ("a: !!omap [b: c]\n", "line 1: not valid YAML: "),
    "month 13": (
        "a: 2024-13-45\n",
        "line 1: not valid YAML: 2024-13-45 is no timestamp; text goes in quotes",
    ),
    "February 30": ("b: 1\na: 2024-02-30\n", "line 2: not valid YAML: 2024-02-30 is no timestamp"),
    "zone of 99 hours": ("a: 2001-12-14t21:59:43.10-99:99\n", "line 1: not valid YAML: "),
    "year 0": ("a: 0000-01-01\n", "line 1: not valid YAML: 0000-01-01 is no timestamp"),
    "5,000 digits": (
        "a: " + "9" * 5000,
        "line 1: not valid YAML: 99999999999999999999… is too long a number",
    ),
    "5,000 hexadecimal digits": (
        "a: 0x" + "f" * 5000,
        "line 1: not valid YAML: 0xffffffffffffffffff… is too long",
    ),
    "5,000 digits of a fraction": ("a: " + "9" * 5000 + ".0", "is too long a number"),
    "5,000 minutes": ("a: 1" + ":59" * 5000, "is too long a number"),
    "more than 64 bits": ("a: 123456789012345678901", "123456789012345678901 is too long a number"),
    "number without digits": ("a: 0x_\n", "line 1: not valid YAML: 0x_ is no int"),
    "key that is a number": (
        "1: a\n",
        "line 1: not valid YAML: the key 1 is no text (int); text goes in quotes",
    ),
    "key that is nothing": ("null: a\n", "the key null is no text (null)"),
    "key that is true": ("a: {on: b}\n", "the key on is no text (bool)"),
    "key that is a date": ("2024-01-01: a\n", "the key 2024-01-01 is no text (timestamp)"),
    "key that is no date": ("2024-13-45: a\n", "the key 2024-13-45 is no text (timestamp)"),
    "key that is a list": ("? [a, b]\n: c\n", "a key is no text (seq)"),
    "key that is a map": ("? {a: b}\n: c\n", "a key is no text (map)"),
    "key that is there twice": (
        "a: 1\nb: 2\na: 3\n",
        "line 3: not valid YAML: the key a is there twice, first in line 1",
    ),
    "key within that is there twice": (
        "a:\n  b: 1\n  'b': 2\n",
        "line 3: not valid YAML: the key b is there twice",
    ),
    "1,000 lists in each other": (
        "a: " + "[" * 1000 + "]" * 1000,
        "line 1: not valid YAML: nested deeper than 50",
    ),
    "100,000 lists begun": ("[" * 100_000, "line 1: not valid YAML: nested deeper than 50 levels"),
    "1,000 maps in each other": ("{a: " * 1000 + "b" + "}" * 1000, "nested deeper than 50 levels"),
    "1,000 lists on a line": ("- " * 1000 + "a", "nested deeper than 50 levels"),
    "1,000 maps on lines": (
        "\n".join(" " * number + "a:" for number in range(1000)),
        "line 51: not valid YAML",
    ),
    "1,000 keys in each other": ("? " * 1000 + "a", "nested deeper than 50 levels"),
    "aliases of aliases": (BOMB, "line 5: not valid YAML: the aliases stand for more than 100,000 values"),
    "merges of merges": (
        MERGE_BOMB,
        "line 6: not valid YAML: the aliases stand for more than 100,000 values",
    ),
    "alias of a long text": (
        "a: &a " + "x" * 100_000 + "\nb: [" + "*a, " * 200 + "]\n",
        "the aliases stand for more",
    ),
    "list within itself": ("a: &a [*a]\n", "line 1: not valid YAML: *a stands within itself"),
    "map within itself": ("a: &a {b: {c: *a}}\n", "*a stands within itself"),
    "map merged into itself": ("a: &a {<<: *a}\n", "*a stands within itself"),
    "merge of a text": ("<<: b\n", "line 1: not valid YAML: "),
    "16 MB": (b"#" * (16 * 2**20 + 1), "larger than 16 MB, which is the limit"),
}
JSON: dict[str, tuple[str | bytes, str]] = {
    "nothing": ("", "line 1: not valid JSON: "),
    "YAML": ("a:\n- b\n", "line 1: not valid JSON: "),
    "not text": (b'{"a": "\xe9"}', "not UTF-8 text"),
    "trailing comma": ('{\n"a": 1,\n}', "line 3: not valid JSON: "),
    "two": ("{}\n{}", "line 2: not valid JSON: "),
    "NaN": ('{"a": NaN}', "not valid JSON: NaN is no JSON"),
    "5,000 digits": (
        '{"a": ' + "1" * 5000 + "}",
        "not valid JSON: 11111111111111111111… is too long a number",
    ),
    "half of a surrogate pair": (
        '{"a": ["\\ud800"]}',
        "not valid JSON: half of a surrogate pair is no character",
    ),
    "half of a surrogate pair in a key": ('{"\\ud800": 1}', "half of a surrogate pair is no character"),
    "NUL": ('{"a": "\0"}', "line 1: not valid JSON: "),
    "100,000 lists": ("[" * 100_000, "nested deeper than 50 levels"),
    "100 lists": ("[" * 100 + "]" * 100, "nested deeper than 50 levels"),
    "key that is there twice": ('{"a": {"b": 1, "b": 2}}', "not valid JSON: the key b is there twice"),
}
# Who reads such files: the file, what else is there, the command.
READERS: dict[str, tuple[str, Files, Sequence[str]]] = {
    "accounts": ("accounts", output(), ("report", "-s", "output", "-c")),
    "accounts that are kept": ("accounts", {}, ("accounts", "--from-profiles", "-c")),
    "policies": ("policies/a", {}, ("validate", "-u")),
    "cases": ("policies/tests/every-group", {"policies/a.yml": POLICIES}, TEST),
    "faults": ("faults", {}, ("sandbox", "--faults")),
}


def files_of_people() -> Iterable[tuple[str, Row]]:
    for reader, (stem, files, command) in READERS.items():
        for ending, contents in ((".yml", YAML), (".json", JSON)):
            if ending == ".json" and reader in ("cases", "accounts that are kept"):
                continue  # those are YAML
            name = f"{stem}{ending}"
            words = command if command[-1] == "policies" else (*command, name)
            for what, (content, says) in contents.items():
                where = f"{name}, " if says.startswith("line ") else ""
                yield f"{reader}{ending}: {what}", Row(words, {**files, name: content}, f"{where}{says}")


def account(what: str, text: str, says: str, command: Sequence[str] = FROM_PROFILES) -> tuple[str, Row]:
    entry = f"accounts:\n- account_id: '111111111111'\n  role: audit\n  {text}\n"
    return f"accounts: {what}", Row(command, {**output(), "accounts.yml": entry}, says)


def policy(what: str, text: str, says: str) -> tuple[str, Row]:
    """Of a policy with further keys."""
    return f"policy: {what}", Row(VALIDATE, {"policies/a.yml": f"{POLICIES}  {text}\n"}, says)


def case(what: str, text: str, says: str, code: int = 2) -> tuple[str, Row]:
    files = {"policies/a.yml": POLICIES, "policies/tests/every-group.yml": f"vars:\n  {text}\n"}
    return f"cases: {what}", Row(TEST, files, says, code)


def fault(what: str, text: str, says: str) -> tuple[str, Row]:
    files = {"faults.yml": f"faults:\n- {{{text}}}\n"}
    return f"faults: {what}", Row(("sandbox", "--faults", "faults.yml"), files, says)


def manifest(what: str, says: str, *path: Any, to: Any) -> tuple[str, Row]:
    files = output(run=lambda manifest: json.dumps(changed(manifest, *path, to=to)))
    return f"run.json: {what}", Row(REPORT, files, f"output/run.json: not a manifest of sg-audit: {says}")


def resources(what: str, content: bytes, *, code: int = 3, says: str = UNREADABLE) -> tuple[str, Row]:
    return f"resources.json: {what}", Row(REPORT, output(content), says, code)


def option(what: str, says: str, *words: str, command: Sequence[str] = REPORT) -> tuple[str, Row]:
    files = {**output([GROUP]), "policies/a.yml": POLICIES}
    return f"option: {what}", Row((*command, *words), files, says)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def circle(path: Path) -> None:
    path.symlink_to(path.name)


def broken(path: Path) -> None:
    path.symlink_to("nowhere")


def bomb(unpacked: int) -> bytes:
    """So many MB of blanks between brackets, packed."""
    packer = zlib.compressobj(9, wbits=31)
    blanks = b" " * 2**20
    return b"".join(
        [packer.compress(b"["), *(packer.compress(blanks) for _ in range(unpacked)), packer.flush()]
    )


LONG = "x" * 300
CJK = "安" * 120  # 360 bytes
BOMB_SIZE, LIMIT = 3, 2  # MB

ROWS: dict[str, Row] = dict(
    [
        *files_of_people(),
        # Values where the files have theirs
        account(
            "name with a control character", 'name: "a\\x1bb"', r"account 'a\x1bb': the name becomes a folder"
        ),
        account(
            "name with a line's end of Unicode's", 'name: "a\\Lb"', r"account 'a\u2028b': the name becomes"
        ),
        account(
            "name that turns the writing",
            'name: "a\\u202eb"',
            r"account 'a\u202eb': the name becomes a folder",
        ),
        account(
            "name that is no character", 'name: "a\\uffffb"', r"account 'a\uffffb': the name becomes a folder"
        ),
        account("name of 360 bytes", f"name: {CJK}", "may have 255 bytes in UTF-8"),
        account(
            "name that is a date", "name: 2024-01-01", "key name: datetime.date(2024, 1, 1) is not of type"
        ),
        account(
            "id of 25 digits", "name: dev\n  external_id: 1234567890123456789012345", "line 5: not valid YAML"
        ),
        account(
            "vars with a date for a key",
            "name: dev\n  vars: {2024-01-01: x}",
            "line 5: not valid YAML: the key",
        ),
        (
            "accounts: there twice",
            Row(FROM_PROFILES, {"accounts.yml": ACCOUNTS * 2}, "the key accounts is there twice"),
        ),
        (
            "accounts: to be added to in JSON",
            Row(
                ("accounts", "--from-profiles", "-c", "a.json"),
                {"a.json": "{}"},
                "a.json: entries are written as YAML",
            ),
        ),
        policy(
            "filters there twice",
            "filters: []\n  filters: [unused]",
            "a.yml, line 5: not valid YAML: the key filters",
        ),
        policy("date that json does not know", "since: 2024-01-01", "every-group has unknown keys: since"),
        policy("name of 256 bytes", f"x: 1\n- name: {'n' * 256}\n  resource: ec2", "unknown keys: x"),
        policy(
            "regular expression that is none",
            "filters: [{type: value, key: a, op: regex, value: '('}]",
            "policy every-group: ",
        ),
        policy("filter that is a number", "filters: [5]", "filter must be a mapping/dict found:int"),
        policy("block that is a number", "filters: [{or: 5}]", "policy every-group: "),
        policy("block that is nothing", "filters: [{not: }]", "policy every-group: "),
        policy("type that is a list", "filters: [{type: [a]}]", "policy every-group: "),
        policy("mode that is a number", "mode: 5", "invalid `mode` declaration"),
        policy(
            "tab with a line break",
            'metadata: {report: {tab: "a\\nb"}}',
            "metadata.report.tab: it holds a character that cannot be shown",
        ),
        policy(
            "column with a control character",
            'metadata: {report: {column: "a\\x01"}}',
            "metadata.report.column: ",
        ),
        policy("metadata that is a date", "metadata: 2024-01-01", "policy every-group: "),
        *(
            (
                f"policy: {key} is {value}",
                Row(
                    VALIDATE,
                    {"policies/a.yml": f"policies:\n- {{{other}, {key}: {value}}}\n"},
                    f"number 1: {key} is not a text",
                ),
            )
            for key, other in (("name", "resource: aws.ec2"), ("resource", "name: a"))
            for value in ("5", "[a]", "{a: b}", "null", "''", "1.5", "true", "2024-01-01")
        ),
        *(
            (
                f"policy: resource is {resource!r}",
                Row(
                    VALIDATE,
                    {"policies/a.yml": f"policies:\n- {{name: a, resource: {json.dumps(resource)}}}\n"},
                    "policy a: ",
                ),
            )
            for resource in (
                ".",
                "aws.",
                ".ec2",
                "aws.ec2.x",
                "gcp.instance",
                "AWS.EC2",
                "aws.\0",
                "a" * 5000,
                "*",
            )
        ),
        case("that are a text", "cases: a", "not a file of cases: Expected `array`"),
        case(
            "with a key that there is none",
            "cases: [{why: a, match: true, resource: {}, x: 1}]",
            "not a file of cases",
        ),
        case(
            "with a number for a reason",
            "cases: [{why: 1, match: true, resource: {}}]",
            "not a file of cases",
        ),
        case(
            "with answers that are none",
            "cases: []\n  given: {resources: {aws.ec2: 5}}",
            "not a file of cases",
        ),
        fault("delay for ever", "what: delay, seconds: .inf", "fault number 1, key seconds: "),
        fault("delay of no number", "what: delay, seconds: .nan", "fault number 1, key seconds: "),
        fault("share of no number", "what: deny, share: .nan", "fault number 1, key share: "),
        fault("times of a fraction", "what: deny, times: 1.5", "fault number 1, key times: "),
        fault("key that there is none", "what: deny, wat: 1", "fault number 1: "),
        # run.json
        manifest("date that is none", "Invalid isoformat string: 'yesterday'", "started", to="yesterday"),
        manifest("month 13", "", "started", to="2026-13-01T00:00:00+00:00"),
        manifest(
            "time without a zone",
            "'2026-11-23T21:03:55' has no time zone",
            "started",
            to="2026-11-23T21:03:55",
        ),
        manifest("time before there is any", "", "started", to="0001-01-01T00:00:00+14:00"),
        manifest("time that is a number", "Expected `str`", "started", to=5),
        manifest("account that climbs out", "'..' names no folder", "cells", 0, "account", to=".."),
        manifest("account from the root", "'/etc' names no folder", "cells", 0, "account", to="/etc"),
        manifest("account with a NUL", r"'a\x00b' names no folder", "cells", 0, "account", to="a\0b"),
        manifest("region of 360 bytes", f"{CJK[:100]!r} names no folder", "cells", 0, "region", to=CJK),
        manifest("cell of no policy", "a cell is of policy 'other'", "cells", 0, "policy", to="other"),
        manifest("no cells", "it has no cells", "cells", to=[]),
        manifest("a cell twice", "cell dev us-east-1 found is there twice", "cells", to=[CELL, CELL]),
        manifest("a policy twice", "policy found is there twice", "policies", to=[POLICY, POLICY]),
        manifest("an account twice", "account dev is there twice", "accounts", to=[DEV, DEV]),
        manifest("state that there is none", "Invalid enum value", "state", to="dreaming"),
        manifest("list for a report", "Expected `object`", "policies", 0, "report", to=[]),
        (
            "run.json: a pipe",
            Row(REPORT, {"output/run.json": pipe}, "output/run.json: cannot be read: not a regular file"),
        ),
        (
            "run.json: without an end",
            Row(REPORT, {"output/run.json": endless}, "output/run.json: cannot be read: not a regular file"),
        ),
        (
            "run.json: 100,000 lists",
            Row(REPORT, {"output/run.json": "[" * 100_000}, "output/run.json: not a manifest"),
        ),
        # metadata.json
        *(
            (
                f"metadata.json: {what}",
                Row(
                    REPORT,
                    stock(content, resources__json="[]"),
                    "output: dev/us-east-1/found/metadata.json: ",
                ),
            )
            for what, content in {
                "nothing": "",
                "100,000 lists": "[" * 100_000,
                "time beyond all": json.dumps(changed(METADATA, "execution", "start", to=1e300)),
                "time after year 9999": json.dumps(changed(METADATA, "execution", "start", to=253402300800)),
                "time of 400 digits": json.dumps(changed(METADATA, "execution", "start", to=10**400)),
                "name that is a number": json.dumps(changed(METADATA, "policy", "name", to=5)),
                "list of resource types": json.dumps(changed(METADATA, "policy", "resource", to=["aws.ec2"])),
                "half of a surrogate pair": '{"policy": {"name": "\\ud800"}}',
                "a pipe": pipe,
                "without an end": endless,
            }.items()
        ),
        # resources.json
        resources("nothing", b""),
        resources("half", b'[{"GroupId": "sg-1"'),
        resources("a page of a proxy", b"<html></html>"),
        resources("NUL", b"\0" * 100),
        resources("not UTF-8", b'[{"GroupId": "\xff"}]'),
        resources("half of a surrogate pair", b'[{"GroupId": "\\ud800"}]'),
        resources("100,000 lists", b'[{"GroupId": "sg-1", "Tags": ' + b"[" * 100_000),
        resources("number for a name", b'[{"GroupId": "sg-1", "GroupName": 5}]'),
        resources("number for a group", b"[5]"),
        resources(
            "an end in the middle of a number", b'[{"GroupId": "sg-1", "IpPermissions": [{"FromPort": -'
        ),
        resources(
            "5,000 digits", b'[{"GroupId": "sg-1", "IpPermissions": [{"FromPort": ' + b"1" * 5000 + b"}]}]"
        ),
        *(
            (
                f"resources.json: groups without an id, {what}",
                Row((*REPORT, *words), output([{"OwnerId": "1"}, {"GroupId": None}, GROUP]), UNREADABLE, 3),
            )
            for what, words in {"plain": (), "with a field": ("--field", "Owner=OwnerId")}.items()
        ),
        *(
            (
                f"filters: {filters}",
                Row(REPORT, output([GROUP], filtered=True, filters=filters), "1 of 1 cells", 0),
            )
            for filters in ([5], [None], [[]], [{"or": 5}], [{"and": "x"}], [{"not": None}, {"type": []}])
        ),
        ("resources.json: a pipe", Row(REPORT, output(pipe), NOT_HAD, 3)),
        ("resources.json: without an end", Row(REPORT, output(endless), NOT_HAD, 3)),
        ("resources.json: a circle of links", Row(REPORT, output(circle), NOT_HAD, 3)),
        *(
            (
                f"resources.json.gz: {what}",
                Row(REPORT, stock(resources__json__gz=content), f"{UNREADABLE}", 3),
            )
            for what, content in {
                "not packed": b"[]",
                "nothing of it": b"",
                "half": gzip.compress(b"[]" * 1000)[:-20],
                "another sum": gzip.compress(b"[]")[:-8] + b"12345678",
                "packed twice": gzip.compress(gzip.compress(b"[]")),
            }.items()
        ),
        (
            "resources.json.gz: a bomb",
            Row(REPORT, stock(resources__json__gz=bomb(BOMB_SIZE)), f"unpacks to more than {LIMIT} MB", 3),
        ),
        (
            "metadata.json.gz: a bomb",
            Row(
                REPORT,
                {"output/found/metadata.json.gz": bomb(BOMB_SIZE), "output/found/resources.json": "[]"},
                f"unpacks to more than {LIMIT} MB, which is the limit",
            ),
        ),
        (
            "custodian-run.log.gz: a bomb",
            Row(REPORT, stock(**{"custodian-run__log__gz": bomb(BOMB_SIZE)}), "found: failed NotWritten", 3),
        ),
        # Options
        option("a day that is none", "--at 2026-02-30: write a day", "--at", "2026-02-30"),
        option("an hour that is none", "--at 2026-11-20T25: write a day", "--at", "2026-11-20T25"),
        option("a time beyond all", "write a day", "--at", "9999-12-31T23:59-23:59"),
        option("a week that is none", "--at 2026-W99: write a day", "--at", "2026-W99"),
        option("a column without a name", "--field =a: write NAME=JMESPATH", "--field", "=a"),
        option(
            "a column with a control character",
            "cannot be shown in the head of a column",
            "--field",
            "a\x1b=b",
        ),
        option("a column not in UTF-8", "cannot be shown in the head of a column", "--field", "a\udcff=b"),
        option("a tag not in UTF-8", "half of a surrogate pair", "--field", "a=tag:\udcff"),
        option("half of a surrogate pair", "half of a surrogate pair", "--field", 'a=`"\\ud800"`'),
        option("3,000 brackets", "nested too deep", "--field", "a=" + "[" * 3000),
        option("3,000 alternatives", "nested too deep", "--field", "a=" + "||".join(["b"] * 3000)),
        option("2,000 steps", "nested too deep", "--field", "a=" + "|".join(["b"] * 2000)),
        option(
            "an index of 5,000 digits", "not JMESPath: Exceeds the limit", "--field", "a=[" + "1" * 5000 + "]"
        ),
        option("an expression that is none", "not JMESPath: ", "--field", "a=b[?"),
        option("a mark without CSV", "--csv-bom: goes with -f csv", "--csv-bom"),
        option(
            "a port that is none", "Invalid value for '--port'", "--port", "9" * 5000, command=("sandbox",)
        ),
        *(
            option(f"{name} of 300 characters", "File name too long", name, LONG, command=command)
            for name, command in (
                ("-c", REPORT),
                ("-o", REPORT),
                ("-s", REPORT),
                ("-u", ("validate",)),
                ("-u", ("test-policies",)),
                ("--copy-to", ("policies",)),
                ("-c", ("accounts", "--from-profiles")),
                ("--faults", ("sandbox",)),
            )
        ),
        (
            "AWS configuration: of S3",
            Row(
                ("report", "-s", "s3://bucket/x"),
                {},
                "sg-audit: the AWS configuration: Invalid endpoint: x",
                2,
                {"AWS_CONFIG_FILE": "none", "AWS_ENDPOINT_URL": "x"},
            ),
        ),
        *(
            (
                f"reports: a {what}",
                Row(
                    ("audit", "-c", "accounts.yml", "-o", "reports"),
                    {"policies/a.yml": POLICIES, "accounts.yml": ACCOUNTS, "reports": there},
                    "sg-audit: reports: cannot write the report there: Not a directory",
                ),
            )
            for what, there in {"file": "x", "broken link": broken}.items()
        ),
        *(
            (
                f"option: C7N_ORG_PARALLEL={value[:10]}",
                Row(
                    ("run", "-c", "accounts.yml"),
                    {"policies/a.yml": POLICIES},
                    "not a number of workers",
                    2,
                    {"C7N_ORG_PARALLEL": value},
                ),
            )
            for value in ("many", "-1", "0", "1.5", "9" * 5000, "")
        ),
        # Files that are none, and names that are not UTF-8
        (
            "files: policies without an end",
            Row(VALIDATE, {"policies/a.yml": endless}, "policies/a.yml: not a regular file"),
        ),
        (
            "files: a pipe among policies",
            Row(VALIDATE, {"policies/a.yml": pipe}, "policies/a.yml: not a regular file"),
        ),
        (
            "files: a pipe among cases",
            Row(
                TEST,
                {"policies/a.yml": POLICIES, "policies/tests/every-group.yml": pipe},
                "every-group.yml: not a regular file",
            ),
        ),
        (
            "files: a folder among policies",
            Row(VALIDATE, {"policies/a.yml": None}, "policies/a.yml: Is a directory"),
        ),
        (
            "files: a link that leads nowhere",
            Row(
                VALIDATE,
                {"policies/a.yml": lambda path: path.symlink_to("b")},
                "policies/a.yml: no such file",
            ),
        ),
        (
            "files: a link to itself",
            Row(VALIDATE, {"policies/a.yml": circle}, "policies/a.yml: Too many levels of symbolic links"),
        ),
        (
            "files: accounts without an end",
            Row((*REPORT, "-c", "a.yml"), {**output(), "a.yml": endless}, "a.yml: larger than 16 MB"),
        ),
        (
            "files: accounts in a circle",
            Row(
                (*REPORT, "-c", "a.yml"),
                {**output(), "a.yml": circle},
                "a.yml: Too many levels of symbolic links",
            ),
        ),
        (
            "files: faults without an end",
            Row(("sandbox", "--faults", "f"), {"f": endless}, "f: larger than 16 MB"),
        ),
        (
            "files: policies not in UTF-8",
            Row(
                VALIDATE,
                {"policies/a\udcff.yml": "x: 1\n"},
                r"policies/a\xff.yml: Policy files top level keys",
            ),
        ),
        (
            "files: cases not in UTF-8",
            Row(
                TEST,
                {"policies/a.yml": POLICIES, "policies/tests/a\udcff.yml": ""},
                r"tests/a\xff.yml: no policy is called a\xff",
            ),
        ),
        (
            "files: accounts not in UTF-8",
            Row(
                (*REPORT, "-c", "a\udcff.yml"),
                {**output(), "a\udcff.yml": "x"},
                r"a\xff.yml: not an accounts file",
            ),
        ),
        # The AWS configuration
        *(
            (
                f"profiles: {what}",
                Row(FROM_PROFILES, {"config": content}, says, 2, {"AWS_CONFIG_FILE": "config"}),
            )
            for what, content, says in (
                ("not text", bytes(range(256)), "the AWS configuration cannot be read: "),
                ("there twice", "[profile abc]\n[profile abc]\n", "the AWS configuration cannot be read: "),
                (
                    "program that is none",
                    "[profile abc]\ncredential_process = /nonexistent\n",
                    "no account for profile abc: FileNotFoundError",
                ),
                (
                    "token that is none",
                    "[profile abc]\nrole_arn = a\nweb_identity_token_file = /nonexistent\n",
                    "no account for profile abc: FileNotFoundError",
                ),
                (
                    "role that is a map",
                    "[profile abc]\nrole_arn =\n  a = b\n",
                    "no account for profile abc: ",
                ),
            )
        ),
    ]
)


@pytest.fixture
def sg_audit_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Run:
    """Runs the command line in this process, in a folder of its own, without any AWS; returns exit and output."""

    def run(
        command: Sequence[str], files: Files, environment: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, str]:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.mkdir()
            elif callable(content):
                content(path)
            else:
                path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(packed, "MAX_UNPACKED", LIMIT * 2**20)  # for the time it would take
        away = {
            "AWS_CONFIG_FILE": "none",
            "AWS_SHARED_CREDENTIALS_FILE": "none",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        }
        for name, value in {**away, "AWS_EC2_METADATA_DISABLED": "true", **(environment or {})}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.argv", ["sg-audit", *command])
        for stream, errors in ((sys.stdout, "surrogateescape"), (sys.stderr, "backslashreplace")):
            cast(io.TextIOWrapper, stream).reconfigure(errors=errors)  # as they are outside of tests
        mask = os.umask(0o077)
        capsysbinary.readouterr()
        try:
            with pytest.raises(SystemExit) as ended:
                cli.main()
        finally:
            os.umask(mask)
        said = capsysbinary.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, said.out, said.err.decode("utf-8")

    return run


@pytest.mark.parametrize("name", ROWS)
def test_the_exit_one_line_and_no_traceback(name: str, sg_audit_here: Run) -> None:
    row = ROWS[name]
    code, out, err = sg_audit_here(row.command, row.files, row.environment)
    assert code == row.code, err
    assert "Traceback" not in err
    if code != 2:  # the report is there, and says what was not read
        assert [line for line in err.splitlines() if row.says in line] != [], err
        assert out
        return
    *before, line = err.splitlines()
    assert line.startswith("sg-audit: ")
    assert [each for each in before if not each.startswith(("no account for profile", "profile abc: "))] == []
    assert row.says in err
    assert out == b""


# What is odd and no error: names that do not fit where they are to stand.

ODD = "a\x1b\n\u2028\ufffeb"  # shown as a____b
ALL_FORMATS = ("-f", "xlsx", "-f", "csv", "-f", "html", "-f", "json", "-f", "parquet")


def test_names_that_cannot_be_shown_are_shown_as_far_as_they_can(sg_audit_here: Run, tmp_path: Path) -> None:
    metadata = changed(METADATA, "policy", "metadata", to={"report": {"tab": ODD, "column": ODD}})
    resources = {ODD: 1, ODD.upper(): 2, "": 3, "h" * 300: 4, "Tags": [{"Key": ODD, "Value": ODD}]}
    things = changed(changed(METADATA, "policy", "resource", to="aws.no-such"), "policy", "name", to=CJK)
    files = {
        **stock(metadata, "output/a\udcff/us-east-1/found", resources__json=json.dumps([GROUP])),
        **stock(things, "output/a\udcff/us-east-1/things", resources__json=json.dumps([resources])),
        "output/a\udcff/us-east-1/half\udcff/metadata.json": "{",
        "output/a\udcff/us-east-1/half\udcff/resources.json": "[]",
        "accounts.yml": f"accounts:\n- {{name: dev, account_id: '111111111111', vars: {{{json.dumps(ODD)}: 1}}}}\n",
    }
    code, out, err = sg_audit_here(
        ("report", "-s", "output", "-o", "reports\udcff", "-c", "accounts.yml", *ALL_FORMATS), files
    )
    assert code == 3, err
    paths = [Path(os.fsdecode(line)) for line in out.splitlines()]
    assert sorted(paths) == sorted(
        path.relative_to(tmp_path) for path in (tmp_path / "reports\udcff").iterdir()
    )
    assert max(len(os.fsencode(path.name)) for path in paths) <= 255

    (whole,) = (path for path in paths if path.suffix == ".json" and not path.stem.endswith("_schema"))
    tables = json.loads(whole.read_text())["tables"]
    assert "left out: policy found: metadata.report.tab: it holds a character that cannot be shown" in err
    assert list(tables["security_groups"][0])[-1] == "account:a____b"
    heads = ["account_profile", "account_id", "region", "a____b", "A____B_2", "unnamed", "h" * 255]
    assert list(tables[CJK][0]) == [*heads, "account:a____b", "tags"]
    assert "half\\xff" in [row["policy"] for row in tables["coverage"]]
    (book,) = (path for path in paths if path.suffix == ".xlsx")
    sheets = openpyxl.load_workbook(book)
    assert [cell.value for cell in sheets["安" * 31][1]] == [*heads, "account:a____b", "tags"]
    of_several = {"overview": 0, "summary": 3}
    assert {sheet.title: len(sheet.tables) for sheet in sheets if len(sheet.tables) != 1} == of_several


def test_a_number_that_is_none_is_shown_as_text(sg_audit_here: Run, tmp_path: Path) -> None:
    command = (*REPORT, "-f", "xlsx", "-f", "csv", "--field", "made=to_number('nan')")
    code, out, err = sg_audit_here(command, output([GROUP]))
    assert code == 0, err
    [row] = json.loads(Path(out.decode().splitlines()[0]).read_text())["tables"]["security_groups"]
    assert row["made"] == "NaN"


def test_a_profiles_name_cannot_end_its_comment(sg_audit_here: Run, tmp_path: Path) -> None:
    config = (
        "[profile abc]\nrole_arn = arn:aws:iam::222222222222:role/a\nsource_profile = abc\n"
        "[profile 'abc\u2028- name: evil']\nrole_arn = arn:aws:iam::222222222222:role/a\nsource_profile = abc\n"
        "[profile 'def\u0085- name: evil']\nregion = us-east-1\nrole_arn = none\n"
    )
    files = {"config": config, "accounts.yml": ACCOUNTS}
    code, _, err = sg_audit_here(FROM_PROFILES, files, {"AWS_CONFIG_FILE": "config"})
    assert code == 3, err
    written = yaml.safe_load((tmp_path / "accounts.yml").read_text())["accounts"]
    assert [entry["name"] for entry in written] == ["dev", "abc"]
