"""The policies as they stand at a revision, or on disk."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from reporter import yamlfile
from reporter.custodian import policies
from reporter.custodian.bounded import Stopped, Workers
from reporter.custodian.metadata import PlannedPolicy
from reporter.errors import InputError
from reporter.names import printable
from reporter.review import trees
from reporter.review.trees import WORKTREE, Found, Tree

# What of a policy decides what it matches; the rest is for people and for other tools.
_DECIDING = ("filters", "query", "source", "conditions", "region", "start", "end", "tz")
# Files that the policies of a revision may take values from.
_MOST_FILES = 100


@dataclass(frozen=True)
class Version:
    """A policy as it stands at a revision; `where` names the file, and the revision unless it is on disk.

    `planned` is what the manifest of a run with this version would say of it. `urls` are the files that it takes
    values from, and `files` the content of those that the revision has. `key` stands for what decides what it
    matches: the same for versions that differ in words alone. `nameless` stands for all of it but the name.
    """

    where: str
    data: Mapping[str, Any] = field(repr=False)
    planned: PlannedPolicy
    key: str
    nameless: str
    urls: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        return self.planned.name

    @property
    def resource(self) -> str:
        """The resource type with its provider."""
        return self.planned.resource


@dataclass(frozen=True)
class Unread:
    """What may hold policies and was not read, and why; `path` is that from the top of the repository."""

    file: str
    path: str
    why: str


@dataclass(frozen=True)
class Revision:
    """The policies of a revision by name, and what of it was not read."""

    policies: Mapping[str, Version]
    unread: tuple[Unread, ...]


def at(workers: Workers, sources: Sequence[Path], revision: str, option: str) -> Revision:
    """The policies as they stand at a revision, or on disk for WORKTREE; none of them is validated.

    `option` is what the revision was given by. Raises InputError where there is no such revision, where a
    file cannot be read as policies, or where two policies share a name. In folders below a source, which only
    Custodian looks into by itself, policies count too, but what is wrong there is told as unread.
    """
    files: dict[tuple[Path, PurePosixPath], _File] = {}
    unread: dict[str, Unread] = {}
    for source in sources:
        root, place = trees.locate(source)
        tree = trees.open_tree(root, revision, option)
        there, missed = trees.policy_files(tree, place)
        for each in missed:
            where = _where(each, source, place, revision)
            unread[where] = Unread(where, printable(str(each.path)), each.why_not)
        for each, content in zip(there, tree.read(there), strict=True):
            nested = len(each.path.parts) > len(place.parts) + 1
            file = _File(_where(each, source, place, revision), each.path, content, nested)
            files[root, each.path] = min(
                file, files.get((root, each.path), file), key=lambda file: file.nested
            )
    found: dict[str, Version] = {}
    for file, result in _versions(workers, sorted(files.values(), key=lambda file: file.nested)):
        if isinstance(result, Version):
            other = found.setdefault(result.name, result)
            if other is result:
                continue
            result = _taken(result, other)
        if not file.nested:
            raise InputError(result)
        why = result.removeprefix(f"{file.where}: ")
        unread[result] = Unread(file.where, printable(str(file.path)), why)
    return Revision(_with_files(found, sources, revision, option), tuple(unread.values()))


@dataclass(frozen=True)
class _File:
    """A policy file, and whether it is in a folder below the one that was named."""

    where: str
    path: PurePosixPath
    content: bytes
    nested: bool


def _where(found: Found, source: Path, place: PurePosixPath, revision: str) -> str:
    """How to call a file: as a person would from where they are, or as git would."""
    if revision != WORKTREE:
        return printable(f"{revision}:{found.path}")
    inside = found.path.is_relative_to(place)
    return printable(str(source / found.path.relative_to(place) if inside else found.path))


def _taken(version: Version, other: Version) -> str:
    name = printable(version.name)
    return f"{version.where}: policy {name}: there is one of that name in {other.where}"


def _versions(workers: Workers, files: Sequence[_File]) -> Iterator[tuple[_File, "Version | str"]]:
    """The policies of files, or what is wrong with a file."""
    results = workers.run(_parse, [[(file.where, file)] for file in files])
    for file, (result,) in zip(files, results, strict=True):
        if isinstance(result, Stopped):
            yield file, f"{file.where}: no policies can be read there: {result.why}"
        elif isinstance(result, str):
            yield file, result
        else:
            yield from ((file, version) for version in result)


def _parse(files: Iterable[_File]) -> Iterator[list[Version] | str]:
    for file in files:
        try:
            content = yamlfile.parse(file.content, file.where)
            if file.nested and not (isinstance(content, dict) and "policies" in content):
                yield []  # whatever it is, it has none
            else:
                yield [_version(policy, file.where) for policy in policies.parse(content, file.where)]
        except InputError as error:
            yield printable(str(error), 800)


def _version(policy: dict[str, Any], where: str) -> Version:
    try:
        planned = policies.planned(policy)
        deciding = {"resource": planned.resource} | {key: policy.get(key) for key in _DECIDING}
        return Version(
            where=where,
            data=policy,
            planned=planned,
            key=_digest(deciding),
            nameless=_digest({key: value for key, value in policy.items() if key != "name"}),
            urls=tuple(dict.fromkeys(_file_urls(policy))),
        )
    except (TypeError, ValueError, OverflowError, RecursionError):
        name = printable(policy["name"])
        raise InputError(f"{where}: policy {name}: holds what cannot be written as JSON") from None


def _digest(content: Any) -> str:
    return sha256(json.dumps(content, sort_keys=True, default=_told_apart).encode()).hexdigest()


def _told_apart(value: Any) -> Any:
    """2026-11-23 is a date where it is not quoted, and no text."""
    return [type(value).__name__, sorted(value) if isinstance(value, set) else str(value)]


def _file_urls(policy: Mapping[str, Any]) -> Iterator[str]:
    left: list[Any] = [policy]
    while left:
        each = left.pop()
        if isinstance(each, Mapping):
            left += each.values()
            url = each.get("url")
            if isinstance(url, str) and url.startswith("file:"):
                yield url
        elif isinstance(each, list):
            left += each


def _with_files(
    found: Mapping[str, Version], sources: Sequence[Path], revision: str, option: str
) -> dict[str, Version]:
    """The versions, those that take values from files of the repository with the contents of these."""
    urls = list(dict.fromkeys(url for version in found.values() for url in version.urls))[:_MOST_FILES]
    if not urls:
        return dict(found)
    contents: dict[str, str] = {}
    for root in dict.fromkeys(trees.locate(source)[0] for source in sources):
        tree = trees.open_tree(root, revision, option)
        contents |= {url: content for url in urls if (content := _content(url, root, tree)) is not None}
    return {name: _with(version, contents) for name, version in found.items()}


def _with(version: Version, contents: Mapping[str, str]) -> Version:
    files = {url: contents[url] for url in version.urls if url in contents}
    if not files:
        return version
    return replace(
        version,
        files=files,
        key=_digest([version.key, files]),
        nameless=_digest([version.nameless, files]),
    )


def _content(url: str, root: Path, tree: Tree) -> str | None:
    """What is in a file of the repository, which a relative URL names from the top; None for any other."""
    try:
        address = urlsplit(url)
        path = PurePosixPath(unquote(address.path))
        os.fsencode(path)
        if path.is_absolute():
            path = path.relative_to(root.as_posix())
    except ValueError:
        return None
    if address.netloc not in ("", "localhost") or not path.parts or {"..", ".git"} & set(path.parts):
        return None
    content = None if "\0" in str(path) else tree.file(path)
    try:
        return None if content is None else content.decode("utf-8")
    except UnicodeDecodeError:
        return None
