"""findings.json: what a run found, kept beside its run.json, so that later reports need not read all of it again.

It is compact, a list a column, and knows since when each finding is seen, so that older runs may be deleted.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any

import msgspec
import pandas as pd

from reporter.custodian.resource_types import GROUPS
from reporter.findings import counts
from reporter.findings.assess import Findings
from reporter.findings.changes import FINDING_LEVELS, INFORMS, Found, Key, Place, RunFindings
from reporter.findings.resolved import why_resolved
from reporter.findings.together import SSH_WORLD
from reporter.inventory.audit import Audit
from reporter.inventory.network.reachability import Reachable
from reporter.output import manifest
from reporter.output.manifest import Cell, Status
from reporter.output.reading import OWN_RUN
from reporter.output.store import UNREADABLE, Store

FILE_NAME = "findings.json"

#: Of the file. What is of another one is made anew.
VERSION = 1

_IS_DEFAULT = "is_default"

#: The numbers of what is in a list, a number a row.
_Number = Annotated[int, msgspec.Meta(ge=0)]
_Numbers = list[_Number]


class Header(msgspec.Struct):
    """What the trend needs of the file, and `after`. `run` stands for the run.json that the findings are of."""

    version: int
    run: str
    started: str
    after: str
    complete: bool
    counts: dict[str, int | None]


class _File(Header):
    """All of the file. What is there often is told by its place in a list: `places` are account, region and the
    account's name, `texts` any others, and `rules` those that matched."""

    places: list[tuple[str, str, str]]
    texts: list[str]
    rules: list[tuple[str, ...] | None]
    cells: tuple[_Numbers, _Numbers, _Numbers]  # place, policy, what it catches
    listed: _Numbers  # places
    groups: list[list[str]]  # a list a place
    unsure: list[tuple[_Number, str]]  # place, group
    # place, policy, group, its name, level, whether that is proven, reachable, rules, first seen
    findings: tuple[
        _Numbers,
        _Numbers,
        list[str],
        list[str],
        _Numbers,
        list[bool],
        _Numbers,
        _Numbers,
        _Numbers,
    ]
    carried: tuple[_Numbers, _Numbers, list[str], _Numbers]  # place, policy, group, first seen


_header, _file = msgspec.json.Decoder(Header), msgspec.json.Decoder(_File)


def of_run(
    audit: Audit, findings: Findings, before: RunFindings | None = None, own: RunFindings | None = None
) -> RunFindings:
    """What a run found, each finding with the date since when it is seen, as far as the run `before` knows, and what
    was kept of this run itself, its `own`."""
    policy_of = audit.output.policy_of
    # What an event asked for says nothing of all else.
    read = [cell for cell in audit.cells if cell.status is Status.OK and not policy_of(cell).on_events]
    cells = {(*_place(cell), cell.policy): policy_of(cell).decides for cell in read}
    groups: dict[tuple[str, str], set[str]] = {}
    frame = findings.groups
    for account, profile, region, group in zip(
        *(frame[name].tolist() for name in ("account_id", "account_profile", "region", "security_group_id")),
        strict=True,
    ):
        groups.setdefault((account or profile, region), set()).add(group)
    run = RunFindings(
        started=audit.output.started,
        findings=_found(audit, findings, {(*_place(cell), cell.policy): _date(cell, audit) for cell in read}),
        cells=cells,
        groups={Place(*place): frozenset(ids) for place, ids in groups.items()},
        listed=frozenset(
            _place(cell) for cell in read if policy_of(cell).lists_all and policy_of(cell).resource == GROUPS
        ),
        unsure=_unsure(findings),
        read_at=_read_at(read) if audit.output.kind != OWN_RUN else {},  # a run of ours has no older answers
        counts=counts.of_all(audit, findings),
        complete=audit.output.complete,
        profiles={_place(cell).account: cell.account for cell in audit.cells},
    )
    return since(run, before, own)


