"""Which cells a stock run should have and has not: it keeps no list of what was planned."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reporter.accounts.expected import PlannedAccount
from reporter.custodian import conditions
from reporter.custodian.resource_types import is_global, offered, provider
from reporter.output.manifest import UNKNOWN_REGION, Cell
from reporter.output.metadata import PolicyText
from reporter.output.stock_folders import REGIONS, Found

_AWS = "aws"


@dataclass(frozen=True)
class Placed:
    """A cell that is there. `identity` tells its account, `policy` is the policy's own name, `found` its folder.
    `plans` is False where it says nothing of what else should be there."""

    identity: str
    policy: str
    cell: Cell
    found: Found
    plans: bool


class _Seen:
    """What the cells that are there say of those that are not."""

    def __init__(self, placed: Sequence[Placed]) -> None:
        self.by_place: dict[tuple[str, str, str], list[Placed]] = {}
        self.regions: dict[str, dict[str, None]] = {}  # by the account's name
        self.by_region: set[str] = set()
        self.ran: set[tuple[str, str]] = set()
        self.names: dict[str, str] = {}  # what a policy is called in the report, by its own name
        self._clouds: dict[str, set[str]] = {}
        self._clouds_of_policy: dict[str, set[str]] = {}
        self._texts: dict[tuple[str, str], Found] = {}
        for each in placed:
            self.by_place.setdefault((each.identity, each.cell.region, each.policy), []).append(each)
            if each.found.text:
                cloud = provider(each.found.policy.resource)
                self._clouds.setdefault(each.identity, set()).add(cloud)
                self._clouds_of_policy.setdefault(each.policy, set()).add(cloud)
            if each.plans:
                self._take(each)
        for each in placed:
            # Of a policy whose text could not be read, the account tells the cloud.
            self._clouds_of_policy.setdefault(each.policy, self.clouds(each.identity))

    def _take(self, each: Placed) -> None:
        regions = self.regions.setdefault(each.cell.account, {})
        if each.cell.is_of_region:
            regions[each.cell.region] = None
        self.ran.add((each.identity, each.policy))
        self.names[each.policy] = each.cell.policy
        if each.found.text:
            self._texts[each.identity, each.policy] = self._texts["", each.policy] = each.found
            if each.found.layout == REGIONS:
                self.by_region.add(each.identity)

    def clouds(self, identity: str) -> set[str]:
        """Of which clouds an account is. One without any cell is of the accounts file, which lists AWS's."""
        return self._clouds.get(identity, {_AWS})

    def is_of_its_cloud(self, identity: str, policy: str) -> bool:
        return not self.clouds(identity).isdisjoint(self._clouds_of_policy[policy])

    def text(self, identity: str, policy: str) -> Found | None:
        """The policy as the account had it last, else as any had it last."""
        return self._texts.get((identity, policy)) or self._texts.get(("", policy))


def with_gaps(
    placed: Sequence[Placed], accounts: Mapping[str, tuple[PlannedAccount, str]], policies: Sequence[str]
) -> Iterator[Cell]:
    """The cells, with those that should be there, by account, region and policy.

    `placed` goes from the oldest to the newest; `accounts` has each with what tells it, by name; `policies` are
    the policies' own names in order. A policy should be in every region of every account of its cloud, but not
    where its `region` or `conditions` say no or cannot be asked any more, nor again where one region's answer is
    all regions'. `custodian run` passes over regions without the service.
    """
    seen = _Seen(placed)
    yielded: set[tuple[str, str, str]] = set()
    for name, (account, identity) in accounts.items():
        regions = seen.regions.get(name, {}) | dict.fromkeys(account.regions)
        for region in regions or {UNKNOWN_REGION: None}:
            for policy in policies:
                there = seen.by_place.get((identity, region, policy), ())
                for each in there:
                    if each.cell.account == name:
                        yielded.add(each.cell.key)
                        yield each.cell
                if not there and _should_be(seen, identity, region, policy):
                    yield Cell(
                        name,
                        account.account_id,
                        region,
                        seen.names[policy],
                        code="NotThere",
                        message="no folder in the output: it was not looked at",
                    )
    yield from (each.cell for each in placed if each.cell.key not in yielded)


def _should_be(seen: _Seen, identity: str, region: str, policy: str) -> bool:
    if policy not in seen.names or not seen.is_of_its_cloud(identity, policy):
        return False
    found = seen.text(identity, policy)
    if found is None or found.text is None:
        return True
    resource = found.policy.resource
    if not _runs_in(found.text, identity, region):
        return False
    if (identity, policy) not in seen.ran:
        return True
    return not is_global(resource) and (identity not in seen.by_region or offered(resource, region))


def _runs_in(text: PolicyText, identity: str, region: str) -> bool:
    """Whether nothing that the policy says of itself may have kept it from that account and region."""
    if text.start or text.end or (text.region is not None and text.region != region):
        return False
    facts = {
        "name": text.name,
        "resource": text.resource,
        "provider": provider(text.resource),
        "region": region,
    }
    if not identity.startswith("/"):
        facts["account_id"] = identity
    return not text.conditions or conditions.allow(text.conditions, facts) is True
