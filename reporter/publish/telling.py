"""What a person is told of findings that are published."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from reporter.findings.changes import Key
from reporter.output.manifest import Cell
from reporter.publish.planning import Change, Item, Publication
from reporter.publish.record import State
from reporter.publish.securityhub import Failed, Refused
from reporter.redaction import without_controls
from reporter.report.finding_records import Place
from reporter.wording import counted, some

_NAMED = 10


def _changed(changes: Mapping[Change, int]) -> str:
    """`12 findings: 3 new, 2 changed, 6 unchanged, 1 resolved`."""
    each = ", ".join(f"{changes.get(change, 0):,} {change.value}" for change in Change)
    return f"{counted(sum(changes.values()), 'finding')}: {each}"


def published(taken: Mapping[Change, int], planned: Mapping[Change, int]) -> str:
    """What was sent and taken, and how much of what was to be was not."""
    left = sum(planned.values()) - sum(taken.values())
    return f"published {_changed(taken)}" + (f"; {left:,} not published, as told above" if left else "")


def announced(changes: Mapping[Change, int], places: Sequence[Place]) -> str:
    """What is going to be written, and where."""
    accounts, regions = {place.account_id for place in places}, {place.region for place in places}
    where = f"{counted(len(accounts), 'account')} and {counted(len(regions), 'region')}"
    return f"into Security Hub of {where}, {_changed(changes)}"


def line(item: Item) -> str:
    """A finding that would be sent."""
    return without_controls(f"{item.change.value:<9} {item.severity:<13} {item.uid}  {item.title}")


def left(
    publication: Publication, policies: frozenset[str], chosen: Callable[[Key], bool], told: Collection[Key]
) -> Iterator[str]:
    """Lines on what was published, is open and stays as it is: `policies` are those of the run, `chosen` tells what was
    asked for, and `told` is what is sent, or is told of otherwise."""
    still = {
        key: entry
        for key, entry in publication.record.entries.items()
        if entry.state is not State.CLOSED and key not in told
    }
    of_others = Counter(key.policy for key in still if key.policy not in policies)
    rest = [key for key in still if key.policy in policies]
    not_chosen = sum(not chosen(key) for key in rest)
    already = sum(chosen(key) and still[key].updated >= publication.updated for key in rest)
    same = publication.record.run == publication.run
    before = "sent of this run before" if same else "sent as another run read it, later than this one"
    for count, why in (
        (
            of_others.total(),
            f"of policies that are not in this run: {some(sorted(of_others), _NAMED)}",
        ),
        (not_chosen, "left out by -a, -r or -p"),
        (already, before),
        (len(rest) - not_chosen - already, "for this run did not read whether they are there"),
    ):
        if count:
            stay = "stays as it was" if count == 1 else "stay as they were"
            yield f"{counted(count, 'finding')} published before {stay}: {why}"


def unread(gaps: Sequence[Cell]) -> Iterator[str]:
    """A line on what of the audit could not be read, where there is anything."""
    if gaps:
        accounts = sorted({cell.account for cell in gaps})
        yield (
            f"{counted(len(gaps), 'part')} of the audit could not be read, of {some(accounts, _NAMED)}: "
            "`sg-audit report` says which, and why"
        )


def refusals(refused: Sequence[Refused]) -> Iterator[str]:
    """Why accounts and regions took nothing more: once an account, where it is the same in all of them."""
    by_account: dict[tuple[str, str], dict[str, list[str]]] = {}
    for each in refused:
        account = each.place.account, each.place.account_id
        by_account.setdefault(account, {}).setdefault(each.reason, []).append(each.place.region)
    for (name, account_id), reasons in by_account.items():
        for reason, regions in reasons.items():
            yield f"not published: account {name} ({account_id}), {some(regions, _NAMED)}: {reason}"


def failures(failed: Sequence[Failed]) -> Iterator[str]:
    """The findings that Security Hub did not take, by why."""
    by_reason: dict[str, list[str]] = {}
    for each in failed:
        by_reason.setdefault(each.reason, []).append(each.uid)
    reasons = sorted(by_reason.items(), key=lambda each: -len(each[1]))
    for reason, uids in reasons[:_NAMED]:
        yield f"not taken, {counted(len(uids), 'finding')}: {reason}: {some(uids, _NAMED)}"
    if rest := reasons[_NAMED:]:  # AWS may quote what it does not take: then each has a reason of its own
        more = sum(len(uids) for _, uids in rest)
        yield f"not taken, {counted(more, 'finding')} more, for {counted(len(rest), 'other reason')}"
