"""A review as text for a terminal, as Markdown for a pull request, or as JSON.

Names in an AWS account are anyone's choice. In Markdown they stand in code blocks and code spans only, where
GitHub makes neither HTML nor links nor mentions of them; nowhere does a control character get through.
"""

from collections.abc import Iterator, Sequence

import msgspec

from reporter.markdown import COMMENT_SIZE
from reporter.markdown import fits as _fits
from reporter.markdown import folded as _folded
from reporter.markdown import most as _most
from reporter.markdown import span as _span
from reporter.names import printable
from reporter.review.changes import Kind
from reporter.review.compare import Found, PolicyReview, Review
from reporter.review.trees import WORKTREE
from reporter.review.waiver_moves import WaivedFinding
from reporter.wording import counted, number_or_dash

#: The first line of the comment, by which the next review finds it.
MARKER = "<!-- sg-audit review -->"

_RULES = 5


def as_json(review: Review) -> str:
    """All of it, with the totals that the other formats print."""
    extra = {"loosened": review.loosened, "summary": summary(review)}
    return msgspec.json.format(msgspec.json.encode(msgspec.to_builtins(review) | extra), indent=1).decode()


def as_text(review: Review) -> str:
    """For a terminal: everything, a line each."""
    lines = [summary(review)]
    for policy in review.policies:
        lines += ["", f"{_title(policy)}  {printable(policy.file)}"]
        if policy.not_evaluable:
            lines.append(f"  not evaluable offline: {printable(policy.not_evaluable)}")
            continue
        lines.append(
            f"  matched {number_or_dash(policy.matched_before)} before, {number_or_dash(policy.matched_after)} now"
        )
        lines += [f"  + {_line(found)}" for found in policy.newly]
        lines += [f"  - {_line(found)}" for found in policy.no_longer]
    if review.risk:
        lines += ["", "risk: " + _risk(review)]
    if review.waivers:
        lines += ["", f"waivers  {printable(review.waivers.file)}"]
        if review.waivers.problem:
            lines.append(f"  cannot be compared: {printable(review.waivers.problem)}")
        lines += [f"  + {_waived_line(found)}" for found in review.waivers.hidden]
        lines += [f"  - {_waived_line(found)}" for found in review.waivers.brought_back]
    if review.gaps:
        lines += ["", f"not looked at, since the run could not read it ({len(review.gaps)}):"]
        lines += [f"  {line}" for line in _gap_lines(review)]
    if review.unread:
        lines += ["", f"not read, and there may be policies in it ({len(review.unread)}):"]
        lines += [f"  {line}" for line in _unread_lines(review)]
    return "\n".join(lines)


def as_markdown(review: Review, size: int = COMMENT_SIZE) -> str:
    """For a comment on a pull request, of at most `size` bytes: what had to be left out is counted."""
    rows = _most(len(review.policies), lambda count: _fits(_markdown(review, 0, count), size))
    longest = max((len(each) for policy in review.policies for each in _lists(policy)), default=0)
    longest = max(longest, len(review.gaps), len(review.unread))
    if review.waivers:
        longest = max(longest, len(review.waivers.hidden), len(review.waivers.brought_back))
    lines = _most(longest, lambda count: _fits(_markdown(review, count, rows), size))
    return _markdown(review, lines, rows)


def summary(review: Review) -> str:
    """One sentence: how many policies differ, and what that does."""
    head = "the working tree" if review.head == WORKTREE else printable(review.head)
    between = f"{printable(review.base)} and {head}"
    unread = (
        f"; {counted(len(review.unread), 'file or folder', 'files or folders')} not read"
        if review.unread
        else ""
    )
    waivers = _waivers(review)
    if not review.policies:
        return f"No policy differs between {between}{waivers}{unread}."
    newly = sum(len(policy.newly) for policy in review.policies)
    no_longer = sum(len(policy.no_longer) for policy in review.policies)
    unanswered = sum(bool(policy.not_evaluable) for policy in review.policies)
    text = f"{counted(len(review.policies), 'policy differs', 'policies differ')} between {between}: "
    text += f"{counted(newly, 'resource')} newly matched, {no_longer:,} no longer"
    if unanswered:
        text += f", {unanswered:,} of the policies not evaluable offline"
    places = counted(review.places, "account and region", "accounts and regions")
    text += f"; over the run of {printable(review.run)}, {places}"
    if review.gaps:
        text += f", {len(review.gaps):,} of which could not be read" if _one_kind(review) else ", with gaps"
    return text + waivers + unread + "."


