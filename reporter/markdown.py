"""Markdown that goes into a comment on a pull request, a change request or the summary of a job.

Names in an AWS account are anyone's choice. They stand in code blocks and code spans only, where GitHub makes neither
HTML nor links, mentions, references and emoji of them; escaping does not keep it from these, since it looks for them in
what the Markdown has become.
"""

import re
from collections.abc import Callable, Sequence

from reporter.names import printable

#: What GitHub takes as a comment, in bytes to be safe; it counts characters.
COMMENT_SIZE = 65_536

# Runners of workflows look for these anywhere in a line that is printed: ##[error], ##vso[task.complete].
_COMMAND = re.compile(r"##(?=\w*\[)")


def folded(title: str, shown: Sequence[str], of: int) -> str:
    """Lines that a click unfolds, of so many in all; a line begins with a sign of a diff."""
    shown = list(map(_no_command, shown))
    lines = [*shown, f"… and {of - len(shown):,} more"] if len(shown) < of else shown
    # Longer than any run of backticks in it, though no line could end it: each begins with a sign.
    fence = "`" * max(3, 1 + max(map(_longest_run, lines), default=0))
    block = "\n".join([fence + "diff", *lines, fence])
    return f"<details><summary>{title}</summary>\n\n{block}\n\n</details>"


def span(text: str) -> str:
    """A code span that also holds in a table; nothing for nothing, as two backticks would begin one."""
    if not text:
        return ""
    shown = _no_command(printable(text))
    fence = "`" * (1 + _longest_run(shown))
    space = " " if shown.strip() and shown.strip("` ") != shown else ""
    return f"{fence}{space}{shown}{space}{fence}".replace("|", "\\|")


def _no_command(text: str) -> str:
    return _COMMAND.sub(r"#\\u0023", text)


def _longest_run(text: str) -> int:
    longest = run = 0
    for each in text:
        run = run + 1 if each == "`" else 0
        longest = max(longest, run)
    return longest


def fits(text: str, size: int) -> bool:
    """Whether a text has at most so many bytes in UTF-8."""
    return len(text.encode("utf-8", "replace")) <= size


def most(limit: int, fits: Callable[[int], bool]) -> int:
    """The greatest number up to a limit that fits; 0 if none does."""
    high = 1
    while high < limit and fits(high):  # up from below, for a text that is far too long takes long to make
        high *= 2
    low, high = 0, min(high, limit)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low
