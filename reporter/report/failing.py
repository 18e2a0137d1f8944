"""Whether a report is to fail: `--fail-on`."""

from reporter.errors import InputError
from reporter.findings.assess import Findings
from reporter.findings.risk import LEVELS
from reporter.inventory.network.reachability import Reachable
from reporter.output.reading import Output

REACHABLE_CRITICAL = "reachable-critical"


def check(level: str | None, output: Output) -> None:
    """Raises InputError where a level is asked for, and nothing of the output has a risk."""
    if level and not output.has_groups:
        raise InputError(
            f"--fail-on {level}: no policy of the output is on security groups: nothing has a risk"
        )


def reached(level: str | None, findings: Findings) -> str:
    """Why it is to fail: how many groups' risk is that level or worse, as far as is known, and beside what is waived;
    empty where there are none. REACHABLE_CRITICAL leaves out the critical groups that the internet is known not to
    reach.
    """
    if not level:
        return ""
    risk = findings.waived.risk_left
    if level == REACHABLE_CRITICAL:
        caught = (risk == LEVELS[0]) & (findings.groups["reachable"] != Reachable.NO.value)
        proven = caught  # that it may is all that is said
        which = "critical {} that the internet may reach"
    else:
        caught = risk <= level
        proven = caught & findings.proven
        which = "critical {}" if level == LEVELS[0] else f"{{}} at or above {level}"
    count, possible = int(caught.sum()), int((caught & ~proven).sum())
    if not count:
        return ""
    told = f"{count:,} {which.format('group' if count == 1 else 'groups')}"
    return f"{told}, {possible:,} of them only possibly" if possible else told
