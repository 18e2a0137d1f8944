"""What is to be sent of a run: its findings, and what is gone of those that were published before."""

from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from json import dumps
from typing import Any

from reporter.errors import InputError
from reporter.findings import history
from reporter.findings.assess import Findings
from reporter.findings.changes import Key, RunFindings
from reporter.findings.past import Past
from reporter.findings.resolved import resolved_since
from reporter.inventory.audit import Audit, Progress, silent
from reporter.publish.record import Entry, Record, State
from reporter.report.finding_records import FindingRecord, FindingRecords, Outcome, Place, finding_records
from reporter.report.formats import asff

# For how long Security Hub keeps what is not sent again, open and archived:
# https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings.html
_KEPT_OPEN, _KEPT_ARCHIVED = timedelta(days=90), timedelta(days=30)

# What Security Hub takes when it makes a finding: from then on these are its users'.
_ON_CREATION = ("Workflow", "Note")
_STATES = {
    Outcome.FOUND: State.FAILED,
    Outcome.POSSIBLE: State.WARNING,
    Outcome.GONE: State.CLOSED,
    Outcome.MOVED: State.CLOSED,
}


class Change(StrEnum):
    """What sending a finding makes of Security Hub's."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "unchanged"  # but for when it was updated
    RESOLVED = "resolved"


@dataclass(frozen=True)
class Item:
    """A finding to be sent, in JSON, and what is recorded of it once Security Hub has taken it. `severity` is its
    label."""

    key: Key
    uid: str
    title: str
    severity: str
    change: Change
    entry: Entry
    text: str


@dataclass(frozen=True)
class Publication:
    """All that is to be sent of a run: `places` are those that were chosen and can be sent to. `run` is when it began,
    and `updated` when the newest of it was read, as it is sent."""

    run: str
    updated: str
    record: Record
    places: tuple[Place, ...]
    _records: FindingRecords
    _chosen: Callable[[Key], bool]

    @property
    def all_places(self) -> Sequence[Place]:
        """Those of the run, of which some can be sent nothing."""
        return self._records.places

    def items(self) -> Iterator[tuple[Place, list[Item]]]:
        """What there is to send, by account and region; those of one at a time are made."""
        sent: set[Key] = set()  # an account may be there under two names
        chosen = set(self.places)
        for place, records in self._records.by_place(chosen.__contains__, with_groups=True):
            items = [item for record in records if (item := self._item(place, record))]
            new = [item for item in items if item.key not in sent]
            sent.update(item.key for item in new)
            yield place, new

    def _item(self, place: Place, record: FindingRecord) -> Item | None:
        if record.outcome is Outcome.UNREAD:
            return None
        key = Key(place.account_id, place.region, record.policy.name, record.group_id)
        if not self._chosen(key):
            return None
        before = self.record.entries.get(key)
        if record.outcome is Outcome.POSSIBLE and before and before.state is State.FAILED:
            return None  # nobody looked: what is known of it stays
        if before and before.updated >= self.updated:
            return None  # it was sent of this run: Security Hub takes nothing that is not newer
        finding = asff.finding(record, self._records)
        if before:
            finding["CreatedAt"] = before.created
            if before.updated:
                for name in _ON_CREATION:
                    finding.pop(name, None)
        content = _content(finding)
        entry = Entry(
            _STATES[record.outcome],
            record.group_name,
            record.first_seen,
            finding["CreatedAt"],
            self.updated,
            content,
        )
        change = _change(before, entry)
        severity = finding["FindingProviderFields"]["Severity"]["Label"]
        return Item(key, finding["Id"], finding["Title"], severity, change, entry, dumps(finding))


@dataclass(frozen=True)
class Overview:
    """What there is to send, counted, and what is recorded of it once it was taken. `places` are those that are sent
    something; of the `unknown` ones, which would be, nobody knows the way into the account; `held_back` is what those
    would be sent."""

    changes: Mapping[Change, int]
    entries: Mapping[Key, Entry]
    places: tuple[Place, ...]
    unknown: tuple[Place, ...]
    held_back: frozenset[Key]


def overview(
    publication: Publication,
    known: Container[Place],
    on_item: Callable[[Item], None],
    progress: Progress = silent,
) -> Overview:
    """Go through all that there is to send; `on_item` is given each finding that can be."""
    changes: Counter[Change] = Counter()
    entries: dict[Key, Entry] = {}
    places: list[Place] = []
    unknown: list[Place] = []
    held_back: set[Key] = set()
    for number, (place, items) in enumerate(publication.items(), 1):
        progress(number, len(publication.places))
        if items and place not in known:
            unknown.append(place)
            held_back.update(item.key for item in items)
            continue
        if items:
            places.append(place)
        for item in items:
            changes[item.change] += 1
            entries[item.key] = item.entry
            on_item(item)
    return Overview(changes, entries, tuple(places), tuple(unknown), frozenset(held_back))


def plan(
    audit: Audit,
    findings: Findings,
    past: Past,
    record: Record,
    in_place: Callable[[Place], bool],
    chosen: Callable[[Key], bool],
) -> Publication:
    """What there is to send of a run to the places that are chosen, of the findings that are.

    What was published and is gone is told from the record, not from the run before, of which nothing may have been
    published. Raises InputError where the run is older than the one that was published last.
    """
    run = audit.output.started
    if record.run and datetime.fromisoformat(run) < datetime.fromisoformat(record.run):
        raise InputError(
            f"{audit.output.store.name}: it began {run}, before the run that was published last ({record.run}): "
            "what was closed since would be opened again; publish that one, or a newer one"
        )
    record = _without_forgotten(record, datetime.fromisoformat(run))
    gone = tuple(
        each._replace(group_name=record.entries[each.key].group_name)
        for each in resolved_since(_as_run(record, run), history.of_run(audit, findings))
    )
    records = finding_records(audit, findings, replace(past, resolved=gone))
    places = tuple(place for place in records.places if asff.takes(place) and in_place(place))
    return Publication(run, asff.time_of(records), record, places, records, chosen)


def intended(publication: Publication, entries: Mapping[Key, Entry]) -> Record:
    """The record as it is before anything is sent: `entries` are those that there will be, of which the new ones, and
    those to be opened again, may be in Security Hub from now on."""
    kept = dict(publication.record.entries)
    for key, entry in entries.items():
        before = kept.get(key)
        if entry.state is not State.CLOSED and (before is None or before.state is State.CLOSED):
            kept[key] = Entry(State.SENDING, entry.group_name, entry.first_seen, entry.created, "", "")
    return Record(publication.run, kept)


def _without_forgotten(record: Record, now: datetime) -> Record:
    """The record without what Security Hub does not have any more: sent again, it is new there."""

    def is_kept(entry: Entry) -> bool:
        kept = _KEPT_ARCHIVED if entry.state is State.CLOSED else _KEPT_OPEN
        return not entry.updated or now - _time(entry.updated) < kept

    return replace(record, entries={key: entry for key, entry in record.entries.items() if is_kept(entry)})


def _change(before: Entry | None, entry: Entry) -> Change:
    if entry.state is State.CLOSED:
        return Change.RESOLVED
    if before is None or before.state is State.SENDING:
        return Change.NEW
    return Change.SAME if before.content == entry.content else Change.CHANGED


def _content(finding: Mapping[str, Any]) -> str:
    """Stands for what a finding says, but when it was updated, and what is taken once only."""
    kept = {name: value for name, value in finding.items() if name not in ("UpdatedAt", *_ON_CREATION)}
    return sha256(dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


def _as_run(record: Record, run: str) -> RunFindings:
    """What was published and may be open, as what an older run had and knows nothing else of."""
    still = {
        key: entry.first_seen for key, entry in record.entries.items() if entry.state is not State.CLOSED
    }
    return RunFindings(record.run or run, findings={}, cells={}, carried=still)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
