"""Whether a report is to fail: `--fail-on`."""

from reporter.errors import InputError
from reporter.findings.assess import Findings
from reporter.inventory.network.reachability import Reachable
from reporter.output.reading import Output

REACHABLE_CRITICAL = "reachable-critical"


def check(level: str | None, output: Output) -> None:
    """Raises InputError where a level is asked for, and nothing of the output has a risk."""
    if level and not output.has_groups:
        raise InputError(
            f"--fail-on {level}: no policy of the output is on security groups: nothing has a risk"
        )


def reached(level: str | None, findings: Findings) -> bool:
    """Whether any group's risk is that level or worse, as far as is known, and beside what is waived;
    REACHABLE_CRITICAL leaves out the critical groups that the internet is known not to reach."""
    if not level:
        return False
    risk = findings.waived.risk_left
    if level == REACHABLE_CRITICAL:
        return bool(((risk == "critical") & (findings.groups["reachable"] != Reachable.NO.value)).any())
    return bool((risk <= level).any())
