"""What IAM Access Analyzer says of roles, over all accounts and regions of a run.

IAM is global, so each region with an analyzer tells the same of a role, and one is enough. An organization's analyzer
stands in one account and tells of the roles of others. Findings are of external access (what a role's trust policy
lets in from outside of the analyzer's account or organization) or of unused access; each kind has analyzers of its own
(https://docs.aws.amazon.com/IAM/latest/UserGuide/what-is-access-analyzer.html).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from reporter.aws import arns
from reporter.custodian.metadata import PlannedPolicy
from reporter.custodian.resource_types import ACCESS_ANALYZER
from reporter.inventory.analyzers import (
    ACTIVE,
    CREATING,
    INTERNAL,
    OTHER,
    UNUSED_PERMISSIONS,
    UNUSED_ROLE,
    AnalyzerRow,
    Kind,
)
from reporter.inventory.rows import UnitRows
from reporter.output.manifest import Status

_NAMED = 5  # roles, of many with the same finding


class State(StrEnum):
    """What is known of the findings of a kind on a role, but for what was found."""

    NONE = "none"
    NO_ANALYZER = "no analyzer"
    NOT_ACTIVE = "analyzer not active"
    UNKNOWN = "unknown"


# All words that there are, in the order of a text, and of which kind each is.
_KIND_OF: Mapping[str, Kind | None] = {
    Kind.EXTERNAL.value: Kind.EXTERNAL,
    UNUSED_ROLE: Kind.UNUSED,
    UNUSED_PERMISSIONS: Kind.UNUSED,
    Kind.UNUSED.value: Kind.UNUSED,
    INTERNAL: None,
    OTHER: None,
}


@dataclass(frozen=True)
class _Asked:
    """What came of asking one region of an account: its analyzers, and whether they are all there."""

    analyzers: Sequence[AnalyzerRow]
    read: bool


@dataclass(frozen=True)
class AccessFindings:
    """`found` has what was found by the role's ARN; `states` what else is known by account id and kind; `unclear` the
    kinds that met an error by the role's ARN."""

    found: Mapping[str, frozenset[str]]
    states: Mapping[tuple[str, Kind], State]
    unclear: Mapping[str, frozenset[Kind]]

    def state(self, role: str, kind: Kind) -> State:
        """What is known of a role where nothing was found."""
        if kind in self.unclear.get(role, ()):
            return State.UNKNOWN
        return self.states.get((arns.account_id(role), kind), State.UNKNOWN)

    def text(self, roles: Collection[str], unknown_in: Collection[str] = ()) -> str:
        """What is known of the roles of these ARNs, for people: `external access: web; unused access: none`.

        `unknown_in` has the ids of accounts with roles more, of which the ARNs are not known. Empty where there are
        none at all.
        """
        if not roles and not unknown_in:
            return ""
        named: dict[str, set[str]] = {}
        for role in roles:
            for word in self.found.get(role, ()):
                named.setdefault(word, set()).add(_name_of(role))
        states = {kind: self._states(roles, unknown_in, kind) for kind in Kind}
        alike = set().union(*states.values())
        if not named and len(alike) == 1:
            return alike.pop().value
        return "; ".join(_parts(named, states))

    def _states(self, roles: Iterable[str], unknown_in: Iterable[str], kind: Kind) -> set[State]:
        """The states of the roles of which nothing of the kind was found."""
        known = {
            self.state(role, kind)
            for role in roles
            if not any(_KIND_OF[word] is kind for word in self.found.get(role, ()))
        }
        others = {self.states.get((account_id, kind), State.UNKNOWN) for account_id in unknown_in}
        return known | {State.UNKNOWN if state is State.NONE else state for state in others}


def _parts(named: Mapping[str, Collection[str]], states: Mapping[Kind, Collection[State]]) -> Iterator[str]:
    for word, kind in _KIND_OF.items():
        told = _listed(sorted(named.get(word, ())))
        if kind and kind.value == word:
            any_found = any(_KIND_OF[each] is kind for each in named)
            rest = (state for state in State if state in states[kind])
            told += [state.value for state in rest if not (any_found and state is State.NONE)]
        if told:
            yield f"{word}: {', '.join(told)}"


def _listed(names: Sequence[str]) -> list[str]:
    more = len(names) - _NAMED
    return [*names[:_NAMED], *([f"… (+{more} more)"] if more > 0 else [])]


def _name_of(arn: str) -> str:
    """The name of a role by its ARN."""
    return arn.rpartition("/")[2]


def of_units(units: Iterable[UnitRows], policies: Iterable[PlannedPolicy]) -> AccessFindings | None:
    """What all regions of all accounts say together; None where a run was not to ask.

    Whether an organization's analyzer watches another account is told by what it found there, and by nothing else
    that was read. So where one is in the run, an account without an analyzer of its own is unknown, not unwatched.
    """
    names = {policy.name for policy in policies if policy.resource == ACCESS_ANALYZER}
    if not names:
        return None
    asked: dict[str, list[_Asked]] = {}
    for unit in units:
        for cell in unit.cells:
            if cell.policy in names:
                one = _Asked(unit.analyzers, cell.status is Status.OK)
                asked.setdefault(unit.account_id or unit.account, []).append(one)
    there = [
        (account_id, analyzer)
        for account_id, regions in asked.items()
        for each in regions
        for analyzer in each.analyzers
    ]
    active = [(account_id, analyzer) for account_id, analyzer in there if analyzer.status == ACTIVE]
    found: dict[str, set[str]] = {}
    unclear: dict[str, set[Kind]] = {}
    watched: set[tuple[str, Kind]] = set()
    nameless: set[tuple[str, Kind]] = set()  # where a finding does not say of which role it is
    for account_id, analyzer in active:  # of others, what they once found may have changed since
        owners = {finding.account_id for finding in analyzer.findings}
        if analyzer.kind:
            watched |= {(each, analyzer.kind) for each in {account_id, *owners} if each}
        for finding in analyzer.findings:
            if not finding.arn and analyzer.kind:
                nameless.add((finding.account_id or account_id, analyzer.kind))
            elif finding.found:
                found.setdefault(finding.arn, set()).add(finding.found)
            elif analyzer.kind:
                unclear.setdefault(finding.arn, set()).add(analyzer.kind)
    of_organizations = {
        analyzer.kind
        for _, analyzer in there
        if analyzer.of_organization and analyzer.status in (ACTIVE, CREATING)
    }
    states = {
        (account_id, kind): _unwatched(kind, regions, kind in of_organizations)
        for account_id, regions in asked.items()
        for kind in Kind
    }
    return AccessFindings(
        {arn: frozenset(words) for arn, words in found.items()},
        states | dict.fromkeys(watched, State.NONE) | dict.fromkeys(nameless, State.UNKNOWN),
        {arn: frozenset(kinds) for arn, kinds in unclear.items()},
    )


def _unwatched(kind: Kind, regions: Iterable[_Asked], by_organization: bool) -> State:
    """What is known of an account that no analyzer is known to watch."""
    if by_organization or not all(each.read for each in regions):
        return State.UNKNOWN
    if any(analyzer.kind is kind for each in regions for analyzer in each.analyzers):
        return State.NOT_ACTIVE
    return State.NO_ANALYZER
