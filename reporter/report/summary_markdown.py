"""What a report says first, as Markdown of a page: for the summary of a job on GitHub, or a message to a chat."""

from collections.abc import Iterator, Sequence

from reporter.findings.past import NO_PAST, Past
from reporter.markdown import fits, folded, most, span
from reporter.names import printable
from reporter.report import not_read, overview_words
from reporter.report.changes import since_line
from reporter.report.overview import Overview, WorstGroup
from reporter.report.summary_file import SIZE
from reporter.report.unread import some_of_each
from reporter.wording import number_or_dash, some

_UNREAD = 10  # entries that are seen without a click
_NAMED = 3  # accounts
_TITLE = 60  # characters of a name in a table
_COUNTED = {
    "proven": "proven",
    "reachable": "of them reachable",
    "waived": "of them waived",
    "possible": "only possible",
    "new": "new",
}


def as_markdown(
    overview: Overview, past: Past = NO_PAST, accounts: Sequence[str] = (), size: int = SIZE
) -> str:
    """The summary in at most `size` bytes, empty where it takes more: of what was not read as much as there is room
    for. `accounts` are the ones that it is of, where it is not of all.

    Names stand in code spans and code blocks alone, and no line begins with one, nor holds what a runner takes for a
    command where the file is printed.
    """
    shown = most(len(overview.unread), lambda count: fits(_markdown(overview, past, accounts, count), size))
    text = _markdown(overview, past, accounts, shown)
    return text if fits(text, size) else ""


def _markdown(overview: Overview, past: Past, accounts: Sequence[str], unread: int) -> str:
    parts = [f"### {overview.title}", _of_what(overview, accounts), *_levels(overview, past)]
    parts += _not_read(overview, unread)
    if overview.next_steps:
        parts += ["**What to do next**", "\n".join(f"- {step}" for step in overview.next_steps)]
    parts += _worst(overview)
    parts += [span(remark) for remark in overview.remarks]
    return "\n\n".join(parts) + "\n"


def _of_what(overview: Overview, accounts: Sequence[str]) -> str:
    """When, of which accounts, how much was read, and what to keep in mind where something was not."""
    alone = f", of {some(accounts, _NAMED, span)} alone" if accounts else ""
    missing = overview.unread or not overview.complete
    warning = f" **{overview_words.not_clean(overview)}**" if missing else ""
    return f"{span(overview.when)}{alone}: {overview_words.coverage(overview)}{warning}"


def _levels(overview: Overview, past: Past) -> Iterator[str]:
    """A row a level of which there can be something to do, and what has changed."""
    if not overview.levels:
        return
    counted = {what: head for what, head in _COUNTED.items() if what != "new" or past.base}
    rows = [
        (level.name, *(number_or_dash(level.counts[what]) for what in counted))
        for level in overview.levels
        if level.name != "none"
    ]
    yield _table(("risk", *counted.values()), rows, numbers=len(counted))
    line = since_line(past)
    yield span(line) if past.base else f"{line}."


def _worst(overview: Overview) -> Iterator[str]:
    if not overview.levels:
        return
    if not overview.worst:
        yield overview_words.no_worst(overview)
        return
    yield "**The worst groups that are not waived**"
    heads = ("risk", "group", "account", "region", "open to the world", "reachable", "behind it", "since")
    yield _table(heads, [_group(group) for group in overview.worst])
    if more := overview_words.beside_worst(overview):
        yield f"… {more}"


def _group(group: WorstGroup) -> tuple[str, ...]:
    short = overview_words.short
    name = short(group.group_name, _TITLE)
    account = overview_words.both_ends(group.account, _TITLE)
    return (
        group.level if group.proven else f"possibly {group.level}",
        f"{span(name)} {span(group.group_id)}".strip(),
        f"{span(account)} {span(short(group.label, _TITLE))}".strip(),
        span(group.region),
        span(overview_words.opens(group)),
        group.reachable,
        span(overview_words.behind(group)),
        span(group.first_seen) or "not known",
    )


def _not_read(overview: Overview, most_of_all: int) -> Iterator[str]:
    """Each account, with which part of it was not read, why, and what to do; the first of them in the open."""
    if not overview.unread:
        return
    chosen = some_of_each(overview.unread, most_of_all)
    seen = some_of_each(chosen, _UNREAD)
    rest = [entry for entry in chosen if entry not in seen]
    yield "**Not read**"
    if seen:
        yield "\n".join(
            f"- {span(entry.account)} {span(overview_words.where(entry))}: {span(not_read.reason(entry))}. "
            + span(not_read.what_to_do(entry).replace("`", "'"))
            for entry in seen
        )
    if left := len(overview.unread) - len(seen):
        lines = [
            f"! {entry.account}, {overview_words.where(entry)}: {not_read.reason(entry)}" for entry in rest
        ]
        yield folded(f"{left:,} more that could not be read", [*map(printable, lines)], left)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: int = 0) -> str:
    """Rows of Markdown below heads, of which so many last columns are numbers."""
    rules = ["---"] * (len(heads) - numbers) + ["---:"] * numbers
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, rules, *rows))
