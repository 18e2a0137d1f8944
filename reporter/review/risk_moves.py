"""How many groups move between risk levels when policies change."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from reporter.custodian.resource_types import GROUPS
from reporter.inventory.rows import UnitRows
from reporter.output.reading import Output
from reporter.review import recorded
from reporter.review.changes import Change
from reporter.review.recorded import Answer
from reporter.review.versions import Version

# The columns of a group that its risk depends on and that policies fill.
_COLUMNS = ("is_default", "has_ssh_open_world")

_Place = tuple[str, str]
_Group = tuple[str, str, str]


@dataclass(frozen=True)
class Move:
    """How many groups go from one level to another."""

    before: str
    after: str
    groups: int


@dataclass(frozen=True)
class RiskMoves:
    """All moves, the most frequent first; `unknown` counts the groups whose level cannot be told, before or
    after."""

    moves: tuple[Move, ...]
    unknown: int


def concerned(changes: Sequence[Change]) -> bool:
    """Whether a policy that differs has, or had, a say in the risk."""
    return any(_feeds(version) for change in changes for version in (change.before, change.after) if version)


def unrecorded(versions: Collection[Version], output: Output) -> dict[str, Version]:
    """Those with a say in the risk that the run did not run as they stand, by key."""
    known = {policy.digest for policy in output.policies}
    return {
        version.key: version
        for version in versions
        # What lay in its files then is not known.
        if _feeds(version) and (version.urls or version.planned.digest not in known)
    }


def moves(
    before: Mapping[str, Version],
    after: Mapping[str, Version],
    output: Output,
    answers: Mapping[str, Answer],
) -> RiskMoves:
    """Join the run's inventory with what each revision's policies answer, and count the groups that move."""
    # Late: pandas takes as long to load as a small review takes.
    from reporter.inventory.audit import read_units

    whole = tuple(cell for cell in output.cells if output.policy_of(cell).lists_all)
    units = read_units(replace(output, cells=whole))
    then, now = (_levels(units, revision, output, answers) for revision in (before, after))
    pairs = Counter((then[group], now[group]) for group in then)
    return RiskMoves(
        moves=tuple(
            Move(old, new, count)
            for (old, new), count in sorted(pairs.items(), key=lambda pair: -pair[1])
            if old and new and old != new
        ),
        unknown=sum(count for (old, new), count in pairs.items() if not (old and new)),
    )


def _feeds(version: Version) -> bool:
    planned = version.planned
    return version.resource == GROUPS and (planned.exposed or planned.in_report.column in _COLUMNS)


def _levels(
    units: Sequence[UnitRows], revision: Mapping[str, Version], output: Output, answers: Mapping[str, Answer]
) -> dict[_Group, str]:
    """Each group's risk, or an empty text where an answer that it depends on is missing."""
    from reporter.findings.assess import assess
    from reporter.inventory.join import join

    feeding = [version for version in revision.values() if _feeds(version)]
    caught = {version.name: _caught(version, output, answers) for version in feeding}
    judged = [_judged(unit, caught) for unit in units]
    policies = [version.planned for version in feeding]
    findings = assess(join(judged, policies), policies, policies_alone=True)
    groups = findings.groups
    names = zip(groups["account_profile"], groups["region"], groups["security_group_id"], strict=True)
    levels = groups["risk"].astype(str).where(findings.proven, "")
    return dict(zip(names, levels, strict=True))


def _caught(version: Version, output: Output, answers: Mapping[str, Answer]) -> dict[_Place, frozenset[str]]:
    """The ids that a policy matches, by account and region; those without an answer are not there."""
    answer = answers.get(version.key)
    matches = answer.matches if answer and not answer.problem else recorded.as_run(version.planned, output)
    return {place: frozenset(match.id for match in found) for place, found in matches.items()}


def _judged(unit: UnitRows, caught: Mapping[str, Mapping[_Place, frozenset[str]]]) -> UnitRows:
    here = (unit.account, unit.region)
    answers = {name: by_place[here] for name, by_place in caught.items() if here in by_place}
    rows = (
        replace(row, caught_by=caught_by, matched_rules=(None,) * len(caught_by))
        for row in unit.groups
        for caught_by in [tuple(name for name, ids in answers.items() if row.group_id in ids)]
    )
    unanswered = frozenset(caught) - frozenset(answers)
    return replace(unit, read=frozenset(answers), unanswered=unanswered, groups=tuple(rows))
