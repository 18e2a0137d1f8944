"""Whether a report is to fail: `--fail-on`."""

from reporter.errors import InputError
from reporter.findings.assess import Findings
from reporter.output.reading import Output


def check(level: str | None, output: Output) -> None:
    """Raises InputError where a level is asked for, and nothing of the output has a risk."""
    if level and not output.has_groups:
        raise InputError(
            f"--fail-on {level}: no policy of the output is on security groups: nothing has a risk"
        )


def reached(level: str | None, findings: Findings) -> bool:
    """Whether any group's risk is that level or worse."""
    return bool(level) and bool((findings.groups["risk"] <= level).any())
