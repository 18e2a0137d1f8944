"""plan.md: the plan for a change request, to be read by people.

What an AWS account says stands in code spans only, so that it becomes neither markup nor a link nor a mention.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from reporter.files import write_whole
from reporter.markdown import span
from reporter.remedy.forms import LeftOut, plan_summary
from reporter.remedy.recorded import text_of
from reporter.remedy.steps import (
    AccountPlan,
    Change,
    DeleteGroup,
    MoveInterfaces,
    Plan,
    ReplaceRules,
    Rule,
    Status,
    Step,
    by_group,
)

FILE_NAME = "plan.md"

# Sentences of this program that hold nothing that Markdown, or GitHub, would act on.
_PLAIN = re.compile(r"(?:(?!//|www\.)[\w ,.;:()/…'=-])*")


def write(
    plan: Plan, folder: Path, notes: Sequence[str] = (), left_out: LeftOut | None = None
) -> tuple[Path, ...]:
    """Write it into a folder, with notes on the forms that are beside it and what they leave out. Raises OSError."""
    path = folder / FILE_NAME
    write_whole(path, ("\n".join(_lines(plan, notes, left_out or {})) + "\n").encode("utf-8", "replace"))
    return (path,)


def _lines(plan: Plan, notes: Sequence[str], left_out: LeftOut) -> Iterator[str]:
    yield "# Changes to security groups"
    yield ""
    yield f"From the audit of {_text(plan.audited)} in {span(plan.source)}, by sg-audit {plan.version}."
    yield "Nothing of this has been carried out. Risk and reachability after are computed: the changes were made to the"
    yield "recorded groups in memory, and the same policies asked again."
    if plan.gaps:
        yield ""
        cells = "1 part" if plan.gaps == 1 else f"{plan.gaps:,} parts"
        yield f"**{cells} of what was planned could not be read: there may be more to do than stands here.**"
    yield ""
    if not plan.accounts:
        yield "There is nothing to do."
        return
    yield from plan_summary.lines(plan)
    missing = Counter(form for forms in left_out.values() for form in forms)
    for form, count in missing.items():
        steps = "1 planned step is" if count == 1 else f"{count:,} planned steps are"
        yield ""
        yield f"**{steps} not in the files for {form}: below stands which, and why.**"
    if notes:
        yield from ("", "Before it is carried out:", "")
        yield from (f"- {note}" for note in notes)
    for account in plan.accounts:
        yield from _of_account(account, left_out)


def _account(account: AccountPlan) -> str:
    return f"{span(account.account)} {_text(account.account_id)}"


def _of_account(account: AccountPlan, left_out: LeftOut) -> Iterator[str]:
    yield ""
    yield f"## {_account(account)}"
    for steps in by_group(step for step in account.steps if step.status is Status.PLANNED):
        yield from _of_group(steps, left_out)
    for status, title, told in (
        (Status.CHOICE, "To be chosen", "Nothing is changed for these until somebody chooses:"),
        (Status.REFUSED, "Refused", "Nothing is changed for these:"),
    ):
        steps = [step for step in account.steps if step.status is status]
        if steps:
            yield from ("", f"### {title}", "", told, "")
            yield "| group | region | found by | risk | why |"
            yield "| --- | --- | --- | --- | --- |"
            for alike in _alike(steps):
                step, policies = alike[0], ", ".join(span(each.policy) for each in alike)
                cells = (_group(step), _text(step.region), policies, step.risk_before)
                yield f"| {' | '.join(cells)} | {_text(step.reason)} |"


def _alike(steps: Iterable[Step]) -> Iterable[Sequence[Step]]:
    """Steps of a group with the same reason together."""
    found: dict[tuple[str, str, str], list[Step]] = {}
    for step in steps:
        found.setdefault((step.region, step.resource_id, step.reason), []).append(step)
    return found.values()


def _group(step: Step) -> str:
    return f"{_text(step.resource_id)} {span(step.group_name)}"


def _of_group(steps: Sequence[Step], left_out: LeftOut) -> Iterator[str]:
    """A group with all that is planned for it."""
    first, last = steps[0], steps[-1]
    yield from ("", f"### {_group(first)} in {_text(first.region)}", "")
    changes = [step.change for step in steps if step.change is not None]
    yield "What is done:"
    yield ""
    for change in changes:
        yield from (f"- {line}" for line in _what(change))
    yield from ("", "Why:", "")
    for step in steps:
        with_step = f" (by the step of {span(step.with_policy)})" if step.with_policy else ""
        yield f"- {span(step.policy)}: {_text(step.reason)}{with_step}"
        for form, why in left_out.get(step, {}).items():
            yield f"  - **not in the files for {form}**: {_text(why)}"
    yield ""
    yield f"Risk: {first.risk_before} before, {plan_summary.risk_after(steps)} after."
    if first.reachable_before:
        reach = f", {last.reachable_after} after" if last.reachable_after else ""
        yield f"Reachable from the internet: {first.reachable_before} before{reach}."
    breaks = list(dict.fromkeys(each for step in steps for each in step.breaks))
    yield from (
        ("", "What may break:", "") if breaks else ("", "What may break: nothing that was read is behind it.")
    )
    yield from (f"- {span(each)}" for each in breaks)
    yield from ("", "How to undo it:", "")
    for change in reversed(changes):
        yield from (f"- {line}" for line in _undo(change))


def _what(change: Change) -> Iterator[str]:
    match change:
        case ReplaceRules():
            yield from (f"allow {_rule(rule)}" for rule in change.allow)
            yield from (f"remove {_rule(rule)}" for rule in change.remove)
        case DeleteGroup():
            yield f"delete the group with its rules: {_rules(change.group.rules)}"
        case MoveInterfaces():
            own = change.group.group_id
            rules = [
                replace(rule, peer="itself") if rule.peer == own else rule for rule in change.group.rules
            ]
            yield f"make a group {span(change.new_name)} with the rules {_rules(rules)}"
            for each in change.interfaces:
                behind = span(f"{each.instance_id} {each.instance_name}".strip())
                yield f"put it on {_text(each.interface_id)} of {behind} in place of the default group"


def _undo(change: Change) -> Iterator[str]:
    match change:
        case ReplaceRules():
            yield f"allow again {_rules(change.remove)}, under new rule ids"
            if change.allow:
                yield f"remove {_rules(change.allow)}"
        case DeleteGroup():
            yield (
                "make the group anew, with its description, tags and rules; it gets another id, which whatever "
                "named it has to be told"
            )
        case MoveInterfaces():
            yield f"put the default group back on {', '.join(_text(each.interface_id) for each in change.interfaces)}"
            yield f"delete {span(change.new_name)} when nothing carries it"


def _rules(rules: Iterable[Rule]) -> str:
    return ", ".join(map(_rule, rules)) or "none"


def _rule(rule: Rule) -> str:
    described = f" {span(rule.description)}" if rule.description else ""
    return f"{span(text_of(rule))}{described}"


def _text(text: str) -> str:
    """A sentence of this program's own, and in a code span whatever may be more than that."""
    return text if text.isascii() and _PLAIN.fullmatch(text) and "_" not in text else span(text)
