"""What AWS is asked beside the policies, where an option wants it.

Custodian has no resource that holds it. To the run directory each is a policy like any other: its cells are planned,
recorded and told of in the same way.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reporter.aws import access_analyzer, iam_authorization
from reporter.custodian.metadata import PlannedPolicy
from reporter.custodian.policies import PolicySet, planned
from reporter.custodian.resource_types import ACCESS_ANALYZER, IAM_AUTHORIZATION, INVENTORY_TABS
from reporter.errors import InputError
from reporter.output.manifest import GLOBAL_REGION


@dataclass(frozen=True)
class Lookup:
    """`name` is that of its cells and their folders, `title` what a person calls it; `of_account` says that it is asked
    once an account, not in each region. `ask` takes botocore's client of `service` and gives the records; `actions` are
    what a role must be allowed for that.
    """

    option: str
    name: str
    resource: str
    title: str
    of_account: bool
    service: str
    actions: tuple[str, ...]
    ask: Callable[[Any], list[dict[str, Any]]]

    @property
    def policy(self) -> dict[str, Any]:
        """The lookup as a policy of Custodian's, as run.json and metadata.json have it."""
        where = {"region": GLOBAL_REGION} if self.of_account else {}
        report = {"tab": INVENTORY_TABS[self.resource], "title": self.title}
        return {"name": self.name, "resource": self.resource, **where, "metadata": {"report": report}}


IAM = Lookup(
    option="--iam",
    name="iam-authorization",
    resource=IAM_AUTHORIZATION,
    title="Roles and what they are allowed",
    of_account=True,
    service="iam",
    actions=("iam:GetAccountAuthorizationDetails",),
    ask=iam_authorization.ask,
)
ANALYZERS = Lookup(
    option="--access-analyzer",
    name="access-analyzer",
    resource=ACCESS_ANALYZER,
    title="Access Analyzer's findings on roles",
    of_account=False,
    service="accessanalyzer",
    actions=(
        "access-analyzer:ListAnalyzers",
        "access-analyzer:ListFindings",
    ),  # which ListFindingsV2 takes too
    ask=access_analyzer.ask,
)
LOOKUPS = (IAM, ANALYZERS)
_BY_RESOURCE = {lookup.resource: lookup for lookup in LOOKUPS}


def wanted(*, iam: bool, access_analyzer: bool) -> tuple[Lookup, ...]:
    """Those whose option is set."""
    return (*((IAM,) if iam else ()), *((ANALYZERS,) if access_analyzer else ()))


def actions(lookups: Iterable[Lookup]) -> tuple[str, ...]:
    """What a role must be allowed for them."""
    return tuple(action for lookup in lookups for action in lookup.actions)


def of(policy: Mapping[str, Any]) -> Lookup | None:
    """The lookup that a policy stands for; None for a policy of Custodian's."""
    return _BY_RESOURCE.get(policy["resource"])


def named(policies: Iterable[str]) -> tuple[Lookup, ...]:
    """Those that a run has among its policies, by their resource types."""
    there = set(policies)
    return tuple(lookup for lookup in LOOKUPS if lookup.resource in there)


def beside(policies: PolicySet, lookups: Collection[Lookup]) -> PolicySet:
    """The policies, and after them the lookups. Raises InputError where a policy has the name of one."""
    names = {policy.name for policy in policies.planned}
    for lookup in lookups:
        if lookup.name in names:
            raise InputError(
                f"policy {lookup.name}: {lookup.option} has a cell of that name; rename the policy"
            )
    more = [lookup.policy for lookup in lookups]
    return replace(
        policies,
        data={"policies": [*policies.data["policies"], *more]},
        planned=(*policies.planned, *map(planned, more)),
    )


def by_region(
    regions: Iterable[str], policies: Sequence[PlannedPolicy]
) -> Iterator[tuple[str, list[PlannedPolicy]]]:
    """The regions of an account, each with what has a cell there; last what is asked of the account as a whole."""
    of_account = {lookup.resource for lookup in LOOKUPS if lookup.of_account}
    for region in regions:
        yield region, [policy for policy in policies if policy.resource not in of_account]
    yield GLOBAL_REGION, [policy for policy in policies if policy.resource in of_account]
