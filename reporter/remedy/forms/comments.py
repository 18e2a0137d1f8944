"""What the files of a plan say about its steps, as lines of plain text that may stand behind a `#`.

Nothing of AWS ends a line or changes how it is read: what would not show is spelled out, and so are braces, which
`custodian run --vars-file` would fill in.
"""

import textwrap
from collections.abc import Iterable, Iterator

from reporter.names import printable
from reporter.remedy.recorded import text_of
from reporter.remedy.steps import AccountPlan, Plan, Rule, Step

_WIDTH = 108


def commented(lines: Iterable[str]) -> str:
    """Lines as comments, each ended; an empty one separates. What is indented may be copied, and is not wrapped."""
    wrapped = (
        part
        for line in lines
        for part in (
            [line] if line.startswith(" ") else textwrap.wrap(line, _WIDTH, break_on_hyphens=False) or [""]
        )
    )
    return "".join(f"# {part}".rstrip() + "\n" for part in wrapped)


def made_by(plan: Plan, account: AccountPlan) -> Iterator[str]:
    """Where a file comes from."""
    yield f"Made by sg-audit remedy {plan.version} from the audit of {plain(plan.audited)}: {plain(plan.source)}"
    yield f"Account {plain(account.account)} ({plain(account.account_id)}). Nothing is changed until you run it."


def about(step: Step) -> Iterator[str]:
    """The finding, why it is one, and what comes of the step."""
    yield f"{plain(step.policy)}: {plain(step.resource_id)} ({plain(step.group_name)}) in {plain(step.region)}"
    yield f"  why: {plain(step.reason)}"
    for each in step.evidence:
        yield f"  seen: {plain(each)}"
    for each in step.breaks:
        yield f"  may break: {plain(each)}"
    if step.risk_before or step.risk_after:
        yield f"  risk: {step.risk_before or 'unknown'}, then {step.risk_after or 'as before'}"


def rule_text(rule: Rule) -> str:
    """A rule as a person reads it: `tcp 20-25 from 10.0.0.0/8`, `all traffic to ::/0`."""
    return plain(text_of(rule))


def plain(text: str) -> str:
    """A text on one line, without braces."""
    return printable(text, 500).replace("{", "\\u007b").replace("}", "\\u007d")