def since(run: RunFindings, before: RunFindings | None, own: RunFindings | None = None) -> RunFindings:
    """The run with what is known since when its findings are seen, see `of_run`.

    What the run could not look for is carried on, unless the group is known to be gone, and so is what it cannot tell
    though it looked. Where a run between `before`
    and this one was deleted, only what is kept of this one knows what that had found.
    """
    deleted = before and own and own.after > before.started
    earlier = [each for each in (None if deleted else before, own) if each]
    if not earlier:
        return run
    found = dict(run.findings)
    for key, each in run.findings.items():
        dates = [date for other in earlier if (date := seen_before(other, key))]
        if dates and min(dates) < each.first_seen:
            found[key] = each._replace(first_seen=min(dates))
    carried: dict[Key, str] = {}
    for other in earlier:
        for key in (*other.findings, *other.carried):
            if key not in found and not why_resolved(key, other, run):
                date = other.first_seen(key)
                carried[key] = min(carried.get(key, date), date)
    after = max(before.started if before else "", own.after if own else "")
    return replace(run, findings=found, carried=carried, after=after)


def seen_before(other: RunFindings, key: Key) -> str:
    """Since when a finding of a later run is seen, as far as this one knows; empty where it is not."""
    date = other.first_seen(key)
    if date or other.sees(key):
        return date
    # A group of a shared VPC may have been seen in another account, where its owner was not read.
    accounts = other.accounts_of.get((key.region, key.resource_id), ())
    return min(filter(None, (other.first_seen(key._replace(account=each)) for each in accounts)), default="")


def _place(cell: Cell) -> Place:
    return Place(cell.account_id or cell.account, cell.region)


def _read_at(cells: Iterable[Cell]) -> dict[tuple[str, str, str], float]:
    return {(*_place(cell), cell.policy): cell.started for cell in cells if cell.started}


def _date(cell: Cell, audit: Audit) -> str:
    """The day on which a cell was read, in UTC."""
    if cell.started:
        return datetime.fromtimestamp(cell.started, UTC).date().isoformat()
    return audit.output.started[:10]


def _found(audit: Audit, findings: Findings, dates: Mapping[tuple[str, str, str], str]) -> dict[Key, Found]:
    proven = findings.frame[findings.frame["proven"]]
    columns = {policy.name: policy.in_report.column for policy in audit.output.policies}
    risks, are_proven = findings.groups["risk"].tolist(), findings.proven.tolist()
    reachable = findings.groups["reachable"].tolist()
    found, today = {}, audit.output.started[:10]
    level_of = cache(finding_level)
    rows = (proven[column].tolist() for column in ("group", "group_name", "exposed", "matched_rules"))
    for key, group, name, exposed, rules in zip(keys(proven), *rows, strict=True):
        level = level_of(risks[group], exposed, columns[key.policy])
        is_proven = are_proven[group] or level == INFORMS
        found[key] = Found(name, level, is_proven, reachable[group], rules, dates.get(key[:3], today))
    return found


def keys(frame: pd.DataFrame) -> Iterator[Key]:
    """What tells each of some rows of `Findings.frame` in all runs."""
    ids, profiles = frame["account_id"].tolist(), frame["account_profile"].tolist()
    accounts = (account or profile for account, profile in zip(ids, profiles, strict=True))
    others = (frame[name].tolist() for name in ("region", "policy", "resource_id"))
    return map(Key._make, zip(accounts, *others, strict=True))


def finding_level(risk: str, exposed: bool, column: str) -> str:
    """The risk that a finding gives its group, one of FINDING_LEVELS: critical and medium come of what is exposed,
    high of a default group. `risk` is the group's, and `column` the one that the policy fills."""
    if exposed or column == SSH_WORLD or (column == _IS_DEFAULT and risk == "high"):
        return risk if risk in FINDING_LEVELS else INFORMS
    return INFORMS


def _unsure(findings: Findings) -> frozenset[tuple[str, str, str]]:
    groups = findings.groups[findings.list_unread]
    names = ("account_id", "account_profile", "region", "security_group_id")
    return frozenset(
        (account or profile, region, group)
        for account, profile, region, group in groups[list(names)].itertuples(index=False)
    )


def header(store: Store) -> Header | None:
    """The beginning of a run's findings.json; None where there is none, or it is not of what the run holds now."""
    found: Header | None = _read(store, _header)
    try:
        return found if found and found.run == manifest.fingerprint(store) else None
    except (OSError, *UNREADABLE):  # of run.json
        return None