def _markdown(review: Review, lines: int, rows: int) -> str:
    """With at most so many lines a list, and so many policies."""
    shown = review.policies[:rows]
    parts = [MARKER, f"### Policy review\n\n{_span_free(summary(review))}"]
    if shown:
        table = [
            "| policy | change | before | now | newly matched | no longer |",
            "| --- | --- | ---: | ---: | ---: | ---: |",
        ]
        table += [_row(policy) for policy in shown]
        parts.append("\n".join(table))
    if len(shown) < len(review.policies):
        parts.append(f"… and {len(review.policies) - len(shown):,} more policies")
    if review.risk:
        parts.append(f"**Risk:** {_risk(review)}")
    for policy in shown:
        name = f"<code>{_letters(policy.name)}</code>"
        if policy.not_evaluable:
            parts.append(f"Not evaluable offline: {_span(policy.name)}, as {_span(policy.not_evaluable)}")
        for what, sign, found in (
            ("newly matched", "+", policy.newly),
            ("no longer matched", "-", policy.no_longer),
        ):
            if found:
                listed = [f"{sign} {_line(each)}" for each in found[:lines]]
                parts.append(_folded(f"{name}: {len(found):,} {what}", listed, len(found)))
    if review.waivers and review.waivers.problem:
        parts.append(f"Waivers cannot be compared: {_span(review.waivers.problem)}")
    for what, sign, moved in _waiver_lists(review):
        if moved:
            listed = [f"{sign} {_waived_line(each)}" for each in moved[:lines]]
            parts.append(_folded(f"{counted(len(moved), 'finding')} {what}", listed, len(moved)))
    if review.gaps:
        listed = [f"! {line}" for line in _gap_lines(review)[:lines]]
        parts.append(_folded(f"{len(review.gaps):,} not looked at", listed, len(review.gaps)))
    if review.unread:
        listed = [f"! {line}" for line in _unread_lines(review)[:lines]]
        parts.append(_folded(f"{len(review.unread):,} not read", listed, len(review.unread)))
    return "\n\n".join(parts) + "\n"


def _row(policy: PolicyReview) -> str:
    if policy.not_evaluable:
        cells = [number_or_dash(policy.matched_before), number_or_dash(policy.matched_after), "?", "?"]
    else:
        cells = [
            number_or_dash(policy.matched_before),
            number_or_dash(policy.matched_after),
            f"{len(policy.newly):,}",
            f"{len(policy.no_longer):,}",
        ]
    change = policy.kind.value
    if policy.kind is Kind.RENAMED:
        change += f" from {_span(policy.before_name)}"
    if policy.not_evaluable:
        change += ", not evaluable offline"
    return "| " + " | ".join([_span(policy.name), change, *cells]) + " |"


def _gap_lines(review: Review) -> list[str]:
    return [
        printable(f"{gap.account}  {gap.region}  {gap.resource}: {gap.status} {gap.code}".rstrip())
        for gap in review.gaps
    ]


def _unread_lines(review: Review) -> list[str]:
    return [printable(f"{each.file}: {each.why}") for each in review.unread]


def _title(policy: PolicyReview) -> str:
    name = printable(policy.name)
    if policy.kind is Kind.RENAMED:
        name = f"{printable(policy.before_name)} → {name}"
    return f"{name}  {policy.kind.value}  {printable(policy.resource)}"


def _line(found: Found) -> str:
    """One resource: account, region, id, name, and its rules."""
    text = f"{found.account} ({found.account_id})  {found.region}  {found.id}"
    if found.name and found.name != found.id:
        text += f"  {found.name}"
    if found.rules:
        rules = ", ".join(found.rules[:_RULES])
        text += f"  [{rules}" + (
            f", +{len(found.rules) - _RULES} more]" if len(found.rules) > _RULES else "]"
        )
    return printable(text)


def _waiver_lists(review: Review) -> Iterator[tuple[str, str, Sequence[WaivedFinding]]]:
    if review.waivers:
        yield "newly waived", "+", review.waivers.hidden
        yield "no longer waived", "-", review.waivers.brought_back


def _waived_line(found: WaivedFinding) -> str:
    """One finding: policy, account, region, id, name, and its waiver, which a person wrote."""
    where = f"{found.policy}  {found.account} ({found.account_id})  {found.region}  {found.id}  {found.name}"
    return printable(f"{printable(where)}  [{found.until}]", 600)


def _waivers(review: Review) -> str:
    if review.waivers is None:
        return ""
    if review.waivers.problem:
        return "; the waivers cannot be compared"
    hidden, back = len(review.waivers.hidden), len(review.waivers.brought_back)
    return f"; {counted(hidden, 'finding')} newly waived, {back:,} no longer"


def _risk(review: Review) -> str:
    assert review.risk is not None  # noqa: S101 - asked for where there is one
    moves = review.risk.moves
    total = sum(move.groups for move in moves)
    text = counted(total, "group moves", "groups move") if total else "no group moves"
    if moves:
        text += ": " + ", ".join(f"{move.groups:,} {move.before} → {move.after}" for move in moves)
    if review.risk.unknown:
        text += f"; of {review.risk.unknown:,} it cannot be told"
    return text


def _one_kind(review: Review) -> bool:
    return len({gap.resource for gap in review.gaps}) == 1


def _lists(policy: PolicyReview) -> tuple[Sequence[Found], Sequence[Found]]:
    return policy.newly, policy.no_longer


def _letters(text: str) -> str:
    """Text that can be nothing but text, also within HTML: a policy's name has nothing else in it."""
    return "".join(each if each.isascii() and (each.isalnum() or each in "-_ ") else "_" for each in text)


def _span_free(text: str) -> str:
    """Running text with all that means something to Markdown or HTML taken for itself."""
    return "".join(
        each if each.isalnum() or each in " ,;.:+-–…" else f"&#{ord(each)};" for each in text
    ).replace("://", "&#58;//")
