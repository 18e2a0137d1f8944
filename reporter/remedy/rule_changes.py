"""Which rules of a recorded group are to go, and which are allowed in their place."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from reporter.custodian.metadata import PlannedPolicy
from reporter.findings.together import BY_SEVERAL
from reporter.inventory import duplicates
from reporter.inventory.network import addresses, traffic
from reporter.inventory.network.exposure import opened_by
from reporter.inventory.network.prefix_lists import PrefixLists
from reporter.inventory.network.traffic import Traffic
from reporter.inventory.rules import ALL_TRAFFIC, ANY, GROUP, ICMP, IPV4, IPV6, WITH_PORTS
from reporter.remedy import verdicts
from reporter.remedy.options import Options
from reporter.remedy.proposals import Proposal
from reporter.remedy.recorded import normalized, text_of
from reporter.remedy.steps import RecordedGroup, Rule, Status
from reporter.remedy.verdicts import Verdict


@dataclass(frozen=True)
class Outcome:
    """What becomes of a finding of rules: those that are to go, where it is planned."""

    status: Status
    reason: str
    remove: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class FoundRules:
    """The rules of a group that chosen policies found: `by_text` has those that a text stands for, and `verdicts` what
    is to become of each."""

    by_text: Mapping[str, tuple[Rule, ...]]
    verdicts: Mapping[Rule, Verdict]

    def outcome(self, proposal: Proposal, removed_anyway: Iterable[Rule] = ()) -> Outcome:
        """What becomes of a finding, where some rules are removed whatever it is about."""
        if proposal.rules is None:
            return Outcome(Status.REFUSED, "which of its rules matched cannot be told: audit again")
        if not proposal.rules:
            return Outcome(
                Status.REFUSED, "the policy is not about a rule, so that none can be removed for it"
            )
        missing = [text for text in proposal.rules if not self.by_text.get(text)]
        if missing:
            return Outcome(
                Status.REFUSED, f"its newest record has no longer: {', '.join(missing)}; audit again"
            )
        found = dict.fromkeys(rule for text in proposal.rules for rule in self.by_text[text])
        anyway = set(removed_anyway)
        told = [self.verdicts[rule] for rule in found if rule not in anyway]
        for status in (Status.REFUSED, Status.CHOICE):
            reasons = [each.reason for each in told if each.status is status]
            if reasons:
                return Outcome(status, "; ".join(dict.fromkeys(reasons)))
        return Outcome(Status.PLANNED, f"{proposal.title}: {', '.join(map(text_of, found))}", tuple(found))


def found_rules(
    group: RecordedGroup, proposals: Sequence[Proposal], lists: PrefixLists, options: Options
) -> FoundRules:
    """What the findings of a group say of its recorded rules."""
    texts: dict[str, list[Rule]] = {}
    for rule in group.rules:
        texts.setdefault(text_of(rule), []).append(rule)
    found_by: Mapping[str, Sequence[PlannedPolicy]] = (proposals[0].found_by if proposals else None) or {}
    accepted_by: Mapping[str, Sequence[PlannedPolicy]] = (
        proposals[0].accepted_by if proposals else None
    ) or {}
    by_text: dict[str, tuple[Rule, ...]] = {}
    for text in dict.fromkeys((*found_by, *accepted_by)):
        several = text.endswith(BY_SEVERAL)
        by_text[text] = (
            _together(group, lists, verdicts.of_text(text)) if several else tuple(texts.get(text, ()))
        )

    def policies(of: Mapping[str, Sequence[PlannedPolicy]], rule: Rule) -> list[PlannedPolicy]:
        named = [policy for text, each in of.items() if rule in by_text[text] for policy in each]
        return list({policy.name: policy for policy in named}.values())

    judged = {
        rule: verdicts.of_rule(text_of(rule), policies(found_by, rule), policies(accepted_by, rule), options)
        for text in found_by
        for rule in by_text[text]
    }
    return FoundRules(by_text, judged)


def _together(group: RecordedGroup, lists: PrefixLists, asked: Traffic) -> tuple[Rule, ...]:
    """The rules that together open some traffic to the world."""
    ingress = [(rule, plain) for rule in group.rules if not rule.egress and (plain := normalized(rule))]
    opening = set(opened_by([plain for _, plain in ingress], lists, asked))
    return tuple(rule for rule, plain in ingress if plain in opening)


def replaced(
    group: RecordedGroup, remove: Iterable[Rule], judged: Mapping[Rule, Verdict], options: Options
) -> dict[Rule, tuple[Rule, ...]]:
    """By rule that is to go, those allowed in its place: what of it stays, and the same from narrower blocks. Each is
    there once, and none that the group has already. A rule that would be allowed again is not removed.
    """
    wanted = {
        rule: [
            *(_part(rule, part) for part in judged[rule].kept),
            *(_from(rule, block) for block in options.to),
        ]
        for rule in remove
    }
    again = {normalized(rule) for rules in wanted.values() for rule in rules}
    gone = [rule for rule in wanted if normalized(rule) not in again]
    there = {normalized(rule) for rule in group.rules if rule not in set(gone)}
    found: dict[Rule, tuple[Rule, ...]] = dict.fromkeys(gone, ())
    for rule, rules in wanted.items():
        owner = rule if rule in found else next(iter(gone), None)
        for each in rules:
            if owner is not None and normalized(each) not in there:
                there.add(normalized(each))
                found[owner] = (*found[owner], each)
    return found


def _part(rule: Rule, part: Traffic) -> Rule:
    """The rule for a part of its traffic."""
    plain = normalized(rule)
    if plain is not None and traffic.of_rule(plain) == part:
        return rule
    first, last = (part.first, part.last) if part.protocol in WITH_PORTS else (None, None)
    if part.protocol in ICMP:
        first = last = ANY
    return replace(rule, protocol=part.protocol, from_port=first, to_port=last)


def _from(rule: Rule, block: str) -> Rule:
    """The rule for another peer, a CIDR block."""
    network = addresses.parse(block)
    kind = IPV4 if network is not None and network.family is addresses.IPV4 else IPV6
    return replace(rule, kind=kind, peer=block, owner_id="", peering_id="")


def needless(group: RecordedGroup) -> tuple[Rule, ...]:
    """The rules of a group that others make needless."""
    plain = {rule: found for rule in group.rules if (found := normalized(rule))}
    covered = duplicates.covered(plain.values())
    return tuple(rule for rule, found in plain.items() if found in covered)


def beyond_aws(group: RecordedGroup) -> tuple[Rule, ...]:
    """The rules of a default group that AWS did not give it: all but all traffic from itself, and all traffic out.

    https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html
    """

    def given(rule: Rule) -> bool:
        plain = normalized(rule)
        if plain is None or plain.protocol != ALL_TRAFFIC:
            return False
        if not rule.egress:
            return rule.kind == GROUP and rule.peer == group.group_id
        return rule.kind in (IPV4, IPV6) and rule.peer in ("0.0.0.0/0", "::/0")

    return tuple(rule for rule in group.rules if not given(rule))