def read(store: Store) -> RunFindings | None:
    """What a run's findings.json holds, also where the run went on since; None where none of this version is there."""
    found = _read(store, _file)
    try:
        return _decoded(found) if found else None
    except (IndexError, ValueError):  # damaged, though it is JSON
        return None


def write(store: Store, run: RunFindings) -> None:
    """Keep what a run found beside its run.json. Raises OSError where that cannot be written."""
    content = msgspec.json.encode(_encoded(run, manifest.fingerprint(store)))
    try:
        if store.exists(FILE_NAME) and store.read(FILE_NAME) == content:
            return
    except OSError:
        pass
    store.write(FILE_NAME, content)


def _read(store: Store, decoder: Any) -> Any:
    try:
        found = decoder.decode(store.read(FILE_NAME))
    except (OSError, *UNREADABLE):
        return None
    return found if found.version == VERSION else None


class _Numbered(dict[Any, int]):
    """Numbers things in the order in which they are asked for."""

    def __missing__(self, item: Any) -> int:
        return self.setdefault(item, len(self))


def _encoded(run: RunFindings, fingerprint: str) -> _File:
    places, texts, rules = _Numbered(), _Numbered(), _Numbered()
    found = run.findings
    file = _File(
        version=VERSION,
        run=fingerprint,
        started=run.started,
        after=run.after,
        complete=run.complete,
        counts=dict(run.counts),
        places=[],
        texts=[],
        rules=[],
        cells=(
            [places[cell[:2]] for cell in run.cells],
            [texts[cell[2]] for cell in run.cells],
            [texts[decides] for decides in run.cells.values()],
        ),
        listed=sorted(places[tuple(place)] for place in run.listed),
        groups=[],
        unsure=sorted((places[each[:2]], each[2]) for each in run.unsure),
        findings=(
            [places[key[:2]] for key in found],
            [texts[key.policy] for key in found],
            [key.resource_id for key in found],
            [each.group_name for each in found.values()],
            [texts[each.level] for each in found.values()],
            [each.level_proven for each in found.values()],
            [texts[each.reachable] for each in found.values()],
            [rules[each.rules] for each in found.values()],
            [texts[each.first_seen] for each in found.values()],
        ),
        carried=(
            [places[key[:2]] for key in run.carried],
            [texts[key.policy] for key in run.carried],
            [key.resource_id for key in run.carried],
            [texts[date] for date in run.carried.values()],
        ),
    )
    for place in run.groups:
        places[tuple(place)]
    file.places = [(account, region, run.profiles.get(account, account)) for account, region in places]
    file.groups = [sorted(run.groups.get(Place(*place), ())) for place in places]
    file.texts, file.rules = list(texts), list(rules)
    return file


def _check(file: _File) -> None:
    """Raises ValueError or IndexError where a text is none of those that may stand in its place."""
    levels, reachable, days = (
        {file.texts[number] for number in set(column)}
        for column in (file.findings[4], file.findings[6], file.findings[8] + file.carried[3])
    )
    if not (levels <= set(FINDING_LEVELS) and reachable <= set(Reachable)):
        raise ValueError("no such level, or no such answer to whether it is reachable")
    for day in days:
        datetime.fromisoformat(day)


def _decoded(file: _File) -> RunFindings:
    places = [Place(account, region) for account, region, _ in file.places]
    texts, rules = file.texts, file.rules
    _check(file)
    return RunFindings(
        started=file.started,
        findings={
            Key._make((*places[place], texts[policy], group)): Found(
                name, texts[level], proven, texts[reachable], rules[matched], texts[first_seen]
            )
            for place, policy, group, name, level, proven, reachable, matched, first_seen in zip(
                *file.findings, strict=True
            )
        },
        cells={
            (*places[place], texts[policy]): texts[decides]
            for place, policy, decides in zip(*file.cells, strict=True)
        },
        groups={place: frozenset(ids) for place, ids in zip(places, file.groups, strict=True) if ids},
        listed=frozenset(places[place] for place in file.listed),
        unsure=frozenset((*places[place], group) for place, group in file.unsure),
        carried={
            Key._make((*places[place], texts[policy], group)): texts[first_seen]
            for place, policy, group, first_seen in zip(*file.carried, strict=True)
        },
        after=file.after,
        counts=file.counts,
        complete=file.complete,
        profiles={account: name for account, _, name in file.places},
    )
