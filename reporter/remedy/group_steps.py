"""The steps of one group, in the order in which they are carried out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reporter.inventory.network.prefix_lists import PrefixLists
from reporter.remedy import default_groups, rule_changes
from reporter.remedy.applied import changed, made_anew
from reporter.remedy.options import Options
from reporter.remedy.proposals import Kind, Proposal
from reporter.remedy.recorded import Recorded, group_of, not_of_aws, text_of
from reporter.remedy.rule_changes import Outcome
from reporter.remedy.steps import (
    Change,
    DeleteGroup,
    MoveInterfaces,
    RecordedGroup,
    ReplaceRules,
    Rule,
    Status,
    Step,
)
from reporter.remedy.subjects import Subject

#: What a group that is to be made is called until AWS gives it an id.
TO_BE_MADE = "to-be-made-for-"

_UNSEEN = (
    "the filter unused does not see launch templates, Glue connections, peered accounts and more: look there before it "
    "is deleted"
)


@dataclass(frozen=True)
class Surroundings:
    """What the steps of all groups depend on beside the groups: `stay` has, by account, region, group and policy, why a
    finding would stay in spite of its step, as far as that was found out. `day` is that of the audit (YYYYMMDD)."""

    options: Options
    lists: PrefixLists
    recorded: Recorded
    day: str
    stay: Mapping[tuple[str, str, str, str], str] = field(default_factory=dict)


@dataclass(frozen=True)
class GroupPlan:
    """The steps of a group and what they make of it: `after` is the group then, None where it stays as it is or goes,
    and `made` a new one. `by_rules` are the policies that found it by its rules, and so may find it no longer."""

    subject: Subject
    steps: tuple[Step, ...]
    after: RecordedGroup | None = None
    made: RecordedGroup | None = None
    by_rules: frozenset[str] = frozenset()

    @property
    def move(self) -> MoveInterfaces | None:
        """The move of what carries it, if there is one."""
        return next((step.change for step in self.steps if isinstance(step.change, MoveInterfaces)), None)

    @property
    def deleted(self) -> bool:
        """Whether it is to be deleted."""
        return any(isinstance(step.change, DeleteGroup) for step in self.steps)


def plan_group(subject: Subject, proposals: Sequence[Proposal], around: Surroundings) -> GroupPlan:
    """The steps for a group's proposals, which are in the order of the policies."""
    record = around.recorded.groups.get((*subject.unit, subject.group_id))
    group = group_of(record, subject.account, subject.account_id, subject.region) if record else None
    refusal = _refusal(subject, group)
    if refusal or group is None:
        if not around.options.policies:  # that a default group is there is nothing to refuse
            proposals = [each for each in proposals if each.kind is not Kind.DEFAULT or _to_do(subject, each)]
        reason = refusal or "its record cannot be read: audit again"
        refused = Outcome(Status.REFUSED, reason)
        return GroupPlan(subject, tuple(_step(subject, each, refused) for each in proposals))
    proposals = rule_changes.with_unions(group, proposals, around.lists)
    return _Planner(subject, group, proposals, around).planned()


def _to_do(subject: Subject, proposal: Proposal) -> bool:
    return bool(proposal.rules) or subject.in_use is not False


def _refusal(subject: Subject, group: RecordedGroup | None) -> str:
    if subject.service:
        return f"{subject.service} made it, and would make it again or miss it: change it there"
    if group is None:
        return "its record cannot be read: audit again"
    if group.owner_id and group.owner_id != subject.account_id:
        return "another account owns it: change it there"
    return not_of_aws(group)


