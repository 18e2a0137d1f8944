"""Which rules of a recorded group are to go, and which are allowed in their place."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from reporter.custodian.metadata import PlannedPolicy
from reporter.findings.together import BY_SEVERAL, opened_together
from reporter.inventory import duplicates
from reporter.inventory.network import addresses, traffic
from reporter.inventory.network.exposure import exposure, opened_by
from reporter.inventory.network.prefix_lists import PrefixLists
from reporter.inventory.network.traffic import Traffic
from reporter.inventory.rules import ALL_TRAFFIC, ANY, GROUP, ICMP, IPV4, IPV6, WITH_PORTS
from reporter.remedy import verdicts
from reporter.remedy.options import Options
from reporter.remedy.proposals import Kind, Proposal
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
    is to become of each. `accepted` has, by rule, the policies whose finding of it is waived."""

    by_text: Mapping[str, tuple[Rule, ...]]
    verdicts: Mapping[Rule, Verdict]
    accepted: Mapping[Rule, tuple[str, ...]]

    def outcome(self, proposal: Proposal, removed_anyway: Iterable[Rule] = ()) -> Outcome:
        """What becomes of a finding, where some rules are removed whatever it is about."""
        if proposal.rules is None:
            return Outcome(Status.REFUSED, "which of its rules matched cannot be told: audit again")
        if not proposal.rules:
            return Outcome(
                Status.REFUSED, "the policy is not about a rule, so that none can be removed for it"
            )
        if proposal.conditions > 1 and len(proposal.rules) > 1:
            return Outcome(
                Status.CHOICE,
                "the policy is about several rules at once, and does not say which of them is wrong: "
                f"{', '.join(proposal.rules)}",
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
    found_by: Mapping[str, Sequence[PlannedPolicy]] = (proposals[0].found_by if proposals else None) or {}
    accepted_by: Mapping[str, Sequence[PlannedPolicy]] = (
        proposals[0].accepted_by if proposals else None
    ) or {}
    by_text = _by_text(group, (*found_by, *accepted_by), lists)

    def policies(of: Mapping[str, Sequence[PlannedPolicy]], rule: Rule) -> list[PlannedPolicy]:
        named = [policy for text, each in of.items() if rule in by_text[text] for policy in each]
        return list({policy.name: policy for policy in named}.values())

    judged = {
        rule: verdicts.of_rule(text_of(rule), policies(found_by, rule), policies(accepted_by, rule), options)
        for text in found_by
        for rule in by_text[text]
    }
    accepted = {
        rule: tuple(policy.name for policy in policies(accepted_by, rule))
        for text in accepted_by
        for rule in by_text[text]
    }
    return FoundRules(by_text, judged, accepted)


def with_unions(
    group: RecordedGroup, proposals: Sequence[Proposal], lists: PrefixLists
) -> tuple[Proposal, ...]:
    """The proposals of a group with what several of its rules let in from the world together once the rules that were
    found are gone: until then nobody asks for that, and the finding would stay."""
    found_by, accepted_by = (
        _with_unions(group, of, lists)
        for of in ((proposals[0].found_by or {}, proposals[0].accepted_by or {}) if proposals else ({}, {}))
    )
    return tuple(
        replace(each, found_by=found_by, accepted_by=accepted_by, rules=_texts_of(each, found_by))
        for each in proposals
    )


def _texts_of(proposal: Proposal, found_by: Mapping[str, Sequence[PlannedPolicy]]) -> tuple[str, ...] | None:
    if not proposal.rules or proposal.kind is not Kind.RULES:
        return proposal.rules
    named = (text for text, by in found_by.items() if proposal.policy in {each.name for each in by})
    return tuple(dict.fromkeys((*proposal.rules, *named)))


def _with_unions(
    group: RecordedGroup, found_by: Mapping[str, tuple[PlannedPolicy, ...]], lists: PrefixLists
) -> dict[str, tuple[PlannedPolicy, ...]]:
    texts: dict[str, list[str]] = {}
    policies = {policy.name: policy for by in found_by.values() for policy in by}
    for text, by in found_by.items():
        for policy in by:
            texts.setdefault(policy.name, []).append(text)
    more = dict(found_by)
    for name, own in texts.items():
        gone = {rule for rules in _by_text(group, own, lists).values() for rule in rules}
        stay = [
            plain
            for rule in group.rules
            if rule not in gone and not rule.egress and (plain := normalized(rule))
        ]
        for text in opened_together(exposure(stay, lists), policies[name]):
            if text not in own:
                more[text] = (*more.get(text, ()), policies[name])
    return more


def _by_text(group: RecordedGroup, texts: Iterable[str], lists: PrefixLists) -> dict[str, tuple[Rule, ...]]:
    """The rules that texts stand for, with those that let in the same and are spelled otherwise."""
    by_text: dict[str, list[Rule]] = {}
    alike: dict[object, list[Rule]] = {}
    for rule in group.rules:
        by_text.setdefault(text_of(rule), []).append(rule)
        alike.setdefault(normalized(rule) or rule, []).append(rule)
    return {
        text: _together(group, lists, verdicts.of_text(text))
        if text.endswith(BY_SEVERAL)
        else tuple(
            dict.fromkeys(twin for rule in by_text.get(text, ()) for twin in alike[normalized(rule) or rule])
        )
        for text in dict.fromkeys(texts)
    }


def _together(group: RecordedGroup, lists: PrefixLists, asked: Traffic) -> tuple[Rule, ...]:
    """The rules that together open some traffic to the world, until what is left does not."""
    left = {rule: plain for rule in group.rules if not rule.egress and (plain := normalized(rule))}
    found: list[Rule] = []
    while opening := set(opened_by(left.values(), lists, asked)):
        found += [rule for rule, plain in left.items() if plain in opening]
        left = {rule: plain for rule, plain in left.items() if plain not in opening}
    return tuple(rule for rule in group.rules if rule in set(found))


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
