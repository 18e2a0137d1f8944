"""What stands at the head of plan.md: what the plan comes to, for who has a minute."""

from collections.abc import Iterable, Iterator, Sequence

from reporter.findings.risk import LEVELS
from reporter.markdown import span
from reporter.remedy.steps import AccountPlan, DeleteGroup, Plan, Status, Step, by_group

_URGENT = ("critical", "high", "medium")
_Group = Sequence[Step]  # all steps of one


def lines(plan: Plan) -> Iterator[str]:
    """The figures of the whole plan, and a table of its accounts. They count groups, where steps are of findings."""
    groups = [steps for account in plan.accounts for steps in by_group(account.steps)]
    changed = [steps for steps in groups if _is_planned(steps)]
    yield f"- {_count(changed)} in {_accounts(plan)} would be changed, {_deleted(changed):,} of them deleted."
    for level in _URGENT:
        before = sum(steps[0].risk_before == level for steps in changed)
        after = sum(risk_after(_planned(steps)) == level for steps in changed)
        if before or after:
            yield f"- Of risk {level}: {before:,} of these groups before, {after:,} after."
    if reached := [steps for steps in changed if steps[0].reachable_before == "yes"]:
        after = sum(_planned(steps)[-1].reachable_after == "yes" for steps in reached)
        yield f"- Reached from the internet: {len(reached):,} of them before, {after:,} after."
    for status, what in (
        (Status.CHOICE, "wait for somebody to choose what is to stay of them"),
        (Status.REFUSED, "are left as they are, with a reason"),
    ):
        if left := [steps for steps in groups if any(step.status is status for step in steps)]:
            critical = sum(steps[0].risk_before == "critical" for steps in left)
            yield f"- Findings of {_count(left)}, {critical:,} of them critical, {what}: see the tables."
    yield ""
    yield "| account | groups changed | of them deleted | with a choice | with a refusal |"
    yield "| --- | --- | --- | --- | --- |"
    for account in plan.accounts:
        of_account = by_group(account.steps)
        planned = [steps for steps in of_account if _is_planned(steps)]
        choices, refusals = (
            sum(any(step.status is status for step in steps) for steps in of_account)
            for status in (Status.CHOICE, Status.REFUSED)
        )
        counts = (len(planned), _deleted(planned), choices, refusals)
        yield f"| {span(account.account)} {_id(account)} | {' | '.join(f'{count:,}' for count in counts)} |"


def risk_after(steps: _Group) -> str:
    """The worst of what a group's planned steps leave: that of a move is of the new group as well."""
    told = [step.risk_after for step in steps if step.risk_after]
    return (
        min(told, key=lambda level: LEVELS.index(level) if level in LEVELS else len(LEVELS))
        if told
        else "unknown"
    )


def _planned(steps: _Group) -> _Group:
    return [step for step in steps if step.status is Status.PLANNED]


def _is_planned(steps: _Group) -> bool:
    return bool(_planned(steps))


def _deleted(groups: Iterable[_Group]) -> int:
    return sum(any(isinstance(step.change, DeleteGroup) for step in steps) for steps in groups)


def _count(groups: Sequence[_Group]) -> str:
    return "1 group" if len(groups) == 1 else f"{len(groups):,} groups"


def _accounts(plan: Plan) -> str:
    count = sum(any(step.status is Status.PLANNED for step in account.steps) for account in plan.accounts)
    return "1 account" if count == 1 else f"{count:,} accounts"


def _id(account: AccountPlan) -> str:
    told = account.account_id
    return told if told.isascii() and told.isdigit() else span(told)
