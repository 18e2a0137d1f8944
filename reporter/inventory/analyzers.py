"""The analyzers of IAM Access Analyzer as a run recorded them: ListAnalyzers, and ListFindingsV2 of each."""

from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct, field

from reporter.inventory.records import ListOf

#: The status of an analyzer that tells how things are, and of a finding that nobody has archived or resolved.
ACTIVE = "ACTIVE"
CREATING = "CREATING"

_ROLE = "AWS::IAM::Role"


class Kind(StrEnum):
    """What an analyzer looks for, as people read it. Analyzers of internal access tell nothing of roles."""

    EXTERNAL = "external access"
    UNUSED = "unused access"


#: What findings are called beside that.
UNUSED_ROLE, UNUSED_PERMISSIONS, INTERNAL = "unused role", "unused permissions", "internal access"
OTHER = "other findings"

_KINDS = {
    "ACCOUNT": Kind.EXTERNAL,
    "ORGANIZATION": Kind.EXTERNAL,
    "ACCOUNT_UNUSED_ACCESS": Kind.UNUSED,
    "ORGANIZATION_UNUSED_ACCESS": Kind.UNUSED,
}
# By the type of a finding. Where it has none that is known, it is called as the kind of its analyzer.
_WORDS = {
    "ExternalAccess": Kind.EXTERNAL.value,
    "UnusedIAMRole": UNUSED_ROLE,
    "UnusedPermission": UNUSED_PERMISSIONS,
    "InternalAccess": INTERNAL,
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
    by_default = kind.value if kind else OTHER
    return AnalyzerRow(
        kind=kind,
        of_organization=record.type.startswith("ORGANIZATION"),
        status=record.status,
        findings=frozenset(
            RoleFinding(
                each.resource,
                each.resource_owner_account,
                "" if each.error else _WORDS.get(each.finding_type, by_default),
            )
            for each in record.findings
            if each.resource_type == _ROLE and each.status == ACTIVE
        ),
    )
