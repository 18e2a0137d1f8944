"""The forms of a plan: a module each, whose `write(plan, folder)` returns the paths of the files it wrote.

Its `NOTES`, where it has some, are sentences for plan.md on what is to be known before those files are used. Its
`left_out(plan)`, where it has one, says of the planned steps that it has no way to carry out why that is.
"""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path

from reporter.remedy.steps import Plan, Status, Step

Write = Callable[[Plan, Path], tuple[Path, ...]]

LeftOut = Mapping[Step, Mapping[str, str]]
"""By step, and by the form that does not carry it out, why it does not."""

#: By what `--for` calls it.
_MODULES = {"cli": "shell", "terraform": "terraform", "custodian": "custodian"}
NAMES = tuple(_MODULES)
DEFAULT = "cli"


def form(name: str) -> Write:
    """What writes a form."""
    write: Write = import_module(f"{__name__}.{_MODULES[name]}").write
    return write


def notes(name: str) -> tuple[str, ...]:
    """What plan.md says of a form."""
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), "NOTES", ())


def left_out(plan: Plan, names: Iterable[str]) -> LeftOut:
    """What of a plan is not in the files of these forms: steps that another one's step takes with it, too."""
    found: dict[Step, dict[str, str]] = {}
    for name in names:
        asked = getattr(import_module(f"{__name__}.{_MODULES[name]}"), "left_out", None)
        reasons: Mapping[Step, str] = asked(plan) if asked else {}
        for account in plan.accounts if reasons else ():
            by_step = {
                (step.region, step.resource_id, step.policy): reasons[step]
                for step in account.steps
                if step in reasons
            }
            for step in account.steps:
                why = by_step.get((step.region, step.resource_id, step.with_policy or step.policy))
                if why and step.status is Status.PLANNED:
                    found.setdefault(step, {})[name] = why
    return found
