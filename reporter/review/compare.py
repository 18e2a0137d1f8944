"""The review itself: both versions of each policy that differs, over a recorded run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reporter.custodian import offline
from reporter.custodian.bounded import Stopped, Workers
from reporter.errors import InputError
from reporter.names import printable
from reporter.output.manifest import Status
from reporter.output.reading import Output
from reporter.output.store import File
from reporter.review import recorded, risk_moves
from reporter.review.changes import Change, Kind, between
from reporter.review.recorded import Answer, Place
from reporter.review.risk_moves import RiskMoves
from reporter.review.versions import Revision, Unread, Version
from reporter.review.waiver_moves import WaiverMoves


@dataclass(frozen=True)
class Found:
    """A resource that a policy catches or lets go; `rules` are those of it that matched."""

    account: str
    account_id: str
    region: str
    id: str
    name: str
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Gap:
    """An account and region whose resources of a type the run does not hold."""

    account: str
    region: str
    resource: str
    status: str
    code: str


@dataclass(frozen=True)
class PolicyReview:
    """A policy that differs.

    `matched_before` and `matched_after` count resources, None where there is no such version or it cannot be
    evaluated; `not_evaluable` says why, or is empty, and then `newly` and `no_longer` are all there are.
    `before_name` is empty for one that is new.
    """

    name: str
    kind: Kind
    before_name: str
    resource: str
    file: str
    matched_before: int | None
    matched_after: int | None
    newly: tuple[Found, ...]
    no_longer: tuple[Found, ...]
    not_evaluable: str


@dataclass(frozen=True)
class Review:
    """What the change of policies does.

    `run` is when the run began (UTC, ISO 8601), `places` how many accounts and regions it has. `gaps` were not
    looked at, whatever the policies say of the rest. `unread` may hold policies, at either revision. `risk` is None
    where no policy that differs has a say, and
    `waivers` where they are alike.
    """

    base: str
    head: str
    run: str
    places: int
    policies: tuple[PolicyReview, ...]
    gaps: tuple[Gap, ...]
    unread: tuple[Unread, ...]
    risk: RiskMoves | None
    waivers: WaiverMoves | None = None

    @property
    def loosened(self) -> bool:
        """Whether a policy lets go of a resource that it caught, or a waiver hides a finding."""
        hidden = self.waivers is not None and bool(self.waivers.hidden)
        return hidden or any(policy.no_longer for policy in self.policies)

    @property
    def undecided(self) -> bool:
        """Whether a policy that was there before, or may have been, could let go of what was not looked at; or waivers
        that could not be compared hide it."""
        if self.unread or (self.waivers is not None and self.waivers.problem):
            return True
        could = [policy for policy in self.policies if policy.kind in (Kind.CHANGED, Kind.REMOVED)]
        return any(policy.not_evaluable for policy in could) or any(
            gap.resource == policy.resource for gap in self.gaps for policy in could
        )


def review(
    workers: Workers,
    before: Revision,
    after: Revision,
    output: Output,
    base: str,
    head: str,
    waivers: WaiverMoves | None = None,
) -> Review:
    """Compare the policies of two revisions, called `base` and `head`, over a run; `waivers` is what differs of those.

    Raises InputError where a policy that differs does not validate at the newer one.
    """
    changes = between(before.policies, after.policies)
    broken = _broken(workers, changes)
    versions = {version.key: version for change in changes for version in _sides(change) if version}
    asked = {key: version for key, version in versions.items() if key not in broken}
    concerned = risk_moves.concerned(changes)
    if concerned:
        asked |= risk_moves.unrecorded([*before.policies.values(), *after.policies.values()], output)
    places = recorded.places(output)
    sizes = {
        File(output.store, output.resources(cell)): cell.resources
        for cell in output.cells
        if cell.resources is not None
    }
    answers = recorded.evaluate(workers, asked, places, sizes)
    answers |= {key: Answer(problem=problem) for key, problem in broken.items()}
    for key, version in versions.items():
        _complete(answers[key], version, output, places)
    return Review(
        base=base,
        head=head,
        run=output.started,
        places=len(places),
        policies=tuple(_policy(change, answers, places) for change in changes),
        gaps=_gaps(versions, answers, output, places),
        unread=tuple({(each.path, each.why): each for each in before.unread + after.unread}.values()),
        risk=risk_moves.moves(before.policies, after.policies, output, answers) if concerned else None,
        waivers=waivers,
    )


def _sides(change: Change) -> tuple[Version | None, Version | None]:
    return change.before, change.after


def _broken(workers: Workers, changes: Sequence[Change]) -> dict[str, str]:
    """Validate what differs; returns by key what is wrong with older versions, which may be mended now, and which
    cannot be validated in time. Raises InputError for a newer one that does not validate.
    """
    versions = [
        (side, version) for change in changes for side, version in enumerate(_sides(change)) if version
    ]
    results = workers.run(_validate, [[(version.key, version)] for _, version in versions])
    broken = {}
    for (side, version), (result,) in zip(versions, results, strict=True):
        if isinstance(result, Stopped):
            broken[version.key] = result.why
        elif result and side:
            raise InputError(result)
        elif result:
            broken[version.key] = f"the older version does not validate: {result}"
        elif side:
            broken.pop(version.key, None)
    return broken


def _validate(versions: Iterable[Version]) -> Iterator[str]:
    """What is wrong with each, or an empty text."""
    with offline.sealed():
        for version in versions:
            try:
                offline.validate(version.data, version.where)
                yield ""
            except InputError as error:
                yield printable(str(error), 800)


def _complete(answer: Answer, version: Version, output: Output, places: Sequence[Place]) -> None:
    """Where a policy could not be evaluated, take what the run recorded of it, if it ran this very policy."""
    if not answer.problem and not any(version.resource in place.lists for place in places):
        answer.problem = f"the run does not list every {version.resource}: a policy without filters would"
    if answer.problem:
        matches = recorded.as_run(version.planned, output)
        if matches:
            answer.problem, answer.matches = "", matches


def _policy(change: Change, answers: Mapping[str, Answer], places: Sequence[Place]) -> PolicyReview:
    shown = change.after or change.before
    assert shown is not None  # noqa: S101 - a change has at least one side
    before, after = (answers[version.key] if version else None for version in _sides(change))
    problem = next((side.problem for side in (before, after) if side and side.problem), "")
    comparable = [] if problem else places
    return PolicyReview(
        name=shown.name,
        kind=change.kind,
        before_name=change.before.name if change.before else "",
        resource=shown.resource,
        file=shown.where,
        matched_before=_count(before),
        matched_after=_count(after),
        newly=tuple(found for place in comparable for found in _beyond(after, before, place)),
        no_longer=tuple(found for place in comparable for found in _beyond(before, after, place)),
        not_evaluable=problem,
    )


def _count(answer: Answer | None) -> int | None:
    return None if answer is None or answer.problem else sum(map(len, answer.matches.values()))


def _beyond(answer: Answer | None, other: Answer | None, place: Place) -> list[Found]:
    """What one answer has in a place and the other has not; nothing where one of them has not looked there."""
    here = (place.account, place.region)
    if answer is None or here not in answer.matches or (other is not None and here not in other.matches):
        return []
    known = {match.id for match in other.matches[here]} if other else set()
    return [
        Found(place.account, place.account_id, place.region, match.id, match.name, match.rules)
        for match in answer.matches[here]
        if match.id not in known
    ]


def _gaps(
    versions: Mapping[str, Version], answers: Mapping[str, Answer], output: Output, places: Sequence[Place]
) -> tuple[Gap, ...]:
    """Where resources of the policies' types were not listed, or their file cannot be read."""
    found: dict[tuple[str, str, str], Gap] = {}
    for kind in dict.fromkeys(version.resource for version in versions.values()):
        for cell in recorded.unlisted(output, places, kind):
            here = (cell.account, cell.region, kind)
            found[here] = Gap(*here, cell.status.value, cell.code)
    for key, version in versions.items():
        for place in places:
            here = (place.account, place.region, version.resource)
            if (
                not answers[key].problem
                and version.resource in place.lists
                and here[:2] not in answers[key].matches
            ):
                found.setdefault(here, Gap(*here, Status.FAILED.value, "Unreadable"))
    return tuple(found.values())
