"""Sends findings to AWS Security Hub: each account's by its own role, in each region, as many together as it takes.

https://docs.aws.amazon.com/securityhub/latest/partnerguide/guidelines-batchimportfindings.html
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from reporter.accounts.chosen import Account
from reporter.accounts.credentials import Access, error_code, open_account
from reporter.aws.errors import UnusableAnswerError, WrongAccountError
from reporter.errors import InputError
from reporter.findings.changes import Key
from reporter.inventory.audit import Progress, silent
from reporter.publish import planning
from reporter.publish.planning import Change, Item, Publication
from reporter.publish.record import Entry, Kept, Record
from reporter.redaction import redact
from reporter.report.finding_records import Place
from reporter.report.formats import asff

#: What the role must be allowed beside what an audit asks.
ACTION = "securityhub:BatchImportFindings"

NOT_ENABLED = "Security Hub is not enabled there"

# AWS takes ten of an account and region; this is all that are made, of all of them.
_CALLS_A_SECOND = 10
_WAY_IN_SECONDS = 300.0
_CHECKPOINT_SECONDS = 60.0
_SERVICE = "securityhub"
# AWS says which findings are not in its format: botocore would let none of a batch through, nor any of what is left.
_CONFIG = {"retries": {"mode": "standard", "max_attempts": 6}, "parameter_validation": False}


@dataclass(frozen=True)
class Refused:
    """An account and region that took nothing more, and why."""

    place: Place
    reason: str


@dataclass(frozen=True)
class Failed:
    """A finding that Security Hub did not take, and why."""

    uid: str
    reason: str


@dataclass
class Sent:
    """What came of it."""

    taken: Counter[Change] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)


def paced(
    clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
) -> Callable[[], None]:
    """What waits until one call more may be made."""
    due = clock()

    def wait() -> None:
        nonlocal due
        now = clock()
        if now < due:
            sleep(due - now)
        due = max(now, due) + 1 / _CALLS_A_SECOND

    return wait


def send(
    publication: Publication,
    entries: Mapping[Key, Entry],
    accounts: Mapping[Place, Account],
    kept: Kept,
    progress: Progress = silent,
) -> Sent:
    """Send all that there is to the places of which the account is known; `entries` are what is recorded of it.

    What was taken is recorded, however this ends. Raises InputError where it cannot be.
    """
    sent, wait = Sent(), paced()
    journal = _Journal(kept, publication.record, planning.intended(publication, entries))
    regions: dict[str, list[str]] = {}
    for place in accounts:
        regions.setdefault(place.account, []).append(place.region)
    access: Access | None = None
    why = ""
    of = ""
    try:
        for number, (place, items) in enumerate(publication.items(), 1):
            if items and place in accounts:
                if place.account != of:
                    of = place.account
                    access, why = _opened(replace(accounts[place], regions=tuple(regions[of])))
                if access is None:
                    sent.refused.append(Refused(place, why))
                else:
                    _send_to(place, items, access, journal, sent, wait)
            progress(number, len(publication.places))
    finally:
        journal.close()
    return sent


class _Journal:
    """The record, as it changes while findings are sent."""

    def __init__(self, kept: Kept, before: Record, intended: Record) -> None:
        self._kept, self._before, self._run = kept, before, intended.run
        self._entries: dict[Key, Entry] = dict(intended.entries)
        self._settled: dict[Key, Entry] = {}
        self._maybe: set[Key] = set()
        self._write(self._entries)

    def begin(self, items: Sequence[Item]) -> None:
        """These may be there from now on."""
        if time.monotonic() - self._written > _CHECKPOINT_SECONDS:
            self._write(self._entries | self._settled)
        self._maybe.update(item.key for item in items)

    def end(self, items: Sequence[Item], taken: Sequence[Item]) -> None:
        """Of these it is known which were taken."""
        self._maybe.difference_update(item.key for item in items)
        self._settled.update((item.key, item.entry) for item in taken)

    def close(self) -> None:
        """Write what is known: what was never sent, or not taken, is as it was before."""
        maybe = {key: self._entries[key] for key in self._maybe if key in self._entries}
        self._write(dict(self._before.entries) | maybe | self._settled)

    def _write(self, entries: Mapping[Key, Entry]) -> None:
        try:
            self._kept.write(Record(self._run, entries))
        except InputError as error:
            raise InputError(f"{error}: {self._unwritten()}") from None
        self._written = time.monotonic()

    def _unwritten(self) -> str:
        """What came of the findings where that cannot be written: as it was written at first, they may be there."""
        if not self._maybe and not self._settled:
            return "nothing is sent"
        taken = len(self._settled)
        return f"what was taken, {taken:,} of all, is not recorded as such: the same command sends it again"


def _opened(account: Account) -> tuple[Access | None, str]:
    try:
        return open_account(account, _WAY_IN_SECONDS), ""
    except Exception as error:  # of botocore's many kinds: it is this account's alone
        return None, _reason(error)


def _send_to(
    place: Place,
    items: Sequence[Item],
    access: Access,
    journal: _Journal,
    sent: Sent,
    wait: Callable[[], None],
) -> None:
    """Send the findings of a place, until it refuses."""
    may_be_there: list[bool] = []
    try:
        client = _client(access, place.region, wait, may_be_there.append)
    except Exception as error:  # as on the way in
        sent.refused.append(Refused(place, _reason(error)))
        return
    for batch in _batches(items):
        journal.begin(batch)
        may_be_there.clear()
        try:
            refused = _import(client, batch)
        except (ClientError, BotoCoreError, WrongAccountError) as error:
            if not any(may_be_there):
                journal.end(batch, [])
            sent.refused.append(Refused(place, _reason(error)))
            return
        taken = [item for item in batch if item.uid not in refused]
        journal.end(batch, taken)
        sent.taken.update(item.change for item in taken)
        sent.failed += (Failed(uid, reason) for uid, reason in refused.items())


def _may_be_there(parsed: Mapping[str, Any] | None, error: Exception | None) -> bool:
    """Whether findings may be there after a try to import them, of several: unless AWS said no, or was not reached."""
    if parsed is None:
        return not isinstance(error, EndpointConnectionError)
    status = parsed.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    return not 300 <= status < 500


def _batches(items: Sequence[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    for batch in asff.batches(item.text for item in items):
        yield list(islice(rest, len(batch)))


def _client(access: Access, region: str, wait: Callable[[], None], heard: Callable[[bool], None]) -> Any:
    """A client of Security Hub; `heard` is told of each try whether findings may be there after it."""
    signed_by = access.credentials()
    client = boto3.Session().client(
        _SERVICE,
        region_name=region,
        aws_access_key_id=signed_by.access_key,
        aws_secret_access_key=signed_by.secret_key,
        aws_session_token=signed_by.token,
        config=Config(**_CONFIG),
    )
    # Not before each call: what botocore tries again counts, too.
    client.meta.events.register(f"before-send.{_SERVICE}", lambda **_: wait())
    client.meta.events.register(
        f"response-received.{_SERVICE}",
        lambda parsed_response, exception, **_: heard(_may_be_there(parsed_response, exception)),
    )
    return client


def _import(client: Any, batch: Sequence[Item]) -> dict[str, str]:
    """Import findings; returns those that were not taken, by id, and why. Raises what botocore does."""
    answer = client.batch_import_findings(Findings=[json.loads(item.text) for item in batch])
    refused = {
        str(
            each.get("Id", "")
        ): f"{redact(each.get('ErrorCode', ''), 100)}: {redact(each.get('ErrorMessage', ''))}"
        for each in answer.get("FailedFindings", ())
    }
    counts = answer.get("SuccessCount"), answer.get("FailedCount")
    if counts != (len(batch) - len(refused), len(refused)) or not refused.keys() <= {
        item.uid for item in batch
    }:
        raise UnusableAnswerError(operation="BatchImportFindings", what="about other findings than were sent")
    return refused


def _reason(error: Exception) -> str:
    if not isinstance(error, ClientError):
        return redact(error)
    code, message = error_code(error), str(error.response.get("Error", {}).get("Message", ""))
    # https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchImportFindings.html
    if code == "InvalidAccessException" and "not subscribed" in message:
        return NOT_ENABLED
    return redact(": ".join(filter(None, (code, message))))
