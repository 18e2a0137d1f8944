"""The plan: for each chosen finding the steps that close it, and what the same policies say of the groups then."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date

from reporter import __version__
from reporter.findings import waived
from reporter.findings.assess import assess
from reporter.findings.waivers import Waiver
from reporter.inventory.audit import Progress, read_audit, silent
from reporter.output.reading import Output
from reporter.remedy import recorded
from reporter.remedy.group_steps import GroupPlan, Surroundings, plan_group
from reporter.remedy.judged import After, Changes, Judgement, judge, worse
from reporter.remedy.options import Options
from reporter.remedy.proposals import Proposal, chosen_policies, propose
from reporter.remedy.recorded import Unit
from reporter.remedy.steps import Access, AccountPlan, MoveInterfaces, Plan, ReplaceRules, Status, Step
from reporter.remedy.subjects import Subject, subjects

GONE = "gone"
"""The risk of a group that is deleted."""

AccessOf = Callable[[str, str, str], Access]
"""How to get into an account, by its name and id, and a region of it."""

_Stay = dict[tuple[str, str, str, str], str]


def plan(
    output: Output,
    options: Options,
    accepted: Sequence[Waiver],
    day: date,
    access_of: AccessOf,
    progress: Progress = silent,
) -> Plan:
    """Plan what closes the chosen findings; `progress` hears how many accounts and regions were read: as they are, then
    as they would be.

    Raises InputError for a policy that is not there.
    """
    audit, inventory = read_audit(output, (), progress)
    findings = waived.apply(assess(inventory, output.policies), output.policies, accepted, day)
    lists = inventory.prefix_lists
    del inventory
    proposals = propose(findings, output.policies, options)
    about = subjects(findings, audit, proposals)
    gaps = sum(options.accounts is None or cell.account in options.accounts for cell in audit.gaps)
    del findings, audit  # judging again needs the room
    around = Surroundings(
        options, lists, _recorded(output, about), "".join(filter(str.isdigit, output.started))[:8]
    )
    counting = set(chosen_policies(output.policies, options))
    counting |= {policy.name for policy in output.policies if policy.exposed}
    plans, after = _judged(output, about, proposals, around, counting, progress)
    return Plan(
        audited=output.started,
        source=output.store.name,
        version=__version__,
        accounts=_by_account(output, [_with_after(each, after) for each in plans], access_of),
        gaps=gaps,
    )


def _recorded(output: Output, about: Mapping[int, Subject]) -> recorded.Recorded:
    wanted: dict[Unit, set[str]] = {}
    interfaces: dict[Unit, set[str]] = {}
    for subject in about.values():
        wanted.setdefault(subject.unit, set()).add(subject.group_id)
        if subject.is_default:
            carried = (each.interface_id for each in subject.carriers if each.interface_id)
            interfaces.setdefault(subject.unit, set()).update(carried)
    return recorded.read(output, wanted, interfaces)


def _judged(
    output: Output,
    about: Mapping[int, Subject],
    proposals: Mapping[int, Sequence[Proposal]],
    around: Surroundings,
    counting: Collection[str],
    progress: Progress,
) -> tuple[list[GroupPlan], After]:
    """The plans of all groups, and what is said of these after. A step after which its finding would still be there, or
    another one that counts, is refused, and all is judged again without it."""
    stay: _Stay = {}
    while True:
        now = replace(around, stay=dict(stay))
        plans = [plan_group(about[row], proposals[row], now) for row in sorted(proposals)]
        changes = _changes(plans)
        after = judge(output, changes, progress) if changes else After({}, {})
        found = {key: why for each in plans for key, why in _staying(each, after, counting).items()}
        if not found:
            return plans, after
        stay |= found


def _changes(plans: Sequence[GroupPlan]) -> dict[Unit, Changes]:
    by_unit: dict[Unit, list[GroupPlan]] = {}
    for each in plans:
        if any(step.change for step in each.steps):
            by_unit.setdefault(each.subject.unit, []).append(each)
    return {
        unit: Changes(
            groups={each.subject.group_id: each.after for each in of_unit if each.after},
            made=tuple(each.made for each in of_unit if each.made),
            deleted=frozenset(each.subject.group_id for each in of_unit if each.deleted),
            moved={
                moved: (each.subject.group_id, each.made)
                for each in of_unit
                if each.move and each.made
                for interface in each.move.interfaces
                for moved in (interface.interface_id, interface.instance_id)
            },
        )
        for unit, of_unit in by_unit.items()
    }


def _staying(plan: GroupPlan, after: After, counting: Collection[str]) -> _Stay:
    """Why steps of a group would not do, by account, region, group and policy."""
    subject = plan.subject
    if plan.deleted or plan.after is None:
        return {}
    judgement = after.groups.get((*subject.unit, subject.group_id))
    if judgement is None:
        return {}  # what it was read from cannot be read any more
    asked = after.asked.get(subject.unit, frozenset())
    newly = sorted((judgement.found_by - subject.found_by) & set(counting))
    stay: _Stay = {}
    for step in plan.steps:
        if step.status is not Status.PLANNED:
            continue
        reason = ""
        if isinstance(step.change, MoveInterfaces):
            reason = "an instance would still carry it" if judgement.default_on_instance else ""
        elif step.policy in plan.by_rules & asked & judgement.found_by:
            reason = f"{step.policy} would still find it after the change"
        elif newly and isinstance(step.change, ReplaceRules) and step.change.allow:
            reason = f"{', '.join(newly)} would find it after the change"
        if reason:
            stay[(*subject.unit, subject.group_id, step.policy)] = reason
    return stay


def _with_after(plan: GroupPlan, after: After) -> list[Step]:
    """The steps of a group with what is said of it after them."""
    if plan.deleted:
        return [
            replace(step, risk_after=GONE) if step.status is Status.PLANNED else step for step in plan.steps
        ]
    subject = plan.subject
    judgement = after.groups.get((*subject.unit, subject.group_id))
    if judgement is None:
        return list(plan.steps)
    made = after.groups.get((*subject.unit, plan.made.group_id)) if plan.made else None
    return [_after(step, judgement, made) for step in plan.steps]


def _after(step: Step, judgement: Judgement, made: Judgement | None) -> Step:
    if step.status is not Status.PLANNED:
        return step
    risk = judgement.risk
    if made is not None and isinstance(step.change, MoveInterfaces):
        risk = worse(risk, made.risk)  # what moves is no safer than where it moves to
    return replace(step, risk_after=risk, reachable_after=judgement.reachable)


def _by_account(
    output: Output, of_groups: Sequence[Sequence[Step]], access_of: AccessOf
) -> tuple[AccountPlan, ...]:
    order = {account.name: number for number, account in enumerate(output.accounts)}
    found: dict[tuple[str, str], list[Step]] = {}
    for steps in of_groups:
        for step in steps:
            found.setdefault((step.account, step.account_id), []).append(step)
    return tuple(
        AccountPlan(name, account_id, access_of(name, account_id, steps[0].region), tuple(steps))
        for (name, account_id), steps in sorted(
            found.items(), key=lambda each: (order.get(each[0][0], len(order)), each[0])
        )
    )


def counted(plan: Plan) -> dict[Status, int]:
    """How many steps there are of each status."""
    steps = [step for account in plan.accounts for step in account.steps]
    return {status: sum(step.status is status for step in steps) for status in Status}
