"""What IAM Access Analyzer says of roles, over all accounts and regions of a run.

IAM is global, so each region with an analyzer tells the same of a role, and one is enough. An organization's analyzer
stands in one account and tells of the roles of others. Findings are of external access (what a role's trust policy
lets in from outside of the analyzer's account or organization) or of unused access; each kind has analyzers of its own
(https://docs.aws.amazon.com/IAM/latest/UserGuide/what-is-access-analyzer.html).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct, field

from reporter.inventory.records import ListOf

_ROLE = "AWS::IAM::Role"
_ACTIVE = "ACTIVE"
_CREATING = "CREATING"
_NAMED = 5  # roles, of many with the same finding


class Kind(StrEnum):
    """What an analyzer looks for, as people read it. Analyzers of internal access tell nothing of roles."""

    EXTERNAL = "external access"
    UNUSED = "unused access"


class State(StrEnum):
    """What is known of the findings of a kind on a role, but for what was found."""

    NONE = "none"
    NO_ANALYZER = "no analyzer"
    NOT_ACTIVE = "analyzer not active"
    UNKNOWN = "unknown"


_KINDS = {
    "ACCOUNT": Kind.EXTERNAL,
    "ORGANIZATION": Kind.EXTERNAL,
    "ACCOUNT_UNUSED_ACCESS": Kind.UNUSED,
    "ORGANIZATION_UNUSED_ACCESS": Kind.UNUSED,
}
_ORGANIZATION = "ORGANIZATION"
# By the type of a finding. Where it has none that is known, it is called as the kind of its analyzer.
_WORDS = {
    "ExternalAccess": Kind.EXTERNAL.value,
    "UnusedIAMRole": "unused role",
    "UnusedPermission": "unused permissions",
    "InternalAccess": "internal access",
}
_OTHER = "other findings"
# All words that there are, in the order of a text, and of which kind each is.
_KIND_OF: Mapping[str, Kind | None] = {
    Kind.EXTERNAL.value: Kind.EXTERNAL,
    "unused role": Kind.UNUSED,
    "unused permissions": Kind.UNUSED,
    Kind.UNUSED.value: Kind.UNUSED,
    "internal access": None,
    _OTHER: None,
}


class FindingRecord(Struct, rename="camel", gc=False):
    """A FindingSummaryV2."""

    resource: str = ""
    resource_type: str = ""
    resource_owner_account: str = ""
    status: str = ""
    finding_type: str = ""
    error: str = ""


class AnalyzerRecord(Struct, rename="camel", gc=False):
    """An AnalyzerSummary, and what it found."""

    type: str
    status: str
    findings: list[FindingRecord] = field(default_factory=list)


analyzer_list = ListOf(AnalyzerRecord)


@dataclass(frozen=True, slots=True)
class RoleFinding:
    """What was found of a role, in words; where its analysis met an error, `found` is empty."""

    arn: str
    account_id: str
    found: str


@dataclass(frozen=True, slots=True)
class AnalyzerRow:
    """An analyzer; `kind` is None for one that is not known to tell of roles."""

    kind: Kind | None
    of_organization: bool
    status: str
    findings: frozenset[RoleFinding]


def analyzer_row(record: AnalyzerRecord) -> AnalyzerRow:
    """An analyzer's record as a row. What it found for each principal, or each time, is one finding."""
    kind = _KINDS.get(record.type)
    by_default = kind.value if kind else _OTHER
    return AnalyzerRow(
        kind=kind,
        of_organization=record.type.startswith(_ORGANIZATION),
        status=record.status,
        findings=frozenset(
            RoleFinding(
                each.resource,
                each.resource_owner_account,
                "" if each.error else _WORDS.get(each.finding_type, by_default),
            )
            for each in record.findings
            if each.resource_type == _ROLE and each.status == _ACTIVE
        ),
    )


@dataclass(frozen=True)
class Asked:
    """What came of asking one region of an account: its analyzers, and whether they are all there."""

    account_id: str
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
        return self.states.get((account_of(role), kind), State.UNKNOWN)

    def text(self, roles: Collection[str], unknown_in: Collection[str] = ()) -> str:
        """What is known of the roles of these ARNs, for people: `external access: web; unused access: none`.

        `unknown_in` has the ids of accounts with roles more, of which the ARNs are not known. Empty where there are
        none at all.
        """
        named: dict[str, set[str]] = {}
        for role in roles:
            for word in self.found.get(role, ()):
                named.setdefault(word, set()).add(name_of(role))
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


def account_of(arn: str) -> str:
    """The account id of a role's ARN: `arn:aws:iam::ACCOUNT:role/PATH/NAME`."""
    return (arn.split(":") + [""] * 5)[4]


def name_of(arn: str) -> str:
    """The name of a role by its ARN."""
    return arn.rpartition("/")[2]


def join(asked: Sequence[Asked]) -> AccessFindings:
    """What all regions of all accounts say together.

    Whether an organization's analyzer watches another account is told by what it found there, and by nothing else
    that was read. So where one is in the run, an account without an analyzer of its own is unknown, not unwatched.
    """
    found: dict[str, set[str]] = {}
    unclear: dict[str, set[Kind]] = {}
    watched: set[tuple[str, Kind]] = set()
    by_account: dict[str, list[Asked]] = {}
    of_organizations: set[Kind] = set()
    for each in asked:
        by_account.setdefault(each.account_id, []).append(each)
        for analyzer in each.analyzers:
            kind = analyzer.kind
            if kind and analyzer.of_organization and analyzer.status in (_ACTIVE, _CREATING):
                of_organizations.add(kind)
            if analyzer.status != _ACTIVE:  # what it once found may have changed since
                continue
            if kind:
                watched.add((each.account_id, kind))
                watched.update((finding.account_id, kind) for finding in analyzer.findings)
            for finding in analyzer.findings:
                if finding.found:
                    found.setdefault(finding.arn, set()).add(finding.found)
                elif kind:
                    unclear.setdefault(finding.arn, set()).add(kind)
    states = {
        (account_id, kind): _unwatched(kind, cells, kind in of_organizations)
        for account_id, cells in by_account.items()
        for kind in Kind
    }
    states |= dict.fromkeys(watched, State.NONE)
    return AccessFindings(
        {arn: frozenset(words) for arn, words in found.items()},
        states,
        {arn: frozenset(kinds) for arn, kinds in unclear.items()},
    )


def _unwatched(kind: Kind, cells: Iterable[Asked], by_organization: bool) -> State:
    """What is known of an account that no analyzer is known to watch."""
    if by_organization or not all(each.read for each in cells):
        return State.UNKNOWN
    if any(analyzer.kind is kind for each in cells for analyzer in each.analyzers):
        return State.NOT_ACTIVE
    return State.NO_ANALYZER
