"""How many groups move between risk levels when policies change."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reporter import garbage_collection, pandas_without_pyarrow
from reporter.custodian.resource_types import GROUPS
from reporter.output.reading import Output
from reporter.review import recorded
from reporter.review.changes import Change
from reporter.review.recorded import Answer
from reporter.review.versions import Version

if TYPE_CHECKING:
    import pandas as pd

    from reporter.inventory.join import Inventory

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
    pandas_without_pyarrow.load()
    from reporter.inventory.audit import read_units
    from reporter.inventory.join import join

    whole = tuple(cell for cell in output.cells if output.policy_of(cell).lists_all)
    with garbage_collection.paused():
        inventory = join(read_units(replace(output, cells=whole)), ())
    then, now = (_levels(inventory, revision, output, answers) for revision in (before, after))
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
    inventory: "Inventory", revision: Mapping[str, Version], output: Output, answers: Mapping[str, Answer]
) -> dict[_Group, str]:
    """Each group's risk, or an empty text where an answer that it depends on is missing."""
    from reporter.findings.assess import assess

    feeding = [version for version in revision.values() if _feeds(version)]
    caught = {version.name: _caught(version, output, answers) for version in feeding}
    policies = [version.planned for version in feeding]
    findings = assess(_judged(inventory, caught), policies, policies_alone=True)
    levels = findings.groups["risk"].astype(str).where(findings.proven, "")
    return dict(zip(_names(findings.groups), levels, strict=True))


def _names(groups: "pd.DataFrame") -> list[_Group]:
    columns = ("account_profile", "region", "security_group_id")
    return list(zip(*(groups[column].tolist() for column in columns), strict=True))


def _caught(version: Version, output: Output, answers: Mapping[str, Answer]) -> dict[_Place, frozenset[str]]:
    """The ids that a policy matches, by account and region; those without an answer are not there."""
    answer = answers.get(version.key)
    matches = answer.matches if answer and not answer.problem else recorded.as_run(version.planned, output)
    return {place: frozenset(match.id for match in found) for place, found in matches.items()}


def _judged(inventory: "Inventory", caught: Mapping[str, Mapping[_Place, frozenset[str]]]) -> "Inventory":
    """The inventory with what policies answer, in place of what they did in the run."""
    import pandas as pd

    answers: dict[_Place, Mapping[str, frozenset[str]]] = {}
    caught_by: list[tuple[str, ...]] = []
    unanswered: list[frozenset[str]] = []
    for account, region, group_id in _names(inventory.groups):
        here = (account, region)
        if here not in answers:
            answers[here] = {name: by_place[here] for name, by_place in caught.items() if here in by_place}
        caught_by.append(tuple(name for name, ids in answers[here].items() if group_id in ids))
        unanswered.append(frozenset(caught) - frozenset(answers[here]))
    return replace(
        inventory,
        caught_by=pd.Series(caught_by, dtype=object),
        matched_rules=pd.Series([(None,) * len(names) for names in caught_by], dtype=object),
        unanswered=pd.Series(unanswered, dtype=object),
        unasked=pd.Series([frozenset()] * len(caught_by), dtype=object),
    )
