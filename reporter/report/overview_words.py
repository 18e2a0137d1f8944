"""The sentences of the overview."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from reporter.names import clean
from reporter.output.manifest import UNKNOWN_REGION
from reporter.report.overview import Overview, WorstGroup
from reporter.report.read_shares import Read
from reporter.report.table import Kind, Table
from reporter.report.unread import Unread
from reporter.wording import counted

_NAMED = 3
_NOT_KNOWN = "nothing known"
_TAB = 50  # characters beside the name of a tab

# Of tabs whose titles are longer, or tell what the overview has told above.
_TABS = {
    Kind.CHANGES: "What is new, changed or gone since the run before",
    Kind.WAIVERS: "What is accepted, until when and by whom",
    Kind.CLOSED: "What auditors wrote that has no row any more",
    Kind.COVERAGE: "What was not read, why, and what to do",
}


def per_cent(read: Read) -> int:
    """The share that was read as a person tells it: 100 only where it is all, and 0 only where it is nothing."""
    share = int(read.share * 100)
    return max(share, 1) if read.read else share


def coverage(overview: Overview) -> str:
    """How much was looked at: `2 of 3 accounts were read whole (66 %), 1 in part; …`."""
    groups = "" if overview.groups is None else f"{security_groups(overview.groups)}. "
    accounts, regions, roles = overview.accounts_read, overview.regions_read, overview.roles_read
    of_roles = f" Of roles, {_of(roles, 'account')}{_parts(roles)}." if roles.read < roles.planned else ""
    return (
        f"{groups}{_of(accounts, 'account')}{_parts(accounts)}; "
        f"{_of(regions, 'region of an account', 'regions of accounts')}{_parts(regions)}.{of_roles}"
    )


def security_groups(count: int) -> str:
    """So many groups, in words."""
    return counted(count, "security group")


def _of(read: Read, one: str, many: str = "") -> str:
    were = "was" if read.planned == 1 else "were"
    what = one if read.planned == 1 else many or f"{one}s"
    return f"{read.read:,} of {read.planned:,} {what} {were} read whole ({per_cent(read)} %)"


def _parts(read: Read) -> str:
    nothing = read.planned - read.read - read.in_part
    told = [
        f"{number:,} {how}" for number, how in ((read.in_part, "in part"), (nothing, "not at all")) if number
    ]
    return f", {', '.join(told)}" if told else ""


def not_clean(overview: Overview) -> str:
    """What to keep in mind where something is missing."""
    if overview.groups_whole:
        return "All that groups are judged by was read. Roles that were not are unknown, and not harmless."
    what = "What was not read is not clean: nothing is known of it."
    return what if overview.complete else f"The run was cut off before its end. {what}"


def no_worst(overview: Overview) -> str:
    """What stands where no group is among the worst: that there is none is known only of what was read."""
    return _none(overview, "None of risk critical, high or medium that is not waived")


def beside_worst(overview: Overview) -> str:
    """How many more there are of those of which the worst are shown; empty where they are all."""
    left = overview.urgent - len(overview.worst)
    are = "is" if left == 1 else "are"
    return f"and {left:,} more of risk critical, high or medium that {are} not waived" if left else ""


def opens(group: WorstGroup) -> str:
    """What a group opens to the world."""
    return short(", ".join(group.opens), 60) or ("nothing" if group.proven else _NOT_KNOWN)


def behind(group: WorstGroup) -> str:
    """What is behind a group."""
    nothing = group.proven and group.level == "medium"
    return short(", ".join(group.behind), 90) or ("nothing" if nothing else _NOT_KNOWN)


def no_findings(overview: Overview) -> str:
    """What stands where no policy found a group."""
    return _none(overview, "No group with a finding")


def _none(overview: Overview, none: str) -> str:
    if overview.groups is None:
        return "Not known: no list of groups was read."
    return f"{none}." if overview.groups_whole else f"{none}, in what was read."


def about(overview: Overview) -> Iterator[tuple[str, str | datetime]]:
    """What the report is of: labels, and what belongs to them."""
    if overview.began:
        yield "run began", overview.began
        yield "run ended", overview.ended or "not known: it was cut off"
    else:
        yield "made of", f"{overview.kind}, {overview.when}"
    if overview.callers:
        more = f" and {len(overview.callers) - _NAMED} more" if len(overview.callers) > _NAMED else ""
        yield "run by", "\n".join(overview.callers[:_NAMED]) + more
    elif overview.began:
        yield "run by", "not known"
    if overview.tool:
        yield "version", overview.tool
    files = f", from {', '.join(overview.policy_files)}" if overview.policy_files else ""
    yield "policies", short(f"{overview.policies:,}{files}", 150)
    if overview.accounts_file:
        yield "accounts file", short(overview.accounts_file, 150)


def tab(tables: Sequence[Table]) -> str:
    """What is on a tab."""
    if len(tables) > 1:
        return "Counts by account, region and run"
    return short(_TABS.get(tables[0].kind, tables[0].title), _TAB)


def where(entry: Unread) -> str:
    """Which regions and policies of an account were not read."""
    if entry.whole and UNKNOWN_REGION in entry.regions:
        return "the whole account"
    count = len(entry.regions)
    regions = ", ".join(entry.regions[:_NAMED]) + (f" and {count - _NAMED} more" if count > _NAMED else "")
    if entry.whole:
        return f"the whole account: {regions}"
    policies = entry.policies[0] if len(entry.policies) == 1 else f"{len(entry.policies)} policies"
    return f"{regions}: {policies}"


def short(text: str, length: int) -> str:
    """A text as one line of so many characters at the most."""
    line = " ".join(clean(text).split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def both_ends(text: str, length: int) -> str:
    """The same, which leaves out the middle: names of accounts are often told apart by their ends."""
    line = short(text, len(text))
    tail = length // 2
    return line if len(line) <= length else f"{line[: length - tail - 1]}…{line[-tail:]}"


def day(text: str) -> datetime | None:
    """The day that a text names, if it names one."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return datetime(found.year, found.month, found.day)
