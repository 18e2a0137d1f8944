"""Which findings of a run a change of the waivers would hide or bring back."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from reporter.custodian.bounded import Stopped, Workers
from reporter.errors import InputError
from reporter.findings import waivers
from reporter.findings.waivers import Waiver
from reporter.names import printable
from reporter.output.reading import Output
from reporter.review import trees
from reporter.review.trees import WORKTREE


@dataclass(frozen=True)
class WaivedFinding:
    """A finding that is waived at one revision alone; `until` is how long, why and by whom."""

    policy: str
    account: str
    account_id: str
    region: str
    id: str
    name: str
    until: str


@dataclass(frozen=True)
class WaiverMoves:
    """What a change of the waivers does to the findings of the run; `problem` says why that cannot be told, or is
    empty."""

    file: str
    hidden: tuple[WaivedFinding, ...] = ()
    brought_back: tuple[WaivedFinding, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class _File:
    """The file at a revision: its content, None where there is none, or why it is not read."""

    where: str
    content: bytes | None = None
    why_not: str = ""


def between(
    workers: Workers, given: Path | None, sources: Sequence[Path], base: str, head: str, output: Output
) -> WaiverMoves | None:
    """What differs between the waivers of two revisions, of the file given or the usual one; None where they are alike.

    Both are judged today. `sources` are those of the policies. Raises InputError where a file that was given is there
    at neither, and for mistakes at `head`.
    """
    path = given or _usual(sources)
    if path is None:
        return None
    before, after = _at(path, base, "--base"), _at(path, head, "--head")
    if given and all(each.content is None and not each.why_not for each in (before, after)):
        raise InputError(f"{path}: no such file, neither before nor now")
    why_not = next((f"{each.where}: {each.why_not}" for each in (before, after) if each.why_not), "")
    if why_not:
        return WaiverMoves(after.where, problem=why_not)
    if before.content == after.content:
        return None
    day = waivers.today()
    tasks = [(each.where, (each, day)) for each in (before, after)]
    (old,), (new,) = workers.run(_read, [[task] for task in tasks])
    if isinstance(new, list):
        raise InputError(*new)
    if isinstance(old, list):
        return WaiverMoves(after.where, problem=f"the older version is wrong: {old[0]}")
    for each, found in ((before, old), (after, new)):
        if isinstance(found, Stopped):
            return WaiverMoves(after.where, problem=f"{each.where}: {found.why}")
    assert isinstance(old, tuple)  # noqa: S101 - nothing else is left
    assert isinstance(new, tuple)  # noqa: S101
    return _moves(after.where, old, new, output, day)


def _usual(sources: Sequence[Path]) -> Path | None:
    """The file of the usual name in this folder, where that is in the repository of the policies."""
    path = Path(waivers.DEFAULT_NAME)
    try:
        root, _ = trees.locate(path)
    except InputError:
        return None
    return path if root in (trees.locate(source)[0] for source in sources) else None


def _at(path: Path, revision: str, option: str) -> _File:
    root, place = trees.locate(path)
    tree = trees.open_tree(root, revision, option)
    where = printable(str(path) if revision == WORKTREE else f"{revision}:{place}")
    for found in tree.at(place):
        if found.why_not and (found.path == place or found.path in place.parents):
            return _File(where, why_not=found.why_not)
        if found.path == place:
            return _File(where, tree.read([found])[0])
    return _File(where)


def _read(tasks: Iterable[tuple[_File, date]]) -> Iterator[tuple[Waiver, ...] | list[str]]:
    """The waivers of each file, or its mistakes."""
    for file, day in tasks:
        try:
            yield () if file.content is None else waivers.parse(file.content, file.where, day)
        except InputError as error:
            yield [printable(str(each)) for each in error.args]


def _moves(
    file: str, before: tuple[Waiver, ...], after: tuple[Waiver, ...], output: Output, day: date
) -> WaiverMoves:
    # Late: pandas takes as long to load as a small review takes.
    from reporter.findings import waived
    from reporter.findings.assess import assess
    from reporter.inventory.audit import read_audit

    _, inventory = read_audit(output)
    found = assess(inventory, output.policies)
    sides = []
    for entries in (before, after):
        frame = waived.apply(found, output.policies, entries, day).waived.frame
        frame = frame[frame["waived"].astype(bool)]
        keys = zip(frame["group"].tolist(), frame["policy"].tolist(), strict=True)
        sides.append(dict(zip(keys, frame["note"].tolist(), strict=True)))
    groups = found.groups
    then, now = (
        {key: _finding(groups.iloc[key[0]], key[1], note) for key, note in side.items()} for side in sides
    )
    return WaiverMoves(
        file,
        hidden=tuple(now[key] for key in sorted(now.keys() - then.keys())),
        brought_back=tuple(then[key] for key in sorted(then.keys() - now.keys())),
    )


def _finding(group: Any, policy: str, until: str) -> WaivedFinding:
    return WaivedFinding(
        policy=policy,
        account=group["account_profile"],
        account_id=group["account_id"],
        region=group["region"],
        id=group["security_group_id"],
        name=group["group_name"],
        until=until,
    )