class _Planner:
    """Makes the steps of one group, of which each finds it as the ones before it leave it."""

    def __init__(
        self,
        subject: Subject,
        group: RecordedGroup,
        proposals: Sequence[Proposal],
        around: Surroundings,
    ) -> None:
        self._subject, self._recorded, self._around = subject, group, around
        self._proposals = proposals
        self._options = around.options
        self._group = group
        self._made: RecordedGroup | None = None
        self._removed_by: dict[Rule, str] = {}
        self._naming = around.recorded.named_by.get(group.group_id, ())

    def planned(self) -> GroupPlan:
        """The steps and what they make of the group."""
        of_kind = {kind: [each for each in self._proposals if each.kind is kind] for kind in Kind}
        unused = [(each, self._unused(each)) for each in of_kind[Kind.UNUSED]]
        deleting = next((each for each, outcome in unused if outcome.status is Status.PLANNED), None)
        if deleting is not None:
            return GroupPlan(self._subject, tuple(self._with_the_group(deleting, unused)))
        steps = [
            *self._rules(of_kind[Kind.RULES], of_kind[Kind.DEFAULT]),
            *(self._covered(each) for each in of_kind[Kind.COVERED]),
        ]
        moving = [step for each in of_kind[Kind.DEFAULT] if not each.rules for step in self._default(each)]
        steps += moving
        steps += [_step(self._subject, each, outcome) for each, outcome in unused]
        steps = [self._with_breaks(step) if step.status is Status.PLANNED else step for step in steps]
        after = self._group if any(step.change for step in steps) else None
        by_rules = frozenset(each.policy for each in self._proposals if each.rules)
        return GroupPlan(self._subject, tuple(steps), after, self._made, by_rules)

    # Rules

    def _rules(self, found: Sequence[Proposal], default: Sequence[Proposal]) -> Iterable[Step]:
        judged = rule_changes.found_rules(
            self._recorded, [*found, *default], self._around.lists, self._options
        )
        beyond = rule_changes.beyond_aws(self._recorded)
        of_default = [each for each in default if each.rules] or default[:1]
        accepted = {rule: by for rule, by in judged.accepted.items() if rule in beyond}
        whole = beyond if of_default and self._subject.in_use is False and not accepted else ()
        outcomes = [(each, self._unless_it_stays(each, judged.outcome(each, whole))) for each in found]
        # What remains of the rules that findings of their own take away is for a default group's finding to take.
        by_rules = {rule for _, outcome in outcomes for rule in outcome.remove}
        for each in of_default:
            outcome = self._own_rules(each, beyond, by_rules, accepted)
            if outcome is not None:
                outcomes.append((each, self._unless_it_stays(each, outcome)))
        remove = dict.fromkeys(rule for _, outcome in outcomes for rule in outcome.remove)
        kept = rule_changes.replaced(
            changed(self._recorded, whole, ()),
            [rule for rule in remove if rule not in whole],
            judged.verdicts,
            self._options,
        )
        allowed = dict.fromkeys((rule for rule in remove if rule in whole), ()) | kept
        yield from (self._replace(each, outcome, allowed) for each, outcome in outcomes)

    def _own_rules(
        self,
        proposal: Proposal,
        beyond: Sequence[Rule],
        by_rules: Iterable[Rule],
        accepted: Mapping[Rule, Sequence[str]],
    ) -> Outcome | None:
        """What becomes of the rules that AWS did not give a default group; None where it is not about those."""
        in_use = self._subject.in_use
        if not proposal.rules and (in_use is not False or not beyond):
            return None
        if not beyond:
            return Outcome(Status.REFUSED, "its newest record has no rules of its own any more: audit again")
        told = f"{proposal.title}: {', '.join(map(text_of, beyond))}"
        if accepted and not set(beyond) <= set(by_rules):
            rule, policies = next(iter(accepted.items()))
            reason = f"a waiver accepts {text_of(rule)} for {', '.join(policies)}: end the waiver"
            return Outcome(Status.CHOICE, reason)
        if in_use is False or set(beyond) <= set(by_rules):
            return Outcome(Status.PLANNED, told, tuple(beyond))
        if in_use is None:
            return Outcome(Status.REFUSED, "whether anything carries it is not known: audit again")
        return Outcome(
            Status.REFUSED,
            "it is carried, and what its rules let in is not known to be needless: move what carries it first, audit "
            "again, and remove them then",
        )

    def _replace(
        self, proposal: Proposal, outcome: Outcome, allowed: Mapping[Rule, tuple[Rule, ...]]
    ) -> Step:
        step = _step(self._subject, proposal, outcome)
        if outcome.status is not Status.PLANNED:
            return step
        remove = [rule for rule in outcome.remove if rule in allowed and rule not in self._removed_by]
        step = replace(step, evidence=tuple(map(text_of, outcome.remove)))
        if not remove:
            by = next((self._removed_by[rule] for rule in outcome.remove if rule in self._removed_by), "")
            if not by:
                return replace(
                    step, status=Status.REFUSED, reason="what --to lets in is what is there already"
                )
            return replace(step, with_policy=by)
        return replace(
            step, change=self._change(remove, [new for rule in remove for new in allowed[rule]], proposal)
        )

    def _change(self, remove: Sequence[Rule], allow: Sequence[Rule], proposal: Proposal) -> Change:
        change = ReplaceRules(self._group, tuple(remove), tuple(allow))
        self._removed_by |= dict.fromkeys(remove, proposal.policy)
        self._group = changed(self._group, remove, allow)
        return change

    def _covered(self, proposal: Proposal) -> Step:
        """Needless are the rules that others cover once all other changes are made."""
        remove = [rule for rule in rule_changes.needless(self._group) if rule in self._recorded.rules]
        if not remove:
            removing = ", ".join(dict.fromkeys(self._removed_by.values()))
            reason = (
                f"what covers its rules goes with the step of {removing}: they are needed then"
                if removing
                else "its newest record has no needless rule any more: audit again"
            )
            return _step(self._subject, proposal, Outcome(Status.REFUSED, reason))
        texts = tuple(map(text_of, remove))
        outcome = Outcome(Status.PLANNED, f"other rules let in or out the same: {', '.join(texts)}")
        outcome = self._unless_it_stays(proposal, outcome)
        step = replace(_step(self._subject, proposal, outcome), evidence=texts)
        if outcome.status is not Status.PLANNED:
            return step
        return replace(step, change=self._change(remove, (), proposal))

    # Default groups, and unused ones

    def _default(self, proposal: Proposal) -> Iterable[Step]:
        """The steps for a default group that may be carried, none by default where nothing is to be done."""
        if any(self._removed_by.get(rule) == proposal.policy for rule in self._recorded.rules):
            return  # its own rules were it
        if self._subject.in_use is False:
            if self._options.policies:
                reason = "nothing carries it, and AWS does not let a default group be deleted: nothing to do"
                yield _step(self._subject, proposal, Outcome(Status.REFUSED, reason))
            return
        if self._subject.in_use is None:
            reason = "whether anything carries it is not known: audit again"
            yield _step(self._subject, proposal, Outcome(Status.REFUSED, reason))
            return
        found = default_groups.move(self._subject, self._group, self._around.recorded, self._around.day)
        if isinstance(found, tuple):
            yield _step(self._subject, proposal, Outcome(*found))
            return
        names = ", ".join(each.instance_id for each in found.interfaces)
        outcome = self._unless_it_stays(proposal, Outcome(Status.PLANNED, f"a default group on {names}"))
        step = replace(_step(self._subject, proposal, outcome), evidence=self._subject.behind)
        if outcome.status is Status.PLANNED:
            self._made = made_anew(
                self._group, TO_BE_MADE + self._group.group_id, found.new_name, found.new_description
            )
            step = replace(step, change=found)
        yield step

    def _unused(self, proposal: Proposal) -> Outcome:
        subject = self._subject
        if subject.is_default:
            return Outcome(Status.REFUSED, "AWS does not let a default group be deleted")
        if subject.in_use is None:
            return Outcome(Status.REFUSED, "whether anything carries it is not known: audit again")
        if subject.in_use or subject.carriers:
            return Outcome(Status.REFUSED, "an interface or an instance carries it")
        if self._naming:
            ids = ", ".join(each.partition(" ")[0] for each in self._naming)
            return Outcome(Status.REFUSED, f"the rules of {ids} name it")
        if accepted := sorted(set(proposal.accepted) - {proposal.policy}):
            reason = (
                f"a waiver accepts its finding of {', '.join(accepted)}: end the waiver, or leave the group"
            )
            return Outcome(Status.CHOICE, reason)
        planned = Outcome(Status.PLANNED, f"nothing that was read carries it or names it; {_UNSEEN}")
        return self._unless_it_stays(proposal, planned)

    def _with_the_group(
        self, deleting: Proposal, unused: Sequence[tuple[Proposal, Outcome]]
    ) -> Iterable[Step]:
        """The steps of a group that is deleted: its other findings go with it."""
        outcomes = {proposal.policy: outcome for proposal, outcome in unused}
        for each in self._proposals:
            if each is deleting:
                step = _step(self._subject, each, outcomes[each.policy])
                yield replace(step, change=DeleteGroup(self._recorded), breaks=self._breaks())
            else:
                reason = f"{each.title}: it goes with the group"
                if each.kind is not Kind.COVERED:
                    reason += f"; where that has to stay, plan with -p {each.policy}"
                step = _step(self._subject, each, Outcome(Status.PLANNED, reason))
                yield replace(step, with_policy=deleting.policy, evidence=each.rules or ())

    # All of them

    def _unless_it_stays(self, proposal: Proposal, outcome: Outcome) -> Outcome:
        reason = self._around.stay.get((*self._subject.unit, self._subject.group_id, proposal.policy))
        if reason is None or outcome.status is not Status.PLANNED:
            return outcome
        return Outcome(Status.REFUSED, reason)

    def _with_breaks(self, step: Step) -> Step:
        return replace(step, breaks=self._breaks())

    def _breaks(self) -> tuple[str, ...]:
        unread = () if self._subject.carriers_known else ("what else carries it was not read",)
        return (*self._subject.behind, *unread, *(f"the rules of {each}" for each in self._naming))


def _step(subject: Subject, proposal: Proposal, outcome: Outcome) -> Step:
    return Step(
        account=subject.account,
        account_id=subject.account_id,
        region=subject.region,
        policy=proposal.policy,
        title=proposal.title,
        resource_id=subject.group_id,
        group_name=subject.name,
        status=outcome.status,
        reason=outcome.reason,
        evidence=proposal.rules or (),
        risk_before=subject.risk,
        reachable_before=subject.reachable,
    )
