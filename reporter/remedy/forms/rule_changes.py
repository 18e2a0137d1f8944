"""What the steps of a group come to together, for forms that say how a group is to be rather than step by step."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from reporter.remedy.steps import (
    AccountPlan,
    MoveInterfaces,
    RecordedGroup,
    ReplaceRules,
    Rule,
    Status,
    Step,
    by_group,
)


@dataclass(frozen=True)
class RuleChange:
    """A group as it is recorded, the steps that change its rules, and what all of them remove, allow and leave.

    `lacking` are rules to be removed that the group does not have.
    """

    group: RecordedGroup
    steps: tuple[Step, ...]
    remove: tuple[Rule, ...]
    allow: tuple[Rule, ...]
    stay: tuple[Rule, ...]
    lacking: tuple[Rule, ...] = ()


def planned(account: AccountPlan) -> list[Step]:
    """The steps of an account that change something, in their order."""
    return [step for step in account.steps if step.status is Status.PLANNED and step.change]


def rule_changes(account: AccountPlan) -> Iterator[RuleChange]:
    """Group by group, without what is to be done only after a move: see `after_moves`."""
    late = after_moves(account)
    on_rules = (
        step for step in planned(account) if isinstance(step.change, ReplaceRules) and step not in late
    )
    for steps in by_group(on_rules):
        yield _together(
            tuple(steps), [step.change for step in steps if isinstance(step.change, ReplaceRules)]
        )


def after_moves(account: AccountPlan) -> list[Step]:
    """Changes of the rules of groups that interfaces move away from first: they may need these rules until then."""
    moved: set[tuple[str, str]] = set()
    late = []
    for step in planned(account):
        key = (step.region, step.resource_id)
        if isinstance(step.change, MoveInterfaces):
            moved.add(key)
        elif key in moved:
            late.append(step)
    return late


def _together(steps: tuple[Step, ...], changes: list[ReplaceRules]) -> RuleChange:
    group = changes[0].group  # those of later steps have what the earlier ones leave
    before = {undescribed(rule): rule for rule in group.rules}
    after = dict(before)
    lacking: list[Rule] = []
    for change in changes:
        for rule in change.allow:
            after.setdefault(undescribed(rule), rule)
        removed = {undescribed(rule): rule for rule in change.remove}
        lacking += [rule for key, rule in removed.items() if key not in before and key not in after]
        for key in removed:
            after.pop(key, None)
    return RuleChange(
        group=group,
        steps=steps,
        remove=tuple(rule for key, rule in before.items() if key not in after),
        allow=tuple(rule for key, rule in after.items() if key not in before),
        stay=tuple(rule for key, rule in before.items() if key in after),
        lacking=tuple(lacking),
    )


def undescribed(rule: Rule) -> Rule:
    """The rule by what AWS tells rules apart by."""
    return replace(rule, description="")
